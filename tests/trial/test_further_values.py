"""Further inputs of the kinds in `test_reported_values.py`: returns, and numbers that leave their mark."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.trial.trying import (
    BASE,
    WHO,
    Line,
    Message,
    Program,
    Trying,
    arrives,
    back,
    balance,
    bill,
    event,
    membership,
    message,
    program,
    redeem,
)

A = bill("A", 10_000, "2026-03-01T10:00:00Z")
B = bill("B", 10_000, "2026-03-02T10:00:00Z")
ALL_OF_A, HALF_OF_A = (back("A", amount, "2026-03-20T10:00:00Z") for amount in (10_000, 5_000))
GIVEN = message("transferPoints", "2026-03-03T10:00:00Z", id="gift", toCustomerId=12, programId=1, points=100)

MORE = message("transactionUpdated", "2026-03-02T09:00:00Z", billNumber="A", amountMinor=15_000)
ALL_OF_MORE = back("A", 15_000, "2026-03-20T10:00:00Z")


def spent(points: int, **fields: Any) -> Message:
    return redeem(points, "2026-03-03T10:00:00Z", **fields)


def gone_after(days: int) -> dict[str, Any]:
    return {"points": {"name": "POINTS", "expiry": {"days": days}}}


@pytest.mark.parametrize(
    ("shortfall", "changes", "story", "stands"),
    [
        pytest.param("own_lot", {}, (A, B, spent(60), ALL_OF_A), (100, 0, 160), id="forgiven: what was spent of it"),
        pytest.param("other_lots", {}, (A, B, spent(130), HALF_OF_A), (20, 0, 150), id="half, from the other lot"),
        pytest.param("other_lots", {}, (A, B, GIVEN, ALL_OF_A), (0, 0, 100), id="given away is used"),
        pytest.param("other_lots", {}, (A, spent(100), B, ALL_OF_A), (0, 0, 100), id="of a bill after it"),
        pytest.param("other_lots", gone_after(17), (A, B, ALL_OF_A), (0, 0, 200), id="expired unused is not asked for"),
        pytest.param(
            "other_lots",
            gone_after(18),
            (A, bill("B", 10_000, "2026-03-02T10:00:00Z"), spent(30), ALL_OF_A),
            (70, 0, 170),
            id="expired in part: what was spent of it is asked for",
        ),
        pytest.param("deficit", {}, (A, spent(100), ALL_OF_A), (0, 100, 0), id="owed"),
        pytest.param(
            "other_lots", {}, (A, MORE, B, spent(100), ALL_OF_MORE), (0, 0, 100), id="of a bill that was more"
        ),
        pytest.param(
            "deficit",
            {},
            (A, spent(100), ALL_OF_A, bill("C", 15_000, "2026-03-21T10:00:00Z")),
            (50, 0, 150),
            id="repaid by the next bill",
        ),
        pytest.param(
            "deficit",
            {},
            (A, spent(100), ALL_OF_A, bill("C", 3_000, "2026-03-21T10:00:00Z")),
            (0, 70, 30),
            id="repaid in part",
        ),
    ],
)
def test_points_of_a_returned_bill_that_are_gone_come_from_where_the_program_says(
    shortfall: str, changes: dict[str, Any], story: tuple[Message, ...], stands: tuple[int, int, int], trying: Trying
) -> None:
    result = trying.result(*story, programs=(program(returns={"shortfall": shortfall}, **changes),))

    points = membership(result)["balances"]["POINTS"]
    assert (points["current"], points["deficit"], points["lifetime"]) == stands


CARD, TEA = {"sku": "CARD", "amountMinor": 5_000}, {"sku": "TEA", "amountMinor": 5_000}
FIRST, GIFT = (
    {"sku": "TEA", "amountMinor": amount, "lineId": name, "category": category}
    for amount, name, category in ((3_000, "1", "tea"), (7_000, "2", "gift"))
)
NO_CARDS = {"rules": [BASE["rules"][0] | {"excluded_skus": ["CARD"]}]}
NO_GIFTS = {"rules": [BASE["rules"][0] | {"excluded_categories": ["gift"]}]}
TRIPLE = {"rules": [*BASE["rules"], {"id": "tea", "kind": "multiplier", "factor": 3, "skus": ["TEA"]}]}
FROM_SIXTY = {"rules": [BASE["rules"][0] | {"minimum_minor": 6_000}]}


def lines_back(*lines: dict[str, Any], document: str = "R1") -> Message:
    amount = sum(int(line["amountMinor"]) for line in lines)
    returned = [{key: value for key, value in line.items() if key != "category"} for line in lines]
    return back("A", amount, "2026-03-20T10:00:00Z", document=document, lines=returned)


@pytest.mark.parametrize(
    ("method", "rules", "lines", "returned", "points"),
    [
        pytest.param("line_exact", NO_CARDS, (CARD, TEA), (TEA,), 0, id="the line that earned everything"),
        pytest.param("line_exact", NO_CARDS, (TEA, CARD), (CARD,), 50, id="the line that earned nothing"),
        pytest.param("line_exact", NO_GIFTS, (FIRST, GIFT), (GIFT,), 30, id="one of two lines of a SKU, by its id"),
        pytest.param("line_exact", NO_GIFTS, (FIRST, GIFT), (FIRST,), 0, id="the other one"),
        pytest.param("line_exact", TRIPLE, (CARD, TEA), (TEA,), 50, id="a line that counted three times"),
        pytest.param("pro_rata_bill", TRIPLE, (CARD, TEA), (TEA,), 100, id="which line it was does not matter"),
        pytest.param("capillary", {}, (CARD, TEA), (TEA,), 100, id="points of the whole bill stay"),
        pytest.param("capillary", NO_CARDS, (CARD, TEA), (TEA,), 0, id="points of some of its lines go"),
        pytest.param("recompute_remaining", FROM_SIXTY, (CARD, TEA), (TEA,), 0, id="below the minimum"),
        pytest.param("recompute_remaining", TRIPLE, (CARD, TEA), (CARD,), 150, id="what is left earned so much"),
        pytest.param("none", {}, (CARD, TEA), (CARD, TEA), 100, id="nothing"),
    ],
)
def test_return_of_lines_takes_what_they_earned(
    method: str,
    rules: dict[str, Any],
    lines: tuple[dict[str, Any], ...],
    returned: tuple[dict[str, Any], ...],
    points: int,
    trying: Trying,
) -> None:
    result = trying.result(
        A | {"lines": lines}, lines_back(*returned), programs=(program(returns={"method": method}, **rules),)
    )

    assert balance(result) == points


@pytest.mark.parametrize("method", ["line_exact", "capillary", "recompute_remaining", "pro_rata_bill"])
@pytest.mark.parametrize("order", [(CARD, TEA), (TEA, CARD)], ids=["card first", "tea first"])
def test_lines_that_come_back_one_by_one_end_at_nothing(
    method: str, order: tuple[dict[str, Any], ...], trying: Trying
) -> None:
    one_by_one = [lines_back(line, document=f"R{number}") for number, line in enumerate(order)]

    result = trying.result(
        A | {"lines": [CARD, TEA]}, *one_by_one, programs=(program(returns={"method": method}, **TRIPLE),)
    )

    assert balance(result) == 0


JANUARY = bill("A", 10_000, "2026-01-01T10:00:00Z")
SPENT_ON_IT = [bill("Z", 20_000, "2025-12-31T10:00:00Z")] + [
    redeem(50, "2026-01-01T11:00:00Z", id=f"redeem-{number}", programId=number, billNumber="A") for number in (1, 2)
]
GOAL: dict[str, Any] = {
    "milestones": [
        {
            "id": "m",
            "target_id": 1,
            "name": "M",
            "period": "month",
            "counts": {"of": "transactions", "measure": "sum"},
            "target": 10_000,
        }
    ]
}


def two(first: dict[str, Any] | None, second: dict[str, Any] | None, **changes: Any) -> tuple[Program, Program]:
    """Two programs that differ in what they do with returns."""
    return program(returns=first, **changes), program(program_id=2, returns=second, **changes)


@pytest.mark.parametrize(
    ("at", "returned"),
    [
        pytest.param("2026-02-05T09:59:59.999Z", [10_000, 10_000], id="in the last moment of the shorter one"),
        pytest.param("2026-02-05T10:00:00Z", [0, 10_000], id="in the moment after it"),
        pytest.param("2026-04-01T10:00:00Z", [0, 0], id="after both"),
    ],
)
def test_return_counts_by_the_window_of_each_program(at: str, returned: list[int], trying: Trying) -> None:
    result = trying.result(JANUARY, back("A", 10_000, at), programs=two({"window_days": 35}, {"window_days": 90}))

    assert [membership(result, WHO, number)["returnedMinor"] for number in (1, 2)] == returned


@pytest.mark.parametrize(
    ("first", "at"),
    [
        pytest.param({"window_days": 35}, "2026-03-01T10:00:00Z", id="its window is over"),
        pytest.param(None, "2026-01-02T10:00:00Z", id="it knows of no return"),
    ],
)
def test_program_is_left_alone_whole_by_what_comes_back_to_another(
    first: dict[str, Any] | None, at: str, trying: Trying
) -> None:
    story = [*SPENT_ON_IT, JANUARY, back("A", 10_000, at)]

    result = trying.result(*story, programs=two(first, {"window_days": 400}, **GOAL))

    stands = [membership(result, WHO, number) for number in (1, 2)]
    january = [
        [one["achieved"] for one in each["milestones"] if one["period"].startswith("2026-01")] for each in stands
    ]
    assert january == [[True], [False]]
    points = [each["balances"]["POINTS"] for each in stands]
    assert [(one["current"], one["redeemed"], one["lifetime"]) for one in points] == [(250, 50, 300), (200, 0, 200)]
    assert [each["returnedMinor"] for each in stands] == [0, 10_000]


SILVER = program(
    tiers={
        "basis": "lifetime_points",
        "levels": [{"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 500}],
    }
)
BIG = bill("A", 49_900, "2026-03-01T10:00:00Z")
POUND = bill("P", 100, "2026-03-05T12:00:00Z")
SMALLER = message("transactionUpdated", "2026-03-02T10:00:00Z", billNumber="A", amountMinor=100)
REVERSED = message("reverseRedemption", "2026-03-04T10:00:00Z", programId=1, redemptionId="redeem-100")
WAITS = SILVER | {"promised": {"until": "trigger", "within_days": 30}}
CANCELLED = message("cancelPromise", "2026-03-02T10:00:00Z", programId=1, reference="A", reason="fraud")
BLOCKED = [
    message("blockPoints", "2026-03-02T10:00:00Z", id="b", programId=1, points=400, reason="card lost"),
    message("releasePoints", "2026-03-03T10:00:00Z", programId=1, holdId="b", reason="card found"),
]


@pytest.mark.parametrize(
    ("there", "story", "stands"),
    [
        pytest.param(SILVER, (BIG, back("A", 49_900, "2026-03-02T10:00:00Z"), POUND), (1, 1), id="a bill came back"),
        pytest.param(SILVER, (BIG, SMALLER, POUND), (2, 2), id="a bill was wrong"),
        pytest.param(SILVER, (BIG, SMALLER | {"amountMinor": 0}, POUND), (1, 1), id="a bill was cancelled"),
        pytest.param(SILVER, (BIG, spent(100), REVERSED), (499, 499), id="a redemption was taken back"),
        pytest.param(SILVER, (BIG, *BLOCKED), (499, 499), id="points were blocked and released"),
        pytest.param(WAITS, (BIG, CANCELLED, POUND), (0, 0), id="a promise was cancelled"),
    ],
)
def test_what_was_undone_leaves_no_lifetime_points_and_no_tier(
    there: Program, story: tuple[Message, ...], stands: tuple[int, int], trying: Trying
) -> None:
    result = membership(trying.result(*story, programs=(there,)))

    points = result["balances"]["POINTS"]
    assert (points["current"], points["lifetime"], result["tier"]["name"]) == (*stands, "Base")


def test_points_that_were_given_lift_nobody(trying: Trying) -> None:
    theirs = bill("T", 45_000, "2026-03-01T10:00:00Z", customer=12)

    result = trying.result(BIG, theirs, GIVEN, programs=(SILVER,))

    receiver = membership(result, "100:12")
    assert (balance(result, who="100:12"), receiver["balances"]["POINTS"]["lifetime"]) == (550, 450)
    assert receiver["tier"]["name"] == "Base"


def runs(*written: str) -> list[Line]:
    """Events whose kilometres are written so."""
    sent = [event("run", f"2026-03-0{day}T10:00:00Z", attributes={"km": "…"}) for day in range(1, 1 + len(written))]
    return [json.dumps(one, ensure_ascii=False).replace('"…"', km) for one, km in zip(sent, written, strict=True)]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param(("4", "4.000"), 8_000, id="zeros behind the point"),
        pytest.param(("0.4e1", "40E-1"), 8_000, id="exponents"),
        pytest.param(("7.999", "0.001"), 8_000, id="to the thousandth"),
        pytest.param(("0.7", "0.1", "7.2"), 8_000, id="where binary fractions fall short"),
        pytest.param(("7.9995", "0.0005"), 0, id="halves of a thousandth"),
        pytest.param(("1e3", "1000.0"), 2_000_000, id="thousands"),
    ],
)
def test_number_counts_the_same_however_it_is_written(written: tuple[str, ...], value: int, trying: Trying) -> None:
    counts = {"of": "events", "event": "run", "measure": "sum", "attribute": "km"}
    goal = GOAL["milestones"][0] | {"counts": counts, "target": 8}

    result = trying.result(*runs(*written), programs=(program(milestones=[goal]),))

    stands = [(one["value"], one["achieved"]) for one in membership(result)["milestones"] if one["value"]]
    assert stands == ([(value, True)] if value else [])


def daily(zone: str, last: str | None = None) -> Program:
    day = GOAL["milestones"][0] | {"period": "day", "target": 1, "counts": {"of": "events", "event": "run"}}
    streak = {"id": "s", "streak_id": 2, "name": "S", "milestone": "m", "levels": [{"name": "Two", "periods": 2}]}
    return program(zone=zone, milestones=[day], streaks=[streak | {"validity": {"last": last}}])


@pytest.mark.parametrize(
    ("there", "days", "longest"),
    [
        pytest.param(daily("Pacific/Fakaofo"), ("2011-12-29", "2011-12-31"), 2, id="Tokelau"),
        pytest.param(daily("Pacific/Kiritimati"), ("1994-12-30", "1995-01-01", "1995-01-02"), 3, id="Kiritimati"),
        pytest.param(daily("Pacific/Enderbury"), ("1994-12-30", "1995-01-01"), 2, id="Enderbury"),
        pytest.param(daily("Pacific/Pago_Pago"), ("2011-12-29", "2011-12-31"), 1, id="its neighbour skipped none"),
        pytest.param(
            daily("Pacific/Apia", last="2011-12-30"),
            ("2011-12-28", "2011-12-29", "2011-12-31"),
            2,
            id="a season that ends on it",
        ),
    ],
)
def test_date_that_a_zone_skipped_is_no_missed_day(
    there: Program, days: tuple[str, ...], longest: int, trying: Trying
) -> None:
    sent = [event("run", f"{day}T12:00:00", zone=there["zone"]) for day in days]

    result = trying.result(*(arrives(f"{max(days)}T23:00:00Z", one) for one in sent), programs=(there,))

    assert [one["longest"] for one in membership(result)["streaks"]] == [longest]


@pytest.mark.parametrize(
    ("days", "last_evening", "next_morning"),
    [
        pytest.param(1, "2011-12-29T23:59:59", "2011-12-31T00:00:00", id="the day before it"),
        pytest.param(2, "2011-12-29T23:59:59", "2011-12-31T00:00:00", id="the date itself"),
        pytest.param(3, "2011-12-31T23:59:59", "2012-01-01T00:00:00", id="the day after it"),
    ],
)
def test_points_last_through_their_date_around_one_that_a_zone_skipped(
    days: int, last_evening: str, next_morning: str, trying: Trying
) -> None:
    there = program(zone="Pacific/Apia", **gone_after(days))
    paid = bill("A", 10_000, "2011-12-28T12:00:00", zone="Pacific/Apia")

    result = trying.result(
        paid,
        redeem(40, last_evening, zone="Pacific/Apia"),
        redeem(50, next_morning, zone="Pacific/Apia"),
        programs=(there | {"redemption": {"late_minutes": 0}},),
    )

    points = membership(result)["balances"]["POINTS"]
    assert (points["redeemed"], points["expired"], points["current"]) == (40, 60, 0)
