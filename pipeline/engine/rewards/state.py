"""What is kept of a milestone met or a streak level reached, where returns can undo it."""

from __future__ import annotations

import msgspec


class RewardLot(msgspec.Struct, array_like=True, gc=False):
    """Points of a reward in one lot."""

    currency: str
    lot_id: int
    points: int
    """What was given and has not been taken back."""


class Reward(msgspec.Struct, array_like=True, gc=False):
    """The reward of one subject: a milestone in one period, a level of a streak."""

    rule_id: str
    at: int
    """When the subject was last achieved."""
    until: int
    """When it may be forgotten; 0 for never."""
    lots: list[RewardLot] = []
    taken: int = 0
    """What returns have taken back; as much is given when the subject is achieved again."""
