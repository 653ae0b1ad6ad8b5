"""Corrections: what an updated bill earns more or less than it did, by the rules of its own version and date.

RULE (net difference): for each rule and currency, what the bill would have given had it been right from the beginning,
less what its returns so far would have asked back of that, against what is left of the award. Above zero the difference
is issued with the terms of the bill's date, below zero it is taken back as a return takes back. What a correction could
not take, as it was used or had expired, a later one does not give again: the customer has had it, unless it was taken
when it came back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import structs

from pipeline.engine.bills.entries import bill_of, day_of_bill
from pipeline.engine.bills.state import AwardContribution, Bill, BillPart, CancelledAward
from pipeline.engine.bills.updates import corrected_in
from pipeline.engine.earning import candidates_on_bill
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.ledger.claims import corrections
from pipeline.engine.ledger.issue import Activity, Candidate, issue
from pipeline.engine.ledger.methods import due
from pipeline.engine.ledger.undo import policy_of, taken_back
from pipeline.engine.ledger.uses import all_tracked
from pipeline.engine.rules.calculation import terms_kept
from pipeline.engine.state import CustomerState
from schemas.facts import (
    AwardCorrected,
    AwardsCorrected,
    AwardTermsKept,
    Decision,
    Envelope,
    PointsReversed,
    RecordRefused,
    movements_in,
)
from schemas.records import TransactionAdded, TransactionUpdated

_NO_LOT: Final = 0
Key = tuple[str, str]
"""A currency and a rule."""


def at_the_sale(turn: ProgramTurn, bill: Bill) -> ProgramTurn:
    """The circumstances of the day on which the bill was paid, in the version by which it counted."""
    program = turn.timeline.version_of(turn.program.id, bill.parts[turn.program.id].version)
    return structs.replace(turn, program=program, at=bill.paid_at, day=day_of_bill(program, bill))


def keep_terms(turn: ProgramTurn, record: TransactionUpdated) -> list[Decision]:
    """What returns of the bill go by from now on, where the method of its version looks at lines."""
    bill = bill_of(turn.state, record.bill_number)
    if not corrected_in(turn, bill):
        return []
    sale = at_the_sale(turn, bill)
    if not sale.program.keeps_lines and bill.parts[turn.program.id].terms is None:
        return []
    as_sold, tier = bill_as_sold(record, bill), bill.parts[turn.program.id].tier_id
    weighted = sale.program.earning.weighted(as_sold, sale.day, tier)
    rules = {one.rule_id for one in candidates_on_bill(sale, as_sold, weighted, tier)}
    kept = terms_kept(sale.program.earning, as_sold, weighted, rules)
    return [kept or AwardTermsKept(bill_number=record.bill_number, terms=(), denominator=1)]


class _Difference(NamedTuple):
    """What a rule gives for the bill as it is now, against what it gave."""

    award: AwardContribution | None
    candidate: Candidate | None
    more: int
    """How much more is left of it, once returns so far and what was forgiven are taken off; below zero for less."""
    corrected: AwardCorrected


def take_back(turn: ProgramTurn, record: TransactionUpdated) -> list[Decision]:
    """What rules gave too much, as far as it is still there."""
    falls = [one for one in _differences(turn, record) if one.more <= 0]
    if not falls:
        return []
    claims = [(one.award, -one.more) for one in falls if one.award is not None and one.more]
    taken = taken_back(turn, record.bill_number, bill_of(turn.state, record.bill_number), claims)
    forgiven = _forgiven(taken)
    awards = tuple(_with(one.corrected, forgiven) for one in falls)
    return [*taken, AwardsCorrected(bill_number=record.bill_number, awards=awards)]


def _forgiven(taken: Sequence[Decision]) -> Counter[Key]:
    """What was asked back and is not there."""
    forgiven: Counter[Key] = Counter()
    for one in (part for decision in taken for part in movements_in(decision) if isinstance(part, PointsReversed)):
        for reversal in one.reversals:
            forgiven[one.currency, reversal.rule_id] += reversal.forgiven
    return forgiven


def _with(award: AwardCorrected, forgiven: Counter[Key]) -> AwardCorrected:
    return structs.replace(award, forgiven=award.forgiven + forgiven[award.currency, award.rule_id])


def issue_more(turn: ProgramTurn, record: TransactionUpdated) -> list[Decision]:
    """What rules gave too little; a lot of its own."""
    rises = [one for one in _differences(turn, record) if one.candidate is not None]
    if not rises:
        return []
    bill = bill_of(turn.state, record.bill_number)
    sale = at_the_sale(turn, bill)
    tier = sale.program.tier_numbers.get(bill.parts[turn.program.id].tier_id)
    candidates = [structs.replace(one.candidate, points=one.more) for one in rises if one.candidate is not None]
    activity = Activity(key="", candidates=candidates, reference=record.bill_number)
    issued = issue(sale, (activity,), record.bill_number, tier)
    if isinstance(issued[-1], RecordRefused):
        return issued
    corrected = AwardsCorrected(bill_number=record.bill_number, awards=tuple(one.corrected for one in rises))
    return [*issued, *all_tracked(issued, sale), corrected]


def _differences(turn: ProgramTurn, record: TransactionUpdated) -> list[_Difference]:
    """The rules whose award is not what it would have been, in the order in which they paid."""
    bill = bill_of(turn.state, record.bill_number)
    if not corrected_in(turn, bill):
        return []
    part = bill.parts[turn.program.id]
    wanted = _wanted(at_the_sale(turn, bill), record, bill)
    known = {(award.currency, award.rule_id): award for award in part.awards}
    differences: list[_Difference] = []
    for currency, rule_id in dict.fromkeys((*known, *wanted)):
        award, candidate = known.get((currency, rule_id)), wanted.get((currency, rule_id))
        if isinstance(award, CancelledAward):
            continue
        points = 0 if candidate is None else candidate.points
        claimed = _asked_back(turn, bill, part, AwardContribution(currency, rule_id, _NO_LOT, points))
        had, had_claimed = (0, 0) if award is None else (award.points, award.claimed)
        forgiven = 0 if award is None else _forgiven_of(turn, record, award)
        if (had, had_claimed) != (points, claimed):
            more = points - claimed - (had - had_claimed)
            had_already = min(forgiven, max(0, more))
            more -= had_already
            corrected = AwardCorrected(
                currency=currency,
                rule_id=rule_id,
                points=points,
                claimed=claimed,
                forgiven=forgiven - had_already,
            )
            differences.append(
                _Difference(award=award, candidate=candidate if more > 0 else None, more=more, corrected=corrected)
            )
    return differences


def _forgiven_of(turn: ProgramTurn, record: TransactionUpdated, award: AwardContribution) -> int:
    """What corrections could not take of the award, and has not been taken since, when it came back."""
    account = account_of(turn.section, award.currency)
    claims = corrections(account, record.bill_number, award.rule_id) if account.claims else []
    return award.forgiven - sum(claim.taken for claim in claims)


def note_corrected(state: CustomerState, envelope: Envelope, decision: AwardsCorrected) -> None:
    """Returns of the bill go by these awards from now on."""
    part = bill_of(state, decision.bill_number).parts[envelope.program_id]
    awards = {(award.currency, award.rule_id): award for award in part.awards}
    for one in decision.awards:
        award = awards.get((one.currency, one.rule_id))
        if award is not None:
            award.points, award.claimed, award.forgiven = one.points, one.claimed, one.forgiven
            award.reversed = min(award.reversed, one.claimed)
            award.promised_reversed = min(award.promised_reversed, award.reversed)


def _wanted(sale: ProgramTurn, record: TransactionUpdated, bill: Bill) -> dict[Key, Candidate]:
    """What the bill gives as it is now."""
    if bill.cancelled:
        return {}
    as_sold, tier = bill_as_sold(record, bill), bill.parts[sale.program.id].tier_id
    weighted = sale.program.earning.weighted(as_sold, sale.day, tier)
    candidates = candidates_on_bill(sale, as_sold, weighted, tier)
    return {(one.currency or sale.program.currency, one.rule_id): one for one in candidates}


def _asked_back(turn: ProgramTurn, bill: Bill, part: BillPart, award: AwardContribution) -> int:
    return min(award.points, due(policy_of(turn).method, award, bill, part)) if part.returned_minor else 0


def bill_as_sold(record: TransactionUpdated, bill: Bill) -> TransactionAdded:
    """The bill as it would have come had it been right from the beginning."""
    return TransactionAdded(
        received_at=record.received_at,
        source=record.source,
        offset=record.offset,
        org_id=record.org_id,
        customer_id=record.customer_id,
        id=bill.record_id,
        digest=0,
        event_time=bill.paid_at,
        bill_number=record.bill_number,
        amount_minor=bill.amount_minor,
        currency=bill.currency,
        lines=record.lines,
    )
