"""Views against state where returns and updates undo something, by customer: what fell in the one fell in the other."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from pipeline.log.embedded import EmbeddedLog
from pipeline.verify.views import customers_compared, disagreements
from schemas.records import AnyCustomerRecord
from tests.runtime.workshop import Workshop, activation
from tests.sinks.running import drain
from tests.steps import bought, brought_back, day, enrol_target, milestone, program, unenrol_target, updated
from tests.verify.stored import sink_settings


def _counting(measure: str) -> dict[str, str]:
    return {"of": "transactions", "measure": measure}


def _streak(name: str, number: int, **parts: Any) -> dict[str, Any]:
    levels = [{"name": "Two", "periods": 2}, {"name": "Three", "periods": 3}]
    return {"id": name, "streak_id": number, "name": name, "milestone": "daily", "levels": levels, **parts}


PROGRAM: Final = program(
    returns={},
    rules=[{"id": "spend", "kind": "spend", "points": 1, "per_minor": 100}],
    tiers={"basis": "net_purchases", "levels": [{"name": "Base", "threshold": 0}, {"name": "Top", "threshold": 2_000}]},
    milestones=[
        milestone("daily", target_id=1, period="day", points=5),
        milestone("spent", target_id=2, target=3_000, counts=_counting("sum"), points=50),
        milestone("shops", target_id=3, target=2, counts=_counting("stores")),
        milestone("invited", target_id=4, target=2, enrolment={"by": "command", "past": True}),
    ],
    streaks=[
        _streak("plain", 1),
        _streak("repeated", 2, repeats=True, levels=[{"name": "One", "periods": 1}]),
        _streak("forgiving", 3, grace=1),
    ],
)
_SHOPS: Final = (
    bought("B1", 1_000, "2020-10-01", store="North"),
    bought("B2", 1_000, "2020-10-02", store="North"),
    bought("B3", 1_000, "2020-10-03", store="South"),
)
STORIES: Final[dict[int, tuple[AnyCustomerRecord, ...]]] = {
    11: (
        bought("B1", 1_000, "2020-10-01"),
        bought("B2", 1_000, "2020-10-01 13:00"),
        brought_back("B1", 1_000, "2020-10-04"),
    ),
    12: (*_SHOPS, brought_back("B3", 1_000, "2020-10-04")),
    13: (*_SHOPS, brought_back("B2", 400, "2020-10-04"), brought_back("B2", 600, "2020-10-05")),
    14: (*_SHOPS, updated("B2", 0, "2020-10-04"), updated("B2", 1_500, "2020-10-05")),
    15: (*_SHOPS, brought_back("B3", 1_000, "2020-10-04"), bought("B4", 2_000, "2020-10-03 13:00")),
    16: (bought("B1", 1_000, "2020-10-01"), updated("B1", 900, "2020-10-02"), brought_back("B1", 900, "2020-10-03")),
    17: (*_SHOPS, enrol_target("invited", "2020-10-04"), brought_back("B3", 1_000, "2020-10-05")),
    18: (
        *_SHOPS,
        enrol_target("invited", "2020-10-04"),
        brought_back("B2", 1_000, "2020-10-05"),
        brought_back("B3", 1_000, "2020-10-06"),
    ),
    19: (
        enrol_target("invited", "2020-10-01"),
        *_SHOPS,
        unenrol_target("invited", "2020-10-04"),
        brought_back("B3", 1_000, "2020-10-05"),
        updated("B2", 0, "2020-10-06"),
    ),
}
"""By customer."""
OCTOBER: Final = 50 * 12 + 9


@pytest.fixture(scope="module")
def clickhouse(engine: Client, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """All of it decided and stored, once: the tests here only read."""
    folder = tmp_path_factory.mktemp("log")
    log = EmbeddedLog(folder)
    workshop = Workshop(log, folder, "v.")
    workshop.journal(activation(PROGRAM))
    for customer, story in STORIES.items():
        workshop.journal(*(msgspec.structs.replace(record, customer_id=customer) for record in story))
    workshop.decide_all()
    drain(log, engine, sink_settings(workshop))
    workshop.close()
    log.close()
    return engine


def test_views_and_state_agree_on_what_was_undone(clickhouse: Client) -> None:
    assert (customers_compared(clickhouse), disagreements(clickhouse)) == (len(STORIES), [])


@pytest.mark.parametrize(
    ("customer", "milestone_id", "period", "figures"),
    [
        pytest.param(11, "daily", day("2020-10-01"), (1, 1, 0), id="one of two bills of a day came back"),
        pytest.param(12, "daily", day("2020-10-03"), (0, 0, 0), id="the only bill of a day came back"),
        pytest.param(12, "shops", OCTOBER, (1, 0, 0), id="the only bill of a shop came back"),
        pytest.param(13, "spent", OCTOBER, (2_000, 0, 0), id="a bill came back in two parts"),
        pytest.param(14, "spent", OCTOBER, (3_500, 1, 0), id="a bill was cancelled, and is there again"),
        pytest.param(15, "daily", day("2020-10-03"), (1, 1, 0), id="met again after its bill came back"),
        pytest.param(16, "spent", OCTOBER, (0, 0, 0), id="nothing is left"),
        pytest.param(16, "invited", OCTOBER, (0, 0, 1), id="nothing is left of what was before an enrolment"),
        pytest.param(12, "invited", OCTOBER, (2, 0, 1), id="before an enrolment"),
        pytest.param(17, "invited", OCTOBER, (2, 1, 0), id="still met"),
        pytest.param(18, "invited", OCTOBER, (1, 0, 0), id="met no longer"),
    ],
)
def test_milestones_are_as_returns_and_updates_leave_them(
    clickhouse: Client, customer: int, milestone_id: str, period: int, figures: tuple[int, int, int]
) -> None:
    found = clickhouse.query(
        "SELECT value, achieved, recorded FROM customer_milestones "
        f"WHERE customer_id = {customer} AND milestone_id = '{milestone_id}' AND period = {period}"
    ).result_rows

    assert found == [figures]


def test_the_funnel_is_without_what_was_undone(clickhouse: Client) -> None:
    found = clickhouse.query(
        "SELECT milestone_id, customers, progressed, achieved, achieved_twice, achieved_three_times, achievements "
        "FROM milestone_funnel ORDER BY milestone_id"
    ).result_rows

    assert found == [
        ("daily", 9, 8, 8, 5, 2, 15),
        ("invited", 9, 3, 1, 0, 0, 1),
        ("shops", 9, 7, 2, 0, 0, 2),
        ("spent", 9, 8, 2, 0, 0, 2),
    ]
