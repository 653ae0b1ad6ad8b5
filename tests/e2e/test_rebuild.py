"""ClickHouse is rebuilt as the README says it, on either log, with nothing missing and nothing twice."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import LOGS, product_on
from tests.e2e.product import ROOT, Product, wait_until
from tests.frozen import PROGRAM

SAMPLES = [str(path) for path in sorted((ROOT / "examples" / "messages").glob("*.json"))]


@pytest.mark.parametrize("name", LOGS)
def test_clickhouse_that_is_deleted_is_filled_again_by_the_next_worker(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    product = product_on(name, request, tmp_path)
    product.run("topics", "create")
    product.run("program", "apply", str(PROGRAM))
    product.run("send", "--now", *SAMPLES)
    store(product)
    before = stored(product)

    shutil.rmtree(product.data / "clickhouse")

    said = store(product, "its tables are new")
    assert said.count("its tables are new; the sink stores everything again, from offset 0 on") > 1
    assert stored(product) == before


def store(product: Product, saying: str = "") -> str:
    """Run a worker until it has said this and everything is in ClickHouse; all that it said."""
    with product.watched() as watch, product.worker() as worker:
        wait_until(lambda: watch.facts_of(100, 4711) != [] and saying in worker.words(), worker)
        wait_until(watch.is_stored, worker)
        worker.stop()
        return worker.words()


def stored(product: Product) -> dict[str, Any]:
    """What verify looked at in ClickHouse, all of which must hold."""
    verdict = product.json("verify")
    assert verdict["holds"], verdict
    return {name: verdict[name] for name in ("behind", "customers", "ledger_rows")}
