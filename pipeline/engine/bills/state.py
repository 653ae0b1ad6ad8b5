"""The entries that keep a bill while it can be returned, and returns that wait for their bill."""

from __future__ import annotations

import msgspec

from pipeline.engine.programs import DAY_MS
from schemas.facts import ParkedReturn


class AwardContribution(msgspec.Struct, array_like=True, gc=False, tag=1):
    """Points that the bill earned."""

    currency: str
    rule_id: str
    lot_id: int
    points: int
    claimed: int = 0
    """What returns have asked back so far."""
    reversed: int = 0
    """What returns have taken so far."""


Contribution = AwardContribution
"""What a bill added somewhere, so that a return can undo it; each kind has the `undo` of its concern."""


class BillPart(msgspec.Struct, array_like=True, gc=False):
    """A bill in one program that takes returns of it."""

    return_days: int
    """The program's return window when the bill was paid."""
    returned_minor: int = 0
    """What came back within that window."""
    contributions: list[Contribution] = []


class Bill(msgspec.Struct, array_like=True, gc=False, tag=1):
    """A transaction that can still be returned: the entry `bill:<number>`."""

    forgotten_at: int
    """When the entry may be deleted; decisions go by `returnable_until`, never by whether it is there."""
    returnable_until: int
    amount_minor: int
    currency: str
    returned_minor: int = 0
    parts: dict[int, BillPart] = {}
    """By program in which the bill counts and can be returned."""
    paid_at: int = 0
    """A return from before this is of an earlier bill of the same number."""
    documents: list[int] = []
    """The numbers of the return documents that came, as hashes."""

    def takes(self, program_id: int, at: int) -> bool:
        """Whether a return made at that instant counts in a program."""
        part = self.parts.get(program_id)
        return part is not None and self.paid_at <= at < self.paid_at + part.return_days * DAY_MS

    def is_returnable(self, at: int) -> bool:
        """Whether a return made at that instant counts in any program."""
        return any(self.takes(program_id, at) for program_id in self.parts)


class ParkedUntil(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A return that waits for its bill."""

    until: int
    """The instant at which it is refused instead."""
    parked: ParkedReturn


class Parked(msgspec.Struct, array_like=True, gc=False, tag=2):
    """Returns of a bill that has not come yet: the entry `parked:<number>`. An empty one is as good as none."""

    forgotten_at: int
    """When the entry may be deleted: the timers of its returns have fired by then."""
    returns: list[ParkedUntil] = []
    """In the order in which they came."""


def entry_of(bill_number: str) -> str:
    """The name of the entry that keeps a bill."""
    return "bill:" + bill_number


def parked_of(bill_number: str) -> str:
    """The name of the entry that keeps the returns which wait for a bill."""
    return "parked:" + bill_number
