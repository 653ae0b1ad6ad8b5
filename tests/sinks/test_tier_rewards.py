"""Tiers as rewards: in the state, in the views and in `accrue customer`."""

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
from tests.steps import bought, brought_back, milestone, program

LEVELS = [{"name": name, "threshold": number * 10**6} for number, name in enumerate(("Base", "Silver", "Gold"))]
DEFINITION = program(
    tiers={"basis": "net_purchases", "levels": LEVELS},
    milestones=[
        milestone("m", tier={"id": "gold", "validity": {"days": 30}}),
        milestone("n", 2, target_id=8, tier={"id": "silver"}),
    ],
    returns={"window_days": 60, "milestones": "fall", "rewards": "clawback"},
)


def test_rewards_are_those_of_the_state(
    clickhouse: Client, embedded_log: EmbeddedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    bills = [bought("B1", 100, "2025-03-01"), bought("B2", 100, "2025-03-02")]
    steps = [*bills, brought_back("B2", 100, "2025-03-03")]
    story = play(begin(embedded_log), DEFINITION, *steps, settled="2025-03-04")
    drain(embedded_log, clickhouse)

    changes = "SELECT kind, previous, reached, reward_of FROM tier_changes ORDER BY seq"
    assert clickhouse.query(changes).result_rows == [
        ("assigned", 1, 3, "milestone/m/662"),
        ("assigned", 3, 3, "milestone/n/662"),
        ("released", 3, 3, "milestone/n/662"),
    ]
    columns = "`tier_rewards.reward_of`, `tier_rewards.tier_id`, `tier_rewards.taken`"
    (kept,) = clickhouse.query(f"SELECT {columns} FROM customer_state_latest").result_rows
    assert kept == (["milestone/m/662", "milestone/n/662"], ["gold", "silver"], [False, True])
    assert disagreements(clickhouse) == []
    customer._print(7, customer.view_of(state_of(story.state.head), DEFINITION))
    assert "as a reward: gold of milestone/m/662" in " ".join(capsys.readouterr().out.split())
