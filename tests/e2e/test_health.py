"""A worker whose broker hangs says so within ten seconds, works again after it, and can be stopped meanwhile."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from pipeline.log.port import Outgoing
from tests.broker import HOW_TO_GET_ONE, Broker, can_run
from tests.e2e.product import Product, Worker, wait_until
from tests.frozen import PROGRAM

ROLES = ("intake", "loyalty", "sink")
MANY = 20_000
RED_SECONDS = 10.0
STOP_SECONDS = 30.0
"""What docker compose grants."""


class Place(NamedTuple):
    """An installation, and its broker, which may be made to hang."""

    broker: Broker
    product: Product


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if not can_run():
        pytest.skip(HOW_TO_GET_ONE)
    folder = tmp_path_factory.mktemp("health")
    broker = Broker(folder / "broker")
    broker.start()
    try:
        product = Product(folder / "product", {"ACCRUE_KAFKA_BOOTSTRAP": broker.bootstrap})
        product.run("topics", "create")
        product.run("program", "apply", str(PROGRAM))
        yield Place(broker, product)
    finally:
        broker.stop()


@pytest.fixture
def worker(place: Place) -> Iterator[Worker]:
    """A worker that is ready, with a log of its own; its broker goes on at the end."""
    (place.product.folder / "worker-0.log").unlink(missing_ok=True)
    with place.product.worker() as worker:
        wait_until(worker.is_ready, worker)
        try:
            yield worker
        finally:
            place.broker.signal(signal.SIGCONT)


def reasons(worker: Worker) -> dict[str, str]:
    """By role that is not ready: why."""
    answer = worker.get("/readyz")
    assert answer is not None
    roles = json.loads(answer[1])["roles"]
    assert set(roles) == set(ROLES)
    return {name: role["reason"] for name, role in roles.items() if not role["ready"]}


def keep_busy(place: Place) -> None:
    """Give the worker so much to do that whatever comes next finds a transaction open."""
    bill = {"type": "transactionAdded", "orgId": 100, "currency": "GBP", "amountMinor": 1_000}
    when = {"eventTime": time.time_ns() // 1_000_000}
    with place.product.place.log() as log:
        producer = log.producer()
        topic = place.product.place.catalog.name("transactions")
        for number in range(MANY):
            name = f"{when['eventTime']}-{number}"
            value = json.dumps(bill | when | {"id": name, "billNumber": name, "customerId": number % 1_000})
            producer.produce([Outgoing(topic, b"100:%d" % (number % 1_000), value.encode())])
        producer.flush(60.0)
        producer.close()


def hang(place: Place, worker: Worker) -> tuple[dict[str, str], float]:
    """Make the broker hang until every role is red: the reasons, and how long that took."""
    place.broker.signal(signal.SIGSTOP)
    began = time.monotonic()
    wait_until(lambda: len(reasons(worker)) == len(ROLES), worker)
    return reasons(worker), time.monotonic() - began


def test_worker_whose_broker_hangs_is_red_within_ten_seconds_and_green_again_after(
    place: Place, worker: Worker
) -> None:
    why, seconds = hang(place, worker)
    alive = worker.get("/livez")
    place.broker.signal(signal.SIGCONT)
    wait_until(worker.is_ready, worker)

    assert seconds <= RED_SECONDS
    assert all(why[name] for name in ROLES)
    assert alive == (200, '{"alive":true,"dead":[]}')
    worker.stop()


def test_worker_is_stopped_within_the_grace_of_its_orchestrator_though_its_broker_hangs(
    place: Place, worker: Worker
) -> None:
    keep_busy(place)
    hang(place, worker)

    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: worker.code() is not None)

    assert time.monotonic() - began <= STOP_SECONDS
    assert worker.code() in {0, 1}  # 1 where it must tell what was stuck


def test_second_signal_ends_a_worker_at_once_though_its_broker_hangs(place: Place, worker: Worker) -> None:
    keep_busy(place)
    place.broker.signal(signal.SIGSTOP)
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: "Signal received" in worker.last_words(), worker)

    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: worker.code() is not None)

    assert time.monotonic() - began <= 2.0
    assert worker.code() == 128 + signal.SIGTERM
    assert "SIGTERM while stopping: leaving at once; the log aborts what is open" in worker.last_words()
