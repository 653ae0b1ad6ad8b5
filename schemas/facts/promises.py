"""Decisions about promised points: they become current, or never will."""

from __future__ import annotations

import msgspec

from schemas.facts.decision import Reason
from schemas.facts.ledger import Duration, IssuedFor, PointsMoved, Taken


class ConvertedBy(Reason):
    """What made promised points current. The numbers stand on the wire."""

    DATE = 1
    DELIVERY = 2
    TRIGGER = 3
    """The custom event that they waited for."""
    COMMAND = 4


class CancelledFor(Reason):
    """Why promised points were cancelled. The numbers stand on the wire."""

    NOT_IN_TIME = 1
    """What they waited for did not come in time."""
    COMMAND = 2


class LotConverted(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A promised lot that is current from now on; its expiry counts from here."""

    lot_id: int
    points: int
    expires_on: int | None
    """The last day on which they can be spent; None for never."""
    closes_at: int | None
    """The start of the day after, as an instant."""
    promised_at: int
    reference: str
    issued_for: IssuedFor
    rolls: Duration | str | None = None
    """As in `LotOpened`."""


class PointsConverted(PointsMoved, frozen=True, tag=90):
    """Promised points became current."""

    lots: tuple[LotConverted, ...]
    converted_by: ConvertedBy
    lifetime: int
    promised: int
    """What is still promised after it."""
    reason: str = ""
    """Of a command."""
    entered_by: str = ""
    """Who gave it."""


class PromiseCancelled(PointsMoved, frozen=True, tag=91):
    """Promised points will not become current."""

    taken: tuple[Taken, ...]
    cancelled_for: CancelledFor
    promised: int
    """What is still promised after it."""
    references: tuple[str, ...]
    """What the lots were promised for, each once."""
    reason: str = ""
    """Of a command."""
    entered_by: str = ""
    """Who gave it."""
