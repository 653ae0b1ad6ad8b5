"""Builds replies from a record, what was decided, and what is remembered: a pure function, as notifications are.

Answered are commands, whatever becomes of them, and of events those that were refused, wait, or came before: an event
that counts gives no reply. While history is loaded (event mode) only commands are answered, since a second import of
the same file would answer every line of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

import msgspec

from pipeline.engine.outcomes import DONE, WAITED, Outcome, outcome_of, waited_as
from pipeline.replies import refusals, results
from pipeline.replies.results import Amount
from pipeline.replies.vendor import vendor_code
from schemas.facts import (
    CustomerResolved,
    CustomersMerged,
    Decision,
    Envelope,
    Group,
    HoldEnded,
    IdentifierClaimed,
    MergeAsked,
    MergeFailed,
    MessageHeld,
    PointsReleased,
    PointsTransferred,
    RecordParked,
    RecordPassedOn,
    RecordRefused,
    RecordReleased,
    Refusal,
    ReturnParked,
    TransferInitiated,
    UpdateParked,
)
from schemas.records import (
    AnswerMerge,
    AnswerTransfer,
    AssignTransaction,
    CommandRecord,
    CustomerRecord,
    CustomEventReceived,
    EndHold,
    LinkIdentifiers,
    MergeCustomers,
    TransferPoints,
    as_sent,
    record_in,
)
from schemas.replies import Reply, ReplyOutcome

NAMESPACE: Final = UUID("0c1f5b0e-8d5b-5a7e-9f0d-3f6a0f0b7c52")
"""The UUIDv5 namespace of all reply ids. Never change it: every id would."""
ANSWERED: Final = frozenset(
    (
        RecordRefused,
        ReturnParked,
        UpdateParked,
        MessageHeld,
        *WAITED,
        PointsTransferred,
        PointsReleased,
        CustomersMerged,
        MergeFailed,
    )
)
"""The kinds of decision that make an event be answered."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES: Final[dict[type[CustomerRecord], str]] = {CustomEventReceived: "customEvent"}


class Place(NamedTuple):
    """Where in the journal something was decided, about whom."""

    partition: int
    offset: int
    org_id: int
    customer_id: int
    at: int
    """When intake took the record; for a tick the instant that it announced."""


def is_answered(record: CustomerRecord | None, *, event_mode: bool) -> bool:
    """Whether what becomes of a record (None for a tick) is told at all."""
    return not event_mode or isinstance(record, CommandRecord)


def replies_of(
    place: Place,
    record: CustomerRecord | None,
    groups: Sequence[Group],
    first_seq: int,
    amount: Amount,
    *,
    was_held: bool = False,
) -> list[Reply]:
    """The replies to what was decided at one place: of the record itself, and of what no longer waits.

    `was_held`: whether the record has waited for its customer to be known, which its sender was told.
    """
    replies: list[Reply] = []
    own = None if record is None else f"{type(record).__name__}:{record.id}"
    record = None if record is None else as_sent(record)
    for cause, decided, seq in _by_cause(groups, first_seq):
        if cause == own and record is not None:
            if isinstance(record, AnswerTransfer):
                replies.append(_reply_to_transfer(place, record, decided, seq, amount))
            elif isinstance(record, EndHold):
                replies.append(_reply_to(place, _ended(decided), decided, seq, amount))
            elif isinstance(record, AnswerMerge):
                replies.append(_reply_to_merge(place, record, seq))
            elif any(isinstance(decision, CustomerResolved | RecordPassedOn) for _, decision in decided):
                continue  # who it is passed on to answers
            elif isinstance(record, LinkIdentifiers) and record.asked:
                replies.append(_reply_to_link(place, record, decided, seq))
            elif isinstance(record, CommandRecord) or was_held or outcome_of(decided) != DONE:
                replies.append(_reply_to(place, record, decided, seq, amount))
        else:
            replies += _replies_to_waiting(place, cause, decided, seq)
    return replies


