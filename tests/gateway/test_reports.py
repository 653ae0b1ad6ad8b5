"""Lists and figures from ClickHouse: of one org, whose every bill is known here."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from pipeline.gateway import desk
from pipeline.gateway.access import written
from pipeline.gateway.lists import transactions_where
from pipeline.gateway.paging import page_of
from pipeline.gateway.requests import Misread
from pipeline.gateway.vendors import uuid_named
from pipeline.intake.dialects.vendor_ids import customer_of, uuid_of
from tests.gateway.conftest import FIGURES, org
from tests.gateway.service import SECRET, Answer, Client
from tests.runtime.workshop import Until

KEY = "5" * 12
SHOWN = "4" * 12
"""A key of an org whose personal data is readable."""


def ask(client: Client, path: str) -> Answer:
    return client.ask("GET", f"/api/DEFAULT/{path}", key=KEY)


def sell(client: Client, customer: int, number: str, amount: str, kind: str = "sell") -> str:
    body = {
        "transactionData": {"documentType": kind, "documentNumber": number},
        "items": [{"sku": {"code": "SKU1"}, "quantity": 2, "grossValue": amount, "category": "aaa"}],
        "customerData": {"customerId": str(customer)},
        "revisedDocument": "A1",
        "labels": [] if number == "A2" else [{"key": "shelf"}, {"key": "of", "value": number}],
    }
    answer = client.ask("POST", "/api/DEFAULT/transaction", {"transaction": body}, key=KEY)
    return str(answer.body["transactionId"])


@pytest.fixture(scope="module")
def sold(client: Client) -> dict[str, str]:
    """What was sold and returned, by document number; done once ClickHouse has all of it."""
    client.send({"type": "customerAdded", "customerId": 1, "firstName": "Jo", "email": "jo@example.com"}, KEY)
    found = {
        "A1": sell(client, 1, "A1", "30.00"),
        "A2": sell(client, 1, "A2", "7.50"),
        "A3": sell(client, 2, "A3", "5"),
    }
    found["R1"] = sell(client, 1, "R1", "10.00", "return")
    client.send({"type": "redeemPoints", "customerId": 1, "programId": 7, "points": 4}, KEY)
    client.send({"type": "adjustPoints", "customerId": 2, "programId": 7, "points": 6, "reason": "sorry"}, KEY)
    stored = Until(
        lambda: (
            ask(client, "admin/analytics/points").body["totalPointsSpent"] == 4
            and ask(client, "transaction").body["total"] == 4
            and ask(client, "points/transfer").body["total"] == 5
        )
    )
    while not stored.is_set():
        stored.wait(0.05)
    return found


@pytest.mark.usefixtures("sold")
def test_figures_are_those_of_the_org(client: Client) -> None:
    recent = {f"in_{days}_days": 3 for days in (1, 7, 30, 365)}
    customers, points, transactions, levels = (
        ask(client, f"admin/analytics/{name}").body for name in ("customers", "points", "transactions", "levels")
    )

    assert (customers["total"], set(customers["intervals"].values()), customers["source"]) == (2, {2}, "clickhouse")
    assert (points["totalSpendingTransfers"], points["totalPointsSpent"]) == (1, 4)
    assert (transactions["total"], transactions["countIntervals"]) == (3, recent)
    assert (transactions["amount"], transactions["currency"]) == (32.5, "GBP")
    assert [(one["name"], one["conditionValue"], one["customers"]) for one in levels["levels"]] == [
        ("level0", "0.00", 1),
        ("level1", "20.00", 1),
        ("level2", "200.00", 0),
    ]
    assert transactions["asOf"].endswith("Z")


def numbers(answer: Answer) -> list[str]:
    return [one["documentNumber"] for one in answer.body["transactions"]]


@pytest.mark.usefixtures("sold")
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", ["A1", "A2", "A3", "R1"]),
        ("?customerId=2", ["A3"]),
        (f"?customerId={uuid_of(1)}&direction=DESC&sort=documentNumber", ["R1", "A2", "A1"]),
        ("?customerId=9", []),
        ("?documentType=return", ["R1"]),
        ("?documentType=sell&perPage=2&page=2", ["A3"]),
        ("?labels[0][key]=shelf", ["A1", "A3", "R1"]),
        ("?labels[0][key]=shelf&labels[1][key]=of&labels[1][value]=A3", ["A3"]),
        ("?labels[0][key]=of&labels[0][value]=A9", []),
        ("?documentNumber=A2", ["A2"]),
        ("?grossValueFrom=7.5&grossValueTo=10", ["A2", "R1"]),
        ("?purchaseDateTo=2020-01-01", []),
        ("?purchaseDateFrom=2020-01-01T00:00:00+0100&sort=grossValue", ["A3", "A2", "R1", "A1"]),
    ],
)
def test_transactions_are_found_by_what_is_asked(client: Client, asked: str, expected: list[str]) -> None:
    assert numbers(ask(client, f"transaction{asked}")) == expected


def test_transaction_says_what_was_sold_and_what_it_earned(client: Client, sold: dict[str, str]) -> None:
    bill = ask(client, f"transaction/{sold['A1']}").body
    returned = ask(client, f"transaction/{sold['R1'].upper()}").body

    assert (bill["grossValue"], bill["pointsEarned"], bill["currency"]) == (30, 30, "gbp")
    assert (bill["purchasePlace"], bill["documentType"]) == ("High Street", "sell")
    assert (bill["customerId"], bill["customerData"]) == (uuid_of(1), {"email": "jo@example.com", "name": "Jo"})
    sku = {"sku": {"code": "SKU1"}, "quantity": 2, "grossValue": 30, "category": "aaa", "labels": []}
    assert bill["items"] == [sku]
    assert (returned["documentType"], returned["revisedDocument"], returned["transactionId"]) == (
        "return",
        "A1",
        sold["R1"],
    )
    assert ask(client, f"transaction/{uuid_named(FIGURES, 'x')}").status == 404
    assert ask(client, "transaction/x").status == 404


def test_transfers_are_awards_and_what_was_spent(client: Client, sold: dict[str, str]) -> None:
    of_one = ask(client, "points/transfer?customerId=1&sort=value").body["transfers"]
    added = ask(client, "points/transfer?type=adding&state[]=active&perPage=1&customerId=2&direction=desc").body

    assert [(one["value"], one["type"], one["issuer"]) for one in of_one] == [
        (4, "spending", "admin"),
        (7, "adding", "system"),
        (30, "adding", "system"),
    ]
    assert len({one["pointsTransferId"] for one in of_one}) == 3
    assert of_one[2]["transactionId"] == {"transactionId": sold["A1"]}
    assert (of_one[2]["transactionDocumentNumber"], of_one[2]["customerFirstName"]) == ("A1", "Jo")
    assert of_one[2]["expiresAt"].endswith("T23:59:59+0000")
    assert (added["total"], added["transfers"][0]["value"], added["transfers"][0]["comment"]) == (2, 6, "sorry")


def listed(client: Client, query: str, key: str = SHOWN) -> list[int]:
    """Customers of the org whose personal data is readable."""
    body = client.ask("GET", f"/api/DEFAULT/customer?{query}", key=key).body
    return [customer_of(one["customerId"]) or 0 for one in body["customers"]]


@pytest.fixture(scope="module")
def people(client: Client) -> None:
    """Three customers of an org whose personal data is readable; done once ClickHouse has them."""
    for number, (first, amount) in enumerate((("Jo", 1_000), ("Joan", 2_000), ("Al", 0)), 501):
        person = {"type": "customerAdded", "customerId": number, "firstName": first, "email": f"{first}@example.com"}
        client.send(person | {"extended": {"loyaltyCardNumber": f"C{number}", "labels": "a:b; c:"}}, SHOWN)
        if amount:
            bill = {"type": "transactionAdded", "customerId": number, "billNumber": f"P{number}", "currency": "GBP"}
            client.send(bill | {"amountMinor": amount}, SHOWN)
    stored = Until(lambda: listed(client, "transactionsCountFrom=1&perPage=100") == [501, 502])
    while not stored.is_set():
        stored.wait(0.05)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("firstName=jo&sort=createdAt&direction=desc", [502, 501]),
        ("firstName=Jo&strict=1", [501]),
        ("email=EXAMPLE.com&loyaltyCardNumber=c5&perPage=1&page=3", [503]),
        ("transactionsAmountFrom=10.01&transactionsAmountTo=20", [502]),
        ("averageTransactionAmountTo=0", [503]),
        ("transactionsCountTo=1&firstName=o&sort=averageTransactionAmount&direction=desc", [502, 501]),
        ("daysFromLastTransactionTo=1", [501, 502]),
        ("hoursFromLastUpdateTo=1", [501, 502, 503]),
        ("hoursFromLastUpdateTo=3000000000000", [501, 502, 503]),
        ("phone=1", []),
        ("loyaltyCardNumber=%2563", []),
    ],
)
def test_customers_are_found_by_what_is_asked(client: Client, query: str, expected: list[int]) -> None:
    assert listed(client, query) == expected


@pytest.mark.usefixtures("people")
def test_page_after_the_last_is_empty_and_knows_how_many_there_are(client: Client) -> None:
    body = client.ask("GET", "/api/DEFAULT/customer?page=9", key=SHOWN).body
    assert (body["customers"], body["total"]) == ([], 3)


@pytest.mark.usefixtures("people")
def test_customer_of_another_worker_has_the_same_details(client: Client) -> None:
    path = f"/api/DEFAULT/customer/{uuid_of(502)}"
    here, there = client.ask("GET", path, key=SHOWN).body, client.apart.ask("GET", path, key=SHOWN).body
    assert here == there
    assert (here["labels"], here["status"]["state"]) == (
        [{"key": "a", "value": "b"}, {"key": "c", "value": ""}],
        "with-card",
    )
    assert (here["transactionsAmount"], here["level"]["name"]) == (20, "level1")
    for nobody in ("502x", "599"):
        missing = client.ask("GET", f"/api/DEFAULT/customer/{nobody}", key=SHOWN)
        assert missing.status == 404


@pytest.mark.usefixtures("sold")
def test_nobody_is_searched_for_by_what_is_sealed(client: Client) -> None:
    refused = ask(client, "customer?firstName=Jo")
    assert (refused.status, "sealed" in refused.body["detail"]) == (400, True)
    assert [one["firstName"] for one in ask(client, "customer?perPage=1").body["customers"]] == ["Jo"]


def changed(client: Client, transfer: str, change: str) -> int:
    return client.ask("POST", f"/api/DEFAULT/points/transfer/{transfer}/{change}", {}, SHOWN).status


def moved(client: Client, customer: int) -> dict[tuple[str, int], tuple[str, str]]:
    """The customer's transfers, by type and points: id and state."""
    body = client.ask("GET", f"/api/DEFAULT/points/transfer?customerId={customer}", key=SHOWN).body
    return {(one["type"], one["value"]): (one["pointsTransferId"], one["state"]) for one in body["transfers"]}


