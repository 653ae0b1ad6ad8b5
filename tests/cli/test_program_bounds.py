"""Program files are read in bounded time, and whatever is beyond a limit is refused in words."""

from __future__ import annotations

import json
import time
from datetime import date
from typing import Any

import pytest

from pipeline.cli.program_doubts import doubts
from pipeline.cli.program_file import load_program
from pipeline.cli.program_problem import PROBLEMS_MAX, InvalidProgram
from schemas.limits import WRITTEN
from schemas.notifications import EventName
from schemas.program import CURRENCIES_MAX, MILESTONES_MAX, RULES_MAX, STREAKS_MAX, ProgramDefinition

HEAD: dict[str, Any] = {
    "org_id": 1,
    "program_id": 1,
    "version": 1,
    "name": "A program",
    "zone": "Europe/London",
    "currency": "GBP",
}
SPEND = {"id": "spend", "kind": "spend", "points": 1, "per_minor": 100}
SOON = 1.0
"""Seconds; the machine may be busy. Unbounded, each of these took minutes or gigabytes."""


def written(**parts: Any) -> str:
    return json.dumps({**HEAD, **parts})


def refused(text: str) -> InvalidProgram:
    with pytest.raises(InvalidProgram) as caught:
        load_program(text)
    return caught.value


def milestone(number: int, **parts: Any) -> dict[str, Any]:
    return {
        "id": f"m{number}",
        "target_id": number + 1,
        "name": f"M {number}",
        "period": "day",
        "counts": {"of": "transactions"},
        "target": 1,
        **parts,
    }


def streak(number: int, of: str = "m0", **parts: Any) -> dict[str, Any]:
    return {
        "id": f"s{number}",
        "streak_id": number + 1,
        "name": f"S {number}",
        "milestone": of,
        "levels": [{"name": "One", "periods": 1}],
        **parts,
    }


def bomb(join: str) -> str:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {join.format(', '.join([f'*a{n - 1}'] * 9))}" for n in range(1, 11)]
    return "\n".join(lines)


@pytest.mark.parametrize("join", ["[{}]", "{{<<: [{}]}}"], ids=["lists", "merge keys"])
def test_a_few_hundred_bytes_of_aliases_are_refused_at_once(join: str) -> None:
    began = time.monotonic()

    assert str(refused(bomb(join))) == (
        "the file: stands for more than 50,000 values, with its aliases written out; write fewer, or shorter lists"
    )
    assert time.monotonic() - began < SOON


def test_character_that_json_writes_as_two_halves_is_one() -> None:
    assert load_program(written(name="Croissants \U0001f950")).name == "Croissants \U0001f950"


def test_aliases_and_merge_keys_within_the_bounds_are_read() -> None:
    text = """\
org_id: 1
program_id: 1
version: 1
name: A program
zone: Europe/London
currency: GBP
rules:
  - &base { id: one, kind: spend, points: 1, per_minor: 100, excluded_skus: &gifts [CARD, VOUCHER] }
  - { <<: *base, id: two, points: 5 }
  - { <<: [{ points: 7 }, *base], id: three }
  - { id: four, kind: multiplier, factor: 2, skus: *gifts }
"""
    one, two, three, four = load_program(text).rules

    assert (one.id, two.id, three.id, four.id) == ("one", "two", "three", "four")
    assert [rule.model_dump()["points"] for rule in (one, two, three)] == [1, 5, 7]
    assert two.model_dump()["excluded_skus"] == four.model_dump()["skus"] == ("CARD", "VOUCHER")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x: !!timestamp 9", "line 1, x: has the tag !!timestamp; write the value without a tag"),
        ("? !!binary aGk=\n: 1", "line 1: has the tag !!binary; write the value without a tag"),
        ("x: !!python/object/apply:os.system [ls]", "line 1, x: has the tag !!python/object/apply:os.system"),
        ("x: !!set {a, b}", "line 1, x: has the tag !!set; write the value without a tag"),
        ("x: !!float nan", "line 1, x: has the tag !!float; write the value without a tag"),
        ("? [a, b]\n: 1", "line 1: a key is a list or a mapping; write a name"),
        ("x: {<<: 3}", "line 1, x: << merges 3; name a mapping, as in <<: *base"),
        ('x: "\\ud800"', "line 1, x: holds half a character, as \\ud83e is; write the character itself"),
        ('x: "\\UFFFFFFFF"', "the file: holds an escaped character that there is not"),
        ("a: &a {<<: *a}", "the file: holds lists or mappings too deep within each other, or within themselves"),
        (f"a: {'[' * 40}{']' * 40}", "the file: holds lists or mappings too deep within each other"),
        ("x: 1\n" * 100_000, "the file: has more than 400,000 bytes"),
        ("x: [" + "1," * 60_000 + "]", "the file: stands for more than 50,000 values"),
    ],
    ids=[
        *("timestamp", "binary key", "python", "set", "float", "list as key", "merged number", "half a character"),
        *("no character", "merges itself", "deep", "long", "many values"),
    ],
)
def test_yaml_that_programs_do_not_need_is_refused_in_words(text: str, expected: str) -> None:
    began = time.monotonic()

    assert str(refused(text)).startswith(expected)
    assert time.monotonic() - began < 20 * SOON


