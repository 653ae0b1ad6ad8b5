"""The HTML report of a run, and the figures it is made of."""