def test_transfers_are_cancelled_activated_and_expire_as_they_are_told(client: Client) -> None:
    for body in (
        {"type": "transactionAdded", "billNumber": "C1", "amountMinor": 10_000, "currency": "GBP"},
        {"type": "customEvent", "eventName": "booked"},
        {"type": "adjustPoints", "programId": 7, "points": 8, "reason": "gift"},
        {"type": "redeemPoints", "programId": 7, "points": 7},
        {"type": "blockPoints", "programId": 7, "points": 6, "reason": "doubt"},
        {"type": "adjustPoints", "programId": 7, "points": -5, "reason": "mistake"},
    ):
        client.send({"customerId": 511, **body}, SHOWN)
    stored = Until(lambda: len(moved(client, 511)) == 6)
    while not stored.is_set():
        stored.wait(0.05)
    found = {name: transfer for name, (transfer, _) in moved(client, 511).items()}
    sale, booked, gift = (found["adding", points] for points in (100, 50, 8))
    spent, blocked, taken = found["spending", 7], found["blocked", 6], found["spending", 5]

    assert moved(client, 511)["adding", 50][1] == "pending"
    assert [changed(client, one, "activate") for one in (sale, spent, booked, booked)] == [400, 400, 204, 400]
    assert [changed(client, one, "expire") for one in (spent, gift, gift)] == [400, 204, 400]
    assert [changed(client, one, "cancel") for one in (taken, spent, blocked, sale, sale)] == [400, 200, 200, 200, 400]
    assert changed(client, uuid_named(2, "x"), "cancel") == 404
    told = {"adding": "cancelled", "spending": "cancelled", "blocked": "cancelled"}
    ended = Until(lambda: moved(client, 511)["adding", 100][1] == "cancelled")
    while not ended.is_set():
        ended.wait(0.05)
    assert {name: state for name, (_, state) in moved(client, 511).items()} == {
        ("adding", 100): told["adding"],
        ("adding", 50): "active",
        ("adding", 8): "expired",
        ("spending", 7): told["spending"],
        ("blocked", 6): told["blocked"],
        ("spending", 5): "active",
    }


