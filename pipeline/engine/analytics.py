"""Events for analysts alone: they are kept in the journal, register nobody and count in no program (S1: EIConsumer)."""

from __future__ import annotations

from typing import Final

from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.state import CustomerState
from schemas.facts import Decision, Envelope, EventSetAside
from schemas.records import CustomEventReceived


def set_aside(_turn: Turn, record: CustomEventReceived) -> list[Decision]:
    """Ends an event that no program gets."""
    return [EventSetAside()] if record.analytics_only else []


def _nothing(_state: CustomerState, _envelope: Envelope, _decision: EventSetAside) -> None:
    """An event that is set aside leaves nothing but its id."""


CONCERN: Final = Concern(name="analytics", effects={EventSetAside: _nothing}, ends=(EventSetAside,))
