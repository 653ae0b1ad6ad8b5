"""(c) Intake and loyalty on the real broker with the roastery program, sink off, at one and at two workers.

A backlog of native messages lies in the transactions topic; the time runs to the last visible output.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench import worker
from bench.cluster import PARTITIONS, Cluster, reached
from bench.processes import ROOT, accrue, started
from bench.report import progress, report
from bench.sizes import Sizes, sizes
from bench.watch import Run, watch
from pipeline.cli.demo.roastery import roastery
from pipeline.log.port import Outgoing
from tests.broker import running_broker
from topics.catalog import Catalog

PROGRAM: Final = ROOT / "bench" / "roastery.yaml"
WORKERS: Final = (1, 2)
GROUP: Final = "accrue"
LIMIT_SECONDS: Final = 1_200.0


def main() -> None:
    """Measure and report, once for each number of workers."""
    size = sizes(400_000, 10_000)
    cpu_seconds: list[float] = []
    for workers in WORKERS:
        with running_broker() as bootstrap, tempfile.TemporaryDirectory(prefix="accrue-bench-") as folder:
            cpu_seconds.append(run(Cluster(bootstrap), Path(folder), size, workers).cpu_seconds)
    one, two = cpu_seconds
    report("c.compared", {"records_per_cpu_second_of_two_workers_to_one": round(one / two, 3)})


def run(cluster: Cluster, folder: Path, size: Sizes, workers: int) -> Run:
    """One backlog by so many workers."""
    catalog = Catalog()
    transactions, journal, facts = catalog.name("transactions"), catalog.name("journal"), catalog.name("facts")
    environment = worker.environment(cluster.bootstrap, folder)
    worker.create_topics(environment)
    accrue(environment, "backfill", "begin")
    accrue(environment, "program", "apply", str(PROGRAM))
    records = cluster.write(_backlog(transactions, size))
    progress(f"{records} messages are in {transactions}")
    read_all = reached(
        lambda: cluster.committed(f"{GROUP}.intake", [transactions]), cluster.next_offsets([transactions])
    )

    def done() -> bool:
        return (
            read_all()
            and reached(lambda: cluster.committed(f"{GROUP}.loyalty", [journal]), cluster.next_offsets([journal]))()
        )

    outputs = [facts, *catalog.notifications]
    with started(worker.commands(workers, ("intake", "loyalty")), environment, folder) as processes:
        took = watch(cluster, outputs, processes, done, LIMIT_SECONDS, between=[journal])
    notifications = cluster.count(catalog.notifications)
    fact_messages = cluster.count([facts])
    report(
        "c",
        {
            "program": PROGRAM.name,
            "workers": workers,
            **took.figures(records, notifications + fact_messages),
            "notifications": notifications,
            "fact_messages": fact_messages,
            "journal_records": cluster.count([journal]),
            "dead_letters": cluster.count([catalog.name("deadletters")]),
        },
    )
    return took


def _backlog(topic: str, size: Sizes) -> Iterator[Outgoing]:
    """So many messages of the synthetic year, with the passing of time in each partition."""
    count = 0
    for key, value, _ in roastery(customers=size.customers):
        if key is None:
            for number in range(PARTITIONS):
                yield Outgoing(topic, None, value, number)
            if count >= size.records:
                return
        else:
            count += 1
            yield Outgoing(topic, key, value)


if __name__ == "__main__":
    main()
