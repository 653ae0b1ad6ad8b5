"""ClickHouse as a whole: the rows of every topic that the sink follows, customers, views, and the invariants in SQL."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from clickhouse_connect.driver.client import Client

from pipeline.log.port import Committed, Log, Partition
from pipeline.runtime.roles.settings_writer import read_keys
from pipeline.verify.customer_state import CustomerStateCheck
from pipeline.verify.reading import Reading
from pipeline.verify.report import Check, Report, Watcher
from pipeline.verify.rows import RowsCheck, followed_by_the_sink
from pipeline.verify.views import customers_compared, disagreements
from topics.catalog import Catalog

_Row = TypeVar("_Row")
_LOOKS: Final = 3
_ALWAYS: Final = frozenset({"ledger_unbalanced", "negative_balances", "repeated_rows", "reversals_over_award"})
"""Invariants within the rows of one message: they hold while the sink is at work, too."""


class Invariant(NamedTuple):
    """A promise that a view in ClickHouse checks."""

    invariant: str
    """The view that lists the violations."""
    promise: str
    violations: int
    settled: bool
    """Whether violations can be judged: not before the sink has stored everything."""


class Figures(NamedTuple):
    """What ClickHouse has."""

    customers: int
    ledger_rows: int


def figures(client: Client) -> Figures:
    """Reads the figures."""
    [(customers,)] = client.query("SELECT uniqExact(org_id, customer_id) FROM customer_state").result_rows
    [(entries,)] = client.query("SELECT count() FROM ledger_entries").result_rows
    return Figures(customers, entries)


def invariants(client: Client, log: Log | None, catalog: Catalog, group: str) -> list[Invariant]:
    """Every invariant. Without a log it is unknown whether the sink of `group` is at work: all count as settled."""

    def violated() -> list[dict[str, Any]]:
        return list(client.query("SELECT invariant, promise, violations FROM invariants").named_results())

    rows, settled = _look(
        violated, log, catalog, group, wrong=lambda row: row["violations"] and row["invariant"] not in _ALWAYS
    )
    return [Invariant(**row, settled=settled or row["invariant"] in _ALWAYS) for row in rows]


def verify_views(client: Client, log: Log | None, catalog: Catalog, group: str, report: Report) -> None:
    """Compare what the views and the state say of each customer. The state is what `verify_tables` compares."""
    found, settled = _look(lambda: disagreements(client), log, catalog, group, wrong=lambda _: True)
    if found and not settled:
        report.wait(Check.VIEWS)
        return
    if customers := customers_compared(client):
        report.look(Check.VIEWS, customers)
    for each in found:
        report.find(Check.VIEWS, each.where, each.what)


def _look(
    ask: Callable[[], list[_Row]], log: Log | None, catalog: Catalog, group: str, wrong: Callable[[_Row], object]
) -> tuple[list[_Row], bool]:
    """Queries ClickHouse until the result is right or the sink was idle meanwhile; returns both."""
    rows: list[_Row] = []
    settled = True
    for _ in range(_LOOKS):
        before = None if log is None else _stand(log, catalog, group)
        rows = ask()
        settled = log is None or (before == _stand(log, catalog, group) and not any(behind(log, catalog, group)))
        if settled or not any(map(wrong, rows)):
            break
    return rows, settled


def behind(log: Log, catalog: Catalog, group: str) -> tuple[int, int]:
    """Messages of facts and of the changelog that the sink of `group` has not stored yet."""
    facts, state = catalog.name("facts"), catalog.name("state")
    waiting = {facts: 0, state: 0}
    for partition, committed in log.group_offsets(group, [facts, state]).items():
        with closing(Reading(log, partition, committed.offset or 0)) as reading:
            while messages := reading.take():
                waiting[partition.topic] += len(messages)
    return waiting[facts], waiting[state]


def _stand(log: Log, catalog: Catalog, group: str) -> dict[Partition, Committed]:
    """The committed offsets: they change with every step of the sink."""
    return log.group_offsets(group, [catalog.name("facts"), catalog.name("state")])


def verify_tables(
    client: Client, log: Log, catalog: Catalog, group: str, numbers: Sequence[int], report: Report, watcher: Watcher
) -> None:
    """Compare what the sink of `group` has stored of these partitions with the log; changes nothing."""
    followed = followed_by_the_sink(catalog)
    state = catalog.name("state")
    committed = log.group_offsets(group, [*(one.topic for one in followed), state])
    keys = read_keys(log, catalog)
    for one in followed:
        check = RowsCheck(client, one, report, watcher, keys)
        for number in numbers:
            # Without an offset nothing is compared, but rows beyond the end of the log are found.
            check.run(log, number, committed[Partition(one.topic, number)].offset or 0)
    with tempfile.TemporaryDirectory(prefix="accrue-verify-") as folder:
        customers = CustomerStateCheck(client, report, watcher)
        for number in numbers:
            changelog = Partition(state, number)
            upto = committed[changelog].offset
            if upto is not None:
                customers.run(log, changelog, upto, Path(folder) / str(number))
