"""What a stage knows besides the record."""

from __future__ import annotations

import msgspec

from pipeline.engine.programs import Org, Program
from pipeline.engine.state import CustomerState, Head, Section


class Moment(msgspec.Struct, frozen=True):
    """The circumstances of one decision."""

    org: Org
    cause: str
    """`recordType:id` of the record."""
    at: int
    """The record's event time: the effective time of what it decides."""
    clock: int
    """The customer's clock: what it was, or the instant of this decision where that is later."""


class Turn(msgspec.Struct, frozen=True):
    """One program's part in one decision."""

    state: CustomerState
    head: Head
    section: Section
    """The customer's section for the program."""
    program: Program
    cause: str
    at: int
    clock: int
    day: int
    """The local day of `at` in the program's zone."""
