"""Whom identifiers name."""

from __future__ import annotations

from schemas.messages.message import CustomerMessage
from schemas.messages.values import Code, MaybeCode


class AssignTransaction(CustomerMessage, frozen=True, kw_only=True):
    """A bill that waits for a customer is this one's."""

    bill_number: Code
    store: MaybeCode = ""


class LinkIdentifiers(CustomerMessage, frozen=True, kw_only=True):
    """These identifiers are the customer's from now on."""


class UnlinkIdentifiers(CustomerMessage, frozen=True, kw_only=True):
    """These identifiers are the customer's no longer."""

    everything: bool = False
    """Whether none is any more, whatever they are: `identifiers` may be left out."""
