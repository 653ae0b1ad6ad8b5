"""Events that are unique for ever."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.engine import unique
from pipeline.engine.unique_state import UNIQUE, UniqueIds
from schemas.facts import CustomerRegistered, PointsIssued, RecordRefused, Refusal, UniqueEventKept
from schemas.records import CustomEventReceived
from tests.dsl import Story, given
from tests.steps import did, instant, joined, program

SHOP = program(rules=[{"id": "review", "kind": "event", "event": "review", "points": 5}])
CLOSED = program(rules=[{"id": "review", "kind": "event", "event": "review", "points": 5}], add_customers=False)


def reviewed(on: str, key: str = "u:1") -> CustomEventReceived:
    return msgspec.structs.replace(did("review", on, id=key, unique=True), digest=0)


def refusals(story: Story) -> list[Refusal]:
    return [one.reason for one in story.only(RecordRefused)]


def test_second_event_with_the_key_gives_nothing_however_much_later() -> None:
    story = given(SHOP, reviewed("2011-03-01"), did("visit", "2012-02-28")).when(reviewed("2012-03-01"))
    assert len(story.only(PointsIssued)) == 1
    assert refusals(story) == [Refusal.EVENT_EXISTS]


def test_second_event_within_the_window_is_a_duplicate_as_any_other() -> None:
    given(SHOP, reviewed("2011-03-01")).when(reviewed("2011-03-02")).then_nothing()


def test_key_is_looked_at_before_age() -> None:
    story = given(SHOP, reviewed("2011-03-01"), did("visit", "2012-02-28"))
    story.play(reviewed("2011-01-01"), as_of=instant("2012-03-01"))
    story.play(reviewed("2011-01-01", "u:2"), as_of=instant("2012-03-01"))
    assert refusals(story) == [Refusal.EVENT_EXISTS, Refusal.TOO_OLD]


def test_event_that_had_no_effect_comes_again() -> None:
    story = given(CLOSED, reviewed("2011-03-01"), joined("2011-03-02"), reviewed("2011-03-03"))
    assert refusals(story) == [Refusal.CUSTOMER_UNKNOWN]
    assert len(story.only(UniqueEventKept)) == len(story.only(PointsIssued)) == len(story.only(CustomerRegistered)) == 1


def test_other_events_cost_no_entry() -> None:
    story = given(SHOP, did("review", "2011-03-01"))
    assert UNIQUE not in story.state.entries


def test_customer_has_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique, "UNIQUE_MAX", 2)
    story = given(SHOP, *(reviewed(f"2011-03-0{number}", f"u:{number}") for number in (1, 2, 3)))
    assert refusals(story) == [Refusal.TOO_MANY]
    kept = story.state.entries[UNIQUE]
    assert isinstance(kept, UniqueIds)
    assert len(kept.keys) == 2