@pytest.mark.parametrize(
    "number",
    [
        "0x" + "f" * 100_000,
        "1" + ":59" * 20_000,
        "9" * 100_000,
        "1_000",
        "010",
        "0x1F",
        "1e400",
        "1.5",
        "-.inf",
        ".nan",
    ],
    ids=lambda number: number[:10],
)
def test_what_is_no_whole_number_is_told_with_its_place(number: str) -> None:
    text = written().replace('"version": 1', f'"version": {number}')

    (problem,) = refused(text).problems

    assert (problem.path, problem.right) == ("version", "write a whole number from 1 to 2147483648")
    assert len(problem.wrong) < 80


@pytest.mark.parametrize(
    ("zone", "seen"),
    [
        ("localtime", "'localtime'"),
        ("Factory", "'Factory'"),
        ("America", "'America'"),
        ("right/UTC", "'right/UTC'"),
        ("../../etc/passwd", "'../../etc/passwd'"),
        ("a" * 5_000, f"'{'a' * 59}…'"),
        ("a\0b", "'a\\x00b'"),
        ("", "''"),
    ],
    ids=["localtime", "factory", "folder", "leap seconds", "another file", "long", "nul", "empty"],
)
def test_zone_that_has_no_iana_name_is_a_mistake(zone: str, seen: str) -> None:
    (problem,) = refused(written(zone=zone)).problems

    assert problem.wrong == f"{seen} is not an IANA time zone; write one such as 'Europe/London' or 'UTC'"


@pytest.mark.parametrize("last", ["9999-12-31", "9999-12-30", "9998-12-31", "2200-01-01"])
@pytest.mark.parametrize("period", ["day", "week", "month", "quarter", "year"])
def test_window_that_reaches_beyond_the_calendar_of_the_tables_is_a_mistake(last: str, period: str) -> None:
    (problem,) = refused(
        written(milestones=[milestone(0, period=period)], streaks=[streak(0, validity={"last": last})])
    ).problems

    assert problem.path == "streaks[0].validity.last"
    assert problem.wrong == (
        f"is {last}; write a date from 1970-01-01 to 2199-12-31, or leave it out where there is no limit"
    )


def test_window_that_begins_before_1970_is_a_mistake() -> None:
    (problem,) = refused(written(rules=[{**SPEND, "validity": {"first": "0001-01-01"}}])).problems

    assert problem.wrong.startswith("is 0001-01-01; write a date from 1970-01-01")


