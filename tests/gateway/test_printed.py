"""What the vendors' documents print works: each request as it stands there is answered as it says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from pipeline.intake.dialects.vendor_ids import uuid_of
from tests.gateway.printed import PRINTED, Printed
from tests.gateway.service import Answer, Client
from tests.runtime.workshop import Until

CUSTOMER = 100
ADMIN = "4" * 12
OURS = {"/api/token/refresh", "/api/{store}/customEvent", "/healthcheck", "/openapi.json"}
"""Of S0 or of ours, and no definition of S2."""
_ADDRESS = ("street", "address1", "province", "city", "postal", "country")
_FORM = "application/x-www-form-urlencoded"


class Definition(NamedTuple):
    """One address of S2."""

    kind: str
    """`served`, or `404` where it is left out."""
    line: str
    method: str
    path: str


DEFINITIONS = [
    Definition(*line.split()) for line in Path(__file__).with_name("s2.txt").read_text(encoding="utf-8").splitlines()
]
"""All that S2 defines. Left out are the seller's and the customer's own copies, photos and avatars, campaigns and
coupons, earning rules (a program's), stores and administrators (settings), roles, passwords, imports, logs."""


@pytest.fixture(scope="module")
def known(client: Client) -> dict[str, str]:
    """The documents' customers, known here by each address that they print, and what of theirs is stored."""
    identifiers = {"cardNumber": "11111111111", "sourceId": "source_customer_event", "mobile": "899000333"}
    for number, address in enumerate(("john4", "john3", "john")):
        person = {"firstName": "Test", "lastName": "test", "email": f"{address}@example.com", "agreement1": "1"}
        more = {"gender": "male", "birthDate": "1990-09-11", "phone": "+48234234000", "loyaltyCardNumber": "4783"}
        more |= {"address": dict.fromkeys(_ADDRESS, "a"), "company": {"nip": "aaa", "name": "b"}}
        body = {"customer": person | {"customerId": str(CUSTOMER + number)} | ({} if number else more)}
        assert client.ask("POST", "/api/DEFAULT/customer/register", body).status == 200
    client.send({"type": "linkIdentifiers", "customerId": CUSTOMER, "identifiers": identifiers})
    sold = {
        "transactionData": {"documentType": "sell", "documentNumber": "456"},
        "items": [
            item | {"name": "item 1", "category": "aaa", "maker": "sss", "labels": [{"key": "test", "value": "label"}]}
            for item in ({"sku": {"code": "SKU1"}, "grossValue": 1}, {"sku": {"code": "SKU2"}, "grossValue": 2})
        ],
        "labels": [{"key": "scan_id", "value": "123"}],
        "customerData": {"customerId": str(CUSTOMER)},
    }
    transaction = client.ask("POST", "/api/DEFAULT/transaction", {"transaction": sold}).body["transactionId"]
    client.send({"type": "customEvent", "customerId": CUSTOMER, "eventName": "booked"})
    client.send(
        {"type": "transactionAdded", "store": "DEFAULT", "billNumber": "888", "amountMinor": 1, "currency": "GBP"}
    )
    added = [transfer(client, "add", points).body["pointsTransferId"] for points in (100, 10, 11)]
    transfer(client, "add", 1, CUSTOMER + 1)
    found = Until(lambda: (len(adding(client)), len(adding(client, CUSTOMER + 1))) == (5, 1))
    while not found.is_set():
        found.wait(0.05)
    (pending,) = [one["pointsTransferId"] for one in adding(client) if one["state"] == "pending"]
    return {
        "customer": uuid_of(CUSTOMER),
        "receiver": uuid_of(CUSTOMER + 1),
        "transaction": transaction,
        "cancelled": added[1],
        "expired": added[2],
        "pending": pending,
    }


def transfer(client: Client, action: str, points: int, customer: int = CUSTOMER) -> Answer:
    body = {"transfer": {"customer": str(customer), "points": points}}
    return client.ask("POST", f"/api/DEFAULT/points/transfer/{action}", body)


def adding(client: Client, customer: int = CUSTOMER) -> list[dict[str, Any]]:
    """Awards of the customer, as they are stored."""
    answer = client.ask("GET", f"/api/DEFAULT/points/transfer?customerId={customer}&type=adding")
    return list(answer.body.get("transfers", []))


@pytest.mark.parametrize("printed", PRINTED, ids=lambda one: f"{one.source} {one.method} {one.path}")
def test_what_a_document_prints_is_answered_as_there(
    client: Client, known: Mapping[str, str], printed: Printed
) -> None:
    kind = {"Content_Type": "application/json" if printed.is_json else _FORM}
    answer = client.ask(printed.method, printed.where(known), printed.body(known), **kind)

    assert answer.status == printed.status, answer.body
    assert bool(answer.body) == bool(printed.answer) or not printed.answer
    if printed.answer:
        missing = {f".{name} is missing" for name in printed.left_out}
        assert [one for one in differences(printed.expected, answer.body) if one not in missing] == []


def differences(expected: Any, got: Any, path: str = "") -> list[str]:
    """Where an answer has other fields, or other kinds of values, than a document prints; it may say more of errors."""
    if path.endswith(".errors"):
        return [] if not expected or expected == got else [f"{path} is {got}"]
    if isinstance(expected, dict) and isinstance(got, dict):
        missing = [f"{path}.{name} is missing" for name in expected if name not in got]
        return missing + [
            one for name in expected if name in got for one in differences(expected[name], got[name], f"{path}.{name}")
        ]
    if isinstance(expected, list) and isinstance(got, list):
        return [one for item in got for one in _least(expected, item, f"{path}[]")]
    return (
        [] if kind_of(expected) == kind_of(got) or expected == "" else [f"{path} is {got!r}, not such as {expected!r}"]
    )


def _least(printed: list[Any], item: Any, path: str) -> list[str]:
    """How an item of a list differs from the printed one that it is most like."""
    return min((differences(one, item, path) for one in printed), key=len, default=[])


def kind_of(value: Any) -> str:
    if isinstance(value, str):
        try:
            UUID(value)
        except ValueError:
            return "text"
        return "id"
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def served(client: Client) -> list[tuple[str, str]]:
    """Each page of Open Loyalty's that is served, one for each choice that its address leaves."""
    described = client.ask("GET", "/openapi.json", key=None).body
    found = [
        (method.upper(), path, page)
        for path, pages in described["paths"].items()
        if path.startswith("/api/")
        for method, page in pages.items()
    ]
    return [(method, one) for method, path, page in found for one in _chosen(path, page["parameters"])]


def _chosen(path: str, parameters: list[dict[str, Any]]) -> list[str]:
    paths = [path]
    for one in parameters:
        if "enum" in one["schema"]:
            paths = [path.replace(f"{{{one['name']}}}", choice) for path in paths for choice in one["schema"]["enum"]]
    return paths


def test_every_address_of_the_document_is_served_and_walked_or_not_found(client: Client) -> None:
    walked = {(one.method, one.path.replace("DEFAULT", "{store}").partition("?")[0]) for one in PRINTED}
    pages = {(method, path) for method, path in served(client) if path not in OURS}
    assert {(one.method, one.path) for one in DEFINITIONS if one.kind == "served"} == pages
    assert [one for one in pages if not any(fits(*one, *printed) for printed in walked)] == []


def fits(method: str, path: str, walked_method: str, walked_path: str) -> bool:
    """Whether a request that was made is one for a page."""
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))
    return method == walked_method and re.fullmatch(pattern, walked_path) is not None


def test_what_is_left_out_of_the_document_is_not_found(client: Client) -> None:
    answered = {one: _asked(client, one) for one in DEFINITIONS if one.kind == "404"}
    assert {one: status for one, status in answered.items() if status not in {404, 405}} == {}


def _asked(client: Client, left_out: Definition) -> int:
    path = re.sub(r"{\w+}", "x1", left_out.path.replace("{store}", "DEFAULT"))
    return client.ask(left_out.method, path, None if left_out.method == "GET" else {}, ADMIN).status
