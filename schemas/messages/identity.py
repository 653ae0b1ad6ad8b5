"""Whom identifiers name."""

from __future__ import annotations

from schemas.messages.message import CustomerMessage


class LinkIdentifiers(CustomerMessage, frozen=True, kw_only=True):
    """These identifiers are the customer's from now on."""


class UnlinkIdentifiers(CustomerMessage, frozen=True, kw_only=True):
    """These identifiers are the customer's no longer."""

    everything: bool = False
    """Whether none is any more, whatever they are: `identifiers` may be left out."""
