"""Parts of the JSON that several notifications share; a field that is `UNSET` is left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from schemas.accounts import accounts_in
from schemas.records import Site


class Instore(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel", omit_defaults=True):
    """How a customer is known to people: what is unknown is left out."""

    mobile: str = ""
    email: str = ""
    external_id: str = ""


NOT_KNOWN: Final = Instore()


class AccountIdentifier(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """What a customer is known by in an account."""

    identifier_type: str
    identifier_value: str


class Account(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """One account in another system."""

    account_id: str
    identifiers: list[AccountIdentifier]


class Accounts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All accounts in one other system."""

    accounts: list[Account]


class CustomerIdentifiers(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """The customer that a notification is about."""

    customer_id: int
    loyalty_type: str | UnsetType = UNSET
    instore: Instore | UnsetType = UNSET
    web_engage: Accounts | UnsetType = msgspec.field(default=UNSET, name="web_engage")
    wechat: Accounts | UnsetType = UNSET


def accounts_of(extended: Mapping[str, str]) -> dict[str, Accounts]:
    """The accounts among the extended fields of a profile, by other system."""
    found: dict[str, dict[str, list[AccountIdentifier]]] = {}
    for one in accounts_in(extended):
        known = found.setdefault(one.source, {}).setdefault(one.account_id, [])
        known.append(AccountIdentifier(identifier_type=one.kind, identifier_value=one.value))
    return {
        source: Accounts(accounts=[Account(account_id=number, identifiers=known) for number, known in own.items()])
        for source, own in found.items()
    }


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
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,14}")
"""What JSON readers that know doubles only take for the same number."""


class Entered(Protocol):
    """What says where it was entered, and by whom; each is empty where it does not."""

    @property
    def store(self) -> str:
        """The code of the store."""

    @property
    def till(self) -> str:
        """The code of the till."""

    @property
    def site(self) -> Site | None:
        """What the settings say of both."""

    @property
    def entered_by(self) -> str:
        """The user."""


def entered_by(user: str) -> EnteredBy:
    """The user that a record names; their number as published, another text as their name (ours)."""
    if not user:
        return NOBODY
    return EnteredBy(id=int(user)) if _NUMBER.fullmatch(user) else EnteredBy(name=user)


def entered_at(entered: Entered) -> EnteredBy:
    """The user, with the store and the till that are named by their codes, and what the settings say of them."""
    user, site = entered_by(entered.entered_by), entered.site
    if not entered.store and not entered.till:
        return user
    till = Place(code=entered.till, name=(site and site.till_name) or entered.till) if entered.till else UNSET
    return EnteredBy(id=user.id, name=user.name, till=till, store=_store(entered.store, site))


def _store(code: str, site: Site | None) -> Place | UnsetType:
    if not code:
        return UNSET
    if site is None:
        return Place(code=code, name=code)
    one, two, three = site.store_ids or _NO_IDS
    return Place(code=code, name=site.store_name or code, external_id=one, external_id1=two, external_id2=three)


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
