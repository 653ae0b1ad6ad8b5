"""(e) The same loop with exactly-once and with at-least-once delivery, at the same bounds of a round, under load.

The loyalty role works off a backlog of the journal: of the simple job, and of the roastery in event mode. Each run has
topics, group and state of its own on one broker, in an order that cancels what drifts; the first run warms the broker
up and does not count.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from bench import worker
from bench.cluster import PARTITIONS, Cluster, reached
from bench.processes import ROOT, accrue, python_module, started
from bench.report import progress, report
from bench.samples import DAY_MS, SIMPLE, three_line_bills
from bench.sizes import Sizes, sizes
from bench.watch import Run, watch
from pipeline.cli.demo.roastery import roastery
from pipeline.intake.dialects.naming import input_key
from pipeline.intake.dialects.native import normalise
from pipeline.intake.verdict import Accepted, Limits
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Message, Outgoing
from schemas.records import encode_record
from tests.broker import running_broker
from topics.catalog import Catalog

EXACTLY_ONCE: Final = "exactly once"
AT_LEAST_ONCE: Final = "at least once"
COMMANDS: Final = {
    EXACTLY_ONCE: worker.commands(1, ["loyalty"])[0],
    AT_LEAST_ONCE: python_module("bench.at_least_once"),
}
ORDER: Final = (EXACTLY_ONCE, AT_LEAST_ONCE, AT_LEAST_ONCE, EXACTLY_ONCE)
LIMIT_SECONDS: Final = 1_200.0

Prepare = Callable[[dict[str, str], Path], None]
"""Begins the journal; takes the settings and a folder for files."""
Backlog = Callable[[Catalog, Sizes], Iterator[Outgoing]]


def main() -> None:
    """Measure and report, once for each program."""
    size = sizes(100_000, 10_000)
    jobs: tuple[tuple[str, Prepare, Backlog], ...] = (
        ("simple", prepare_simple, simple_journal),
        ("roastery", prepare_roastery, roastery_journal),
    )
    for name, prepare, backlog in jobs:
        with running_broker() as bootstrap, tempfile.TemporaryDirectory(prefix="accrue-bench-") as folder:
            cluster = Cluster(bootstrap)
            run(cluster, Path(folder), 0, EXACTLY_ONCE, prepare, backlog, size)
            runs = [
                (delivery, run(cluster, Path(folder), number, delivery, prepare, backlog, size))
                for number, delivery in enumerate(ORDER, 1)
            ]
        report("e", {"job": name, "records": size.records, **compared(runs)})


def run(
    cluster: Cluster, folder: Path, number: int, delivery: str, prepare: Prepare, backlog: Backlog, size: Sizes
) -> Run:
    """One worker over one backlog."""
    catalog = Catalog(f"run{number}.")
    place = folder / str(number)
    place.mkdir()
    environment = worker.environment(cluster.bootstrap, place) | {
        "ACCRUE_PREFIX": catalog.prefix,
        "ACCRUE_ROLES": "loyalty",
    }
    worker.create_topics(environment, catalog.prefix)
    prepare(environment, place)
    journal = catalog.name("journal")
    written = cluster.write(backlog(catalog, size))
    progress(f"{written} records are in {journal}, to be decided {delivery}")
    # Groups belong to the cluster and not to a prefix, so each run needs one of its own.
    environment["ACCRUE_GROUP"] = group = f"accrue{number}"

    def done() -> bool:
        there = cluster.next_offsets([journal])
        return reached(lambda: cluster.committed(f"{group}.loyalty", [journal]), there)()

    outputs = [catalog.name("facts"), *catalog.notifications]
    with started([COMMANDS[delivery]], environment, place) as processes:
        return watch(cluster, outputs, processes, done, LIMIT_SECONDS)


def compared(runs: Sequence[tuple[str, Run]]) -> dict[str, object]:
    """Seconds of each, and how much of the one's speed the other has."""
    seconds = {one: [run.seconds for delivery, run in runs if delivery == one] for one in COMMANDS}
    cpu = {one: [run.cpu_seconds for delivery, run in runs if delivery == one] for one in COMMANDS}
    return {
        "exactly_once_seconds": [round(one, 2) for one in seconds[EXACTLY_ONCE]],
        "at_least_once_seconds": [round(one, 2) for one in seconds[AT_LEAST_ONCE]],
        "ratio": round(sum(seconds[AT_LEAST_ONCE]) / sum(seconds[EXACTLY_ONCE]), 3),
        "ratio_by_cpu": round(sum(cpu[AT_LEAST_ONCE]) / sum(cpu[EXACTLY_ONCE]), 3),
    }


def prepare_simple(environment: dict[str, str], folder: Path) -> None:
    """The simple program is in force."""
    worker.apply(environment, SIMPLE, folder)


def simple_journal(catalog: Catalog, size: Sizes) -> Iterator[Outgoing]:
    """Bills of the last days, as a live system would have them."""
    start = int(time.time()) * 1_000 - 10 * DAY_MS
    journal = catalog.name("journal")
    for bill in three_line_bills(*size, start=start, days=9):
        yield Outgoing(journal, input_key(bill.org_id, bill.customer_id), encode_record(bill))


def prepare_roastery(environment: dict[str, str], _folder: Path) -> None:
    """The roastery's program is in force, in event mode."""
    accrue(environment, "backfill", "begin")
    accrue(environment, "program", "apply", str(ROOT / "bench" / "roastery.yaml"))


def roastery_journal(catalog: Catalog, size: Sizes) -> Iterator[Outgoing]:
    """What intake makes of the first so many messages of the synthetic year, the passing of time in between."""
    journal, transactions = catalog.name("journal"), catalog.name("transactions")
    limits, wall = Limits(transactions), int(time.time()) * 1_000
    count = 0
    for offset, (key, value, _) in enumerate(roastery(customers=size.customers)):
        for number in range(PARTITIONS) if key is None else (partition_for(key, PARTITIONS),):
            verdict = normalise(Message(transactions, number, offset, key, value, 0, ()), wall=wall, limits=limits)
            if isinstance(verdict, Accepted):
                record = encode_record(verdict.record)
                for place in (None,) if verdict.key else range(PARTITIONS):
                    yield Outgoing(journal, verdict.key, record, place)
        count += key is not None
        if key is None and count >= size.records:
            return


if __name__ == "__main__":
    main()
