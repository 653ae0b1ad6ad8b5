"""The process around the roles: start, stop, Faust, web pages and metrics."""