@pytest.mark.parametrize("char", ["\x1b", "\x07", "\x00", "\n", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f", "\u2028"])
@pytest.mark.parametrize(
    "place",
    [
        *("name", "tiers.levels.0.name", "milestones.0.name", "streaks.0.name", "streaks.0.levels.0.name"),
        *("streaks.0.description", "rules.0.event", "rules.1.skus.0", "milestones.1.counts.attribute"),
    ],
)
def test_control_characters_in_a_name_are_a_mistake(place: str, char: str) -> None:
    if (place, char) == ("streaks.0.description", "\n"):
        pytest.skip("a description may have several lines")
    program: dict[str, Any] = {
        **HEAD,
        "rules": [
            {"id": "one", "kind": "event", "event": "visit", "points": 1},
            {"id": "two", "kind": "multiplier", "factor": "3/2", "skus": ["BEANS"]},
        ],
        "tiers": {"basis": "lifetime_points", "levels": [{"name": "Base", "threshold": 0}]},
        "milestones": [
            milestone(0),
            milestone(1, counts={"of": "events", "event": "visit", "measure": "sum", "attribute": "cups"}),
        ],
        "streaks": [streak(0, description="Each day")],
    }
    *steps, last = place.split(".")
    part: Any = program
    for step in steps:
        part = part[int(step)] if step.isdigit() else part[step]
    key = int(last) if last.isdigit() else last
    part[key] += f"{char}x"

    (problem,) = refused(json.dumps(program)).problems

    assert problem.path == place.replace(".", "!").replace("!0", "[0]").replace("!1", "[1]").replace("!", ".")
    assert problem.wrong == f"holds the control character U+{ord(char):04X}; leave it out"


def test_event_that_no_notification_has_cannot_be_switched_off() -> None:
    problems = refused(written(notifications={"off": ["pointIssued", "tierUpgraded", "weather"]})).problems

    assert str(problems[0]) == (
        "line 1, notifications.off[0]: no notification has this name; did you mean 'pointsIssued'?"
    )
    assert problems[1].wrong.startswith("no notification has this name; write one of customerAdded, ")


def test_number_of_a_milestone_or_streak_that_stands_twice_is_a_mistake() -> None:
    text = written(milestones=[milestone(0), milestone(1, target_id=1)], streaks=[streak(0), streak(1, streak_id=1)])

    assert [str(one) for one in refused(text).problems] == [
        "line 1, milestones[1].target_id: repeats the target_id 1 of milestones[0]; give each its own",
        "line 1, streaks[1].streak_id: repeats the streak_id 1 of streaks[0]; give each its own",
    ]


@pytest.mark.parametrize(
    ("parts", "path", "wrong"),
    [
        (
            {"rules": [{**SPEND, "id": f"r{n}"} for n in range(RULES_MAX + 1)]},
            "rules",
            "holds 1,001 items; write at most 1,000",
        ),
        (
            {"milestones": [milestone(n) for n in range(MILESTONES_MAX + 1)]},
            "milestones",
            "holds 201 items; write at most 200",
        ),
        (
            {"milestones": [milestone(0)], "streaks": [streak(n) for n in range(STREAKS_MAX + 1)]},
            "streaks",
            "holds 101 items; write at most 100",
        ),
        (
            {"rules": [{**SPEND, "excluded_skus": [str(n) for n in range(5_001)]}]},
            "rules[0].excluded_skus",
            "holds 5,001 items; write at most 5,000",
        ),
        (
            {"rules": [{**SPEND, "excluded_categories": [str(n) for n in range(501)]}]},
            "rules[0].excluded_categories",
            "holds 501 items; write at most 500",
        ),
        (
            {"milestones": [milestone(0)], "streaks": [streak(0, description="x" * 1_001)]},
            "streaks[0].description",
            "holds 1,001 characters; write at most 1,000",
        ),
        (
            {"notifications": {"off": ["tierUpgraded"] * (len(EventName) + 1)}},
            "notifications.off",
            f"holds {len(EventName) + 1} items; write at most {len(EventName)}",
        ),
        (
            {"currencies": [{"id": f"C{n}"} for n in range(CURRENCIES_MAX + 1)]},
            "currencies",
            "holds 11 items; write at most 10",
        ),
    ],
    ids=["rules", "milestones", "streaks", "skus", "categories", "description", "off", "currencies"],
)
def test_every_list_is_bounded(parts: dict[str, Any], path: str, wrong: str) -> None:
    found = {one.path: one.wrong for one in refused(written(**parts)).problems}

    assert found[path] == wrong


def test_program_that_sets_off_more_facts_than_a_message_holds_is_a_mistake() -> None:
    levels = [{"name": f"L{n}", "periods": n + 1, "points": 1} for n in range(20)]
    text = written(milestones=[milestone(0)], streaks=[streak(n, levels=levels) for n in range(24)])

    (problem,) = refused(text).problems

    assert problem.wrong == ("a bill would set off 1,011 facts at once (rules, milestones, streaks, their levels)")
    assert problem.right == "let it be at most 1,000"


def test_ten_multipliers_may_name_the_same_sku_and_no_more() -> None:
    rules = [{"id": f"r{n}", "kind": "multiplier", "factor": 2, "skus": ["BEANS"]} for n in range(11)]

    assert load_program(written(rules=rules[:10]))
    (problem,) = refused(written(rules=rules)).problems
    assert (problem.path, problem.wrong) == ("rules[10].skus", "is one multiplier too many for 'BEANS'")


def test_program_that_grows_beyond_a_message_by_its_aliases_is_a_mistake() -> None:
    skus = ", ".join(f"S{n:060}" for n in range(2_000))
    rules = "".join(f"  - {{ id: r{n}, kind: spend, points: 1, per_minor: 1, excluded_skus: *s }}\n" for n in range(5))
    head = "\n".join(f"{key}: {value}" for key, value in HEAD.items())
    text = f"{head}\nrules:\n  - {{ id: r, kind: spend, points: 1, per_minor: 1, excluded_skus: &s [{skus}] }}\n{rules}"

    (problem,) = refused(text).problems

    assert problem.wrong == "is a program of more than 400,000 bytes, with its aliases and defaults written out"


def test_thousands_of_mistakes_are_told_in_a_few_lines_and_soon() -> None:
    text = written(
        milestones=[milestone(n) for n in range(1_500)], streaks=[streak(n, of="nowhere") for n in range(1_500)]
    )
    began = time.monotonic()

    error = refused(text)

    assert error.has_more
    assert len(error.problems) == PROBLEMS_MAX
    assert len(str(error)) < 20_000
    assert str(error).endswith("and more; correct these first")
    assert time.monotonic() - began < 15 * SOON


def test_known_ids_are_named_only_where_they_are_few() -> None:
    many = [milestone(n, id=f"visits-{n}") for n in range(150)]

    (problem,) = refused(written(milestones=many, streaks=[streak(0, of="visit-7")])).problems
    assert str(problem) == "line 1, streaks[0].milestone: 'visit-7' is not a milestone; did you mean 'visits-7'?"

    (problem,) = refused(written(milestones=many, streaks=[streak(0, of="nowhere")])).problems
    assert problem.right == "write the id of one of the 150 milestones"


def test_program_in_force_is_read_without_limits_that_came_later() -> None:
    text = written(
        zone="Factory",
        name="\x1b[2J",
        milestones=[milestone(0), milestone(1, target_id=1)],
        streaks=[streak(0, validity={"last": "9999-12-31"})],
        notifications={"off": ["pointIssued"]},
    )
    assert len(refused(text).problems) >= 4

    assert ProgramDefinition.model_validate_json(text).streaks[0].validity.last == date(9999, 12, 31)
    with pytest.raises(ValueError, match="control character"):
        ProgramDefinition.model_validate_json(text, context=WRITTEN)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {},
            ["nothing gives points: there is no spend or event rule, and no milestone or streak level has points"],
        ),
        (
            {"rules": [{"id": "r", "kind": "multiplier", "factor": 2, "skus": ["A"]}], "milestones": [milestone(0)]},
            ["nothing gives points: there is no spend or event rule, and no milestone or streak level has points"],
        ),
        (
            {
                "rules": [{"id": "r", "kind": "multiplier", "factor": 2, "skus": ["A"]}],
                "milestones": [milestone(0, points=1)],
            },
            ["rules: multipliers have no effect without a spend rule"],
        ),
        (
            {"rules": [SPEND, {"id": "r", "kind": "multiplier", "factor": 2_000, "skus": ["A"]}]},
            ["rules[1].factor: each line counts 2000 times in every spend rule"],
        ),
        (
            {"rules": [{**SPEND, "validity": {"last": "2020-12-31"}}]},
            ["rules[0].validity.last: ended on 2020-12-31; only a backfill of that time counts in it"],
        ),
        ({"rules": [{**SPEND, "validity": {"last": "2026-10-30"}}]}, []),
        ({"milestones": [milestone(0, points=1)]}, []),
    ],
    ids=["no rules", "no spend rule", "multiplier alone", "factor", "over", "not over for late records", "rewards"],
)
def test_what_its_author_may_not_have_meant_is_a_warning(parts: dict[str, Any], expected: list[str]) -> None:
    assert list(doubts(load_program(written(**parts)), date(2026, 11, 29))) == expected
