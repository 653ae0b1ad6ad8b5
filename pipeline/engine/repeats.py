"""Repeats: a record counts once, and one too old to be told from a repeat does not count at all."""

from __future__ import annotations

from itertools import takewhile
from typing import Final

from pipeline.engine.state import CustomerState, Head
from pipeline.engine.turn import Turn
from schemas.facts import Fact, RecordAccepted, RecordRefused, Refusal
from schemas.records import CustomerRecord

RECENT_MAX: Final = 20_000
"""Ids remembered of one customer: one record every two minutes for five weeks, and at most 3 MB of a head, which must
fit a message of the changelog. An id must not leave early, so what comes beyond is refused."""


def is_repeat(head: Head, record: CustomerRecord, cause: str) -> bool:
    """Whether this very record, id and content, came before."""
    return cause in head.recent and head.recent[cause][1] == record.digest


def admit(turn: Turn, record: CustomerRecord) -> list[Fact]:
    """Take the record in, or refuse it for its id or its age."""
    head, cause, at, clock = turn.head, turn.cause, turn.at, turn.clock
    horizon = clock - turn.org.window_ms
    # A window that a new program version widens does not bring back the ids that are forgotten.
    horizon = max(horizon, head.horizon)
    known = head.recent.get(cause)
    if known is not None and known[0] >= horizon:
        return [RecordRefused(head.seq + 1, cause, at, Refusal.ID_REUSED, clock, subject=record.id)]
    if at < horizon:
        return [RecordRefused(head.seq + 1, cause, at, Refusal.TOO_OLD, clock)]
    recent = head.recent
    if len(recent) >= RECENT_MAX and sum(when >= horizon for when, _ in recent.values()) >= RECENT_MAX:
        return [RecordRefused(head.seq + 1, cause, at, Refusal.TOO_MANY, clock)]
    return [RecordAccepted(head.seq + 1, cause, at, clock, record.digest, horizon)]


def remember(state: CustomerState, fact: RecordAccepted) -> None:
    """Keep the id for as long as a repeat must be told; forget those that are too old by now."""
    head = state.head
    recent = head.recent
    recent.pop(fact.cause, None)  # the same id from before the window, which nothing had swept out yet
    recent[fact.cause] = (fact.at, fact.digest)
    head.clock = fact.clock
    head.horizon = horizon = fact.forget_before
    # Oldest come first but for late records; one of those stays until it is first, so none is forgotten too early.
    if recent[next(iter(recent))][0] < horizon:
        for forgotten in [*takewhile(lambda key: recent[key][0] < horizon, recent)]:
            del recent[forgotten]


def move_clock(state: CustomerState, fact: RecordRefused) -> None:
    """A refused record still shows what time it is."""
    state.head.clock = max(state.head.clock, fact.clock)
