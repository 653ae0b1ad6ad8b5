"""Notifications: what downstream systems subscribe to, by event name and topic."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class EventName(StrEnum):
    """The names that notifications carry, as in the Capillary event schemas."""

    CUSTOMER_ADDED = "customerAdded"
    CUSTOMER_UPDATED = "customerUpdated"
    LOYALTY_CUSTOMER_MERGE = "loyaltyCustomerMerge"
    TRANSACTION_ADDED = "transactionAdded"
    TRANSACTION_UPDATED = "transactionUpdated"
    POINTS_ISSUED = "pointsIssued"
    POINTS_REDEEMED = "pointsRedeemed"
    REDEEMED_POINTS_REVERSED = "redeemedPointsReversed"
    POINTS_EXPIRED = "pointsExpired"
    POINTS_EXPIRY_REMINDER = "pointsExpiryReminder"
    SINGLE_POINTS_EXPIRY_UPDATED = "singlePointsExpiryUpdated"
    PROMISED_TO_CURRENT_POINTS_CONVERSION = "promisedToCurrentPointsConversion"
    ISSUED_POINTS_REVERSED = "issuedPointsReversed"
    ALTERNATE_CURRENCIES_ISSUED = "alternateCurrenciesIssued"
    ISSUED_ALTERNATE_CURRENCIES_REVERSED = "issuedalternateCurrenciesReversed"
    POINTS_TRANSFERRED_INITIATED = "pointsTransferredInitiated"
    POINTS_TRANSFERRED_RECEIVED = "pointsTransferredReceived"
    TIER_UPGRADED = "tierUpgraded"
    TIER_RENEWED = "tierRenewed"
    TIER_DOWNGRADED = "tierDowngraded"
    TIER_DOWNGRADE_REMINDER = "tierDowngradeReminder"
    TARGET_ACHIEVED_VALUE_UPDATED = "targetAchievedValueUpdated"
    TARGET_VALUE_ACHIEVED = "targetValueAchieved"
    STREAK_CUSTOMER_ENROLMENT = "streakCustomerEnrolment"
    STREAK_CUSTOMER_UN_ENROLMENT = "streakCustomerUnEnrolment"
    TARGET_VALUE_UPDATED = "targetValueUpdated"
    TARGET_PERIOD_START = "targetPeriodStart"
    TARGET_PERIOD_END = "targetPeriodEnd"
    TARGET_CUSTOMER_ENROLMENT = "targetCustomerEnrolment"
    UNIFIED_TARGETS_ACHIEVED = "unifiedTargetsAchieved"
    UNIFIED_TARGETS_UN_ACHIEVED = "unifiedTargetsUnAchieved"
    STREAK_START = "streakStart"
    STREAK_LEVEL_ACHIEVED = "streakLevelAchieved"
    STREAK_LEVEL_UN_ACHIEVED = "streakLevelUnAchieved"
    STREAK_END = "streakEnd"
    STREAK_AT_RISK = "streakAtRisk"
    """Ours."""
    TIER_APPROACHING = "tierApproaching"
    """Ours."""


FAMILIES: Final = tuple(
    f"notifications.{family}" for family in ("points", "tiers", "milestones", "streaks", "customers", "rewards")
)
"""The notification topics, without the prefix that settings give."""


class Notification(msgspec.Struct, frozen=True, gc=False):
    """One message for downstream systems."""

    event: str
    """Its name: an `EventName` for all notifications of the product."""
    topic: str
    """One of `FAMILIES`."""
    id: str
    """The event id inside `body`: the same on every replay, and of no other event."""
    body: bytes
    """The envelope, as JSON."""
