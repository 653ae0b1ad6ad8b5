"""Deduplication: each record is applied at most once; records older than the window are refused, but for held ones."""

from __future__ import annotations

from itertools import takewhile
from typing import Final, get_args

from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.kernel.turn import ProgramTurn, Turn
from pipeline.engine.merging.passing import passed_on
from pipeline.engine.outcomes import is_waiting, note_refused, note_wait_ended, note_waits, uses_up_id, waited_as
from pipeline.engine.programs import LAG_ALLOWANCE_MS, WINDOW_MAX_MS, Org
from pipeline.engine.spilled import SpilledIds, bucket_of, entry_of, mark_of
from pipeline.engine.state import CustomerState, Head
from schemas.facts import (
    CustomersMerged,
    Decision,
    Envelope,
    IdsSpilled,
    MergeAsked,
    MergeFailed,
    PointsReleased,
    PointsTransferred,
    RecordAccepted,
    RecordParked,
    RecordRefused,
    Refusal,
    ReleasedBecause,
    ReturnParked,
    ReturnReleased,
    TransferInitiated,
    UpdateParked,
    UpdateReleased,
)
from schemas.records import OUTLASTING, AnyCustomerRecord, CustomerRecord, MergeCustomers, TransferPoints

RECENT_MAX: Final = 5_000
"""Ids in a head: a record every ten minutes for five weeks, and 0.14 MB. Further ones spill into entries, a bucket at a
time, so that 1 in 80 records of a customer with as many as that writes an entry."""

SPILLED_MAX: Final = 20_000
"""Ids in one entry: 0.6 MB, which must fit a message of the changelog, and 1,280,000 of one customer. An id must not
leave early, so records beyond are refused."""

HEAD_ITEMS_MAX: Final = 200_000
"""Ids, lots and milestone periods of one customer, over all programs: at most 6 MB of a head."""


def admit(turn: Turn, record: CustomerRecord) -> list[Decision]:
    """Accept the record, or refuse it for its id or its age; what comes for somebody who was merged is passed on."""
    # A window that a new program version widens does not bring back the ids that are forgotten.
    horizon = max(turn.as_of - turn.org.window_ms, turn.head.horizon)
    reason = _refusal_of(turn, record, horizon)
    if reason is Refusal.ID_REUSED:
        return [RecordRefused(reason=reason, subject=record.id)]
    if turn.head.merge is not None and (passed := passed_on(turn, record)):
        return passed
    accepted = RecordAccepted(digest=record.digest, forget_before=horizon)
    if reason is None:
        return [*_make_room(turn, horizon), accepted]
    refused = RecordRefused(reason=reason)
    is_remembered = uses_up_id(reason, type(record).__name__) and not _is_full(turn, horizon)
    return [*_make_room(turn, horizon), accepted, refused] if is_remembered else [refused]


def _refusal_of(turn: Turn, record: CustomerRecord, horizon: int) -> Refusal | None:
    known = turn.head.recent.get(turn.key) or turn.state.spilled_id(turn.key, horizon)
    if known is not None and known[0] >= horizon:
        return Refusal.ID_REUSED
    if turn.at < horizon and not _outlasts(turn, record):
        return Refusal.TOO_OLD
    if _is_full(turn, horizon):
        return Refusal.TOO_MANY
    return Refusal.TOTAL_TOO_LARGE if _items_of(turn.head) >= HEAD_ITEMS_MAX else None


def _outlasts(turn: Turn | ProgramTurn, record: CustomerRecord) -> bool:
    """Whether the record counts however old it is: what was held was not too old when it came."""
    return turn.was_held and isinstance(record, OUTLASTING)


def _is_full(turn: Turn, horizon: int) -> bool:
    """Whether neither the head nor the entry of the record's bucket holds one id more."""
    if not _is_head_full(turn.head, horizon):
        return False
    spilled = turn.state.spilled(turn.key)
    return spilled is not None and _count(spilled.recent, horizon) >= SPILLED_MAX


def _is_head_full(head: Head, horizon: int) -> bool:
    return len(head.recent) >= RECENT_MAX and _count(head.recent, horizon) >= RECENT_MAX


def _count(recent: dict[int, tuple[int, int]], horizon: int) -> int:
    return sum(when >= horizon for when, _ in recent.values())


def _make_room(turn: Turn, horizon: int) -> list[Decision]:
    """Where the head is full, the ids of the record's own bucket spill: the entry that is at hand to look it up in."""
    if not _is_head_full(turn.head, horizon):
        return []
    bucket = bucket_of(turn.key)
    return [IdsSpilled(bucket=bucket, forget_before=horizon)] if _spilling(turn.head, bucket, horizon) else []


def _spilling(head: Head, bucket: int, horizon: int) -> list[int]:
    """The ids of a bucket that may leave the head; those of records that wait stay, as their outcome is still open."""
    return [
        key
        for key, (when, _) in head.recent.items()
        if key >= 0 and bucket_of(key) == bucket and when >= horizon and not is_waiting(head, key)
    ]


def _items_of(head: Head) -> int:
    items = len(head.recent) + len(head.outcomes) + head.lots
    for section in head.sections.values():
        items += len(section.rewards)
        for periods in section.milestones.values():
            items += len(periods)
        for tallies in section.tallies.values():
            items += sum(len(tally.keys) + len(tally.uses) for tally in tallies.values())
    return items


