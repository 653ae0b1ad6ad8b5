"""(f) How long an input takes to be seen downstream, at half of what one worker can do.

Native JSON in `loyalty.transactions`, intake and loyalty in one worker, sink off, ten rules of which four match. First
a backlog says what the worker can do. Then messages are sent at half of that rate, each at an instant that was fixed
before, whatever became of those before it (open loop): time counts from that instant, so a stall counts for all whom it
kept waiting. A message has arrived when a read_committed reader has its `transactionAdded`.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Producer

from bench import worker
from bench.cluster import Cluster
from bench.probe import probe
from bench.processes import Process, started
from bench.report import progress, report
from bench.samples import DAY_MS, TEN_RULES, as_messages, three_line_bills
from bench.sizes import sizes
from bench.watch import watch
from pipeline.log.port import Outgoing
from schemas.records import TransactionAdded, decode_record
from tests.broker import running_broker
from topics.catalog import Catalog

SECONDS: Final = 30
WARM_UP_SECONDS: Final = 60
"""Until then the broker's compiler takes a core for itself."""
LOAD: Final = 0.5
_LIMIT_SECONDS: Final = 1_200.0
_ARRIVE_SECONDS: Final = 60.0
_LEAD_SECONDS: Final = 0.5
_CHECK_SECONDS: Final = 1.0
_BILL: Final = b'"billNumber":"b-'

Keyed = tuple[bytes, bytes]
"""Key and value."""


def main() -> None:
    """Measure and report."""
    records, customers = sizes(100_000, 10_000)
    catalog = Catalog()
    journal, facts = catalog.name("journal"), catalog.name("facts")
    transactions, notified = catalog.name("transactions"), catalog.name("notifications.customers")
    with running_broker() as bootstrap, tempfile.TemporaryDirectory(prefix="accrue-bench-") as name:
        cluster, folder = Cluster(bootstrap), Path(name)
        environment = worker.environment(bootstrap, folder)
        worker.prepare(environment, TEN_RULES, folder)
        start = int(time.time()) * 1_000 - 2 * DAY_MS
        messages = as_messages(three_line_bills(3 * records, customers, start=start, days=1))
        cluster.write(Outgoing(transactions, key, value) for key, value in islice(messages, records))
        progress(f"{records} messages are in {transactions}")
        with started(worker.commands(1, ["intake", "loyalty"]), environment, folder) as (process,):
            drained = watch(
                cluster,
                [facts],
                [process],
                lambda: cluster.count([facts]) >= records,
                _LIMIT_SECONDS,
                between=[journal],
            )
            rate = LOAD * records / drained.seconds
            count, warm = (min(records, int(rate * seconds)) for seconds in (SECONDS, WARM_UP_SECONDS))
            progress(
                f"{records / drained.seconds:.0f} a second drained; {warm} + {count} messages at {rate:.0f} a second"
            )
            seen = Seen(journal, first=records, count=warm + count)
            with probe(cluster, [journal, notified], seen):
                sent = send(bootstrap, transactions, islice(messages, warm + count), rate)
                seen.wait(process)
    scheduled, lateness = sent
    hops = {
        "input_to_journal": (scheduled, seen.in_journal),
        "journal_to_notification": (seen.in_journal, seen.notified),
        "input_to_notification": (scheduled, seen.notified),
        "scheduled_to_sent": (scheduled, [at + late for at, late in zip(scheduled, lateness, strict=True)]),
    }
    figures = {hop: percentiles(since[warm:], until[warm:]) for hop, (since, until) in hops.items()}
    report(
        "f",
        {
            "what": "milliseconds from the scheduled time of sending, read_committed",
            "drained_per_second": round(records / drained.seconds),
            "sent_per_second": round(rate),
            "records": count,
            "customers": customers,
            **figures,
        },
    )


class Seen:
    """When each bill could be read in the journal, and when its notification."""

    def __init__(self, journal: str, *, first: int, count: int) -> None:
        """Of `count` bills from number `first` on."""
        self.in_journal = [0.0] * count
        self.notified = [0.0] * count
        self._journal = journal
        self._first = first
        self._left = count
        self._all = threading.Event()

    def __call__(self, message: Any, at: float) -> None:
        """Note one message."""
        if message.topic() == self._journal:
            record = decode_record(message.value())
            if isinstance(record, TransactionAdded):
                self.in_journal[number_of(record.bill_number) - self._first] = at
        elif (number := bill_in(message.value())) is not None:
            self.notified[number - self._first] = at
            self._left -= 1
            if not self._left:
                self._all.set()

    def wait(self, process: Process) -> None:
        """Wait until all were notified of; raises `TimeoutError`."""
        deadline = time.monotonic() + _ARRIVE_SECONDS
        while not self._all.wait(_CHECK_SECONDS):
            process.check()
            if time.monotonic() > deadline:
                message = f"{self._left} of {len(self.notified)} messages were not notified of"
                raise TimeoutError(message)


def send(bootstrap: str, topic: str, messages: Iterable[Keyed], rate: float) -> tuple[list[float], list[float]]:
    """Send each message at its time: the monotonic seconds that were planned, and how late each left."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "partitioner": "murmur2_random"})
    pause = threading.Event()
    begin = time.monotonic() + _LEAD_SECONDS
    scheduled: list[float] = []
    lateness: list[float] = []
    for due, (key, value) in zip(_times(begin, rate), messages, strict=False):
        if (left := due - time.monotonic()) > 0:
            pause.wait(left)
        scheduled.append(due)
        lateness.append(time.monotonic() - due)
        producer.produce(topic, value, key)
        producer.poll(0)
    producer.flush(_ARRIVE_SECONDS)
    return scheduled, lateness


def _times(begin: float, rate: float) -> Iterator[float]:
    number = 0
    while True:
        yield begin + number / rate
        number += 1


def number_of(bill_number: str) -> int:
    """The number of a bill of `three_line_bills`."""
    return int(bill_number.removeprefix("b-"))


def bill_in(notification: bytes) -> int | None:
    """The number of the bill that a `transactionAdded` is about; None for anything else."""
    start = notification.find(_BILL)
    if start < 0:
        return None
    start += len(_BILL)
    return int(notification[start : notification.index(b'"', start)])


def percentiles(since: Sequence[float], until: Sequence[float]) -> dict[str, float]:
    """Milliseconds between two lists of instants: the smallest that so many percent do not exceed."""
    spans = sorted(end - begin for begin, end in zip(since, until, strict=True))
    last = len(spans) - 1
    ranks = {f"p{percent}": -(-percent * len(spans) // 100) - 1 for percent in (50, 90, 99)}
    return {name: round(spans[rank] * 1e3, 1) for name, rank in (ranks | {"max": last}).items()}


if __name__ == "__main__":
    main()
