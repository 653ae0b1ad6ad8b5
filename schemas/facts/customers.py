"""Decisions about records and customers."""

from __future__ import annotations

from schemas.facts.decision import Decision, Reason, Refusal
from schemas.records import Profile


class RecordAccepted(Decision, frozen=True, tag=1):
    """The record is new and recent enough; its id is remembered."""

    digest: int
    forget_before: int
    """Ids of records with an event time before this are forgotten."""


class IdsSpilled(Decision, frozen=True, tag=330):
    """The head is full of ids: those of one bucket move to an entry beside it."""

    bucket: int
    forget_before: int
    """Of the bucket's records with an event time before this, the ids are forgotten."""


class RecordRefused(Decision, frozen=True, tag=2):
    """The record, or its part in the envelope's program, had no effect."""

    reason: Refusal
    subject: str = ""
    """What the reason is about: a bill number, a currency, the points asked for."""


class CustomerRegistered(Decision, frozen=True, tag=3):
    """The customer is a member from now on."""

    profile: Profile


class UniqueEventKept(Decision, frozen=True, tag=376):
    """The id of the event is remembered for ever."""

    bucket: int | None = None
    """The bucket of its hash, whose entry keeps it; None where the first entry does."""


class UniqueEventsJoined(Decision, frozen=True, tag=405):
    """Events of a customer who was merged into this one are remembered for ever, beside those of `CustomersMerged`."""

    bucket: int
    """As in `UniqueEventKept`."""
    keys: tuple[int, ...]
    """Their hashes."""


class EventSetAside(Decision, frozen=True, tag=300):
    """The event is for analysts alone: it registers nobody, and no program gets it."""


class RegisteredEarlier(Decision, frozen=True, tag=5):
    """A record came that would have registered the customer before the time known so far: the envelope's `at`."""


class Standing(Reason):
    """What a customer may do. The numbers stand on the wire."""

    ACTIVE = 1
    INACTIVE = 2
    BLOCKED = 3
    """Redeems nothing."""
    FRAUD = 4
    """Redeems nothing."""

    @property
    def text(self) -> str:
        """The name that people and queries use, such as `BLOCKED`."""
        return self.name


class CustomerStatusChanged(Decision, frozen=True, tag=102):
    """The customer has this status from then on."""

    status: Standing
    previous: Standing
    profile: Profile
    """What is known of the customer, as it is."""
    reason: str = ""
    entered_by: str = ""
    """Who set it."""


class CustomerChanged(Decision, frozen=True, tag=4):
    """Parts of the profile changed."""

    profile: Profile
    """The whole profile after the change."""
    updated_fields: tuple[str, ...] = ()
    """Names of the fields that changed."""
    written: tuple[str, ...] = ()
    """The fields whose last write this is, changed or not; extended ones as `extended.NAME`."""
