"""Events that are unique for ever: their ids are kept in an entry of the customer's, looked at before their age.

RULE: an event with a unique key that came before is refused, however old either is. A customer has so many of them; the
next one is refused, as an id that is not kept could pay twice. Those of a customer who is merged count as the
survivor's.
"""

from __future__ import annotations

from typing import Final, cast

from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.programs import Org
from pipeline.engine.state import CustomerState, Head
from pipeline.engine.unique_state import UNIQUE, UniqueIds
from schemas.facts import CustomersMerged, Decision, Envelope, RecordRefused, Refusal, UniqueEventKept
from schemas.records import AnswerMerge, CustomEventReceived, HandOver

UNIQUE_MAX: Final = 20_000
"""Ids of one customer, 0.2 MB of an entry."""


def once(turn: Turn, record: CustomEventReceived) -> list[Decision]:
    """Refuse an event that came before."""
    if not record.unique:
        return []
    known = unique_ids(turn.state)
    if turn.key in known:
        return [RecordRefused(reason=Refusal.EVENT_EXISTS, subject=record.id)]
    return [RecordRefused(reason=Refusal.TOO_MANY)] if len(known) >= UNIQUE_MAX else []


def keep(_turn: Turn, record: CustomEventReceived) -> list[Decision]:
    """Remember an event that counts."""
    return [UniqueEventKept()] if record.unique else []


def unique_ids(state: CustomerState) -> list[int]:
    """The events that are known, as hashes of type and id."""
    kept = cast("UniqueIds | None", state.entries.get(UNIQUE))
    return [] if kept is None else kept.keys


def _note_kept(state: CustomerState, envelope: Envelope, _decision: UniqueEventKept) -> None:
    state.entries[UNIQUE] = UniqueIds(forgotten_at=NEVER, keys=[*unique_ids(state), key_of(envelope.cause)])


def _note_merged(state: CustomerState, _envelope: Envelope, decision: CustomersMerged) -> None:
    """What does not fit need not be known: with so many no further event counts."""
    if decision.unique:
        keys = [*dict.fromkeys((*unique_ids(state), *decision.unique))]
        state.entries[UNIQUE] = UniqueIds(forgotten_at=NEVER, keys=keys[:UNIQUE_MAX])


def _needs_of_merge(_head: Head, _record: HandOver | AnswerMerge, _org: Org) -> tuple[str, ...]:
    return (UNIQUE,)


def _needs(_head: Head, record: CustomEventReceived, _org: Org) -> tuple[str, ...]:
    return (UNIQUE,) if record.unique else ()


CONCERN: Final = Concern(
    name="unique events",
    effects={UniqueEventKept: _note_kept, CustomersMerged: _note_merged},
    needs={CustomEventReceived: _needs, HandOver: _needs_of_merge, AnswerMerge: _needs_of_merge},
    entries={UniqueEventKept: lambda _: UNIQUE, CustomersMerged: lambda decision: UNIQUE if decision.unique else ""},
)
