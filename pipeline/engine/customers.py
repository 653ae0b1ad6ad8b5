"""Customers: who registers, and what is known of them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.state import CustomerState
from schemas.facts import CustomerChanged, CustomerRegistered, Decision, Envelope, RecordRefused, Refusal
from schemas.records import CustomerAdded, CustomerRecord, CustomerUpdated, Profile

_NO_PROFILE: Final = Profile()
EXTENDED_MAX: Final = 200
"""Extended fields of one profile, over all its updates."""
PROFILE_BYTES_MAX: Final = 256 << 10
"""A stored profile: with 200 extended fields of the longest names and values in ASCII it stays below."""


def register(turn: Turn, record: CustomerAdded) -> list[Decision]:
    """Registers a customer, once; if an earlier record registered them, this brings the profile that was missing."""
    head = turn.head
    if head.registered_at is None:
        if _too_large(record.profile):
            return [RecordRefused(reason=Refusal.PROFILE_TOO_LARGE)]
        return [CustomerRegistered(profile=record.profile)]
    if head.profile == _NO_PROFILE != record.profile:
        return update(turn, record)
    return [RecordRefused(reason=Refusal.CUSTOMER_EXISTS)]


def enrol(turn: Turn, record: CustomerRecord) -> list[Decision]:  # noqa: ARG001 - a stage
    """Registers an unknown customer on their first record, if any program of the org allows it."""
    if turn.head.registered_at is not None:
        return []
    if not turn.org.adds_customers:
        return [RecordRefused(reason=Refusal.CUSTOMER_UNKNOWN)]
    return [CustomerRegistered(profile=_NO_PROFILE)]


def update(turn: Turn, record: CustomerAdded | CustomerUpdated) -> list[Decision]:
    """What the record names replaces what was known; what it leaves empty stays."""
    known = turn.head.profile
    changes: dict[str, Any] = {}
    for name in Profile.__struct_fields__:
        new, old = getattr(record.profile, name), getattr(known, name)
        if name == "extended":
            new = {**old, **new}
        if new and new != old:
            changes[name] = new
    profile = msgspec.structs.replace(known, **changes)
    if len(profile.extended) > EXTENDED_MAX or _too_large(profile):
        return [RecordRefused(reason=Refusal.PROFILE_TOO_LARGE)]
    return [CustomerChanged(profile=profile, updated_fields=tuple(changes))]


def _too_large(profile: Profile) -> bool:
    return len(msgspec.msgpack.encode(profile)) > PROFILE_BYTES_MAX


def _note_registered(state: CustomerState, envelope: Envelope, decision: CustomerRegistered) -> None:
    state.head.registered_at = envelope.at
    state.head.profile = decision.profile


def _note_changed(state: CustomerState, _envelope: Envelope, decision: CustomerChanged) -> None:
    state.head.profile = decision.profile


CONCERN: Final = Concern(
    name="customers", effects={CustomerRegistered: _note_registered, CustomerChanged: _note_changed}
)
