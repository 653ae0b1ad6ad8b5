"""The product as its users have it: commands and workers as processes, and what they wrote as it lies in the log."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.cli.place import Place
from pipeline.cli.reading import partitions_of, read_all
from pipeline.log.port import Message, Partition
from pipeline.runtime.settings import Settings
from pipeline.runtime.state.marker import MARKER_KEY, decode_marker
from schemas.facts import Fact, decode_facts
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
ACCRUE = Path(sys.executable).with_name("accrue")
PATIENCE_SECONDS = 120.0
COMMAND_SECONDS = 90.0
LOOK_SECONDS = 0.02


class Product:
    """One installation: a folder, and variables that may name a Kafka."""

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self._variables = {"ACCRUE_DATA_DIR": str(self.data), **(variables or {})}
        self.place = Place(
            Settings(**{name.removeprefix("ACCRUE_").lower(): value for name, value in self._variables.items()})
        )

    def run(self, *arguments: str, stdin: bytes = b"", code: int = 0) -> subprocess.CompletedProcess[str]:
        """A command, run to its end, which must have this exit code."""
        ended = self.ended(*arguments, stdin=stdin)
        last = f"{ended.stdout[-2_000:]}\n{ended.stderr[-4_000:]}"
        assert ended.returncode == code, f"{arguments} ended with {ended.returncode}:\n{last}"
        return ended

    def ended(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """A command, run to its end, whatever that is."""
        ended = subprocess.run(
            [ACCRUE, *arguments],
            input=stdin,
            env=self._environment({}),
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        out, err = ended.stdout.decode(), ended.stderr.decode()
        return subprocess.CompletedProcess(ended.args, ended.returncode, out, err)

    def json(self, *arguments: str, stdin: bytes = b"") -> Any:
        """What a command prints with `--json`."""
        return json.loads(self.run(*arguments, "--json", stdin=stdin).stdout)

    @contextmanager
    def worker(self, *arguments: str, slot: int = 0, **variables: str) -> Iterator[Worker]:
        """A worker in the background; killed at the end if it still runs."""
        worker = self.start_worker(*arguments, slot=slot, **variables)
        try:
            yield worker
        finally:
            worker.kill()

    def start_worker(self, *arguments: str, slot: int = 0, **variables: str) -> Worker:
        """A worker in the background, which whoever asked for it ends."""
        port = free_port()
        environment = self._environment({**variables, "ACCRUE_WEB_PORT": str(port - slot)})
        said = self.folder / f"worker-{slot}.log"
        with said.open("ab") as out:
            begin = out.tell()
            process = subprocess.Popen(
                [ACCRUE, "worker", "--slot", str(slot), *arguments],
                env=environment,
                stdout=out,
                stderr=out,
                start_new_session=True,  # a Ctrl-C meant for the tests is none for it
            )
        return Worker(process, said, begin, port)

    @contextmanager
    def watched(self) -> Iterator[Watch]:
        """What the installation writes, followed from the beginning."""
        with self.place.log() as log:
            watch = Watch(self.place, log)
            try:
                yield watch
            finally:
                watch.close()

    def read(self, topic: str) -> list[Message]:
        """Everything that lies in a topic, by its name without prefix."""
        with self.place.log() as log:
            return list(read_all(log, partitions_of([self.place.catalog.name(topic)], self.place.settings.partitions)))

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ACCRUE_")}
        return {**inherited, "ACCRUE_GATEWAY_PORT": "none", **self._variables, **more}


class Worker:
    """A worker's process."""

    def __init__(self, process: subprocess.Popen[bytes], said: Path, begin: int, port: int) -> None:
        """What it says goes to the file `said`, from the byte `begin` on."""
        self._process = process
        self._said = said
        self._begin = begin
        self._port = port
        self.pid = process.pid

    def get(self, path: str) -> tuple[int, str] | None:
        """Status and body of one of its pages; None while nobody listens."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionRefusedError:
            return None
        finally:
            connection.close()

    def is_ready(self) -> bool:
        """Whether it says that it is ready."""
        answer = self.get("/readyz")
        return answer is not None and answer[0] == 200

    def stop(self) -> None:
        """End it as an operator does; it must end well."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(PATIENCE_SECONDS) == 0, self.last_words()

    def send_signal(self, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT make it hang and go on; does nothing to one that has ended."""
        self._process.send_signal(number)

    def code(self) -> int | None:
        """The exit code once it has ended; below zero for the signal that ended it."""
        return self._process.poll()

    def kill(self) -> None:
        """End it at once; a second call does nothing."""
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)

    def must_run(self) -> None:
        """Fail with what it said when it has ended."""
        code = self._process.poll()
        assert code is None, f"the worker ended with {code}:\n{self.last_words()}"

    def words(self) -> str:
        """All that it said since it was started."""
        return self._said.read_bytes()[self._begin :].decode(errors="replace")

    def last_words(self) -> str:
        """The end of it."""
        return self.words()[-4_000:]


def wait_until(holds: Callable[[], bool], *workers: Worker) -> None:
    """Return once it holds; fail when a worker ends before, or when it takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while not holds():
        for worker in workers:
            worker.must_run()
        if time.monotonic() > deadline:
            pytest.fail("what was waited for did not come about:\n" + "\n".join(one.last_words() for one in workers))
        pause.wait(LOOK_SECONDS)


class Watch:
    """Follows what the sink follows; belongs to one thread."""

    def __init__(self, place: Place, log: Any) -> None:
        catalog, count = place.catalog, place.settings.partitions
        self._log = log
        self._state = catalog.name("state")
        self._facts_topic = catalog.name("facts")
        self._sink = f"{place.settings.group}.sink"
        self._topics = [catalog.name(name) for name in ("journal", "facts", "state", "replies")] + list(
            catalog.notifications
        )
        self._partitions = partitions_of(self._topics, count)
        self._consumer = log.consumer()
        self._consumer.assign(dict.fromkeys(self._partitions, 0))
        self._last: dict[Partition, int] = {}
        self._clocks = dict.fromkeys(range(count), 0)
        self._facts: dict[tuple[int, int], list[Fact]] = defaultdict(list)

    def close(self) -> None:
        self._consumer.close()

    def clock(self) -> int:
        """The time up to which every journal partition is decided, milliseconds since the epoch."""
        while messages := self._consumer.consume(10_000, 0.0):
            for message in messages:
                self._note(message)
        return min(self._clocks.values())

    def is_stored(self) -> bool:
        """Whether the sink has committed everything that is in the log now."""
        self.clock()
        ends = self._log.ends(self._partitions, 30.0)
        if any((self._consumer.position(one) or 0) < end for one, end in ends.items()):
            return False
        committed = self._log.group_offsets(self._sink, self._topics)
        return all((committed[one].offset or 0) > last for one, last in self._last.items())

    def facts_of(self, org_id: int, customer_id: int) -> list[Fact]:
        """What has been decided about a customer so far."""
        self.clock()
        return self._facts[org_id, customer_id]

    def digest(self) -> str:
        """Of all facts, by customer and in their order, whichever messages they came in."""
        self.clock()
        for customer, facts in self._facts.items():
            assert [fact.seq for fact in facts] == list(range(1, len(facts) + 1)), customer
        lines = [
            msgspec.json.encode([*customer, facts], order="deterministic")
            for customer, facts in sorted(self._facts.items())
        ]
        return hashlib.sha256(b"\n".join(lines)).hexdigest()

    def _note(self, message: Message) -> None:
        self._last[Partition(message.topic, message.partition)] = message.offset
        if message.topic == self._state and message.key == MARKER_KEY:
            self._clocks[message.partition] = decode_marker(message.value or b"").clock.time
        elif message.topic == self._facts_topic:
            decoded = decode_facts(message.value or b"")
            self._facts[decoded.org_id, decoded.customer_id] += decoded.facts()
