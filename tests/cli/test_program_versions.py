"""`accrue program diff`, `check --against`, and `apply` with `--dry-run` and `--from`: what a new version changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.program_diff import changes
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Outgoing
from schemas.program import ProgramDefinition
from tests.cli.terminal import Terminal
from tests.steps import milestone, program, spend

BASE, SILVER, GOLD = (
    {"name": name, "threshold": threshold} for name, threshold in (("Base", 0), ("Silver", 500), ("Gold", 1_000))
)
BRONZE = {"name": "Bronze", "threshold": 100}
RETIRED = {"retired": True}


def tiers(*levels: dict[str, Any], basis: str = "lifetime_points") -> dict[str, Any]:
    return {"tiers": {"basis": basis, "levels": levels}}


def streak(*periods: int, **parts: Any) -> dict[str, Any]:
    levels = [{"name": f"L{number}", "periods": number, "points": number} for number in periods]
    return {"id": "s", "streak_id": 2, "name": "Regular", "milestone": "m", "levels": levels, **parts}


FULL: dict[str, Any] = {
    "rules": [spend()],
    **tiers(BASE, SILVER, GOLD),
    "milestones": [milestone("m", target=4)],
    "streaks": [streak(3)],
}


def between(before: ProgramDefinition, after: ProgramDefinition) -> list[str]:
    return [": ".join(change) for change in changes(before, after)]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"name": "New"}, ["name: the program is called New, not Test"], id="name"),
        pytest.param(
            {"points": {"expiry": {"days": 30}}},
            ["points.expiry: points issued from then on last 30 days, not for ever; others keep theirs"],
            id="expiry",
        ),
        pytest.param(
            {"points": {"expiry": {"months": 12, "round_up": "half_year", "rolling": True}}},
            [
                (
                    "points.expiry: points issued from then on last 12 months and to the end of the half-year, "
                    "counted from the last activity, not for ever; others keep theirs"
                )
            ],
            id="rolling-expiry",
        ),
        pytest.param(
            {"points": {"expiry": {"dates": ["06-30", "2030-12-31"]}}},
            [
                (
                    "points.expiry: points issued from then on last until the next 06-30 or 2030-12-31, not for ever; "
                    "others keep theirs"
                )
            ],
            id="expiry-on-dates",
        ),
        pytest.param(
            {"points": {"expiry": {"inactive_days": 365}}},
            [
                (
                    "points.expiry: points issued from then on last 365 days from the last activity, not for ever; "
                    "others keep theirs"
                )
            ],
            id="expiry-with-inactivity",
        ),
        pytest.param(
            {"points": {"expiry_by_tier": {"gold": {"never": True}}}},
            [
                (
                    "points.expiry_by_tier.gold: points issued in the tier gold last for ever, not as long as others; "
                    "others keep theirs"
                )
            ],
            id="expiry-by-tier",
        ),
        pytest.param(
            {"points": {"activity": {"transactions": False, "events": ["visit"]}}},
            [
                (
                    "points.activity: expiry that rolls is moved by transactions no, redemptions yes, events visit, "
                    "not by transactions yes, redemptions yes, events none"
                )
            ],
            id="activity",
        ),
        pytest.param(
            {"rules": [spend(expiry={"days": 30})]},
            ["rules[0].expiry: the rule spend: expiry is 30 days, was as long as others"],
            id="expiry-of-a-rule",
        ),
        pytest.param(
            {"streaks": [streak(3) | {"levels": [{"name": "L3", "periods": 3, "points": 3, "expiry": {"months": 1}}]}]},
            [
                (
                    "streaks[0].levels[0]: the streak Regular has L3 for 3 POINTS that last 1 month at 3 in a row, "
                    "not L3 for 3 POINTS at 3 in a row"
                )
            ],
            id="expiry-of-a-level",
        ),
        pytest.param(
            {"points": {"value_minor": 2}},
            ["points.value_minor: every point is worth £0.02 when it is redeemed, not £0.01"],
            id="worth",
        ),
        pytest.param(
            {"points": {"ratio": "0.0125"}},
            ["points.ratio: every point is worth 0.0125 GBP when it is redeemed, not £0.01"],
            id="ratio",
        ),
        pytest.param({"points": {"ratio": "0.01"}}, [], id="the-same-worth-otherwise-written"),
        pytest.param(
            {"redemption": {"minimum_points": 5, "reversible_days": 30}},
            ["redemption.minimum_points: is 5, was 1", "redemption.reversible_days: is 30, was none"],
            id="redemption",
        ),
        pytest.param(
            {"transfer": {"expiry": "reset", "extra_days": 30, "lifetime": "count"}},
            [
                (
                    "transfer.expiry: points that a customer receives last as newly awarded ones, "
                    "at most 30 days beyond their own last day"
                ),
                "transfer.lifetime: points that a customer receives count towards lifetime points",
            ],
            id="transfer",
        ),
        pytest.param({"returns": None}, ["returns: bills paid from then on can't be returned"], id="no-returns"),
        pytest.param(
            {"returns": {"method": "line_exact", "window_days": 90}},
            [
                (
                    "returns.method: returns take points back by line_exact, not by pro_rata_bill; "
                    "bills paid before have kept no lines and go back in proportion"
                ),
                (
                    "returns.window_days: bills paid from then on can be returned for 90 days, not 400; "
                    "others keep their time"
                ),
            ],
            id="returns",
        ),
        pytest.param(
            {"returns": {"shortfall": "deficit"}},
            [
                (
                    "returns.shortfall: spent points of a bill that comes back come from deficit, not own_lot; "
                    "of bills paid before, from their own lot"
                )
            ],
            id="shortfall",
        ),
        pytest.param(
            {"returns": {"milestones": "keep", "rewards": "clawback"}},
            [
                "returns.milestones: returns leave milestones alone",
                "returns.rewards: rewards of milestones and levels that a return undoes: clawback, was keep",
            ],
            id="undo",
        ),
        pytest.param(
            {"returns": {"method": "none"}},
            ["returns.method: returns take points back by none, not by pro_rata_bill"],
            id="method-without-lines",
        ),
        pytest.param({"rules": [spend(points=3)]}, ["rules[0].points: the rule spend: points is 3, was 1"], id="rule"),
        pytest.param(
            {"rules": [spend(minimum_minor=500, validity={"last": "2030-12-31"})]},
            [
                "rules[0].validity: the rule spend: validity is from the beginning to 2030-12-31, was always",
                "rules[0].minimum_minor: the rule spend: minimum_minor is £5.00, was £0.00",
            ],
            id="terms-of-a-rule",
        ),
        pytest.param(
            {"rules": [spend(**RETIRED)]},
            ["rules[0]: the rule spend ends: 1 POINTS for every £1.00 no more"],
            id="rule-ends",
        ),
        pytest.param(
            {"rules": [spend(), {"id": "e", "kind": "event", "event": "visit", "points": 5}]},
            ["rules[1]: a new rule, e: 5 POINTS for each visit"],
            id="new-rule",
        ),
        pytest.param(
            {"rules": [spend(), {"id": "x", "kind": "multiplier", "factor": "3/2", "skus": ["A"]}]},
            ["rules[1]: a new rule, x: A counts 3/2 times"],
            id="new-multiplier",
        ),
        pytest.param(
            {"promised": {"until": "days", "days": 14}},
            [
                (
                    "promised: points issued from then on are promised for 14 full days after the day of the award, "
                    "before not at all; what is promised keeps its terms"
                )
            ],
            id="promised",
        ),
        *(
            pytest.param(
                {"rules": [spend(promised=terms)]},
                [f"rules[0].promised: the rule spend: promised is until {until}, was none"],
                id=until,
            )
            for terms, until in (
                ({"until": "delivered"}, "the bill is delivered"),
                ({"until": "delivered", "within_days": 9}, "the bill is delivered, within 9 days"),
                ({"until": "trigger", "within_days": 9}, "somebody activates them, within 9 days"),
                ({"until": "trigger", "within_days": 9, "event": "in"}, "the event in, within 9 days"),
            )
        ),
        pytest.param(
            {"rules": [spend(promised={"until": "date", "date": "2030-12-31"})]},
            ["rules[0].promised: the rule spend: promised is until 2030-12-31, was none"],
            id="promised-by-a-rule",
        ),
        pytest.param(
            {"milestones": [milestone("m", target=4, promised={"until": "at_once"})]},
            ["milestones[0].promised: the milestone m: promised is not at all, was none"],
            id="promised-by-no-milestone",
        ),
        pytest.param(
            {
                "milestones": [milestone("m", target=4, tier={"id": "gold", "validity": {"days": 9}})],
                "streaks": [streak(3) | {"levels": [{"name": "L3", "periods": 3, "tier": {"id": "silver"}}]}],
            },
            [
                "milestones[0].tier: the milestone m: tier is gold (days 9), was none",
                (
                    "streaks[0].levels[0]: the streak Regular has L3 for 0 POINTS and the tier silver at 3 in a row, "
                    "not L3 for 3 POINTS at 3 in a row"
                ),
            ],
            id="tiers-as-rewards",
        ),
        pytest.param(
            tiers(BASE, BRONZE, SILVER, GOLD),
            [
                (
                    "tiers.levels[1]: Bronze is new, from 100 lifetime points: "
                    "members below it who have as much rise when the version starts"
                ),
                (
                    "tiers.levels: members keep their tier, and it is numbered otherwise: "
                    "Silver is number 3, not 2, Gold is number 4, not 3"
                ),
            ],
            id="tier-inserted",
        ),
        pytest.param(
            tiers(BASE, SILVER | RETIRED, GOLD | RETIRED),
            [
                "tiers.levels[1]: Silver ends: its members go to Base when the version starts",
                "tiers.levels[2]: Gold ends: its members go to Base when the version starts",
            ],
            id="tiers-end",
        ),
        pytest.param(
            tiers(BASE, SILVER | {"threshold": 400}, GOLD | {"threshold": 2_000}),
            [
                (
                    "tiers.levels[1].threshold: Silver begins at 400 lifetime points, not 500 lifetime points: "
                    "members below it who have as much rise when the version starts"
                ),
                (
                    "tiers.levels[2].threshold: Gold begins at 2,000 lifetime points, not 1,000 lifetime points: "
                    "who is in it stays"
                ),
            ],
            id="thresholds",
        ),
        pytest.param(
            tiers(BASE, {**SILVER, "name": "Plata", "id": "silver"}, GOLD),
            ["tiers.levels[1].name: the tier Silver is called Plata"],
            id="name-of-a-tier",
        ),
        pytest.param(
            tiers(BASE, SILVER, GOLD, basis="net_purchases"),
            ["tiers.basis: tiers go by purchases net of returns, not by lifetime points"],
            id="basis",
        ),
        pytest.param(
            {"milestones": [milestone("m", target=3)]},
            [
                (
                    "milestones[0].target: the milestone m asks for 3, not 4: "
                    "who has as much in the running period meets it when the version starts"
                )
            ],
            id="target-lowered",
        ),
        pytest.param(
            {"milestones": [milestone("m", target=5, points=7)]},
            [
                (
                    "milestones[0].target: the milestone m asks for 5, not 4: "
                    "who has met it stays so until the period ends"
                ),
                "milestones[0].points: the milestone m: points is 7, was 0",
            ],
            id="target-raised",
        ),
        pytest.param(
            {"milestones": [milestone("m", target=4, **RETIRED)], "streaks": [streak(3, **RETIRED)]},
            [
                "milestones[0]: the milestone m ends: nothing counts any more, and what was given stays",
                "streaks[0]: the streak Regular ends: nothing counts any more, and what was given stays",
            ],
            id="goals-end",
        ),
        pytest.param(
            {"milestones": [*FULL["milestones"], milestone("n", target_id=3)]},
            ["milestones[1]: a new milestone, n: it begins with what happens from then on"],
            id="new-milestone",
        ),
        pytest.param(
            {"notifications": {"profile": "as-published"}},
            [
                (
                    "notifications: is profile as-published, off none, identifiers yes, "
                    "was profile flat, off none, identifiers yes"
                )
            ],
            id="profile",
        ),
        pytest.param(
            {"streaks": [streak(2, 3)]},
            [
                (
                    "streaks[0].levels[0]: the streak Regular has a new level, L2 for 2 POINTS at 2 in a row: "
                    "a run that is as long reaches it, if it is alive"
                )
            ],
            id="new-level",
        ),
        pytest.param(
            {"streaks": [streak(5)]},
            [
                (
                    "streaks[0].levels[0]: the streak Regular has a new level, L5 for 5 POINTS at 5 in a row: "
                    "a run that is as long reaches it, if it is alive"
                ),
                "streaks[0].levels: the streak Regular has no level L3 any more; rewards stay",
            ],
            id="level-gone",
        ),
    ],
)
def test_change_is_told_in_words(changed: dict[str, Any], told: list[str]) -> None:
    assert between(program(**FULL), program(version=2, **{**FULL, **changed})) == told


def test_what_comes_back_is_told() -> None:
    gone: dict[str, Any] = {
        "rules": [spend(**RETIRED)],
        **tiers(BASE, SILVER, GOLD | RETIRED),
        "milestones": [milestone("m", target=4, **RETIRED)],
        "streaks": [streak(3, **RETIRED)],
    }
    assert between(program(**gone), program(version=2, **FULL)) == [
        "rules[0]: the rule spend is back: 1 POINTS for every £1.00",
        (
            "tiers.levels[2]: Gold is back, from 1,000 lifetime points: "
            "members below it who have as much rise when the version starts"
        ),
        "milestones[0]: the milestone m is back: who has had its reward in this period has had it",
        "streaks[0]: the streak Regular is back: who has had its reward in this period has had it",
    ]


def test_tiers_that_a_program_gets_are_told() -> None:
    assert between(program(), program(version=2, **tiers(BASE, SILVER))) == [
        "tiers: members are in Base, and in a higher tier if they have what it asks for"
    ]


def valid_for(**validity: Any) -> dict[str, Any]:
    return {"tiers": {"basis": "lifetime_points", "validity": validity, "levels": [BASE, SILVER]}}


@pytest.mark.parametrize(
    "validity",
    [
        {"days": 30},
        {"months": 12},
        {"until": "12-31"},
        {"anniversary": True},
        {"period": "year"},
        {"period": "year", "periods": 1},
        {"period": "month", "periods": 3},
    ],
    ids=str,
)
def test_tiers_that_hold_as_long_as_in_the_version_of_the_log_are_no_change(validity: dict[str, Any]) -> None:
    kept = ProgramDefinition.model_validate_json(program(**valid_for(**validity)).model_dump_json())

    assert between(kept, program(version=2, **valid_for(**validity))) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"months": 12}, {"days": 30}, "days 30, not months 12"),
        ({"anniversary": True}, {"until": "12-31"}, "until 12-31, not anniversary"),
        ({"period": "year", "periods": 1}, {"period": "year", "periods": 2}, "period year, periods 2, not period year"),
    ],
)
def test_how_long_tiers_hold_is_told_without_what_is_not_given(
    before: dict[str, Any], after: dict[str, Any], told: str
) -> None:
    kept = ProgramDefinition.model_validate_json(program(**valid_for(**before)).model_dump_json())

    (change,) = between(kept, program(version=2, **valid_for(**after)))
    assert change.endswith(f"(a term that runs ends as it was told): {told}")


BREAKING = {**FULL, "points": {"name": "STARS"}}


def file(folder: Path, name: str, version: int, **parts: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(program(version=version, **parts).model_dump(mode="json")))
    return str(path)


def test_diff_ends_with_zero_where_the_version_may_follow(terminal: Terminal, tmp_path: Path) -> None:
    ended = terminal.done("program", "diff", file(tmp_path, "1", 1, **FULL), file(tmp_path, "2", 2, **FULL))

    assert ended.out.splitlines() == ["Test, version 1 to version 2:", "  nothing changes for members"]


def test_diff_ends_with_one_and_says_why_a_version_may_not_follow(terminal: Terminal, tmp_path: Path) -> None:
    old, new = file(tmp_path, "1", 1, **FULL), file(tmp_path, "2", 2, **BREAKING)

    ended = terminal.run("program", "diff", old, new)
    printed = terminal.run("program", "diff", old, new, "--json").json

    assert (ended.code, ended.out.count("refused: points.name: is STARS, and was POINTS")) == (1, 1)
    assert [one["path"] for one in printed["problems"]] == ["points.name"]
    assert (printed["from_version"], printed["to_version"], printed["changes"]) == (1, 2, [])


def test_check_against_a_version_reports_what_keeps_the_file_from_following(terminal: Terminal, tmp_path: Path) -> None:
    old, new = file(tmp_path, "1", 1, **FULL), file(tmp_path, "2", 2, **BREAKING)

    ended = terminal.run("program", "check", new, "--against", old)

    assert (ended.code, "points.name: is STARS" in ended.out) == (1, True)
    assert terminal.done("program", "check", old, "--against", old)


def test_dry_run_says_what_changes_against_what_is_in_force_and_writes_nothing(
    with_topics: Terminal, tmp_path: Path
) -> None:
    first, second = file(tmp_path, "1", 1, **FULL), file(tmp_path, "2", 2, **{**FULL, "rules": [spend(points=2)]})
    assert "a new program" in with_topics.done("program", "apply", first, "--dry-run").out
    with_topics.done("program", "apply", first)

    ended = with_topics.done("program", "apply", second, "--dry-run")

    assert ended.out.splitlines() == [
        "Test, version 1 to version 2:",
        "  rules[0].points: the rule spend: points is 2, was 1",
    ]
    assert [one["version"] for one in with_topics.done("program", "show", "--json").json] == [1]


def test_version_that_every_member_adopts_is_told_with_how_many_they_are(with_topics: Terminal, tmp_path: Path) -> None:
    levels = tiers(BASE, {**SILVER, "threshold": 400}, GOLD)
    first, second = file(tmp_path, "1", 1, **FULL), file(tmp_path, "2", 2, **{**FULL, **levels})
    with_topics.done("program", "apply", first)
    heads = [b"1:7", b"1:8", b"1:7", b"1:7#bill:B1", b"2:7", b"$partition"]
    log = EmbeddedLog(with_topics.folder)
    producer = log.producer()
    producer.produce([Outgoing("loyalty.state", key, b"", 0) for key in heads])
    producer.flush(10.0)
    log.close()
    reaches = "reaches 2 members at its start, those without traffic too: about 1 s for one worker"

    assert "reaches every member at its start" in with_topics.done("program", "diff", first, second).out
    assert reaches in with_topics.done("program", "apply", second, "--dry-run").out
    assert reaches in with_topics.done("program", "apply", second).out
    assert "reaches" not in with_topics.done("program", "apply", second).out


def test_dry_run_of_a_version_that_would_be_refused_ends_with_one(with_topics: Terminal, tmp_path: Path) -> None:
    with_topics.done("program", "apply", file(tmp_path, "1", 1, **FULL))

    assert with_topics.run("program", "apply", file(tmp_path, "2", 2, **BREAKING), "--dry-run").code == 1


def test_version_that_may_not_follow_is_not_applied(with_topics: Terminal, tmp_path: Path) -> None:
    with_topics.done("program", "apply", file(tmp_path, "1", 1, **FULL))

    ended = with_topics.run("program", "apply", file(tmp_path, "2", 2, **BREAKING))

    assert (ended.code, "points.name: is STARS" in ended.err) == (2, True)
    assert [one["version"] for one in with_topics.done("program", "show", "--json").json] == [1]


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        pytest.param("2027-01-01T00:00:00Z", 1_798_761_600_000, id="with-an-offset"),
        pytest.param("2027-07-01T00:00:00", 1_814_396_400_000, id="in-the-program's-zone"),
    ],
)
def test_instant_from_which_a_version_holds_is_kept(
    with_topics: Terminal, tmp_path: Path, written: str, instant: int
) -> None:
    ended = with_topics.done("program", "apply", file(tmp_path, "1", 1, **FULL), "--from", written)

    assert ended.out == f"Test, version 1: in force from {written}\n"
    (shown,) = with_topics.done("program", "show", "--json").json
    assert shown["starts_at"] == instant


def test_version_that_starts_later_is_shown_beside_the_one_in_force(with_topics: Terminal, tmp_path: Path) -> None:
    with_topics.done("program", "apply", file(tmp_path, "1", 1, **FULL))
    with_topics.done("program", "apply", file(tmp_path, "2", 2, **FULL))
    with_topics.done("program", "apply", file(tmp_path, "3", 3, **FULL), "--from", "2199-01-01T00:00:00")

    shown = with_topics.done("program", "show", "--json").json

    assert [(one["version"], one["in_force"]) for one in shown] == [(2, True), (3, False)]
    assert ["now" in line for line in with_topics.done("program", "show").out.splitlines() if "│ Test" in line] == [
        True,
        False,
    ]


def test_text_that_is_no_instant_is_refused(with_topics: Terminal, tmp_path: Path) -> None:
    ended = with_topics.run("program", "apply", file(tmp_path, "1", 1, **FULL), "--from", "Monday")

    assert (ended.code, "--from is 'Monday', which is not an instant" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("when_lost", "lasts"),
    [
        ("expire", "as long as the tier is held"),
        ("keep", "as long as the tier is held, and on with the tier that is left"),
    ],
)
def test_points_that_last_with_the_tier_are_told(when_lost: str, lasts: str) -> None:
    ending = {"tiers": {"basis": "lifetime_points", "levels": (BASE, SILVER), "validity": {"months": 12}}}
    after = program(version=2, points={"expiry": {"with_tier": when_lost}}, **ending)
    assert between(program(**ending), after) == [
        f"points.expiry: points issued from then on last {lasts}, not for ever; others keep theirs"
    ]


@pytest.mark.parametrize(
    ("target", "effect"),
    [
        (3, "who has as much in the last 7 days meets it when the version starts"),
        (5, "what was met stays so"),
    ],
)
def test_target_of_a_rolling_window_is_told_by_its_days(target: int, effect: str) -> None:
    before, after = (
        program(milestones=[milestone("m", goal, period=None, cycle={"kind": "rolling", "days": 7})])
        for goal in (4, target)
    )
    assert between(before, after) == [f"milestones[0].target: the milestone m asks for {target}, not 4: {effect}"]
