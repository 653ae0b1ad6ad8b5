"""Earning: which rules pay for a bill or an event, and when."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.facts import IssuedFor, RecordRefused, Refusal
from schemas.records import Line
from tests.dsl import BOOKKEEPING, given, issued
from tests.steps import bought, did, instant, program, spend

MUG = Line("MUG", 1_000, category="kitchen")


def event_rule(rule: str, event: str, points: int, **parts: Any) -> dict[str, Any]:
    return {"id": rule, "kind": "event", "event": event, "points": points, **parts}


def test_every_spend_rule_pays_an_award_and_the_bill_is_one_activity_with_one_lot() -> None:
    given(program(rules=[spend("base"), spend("more", points=2)])).when(bought("B1", 1_000, "2011-03-01")).then(
        issued(("base", 10), ("more", 20), balance=30, bill_number="B1"), ignoring=BOOKKEEPING
    )


def test_rule_that_pays_nothing_for_the_bill_has_no_award() -> None:
    given(program(rules=[spend("base"), spend("more", minimum_minor=2_000)])).when(
        bought("B1", 1_000, "2011-03-01")
    ).then(issued(("base", 10), balance=10, bill_number="B1"), ignoring=BOOKKEEPING)


def test_every_rule_on_the_event_pays_and_the_event_is_one_activity() -> None:
    rules = [event_rule("review", "review", 5), event_rule("feast", "review", 2), event_rule("login", "login", 1)]
    given(program(rules=rules)).when(did("review", "2011-03-01")).then(
        issued(("review", 5), ("feast", 2), balance=7, issued_for=IssuedFor.EVENT), ignoring=BOOKKEEPING
    )


def test_event_that_no_rule_names_earns_nothing() -> None:
    given(program(rules=[event_rule("review", "review", 5)])).when(did("Review", "2011-03-01")).then(
        ignoring=BOOKKEEPING
    )


VALID = {"validity": {"first": "2011-03-10", "last": "2011-03-27"}}
DOUBLE_MUGS = {"id": "double", "kind": "multiplier", "factor": 2, "skus": ["MUG"], **VALID}


@pytest.mark.parametrize(
    ("on", "holds"),
    [
        pytest.param("2011-03-09 23:59", False, id="day-before"),
        pytest.param("2011-03-10 00:00", True, id="first-day-begins"),
        pytest.param("2011-03-27 23:59", True, id="last-day-ends-in-summer-time"),
        pytest.param("2011-03-28 00:00", False, id="day-after"),
    ],
)
def test_rules_of_every_kind_hold_on_the_local_days_of_their_validity(on: str, holds: bool) -> None:  # noqa: FBT001
    bill = bought("B1", None, on, lines=(MUG,))
    assert given(program(rules=[spend(**VALID)]), bill).balance() == (10 if holds else 0)
    assert given(program(rules=[spend(), DOUBLE_MUGS]), bill).balance() == (20 if holds else 10)
    on_reviews = program(rules=[event_rule("review", "review", 5, **VALID)])
    assert given(on_reviews, did("review", on)).balance() == (5 if holds else 0)


def test_late_bill_earns_by_the_rules_of_its_own_day() -> None:
    story = given(program(rules=[spend(validity={"last": "2011-03-10"})]))
    story.play(bought("B1", 1_000, "2011-03-10"), as_of=instant("2011-03-20"))
    assert story.balance() == 10


def test_each_program_pays_in_its_own_currencies() -> None:
    programs = (
        program(rules=[spend()]),
        program(program_id=2, rules=[spend()], currency="EUR"),
        program(program_id=3, rules=[spend("third", points=3)], points={"name": "MILES"}),
    )
    story = given(*programs).when(bought("B1", 1_000, "2011-03-01"))
    story.then(
        issued(("spend", 10), balance=10, bill_number="B1"),
        RecordRefused(reason=Refusal.CURRENCY_UNKNOWN, subject="GBP"),
        issued(("third", 30), balance=30, bill_number="B1", currency="MILES"),
        ignoring=BOOKKEEPING,
    )
    assert [envelope.program_id for envelope in story.envelopes(RecordRefused)] == [2]


def test_bill_of_an_org_without_programs_is_only_recorded() -> None:
    given().when(bought("B1", 1_000, "2011-03-01")).then(ignoring=BOOKKEEPING)
