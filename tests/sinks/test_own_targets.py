"""Targets of customers' own: in the state, in the views and in `accrue customer`."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.cli import customer
from pipeline.log.embedded import EmbeddedLog
from pipeline.verify.views import disagreements
from tests.cli.test_customer import state_of
from tests.sinks.decided import play
from tests.sinks.running import drain
from tests.sinks.story import begin
from tests.steps import bought, milestone, program, set_target

SUM = {"of": "transactions", "measure": "sum"}
DEFINITION = program(milestones=[milestone("m", 10_000, counts=SUM), milestone("n", 3)])


def test_own_target_is_that_of_the_last_request(
    clickhouse: Client, embedded_log: EmbeddedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    bill = bought("B1", 2_000, "2025-03-01")
    requests = [set_target("m", 5_000, "2025-03-02"), set_target("m", 4_000, "2025-03-03", reason="a new job")]
    taken_back = [set_target("n", 2, "2025-03-02"), set_target("n", None, "2025-03-04")]
    story = play(begin(embedded_log), DEFINITION, bill, *requests, *taken_back, settled="2025-03-05")
    drain(embedded_log, clickhouse)

    found = clickhouse.query("SELECT milestone_id, target, reason FROM customer_targets").result_rows
    assert found == [("m", 4_000, "a new job")]
    assert disagreements(clickhouse) == []
    view = customer.view_of(state_of(story.state.head), DEFINITION)
    assert [(one["milestone_id"], one["target"]) for one in view["milestones"]] == [("m", 4_000), ("n", 3)]
    assert [(one["name"], one["target"]) for one in view["own_targets"]] == [("m", 4_000)]
    customer._print(7, view)
    assert "Own targets" in capsys.readouterr().out


def test_target_that_differs_is_named(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    steps = [set_target("m", 5_000, "2025-03-02"), bought("B1", 2_000, "2025-03-03")]
    play(begin(embedded_log), DEFINITION, *steps, settled="2025-03-05")
    drain(embedded_log, clickhouse)
    clickhouse.command("ALTER TABLE facts DELETE WHERE kind = 'TargetChanged'", settings={"mutations_sync": 1})

    (found,) = disagreements(clickhouse)
    assert found.what == "in program 1, m: customer_targets does not have them, and the state does"
