"""Reported of other loyalty software, with the right value: returns, numbers and versions of a program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.trial.trying import (
    BASE,
    WHO,
    Trying,
    adjust,
    arrives,
    back,
    balance,
    bill,
    event,
    kinds,
    membership,
    program,
    redeem,
)

A = bill("A", 10_000, "2026-03-01T10:00:00Z")
SPENT = [A, bill("B", 10_000, "2026-03-02T10:00:00Z"), redeem(100, "2026-03-03T10:00:00Z")]
"""The points of A are spent, those of B are there."""
ALL_OF_A = back("A", 10_000, "2026-03-04T10:00:00Z")


def test_points_of_a_returned_bill_that_were_spent_are_forgiven_by_the_default_policy(trying: Trying) -> None:
    assert balance(trying.result(*SPENT, ALL_OF_A)) == 100


def test_points_of_a_returned_bill_that_were_spent_come_from_other_lots_where_the_program_says_so(
    trying: Trying,
) -> None:
    result = trying.result(*SPENT, ALL_OF_A, programs=(program(returns={"shortfall": "other_lots"}),))

    assert balance(result) == 0


def test_points_of_a_returned_bill_that_were_spent_are_a_deficit_where_the_program_says_so(trying: Trying) -> None:
    story = [A, redeem(100, "2026-03-03T10:00:00Z"), ALL_OF_A]

    result = trying.result(*story, programs=(program(returns={"shortfall": "deficit"}),))

    assert membership(result)["balances"]["POINTS"]["deficit"] == 100


def test_return_of_the_line_that_earned_nothing_takes_no_points_where_the_program_looks_at_lines(
    trying: Trying,
) -> None:
    lines = [{"sku": "CARD", "amountMinor": 5_000}, {"sku": "TEA", "amountMinor": 5_000}]
    rules = [BASE["rules"][0] | {"excluded_skus": ["CARD"]}]
    by_line = program(rules=rules, returns={"method": "line_exact"})

    result = trying.result(
        A | {"lines": lines}, back("A", 5_000, "2026-03-02T10:00:00Z", lines=lines[:1]), programs=(by_line,)
    )

    assert balance(result) == 50


def test_each_program_has_its_own_return_window(trying: Trying) -> None:
    short, long = (program(program_id=number, returns={"window_days": days}) for number, days in ((1, 35), (2, 400)))

    result = trying.result(A, back("A", 10_000, "2026-06-01T10:00:00Z"), programs=(short, long))

    assert [membership(result, WHO, number)["returnedMinor"] for number in (1, 2)] == [0, 10_000]


def test_program_without_returns_knows_of_no_return(trying: Trying) -> None:
    tiers = {"basis": "net_purchases", "levels": [{"name": "Base", "threshold": 0}, {"name": "Gold", "threshold": 1}]}

    result = trying.result(
        A,
        back("A", 10_000, "2026-03-02T10:00:00Z"),
        programs=(program(returns=None, tiers=tiers), program(program_id=2)),
    )

    assert [membership(result, WHO, number)["returnedMinor"] for number in (1, 2)] == [0, 10_000]


def test_version_that_drops_returns_leaves_bills_of_before_returnable(trying: Trying) -> None:
    trying.file("without.yaml", json.dumps(program(version=2, returns=None)))
    later = bill("C", 10_000, "2026-03-02T10:00:00Z")

    result = trying.result(
        A,
        {"program": "without.yaml"},
        later,
        back("A", 10_000, "2026-03-03T10:00:00Z"),
        back("C", 10_000, "2026-03-03T11:00:00Z", document="R2"),
    )

    assert (membership(result)["returnedMinor"], balance(result)) == (10_000, 100)


def test_parts_that_come_back_before_and_after_the_shorter_window_count_where_they_belong(trying: Trying) -> None:
    short, long = (program(program_id=number, returns={"window_days": days}) for number, days in ((1, 35), (2, 400)))
    parts = (("2026-03-20T10:00:00Z", "R1"), ("2026-06-01T10:00:00Z", "R2"))

    result = trying.result(A, *(back("A", 5_000, at, document=one) for at, one in parts), programs=(short, long))

    assert [membership(result, WHO, number)["returnedMinor"] for number in (1, 2)] == [5_000, 10_000]
    points = [membership(result, WHO, number)["balances"]["POINTS"]["current"] for number in (1, 2)]
    assert points == [50, 0]


SILVER = program(
    tiers={
        "basis": "lifetime_points",
        "levels": [{"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 500}],
    }
)
MISTAKE = adjust(499, "2026-03-01T10:00:00Z", "mistake", id="m1")
UNDONE = adjust(-499, "2026-03-01T11:00:00Z", "mistake undone", id="m2")
POUND = bill("P", 100, "2026-03-01T12:00:00Z")


def test_correction_by_reference_takes_lifetime_points_back(trying: Trying) -> None:
    stands = membership(trying.result(MISTAKE, UNDONE | {"corrects": "m1"}, POUND, programs=(SILVER,)))

    points = stands["balances"]["POINTS"]
    assert (points["current"], points["lifetime"], stands["tier"]["name"]) == (1, 1, "Base")


def test_plain_debit_leaves_lifetime_points_alone(trying: Trying) -> None:
    stands = membership(trying.result(MISTAKE, UNDONE, POUND, programs=(SILVER,)))

    points = stands["balances"]["POINTS"]
    assert (points["current"], points["lifetime"], stands["tier"]["name"]) == (1, 500, "Silver")


def milestone(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = {"id": "m", "target_id": 1, "name": "M", "period": "month", "target": 2}
    return content | changes


def test_four_is_four_point_nought(trying: Trying) -> None:
    counts = {"of": "events", "event": "run", "measure": "sum", "attribute": "km"}

    result = trying.result(
        event("run", "2026-03-01T10:00:00Z", attributes={"km": 4}),
        event("run", "2026-03-02T10:00:00Z", attributes={"km": 4.0}),
        programs=(program(milestones=[milestone(counts=counts, target=8)]),),
    )

    assert [one["achieved"] for one in membership(result)["milestones"]] == [True]


KM = {"of": "events", "event": "run", "measure": "sum", "attribute": "km"}


def test_fractions_add_up_exactly_and_are_told_as_they_were_sent(trying: Trying) -> None:
    runs = [event("run", f"2026-03-0{day}T10:00:00Z", attributes={"km": km}) for day, km in enumerate((0.1, 0.2), 1)]

    result = trying.result(*runs, programs=(program(milestones=[milestone(counts=KM, target=8)]),))

    (stands,) = membership(result)["milestones"]
    assert (stands["value"], stands["target"], stands["scale"]) == (300, 8_000, 3)
    told = result["steps"][-1]["notifications"][-1]["envelope"]["data"]
    assert (told["currentEventTargetValue"], told["achievedTargetValue"], told["definedTargetValue"]) == (
        "0.2",
        "0.300",
        "8.000",
    )


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        pytest.param({"km": 0.1 + 0.2}, "is 0.30000000000000004, with more than three decimals", id="too fine"),
        pytest.param({"kms": 4}, "is missing", id="misspelt"),
        pytest.param({"km": "4 km"}, "is '4 km', not a number", id="with its unit"),
        pytest.param({"km": -4}, "is -4, below zero", id="negative"),
        pytest.param({"km": 1e20}, "is 100000000000000000000, beyond what can be counted", id="too large"),
    ],
)
def test_value_that_does_not_count_is_told_with_the_reason(
    attributes: dict[str, Any], why: str, trying: Trying
) -> None:
    sent = event("run", "2026-03-01T10:00:00Z", attributes=attributes)

    ended = trying.run(sent, programs=(program(milestones=[milestone(counts=KM, target=8)]),))

    assert f"milestone M: counts nothing, as km {why}\n" in ended.out


@pytest.mark.parametrize(
    ("zone", "days", "longest"),
    [
        pytest.param(
            "Pacific/Apia", ("2011-12-27", "2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"), 5, id="Samoa"
        ),
        pytest.param(
            "Pacific/Kwajalein",
            ("1993-08-18", "1993-08-19", "1993-08-20", "1993-08-22", "1993-08-23"),
            5,
            id="Kwajalein",
        ),
        pytest.param(
            "Pacific/Apia", ("2012-01-01", "2011-12-28", "2011-12-31", "2011-12-27", "2011-12-29"), 5, id="in any order"
        ),
        pytest.param(
            "Pacific/Apia", ("2011-12-27", "2011-12-28", "2011-12-29", "2012-01-01"), 3, id="a day missed beside it"
        ),
        pytest.param(
            "Europe/London", ("2011-12-27", "2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"), 3, id="elsewhere"
        ),
    ],
)
def test_date_that_a_zone_skipped_breaks_no_streak(
    zone: str, days: tuple[str, ...], longest: int, trying: Trying
) -> None:
    there = program(
        zone=zone,
        milestones=[milestone(period="day", counts={"of": "events", "event": "run"}, target=1)],
        streaks=[
            {
                "id": "s",
                "streak_id": 2,
                "name": "S",
                "milestone": "m",
                "levels": [{"name": "Five", "periods": 5}],
            }
        ],
    )

    sent = [event("run", f"{day}T12:00:00", zone=zone) for day in days]
    result = trying.result(*(arrives(f"{max(days)}T12:00:00Z", one) for one in sent), programs=(there,))

    assert [(one["longest"], one["levels"]) for one in membership(result)["streaks"]] == [
        (longest, [5] if longest == 5 else [])
    ]


def tiered(version: int, **thresholds: int) -> dict[str, Any]:
    levels = [{"name": name, "threshold": threshold} for name, threshold in thresholds.items()]
    return program(version=version, tiers={"basis": "lifetime_points", "levels": levels})


NEXT = bill("N", 100, "2026-03-05T10:00:00Z")


def test_member_keeps_their_tier_when_one_is_inserted_below_it(trying: Trying) -> None:
    result = trying.result(
        bill("A", 60_000, "2026-03-01T10:00:00Z"),
        {"program": "v2.yaml"},
        NEXT,
        programs=(tiered(1, Base=0, Silver=500),),
        versions=(tiered(2, Base=0, Bronze=100, Silver=500),),
    )

    assert "tierUpgraded" not in kinds(result["steps"][2])
    assert membership(result)["tier"] == {"number": 3, "id": "silver", "name": "Silver"}


def test_member_of_a_tier_that_is_dropped_does_not_rise(trying: Trying) -> None:
    result = trying.result(
        bill("A", 60_000, "2026-03-01T10:00:00Z"),
        {"program": "v2.yaml"},
        NEXT,
        programs=(tiered(1, Base=0, Silver=500, Gold=1000),),
        versions=(tiered(2, Base=0, Gold=1000),),
    )

    # Either the program is refused, or the member is in the next lower tier.
    assert membership(result)["tier"]["name"] in {"Base", "Silver"}


def test_milestone_left_out_by_mistake_and_restored_pays_once(trying: Trying) -> None:
    rewarded = [milestone(counts={"of": "transactions"}, points=10)]
    versions = [program(version=number, rules=[], milestones=rewarded if number != 2 else []) for number in (1, 2, 3)]
    bills = [bill(name, 100, f"2026-03-{day:02}T10:00:00Z") for day, name in enumerate("ABCDE", 1)]

    result = trying.result(
        *bills[:2],
        {"program": "v2.yaml"},
        bills[2],
        {"program": "v3.yaml"},
        *bills[3:],
        programs=(versions[0],),
        versions=tuple(versions[1:]),
    )

    assert membership(result)["balances"]["POINTS"]["issued"] == 10


def test_renamed_currency_takes_its_balance_along_or_is_refused(trying: Trying) -> None:
    stars = program(version=2, points={"name": "STARS", "expiry": {"days": 365}})

    result = trying.result(A, {"program": "v2.yaml"}, bill("B", 10_000, "2026-03-02T10:00:00Z"), versions=(stars,))

    balances = membership(result)["balances"].values()
    assert [one["current"] for one in balances if one["current"]] == [200]
    assert [one["lifetime"] for one in balances if one["lifetime"]] == [200]
