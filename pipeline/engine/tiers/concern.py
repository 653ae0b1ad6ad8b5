"""The face of tiers: what their decisions, and what comes in, change of what is kept."""

from __future__ import annotations

from typing import Final

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern
from pipeline.engine.ledger.postings import MOVEMENTS, lifetime_change
from pipeline.engine.rewards.keys import level_key
from pipeline.engine.state import CustomerState
from pipeline.engine.tiers.state import Measured, Rewarded, Tenure
from pipeline.engine.tiers.terms import for_ever
from pipeline.engine.tiers.timers import CHECK, END, FLOOR, REMINDER, REWARD_END
from schemas.facts import (
    AlternatePointsIssued,
    AlternatePointsReversed,
    Envelope,
    PointsHandedOver,
    PointsMoved,
    PointsReversed,
    PointsTakenOver,
    PurchaseCorrected,
    PurchaseCounted,
    ReturnCounted,
    SectionHandedOver,
    SectionTakenOver,
    StreakLevelUnachieved,
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
    movements_in,
)


def _note_tier(
    state: CustomerState,
    envelope: Envelope,
    decision: TierUpgraded | TierReassigned | TierDowngraded | TierAssigned | TierReleased,
) -> None:
    section = state.head.sections[envelope.program_id]
    section.tier = decision.reached
    section.tier_id = decision.reached_id


def _note_upgraded(state: CustomerState, envelope: Envelope, decision: TierUpgraded) -> None:
    _note_tier(state, envelope, decision)
    if decision.term is not None:
        _begin_term(_tenure(state, envelope), decision.term)


def _note_downgraded(state: CustomerState, envelope: Envelope, decision: TierDowngraded) -> None:
    _note_tier(state, envelope, decision)
    tenure = _tenure(state, envelope)
    _begin_next_term(tenure, decision.term)
    tenure.mark = decision.mark


def _note_reassigned(state: CustomerState, envelope: Envelope, decision: TierReassigned) -> None:
    """The term goes on, but in the first tier, which has no end."""
    _note_tier(state, envelope, decision)
    tenure = state.head.sections[envelope.program_id].tenure
    if decision.reached <= 1 and tenure is not None:
        _begin_term(tenure, for_ever(envelope.at))


def _note_renewed(state: CustomerState, envelope: Envelope, decision: TierRenewed) -> None:
    _begin_next_term(_tenure(state, envelope), decision.term)


def _note_tenure(state: CustomerState, envelope: Envelope, decision: TierTenureBegun) -> None:
    tenure = _tenure(state, envelope)
    tenure.currency = decision.currency
    _begin_term(tenure, decision.term)


def _note_period(state: CustomerState, envelope: Envelope, decision: TierPeriodBegun) -> None:
    """What a loss of before is compared with is what the basis still reaches."""
    tenure = _tenure(state, envelope)
    tenure.mark = decision.mark
    tenure.period = Measured(begins_at=decision.begins_at, ends_at=decision.ends_at)


def _note_grace(state: CustomerState, envelope: Envelope, decision: TierGraceBegun) -> None:
    """The term goes on to the end of the grace, and so does what is measured in it."""
    tenure = _tenure(state, envelope)
    tenure.in_grace = True
    tenure.term.ends_at = decision.ends_at
    tenure.term.points += tenure.term.points_then
    tenure.term.points_then = 0
    tenure.expires_on = decision.expires_on


def _note_reminded(state: CustomerState, envelope: Envelope, _decision: TierReminded) -> None:
    tenure = _tenure(state, envelope)
    tenure.reminders = tenure.reminders[1:]


def _note_reminders(state: CustomerState, envelope: Envelope, decision: TierRemindersPlanned) -> None:
    _tenure(state, envelope).reminders = list(decision.reminders)


def _note_approached(state: CustomerState, envelope: Envelope, decision: TierApproached) -> None:
    tenure = _tenure(state, envelope)
    tenure.approached = decision.tier
    tenure.approached_at = envelope.as_of


