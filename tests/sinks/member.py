"""A sink in a process of its own: a member of a group on a real Kafka that dies or freezes at a step, as it is told.

`python -m tests.sinks.member JSON` is the process; `Member` starts it.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import sinks.clickhouse.sink
from pipeline.log.kafka import KafkaLog
from pipeline.log.port import Partition
from sinks.clickhouse.connect import open_clickhouse
from sinks.clickhouse.sink import ClickHouseSink, SinkSettings
from sinks.clickhouse.writer import ClickHouseWriter

SECONDS: Final = 60.0
"""Longer than anything here should ever take."""
SESSION_SECONDS: Final = 2.0
"""So that the partitions of one that is frozen or killed are soon another's."""
_POLL_SECONDS: Final = 0.02
_LOG: Final = logging.getLogger(__name__)


class End(NamedTuple):
    """Where a member gets a signal, and which: SIGKILL and SIGSTOP come at once."""

    step: str
    """`commit`, or `insert` and a table."""
    nth: int
    """Which of the steps with that name, from 0."""
    done: bool
    """After the step, not before it."""
    signal: int


class Member:
    """The process; its log is in a file beside others of the test."""

    def __init__(
        self, folder: Path, bootstrap: str, dsn: str, settings: dict[str, Any], end: End | None = None, **more: Any
    ) -> None:
        told = {"bootstrap": bootstrap, "dsn": dsn, "settings": settings, "end": end, **more}
        self._file = folder / f"member-{time.monotonic_ns()}.log"
        with self._file.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.sinks.member", json.dumps(told)], stderr=log, stdin=subprocess.PIPE
            )

    def log(self) -> str:
        """What it has said."""
        return self._file.read_text()

    def wait_until_it_says(self, text: str, times: int = 1) -> None:
        """Wait for words in its log."""
        self._wait(lambda: self.log().count(text) >= times, text)

    def wait_until_frozen(self) -> None:
        """Wait until it has stopped itself."""
        self._wait(lambda: self._state() == "T", "that it freezes")

    def wait_for_death(self) -> int:
        """Wait until it has ended by itself; its exit code."""
        return self._end()

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT freeze it and let it go on."""
        os.kill(self._process.pid, number)

    def stop(self) -> int:
        """Ask it to stop, and wait; its exit code."""
        self.signal(signal.SIGTERM)
        return self._end()

    def kill(self) -> None:
        """The end, in whatever state it is."""
        self._process.kill()
        self._process.communicate()

    def _end(self) -> int:
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(SECONDS)
        self.signal(signal.SIGABRT)  # its log then says where it is
        self._process.wait(SECONDS)
        raise AssertionError(self.log())

    def _state(self) -> str:
        return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def _wait(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not happened():
            assert self._process.poll() is None, f"the sink died: {self.log()}"
            assert time.monotonic() < deadline, f"no {what!r} after {SECONDS} s: {self.log()}"
            threading.Event().wait(_POLL_SECONDS)


class _Steps:
    """Counts the steps and ends the process at one of them."""

    def __init__(self, end: End | None) -> None:
        self._end = end
        self._taken: list[str] = []

    def take(self, step: str, do: Callable[[], None]) -> None:
        end = self._end
        at_the_end = end is not None and end.step == step and self._taken.count(step) == end.nth
        self._taken.append(step)
        if at_the_end and end is not None and not end.done:
            os.kill(os.getpid(), end.signal)
        do()
        if at_the_end and end is not None and end.done:
            os.kill(os.getpid(), end.signal)


class _Writer:
    def __init__(self, inner: ClickHouseWriter, steps: _Steps) -> None:
        self._inner = inner
        self._steps = steps

    def insert(self, rows: Any, token: str | None) -> None:
        [table] = rows
        self._steps.take(f"insert {table}", lambda: self._inner.insert(rows, token))

    def last_offsets(self, table: str, partitions: Collection[Partition]) -> dict[Partition, int]:
        return self._inner.last_offsets(table, partitions)


class _Consumer:
    def __init__(self, inner: Any, steps: _Steps) -> None:
        self._inner = inner
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def subscribe(self, topics: Any, **callbacks: Callable[[Any], None]) -> None:
        def told(name: str, callback: Callable[[Any], None]) -> Callable[[Any], None]:
            def tell(partitions: Any) -> None:
                _LOG.warning("%s %d partitions", name, len(partitions))
                callback(partitions)

            return tell

        self._inner.subscribe(topics, **{name: told(name, callback) for name, callback in callbacks.items()})

    def commit_offsets(self, offsets: Any, timeout: float) -> None:
        self._steps.take("commit", lambda: self._inner.commit_offsets(offsets, timeout))


class _Log:
    def __init__(self, inner: KafkaLog, steps: _Steps) -> None:
        self._inner = inner
        self._steps = steps

    def consumer(self, group: str | None = None, **named: Any) -> Any:
        return _Consumer(self._inner.consumer(group, **named), self._steps)

    def ends(self, partitions: Collection[Partition], timeout: float, *, stable: bool = True) -> dict[Partition, int]:
        return self._inner.ends(partitions, timeout, stable=stable)


def main(told: dict[str, Any]) -> None:
    """Run the sink until SIGTERM, or until standard input ends, as it does when the test dies."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    faulthandler.enable()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
    sinks.clickhouse.sink._POLL_EVERY_SECONDS = 0.5  # type: ignore[misc]  # in step with the session
    steps = _Steps(End(*told["end"]) if told["end"] else None)
    log = KafkaLog(told["bootstrap"], max_poll_interval=told.get("max_poll_interval", 300.0))
    writer = _Writer(ClickHouseWriter(lambda: open_clickhouse(told["dsn"])), steps)
    settings = SinkSettings(
        **{"linger_seconds": 0.0, "poll_seconds": 0.05, "backoff_seconds": 0.05, "backoff_seconds_max": 0.5}
        | {"session_seconds": told.get("session_seconds", SESSION_SECONDS)}
        | told["settings"]
    )
    ClickHouseSink(_Log(log, steps), writer, settings).run(stop)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
