"""Program files: the examples are valid, and every mistake is named with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipeline.cli.program_file import load_program
from pipeline.cli.program_problem import InvalidProgram
from schemas.program import ProgramDefinition, Returns
from tests.cli.terminal import Terminal

PROGRAMS = sorted(Path("examples/programs").glob("*.yaml"))

HEAD = """\
org_id: 1
program_id: 1
version: 1
name: A program
zone: Europe/London
currency: GBP
"""
TOO_DEEP = (
    "holds lists or mappings too deep within each other, or within themselves; "
    "write each part out, as the example programs do"
)


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidProgram) as caught:
        load_program(text)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_every_example_program_is_valid(path: Path) -> None:
    assert isinstance(load_program(path.read_text("utf-8")), ProgramDefinition)


def test_both_example_programs_are_there() -> None:
    assert {"online-retail", "roastery"} <= {path.stem for path in PROGRAMS}


def test_a_program_survives_being_written_as_json() -> None:
    program = load_program(Path("examples/programs/roastery.yaml").read_text("utf-8"))

    assert load_program(program.model_dump_json()) == program


def test_off_is_a_key_and_not_the_boolean_of_old_yaml() -> None:
    program = load_program(HEAD + "notifications: { off: [tierUpgraded] }")

    assert program.notifications.off == ("tierUpgraded",)
    assert yaml.safe_load("off: 1") == {False: 1}  # what a plain loader would have made of it


def test_all_mistakes_are_reported_with_line_path_and_what_would_be_right() -> None:
    text = """\
org_id: one
program_id: 1
version: 1
nam: A program
zone: Europe/Lodon
currency: GBP
rules:
  - { id: spend, kind: spend, points: 1.5, per_minor: 100, minimum: 3 }
  - { id: spend, kind: multiplier, factor: 2 }
  - { id: other, kind: lottery }
streaks:
  - id: regular
    streak_id: 1
    name: Regular
    milestone: nowhere
    levels: [{ name: Three, periods: 3 }]
    validity: { first: 2010-13-01 }
