"""Notifications about tiers."""

from __future__ import annotations

from typing import Final

from pipeline.notify.context import Context
from pipeline.notify.shared import program_fields
from pipeline.notify.table import News, Table
from schemas.facts import Envelope, TierReassigned, TierUpgraded
from schemas.notifications import EventName


def tier_upgraded(decision: TierUpgraded, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of tierUpgraded; `upgradeType` is what the program's tiers measure."""
    return {
        **program_fields(envelope, context),
        "previousTierNumber": decision.previous,
        "upgradedTierNumber": decision.reached,
        "upgradeType": context.program_of(envelope).upgrade_type,
        "notes": "",
    }


def tier_downgraded(decision: TierReassigned, envelope: Envelope, context: Context) -> dict[str, object]:
    """The `data` of tierDowngraded."""
    return {
        **program_fields(envelope, context),
        "previousTierNumber": decision.previous,
        "downgradedTierNumber": decision.reached,
    }


TABLE: Final = Table(
    topic="notifications.tiers",
    news={
        TierUpgraded: News(
            event=EventName.TIER_UPGRADED, subject=lambda decision: str(decision.reached), data=tier_upgraded
        ),
        TierReassigned: News(
            event=EventName.TIER_DOWNGRADED, subject=lambda decision: str(decision.reached), data=tier_downgraded
        ),
    },
)
