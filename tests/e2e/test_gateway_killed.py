"""A gateway that is killed between the log's acknowledgement and its answer: asked again, one payment, its answer."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from schemas.facts import PointsRedeemed, decode_facts
from tests.e2e.conftest import product_on_kafka
from tests.e2e.product import PATIENCE_SECONDS, Product, wait_until
from tests.frozen import PROGRAM
from tests.ports import free_port

ORG, CUSTOMER = 100, 4_711
BILL = {
    "type": "transactionAdded",
    "customerId": CUSTOMER,
    "billNumber": "B1",
    "amountMinor": 5_000,
    "currency": "GBP",
}
PAYMENT = {"type": "redeemPoints", "customerId": CUSTOMER, "programId": 1, "points": 30}


class Door(NamedTuple):
    """Where the gateway is, and who asks."""

    port: int
    key: str

    def send(self, message: object, **headers: str) -> tuple[int, Any]:
        """Status and body of the answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        with closing(connection):
            own = {"Authorization": f"Bearer {self.key}", **headers}
            connection.request("POST", "/v1/messages", json.dumps(message), own)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def pay(self) -> tuple[int, Any]:
        """The answer to a payment, always the same one."""
        return self.send(PAYMENT, **{"Idempotency-Key": "tea", "Prefer": "wait=30"})


def has_sent(product: Product, messages: int) -> bool:
    return len(product.read("gateway")) == messages


def test_payment_that_was_acknowledged_and_not_answered_is_answered_when_asked_again_and_made_once(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    product = product_on_kafka(kafka_bootstrap, tmp_path)
    product.run("topics", "create")
    product.run("program", "apply", str(PROGRAM))
    door = Door(free_port(), product.json("key", "create", "--org", str(ORG), "--scope", "produce")["key"])
    gateway = {"ACCRUE_GATEWAY_PORT": str(door.port)}
    with ThreadPoolExecutor() as others:
        with product.worker("--role", "gateway", **gateway) as first:
            wait_until(first.is_ready, first)
            accepted, _ = door.send(BILL)
            unanswered = others.submit(door.pay)
            wait_until(lambda: has_sent(product, 2), first)
            first.kill()
        lost = unanswered.exception(PATIENCE_SECONDS)
        with product.worker("--role", "gateway", **gateway) as second:
            wait_until(second.is_ready, second)
            again = others.submit(door.pay)
            wait_until(lambda: has_sent(product, 3), second)
            with product.worker("--role", "intake", "--role", "loyalty", slot=1):
                answered, asked_later = again.result(PATIENCE_SECONDS), door.pay()

    assert accepted == HTTPStatus.ACCEPTED
    assert isinstance(lost, ConnectionError)
    assert (answered[0], answered[1]["outcome"]) == (200, "done")
    assert (asked_later[0], asked_later[1]["outcome"], asked_later[1]["firstOutcome"]) == (200, "duplicate", "done")
    facts = [fact for one in product.read("facts") for fact in decode_facts(one.value or b"").facts()]
    payments = [fact.decision.points for fact in facts if isinstance(fact.decision, PointsRedeemed)]
    assert payments == [PAYMENT["points"]]
