"""Dates of records: in the program's zone, in that of their store, or in the customer's own."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from schemas.facts import MilestoneProgressed, PointsIssued, StreakExtended, StreakFrozen, StreakLevelReached
from schemas.program import ProgramDefinition
from schemas.records import Profile
from tests.dsl import Story, given
from tests.steps import (
    Step,
    bought,
    brought_back,
    changed,
    day,
    did,
    instant,
    joined,
    milestone,
    program,
    spend,
    updated,
)

AUCKLAND, LONDON, PAGO_PAGO, KIRITIMATI = "Pacific/Auckland", "Europe/London", "Pacific/Pago_Pago", "Pacific/Kiritimati"


def daily(zone: str, start: str = "00:00", period: str = "day", **parts: Any) -> ProgramDefinition:
    levels = [{"name": "Two", "periods": 2, "points": 20}]
    streak = {"id": "daily", "streak_id": 2, "name": "Daily", "milestone": "visit", "levels": levels}
    return program(
        zone="UTC",
        days={"zone": zone, "start": start},
        rules=[spend(validity={"first": "2011-03-02"})],
        milestones=[milestone("visit", period=period)],
        streaks=[streak],
        **parts,
    )


def at_store(bill: str, local: str, zone: str, **parts: Any) -> Step:
    """A bill at a local time of a store."""
    return bought(bill, 100, instant(local, zone), zone=zone, **parts)


def dates(story: Story) -> list[int]:
    return [one.period for one in story.only(MilestoneProgressed)]


@pytest.mark.parametrize(
    ("zone", "local", "on"),
    [
        pytest.param(PAGO_PAGO, "2011-03-01 23:59", "2011-03-01", id="eleven-hours-west"),
        pytest.param(PAGO_PAGO, "2011-03-02 00:00", "2011-03-02", id="eleven-hours-west-midnight"),
        pytest.param(KIRITIMATI, "2011-03-01 00:00", "2011-03-01", id="fourteen-hours-east"),
        pytest.param(KIRITIMATI, "2012-02-29 00:00", "2012-02-29", id="leap-day-in-the-east"),
        pytest.param(LONDON, "2011-03-28 00:30", "2011-03-28", id="the-day-after-the-clocks-went-on"),
        pytest.param("", "2011-03-28 00:30", "2011-03-28", id="no-zone"),
        pytest.param("Mars/Olympus", "2011-03-28 00:30", "2011-03-28", id="no-such-zone"),
    ],
)
@pytest.mark.parametrize("by", ["store", "customer"])
def test_a_bill_has_the_date_of_its_store_or_customer(by: str, zone: str, local: str, on: str) -> None:
    at = instant(local, zone if "/" in zone and "Mars" not in zone else "UTC")
    story = given(daily(by), joined("2010-01-01", Profile(extended={"timeZone": zone} if by == "customer" else {})))
    story.play(bought("B1", 100, at, zone=zone if by == "store" else KIRITIMATI))
    assert dates(story) == [day(on)]


@pytest.mark.parametrize("zone", ["program", "customer"])
def test_what_is_not_known_or_not_asked_for_leaves_the_date_of_the_program(zone: str) -> None:
    assert dates(given(daily(zone), at_store("B1", "2011-03-01 09:00", AUCKLAND))) == [day("2011-02-28")]


def test_an_event_has_the_date_of_its_zone() -> None:
    walks = milestone("visit", period="day", counts={"of": "events", "event": "walk"})
    definition = program(zone="UTC", days={"zone": "store"}, milestones=[walks])
    story = given(definition, did("walk", instant("2011-03-01 09:00", AUCKLAND), zone=AUCKLAND))
    assert dates(story) == [day("2011-03-01")]


def test_a_customer_who_moves_has_the_dates_of_the_new_zone_from_then_on() -> None:
    story = given(daily("customer"), joined("2011-01-01", Profile(extended={"timeZone": AUCKLAND})))
    story.play(bought("B1", 100, instant("2011-03-01 09:00", AUCKLAND)))
    story.play(changed(instant("2011-03-01 10:00", AUCKLAND), Profile(extended={"timeZone": LONDON})))
    story.play(bought("B2", 100, instant("2011-02-28 23:00", LONDON)))
    assert dates(story) == [day("2011-03-01"), day("2011-02-28")]


def test_days_begin_at_the_same_hour_by_every_clock() -> None:
    story = given(daily("store", "04:00"), at_store("B1", "2011-03-02 03:59", AUCKLAND))
    story.play(at_store("B2", "2011-03-02 04:00", AUCKLAND))
    assert dates(story) == [day("2011-03-01"), day("2011-03-02")]


def test_rules_go_by_the_same_date() -> None:
    before = given(daily("store"), at_store("B1", "2011-03-01 23:59", PAGO_PAGO))
    after = given(daily("store"), at_store("B1", "2011-03-02 00:00", AUCKLAND))
    assert (before.only(PointsIssued), after.balance()) == ([], 1)


@pytest.mark.parametrize("by", ["store", "customer"])
def test_a_return_takes_the_date_of_the_bill_out_of_the_streak(by: str) -> None:
    story = given(daily(by), joined("2011-01-01", Profile(extended={"timeZone": AUCKLAND})))
    story.play(at_store("B1", "2011-03-01 09:00", AUCKLAND))
    story.play(at_store("B2", "2011-03-02 09:00", AUCKLAND))
    assert [one.level for one in story.only(StreakLevelReached)] == [2]
    story.play(changed(instant("2011-03-02 10:00", AUCKLAND), Profile(extended={"timeZone": PAGO_PAGO})))
    story.play(brought_back("B1", 100, instant("2011-03-02 11:00", AUCKLAND)))
    assert (story.runs("daily"), story.section().streaks["daily"].levels) == ([(day("2011-03-02"),) * 2], [])


def test_an_update_moves_the_date_of_the_bill() -> None:
    definition = daily("store").model_copy(
        update={"milestones": (daily("store").milestones[0].model_copy(update={"target": 1}),)}
    )
    story = given(definition, at_store("B1", "2011-03-01 09:00", AUCKLAND))
    story.play(updated("B1", 0, instant("2011-03-01 10:00", AUCKLAND)))
    story.play(updated("B1", 100, instant("2011-03-01 11:00", AUCKLAND)))
    assert story.values("visit") == {"2011-03-01": 1}
    assert story.runs("daily") == [(day("2011-03-01"),) * 2]


SAMOA = ("2011-12-28", "2011-12-29", "2011-12-31")


@pytest.mark.parametrize("order", list(permutations(SAMOA)), ids=str)
def test_a_date_that_the_zone_of_the_store_skipped_breaks_no_run(order: tuple[str, ...]) -> None:
    story = given(daily("store"))
    for on in order:
        story.play(at_store(f"B{on}", f"{on} 12:00", "Pacific/Apia"), as_of=instant("2012-01-01"))
    assert max(one.run for one in story.only(StreakExtended)) == 3
    assert [as_told.first_day for as_told in story.only(StreakFrozen)] == [day("2011-12-30")]


def test_weeks_need_no_such_excuse() -> None:
    story = given(daily("store", period="week"))
    for on in SAMOA:
        story.play(at_store(f"B{on}", f"{on} 12:00", "Pacific/Apia"))
    assert story.only(StreakFrozen) == []


def test_a_date_that_no_store_skipped_breaks_it() -> None:
    story = given(daily("store"))
    for on in SAMOA:
        story.play(at_store(f"B{on}", f"{on} 12:00", PAGO_PAGO))
    assert max(one.run for one in story.only(StreakExtended)) == 2
