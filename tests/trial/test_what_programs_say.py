"""What programs of other loyalty software could not say, said here: each story with its right value."""

from __future__ import annotations

from typing import Any

import pytest

from tests.trial.trying import BASE, Line, Trying, back, balance, bill, event, membership, message, program, redeem

A = bill("A", 10_000, "2026-03-01T10:00:00Z")
SPEND = BASE["rules"][0]


def lasts(**expiry: Any) -> dict[str, Any]:
    """How long points last, written as in a program."""
    return {"points": {"name": "POINTS", "expiry": expiry}}


def spend(points: int, at: str, **fields: Any) -> dict[str, Any]:
    return redeem(points, at, id=f"redeem {at}", **fields)


def command(kind: str, at: str, **fields: Any) -> dict[str, Any]:
    return message(kind, at, programId=1, **fields)


def points(result: Any, currency: str = "POINTS") -> dict[str, int]:
    """What there is of a currency and where it went, without what is nothing."""
    return {name: count for name, count in membership(result)["balances"][currency].items() if count}


@pytest.mark.parametrize(
    ("expiry", "last_day", "day_after"),
    [
        pytest.param({"months": 1}, "2026-02-28", "2026-03-01", id="a month from the 31st"),
        pytest.param({"months": 0, "round_up": "month"}, "2026-01-31", "2026-02-01", id="month's end"),
        pytest.param({"days": 1, "round_up": "month"}, "2026-02-28", "2026-03-01", id="a day later is next month"),
        pytest.param({"months": 2, "round_up": "half_year"}, "2026-06-30", "2026-07-01", id="half-year's end"),
        pytest.param({"dates": ["01-31", "02-15"]}, "2026-01-31", "2026-02-01", id="a fixed date, the day itself"),
        pytest.param({"dates": ["2026-02-15"]}, "2026-02-15", "2026-02-16", id="a date of one year"),
        pytest.param({"days": 29}, "2026-03-01", "2026-03-02", id="days over the end of February"),
        pytest.param({"inactive_days": 10}, "2026-02-10", "2026-02-11", id="inactivity"),
        pytest.param({"days": 58}, "2026-03-30", "2026-03-31", id="days over the beginning of summer time"),
    ],
)
def test_points_can_be_spent_through_their_last_day(
    expiry: dict[str, Any], last_day: str, day_after: str, trying: Trying
) -> None:
    paid = bill("A", 10_000, "2026-01-31T10:00:00Z")
    there = program(**lasts(**expiry))

    for day, left in ((last_day, {"current": 100}), (day_after, {"expired": 100})):
        result = trying.result(paid, programs=(there,), until=f"{day}T12:00:00Z")

        assert {name: points(result).get(name, 0) for name in left} == left
        assert balance(result) == left.get("current", 0)


EVERY_WEEK: list[Line] = [A, bill("B", 100, "2026-03-08T10:00:00Z"), bill("C", 100, "2026-03-15T10:00:00Z")]


@pytest.mark.parametrize(
    ("story", "activity", "current"),
    [
        pytest.param(EVERY_WEEK, {}, 102, id="bills"),
        pytest.param(EVERY_WEEK, {"transactions": False}, 2, id="bills do not count"),
        pytest.param([A, spend(1, "2026-03-08T10:00:00Z"), spend(1, "2026-03-15T10:00:00Z")], {}, 98, id="redemptions"),
        pytest.param(
            [A, event("visit", "2026-03-11T23:30:00Z")], {"events": ["visit"]}, 100, id="in its last half-hour"
        ),
        pytest.param([A, event("visit", "2026-03-12T00:30:00Z")], {"events": ["visit"]}, 0, id="half an hour too late"),
    ],
)
def test_activity_keeps_points_that_expire_with_inactivity(
    story: list[Line], activity: dict[str, Any], current: int, trying: Trying
) -> None:
    there = lasts(inactive_days=10)
    there["points"]["activity"] = activity

    result = trying.result(*story, programs=(program(**there),), until="2026-03-18T12:00:00Z")

    assert balance(result) == current


ALL_OF_A = back("A", 10_000, "2026-03-05T10:00:00Z")
DELIVERED = message("transactionUpdated", "2026-03-04T10:00:00Z", billNumber="A", deliveryStatus="DELIVERED")
FORTNIGHT = {"promised": {"until": "days", "days": 14}}
AT_THE_DOOR = {"promised": {"until": "delivered", "within_days": 10}}


