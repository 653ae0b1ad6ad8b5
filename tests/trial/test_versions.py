"""A program that changes under its members' feet: nobody is moved silently, nothing is lost or paid twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.trial.trying import Trying, balance, bill, event, kinds, membership, outcomes, program

NEXT = bill("N", 100, "2026-03-05T10:00:00Z")
SILVER = {"number": 2, "id": "silver", "name": "Silver"}


def tiered(version: int, levels: list[dict[str, Any]]) -> dict[str, Any]:
    return program(version=version, tiers={"basis": "lifetime_points", "levels": levels})


def levels(**thresholds: int) -> list[dict[str, Any]]:
    return [{"name": name, "threshold": threshold} for name, threshold in thresholds.items()]


def changed(tiers: list[dict[str, Any]], name: str, /, **parts: Any) -> list[dict[str, Any]]:
    return [tier | parts if tier["name"] == name else tier for tier in tiers]


THREE = levels(Base=0, Silver=500, Gold=1000)


@pytest.mark.parametrize(
    ("spent", "after", "tier", "told"),
    [
        pytest.param(60_000, levels(Base=0, Silver=500, Gold=1000, Black=9_999), SILVER, [], id="inserted-above"),
        pytest.param(
            60_000,
            changed(THREE, "Silver", name="Plata", id="silver"),
            {"number": 2, "id": "silver", "name": "Plata"},
            [],
            id="another-name",
        ),
        pytest.param(
            120_000, changed(THREE, "Gold", retired=True), SILVER, ["tierDowngraded"], id="retired-the-highest"
        ),
        pytest.param(
            60_000,
            changed(changed(THREE, "Silver", retired=True), "Gold", threshold=550),
            {"number": 3, "id": "gold", "name": "Gold"},
            ["tierUpgraded"],
            id="retired-while-a-higher-one-is-reached",
        ),
    ],
)
def test_member_makes_at_most_one_move_that_is_told(
    trying: Trying, spent: int, after: list[dict[str, Any]], tier: dict[str, Any], told: list[str]
) -> None:
    result = trying.result(
        bill("A", spent, "2026-03-01T10:00:00Z"),
        {"program": "v2.yaml"},
        NEXT,
        programs=(tiered(1, THREE),),
        versions=(tiered(2, after),),
    )

    assert [kind for kind in kinds(result["steps"][2]) if kind.startswith("tier")] == told
    assert membership(result)["tier"] == tier


def test_people_read_that_a_tier_is_retired(trying: Trying) -> None:
    trying.file("v2.yaml", tiered(2, changed(THREE, "Gold", retired=True)))

    ended = trying.run(
        bill("A", 120_000, "2026-03-01T10:00:00Z"), {"program": "v2.yaml"}, NEXT, programs=(tiered(1, THREE),)
    )

    assert "tier Gold → Silver, as Gold is retired" in ended.out
    assert "tierDowngraded tells: You are in Silver now, no longer in Gold." in ended.out


REWARD: dict[str, Any] = {
    "id": "m",
    "target_id": 1,
    "name": "M",
    "period": "month",
    "counts": {"of": "transactions"},
    "target": 2,
    "points": 10,
}
DAILY = REWARD | {"period": "day", "target": 1, "points": 0}
STREAK: dict[str, Any] = {
    "id": "s",
    "streak_id": 2,
    "name": "S",
    "milestone": "m",
    "levels": [{"name": "Three", "periods": 3, "points": 7}],
}
GIFT = {"id": "gift", "kind": "event", "event": "gift", "points": 5}
BILLS = [bill(name, 100, f"2026-03-{day:02}T10:00:00Z") for day, name in enumerate("ABCDE", 1)]


def issued(result: Any) -> int:
    return int(membership(result)["balances"]["POINTS"]["issued"])


def test_milestone_retired_and_brought_back_in_its_period_pays_once(trying: Trying) -> None:
    goals = [[REWARD], [REWARD | {"retired": True}], [REWARD]]
    versions = [program(version=number, rules=[], milestones=some) for number, some in enumerate(goals, 1)]

    result = trying.result(
        *BILLS[:2],
        {"program": "v2.yaml"},
        BILLS[2],
        {"program": "v3.yaml"},
        *BILLS[3:],
        programs=(versions[0],),
        versions=tuple(versions[1:]),
    )

    assert set(outcomes(result)) == {"accepted"}
    assert issued(result) == 10


def test_streak_left_out_by_mistake_goes_on(trying: Trying) -> None:
    with_streak = {"rules": [], "milestones": [DAILY], "streaks": [STREAK]}

    result = trying.result(
        *BILLS[:2],
        {"program": "v2.yaml"},
        *BILLS[2:],
        programs=(program(**with_streak),),
        versions=(program(version=2, **with_streak | {"streaks": []}),),
    )

    assert (outcomes(result)[2], issued(result)) == ("refused", 7)
    assert membership(result)["streaks"][0]["run"] == 5


def test_rule_that_is_retired_pays_what_came_before_and_no_more(trying: Trying) -> None:
    versions = (program(rules=[GIFT]), program(version=2, rules=[GIFT | {"retired": True}]))

    result = trying.result(
        event("gift", "2026-03-01T10:00:00Z"),
        {"program": "v2.yaml"},
        event("gift", "2026-03-02T10:00:00Z"),
        programs=versions[:1],
        versions=versions[1:],
    )

    assert balance(result) == 5


def test_lowered_target_is_met_once_and_with_a_record_that_does_not_count(trying: Trying) -> None:
    versions = [program(version=number, rules=[], milestones=[REWARD | {"target": 5 - number}]) for number in (1, 2, 3)]

    result = trying.result(
        *BILLS[:2],
        {"program": "v2.yaml"},
        event("hello", "2026-03-03T09:00:00Z"),
        {"program": "v3.yaml"},
        event("hello", "2026-03-03T10:00:00Z"),
        *BILLS[2:],
        programs=(versions[0],),
        versions=tuple(versions[1:]),
    )

    assert [issued_in(step) for step in result["steps"]] == [0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert issued(result) == 10


def issued_in(step: Any) -> int:
    return kinds(step).count("pointsIssued")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"currency": "EUR"}, "currency", id="money"),
        pytest.param({"zone": "Asia/Tokyo"}, "zone", id="zone"),
        pytest.param({"milestones": [REWARD | {"period": "week"}]}, "milestones[0].period", id="period"),
        pytest.param(
            {"milestones": [REWARD | {"counts": {"of": "transactions", "measure": "sum"}}]},
            "milestones[0].counts",
            id="what-is-counted",
        ),
    ],
)
def test_version_that_counts_otherwise_is_refused_and_the_program_goes_on(
    trying: Trying, changes: dict[str, Any], path: str
) -> None:
    before: dict[str, Any] = {"milestones": [REWARD]}

    result = trying.result(
        BILLS[0],
        {"program": "v2.yaml"},
        BILLS[1],
        programs=(program(**before),),
        versions=(program(version=2, **before | changes),),
    )

    step = result["steps"][1]
    assert (step["outcome"], step["reason"]) == ("refused", "program_refused")
    assert [one["path"] for one in step["defects"]] == [path]
    assert all(one["remedy"] for one in step["defects"])
    assert (membership(result)["version"], issued(result)) == (1, 12)
