"""Bills and returns."""

from __future__ import annotations

import msgspec

from schemas.records.record import CustomerRecord


class Site(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the settings of the org say, when the record was taken, of the store and the till that it names."""

    store_name: str
    store_ids: tuple[str, ...] = ()
    """Its three names in the org's own systems, each empty where it has none; all left out where none is known."""
    till_name: str = ""


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line of a bill."""

    sku: str
    amount_minor: int
    """What was paid for the line, net of discounts, all its units together."""
    quantity: int = 1
    category: str = ""
    line_id: str = ""
    """What a return names the line by; lines without one are known by their SKU."""


class Label(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a sender says of a bill or of a line under a name of its own."""

    key: str
    value: str = ""


class LineWords(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is said of one line beside what counts."""

    name: str = ""
    maker: str = ""
    labels: tuple[Label, ...] = ()


class Words(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is said of a bill beside what counts: it is kept, and has no effect."""

    labels: tuple[Label, ...] = ()
    lines: tuple[LineWords, ...] = ()
    """One for each line of the bill; none where nothing is said of any."""


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
    zone: str = ""
    """The IANA zone of its store, as the message or the settings of the org name it; empty where neither does."""
    site: Site | None = None
    """None where the settings do not know the store."""
    entered_by: str = ""
    """Who entered it: the number of a user or a till, or another text; empty where nobody is named."""
    words: Words | None = None
    """None where nothing is said."""


class TransactionUpdated(CustomerRecord, frozen=True):
    """A bill is to be as it is said here; what is left out stays as it is. An amount of 0 cancels the bill."""

    bill_number: str
    """The number of the bill."""
    amount_minor: int | None = None
    """The bill, net; None: as it is."""
    lines: tuple[Line, ...] = ()
    """All lines of the bill; empty: they are as they are, or the bill has none."""
    discount_minor: int | None = None
    gross_minor: int | None = None
    delivery_status: str = ""
    """`PLACED`, `PROCESSED`, `SHIPPED`, `DELIVERED` or `RETURNED`; empty: as it is."""
    entered_by: str = ""
    """Who entered it; empty where nobody is named."""


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
    site: Site | None = None
    """None where the settings do not know the store."""
    entered_by: str = ""
    """Who entered it: the number of a user or a till, or another text; empty where nobody is named."""
    words: Words | None = None
    """None where nothing is said."""
