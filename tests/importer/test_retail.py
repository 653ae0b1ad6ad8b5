"""Retail lines: every line ends in one disposition, and invoices add up to the penny."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipeline.importer.retail import HEADER, Article, Disposition, Invoice, Invoices, Malformed, WrongHeader

SALE = ("536365", "71053", "WHITE METAL LANTERN", "6", "2010-12-01 08:26:00", "3.39", "17850.0", "United Kingdom")


def line(**changed: str) -> list[str]:
    return list({**dict(zip(HEADER, SALE, strict=True)), **changed}.values())


def invoices(*rows: list[str]) -> Invoices:
    read = Invoices()
    read.read("shop.csv", [list(HEADER), *rows])
    return read


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, Disposition.SALE),
        ({"CustomerID": "17850"}, Disposition.SALE),
        ({"InvoiceDate": "12/1/2010 8:26"}, Disposition.SALE),
        ({"InvoiceNo": "C536365", "Quantity": "-6"}, Disposition.RETURN),
        ({"CustomerID": ""}, Disposition.UNATTRIBUTED),
        ({"CustomerID": "", "StockCode": "POST", "UnitPrice": "0"}, Disposition.UNATTRIBUTED),
        ({"StockCode": "POST"}, Disposition.NOT_PRODUCT),
        ({"StockCode": "1234"}, Disposition.NOT_PRODUCT),
        ({"StockCode": "71053abc"}, Disposition.NOT_PRODUCT),
        ({"StockCode": "71053\n"}, Disposition.NOT_PRODUCT),
        ({"StockCode": "D", "UnitPrice": "0.0"}, Disposition.NOT_PRODUCT),
        ({"StockCode": "71053ab"}, Disposition.SALE),
        ({"UnitPrice": "0.0"}, Disposition.ZERO_PRICE),
        ({"UnitPrice": "-0.01", "Quantity": "-6"}, Disposition.ZERO_PRICE),
        ({"Quantity": "-6"}, Disposition.INCONSISTENT),
        ({"Quantity": "0"}, Disposition.INCONSISTENT),
        ({"InvoiceNo": "C536365"}, Disposition.INCONSISTENT),
        ({"InvoiceNo": "C536365", "Quantity": "0"}, Disposition.INCONSISTENT),
        ({"Quantity": "six"}, Disposition.MALFORMED),
        ({"Quantity": "1.5"}, Disposition.MALFORMED),
        ({"UnitPrice": "NaN"}, Disposition.MALFORMED),
        ({"UnitPrice": ""}, Disposition.MALFORMED),
        ({"UnitPrice": "9e99"}, Disposition.MALFORMED),
        ({"InvoiceDate": "2010-13-01 08:26:00"}, Disposition.MALFORMED),
        ({"InvoiceDate": "yesterday"}, Disposition.MALFORMED),
        ({"CustomerID": "-1"}, Disposition.MALFORMED),
        ({"CustomerID": "Smith"}, Disposition.MALFORMED),
        ({"InvoiceNo": ""}, Disposition.MALFORMED),
    ],
    ids=lambda value: ",".join(f"{k}={v!r}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_a_line_ends_in_the_first_disposition_that_applies(changed: dict[str, str], expected: Disposition) -> None:
    report = invoices(line(**changed)).report

    assert report.lines == 1
    assert report.dispositions == {**dict.fromkeys(Disposition, 0), expected: 1}


@pytest.mark.parametrize(
    ("quantity", "price", "pence"),
    [
        ("1", "0.125", 13),
        ("1", "0.124", 12),
        ("3", "0.005", 2),
        ("6", "3.39", 2034),
        ("1", "0.001", 0),
        ("2", "1e-2", 2),
    ],
)
def test_a_line_amount_is_rounded_half_up_in_exact_decimals(quantity: str, price: str, pence: int) -> None:
    (invoice,) = invoices(line(Quantity=quantity, UnitPrice=price)).in_order()

    assert invoice.articles == [Article("71053", int(quantity), pence)]


def test_lines_of_one_number_are_one_invoice_at_the_earliest_of_their_times() -> None:
    read = invoices(
        line(InvoiceDate="2010-12-01 08:27:00"),
        line(InvoiceNo="536366", InvoiceDate="2010-12-01 08:26:00"),
        line(InvoiceDate="2010-12-01 08:26:00", StockCode="85123A"),
    )

    at = datetime.fromisoformat("2010-12-01 08:26:00")
    lantern, heart = Article("71053", 6, 2034), Article("85123A", 6, 2034)
    assert read.in_order() == [
        Invoice("536365", 17850, at, "United Kingdom", is_return=False, articles=[lantern, heart]),
        Invoice("536366", 17850, at, "United Kingdom", is_return=False, articles=[lantern]),
    ]


def test_a_line_that_sells_nothing_does_not_give_its_invoice_a_place() -> None:
    read = invoices(line(InvoiceNo="2", StockCode="POST"), line(InvoiceNo="1"), line(InvoiceNo="2"))

    assert [invoice.number for invoice in read.in_order()] == ["1", "2"]


def test_malformed_lines_are_counted_and_the_first_are_quoted() -> None:
    report = invoices(line(), ["536365", "71053"], *[line(Quantity="x")] * 6, []).report

    assert (report.lines, report.dispositions[Disposition.MALFORMED]) == (8, 7)
    assert report.malformed == [
        Malformed("shop.csv", 3, "2 columns instead of 8"),
        *[Malformed("shop.csv", row, "Quantity 'x' is not a whole number") for row in (4, 5, 6, 7)],
    ]


@pytest.mark.parametrize("rows", [[], [["a", "b"]], [list(SALE)]], ids=["empty", "other", "missing"])
def test_a_file_without_the_header_is_refused(rows: list[list[str]]) -> None:
    with pytest.raises(WrongHeader, match=r"shop\.csv begins with .*; the first line must be 'InvoiceNo,StockCode,"):
        Invoices().read("shop.csv", rows)
