"""The custom events that a program knows by name, wherever it names them."""

from __future__ import annotations

from schemas.program import event_names
from tests.steps import milestone, program


def test_events_of_rules_and_milestones_are_known_retired_ones_included() -> None:
    club = program(
        rules=[
            {"id": "run", "kind": "event", "event": "run", "points": 1},
            {"id": "old", "kind": "event", "event": "swim", "points": 1, "retired": True},
        ],
        milestones=[
            milestone("cups", counts={"of": "events", "event": "cup"}),
            milestone("bills"),
        ],
    )

    assert event_names(club) == {"run", "swim", "cup"}


def test_names_of_notifications_are_no_custom_events() -> None:
    assert event_names(program(notifications={"off": ["tierUpgraded"]})) == frozenset()
