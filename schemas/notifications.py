"""Notifications: what downstream systems subscribe to, by event name and topic."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class EventName(StrEnum):
    """The names that notifications carry, as in the Capillary event schemas."""

    CUSTOMER_ADDED = "customerAdded"
    CUSTOMER_UPDATED = "customerUpdated"
    TRANSACTION_ADDED = "transactionAdded"
    POINTS_ISSUED = "pointsIssued"
    POINTS_REDEEMED = "pointsRedeemed"
    POINTS_EXPIRED = "pointsExpired"
    ISSUED_POINTS_REVERSED = "issuedPointsReversed"
    TIER_UPGRADED = "tierUpgraded"
    TARGET_ACHIEVED_VALUE_UPDATED = "targetAchievedValueUpdated"
    TARGET_VALUE_ACHIEVED = "targetValueAchieved"
    STREAK_START = "streakStart"
    STREAK_LEVEL_ACHIEVED = "streakLevelAchieved"
    STREAK_END = "streakEnd"


FAMILIES: Final = tuple(
    f"notifications.{family}" for family in ("points", "tiers", "milestones", "streaks", "customers", "rewards")
)
"""The notification topics, without the prefix that settings give."""

_POINTS, _TIERS, _MILESTONES, _STREAKS, _CUSTOMERS, _ = FAMILIES

TOPIC_OF: Final[dict[EventName, str]] = {
    EventName.CUSTOMER_ADDED: _CUSTOMERS,
    EventName.CUSTOMER_UPDATED: _CUSTOMERS,
    EventName.TRANSACTION_ADDED: _CUSTOMERS,
    EventName.POINTS_ISSUED: _POINTS,
    EventName.POINTS_REDEEMED: _POINTS,
    EventName.POINTS_EXPIRED: _POINTS,
    EventName.ISSUED_POINTS_REVERSED: _POINTS,
    EventName.TIER_UPGRADED: _TIERS,
    EventName.TARGET_ACHIEVED_VALUE_UPDATED: _MILESTONES,
    EventName.TARGET_VALUE_ACHIEVED: _MILESTONES,
    EventName.STREAK_START: _STREAKS,
    EventName.STREAK_LEVEL_ACHIEVED: _STREAKS,
    EventName.STREAK_END: _STREAKS,
}
"""The topic of each event, one of `FAMILIES`."""


class Notification(msgspec.Struct, frozen=True, gc=False):
    """One message for downstream systems."""

    event: EventName
    topic: str
    """One of `FAMILIES`."""
    id: str
    """The event id inside `body`: the same on every replay, and of no other event."""
    body: bytes
    """The envelope, as JSON."""
