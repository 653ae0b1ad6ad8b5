"""Decisions about whom identifiers name: all of them about the subject 0 of an org, the org itself."""

from __future__ import annotations

from schemas.facts.decision import Decision, Reason


class UnlinkedBecause(Reason):
    """Why an identifier is a customer's no longer. The numbers stand on the wire."""

    ASKED = 1
    REPLACED = 2
    """The customer has another one of its type."""


class IdentifierLinked(Decision, frozen=True, tag=301):
    """The identifier names this customer from now on."""

    kind: str
    digest: str
    person: int


class IdentifierUnlinked(Decision, frozen=True, tag=302):
    """The identifier names this customer no longer."""

    kind: str
    digest: str
    person: int
    because: UnlinkedBecause


class IdentifierClaimed(Decision, frozen=True, tag=303):
    """A customer has the identifier of another one, which stays where it is. Told once for each customer."""

    kind: str
    digest: str
    person: int
    """Whom it names."""
    claimant: int


class CustomerResolved(Decision, frozen=True, tag=304):
    """The record is one of this customer."""

    person: int
    kind: str
    """The type of the identifier that decided."""
    record: bytes
    """The record as it came, without the customer."""


class CustomerMade(Decision, frozen=True, tag=377):
    """Nobody was known by the identifiers of a record: it is one of a new customer."""

    person: int


class MessageHeld(Decision, frozen=True, tag=306):
    """Nobody is known by the identifiers of the record: it waits until somebody is."""

    place: str
    """What it is held under: the place of its message."""
    until: int
    """The instant from which it is held no longer."""
    record: bytes
    """The record as it came, without the customer."""
    page: str = ""
    """The entry of what is held just as long."""
    bill: str = ""
    """Of a bill: the digest of its store and number, under which its returns wait, too."""


class MessageAwaits(Decision, frozen=True, tag=307):
    """This is one of the identifiers by which a customer is waited for."""

    kind: str
    digest: str
    place: str
    until: int
    gone: tuple[str, ...] = ()
    """What waited under the identifier and was released under another one."""


class MessageReleased(Decision, frozen=True, tag=308):
    """The record that was held is one of this customer."""

    place: str
    person: int
    record: bytes
    """The record as it came, without the customer."""
    page: str = ""
    """The entry of what is held just as long."""


class IdentifiersKnown(Decision, frozen=True, tag=305):
    """What was said about identifiers is known already."""


class HoldsDue(Decision, frozen=True, tag=413):
    """The time of all that is held just as long is up."""

    page: str
    """The entry of it."""


class HoldExpired(Decision, frozen=True, tag=410):
    """Nobody was known by the identifiers of a record in time."""

    page: str
    """The entry of what is held just as long."""
    place: str


class HoldEnded(Decision, frozen=True, tag=411):
    """A record that was held is held no longer: it is a dead letter."""

    place: str
    record: bytes
    """The record as it came, without the customer."""


class IdentityKeySet(Decision, frozen=True, tag=412):
    """The identifiers of the org are hashed with this key, for good."""

    fingerprint: str
