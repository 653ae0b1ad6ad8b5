"""Failures that whoever runs the program can mend: told in words at the terminal, where anything else is a bug."""

from __future__ import annotations


class Failure(Exception):
    """Something about the place or the input is wrong; the message says what, where, why and what to do."""


class Halted(Failure):
    """A role stops for good though its worker lives, as a restart would run into the same; it needs a person."""
