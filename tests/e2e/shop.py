"""A shop's year-end in a file, what the naive model makes of it, and how a user loads it."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.e2e.product import ROOT, Product
from tests.naive.retail_model import Outcome, naive_run
from tests.naive.retail_rows import retail_rows

PROGRAM = ROOT / "examples" / "programs" / "online-retail.yaml"
HEADER = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
# Summer time ends, points expire, three months make a streak, and its window closes.
FIRST, DAYS, UNTIL = date(2011, 9, 20), 100, date(2012, 1, 3)
LONDON = ZoneInfo("Europe/London")
START, END = (int(datetime(on.year, on.month, on.day, tzinfo=LONDON).timestamp() * 1000) for on in (FIRST, UNTIL))
ROWS = retail_rows(7, FIRST, DAYS, customers=40, per_day=4)


class Figures(NamedTuple):
    """What a user sees at the end."""

    report: dict[str, Any]
    customers: list[dict[str, str]]


class Settled(NamedTuple):
    """What is left of a run when its workers are gone."""

    imported: dict[str, Any]
    figures: Figures
    verified: dict[str, Any]
    digest: str


def settled(product: Product, imported: dict[str, Any], digest: str) -> Settled:
    """What users see of an installation whose workers have ended."""
    return Settled(imported, figures_of(product), product.json("verify"), digest)


def write_file(folder: Path, first: date = FIRST, until: date = UNTIL) -> Path:
    """The shop's file, or the part of it of these days."""
    file = folder / "shop.csv"
    days = (first.isoformat(), until.isoformat())
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([HEADER, *(row for row in ROWS if days[0] <= row[4][:10] < days[1])])
    return file


def prepare(product: Product) -> None:
    """Topics and program, as a user who will start with history."""
    product.run("topics", "create")
    product.run("program", "apply", str(PROGRAM))


def load(product: Product, first: date = FIRST, until: date = UNTIL) -> dict[str, Any]:
    """Send the file, or the part of it of these days; what the import says."""
    file = write_file(product.folder, first, until)
    imported: dict[str, Any] = product.json("import", "retail", str(file), "--until", until.isoformat())
    return imported


def figures_of(product: Product, *place: str) -> Figures:
    """What the report says."""
    file = product.folder / "customers.csv"
    report = product.json("report", "--customers", str(file), *place)
    return Figures(report, customers_in(file))


def customers_in(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as rows:
        return list(csv.DictReader(rows))


def expected(naive: Outcome) -> Figures:
    """What the report must say by the naive model."""
    report = {
        "customers": len(naive.customers),
        "totals": {**naive.totals, "event_points": 0, "adjustment_points": 0, "redeemed": 0, "debited": 0},
        "tiers": dict(naive.tiers),
        "notifications": dict(naive.notifications),
    }
    return Figures(report, [{name: str(value) for name, value in row.items()} for row in naive.customers])


NAIVE = naive_run(ROWS, UNTIL)
