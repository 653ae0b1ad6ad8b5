"""Records: the canonical journal entries, the only input of the engine.

On the wire a record is one version byte (`RECORD_VERSION`) and a msgpack array that begins with the record's type.
Fields are only ever appended, with defaults, so an old record can be read for ever.
Instants are milliseconds since the epoch (UTC); amounts are integers in the currency's minor units.
"""

from __future__ import annotations

from typing import Final

import msgspec

RECORD_VERSION: Final = 1


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line of a bill."""

    sku: str
    amount_minor: int
    """What was paid for the line, net of discounts, all its units together."""
    quantity: int = 1
    category: str = ""


class Record(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """What every journal record has, whoever it is about."""

    received_at: int
    """When intake took it, wall clock."""
    source: str
    """The input partition it came from, as `topic:partition`."""
    offset: int
    """Its offset in `source`."""


class CustomerRecord(Record, frozen=True):
    """A record about one customer."""

    org_id: int
    customer_id: int
    id: str
    """Unique per org, customer and record type; `topic:partition:offset` of the input where none was given."""
    digest: int
    """A 48-bit hash of the content (received time and origin aside): same id with another digest is a conflict."""
    event_time: int
    """When it happened."""


class TransactionAdded(CustomerRecord, frozen=True):
    """A bill was paid."""

    bill_number: str
    amount_minor: int
    """The bill, net; equals the sum of its lines where there are lines."""
    currency: str
    lines: tuple[Line, ...] = ()
    discount_minor: int = 0
    gross_minor: int | None = None
    store: str = ""
    till: str = ""


class TransactionReturned(CustomerRecord, frozen=True):
    """Goods of an earlier bill came back, for `amount_minor` of what was paid."""

    bill_number: str
    """The number of the return document."""
    of_bill: str
    """The number of the bill that is returned, in whole or in part."""
    amount_minor: int
    """What is given back, positive."""
    currency: str
    lines: tuple[Line, ...] = ()
    store: str = ""
    till: str = ""


class CustomEventReceived(CustomerRecord, frozen=True):
    """A customer did something that is no purchase."""

    event_name: str
    attributes: dict[str, int | bool | str] = {}
    """As sent; numbers with a fraction are kept as decimal strings."""


class Profile(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of a person. An empty string means unknown (in an update: unchanged)."""

    first_name: str = ""
    last_name: str = ""
    mobile: str = ""
    email: str = ""
    external_id: str = ""
    loyalty_type: str = ""
    channel: str = ""
    """Where the customer came from, such as `INSTORE`."""
    extended: dict[str, str] = {}


class CustomerAdded(CustomerRecord, frozen=True):
    """A customer joined."""

    profile: Profile


class CustomerUpdated(CustomerRecord, frozen=True):
    """Parts of a customer's profile changed."""

    profile: Profile
    clear: tuple[str, ...] = ()
    """Fields of the profile that are unknown from now on, extended ones as `extended.NAME`."""


class RedeemPoints(CustomerRecord, frozen=True):
    """A customer asks to spend points; the record's id is the redemption id."""

    program_id: int
    points: int
    currency: str = ""
    """The points of the program where it is empty."""
    bill_number: str = ""
    notes: str = ""


class AdjustPoints(CustomerRecord, frozen=True):
    """Somebody asks to add points (goodwill) or to take points away (`points` below zero)."""

    program_id: int
    points: int
    reason: str
    currency: str = ""
    """The points of the program where it is empty."""


class ClockAdvanced(Record, frozen=True):
    """No record of `clock_source` before `time` will follow in this partition."""

    clock_source: str
    time: int
    last: bool = False
    """The source's last word: when all sources have spoken it, the partition turns to wall mode for good."""


class BackfillBegun(Record, frozen=True):
    """This journal partition is in event mode: its clock waits for all of these sources."""

    sources: tuple[str, ...]


class ProgramActivated(Record, frozen=True):
    """A version of a program is to be in force from here on, or from `starts_at` on."""

    org_id: int
    program_id: int
    version: int
    hash: str
    """SHA-256 of `definition`, hexadecimal."""
    definition: str
    """The program as canonical JSON (`schemas.program.ProgramDefinition`)."""
    starts_at: int | None = None
    """The instant, in the partition's own kind of time, from which it is in force; None: from here on."""


AnyCustomerRecord = (
    TransactionAdded
    | TransactionReturned
    | CustomEventReceived
    | CustomerAdded
    | CustomerUpdated
    | RedeemPoints
    | AdjustPoints
)
AnyRecord = AnyCustomerRecord | ClockAdvanced | BackfillBegun | ProgramActivated

WALL_SOURCE: Final = "wall"
"""The one clock source of a journal partition in wall mode."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[AnyRecord]] = msgspec.msgpack.Decoder(AnyRecord)
_VERSION: Final = bytes([RECORD_VERSION])


class UnknownVersion(ValueError):
    """The bytes carry a format version that this build does not know."""


def encode_record(record: Record) -> bytes:
    """The record as it stands in the journal."""
    return _VERSION + _ENCODER.encode(record)


def decode_record(raw: bytes) -> AnyRecord:
    """The record in `raw`; raises `UnknownVersion`, or `msgspec.DecodeError` where the bytes are no record."""
    if raw[:1] != _VERSION:
        message = f"record format version {raw[:1].hex() or 'missing'}; this build reads {RECORD_VERSION}"
        raise UnknownVersion(message)
    return _DECODER.decode(memoryview(raw)[1:])
