"""Retail inputs: returns find their sales as the naive second model finds them, and midnights pass between."""

from __future__ import annotations

import csv
import json
import lzma
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.importer.retail import HEADER, ImportReport, Invoices
from pipeline.importer.retail_inputs import UntilTooEarly, inputs, matched
from pipeline.intake.dialects.native import normalise
from pipeline.intake.verdict import Accepted, Limits
from pipeline.log.port import Message
from tests.naive.retail_model import naive_run
from tests.naive.retail_rows import retail_rows

LONDON = ZoneInfo("Europe/London")
DATA = os.environ.get("ACCRUE_RETAIL_DATA")


def imported(rows: list[list[str]], until: date | None = None) -> tuple[list[dict[str, Any]], ImportReport]:
    read = Invoices()
    read.read("shop.csv", [list(HEADER), *rows])
    steps = matched(read.in_order(), read.report)
    return [json.loads(one.value) for one in inputs(steps, 1, until)], read.report


def row(number: str, sku: str, quantity: int, at: str, price: str = "1.00", customer: str = "1") -> list[str]:
    return [number, sku, "", str(quantity), at, price, customer, "France"]


def returned(messages: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [
        (one["billNumber"], one["ofBill"], one["amountMinor"])
        for one in messages
        if one["type"] == "transactionReturned"
    ]


def agrees_with_the_naive_model(rows: list[list[str]]) -> None:
    until = date(2012, 1, 1)
    messages, report = imported(rows, until)
    naive = naive_run(rows, until)

    bills = [
        (one["customerId"], one["billNumber"], one["eventTime"], one["amountMinor"])
        for one in messages
        if one["type"] == "transactionAdded"
    ]
    assert bills == [
        (customer, number, int(at.replace(tzinfo=LONDON).astimezone(UTC).timestamp() * 1000), pence)
        for customer, number, at, pence in naive.bills
    ]
    returns = [
        (one["customerId"], one["billNumber"], one["ofBill"], one["amountMinor"])
        for one in messages
        if one["type"] == "transactionReturned"
    ]
    assert returns == naive.returns
    joined = [one["customerId"] for one in messages if one["type"] == "customerAdded"]
    assert sorted(joined) == [one["customer_id"] for one in naive.customers]
    assert {name: count for name, count in report.counts().items() if count} == dict(naive.dispositions)
    assert sum(report.dispositions.values()) == report.lines == len(rows)
    assert (report.customers, report.sales, report.returns) == (len(joined), len(bills), len(returns))


@pytest.mark.parametrize(
    ("seed", "first"),
    [(seed, first) for seed in range(5) for first in (date(2010, 12, 1), date(2011, 3, 28), date(2011, 10, 20))],
    ids=str,
)
def test_bills_returns_and_dispositions_are_those_of_the_naive_model(seed: int, first: date) -> None:
    agrees_with_the_naive_model(retail_rows(seed, first, days=40))


@pytest.mark.skipif(not DATA, reason="ACCRUE_RETAIL_DATA names no file of the UCI Online Retail format (csv.xz)")
def test_bills_returns_and_dispositions_of_the_real_file_are_those_of_the_naive_model() -> None:
    with lzma.open(Path(str(DATA)), "rt", encoding="utf-8", newline="") as text:
        agrees_with_the_naive_model(list(csv.reader(text))[1:])


def test_a_return_takes_from_the_latest_sale_that_has_enough_left() -> None:
    messages, report = imported(
        [
            row("1", "10000", 5, "2011-01-03 09:00:00"),
            row("2", "10000", 1, "2011-01-04 09:00:00"),
            row("2", "10000", 1, "2011-01-04 09:00:00", price="3.00"),
            row("C3", "10000", -2, "2011-01-04 09:00:00"),
            row("C4", "10000", -3, "2011-01-05 09:00:00"),
            row("C4", "10000", -3, "2011-01-05 09:00:00"),
        ]
    )

    assert returned(messages) == [("C3", "2", 200), ("C4", "1", 300)]
    assert (report.return_matched, report.return_unmatched, report.returns) == (2, 1, 2)


def test_a_return_gives_back_at_most_what_is_left_of_the_amount() -> None:
    messages, _ = imported(
        [
            row("1", "10000", 2, "2011-01-03 09:00:00", price="1.50"),
            row("C2", "10000", -1, "2011-01-04 09:00:00", price="2.00"),
            row("C3", "10000", -1, "2011-01-05 09:00:00", price="2.00"),
        ]
    )

    assert returned(messages) == [("C2", "1", 200), ("C3", "1", 100)]


def test_lines_of_one_return_invoice_are_one_return_for_each_sale() -> None:
    messages, _ = imported(
        [
            row("1", "10000", 1, "2011-01-03 09:00:00"),
            row("2", "20000", 1, "2011-01-03 10:00:00"),
            row("1", "30000", 1, "2011-01-03 09:00:00"),
            row("C3", "30000", -1, "2011-01-04 09:00:00"),
            row("C3", "20000", -1, "2011-01-04 09:00:00"),
            row("C3", "10000", -1, "2011-01-04 09:00:00"),
        ]
    )

    assert returned(messages) == [("C3", "1", 200), ("C3", "2", 100)]


def test_goods_of_another_customer_are_not_taken_back() -> None:
    messages, report = imported(
        [row("1", "10000", 1, "2011-01-03 09:00:00"), row("C2", "10000", -1, "2011-01-04 09:00:00", customer="2")]
    )

    assert returned(messages) == []
    assert [one["customerId"] for one in messages if one["type"] == "customerAdded"] == [1, 2]
    assert report.return_unmatched == 1


def test_the_clock_is_announced_at_every_local_midnight_and_at_the_end() -> None:
    rows = [row("1", "10000", 1, "2011-03-26 09:00:00"), row("2", "10000", 1, "2011-03-28 09:00:00")]

    messages, _ = imported(rows, until=date(2011, 3, 30))

    clock = [one["time"] for one in messages if one["type"] == "advanceClock"]
    midnights = [datetime(2011, 3, day, tzinfo=LONDON) for day in (27, 28, 29, 30)]
    assert clock == [int(midnight.timestamp() * 1000) for midnight in midnights]
    kinds = [one["type"] for one in messages]
    assert kinds == [
        "customerAdded",
        "transactionAdded",
        *["advanceClock"] * 2,
        "transactionAdded",
        *["advanceClock"] * 2,
    ]


def test_the_settlement_defaults_to_the_day_after_the_last_invoice_and_never_lies_before_it() -> None:
    rows = [row("1", "10000", 1, "2011-01-03 23:59:00")]

    messages, _ = imported(rows)

    assert messages[-1]["time"] == int(datetime(2011, 1, 4, tzinfo=LONDON).timestamp() * 1000)
    assert imported(rows, date(2011, 1, 4))[0] == messages
    with pytest.raises(UntilTooEarly, match="settle as of 2011-01-04 or later, not as of 2011-01-03"):
        imported(rows, date(2011, 1, 3))


def test_a_file_without_any_invoice_moves_the_clock_only() -> None:
    assert imported([])[0] == []
    assert [one["type"] for one in imported([], date(2011, 1, 4))[0]] == ["advanceClock"]


def test_intake_accepts_every_message() -> None:
    read = Invoices()
    read.read("shop.csv", [list(HEADER), *retail_rows(1, date(2011, 1, 1), days=10)])
    limits = Limits(clock_topic="loyalty.transactions")

    for number, one in enumerate(inputs(matched(read.in_order(), read.report), 1)):
        message = Message("loyalty.transactions", 0, number, one.key, one.value, one.time, ())
        accepted = normalise(message, wall=1_700_000_000_000, limits=limits)
        assert isinstance(accepted, Accepted)
        assert accepted.key == one.key