"""
    assert problems(text) == [
        "line 1, org_id: found 'one'; write a whole number from 1 to 9007199254740992",
        "line 1, name: is missing; add text of 1 to 200 characters (in quotes if it looks like a number)",
        "line 4, nam: there is no such key (found 'A program'); did you mean 'name'?",
        "line 5, zone: 'Europe/Lodon' is not an IANA time zone; write one such as 'Europe/London' or 'UTC'",
        "line 8, rules[0].points: found 1.5; write a whole number from 1 to 1000000000000",
        "line 8, rules[0].minimum: there is no such key (found 3); did you mean 'minimum_minor'?",
        "line 9, rules[1].categories: neither skus nor categories are named; give at least one of them",
        "line 9, rules[1].id: repeats the id 'spend' of rules[0]; give each its own",
        "line 10, rules[2].kind: found 'lottery'; write event | multiplier | spend",
        "line 15, streaks[0].milestone: 'nowhere' is not a milestone; known: none",
        "line 17, streaks[0].validity.first: found '2010-13-01'; write a date, such as 2024-03-01",
    ]


def test_mistakes_between_parts_are_reported_once_when_all_else_is_right() -> None:
    rule = "{ id: a, kind: event, event: app_open, points: 1 }"

    assert problems(HEAD + f"rules: [{rule}, {rule}, {rule}]") == [
        "line 7, rules[1].id: repeats the id 'a' of rules[0]; give each its own",
        "line 7, rules[2].id: repeats the id 'a' of rules[0]; give each its own",
    ]


def test_tiers_whose_names_make_one_id_are_a_mistake() -> None:
    tiers = "tiers: {basis: net_purchases, levels: [{name: Crust, threshold: 0}, {name: crust!, threshold: 1}]}\n"
    assert problems(HEAD + tiers) == [
        "line 7, tiers.levels[1]: has the id 'crust', as the tier 'Crust' has; give one of them an `id` of its own"
    ]
    assert load_program(HEAD + tiers.replace("name: crust!", "name: crust!, id: top")).tiers is not None


MILESTONE = "{id: m, target_id: 1, name: M, period: day, counts: {of: transactions}, target: 1"
STREAK = "{id: s, streak_id: 1, name: S, milestone: m, levels: [{name: A, periods: 1}"
CURRENCIES = "currencies: [{id: STARS}, {id: COINS, retired: true}]\n"


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        (
            "rules: [{id: a, kind: spend, points: 1, per_minor: 100, currency: SUNS}]",
            "line 8, rules[0].currency: SUNS is not a currency of this program; known: POINTS, STARS, COINS",
        ),
        (
            "rules: [{id: a, kind: event, event: e, points: 1, currency: COINS}]",
            "line 8, rules[0].currency: COINS is retired; retire this, too, or let it pay another currency",
        ),
        (
            f"milestones: [{MILESTONE}, points: 1, currency: SUNS}}]",
            "line 8, milestones[0].currency: SUNS is not a currency of this program; known: POINTS, STARS, COINS",
        ),
        (
            f"milestones: [{MILESTONE}}}]\nstreaks: [{STREAK}, {{name: B, periods: 2, points: 1, currency: COINS}}]}}]",
            "line 9, streaks[0].levels[1].currency: COINS is retired; retire this, too, or let it pay another currency",
        ),
    ],
    ids=["unknown", "retired", "reward of a milestone", "reward of a level"],
)
def test_paying_a_currency_that_is_not_there_is_a_mistake(parts: str, problem: str) -> None:
    assert problems(HEAD + CURRENCIES + parts) == [problem]


@pytest.mark.parametrize(
    "parts",
    [
        "rules: [{id: a, kind: spend, points: 1, per_minor: 100, currency: POINTS}]",
        "rules: [{id: a, kind: spend, points: 1, per_minor: 100, currency: COINS, retired: true}]",
        f"milestones: [{MILESTONE}, currency: COINS}}]",
    ],
    ids=["main", "ended with its currency", "no reward"],
)
def test_currency_may_be_named_where_nothing_is_paid_in_a_retired_one(parts: str) -> None:
    assert load_program(HEAD + CURRENCIES + parts)


def test_currency_is_there_once_and_called_by_its_id_unless_it_has_a_name() -> None:
    assert problems(HEAD + "currencies: [{id: STARS}, {id: POINTS}]") == [
        "line 7, currencies[1].id: POINTS is the id of another currency of this program; give each its own"
    ]
    assert problems(HEAD + "currencies: [{id: STARS}, {id: STARS, scale: 1}]") == [
        "line 7, currencies[1].id: STARS is the id of another currency of this program; give each its own"
    ]
    program = load_program(HEAD + "currencies: [{id: STARS}, {id: COINS, name: Coins}]")
    assert [one.name for one in program.currencies] == ["STARS", "Coins"]


def test_points_that_are_wrong_are_told_alone() -> None:
    text = HEAD + "points: {name: p}\nrules: [{id: a, kind: event, event: e, points: 1, currency: STARS}]"
    (problem,) = problems(text)
    assert problem.startswith("line 7, points.name: found 'p'")


def test_first_tier_cannot_be_retired() -> None:
    tiers = "tiers: {basis: net_purchases, levels: [{name: Crust, threshold: 0, retired: true}]}\n"
    (problem,) = problems(HEAD + tiers)
    assert problem.startswith("line 7, tiers.levels[0].retired: the first tier cannot be retired")


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ("freezes: {per: month, max: 28}", "max: 28 freezes would forgive every day of a month; write at most 27"),
        ("freezes: {per: day, max: 1}", "per: is not made of whole periods of the milestone m (day)"),
    ],
)
def test_freezes_that_never_run_out_are_a_mistake(part: str, problem: str) -> None:
    text = f"{HEAD}milestones: [{MILESTONE}}}]\nstreaks: [{STREAK}], {part}}}]"
    assert [one.partition("streaks[0].freezes.")[2] for one in problems(text)] == [problem]
    assert load_program(text.replace(part, "freezes: {per: month, max: 27}"))


def test_freezes_need_calendar_periods() -> None:
    cycle = MILESTONE.replace("period: day", "cycle: {kind: lifetime}")
    text = f"{HEAD}milestones: [{cycle}}}]\nstreaks: [{STREAK}], freezes: {{per: month, max: 2}}}}]"
    (problem,) = problems(text)
    assert problem.endswith("freezes: are counted by calendar periods, and the milestone m has other cycles")


def test_hours_as_long_as_a_period_are_a_mistake() -> None:
    text = f"{HEAD}milestones: [{MILESTONE}}}]\nstreaks: [{STREAK}], at_risk: {{hours: 23}}}}]"
    (problem,) = problems(text)
    assert problem.endswith("streaks[0].at_risk.hours: 23 hours are as long as a day; write at most 22")
    assert load_program(text.replace("hours: 23", "hours: 22"))


@pytest.mark.parametrize("part", ["at_risk: {hours: 2}", "grace: 1", "freezes: {per: month, max: 2}"])
def test_a_streak_that_only_counts_forgives_nothing(part: str) -> None:
    text = f"{HEAD}milestones: [{MILESTONE}}}]\nstreaks: [{STREAK}], continuous: false, {part}}}]"
    (problem,) = problems(text)
    key = part.partition(":")[0]
    assert problem.endswith(f"streaks[0].{key}: a streak that is not continuous is broken by nothing; leave this out")


def test_streak_on_a_retired_milestone_is_a_mistake() -> None:
    parts = (
        "milestones: [{id: m, target_id: 1, name: M, period: day, counts: {of: transactions}, target: 1, "
        "retired: true}]\n"
        "streaks: [{id: s, streak_id: 2, name: S, milestone: m, levels: [{name: L, periods: 1}]}]\n"
    )
    (problem,) = problems(HEAD + parts)
    assert "streaks[0].milestone: 'm' is a retired milestone; retire the streak, too" in problem
    assert load_program(HEAD + parts.replace("periods: 1}]", "periods: 1}], retired: true")).streaks[0].retired


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param(
            "points: { value_minor: 2, ratio: '0.02' }",
            "line 7, points.ratio: says what a point is worth, and so does value_minor; leave one of them out",
            id="worth-said-twice",
        ),
        pytest.param(
            "points: { ratio: 0.0125 }",
            "line 7, points.ratio: found 0.0125; write a decimal below 100 in quotes, with at most ten decimals, "
            'such as "0.0125"',
            id="ratio-without-quotes",
        ),
        pytest.param(
            "redemption: { minimum_points: 30, multiple_of: 25, maximum_points: 49 }",
            "line 7, redemption.maximum_points: is 49, and 50 are the fewest that can be redeemed; make it at least 50",
            id="nothing-to-redeem",
        ),
        pytest.param(
            "tiers: { basis: lifetime_points, levels: [{ name: Crust, threshold: 0 }] }\n"
            "redemption: { minimum_points: 30, by_tier: { crust: { maximum_points: 29 } } }",
            "line 8, redemption.by_tier.crust.maximum_points: is 29, and 30 are the fewest that can be redeemed; "
            "make it at least 30",
            id="nothing-to-redeem-in-a-tier",
        ),
        pytest.param(
            "redemption: { by_tier: { loaf: { maximum_points: 29 } } }",
            "line 1: redemption.by_tier names 'loaf', which is not a tier",
            id="no-such-tier",
        ),
        pytest.param(
            "transfer: { extra_days: 3 }",
            "line 7, transfer.extra_days: goes with expiry: reset; write that, or leave extra_days out",
            id="days-beyond-what-is-kept",
        ),
    ],
)
def test_redemption_that_cannot_be_is_a_mistake(parts: str, expected: str) -> None:
    assert problems(f"{HEAD}{parts}\n") == [expected]


def test_other_mistakes_are_told_beside_one_about_limits() -> None:
    found = problems(f"{HEAD}redemption: {{ minimum_points: 0, maximum_points: 5 }}\n")
    assert [one.partition(":")[0] for one in found] == ["line 7, redemption.minimum_points"]


def test_tiers_of_the_same_name_are_a_mistake_whatever_else_is_one() -> None:
    tiers = """\
