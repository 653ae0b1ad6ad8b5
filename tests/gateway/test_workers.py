"""Two workers on a real broker: whatever customer is asked about, either gateway answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from clickhouse_connect.driver.client import Client as ClickHouse
from pydantic import SecretStr

from pipeline.failure import Failure
from pipeline.gateway.forwarding import MARK
from pipeline.gateway.role import GatewayRole
from pipeline.intake.dialects.vendor_ids import uuid_of
from pipeline.intake.org_settings import entries_of, entry_of
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Log
from pipeline.runtime.host.starting import Roles, roles_of
from pipeline.runtime.host.web import listen_on
from pipeline.runtime.roles.questions import Questions
from schemas.settings import Org, Store
from tests.gateway.service import Client, access_key
from tests.log.desk import until
from tests.runtime.workshop import Workshop, activation

CUSTOMERS = range(1, 7)
ORG = Org(
    org_id=1,
    name="One",
    zone="UTC",
    currency="GBP",
    country="GB",
    stores=(Store(code="DEFAULT", name="High Street"),),
)
SALE = {"items": [{"sku": {"code": "A"}, "quantity": 1, "grossValue": "12.00"}]}


class Worker(NamedTuple):
    client: Client
    roles: Roles
    questions: Questions


def _no_clickhouse() -> ClickHouse:
    message = "there is none"
    raise Failure(message)


@pytest.fixture
def workshop(kafka_log: Log, tmp_path: Path, prefix: str) -> Iterator[Workshop]:
    workshop = Workshop(kafka_log, tmp_path, prefix)
    workshop.settings = workshop.settings.model_copy(update={"identity_key": SecretStr("k" * 16)})
    for key, value in (*entries_of(ORG).items(), entry_of(access_key("1", 1, "admin"))):
        workshop.send("settings", key, value, 0)
    workshop.journal(activation())
    yield workshop
    workshop.close()


def started(workshop: Workshop, slot: int, opened: ExitStack) -> Worker:
    listener = opened.enter_context(listen_on("127.0.0.1", 0))
    port = listener.getsockname()[1]
    changes = {"slot": slot, "gateway_address": f"http://127.0.0.1:{port}"}
    settings = workshop.settings.model_copy(update=changes)
    questions = Questions(settings.partitions)
    gateway = GatewayRole(workshop.log, settings, listener, questions, _no_clickhouse)
    roles = opened.enter_context(
        roles_of(settings, workshop.log, ("intake", "loyalty"), [gateway], questions=questions)
    )
    roles.start()
    return Worker(Client(port, port), roles, questions)


def path_of(customer: int) -> str:
    return f"/v1/customers/1/{customer}"


def test_either_gateway_answers_about_every_customer_and_one_that_is_left_alone_about_all(workshop: Workshop) -> None:
    with ExitStack() as opened, ExitStack() as second_opened:
        first = started(workshop, 0, opened)
        until(lambda: len(first.questions.ready) == workshop.settings.partitions)
        second = started(workshop, 1, second_opened)
        until(lambda: [len(one.questions.ready) for one in (first, second)] == [1, 1])
        until(lambda: second.client.ask("GET", "/healthcheck", key=None).status == 204)
        workers = (first, second)
        assert {partition_for(b"1:%d" % customer, workshop.settings.partitions) for customer in CUSTOMERS} == {0, 1}

        for customer in CUSTOMERS:
            for worker in workers:
                bill = {
                    "type": "transactionAdded",
                    "customerId": customer,
                    "billNumber": f"B{worker.client.port}",
                    "amountMinor": 10_000,
                    "currency": "GBP",
                }
                assert worker.client.send(bill).status == 202

        for customer in CUSTOMERS:
            for worker in workers:
                until(lambda: _balance(worker, customer) == 200)  # noqa: B023 - asked at once
                sale = {"transaction": {**SALE, "customerData": {"customerId": str(customer)}}}
                simulated = worker.client.ask("POST", "/api/DEFAULT/transaction/simulate", sale)
                assert (simulated.status, simulated.body) == (200, {"points": 12})
                status = worker.client.ask("GET", f"/api/DEFAULT/admin/customer/{customer}/status")
                assert (status.status, status.body["customerId"]) == (200, uuid_of(customer))

            form = {"transfer": {"customer": str(customer), "points": 30}}
            spent = [
                one.client.ask("POST", "/api/DEFAULT/points/transfer/spend", form, Idempotency_Key=f"spend-{customer}")
                for one in workers
            ]
            assert [one.status for one in spent] == [200, 200]
            assert spent[0].body == spent[1].body
            assert {_balance(one, customer) for one in workers} == {170}

        marked = [
            [one.client.ask("GET", path_of(customer), **{MARK: "1"}).status for one in workers]
            for customer in CUSTOMERS
        ]
        assert all(sorted(statuses) == [200, 503] for statuses in marked)

        second_opened.close()
        until(lambda: len(first.questions.ready) == workshop.settings.partitions)
        assert {_balance(first, customer) for customer in CUSTOMERS} == {170}
        until(lambda: set(_published(workshop).values()) == {f"http://127.0.0.1:{first.client.port}"})


def test_registration_by_either_gateway_finds_whom_the_other_one_knows(workshop: Workshop) -> None:
    person = {"firstName": "Jo", "lastName": "Li", "email": "jo@example.com", "agreement1": "1"}
    with ExitStack() as opened:
        first, second = (started(workshop, slot, opened) for slot in (0, 1))
        until(lambda: [len(one.questions.ready) for one in (first, second)] == [1, 1])
        added = {"type": "customerAdded", "customerId": 7, "email": "jo@example.com"}
        until(lambda: first.client.send(added).status == 202)
        registered = {"customerId": uuid_of(7), "email": "jo@example.com"}
        for worker in (first, second):
            path = "/api/DEFAULT/customer/register"
            until(lambda: worker.client.ask("POST", path, {"customer": person}).body == registered)  # noqa: B023


def _balance(worker: Worker, customer: int) -> int | None:
    """What a gateway says of a customer's points, from the customer's own state."""
    answer = worker.client.ask("GET", path_of(customer))
    if answer.status != 200:
        return None
    assert answer.body["source"] == "state"
    points: int = answer.body["programs"]["7"]["balances"]["POINTS"]["current"]
    return points


def _published(workshop: Workshop) -> dict[bytes, str]:
    """The address of each partition, as the topic has it."""
    latest = {one.key or b"": one.value for one in workshop.read("owners")}
    return {key: json.loads(value)["address"] for key, value in latest.items() if value is not None}
