"""Apply: the one place where state changes. Folding a customer's facts rebuilds the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pipeline.engine import adoption, bills, customers, ledger, milestones, repeats, streaks, tiers
from pipeline.engine.state import CustomerState
from schemas import facts
from schemas.facts import Fact

EFFECTS: Final[dict[type[Fact], Callable[[CustomerState, Any], None]]] = {
    facts.RecordAccepted: repeats.remember,
    facts.RecordRefused: repeats.move_clock,
    facts.CustomerRegistered: customers.note_registered,
    facts.CustomerChanged: customers.note_changed,
    facts.TransactionRecorded: bills.open_bill,
    facts.ReturnRecorded: bills.take_back,
    facts.ProgramAdopted: adoption.follow,
    facts.PurchaseCounted: bills.note_purchase,
    facts.ReturnCounted: bills.note_return,
    facts.PointsIssued: ledger.open_lot,
    facts.PointsRedeemed: ledger.close_redeemed,
    facts.PointsExpired: ledger.close_expired,
    facts.PointsReversed: ledger.close_reversed,
    facts.PointsDebited: ledger.close_debited,
    facts.MilestoneProgressed: milestones.note_progress,
    facts.MilestoneAchieved: milestones.note_achieved,
    facts.StreakStarted: streaks.note_started,
    facts.StreakExtended: streaks.note_extended,
    facts.StreakLevelReached: streaks.note_level,
    facts.StreakEnded: streaks.note_ended,
    facts.TierUpgraded: tiers.note_upgraded,
}


def apply(state: CustomerState, fact: Fact) -> None:
    """Change `state` as the fact says, and count it; the next fact of a customer has the next `seq`."""
    EFFECTS[type(fact)](state, fact)
    state.head.seq = fact.seq