tiers:
  basis: lifetime_points
  levels:
    - { name: Crust, threshold: 0 }
    - name: Loaf
      threshold: 100
    - threshold: 500
      name: Crust
"""
    repeated = "line 14, tiers.levels[2].name: repeats the name 'Crust' of tiers.levels[0]; give each its own"

    assert problems(HEAD + tiers) == [repeated]
    assert problems(HEAD + tiers + "notifications: { profile: round }") == [
        repeated,
        "line 15, notifications.profile: found 'round'; write flat | wrapped | as-published",
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("kind: spnd", "line 9, rules[0].kind: found 'spnd'; write event | multiplier | spend"),
        ("kind: 3", "line 9, rules[0].kind: found 3; write event | multiplier | spend"),
        ("kind:", "line 9, rules[0].kind: found null; write event | multiplier | spend"),
        ("knid: spend", "line 9, rules[0].knid: there is no such key (found 'spend'); did you mean 'kind'?"),
        ("3: spend", "line 8, rules[0].kind: is missing; add kind: event | multiplier | spend"),
        ("event: spend", "line 8, rules[0].kind: is missing; add kind: event | multiplier | spend"),
    ],
    ids=["misspelt", "no text", "empty", "key misspelt", "no key", "missing"],
)
def test_rule_of_no_kind_that_there_is_learns_the_kinds(written: str, expected: str) -> None:
    assert problems(HEAD + f"rules:\n  - id: bread\n    {written}\n") == [expected]


def test_a_key_that_stands_twice_is_a_mistake() -> None:
    assert problems(HEAD + "name: Another\n") == ["line 7, name: duplicate key (first in line 4); keep one"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rules: [", "line 1: this is not valid YAML: expected the node content, but found '<stream end>'"),
        ("", "the file: found null; write a mapping such as `org_id: 1`"),
        ("- 3", "the file: found [3]; write a mapping such as `org_id: 1`"),
        ("a: &a [*a]", f"the file: {TOO_DEEP}"),
        (f"a: {'[' * 1000}{']' * 1000}", f"the file: {TOO_DEEP}"),
        (
            "org_id: !!int x",
            "line 1, org_id: has the tag !!int; write the value without a tag",
        ),
        ("\0", "the file: this is not valid YAML: unacceptable character #x0000: special characters are not allowed"),
    ],
    ids=["broken", "empty", "list", "in itself", "deep", "no number", "binary"],
)
def test_a_file_that_is_no_mapping_is_refused(text: str, expected: str) -> None:
    assert [problem.split("\n", 1)[0] for problem in problems(text)] == [expected]


def test_mistakes_between_fields_are_told_with_the_others_in_the_line_of_their_key() -> None:
    text = """\
