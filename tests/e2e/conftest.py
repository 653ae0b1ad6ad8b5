"""Runs that several tests look at: the shop's file, from import to settled ClickHouse, on either log."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.e2e import shop
from tests.e2e.product import Product, wait_until
from tests.e2e.shop import Settled
from tests.once import once

LOGS = ("embedded", "kafka")


def product_on(log: str, request: pytest.FixtureRequest, folder: Path) -> Product:
    """A new installation on the log of that name."""
    if log == "embedded":
        return Product(folder)
    return product_on_kafka(request.getfixturevalue("kafka_bootstrap"), folder)


def product_on_kafka(bootstrap: str, folder: Path) -> Product:
    """A new installation on a broker that others may use, too."""
    prefix = f"test-{secrets.token_hex(4)}."
    variables = {
        "ACCRUE_KAFKA_BOOTSTRAP": bootstrap,
        "ACCRUE_PREFIX": prefix,
        "ACCRUE_GROUP": f"{prefix}accrue",
        "ACCRUE_SESSION_TIMEOUT": "PT3S",  # how long the partitions of a killed worker are nobody's
    }
    return Product(folder, variables)


@pytest.fixture(scope="session")
def embedded_shop(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """One worker with all roles on the embedded log."""
    return once(run_folder, "embedded-shop", lambda: run_embedded_shop(Product(tmp_path_factory.mktemp("shop"))))


@pytest.fixture(scope="session")
def kafka_shop(run_folder: Path, tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str) -> Settled:
    """Two workers that share the partitions, one of them in odd little batches, and a sink beside them."""

    def run() -> Settled:
        return run_kafka_shop(product_on_kafka(kafka_bootstrap, tmp_path_factory.mktemp("shop")))

    return once(run_folder, "kafka-shop", run)


def run_embedded_shop(product: Product) -> Settled:
    shop.prepare(product)
    imported = shop.load(product)
    with product.watched() as watch, product.worker() as worker:
        wait_until(lambda: watch.clock() == shop.END and watch.is_stored(), worker)
        worker.stop()
        digest = watch.digest()
    return shop.settled(product, imported, digest)


def run_kafka_shop(product: Product) -> Settled:
    shop.prepare(product)
    product.run("backfill", "begin")  # before the workers, which would begin the journal with the wall clock
    roles = ("--role", "intake", "--role", "loyalty")
    with (
        product.watched() as watch,
        product.worker(*roles) as first,
        product.worker(*roles, slot=1, ACCRUE_TRANSACTION_RECORDS_MAX="7", ACCRUE_BATCH_RECORDS_MAX="3") as second,
        product.worker("--role", "sink", slot=2) as sink,
    ):
        workers = (first, second, sink)
        wait_until(lambda: all(one.is_ready() for one in workers), *workers)
        imported = shop.load(product)
        wait_until(lambda: watch.clock() == shop.END and watch.is_stored(), *workers)
        for one in workers:
            one.stop()
        digest = watch.digest()
    return shop.settled(product, imported, digest)


@pytest.fixture(scope="session", params=LOGS)
def settled_shop(request: pytest.FixtureRequest) -> Settled:
    """The run on either log."""
    settled_on: Settled = request.getfixturevalue(f"{request.param}_shop")
    return settled_on
