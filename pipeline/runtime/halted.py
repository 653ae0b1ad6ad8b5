"""Halting: a role stops for good though its worker lives, because a restart would only run into the same."""

from __future__ import annotations

from pipeline.failure import Failure


class Halted(Failure):
    """The role needs a person: the message says why, and what to do."""
