"""Further inputs of the kinds in `test_reported_values.py`: versions of a program."""

from __future__ import annotations

from typing import Any

import pytest

from tests.trial.trying import Program, Trying, balance, bill, kinds, membership, outcomes, program, redeem

A = bill("A", 60_000, "2026-03-01T10:00:00Z")
"""600 points."""
NEXT = bill("N", 100, "2026-03-05T10:00:00Z")


def tiered(version: int, *levels: dict[str, Any]) -> Program:
    return program(version=version, tiers={"basis": "lifetime_points", "levels": levels})


def level(name: str, threshold: int, **fields: Any) -> dict[str, Any]:
    return {"name": name, "threshold": threshold, **fields}


BASE, SILVER, GOLD = level("Base", 0), level("Silver", 500), level("Gold", 1_000)


@pytest.mark.parametrize(
    ("after", "tier", "told"),
    [
        pytest.param(
            (BASE, level("Bronze", 100), SILVER, GOLD, level("Top", 2_000)), "silver", (), id="one below, one above"
        ),
        pytest.param((BASE, SILVER, level("Plus", 550), GOLD), "plus", ("tierUpgraded",), id="one above, reached"),
        pytest.param((BASE, level("Silver", 900), GOLD), "silver", (), id="it asks for more now"),
        pytest.param((BASE, level("Gold", 500), level("Silver", 1_000)), "silver", (), id="two change places"),
        pytest.param(
            (BASE, level("Bronze", 100), level("Silver", 500, retired=True), GOLD),
            "bronze",
            ("tierDowngraded",),
            id="retired, with a new one below it",
        ),
        pytest.param(
            (BASE, level("Silver", 500, retired=True), level("Gold", 1_000, retired=True)),
            "base",
            ("tierDowngraded",),
            id="all but the lowest retired",
        ),
        pytest.param(
            (BASE, level("Gold", 500, id="silver"), level("Silver", 1_000, id="gold")),
            "silver",
            (),
            id="names change places",
        ),
    ],
)
def test_member_is_moved_once_or_not_at_all_by_a_version(
    after: tuple[dict[str, Any], ...], tier: str, told: tuple[str, ...], trying: Trying
) -> None:
    result = trying.result(
        A,
        {"program": "v2.yaml"},
        NEXT,
        programs=(tiered(1, BASE, SILVER, GOLD),),
        versions=(tiered(2, *after),),
    )

    assert outcomes(result) == ["accepted"] * 3
    assert membership(result)["tier"]["id"] == tier
    assert tuple(kind for kind in kinds(result["steps"][2]) if kind.startswith("tier")) == told


@pytest.mark.parametrize(
    "after",
    [
        pytest.param((BASE, GOLD), id="one is missing"),
        pytest.param((BASE, level("Plata", 500), GOLD), id="one has another name and no id"),
    ],
)
def test_version_that_would_move_members_silently_is_refused(after: tuple[dict[str, Any], ...], trying: Trying) -> None:
    result = trying.result(
        A,
        {"program": "v2.yaml"},
        NEXT,
        programs=(tiered(1, BASE, SILVER, GOLD),),
        versions=(tiered(2, *after),),
    )

    assert outcomes(result) == ["accepted", "refused", "accepted"]
    assert membership(result)["tier"]["id"] == "silver"


MONTHLY: dict[str, Any] = {
    "id": "m",
    "target_id": 1,
    "name": "M",
    "period": "month",
    "counts": {"of": "transactions"},
    "target": 2,
    "points": 10,
}
DAILY = MONTHLY | {"period": "day", "target": 1, "points": 0}
STREAK: dict[str, Any] = {
    "id": "s",
    "streak_id": 2,
    "name": "S",
    "milestone": "m",
    "levels": [{"name": "Two", "periods": 2, "points": 10}],
}
RETIRED = {"retired": True}
BILLS = [bill(name, 100, f"2026-03-{day:02}T10:00:00Z") for day, name in enumerate("ABCDEF", 1)]


@pytest.mark.parametrize(
    ("versions", "points"),
    [
        pytest.param(
            ({"milestones": [MONTHLY]}, {"milestones": []}, {"milestones": [MONTHLY]}), 10, id="left out for a while"
        ),
        pytest.param(
            (
                {"milestones": [MONTHLY | {"target": 6}]},
                {"milestones": [MONTHLY | {"target": 3}]},
                {"milestones": [MONTHLY | {"target": 5}]},
            ),
            10,
            id="lowered, met and raised",
        ),
        pytest.param(
            (
                {"milestones": [MONTHLY]},
                {"milestones": [MONTHLY | RETIRED]},
                {"milestones": [MONTHLY | {"target": 3, "points": 30}]},
            ),
            10,
            id="retired, and brought back for more",
        ),
        pytest.param(
            (
                {"milestones": [DAILY], "streaks": [STREAK]},
                {"milestones": [DAILY], "streaks": [STREAK | RETIRED]},
                {"milestones": [DAILY], "streaks": [STREAK]},
            ),
            10,
            id="a streak retired and brought back",
        ),
        pytest.param(
            (
                {"milestones": [MONTHLY]},
                {"milestones": [MONTHLY, MONTHLY | {"id": "n", "target_id": 2}]},
                {"milestones": [MONTHLY, MONTHLY | {"id": "n", "target_id": 2}]},
            ),
            20,
            id="another one that counts the same from then on",
        ),
    ],
)
def test_goal_pays_once_in_its_period_whatever_versions_do(
    versions: tuple[dict[str, Any], ...], points: int, trying: Trying
) -> None:
    first, *others = (program(version=number, rules=[], **parts) for number, parts in enumerate(versions, 1))

    result = trying.result(
        *BILLS[:2],
        {"program": "v2.yaml"},
        *BILLS[2:4],
        {"program": "v3.yaml"},
        *BILLS[4:],
        programs=(first,),
        versions=tuple(others),
    )

    assert membership(result)["balances"]["POINTS"]["issued"] == points


GEMS: dict[str, Any] = {"id": "GEMS", "name": "Gems"}
IN_GEMS = [{"id": "g", "kind": "spend", "points": 1, "per_minor": 1_000, "currency": "GEMS"}]


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        pytest.param({"currencies": [GEMS | {"name": "Jewels"}], "rules": IN_GEMS}, "accepted", id="another name"),
        pytest.param({"currencies": [GEMS | RETIRED], "rules": [IN_GEMS[0] | RETIRED]}, "accepted", id="retired"),
        pytest.param({"currencies": [GEMS | {"id": "JEWELS"}]}, "refused", id="another id"),
        pytest.param({"currencies": [GEMS | {"scale": 1}], "rules": IN_GEMS}, "refused", id="more decimals"),
        pytest.param({"currencies": [], "rules": [IN_GEMS[0] | RETIRED]}, "refused", id="left out"),
        pytest.param(
            {"points": {"name": "STARS"}, "currencies": [GEMS], "rules": IN_GEMS}, "refused", id="the main one renamed"
        ),
    ],
)
def test_balance_of_a_currency_goes_along_with_it(after: dict[str, Any], outcome: str, trying: Trying) -> None:
    result = trying.result(
        A,
        {"program": "v2.yaml"},
        redeem(60, "2026-03-05T10:00:00Z", currency="GEMS"),
        programs=(program(currencies=[GEMS], rules=IN_GEMS),),
        versions=(program(version=2, **after),),
    )

    assert outcomes(result) == ["accepted", outcome, "accepted"]
    assert balance(result, "GEMS") == 0
