"""(g) A worker with a million customers of ten lots and one bill each starts anew; (h) then time passes for them.

(g) From the start of the process until `/readyz` says so: from an empty disk, and with the local store of before.
(h) From the moment `ClockAdvanced` can be read in the journal until all that follows of it is committed and visible.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

from bench import worker
from bench.cluster import PARTITIONS, Cluster
from bench.probe import probe
from bench.processes import Process
from bench.report import progress, report
from bench.sizes import sizes
from bench.state import LOTS, ONE_IN, Instants, instants, leave_behind
from pipeline.log.port import Outgoing
from pipeline.runtime.state.marker import MARKER_KEY, decode_marker
from schemas.records import WALL_SOURCE, ClockAdvanced, encode_record
from tests.broker import running_broker
from topics.catalog import Catalog

EMPTY_TICKS: Final = 20
WARM_UP_TICKS: Final = 200
"""Before those: the broker has just come up, and its code for transactions is not compiled yet."""
_LIMIT_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 0.02
_CHECK_SECONDS: Final = 1.0


def main() -> None:
    """Measure and report both."""
    _, customers = sizes(0, 1_000_000)
    now = int(time.time()) * 1_000
    with running_broker() as bootstrap, tempfile.TemporaryDirectory(prefix="accrue-bench-") as name:
        cluster, folder = Cluster(bootstrap), Path(name)
        environment = worker.environment(bootstrap, folder)
        worker.create_topics(environment)
        leave_behind(cluster, now, customers, bills=True)
        progress(f"{customers} customers are in the changelog")
        seconds: dict[str, float] = {}
        with closing(Started(environment, folder / "empty.log")) as one:
            seconds["empty_disk_seconds"] = one.ready_seconds()
        with closing(Started(environment, folder / "warm.log")) as one:
            seconds["warm_seconds"] = one.ready_seconds()
            one.process.kill()
        with closing(Started(environment, folder / "killed.log")) as one:
            seconds["warm_after_kill_seconds"] = one.ready_seconds()
            _report_restarts(customers, seconds)
            _report_ticks(customers, Ticks(cluster, one.process), instants(now))


class Started:
    """A worker, from its start on."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._began = time.monotonic()
        self.process = Process(worker.commands(1, ["loyalty"])[0], environment, log)
        self._page = f"http://127.0.0.1:{environment['ACCRUE_WEB_PORT']}/readyz"

    def ready_seconds(self) -> float:
        """Wait until it is ready; how long that took since the start. Raises `TimeoutError`."""
        pause = threading.Event()
        while not self._is_ready():
            self.process.check()
            if time.monotonic() - self._began > _LIMIT_SECONDS:
                message = f"{self._page} is not ready after {_LIMIT_SECONDS:.0f} s"
                raise TimeoutError(message)
            pause.wait(_LOOK_SECONDS)
        return time.monotonic() - self._began

    def _is_ready(self) -> bool:
        try:
            with urlopen(self._page, timeout=5.0) as answer:  # noqa: S310 - our own worker's page
                return bool(answer.status == 200)  # noqa: PLR2004 - HTTP
        except (URLError, ConnectionError):  # not up yet, or 503
            return False

    def close(self) -> None:
        """Ask it to stop, and wait for that."""
        self.process.stop()


class Ticks:
    """Time passes in every journal partition, and what follows of it is watched."""

    def __init__(self, cluster: Cluster, process: Process, limit_seconds: float = _LIMIT_SECONDS) -> None:
        catalog = Catalog()
        self._limit_seconds = limit_seconds
        self._cluster = cluster
        self._process = process
        self._journal, self._state, self._facts = (catalog.name(one) for one in ("journal", "state", "facts"))
        self._offsets: dict[int, int] = {}
        """Of the tick under way, by partition."""
        self._visible: dict[int, float] = {}
        self._done: dict[int, float] = {}
        self._facts_seen = 0
        self._fact_at = 0.0
        self._moved = threading.Condition()

    def take(self, until: int, fact_messages: int) -> float:
        """Seconds that one tick takes, which must give so many messages of facts. Raises `TimeoutError`."""
        with self._moved:
            self._visible, self._done, self._facts_seen, self._fact_at = {}, {}, 0, 0.0
            ends = self._cluster.ends([self._journal], visible=False)
            self._offsets = {number: end for (_, number), end in ends.items()}
        with probe(self._cluster, [self._journal, self._state, self._facts], self._seen):
            tick = encode_record(ClockAdvanced(until, WALL_SOURCE, 0, WALL_SOURCE, until))
            self._cluster.write(Outgoing(self._journal, None, tick, number) for number in range(PARTITIONS))
            deadline = time.monotonic() + self._limit_seconds
            with self._moved:
                while not self._moved.wait_for(lambda: self._is_whole(fact_messages), _CHECK_SECONDS):
                    self._process.check()
                    if time.monotonic() > deadline:
                        seen = f"{self._facts_seen} of {fact_messages} messages of facts"
                        message = f"{seen} after {self._limit_seconds:.0f} s"
                        raise TimeoutError(message)
        return max(self._fact_at, *self._done.values()) - min(self._visible.values())

    def _is_whole(self, fact_messages: int) -> bool:
        return len(self._visible) == len(self._done) == PARTITIONS and self._facts_seen >= fact_messages

    def _seen(self, message: Any, at: float) -> None:
        topic, number = message.topic(), message.partition()
        with self._moved:
            if topic == self._journal:
                self._visible.setdefault(number, at)
            elif topic == self._facts:
                self._facts_seen += 1
                self._fact_at = at
            elif message.key() == MARKER_KEY and decode_marker(message.value()).next_offset > self._offsets[number]:
                self._done.setdefault(number, at)
            self._moved.notify()


def _report_restarts(customers: int, seconds: Mapping[str, float]) -> None:
    figures: dict[str, object] = {"customers": customers, "open_lots_each": LOTS, "bills_each": 1}
    figures |= {name: round(value, 2) for name, value in seconds.items()}
    figures["restored_customers_per_second"] = round(customers / seconds["empty_disk_seconds"])
    report("g", figures)


def _report_ticks(customers: int, ticks: Ticks, at: Instants) -> None:
    count = WARM_UP_TICKS + EMPTY_TICKS
    step = (at.due - at.clock) // (count + 1)
    empty = [ticks.take(at.clock + number * step, 0) for number in range(1, count + 1)][WARM_UP_TICKS:]
    due = -(-customers // ONE_IN)
    seconds = ticks.take(at.due, due)
    report(
        "h",
        {
            "customers": customers,
            "due": due,
            "seconds": round(seconds, 3),
            "due_per_second": round(due / seconds),
            "warm_up_ticks": WARM_UP_TICKS,
            "none_due_ticks": EMPTY_TICKS,
            "none_due_milliseconds_median": round(median(empty) * 1e3, 1),
            "none_due_milliseconds_max": round(max(empty) * 1e3, 1),
        },
    )


if __name__ == "__main__":
    main()
