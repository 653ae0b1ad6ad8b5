"""The one module that divides: what is rounded, and where awards are cut."""

from __future__ import annotations

import pytest

from pipeline.engine.amounts import AWARD_MAX, points_for, reversal_due, split
from schemas.records import Line
from tests.dsl import given
from tests.steps import bought, program, redeem, spend


@pytest.mark.parametrize("award", [1, 7, 10, 999])
@pytest.mark.parametrize("basis", [1, 3, 1_000])
def test_reversal_never_falls_and_ends_at_the_award(award: int, basis: int) -> None:
    dues = [reversal_due(award, basis, returned) for returned in range(basis + 2)]
    assert dues == sorted(dues)
    assert (dues[0], dues[-2:]) == (0, [award, award])


@pytest.mark.parametrize("factor", [pytest.param(1, id="whole"), pytest.param("3/2", id="ratio")])
def test_award_of_a_mistyped_rate_is_cut_at_what_can_be_stored(factor: int | str) -> None:
    double = {"id": "double", "kind": "multiplier", "factor": factor, "skus": ["A"]}
    wrong = program(rules=[spend(points=10**12, per_minor=1), double], points={"value_minor": 10**6})
    story = given(wrong, bought("B1", None, "2011-03-01", lines=(Line("A", 10**12),)), redeem(10**12, "2011-03-02"))
    assert (story.account().issued, story.balance()) == (AWARD_MAX, 0)


def test_nothing_is_earned_on_less_than_nothing() -> None:
    assert (points_for(-1, 5, 1), points_for(0, 5, 1)) == (0, 0)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [(10, [1, 1, 1], [4, 3, 3]), (10, [0, 1, 3], [0, 3, 7]), (5, [], []), (5, [0, 0], [0, 0])],
)
def test_split_gives_what_is_left_to_the_parts_that_lost_most(total: int, weights: list[int], parts: list[int]) -> None:
    assert split(total, weights) == parts
