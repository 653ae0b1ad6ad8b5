"""Events that are unique for ever: their ids are kept in an entry of the customer's, looked at before their age.

RULE: an event with a unique key that came before is refused, however old either is. A customer has so many of them; the
next one is refused, as an id that is not kept could pay twice.
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
from schemas.facts import Decision, Envelope, RecordRefused, Refusal, UniqueEventKept
from schemas.records import CustomEventReceived

UNIQUE_MAX: Final = 20_000
"""Ids of one customer, 0.2 MB of an entry."""


def once(turn: Turn, record: CustomEventReceived) -> list[Decision]:
    """Refuse an event that came before."""
    if not record.unique:
        return []
    known = _known(turn.state)
    if turn.key in known:
        return [RecordRefused(reason=Refusal.EVENT_EXISTS, subject=record.id)]
    return [RecordRefused(reason=Refusal.TOO_MANY)] if len(known) >= UNIQUE_MAX else []


def keep(_turn: Turn, record: CustomEventReceived) -> list[Decision]:
    """Remember an event that counts."""
    return [UniqueEventKept()] if record.unique else []


def _known(state: CustomerState) -> list[int]:
    kept = cast("UniqueIds | None", state.entries.get(UNIQUE))
    return [] if kept is None else kept.keys


def _note_kept(state: CustomerState, envelope: Envelope, _decision: UniqueEventKept) -> None:
    state.entries[UNIQUE] = UniqueIds(forgotten_at=NEVER, keys=[*_known(state), key_of(envelope.cause)])


def _needs(_head: Head, record: CustomEventReceived, _org: Org) -> tuple[str, ...]:
    return (UNIQUE,) if record.unique else ()


CONCERN: Final = Concern(
    name="unique events",
    effects={UniqueEventKept: _note_kept},
    needs={CustomEventReceived: _needs},
    entries={UniqueEventKept: lambda _: UNIQUE},
)
