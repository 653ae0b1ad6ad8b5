"""The context that a stage gets besides the record."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pipeline.engine.programs import Org, Program, Timeline
from pipeline.engine.state import CustomerState, Head, Section
from schemas.facts import Decision


class Turn(msgspec.Struct, frozen=True, gc=False):
    """The context of decisions about a customer as such."""

    state: CustomerState
    head: Head
    timeline: Timeline
    """All versions of the org's programs that something may need."""
    org: Org
    """The programs in force."""
    key: int
    """The hash of the record's type and id, as `Head.recent` has it."""
    at: int
    """The effective time of what is decided: the record's event time."""
    as_of: int
    """The customer's clock: what it was, or the instant of this decision where that is later."""
    backfill: bool = False
    """Whether history is being loaded, which has both sides of what concerns two customers as records of their own."""
    was_held: bool = False
    """Whether the record has waited until its customer was known, or for one that has."""


class ProgramTurn(msgspec.Struct, frozen=True, gc=False):
    """The context of decisions in one program: for a record, or for a timer."""

    state: CustomerState
    head: Head
    program: Program
    section: Section
    at: int
    """The effective time of what is decided: the record's event time, or the instant the timer was due."""
    day: int
    """The local day of `at` in the program's zone."""
    timeline: Timeline
    decided: Sequence[Decision] = ()
    """What was decided about the customer as such for this record."""
    made: Sequence[Decision] = ()
    """What was decided in this program so far."""
    was_held: bool = False
    """Whether the record has waited until its customer was known, or for one that has."""
    seen_at: int = 0
    """At an adoption: the effective time of what led to it."""
