"""Events that are unique for ever: their ids are kept in entries of the customer's, looked at before their age.

RULE: an event with a unique key that came before is refused, however old either is. A customer has so many of them; the
next one is refused, as an id that is not kept could pay twice. Those of a customer who is merged count as the
survivor's.

The first ids lie in one entry, which most customers never fill; further ones in one of several entries each, by their
hash, so that an event writes so many ids at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, cast

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.programs import Org
from pipeline.engine.spilled import BUCKETS, bucket_of
from pipeline.engine.state import CustomerState, Head
from pipeline.engine.unique_state import UNIQUE, UniqueIds, entry_of
from schemas.facts import (
    CustomersMerged,
    Decision,
    Envelope,
    RecordRefused,
    Refusal,
    UniqueEventKept,
    UniqueEventsJoined,
)
from schemas.records import AnswerMerge, CustomEventReceived, HandOver

FIRST_MAX: Final = 256
"""Ids in the first entry, 2 kB."""
BUCKET_MAX: Final = 500
"""Ids in each further entry, 5 kB: some 30,000 of a customer."""


def once(turn: Turn, record: CustomEventReceived) -> list[Decision]:
    """Refuse an event that came before."""
    if not record.unique:
        return []
    bucket = _bucket_for(turn.state, turn.key)
    known = _ids(turn.state, bucket)
    if turn.key in known or turn.key in _ids(turn.state, None):
        return [RecordRefused(reason=Refusal.EVENT_EXISTS, subject=record.id)]
    return [RecordRefused(reason=Refusal.TOO_MANY)] if bucket is not None and len(known) >= BUCKET_MAX else []


def keep(turn: Turn, record: CustomEventReceived) -> list[Decision]:
    """Remember an event that counts."""
    return [UniqueEventKept(bucket=_bucket_for(turn.state, turn.key))] if record.unique else []


def unique_ids(state: CustomerState) -> Iterator[int]:
    """The events that are known, as hashes of type and id."""
    for bucket in (None, *range(BUCKETS)):
        yield from _ids(state, bucket)


def join(state: CustomerState, keys: Iterable[int]) -> tuple[tuple[int, ...], list[Decision]]:
    """Of the ids of a customer who is merged the new ones: those for the first entry, and what keeps the others."""
    known = {*unique_ids(state)}
    new = [key for key in keys if key not in known]
    room = max(0, FIRST_MAX - len(_ids(state, None)))
    by_bucket: dict[int, list[int]] = {}
    for key in new[room:]:
        by_bucket.setdefault(bucket_of(key), []).append(key)
    others: list[Decision] = [
        UniqueEventsJoined(bucket=bucket, keys=tuple(some)) for bucket, some in sorted(by_bucket.items())
    ]
    return tuple(new[:room]), others


def _bucket_for(state: CustomerState, key: int) -> int | None:
    """The bucket that an id belongs to; None while the first entry has room."""
    return bucket_of(key) if len(_ids(state, None)) >= FIRST_MAX else None


def _ids(state: CustomerState, bucket: int | None) -> list[int]:
    kept = cast("UniqueIds | None", state.entries.get(entry_of(bucket)))
    return [] if kept is None else kept.keys


def _note_kept(state: CustomerState, envelope: Envelope, decision: UniqueEventKept) -> None:
    _add(state, decision.bucket, [key_of(envelope.cause)])


def _note_merged(state: CustomerState, _envelope: Envelope, decision: CustomersMerged) -> None:
    if decision.unique:
        _add(state, None, decision.unique)


def _note_joined(state: CustomerState, _envelope: Envelope, decision: UniqueEventsJoined) -> None:
    _add(state, decision.bucket, decision.keys)


def _add(state: CustomerState, bucket: int | None, keys: Iterable[int]) -> None:
    """What does not fit need not be known: with so many no further event counts."""
    ids = [*_ids(state, bucket), *keys]
    state.entries[entry_of(bucket)] = UniqueIds(forgotten_at=NEVER, keys=ids[:BUCKET_MAX])


def _needs_first(_head: Head, _record: HandOver | AnswerMerge, _org: Org) -> tuple[str, ...]:
    return (UNIQUE,)


def _needs_all(state: CustomerState, record: HandOver | AnswerMerge, _org: Org) -> tuple[str, ...]:
    """Every further entry, where there are any, or may be after it."""
    more = len(record.unique) if isinstance(record, AnswerMerge) else 0
    return tuple(map(entry_of, range(BUCKETS))) if len(_ids(state, None)) + more >= FIRST_MAX else ()


def _needs(_head: Head, record: CustomEventReceived, _org: Org) -> tuple[str, ...]:
    return (UNIQUE,) if record.unique else ()


def _needs_then(state: CustomerState, record: CustomEventReceived, _org: Org) -> tuple[str, ...]:
    if not record.unique:
        return ()
    bucket = _bucket_for(state, key_of(f"{CustomEventReceived.__name__}:{record.id}"))
    return () if bucket is None else (entry_of(bucket),)


CONCERN: Final = Concern(
    name="unique events",
    effects={UniqueEventKept: _note_kept, UniqueEventsJoined: _note_joined, CustomersMerged: _note_merged},
    needs={CustomEventReceived: _needs, HandOver: _needs_first, AnswerMerge: _needs_first},
    needs_then={CustomEventReceived: _needs_then, HandOver: _needs_all, AnswerMerge: _needs_all},
    entries={
        UniqueEventKept: lambda decision: entry_of(decision.bucket),
        UniqueEventsJoined: lambda decision: entry_of(decision.bucket),
        CustomersMerged: lambda decision: UNIQUE if decision.unique else "",
    },
)