@pytest.mark.parametrize(
    ("promised", "story", "until", "stands"),
    [
        pytest.param(FORTNIGHT, [A], "2026-03-15T23:59:59Z", {"promised": 100}, id="fourteen full days"),
        pytest.param(FORTNIGHT, [A], "2026-03-16T00:00:00Z", {"current": 100}, id="they are over"),
        pytest.param(FORTNIGHT, [A, ALL_OF_A], "2026-03-20T00:00:00Z", {"reversed": 100}, id="came back before"),
        pytest.param(
            FORTNIGHT,
            [A, spend(1, "2026-03-03T10:00:00Z")],
            "2026-03-20T00:00:00Z",
            {"current": 100},
            id="not to be spent before",
        ),
        pytest.param(AT_THE_DOOR, [A, DELIVERED], "2026-03-05T00:00:00Z", {"current": 100}, id="delivered"),
        pytest.param(AT_THE_DOOR, [A], "2026-03-12T00:00:00Z", {"current": 0}, id="never delivered"),
    ],
)
def test_promised_points_are_not_there_before_their_time(
    promised: dict[str, Any], story: list[Line], until: str, stands: dict[str, int], trying: Trying
) -> None:
    result = trying.result(*story, programs=(program(**promised),), until=until)

    there = points(result)
    assert {name: there.get(name, 0) for name in stands} == stands
    assert there.get("current", 0) == stands.get("current", 0)


def test_promised_points_last_from_the_day_on_which_they_become_current(trying: Trying) -> None:
    result = trying.result(A, programs=(program(**FORTNIGHT, **lasts(days=10)),), until="2026-03-20T00:00:00Z")

    assert [lot["expiresOn"] for lot in membership(result)["lots"]] == ["2026-03-26"]


STARS = [{"id": "STARS", "scale": 1, "value_minor": 3, "redemption": {"minimum_points": 5}}]
BOTH = {
    "currencies": STARS,
    "rules": [SPEND, SPEND | {"id": "stars", "points": 15, "per_minor": 1_000, "currency": "STARS"}],
}


@pytest.mark.parametrize(
    ("story", "main", "stars"),
    [
        pytest.param([A], 100, 150, id="both are earned"),
        pytest.param([A, spend(50, "2026-03-02T10:00:00Z", currency="STARS")], 100, 100, id="one is spent"),
        pytest.param([A, spend(4, "2026-03-02T10:00:00Z", currency="STARS")], 100, 150, id="below its own minimum"),
        pytest.param([A, back("A", 5_000, "2026-03-05T10:00:00Z")], 50, 75, id="both are taken back"),
        pytest.param(
            [A, command("blockPoints", "2026-03-02T10:00:00Z", points=9, reason="check", currency="STARS")],
            100,
            141,
            id="one is blocked",
        ),
    ],
)
def test_currencies_are_kept_apart(story: list[Line], main: int, stars: int, trying: Trying) -> None:
    result = trying.result(*story, programs=(program(**BOTH),))

    assert (balance(result), balance(result, "STARS")) == (main, stars)


SPENT = spend(60, "2026-03-02T10:00:00Z", billNumber="B")
REVERSES = {"redemptionId": SPENT["id"]}


@pytest.mark.parametrize(
    ("changes", "story", "stands"),
    [
        pytest.param(
            {}, [command("reverseRedemption", "2026-03-03T10:00:00Z", **REVERSES)], {"current": 100}, id="whole"
        ),
        pytest.param(
            {},
            [command("reverseRedemption", "2026-03-03T10:00:00Z", points=20, **REVERSES)],
            {"current": 60, "redeemed": 40},
            id="in part",
        ),
        pytest.param(
            {},
            [command("reverseRedemption", f"2026-03-0{day}T10:00:00Z", points=40, **REVERSES) for day in (3, 4)],
            {"current": 80, "redeemed": 20},
            id="never more than it took",
        ),
        pytest.param(
            lasts(days=9),
            [command("reverseRedemption", "2026-03-11T10:00:00Z", **REVERSES)],
            {"expired": 100},
            id="past its last day",
        ),
        pytest.param(
            lasts(days=9) | {"redemption": {"past_expiry": "reissue"}},
            [command("reverseRedemption", "2026-03-11T10:00:00Z", **REVERSES)],
            {"current": 60},
            id="past its last day, given anew",
        ),
    ],
)
def test_redemption_is_undone(
    changes: dict[str, Any], story: list[Line], stands: dict[str, int], trying: Trying
) -> None:
    result = trying.result(A, SPENT, *story, programs=(program(**changes),))

    there = points(result)
    assert {name: there.get(name, 0) for name in ("current", *stands)} == {"current": 0} | stands


def corrected(amount: int, at: str) -> dict[str, Any]:
    return message("transactionUpdated", at, billNumber="A", amountMinor=amount)


@pytest.mark.parametrize(
    ("story", "current", "transactions"),
    [
        pytest.param([corrected(0, "2026-03-02T10:00:00Z")], 0, 0, id="cancelled"),
        pytest.param(
            [corrected(0, "2026-03-02T10:00:00Z"), corrected(10_000, "2026-03-03T10:00:00Z")], 100, 1, id="reinstated"
        ),
        pytest.param(
            [corrected(0, "2026-03-02T10:00:00Z"), corrected(4_000, "2026-03-03T10:00:00Z")],
            40,
            1,
            id="reinstated in part",
        ),
        pytest.param(
            [
                spend(80, "2026-03-01T11:00:00Z"),
                corrected(0, "2026-03-02T10:00:00Z"),
                corrected(10_000, "2026-03-03T10:00:00Z"),
            ],
            20,
            1,
            id="spent, cancelled and reinstated",
        ),
    ],
)
def test_cancelled_order_that_is_reinstated_counts_again(
    story: list[Line], current: int, transactions: int, trying: Trying
) -> None:
    result = trying.result(A, *story)

    assert (balance(result), membership(result)["transactions"]) == (current, transactions)


