"""Events for analysts alone."""

from __future__ import annotations

from schemas.facts import EventSetAside, RecordAccepted
from tests.dsl import Story
from tests.steps import did, program

PROGRAM = program(rules=[{"id": "login", "kind": "event", "event": "login", "points": 5}])


def test_an_event_for_analysts_alone_registers_nobody_and_earns_nothing() -> None:
    story = Story(PROGRAM).when(did("login", "2011-03-01", analytics_only=True))

    assert [type(fact.decision) for fact in story.decided] == [RecordAccepted, EventSetAside]
    assert story.state.head.registered_at is None
    assert not story.state.head.sections


def test_it_counts_once_all_the_same() -> None:
    story = Story(PROGRAM).when(did("login", "2011-03-01", analytics_only=True))
    story.when(did("login", "2011-03-01", analytics_only=True)).then_nothing()
