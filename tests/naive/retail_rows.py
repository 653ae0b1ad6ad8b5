"""Synthetic rows of the UCI Online Retail format, seeded, with every quirk of the real file."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta

SKUS = ["22423", "85123A", "71053", "84406B", "84029g", "21730", "22633", "15056BL"]
NO_PRODUCTS = ["POST", "D", "M", "BANK CHARGES", "C2", "gift_0001_20", "1234", "123456", "84029GBX"]
PRICES = ["2.55", "0.125", "3.39", "7.65", "0.005", "4.25", "12.75", "165.0", "0.001", "295", "33.335"]


def retail_rows(seed: int, first: date, days: int, customers: int = 40, per_day: int = 6) -> list[list[str]]:
    """Rows in the order of time, without the header."""
    chance = random.Random(seed)
    rows: list[list[str]] = []
    sold: list[tuple[int, str, int, str]] = []
    """(customer, SKU, quantity, price) of sale lines, for returns."""
    number = 536365
    for day in range(days):
        minutes = sorted(chance.choice(MINUTES) for _ in range(chance.randint(0, 2 * per_day)))
        for minute in minutes:
            number += 1
            at = datetime.combine(first, datetime.min.time()) + timedelta(days=day, minutes=minute)
            kind = chance.random()
            if kind < 0.15 and sold:
                rows += _return(chance, number, at, sold)
            elif kind < 0.17:
                rows.append(_row(f"A{number}", "B", 1, at, "-11062.06", ""))
            else:
                rows += _sale(chance, number, at, customers, sold)
    return rows


MINUTES = [0, 1, 30, 90, 119, 8 * 60 + 26, 8 * 60 + 26, 12 * 60, 12 * 60 + 1, 1435, 1439]
"""Minutes of a day: ties, midnight, and the hour that comes twice in autumn."""


def _sale(
    chance: random.Random, number: int, at: datetime, customers: int, sold: list[tuple[int, str, int, str]]
) -> list[list[str]]:
    customer = 12346 + int(customers * chance.random() ** 2)
    anonymous = chance.random() < 0.2
    rows = []
    for _ in range(chance.randint(1, 6)):
        sku, quantity, price = chance.choice(SKUS), chance.choice((1, 1, 2, 3, 6, 12, 48)), chance.choice(PRICES)
        quirk = chance.random()
        later = at + timedelta(minutes=chance.choice((0, 0, 0, 1)))
        later = later if later.date() == at.date() else at
        who = "" if anonymous else f"{customer}.0"
        if quirk < 0.05:
            sku = chance.choice(NO_PRODUCTS)
        elif quirk < 0.08:
            price = chance.choice(("0.0", "0", "-1.5"))
        elif quirk < 0.1:
            quantity = -quantity
        elif not anonymous:
            sold.append((customer, sku, quantity, price))
        rows.append(_row(str(number), sku, quantity, later, price, who))
    return rows


def _return(
    chance: random.Random, number: int, at: datetime, sold: Sequence[tuple[int, str, int, str]]
) -> list[list[str]]:
    customer = sold[-1 - int(len(sold) * chance.random() ** 3)][0]
    own = [line for line in sold if line[0] == customer][-10:]
    rows = []
    for _ in range(chance.randint(1, 4)):
        _, sku, quantity, price = chance.choice(own)
        price = chance.choice((price, price, price, "99.99"))
        quantity = chance.choice((1, quantity, quantity, quantity + 1))
        who = f"{customer}.0" if chance.random() < 0.95 else "99999.0"
        rows.append(
            _row(f"C{number}", sku, -quantity if chance.random() < 0.97 else quantity, at, price, f"{customer}.0")
        )
        if who != f"{customer}.0":
            rows.append(_row(f"C{number + 500_000}", sku, -quantity, at, price, who))
    return rows


def _row(number: str, sku: str, quantity: int, at: datetime, price: str, customer: str) -> list[str]:
    return [number, sku, "A thing, with a comma", str(quantity), str(at), price, customer, "United Kingdom"]
