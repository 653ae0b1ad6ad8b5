"""Runs that several tests look at: the shop's file, from import to settled ClickHouse, on either log."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e import shop
from tests.e2e.product import Product, wait_until

LOGS = ("embedded", "kafka")


class Settled(NamedTuple):
    """What is left of a run when its workers are gone."""

    imported: dict[str, Any]
    figures: shop.Figures
    verified: dict[str, Any]
    digest: str


def product_on(log: str, request: pytest.FixtureRequest, folder: Path) -> Product:
    """A new installation on the log of that name."""
    if log == "embedded":
        return Product(folder)
    prefix = f"test-{secrets.token_hex(4)}."
    variables = {
        "ACCRUE_KAFKA_BOOTSTRAP": request.getfixturevalue("kafka_bootstrap"),
        "ACCRUE_PREFIX": prefix,
        "ACCRUE_GROUP": f"{prefix}accrue",
        "ACCRUE_SESSION_TIMEOUT": "PT3S",  # how long the partitions of a killed worker are nobody's
    }
    return Product(folder, variables)


def settled(product: Product, imported: dict[str, Any], digest: str) -> Settled:
    return Settled(imported, shop.figures_of(product), product.json("verify"), digest)


@pytest.fixture(scope="session")
def embedded_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """One worker with all roles on the embedded log."""
    product = product_on("embedded", request, tmp_path_factory.mktemp("embedded-shop"))
    shop.prepare(product)
    imported = shop.load(product)
    with product.watched() as watch, product.worker() as worker:
        wait_until(lambda: watch.clock() == shop.END and watch.is_stored(), worker)
        worker.stop()
        digest = watch.digest()
    return settled(product, imported, digest)


@pytest.fixture(scope="session")
def kafka_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """Two workers that share the partitions, one of them in odd little batches, and a sink beside them."""
    product = product_on("kafka", request, tmp_path_factory.mktemp("kafka-shop"))
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
    return settled(product, imported, digest)


@pytest.fixture(scope="session", params=LOGS)
def settled_shop(request: pytest.FixtureRequest) -> Settled:
    """The run on either log."""
    settled_on: Settled = request.getfixturevalue(f"{request.param}_shop")
    return settled_on