def test_transfer_whose_id_was_sent_for_two_customers_is_changed_for_neither(client: Client) -> None:
    for customer in (521, 522):
        gift = {"type": "adjustPoints", "customerId": customer, "programId": 7, "points": 9, "reason": "gift"}
        client.send(gift, SHOWN, Idempotency_Key="twice")
    stored = Until(lambda: bool(moved(client, 521)) and bool(moved(client, 522)))
    while not stored.is_set():
        stored.wait(0.05)
    assert changed(client, moved(client, 521)["adding", 9][0], "cancel") == 409


@pytest.mark.usefixtures("people")
def test_history_tells_points_bills_and_changes_the_latest_first(client: Client) -> None:
    history = client.ask("GET", "/api/DEFAULT/admin/customer/502/history", key=SHOWN).body
    assert [one["type"] for one in history] == [
        "PointsWereAdded",
        "CustomerWasAssignedToTransaction",
        "CustomerWasActivated",
    ]
    assert (history[0]["flatVariables"]["points"], history[0]["pointsBalance"]) == (20, 20)
    assert history[0]["flatVariables"]["transactionId"] == history[1]["flatVariables"]["transactionId"]
    assert client.ask("GET", "/api/DEFAULT/admin/customer/599/history", key=SHOWN).status == 404


