"""Whom identifiers name: records about the subject 0 of an org, which is the org itself, and what it forwards."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.records.bills import TransactionAdded, TransactionReturned, TransactionUpdated
from schemas.records.events import CustomEventReceived
from schemas.records.record import CommandRecord, CustomerRecord, Request

MADE_FROM: Final = 2**52 + 1
"""The first customer id that Accrue makes, where it makes them."""
BILL: Final = "bill"
"""The kind of what a bill is held under: its store and its number. It names nobody."""
OUTLASTING: Final = (TransactionAdded, TransactionReturned, TransactionUpdated, CustomEventReceived)
"""Records that count when they are released, however old they are by then. Others are held no longer than their ids
would be remembered."""


class KnownBy(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One identifier of a customer, which nobody can read back."""

    kind: str
    """Its type, such as `email`."""
    digest: str
    """128 bits of HMAC-SHA-256 of its normalised value, hexadecimal."""


class LinkIdentifiers(CustomerRecord, frozen=True):
    """These identifiers are a customer's, from now on or no longer."""

    person: int
    """The customer."""
    identifiers: tuple[KnownBy, ...]
    unlink: bool = False
    """Whether they are the customer's no longer."""
    everything: bool = False
    """Whether the customer has no identifier any more, whatever there are."""
    asked: str = ""
    """The id of the message that says so, whose sender is answered; empty where it goes along with a profile."""


class ResolveCustomer(CustomerRecord, frozen=True):
    """A record came that names its customer by identifiers alone."""

    identifiers: tuple[KnownBy, ...]
    """In the order in which they decide."""
    record: bytes
    """The record as it will stand in the journal, but for the customer."""
    makes: bool = False
    """Whether somebody whom nobody knows becomes a customer."""
    days: int = 0
    """For how many days it is held; 0 for as long as ids are remembered."""
    own: tuple[KnownBy, ...] = ()
    """Of a registration or an update: all that the customer is known by from then on."""


class AssignTransaction(CommandRecord, frozen=True):
    """A bill that is held is a customer's."""

    person: int
    bill: KnownBy
    bill_number: str


class ForwardRecord(Request, frozen=True):
    """A record whose customer is known by now."""

    record: bytes
    """The record as it came, with the customer."""
    was_held: bool = False
    """Whether it has waited until its customer was known: its sender was told so, and is told how that ended."""


class EndHold(Request, frozen=True):
    """The time is up of what is held: the org asks it of itself, so that what ends at once ends one by one."""

    place: str
    """Of the record that is held; empty for all that is in a page."""
    page: str = ""
    """The entry of what is held just as long."""


class UseIdentityKey(CustomerRecord, frozen=True):
    """From here on intake hashes identifiers of the org with this key; one says so before the first of them."""

    fingerprint: str
