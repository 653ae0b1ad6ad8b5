"""Sinks: where facts go to be analysed."""
