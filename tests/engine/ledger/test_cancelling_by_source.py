"""Awards of events, milestones and streaks that were a mistake, cancelled by the name of what gave them."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.engine.ledger import accounts
from pipeline.engine.state import decode_head, encode_state
from schemas.facts import PointsCancelled, PointsReversed, RecordRefused, Refusal, Reversal
from schemas.program import ProgramDefinition
from schemas.records import CustomEventReceived
from tests.dsl import BOOKKEEPING, Story, given
from tests.steps import (
    Step,
    block,
    bought,
    brought_back,
    cancel,
    did,
    instant,
    milestone,
    program,
    redeem,
    reverse,
    spend,
    starting,
)

REVIEW = {"id": "review", "kind": "event", "event": "review", "points": 10}
DAILY = milestone("daily", 1, "day", points=7)
STREAK = {
    "id": "days",
    "streak_id": 1,
    "name": "Days",
    "milestone": "daily",
    "levels": [{"name": "One", "periods": 1, "points": 30}, {"name": "Two", "periods": 2, "points": 60}],
}
BOTH = {
    "id": "both",
    "group_id": 4,
    "name": "Both",
    "expression": "daily & again",
    "points": 90,
}


def shop(shortfall: str = "own_lot", **parts: Any) -> ProgramDefinition:
    given_by = {
        "rules": [spend(), REVIEW],
        "milestones": [DAILY, milestone("again", 1, "day", target_id=2)],
        "streaks": [STREAK],
        "unified_targets": [BOTH],
    }
    return program(**{**given_by, "returns": {"shortfall": shortfall, "milestones": "keep"}, **parts})


SPRING = {"first": "2011-03-01", "last": "2011-03-09", "name": "Spring"}
EVENT = did("review", "2011-03-01 11:00", id="e-1")
BILL = bought("B1", 500, "2011-03-01")
TOTAL = 5 + 10 + 7 + 30 + 90
"""What the bill and the event give: by the rules, the milestone, the first level and both milestones together."""
SOURCES: dict[str, tuple[dict[str, Any], int]] = {
    "event": ({"event": "e-1"}, 10),
    "milestone": ({"milestone": "daily", "cycle": "2011-03-01"}, 7),
    "streak": ({"streak": "days", "level": 1}, 30),
    "unified": ({"milestone": "both", "cycle": "2011-03-01"}, 90),
}


def refusals(story: Story) -> list[tuple[Refusal, str]]:
    return [(one.reason, one.subject) for one in story.only(RecordRefused)]


def standing(story: Story) -> tuple[int, int, int]:
    account = story.account()
    return account.balance, account.lifetime, account.deficit


@pytest.mark.parametrize(("named", "points"), SOURCES.values(), ids=SOURCES)
def test_award_is_cancelled_by_what_gave_it_and_lifetime_points_fall(named: dict[str, Any], points: int) -> None:
    story = given(shop(), BILL, EVENT)
    assert standing(story) == (TOTAL, TOTAL, 0)
    story.play(cancel("2011-03-02", entered_by="desk 1", **named))
    (cancelled,) = story.only(PointsCancelled)
    assert (cancelled.points, cancelled.reason, cancelled.entered_by) == (points, "a mistake", "desk 1")
    assert standing(story) == (TOTAL - points, TOTAL - points, 0)


def test_decision_says_which_lot_was_taken_and_when_it_was_awarded() -> None:
    story = given(shop(milestones=[], streaks=[], unified_targets=[]), EVENT)
    story.when(cancel("2011-03-02", event="e-1")).then(
        PointsCancelled(
            currency="POINTS",
            points=10,
            of_bill="",
            reversals=(Reversal(rule_id="", lot_id=1, claimed=10, points=10, forgiven=0),),
            reversed_of_bill=10,
            balance=0,
            lifetime=0,
            paid_at=instant("2011-03-01 11:00"),
            reason="a mistake",
        ),
        ignoring=BOOKKEEPING,
    )


@pytest.mark.parametrize(("named", "points"), SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize(("shortfall", "beyond", "owed"), [("own_lot", 0, 0), ("other_lots", 0, 0), ("deficit", 1, 1)])
def test_award_that_is_spent_goes_as_far_as_the_program_says(
    shortfall: str, beyond: int, owed: int, named: dict[str, Any], points: int
) -> None:
    story = given(shop(shortfall), BILL, EVENT, redeem(TOTAL, "2011-03-02"))
    story.play(cancel("2011-03-03", **named))
    assert standing(story) == (0, TOTAL - beyond * points, owed * points)


@pytest.mark.parametrize(
    ("shortfall", "stands"),
    [
        pytest.param("own_lot", (5, 15, 0), id="what-is-left-of-the-award"),
        pytest.param("other_lots", (1, 11, 0), id="the-spent-part-from-other-lots"),
    ],
)
def test_event_that_is_partly_spent(shortfall: str, stands: tuple[int, int, int]) -> None:
    only_rules = shop(shortfall, milestones=[], streaks=[], unified_targets=[])
    story = given(only_rules, EVENT, redeem(4, "2011-03-01 12:00"), bought("B1", 500, "2011-03-01 13:00"))
    story.play(cancel("2011-03-02", event="e-1"))
    taken = 6 if shortfall == "own_lot" else 10
    assert (story.only(PointsCancelled)[0].points, standing(story)) == (taken, (11 - taken, 15 - taken, 0))
    assert standing(story)[0] == stands[0]


@pytest.mark.parametrize(
    ("named", "refused"),
    [
        pytest.param({"event": "e-2"}, (Refusal.AWARD_UNKNOWN, "e-2"), id="event"),
        pytest.param(
            {"milestone": "daily", "cycle": "2011-02-28"}, (Refusal.AWARD_UNKNOWN, "daily/2011-02-28"), id="cycle"
        ),
        pytest.param({"milestone": "daily", "cycle": "x"}, (Refusal.AWARD_UNKNOWN, "daily/x"), id="no-cycle"),
        pytest.param({"milestone": "both", "cycle": "x"}, (Refusal.AWARD_UNKNOWN, "both/x"), id="no-cycle-of-both"),
        pytest.param({"milestone": "x", "cycle": "y"}, (Refusal.AWARD_UNKNOWN, "x/y"), id="no-target"),
        pytest.param({"streak": "days", "level": 2}, (Refusal.AWARD_UNKNOWN, "days/2"), id="level"),
        pytest.param({"streak": "days", "level": 1, "nth": 2}, (Refusal.AWARD_UNKNOWN, "days/1/2"), id="second-time"),
    ],
)
def test_what_gave_nothing_is_refused(named: dict[str, Any], refused: tuple[Refusal, str]) -> None:
    story = given(shop(), BILL, EVENT, cancel("2011-03-02", **named))
    assert (refusals(story), story.balance()) == ([refused], TOTAL)


def test_second_request_is_refused() -> None:
    story = given(shop(), BILL, EVENT, cancel("2011-03-02", event="e-1"), cancel("2011-03-03", event="e-1"))
    assert refusals(story) == [(Refusal.AWARD_CANCELLED, "e-1")]


def test_two_awards_of_one_event_go_together_in_the_currency_that_is_named() -> None:
    rules = [
        REVIEW,
        {**REVIEW, "id": "more", "points": 20, "expiry": {"days": 9}},
        {**REVIEW, "id": "stars", "points": 3, "currency": "STARS"},
    ]
    story = given(program(rules=rules, currencies=[{"id": "STARS"}]), EVENT)
    assert (story.balance(), len(story.lots()), story.balance(currency="STARS")) == (30, 2, 3)
    story.play(cancel("2011-03-02", event="e-1"))
    assert (story.balance(), story.balance(currency="STARS")) == (0, 3)
    story.play(cancel("2011-03-03", event="e-1", currency="STARS"))
    assert story.balance(currency="STARS") == 0


def test_promised_award_of_an_event_is_cancelled_before_it_becomes_current() -> None:
    promising = program(rules=[{**REVIEW, "promised": {"until": "days", "days": 9}}])
    story = given(promising, EVENT, cancel("2011-03-02", event="e-1"))
    assert (story.account().promised, story.account().lifetime, refusals(story)) == (0, 0, [])


def falling(**parts: Any) -> ProgramDefinition:
    returns = {"milestones": "fall", "rewards": "clawback", "shortfall": "deficit"}
    return shop(returns=returns, streaks=[], unified_targets=[], rules=[], **parts)


def test_reward_that_was_cancelled_is_not_taken_back_again_nor_given_again() -> None:
    story = given(falling(), BILL, redeem(7, "2011-03-01 13:00"))
    story.play(cancel("2011-03-01 14:00", milestone="daily", cycle="2011-03-01"))
    assert standing(story) == (0, 0, 7)
    story.play(brought_back("B1", 500, "2011-03-01 15:00"))
    assert (standing(story), story.only(PointsReversed)) == ((0, 0, 7), [])
    story.play(bought("B2", 500, "2011-03-01 16:00"))
    assert standing(story) == (0, 0, 7)


def test_cancelled_lot_leaves_other_rewards_alone() -> None:
    story = given(falling(), BILL, bought("B2", 500, "2011-03-02"), cancel("2011-03-02 13:00", lot=1))
    story.play(brought_back("B2", 500, "2011-03-02 14:00"))
    assert (standing(story), [one.points for one in story.only(PointsReversed)]) == ((0, 0, 0), [7])


def test_reward_that_is_given_again_is_cancelled_with_all_that_is_there_of_it() -> None:
    story = given(falling(), BILL, brought_back("B1", 500, "2011-03-01 13:00"), bought("B2", 500, "2011-03-01 14:00"))
    assert story.balance() == 7
    story.play(cancel("2011-03-01 15:00", milestone="daily", cycle="2011-03-01"))
    assert (story.balance(), refusals(story)) == (0, [])


def test_level_that_is_reached_again_is_named_by_which_time_it_was() -> None:
    days = [bought(f"B{day}", 1, f"2011-03-0{day}") for day in range(1, 5)]
    again = {**STREAK, "repeats": True, "levels": [{"name": "Two", "periods": 2, "points": 60}]}
    story = given(program(streaks=[again], milestones=[milestone("daily", 1, "day")]), *days)
    assert story.balance() == 120
    story.play(cancel("2011-03-05", streak="days", level=2, nth=2))
    story.play(cancel("2011-03-06", streak="days", level=2, nth=2))
    assert (story.balance(), refusals(story)) == (60, [(Refusal.AWARD_CANCELLED, "days/2/2")])


@pytest.mark.parametrize(
    ("cycle", "name"),
    [
        ({"period": "month"}, "2011-03"),
        ({"cycle": {"kind": "from_date", "first": "2011-02-20", "unit": "week", "every": 1}}, "Cycle_2"),
        ({"cycle": {"kind": "windows", "windows": [SPRING]}}, "Spring"),
        ({"cycle": {"kind": "per_customer", "unit": "month"}}, "Cycle_1"),
        ({"cycle": {"kind": "lifetime"}}, "Cycle_1"),
    ],
)
def test_cycle_is_named_as_people_know_it(cycle: dict[str, Any], name: str) -> None:
    visits = {**milestone("visits", 1, points=8), **cycle}
    if "cycle" in cycle:
        del visits["period"]
    story = given(program(milestones=[visits]), BILL, cancel("2011-05-02", milestone="visits", cycle=name))
    assert (story.balance(), refusals(story)) == (0, [])


def test_award_of_a_retired_milestone_can_still_be_cancelled() -> None:
    retired = program(milestones=[{**DAILY, "retired": True}], version=2)
    story = given(program(milestones=[DAILY], rules=[spend()]), BILL, starting("2011-03-02", retired))
    story.play(cancel("2011-03-03", milestone="daily", cycle="2011-03-01"))
    assert story.balance() == 5


def reviews(count: int) -> list[CustomEventReceived]:
    return [did("review", f"2011-03-{number:02}", id=f"e-{number}") for number in range(1, count + 1)]


def test_what_nothing_is_left_of_is_forgotten_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_GONE_MAX", 2)
    rules: list[Step] = [*reviews(5), redeem(40, "2011-03-05 13:00"), *reviews(9)[5:]]
    story = given(program(rules=[REVIEW]), *rules)
    assert len(story.account().given) <= story.account().kept + 2 + 1
    story.play(cancel("2011-03-10", event="e-5"))
    story.play(cancel("2011-03-11", event="e-1"))
    assert (story.balance(), refusals(story)) == (40, [(Refusal.AWARD_UNKNOWN, "e-1")])
    assert decode_head(encode_state(story.state.head)) == story.state.head


@pytest.mark.parametrize(("named", "points"), SOURCES.values(), ids=SOURCES)
def test_what_was_spent_of_a_cancelled_award_is_taken_when_it_comes_back(named: dict[str, Any], points: int) -> None:
    counted = shop("other_lots")
    story = given(counted, BILL, EVENT, redeem(TOTAL, "2011-03-02", id="r"), cancel("2011-03-03", **named))
    assert standing(story) == (0, TOTAL, 0)
    story.play(reverse("r", "2011-03-04"))
    assert standing(story) == (TOTAL - points, TOTAL - points, 0)


def test_held_points_of_a_time_when_nothing_was_counted_stay_uncounted() -> None:
    counted = program(rules=[REVIEW], returns={"shortfall": "deficit"}, version=2)
    early, late = reviews(2)
    story = given(program(rules=[REVIEW]), early, starting("2011-03-02", counted), late, block(20, "2011-03-03"))
    story.play(cancel("2011-03-04", event=early.id))
    story.play(cancel("2011-03-05", event=late.id))
    assert (refusals(story), standing(story)) == ([(Refusal.AWARD_CANCELLED, "e-1")], (0, 10, 10))


def test_bills_are_kept_as_they_were() -> None:
    assert given(program(rules=[spend()]), BILL).account().given == {}


@pytest.mark.parametrize(
    ("name", "lot"),
    [("7 days to 2011-03-02", 1), ("7 days to 2011-03-12", 2), ("7 days to 2011-03-11", None)],
)
def test_reward_of_a_rolling_window_is_named_by_the_window(name: str, lot: int | None) -> None:
    week = milestone("week", 2, period=None, points=20, cycle={"kind": "rolling", "days": 7})
    bills = [bought(on, 100, on) for on in ("2011-03-01", "2011-03-02", "2011-03-11", "2011-03-12")]
    story = given(program(milestones=[week]), *bills, cancel("2011-03-13", milestone="week", cycle=name))
    assert [one.lot_id for cancelled in story.only(PointsCancelled) for one in cancelled.reversals] == (
        [] if lot is None else [lot]
    )
    assert story.balance() == (40 if lot is None else 20)
