"""How long points last: every kind of terms at midnight, month end, leap day, clock change and skipped date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.calendar import NEVER, Calendar, as_date, as_day
from pipeline.engine.ledger.terms import closing, last_day, terms_of
from schemas.facts import PointsIssued
from schemas.program import Expiry
from tests.dsl import Story, given
from tests.steps import adjust, bought, day, did, instant, milestone, program, spend, updated

ONE_DAY = timedelta(days=1)


def expiry(**parts: Any) -> Expiry:
    return Expiry.model_validate(parts, strict=False)


@pytest.mark.parametrize(
    ("parts", "awarded", "last"),
    [
        pytest.param({"days": 0}, "2011-03-01", "2011-03-01", id="the-same-day"),
        pytest.param({"days": 1}, "2012-02-28", "2012-02-29", id="days-to-leap-day"),
        pytest.param({"days": 365}, "2012-02-29", "2013-02-28", id="days-from-leap-day"),
        pytest.param({"months": 0}, "2011-01-31", "2011-01-31", id="no-months"),
        pytest.param({"months": 1}, "2011-01-30", "2011-02-28", id="to-a-short-month"),
        pytest.param({"months": 1}, "2011-01-31", "2011-02-28", id="from-31-to-28"),
        pytest.param({"months": 1}, "2012-01-31", "2012-02-29", id="from-31-to-29"),
        pytest.param({"months": 1}, "2011-02-28", "2011-03-28", id="from-28-not-to-the-end"),
        pytest.param({"months": 1}, "2011-12-31", "2012-01-31", id="over-new-year"),
        pytest.param({"months": 12}, "2012-02-29", "2013-02-28", id="a-year-from-leap-day"),
        pytest.param({"months": 48}, "2012-02-29", "2016-02-29", id="four-years-from-leap-day"),
        pytest.param({"months": 1_200}, "2011-06-30", "2111-06-30", id="a-hundred-years"),
        pytest.param({"days": 0, "round_up": "month"}, "2011-01-22", "2011-01-31", id="end-of-the-month"),
        pytest.param({"days": 0, "round_up": "month"}, "2011-01-31", "2011-01-31", id="on-the-end-of-the-month"),
        pytest.param({"days": 1, "round_up": "month"}, "2011-01-31", "2011-02-28", id="a-day-and-end-of-the-month"),
        pytest.param({"months": 1, "round_up": "month"}, "2012-01-31", "2012-02-29", id="end-of-leap-february"),
        pytest.param({"months": 0, "round_up": "quarter"}, "2011-03-31", "2011-03-31", id="on-the-end-of-a-quarter"),
        pytest.param({"months": 0, "round_up": "quarter"}, "2011-04-01", "2011-06-30", id="start-of-a-quarter"),
        pytest.param({"months": 6, "round_up": "quarter"}, "2011-08-31", "2012-03-31", id="months-and-a-quarter"),
        pytest.param(
            {"months": 0, "round_up": "half_year"}, "2011-06-30", "2011-06-30", id="on-the-end-of-a-half-year"
        ),
        pytest.param({"months": 0, "round_up": "half_year"}, "2011-07-01", "2011-12-31", id="start-of-a-half-year"),
        pytest.param({"months": 12, "round_up": "year"}, "2011-01-01", "2012-12-31", id="end-of-the-next-year"),
        pytest.param({"days": 365, "round_up": "year"}, "2011-12-31", "2012-12-31", id="days-and-end-of-the-year"),
        pytest.param({"dates": ["12-31"]}, "2011-12-31", "2011-12-31", id="on-the-date"),
        pytest.param({"dates": ["12-31"]}, "2012-01-01", "2012-12-31", id="the-day-after-the-date"),
        pytest.param({"dates": ["06-30", "12-31"]}, "2011-07-01", "2011-12-31", id="the-next-of-two"),
        pytest.param({"dates": ["12-31", "01-31"]}, "2011-02-01", "2011-12-31", id="in-any-order"),
        pytest.param({"dates": ["02-29"]}, "2011-02-01", "2011-02-28", id="yearly-leap-day-in-a-short-year"),
        pytest.param({"dates": ["02-29"]}, "2011-03-01", "2012-02-29", id="yearly-leap-day-in-a-leap-year"),
        pytest.param({"dates": ["2011-06-30", "2012-06-30"]}, "2011-07-01", "2012-06-30", id="the-next-year"),
        pytest.param({"dates": ["2012-06-30", "2011-06-30"]}, "2011-01-01", "2011-06-30", id="years-in-any-order"),
        pytest.param({"dates": ["2011-06-30", "12-31"]}, "2011-01-01", "2011-06-30", id="a-year-and-every-year"),
        pytest.param({"dates": ["2011-06-30"]}, "2011-06-30", "2011-06-30", id="on-the-last-of-the-dates"),
        pytest.param({"dates": ["2011-06-30"]}, "2011-07-01", None, id="after-the-last-of-the-dates"),
        pytest.param({"inactive_days": 365}, "2011-02-28", "2012-02-28", id="inactivity-from-the-award"),
        pytest.param({"never": True}, "2011-02-28", None, id="never"),
        pytest.param({"months": 1}, "9999-12-31", "9999-12-31", id="the-end-of-the-calendar"),
        pytest.param(
            {"days": 2, "round_up": "month"}, "9999-12-31", "9999-12-31", id="rounded-at-the-end-of-the-calendar"
        ),
    ],
)
def test_last_day_follows_from_terms_and_date(parts: dict[str, Any], awarded: str, last: str | None) -> None:
    expected = None if last is None else day(last)
    assert last_day(terms_of(expiry(**parts)), day(awarded)) == expected


def test_program_without_expiry_keeps_points_for_ever() -> None:
    assert last_day(terms_of(None), day("2011-03-01")) is None


KINDS: list[dict[str, Any]] = [
    {"days": 31},
    {"months": 1},
    {"months": 0, "round_up": "month"},
    {"dates": ["03-27", "10-30", "12-30"]},
    {"inactive_days": 31},
]
"""All that can lead to one date."""


@pytest.mark.parametrize(
    ("zone", "awarded", "parts", "closes"),
    [
        pytest.param("Europe/London", "2011-02-24", {"days": 31}, "2011-03-28 00:00", id="days-to-23-hours"),
        pytest.param("Europe/London", "2011-09-30", {"months": 1}, "2011-10-31 00:00", id="months-to-25-hours"),
        pytest.param("Europe/London", "2011-02-27", {"months": 1}, "2011-03-28 00:00", id="months-to-23-hours"),
        pytest.param("Europe/London", "2011-03-02", {"dates": ["03-27"]}, "2011-03-28 00:00", id="date-of-23-hours"),
        pytest.param("Europe/London", "2011-10-01", {"dates": ["10-30"]}, "2011-10-31 00:00", id="date-of-25-hours"),
        pytest.param(
            "Europe/London", "2011-02-24", {"inactive_days": 31}, "2011-03-28 00:00", id="inactivity-to-23-hours"
        ),
        pytest.param(
            "America/Sao_Paulo", "2018-10-03", {"days": 31}, "2018-11-04 01:00", id="days-before-a-skipped-midnight"
        ),
        pytest.param(
            "America/Sao_Paulo", "2018-10-03", {"months": 1}, "2018-11-04 01:00", id="months-before-a-skipped-midnight"
        ),
        pytest.param(
            "Pacific/Apia", "2011-11-29", {"days": 30}, "2011-12-31 00:00", id="days-to-the-day-before-a-skipped-date"
        ),
        pytest.param("Pacific/Apia", "2011-11-30", {"months": 1}, "2011-12-31 00:00", id="months-to-a-skipped-date"),
        pytest.param("Pacific/Apia", "2011-12-01", {"dates": ["12-30"]}, "2011-12-31 00:00", id="a-skipped-date"),
        pytest.param(
            "Pacific/Apia", "2011-12-01", {"days": 0, "round_up": "month"}, "2012-01-01 00:00", id="end-of-its-month"
        ),
    ],
)
def test_points_close_when_their_last_local_day_is_over(
    zone: str, awarded: str, parts: dict[str, Any], closes: str
) -> None:
    local = Calendar(zone)
    assert closing(local, terms_of(expiry(**parts)), day(awarded)).closes_at == instant(closes, zone)


def test_points_whose_last_day_has_no_next_day_close_never() -> None:
    assert closing(Calendar("UTC"), terms_of(expiry(months=1)), day("9999-12-31")).closes_at == NEVER


# --- against a model that knows nothing but tomorrow


def tomorrow(on: date) -> date:
    return on + ONE_DAY


def after_months(on: date, months: int) -> date:
    wanted, left = on.day, months
    while left:
        left -= tomorrow(on).month != on.month
        on = tomorrow(on)
    while months and on.day < wanted and tomorrow(on).month == on.month:
        on = tomorrow(on)
    return on


def end_of(on: date, begins: Callable[[date], bool]) -> date:
    while not begins(tomorrow(on)):
        on = tomorrow(on)
    return on


BEGINS: dict[str | None, Callable[[date], bool]] = {
    None: lambda _: True,
    "month": lambda on: on.day == 1,
    "quarter": lambda on: on.day == 1 and on.month in (1, 4, 7, 10),
    "half_year": lambda on: on.day == 1 and on.month in (1, 7),
    "year": lambda on: (on.day, on.month) == (1, 1),
}


def is_named(on: date, written: str) -> bool:
    if len(written) > 5:
        return on == date.fromisoformat(written)
    if written == "02-29":
        return on.month == 2 and tomorrow(on).month == 3
    return f"{on:%m-%d}" == written


awards = st.dates(date(1995, 1, 1), date(2060, 12, 31))
rounding = st.sampled_from(sorted(BEGINS, key=str))


@settings(max_examples=150)
@forall(awards, st.integers(0, 40), rounding, st.sampled_from(["days", "months"]))
def test_days_and_months_agree_with_counting_day_by_day(
    awarded: date,
    number: int,
    unit: str | None,
    counted: str,
) -> None:
    reached = after_months(awarded, number) if counted == "months" else awarded + number * ONE_DAY
    terms = terms_of(expiry(**{counted: number, "round_up": unit}))
    assert last_day(terms, as_day(awarded)) == as_day(end_of(reached, BEGINS[unit]))


dates = st.lists(st.sampled_from(["12-31", "02-29", "02-28", "06-30", "2024-02-29", "2030-01-01"]), min_size=1)


@settings(max_examples=100)
@forall(awards, dates)
def test_dates_agree_with_looking_at_every_day(awarded: date, written: list[str]) -> None:
    on, last = awarded, date(2070, 1, 1)
    while on < last and not any(is_named(on, one) for one in written):
        on = tomorrow(on)
    expected = None if on == last else as_day(on)
    assert last_day(terms_of(expiry(dates=written)), as_day(awarded)) == expected


@settings(max_examples=150)
@forall(awards, st.sampled_from(KINDS), st.sampled_from(["Europe/London", "America/Sao_Paulo", "Pacific/Apia"]))
def test_points_are_open_through_their_last_day_and_not_a_millisecond_longer(
    awarded: date, parts: dict[str, Any], zone: str
) -> None:
    local = Calendar(zone)
    expires_on, closes_at = closing(local, terms_of(expiry(**parts)), as_day(awarded))
    assert expires_on is not None
    assert closes_at is not None
    assert local.day_of(closes_at - 1) <= expires_on < local.day_of(closes_at)
    assert as_date(local.day_of(closes_at - 1)) >= awarded - ONE_DAY  # a date that a zone skipped is over at once


# --- which terms hold

TIERS = {"basis": "net_purchases", "levels": [{"name": "Base", "threshold": 0}, {"name": "Gold", "threshold": 1_000}]}
BY_TIER = {"expiry": {"days": 10}, "expiry_by_tier": {"gold": {"months": 1}}}


def last_days(story: Story) -> list[str | None]:
    """Of the lots of the last step."""
    lots = [lot for fact in story.decided for lot in getattr(fact.decision, "lots", ())]
    return [None if lot.expires_on is None else as_date(lot.expires_on).isoformat() for lot in lots]


def test_points_last_as_long_as_the_tier_says_that_the_customer_had_before_the_bill() -> None:
    story = given(program(rules=[spend()], points=BY_TIER, tiers=TIERS)).when(bought("B1", 1_000, "2011-03-01"))
    assert (last_days(story), story.tier()) == (["2011-03-11"], 2)

    assert last_days(story.when(bought("B2", 100, "2011-03-01 13:00"))) == ["2011-04-01"]


def test_what_an_update_adds_lasts_as_the_tier_says_that_the_customer_had_before_the_bill() -> None:
    returns = {"window_days": 60}
    story = given(program(rules=[spend()], points=BY_TIER, tiers=TIERS, returns=returns))
    story.play(bought("B1", 1_000, "2011-03-01"))
    assert last_days(story.when(updated("B1", 1_500, "2011-03-02"))) == ["2011-03-11"]

    story.play(bought("B2", 100, "2011-03-03"))
    assert last_days(story.when(updated("B2", 300, "2011-03-04"))) == ["2011-04-03"]


def test_points_of_a_tier_without_terms_of_its_own_last_as_others_do() -> None:
    tiers = {**TIERS, "levels": [*TIERS["levels"], {"name": "Platinum", "threshold": 2_000}]}
    story = given(program(rules=[spend()], points=BY_TIER, tiers=tiers), bought("B1", 2_000, "2011-03-01"))

    assert last_days(story.when(bought("B2", 100, "2011-03-02"))) == ["2011-03-12"]


def test_rule_with_terms_of_its_own_goes_before_the_tier_and_opens_a_lot_of_its_own() -> None:
    rules = [spend("usual"), spend("short", expiry={"days": 0}), spend("kept", expiry={"never": True})]
    rules.append(spend("short-too", expiry={"dates": ["2011-03-01"]}))
    story = given(program(rules=rules, points=BY_TIER, tiers=TIERS)).when(bought("B1", 300, "2011-03-01"))

    (decision,) = story.only(PointsIssued)
    assert [(award.rule_id, award.lot_id) for award in decision.awards] == [
        ("usual", 1),
        ("short", 2),
        ("kept", 3),
        ("short-too", 2),
    ]
    assert [(lot.lot_id, lot.points, lot.expires_on) for lot in decision.lots] == [
        (1, 3, day("2011-03-11")),
        (2, 6, day("2011-03-01")),
        (3, 3, None),
    ]
    assert story.lots() == [(2, 6), (1, 3), (3, 3)]


def test_rewards_and_event_rules_may_have_terms_of_their_own() -> None:
    streak = {
        "id": "s",
        "streak_id": 1,
        "name": "S",
        "milestone": "m",
        "levels": [{"name": "One", "periods": 1, "points": 7, "expiry": {"days": 3}}],
    }
    rule = {"id": "visit", "kind": "event", "event": "visit", "points": 5, "expiry": {"days": 1}}
    goal = milestone("m", counts={"of": "events", "event": "visit"}, points=6, expiry={"days": 2})
    story = given(program(rules=[rule], milestones=[goal], streaks=[streak])).when(did("visit", "2011-03-01"))

    assert last_days(story) == ["2011-03-02", "2011-03-03", "2011-03-04"]


def test_points_given_by_hand_last_as_long_as_others() -> None:
    story = given(program(points={"expiry": {"months": 1, "round_up": "quarter"}})).when(adjust(5, "2011-01-31"))
    assert last_days(story) == ["2011-03-31"]
