"""Parts that several notifications share, as they stand in the JSON; a field that is `UNSET` is left out."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType


class CustomerIdentifiers(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Whom it is about."""

    customer_id: int
    instore: dict[str, str] | UnsetType = UNSET


class Entity(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Whom it is about, once more: we have no groups."""

    entity_type: str
    entity_id: int


class Pair(msgspec.Struct, frozen=True, gc=False):
    """One entry of a list of `{key, value}`."""

    key: str
    value: str


class TriggeringActivity(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What the customer did that made it so."""

    name: str
    identifiers: list[Pair]
    entered_by: dict[str, str] = {}
    entity_information: Entity | UnsetType = UNSET
    additional_attributes: list[Pair] = []


class NoActivity(msgspec.Struct, frozen=True, gc=False):
    """What stands in its place where nobody did anything: a timer fell due."""


NO_ACTIVITY: Final = NoActivity()
