"""Reminders: so many days before points expire, of what is left then, once for each date."""

from __future__ import annotations

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.calendar import as_date
from pipeline.engine.ledger.reminders import REMINDER
from schemas.facts import ExpiryReminded, PointsExpired, RecordRefused, RemindersPlanned
from schemas.program import ProgramDefinition
from tests.dsl import Story, given
from tests.steps import (
    adjust,
    block,
    bought,
    brought_back,
    day,
    expire_on,
    extend,
    instant,
    program,
    redeem,
    spend,
    tick,
)


def reminding(*leads: int, days: int = 40, version: int = 1, zone: str = "Europe/London") -> ProgramDefinition:
    points = {"expiry": {"days": days}, "reminders": leads}
    return program(rules=[spend()], points=points, version=version, zone=zone)


def reminded(story: Story) -> list[tuple[str, str, int, int]]:
    """Of each reminder the local date on which it was sent, the last day, the days between, and the points."""
    zone = story.programs.of(1)[0].calendar
    return [
        (
            str(as_date(zone.day_of(fact.envelope.at))),
            str(as_date(fact.decision.expires_on)),
            fact.decision.lead_days,
            fact.decision.remaining,
        )
        for fact in story.facts
        if isinstance(fact.decision, ExpiryReminded)
    ]


def test_customer_is_reminded_with_each_lead_of_what_is_left_then() -> None:
    story = given(reminding(7, 30), bought("B1", 900, "2011-03-01"))
    story.when(tick("2011-03-10 23:59")).then_nothing()
    story.when(tick("2011-03-11 00:00"))
    assert reminded(story) == [("2011-03-11", "2011-04-10", 30, 9)]
    assert story.envelopes(ExpiryReminded)[0].cause == f"expiryReminder:1:{instant('2011-03-11 00:00')}"
    story.play(redeem(4, "2011-03-20"))
    story.play(tick("2011-05-01"))
    assert reminded(story) == [("2011-03-11", "2011-04-10", 30, 9), ("2011-04-03", "2011-04-10", 7, 5)]
    assert REMINDER.kind not in story.state.head.timers


@pytest.mark.parametrize(
    ("zone", "bought_on", "days", "lead", "sent"),
    [
        pytest.param("Europe/London", "2011-02-22", 40, 7, "2011-03-27 00:00", id="on-a-day-of-23-hours"),
        pytest.param("Europe/London", "2011-03-10", 20, 3, "2011-03-27 00:00", id="to-summer-time"),
        pytest.param("Europe/London", "2011-10-20", 20, 10, "2011-10-30 00:00", id="on-a-day-of-25-hours"),
        pytest.param("Europe/London", "2012-02-01", 31, 3, "2012-02-29 00:00", id="on-leap-day"),
        pytest.param("Europe/London", "2012-02-01", 28, 30, None, id="lead-longer-than-the-points-last"),
        pytest.param("Europe/London", "2012-02-01", 28, 28, None, id="lead-as-long-as-the-points-last"),
        pytest.param("Europe/London", "2012-02-01", 28, 27, "2012-02-02 00:00", id="the-day-after"),
        pytest.param("Europe/London", "2012-02-01", 28, 0, "2012-02-29 00:00", id="on-the-last-day"),
        pytest.param("America/Sao_Paulo", "2018-10-15", 30, 10, "2018-11-04 01:00", id="skipped-midnight"),
        pytest.param("Pacific/Apia", "2011-12-01", 36, 7, "2011-12-31 00:00", id="date-that-never-was"),
        pytest.param("Pacific/Apia", "2011-12-01", 29, 7, "2011-12-22 00:00", id="of-a-date-that-never-was"),
    ],
)
def test_reminder_is_sent_when_its_local_day_begins(
    zone: str, bought_on: str, days: int, lead: int, sent: str | None
) -> None:
    story = given(reminding(lead, days=days, zone=zone), bought("B1", 500, instant(bought_on, zone)))
    story.play(tick("2019-01-01"))
    assert [one.at for one in story.envelopes(ExpiryReminded)] == ([] if sent is None else [instant(sent, zone)])


def test_dates_on_both_sides_of_a_date_that_never_was_are_reminded_of_apart() -> None:
    zone = "Pacific/Apia"
    story = given(reminding(7, days=20, zone=zone), bought("B1", 500, instant("2011-12-17", zone)))
    story.play(bought("B2", 300, instant("2011-12-18", zone)))
    story.play(tick("2012-02-01"))
    assert reminded(story) == [("2011-12-31", "2012-01-06", 7, 5), ("2011-12-31", "2012-01-07", 7, 3)]


def test_points_of_one_date_are_reminded_of_together_and_leads_of_one_day_one_after_the_other() -> None:
    story = given(reminding(20, 10), bought("B1", 100, "2011-03-01"), adjust(4, "2011-03-01 13:00"))
    story.play(bought("B2", 200, "2011-03-11"))
    story.play(tick("2011-05-01"))
    assert reminded(story) == [
        ("2011-03-21", "2011-04-10", 20, 5),
        ("2011-03-31", "2011-04-20", 20, 2),
        ("2011-03-31", "2011-04-10", 10, 5),
        ("2011-04-10", "2011-04-20", 10, 2),
    ]


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(redeem(9, "2011-03-05"), id="redeemed"),
        pytest.param(brought_back("B1", 900, "2011-03-05"), id="returned"),
        pytest.param(block(9, "2011-03-05"), id="put-aside"),
        pytest.param(expire_on("2011-03-08", "2011-03-05"), id="moved-to-a-date-whose-reminder-is-over"),
    ],
)
def test_nothing_is_said_where_nothing_is_left(step: object) -> None:
    story = given(reminding(30), bought("B1", 900, "2011-03-01"), step)  # type: ignore[arg-type]
    assert story.state.head.timers.get(REMINDER.kind) is None
    story.play(tick("2011-05-01"))
    assert reminded(story) == []


