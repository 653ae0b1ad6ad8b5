"""Decisions about trackers."""

from __future__ import annotations

from schemas.facts.decision import Decision


class TrackerCounted(Decision, frozen=True, tag=251):
    """A bill, or a correction of it, counts in a tracker: on the day on which it was paid."""

    bill_number: str
    tracker_id: str
    day: int
    """The local day."""
    added: int
    """By how much the day's value changes: amounts in minor units, else counts."""
    value: int
    """The tracker's value from now on."""
    forgets_before: int
    """The first local day that still can count."""
    store: int = 0
    """The store as a 32-bit hash, where visits count by store and day; 0 elsewhere."""
    bills: int = 0
    """By how much the number of bills in that store on that day changes."""
    kept: bool = False
    """Whether the bill can be returned and knows what it counts."""
    total: int = 0
    """What the whole bill counts, returns not taken off."""
    lines: tuple[int, ...] = ()
    """What each of its lines counts, where a tracker is made of lines or selects some."""
    removed: int = 0
    """What returns have taken off that so far."""


class TrackerLowered(Decision, frozen=True, tag=252):
    """A return takes off what its bill counts in a tracker, on the day on which the bill was paid."""

    of_bill: str
    tracker_id: str
    day: int
    lowered: int
    """By how much the day's value falls."""
    value: int
    removed: int
    """What returns have taken off of the bill's total so far."""
    store: int = 0
    bills: int = 0
    """By how much the number of bills in that store on that day falls."""
