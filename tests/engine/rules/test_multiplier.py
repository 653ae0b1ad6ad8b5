"""Multipliers: which lines count for more, and how multipliers combine."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records import Line
from tests.dsl import BOOKKEEPING, given
from tests.steps import bought, program, spend

MUG = Line("MUG", 1_000, category="kitchen")
BEANS = Line("BEANS", 500, 2, "coffee")


def multiplier(rule: str, factor: str | int, **parts: Any) -> dict[str, Any]:
    return {"id": rule, "kind": "multiplier", "factor": factor, **parts}


def earned(*rules: dict[str, Any], lines: tuple[Line, ...]) -> int:
    return given(program(rules=rules), bought("B1", None, "2011-03-01", lines=lines)).balance()


@pytest.mark.parametrize(
    ("multipliers", "points"),
    [
        pytest.param([multiplier("a", 2, skus=["MUG"])], 25, id="one-sku"),
        pytest.param([multiplier("a", 2, categories=["kitchen"])], 25, id="one-category"),
        pytest.param([multiplier("a", "3/2", skus=["MUG"])], 20, id="a-ratio"),
        pytest.param([multiplier("a", "1/3", skus=["MUG"])], 8, id="a-third-rounded-down"),
        pytest.param([multiplier("a", 2, skus=["MUG"], categories=["kitchen"])], 25, id="one-rule-matches-twice"),
        pytest.param([multiplier("a", 2, skus=["MUG", "MUG"])], 25, id="a-sku-named-twice"),
        pytest.param(
            [multiplier("a", 2, skus=["MUG"]), multiplier("b", 3, categories=["kitchen"])], 65, id="two-rules-multiply"
        ),
        pytest.param(
            [multiplier("a", 2, skus=["MUG"]), multiplier("b", 2, categories=["kitchen"])],
            45,
            id="two-rules-of-one-factor-multiply",
        ),
        pytest.param([multiplier("a", 2, skus=["SPOON"])], 15, id="no-match"),
    ],
)
def test_multiplied_lines_count_for_more(multipliers: list[dict[str, Any]], points: int) -> None:
    assert earned(spend(), *multipliers, lines=(MUG, BEANS)) == points


def test_ratios_are_exact_before_the_one_rounding() -> None:
    rules = [spend(per_minor=1), multiplier("third", "1/3", categories=["x"])]
    lines = tuple(Line(sku, 1, category="x") for sku in "ABC")
    assert earned(*rules, lines=lines) == 1


def test_multiplied_line_that_is_excluded_earns_nothing() -> None:
    assert earned(spend(excluded_skus=["MUG"]), multiplier("double", 2, skus=["MUG"]), lines=(MUG, BEANS)) == 5


def test_sku_on_two_lines_is_multiplied_once_on_each() -> None:
    assert earned(spend(), multiplier("double", 2, skus=["MUG"]), lines=(MUG, MUG)) == 40


def test_minimum_is_measured_before_multipliers() -> None:
    rules = [spend(minimum_minor=1_000), multiplier("double", 2, skus=["CUP"])]
    given(program(rules=rules)).when(bought("B1", None, "2011-03-01", lines=(Line("CUP", 600),))).then(
        ignoring=BOOKKEEPING
    )


def test_bill_without_lines_is_not_multiplied() -> None:
    rules = [spend(), multiplier("double", 2, skus=["CUP"])]
    assert given(program(rules=rules), bought("B1", 600, "2011-03-01")).balance() == 6