def reply_to_duplicate(place: Place, record: CustomerRecord, first: Outcome, seq: int) -> Reply:
    """The reply to a record that came before, and had that outcome then; `seq`: the customer's count by now."""
    outcome = _name_of(first)
    why = f" ({first.reason.text})" if first.reason else ""
    then = "waits for another record" if first.waits else f"was {outcome} then{why}"
    return _reply(
        place,
        record_id=record.id,
        kind=type(record),
        request_id=_request_of(record),
        outcome=ReplyOutcome.DUPLICATE,
        first_outcome=outcome,
        first_or_own=first,
        message=f"It came before, {then}, and does not count again.",
        seq=seq,
    )


def _by_cause(groups: Iterable[Group], first_seq: int) -> list[tuple[str, list[tuple[Envelope, Decision]], int]]:
    """By cause, in order: its decisions, and the count of the last of them."""
    found: dict[str, tuple[list[tuple[Envelope, Decision]], int]] = {}
    seq = first_seq - 1
    for group in groups:
        seq += len(group.decisions)
        decided, _ = found.get(group.envelope.cause, ([], 0))
        decided += [(group.envelope, decision) for decision in group.decisions]
        found[group.envelope.cause] = (decided, seq)
    return [(cause, decided, last) for cause, (decided, last) in found.items()]


def _reply_to(
    place: Place, record: CustomerRecord, decided: Sequence[tuple[Envelope, Decision]], seq: int, amount: Amount
) -> Reply:
    outcome = outcome_of(decided)
    moved = results.results_of(decided, amount) if isinstance(record, CommandRecord) else []
    assigned = results.assigned_in(decided) if isinstance(record, AssignTransaction) else []
    return _reply(
        place,
        record_id=record.id,
        kind=type(record),
        request_id=_request_of(record),
        outcome=_name_of(outcome),
        first_or_own=outcome,
        message=_message(decided, outcome, results.told(moved)),
        seq=seq,
        result=[*moved, *assigned],
    )


def _ended(decided: Sequence[tuple[Envelope, Decision]]) -> CustomerRecord:
    """The record that is held no longer."""
    return next(record_in(decision.record) for _, decision in decided if isinstance(decision, HoldEnded))


def _reply_to_transfer(
    place: Place, answer: AnswerTransfer, decided: Sequence[tuple[Envelope, Decision]], seq: int, amount: Amount
) -> Reply:
    """What became of a transfer, which has waited for the receiver's answer."""
    outcome = Outcome(reason=Refusal(answer.refusal)) if answer.refusal else DONE
    kind = PointsReleased if answer.refusal else PointsTransferred
    result = results.results_of([one for one in decided if isinstance(one[1], kind)], amount)
    numbers = results.told(result)
    why = "" if outcome.reason is None else f"Refused: {refusals.told(outcome.reason.text, answer.subject)}. "
    return _reply(
        place,
        record_id=answer.transfer_id,
        kind=TransferPoints,
        request_id=None,
        outcome=_name_of(outcome),
        first_or_own=outcome,
        message=f"{why}{'Back again' if why else 'Done'}: {numbers}.",
        seq=seq,
        result=result,
    )


def _reply_to_merge(place: Place, answer: AnswerMerge, seq: int) -> Reply:
    """What became of a merge, which has waited for the victim."""
    outcome = Outcome(reason=Refusal(answer.refusal)) if answer.refusal else DONE
    why = "" if outcome.reason is None else refusals.told(outcome.reason.text, answer.subject)
    return _reply(
        place,
        record_id=answer.merge_id,
        kind=MergeCustomers,
        request_id=None,
        outcome=_name_of(outcome),
        first_or_own=outcome,
        message=f"Refused: {why}." if why else f"Done: customer {answer.sender_id} is merged into this one.",
        seq=seq,
    )


def _reply_to_link(
    place: Place, record: LinkIdentifiers, decided: Sequence[tuple[Envelope, Decision]], seq: int
) -> Reply:
    """Done, also where an identifier is another customer's and stays there, as the sentence says."""
    outcome = outcome_of(decided)
    others = ", ".join(one.kind for _, one in decided if isinstance(one, IdentifierClaimed))
    reply = _reply(
        place._replace(customer_id=record.person),
        record_id=record.asked,
        kind=LinkIdentifiers,
        request_id=_request_of(record),
        outcome=_name_of(outcome),
        first_or_own=outcome,
        message=f"Done, but another customer has the {others}." if others else _message(decided, outcome),
        seq=seq,
    )
    return msgspec.structs.replace(reply, type="unlinkIdentifiers") if record.unlink else reply


