"""Merging two customers who are the same person: the survivor gets all that the victim has.

1. The survivor asks the victim, if they can be merged from there.
2. The victim hands over, program by program, what they have, or refuses; from then on each record about them is passed
   on to the survivor under its own id.
3. The survivor takes it over, piece by piece, and is told to have been merged when the last one has come.

RULE (what moves): points, purchases, milestones, streaks, unified targets and trackers add up; the tier is the higher
one of both, one that was given for as long as it was. Bills, ids of records, and returns that wait for their bill stay
behind with the victim, so a later return of one of the victim's bills finds none; profile, identifiers and status are
the survivor's. What tiers measure since they were reached is the survivor's own.
RULE (who): both are registered, neither is blocked or marked for fraud, nothing of the victim is put aside, and each
has at most half of what a customer may have. A customer who was merged is merged no more, into nobody and with nobody;
nor is one who waits for a victim of their own, so no two customers are ever merged into each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn, Turn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.ledger.conditions import broken_by_standing
from pipeline.engine.ledger.issue import LOTS_MAX, PROMISED_LOTS_MAX
from pipeline.engine.merging import points, sections, tiers
from pipeline.engine.merging.passing import forward
from pipeline.engine.merging.state import Merge
from pipeline.engine.programs import Org
from pipeline.engine.state import CustomerState, Head, Section
from pipeline.engine.tiers.assess import has_tiers
from pipeline.engine.unique import join, unique_ids
from schemas.facts import (
    CustomerMerged,
    CustomersMerged,
    Decision,
    Envelope,
    MergeAsked,
    MergedStanding,
    MergeFailed,
    MergeHandedOver,
    MergeRefused,
    PointsHandedOver,
    RecordPassedOn,
    RecordRefused,
    Refusal,
    SectionHandedOver,
)
from schemas.records import (
    AnswerMerge,
    HandOver,
    MergeCustomers,
    TakeOverPoints,
    TakeOverSection,
)

MERGES_MAX: Final = 100
"""Victims that a survivor waits for at one time."""
VICTIMS_MAX: Final = 1_000
"""Customers who are merged into one."""


class Hindrance(NamedTuple):
    """Why a customer cannot be merged."""

    reason: Refusal
    subject: str = ""


def survives(turn: Turn, record: MergeCustomers) -> list[Decision]:  # noqa: ARG001 - a stage
    """A customer who was merged survives nobody: the request is not passed on."""
    merge = turn.head.merge
    if merge is None or not merge.into:
        return []
    return [RecordRefused(reason=Refusal.CUSTOMER_MERGED, subject=str(merge.into))]


def start(turn: Turn, record: MergeCustomers) -> list[Decision]:
    """The victim is asked, unless this customer cannot get what they have."""
    hindrance = _hinders_start(turn, record)
    if hindrance is not None:
        return [RecordRefused(reason=hindrance.reason, subject=hindrance.subject)]
    programs = tuple(program.id for program in turn.org.programs)
    return [MergeAsked(merge_id=record.id, victim_id=record.victim_id, programs=programs)]


def _hinders_start(turn: Turn, record: MergeCustomers) -> Hindrance | None:
    if turn.backfill:
        return Hindrance(Refusal.IN_BACKFILL)
    if record.victim_id == record.customer_id:
        return Hindrance(Refusal.SAME_CUSTOMER, str(record.victim_id))
    merge = turn.head.merge or Merge()
    if record.victim_id in merge.awaits or len(merge.awaits) >= MERGES_MAX or len(merge.victims) >= VICTIMS_MAX:
        return Hindrance(Refusal.MERGE_UNDER_WAY, str(record.victim_id))
    return _hinders(turn.head)


def _hinders(head: Head) -> Hindrance | None:
    """What hinders on either side."""
    broken = broken_by_standing(head.standing)
    if broken is not None:
        return Hindrance(broken.reason)
    if head.lots > LOTS_MAX // 2 or head.promised_lots > PROMISED_LOTS_MAX // 2:
        return Hindrance(Refusal.TOTAL_TOO_LARGE)
    return None


def give_up(turn: Turn, record: HandOver) -> list[Decision]:
    """The victim is the sender from now on, or stays a customer of their own."""
    hindrance = _hinders_handing_over(turn, record)
    if hindrance is None:
        return [CustomerMerged(merge_id=record.merge_id, survivor_id=record.sender_id)]
    return [
        MergeRefused(
            merge_id=record.merge_id,
            survivor_id=record.sender_id,
            reason=hindrance.reason,
            subject=hindrance.subject,
        )
    ]


def _hinders_handing_over(turn: Turn, record: HandOver) -> Hindrance | None:
    head, merge = turn.head, turn.head.merge or Merge()
    unknown = {*head.sections, *(program.id for program in turn.org.programs)} - {*record.programs}
    accounts = [account for section in head.sections.values() for account in section.accounts.values()]
    if turn.backfill:
        hindrance = Hindrance(Refusal.IN_BACKFILL)
    elif merge.into:
        hindrance = Hindrance(Refusal.CUSTOMER_MERGED, str(merge.into))
    elif head.registered_at is None:
        hindrance = Hindrance(Refusal.CUSTOMER_UNKNOWN)
    elif merge.awaits:
        hindrance = Hindrance(Refusal.MERGE_UNDER_WAY, str(min(merge.awaits)))
    elif any(account.holds for account in accounts):
        hindrance = Hindrance(Refusal.POINTS_HELD)
    elif unknown or not turn.org.programs:
        hindrance = Hindrance(Refusal.PROGRAM_UNKNOWN, str(min(unknown, default=0)))
    else:
        return _hinders(head)
    return hindrance


def _hand_over_section(turn: ProgramTurn, record: HandOver) -> list[Decision]:
    section, program = turn.section, turn.program
    return [
        SectionHandedOver(
            merge_id=record.merge_id,
            survivor_id=record.sender_id,
            previous=section.tier,
            previous_id=section.tier_id,
            reached=program.base_tier,
            reached_id=program.tier_ids[program.base_tier],
            transactions=section.transactions,
            purchases_minor=section.purchases_minor,
            returned_minor=section.returned_minor,
            section=sections.handed_over(section),
            own_id=tiers.own_tier(turn),
            given=tuple(tiers.given(section)),
        )
    ]


def _end_handing_over(turn: ProgramTurn, record: HandOver) -> list[Decision]:
    """After the last program of the org."""
    if turn.program.id != turn.timeline.at(turn.head.clock).programs[-1].id:
        return []
    unique = tuple(unique_ids(turn.state))
    return [MergeHandedOver(merge_id=record.merge_id, survivor_id=record.sender_id, unique=unique)]


def _take_over_section(turn: ProgramTurn, record: TakeOverSection) -> list[Decision]:
    return [sections.taken_over(turn, record)]


def end(turn: Turn, record: AnswerMerge) -> list[Decision]:
    """All that the victim had is here, or nothing of it."""
    if record.refusal:
        return [
            MergeFailed(
                merge_id=record.merge_id,
                victim_id=record.sender_id,
                reason=Refusal(record.refusal),
                subject=record.subject,
            )
        ]
    standings = tuple(
        _standing(program_id, section, turn.org) for program_id, section in sorted(turn.head.sections.items())
    )
    unique, others = join(turn.state, record.unique)
    return [
        CustomersMerged(merge_id=record.merge_id, victim_id=record.sender_id, standings=standings, unique=unique),
        *others,
    ]


def _standing(program_id: int, section: Section, org: Org) -> MergedStanding:
    program = org.get(program_id)
    account = account_of(section, "" if program is None else program.currency)
    return MergedStanding(
        program_id=program_id,
        lifetime=account.lifetime,
        current=account.balance,
        promised=account.promised,
        tier=section.tier,
    )


def _merge(state: CustomerState) -> Merge:
    if state.head.merge is None:
        state.head.merge = Merge()
    return state.head.merge


def _note_asked(state: CustomerState, _envelope: Envelope, decision: MergeAsked) -> None:
    _merge(state).awaits[decision.victim_id] = decision.merge_id


def _note_merged(state: CustomerState, _envelope: Envelope, decision: CustomerMerged) -> None:
    _merge(state).into = decision.survivor_id


def _note_victim(state: CustomerState, _envelope: Envelope, decision: CustomersMerged) -> None:
    merge = _merge(state)
    del merge.awaits[decision.victim_id]
    merge.victims.append(decision.victim_id)


def _note_failed(state: CustomerState, _envelope: Envelope, decision: MergeFailed) -> None:
    merge = _merge(state)
    del merge.awaits[decision.victim_id]
    if merge == Merge():
        state.head.merge = None


def _nothing(_state: CustomerState, _envelope: Envelope, _decision: Decision) -> None:
    """It leaves nothing behind here."""


def _awaited(state: CustomerState, record: TakeOverSection | TakeOverPoints | AnswerMerge) -> bool:
    merge = state.head.merge
    return merge is not None and merge.awaits.get(record.sender_id) == record.merge_id


def _ask_victim(decision: MergeAsked, _envelope: Envelope, stated: Mapping[str, Any]) -> HandOver:
    return HandOver(customer_id=decision.victim_id, merge_id=decision.merge_id, programs=decision.programs, **stated)


def _pass_section(decision: SectionHandedOver, envelope: Envelope, stated: Mapping[str, Any]) -> TakeOverSection:
    return TakeOverSection(
        customer_id=decision.survivor_id,
        merge_id=decision.merge_id,
        program_id=envelope.program_id,
        tier_id=decision.own_id,
        transactions=decision.transactions,
        purchases_minor=decision.purchases_minor,
        returned_minor=decision.returned_minor,
        section=decision.section,
        given=decision.given,
        **stated,
    )


def _pass_points(decision: PointsHandedOver, envelope: Envelope, stated: Mapping[str, Any]) -> TakeOverPoints:
    return TakeOverPoints(
        customer_id=decision.survivor_id,
        merge_id=decision.merge_id,
        program_id=envelope.program_id,
        currency=decision.currency,
        parts=decision.parts,
        promises=decision.promises,
        owed=decision.owed,
        counted=decision.counted,
        **stated,
    )


def _done(decision: MergeHandedOver, _envelope: Envelope, stated: Mapping[str, Any]) -> AnswerMerge:
    return AnswerMerge(customer_id=decision.survivor_id, merge_id=decision.merge_id, unique=decision.unique, **stated)


def _not_done(decision: MergeRefused, _envelope: Envelope, stated: Mapping[str, Any]) -> AnswerMerge:
    return AnswerMerge(
        customer_id=decision.survivor_id,
        merge_id=decision.merge_id,
        refusal=int(decision.reason),
        subject=decision.subject,
        **stated,
    )


HAND_OVER: Final = (
    ProgramStage(_hand_over_section),
    ProgramStage(points.hand_over),
    ProgramStage(_end_handing_over),
)
TAKE_OVER_SECTION: Final = ProgramStage(_take_over_section)
RAISE_TIER: Final = ProgramStage(tiers.raise_tier, used=has_tiers)
TAKE_OVER_POINTS: Final = ProgramStage(points.take_over)
CONCERN: Final = Concern(
    name="merging",
    effects={
        MergeAsked: _note_asked,
        CustomerMerged: _note_merged,
        MergeRefused: _nothing,
        RecordPassedOn: _nothing,
        MergeHandedOver: _nothing,
        CustomersMerged: _note_victim,
        MergeFailed: _note_failed,
    },
    requests={
        MergeAsked: _ask_victim,
        SectionHandedOver: _pass_section,
        PointsHandedOver: _pass_points,
        MergeHandedOver: _done,
        MergeRefused: _not_done,
        RecordPassedOn: forward,
    },
    answers={TakeOverSection: _awaited, TakeOverPoints: _awaited, AnswerMerge: _awaited},
    ends=(MergeRefused, RecordPassedOn),
)
