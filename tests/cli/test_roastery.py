"""The synthetic roastery: the same for the same seed, in the order of time, and plausible."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.cli.demo.roastery import roastery, span_of
from pipeline.importer.upstream import Input
from pipeline.intake.dialects.native import normalise
from pipeline.intake.verdict import Accepted, Limits
from pipeline.log.port import Message

LONDON = ZoneInfo("Europe/London")
DAYS = 120


@pytest.fixture(scope="module")
def sent() -> list[Input]:
    return list(roastery(seed=1, customers=300, days=DAYS))


@pytest.fixture(scope="module")
def bodies(sent: list[Input]) -> list[dict[str, Any]]:
    return [json.loads(one.value) for one in sent]


def local(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1000, LONDON)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = (list(roastery(seed=seed, customers=50, days=20)) for seed in (7, 7, 8))

    assert first == again
    assert first != other


def test_a_shorter_run_has_as_many_customers() -> None:
    joined = [one for one in roastery(customers=80, days=3) if b'"customerAdded"' in one.value]

    assert len(joined) == 80


def test_intake_accepts_every_message(sent: list[Input]) -> None:
    limits = Limits(clock_topic="loyalty.transactions")

    for number, one in enumerate(sent):
        message = Message("loyalty.transactions", 0, number, one.key, one.value, one.time, ())
        accepted = normalise(message, wall=1_800_000_000_000, limits=limits)
        assert isinstance(accepted, Accepted), one
        assert accepted.key == one.key


def test_messages_are_in_the_order_of_time_within_the_span(sent: list[Input]) -> None:
    times = [one.time for one in sent]

    assert times == sorted(times)
    assert span_of(DAYS).start <= times[0]
    assert times[-1] == span_of(DAYS).end


def test_the_clock_is_announced_at_every_local_midnight_summer_time_included(bodies: list[dict[str, Any]]) -> None:
    announced = [local(one["time"]) for one in bodies if one["type"] == "advanceClock"]

    first = datetime(2024, 1, 1, tzinfo=LONDON)
    assert announced == [first + timedelta(days=day + 1) for day in range(DAYS)]


def test_nobody_does_anything_before_joining_and_ids_are_unique(bodies: list[dict[str, Any]]) -> None:
    people = [one for one in bodies if one["type"] != "advanceClock"]
    first: dict[int, str] = {}
    for one in people:
        first.setdefault(one["customerId"], one["type"])

    assert set(first.values()) == {"customerAdded"}
    assert len(first) == 300
    assert max(Counter((one["type"], one["id"]) for one in people).values()) == 1


def test_every_kind_of_message_is_there(bodies: list[dict[str, Any]]) -> None:
    assert {one["type"] for one in bodies} == {
        "advanceClock",
        "customerAdded",
        "customerUpdated",
        "transactionAdded",
        "transactionReturned",
        "customEvent",
        "redeemPoints",
        "adjustPoints",
    }
    events = {one["eventName"] for one in bodies if one["type"] == "customEvent"}
    assert events == {"app_open", "brew_logged", "review_written", "referral_made", "cupping_attended"}


def test_bills_add_up_and_are_paid_while_the_shop_is_open(bodies: list[dict[str, Any]]) -> None:
    bills = [one for one in bodies if one["type"] == "transactionAdded"]

    assert all(one["amountMinor"] == sum(line["amountMinor"] for line in one["lines"]) for one in bills)
    assert {len(one["lines"]) for one in bills} == {1, 2, 3, 4, 5}
    for one in bills:
        at = local(one["eventTime"])
        opens, closes = (9, 17) if at.weekday() >= 5 else (7, 19)
        assert opens <= at.hour + at.minute / 60 <= closes + 1 / 60
        assert (at.month, at.day) != (1, 1)


def test_returns_name_a_bill_of_the_same_customer_and_never_exceed_it(bodies: list[dict[str, Any]]) -> None:
    left: dict[tuple[int, str], int] = {}
    returns = 0
    for one in bodies:
        if one["type"] == "transactionAdded":
            left[one["customerId"], one["billNumber"]] = one["amountMinor"]
        elif one["type"] == "transactionReturned":
            returns += 1
            left[one["customerId"], one["ofBill"]] -= one["amountMinor"]

    assert returns > 20
    assert min(left.values()) == 0


def test_regulars_weekenders_and_the_season_show(bodies: list[dict[str, Any]]) -> None:
    by_customer: defaultdict[int, Counter[bool]] = defaultdict(Counter)
    by_month: Counter[int] = Counter()
    for one in bodies:
        if one["type"] == "transactionAdded":
            at = local(one["eventTime"])
            by_customer[one["customerId"]][at.weekday() >= 5] += 1
            by_month[at.month] += 1

    assert max(visits.total() for visits in by_customer.values()) > 50
    assert any(visits[True] > 10 and visits[True] > 4 * visits[False] for visits in by_customer.values())
    assert by_month[1] < by_month[2] < by_month[4]
