"""Errors the operator can fix. The CLI prints the message; any other exception is a bug and shows a traceback."""

from __future__ import annotations


class Failure(Exception):
    """The data folder, a server or the input is wrong; the message says what, where, why and what to do."""


class Halted(Failure):
    """A role stops for good while its worker stays up: a restart would hit the same error, so an operator must act."""
