"""Retail invoices as input messages: returns find their sales, customers are added first, midnights pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from pipeline.engine.calendar import Calendar, as_day
from pipeline.failure import Failure
from pipeline.importer.retail import Article, ImportReport, Invoice
from pipeline.importer.upstream import Input, midnights
from pipeline.intake.dialects.naming import input_key
from schemas import messages

ZONE: Final = "Europe/London"
CURRENCY: Final = "GBP"

_ENCODER: Final = msgspec.json.Encoder()


class UntilTooEarly(Failure):
    """The settlement date is before the last invoice."""


@dataclass(slots=True)
class Left:
    """What is left to return of one SKU of one sale, over all its lines."""

    bill_number: str
    quantity: int = 0
    amount_minor: int = 0


@dataclass(slots=True)
class Return:
    """The lines of one return invoice that belong to one sale."""

    of_bill: str
    articles: list[Article] = field(default_factory=list)
    """`amount_minor` is what counts as returned."""


class Sales:
    """The sales so far, by customer and SKU; each return takes from the latest that has enough left."""

    def __init__(self) -> None:
        self._left: defaultdict[tuple[int, str], list[Left]] = defaultdict(list)

    def add(self, sale: Invoice) -> None:
        """Adds a sale."""
        for article in sale.articles:
            of_sku = self._left[sale.customer_id, article.sku]
            if not of_sku or of_sku[-1].bill_number != sale.number:
                of_sku.append(Left(sale.number))
            of_sku[-1].quantity += article.quantity
            of_sku[-1].amount_minor += article.amount_minor

    def take_back(self, invoice: Invoice) -> list[Return]:
        """Match the lines of a return invoice, in their order; lines without a sale are left out."""
        returns: dict[str, Return] = {}
        for article in invoice.articles:
            for left in reversed(self._left.get((invoice.customer_id, article.sku), ())):
                if left.quantity >= article.quantity:
                    amount = min(article.amount_minor, left.amount_minor)
                    left.quantity -= article.quantity
                    left.amount_minor -= amount
                    of_sale = returns.setdefault(left.bill_number, Return(left.bill_number))
                    of_sale.articles.append(Article(article.sku, article.quantity, amount))
                    break
        return list(returns.values())


def matched(invoices: Sequence[Invoice], report: ImportReport) -> list[tuple[Invoice, list[Return]]]:
    """Each invoice in processing order, return invoices with what they give back; completes the report."""
    sales, customers = Sales(), set()
    steps: list[tuple[Invoice, list[Return]]] = []
    for invoice in invoices:
        customers.add(invoice.customer_id)
        returns: list[Return] = []
        if invoice.is_return:
            returns = sales.take_back(invoice)
            matched_lines = sum(len(one.articles) for one in returns)
            report.returns += len(returns)
            report.return_matched += matched_lines
            report.return_unmatched += len(invoice.articles) - matched_lines
        else:
            sales.add(invoice)
            report.sales += 1
        steps.append((invoice, returns))
    report.customers = len(customers)
    return steps


def inputs(steps: Sequence[tuple[Invoice, list[Return]]], org_id: int, until: date | None = None) -> Iterator[Input]:
    """The messages of an import in processing order, a clock message at each local midnight, the last at `until`.

    `until` defaults to the day after the last invoice; raises `UntilTooEarly` if there is an invoice after it.
    """
    settled_from = steps[-1][0].at.date() + timedelta(days=1) if steps else None
    if until and settled_from and until < settled_from:
        message = f"the data ends on {steps[-1][0].at.date()}: settle as of {settled_from} or later, not as of {until}"
        raise UntilTooEarly(message)
    return _inputs(steps, org_id, Calendar(ZONE), until or settled_from)


def _inputs(
    steps: Sequence[tuple[Invoice, list[Return]]], org_id: int, calendar: Calendar, until: date | None
) -> Iterator[Input]:
    zone = ZoneInfo(ZONE)
    known: set[int] = set()
    today: int | None = None
    for invoice, returns in steps:
        day = as_day(invoice.at.date())
        if today is not None:
            yield from midnights(calendar, today, day)
        today = day
        time = _instant(invoice.at, zone)
        key = input_key(org_id, invoice.customer_id)
        if invoice.customer_id not in known:
            known.add(invoice.customer_id)
            yield Input(key, _ENCODER.encode(_joining(invoice, org_id, time)), time)
        if not invoice.is_return:
            yield Input(key, _ENCODER.encode(_transaction(invoice, org_id, time)), time)
        for one in returns:
            yield Input(key, _ENCODER.encode(_return(invoice, one, org_id, time)), time)
    if until is not None:
        end = as_day(until)
        yield from midnights(calendar, end - 1 if today is None else today, end)


def _instant(at: datetime, zone: ZoneInfo) -> int:
    """Milliseconds since the epoch; the hour that comes twice in autumn is its first time."""
    return int(at.replace(tzinfo=zone).astimezone(UTC).timestamp()) * 1000


def _joining(invoice: Invoice, org_id: int, time: int) -> messages.CustomerAdded:
    return messages.CustomerAdded(
        org_id=org_id,
        customer_id=invoice.customer_id,
        event_time=time,
        id=f"customer-{invoice.customer_id}",
        external_id=str(invoice.customer_id),
        extended={"country": invoice.country},
    )


def _transaction(invoice: Invoice, org_id: int, time: int) -> messages.TransactionAdded:
    return messages.TransactionAdded(
        org_id=org_id,
        customer_id=invoice.customer_id,
        event_time=time,
        id=invoice.number,
        bill_number=invoice.number,
        amount_minor=sum(article.amount_minor for article in invoice.articles),
        currency=CURRENCY,
        lines=_lines(invoice.articles),
    )


def _return(invoice: Invoice, one: Return, org_id: int, time: int) -> messages.TransactionReturned:
    return messages.TransactionReturned(
        org_id=org_id,
        customer_id=invoice.customer_id,
        event_time=time,
        id=f"{invoice.number}/{one.of_bill}",
        bill_number=invoice.number,
        of_bill=one.of_bill,
        amount_minor=sum(article.amount_minor for article in one.articles),
        currency=CURRENCY,
        lines=_lines(one.articles),
    )


def _lines(articles: Sequence[Article]) -> tuple[messages.Line, ...]:
    return tuple(
        [
            messages.Line(sku=article.sku, amount_minor=article.amount_minor, quantity=article.quantity)
            for article in articles
        ]
    )
