"""Notifications about tiers."""

from __future__ import annotations

from typing import Final

from pipeline.engine.calendar import as_date
from pipeline.notify.context import Context
from pipeline.notify.shared import program_fields
from pipeline.notify.table import News, Table
from schemas.facts import (
    Envelope,
    TierApproached,
    TierAssigned,
    TierCheckSet,
    TierDowngraded,
    TierGraceBegun,
    TierLossExcused,
    TierMoved,
    TierPeriodBegun,
    TierReassigned,
    TierReleased,
    TierReminded,
    TierRemindersPlanned,
    TierRenewed,
    TierTenureBegun,
    TierTerm,
    TierUpgraded,
    TrackerCounted,
    TrackerLowered,
)
from schemas.notifications import EventName


def tier_upgraded(decision: TierUpgraded, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of tierUpgraded; `upgradeType` is what the program's tiers measure."""
    return {
        **program_fields(envelope, context),
        "previousTierNumber": decision.previous,
        "upgradedTierNumber": decision.reached,
        "upgradeType": context.program_of(envelope).upgrade_type,
        "notes": "",
        "tierExpiryDate": _date(decision.term),
    }


def tier_assigned(decision: TierAssigned, envelope: Envelope, context: Context) -> dict[str, object] | None:
    """The `data` of tierUpgraded for a tier given by hand or as a reward; None where the customer had it already.

    RULE (upgradeType): a reward is REWARD, as MANUAL is what people do.
    """
    if decision.reached == decision.previous:
        return None
    return {
        **program_fields(envelope, context),
        "previousTierNumber": decision.previous,
        "upgradedTierNumber": decision.reached,
        "upgradeType": "REWARD" if decision.reward_of else "MANUAL",
        "notes": decision.reason,
        "tierExpiryDate": _first_end(decision),
    }


def tier_renewed(decision: TierRenewed, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of tierRenewed; `renewType` is what renewed it."""
    by_hand = decision.by is TierMoved.HAND
    return {
        **program_fields(envelope, context),
        "currentTierNumber": decision.tier,
        "renewType": "MANUAL" if by_hand else context.program_of(envelope).renew_type,
        "notes": "",
        "tierExpiryDate": _date(decision.term),
    }


def tier_downgraded(
    decision: TierReassigned | TierDowngraded | TierReleased, envelope: Envelope, context: Context
) -> dict[str, object] | None:
    """The `data` of tierDowngraded; None where the customer keeps the tier."""
    if decision.reached == decision.previous:
        return None
    return {
        **program_fields(envelope, context),
        "previousTierNumber": decision.previous,
        "downgradedTierNumber": decision.reached,
        "tierExpiryDate": None if isinstance(decision, TierReassigned) else _date(decision.term),
    }


def tier_downgrade_reminder(decision: TierReminded, envelope: Envelope, context: Context) -> dict[str, object] | None:
    """The `data` of tierDowngradeReminder; None for who has what renews the tier."""
    if decision.measured >= decision.needed:
        return None
    return {
        **program_fields(envelope, context),
        "currentTierNumber": decision.tier,
        "scheduledDowngradeDate": as_date(decision.expires_on).isoformat(),
    }


def tier_approaching(decision: TierApproached, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of tierApproaching (ours): what is missing to the next tier, and for how long it can still be won."""
    return {
        **program_fields(envelope, context),
        "nextTierNumber": decision.tier,
        "upgradeType": decision.basis.upper(),
        "currentValue": decision.measured,
        "requiredValue": decision.needed,
        "missingValue": decision.needed - decision.measured,
        "endDate": None if decision.ends_on is None else as_date(decision.ends_on).isoformat(),
        "daysLeft": decision.days_left,
    }


def _date(term: TierTerm | None) -> str | None:
    return None if term is None or term.expires_on is None else as_date(term.expires_on).isoformat()


def _first_end(decision: TierAssigned) -> str | None:
    """The day with which the term ends, or what was given, whichever comes first."""
    ends = [decision.last_day, None if decision.term is None else decision.term.expires_on]
    first = min((day for day in ends if day is not None), default=None)
    return None if first is None else as_date(first).isoformat()


def _reached(decision: TierUpgraded | TierReassigned | TierDowngraded | TierAssigned | TierReleased) -> str:
    return str(decision.reached)


_DOWNGRADED: Final = News(event=EventName.TIER_DOWNGRADED, subject=_reached, data=tier_downgraded)
TABLE: Final = Table(
    topic="notifications.tiers",
    news={
        TierUpgraded: News(event=EventName.TIER_UPGRADED, subject=_reached, data=tier_upgraded),
        TierAssigned: News(event=EventName.TIER_UPGRADED, subject=_reached, data=tier_assigned),
        TierRenewed: News(event=EventName.TIER_RENEWED, subject=lambda decision: str(decision.tier), data=tier_renewed),
        TierReassigned: _DOWNGRADED,
        TierDowngraded: _DOWNGRADED,
        TierReleased: _DOWNGRADED,
        TierApproached: News(
            event=EventName.TIER_APPROACHING, subject=lambda decision: decision.tier_id, data=tier_approaching
        ),
        TierReminded: News(
            event=EventName.TIER_DOWNGRADE_REMINDER,
            subject=lambda decision: f"{decision.expires_on}/{decision.lead_days}",
            data=tier_downgrade_reminder,
        ),
    },
    silent=(
        TierTenureBegun,
        TierPeriodBegun,
        TierGraceBegun,
        TierCheckSet,
        TierLossExcused,
        TierRemindersPlanned,
        TrackerCounted,
        TrackerLowered,
    ),
)
