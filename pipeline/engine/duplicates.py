"""Deduplication: each record is applied at most once; records older than the window are refused."""

from __future__ import annotations

from itertools import takewhile
from typing import Final

from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.kernel.turn import ProgramTurn, Turn
from pipeline.engine.state import CustomerState, Head
from schemas.facts import Decision, Envelope, RecordAccepted, RecordRefused, Refusal
from schemas.records import CustomerRecord

RECENT_MAX: Final = 20_000
"""Ids remembered of one customer: one record every two minutes for five weeks, and 0.6 MB of a head, which must fit a
message of the changelog. An id must not leave early, so records beyond are refused."""

HEAD_ITEMS_MAX: Final = 200_000
"""Ids, open lots and milestone periods of one customer, over all programs: at most 6 MB of a head."""


def admit(turn: Turn, record: CustomerRecord) -> list[Decision]:
    """Accept the record, or refuse it for its id or its age."""
    head, at = turn.head, turn.at
    # A window that a new program version widens does not bring back the ids that are forgotten.
    horizon = max(turn.as_of - turn.org.window_ms, head.horizon)
    recent = head.recent
    known = recent.get(turn.key)
    if known is not None and known[0] >= horizon:
        return [RecordRefused(reason=Refusal.ID_REUSED, subject=record.id)]
    if at < horizon:
        return [RecordRefused(reason=Refusal.TOO_OLD)]
    if len(recent) >= RECENT_MAX and sum(when >= horizon for when, _ in recent.values()) >= RECENT_MAX:
        return [RecordRefused(reason=Refusal.TOO_MANY)]
    if _items_of(head) >= HEAD_ITEMS_MAX:
        return [RecordRefused(reason=Refusal.TOTAL_TOO_LARGE)]
    return [RecordAccepted(digest=record.digest, forget_before=horizon)]


def _items_of(head: Head) -> int:
    items = len(head.recent)
    for section in head.sections.values():
        for account in section.accounts.values():
            items += len(account.lots)
        for periods in section.milestones.values():
            items += len(periods)
    return items


def _admit_in_program(turn: ProgramTurn, record: CustomerRecord) -> list[Decision]:  # noqa: ARG001 - a stage
    """Refuse a record for a program whose window is shorter than the org's longest, for which ids are remembered."""
    if turn.at < turn.head.clock - turn.program.window_ms:
        return [RecordRefused(reason=Refusal.TOO_OLD)]
    return []


def _remember(state: CustomerState, envelope: Envelope, decision: RecordAccepted) -> None:
    """Keep the id for as long as a duplicate must be detected; forget those that are too old by now."""
    head = state.head
    recent = head.recent
    key = key_of(envelope.cause)
    recent.pop(key, None)  # the same id from before the window, not swept out yet
    recent[key] = (envelope.at, decision.digest)
    head.horizon = horizon = decision.forget_before
    # Oldest come first but for late records; a late one stays until it is first, so none is forgotten too early.
    if recent[next(iter(recent))][0] < horizon:
        for forgotten in [*takewhile(lambda one: recent[one][0] < horizon, recent)]:
            del recent[forgotten]


def _nothing(_state: CustomerState, _envelope: Envelope, _decision: RecordRefused) -> None:
    """A refused record changes nothing but the customer's clock, which the kernel moves."""


ADMIT: Final = ProgramStage(_admit_in_program)
CONCERN: Final = Concern(name="duplicates", effects={RecordAccepted: _remember, RecordRefused: _nothing})
