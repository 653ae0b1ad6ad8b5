"""How far a backfill is."""

from __future__ import annotations

from schemas.messages.message import Message
from schemas.messages.values import Instant


class AdvanceClock(Message, frozen=True, kw_only=True):
    """No record before `time` will follow in this partition of the transactions topic (backfills only)."""

    time: Instant
    last: bool = False
    """The partition's last word: the backfill is over when all partitions have spoken it."""
