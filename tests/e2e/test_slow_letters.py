"""Messages that take long to judge do not keep a worker from saying that it lives."""

from __future__ import annotations

import json
import time
from pathlib import Path

from pipeline.log.port import Outgoing
from tests.e2e.product import Product, wait_until
from tests.e2e.test_bad_input import has_read_all

COUNT = 60
ANSWER_SECONDS = 2.0
"""How soon `/livez` answers, on a machine that others use, too."""


def test_a_worker_answers_while_it_finds_out_what_is_wrong_with_long_messages(tmp_path: Path) -> None:
    product = Product(tmp_path)
    product.run("topics", "create")
    lines = [{"sku": "a", "amountMinor": 1}] * 30_000
    value = json.dumps({"type": "transactionAdded", "lines": lines}).encode()
    with product.place.log() as log:
        producer = log.producer()
        producer.produce([Outgoing(product.place.catalog.name("events"), None, value, 0)] * COUNT)
        producer.flush(30.0)
        producer.close()
    took: list[float] = []
    with product.worker("--role", "intake") as worker:
        wait_until(lambda: worker.get("/livez") is not None, worker)

        def all_read() -> bool:
            began = time.monotonic()
            answer = worker.get("/livez")
            took.append(time.monotonic() - began)
            assert answer is not None
            assert answer[0] == 200
            return has_read_all(product)

        wait_until(all_read, worker)
        worker.stop()

    assert len(product.read("deadletters")) == COUNT
    assert max(took) < ANSWER_SECONDS
