from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Partition
from pipeline.runtime.host.app import HostApp, build_app, running
from pipeline.runtime.host.metrics import Metrics
from pipeline.runtime.host.pages import pages_of
from pipeline.runtime.host.web import WebServer, listen_on
from pipeline.runtime.roles.intake import IntakeRole
from schemas.facts import decode_facts
from tests.ports import free_port
from tests.runtime.workshop import PATIENCE_SECONDS, Until, Workshop, activation, bill

TRANSACTION = {
    "type": "transactionAdded",
    "id": "t1",
    "orgId": 1,
    "customerId": 5,
    "eventTime": 1_600_000_000_000,
    "billNumber": "B1",
    "amountMinor": 1_000,
    "currency": "GBP",
}
WORKER = """
import sys
from pathlib import Path
from pipeline.log.embedded import EmbeddedLog
from pipeline.runtime.host.app import run_worker
from pipeline.runtime.host.starting import roles_of
from pipeline.runtime.settings import Settings
settings = Settings(data_dir=Path(sys.argv[1]), prefix="host.", group="host.accrue", partitions=2, web_port=None)
class Failing:
    name = "sink"
    def run(self, stop):
        raise ZeroDivisionError
    def status(self):
        return False, ""
    def behind(self):
        return {}
others = [Failing()] if "sink" in sys.argv else []
run_worker(settings, roles_of(settings, EmbeddedLog(Path(sys.argv[1]) / "log"), ("intake", "loyalty"), others))
"""
STUCK_WORKER = """
import sys, threading
from pathlib import Path
from pipeline.log.embedded import EmbeddedLog
from pipeline.runtime.host import app as host
from pipeline.runtime.host.starting import roles_of
from pipeline.runtime.settings import Settings
class Stuck:
    name = "sink"
    def run(self, stop):
        print("runs", flush=True)
        threading.Event().wait()
    def status(self):
        return True, ""
    def behind(self):
        return {}
host.STOP_SECONDS = float(sys.argv[2])
settings = Settings(data_dir=Path(sys.argv[1]), prefix="host.", group="host.accrue", partitions=2, web_port=None)
host.run_worker(settings, roles_of(settings, EmbeddedLog(Path(sys.argv[1]) / "log"), ("sink",), [Stuck()]))
"""


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    log = EmbeddedLog(tmp_path / "log")
    workshop = Workshop(log, tmp_path, "host.")
    workshop.journal(activation())
    yield workshop
    workshop.close()
    log.close()


def send(workshop: Workshop, count: int = 1, **changes: object) -> None:
    for number in range(count):
        message = TRANSACTION | {"id": f"t{number}", "billNumber": f"B{number}"} | changes
        message["eventTime"] = time.time_ns() // 1_000_000
        workshop.send("transactions", b"1:5", json.dumps(message).encode(), 1)


def wait_for(workshop: Workshop, role: str, topic: str) -> None:
    wait_until(workshop.until_read(role, topic))


def wait_until(until: Until) -> None:
    pause = threading.Event()
    while not until.is_set():
        pause.wait(0.05)


def serving(app: HostApp, port: int) -> WebServer:
    """The pages of an app."""
    return WebServer(listen_on("127.0.0.1", port), pages_of(app.roles, "host.accrue"))


