"""Repeats: a record counts once, and one too old to be told from a repeat does not count at all."""

from __future__ import annotations

from pipeline.engine.moment import Moment
from pipeline.engine.state import CustomerState, Head
from schemas.facts import Fact, RecordAccepted, RecordRefused, Refusal
from schemas.records import CustomerRecord


def is_repeat(head: Head, record: CustomerRecord, cause: str) -> bool:
    """Whether this very record, id and content, came before."""
    known = head.recent.get(cause)
    return known is not None and known[1] == record.digest


def admit(state: CustomerState, record: CustomerRecord, moment: Moment) -> list[Fact]:
    """Take the record in, or refuse it for its id or its age."""
    head = state.head
    # A window that a new program version widens does not bring back ids that are forgotten.
    horizon = max(head.horizon, moment.clock - moment.org.window_ms)
    if moment.cause in head.recent:
        return [
            RecordRefused(head.seq + 1, moment.cause, moment.at, Refusal.ID_REUSED, moment.clock, subject=record.id)
        ]
    if record.event_time < horizon:
        return [RecordRefused(head.seq + 1, moment.cause, moment.at, Refusal.TOO_OLD, moment.clock)]
    return [RecordAccepted(head.seq + 1, moment.cause, moment.at, moment.clock, record.digest, horizon)]


def remember(state: CustomerState, fact: RecordAccepted) -> None:
    """Keep the id for as long as a repeat must be told; forget those that are too old by now."""
    head = state.head
    head.clock = fact.clock
    head.horizon = horizon = fact.forget_before
    recent = head.recent
    recent[fact.cause] = (fact.at, fact.digest)
    # Oldest come first but for late records; one of those stays until it is first, so none is forgotten too early.
    while True:
        first = next(iter(recent))  # never exhausted: the id just noted lies within the window
        if recent[first][0] >= horizon:
            return
        del recent[first]


def move_clock(state: CustomerState, fact: RecordRefused) -> None:
    """A refused record still shows what time it is."""
    state.head.clock = max(state.head.clock, fact.clock)
