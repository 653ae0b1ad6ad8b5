"""What `accrue customer` shows of one customer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.cli import customer
from pipeline.engine.state import Head
from schemas.records import Line
from sinks.clickhouse.tables.customers import CUSTOMER_STATE, StateRow
from sinks.clickhouse.tables.table import Source
from tests.dsl import Story, given
from tests.steps import bought, milestone, program, spend

ROLLING = program(rules=[spend()], points={"expiry": {"days": 30, "rolling": True}, "reminders": [7]})
SUM = {"of": "transactions", "measure": "sum"}
FIXED = program(rules=[spend()], points={"expiry": {"days": 30}})


def state_of(head: Head) -> dict[str, Any]:
    """The row of the customer's first program, as a client of ClickHouse has it."""
    ((program_id, section),) = head.sections.items()
    row = StateRow(head=head, program_id=program_id, section=section, src=Source("state", 0, 0), idx=0)
    return {column.name: _read(column.type, column.of(row)) for column in CUSTOMER_STATE.columns}


def _read(kind: str, value: Any) -> Any:
    if kind.startswith("Array("):
        return [_read(kind.removeprefix("Array("), one) for one in value]
    if value is None or not kind.startswith(("DateTime64", "Nullable(DateTime64")):
        return value
    return datetime.fromtimestamp(value / 1_000, UTC).replace(tzinfo=None)


def shown(story: Story, capsys: pytest.CaptureFixture[str]) -> str:
    customer._print(7, customer.view_of(state_of(story.state.head), None))
    return capsys.readouterr().out


def test_points_that_activity_moves_are_marked_and_the_next_reminder_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    story = given(ROLLING, bought("B1", 1_000, "2011-03-01"))
    view = customer.view_of(state_of(story.state.head), None)
    assert ([lot["rolls"] for lot in view["lots"]], f"{view['reminder_at']:%Y-%m-%d}") == ([True], "2011-03-24")
    said = shown(story, capsys)
    assert "Next reminder of points that expire: 2011-03-24 00:00 UTC" in said
    assert "rolls" in said


def test_no_reminder_is_shown_where_none_is_due(capsys: pytest.CaptureFixture[str]) -> None:
    story = given(FIXED, bought("B1", 1_000, "2011-03-01"))
    assert [lot["rolls"] for lot in customer.view_of(state_of(story.state.head), None)["lots"]] == [False]
    assert "reminder" not in shown(story, capsys)


@pytest.mark.parametrize(
    ("until", "value", "achieved"), [("2025-03-06", 1_100, True), ("2025-03-07", 600, True), ("2025-03-08", 0, False)]
)
def test_rolling_window_is_the_one_that_ends_today(
    until: str, value: int, *, achieved: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    week = milestone("m", 1_000, period=None, cycle={"kind": "rolling", "days": 7}, counts=SUM)
    definition = program(milestones=[week, milestone("other")])
    story = given(definition, bought("B1", 500, "2025-02-28"), bought("B2", 600, "2025-03-01"))
    story = story.when(bought("B3", 0, until))
    view = customer.view_of(state_of(story.state.head), definition)
    ends = f"7 days to {until}"
    assert [
        (one["period_name"], one["value"], one["achieved"]) for one in view["milestones"] if one["milestone_id"] == "m"
    ] == [(ends, value, achieved)]
    customer._print(7, view)
    assert ends in capsys.readouterr().out


def test_different_things_count_once_in_the_window_that_is_shown() -> None:
    skus = {"of": "transactions", "measure": "skus"}
    week = milestone("m", 3, period=None, cycle={"kind": "rolling", "days": 7}, counts=skus)
    definition = program(milestones=[week])
    baskets = (("2025-03-01", "A"), ("2025-03-02", "A"), ("2025-03-03", "B"))
    bills = [bought(on, None, on, lines=(Line(sku=sku, amount_minor=100),)) for on, sku in baskets]
    view = customer.view_of(state_of(given(definition, *bills).state.head), definition)
    assert [one["value"] for one in view["milestones"]] == [2]
    assert "things" not in view["milestones"][0]