def _admit_in_program(turn: ProgramTurn, record: CustomerRecord) -> list[Decision]:
    """Refuse a record for a program whose window is shorter than the org's longest, for which ids are remembered."""
    if turn.at < turn.head.clock - turn.program.window_ms and not _outlasts(turn, record):
        return [RecordRefused(reason=Refusal.TOO_OLD)]
    return []


def _remember(state: CustomerState, envelope: Envelope, decision: RecordAccepted) -> None:
    """Keep the id for as long as a duplicate must be detected; forget those that are too old by now."""
    head = state.head
    recent = head.recent
    key = key_of(envelope.cause)
    recent.pop(key, None)  # the same id from before the window, not swept out yet
    horizon = decision.forget_before
    # A command that is refused as too old, and what was held for long, is remembered from now on.
    recent[key] = (envelope.at if envelope.at >= horizon else envelope.as_of, decision.digest)
    head.horizon = horizon
    outcomes = head.outcomes
    if outcomes:
        outcomes.pop(key, None)
    # Oldest come first but for late records; a late one stays until it is first, so none is forgotten too early.
    if recent[next(iter(recent))][0] < horizon:
        for forgotten in [*takewhile(lambda one: recent[one][0] < horizon, recent)]:
            del recent[forgotten]
            outcomes.pop(forgotten, None)


def _spill(state: CustomerState, _envelope: Envelope, decision: IdsSpilled) -> None:
    head, bucket, horizon = state.head, decision.bucket, decision.forget_before
    before = state.spilled_of(bucket) or SpilledIds(forgotten_at=0)
    recent = {key: known for key, known in before.recent.items() if known[0] >= horizon}
    outcomes = {key: outcome for key, outcome in before.outcomes.items() if key in recent}
    for key in _spilling(head, bucket, horizon):
        recent[key] = head.recent.pop(key)
        if key in head.outcomes:
            outcomes[key] = head.outcomes.pop(key)
    newest = max(when for when, _ in recent.values())
    head.recent.pop(mark_of(bucket), None)  # it moves to the end, as what is oldest leaves first
    head.recent[mark_of(bucket)] = (newest, 0)
    forgotten_at = newest + WINDOW_MAX_MS + LAG_ALLOWANCE_MS + 1
    state.entries[entry_of(bucket)] = SpilledIds(forgotten_at=forgotten_at, recent=recent, outcomes=outcomes)


def _entry_of_id(head: Head, record: CustomerRecord, _org: Org) -> tuple[str, ...]:
    """The entry in which the record's id may be, or which it makes room in."""
    recent = head.recent
    bucket = bucket_of(key_of(f"{type(record).__name__}:{record.id}"))
    return (entry_of(bucket),) if len(recent) >= RECENT_MAX or mark_of(bucket) in recent else ()


def _note_refused(state: CustomerState, envelope: Envelope, decision: RecordRefused) -> None:
    note_refused(state.head, envelope, decision.reason)


def _note_parked(state: CustomerState, envelope: Envelope, _decision: RecordParked) -> None:
    note_waits(state.head, envelope.cause)


def _note_released(state: CustomerState, envelope: Envelope, decision: ReturnReleased | UpdateReleased) -> None:
    """A record that is released in a turn of its own is decided next; one that a timer releases is refused."""
    cause = waited_as(decision)
    note_wait_ended(state.head, cause, None if envelope.cause == cause else Refusal.BILL_UNKNOWN)


def _note_offered(state: CustomerState, envelope: Envelope, _decision: TransferInitiated | MergeAsked) -> None:
    note_waits(state.head, envelope.cause)


def _note_transferred(state: CustomerState, _envelope: Envelope, decision: PointsTransferred) -> None:
    note_wait_ended(state.head, f"{TransferPoints.__name__}:{decision.transfer_id}", None)


def _note_given_back(state: CustomerState, _envelope: Envelope, decision: PointsReleased) -> None:
    """A transfer that the receiver refused was refused."""
    if decision.because is ReleasedBecause.REFUSED:
        cause = f"{TransferPoints.__name__}:{decision.hold_id}"
        note_wait_ended(state.head, cause, Refusal[decision.reason.upper()])


def _note_merged(state: CustomerState, _envelope: Envelope, decision: CustomersMerged | MergeFailed) -> None:
    """A merge that the victim refused was refused."""
    refused = decision.reason if isinstance(decision, MergeFailed) else None
    note_wait_ended(state.head, f"{MergeCustomers.__name__}:{decision.merge_id}", refused)


ADMIT: Final = ProgramStage(_admit_in_program)
CONCERN: Final = Concern(
    name="duplicates",
    effects={
        IdsSpilled: _spill,
        RecordAccepted: _remember,
        RecordRefused: _note_refused,
        ReturnParked: _note_parked,
        ReturnReleased: _note_released,
        TransferInitiated: _note_offered,
        PointsTransferred: _note_transferred,
        PointsReleased: _note_given_back,
        MergeAsked: _note_offered,
        CustomersMerged: _note_merged,
        MergeFailed: _note_merged,
        UpdateParked: _note_parked,
        UpdateReleased: _note_released,
    },
    needs=dict.fromkeys(get_args(AnyCustomerRecord), _entry_of_id),
    entries={IdsSpilled: lambda decision: entry_of(decision.bucket)},
    ends=(RecordRefused,),
)
