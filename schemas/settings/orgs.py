"""Orgs, their stores and tills."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, field_validator, model_validator

from schemas.limits import AtMost, Misfit, Plain
from schemas.messages.values import Identifier
from schemas.program.values import Definition, Name
from schemas.settings.events import EventDefinition
from schemas.zones import zone_names

STORES_MAX: Final = 5_000
TILLS_MAX: Final = 200
EVENTS_MAX: Final = 1_000
PLACEHOLDERS_MAX: Final = 1_000
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")


def _zone(value: str) -> str:
    if value not in zone_names():
        message = f"{value!r} is not an IANA time zone; write one such as 'Europe/London' or 'UTC'"
        raise ValueError(message)
    return value


def _currency(value: str) -> str:
    if not _CURRENCY.fullmatch(value):
        message = f"{value!r} is not an ISO 4217 code; write three capitals such as 'GBP'"
        raise ValueError(message)
    return value


def _country(value: str) -> str:
    if not _COUNTRY.fullmatch(value):
        message = f"{value!r} is not an ISO 3166 code; write two capitals such as 'GB'"
        raise ValueError(message)
    return value


Zone = Annotated[str, AfterValidator(_zone)]
Currency = Annotated[str, AfterValidator(_currency)]
Country = Annotated[str, AfterValidator(_country)]
Code = Annotated[str, Field(min_length=1, max_length=64), Plain()]
MaybeCode = Annotated[str, Field(max_length=64), Plain()]
MaybeName = Annotated[str, Field(max_length=200), Plain()]
Number = Annotated[int, Field(ge=1, le=2**53)]


class Till(Definition):
    """One till of a store."""

    code: Code
    name: MaybeName = ""
    external_id: MaybeCode = ""
    id: Number | None = None
    """Its number in notifications (`enteredBy.id`), where a message does not say who entered it."""


class Store(Definition):
    """One store of an org, known by its code."""

    code: Code
    name: MaybeName = ""
    external_id: MaybeCode = ""
    """Its name in the org's own systems."""
    external_id1: MaybeCode = ""
    """And in further ones."""
    external_id2: MaybeCode = ""
    id: Number | None = None
    """As of a till, for tills that have none."""
    zone: Zone | None = None
    """IANA zone in which its local times are read; None: the org's."""
    currency: Currency | None = None
    """ISO 4217 code of the money that it takes; None: the org's."""
    country: Country | None = None
    """ISO 3166 code of the country that it is in; None: the org's."""
    group: MaybeName = ""
    """The stores that it is reported with, such as a region."""
    tills: Annotated[tuple[Till, ...], AtMost(TILLS_MAX)] = ()

    @field_validator("tills")
    @classmethod
    def _tills_have_their_own_codes(cls, tills: tuple[Till, ...]) -> tuple[Till, ...]:
        return _each_once(tills, "code", "give each till its own")


class Org(Definition):
    """One tenant."""

    org_id: Annotated[int, Field(ge=1, le=2**53)]
    name: Name
    zone: Zone
    """IANA zone in which local times without a zone are read."""
    currency: Currency
    """ISO 4217 code of the money that it takes."""
    country: Country
    """ISO 3166 code of the country whose phone numbers are written without a country code."""
    ids: Literal["upstream", "accrue"] = "upstream"
    """Who gives customer ids: the systems that send messages, or Accrue, which makes one for each new customer."""
    identifiers: tuple[Identifier, ...] = ("mobile", "email", "externalId", "cardNumber")
    """The types that name a customer, and which of them decides where those of one message name several: the first."""
    placeholders: Annotated[tuple[Name, ...], AtMost(PLACEHOLDERS_MAX)] = ()
    """Phone numbers, addresses and codes that tills send where they know nobody: they name no customer."""
    unknown_events: Literal["accept", "reject"] = "accept"
    """What becomes of custom events that `events` does not define."""
    unassigned_bills: Literal["reject", "hold"] = "reject"
    """What becomes of bills, and of returns, that name nobody: rejected, or held for 30 days, for
    `assignTransaction` to say whose they are."""
    personal_data: Literal["readable", "sealed"] = "readable"
    """How names, addresses, numbers and extended fields of customers are kept: as they came, or sealed, each customer's
    with a key that `accrue erase` takes away."""
    stores: Annotated[tuple[Store, ...], AtMost(STORES_MAX)] = ()
    events: Annotated[tuple[EventDefinition, ...], AtMost(EVENTS_MAX)] = ()

    @field_validator("identifiers")
    @classmethod
    def _each_identifier_once(cls, identifiers: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
        for index, one in enumerate(identifiers):
            if one in identifiers[:index]:
                message = f"names {one} twice; their order says which decides, so name each once"
                raise Misfit(message, index)
        return identifiers

    @field_validator("stores")
    @classmethod
    def _stores_have_their_own_codes(cls, stores: tuple[Store, ...]) -> tuple[Store, ...]:
        return _each_once(stores, "code", "give each store its own")

    @field_validator("events")
    @classmethod
    def _events_exist_once(cls, events: tuple[EventDefinition, ...]) -> tuple[EventDefinition, ...]:
        return _each_once(events, "name", "an event of this name exists already (1806); give each its own")

    @model_validator(mode="after")
    def _subjects_are_known(self) -> Self:
        for place, event in enumerate(self.events):
            subject = event.subject
            if subject is None:
                continue
            where = ("events", place, "fields", event.fields.index(subject))
            if subject.identifier_type not in self.identifiers:
                message = f"{subject.identifier_type} names nobody in this org; add it to its `identifiers`"
                raise Misfit(message, *where, "identifier_type")
            if subject.add_customer_if_not_exists and self.ids != "accrue":
                message = "customer ids come from upstream here, so nobody can be added; leave it out, or write "
                message += "`ids: accrue`"
                raise Misfit(message, *where, "add_customer_if_not_exists")
        return self


_Part = TypeVar("_Part", Till, Store, EventDefinition)


def _each_once(parts: tuple[_Part, ...], key: str, remedy: str) -> tuple[_Part, ...]:
    first: dict[str, int] = {}
    for index, part in enumerate(parts):
        own = getattr(part, key)
        if first.setdefault(own, index) != index:
            message = f"repeats the {key} {own!r}; {remedy}"
            raise Misfit(message, index, key)
    return parts
