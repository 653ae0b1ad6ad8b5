"""Tiers in the views: a customer's tier is folded from adoptions and changes as the engine folds it."""

from __future__ import annotations

from datetime import date

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from schemas.facts import AnyDecision, ProgramAdopted, TierUpgraded
from tests.sinks.running import drain
from tests.sinks.story import Happening, activated, begin, clock


def adopted(base_tier: int) -> ProgramAdopted:
    return ProgramAdopted(previous_version=0, milestones=(), streaks=(), base_tier=base_tier)


def moved(previous: int, reached: int) -> TierUpgraded:
    return TierUpgraded(previous=previous, reached=reached, basis_value=1)


def stored(clickhouse: Client, log: EmbeddedLog, *decisions: AnyDecision) -> None:
    """One decision a day, from 5 January; the settlement is 9 January."""
    told = begin(log)
    told.journal(activated(), clock("2011-01-09 00:00"))
    told.facts(11, [Happening(f"2011-01-{day:02} 10:00", (each,)) for day, each in enumerate(decisions, 5)])
    drain(log, clickhouse)


@pytest.mark.parametrize(
    ("decisions", "tier", "name"),
    [
        pytest.param([adopted(0)], 0, "", id="no tiers"),
        pytest.param([adopted(1)], 1, "Base", id="the base tier"),
        pytest.param([adopted(1), moved(1, 2)], 2, "Silver", id="moved up"),
        pytest.param([adopted(0), adopted(1)], 1, "Base", id="a later version brings tiers"),
        pytest.param([adopted(1), moved(1, 2), adopted(1)], 2, "Silver", id="a later version takes no tier away"),
        pytest.param([adopted(1), adopted(2), adopted(1)], 2, "Silver", id="a later version has a higher base"),
        pytest.param([adopted(1), moved(1, 2), moved(2, 1), adopted(0)], 1, "Base", id="moved down"),
    ],
)
def test_a_tier_is_the_highest_base_of_the_versions_or_the_last_move(
    clickhouse: Client, embedded_log: EmbeddedLog, decisions: list[AnyDecision], tier: int, name: str
) -> None:
    stored(clickhouse, embedded_log, *decisions)

    assert clickhouse.query("SELECT tier, tier_name FROM customer_tiers").result_rows == [(tier, name)]


def test_the_distribution_by_day_follows_each_move(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    stored(clickhouse, embedded_log, adopted(0), adopted(1), adopted(1), moved(1, 2))

    found = clickhouse.query(
        "SELECT day, arraySort(groupArrayIf(tier, customers = 1)), sum(customers) FROM tier_distribution_by_day "
        "GROUP BY day ORDER BY day"
    ).result_rows

    assert found == [
        (date(2011, 1, 5), [0], 1),
        (date(2011, 1, 6), [1], 1),
        (date(2011, 1, 7), [1], 1),
        (date(2011, 1, 8), [2], 1),
        (date(2011, 1, 9), [2], 1),
    ]
