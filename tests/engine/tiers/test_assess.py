"""Tiers: thresholds, jumps, and that no customer moves down."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.facts import ProgramAdopted, RecordRefused, TierUpgraded
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import Step, adjust, bought, brought_back, did, milestone, program, redeem, spend

LEVELS = (("Base", 0), ("Silver", 1_000), ("Gold", 5_000))


def tiered(basis: str = "net_purchases", levels: Any = LEVELS, version: int = 1, **parts: Any) -> ProgramDefinition:
    named = [{"name": name, "threshold": threshold} for name, threshold in levels]
    return program(version=version, tiers={"basis": basis, "levels": named}, **parts)


def upgrades(story: Story) -> list[tuple[int, int, int]]:
    return [(upgraded.previous, upgraded.reached, upgraded.basis_value) for upgraded in story.only(TierUpgraded)]


def test_every_customer_begins_in_the_first_tier() -> None:
    story = given(tiered()).when(bought("B1", 1, "2011-03-01"))
    assert (story.only(ProgramAdopted)[0].tier, story.tier(), upgrades(story)) == (1, 1, [])


def test_program_without_tiers_has_none() -> None:
    story = given(program()).when(bought("B1", 10_000, "2011-03-01"))
    assert (story.tier(), upgrades(story)) == (0, [])


@pytest.mark.parametrize(
    ("amounts", "reached"),
    [
        pytest.param([999], [], id="a-penny-short"),
        pytest.param([1_000], [(1, 2, 1_000)], id="on-the-threshold"),
        pytest.param([999, 1], [(1, 2, 1_000)], id="several-bills"),
        pytest.param([5_000], [(1, 3, 5_000)], id="a-jump-is-one-upgrade"),
        pytest.param([1_000, 3_999, 1], [(1, 2, 1_000), (2, 3, 5_000)], id="step-by-step"),
        pytest.param([9_000, 9_000], [(1, 3, 9_000)], id="nothing-above-the-highest"),
    ],
)
def test_purchases_reach_a_tier(amounts: list[int], reached: list[tuple[int, int, int]]) -> None:
    bills = [bought(f"B{number}", amount, f"2011-03-0{number}") for number, amount in enumerate(amounts, 1)]
    assert upgrades(given(tiered(), *bills)) == reached


def test_returns_count_against_the_next_tier() -> None:
    story = given(tiered(), bought("B1", 900, "2011-03-01"), brought_back("B1", 500, "2011-03-02"))
    story.play(bought("B2", 500, "2011-03-03"))
    assert upgrades(story) == []
    story.play(bought("B3", 100, "2011-03-04"))
    assert upgrades(story) == [(1, 2, 1_000)]


def test_return_does_not_lower_a_tier_and_reaching_it_again_is_no_upgrade() -> None:
    story = given(tiered(), bought("B1", 1_000, "2011-03-01"), brought_back("B1", 1_000, "2011-03-02"))
    story.play(bought("B2", 1_000, "2011-03-03"))
    assert (story.tier(), upgrades(story)) == (2, [(1, 2, 1_000)])


def test_lifetime_points_decide_with_the_rewards_of_the_same_bill() -> None:
    levels = (("A", 0), ("B", 40))
    rich = tiered("lifetime_points", levels, rules=[spend()], milestones=[milestone("goal", points=30)])
    story = given(rich).when(bought("B1", 1_000, "2011-03-01"))
    assert (upgrades(story), story.kinds()[-1]) == ([(1, 2, 40)], TierUpgraded)


def test_spending_points_does_not_cost_lifetime_points_and_returns_do() -> None:
    rich = tiered("lifetime_points", (("A", 0), ("B", 15)), rules=[spend()])
    story = given(rich, bought("B1", 1_000, "2011-03-01"), redeem(3, "2011-03-02"), bought("B2", 400, "2011-03-03"))
    assert upgrades(story) == []
    story.play(brought_back("B1", 500, "2011-03-04"))
    story.play(bought("B3", 100, "2011-03-05"))
    assert upgrades(story) == []
    story.play(bought("B4", 1_000, "2011-03-06"))
    assert upgrades(story) == [(1, 2, 20)]


@pytest.mark.parametrize(
    "step",
    [pytest.param(adjust(50, "2011-03-01"), id="adjustment"), pytest.param(did("gift", "2011-03-01"), id="event")],
)
def test_points_from_anywhere_reach_a_tier(step: Any) -> None:
    gift = {"id": "gift", "kind": "event", "event": "gift", "points": 50}
    story = given(tiered("lifetime_points", (("A", 0), ("B", 50)), rules=[gift])).when(step)
    assert upgrades(story) == [(1, 2, 50)]


@pytest.mark.parametrize(
    ("step", "basis"),
    [
        pytest.param(bought("B2", 1, "2011-03-02"), 901, id="bill"),
        pytest.param(did("login", "2011-03-02"), 900, id="event-that-counts-nowhere"),
        pytest.param(redeem(5, "2011-03-02"), 900, id="refused-redemption"),
    ],
)
def test_lower_threshold_moves_a_customer_up_with_the_next_record(step: Step, basis: int) -> None:
    story = given(tiered(), bought("B1", 900, "2011-03-01"), tiered(levels=(("Base", 0), ("Silver", 500)), version=2))
    assert upgrades(story) == []
    story.when(step).then(
        TierUpgraded(previous=1, reached=2, basis_value=basis, reached_id="silver"),
        ignoring={*BOOKKEEPING, RecordRefused},
    )


def test_higher_threshold_moves_no_customer_down() -> None:
    story = given(
        tiered(), bought("B1", 1_000, "2011-03-01"), tiered(levels=(("Base", 0), ("Silver", 9_000)), version=2)
    )
    story.play(bought("B2", 1, "2011-03-02"))
    assert story.tier() == 2


def test_tiers_that_a_program_gets_later_begin_at_the_first() -> None:
    story = given(program(), bought("B1", 500, "2011-03-01"), tiered(version=2))
    story.play(bought("B2", 500, "2011-03-02"))
    assert upgrades(story) == [(1, 2, 1_000)]