GOAL = {
    "id": "m",
    "target_id": 1,
    "name": "M",
    "period": "month",
    "counts": {"of": "transactions", "measure": "sum"},
    "target": 8_000,
    "points": 30,
}
AGAIN = bill("B", 5_000, "2026-03-06T10:00:00Z")


@pytest.mark.parametrize(
    ("rewards", "story", "current"),
    [
        pytest.param("keep", [ALL_OF_A], 30, id="kept"),
        pytest.param("clawback", [ALL_OF_A], 0, id="taken back"),
        pytest.param("revoke_if_unused", [ALL_OF_A], 0, id="taken back unused"),
        pytest.param("revoke_if_unused", [spend(101, "2026-03-02T10:00:00Z"), ALL_OF_A], 29, id="used in part: kept"),
        pytest.param("clawback", [spend(101, "2026-03-02T10:00:00Z"), ALL_OF_A], 0, id="used in part: the rest goes"),
        pytest.param("clawback", [back("A", 5_000, "2026-03-05T10:00:00Z"), AGAIN], 130, id="met again: given again"),
        pytest.param("keep", [back("A", 5_000, "2026-03-05T10:00:00Z"), AGAIN], 130, id="kept and met again: once"),
    ],
)
def test_bonus_goes_with_what_it_was_for(rewards: str, story: list[Line], current: int, trying: Trying) -> None:
    result = trying.result(A, *story, programs=(program(milestones=[GOAL], returns={"rewards": rewards}),))

    assert balance(result) == current


THREE = [{"name": name, "threshold": count} for name, count in (("Base", 0), ("Silver", 100), ("Gold", 300))]
BOUGHT = bill("A", 30_000, "2026-03-01T10:00:00Z")


@pytest.mark.parametrize(
    ("tiers", "story", "until", "tier"),
    [
        pytest.param({"validity": {"months": 3}}, [BOUGHT], "2026-06-01T12:00:00Z", "Gold", id="its last day"),
        pytest.param({"validity": {"months": 3}}, [BOUGHT], "2026-06-02T00:00:00Z", "Silver", id="one lower"),
        pytest.param(
            {"validity": {"months": 3}, "downgrade": "base"}, [BOUGHT], "2026-06-02T00:00:00Z", "Base", id="the first"
        ),
        pytest.param(
            {"validity": {"months": 3}},
            [BOUGHT, BOUGHT | {"billNumber": "B", "id": "b", "eventTime": "2026-05-01T10:00:00Z"}],
            "2026-06-02T00:00:00Z",
            "Gold",
            id="kept",
        ),
        pytest.param(
            {"validity": {"months": 3}, "on_return": "at_once"},
            [BOUGHT, back("A", 15_000, "2026-03-05T10:00:00Z")],
            "2026-03-06T00:00:00Z",
            "Silver",
            id="goods came back",
        ),
        pytest.param(
            {},
            [BOUGHT, back("A", 15_000, "2026-03-05T10:00:00Z")],
            "2026-03-06T00:00:00Z",
            "Gold",
            id="goods came back, and nothing is said",
        ),
    ],
)
def test_tier_falls_where_the_program_says_so(
    tiers: dict[str, Any], story: list[Line], until: str, tier: str, trying: Trying
) -> None:
    there = program(tiers={"basis": "lifetime_points", "levels": THREE} | tiers)

    result = trying.result(*story, programs=(there,), until=until)

    assert membership(result)["tier"]["name"] == tier


@pytest.mark.parametrize(
    ("ratio", "spent", "worth"),
    [
        pytest.param("0.0025", 100, 25, id="a quarter of a penny"),
        pytest.param("0.0025", 99, 24, id="rounded once, downwards"),
        pytest.param("0.0000000001", 100, 0, id="a hundred millionth of a penny"),
        pytest.param("0.3333333333", 3, 99, id="a third of a pound, nearly"),
    ],
)
def test_points_may_be_worth_less_than_a_minor_unit(ratio: str, spent: int, worth: int, trying: Trying) -> None:
    there = program(points={"name": "POINTS", "ratio": ratio})

    result = trying.result(A, spend(spent, "2026-03-02T10:00:00Z"), programs=(there,))

    (redeemed,) = [fact["body"] for fact in result["steps"][1]["facts"] if fact["kind"] == "PointsRedeemed"]
    assert redeemed["value_minor"] == worth
