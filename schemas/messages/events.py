"""Custom events."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.messages.message import CustomerMessage
from schemas.messages.values import ATTRIBUTES_MAX, Attribute, EventName, Name, Short


class CustomEvent(CustomerMessage, frozen=True, kw_only=True):
    """A customer did something that is no purchase."""

    event_name: EventName
    attributes: Annotated[dict[Name, Attribute], Meta(max_length=ATTRIBUTES_MAX)] = msgspec.field(default_factory=dict)
    entered_by: Short = ""
    """Who entered it."""