def _note_check(state: CustomerState, envelope: Envelope, decision: TierCheckSet) -> None:
    tenure = _tenure(state, envelope)
    tenure.check_at = _or_never(decision.at)
    tenure.falls_then = decision.at is not None and (tenure.falls_then or decision.because is TierMoved.RETURN)


def _note_excused(state: CustomerState, envelope: Envelope, decision: TierLossExcused) -> None:
    _tenure(state, envelope).excused = decision.record


def _note_assigned(state: CustomerState, envelope: Envelope, decision: TierAssigned) -> None:
    _note_tier(state, envelope, decision)
    tenure = _tenure(state, envelope, decision.currency)
    if decision.reward_of:
        _note_reward(tenure, decision, state.head.horizon, state.head.sections[envelope.program_id].transactions)
    else:
        tenure.floor_id = decision.assigned_id
        tenure.floor_until = _or_never(decision.until)
    if decision.term is not None:
        _begin_term(tenure, decision.term)


def _note_reward(tenure: Tenure, decision: TierAssigned, horizon: int, bills: int) -> None:
    """The tier is a reward; those that hold no longer, and that nothing gives again, leave."""
    kept = {key: one for key, one in tenure.rewards.items() if not one.taken or one.final_at > horizon}
    tenure.rewards = kept
    kept[decision.reward_of] = Rewarded(
        tier_id=decision.assigned_id, until=_or_never(decision.until), final_at=decision.final_at, bills=bills
    )


def _note_released(state: CustomerState, envelope: Envelope, decision: TierReleased) -> None:
    _note_tier(state, envelope, decision)
    tenure = _tenure(state, envelope)
    if decision.reward_of:
        tenure.rewards[decision.reward_of].taken = True
    else:
        tenure.floor_id = ""
        tenure.floor_until = NEVER
    if decision.term is not None:
        _begin_term(tenure, decision.term)


def _note_level_lost(state: CustomerState, envelope: Envelope, decision: StreakLevelUnachieved) -> None:
    """A level may be reached again whenever: so it is kept until then what it gave."""
    tenure = state.head.sections[envelope.program_id].tenure
    key = level_key(decision.streak_id, decision.level, decision.again)
    if tenure is not None and key in tenure.rewards:
        tenure.rewards[key].final_at = NEVER


def _note_handed_over(state: CustomerState, envelope: Envelope, decision: SectionHandedOver) -> None:
    """Nothing is kept of how the tier was held."""
    section = state.head.sections[envelope.program_id]
    section.tier, section.tier_id, section.tenure = decision.reached, decision.reached_id, None


def _note_taken_over(state: CustomerState, envelope: Envelope, decision: SectionTakenOver) -> None:
    """Bills of the victim use no tier that was given as a reward."""
    tenure = state.head.sections[envelope.program_id].tenure
    for reward in () if tenure is None else tenure.rewards.values():
        reward.bills += decision.transactions


def _count_purchase(state: CustomerState, envelope: Envelope, decision: PurchaseCounted) -> None:
    """In the term and in the period in which the bill was paid."""
    tenure = state.head.sections[envelope.program_id].tenure
    if tenure is not None:
        for measured in _at(tenure, envelope.at):
            measured.purchases_minor += decision.amount_minor
            measured.visits += 1


def _count_correction(state: CustomerState, envelope: Envelope, decision: PurchaseCorrected) -> None:
    """In the term and in the period in which the bill was paid. What is cancelled has used a tier."""
    tenure = state.head.sections[envelope.program_id].tenure
    if tenure is not None:
        for measured in _at(tenure, decision.paid_at):
            measured.purchases_minor += decision.amount_minor
            measured.visits += decision.counted
        for reward in tenure.rewards.values() if decision.counted else ():
            reward.bills += decision.counted