repeat_window_day: 35
rules:
  - id: beans
    kind: multiplier
    factor: 0
    validity:
      first: 2024-03-01
      last: 2024-02-01
tiers:
  basis: points
  levels:
    - { name: Crumb, threshold: 0 }
    - { name: Crust, threshold: 500 }
    - { name: Loaf, threshold: 400 }
milestones:
  - id: visits
    target_id: 0
    name: Visits
    period: week
    counts: { of: events, measure: sum, event: visit }
    target: 1
streaks:
  - id: weeks
    streak_id: 0
    name: Weeks
    milestone: visits
    levels:
      - { name: Three, periods: 3 }
      - { name: Also three, periods: 3 }
returns:
  method: pro_rata_bill
  window_days: 14
"""
    assert [one for one in problems(HEAD + text) if "; write" not in one] == [
        "line 7, repeat_window_day: there is no such key (found 35); did you mean 'repeat_window_days'?",
        "line 9, rules[0].categories: neither skus nor categories are named; give at least one of them",
        "line 14, rules[0].validity.last: last (2024-02-01) lies before first (2024-03-01); swap them",
        (
            "line 20, tiers.levels[2].threshold: thresholds [0, 500, 400] must increase; "
            "order the tiers from lowest to highest"
        ),
        (
            "line 26, milestones[0].counts.attribute: "
            "measure 'sum' needs an attribute to add up, 'values' one to look at, and others take none"
        ),
        (
            "line 35, streaks[0].levels[1].periods: levels ask for [3, 3] periods; "
            "order them from least to most, each once"
        ),
        (
            "line 38, returns.window_days: 14 days are less than repeat_window_days (35), "
            "so a bill sent again under another id could pay twice; make it at least 35, or lower repeat_window_days"
        ),
    ]


def test_what_a_text_must_look_like_is_told_in_words() -> None:
    text = """\
points: { name: crumbs }
rules:
  - { id: Beans, kind: multiplier, factor: 1.5, skus: [BEAN] }
"""
    assert problems(HEAD + text) == [
        (
            "line 7, points.name: found 'crumbs'; "
            "write 1 to 32 capital letters, digits and _, the first a letter, such as CRUMBS"
        ),
        (
            "line 9, rules[0].id: found 'Beans'; "
            "write 1 to 64 small letters, digits, - and _, the first a letter or digit, such as monthly-spend "
            "(in quotes if it looks like a number)"
        ),
        'line 9, rules[0].factor: found 1.5; write a whole number or a ratio in quotes, such as "3/2"',
    ]


def test_list_that_holds_enough_is_no_mistake_where_one_lies_in_it() -> None:
    text = """\
streaks:
  - id: weeks
    streak_id: 1
    name: Weeks
    milestone: visits
    levels: [{ name: Three, periods: 0 }]
  - id: months
    streak_id: 2
    name: Months
    milestone: visits
    levels: []
milestones:
  - { id: visits, target_id: 1, name: V, period: week, counts: { of: transactions }, target: 1 }
