"""Holding a tier: for how long, what renews it, what is lost and when, and what somebody gives by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.calendar import Calendar, as_date
from schemas.facts import (
    Decision,
    RecordRefused,
    Refusal,
    TierAssigned,
    TierCheckSet,
    TierDowngraded,
    TierGraceBegun,
    TierMoved,
    TierPeriodBegun,
    TierReassigned,
    TierReleased,
    TierReminded,
    TierRenewed,
    TierTenureBegun,
    TierUpgraded,
)
from schemas.program import ProgramDefinition
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import (
    Step,
    adjust,
    assign,
    bought,
    brought_back,
    day,
    instant,
    milestone,
    program,
    reassess,
    redeem,
    release_tier,
    spend,
    tick,
    updated,
)

LEVELS = (
    {"name": "Base", "threshold": 0},
    {"name": "Silver", "threshold": 1_000},
    {"name": "Gold", "threshold": 5_000},
)
YEAR = {"validity": {"months": 12}}
MOVES = (TierUpgraded, TierDowngraded, TierReassigned, TierAssigned, TierReleased)


def club(version: int = 1, levels: Any = LEVELS, rules: Any = (), **tiers: Any) -> ProgramDefinition:
    return program(version=version, rules=rules, tiers={"basis": "net_purchases", "levels": levels, **tiers})


def moves(story: Story) -> list[tuple[int, int]]:
    decisions = [fact.decision for fact in story.facts]
    return [(one.previous, one.reached) for one in decisions if isinstance(one, MOVES)]


def told(story: Story, kind: type[Decision]) -> list[Any]:
    return story.only(kind)


def day_of(at: int) -> int:
    return Calendar("Europe/London").day_of(at)


def expires(story: Story) -> str | None:
    tenure = story.section().tenure
    return None if tenure is None or tenure.expires_on is None else as_date(tenure.expires_on).isoformat()


# --- renewal and loss


def test_tier_that_is_renewed_holds_for_another_term_from_the_day_after_its_end() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), bought("B2", 1_000, "2011-09-01"))
    story.play(tick("2012-03-02 00:00"))
    (renewed,) = told(story, TierRenewed)
    assert (renewed.measured, renewed.needed, renewed.by) == (1_000, 1_000, TierMoved.RENEWAL)
    assert (story.tier(), expires(story)) == (2, "2013-03-02")


def test_tier_that_is_not_renewed_is_lost_at_the_first_instant_after_its_last_day() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), bought("B2", 999, "2011-09-01"))
    assert expires(story) == "2012-03-01"
    story.play(tick(instant("2012-03-02 00:00") - 1))
    assert moves(story) == [(1, 2)]
    story.play(tick("2012-03-02 00:00"))
    (lost,) = told(story, TierDowngraded)
    assert (lost.previous, lost.reached, lost.reached_id, lost.measured, lost.needed) == (2, 1, "base", 999, 1_000)
    assert expires(story) is None


def test_upgrade_begins_a_term_of_its_own_and_what_came_before_does_not_renew_it() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), bought("B2", 4_000, "2011-09-01"))
    assert (moves(story), expires(story)) == ([(1, 2), (2, 3)], "2012-09-01")
    story.play(tick("2012-10-01"))
    assert moves(story)[2:] == [(3, 2)]


@pytest.mark.parametrize(
    ("downgrade", "spent", "reached"),
    [
        ("one_lower", 0, 2),
        ("by_value", 999, 1),
        ("by_value", 1_000, 2),
        ("base", 4_999, 1),
    ],
)
def test_lost_tier_leads_where_the_program_says(downgrade: str, spent: int, reached: int) -> None:
    story = given(club(**YEAR, downgrade=downgrade), bought("B1", 5_000, "2011-03-01"))
    if spent:
        story.play(bought("B2", spent, "2011-09-01"))
    story.play(tick("2012-03-02 00:00"))
    assert moves(story) == [(1, 3), (3, reached)]


def test_loss_and_rise_never_come_from_one_cause_though_the_basis_reaches_the_tier_all_the_same() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), tick("2012-03-02 00:00"))
    assert moves(story) == [(1, 2), (2, 1)]
    story.play(bought("B2", 999, "2012-04-01"))
    assert story.tier() == 1
    story.play(bought("B3", 1, "2012-04-02"))
    (_, again) = told(story, TierUpgraded)
    assert (again.previous, again.reached, again.by) == (1, 2, TierMoved.RENEWAL)


def test_after_a_loss_a_higher_tier_of_the_basis_is_reached_at_once() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), tick("2012-03-02 00:00"))
    story.play(bought("B2", 4_000, "2012-04-01"))
    assert moves(story)[2:] == [(1, 3)]


def test_second_loss_in_a_row_goes_one_lower_again_without_a_rise() -> None:
    story = given(club(**YEAR), bought("B1", 5_000, "2011-03-01"), tick("2012-03-02 00:00"), tick("2013-03-04 00:00"))
    assert moves(story) == [(1, 3), (3, 2), (2, 1)]


def test_renewal_may_ask_for_something_of_its_own() -> None:
    levels = ({"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 1_000, "renewal": 2})
    story = given(club(levels=levels, **YEAR, renewal="visits"), bought("B1", 1_000, "2011-03-01"))
    story.play(bought("B2", 1, "2011-04-01"))
    story.play(bought("B3", 1, "2011-05-01"))
    story.play(tick("2012-03-02 00:00"))
    assert [(one.measured, one.needed) for one in told(story, TierRenewed)] == [(2, 2)]


def test_points_that_came_in_renew_a_tier_also_when_they_were_spent() -> None:
    levels = ({"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 10})
    points = club(levels=levels, rules=[spend()], basis="lifetime_points", **YEAR)
    story = given(points, bought("B1", 1_000, "2011-03-01"), bought("B2", 1_000, "2011-04-01"))
    story.play(redeem(15, "2011-04-02"))
    story.play(tick("2012-03-02 00:00"))
    assert [one.measured for one in told(story, TierRenewed)] == [10]


def test_current_points_renew_a_tier_as_far_as_they_are_there() -> None:
    levels = ({"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 10})
    points = club(levels=levels, rules=[spend()], basis="current_points", **YEAR)
    story = given(points, bought("B1", 1_000, "2011-03-01"), redeem(1, "2011-04-02"))
    assert story.tier() == 2
    story.play(tick("2012-03-02 00:00"))
    assert [(one.measured, one.needed) for one in told(story, TierDowngraded)] == [(9, 10)]


# --- late records and returns


def test_late_bill_of_the_term_counts_in_it_and_one_of_before_does_not() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-10"))
    story.play(bought("B2", 700, "2011-03-09"), as_of=instant("2011-03-12"))
    story.play(bought("B3", 300, "2011-03-11"), as_of=instant("2011-03-12"))
    assert story.section().tenure is not None
    assert story.section().tenure.term.purchases_minor == 300


@pytest.mark.parametrize("further", [{}, {"renewal_further": [{"renewal": "purchases"}]}], ids=["one", "two"])
def test_a_value_below_zero_leaves_the_first_tier(further: dict[str, Any]) -> None:
    more = {"renewal_further": (1,)} if further else {}
    levels = ({"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 2_000, **more})
    story = given(club(levels=levels, validity={"days": 30}, downgrade="by_value", renewal="purchases", **further))
    story.play(bought("B1", 1_500, "2011-03-10"))
    story.play(bought("B2", 1_000, "2011-03-05"), as_of=instant("2011-03-11"))  # the term begins with it
    story.play(brought_back("B1", 1_500, "2011-03-12"))
    story.play(tick("2011-05-01"))
    assert moves(story) == [(1, 2), (2, 1)]
    assert story.section().tier_id == "base"


def test_return_counts_where_its_bill_was_paid() -> None:
    levels = ({"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 10})
    points = club(levels=levels, rules=[spend()], basis="lifetime_points", **YEAR)
    story = given(points, bought("B1", 1_000, "2011-03-01"), bought("B2", 600, "2011-04-01"))
    story.play(brought_back("B1", 500, "2011-04-02"))
    story.play(brought_back("B2", 100, "2011-04-03"))
    tenure = story.section().tenure
    assert tenure is not None
    assert (tenure.term.points, tenure.term.purchases_minor, tenure.term.visits) == (5, 500, 1)


MARCH, APRIL = bought("B1", 3_000, "2011-03-25"), bought("B2", 500, "2011-04-02")
TWO_MONTHS = {
    "milestones": [milestone("monthly")],
    "streaks": [
        {
            "id": "months",
            "streak_id": 1,
            "name": "Months",
            "milestone": "monthly",
            "levels": [{"name": "Two", "periods": 2, "points": 7}],
        }
    ],
}


@pytest.mark.parametrize(
    ("parts", "steps", "counted", "left"),
    [
        pytest.param({"promised": {"until": "days", "days": 10}}, [MARCH, tick("2011-04-06")], 30, 0, id="promised"),
        pytest.param(
            {"promised": {"until": "days", "days": 10}},
            [MARCH, tick("2011-04-06"), redeem(30, "2011-04-06 13:00")],
            30,
            0,
            id="promised-and-spent",
        ),
        pytest.param({}, [MARCH, updated("B1", 5_000, "2011-04-06")], 20, 0, id="added-by-an-update"),
        pytest.param(TWO_MONTHS, [MARCH, APRIL], 12, 5, id="a-reward"),
        pytest.param({}, [MARCH, APRIL], 5, 5, id="of-the-month-before"),
    ],
)
def test_points_that_are_taken_back_go_from_the_period_in_which_they_counted(
    parts: dict[str, Any], steps: list[Step], counted: int, left: int
) -> None:
    tiers = {"basis": "points_in_period", "period": "month", "levels": LEVELS}
    returns = {"shortfall": "deficit", "rewards": "clawback"}
    story = given(program(rules=[spend()], tiers=tiers, returns=returns, **parts), *steps)
    assert story.section().tenure is not None
    assert story.section().tenure.period.points == counted
    story.play(brought_back("B1", 5_000, "2011-04-07"))
    assert story.section().tenure.period.points == left


@pytest.mark.parametrize(
    ("downgrade", "returned", "reached"),
    [("by_value", 4_001, 1), ("by_value", 4_000, 2), ("one_lower", 4_900, 2), ("base", 4_900, 1)],
)
def test_return_that_takes_the_value_below_the_threshold_costs_the_tier(
    downgrade: str, returned: int, reached: int
) -> None:
    story = given(club(on_return="at_once", downgrade=downgrade), bought("B1", 5_000, "2011-03-01"))
    story.play(brought_back("B1", returned, "2011-03-02"))
    assert moves(story) == [(1, 3), (3, reached)]
    (lost,) = told(story, TierDowngraded)
    assert (lost.by, lost.measured, lost.needed) == (TierMoved.RETURN, 5_000 - returned, 5_000)


def test_return_costs_no_tier_that_the_value_still_reaches_or_where_the_program_keeps_it() -> None:
    story = given(club(on_return="at_once"), bought("B1", 5_500, "2011-03-01"), brought_back("B1", 500, "2011-03-02"))
    assert moves(story) == [(1, 3)]
    story = given(club(), bought("B1", 5_000, "2011-03-01"), brought_back("B1", 5_000, "2011-03-02"))
    assert moves(story) == [(1, 3)]


def test_return_at_the_end_of_the_day_costs_nothing_when_the_day_brings_the_value_back() -> None:
    story = given(club(on_return="end_of_day"), bought("B1", 1_000, "2011-03-01 09:00"))
    story.play(brought_back("B1", 1, "2011-03-01 10:00"))
    story.play(brought_back("B1", 1, "2011-03-01 10:01"))
    assert [one.at for one in told(story, TierCheckSet)] == [instant("2011-03-02 00:00")]
    story.play(bought("B2", 2, "2011-03-01 11:00"))
    story.play(tick("2011-03-02 00:00"))
    assert (moves(story), told(story, TierCheckSet)[-1].at) == ([(1, 2)], None)
    story.play(brought_back("B2", 1, "2011-03-02 10:00"))
    story.play(tick("2011-03-03 00:00"))
    assert moves(story) == [(1, 2), (2, 1)]


# --- grace and reminders


def test_tier_is_held_through_its_grace_and_renewed_in_it_from_that_day_on() -> None:
    story = given(club(**YEAR, grace_days=14), bought("B1", 1_000, "2011-03-01"), tick("2012-03-02 00:00"))
    (grace,) = told(story, TierGraceBegun)
    assert (as_date(grace.expires_on).isoformat(), grace.ends_at) == ("2012-03-15", instant("2012-03-16 00:00"))
    story.play(bought("B2", 999, "2012-03-10"))
    assert (story.tier(), told(story, TierRenewed)) == (2, [])
    story.play(bought("B3", 1, "2012-03-11"))
    assert [one.measured for one in told(story, TierRenewed)] == [1_000]
    assert expires(story) == "2013-03-11"


@pytest.mark.parametrize(
    ("grace_days", "least", "renewed"),
    [
        pytest.param(0, 10, ["2011-03-22", "2011-04-02"], id="in-the-next-term"),
        pytest.param(0, 11, [], id="not-in-the-one-that-ends"),
        pytest.param(3, 11, ["2011-03-22"], id="in-the-grace"),
    ],
)
def test_promised_points_of_the_midnight_at_which_a_term_ends_count_afterwards(
    grace_days: int, least: int, renewed: list[str]
) -> None:
    levels = (LEVELS[0], {"name": "Silver", "threshold": 1_000, "renewal": least})
    terms = {"validity": {"days": 10}, "renewal": "points", "grace_days": grace_days}
    rules = [spend(promised={"until": "days", "days": 6})]
    story = given(club(levels=levels, rules=rules, **terms), bought("B1", 1_000, "2011-03-01"))
    story.play(bought("B2", 1_000, "2011-03-05"))
    story.play(tick("2011-03-23 00:00"))
    assert [as_date(one.term.expires_on).isoformat() for one in told(story, TierRenewed)] == renewed


def test_tier_is_lost_when_its_grace_is_over() -> None:
    story = given(club(**YEAR, grace_days=14), bought("B1", 1_000, "2011-03-01"), tick("2012-04-01"))
    assert moves(story) == [(1, 2), (2, 1)]
    assert story.envelopes(TierDowngraded)[0].at == instant("2012-03-16 00:00")


def test_reminders_tell_what_is_missing_and_come_once_for_each_number_of_days() -> None:
    story = given(club(**YEAR, reminders=(30, 7)), bought("B1", 1_000, "2011-03-01"))
    story.play(tick("2012-02-01 00:00"))
    story.play(bought("B2", 400, "2012-02-10"))
    story.play(tick("2012-03-01"))
    reminded = told(story, TierReminded)
    assert [(one.lead_days, one.measured, one.needed) for one in reminded] == [(30, 0, 1_000), (7, 400, 1_000)]
    assert {as_date(one.expires_on).isoformat() for one in reminded} == {"2012-03-01"}


# --- upgrades that wait


@pytest.mark.parametrize(
    ("last_day", "reminded"),
    [
        pytest.param(None, 0, id="for-good"),
        pytest.param(day("2012-03-02"), 0, id="beyond-the-term"),
        pytest.param(day("2012-03-01"), 1, id="as-long-as-the-term"),
    ],
)
def test_who_was_given_the_tier_for_longer_is_not_reminded_of_its_end(last_day: int | None, reminded: int) -> None:
    story = given(club(**YEAR, reminders=[30]), bought("B1", 1_000, "2011-03-01"))
    story.play(assign("silver", "2011-04-01", last_day=last_day))
    story.play(tick("2012-03-01"))
    assert len(told(story, TierReminded)) == reminded


def test_reminders_of_a_version_without_validity_are_none() -> None:
    story = given(club(**YEAR, reminders=[30, 7]), bought("B1", 1_000, "2011-03-01"), club(version=2))
    story.play(tick("2012-03-01"))
    assert told(story, TierReminded) == []


def test_upgrade_at_the_end_of_the_day_comes_with_the_next_midnight() -> None:
    story = given(club(upgrade="end_of_day"), bought("B1", 1_000, "2011-03-27 00:30"))
    story.play(bought("B2", 4_000, "2011-03-27 23:30"))
    assert moves(story) == []
    story.play(tick("2011-03-28 00:00"))
    assert moves(story) == [(1, 3)]


def test_upgrade_that_waits_for_the_end_of_the_day_is_dropped_when_the_goods_come_back() -> None:
    story = given(club(upgrade="end_of_day"), bought("B1", 1_000, "2011-03-01 09:00"))
    story.play(brought_back("B1", 1, "2011-03-01 10:00"))
    story.play(tick("2011-03-02 00:00"))
    assert moves(story) == []


def test_upgrade_at_the_end_of_the_period_comes_before_the_values_begin_anew() -> None:
    spending = club(basis="purchases_in_period", period="month", upgrade="end_of_period")
    story = given(spending, bought("B1", 1_000, "2011-03-05"))
    assert moves(story) == []
    story.play(tick("2011-04-01 00:00"))
    assert moves(story) == [(1, 2)]
    story.play(bought("B2", 4_999, "2011-05-05"))
    story.play(tick("2011-06-01 00:00"))
    assert moves(story) == [(1, 2)]
    assert [as_date(day_of(one.begins_at)).month for one in told(story, TierPeriodBegun)] == [3, 5]


@pytest.mark.parametrize("basis", ["points_in_period", "purchases_in_period", "visits_in_period"])
def test_basis_in_a_period_begins_anew_with_each_period(basis: str) -> None:
    levels = ({"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 2})
    monthly = club(levels=levels, rules=[spend(per_minor=1)], basis=basis, period="month")
    story = given(monthly, bought("B1", 1, "2011-03-31"), bought("B2", 1, "2011-04-01"))
    assert story.tier() == 1
    story.play(bought("B3", 1, "2011-04-30"))
    assert story.tier() == 2


@pytest.mark.parametrize(
    ("bills", "left"),
    [
        pytest.param([1], 1, id="not-by-what-was-there-before"),
        pytest.param([1, 1_000], 2, id="by-what-renews-it"),
    ],
)
def test_new_period_gives_a_lost_tier_back_only_by_what_came_in_since(bills: list[int], left: int) -> None:
    tiers = {"basis": "purchases_in_period", "further": [{"basis": "visits"}], "any": 1, "period": "month"}
    levels = (LEVELS[0], {**LEVELS[1], "further": [2], "renewal_further": []})
    terms = {"validity": {"days": 10}, "renewal": "purchases"}
    story = given(club(levels=levels, **tiers, **terms), bought("B1", 1_000, "2011-03-01"))
    story.play(bought("B2", 1, "2011-03-02"))
    story.play(tick("2011-03-20"))
    assert (story.tier(), moves(story)) == (1, [(1, 2), (2, 1)])
    for number, amount in enumerate(bills):
        story.play(bought(f"C{number}", amount, "2011-04-05"))
    assert story.tier() == left


def test_late_bill_counts_in_the_running_period_only_where_it_was_paid_in_it() -> None:
    monthly = club(basis="purchases_in_period", period="month")
    story = given(monthly, bought("B1", 600, "2011-04-02"))
    story.play(bought("B2", 400, "2011-03-31"), as_of=instant("2011-04-03"))
    assert story.tier() == 1
    story.play(bought("B3", 400, "2011-04-01"), as_of=instant("2011-04-03"))
    assert story.tier() == 2


# --- tiers by hand


def test_tier_given_by_hand_is_a_floor_through_its_last_day() -> None:
    story = given(club(**YEAR), bought("B1", 100, "2011-03-01"))
    story.play(assign("gold", "2011-03-02", last_day=day("2011-06-30"), entered_by="ann"))
    (given_,) = told(story, TierAssigned)
    assert (given_.reached, given_.until, given_.entered_by) == (3, instant("2011-07-01 00:00"), "ann")
    story.play(tick("2011-07-01 00:00"))
    (released,) = told(story, TierReleased)
    assert (released.previous, released.reached, released.reached_id, released.basis_value) == (3, 1, "base", 100)


def test_tier_given_by_hand_takes_nothing_from_who_has_a_higher_one() -> None:
    story = given(club(), bought("B1", 5_000, "2011-03-01"), assign("silver", "2011-03-02"))
    assert (story.tier(), moves(story)) == (3, [(1, 3), (3, 3)])
    story.play(release_tier("2011-03-03"))
    assert (story.tier(), moves(story)[2:]) == (3, [(3, 3)])


def test_tier_given_by_hand_is_renewed_while_it_holds_and_stops_a_loss_at_itself() -> None:
    story = given(club(**YEAR, downgrade="base"), bought("B1", 5_000, "2011-03-01"), assign("silver", "2011-03-02"))
    story.play(tick("2012-03-02 00:00"))
    assert (story.tier(), moves(story)[2:]) == (2, [(3, 2)])
    story.play(tick("2020-03-03 00:00"))
    assert ([one.by for one in told(story, TierRenewed)], expires(story)) == ([TierMoved.HAND], None)
    story.play(release_tier("2020-03-04"))
    assert (story.tier(), expires(story)) == (2, "2021-03-04")


def test_return_costs_no_tier_that_somebody_gave() -> None:
    story = given(club(on_return="at_once", downgrade="by_value"), bought("B1", 5_000, "2011-03-01"))
    story.play(assign("silver", "2011-03-02"))
    story.play(brought_back("B1", 5_000, "2011-03-03"))
    assert story.tier() == 2


def test_request_for_another_program_concerns_only_that_one() -> None:
    other = program(program_id=2, tiers={"basis": "visits", "levels": LEVELS})
    story = given(club(), other, bought("B1", 1, "2011-03-01"), assign("gold", "2011-03-02", program_id=2))
    story.play(release_tier("2011-03-03", program_id=2))
    assert (story.tier(1), [one.program_id for one in story.envelopes(TierAssigned)]) == (1, [2])


# --- versions


def test_version_that_brings_validity_begins_to_measure_with_its_adoption() -> None:
    story = given(club(), bought("B1", 1_000, "2011-03-01"), club(version=2, **YEAR))
    story.play(bought("B2", 1, "2011-06-01"))
    assert (len(told(story, TierTenureBegun)), expires(story)) == (1, "2012-06-01")
    story.play(club(version=3, **YEAR))
    story.play(bought("B3", 1, "2011-06-02"))
    assert len(told(story, TierTenureBegun)) == 1


def test_version_that_drops_validity_lets_a_tier_hold_for_ever_when_its_term_ends() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), club(version=2), tick("2012-03-02 00:00"))
    assert (moves(story), expires(story)) == ([(1, 2)], None)


def test_version_that_drops_the_period_begins_no_other_one() -> None:
    monthly = club(basis="purchases_in_period", period="month", **YEAR)
    story = given(monthly, bought("B1", 1_000, "2011-03-01"), club(version=2), bought("B2", 1, "2011-05-01"))
    assert (moves(story), len(told(story, TierPeriodBegun))) == ([(1, 2)], 1)


def test_upgrade_in_a_version_without_validity_ends_the_term_of_the_lower_tier() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), club(version=2), bought("B2", 4_000, "2011-03-02"))
    assert (moves(story), expires(story)) == ([(1, 2), (2, 3)], None)


def without(*retired: str) -> list[dict[str, Any]]:
    return [{**level, "retired": level["name"] in retired} for level in LEVELS]


def test_customer_whose_tier_was_retired_into_the_first_has_a_tier_without_an_end() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), club(version=2, levels=without("Silver"), **YEAR))
    story.play(bought("B2", 1, "2011-04-01"))
    assert (moves(story), expires(story)) == ([(1, 2), (2, 1)], None)
    story.play(tick("2012-03-02 00:00"))
    assert (len(moves(story)), told(story, TierRenewed)) == (2, [])


def test_customer_whose_tier_was_retired_into_a_higher_one_than_the_first_keeps_its_term() -> None:
    story = given(club(**YEAR), bought("B1", 5_000, "2011-03-01"), club(version=2, levels=without("Gold"), **YEAR))
    story.play(bought("B2", 1, "2011-04-01"))
    assert (moves(story), expires(story)) == ([(1, 3), (3, 2)], "2012-03-01")


def test_loss_ends_at_what_is_left_of_a_tier_that_somebody_gave_and_that_was_retired() -> None:
    story = given(club(**YEAR), bought("B1", 5_000, "2011-03-01"), assign("silver", "2011-03-02"))
    story.play(club(version=2, levels=without("Silver"), **YEAR))
    story.play(tick("2012-03-02 00:00"))
    assert moves(story) == [(1, 3), (3, 3), (3, 1)]


def test_version_that_brings_validity_begins_no_term_where_what_is_left_of_the_tier_was_given() -> None:
    story = given(club(), assign("gold", "2011-03-01"), club(version=2, levels=without("Gold"), **YEAR))
    story.play(bought("B1", 1, "2011-04-01"))
    assert (moves(story), expires(story)) == ([(1, 3), (3, 2)], None)


def test_tier_in_a_retired_place_rises_rather_than_moves_down() -> None:
    levels = (LEVELS[0], {**LEVELS[1], "retired": True}, LEVELS[2])
    story = given(club(), bought("B1", 4_999, "2011-03-01"), club(version=2, levels=levels))
    story.play(bought("B2", 1, "2011-04-01"))
    assert moves(story) == [(1, 2), (2, 3)]


def test_points_of_other_kinds_are_measured_as_they_count_towards_lifetime_points() -> None:
    levels = ({"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 10})
    story = given(
        club(levels=levels, basis="lifetime_points", **YEAR), adjust(10, "2011-03-01"), adjust(7, "2011-03-02")
    )
    story.play(adjust(-5, "2011-03-03"))
    tenure = story.section().tenure
    assert tenure is not None
    assert tenure.term.points == 7


def test_tier_is_given_by_hand_where_tiers_have_no_end() -> None:
    story = given(club(), bought("B1", 100, "2011-03-01"), assign("gold", "2011-03-02"))
    assert (story.tier(), expires(story)) == (3, None)
    story.play(bought("B2", 100, "2011-03-03"))
    story.play(release_tier("2011-03-04"))
    assert moves(story) == [(1, 3), (3, 1)]


def test_grace_that_would_end_after_the_last_date_is_none() -> None:
    story = given(club(validity={"until": "12-20"}, grace_days=30), bought("B1", 1_000, "9999-03-01"))
    assert expires(story) == "9999-12-20"
    story.play(tick("9999-12-21 00:00"))
    assert (moves(story), told(story, TierGraceBegun)) == ([(1, 2), (2, 1)], [])


# --- a request to move to the tiers in force


def raised(version: int = 2, **tiers: Any) -> ProgramDefinition:
    return club(version, ({"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 3_000}, LEVELS[2]), **tiers)


def test_request_moves_a_member_down_to_what_a_raised_threshold_leaves() -> None:
    story = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), raised(**YEAR), bought("B2", 500, "2011-03-02"))
    assert story.tier() == 2
    story.play(reassess("2011-03-03"))
    (lost,) = told(story, TierDowngraded)
    assert (lost.previous, lost.reached, lost.measured, lost.needed, lost.by) == (2, 1, 1_500, 3_000, TierMoved.REQUEST)
    story.when(reassess("2011-03-04")).then(ignoring=BOOKKEEPING)


def test_request_moves_a_member_up_whose_check_is_still_to_come() -> None:
    story = given(club(upgrade="end_of_day", **YEAR), bought("B1", 1_000, "2011-03-01 09:00"))
    story.play(reassess("2011-03-01 10:00"))
    (won,) = told(story, TierUpgraded)
    assert (won.reached, won.by, expires(story)) == (2, TierMoved.REQUEST, "2012-03-01")
    story.play(tick("2011-03-02"))
    assert moves(story) == [(1, 2)]


def test_request_leaves_a_tier_that_somebody_gave_and_one_that_was_lost_as_it_is() -> None:
    by_hand = given(club(), bought("B1", 1, "2011-03-01"), assign("silver", "2011-03-02"), reassess("2011-03-03"))
    lost = given(club(**YEAR), bought("B1", 1_000, "2011-03-01"), tick("2012-03-02 00:00"), reassess("2012-03-03"))
    assert (by_hand.tier(), lost.tier()) == (2, 1)
    lost.play(bought("B2", 1_000, "2012-03-04"))
    assert lost.tier() == 2


def test_request_concerns_only_its_program_and_needs_tiers() -> None:
    story = given(club(), program(program_id=2), bought("B1", 1_000, "2011-03-01"), raised())
    story.play(reassess("2011-03-02", program_id=2))
    assert (story.tier(1), [one.reason for one in story.only(RecordRefused)]) == (2, [Refusal.TIER_UNKNOWN])
