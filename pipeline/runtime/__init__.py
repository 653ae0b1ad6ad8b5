"""The shell: the worker with its loops, state store, settings, metrics and web pages."""
