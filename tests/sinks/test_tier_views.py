"""Tiers in the views: a customer's tier is what the last adoption or change of tier says, known by its id."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from schemas.facts import AnyDecision, ProgramAdopted, TierReassigned, TierUpgraded
from tests.sinks.running import drain
from tests.sinks.story import Happening, activated, begin, clock

NONE, BASE, SILVER = (0, ""), (1, "base"), (2, "silver")
MOVED_ON = (4, "silver")
"""The same tier in a version that has more of them below."""
TierOf = tuple[int, str]


def adopted(tier: TierOf) -> ProgramAdopted:
    return ProgramAdopted(previous_version=0, milestones=(), streaks=(), tier=tier[0], tier_id=tier[1])


def rose(previous: TierOf, reached: TierOf) -> TierUpgraded:
    return TierUpgraded(previous=previous[0], reached=reached[0], basis_value=1, reached_id=reached[1])


def fell(previous: TierOf, reached: TierOf) -> TierReassigned:
    return TierReassigned(previous=previous[0], reached=reached[0], basis_value=1, reached_id=reached[1])


def stored(clickhouse: Client, log: EmbeddedLog, *decisions: AnyDecision) -> None:
    """One decision a day, from 5 January; the settlement is 9 January."""
    told = begin(log)
    told.journal(activated(), clock("2011-01-09 00:00"))
    told.facts(11, [Happening(f"2011-01-{day:02} 10:00", (each,)) for day, each in enumerate(decisions, 5)])
    drain(log, clickhouse)


@pytest.mark.parametrize(
    ("decisions", "tier", "name"),
    [
        pytest.param([adopted(NONE)], 0, "", id="no tiers"),
        pytest.param([adopted(BASE)], 1, "Base", id="the base tier"),
        pytest.param([adopted(BASE), rose(BASE, SILVER)], 2, "Silver", id="moved up"),
        pytest.param([adopted(NONE), adopted(BASE)], 1, "Base", id="a later version brings tiers"),
        pytest.param([adopted(BASE), rose(BASE, SILVER), adopted(MOVED_ON)], 4, "Silver", id="numbered otherwise"),
        pytest.param([adopted(MOVED_ON), fell(MOVED_ON, BASE)], 1, "Base", id="the tier is retired"),
    ],
)
def test_a_tier_is_what_the_last_adoption_or_change_says(
    clickhouse: Client, embedded_log: EmbeddedLog, decisions: list[AnyDecision], tier: int, name: str
) -> None:
    stored(clickhouse, embedded_log, *decisions)

    assert clickhouse.query("SELECT tier, tier_name FROM customer_tiers").result_rows == [(tier, name)]


def test_a_version_that_only_numbers_tiers_otherwise_moves_no_customer(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    stored(clickhouse, embedded_log, adopted(BASE), rose(BASE, SILVER), adopted(MOVED_ON), fell(MOVED_ON, BASE))

    found = clickhouse.query("SELECT from_tier, tier, from_tier_id, tier_id FROM tier_moves ORDER BY seq").result_rows

    assert found == [(None, 1, None, "base"), (1, 2, "base", "silver"), (4, 1, "silver", "base")]


def test_the_distribution_by_day_follows_each_move(clickhouse: Client, embedded_log: EmbeddedLog) -> None:
    stored(clickhouse, embedded_log, adopted(NONE), adopted(BASE), adopted(BASE), rose(BASE, SILVER))

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


def test_the_distribution_counts_by_the_numbers_of_the_version_in_force(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    stored(clickhouse, embedded_log, adopted(MOVED_ON))

    assert clickhouse.query("SELECT tier, name, customers FROM tier_distribution").result_rows == [(2, "Silver", 1)]


def test_a_version_that_nobody_follows_is_not_in_force_where_members_follow_another(
    clickhouse: Client, embedded_log: EmbeddedLog
) -> None:
    told = begin(embedded_log)
    refused = msgspec.structs.replace(activated(), version=2, definition=activated().definition.replace("Story", "No"))
    told.journal(activated(), refused, clock("2011-01-09 00:00"))
    found = "SELECT version, name FROM programs_in_force"

    drain(embedded_log, clickhouse)
    assert clickhouse.query(found).result_rows == [(2, "No")]

    told.facts(11, [Happening("2011-01-05 10:00", (adopted(BASE),))])
    drain(embedded_log, clickhouse)
    assert clickhouse.query(found).result_rows == [(1, "Story")]
