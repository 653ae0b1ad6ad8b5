"""How long points last is written in one way each, and what cannot be meant is told with what would be right."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from pipeline.cli.program_doubts import doubts
from pipeline.cli.program_file import load_program
from pipeline.cli.program_problem import InvalidProgram
from schemas.program import ProgramDefinition
from tests.cli.test_program_file import HEAD, problems

SPEND = "rules: [{id: s, kind: spend, points: 1, per_minor: 100}]"
ONE_OF = "write one of days, months, dates, inactive_days, with_tier and never, such as months: 12"

WITHOUT_END = (
    "goes with tiers that end, and these do not; give the tiers a validity, such as `months: 12`, or let points last "
    "by days or months"
)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("expiry: {}", f"points.expiry: does not say how long points last; {ONE_OF}"),
        ("expiry: {dates: []}", f"points.expiry: does not say how long points last; {ONE_OF}"),
        ("expiry: {days: 3, months: 1}", f"points.expiry: names days and months; {ONE_OF}"),
        ("expiry: {month: 1}", "points.expiry.month: there is no such key (found 1); did you mean 'months'?"),
        ("expiry: {months: 1201}", "points.expiry.months: found 1201; write a whole number from 0 to 1200"),
        (
            "expiry: {months: 1, round_up: halfyear}",
            "points.expiry.round_up: found 'halfyear'; write month | quarter | half_year | year",
        ),
        (
            "expiry: {never: true, round_up: month}",
            "points.expiry.round_up: goes with days or months, not with never; leave it out",
        ),
        (
            "expiry: {dates: [12-31], rolling: true}",
            "points.expiry.rolling: goes with days or months, not with dates; leave it out",
        ),
        (
            "expiry: {dates: [12-31, 1-1]}",
            "points.expiry.dates[1]: found '1-1'; write a date such as 2027-03-31, or 03-31 for every year",
        ),
        (
            "expiry: {dates: [02-30]}",
            "points.expiry.dates[0]: found '02-30', which no calendar has; write a date such as 2027-03-31 or 03-31",
        ),
        (
            "expiry: {dates: [2027-02-29]}",
            (
                "points.expiry.dates[0]: found '2027-02-29', which no calendar has; "
                "write a date such as 2027-03-31 or 03-31"
            ),
        ),
        (
            "expiry: {dates: [2200-01-01]}",
            (
                "points.expiry.dates: is 2200-01-01; write a date from 1970-01-01 to 2199-12-31, "
                "or leave it out where there is no limit"
            ),
        ),
        (
            "expiry_by_tier: {gold: {days: 1}}",
            "points.expiry_by_tier.gold: 'gold' is not the id of a tier; known: none",
        ),
        ("expiry: {with_tier: expire}", f"points.expiry.with_tier: {WITHOUT_END}"),
        ("expiry: {with_tier: lose}", "points.expiry.with_tier: found 'lose'; write expire | keep"),
        ("expiry_by_tier: [gold]", 'points.expiry_by_tier: found ["gold"]; write a mapping of at most 20 entries'),
    ],
)
def test_expiry_that_cannot_be_meant_is_told_with_what_would_be_right(points: str, expected: str) -> None:
    assert problems(f"{HEAD}points: {{{points}}}") == [f"line 7, {expected}"]


def test_tier_is_named_by_its_id_also_where_that_comes_from_its_name() -> None:
    text = f"{HEAD}points: {{expiry_by_tier: {{no-2: {{days: x}}, top: {{never: true}}, Gold: {{days: 1}}}}}}\n"
    tiers = "tiers: {basis: net_purchases, levels: [{name: No 2, threshold: 0}, {name: Gold, id: top, threshold: 1}]}\n"
    assert problems(text + tiers) == [
        "line 7, points.expiry_by_tier.no-2.days: found 'x'; write a whole number from 0 to 36500",
        "line 7, points.expiry_by_tier.Gold: 'Gold' is not the id of a tier; known: no-2, top",
    ]


def test_every_currency_says_how_long_it_lasts() -> None:
    text = f"{HEAD}currencies: [{{id: COINS, expiry: {{}}}}, {{id: STARS, expiry_by_tier: {{gold: {{days: 1}}}}}}]\n"
    assert problems(text) == [
        f"line 7, currencies[0].expiry: does not say how long points last; {ONE_OF}",
        "line 7, currencies[1].expiry_by_tier.gold: 'gold' is not the id of a tier; known: none",
    ]


def test_tier_that_there_is_not_is_refused_by_whoever_reads_the_program() -> None:
    program = load_program(HEAD).model_dump(mode="json")
    program["points"]["expiry_by_tier"] = {"gold": {"days": 1}}
    with pytest.raises(ValueError, match="expiry_by_tier names 'gold', which is not a tier"):
        ProgramDefinition.model_validate_json(json.dumps(program))


def test_date_of_a_program_in_force_may_lie_beyond_what_is_written_today() -> None:
    program = load_program(HEAD).model_dump(mode="json")
    program["points"]["expiry"] = {"dates": ["2300-01-01"]}
    assert ProgramDefinition.model_validate_json(json.dumps(program)).points.expiry
    with pytest.raises(InvalidProgram):
        load_program(json.dumps(program))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ({"expiry": {"days": 1}}, []),
        ({"expiry": {"dates": ["2030-06-30", "12-31"]}}, []),
        (
            {"expiry": {"dates": ["2030-12-31", "2030-06-30"]}},
            [("points.expiry.dates: points issued after 2030-12-31 never expire; add a yearly date, such as 12-31")],
        ),
        (
            {"activity": {"redemptions": False}},
            ["points.activity: has no effect, as no points roll or expire with inactivity"],
        ),
        (
            {"expiry": {"inactive_days": 3}, "activity": {"transactions": False, "redemptions": False}},
            ["points.activity: nothing counts as activity, so no expiry is moved"],
        ),
        ({"expiry": {"inactive_days": 3}, "activity": {"transactions": False, "events": ["x"]}}, []),
    ],
)
def test_expiry_that_may_not_be_meant_is_doubted(points: dict[str, Any], expected: list[str]) -> None:
    program = load_program(HEAD + SPEND + f"\npoints: {json.dumps(points)}\n")
    assert list(doubts(program, date(2026, 11, 29))) == expected


@pytest.mark.parametrize(
    ("parts", "places"),
    [
        ("promised: { until: delivered }", ["promised"]),
        ("promised: { until: days, days: 3 }", []),
        (
            "rules: [{ id: s, kind: spend, points: 1, per_minor: 1, promised: { until: delivered } }]",
            ["rules[0].promised"],
        ),
    ],
)
def test_delivery_that_nobody_can_tell_is_doubted(parts: str, places: list[str]) -> None:
    spend = "" if parts.startswith("rules") else SPEND
    for returns, expected in (("returns: null", places), ("", [])):
        program = load_program(f"{HEAD}{spend}\n{parts}\n{returns}\n")
        found = [one for one in doubts(program, date(2026, 11, 29)) if "delivery" in one]
        assert [one.partition(":")[0] for one in found] == expected


def test_points_last_with_a_tier_only_where_tiers_end() -> None:
    tiers = "tiers: {basis: net_purchases, levels: [{name: Base, threshold: 0}]%s}\n"
    currencies = "currencies: [{id: COINS, expiry_by_tier: {base: {with_tier: keep}}}]\n"
    rule = "{id: s, kind: spend, points: 1, per_minor: 100, expiry: {with_tier: keep}}"
    text = f"{HEAD}{currencies}rules: [{rule}]\n"
    assert problems(text + tiers % "") == [
        f"line 7, currencies[0].expiry_by_tier.base.with_tier: {WITHOUT_END}",
        f"line 8, rules[0].expiry.with_tier: {WITHOUT_END}",
    ]
    assert load_program(text + tiers % ", validity: {months: 12}").tiers is not None


def test_points_that_last_with_tiers_that_do_not_end_are_refused_by_whoever_reads_the_program() -> None:
    program = load_program(HEAD).model_dump(mode="json")
    program["points"]["expiry"] = {"with_tier": "expire"}
    with pytest.raises(ValueError, match=r"points\.expiry\.with_tier needs tiers that have a validity"):
        ProgramDefinition.model_validate_json(json.dumps(program))
