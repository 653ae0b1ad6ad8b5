"""The example for other vendors' documents: what they print, sent to it, does what README says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from clickhouse_connect.driver.client import Client as ClickHouse

from pipeline.cli.program_file import load_program
from pipeline.cli.settings_file import settings_in
from pipeline.clock import SYSTEM_CLOCK
from pipeline.failure import Failure
from pipeline.gateway.role import GatewayRole
from pipeline.intake.org_settings import entries_of, entry_of
from pipeline.log.embedded import EmbeddedLog
from pipeline.runtime.host.app import build_app, running
from pipeline.runtime.host.web import listen_on
from pipeline.runtime.roles.questions import Questions
from pipeline.trial.times import iso
from tests.gateway.service import SECRET, Answer, Client, access_key
from tests.runtime.workshop import Until, Workshop, activation

EXAMPLES = Path("examples/vendors")
KEY = "1" * 12
FORM = "application/x-www-form-urlencoded"


def _no_clickhouse() -> ClickHouse:
    message = "there is none"
    raise Failure(message)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    log = EmbeddedLog(tmp_path / "log")
    workshop = Workshop(log, tmp_path, "examples.")
    program = load_program((EXAMPLES / "program.yaml").read_text("utf-8"))
    (org,) = settings_in(EXAMPLES / "settings.yaml").orgs
    for key, value in (*entries_of(org).items(), entry_of(access_key("1", org.org_id, "admin"))):
        workshop.send("settings", key, value, 0)
    workshop.journal(activation(program))
    questions = Questions(workshop.settings.partitions)
    with listen_on("127.0.0.1", 0) as listener:
        role = GatewayRole(log, workshop.settings, listener, questions, _no_clickhouse)
        app = build_app(workshop.settings, log, ("intake", "loyalty"), extra_roles=[role], questions=questions)
        with running(app):
            wait_until(lambda: all(is_ready for is_ready, _ in app.roles.status().values()))
            yield Client(listener.getsockname()[1], 0)
    workshop.close()
    log.close()


def wait_until(condition: Callable[[], bool]) -> None:
    until = Until(condition)
    while not until.is_set():
        until.wait(0.05)


def register(client: Client, **fields: str) -> Answer:
    wanted = {"firstName": "John", "lastName": "Kowalski", "agreement1": "1"} | fields
    form = urlencode({f"customer[{name}]": value for name, value in wanted.items()})
    return client.ask("POST", "/api/DEFAULT/customer/register", form.encode(), KEY, Content_Type=FORM)


def status_of(client: Client, customer: str) -> dict[str, Any]:
    answer = client.ask("GET", f"/api/DEFAULT/admin/customer/{customer}/status", None, KEY)
    return answer.body if answer.status == 200 else {}


def test_open_loyalty_events_wait_for_who_registers_and_count_for_the_achievement(client: Client) -> None:
    token = client.ask("POST", "/api/admin/login_check", {"username": KEY, "password": SECRET}, None).body["token"]
    event = {"type": "app_login", "customerData": {"email": "john@example.com"}}
    body = {"event": event | {"eventDate": iso(SYSTEM_CLOCK.wall())[:19]}}
    for _ in range(3):
        answer = client.ask("POST", "/api/DEFAULT/customEvent", body, None, Authorization=f"Bearer {token}")
        assert (answer.status, list(answer.body)) == (200, ["customEventId"])
    registered = register(client, email="john@example.com")

    assert (registered.status, registered.body["email"]) == (200, "john@example.com")
    wait_until(lambda: status_of(client, registered.body["customerId"]).get("points") == 20)


def test_open_loyalty_transaction_earns_points_and_a_tier(client: Client) -> None:
    customer = register(client, email="john@example.com").body["customerId"]
    sale = {
        "transactionData": {"documentNumber": "214124124125", "documentType": "sell"},
        "items": [{"sku": {"code": "test0101"}, "quantity": "1", "grossValue": "1500.00"}],
        "customerData": {"email": "john@example.com"},
    }
    assert client.ask("POST", "/api/DEFAULT/transaction", {"transaction": sale}, KEY).status == 200
    wait_until(lambda: status_of(client, customer).get("points") == 1_500)
    assert status_of(client, customer)["levelName"] == "Silver"


def test_voucherify_event_earns_points_by_its_source_id(client: Client) -> None:
    event = {
        "event": "user_subscribed",
        "customer": {"source_id": "source_customer_event"},
        "referral": {"code": "46jL0kYI", "referrer_id": "cust_Vzck5i8U3OhcEUFY6MKhN9Rv"},
        "metadata": {"login": "bob", "pricing_plan": "PP1", "volume_number": 4},
    }
    unplanned = event | {"metadata": {"login": "bob"}}
    assert client.ask("POST", "/client/v1/events", event, KEY).status == 200
    assert client.ask("POST", "/client/v1/events", unplanned, KEY).body["key"] == "invalid_payload"
    added = {"type": "customerAdded", "firstName": "Bob", "identifiers": {"sourceId": "source_customer_event"}}
    assert client.send(added, KEY).status == 202
    standing = f"/v1/customers/100/{2**52 + 1}"
    wait_until(lambda: '"current": 50' in json.dumps(client.ask("GET", standing, None, KEY).body))


def test_capillary_definition_is_what_events_are_judged_by(client: Client) -> None:
    required = {"isRequired": {"valueType": "Boolean", "value": "true"}}
    definition = {
        "eventName": "cupping_attended",
        "actions": ["EMFConsumer"],
        "fields": [{"name": "seats", "type": "double", "attributes": required}],
    }
    event = {"type": "customEvent", "eventName": "cupping_attended", "identifiers": {"email": "john@example.com"}}
    assert client.ask("POST", "/v2/events", definition, KEY).status == 200
    wait_until(lambda: client.send(event, KEY).status == 400)
    assert client.send(event, KEY).body["vendorCode"] == 1802
    assert client.send(event | {"attributes": {"seats": 2}}, KEY).status == 202
