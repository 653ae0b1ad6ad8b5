"""The gateway over intake and loyalty on the embedded log: requests, answers, and who may do what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, NamedTuple

import pytest

from pipeline.gateway.access import digest_of, written
from pipeline.gateway.openapi import OPENAPI
from pipeline.gateway.role import GatewayRole
from pipeline.gateway.vendor_ids import uuid_of
from pipeline.gateway.vendors import ROUTES
from pipeline.intake.org_settings import entries_of, entry_of
from pipeline.log.embedded import EmbeddedLog
from pipeline.runtime.host.app import build_app, running
from pipeline.runtime.host.web import listen_on
from pipeline.runtime.roles.questions import Questions
from schemas.settings import AccessKey, Org, Scope, Store
from tests.runtime.workshop import Until, Workshop, activation

SECRET = "s" * 43
NOW = 1_780_000_000_000


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any


class Client:
    """What another system does."""

    def __init__(self, port: int, workshop: Workshop) -> None:
        self._port = port
        self.workshop = workshop

    def ask(self, method: str, path: str, body: object = None, key: str | None = "1" * 12, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        keyed = {} if key is None else {"Authorization": f"Bearer {written(key, SECRET)}"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, raw, {**keyed, **named})
            answer = connection.getresponse()
            content = answer.read()
            return Answer(answer.status, dict(answer.headers), json.loads(content) if content else None)
        finally:
            connection.close()

    def send(self, message: object, **headers: str) -> Answer:
        return self.ask("POST", "/v1/messages", message, **headers)


def access_key(digit: str, org_id: int, *scopes: Scope) -> AccessKey:
    return AccessKey(key_id=digit * 12, org_id=org_id, scopes=scopes, secret_sha256=digest_of(SECRET), created_at=NOW)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("gateway")
    log = EmbeddedLog(folder / "log")
    workshop = Workshop(log, folder, "gateway.")
    org = Org(org_id=1, name="One", zone="UTC", currency="GBP", country="GB", stores=(Store(code="DEFAULT"),))
    keys = [
        access_key("1", 1, "produce", "read"),
        access_key("2", 2, "admin"),
        access_key("3", 1, "read"),
        access_key("4", 1, "admin"),
    ]
    for key, value in [*entries_of(org).items(), *map(entry_of, keys)]:
        workshop.send("settings", key, value, 0)
    workshop.journal(activation())
    listener = listen_on("127.0.0.1", 0)
    questions = Questions()
    role = GatewayRole(log, workshop.settings, listener, questions)
    app = build_app(workshop.settings, log, ("intake", "loyalty"), extra_roles=[role], questions=questions)
    with listener, running(app):
        ready = Until(lambda: all(is_ready for is_ready, _ in app.roles.status().values()))
        while not ready.is_set():
            ready.wait(0.05)
        yield Client(listener.getsockname()[1], workshop)
    workshop.close()
    log.close()


def bill(number: str, customer: int, amount: int = 10_000) -> dict[str, Any]:
    return {
        "type": "transactionAdded",
        "customerId": customer,
        "billNumber": number,
        "amountMinor": amount,
        "currency": "GBP",
    }


def redemption(customer: int, points: int) -> dict[str, Any]:
    return {"type": "redeemPoints", "customerId": customer, "programId": 7, "points": points}


def test_bill_is_taken_and_points_can_be_redeemed(client: Client) -> None:
    taken = client.send(bill("B1", 11))
    done = client.send(redemption(11, 30), Idempotency_Key="r1")
    standing = client.ask("GET", f"/v1/customers/1/11?minSeq={done.body['seq']}")

    assert (taken.status, taken.body) == (202, {"id": "transactionAdded::B1", "status": 202, "outcome": "accepted"})
    assert (done.status, done.body["outcome"], done.body["result"][0]["points"]) == (200, "done", 30)
    assert standing.body["programs"]["7"]["balances"]["POINTS"]["current"] == 70
    assert (standing.body["source"], standing.body["seq"] >= done.body["seq"]) == ("state", True)


def test_command_sent_again_is_done_once_and_answered_as_the_first_time(client: Client) -> None:
    client.send(bill("B1", 12))
    first = client.send(redemption(12, 30), Idempotency_Key="again")
    second = client.send(redemption(12, 30), Idempotency_Key="again")
    other = client.send(redemption(12, 31), Idempotency_Key="again")

    assert [first.status, second.status, other.status] == [200, 200, 409]
    assert (second.body["outcome"], second.body["firstOutcome"]) == ("duplicate", "done")
    standing = client.ask("GET", f"/v1/customers/1/12?minSeq={other.body['seq']}")
    assert standing.body["programs"]["7"]["balances"]["POINTS"]["redeemed"] == 30


def test_refused_command_says_why_and_its_reply_can_be_asked_for(client: Client) -> None:
    refused = client.send(redemption(13, 5), Idempotency_Key="poor")
    reply = client.ask("GET", "/v1/replies/poor")

    assert (refused.status, refused.headers["Content-Type"].partition(";")[0]) == (422, "application/problem+json")
    assert (refused.body["outcome"], reply.body["reason"]) == ("refused", refused.body["reason"])
    assert client.ask("GET", "/v1/replies/none").status == 404


def test_sender_who_does_not_wait_is_told_where_the_reply_will_be(client: Client) -> None:
    taken = client.send(redemption(13, 5), Idempotency_Key="a/b", Prefer="respond-async, wait=0")
    assert (taken.status, taken.headers["Location"]) == (202, "/v1/replies/a%2Fb")


def test_list_has_a_result_for_each_message(client: Client) -> None:
    own, other = bill("B2", 14) | {"id": "own"}, bill("B3", 14) | {"orgId": 2}
    sent = client.send([bill("B1", 14), redemption(14, 1_000), {"type": "nonsense"}, own, other])
    assert sent.status == 200
    assert [one["status"] for one in sent.body["results"]] == [202, 422, 400, 202, 403]
    assert [one["id"] for one in sent.body["results"]][::2] == ["transactionAdded::B1", None, None]
    assert sent.body["results"][2]["reason"] == "UNKNOWN_TYPE"


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"{", 400, "not JSON"),
        (b"[]", 400, "0 messages"),
        ({"orgId": 2, **bill("B", 1)}, 403, "another org"),
        (b'"' + b"x" * 2**20 + b'"', 413, "1,048,576 bytes"),
        (b'{"type":"redeemPoints"}', 400, ""),
    ],
)
def test_odd_body_is_a_problem_in_words(client: Client, body: object, status: int, told: str) -> None:
    refused = client.send(body)
    assert refused.status == status
    assert told in str(refused.body)


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("POST", "/v1/messages", None, 401),
        ("POST", "/v1/messages", "9" * 12, 401),
        ("POST", "/v1/messages", "3" * 12, 403),
        ("GET", "/v1/customers/1/11", "2" * 12, 403),
        ("GET", "/v1/customers/1/11", None, 401),
        ("GET", "/v1/customers/1/999", "1" * 12, 404),
        ("GET", "/v1/customers/1/11?minSeq=x", "1" * 12, 400),
        ("GET", "/v1/customers/1/11?minSeq=999999", "1" * 12, 503),
        ("GET", "/v1/replies/poor", "2" * 12, 404),
        ("GET", "/v1/nothing", "1" * 12, 404),
        ("PUT", "/v1/messages", "1" * 12, 405),
        *(("POST", route.path.replace("{store}", "DEFAULT"), None, 401) for route in ROUTES),
        *(("POST", route.path.replace("{store}", "DEFAULT"), "3" * 12, 403) for route in ROUTES),
    ],
)
def test_request_that_may_not_or_cannot_be_answered_is_a_problem(
    client: Client, method: str, path: str, key: str | None, status: int
) -> None:
    refused = client.ask(method, path, b"{}" if method != "GET" else None, key)
    assert (refused.status, refused.body["status"]) == (status, status)


def test_replies_of_another_org_are_out_of_reach(client: Client) -> None:
    client.send(redemption(15, 5), Idempotency_Key="mine")
    assert [client.ask("GET", "/v1/replies/mine", key=digit * 12).status for digit in ("1", "2")] == [200, 404]


def test_events_as_the_documents_print_them_are_answered_as_there(client: Client) -> None:
    event = {"event": {"type": "app_login", "customerData": {"customerId": "16"}}}
    created = client.ask("POST", "/api/DEFAULT/customEvent", event)
    body = {"event": "user_subscribed", "customer": {"id": "16"}, "metadata": {"login": "bob", "volume_number": 4}}
    received = client.ask("POST", "/client/v1/events", body)
    sale = (
        b"transaction[items][0][sku][code]=test0101&transaction[items][0][quantity]=1"
        b"&transaction[items][0][grossValue]=1500.00&transaction[customerData][customerId]=16"
        b"&transaction[transactionData][documentNumber]=214124124125&transaction[transactionData][documentType]=sell"
    )
    registered = client.ask("POST", "/api/DEFAULT/transaction", sale, Content_Type="application/x-www-form-urlencoded")
    done = client.send(redemption(16, 1_500))

    assert (created.status, list(created.body)) == (200, ["customEventId"])
    assert (received.status, received.body["object"], received.body["type"]) == (200, "event", "user_subscribed")
    assert (registered.status, list(registered.body)) == (200, ["transactionId"])
    assert (done.status, done.body["outcome"]) == (200, "done")


def test_messages_about_identifiers_have_the_id_that_their_sender_gave(client: Client) -> None:
    link = {"type": "linkIdentifiers", "customerId": 20, "identifiers": {"cardNumber": "4000"}}
    assert client.send(link, Idempotency_Key="link20").body["id"] == "link20"
    unknown = redemption(20, 5) | {"identifiers": {"cardNumber": "4999"}}
    del unknown["customerId"]
    held = client.send(unknown, Idempotency_Key="who", Prefer="wait=20")
    assert (held.status, held.body["outcome"], held.body["id"]) == (202, "held", "who")


def test_event_that_names_its_customer_by_address_reaches_that_customer(client: Client) -> None:
    client.send({"type": "customerAdded", "customerId": 19, "email": "jo@example.com"})
    known = Until(lambda: client.ask("GET", "/v1/customers/1/19").status == 200)
    while not known.is_set():
        known.wait(0.05)
    before = client.ask("GET", "/v1/customers/1/19").body["seq"]

    event = {"event": {"type": "app_login", "customerData": {"email": "Jo@Example.com"}}}
    created = client.ask("POST", "/api/DEFAULT/customEvent", event)

    assert created.status == 200
    assert client.ask("GET", f"/v1/customers/1/19?minSeq={before + 1}").status == 200


def test_points_are_added_spent_and_blocked_and_a_status_shows_them(client: Client) -> None:
    client.send(bill("B1", 17, 10_050))

    def transfer(action: str, points: object) -> Answer:
        form = f"transfer[customer]={customer}&transfer[points]={points}&transfer[comment]=sorry".encode()
        path = f"/api/DEFAULT/points/transfer/{action}"
        return client.ask("POST", path, form, Content_Type="application/x-www-form-urlencoded")

    customer: object = 17
    added = transfer("add", 9)
    customer = uuid_of(17)
    spent, blocked, too_much, odd = (
        transfer("spend", 5),
        transfer("block", 4),
        transfer("spend", 1_000),
        transfer("spend", "x"),
    )
    customer = "b9af6a8c-9cc5-4924-989c-e4af614ab2a3"
    nobody = transfer("add", 1)
    status = client.ask("GET", f"/api/DEFAULT/admin/customer/{uuid_of(17)}/status")

    assert [(one.status, list(one.body)) for one in (added, spent, blocked)] == [(200, ["pointsTransferId"])] * 3
    assert [one.status for one in (too_much, odd, nobody)] == [400, 400, 400]
    assert list(too_much.body["form"]["children"]) == list(odd.body["form"]["children"]) == ["points"]
    assert list(nobody.body["form"]["children"]) == ["customer"]
    assert status.status == 200
    shown = {name: status.body[name] for name in ("points", "usedPoints", "blockedPoints", "transactionsAmount")}
    assert shown == {"points": 100, "usedPoints": 5, "blockedPoints": 4, "transactionsAmount": 100.5}
    assert status.body["customerId"] == uuid_of(17)
    assert client.ask("GET", "/api/DEFAULT/admin/customer/999/status").status == 404


DEFINITION = {
    "eventName": "review",
    "actions": ["EMFConsumer"],
    "fields": [
        {"name": "stars", "type": "number", "attributes": {"isRequired": {"valueType": "Boolean", "value": "true"}}}
    ],
}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"eventName": "known"}, 1806),
        ({"actions": ["Elsewhere"]}, 1810),
        ({"actions": None}, 1810),
        ({"eventName": ""}, 1811),
        ({"eventName": 7}, 1811),
        ({"fields": [{"name": "till", "type": "tillCod"}]}, 1823),
        ({"fields": [{"type": "string"}]}, 1802),
        ({"fields": "x"}, 1802),
        ({"fields": [7]}, 1802),
        ({"colour": "red"}, 1802),
    ],
)
def test_definition_with_a_mistake_has_the_code_of_the_document(
    client: Client, change: dict[str, Any], code: int
) -> None:
    client.ask("POST", "/v2/events", DEFINITION | {"eventName": "known"}, "4" * 12)
    refused = client.ask("POST", "/v2/events", DEFINITION | change, "4" * 12)
    assert (refused.status, refused.body["errors"][0]["code"]) == (400, code)


def test_defined_event_is_judged_at_once(client: Client) -> None:
    made = client.ask("POST", "/v2/events", DEFINITION, "4" * 12)
    event = {"type": "customEvent", "customerId": 18, "eventName": "review"}

    assert (made.status, made.body["data"]["eventName"]) == (200, "review")
    judged = Until(lambda: client.send(event).status == 400)
    while not judged.is_set():
        judged.wait(0.05)
    assert client.send({**event, "attributes": {"stars": 5}}).status == 202
    assert client.ask("POST", "/v2/events", DEFINITION).status == 403
    assert client.ask("POST", "/v2/events", DEFINITION, "2" * 12).status == 400


def test_mistakes_are_told_in_the_forms_of_the_documents(client: Client) -> None:
    form = client.ask("POST", "/api/DEFAULT/transaction", {"transaction": {}})
    payload = client.ask("POST", "/v1/events", {"customer": {"id": "16"}})
    store = client.ask(
        "POST", "/api/NOWHERE/customEvent", {"event": {"type": "x", "customerData": {"customerId": "1"}}}
    )

    assert (form.status, list(form.body), "transactionData" in form.body["form"]["children"]) == (
        400,
        ["form", "errors"],
        True,
    )
    assert (payload.status, payload.body["key"]) == (400, "invalid_payload")
    assert (store.status, "NOWHERE" in str(store.body)) == (400, True)


def test_what_is_served_is_described(client: Client) -> None:
    described = client.ask("GET", "/openapi.json", key=None)
    assert described.body == json.loads(json.dumps(OPENAPI))
    assert client.ask("GET", "/healthcheck", key=None).status == 204
