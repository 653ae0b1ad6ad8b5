"""The UCI Online Retail format: every line ends in exactly one disposition, sales and returns become invoices.

A file has one line per article of an invoice, in UK local time. An invoice number that begins with `C` is a return
with negative quantities and no reference to its sale; `pipeline.importer.retail_inputs` finds the sale.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from pipeline.failure import Failure

HEADER: Final = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
_LINE_MAX: Final = 10**11
"""Pence; a thousand million pounds. A bill of two thousand such lines is still an amount that intake takes."""
_EXAMPLES_MAX: Final = 5
"""Malformed lines that are quoted in the report; all are counted."""


class Disposition(StrEnum):
    """What becomes of a line; the first that applies."""

    MALFORMED = "malformed"
    """It cannot be read: columns, date or number."""
    UNATTRIBUTED = "unattributed"
    """No CustomerID."""
    NOT_PRODUCT = "not_product"
    """The StockCode is postage, a discount, a bank charge or the like."""
    ZERO_PRICE = "zero_price"
    """The UnitPrice is zero or less."""
    SALE = "sale"
    RETURN = "return"
    INCONSISTENT = "inconsistent"
    """The sign of the quantity contradicts the invoice number."""


class WrongHeader(Failure):
    """A file does not begin with the columns of the format."""


class Malformed(NamedTuple):
    """A line that could not be read."""

    file: str
    row: int
    """Counted from 1, the header included."""
    why: str


class Article(NamedTuple):
    """One sale or return line."""

    sku: str
    quantity: int
    """Positive, in a return too."""
    amount_minor: int
    """Quantity times unit price in pence, rounded half up."""


@dataclass(slots=True)
class Invoice:
    """The sale lines, or the return lines, of one invoice of one customer."""

    number: str
    customer_id: int
    at: datetime
    """The earliest time among its lines, local."""
    country: str
    is_return: bool
    articles: list[Article] = field(default_factory=list)


@dataclass(slots=True)
class ImportReport:
    """What became of every line. The dispositions add up to `lines`, matched and unmatched to the return lines."""

    lines: int = 0
    dispositions: dict[Disposition, int] = field(default_factory=lambda: dict.fromkeys(Disposition, 0))
    malformed: list[Malformed] = field(default_factory=list)
    """The first few of them."""
    customers: int = 0
    sales: int = 0
    """Sale invoices: the transactions."""
    returns: int = 0
    """Returns of a sale; one return invoice can give goods of several sales back."""
    return_matched: int = 0
    return_unmatched: int = 0

    def counts(self) -> dict[str, int]:
        """The dispositions by name, the return lines once more by match."""
        return {
            **{disposition.value: count for disposition, count in self.dispositions.items()},
            "return_matched": self.return_matched,
            "return_unmatched": self.return_unmatched,
        }


class Invoices:
    """Collects the invoices of one or several files of one import."""

    def __init__(self) -> None:
        self.report = ImportReport()
        self._quantity = _Memo(_quantity)
        self._time = _Memo(_time)
        self._price = _Memo(_price)
        self._customer = _Memo(_customer)
        self._is_product = _Memo(_is_product)
        self._is_return = _Memo(_is_return)
        self._invoices: dict[tuple[str, int], Invoice] = {}
        """In the order of their first sale or return line. Of two customers on one invoice each gets their own part."""

    def read(self, file: str, rows: Iterable[Sequence[str]]) -> None:
        """Adds the rows of a file, header first; raises `WrongHeader`. Empty rows are skipped."""
        rest = iter(rows)
        header = next(rest, ())
        if tuple(header) != HEADER:
            found = ",".join(header) or "nothing"
            message = f"{file} begins with {found[:200]!r}; the first line must be {','.join(HEADER)!r}"
            raise WrongHeader(message)
        report, dispositions, take = self.report, self.report.dispositions, self._take
        for row_number, row in enumerate(rest, start=2):
            if not row:
                continue
            report.lines += 1
            try:
                disposition = take(row)
            except ValueError as error:
                disposition = Disposition.MALFORMED
                if len(report.malformed) < _EXAMPLES_MAX:
                    report.malformed.append(Malformed(file, row_number, str(error)))
            dispositions[disposition] += 1

    def in_order(self) -> list[Invoice]:
        """The invoices in processing order: by time, then by the place of their first line."""
        return sorted(self._invoices.values(), key=lambda invoice: invoice.at)

    def _take(self, row: Sequence[str]) -> Disposition:
        if len(row) != len(HEADER):
            message = f"{len(row)} columns instead of {len(HEADER)}"
            raise ValueError(message)
        number, sku, _, quantity_text, at_text, price_text, customer_text, country = row
        is_return = self._is_return[number]
        quantity, at = self._quantity[quantity_text], self._time[at_text]
        price, per = self._price[price_text]
        if not customer_text:
            return Disposition.UNATTRIBUTED
        customer_id = self._customer[customer_text]
        if not self._is_product[sku]:
            return Disposition.NOT_PRODUCT
        if price <= 0:
            return Disposition.ZERO_PRICE
        if quantity == 0 or is_return != (quantity < 0):
            return Disposition.INCONSISTENT
        units = abs(quantity)
        # Half up in whole numbers: the price is price/per pence, so this is floor(units * price / per + 1/2).
        amount_minor = (2 * units * price + per) // (2 * per)
        if amount_minor > _LINE_MAX:
            message = f"{quantity_text} at {price_text} is more than a line can come to"
            raise ValueError(message)
        invoice = self._invoices.get((number, customer_id))
        if invoice is None:
            invoice = self._invoices[number, customer_id] = Invoice(number, customer_id, at, _place(country), is_return)
        elif at < invoice.at:
            invoice.at = at
        invoice.articles.append(Article(sku, units, amount_minor))
        return Disposition.RETURN if is_return else Disposition.SALE


_NUMBER: Final = re.compile(r"[0-9A-Za-z]{1,32}")
_WHOLE: Final = re.compile(r"-?[0-9]{1,9}(?:\.0+)?")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,12})?(?:[eE][+-]?[0-9]{1,2})?")
_ISO: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(?::[0-9]{2})?")
_US: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/(20[0-9]{2}) ([0-9]{1,2}):([0-9]{2})")
_PRODUCT: Final = re.compile(r"[0-9]{5}[A-Za-z]{0,2}")


def _is_return(number: str) -> bool:
    if not _NUMBER.fullmatch(number):
        message = f"InvoiceNo {number[:40]!r} is not an invoice number"
        raise ValueError(message)
    return number.startswith("C")


def _quantity(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        message = f"Quantity {text[:40]!r} is not a whole number"
        raise ValueError(message)
    return int(text.partition(".")[0])


def _customer(text: str) -> int:
    number = int(text.partition(".")[0]) if _WHOLE.fullmatch(text) else 0
    if number <= 0:
        message = f"CustomerID {text[:40]!r} is not a customer number"
        raise ValueError(message)
    return number


def _price(text: str) -> tuple[int, int]:
    """The price in pence, exactly, as (numerator, denominator)."""
    if not _DECIMAL.fullmatch(text):
        message = f"UnitPrice {text[:40]!r} is not an amount"
        raise ValueError(message)
    return (Decimal(text) * 100).as_integer_ratio()


def _time(text: str) -> datetime:
    """`2010-12-01 08:26:00`, or `12/1/2010 8:26` (month first), as the file is also published."""
    american = _US.fullmatch(text)
    if american:
        month, day, year, hour, minute = map(int, american.groups())
        return datetime(year, month, day, hour, minute)  # noqa: DTZ001 - local time of the shop
    if not _ISO.fullmatch(text):
        message = f"InvoiceDate {text[:40]!r} is not a date and time such as 2010-12-01 08:26:00"
        raise ValueError(message)
    return datetime.fromisoformat(text)


def _place(country: str) -> str:
    return country[:100] if country.isprintable() else ""


def _is_product(sku: str) -> bool:
    return _PRODUCT.fullmatch(sku) is not None


_Meaning = TypeVar("_Meaning")


class _Memo(dict[str, _Meaning]):
    """Caches parsed values: a column has far fewer distinct texts than lines."""

    def __init__(self, read: Callable[[str], _Meaning]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> _Meaning:
        meaning = self[text] = self._read(text)
        return meaning
