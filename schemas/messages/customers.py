"""Who customers are."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.messages.message import CustomerMessage
from schemas.messages.values import ATTRIBUTES_MAX, ClearedField, MaybeCode, Name, Reason, Short, Text


class ProfileMessage(CustomerMessage, frozen=True, kw_only=True):
    """A message about a person; what is left out is unknown, or in an update unchanged."""

    first_name: Short = ""
    last_name: Short = ""
    mobile: Short = ""
    email: Short = ""
    external_id: Short = ""
    loyalty_type: MaybeCode = ""
    channel: MaybeCode = ""
    """Where the customer came from, such as `INSTORE`."""
    extended: Annotated[dict[Name, Text], Meta(max_length=ATTRIBUTES_MAX)] = msgspec.field(default_factory=dict)


class CustomerAdded(ProfileMessage, frozen=True, kw_only=True):
    """A customer joined."""

    store: MaybeCode = ""
    till: MaybeCode = ""
    """Where it was entered."""
    entered_by: Short = ""
    """Who entered it; left out, the number of the till or the store in the settings."""


class CustomerUpdated(ProfileMessage, frozen=True, kw_only=True):
    """Parts of a customer's profile changed."""

    clear: Annotated[tuple[ClearedField, ...], Meta(max_length=ATTRIBUTES_MAX)] = ()
    """Fields that are unknown from now on; one that is also given has the given value."""
    store: MaybeCode = ""
    till: MaybeCode = ""
    """Where it was entered."""
    entered_by: Short = ""
    """Who entered it; left out, the number of the till or the store in the settings."""


class CustomerStatus(CustomerMessage, frozen=True, kw_only=True):
    """Somebody says what a customer may do: who is BLOCKED or marked for FRAUD redeems nothing."""

    status: Annotated[
        str,
        Meta(
            pattern="^(ACTIVE|INACTIVE|BLOCKED|FRAUD)$",
            max_length=8,
            description="ACTIVE, INACTIVE, BLOCKED or FRAUD",
        ),
    ]
    reason: Reason
    entered_by: Short = ""
    """Who says so."""
