"""Further inputs of the kinds in `test_reported_order.py`: order, repetition and lateness."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from tests.trial.trying import (
    WHO,
    Message,
    Trying,
    arrives,
    back,
    balance,
    bill,
    event,
    membership,
    message,
    program,
)

A = bill("A", 10_000, "2026-03-01T10:00:00Z")
JOINS = message("customerAdded", "2026-03-01T09:00:00Z", id="joins", firstName="Ann", extended={"shoe": "38"})
REVIEW = {"id": "review", "kind": "event", "event": "review", "points": 5}
CLOSED = program(add_customers=False)
"""Takes registered customers only."""
REVIEWED = event("review", "2026-03-01T08:00:00Z", id="r1")
RETURNED = back("A", 4_000, "2026-03-02T10:00:00Z")
CORRECTED = message("transactionUpdated", "2026-03-02T10:00:00Z", id="u1", billNumber="A", amountMinor=5_000)


@pytest.mark.parametrize(
    ("story", "points"),
    [
        pytest.param((REVIEWED, JOINS, REVIEWED), 5, id="event"),
        pytest.param((RETURNED, JOINS, A, RETURNED), 60, id="return"),
        pytest.param((CORRECTED, JOINS, A, CORRECTED), 50, id="update"),
        pytest.param((A, A, JOINS, A, A), 100, id="bill that comes four times"),
    ],
)
def test_what_came_before_the_registration_counts_once_when_it_comes_again(
    story: tuple[Message, ...], points: int, trying: Trying
) -> None:
    closed = CLOSED | {"rules": [*CLOSED["rules"], REVIEW]}

    assert balance(trying.result(*story, programs=(closed,))) == points


def under(name: str, content: Message, at: str = "2026-03-09T10:00:00Z", **changes: Any) -> Message:
    """The same document under another message id, a week later."""
    return content | {"id": name, "eventTime": at} | changes


SECOND = back("A", 3_000, "2026-03-05T10:00:00Z", document="R2")
B = bill("B", 10_000, "2026-03-01T11:00:00Z")


@pytest.mark.parametrize(
    ("story", "returned"),
    [
        pytest.param((A, RETURNED, SECOND, under("x", RETURNED)), 7_000, id="with another one in between"),
        pytest.param((A, RETURNED, under("x", RETURNED, amountMinor=5_000)), 4_000, id="with another amount"),
        pytest.param(
            (RETURNED, arrives("2026-03-03T10:00:00Z", A), under("x", RETURNED)), 4_000, id="once before the bill"
        ),
        pytest.param((A, B, RETURNED, under("x", RETURNED, ofBill="B")), 8_000, id="of another bill"),
    ],
)
def test_document_counts_once_for_a_bill(story: tuple[Message, ...], returned: int, trying: Trying) -> None:
    result = trying.result(*story)

    bills = membership(result)["transactions"]
    assert (membership(result)["returnedMinor"], balance(result)) == (returned, 100 * bills - returned // 100)


MOVED = message("customerUpdated", "2026-03-01T12:00:00Z", lastName="Lee", extended={"shoe": "40"})
OLDER = message("customerUpdated", "2026-03-01T11:00:00Z", lastName="Old", extended={"shoe": "39", "hat": "7"})
CLEARED = message("customerUpdated", "2026-03-01T11:30:00Z", clear=["extended.hat", "lastName"])
AGAIN = message("customerAdded", "2026-03-01T10:00:00Z", firstName="Anna", mobile="1")
PROBE = message("customerUpdated", "2026-03-03T10:00:00Z", channel="WEB")
"""Changes something else, so that the whole profile is decided on."""


@pytest.mark.parametrize(
    ("sent", "profile"),
    [
        pytest.param((JOINS, MOVED, OLDER), ("Ann", "Lee", {"shoe": "40", "hat": "7"}), id="extended fields"),
        pytest.param((JOINS, OLDER, CLEARED), ("Ann", "", {"shoe": "39"}), id="cleared"),
        pytest.param((CLEARED, MOVED, OLDER), ("", "Lee", {"shoe": "40"}), id="cleared, then written again"),
        pytest.param((JOINS, AGAIN, MOVED), ("Anna", "Lee", {"shoe": "40"}), id="two registrations"),
    ],
)
def test_profile_is_the_same_in_every_order(
    sent: tuple[Message, ...], profile: tuple[str, str, dict[str, str]], trying: Trying
) -> None:
    for order in permutations(sent):
        late = [arrives(f"2026-03-02T09:0{place}:00Z", one) for place, one in enumerate(order)]
        result = trying.result(*late, PROBE)

        told = result["steps"][-1]["facts"][-1]["body"]["profile"]
        assert (told["first_name"], told["last_name"], told["extended"]) == profile, order
        if JOINS in sent:
            assert result["customers"][WHO]["registeredAt"] == "2026-03-01T09:00:00.000Z"


def season(period: str, first: str, last: str, **changes: Any) -> dict[str, Any]:
    """A streak of two periods with a run, which pays 7 points."""
    ran = {"id": "ran", "target_id": 1, "name": "A run", "target": 1, "period": period}
    streak = {"id": "season", "streak_id": 2, "name": "Season", "milestone": "ran"}
    level = {"name": "Two", "periods": 2, "points": 7}
    return program(
        milestones=[ran | {"counts": {"of": "events", "event": "run"}}],
        streaks=[streak | {"levels": [level], "validity": {"first": first, "last": last}}],
        **changes,
    )


@pytest.mark.parametrize(
    ("season", "ran", "late", "levels"),
    [
        pytest.param(
            season("day", "2026-03-01", "2026-03-31", zone="America/New_York"),
            "2026-03-30T12:00:00Z",
            "2026-04-01T03:59:59Z",
            [2],
            id="its evening is the next day elsewhere",
        ),
        pytest.param(
            season("day", "2026-03-01", "2026-03-31", zone="America/New_York"),
            "2026-03-30T12:00:00Z",
            "2026-04-01T04:00:00Z",
            [],
            id="the minute after it",
        ),
        pytest.param(
            season("week", "2026-03-02", "2026-03-29"),
            "2026-03-22T12:00:00Z",
            "2026-03-29T22:59:59Z",
            [2],
            id="a week that ends as summer time begins",
        ),
        pytest.param(
            season("week", "2026-03-02", "2026-03-29"),
            "2026-03-22T12:00:00Z",
            "2026-03-29T23:00:00Z",
            [],
            id="the week after that one",
        ),
        pytest.param(
            season("month", "2023-11-01", "2024-02-29"),
            "2024-01-31T12:00:00Z",
            "2024-02-29T23:59:59Z",
            [2],
            id="a leap day",
        ),
    ],
)
def test_last_moment_of_a_season_counts_though_it_comes_two_days_later(
    season: dict[str, Any], ran: str, late: str, levels: list[int], trying: Trying
) -> None:
    arrival = {"2": "2024-03-02T08:00:00Z"}.get(late[6], "2026-04-03T08:00:00Z")

    result = trying.result(event("run", ran), arrives(arrival, event("run", late)), programs=(season,))

    assert [one["levels"] for one in membership(result)["streaks"]] == [levels]
    assert balance(result) == 7 * len(levels)


def test_milestone_of_the_last_day_that_it_holds_pays_though_it_is_met_late(trying: Trying) -> None:
    twice = {"id": "m", "target_id": 1, "name": "M", "period": "month", "target": 2, "points": 9}
    ends = twice | {"counts": {"of": "events", "event": "run"}, "validity": {"last": "2026-03-31"}}

    result = trying.result(
        event("run", "2026-03-31T09:00:00Z"),
        arrives("2026-04-02T08:00:00Z", event("run", "2026-04-01T09:00:00Z")),
        arrives("2026-04-02T09:00:00Z", event("run", "2026-03-31T20:00:00Z")),
        programs=(program(milestones=[ends]),),
    )

    assert [(one["value"], one["achieved"]) for one in membership(result)["milestones"]] == [(2, True)]
    assert balance(result) == 9


OLD, NEW = (bill("A", amount, f"2026-{day}T10:00:00Z", id=day) for amount, day in ((10_000, "01-01"), (5_000, "02-06")))
OF_OLD = arrives("2026-02-07T10:00:00Z", back("A", 10_000, "2026-02-04T10:00:00Z"))
OLD_CORRECTED = CORRECTED | {"eventTime": "2026-02-04T10:00:00Z", "amountMinor": 1_000}


@pytest.mark.parametrize(
    ("story", "points"),
    [
        pytest.param((OLD, NEW, OF_OLD), 50, id="a return of more than the new one"),
        pytest.param((OLD, NEW, arrives("2026-02-07T10:00:00Z", OLD_CORRECTED)), 50, id="an update"),
        pytest.param(
            (OLD, NEW, OF_OLD, back("A", 2_000, "2026-02-08T10:00:00Z", document="R2")),
            30,
            id="a return, before one of the new one",
        ),
        pytest.param((OLD, NEW, back("A", 5_000, "2026-02-06T09:59:59Z")), 50, id="a return just before the new one"),
    ],
)
def test_what_is_late_of_an_old_bill_leaves_a_new_one_of_its_number_alone(
    story: tuple[Message, ...], points: int, trying: Trying
) -> None:
    result = trying.result(*story, programs=(program(returns={"window_days": 35}),))

    new = [lot["points"] for lot in membership(result)["lots"] if lot["issuedAt"].startswith("2026-02-06")]
    assert new == [points]
