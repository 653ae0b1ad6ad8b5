"""Bills and returns."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.messages.message import CustomerMessage
from schemas.messages.values import LABELS_MAX, LINES_MAX, Code, MaybeCode, Minor, Money, Name, Short


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", gc=False):
    """Something that is said of a bill or of a line; it is kept, and has no effect."""

    key: Name
    value: Short = ""


Labels = Annotated[tuple[Label, ...], Meta(max_length=LABELS_MAX)]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", gc=False):
    """One line of a bill."""

    sku: Code
    amount_minor: Minor
    """What was paid for the line, net of discounts, all its units together."""
    quantity: Annotated[int, Meta(ge=1, le=10**9)] = 1
    category: MaybeCode = ""
    line_id: MaybeCode = ""
    """What a return names the line by; lines without one are known by their SKU."""
    name: Short = ""
    """What the product is called. Names, makers and labels are kept of bills and returns, and have no effect."""
    maker: Short = ""
    labels: Labels = ()


Lines = Annotated[tuple[Line, ...], Meta(max_length=LINES_MAX)]


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
    entered_by: Short = ""
    """Who entered it; left out, the number of the till or the store in the settings."""
    labels: Labels = ()


DeliveryStatus = Annotated[
    str,
    Meta(
        pattern="^(PLACED|PROCESSED|SHIPPED|DELIVERED|RETURNED)?$",
        max_length=9,
        description="PLACED, PROCESSED, SHIPPED, DELIVERED or RETURNED",
    ),
]


class TransactionUpdated(CustomerMessage, frozen=True, kw_only=True):
    """A bill is to be as it is said here; what is left out stays as it is. An amount of 0 cancels the bill."""

    bill_number: Code
    """The number of the bill."""
    amount_minor: Minor | None = None
    """The bill, net; equals the sum of its lines where there are lines."""
    lines: Lines = ()
    """All lines of the bill; a bill that came with lines needs them wherever its amount changes."""
    discount_minor: Minor | None = None
    gross_minor: Minor | None = None
    delivery_status: DeliveryStatus = ""
    entered_by: Short = ""
    """Who entered it."""


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
    entered_by: Short = ""
    """As of a bill."""
    labels: Labels = ()
