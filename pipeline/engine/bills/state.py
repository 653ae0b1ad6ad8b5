"""The entry that keeps a bill while it can be returned, with what it contributed in each program."""

from __future__ import annotations

import msgspec


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


class Bill(msgspec.Struct, array_like=True, gc=False, tag=1):
    """A transaction that can still be returned: the entry `bill:<number>`."""

    forgotten_at: int
    """When the entry may be deleted; decisions go by `returnable_until`, never by whether it is there."""
    returnable_until: int
    amount_minor: int
    currency: str
    returned_minor: int = 0
    contributions: dict[int, list[Contribution]] = {}
    """By program in which the bill counts."""


def entry_of(bill_number: str) -> str:
    """The name of the entry that keeps a bill."""
    return "bill:" + bill_number
