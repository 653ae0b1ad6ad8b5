"""What a stage knows besides the record."""

from __future__ import annotations

from typing import cast

import msgspec

from pipeline.engine.programs import Org, Program
from pipeline.engine.state import CustomerState, Head, Section


class Turn(msgspec.Struct, gc=False):
    """The circumstances of one decision; its last three belong to the program whose turn it is."""

    state: CustomerState
    head: Head
    org: Org
    cause: str
    """`recordType:id` of the record."""
    at: int
    """The record's event time: the effective time of what it decides."""
    clock: int
    """The customer's clock: what it was, or the instant of this decision where that is later."""
    program: Program = cast("Program", None)
    """Set before a program's stages; the customer's own stages don't look."""
    section: Section = cast("Section", None)
    day: int = 0
    """The local day of `at` in the program's zone."""
