"""A password is neither in what a worker says nor on its pages, also while what it opens does not answer."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.product import Product, Worker, wait_until
from tests.ports import free_port

PASSWORD = "s3cr#t/w0rd"
WRITTEN = "s3cr%23t%2Fw0rd"


def reason_of_the_sink(worker: Worker) -> str:
    """Why the sink is not ready."""
    answer = worker.get("/readyz")
    return "" if answer is None else str(json.loads(answer[1])["roles"]["sink"]["reason"])


def test_password_of_a_clickhouse_that_is_away_is_told_nowhere(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    product = Product(tmp_path, {"ACCRUE_CLICKHOUSE_DSN": f"http://accrue:{WRITTEN}@{address}/accrue"})
    product.run("topics", "create")

    with product.worker() as worker:
        wait_until(lambda: "does not answer" in reason_of_the_sink(worker), worker)
        pages = [str(worker.get(path)) for path in ("/livez", "/readyz", "/metrics")]
        worker.stop()

    said = "\n".join([worker.words(), *pages])
    assert "ClickHouse at 127.0.0.1 does not answer" in said
    assert [secret for secret in (PASSWORD, WRITTEN, "w0rd") if secret in said] == []
