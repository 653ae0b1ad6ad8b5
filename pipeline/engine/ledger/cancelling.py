"""Cancelling: an award that was a mistake is taken back, named by its lot or by what gave it.

What gave it is a bill, an adjustment, an event, a milestone in one cycle, or a level of a streak.

RULE (source and shortfall): as of a return: what is left of the award's own lot, promised or current, then as far as
`returns.shortfall` says. What is spent of a lot is known where that setting has it counted. Held points stay held.
RULE (awards): what another customer gave is no award; it is not cancelled.
RULE (adjustments): an adjustment that corrects another one asks for so many points of its lot at most.
RULE (once): a cancelled award of a bill stays cancelled, whatever returns or updates of the bill come later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from msgspec import structs

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.bills.entries import bill_of, find_bill
from pipeline.engine.bills.state import AwardContribution, CancelledAward, entry_of
from pipeline.engine.cycles import cycle_named
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.ledger.claims import keep, of_awards
from pipeline.engine.ledger.drawdown import Claim, draw
from pipeline.engine.ledger.state import Account
from pipeline.engine.ledger.undo import by_lot, lots_of, note_reversed, policy_of
from pipeline.engine.programs import Org
from pipeline.engine.rewards.keys import level_key, milestone_key, unified_key
from pipeline.engine.state import CustomerState, Head
from schemas.facts import Decision, Envelope, PointsCancelled, RecordRefused, Refusal
from schemas.program import Rolling, milestones_in
from schemas.records import AdjustPoints, CancelPoints, CustomEventReceived


def cancel(turn: ProgramTurn, record: CancelPoints) -> list[Decision]:
    """The award that is named is taken back, as far as it is still there; or the request is refused."""
    currency = turn.program.find_currency(record.currency)
    if currency is None:
        return [RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject=record.currency)]
    if record.bill_number:
        return _of_bill(turn, record, currency.id)
    if record.lot:
        return _of_lot(turn, currency.id, record.lot, TOTAL_MAX, record.reason, record.entered_by)
    return _of_source(turn, record, currency.id)


def correct(turn: ProgramTurn, record: AdjustPoints, currency: str) -> list[Decision]:
    """So many points of the adjustment that is named are taken back, as far as they are there; or it is refused."""
    lots = account_of(turn.section, currency).lots_given(key_of(f"{AdjustPoints.__name__}:{record.corrects}"))
    if not lots:
        return [RecordRefused(reason=Refusal.AWARD_UNKNOWN, subject=record.corrects)]
    return _of_lot(turn, currency, lots[0], -record.points, record.reason)


def note_cancelled(state: CustomerState, envelope: Envelope, decision: PointsCancelled) -> None:
    """The bill's awards know that they are cancelled."""
    if not decision.of_bill:
        return
    note_reversed(state, envelope, decision)
    part = bill_of(state, decision.of_bill).parts[envelope.program_id]
    gone = {(decision.currency, reversal.rule_id) for reversal in decision.reversals}
    part.contributions = [
        CancelledAward(**structs.asdict(one))
        if isinstance(one, AwardContribution) and (one.currency, one.rule_id) in gone
        else one
        for one in part.contributions
    ]


def bill_to_cancel(_head: Head, record: CancelPoints, _org: Org) -> tuple[str, ...]:
    """The entry of the bill that the request names."""
    return (entry_of(record.bill_number),) if record.bill_number else ()


def _of_lot(
    turn: ProgramTurn, currency: str, lot_id: int, at_most: int, reason: str, entered_by: str = ""
) -> list[Decision]:
    account = account_of(turn.section, currency)
    lot = next((lot for lot in account.lots if lot.lot_id == lot_id), None)
    if lot is not None and lot.received:
        return [RecordRefused(reason=Refusal.AWARD_UNKNOWN, subject=str(lot_id))]
    claims = _claims(account, [lot_id], at_most)
    if not claims:
        return [RecordRefused(reason=Refusal.LOT_UNKNOWN, subject=str(lot_id))]
    awarded_at = _awarded_at(turn, account, [lot_id])
    return _cancelled(turn, currency, claims, {"": [lot_id]}, awarded_at, reason=reason, entered_by=entered_by)


def _of_source(turn: ProgramTurn, record: CancelPoints, currency: str) -> list[Decision]:
    """All that an event, a milestone in one cycle, or a level of a streak gave."""
    account = account_of(turn.section, currency)
    key, subject = _source_of(turn, record)
    lots = account.lots_given(key_of(key))
    if not lots:
        return [RecordRefused(reason=Refusal.AWARD_UNKNOWN, subject=subject)]
    claims = _claims(account, lots, TOTAL_MAX)
    if not claims:
        return [RecordRefused(reason=Refusal.AWARD_CANCELLED, subject=subject)]
    return _cancelled(
        turn,
        currency,
        claims,
        {"": lots},
        _awarded_at(turn, account, lots),
        reason=record.reason,
        entered_by=record.entered_by,
    )


