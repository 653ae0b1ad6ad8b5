"""A worker's pages, and who else may look into its folder while it runs."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.log.embedded import FILE_NAME
from tests.e2e.product import ROOT, Product, Worker, wait_until
from tests.frozen import PROGRAM
from tests.ports import free_port

NO_PARTITION = {"ready": False, "reason": "no partition is assigned"}
READY = {"ready": True, "reason": ""}
GOOD = {"type": "customerAdded", "orgId": 100, "customerId": 77, "firstName": "Ann"}
BAD = {"type": "customerAdded", "orgId": 100, "customerId": "nobody"}


class Life(NamedTuple):
    """A worker, ready now, and what its pages said while something kept it from its partitions."""

    product: Product
    worker: Worker
    early: dict[str, tuple[int, str] | None]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    product = Product(tmp_path_factory.mktemp("worker"))
    product.run("topics", "create")
    product.run("program", "apply", str(PROGRAM))
    with closing(sqlite3.connect(product.data / FILE_NAME, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        # What Faust would read to serve its own pages has no effect.
        with product.worker(APP_DEBUG="1", WEB_ENABLED="1", WEB_BIND="0.0.0.0") as worker:
            wait_until(lambda: worker.get("/readyz") is not None, worker)
            early = {path: worker.get(path) for path in ("/livez", "/readyz")}
            somebody.execute("ROLLBACK")
            wait_until(worker.is_ready, worker)
            yield Life(product, worker, early)
            worker.stop()


def page(worker: Worker, path: str) -> str:
    answer = worker.get(path)
    assert answer is not None
    assert answer[0] == 200
    return answer[1]


def samples(worker: Worker) -> Counter[tuple[str, str]]:
    """The metrics that have a role, by name and role, added up over all else."""
    found: Counter[tuple[str, str]] = Counter()
    for family in text_string_to_metric_families(page(worker, "/metrics")):
        for sample in family.samples:
            if "role" in sample.labels:
                found[sample.name, sample.labels["role"]] += sample.value
    return found


def has_counted_both(seen: Counter[tuple[str, str]]) -> bool:
    """Whether intake has read both messages, loyalty told of one, and a look since then has found nothing left."""
    read = seen["messaging_client_consumed_messages_total", "intake"] >= 2
    told = seen["accrue_notifications_total", "loyalty"] >= 1
    return read and told and seen["accrue_oldest_unprocessed_age_seconds", "loyalty"] == 0


def test_worker_that_cannot_work_yet_lives_and_says_why_it_is_not_ready(life: Life) -> None:
    alive, ready = life.early["/livez"], life.early["/readyz"]

    assert alive is not None
    assert ready is not None
    assert (alive[0], json.loads(alive[1])) == (200, {"alive": True, "dead": []})
    assert ready[0] == 503
    body = json.loads(ready[1])
    assert not body["ready"]
    assert {body["roles"][name]["reason"] for name in ("intake", "loyalty")} == {NO_PARTITION["reason"]}


def test_worker_that_works_says_so_for_every_role(life: Life) -> None:
    assert json.loads(page(life.worker, "/livez")) == {"alive": True, "dead": []}
    assert json.loads(page(life.worker, "/readyz")) == {
        "ready": True,
        "roles": {"intake": READY, "loyalty": READY, "sink": READY},
    }


@pytest.mark.parametrize("path", ["/", "/router/", "/table/", "/graph/", "/production-index/"])
def test_worker_serves_no_page_but_its_own(life: Life, path: str) -> None:
    assert life.worker.get(path) == (404, "Not Found\n")


def test_metrics_count_what_went_through(life: Life) -> None:
    now = {"eventTime": time.time_ns() // 1_000_000}
    lines = "\n".join(json.dumps(one | now) for one in (GOOD, BAD)).encode()

    life.product.run("send", "-", "--topic", "customers", stdin=lines)
    wait_until(lambda: has_counted_both(samples(life.worker)), life.worker)

    seen = samples(life.worker)
    assert seen["messaging_client_consumed_messages_total", "intake"] == 2
    assert seen["accrue_dead_letters_total", "intake"] == 1
    assert seen["accrue_notifications_total", "loyalty"] == 1
    assert seen["accrue_facts_total", "loyalty"] >= 2
    assert seen["accrue_transactions_committed_total", "intake"] >= 1
    assert seen["accrue_transactions_aborted_total", "loyalty"] == 0
    assert seen["accrue_oldest_unprocessed_age_seconds", "loyalty"] == 0
    families = {one.name: one for one in text_string_to_metric_families(page(life.worker, "/metrics"))}
    clocks = families["accrue_partition_clock_seconds"].samples
    assert {one.labels["partition"] for one in clocks} == {"0", "1", "2", "3"}
    assert {"kafka_consumergroup_lag", "accrue_restore_records_left"} <= families.keys()


def test_sample_message_sent_as_the_readme_says_is_told_downstream(life: Life) -> None:
    before = samples(life.worker)["accrue_notifications_total", "loyalty"]

    life.product.run("send", "--now", str(ROOT / "examples" / "messages" / "transactionAdded.json"))
    wait_until(lambda: samples(life.worker)["accrue_notifications_total", "loyalty"] > before, life.worker)

    told = life.product.run("tail", "--customer", "4711", "--json").stdout.splitlines()
    assert {"customerAdded", "transactionAdded", "pointsIssued"} <= {json.loads(one)["eventName"] for one in told}


def test_log_can_be_read_while_the_worker_runs(life: Life) -> None:
    (program,) = life.product.json("program", "show")

    assert program["definition"]["name"] == "Frozen"


@pytest.mark.parametrize("command", ["report", "verify", "customer 100 77"])
def test_clickhouse_folder_that_the_worker_holds_is_told_with_its_process(command: str, life: Life) -> None:
    ended = life.product.run(*command.split(), "--json", code=2)

    assert f"is held by process {life.worker.pid}, and one process at a time can use it" in ended.stderr
    assert not ended.stdout
    life.worker.must_run()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_worker_that_is_stopped_while_it_is_loaded_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    product = Product(tmp_path)
    product.run("topics", "create")
    with product.worker("--role", "intake", "--role", "loyalty") as worker:
        wait_until((product.data / "state" / "slot-0" / "loyalty.lock").exists, worker)

        worker.send_signal(number)

        wait_until(lambda: worker.code() is not None)
        assert worker.code() == 0
        assert [line.partition("] [INFO] ")[2] for line in worker.words().splitlines()] == [
            f"Signal received: {number.name}"
        ]


def test_worker_says_where_its_pages_and_its_gateway_are(tmp_path: Path) -> None:
    product, port = Product(tmp_path), free_port()
    product.run("topics", "create")
    with product.worker("--role", "gateway", ACCRUE_GATEWAY_PORT=str(port)) as worker:
        wait_until(lambda: "Ctrl-C ends it" in worker.words(), worker)

        assert re.search(
            rf"; health: http://127\.0\.0\.1:\d+/readyz; gateway: http://127\.0\.0\.1:{port};", worker.words()
        )
        worker.stop()