def _count_return(state: CustomerState, envelope: Envelope, decision: ReturnCounted) -> None:
    """In the term and in the period in which the bill was paid."""
    tenure = state.head.sections[envelope.program_id].tenure
    if tenure is not None:
        for measured in _at(tenure, decision.paid_at):
            measured.purchases_minor -= decision.amount_minor


def _count_points(state: CustomerState, envelope: Envelope, decision: PointsMoved) -> None:
    """Points that count towards lifetime points; those that are taken back where they counted."""
    tenure = state.head.sections[envelope.program_id].tenure
    if tenure is None or decision.currency != tenure.currency:
        return
    moved = [(envelope.at, lifetime_change(decision))]
    if isinstance(decision, PointsReversed):
        moved = [
            (one.counted_at or decision.paid_at, one.promised - one.points - one.beyond) for one in decision.reversals
        ]
    for at, points in moved:
        for measured in _at(tenure, at):
            measured.points += points
        if at == tenure.term.ends_at:
            tenure.term.points_then += points


def _count_each(
    state: CustomerState, envelope: Envelope, decision: AlternatePointsIssued | AlternatePointsReversed
) -> None:
    for part in movements_in(decision):
        _count_points(state, envelope, part)


def _at(tenure: Tenure, at: int) -> list[Measured]:
    """What an instant counts in."""
    return [one for one in (tenure.term, tenure.period) if one is not None and one.holds(at)]


def _tenure(state: CustomerState, envelope: Envelope, currency: str = "") -> Tenure:
    """The customer's tenure, which begins with the first decision about it."""
    section = state.head.sections[envelope.program_id]
    if section.tenure is None:
        section.tenure = Tenure(currency=currency, term=Measured(begins_at=envelope.at))
    return section.tenure


def _begin_term(tenure: Tenure, term: TierTerm) -> None:
    tenure.term = Measured(begins_at=term.begins_at, ends_at=_or_never(term.ends_at))
    tenure.expires_on = term.expires_on
    tenure.in_grace = False
    tenure.reminders = list(term.reminders)


def _begin_next_term(tenure: Tenure, term: TierTerm) -> None:
    """A term begins; where that is when the one before ends, what came in at that instant counts in it."""
    before = tenure.term
    _begin_term(tenure, term)
    if before.ends_at == term.begins_at:
        tenure.term.points = before.points_then


def _or_never(instant: int | None) -> int:
    return NEVER if instant is None else instant


CONCERN: Final = Concern(
    name="tiers",
    effects={
        SectionHandedOver: _note_handed_over,
        SectionTakenOver: _note_taken_over,
        TierUpgraded: _note_upgraded,
        TierReassigned: _note_reassigned,
        TierRenewed: _note_renewed,
        TierDowngraded: _note_downgraded,
        TierTenureBegun: _note_tenure,
        TierPeriodBegun: _note_period,
        TierGraceBegun: _note_grace,
        TierReminded: _note_reminded,
        TierApproached: _note_approached,
        TierRemindersPlanned: _note_reminders,
        TierCheckSet: _note_check,
        TierLossExcused: _note_excused,
        TierAssigned: _note_assigned,
        TierReleased: _note_released,
        StreakLevelUnachieved: _note_level_lost,
    },
    timers=(CHECK, FLOOR, REWARD_END, END, REMINDER),
)
MEASURED: Final = Concern(
    name="measured",
    effects={
        PurchaseCounted: _count_purchase,
        PurchaseCorrected: _count_correction,
        ReturnCounted: _count_return,
        AlternatePointsIssued: _count_each,
        AlternatePointsReversed: _count_each,
        **{
            kind: _count_points
            for kind, movements in MOVEMENTS.items()
            if any(one.lifetime for one in movements) and kind not in (PointsHandedOver, PointsTakenOver)
        },
    },
)
"""What comes in while a tier is held; a concern of its own, as it moves no timer."""