"""
    assert problems(HEAD + text) == [
        "line 12, streaks[0].levels[0].periods: found 0; write a whole number from 1 to 1000",
        "line 17, streaks[1].levels: found []; write a list of 1 to 20 items",
    ]


def test_first_tier_that_does_not_begin_at_zero_is_a_mistake() -> None:
    text = "tiers:\n  basis: lifetime_points\n  levels:\n    - name: Crumb\n      threshold: 5\n"

    assert problems(HEAD + text) == [
        (
            "line 11, tiers.levels[0].threshold: the first tier begins at 5; "
            "give it threshold 0, so that every customer has a tier"
        )
    ]


def test_what_does_not_go_with_a_mistaken_field_is_not_told() -> None:
    text = """\
repeat_window_days: many
rules: [{ id: beans, kind: multiplier, factor: 2, skus: [3] }]
returns: { window_days: 14 }
"""
    assert problems(HEAD + text) == [
        "line 7, repeat_window_days: found 'many'; write a whole number from 1 to 366",
        "line 8, rules[0].skus[0]: found 3; write text of 1 to 64 characters (in quotes if it looks like a number)",
    ]


def test_check_counts_what_a_program_has_in_words(terminal: Terminal) -> None:
    ended = terminal.run("program", "check", "examples/try/corner-cafe.yaml")

    assert ended.out.strip().endswith("of org 100, with 2 rules, 1 milestone, 0 streaks and 3 tiers")


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("basis: visits, validity: {}", "tiers.validity: names none of days, months, until, anniversary, period"),
        ("basis: visits, validity: {days: 3, months: 1}", "tiers.validity: names days and months of days, months"),
        (
            "basis: visits, validity: {days: 3, periods: 2}",
            "tiers.validity.periods: is only for a validity by calendar",
        ),
        ("basis: visits, validity: {until: 31-12}", "tiers.validity.until: "),
        ("basis: visits_in_period", "tiers.period: is needed by the basis visits_in_period; add one"),
        ("basis: visits, period: year", "tiers.period: does nothing with the basis visits; leave it out"),
        ("basis: visits, upgrade: end_of_period", "tiers.upgrade: end_of_period needs a basis in a period"),
        ("basis: visits, grace_days: 3", "tiers.grace_days: does nothing where tiers hold for ever"),
        ("basis: tracker", "tiers.tracker: is needed where a tracker decides"),
        ("basis: visits, tracker: t", "tiers.tracker: is needed where a tracker decides"),
        ("basis: tracker, tracker: t", "tiers.tracker: t is no tracker that this program has; known: none"),
        ("basis: lifetime_points, currency: SUNS", "tiers.currency: SUNS is no currency that this program has"),
        ("basis: visits, further: [{basis: tracker}]", "tiers.further[0].tracker: is needed where a tracker decides"),
        (
            "basis: visits, further: [{basis: visits, currency: CRUMBS}]",
            "tiers.further[0].currency: goes with lifetime",
        ),
        ("basis: visits, any: 2", "tiers.any: asks for 2 conditions, and there are 1"),
        (
            "basis: visits, validity: {days: 9}, renewal: visits, renewal_further: [{renewal: points, tracker: t}]",
            "tiers.renewal_further[0].tracker: is needed where a tracker decides",
        ),
        (
            "basis: visits, validity: {days: 9}, renewal: tracker",
            "tiers.renewal_tracker: is needed where a tracker keeps a tier",
        ),
        (
            "basis: visits, validity: {days: 9}, renewal: visits, renewal_any: 2",
            "tiers.renewal_any: asks for 2 conditions, and there are 1",
        ),
        (
            "basis: visits, validity: {days: 9}, further: [{basis: lifetime_points, currency: POINTS}]",
            "tiers.renewal: is needed where a further condition has a currency of its own",
        ),
        ("basis: visits, renewal_further: [{renewal: visits}]", "tiers.renewal_further: does nothing where tiers hold"),
        ("basis: visits, reminders: [7]", "tiers.reminders: does nothing where tiers hold for ever"),
        ("basis: visits, renewal: points", "tiers.renewal: does nothing where tiers hold for ever"),
        (
            "basis: visits, reminders: [7, 7], validity: {days: 9}",
            "tiers.reminders: [7, 7] names a number of days twice",
        ),
        (
            "basis: visits_in_period, period: year, on_return: at_once",
            "tiers.on_return: cannot go by the basis visits_in_period, whose value begins anew",
        ),
    ],
)
def test_tiers_that_do_not_fit_together_are_a_mistake(written: str, wrong: str) -> None:
    (problem,) = problems(f"{HEAD}tiers: {{{written}, levels: [{{name: Crust, threshold: 0}}]}}\n")
    assert problem.startswith(f"line 7, {wrong}")


FALLS = "tiers: {basis: visits, on_return: at_once, levels: [{name: Crust, threshold: 0}]}\n"


def test_return_that_never_and_at_once_costs_a_tier_is_a_mistake() -> None:
    assert problems(f"{HEAD}{FALLS}returns:\n  tiers: never\n") == [
        (
            "line 9, returns.tiers: never lowers a tier, and tiers.on_return is at_once; leave one of them out: "
            "without returns.tiers, tiers.on_return says what a return costs"
        )
    ]


def test_program_whose_returns_cost_a_tier_may_follow_what_is_kept_of_it() -> None:
    program = load_program(f"{HEAD}{FALLS}returns: {{method: line_exact}}\n")
    kept = program.model_dump_json()
    old = json.loads(kept)
    old["returns"]["tiers"] = "never"  # as earlier builds wrote it

    assert load_program(kept) == program
    assert ProgramDefinition.model_validate_json(json.dumps(old)) == program
    assert load_program(f"{HEAD}returns: {{tiers: never}}\n").returns == Returns()


@pytest.mark.parametrize(
    ("levels", "wrong"),
    [
        (
            "{name: A, threshold: 0}, {name: B, threshold: 1}",
            "levels[1].further: has 0 numbers, and there are 1 further",
        ),
        (
            "{name: A, threshold: 0, further: [2]}, {name: B, threshold: 1, further: [2]}",
            "levels[0].further: the first",
        ),
        (
            "{name: A, threshold: 0}, {name: B, threshold: 1, further: [3]}, {name: C, threshold: 2, further: [2]}",
            "levels[2].further: [2] asks for less than the tier below",
        ),
    ],
)
def test_thresholds_of_further_conditions_fit_them(levels: str, wrong: str) -> None:
    tiers = f"tiers: {{basis: visits, further: [{{basis: net_purchases}}], levels: [{levels}]}}\n"
    (problem,) = problems(HEAD + tiers)
    assert problem.startswith(f"line 7, tiers.{wrong}")


@pytest.mark.parametrize(
    ("tracker", "wrong"),
    [
        ("of: moon, window: {days: 3}", "of: found 'moon'"),
        ("of: gross, window: {days: 3}, skus: [A]", "categories: select lines, and gross is known of whole bills"),
        ("of: lines, window: {days: 3}, per_transaction: true", "per_transaction: is only for visits"),
        ("of: lines, window: {days: 367}", "window.days: "),
    ],
)
def test_trackers_that_do_not_fit_together_are_a_mistake(tracker: str, wrong: str) -> None:
    (problem,) = problems(f"{HEAD}trackers: [{{id: t, {tracker}}}]\n")
    assert problem.startswith(f"line 7, trackers[0].{wrong}")


def test_renewal_of_a_tier_that_holds_for_ever_is_a_mistake() -> None:
    tiers = "tiers: {basis: visits, levels: [{name: Crust, threshold: 0}, {name: Top, threshold: 1, renewal: 1}]}\n"
    (problem,) = problems(HEAD + tiers)
    assert problem.startswith("line 7, tiers.levels[1].renewal: does nothing where tiers hold for ever")


ROLLING = "{id: m, target_id: 1, name: M, target: 1, cycle: {kind: rolling, days: 30}"


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("cycle: {kind: rolling, days: 1}", "cycle.days: found 1; write a whole number from 2 to 366"),
        ("period: month, cycle: {kind: lifetime}", "cycle: write either period or cycle: "),
        ("name: M", "cycle: write either period or cycle: "),
        (
            "cycle: {kind: moon}",
            "cycle.kind: found 'moon'; write from_date | lifetime | per_customer | rolling",
        ),
        ("cycle: {kind: from_date, unit: week}", "cycle.first: is missing; add "),
        ("cycle: {kind: from_date, first: 2025-01-06, unit: moon}", "cycle.unit: found 'moon'; write day | week | "),
        (
            "cycle: {kind: windows, windows: [{first: 2025-01-06, last: 2025-01-05}]}",
            "cycle.windows[0].last: last (2025-01-05) lies before first (2025-01-06); swap them",
        ),
        (
            (
                "cycle: {kind: windows, windows: [{first: 2025-01-01, last: 2025-01-05}, "
                "{first: 2025-01-05, last: 2025-02-01}]}"
            ),
            "cycle.windows[1].first: begins on 2025-01-05, while the one before lasts until 2025-01-05",
        ),
    ],
)
def test_cycles_that_do_not_fit_are_a_mistake_at_their_place(written: str, wrong: str) -> None:
    part = written if "name" in written else f"name: M, {written}"
    text = f"{HEAD}milestones: [{{id: m, target_id: 1, target: 1, counts: {{of: transactions}}, {part}}}]\n"
    (problem,) = problems(text)
    assert problem.startswith(f"line 7, milestones[0].{wrong}")


@pytest.mark.parametrize(
    ("counts", "wrong"),
    [
        ("of: transactions, measure: litres", "measure: found 'litres'; write count | sum | gross | quantity | "),
        ("of: transactions, measure: points, skus: [A]", "excluded_categories: points is known of whole bills only"),
        ("of: transactions, measure: gross, excluded_categories: [A]", "excluded_categories: gross is known of whole"),
        ("of: transactions, at_most: {times: 0, per: week}", "at_most.times: found 0; write a whole number from 1 to"),
        ("of: events, event: e, measure: values", "attribute: measure 'sum' needs an attribute to add up, 'values'"),
        ("of: events, event: e, measure: days, attribute: a", "attribute: measure 'sum' needs an attribute to add up"),
        ("of: events, event: e, where: {place: []}", "where.place: "),
    ],
)
def test_what_a_milestone_cannot_count_is_a_mistake_at_its_place(counts: str, wrong: str) -> None:
    part = f"{{id: m, target_id: 1, name: M, target: 1, period: month, counts: {{{counts}}}}}"
    (problem,) = problems(f"{HEAD}milestones: [{part}]\n")
    assert problem.startswith(f"line 7, milestones[0].counts.{wrong}")


def test_streak_on_cycles_that_differ_by_customer_is_a_mistake() -> None:
    own = (
        "{id: m, target_id: 1, name: M, target: 1, cycle: {kind: per_customer, unit: week}, counts: {of: transactions}}"
    )
    streak = "{id: s, streak_id: 1, name: S, milestone: m, levels: [{name: L, periods: 2}]}"
    (problem,) = problems(f"{HEAD}milestones: [{own}]\nstreaks: [{streak}]\n")
    assert "streaks.0.milestone names 'm', whose cycles differ by customer" in problem


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        (
            "counts: {of: transactions, at_most: {times: 1, per: month}}",
            "counts.at_most.per: a month may be longer than the window of 30 days; choose a shorter period",
        ),
        (
            "tells_cycles: counted",
            "tells_cycles: tells starts and ends of cycles, and a rolling window has none, as each day begins another",
        ),
    ],
)
def test_what_goes_by_cycles_does_not_go_with_a_rolling_window(written: str, wrong: str) -> None:
    counts = "" if "counts" in written else ", counts: {of: transactions}"
    (problem,) = problems(f"{HEAD}milestones: [{ROLLING}{counts}, {written}}}]\n")
    assert problem.startswith(f"line 7, milestones[0].{wrong}")


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        (
            "streaks: [{id: s, streak_id: 1, name: S, milestone: m, levels: [{name: L, periods: 2}]}]",
            "'m', which goes by a rolling window: streaks count cycles one after the other, and it has none; name ",
        ),
    ],
)
def test_nothing_counts_the_cycles_of_a_rolling_window(more: str, wrong: str) -> None:
    (problem,) = problems(f"{HEAD}milestones: [{ROLLING}, counts: {{of: transactions}}}}]\n{more}\n")
    assert wrong in problem


def test_rolling_windows_and_cycles_are_not_united() -> None:
    monthly = "{id: n, target_id: 2, name: N, target: 1, period: month, counts: {of: transactions}}"
    united = "unified_targets: [{id: u, group_id: 9, name: U, expression: m & n}]"
    (problem,) = problems(f"{HEAD}milestones: [{ROLLING}, counts: {{of: transactions}}}}, {monthly}]\n{united}\n")
    assert "expression: n has other cycles than m; unite milestones with equal cycles" in problem


@pytest.mark.parametrize(
    ("tier", "wrong"),
    [
        ("{id: silk}", "tier.id: silk is no tier above the first one of this program; known: silver, gold"),
        ("{id: base}", "tier.id: base is no tier above the first one of this program; known: silver, gold"),
        ("{id: gold}", "tier.id: gold is retired; give another tier, or none"),
        ("{id: silver, validity: {}}", "tier.validity: names none of days, months, "),
    ],
)
@pytest.mark.parametrize("given_by", ["milestone", "unified", "level"])
def test_reward_that_is_no_tier_is_a_mistake_at_its_place(tier: str, wrong: str, given_by: str) -> None:
    own, of_all, of_level = (f", tier: {tier}" * (given_by == one) for one in ("milestone", "unified", "level"))
    levels = "{name: Base, threshold: 0}, {name: Silver, threshold: 1}, {name: Gold, threshold: 2, retired: true}"
    text = (
        f"tiers: {{basis: visits, levels: [{levels}]}}\n"
        f"milestones: [{{id: m, target_id: 1, name: M, target: 1, period: week, counts: {{of: transactions}}{own}}}]\n"
        f"unified_targets: [{{id: u, group_id: 2, name: U, expression: m{of_all}}}]\n"
        f"streaks: [{{id: s, streak_id: 1, name: S, milestone: m, levels: [{{name: L, periods: 2{of_level}}}]}}]\n"
    )
    (problem,) = problems(HEAD + text)
    place = {"milestone": "milestones[0]", "unified": "unified_targets[0]"}.get(given_by, "streaks[0].levels[0]")
    assert f"{place}.{wrong}" in problem


def test_reward_of_a_program_without_tiers_is_a_mistake() -> None:
    given = "{id: m, target_id: 1, name: M, target: 1, period: week, counts: {of: transactions}, tier: {id: gold}}"
    (problem,) = problems(f"{HEAD}milestones: [{given}]\n")
    assert "milestones[0].tier.id: gold is no tier above the first one of this program; known: none" in problem


_UNITED = """
milestones:
  - {id: a, target_id: 1, name: A, target: 1, period: month, counts: {of: transactions}}
  - {id: b, target_id: 2, name: B, target: 1, period: week, counts: {of: transactions}}
  - {id: c, target_id: 3, name: C, target: 1, period: month, counts: {of: transactions, measure: sum}}
  - {id: d, target_id: 4, name: D, target: 1, period: month, counts: {of: transactions}, retired: true}
  - {id: e, target_id: 5, name: E, target: 1, cycle: {kind: per_customer, unit: week}, counts: {of: transactions}}