def _source_of(turn: ProgramTurn, record: CancelPoints) -> tuple[str, str]:
    """What the ledger knows the award by, and how people name it."""
    if record.event:
        return f"{CustomEventReceived.__name__}:{record.event}", record.event
    if record.streak:
        again = f"/{record.nth}" if record.nth > 1 else ""
        return level_key(record.streak, record.level, record.nth - 1), f"{record.streak}/{record.level}{again}"
    return _reward_of_milestone(turn, record), f"{record.milestone}/{record.cycle}"


def _reward_of_milestone(turn: ProgramTurn, record: CancelPoints) -> str:
    definition = turn.program.definition
    cycles = {one.id: one.cycles for one in definition.milestones}
    for unified in definition.unified_targets:
        if unified.id == record.milestone:
            of_all = cycles[milestones_in(unified.condition)[0]]
            cycle = cycle_named(of_all, record.cycle, turn.day)
            if cycle is not None and isinstance(of_all, Rolling):
                cycle = _place_of_window(turn, unified.id, cycle, turn.section.unified.get(unified.id, {}))
            return "" if cycle is None else unified_key(unified.id, cycle)
    if record.milestone not in cycles:
        return ""
    cycle = cycle_named(cycles[record.milestone], record.cycle, turn.day)
    if cycle is not None and isinstance(cycles[record.milestone], Rolling):
        periods = turn.section.milestones.get(record.milestone, {})
        met = [day for day, progress in periods.items() if progress.achieved]
        cycle = _place_of_window(turn, record.milestone, cycle, met)
    return "" if cycle is None else milestone_key(record.milestone, cycle)


def _place_of_window(turn: ProgramTurn, name: str, last_day: int, met: Collection[int]) -> int | None:
    """The place among the windows that are met of the one that ends with a day, by which its reward is known."""
    return turn.section.windows[name] - sum(day > last_day for day in met) if last_day in met else None


def _claims(account: Account, lots: Sequence[int], at_most: int) -> list[Claim]:
    """What there is of lots, promised or current, and what is known to be spent of them."""
    there = Counter(account.spent)
    there.update({lot.lot_id: lot.open_points for lot in account.lots})
    there.update({lot.lot_id: lot.open_points for lot in account.promised_lots})
    return [
        Claim(rule_id="", lot_id=lot_id, points=min(there[lot_id], at_most)) for lot_id in lots if there[lot_id] > 0
    ]


def _awarded_at(turn: ProgramTurn, account: Account, lots: Sequence[int]) -> int:
    return next((lot.issued_at for lot in account.lots if lot.lot_id in lots), turn.at)


def _of_bill(turn: ProgramTurn, record: CancelPoints, currency: str) -> list[Decision]:
    bill = find_bill(turn.state, record.bill_number)
    subject = f"{record.bill_number}/{record.rule}" if record.rule else record.bill_number
    if bill is None or not bill.takes(turn.program.id, turn.at):
        return [RecordRefused(reason=Refusal.AWARD_UNKNOWN, subject=subject)]
    earned = [award for award in bill.parts[turn.program.id].awards if award.currency == currency]
    named = [award for award in earned if record.rule in ("", award.rule_id)]
    if not named:
        return [RecordRefused(reason=Refusal.AWARD_UNKNOWN, subject=subject)]
    claims = [(award, award.points - award.claimed) for award in named if award.points > award.claimed]
    if not claims:
        return [RecordRefused(reason=Refusal.AWARD_CANCELLED, subject=subject)]
    return _cancelled(
        turn,
        currency,
        by_lot(account_of(turn.section, currency), claims),
        lots_of(claims),
        bill.paid_at,
        reason=record.reason,
        entered_by=record.entered_by,
        of_bill=record.bill_number,
        earned=earned,
    )


def _cancelled(
    turn: ProgramTurn,
    currency: str,
    claims: Sequence[Claim],
    lots: Mapping[str, Sequence[int]],
    awarded_at: int,
    *,
    reason: str,
    entered_by: str = "",
    of_bill: str = "",
    earned: Sequence[AwardContribution] = (),
) -> list[Decision]:
    account = account_of(turn.section, currency)
    shortfall = policy_of(turn).shortfall
    drawn = draw(account, claims, shortfall, awarded_at)
    cancelled = PointsCancelled(
        currency=currency,
        points=drawn.points,
        of_bill=of_bill,
        reversals=drawn.reversals,
        reversed_of_bill=drawn.points + sum(award.reversed for award in earned),
        balance=account.balance - (drawn.points - drawn.promised - drawn.owed),
        lifetime=account.lifetime - (drawn.points - drawn.promised),
        paid_at=awarded_at,
        promised_reversed_of_bill=drawn.promised + sum(award.promised_reversed for award in earned),
        others=drawn.others,
        owed=drawn.owed,
        reason=reason,
        entered_by=entered_by,
    )
    return [cancelled, *keep(turn, currency, of_bill, of_awards(drawn.reversals, lots), shortfall, awarded_at)]
