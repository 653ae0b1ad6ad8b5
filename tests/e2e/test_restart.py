"""A worker that is killed, stopped and robbed of its local state midway ends with the figures of one that was not."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.log.port import Message, Outgoing
from tests.e2e import shop
from tests.e2e.conftest import LOGS, product_on
from tests.e2e.product import PATIENCE_SECONDS, Product, Watch, Worker, wait_until
from tests.e2e.shop import Settled

SMALL = {"ACCRUE_TRANSACTION_RECORDS_MAX": "5", "ACCRUE_BATCH_RECORDS_MAX": "5"}
"""So many transactions that there is a midway to be caught at."""


def import_elsewhere(folder: Path) -> tuple[list[Message], list[Message]]:
    """What the import of the shop's file sends, in two halves of each partition."""
    other = Product(folder)
    shop.prepare(other)
    shop.load(other)
    messages = other.read("transactions")
    last = {one.partition: one.offset for one in messages}
    is_first = [one.offset < last[one.partition] // 2 for one in messages]
    first, rest = ([one for one, its in zip(messages, is_first, strict=True) if its is half] for half in (True, False))
    return first, rest


def send(product: Product, messages: Sequence[Message]) -> None:
    topic = product.place.catalog.name("transactions")
    with product.place.log() as log, closing(log.producer()) as producer:
        producer.produce([Outgoing(topic, one.key, one.value, one.partition) for one in messages])
        producer.flush(PATIENCE_SECONDS)


def wait_for_part(watch: Watch, numerator: int, denominator: int, worker: Worker) -> None:
    """Wait until this part of the time in the data has been decided."""
    there = shop.START + (shop.END - shop.START) * numerator // denominator
    wait_until(lambda: watch.clock() >= there, worker)


def drop_local_state(product: Product) -> None:
    states = product.place.settings.states
    assert any(states.iterdir())
    shutil.rmtree(states)


@pytest.mark.parametrize("log", LOGS)
def test_worker_killed_stopped_and_robbed_of_its_state_gives_the_same(
    log: str, request: pytest.FixtureRequest, tmp_path: Path, embedded_shop: Settled
) -> None:
    product = product_on(log, request, tmp_path)
    shop.prepare(product)
    product.run("backfill", "begin")
    first, rest = import_elsewhere(tmp_path / "elsewhere")
    send(product, first)  # the rest comes later, so that the first worker cannot be too fast to be caught

    with product.watched() as watch:
        with product.worker(**SMALL) as killed:
            wait_for_part(watch, 1, 8, killed)
            killed.kill()
        assert watch.clock() < shop.END
        send(product, rest)
        with product.worker(**SMALL) as stopped:
            wait_for_part(watch, 5, 8, stopped)
            stopped.stop()
        drop_local_state(product)
        with product.worker() as last:
            wait_until(lambda: watch.clock() == shop.END and watch.is_stored(), last)
            last.stop()
        digest = watch.digest()

    assert shop.figures_of(product) == embedded_shop.figures
    assert digest == embedded_shop.digest
