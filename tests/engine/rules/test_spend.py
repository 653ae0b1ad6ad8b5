"""Spend rules: base, filter and rate, and the rounding that happens once per bill."""

from __future__ import annotations

import pytest

from schemas.records import Line
from tests.dsl import BOOKKEEPING, given, issued
from tests.steps import bought, program, spend

MUG = Line("MUG", 1_000, category="kitchen")
BEANS = Line("BEANS", 500, 2, "coffee")
CARD = Line("CARD", 2_000, category="gift-cards")


@pytest.mark.parametrize(
    ("amount", "points"),
    [
        pytest.param(0, 0, id="nothing-paid"),
        pytest.param(99, 0, id="below-a-point"),
        pytest.param(100, 1, id="exactly-a-point"),
        pytest.param(1_099, 10, id="rounded-down"),
    ],
)
def test_bill_earns_for_every_whole_unit(amount: int, points: int) -> None:
    assert given(program(rules=[spend()]), bought("B1", amount, "2011-03-01")).balance() == points


@pytest.mark.parametrize(
    ("amount", "points"),
    [pytest.param(999, 0, id="a-penny-short"), pytest.param(1_000, 10, id="on-the-minimum")],
)
def test_bill_below_the_minimum_earns_nothing(amount: int, points: int) -> None:
    shop = program(rules=[spend(minimum_minor=1_000)])
    assert given(shop, bought("B1", amount, "2011-03-01")).balance() == points


def test_bill_that_earns_nothing_is_not_an_award_of_zero_points() -> None:
    given(program(rules=[spend()])).when(bought("B1", 99, "2011-03-01")).then(ignoring=BOOKKEEPING)


def test_rounding_happens_once_per_bill_not_per_line() -> None:
    lines = (Line("A", 50), Line("B", 50))
    given(program(rules=[spend()])).when(bought("B1", None, "2011-03-01", lines=lines)).then(
        issued(("spend", 1), balance=1, bill_number="B1"), ignoring=BOOKKEEPING
    )


@pytest.mark.parametrize(
    ("excluded", "points"),
    [
        pytest.param({}, 35, id="none"),
        pytest.param({"excluded_skus": ["MUG"]}, 25, id="by-sku"),
        pytest.param({"excluded_categories": ["gift-cards"]}, 15, id="by-category"),
        pytest.param({"excluded_skus": ["CARD"], "excluded_categories": ["gift-cards"]}, 15, id="same-line-twice"),
        pytest.param({"excluded_skus": ["MUG", "BEANS", "CARD"]}, 0, id="every-line"),
        pytest.param({"excluded_skus": ["mug"]}, 35, id="skus-compared-as-written"),
    ],
)
def test_excluded_lines_earn_nothing(excluded: dict[str, list[str]], points: int) -> None:
    shop = program(rules=[spend(**excluded)])
    assert given(shop, bought("B1", None, "2011-03-01", lines=(MUG, BEANS, CARD))).balance() == points


@pytest.mark.parametrize(
    ("minimum", "points"), [pytest.param(3_000, 10, id="reached"), pytest.param(3_001, 0, id="a-penny-short")]
)
def test_excluded_lines_still_count_towards_the_minimum(minimum: int, points: int) -> None:
    shop = program(rules=[spend(minimum_minor=minimum, excluded_skus=["CARD"])])
    assert given(shop, bought("B1", None, "2011-03-01", lines=(MUG, CARD))).balance() == points


def test_bill_without_lines_earns_on_its_amount_whatever_is_excluded() -> None:
    shop = program(rules=[spend(excluded_skus=["CARD"])])
    assert given(shop, bought("B1", 700, "2011-03-01")).balance() == 7