unified_targets:
  - {id: u, group_id: 9, name: U, PART}
"""


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("expression: a |", "expression: ends where an id is missing"),
        ("expression: x", "expression: x is not a milestone; known: a, b, c, d, e"),
        ("expression: a & b", "expression: b has other cycles than a; unite milestones with equal cycles"),
        ("expression: a | d", "expression: d is retired; retire this, too, or leave it out"),
        ("expression: e", "expression: the cycles of e differ by customer; unite milestones with equal cycles"),
        ("expression: a | c, threshold: 5", "expression: values of c and a do not add up to a threshold: "),
        ("expression: a, currency: STARS", "currency: STARS is not a currency of this program"),
        ("expression: a, id: c", "id: c is the id of a milestone; give each its own"),
    ],
)
def test_milestones_that_cannot_be_united_are_a_mistake_at_their_place(part: str, wrong: str) -> None:
    text = _UNITED.replace("id: u, ", "" if "id: c" in part else "id: u, ").replace("PART", part)
    (problem,) = problems(HEAD + text.lstrip("\n"))
    assert problem.startswith(f"line 14, unified_targets[0].{wrong}")


def test_units_do_not_matter_without_a_threshold_nor_anything_of_what_is_retired() -> None:
    load_program(HEAD + _UNITED.replace("PART", "expression: a | c").lstrip("\n"))
    load_program(HEAD + _UNITED.replace("PART", "expression: a | b | d, retired: true").lstrip("\n"))


@pytest.mark.parametrize(
    ("adds", "wrong"),
    [
        (("x", "b"), "milestones[0].adds.milestone: x is not a milestone; known: a, b, c"),
        (("c", "b"), "milestones[0].adds.milestone: c is retired; let it add to another milestone, or to none"),
        (("b", "a"), "milestones[0].adds.milestone: a would add to itself in the end; let one of them add to none"),
        (("a", "b"), "milestones[0].adds.milestone: a would add to itself in the end; let one of them add to none"),
    ],
)
def test_milestone_that_cannot_add_to_another_is_a_mistake_at_its_place(adds: tuple[str, str], wrong: str) -> None:
    text = "".join(
        f"  - {{id: {one}, target_id: {number}, name: M, target: 1, period: day, counts: {{of: transactions}}{more}}}\n"
        for number, (one, more) in enumerate(
            (
                ("a", f", adds: {{milestone: {adds[0]}, value: 1}}"),
                ("b", f", adds: {{milestone: {adds[1]}, value: 1}}" if adds[1] != "b" else ""),
                ("c", ", retired: true"),
            ),
            1,
        )
    )
    (problem,) = problems(f"{HEAD}milestones:\n{text}")
    assert problem.startswith(f"line 8, {wrong}")