def test_date_that_moved_is_not_reminded_of_again_but_its_new_date_is() -> None:
    story = given(reminding(30), bought("B1", 900, "2011-03-01"), tick("2011-03-12"))
    story.play(extend("2011-04-20", "2011-03-13"))
    story.play(expire_on("2011-04-10", "2011-03-14"))
    story.play(extend("2011-05-20", "2011-03-15"))
    story.play(tick("2011-06-01"))
    assert reminded(story) == [("2011-03-11", "2011-04-10", 30, 9), ("2011-04-20", "2011-05-20", 30, 9)]


def test_points_of_a_late_bill_whose_reminder_is_over_have_none() -> None:
    story = given(reminding(30), bought("B1", 900, "2011-03-01"), tick("2011-03-12"))
    story.play(bought("B2", 500, "2011-03-01 13:00"), as_of=instant("2011-03-13"))
    story.play(tick("2011-04-10 12:00"))
    assert reminded(story) == [("2011-03-11", "2011-04-10", 30, 9)]


def test_points_that_are_over_already_have_no_reminder() -> None:
    story = given(reminding(0, days=5)).when(bought("B1", 500, "2011-03-01"), as_of=instant("2011-03-20"))
    assert (reminded(story), story.balance()) == ([], 0)


def test_reminder_comes_after_the_points_that_expire_at_the_same_instant() -> None:
    story = given(reminding(10), bought("B1", 100, "2011-03-01"), bought("B2", 200, "2011-03-12"))
    story.when(tick("2011-04-11 00:00"))
    kinds = [type(fact.decision) for fact in story.decided if not isinstance(fact.decision, RemindersPlanned)]
    assert kinds == [ExpiryReminded, PointsExpired, ExpiryReminded]


def test_program_without_reminders_decides_nothing_about_them() -> None:
    story = given(reminding(), bought("B1", 100, "2011-03-01"), tick("2011-05-01"))
    assert story.only(RemindersPlanned) == []
    assert story.section().reminder_at is None


def test_version_that_brings_reminders_reminds_from_the_next_record_on() -> None:
    story = given(reminding(), bought("B1", 100, "2011-03-01"), reminding(30, 7, version=2))
    story.play(redeem(1_000, "2011-03-15"))
    assert isinstance(story.decided[-2].decision, RecordRefused)
    story.play(tick("2011-05-01"))
    assert reminded(story) == [("2011-04-03", "2011-04-10", 7, 1)]


def test_version_that_drops_reminders_sends_none() -> None:
    story = given(reminding(7), bought("B1", 100, "2011-03-01"), reminding(version=2)).when(tick("2011-04-03"))
    assert story.kinds()[-1] is RemindersPlanned
    story.play(tick("2011-05-01"))
    assert (reminded(story), story.section().reminder_at) == ([], None)


def test_each_currency_has_its_own_reminders() -> None:
    coins = {"id": "COINS", "expiry": {"days": 40}, "reminders": [5]}
    rules = [spend(), spend("coins", 2, currency="COINS")]
    points = {"expiry": {"days": 40}, "reminders": [10]}
    story = given(program(rules=rules, points=points, currencies=[coins]), bought("B1", 100, "2011-03-01"))
    story.play(tick("2011-05-01"))
    found = [(one.currency, one.lead_days, one.remaining) for one in story.only(ExpiryReminded)]
    assert found == [("POINTS", 10, 1), ("COINS", 5, 2)]


def test_points_that_never_expire_have_no_reminder() -> None:
    rules = [spend(expiry={"never": True})]
    story = given(program(rules=rules, points={"reminders": [30]}), bought("B1", 100, "2011-03-01"))
    assert story.section().reminder_at is None


# --- against a model that looks at every day

START = day("2011-03-01")


@settings(max_examples=60, deadline=None)
@forall(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), min_size=1, max_size=6),
    st.lists(st.integers(0, 45), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(0, 80), max_size=6),
)
def test_reminders_agree_with_looking_at_every_day(
    bills: list[tuple[int, int]], leads: list[int], ticks: list[int]
) -> None:
    story = given(reminding(*leads, days=40))
    steps = [
        (START + on, bought(f"B{n}", points * 100, str(as_date(START + on)))) for n, (on, points) in enumerate(bills)
    ]
    later = [(START + on, tick(f"{as_date(START + on)} 12:00")) for on in ticks]
    for _, step in sorted([*steps, *later], key=lambda one: one[0]):  # type: ignore[list-item]
        story.play(step)  # type: ignore[arg-type]
    story.play(tick("2011-07-01"))

    expected = []
    for today in range(START, START + 90):
        for lead in sorted(leads, reverse=True):
            held = sum(points for on, points in bills if START + on < today and START + on + 40 == today + lead)
            if held:
                expected.append((str(as_date(today)), str(as_date(today + lead)), lead, held))
    assert reminded(story) == expected
