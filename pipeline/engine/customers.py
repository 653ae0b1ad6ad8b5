"""Customers: who joins, and what is known of them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pipeline.engine.state import CustomerState
from pipeline.engine.turn import Turn
from schemas.facts import CustomerChanged, CustomerRegistered, Fact, RecordRefused, Refusal
from schemas.records import CustomerAdded, CustomerRecord, CustomerUpdated, Profile

_NOBODY = Profile()
EXTENDED_MAX: Final = 200
"""Extended fields of one profile, over all its updates: with the longest names and values about 0.2 MB of a head."""


def register(turn: Turn, record: CustomerAdded) -> list[Fact]:
    """A customer joins, once; for one who was added by an earlier record, this is the profile that was missing."""
    head = turn.head
    if head.registered_at is None:
        return [CustomerRegistered(head.seq + 1, turn.cause, turn.at, record.profile)]
    if head.profile == _NOBODY != record.profile:
        return update(turn, record)
    return [RecordRefused(head.seq + 1, turn.cause, turn.at, Refusal.CUSTOMER_EXISTS, turn.clock)]


def welcome(turn: Turn, record: CustomerRecord) -> list[Fact]:  # noqa: ARG001 - a stage
    """Somebody nobody announced is added by their first record, where a program of the org says so."""
    head = turn.head
    if head.registered_at is not None:
        return []
    if not turn.org.adds_customers:
        return [RecordRefused(head.seq + 1, turn.cause, turn.at, Refusal.CUSTOMER_UNKNOWN, turn.clock)]
    return [CustomerRegistered(head.seq + 1, turn.cause, turn.at, _NOBODY)]


def update(turn: Turn, record: CustomerAdded | CustomerUpdated) -> list[Fact]:
    """What the record names replaces what was known; what it leaves empty stays."""
    head = turn.head
    known = head.profile
    changes: dict[str, Any] = {}
    for name in Profile.__struct_fields__:
        new, old = getattr(record.profile, name), getattr(known, name)
        if name == "extended":
            new = {**old, **new}
        if new and new != old:
            changes[name] = new
    if len(changes.get("extended", ())) > EXTENDED_MAX:
        return [RecordRefused(head.seq + 1, turn.cause, turn.at, Refusal.PROFILE_TOO_LARGE, turn.clock)]
    profile = msgspec.structs.replace(known, **changes)
    return [CustomerChanged(head.seq + 1, turn.cause, turn.at, profile, tuple(changes))]


def note_registered(state: CustomerState, fact: CustomerRegistered) -> None:
    """The customer is a member from the fact's effective time on."""
    state.head.registered_at = fact.at
    state.head.profile = fact.profile


def note_changed(state: CustomerState, fact: CustomerChanged) -> None:
    """The profile is the one the fact gives."""
    state.head.profile = fact.profile
