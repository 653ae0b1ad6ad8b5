"""Succession: what a version of a program may change, and what keeps it from following the one before."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.succession import succession
from tests.steps import milestone, program, spend

TIERS = [{"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 500}, {"name": "Gold", "threshold": 1_000}]
STREAK = {
    "id": "loyal",
    "streak_id": 1,
    "name": "Loyal",
    "milestone": "visit",
    "levels": [{"name": "Two", "periods": 2}],
}
BEFORE: dict[str, Any] = {
    "rules": [spend()],
    "tiers": {"basis": "lifetime_points", "levels": TIERS},
    "milestones": [milestone("visit"), milestone("yearly", period="year", target_id=10)],
    "streaks": [STREAK],
    "trackers": [{"id": "drinks", "of": "quantity", "window": {"days": 30}, "categories": ["drinks"]}],
    "currencies": [{"id": "STARS", "name": "Stars", "scale": 1}],
}
STARS = BEFORE["currencies"][0]
TRACKER = BEFORE["trackers"][0]


def tiers(*levels: dict[str, Any]) -> dict[str, Any]:
    return {"tiers": {"basis": "lifetime_points", "levels": levels}}


def breaches(*, version: int = 2, **changes: Any) -> list[tuple[str, str, str]]:
    successor = program(version=version, **{**BEFORE, **changes})
    return [tuple(one) for one in succession(program(**BEFORE), successor)]


RETIRED = {"retired": True}


def cycled(cycle: dict[str, Any]) -> dict[str, Any]:
    return milestone("yearly", target_id=10, cycle=cycle) | {"period": None}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="nothing-but-its-number"),
        pytest.param({"rules": [spend(points=3)]}, id="a-rule-that-gives-more"),
        pytest.param({"rules": [spend(**RETIRED)]}, id="a-retired-rule"),
        pytest.param(tiers(TIERS[0], {"name": "Bronze", "threshold": 100}, *TIERS[1:]), id="a-tier-inserted"),
        pytest.param(tiers(*TIERS[:2], TIERS[2] | RETIRED), id="a-retired-tier"),
        pytest.param(tiers(TIERS[0], {**TIERS[1], "name": "Plata", "id": "silver"}, TIERS[2]), id="another-name"),
        pytest.param({"milestones": [milestone("visit", target=5), BEFORE["milestones"][1]]}, id="another-target"),
        pytest.param({"streaks": [STREAK | RETIRED]}, id="a-retired-streak"),
        pytest.param({"trackers": [TRACKER | RETIRED]}, id="a-retired-tracker"),
        pytest.param({"trackers": [TRACKER | {"categories": [], "name": "All"}]}, id="a-tracker-of-other-lines"),
        pytest.param({"streaks": [{**STREAK, "grace": 1, "repeats": True}]}, id="a-streak-that-forgives"),
        pytest.param({"currencies": [{**STARS, "retired": True}]}, id="a-retired-currency"),
        pytest.param({"currencies": [{**STARS, "name": "Suns"}, {"id": "COINS"}]}, id="a-currency-of-another-name"),
        pytest.param({"name": "Renamed", "repeat_window_days": 20, "points": {"value_minor": 2}}, id="terms"),
    ],
)
def test_version_that_leaves_what_is_known_by_id_may_follow(changes: dict[str, Any]) -> None:
    assert breaches(**changes) == []


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        pytest.param({"currency": "EUR"}, "currency", "is EUR, and was GBP in version 1", id="money"),
        pytest.param({"zone": "UTC"}, "zone", "is UTC, and was Europe/London in version 1", id="zone"),
        pytest.param({"days": {"start": "04:00"}}, "days.start", "is 04:00, and was 00:00 in version 1", id="day"),
        pytest.param({"days": {"zone": "store"}}, "days.zone", "is store, and was program in version 1", id="dates"),
        pytest.param({"points": {"name": "BEANS"}}, "points.name", "is BEANS, and was POINTS", id="points"),
        pytest.param({"rules": []}, "rules", "the spend rule (id spend) of version 1 is missing", id="rule-left-out"),
        pytest.param(
            {"rules": [{"id": "spend", "kind": "event", "event": "e", "points": 1}]},
            "rules[0].kind",
            "is event, and spend was spend before",
            id="rule-of-another-kind",
        ),
        pytest.param({"tiers": None}, "tiers.levels", "the tier Base (id base) of version 1 is missing", id="no-tiers"),
        pytest.param(
            tiers(*TIERS[:2]), "tiers.levels", "the tier Gold (id gold) of version 1 is missing", id="tier-left-out"
        ),
        pytest.param(
            tiers(TIERS[0], TIERS[1] | {"name": "Plata"}, TIERS[2]),
            "tiers.levels",
            "the tier Silver (id silver) of version 1 is missing",
            id="tier-renamed",
        ),
        pytest.param(
            {"milestones": [milestone("visit")]},
            "milestones",
            "the milestone yearly (id yearly) of version 1 is missing",
            id="milestone-left-out",
        ),
        pytest.param(
            {"milestones": [milestone("visit"), milestone("yearly", period="month", target_id=10)]},
            "milestones[1].period",
            "is month, and yearly was year before",
            id="period-of-a-milestone",
        ),
        pytest.param(
            {"milestones": [milestone("visit"), cycled({"kind": "lifetime"})]},
            "milestones[1].cycle",
            "is one cycle that never ends, and yearly was year before",
            id="cycle-in-place-of-a-period",
        ),
        pytest.param(
            {"milestones": [milestone("visit", counts={"of": "events", "event": "e"}), BEFORE["milestones"][1]]},
            "milestones[0].counts",
            "is count of events, and visit was count of transactions before",
            id="what-a-milestone-counts",
        ),
        pytest.param(
            {"currencies": [{"id": "SUNS", "scale": 1}]},
            "currencies",
            "the currency Stars (id STARS) of version 1 is missing",
            id="currency-left-out",
        ),
        pytest.param(
            {"currencies": [{**STARS, "scale": 2}]},
            "currencies[0].scale",
            "is 2, and was 1 in version 1: balances so far are counted in it",
            id="scale-of-a-currency",
        ),
        pytest.param({"streaks": []}, "streaks", "the streak Loyal (id loyal)", id="streak-left-out"),
        pytest.param(
            {"tiers": {"basis": "lifetime_points", "levels": TIERS, "currency": "STARS"}},
            "tiers.currency",
            "is STARS, and was POINTS in version 1",
            id="points-of-tiers",
        ),
        pytest.param({"trackers": []}, "trackers", "the tracker drinks (id drinks)", id="tracker-left-out"),
        pytest.param(
            {"trackers": [TRACKER | {"of": "lines"}]},
            "trackers[0].of",
            "is lines, and drinks was quantity before",
            id="what-a-tracker-adds-up",
        ),
        pytest.param(
            {"trackers": [TRACKER | {"window": {"days": 31, "cyclic": True}}]},
            "trackers[0].window",
            "is cycles of 31 days, and drinks was the last 30 days before",
            id="window-of-a-tracker",
        ),
        pytest.param(
            {"streaks": [STREAK | {"milestone": "yearly"}]},
            "streaks[0].milestone",
            "is in years, as its milestone is, and loyal was in months before",
            id="period-of-a-streak",
        ),
        pytest.param(
            {"streaks": [STREAK | {"continuous": False}]},
            "streaks[0].continuous",
            "is false, and loyal was true before",
            id="a-streak-that-counts-only",
        ),
    ],
)
def test_version_that_leaves_out_or_reuses_an_id_may_not_follow(changes: dict[str, Any], path: str, says: str) -> None:
    found = [(where, what) for where, what, remedy in breaches(**changes) if remedy]

    assert found[0][0] == path
    assert says in found[0][1]


def test_every_breach_is_named_with_what_to_do() -> None:
    found = breaches(currency="EUR", streaks=[], rules=[])

    assert [path for path, _, _ in found] == ["currency", "rules", "streaks"]
    assert found[1][2] == "put its line back, with `retired: true` if it is to end"


def test_another_program_is_no_successor() -> None:
    assert [one.path for one in succession(program(**BEFORE), program(program_id=2, version=2, **BEFORE))] == [
        "program_id"
    ]


def test_version_that_is_not_higher_is_no_successor() -> None:
    assert breaches(version=1, name="Other")[0] == (
        "version",
        "is 1, while version 1 of program 1 is in force and differs",
        "give the file a version above 1",
    )


def test_what_is_retired_may_come_back() -> None:
    retired = program(version=2, **{**BEFORE, "rules": [spend(**RETIRED)]})

    assert succession(retired, program(version=3, **BEFORE)) == ()


WINTER = {"first": "2024-12-01", "last": "2025-02-28"}
SUMMER = {"first": "2025-06-01", "last": "2025-08-31"}


@pytest.mark.parametrize(
    ("windows", "wrong"),
    [
        pytest.param([WINTER, SUMMER], False, id="one-more"),
        pytest.param([WINTER | {"last": "2025-02-27"}], True, id="another-end"),
        pytest.param([SUMMER], True, id="another-window"),
    ],
)
def test_windows_of_a_milestone_only_become_more(windows: list[dict[str, str]], wrong: bool) -> None:  # noqa: FBT001
    before = program(milestones=[cycled({"kind": "windows", "windows": [WINTER]})])
    after = program(version=2, milestones=[cycled({"kind": "windows", "windows": windows})])
    assert [one.path for one in succession(before, after)] == (["milestones[0].cycle"] if wrong else [])


def test_streak_keeps_the_cycles_that_it_counts_in() -> None:
    fortnights = {"kind": "from_date", "first": "2025-01-06", "every": 2, "unit": "week"}
    streak = {"id": "s", "streak_id": 1, "name": "S", "milestone": "yearly", "levels": [{"name": "L", "periods": 1}]}
    before = program(milestones=[cycled(fortnights), milestone("visit")], streaks=[streak])
    after = program(
        version=2, milestones=[cycled(fortnights), milestone("visit")], streaks=[streak | {"milestone": "visit"}]
    )
    (breach,) = succession(before, after)
    assert breach.problem == "is in months, as its milestone is, and s was in cycles of 2 weeks from 2025-01-06 before"
