"""(k) Bills that name their customer by a card, by turns with bills by customerId: what finding the customer costs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from bench import worker
from bench.cluster import Cluster, reached
from bench.processes import started
from bench.report import progress, report
from bench.samples import DAY_MS, FIRST_CUSTOMER, ORG, TEN_RULES, as_messages, card_of, three_line_bills
from bench.sizes import Sizes
from bench.watch import Run, watch
from pipeline.intake.dialects.naming import input_key
from pipeline.log.port import Outgoing
from schemas.messages import CustomerAdded
from topics.catalog import Catalog

BY_ID: Final = "customerId"
BY_CARD: Final = "cardNumber"
TURNS: Final = (BY_ID, BY_CARD, BY_CARD, BY_ID)
IDENTITY: Final = {"ACCRUE_IDENTITY_KEY": "a key of the benchmarks"}
"""What cards are hashed with."""
_LIMIT_SECONDS: Final = 600.0

Keyed = tuple[bytes, bytes]
"""Key and value."""


def compare(cluster: Cluster, folder: Path, size: Sizes) -> None:
    """Measure and report: a backlog each turn, worked off by a worker of its own on the same customers."""
    job = _Job(cluster, worker.environment(cluster.bootstrap, folder) | IDENTITY, folder)
    worker.prepare(job.environment, TEN_RULES, folder)
    worker.apply_settings(job.environment, ORG, folder)
    start = int(time.time()) * 1_000 - 2 * DAY_MS
    job.work_off(registrations(size.customers, start))
    bills = three_line_bills(len(TURNS) * size.records, size.customers, start=start, days=1)
    runs = []
    for named_by in TURNS:
        progress(f"{size.records} bills by {named_by}")
        told = job.told()
        some = islice(bills, size.records)
        run, outputs = job.work_off(as_messages(some, by_card=named_by is BY_CARD))
        if job.told() - told != size.records:
            message = f"{job.told() - told} of {size.records} bills by {named_by} were told"
            raise SystemExit(message)
        report("k.bills", {"named_by": named_by, **run.figures(size.records, outputs)})
        runs.append((named_by, run))
    report("k.bills.compared", {"records": size.records, "customers": size.customers, **compared(runs)})


class _Job:
    """Intake and loyalty in one worker, on what lies in `transactions`."""

    def __init__(self, cluster: Cluster, environment: dict[str, str], folder: Path) -> None:
        catalog = Catalog()
        self.environment = environment
        self._cluster = cluster
        self._folder = folder
        self._transactions, self._journal = catalog.name("transactions"), catalog.name("journal")
        self._outputs = [catalog.name("facts"), *catalog.notifications]
        self._about_bills = catalog.name("notifications.customers")

    def told(self) -> int:
        """How many notifications about customers and their bills there are."""
        return self._cluster.count([self._about_bills])

    def work_off(self, messages: Iterable[Keyed]) -> tuple[Run, int]:
        """Write the messages and let a worker decide them; how that went, and how many outputs it gave."""
        before = self._cluster.count(self._outputs)
        self._cluster.write(Outgoing(self._transactions, key, value) for key, value in messages)
        with started(worker.commands(1, ["intake", "loyalty"]), self.environment, self._folder) as processes:
            run = watch(self._cluster, self._outputs, processes, self._is_done, _LIMIT_SECONDS, between=[self._journal])
        return run, self._cluster.count(self._outputs) - before

    def _is_done(self) -> bool:
        return self._is_read("intake", self._transactions) and self._is_read("loyalty", self._journal)

    def _is_read(self, role: str, topic: str) -> bool:
        there = self._cluster.next_offsets([topic])
        return reached(lambda: self._cluster.committed(f"accrue.{role}", [topic]), there)()


def registrations(customers: int, at: int) -> Iterator[Keyed]:
    """The customers of `three_line_bills`, each with a card."""
    encode = msgspec.json.Encoder().encode
    for customer_id in range(FIRST_CUSTOMER, FIRST_CUSTOMER + customers):
        message = CustomerAdded(
            org_id=ORG.org_id,
            customer_id=customer_id,
            event_time=at,
            identifiers={"cardNumber": card_of(customer_id)},
        )
        yield input_key(ORG.org_id, customer_id), encode(message)


def compared(runs: Sequence[tuple[str, Run]]) -> dict[str, object]:
    """CPU seconds of each turn, and how much of the one's a bill by card costs."""
    cpu = {one: [run.cpu_seconds for named_by, run in runs if named_by == one] for one in (BY_ID, BY_CARD)}
    return {
        "cpu_seconds_by_customer_id": [round(one, 2) for one in cpu[BY_ID]],
        "cpu_seconds_by_card": [round(one, 2) for one in cpu[BY_CARD]],
        "times_the_cost": round(sum(cpu[BY_CARD]) / sum(cpu[BY_ID]), 2),
    }
