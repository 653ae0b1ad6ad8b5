"""Parts of the JSON that several notifications share; a field that is `UNSET` is left out."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from schemas.records import Site


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


class Place(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """A store, or a till in it."""

    code: str
    name: str
    external_id: str | UnsetType = UNSET
    """These are of a store that the org's settings know, all three, empty where it has none."""
    external_id1: str | UnsetType = UNSET
    external_id2: str | UnsetType = UNSET


class EnteredBy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who entered something, and where; an empty object where the record does not say."""

    id: int | UnsetType = UNSET
    """The number of a user."""
    name: str | UnsetType = UNSET
    """A user who is known by another text than a number (ours)."""
    till: Place | UnsetType = UNSET
    store: Place | UnsetType = UNSET


NOBODY: Final = EnteredBy()


_NO_IDS: Final = ("", "", "")


def entered_at(store: str, till: str, site: Site | None) -> EnteredBy:
    """The store and the till that a record names by their codes, with what the settings say of them."""
    if not store and not till:
        return NOBODY
    till_place = Place(code=till, name=(site and site.till_name) or till) if till else UNSET
    if not store:
        return EnteredBy(till=till_place)
    if site is None:
        return EnteredBy(till=till_place, store=Place(code=store, name=store))
    one, two, three = site.store_ids or _NO_IDS
    known = Place(code=store, name=site.store_name or store, external_id=one, external_id1=two, external_id2=three)
    return EnteredBy(till=till_place, store=known)


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
