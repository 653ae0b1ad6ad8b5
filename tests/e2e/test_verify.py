"""`accrue verify` as its users have it: beside workers that run, after them, and over damage."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.log.port import Message, Outgoing
from tests.e2e import shop
from tests.e2e.conftest import product_on_kafka
from tests.e2e.product import Product, wait_until

SMALL = {
    "ACCRUE_TRANSACTION_RECORDS_MAX": "4",
    "ACCRUE_BATCH_RECORDS_MAX": "4",
    "ACCRUE_TICK_CUSTOMERS_MAX": "2",
}
"""So many transactions that there is always one to be caught in; ticks come in slices, too."""
HALFWAY = date(2011, 11, 10)
LOG_CHECKS = {
    "transactions",
    "offsets",
    "seq",
    "order",
    "ledger",
    "facts",
    "notifications",
    "replies",
    "state",
}


@pytest.fixture(scope="module")
def done(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Product:
    """The shop's year-end, settled, and verified again and again meanwhile."""
    product = product_on_kafka(kafka_bootstrap, tmp_path_factory.mktemp("verify"))
    shop.prepare(product)
    shop.load(product, until=HALFWAY)
    reached = []
    with product.watched() as watch, product.worker(**SMALL) as worker:
        wait_until(lambda: watch.clock() > 0, worker)
        reached.append(facts_that_hold(product))
        shop.load(product, first=HALFWAY)
        while watch.clock() < shop.END:
            reached.append(facts_that_hold(product))
            worker.must_run()
        wait_until(watch.is_stored, worker)
        worker.stop()
    assert 0 < reached[0] < len(product.read("facts"))
    return product


def facts_that_hold(product: Product) -> int:
    """How many facts there are so far; each must hold."""
    verdict = product.json("verify", "--log-only")
    assert verdict["holds"], verdict
    return looked_at(verdict)["facts"]


def looked_at(verdict: Any) -> dict[str, int]:
    return {one["check"]: one["looked_at"] for one in verdict["checks"]}


def test_everything_holds_and_everything_was_looked_at(done: Product) -> None:
    verdict = done.json("verify")

    families = [name.removeprefix(done.place.settings.prefix) for name in done.place.catalog.notifications]
    facts = len(done.read("facts"))
    counts = looked_at(verdict)
    assert (verdict["holds"], verdict["findings"], verdict["behind"]) == (True, [], 0)
    assert counts.keys() == LOG_CHECKS | {"rows", "customer_state", "views"}
    assert counts["facts"] == counts["seq"] == counts["order"] == facts
    assert counts["notifications"] == sum(len(done.read(family)) for family in families)
    assert counts["customer_state"] == counts["views"] == verdict["customers"] == len(shop.NAIVE.customers)
    assert {one["violations"] for one in verdict["invariants"]} == {0}


def test_only_what_is_asked_for_is_looked_at(done: Product) -> None:
    part = done.json("verify", "--log-only", "--partition", "2")
    tables = done.json("verify", "--clickhouse-only")

    assert looked_at(part).keys() == LOG_CHECKS
    assert looked_at(part)["facts"] == sum(one.partition == 2 for one in done.read("facts"))
    assert [note.partition(":")[0] for note in part["notes"]] == ["partition 2"]
    assert looked_at(tables).keys() == {"rows", "customer_state", "views"}
    assert len(tables["invariants"]) == 14


def test_person_reads_what_holds_and_how_far_it_reaches(done: Product) -> None:
    said = done.run("verify", "--log-only").stdout

    assert said.count("│ OK") == len(LOG_CHECKS)
    assert "partition 3: journal offsets 0 to" in said


def test_damage_is_told_with_its_place_and_exit_code_one(done: Product) -> None:
    repeated: Message = done.read("facts")[0]
    with done.place.log() as log:
        producer = log.producer()
        producer.produce([Outgoing(repeated.topic, repeated.key, repeated.value, repeated.partition)])
        producer.flush(10.0)
        producer.close()
    last = next(one for one in reversed(done.read("facts")) if one.partition == repeated.partition)

    said = done.run("verify", "--log-only", code=1).stdout

    where = f"{last.topic}[{last.partition}]@{last.offset}"
    assert said.count("│ failed") == 3
    assert said.replace("\n", " ").count(f"{where}:") == 3
    assert Path(done.data).exists()
