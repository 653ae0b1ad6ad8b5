"""Customers: who registers, and what is known of them."""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.profiles import (
    NO_PROFILE,
    Writes,
    changed_fields,
    cleared_extended,
    fields_of,
    note_writes,
    profile_of,
    standing,
)
from pipeline.engine.state import CustomerState
from schemas.facts import (
    CustomerChanged,
    CustomerRegistered,
    Decision,
    Envelope,
    RecordRefused,
    Refusal,
    RegisteredEarlier,
)
from schemas.records import CustomerAdded, CustomerRecord, CustomerUpdated, Profile

EXTENDED_MAX: Final = 200
"""Extended fields of one profile, over all its updates."""
PROFILE_BYTES_MAX: Final = 256 << 10
"""The most bytes of a stored profile; 200 extended fields with the longest ASCII names and values fit."""


def register(turn: Turn, record: CustomerAdded) -> list[Decision]:
    """Registers a customer, or adds to one what this registration knows; the earliest registration stays."""
    registered_at = turn.head.registered_at
    if registered_at is None:
        if _too_large(record.profile):
            return [RecordRefused(reason=Refusal.PROFILE_TOO_LARGE)]
        return [CustomerRegistered(profile=record.profile)]
    earlier: list[Decision] = [RegisteredEarlier()] if turn.at < registered_at else []
    if record.profile == NO_PROFILE:
        return earlier or [RecordRefused(reason=Refusal.CUSTOMER_EXISTS)]
    return earlier + _write(turn, fields_of(record.profile))


def enrol(turn: Turn, record: CustomerRecord) -> list[Decision]:  # noqa: ARG001 - a stage
    """Registers an unknown customer on their first record, by event time, if any program of the org allows it."""
    registered_at = turn.head.registered_at
    if registered_at is not None:
        return [RegisteredEarlier()] if turn.at < registered_at and turn.org.adds_customers else []
    if not turn.org.adds_customers:
        return [RecordRefused(reason=Refusal.CUSTOMER_UNKNOWN)]
    return [CustomerRegistered(profile=NO_PROFILE)]


def update(turn: Turn, record: CustomerUpdated) -> list[Decision]:
    """Replaces the fields that the record names, unless a newer record wrote them; empty fields stay unchanged."""
    return _write(turn, {**dict.fromkeys(record.clear, None), **fields_of(record.profile)})


def _write(turn: Turn, writes: Writes) -> list[Decision]:
    head = turn.head
    stand = standing(head, writes, turn.at)
    profile = profile_of(fields_of(head.profile) | stand)
    if len(profile.extended) + cleared_extended(head, stand) > EXTENDED_MAX or _too_large(profile):
        return [RecordRefused(reason=Refusal.PROFILE_TOO_LARGE)]
    return [
        CustomerChanged(
            profile=profile, updated_fields=changed_fields(head.profile, profile), written=tuple(sorted(stand))
        )
    ]


def _too_large(profile: Profile) -> bool:
    return len(msgspec.msgpack.encode(profile)) > PROFILE_BYTES_MAX


def _note_registered(state: CustomerState, envelope: Envelope, decision: CustomerRegistered) -> None:
    state.head.registered_at = envelope.at
    if decision.profile != NO_PROFILE:
        note_writes(state.head, decision.profile, fields_of(decision.profile), envelope.at)


def _note_earlier(state: CustomerState, envelope: Envelope, _decision: RegisteredEarlier) -> None:
    state.head.registered_at = envelope.at


def _note_changed(state: CustomerState, envelope: Envelope, decision: CustomerChanged) -> None:
    note_writes(state.head, decision.profile, decision.written, envelope.at)


CONCERN: Final = Concern(
    name="customers",
    effects={
        CustomerRegistered: _note_registered,
        RegisteredEarlier: _note_earlier,
        CustomerChanged: _note_changed,
    },
)
