"""The types of intake: a message, and its verdict, accepted or rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

import msgspec

from pipeline.intake.org_settings import KnownOrg
from pipeline.sealing import Keys
from schemas.records import LinkIdentifiers, Record
from schemas.settings import TopicSetting

Headers = tuple[tuple[str, bytes], ...]


class Incoming(Protocol):
    """One message of an input topic; a message of the log has this shape."""

    @property
    def topic(self) -> str:
        """The topic that it was read from."""

    @property
    def partition(self) -> int:
        """The partition of that topic."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def key(self) -> bytes | None:
        """As the producer sent it."""

    @property
    def value(self) -> bytes | None:
        """As the producer sent it; None for a tombstone."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch, as the producer set it."""

    @property
    def headers(self) -> Headers:
        """As the producer sent them."""


class Limits(NamedTuple):
    """Limits that intake enforces, beside the shape of a message's fields."""

    clock_topic: str
    """The full name of the transactions topic, the only one that may carry `advanceClock`."""
    future_ms: int = 300_000
    """How far an event time may be ahead of the wall clock, for clock skew."""
    bytes_max: int = 1_000_000
    """The longest value that is read."""
    types: Mapping[str, frozenset[str]] = MappingProxyType({})
    """By full topic name: the message types it accepts; a topic that is missing here accepts every type."""
    orgs: Mapping[int, KnownOrg] = MappingProxyType({})
    """By id: the orgs with settings. Messages of others are taken as they are."""
    topics: Mapping[str, TopicSetting] = MappingProxyType({})
    """By full topic name: the dialect that its messages are in, and whose they are."""
    identity_key: bytes | None = None
    """The secret that identifiers are hashed with; without it nobody is known by them."""
    keys: Keys | None = None
    """What personal data is sealed with in orgs that want that; None: it stays readable, as nothing is stored."""


class Reason(StrEnum):
    """Why a message is a dead letter, in order of precedence: the first that applies is given."""

    UNREADABLE = "UNREADABLE"
    """The log's client cannot read it: a batch that does not decompress, or a header whose name is not UTF-8."""
    EMPTY = "EMPTY"
    """No value (a tombstone), or nothing but white space."""
    TOO_LARGE = "TOO_LARGE"
    AVRO_NOT_READ = "AVRO_NOT_READ"
    """Avro in the Confluent framing, which this build does not read."""
    NOT_UTF8 = "NOT_UTF8"
    TOO_DEEP = "TOO_DEEP"
    """Nested more deeply than can be read; no message of ours has more than three levels."""
    NOT_JSON = "NOT_JSON"
    NOT_AN_OBJECT = "NOT_AN_OBJECT"
    UNKNOWN_DIALECT = "UNKNOWN_DIALECT"
    """The header `accrue.dialect` names none that is read."""
    ORG_UNKNOWN = "ORG_UNKNOWN"
    """It names no org, or store, that the settings know, or another one than it came for."""
    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    INVALID_FIELDS = "INVALID_FIELDS"
    FUTURE_EVENT_TIME = "FUTURE_EVENT_TIME"
    """Later than the wall clock and the tolerance, and nothing else is wrong."""
    CLOCK_NOT_ALLOWED = "CLOCK_NOT_ALLOWED"
    """`advanceClock` outside the transactions topic."""
    TYPE_NOT_ALLOWED = "TYPE_NOT_ALLOWED"
    """A type that this topic does not accept (`ACCRUE_TYPES_BY_TOPIC`), and nothing else is wrong."""
    IDENTIFIER_UNKNOWN = "IDENTIFIER_UNKNOWN"
    """It names its customer by identifiers alone, and nothing says who that is."""
    UNKNOWN_EVENT = "UNKNOWN_EVENT"
    """A custom event that its org does not define, and that takes no others (`unknown_events: reject`)."""
    INVALID_EVENT = "INVALID_EVENT"
    """An attribute is missing, or is not what the definition of the event says (S1: 1802)."""


JUDGED: Final = frozenset(
    {
        Reason.FUTURE_EVENT_TIME,
        Reason.CLOCK_NOT_ALLOWED,
        Reason.TYPE_NOT_ALLOWED,
        Reason.UNKNOWN_DIALECT,
        Reason.ORG_UNKNOWN,
        Reason.IDENTIFIER_UNKNOWN,
        Reason.UNKNOWN_EVENT,
        Reason.INVALID_EVENT,
    }
)
"""The reasons of messages that were read, and are well formed."""


class Defect(NamedTuple):
    """One thing that is wrong with a message."""

    path: str
    """The field, such as `lines[2].amountMinor`; empty for the message as a whole."""
    problem: str
    """What is wrong with the value, which is shown shortened."""
    remedy: str
    """What would be right."""


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The message is a canonical record."""

    record: Record
    key: bytes | None
    """The journal key; None for a record that every journal partition gets."""
    undefined_event: str = ""
    """`orgId/eventName` of a custom event without definition, where its org defines others."""
    links: LinkIdentifiers | None = None
    """A record for the org itself, subject 0, beside it: the identifiers that the customer has from then on."""


class Rejected(msgspec.Struct, frozen=True):
    """The message is a dead letter."""

    reason: Reason
    defects: tuple[Defect, ...]
    """Every defect that was found, at least one."""


def in_words(defects: Sequence[Defect]) -> str:
    """The first defect as a sentence, and how many more there are."""
    first, *more = defects
    path = f"{first.path} " if first.path else ""
    others = f" (and {len(more)} more)" if more else ""
    return f"{path}{first.problem}; {first.remedy}{others}"
