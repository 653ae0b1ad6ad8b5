"""Parts of the JSON that several notifications share; a field that is `UNSET` is left out."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType


class Instore(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel", omit_defaults=True):
    """How a customer is known to people: what is unknown is left out."""

    mobile: str = ""
    email: str = ""
    external_id: str = ""


NOT_KNOWN: Final = Instore()


class CustomerIdentifiers(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """The customer that a notification is about."""

    customer_id: int
    loyalty_type: str | UnsetType = UNSET
    instore: Instore | UnsetType = UNSET


class Place(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A store, or a till in it."""

    code: str
    name: str


def place_of(code: str) -> Place | UnsetType:
    """A store or a till, known by its code alone; left out where a record names none."""
    return Place(code=code, name=code) if code else UNSET


class EnteredBy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who entered something, and where; an empty object where the record does not say."""

    id: int | UnsetType = UNSET
    """The number of a user."""
    name: str | UnsetType = UNSET
    """A user who is known by another text than a number (ours)."""
    till: Place | UnsetType = UNSET
    store: Place | UnsetType = UNSET


NOBODY: Final = EnteredBy()


class Entity(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """The holder of the points: always the customer, as there are no groups."""

    entity_type: str
    entity_id: int


class Pair(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An entry of a list of `{key, value}`."""

    key: str
    value: str


class TriggeringActivity(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """What the customer did that led to the notification."""

    name: str
    identifiers: list[Pair]
    entered_by: EnteredBy = NOBODY
    entity_information: Entity | UnsetType = UNSET
    additional_attributes: list[Pair] = []


class NoActivity(msgspec.Struct, frozen=True, gc=False):
    """The empty object that stands for an activity where a timer led to the notification."""


NO_ACTIVITY: Final = NoActivity()
