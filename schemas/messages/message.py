"""What every message has."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.messages.values import IdentifierType, Identity, Short, When


def _type_name(class_name: str) -> str:
    return class_name[0].lower() + class_name[1:]


class Message(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename="camel",
    tag_field="type",
    tag=_type_name,
    gc=False,
):
    """What a producer tells us."""


class CustomerMessage(Message, frozen=True, kw_only=True):
    """A message about one customer."""

    org_id: Identity
    customer_id: Identity | None = None
    """Whom it is about; may be left out where `identifiers` say so."""
    identifiers: Annotated[dict[IdentifierType, Short], Meta(max_length=14)] = msgspec.field(default_factory=dict)
    """What else names the customer, by type: how they are known where there is no `customerId`."""
    event_time: When
    """When it happened: an instant, a time with an offset, or a local time together with `zone`."""
    zone: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    """The IANA zone of a local `eventTime`, such as `Europe/London`."""
    id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    """Unique per org, customer and type; left out, the message's place in its topic takes its part."""
