"""What the vendors' documents print works: each request as it stands there is answered as it says."""

from __future__ import annotations

import re
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from pipeline.gateway.openloyalty import OpenLoyalty
from pipeline.gateway.reports import Reports
from pipeline.gateway.vendors import ROUTES
from pipeline.intake.dialects.vendor_ids import uuid_of
from tests.gateway.printed import PRINTED, Printed
from tests.gateway.service import Client
from tests.runtime.workshop import Until

CUSTOMER = 100
REFRESH = "/api/token/refresh"
"""Ours: the document prints what it gives, and no request."""
_FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def known(client: Client) -> tuple[str, str]:
    """The documents' customer, known here by each address that they print, and a transaction that is stored."""
    identifiers = {"cardNumber": "11111111111", "sourceId": "source_customer_event"}
    client.send({"type": "customerAdded", "customerId": CUSTOMER, "firstName": "Test", "lastName": "test"})
    client.send({"type": "linkIdentifiers", "customerId": CUSTOMER, "identifiers": identifiers})
    for number, address in enumerate(("john4", "john3", "john")):
        about = {"customerId": CUSTOMER + number, "identifiers": {"email": f"{address}@example.com"}}
        client.send({"type": "linkIdentifiers", **about})
    granted = {"type": "adjustPoints", "customerId": CUSTOMER, "programId": 7, "points": 100, "reason": "a test"}
    client.send(granted)
    sold = {
        "transactionData": {"documentType": "sell", "documentNumber": "456"},
        "items": [{"sku": {"code": "SKU1"}, "quantity": 1, "grossValue": 3, "category": "aaa"}],
        "customerData": {"customerId": str(CUSTOMER)},
    }
    transaction = client.ask("POST", "/api/DEFAULT/transaction", {"transaction": sold}).body["transactionId"]
    stored = Until(lambda: client.ask("GET", f"/api/DEFAULT/transaction/{transaction}").status == 200)
    while not stored.is_set():
        stored.wait(0.05)
    return uuid_of(CUSTOMER), transaction


@pytest.mark.parametrize("printed", PRINTED, ids=lambda one: f"{one.source} {one.method} {one.path}")
def test_what_a_document_prints_is_answered_as_there(client: Client, known: tuple[str, str], printed: Printed) -> None:
    kind = {"Content_Type": "application/json" if printed.is_json else _FORM}
    answer = client.ask(printed.method, printed.where(*known), printed.body(known[0]), **kind)

    assert answer.status == printed.status, answer.body
    if printed.answer:
        expected = {name: one for name, one in printed.expected.items() if name not in printed.left_out}
        assert differences(expected, answer.body) == []


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
        return [one for first in expected[:1] for item in got for one in differences(first, item, f"{path}[]")]
    return [] if kind_of(expected) == kind_of(got) else [f"{path} is {got!r}, not such as {expected!r}"]


def kind_of(value: Any) -> str:
    if isinstance(value, str):
        try:
            UUID(value)
        except ValueError:
            return "text"
        return "id"
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def test_every_page_of_the_vendors_is_walked() -> None:
    walked = {(one.method, one.path.replace("DEFAULT", "{store}").partition("?")[0]) for one in PRINTED}
    pages = [(one.method, one.path) for one in OpenLoyalty(Mock()).routes() if one.path != REFRESH]
    pages += [(one.method, one.path) for one in Reports(Mock(), Mock()).routes()]
    pages += [("POST", one.path) for one in ROUTES]
    assert [one for one in pages if not any(fits(*one, *printed) for printed in walked)] == []


def fits(method: str, path: str, walked_method: str, walked_path: str) -> bool:
    """Whether a request that was made is one for a page."""
    pattern = re.sub(r"\\{\w+(:[^}]*)?\\}", "[^/]+", re.escape(path))
    return method == walked_method and re.fullmatch(pattern, walked_path) is not None
