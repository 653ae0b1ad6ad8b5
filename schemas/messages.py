"""Messages: the native dialect, what producers write to the input topics as JSON objects with camelCase keys.

The kind of a message stands in `type` (`transactionAdded`, `redeemPoints`, …), and every kind may come on every input
topic. What one field allows is said here, once: intake's decoder, the defects it reports and the Avro files follow it.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

INSTANT_MAX: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""
LINES_MAX: Final = 2_000
"""Lines of one bill: ten times the longest till roll, and a record of 200 kB."""
ATTRIBUTES_MAX: Final = 100
_INTEGER_MAX: Final = 2**63 - 1

IDENTITY_MAX: Final = 2**53
Identity = Annotated[int, Meta(ge=1, le=IDENTITY_MAX)]
Instant = Annotated[int, Meta(ge=0, le=INSTANT_MAX, description="milliseconds since 1970-01-01T00:00:00Z")]
When = Instant | Annotated[str, Meta(max_length=64, description="an ISO-8601 time such as 2011-03-09T14:30:00+01:00")]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Code = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=1_000)]
Short = Annotated[str, Meta(max_length=200)]
MaybeCode = Annotated[str, Meta(max_length=64)]
Minor = Annotated[int, Meta(ge=0, le=10**12)]
Points = Annotated[int, Meta(ge=-(10**12), le=10**12)]
Program = Annotated[int, Meta(ge=1, le=2**31)]
Money = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3, description="an ISO 4217 code such as GBP")]
MaybePointsName = Annotated[
    str,
    Meta(pattern="^([A-Z][A-Z0-9_]*)?$", max_length=32, description="the name of a points currency such as POINTS"),
]
ClearedField = Annotated[
    str,
    Meta(
        pattern=r"^(firstName|lastName|mobile|email|externalId|loyaltyType|channel|extended\..{1,100})$",
        max_length=109,
        description="the name of a profile field such as lastName, or extended.NAME",
    ),
]
Attribute = Annotated[int, Meta(ge=-(2**63), le=_INTEGER_MAX)] | float | bool | Text


def _type_name(class_name: str) -> str:
    return class_name[0].lower() + class_name[1:]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", gc=False):
    """One line of a bill."""

    sku: Code
    amount_minor: Minor
    """What was paid for the line, net of discounts, all its units together."""
    quantity: Annotated[int, Meta(ge=1, le=10**9)] = 1
    category: MaybeCode = ""


Lines = Annotated[tuple[Line, ...], Meta(max_length=LINES_MAX)]


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
    customer_id: Identity
    event_time: When
    """When it happened: an instant, a time with an offset, or a local time together with `zone`."""
    zone: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    """The IANA zone of a local `eventTime`, such as `Europe/London`."""
    id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    """Unique per org, customer and type; left out, the message's place in its topic takes its part."""


class TransactionAdded(CustomerMessage, frozen=True, kw_only=True):
    """A bill was paid."""

    bill_number: Code
    amount_minor: Minor
    """The bill, net; equals the sum of its lines where there are lines."""
    currency: Money
    lines: Lines = ()
    discount_minor: Minor = 0
    gross_minor: Minor | None = None
    store: MaybeCode = ""
    till: MaybeCode = ""


class TransactionReturned(CustomerMessage, frozen=True, kw_only=True):
    """Goods of an earlier bill came back, for `amountMinor` of what was paid."""

    bill_number: Code
    """The number of the return document."""
    of_bill: Code
    """The number of the bill that is returned, in whole or in part."""
    amount_minor: Minor
    """What is given back; equals the sum of the lines where there are lines."""
    currency: Money
    lines: Lines = ()
    store: MaybeCode = ""
    till: MaybeCode = ""


class CustomEvent(CustomerMessage, frozen=True, kw_only=True):
    """A customer did something that is no purchase."""

    event_name: Name
    attributes: Annotated[dict[Name, Attribute], Meta(max_length=ATTRIBUTES_MAX)] = {}


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
    extended: Annotated[dict[Name, Text], Meta(max_length=ATTRIBUTES_MAX)] = {}


class CustomerAdded(ProfileMessage, frozen=True, kw_only=True):
    """A customer joined."""


class CustomerUpdated(ProfileMessage, frozen=True, kw_only=True):
    """Parts of a customer's profile changed."""

    clear: Annotated[tuple[ClearedField, ...], Meta(max_length=ATTRIBUTES_MAX)] = ()
    """Fields that are unknown from now on; one that is also given has the given value."""


class RedeemPoints(CustomerMessage, frozen=True, kw_only=True):
    """A customer asks to spend points; the id is the redemption id."""

    program_id: Program
    points: Points
    currency: MaybePointsName = ""
    """The points of the program where it is left out."""
    bill_number: MaybeCode = ""
    notes: Text = ""


class AdjustPoints(CustomerMessage, frozen=True, kw_only=True):
    """Somebody asks to add points (goodwill) or to take points away (`points` below zero)."""

    program_id: Program
    points: Points
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    currency: MaybePointsName = ""
    """The points of the program where it is left out."""


class AdvanceClock(Message, frozen=True, kw_only=True):
    """No record before `time` will follow in this partition of the transactions topic (backfills only)."""

    time: Instant
    last: bool = False
    """The partition's last word: the backfill is over when all partitions have spoken it."""


AnyMessage = (
    TransactionAdded
    | TransactionReturned
    | CustomEvent
    | CustomerAdded
    | CustomerUpdated
    | RedeemPoints
    | AdjustPoints
    | AdvanceClock
)
