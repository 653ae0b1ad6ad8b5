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


def test_further_ids_lie_in_an_entry_for_each_bucket_and_are_found_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique, "FIRST_MAX", 2)
    story = given(SHOP, *(reviewed("2011-03-01", f"u:{number}") for number in range(20)))
    first, *others = (entry for name, entry in story.state.entries.items() if name.startswith(UNIQUE))
    assert isinstance(first, UniqueIds)
    assert len(first.keys) == 2
    assert len(others) > 10  # 18 ids in 64 buckets
    story.play(did("visit", "2012-02-28"))
    for number in range(20):
        story.play(reviewed("2012-03-01", f"u:{number}"))
    assert (len(story.only(PointsIssued)), refusals(story)) == (20, [Refusal.EVENT_EXISTS] * 20)


def test_customer_has_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique, "FIRST_MAX", 1)
    monkeypatch.setattr(unique, "BUCKET_MAX", 1)
    monkeypatch.setattr(unique, "bucket_of", lambda _: 5)
    story = given(SHOP, *(reviewed(f"2011-03-0{number}", f"u:{number}") for number in (1, 2, 3)))
    assert refusals(story) == [Refusal.TOO_MANY]
    assert len({*unique.unique_ids(story.state)}) == 2


def test_event_writes_so_many_ids_at_most() -> None:
    assert unique.FIRST_MAX <= unique.BUCKET_MAX <= 1_000
