"""What is served is described, answers anything in words, and shows nobody another org's data."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from unittest.mock import Mock
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.gateway.access import written
from pipeline.gateway.api import Api
from pipeline.intake.dialects.vendor_ids import uuid_of
from tests.gateway.service import SECRET as KEYS_SECRET
from tests.gateway.service import Answer, Client
from tests.runtime.workshop import Until

ADMIN: Final = "4" * 12
"""A key of the owner."""
OTHERS: Final = ("2" * 12, "6" * 12)
"""Keys of an org without settings, and of one with a store and a program of the same names."""
CUSTOMER: Final = 40
SECRET: Final = "Rumpelstiltskin"
HELD: Final = f"{SECRET}-1"
"""A bill that waits for a customer."""
_TEXT = st.text(max_size=30) | st.sampled_from(
    ["", "0", "-1", "\x00", "' OR 1=1 --", "{x}", "4" * 40, "%", "../..", uuid_of(40)]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_NAMES = ("customer", "transaction", "transfer", "event", "type", "customerId", "points", "items", "page", "sort", "id")
_OBJECT = st.dictionaries(st.sampled_from(_NAMES) | _TEXT, _JSON, max_size=4)


def served(client: Client) -> list[tuple[str, str]]:
    """Every page that the description names, by method and path."""
    described = client.ask("GET", "/openapi.json", key=None).body
    return [(method.upper(), path) for path, page in described["paths"].items() for method in page]


def test_pages_of_the_vendors_are_described(client: Client) -> None:
    described = client.ask("GET", "/openapi.json", key=None).body
    block = described["paths"]["/api/{store}/points/transfer/{action}"]["post"]

    assert described["openapi"] == "3.1.0"
    assert {("GET", "/api/{store}/admin/analytics/levels"), ("PUT", "/api/{store}/customer/{customer}")} < set(
        served(client)
    )
    assert [(one["name"], one["schema"]) for one in block["parameters"]] == [
        ("store", {"type": "string"}),
        ("action", {"type": "string", "enum": ["add", "spend", "block"]}),
    ]
    assert block["summary"] == "Add, spend or block points: a command, answered when it is decided."
    assert all(page["summary"] for path in described["paths"].values() for page in path.values())
    assert client.ask("GET", "/healthcheck", key=None).status == 204


@given(st.data())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_that_is_sent_to_a_page_is_answered_in_words(client: Client, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from(served_once(client)))
    parts = re.findall(r"{(\w+)}", path)
    for part in parts:
        value = "DEFAULT" if part == "store" and data.draw(st.booleans()) else data.draw(_TEXT)
        path = path.replace(f"{{{part}}}", quote(value, safe="") or "-", 1)
    if data.draw(st.booleans()):
        path += f"?{data.draw(st.sampled_from(_NAMES))}={quote(data.draw(_TEXT))}"
    body, kind = None, ""
    if method != "GET":
        content = data.draw(_OBJECT)
        kind = data.draw(st.sampled_from(["application/json", "application/x-www-form-urlencoded"]))
        body = json.dumps(content).encode() if kind.endswith("json") else _form(content).encode()
    answer = client.ask(method, path, body, ADMIN, Content_Type=kind, Prefer="wait=0")

    assert answer.status < 500 or answer.status == 503, answer
    assert answer.status in {204, 404} or answer.body, answer


_SERVED: list[tuple[str, str]] = []


def served_once(client: Client) -> list[tuple[str, str]]:
    _SERVED[:] = _SERVED or served(client)
    return _SERVED


def _form(content: dict[str, Any]) -> str:
    return "&".join(f"{quote(name)}={quote(str(value))}" for name, value in content.items())


@pytest.fixture(scope="module")
def secret(client: Client) -> dict[str, str]:
    """A customer of org 1, of whom everything is a secret of that org; by the names of path parameters."""
    client.send({"type": "customerAdded", "customerId": CUSTOMER, "lastName": SECRET, "email": "rum@example.com"})
    sale = {
        "transactionData": {"documentType": "sell", "documentNumber": SECRET},
        "items": [{"sku": {"code": SECRET}, "quantity": 1, "grossValue": 77}],
        "customerData": {"customerId": str(CUSTOMER)},
    }
    sold = client.ask("POST", "/api/DEFAULT/transaction", {"transaction": sale}).body["transactionId"]
    redeemed = {"type": "redeemPoints", "customerId": CUSTOMER, "programId": 7, "points": 1, "notes": SECRET}
    client.send(redeemed, Idempotency_Key=SECRET)
    held = {"type": "transactionAdded", "billNumber": HELD, "amountMinor": 1, "currency": "GBP", "store": "DEFAULT"}
    client.send(held)
    listed = f"/api/DEFAULT/points/transfer?customerId={CUSTOMER}&type=spending"
    stored = Until(lambda: client.ask("GET", listed).body.get("transfers", []) != [])
    while not stored.is_set():
        stored.wait(0.05)
    (spent,) = client.ask("GET", listed).body["transfers"]
    names = {"customer": uuid_of(CUSTOMER), "transaction": sold, "transfer": spent["pointsTransferId"]}
    return {**names, "store": "DEFAULT", "org": "1", "id": SECRET}


def pages() -> list[tuple[str, str]]:
    """Every page, by method and address, one for each choice that the address leaves; what is only read goes first."""
    router = Api(*[Mock()] * 5).app().router
    found = {(route.method, _formatter(route.resource)) for route in router.routes() if route.method != "HEAD"}
    return sorted((method, one) for method, path in found for one in _chosen(path))


def _formatter(resource: Any) -> str:
    return str(resource.get_info().get("path") or resource.get_info()["pattern"].pattern)


def _chosen(path: str) -> list[str]:
    """The addresses in a pattern: `(?P<action>add|spend)` is a choice, any other part the name of a value."""
    found = [""]
    for literal, name, pattern in re.findall(r"([^(]*)(?:\(\?P<(\w+)>([^)]*)\))?", path):
        choices = pattern.split("|") if "|" in pattern else [f"{{{name}}}" if name else ""]
        found = [f"{one}{literal}{choice}" for one in found for choice in choices]
    return [one.replace("\\", "") for one in found]


def asked_by(client: Client, key: str, method: str, path: str, secret: dict[str, str]) -> Answer:
    named = secret | ({"customer": str(CUSTOMER)} if "{org}" in path else {})
    for name, value in named.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, "a new parameter: give it a value that is a secret"
    body = {
        "transfer": {"customer": str(CUSTOMER), "sender": str(CUSTOMER), "receiver": str(CUSTOMER + 1), "points": 1},
        "transaction": {
            "items": [{"sku": {"code": "A"}, "quantity": 1, "grossValue": 1}],
            "customerData": {"email": "rum@example.com"},
        },
        "assign": {"transactionDocumentNumber": HELD, "customerId": str(CUSTOMER)},
    }
    return client.ask(method, path, None if method == "GET" else body, key)


PAGES = pages()


def seq(client: Client) -> int:
    return int(client.ask("GET", f"/v1/customers/1/{CUSTOMER}").body["seq"])


@pytest.mark.parametrize("key", OTHERS)
@pytest.mark.parametrize(("method", "path"), PAGES)
def test_another_org_reaches_nothing(client: Client, secret: dict[str, str], key: str, method: str, path: str) -> None:
    before = seq(client)
    answer = asked_by(client, key, method, path, secret)
    assert SECRET not in str(answer.body)
    if any(name in path for name in ("{customer}", "{transaction}", "{transfer}", "{id}")):
        assert answer.status in {403, 404, 400}, answer
    assert seq(client) == before


@pytest.mark.parametrize(("method", "path"), PAGES)
def test_the_same_requests_of_the_owner_are_let_in(
    client: Client, secret: dict[str, str], method: str, path: str
) -> None:
    answer = asked_by(client, ADMIN, method, path, secret)
    assert answer.status not in {401, 403, 404}, answer


def test_owner_sees_the_secret(client: Client, secret: dict[str, str]) -> None:
    answers = {path: asked_by(client, ADMIN, method, path, secret) for method, path in PAGES if method == "GET"}
    seen = {path.rpartition("/")[2] for path, answer in answers.items() if SECRET in str(answer.body)}
    assert seen >= {"{transaction}", "transaction", "transfer", "{id}", "status", "history", "{customer}", "customer"}


SCHEMATHESIS: Final = (
    *(sys.executable, "-m", "schemathesis.cli", "--no-color"),
    *("--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
)


@pytest.mark.parametrize(
    "phase",
    [
        pytest.param(("coverage", "--exclude-path", "/v1/messages"), id="coverage"),  # all kinds of messages: too many
        pytest.param(("fuzzing", "--max-examples", "10"), id="fuzzing"),
    ],
)
def test_schemathesis_finds_nothing_that_is_not_described(
    client: Client, tmp_path: Path, phase: tuple[str, ...]
) -> None:
    key = ("--header", f"Authorization: Bearer {written('4' * 12, KEYS_SECRET)}")
    command = (*SCHEMATHESIS, "run", *key, "--phases", *phase, f"http://127.0.0.1:{client.port}/openapi.json")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout
