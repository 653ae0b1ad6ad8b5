"""Parts of the JSON that several notifications share; a field that is `UNSET` is left out."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType


class CustomerIdentifiers(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """The customer that a notification is about."""

    customer_id: int
    instore: dict[str, str] | UnsetType = UNSET


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
    entered_by: dict[str, str] = {}
    entity_information: Entity | UnsetType = UNSET
    additional_attributes: list[Pair] = []


class NoActivity(msgspec.Struct, frozen=True, gc=False):
    """The empty object that stands for an activity where a timer led to the notification."""


NO_ACTIVITY: Final = NoActivity()