@pytest.mark.usefixtures("people")
def test_it_is_said_whether_an_address_names_a_customer(client: Client) -> None:
    path = "/api/DEFAULT/customer/check?emailOrPhone="
    answers = [client.ask("GET", f"{path}{one}", key=SHOWN) for one in ("joan@example.com", "x@example.com", "")]
    assert [(one.status, one.body.get("total")) for one in answers] == [(200, 1), (200, 0), (400, None)]


@pytest.mark.usefixtures("sold")
def test_what_was_decided_is_told_fact_by_fact_and_opened(client: Client) -> None:
    path = f"/v1/customers/{FIGURES}/1"
    whole = client.ask("GET", f"{path}/history", key=KEY).body
    first = client.ask("GET", f"{path}/history?limit=2", key=KEY).body
    rest = client.ask("GET", f"{path}/history?after={first['last']}&limit=1000", key=KEY).body

    assert [one["seq"] for one in whole["facts"]] == list(range(1, whole["last"] + 1))
    assert first["facts"] + rest["facts"] == whole["facts"]
    (registered,) = [one["decision"] for one in whole["facts"] if one["kind"] == "CustomerRegistered"]
    assert registered["profile"]["email"] == "jo@example.com"
    nobody = client.ask("GET", f"/v1/customers/{FIGURES}/999/history", key=KEY)
    assert (nobody.status, nobody.body["facts"], nobody.body["last"]) == (200, [], None)


@pytest.mark.usefixtures("sold")
def test_points_of_a_customer_are_explained(client: Client) -> None:
    explained = client.ask("GET", f"/v1/customers/{FIGURES}/1/explain", key=KEY).body["movements"]
    balance = client.ask("GET", f"/v1/customers/{FIGURES}/1", key=KEY).body["programs"]["7"]["balances"]["POINTS"]
    assert [(one["kind"], one["points"], one["reason"], one["subject"]) for one in explained] == [
        ("issued", 30, "spend", "A1"),
        ("issued", 7, "spend", "A2"),
        ("reversed", 10, "", "A1"),
        ("redeemed", 4, "", explained[-1]["subject"]),
    ]
    assert explained[-1]["balance"] == balance["current"] == 23


@pytest.mark.parametrize("query", ["after=x", "after=-1", "limit=0", "limit=1001", "before=1"])
def test_part_of_a_history_that_cannot_be_asked_for_is_told(client: Client, query: str) -> None:
    assert client.ask("GET", f"/v1/customers/{FIGURES}/1/history?{query}", key=KEY).status == 400


