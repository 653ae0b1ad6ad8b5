"""What tiers go by: trackers, points of another currency, and several conditions, of which some may be enough."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.programs import Program
from pipeline.engine.tiers.progress import tier_progress
from schemas.facts import (
    Decision,
    TierCheckSet,
    TierDowngraded,
    TierLossExcused,
    TierReleased,
    TierReminded,
    TierRenewed,
    TierUpgraded,
)
from schemas.program import ProgramDefinition
from tests.dsl import Story, given
from tests.steps import (
    assign,
    bought,
    brought_back,
    cancel,
    did,
    instant,
    program,
    redeem,
    release_tier,
    spend,
    tick,
    updated,
)

VISITS = {"id": "visits", "of": "visits", "window": {"days": 30}}
SPENT = {"id": "spent", "of": "amount", "window": {"days": 365}}
STARS = {"id": "stars", "kind": "spend", "points": 1, "per_minor": 100, "currency": "STARS"}
YEAR = {"validity": {"months": 12}}


def club(*levels: Any, version: int = 1, rules: Any = (), **tiers: Any) -> ProgramDefinition:
    named = [{"name": "Base", "threshold": 0}, *levels]
    return program(
        version=version,
        rules=[spend(), STARS, *rules],
        currencies=[{"id": "STARS"}],
        trackers=[VISITS, SPENT],
        tiers={"basis": "net_purchases", "levels": named, **tiers},
    )


def silver(threshold: int, **parts: Any) -> dict[str, Any]:
    return {"name": "Silver", "threshold": threshold, **parts}


def gold(threshold: int, **parts: Any) -> dict[str, Any]:
    return {"name": "Gold", "threshold": threshold, **parts}


def told(story: Story, kind: type[Decision]) -> list[Any]:
    return story.only(kind)


def visits(*days: str, amount: int = 100) -> list[Any]:
    return [bought(f"B{on}", amount, on) for on in days]


# --- a tracker


def test_tracker_decides_the_tier_by_its_window() -> None:
    definition = club(silver(2), basis="tracker", tracker="visits")
    story = given(definition, *visits("2011-03-01", "2011-04-01"))
    assert story.tier() == 1
    story.play(bought("B3", 1, "2011-04-02"))
    assert ([one.basis_value for one in told(story, TierUpgraded)], story.tier()) == ([2], 2)


def test_days_that_pass_cost_no_tier_before_its_time_is_up_and_the_last_day_counts_then() -> None:
    definition = club(silver(2), basis="tracker", tracker="visits", **YEAR)
    story = given(definition, *visits("2011-03-01", "2011-03-02"), did("login", "2011-09-01"))
    assert story.tier() == 2
    story.play(bought("B3", 1, "2012-02-02"))
    story.play(bought("B4", 1, "2012-02-03"))
    story.play(tick("2012-03-03 00:00"))
    assert [(one.measured, one.needed) for one in told(story, TierRenewed)] == [(2, 2)]
    story.play(tick("2013-03-05 00:00"))
    assert [(one.measured, one.needed) for one in told(story, TierDowngraded)] == [(0, 2)]


def test_tracker_renews_a_tier_that_something_else_gives() -> None:
    story = given(club(silver(1_000, renewal=1), **YEAR, renewal="tracker", renewal_tracker="visits", reminders=[10]))
    story.play(bought("B1", 1_000, "2011-03-01"))
    story.play(tick("2012-02-25"))
    assert [(one.measured, one.needed) for one in told(story, TierReminded)] == [(0, 1)]
    story.play(bought("B2", 1, "2012-02-26"))
    story.play(tick("2012-03-02 00:00"))
    assert [one.measured for one in told(story, TierRenewed)] == [1]


@pytest.mark.parametrize(("tracker", "in_money"), [("visits", False), ("spent", True)])
def test_progress_is_money_where_the_tracker_is(tracker: str, in_money: bool) -> None:  # noqa: FBT001 - a parameter
    definition = club(silver(2), basis="tracker", tracker=tracker)
    story = given(definition, bought("B1", 1, "2011-03-01"))
    progress = tier_progress(story.section(), Program(definition), instant("2011-03-01"))
    assert [(one.value, one.measure.in_money) for one in progress.conditions] == [(1, in_money)]


# --- points of another currency


@pytest.mark.parametrize("basis", ["lifetime_points", "current_points", "points_in_period"])
def test_points_of_another_currency_decide_the_tier(basis: str) -> None:
    period = {"period": "year"} if basis == "points_in_period" else {}
    story = given(club(silver(15), basis=basis, currency="STARS", **period), bought("B1", 1_000, "2011-03-01"))
    story.play(redeem(10, "2011-03-02"))
    assert story.tier() == 1
    story.play(bought("B2", 500, "2011-03-03"))
    assert story.tier() == 2


def test_points_of_another_currency_renew_a_tier_and_those_of_the_program_do_not() -> None:
    gift = {"id": "gift", "kind": "event", "event": "login", "points": 99}
    story = given(club(silver(10), rules=[gift], basis="lifetime_points", currency="STARS", **YEAR))
    story.play(bought("B1", 1_000, "2011-03-01"))
    story.play(did("login", "2011-04-01"))
    story.play(bought("B2", 400, "2011-05-01"))
    story.play(brought_back("B2", 100, "2011-05-02"))
    story.play(tick("2012-03-02 00:00"))
    assert [(one.measured, one.needed) for one in told(story, TierDowngraded)] == [(3, 10)]


# --- several conditions

FURTHER = {"further": [{"basis": "visits"}, {"basis": "lifetime_points", "currency": "STARS"}]}
KEPT = {"renewal": "visits"}


@pytest.mark.parametrize(
    ("enough", "tier"),
    [
        pytest.param(None, 1, id="all"),
        pytest.param(3, 1, id="as-many-as-there-are"),
        pytest.param(2, 2, id="two-of-three"),
        pytest.param(1, 3, id="one-of-three"),
    ],
)
def test_so_many_conditions_are_enough(enough: int | None, tier: int) -> None:
    levels = (silver(1_000, further=[2, 99]), gold(9_000, further=[2, 999]))
    parts = {} if enough is None else {"any": enough}
    story = given(club(*levels, **FURTHER, **parts), *visits("2011-03-01", "2011-03-02", amount=600))
    assert story.tier() == tier


def test_condition_on_which_the_tier_depends_is_told() -> None:
    levels = (silver(1_000, further=[3, 5]),)
    story = given(club(*levels, **FURTHER, any=2), *visits("2011-03-01", "2011-03-02", amount=400))
    assert story.tier() == 1
    progress = tier_progress(story.section(), Program(club(*levels, **FURTHER, any=2)), instant("2011-03-02"))
    assert [(one.value, one.needed) for one in progress.conditions] == [(800, 1_000), (2, 3), (8, 5)]
    assert [one.measure.in_money for one in progress.conditions] == [True, False, False]
    assert (progress.value, progress.to_next) == (2, 1)
    story.play(bought("B3", 1, "2011-03-03"))
    assert [one.basis_value for one in told(story, TierUpgraded)] == [3]


def test_what_is_left_out_keeps_a_tier_as_it_is_reached_within_the_term() -> None:
    definition = club(silver(1_000, further=[2]), further=[{"basis": "visits"}], any=1, **YEAR)
    story = given(definition, bought("B1", 1_000, "2011-03-01"), *visits("2011-06-01", "2011-06-02"))
    story.play(tick("2012-03-02 00:00"))
    assert [(one.measured, one.needed) for one in told(story, TierRenewed)] == [(2, 2)]
    story.play(bought("C1", 100, "2012-06-01"))
    story.play(tick("2013-03-04 00:00"))
    assert [(one.measured, one.needed) for one in told(story, TierDowngraded)] == [(1, 2)]


def test_conditions_of_a_renewal_of_their_own() -> None:
    levels = (silver(500, renewal=2, renewal_further=[300]), gold(900, renewal=1, renewal_further=[900]))
    terms = {"renewal": "visits", "renewal_further": [{"renewal": "purchases"}], "downgrade": "by_value"}
    story = given(club(*levels, **terms, **YEAR), bought("B1", 900, "2011-03-01"))
    story.play(bought("B2", 200, "2011-06-01"))
    story.play(bought("B3", 100, "2011-06-02"))
    story.play(tick("2012-03-02 00:00"))
    assert [(one.previous, one.reached, one.measured, one.needed) for one in told(story, TierDowngraded)] == [
        (3, 2, 300, 900)
    ]


def test_periods_begin_for_a_further_condition_too() -> None:
    further = {"further": [{"basis": "visits_in_period"}], "period": "month"}
    story = given(club(silver(100, further=[2]), **further), *visits("2011-03-30", "2011-04-01"))
    assert story.tier() == 1
    story.play(bought("B3", 1, "2011-04-02"))
    assert story.tier() == 2


# --- what a return costs


def test_return_does_not_cost_a_tier_whose_threshold_was_raised() -> None:
    levels = (silver(1_000),)
    story = given(club(*levels, on_return="at_once"), bought("B1", 1_500, "2011-03-01"))
    story.play(club(silver(2_000), version=2, on_return="at_once"))
    story.play(brought_back("B1", 100, "2011-03-02"))
    assert (story.tier(), len(told(story, TierLossExcused))) == (2, 1)
    story.play(bought("B2", 1_000, "2011-03-03"))
    story.play(brought_back("B1", 500, "2011-03-04"))
    assert (story.tier(), len(told(story, TierLossExcused))) == (1, 1)


def test_return_does_not_cost_a_tier_that_a_redemption_took_the_points_of() -> None:
    definition = club(silver(10), basis="current_points", on_return="end_of_day")
    story = given(definition, bought("B1", 1_500, "2011-03-01"), redeem(10, "2011-03-02"))
    story.play(brought_back("B1", 100, "2011-03-03"))
    story.play(tick("2011-03-05"))
    assert (story.tier(), told(story, TierCheckSet)) == (2, [])


def test_return_of_a_bill_from_before_the_program_is_no_reason_to_spare_a_tier_in_it() -> None:
    definition = club(silver(10), basis="current_points", on_return="at_once")
    story = given(program(program_id=2), bought("B1", 100, "2011-03-01"), definition)
    story.play(bought("B2", 1_500, "2011-03-02"))
    story.play(redeem(10, "2011-03-03"))
    story.play(brought_back("B1", 100, "2011-03-04"))
    assert (story.tier(), told(story, TierLossExcused)) == (2, [])


@pytest.mark.parametrize("back", [True, False])
def test_only_a_return_of_the_day_costs_a_tier_at_its_end(back: bool) -> None:  # noqa: FBT001 - a parameter
    levels = (silver(10), gold(20))
    definition = club(*levels, basis="current_points", on_return="end_of_day", upgrade="end_of_day")
    story = given(definition, bought("B1", 1_500, "2011-03-01"), tick("2011-03-02 00:00"))
    story.play(bought("B2", 600, "2011-03-02 09:00"))
    story.play(brought_back("B1", 1_200, "2011-03-02 10:00") if back else redeem(12, "2011-03-02 10:00"))
    story.play(brought_back("B1", 100, "2011-03-02 11:00"))
    story.play(tick("2011-03-03 00:00"))
    assert story.tier() == (1 if back else 2)


def test_update_and_cancelled_points_cost_a_tier_like_a_return_or_are_excused() -> None:
    points = club(silver(10), basis="lifetime_points", on_return="at_once")
    story = given(
        points,
        bought("B1", 1_500, "2011-03-01"),
        club(silver(12), version=2, basis="lifetime_points", on_return="at_once"),
    )
    story.play(updated("B1", 1_000, "2011-03-02"))
    assert story.tier() == 1
    raised = given(points, bought("B1", 1_100, "2011-03-01"))
    raised.play(club(silver(12), version=2, basis="lifetime_points", on_return="at_once"))
    raised.play(updated("B1", 1_000, "2011-03-02"))
    raised.play(cancel("2011-03-03", bill_number="B1"))
    assert (raised.tier(), len(told(raised, TierLossExcused))) == (2, 2)


def test_tier_that_a_renewal_won_back_is_lost_by_a_return_below_its_threshold_only() -> None:
    story = given(club(silver(1_000), on_return="at_once", **YEAR), bought("B1", 1_500, "2011-03-01"))
    story.play(tick("2012-03-02 00:00"))
    assert story.tier() == 1
    story.play(bought("B2", 1_000, "2012-04-01"))
    assert story.tier() == 2
    story.play(brought_back("B2", 1_000, "2012-04-02"))
    assert story.tier() == 2
    story.play(bought("B3", 100, "2012-04-03"))
    story.play(brought_back("B1", 700, "2012-04-03"))
    assert story.tier() == 1


def test_tier_given_by_hand_and_released_goes_by_all_conditions() -> None:
    story = given(club(silver(500, further=[2]), further=[{"basis": "visits"}]), bought("B1", 900, "2011-03-01"))
    story.play(assign("silver", "2011-03-02"))
    story.play(release_tier("2011-03-03"))
    assert [(one.reached, one.basis_value) for one in told(story, TierReleased)] == [(1, 900)]


def test_currency_of_tiers_is_begun_with_where_a_return_made_the_first_record_of_a_tenure() -> None:
    before = club(silver(1_000), on_return="at_once")
    story = given(before, bought("B1", 1_000, "2011-03-01"), brought_back("B1", 1_000, "2011-03-02"))
    story.play(club(silver(1_000), version=2, **YEAR))
    story.play(bought("B2", 1_000, "2011-03-03"))
    assert (story.section().tenure.currency, story.tier()) == ("POINTS", 2)
