"""The synthetic coffee roastery: its goods, its hours, its seasons and the habits of its customers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from schemas.messages import Line

ZONE: Final = "Europe/London"
CURRENCY: Final = "GBP"
FIRST: Final = date(2024, 1, 1)
ORG_ID: Final = 100
PROGRAM_ID: Final = 1

STORES: Final = ("SOHO", "BRIXTON", "LEEDS", "BATH", "WEB")


class Habit(NamedTuple):
    """How a kind of customer behaves. Chances are per day, before the season."""

    share: float
    """Its part of all customers."""
    workday: float
    """The chance of a visit from Monday to Friday."""
    weekend: float
    lapses: float
    """The part that stops coming after a while."""


HABITS: Final = {
    "regular": Habit(share=0.055, workday=0.72, weekend=0.25, lapses=0.10),
    "commuter": Habit(share=0.155, workday=0.34, weekend=0.03, lapses=0.20),
    "weekender": Habit(share=0.21, workday=0.02, weekend=0.42, lapses=0.20),
    "occasional": Habit(share=0.58, workday=0.045, weekend=0.07, lapses=0.35),
}
LAPSED_VISIT: Final = 0.003
"""The chance per day that a lapsed customer comes back."""

MONTHS: Final = (0.90, 0.94, 0.98, 1.00, 1.02, 0.98, 0.92, 0.86, 1.02, 1.06, 1.12, 1.25)
"""The season: August is quiet, December is not."""
CLOSED: Final = frozenset({(12, 25), (12, 26), (1, 1)})


class Product(NamedTuple):
    """One article, with the line of a bill that sells one or two of it."""

    weight: int
    """How often it is taken, within its kind."""
    one: Line
    two: Line


def _goods(category: str, goods: Iterable[tuple[str, int, int]]) -> tuple[Product, ...]:
    """Each product repeated by its weight, so that one random number picks a product."""
    return tuple(
        Product(
            weight,
            Line(sku=sku, amount_minor=price, quantity=1, category=category),
            Line(sku=sku, amount_minor=2 * price, quantity=2, category=category),
        )
        for sku, price, weight in goods
        for _ in range(weight)
    )


DRINKS: Final = _goods(
    "drinks",
    [
        ("ESPRESSO", 260, 6),
        ("FLAT-WHITE", 360, 14),
        ("LATTE", 380, 11),
        ("CAPPUCCINO", 370, 9),
        ("FILTER", 310, 7),
        ("COLD-BREW", 420, 4),
        ("CHAI", 390, 3),
        ("TEA", 280, 4),
    ],
)
FOOD: Final = _goods(
    "food",
    [
        ("CROISSANT", 290, 9),
        ("PAIN-CHOC", 330, 6),
        ("BANANA-BREAD", 350, 6),
        ("GRANOLA", 620, 2),
        ("TOASTIE", 690, 4),
        ("COOKIE", 260, 5),
    ],
)
BEANS: Final = _goods(
    "beans",
    [
        ("BEAN-HOUSE-250", 950, 9),
        ("BEAN-HOUSE-1000", 3200, 3),
        ("BEAN-ETH-250", 1250, 6),
        ("BEAN-ETH-1000", 4300, 2),
        ("BEAN-COL-250", 1150, 5),
        ("BEAN-DECAF-250", 1050, 3),
    ],
)
EQUIPMENT: Final = _goods(
    "equipment",
    [("FILTERS-100", 650, 8), ("V60", 1900, 3), ("AEROPRESS", 3500, 3), ("GRINDER", 8900, 1), ("KETTLE", 6500, 1)],
)
GIFT_CARDS: Final = _goods("gift-cards", [("GIFT-10", 1000, 2), ("GIFT-25", 2500, 3), ("GIFT-50", 5000, 1)])

# Quarter hours after midnight at which people come, each as often as it is busy; the last ends at closing time.
_BUSY: Final = {7: 5, 8: 9, 9: 7, 10: 5, 11: 4, 12: 5, 13: 5, 14: 3, 15: 4, 16: 3, 17: 2, 18: 1}
_WEEKEND_BUSY: Final = {9: 3, 10: 6, 11: 7, 12: 5, 13: 4, 14: 4, 15: 3, 16: 2}


def _quarters(busy: dict[int, int]) -> tuple[int, ...]:
    return tuple(4 * hour + quarter for hour, weight in busy.items() for quarter in range(4) for _ in range(weight))


VISITS_WORKDAY: Final = _quarters(_BUSY)
VISITS_WEEKEND: Final = _quarters(_WEEKEND_BUSY)

FIRST_NAMES: Final = (
    *("Amara", "Ben", "Chloe", "Dev", "Elin", "Farid", "Grace", "Hugo", "Isla", "Jonas", "Keira", "Luca"),
    *("Maya", "Noor", "Oskar", "Priya", "Quinn", "Rosa", "Sami", "Tess", "Uma", "Viktor", "Wren", "Yusuf", "Zoe"),
)
LAST_NAMES: Final = (
    *("Adeyemi", "Baker", "Clarke", "Diaz", "Evans", "Fischer", "Gupta", "Hughes", "Ivanova", "Jones", "Khan"),
    *("Lindqvist", "Moreau", "Novak", "Okafor", "Patel", "Quist", "Rossi", "Smith", "Turner", "Usman", "Walsh"),
)
