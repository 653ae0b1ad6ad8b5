"""A real Apache Kafka for the tests and the benchmarks: one JVM, its jars from Maven Central, its data in a folder.

`python -m tests.broker` starts one, prints its bootstrap address and stops it on SIGINT or SIGTERM.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.ports import free_port

ROOT: Final = Path(__file__).resolve().parent.parent
POM: Final = ROOT / "tests" / "kafka" / "pom.xml"
CACHE: Final = ROOT / ".cache" / "kafka"
KAFKA_VERSION: Final = "4.1.1"

HOW_TO_GET_ONE: Final = (
    "no Kafka to test with: install a JDK 17 or later and Maven, or set ACCRUE_TEST_KAFKA to a bootstrap address"
)

_START_SECONDS: Final = 180.0
_STOP_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.02

_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners={listeners},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners={advertised}
listener.security.protocol.map={protocols}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
offsets.topic.segment.bytes=1048576
log.cleaner.backoff.ms=1000
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=100
auto.create.topics.enable=false
broker.session.timeout.ms={session_ms}
"""

# The pipe to its standard input closes when this process ends, however it ends; then the broker does, too.
_AS_LONG_AS_WE_LIVE: Final = '"$@" & cat > /dev/null; kill $!; wait $!'

_LOGGING: Final = """\
status=error
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %m (%c)%n
"""


class BrokerError(Exception):
    """The broker did not start; the message holds the end of its log."""


def can_run() -> bool:
    """Whether this machine can start a broker: it needs a JDK 17 or later, and Maven unless the jars are there."""
    if shutil.which("java") is None or (shutil.which("mvn") is None and not _jars_marker().exists()):
        return False
    version = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    major = version.partition('"')[2].partition(".")[0].partition('"')[0]
    return major.isdigit() and int(major) >= 17


class Broker:
    """One broker over one data folder; it can be killed and started again on the same port."""

    def __init__(self, folder: Path, advertised: Sequence[str] = (), *, session_seconds: float = 9.0) -> None:
        """For each address in `advertised` there is one more listener, one of `doors`, whose clients are sent there.

        The controller takes a broker for dead that was silent for `session_seconds`: after a crash it comes back no
        sooner, and on a machine that stood still for so long every partition gets a new leader.
        """
        self._folder = folder
        self._classpath = f"{_jars()}/*"
        port, controller_port, *door_ports = (free_port() for _ in range(2 + len(advertised)))
        self._process: subprocess.Popen[bytes] | None = None
        self.bootstrap = f"127.0.0.1:{port}"
        self.doors = tuple(f"127.0.0.1:{door}" for door in door_ports)
        folder.mkdir(parents=True, exist_ok=True)
        self._properties = folder / "server.properties"
        names = ("PLAINTEXT", *(f"DOOR{number}" for number in range(len(advertised))))
        self._properties.write_text(
            _PROPERTIES.format(
                listeners=_listeners(names, (self.bootstrap, *self.doors)),
                advertised=_listeners(names, (self.bootstrap, *advertised)),
                protocols=",".join(f"{name}:PLAINTEXT" for name in (*names, "CONTROLLER")),
                controller_port=controller_port,
                data=folder / "data",
                session_ms=int(session_seconds * 1_000),
            )
        )
        (folder / "log4j2.properties").write_text(_LOGGING)
        # A cluster id must not begin with a dash, or the command line takes it for an option.
        cluster = "A" + urlsafe_b64encode(secrets.token_bytes(16)).decode()[1:22]
        tool = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties))
        formatted = subprocess.run(tool, capture_output=True, text=True, check=False)
        if formatted.returncode:
            message = f"cannot format the data folder: {formatted.stdout}{formatted.stderr}"
            raise BrokerError(message)

    def start(self) -> None:
        """Start the process and wait until it answers."""
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _AS_LONG_AS_WE_LIVE, "sh", *self._java("kafka.Kafka", str(self._properties))],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C meant for pytest must not stop it under a running test
            )
        atexit.register(self.stop)
        self._wait_until_it_answers(time.monotonic() + _START_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal: SIGSTOP and SIGCONT make it hang and go on."""
        if self._process is not None:
            os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """Crash: the process ends at once; `start` brings it back with what it had."""
        process, self._process = self._process, None
        if process is not None:
            atexit.unregister(self.stop)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def stop(self) -> None:
        """Stop the process and wait for its end; a second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        with suppress(ProcessLookupError):  # it may have ended by itself
            os.killpg(process.pid, signal.SIGCONT)
            os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while _group_exists(process.pid) and time.monotonic() < deadline:
            process.poll()
            threading.Event().wait(_POLL_SECONDS)
        with suppress(ProcessLookupError):  # it has ended, as it should
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def _java(self, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"
        return ["java", "-Xms256m", "-Xmx1g", "-cp", self._classpath, logging, *arguments]

    def _wait_until_it_answers(self, deadline: float) -> None:
        client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 200})
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            with suppress(KafkaException):  # not yet
                client.list_topics(timeout=1.0)
                return
        end = (self._folder / "broker.log").read_text()[-2_000:]
        self.stop()
        message = f"Kafka did not answer at {self.bootstrap}: {end}"
        raise BrokerError(message)


@contextmanager
def running_broker() -> Iterator[str]:
    """The bootstrap address of a broker that runs as long as the block."""
    with tempfile.TemporaryDirectory(prefix="accrue-kafka-") as folder:
        broker = Broker(Path(folder), session_seconds=60.0)
        try:
            broker.start()
            yield broker.bootstrap
        finally:
            broker.stop()


def _jars_marker() -> Path:
    return CACHE / KAFKA_VERSION / "complete"


def _jars() -> Path:
    """The folder with the broker's jars; the first to come fetches them, others wait."""
    marker = _jars_marker()
    marker.parent.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists():
            copy = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
            fetched = subprocess.run(
                [*copy, f"-DoutputDirectory={marker.parent}"], capture_output=True, text=True, check=False
            )
            if fetched.returncode:
                message = f"cannot fetch Kafka from Maven Central: {fetched.stdout}{fetched.stderr}"
                raise BrokerError(message)
            marker.touch()
    return marker.parent


def _listeners(names: Sequence[str], addresses: Sequence[str]) -> str:
    return ",".join(f"{name}://{address}" for name, address in zip(names, addresses, strict=True))


def _group_exists(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    """Run a broker until SIGINT or SIGTERM."""
    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_stop.set())
    with running_broker() as bootstrap:
        sys.stdout.write(f"{bootstrap}\n")
        sys.stdout.flush()
        asked_to_stop.wait()


if __name__ == "__main__":
    main()