def get(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_message_sent_to_an_input_topic_becomes_a_notification(workshop: Workshop) -> None:
    send(workshop, 20)
    app = build_app(workshop.settings, workshop.log, ("intake", "loyalty"))

    with running(app):
        wait_for(workshop, "intake", "transactions")
        wait_for(workshop, "loyalty", "journal")

    assert len(workshop.read("notifications.points")) == 20
    assert sum(decode_facts(one.value or b"").count for one in workshop.read("facts")) == 82


def test_clock_message_reaches_every_journal_partition_once(workshop: Workshop) -> None:
    workshop.send("transactions", None, b'{"type":"advanceClock","time":1600000000000}', 0)
    app = build_app(workshop.settings, workshop.log, ("intake",))

    with running(app):
        wait_for(workshop, "intake", "transactions")

    assert [(one.partition, one.key) for one in workshop.read("journal")] == [(0, None)] * 2 + [(1, None)] * 2


def test_message_nobody_can_read_is_a_dead_letter_with_its_bytes_and_origin(workshop: Workshop) -> None:
    workshop.send("events", b"k", b"{nonsense", 1, (("trace", b"abc"),))
    app = build_app(workshop.settings, workshop.log, ("intake",))

    with running(app):
        wait_for(workshop, "intake", "events")

    (letter,) = workshop.read("deadletters")
    headers = dict(letter.headers)
    assert (letter.key, letter.value, headers["trace"], headers["accrue.origin"], headers["accrue.stage"]) == (
        b"k",
        b"{nonsense",
        b"abc",
        b"host.events:1:0",
        b"intake",
    )


def test_pages_tell_that_the_worker_lives_is_ready_and_how_it_does(workshop: Workshop) -> None:
    port = free_port()
    counted = (
        'messaging_client_consumed_messages_total{role="intake"} 3.0',
        'messaging_client_sent_messages_total{role="intake"} 3.0',
        'accrue_rule_hits_total{org="1",program="7",rule="spend"} 3.0',
    )
    send(workshop, 3)
    app = build_app(workshop.settings, workshop.log, ("intake", "loyalty"))

    with running(app), serving(app, port):
        wait_for(workshop, "intake", "transactions")
        wait_for(workshop, "loyalty", "journal")
        wait_until(Until(lambda: all(one in get(port, "/metrics")[1] for one in counted)))  # just after the commit
        seen = {path: get(port, path) for path in ("/livez", "/readyz", "/metrics")}

    assert seen["/livez"] == (200, '{"alive":true,"dead":[]}')
    assert (seen["/readyz"][0], json.loads(seen["/readyz"][1])) == (
        200,
        {
            "ready": True,
            "roles": {"intake": {"ready": True, "reason": ""}, "loyalty": {"ready": True, "reason": ""}},
        },
    )
    assert seen["/metrics"][0] == 200
    assert 'accrue_transactions_committed_total{role="intake"}' in seen["/metrics"][1]
    assert [one for one in counted if one not in seen["/metrics"][1]] == []
    assert 'accrue_ready{role="loyalty"} 1.0' in seen["/metrics"][1]
    timed = 'messaging_client_operation_duration_seconds_count{messaging_operation_name="commit",role="loyalty"} 0.0'
    assert timed.removesuffix(" 0.0") in seen["/metrics"][1]
    assert timed not in seen["/metrics"][1]


def test_faust_serves_no_pages_whatever_the_environment_says(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("APP_DEBUG", "WEB_ENABLED"):
        monkeypatch.setenv(name, "1")

    app = build_app(workshop.settings, workshop.log, ("intake",))

    assert list(app.boot_strategy.web_server()) == []


class _Failing:
    name = "sink"

    def run(self, stop: threading.Event) -> None:
        stop.wait(0.1)
        raise ZeroDivisionError

    def status(self) -> tuple[bool, str]:
        return False, "it is about to fail"

    def behind(self) -> dict[Partition, int]:
        return {Partition("facts", 1): 7}


def test_metrics_tell_the_lag_of_a_role_that_is_not_ours() -> None:
    text = Metrics("accrue", [], {"sink": _Failing().behind}, dict).text()

    assert 'kafka_consumergroup_lag{consumergroup="accrue.sink",partition="1",topic="facts"} 7.0' in text


def test_role_that_dies_ends_the_app_with_its_error(workshop: Workshop) -> None:
    app = build_app(workshop.settings, workshop.log, ("intake", "sink"), extra_roles=[_Failing()])

    with pytest.raises(ZeroDivisionError), running(app):
        app.roles.stop.wait(PATIENCE_SECONDS)

    assert not any(app.roles.alive().values())


def test_error_of_an_agent_reaches_the_thread_that_waits(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(IntakeRole, "process", fail)
    send(workshop, 3)
    app = build_app(workshop.settings, workshop.log, ("intake",))

    with pytest.raises(ZeroDivisionError), running(app):
        app.roles.stop.wait(PATIENCE_SECONDS)


def test_role_that_halts_says_why_while_the_worker_lives_and_the_others_work(workshop: Workshop) -> None:
    port = free_port()
    settings = workshop.settings.model_copy(update={"dead_letters_per_minute_max": 2})
    app = build_app(settings, workshop.log, ("intake", "loyalty"))
    send(workshop, 3, customerId="nobody")

    with running(app), serving(app, port):
        wait_until(Until(lambda: "halted" in app.roles.status()["intake"][1]))
        workshop.journal(bill(5, 1, time.time_ns() // 1_000_000))
        wait_for(workshop, "loyalty", "journal")
        lives, ready = get(port, "/livez"), get(port, "/readyz")

    assert lives == (200, '{"alive":true,"dead":[]}')
    assert (ready[0], json.loads(ready[1])) == (
        503,
        {
            "ready": False,
            "roles": {
                "intake": {
                    "ready": False,
                    "reason": "halted: more than 2 messages in a minute could not be read. Those are dead letters; the "
                    'next is host.transactions:1:2, INVALID_FIELDS: customerId is "nobody". Correct the producer, then '
                    "start the worker again, with a higher ACCRUE_DEAD_LETTERS_PER_MINUTE_MAX if more still wait",
                },
                "loyalty": {"ready": True, "reason": ""},
            },
        },
    )
    assert len(workshop.read("deadletters")) == 2
    assert len(workshop.read("facts")) == 1


def test_role_that_nothing_was_given_for_is_refused(workshop: Workshop) -> None:
    with pytest.raises(ValueError, match="role sink"):
        build_app(workshop.settings, workshop.log, ("sink",))


def _worker(folder: Path, *others: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORKER, str(folder), *others], cwd=Path(__file__).parents[2])


def test_worker_in_the_foreground_ends_with_zero_on_sigterm(workshop: Workshop, tmp_path: Path) -> None:
    send(workshop, 2)
    worker = _worker(tmp_path)
    try:
        wait_for(workshop, "intake", "transactions")
        wait_for(workshop, "loyalty", "journal")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_SECONDS) == 0
    finally:
        worker.kill()
        worker.wait(PATIENCE_SECONDS)

    assert len(workshop.read("notifications.points")) == 2


def test_worker_in_the_foreground_ends_with_an_error_when_a_role_dies(workshop: Workshop) -> None:
    worker = _worker(workshop.folder, "sink")
    try:
        assert worker.wait(PATIENCE_SECONDS) == 1
    finally:
        worker.kill()
        worker.wait(PATIENCE_SECONDS)

    assert HostApp.BootStrategy.enable_kafka is False


def test_worker_in_the_foreground_ends_with_an_error_that_names_the_role_that_does_not_stop(tmp_path: Path) -> None:
    with _stuck_worker(tmp_path, stop_seconds=0.2) as worker:
        worker.send_signal(signal.SIGTERM)
        told, _ = worker.communicate(timeout=PATIENCE_SECONDS)

    assert worker.returncode == 1
    assert "sink still runs 0.2 s after it was told to stop: in Condition.wait, line " in told


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_a_worker_at_once_and_says_so(tmp_path: Path, second: signal.Signals) -> None:
    with _stuck_worker(tmp_path, stop_seconds=600.0) as worker:
        worker.send_signal(signal.SIGTERM)
        _read_until(worker, "Signal received")
        worker.send_signal(second)
        told, _ = worker.communicate(timeout=PATIENCE_SECONDS)

    assert worker.returncode == 128 + second
    assert told.endswith(f"{second.name} while stopping: leaving at once; the log aborts what is open\n")


@contextmanager
def _stuck_worker(folder: Path, stop_seconds: float) -> Iterator[subprocess.Popen[str]]:
    """A worker whose only role never ends."""
    command = [sys.executable, "-c", STUCK_WORKER, str(folder), str(stop_seconds)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as worker:
        try:
            _read_until(worker, "runs")
            yield worker
        finally:
            worker.kill()


def _read_until(worker: subprocess.Popen[str], wanted: str) -> None:
    assert worker.stdout is not None
    while wanted not in (line := worker.stdout.readline()):
        assert line, f"the worker ended before it said {wanted!r}"