def _replies_to_waiting(
    place: Place, cause: str, decided: Sequence[tuple[Envelope, Decision]], seq: int
) -> list[Reply]:
    """What became of the records that one cause has released: decided in their own turn, or refused by a timer."""
    replies: list[Reply] = []
    for number, (_, decision) in enumerate(decided):
        if isinstance(decision, RecordReleased):
            own = cause == waited_as(decision)
            about = decided if own else decided[number : number + 2]
            outcome = outcome_of(about)
            replies.append(
                _reply(
                    place,
                    record_id=decision.record_id,
                    kind=WAITED[type(decision)],
                    request_id=None,
                    outcome=_name_of(outcome),
                    first_or_own=outcome,
                    message=_message(about, outcome),
                    seq=seq,
                )
            )
    return replies


def _message(decided: Sequence[tuple[Envelope, Decision]], outcome: Outcome, numbers: str = "") -> str:
    offered = next((decision for _, decision in decided if isinstance(decision, TransferInitiated)), None)
    if offered is not None:
        return f"The points are put aside until customer {offered.receiver_id} has answered."
    asked = next((decision for _, decision in decided if isinstance(decision, MergeAsked)), None)
    if asked is not None:
        return f"It waits until customer {asked.victim_id} has handed over all that they have."
    held = next((decision for _, decision in decided if isinstance(decision, MessageHeld)), None)
    if held is not None:
        return f"It waits until somebody is known by its identifiers, until {iso(held.until)} at the latest."
    if outcome.waits:
        until = max(decision.until for _, decision in decided if isinstance(decision, RecordParked))
        return f"It waits for its bill, until {iso(until)} at the latest."
    if outcome == DONE:
        return f"Done: {numbers}." if numbers else "Done."
    return f"Refused: {_why(next(one for _, one in decided if isinstance(one, RecordRefused)))}."


def _why(decision: RecordRefused) -> str:
    return refusals.told(decision.reason.text, decision.subject)


def _name_of(outcome: Outcome) -> ReplyOutcome:
    if outcome.waits:
        return ReplyOutcome.HELD
    return ReplyOutcome.DONE if outcome.reason is None else ReplyOutcome.REFUSED


def _request_of(record: CustomerRecord) -> str:
    return f"{record.source}:{record.offset}"


def _reply(
    place: Place,
    *,
    record_id: str,
    kind: type[CustomerRecord],
    request_id: str | None,
    outcome: ReplyOutcome,
    first_or_own: Outcome,
    message: str,
    seq: int,
    first_outcome: ReplyOutcome | None = None,
    result: list[dict[str, Any]] | None = None,
) -> Reply:
    partition, offset, org_id, customer_id, at = place
    type_name = type_of(kind)
    reason = first_or_own.reason
    named = f"{partition}:{offset}:{org_id}:{customer_id}:{type_name}:{record_id}"
    return Reply(
        reply_id=str(uuid5(NAMESPACE, named)),
        request_id=request_id,
        record_id=record_id,
        org_id=org_id,
        customer_id=customer_id,
        type=type_name,
        outcome=outcome,
        first_outcome=first_outcome,
        reason=None if reason is None else reason.text,
        vendor_code=None if reason is None else vendor_code(reason, of_transfer=kind is TransferPoints),
        message=message,
        at=iso(at),
        seq=seq,
        result=result or [],
    )


def type_of(kind: type[CustomerRecord]) -> str:
    """The `type` of the messages that become records of a kind."""
    name = kind.__name__
    return _TYPES.get(kind) or name[0].lower() + name[1:]


def iso(instant: int) -> str:
    """The instant (milliseconds since the epoch) in ISO 8601, in UTC: `2026-03-01T10:00:00.000Z`."""
    at = _EPOCH + timedelta(milliseconds=instant)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{instant % 1000:03}Z"
