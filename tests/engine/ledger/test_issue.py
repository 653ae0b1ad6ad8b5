"""Issuing has bounds: an account holds so many lots and so many points, and what goes beyond is refused."""

from __future__ import annotations

import pytest

from pipeline.engine.ledger import issue
from schemas.facts import RecordRefused, Refusal
from tests.dsl import given
from tests.steps import bought, did, program, spend

WEEKLY = {
    "id": "weekly",
    "target_id": 1,
    "name": "A bill a week",
    "period": "week",
    "counts": {"of": "transactions"},
    "target": 1,
    "points": 5,
}
FULL = RecordRefused(reason=Refusal.TOTAL_TOO_LARGE, subject="POINTS")


def test_account_with_as_many_lots_as_it_holds_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue, "LOTS_MAX", 1)
    story = given(program(rules=[spend()]), bought("B1", 500, "2011-03-01")).when(bought("B2", 700, "2011-03-02"))

    assert story.decided[-1].decision == FULL
    assert story.balance() == 5


def test_reward_that_finds_the_account_full_is_refused_and_the_bill_keeps_its_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(issue, "LOTS_MAX", 1)
    story = given(program(rules=[spend()], milestones=[WEEKLY])).when(bought("B1", 500, "2011-03-01"))

    assert story.decided[-1].decision == FULL
    assert story.balance() == 5


def test_points_beyond_what_can_be_stored_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue, "TOTAL_MAX", 9)
    rule = {"id": "review", "kind": "event", "event": "review", "points": 5}
    story = given(program(rules=[rule]), did("review", "2011-03-01")).when(did("review", "2011-03-02"))

    assert story.decided[-1].decision == FULL
    assert story.balance() == 5
