"""Looks up what an org knows of identifiers, in the entries that are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from pipeline.engine.identity.state import Link, Person, link_of, person_of
from pipeline.engine.state import CustomerState
from schemas.records import KnownBy


def find_link(state: CustomerState, one: KnownBy) -> Link | None:
    """What is known of an identifier."""
    return cast("Link | None", state.entries.get(link_of(one.kind, one.digest)))


def named(state: CustomerState, identifiers: Sequence[KnownBy]) -> tuple[str, int] | None:
    """The first identifier that names anybody, by its type, and whom it names."""
    for one in identifiers:
        known = find_link(state, one)
        if known is not None and known.person:
            return one.kind, known.person
    return None


def names_anybody(state: CustomerState, one: KnownBy) -> bool:
    """Whether an identifier names anybody."""
    known = find_link(state, one)
    return known is not None and bool(known.person)


def waiting(state: CustomerState, one: KnownBy, as_of: int) -> tuple[tuple[str, int], ...]:
    """What was held under an identifier and is not over: place and end of each."""
    known = find_link(state, one)
    return () if known is None else tuple(waits for waits in known.waiting if waits[1] > as_of)


def identifiers_of(state: CustomerState, person: int) -> Sequence[tuple[str, str]]:
    """The identifiers of a customer: type and digest of each."""
    known = cast("Person | None", state.entries.get(person_of(person)))
    return () if known is None else known.identifiers