@pytest.mark.usefixtures("sold")
def test_customer_of_another_worker_is_read_in_clickhouse(client: Client) -> None:
    path = f"/v1/customers/{FIGURES}/1"
    here, there = client.ask("GET", path, key=KEY).body, client.apart.ask("GET", path, key=KEY).body

    assert (here["source"], there["source"]) == ("state", "clickhouse")
    for name in ("profile", "status", "seq", "registeredAt"):
        assert there[name] == here[name], name
    assert there["programs"]["7"]["balances"] == here["programs"]["7"]["balances"]
    assert there["programs"]["7"]["tier"] == {"number": here["programs"]["7"]["tier"]["number"]}
    assert client.apart.ask("GET", f"{path}?minSeq=9999", key=KEY).status == 503
    assert client.apart.ask("GET", f"/v1/customers/{FIGURES}/999", key=KEY).status == 503, "another worker may know"
    assert simulated_apart(client) == 503


def simulated_apart(client: Client) -> int:
    sale = {"items": [{"sku": {"code": "A"}, "grossValue": 1}], "customerData": {"customerId": "1"}}
    return client.apart.ask("POST", "/api/DEFAULT/transaction/simulate", {"transaction": sale}, KEY).status


def test_levels_are_listed_by_name(client: Client) -> None:
    listed = ask(client, "customer/level?perPage=2&direction=desc").body
    assert [(one["name"], one["conditionValue"]) for one in listed["levels"]] == [("level2", 200), ("level1", 20)]
    assert listed["total"] == 3


@pytest.mark.parametrize(
    "path",
    [
        *("transaction?page=0", "transaction?page=x", "transaction?perPage=1000&page=11", "transaction?sort=price"),
        *("transaction?direction=up", "transaction?documentType=rent", "transaction?labels=a"),
        *("transaction?purchaseDateFrom=yesterday", "transaction?grossValueTo=1e99", "transaction?grossValueTo=NaN"),
        *("transaction?grossValueTo=1e999999", "transaction?documentNumber=%FF"),
        *("transaction?customerData_name=Jo", "transaction?documentNumber[]=1", "points/transfer?type=gift"),
        *("points/transfer?state[]=lost", "customer/level?sort=photo", "transaction?a[b=1"),
    ],
)
def test_what_cannot_be_asked_is_told(client: Client, path: str) -> None:
    refused = ask(client, path)
    assert (refused.status, bool(refused.body["detail"])) == (400, True)


def test_list_does_not_wait_for_ever_for_a_body(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "READ_SECONDS", 0.01)
    head = f"GET /api/DEFAULT/invitations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {written(KEY, SECRET)}\r\n"
    with socket.create_connection(("127.0.0.1", client.port), timeout=60) as connection:
        connection.sendall(f"{head}Content-Length: 9\r\n\r\npage=".encode())
        assert connection.recv(12) == b"HTTP/1.1 408"


def test_store_of_nobody_is_not_found(client: Client) -> None:
    assert client.ask("GET", "/api/NOWHERE/transaction", key=KEY).status == 404


@pytest.mark.parametrize("asked", [{"page": "2", "perPage": "5001"}, {"perPage": "10001"}])
def test_results_end_at_the_ten_thousandth(asked: dict[str, Any]) -> None:
    with pytest.raises(Misread):
        page_of(asked, {"at": "at"})


def test_local_times_of_a_search_are_the_orgs() -> None:
    where = transactions_where({"purchaseDateFrom": "2022-07-01"}, org(1).model_copy(update={"zone": "Europe/London"}))
    assert where.parameters["purchaseDateFrom"] == 1_656_630_000_000


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2022-07-01", 1_656_716_399_999),  # the whole day counts
        ("2022-10-30", 1_667_174_399_999),  # it has 25 hours in London
        ("2022-07-01T00:00:00", 1_656_630_000_000),
        ("2022-07-01T00:00:00.003", 1_656_630_000_003),
        ("9999-12-31", 253_402_300_799_999),
    ],
)
def test_a_date_alone_ends_a_search_at_the_end_of_that_day(written: str, expected: int) -> None:
    where = transactions_where({"purchaseDateTo": written}, org(1).model_copy(update={"zone": "Europe/London"}))
    assert where.parameters["purchaseDateTo"] == expected
