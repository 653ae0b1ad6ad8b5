"""The gateway over intake and loyalty on the embedded log: requests, answers, and who may do what."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.gateway.vendors import ROUTES, uuid_named
from pipeline.intake.dialects.vendor_ids import uuid_of
from tests.gateway.service import SECRET, Answer, Client
from tests.runtime.workshop import Until


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


def test_one_id_of_two_customers_is_answered_to_each_by_their_own(client: Client) -> None:
    client.send([bill("B1", 171), bill("B1", 172)])
    both = client.send([redemption(171, 30) | {"id": "one"}, redemption(172, 20) | {"id": "one"}]).body["results"]
    assert [(one["customerId"], one["result"][0]["points"]) for one in both] == [(171, 30), (172, 20)]

    client.send(redemption(171, 10), Idempotency_Key="next")
    other = client.send(redemption(172, 10), Idempotency_Key="next", Prefer="wait=0")
    assert (other.status, other.body.get("customerId", 172)) in ((202, 172), (200, 172))


def test_who_names_a_customer_that_was_merged_is_answered_by_the_one_that_is_left(client: Client) -> None:
    client.send([bill("B1", 173), bill("B1", 174)])
    merged = client.send({"type": "mergeCustomers", "customerId": 173, "victimCustomerId": 174})
    assert merged.status == 200
    done = client.send(redemption(174, 150))
    assert (done.status, done.body["customerId"], done.body["result"][0]["points"]) == (200, 173, 150)


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


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_body_that_cannot_be_unpacked_is_a_problem_in_words(client: Client, coding: str) -> None:
    refused = client.send(b"\xff\xff no such thing", Content_Encoding=coding)
    assert (refused.status, "Content-Encoding" in refused.body["detail"]) == (400, True)
    assert refused.headers["Connection"] == "close"


def test_replies_of_another_org_are_out_of_reach(client: Client) -> None:
    client.send(redemption(15, 5), Idempotency_Key="mine")
    assert [client.ask("GET", "/v1/replies/mine", key=digit * 12).status for digit in ("1", "2")] == [200, 404]


def test_a_login_as_the_document_prints_it_gives_a_token_that_is_good_and_can_be_renewed(client: Client) -> None:
    given = client.ask("POST", "/api/admin/login_check", {"_username": "1" * 12, "_password": SECRET}, key=None)
    renewed = client.ask("POST", "/api/token/refresh", {"refresh_token": given.body["refresh_token"]}, key=None)
    assert (given.status, renewed.status, renewed.body.keys()) == (200, 200, {"token", "refresh_token"})
    for answer in (given, renewed):
        taken = client.send(bill("T1", 61), key=None, Authorization=f"Bearer {answer.body['token']}")
        assert (taken.status, taken.body["id"]) == (202, "transactionAdded::T1")


@pytest.mark.parametrize(
    ("body", "status"),
    [({"_username": "1" * 12, "_password": "t" * 43}, 401), ({"_username": "1" * 12}, 400), ({"_password": 1}, 400)],
)
def test_a_login_without_a_good_key_is_refused(client: Client, body: object, status: int) -> None:
    assert client.ask("POST", "/api/admin/login_check", body, key=None).status == status


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
    linked = client.send(link, Idempotency_Key="link20")
    assert (linked.status, linked.body["id"], linked.body["outcome"]) == (200, "link20", "done")
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


def given(client: Client, sender: str, receiver: str, points: object = 5) -> Answer:
    body = {"transfer": {"sender": sender, "receiver": receiver, "points": points}}
    return client.ask("POST", "/api/DEFAULT/admin/p2p-points-transfer", body)


def balance(client: Client, customer: int) -> int:
    answer = client.ask("GET", f"/v1/customers/1/{customer}")
    return int(answer.body["programs"]["7"]["balances"]["POINTS"]["current"])


def test_points_are_given_to_whom_an_id_an_address_or_a_number_names(client: Client) -> None:
    client.send({"type": "customerAdded", "customerId": 71, "email": "giver@example.com"})
    client.send(bill("B1", 71, 5_000))
    client.send({"type": "customerAdded", "customerId": 72, "mobile": "07911 123472"})
    known = Until(lambda: given(client, "giver@example.com", "07911123472").status == 200)
    while not known.is_set():
        known.wait(0.05)

    done = given(client, uuid_of(71), "72")
    assert (done.status, list(done.body)) == (200, ["pointsTransferId"])
    assert (balance(client, 71), balance(client, 72)) == (40, 10)
    refused = {
        "points": given(client, "71", "72", 1_000),
        "sender": given(client, "nobody@example.com", "72"),
        "receiver": given(client, "71", "b9af6a8c-9cc5-4924-989c-e4af614ab2a3"),
    }
    assert {name: (one.status, list(one.body["form"]["children"])) for name, one in refused.items()} == {
        name: (400, [name]) for name in refused
    }
    client.send({"type": "customerStatus", "customerId": 72, "status": "BLOCKED", "reason": "a test"})
    blocked = given(client, "71", "72")
    assert (blocked.status, list(blocked.body["form"]["children"])) == (400, ["receiver"])


def test_steps_that_another_customer_ends_are_answered_when_they_are_over(client: Client) -> None:
    client.send(bill("B1", 73, 1_000))
    client.send(bill("B1", 74, 2_000))
    merge = {"type": "mergeCustomers", "customerId": 73, "victimCustomerId": 74}
    done, again = (client.send(merge, Idempotency_Key="merge") for _ in range(2))
    assert (done.status, done.body["outcome"], again.status, again.body["firstOutcome"]) == (200, "done", 200, "done")
    assert balance(client, 73) == 30
    nobody = client.send({"type": "mergeCustomers", "customerId": 73, "victimCustomerId": 998})
    assert (nobody.status, nobody.body["reason"]) == (422, "customer_unknown")


def assigned(client: Client, number: str, **named: str) -> Answer:
    body = {"assign": {"transactionDocumentNumber": number, **named}}
    return client.ask("POST", "/api/DEFAULT/admin/transaction/customer/assign", body)


def test_transaction_that_waits_is_assigned_once_to_whom_id_card_or_number_names(client: Client) -> None:
    own = {"cardNumber": "7500", "mobile": "07911123475"}
    client.send({"type": "linkIdentifiers", "customerId": 75, "identifiers": own})
    for number in ("W1", "W2", "W3"):
        waits = {name: value for name, value in bill(number, 0).items() if name != "customerId"}
        client.send(waits | {"store": "DEFAULT", "id": f"own/{number}"})
    named = {
        "W1": {"customerId": uuid_of(75), "customerLoyaltyCardNumber": "unknown"},
        "W2": {"customerLoyaltyCardNumber": "7500"},
        "W3": {"customerPhoneNumber": "07911 123475"},
    }
    answers = {number: assigned(client, number, **who) for number, who in named.items()}

    assert {number: (one.status, one.body) for number, one in answers.items()} == {
        number: (200, {"transactionId": uuid_named(1, f"TransactionAdded:own/{number}")}) for number in named
    }
    counts = Until(lambda: client.ask("GET", "/v1/customers/1/75").status == 200 and balance(client, 75) == 300)
    while not counts.is_set():
        counts.wait(0.05)
    told = assigned(client, "W1", customerId="76").body["form"]["children"]
    assert told["transactionDocumentNumber"]["errors"] == ["Customer is already assigned to this transaction"]


def test_transaction_that_came_with_its_customer_or_never_is_not_assigned(client: Client) -> None:
    client.send(bill("W9", 77) | {"store": "DEFAULT"})
    stored = Until(lambda: "already assigned" in str(assigned(client, "W9", customerId="78").body))
    while not stored.is_set():
        stored.wait(0.05)
    unknown, unnamed, nobody = (
        assigned(client, "W0", customerId="78"),
        assigned(client, ""),
        assigned(client, "W9", customerLoyaltyCardNumber="none"),
    )
    assert [one.status for one in (unknown, unnamed, nobody)] == [400, 400, 400]
    assert "no bill W0 of this store waits" in str(unknown.body)
    children = unnamed.body["form"]["children"]
    assert [name for name, one in children.items() if one] == ["transactionDocumentNumber", "customerId"]
    assert list(children) == [
        "transactionDocumentNumber",
        *("customerId", "customerLoyaltyCardNumber", "customerPhoneNumber"),
    ]
    assert nobody.body["form"]["children"]["customerId"]["errors"]


def simulated(client: Client, amount: str, **customer: str) -> Answer:
    items = [{"sku": {"code": "A"}, "quantity": 1, "grossValue": amount}]
    body = {"transaction": {"items": items, "customerData": customer}}
    return client.ask("POST", "/api/DEFAULT/transaction/simulate", body)


def test_simulation_says_what_a_transaction_would_earn_and_leaves_nothing_behind(client: Client) -> None:
    client.send(bill("B1", 21, 1_000))
    done = client.send({"type": "adjustPoints", "customerId": 21, "programId": 7, "points": 5, "reason": "gift"})
    client.send({"type": "linkIdentifiers", "customerId": 21, "identifiers": {"email": "sim@example.com"}})
    linked = Until(lambda: simulated(client, "3", email="sim@example.com").status == 200)
    while not linked.is_set():
        linked.wait(0.05)

    assert simulated(client, "12.50", customerId="21").body == {"points": 12}
    assert simulated(client, "12.50", customerId=uuid_of(21)).body == {"points": 12}
    assert simulated(client, "12.50", email="SIM@example.com").body == {"points": 12}
    assert simulated(client, "7", customerId="777").body == {"points": 7}, "of somebody new"
    unknown, odd = simulated(client, "1", email="nobody@example.com"), simulated(client, "x", customerId="21")
    assert (unknown.status, list(unknown.body["form"]["children"])) == (400, ["customerData"])
    assert (odd.status, list(odd.body["form"]["children"])) == (400, ["items"])
    standing = client.ask("GET", "/v1/customers/1/21").body
    assert (standing["seq"], standing["programs"]["7"]["balances"]["POINTS"]["current"]) == (done.body["seq"], 15)
    assert client.ask("GET", "/v1/customers/1/777").status == 404


def registration(**fields: str) -> dict[str, Any]:
    person = {"firstName": "Jo", "lastName": "Lee", "email": "lee@example.com", "agreement1": "1"}
    return {"customer": person | fields}


def test_customer_who_is_registered_and_updated_has_the_profile(client: Client) -> None:
    address = {"city": "Leeds", "postal": "LS1"}
    body = registration(phone="07911 123456", gender="female", loyaltyCardNumber="777", customerId="22")
    body["customer"]["address"] = address
    registered = client.ask("POST", "/api/DEFAULT/customer/register", body)
    update = {"customer": {"phone": "", "lastName": "Li", "address": {"city": "York"}}}
    updated = client.ask("PUT", f"/api/DEFAULT/customer/{uuid_of(22)}", update)

    assert registered.body == {"customerId": uuid_of(22), "email": "lee@example.com"}
    assert (updated.status, updated.body) == (200, {"customerId": uuid_of(22)})
    read = Until(lambda: client.ask("GET", "/v1/customers/1/22").body.get("profile", {}).get("lastName") == "Li")
    while not read.is_set():
        read.wait(0.05)
    profile = client.ask("GET", "/v1/customers/1/22").body["profile"]
    assert profile == {
        "firstName": "Jo",
        "lastName": "Li",
        "email": "lee@example.com",
        "extended": {"gender": "female", "address.city": "York", "agreement1": "1", "loyaltyCardNumber": "777"},
    }
    by_card = client.ask("POST", "/api/DEFAULT/customer/register", registration(loyaltyCardNumber="777"))
    assert by_card.body["customerId"] == uuid_of(22), "known by the card already"


def test_registration_of_whom_nobody_knows_waits_for_an_id(client: Client) -> None:
    held = client.ask(
        "POST", "/api/DEFAULT/customer/register", registration(email="new@example.com"), Idempotency_Key="new"
    )
    assert (held.status, held.body["customerId"], held.headers["Location"]) == (202, None, "/v1/replies/new")
    assert client.ask("GET", held.headers["Location"]).body["outcome"] == "held"


def test_registration_of_whom_nobody_knows_makes_a_customer_where_ids_are_made_here(client: Client) -> None:
    path, key = "/api/DEFAULT/customer/register", "6" * 12
    made, again, other = (
        client.ask("POST", path, registration(email=f"{name}@example.com"), key) for name in ("made", "made", "more")
    )
    assert [one.status for one in (made, again, other)] == [200, 200, 200]
    assert made.body["customerId"] == again.body["customerId"] != other.body["customerId"]
    sent = client.ask("PUT", f"/api/DEFAULT/customer/{made.body['customerId']}", {"customer": {"lastName": "Li"}}, key)
    assert sent.status == 200


@pytest.mark.parametrize("customer", ["b9af6a8c-9cc5-4924-989c-e4af614ab2a3", "0", "x"])
def test_update_of_whom_no_id_names_is_not_found(client: Client, customer: str) -> None:
    assert client.ask("PUT", f"/api/DEFAULT/customer/{customer}", {"customer": {"lastName": "Li"}}).status == 404


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
        ({"fields": [{"name": "who", "type": "customer", "attributes": {"identifierType": "shoe"}}]}, 1802),
        ({"fields": [{"name": "who", "type": "string", "attributes": {"identifierType": "email"}}]}, 1802),
        ({"fields": [{"name": "who", "type": "customer", "attributes": {"addCustomerIfNotExists": True}}]}, 1802),
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
    assert client.send(event).body["vendorCode"] == 1802
    assert client.send({**event, "attributes": {"stars": 5}}).status == 202
    assert client.ask("POST", "/v2/events", DEFINITION).status == 403
    assert client.ask("POST", "/v2/events", DEFINITION, "2" * 12).status == 400


def guest(identifier: str, **attributes: object) -> dict[str, Any]:
    attributes = {"addCustomerIfNotExists": {"valueType": "Boolean", "value": "true"}, **attributes}
    attributes["identifierType"] = {"valueType": "String", "value": identifier}
    return {"eventName": "brought", "actions": ["EMFConsumer"], "fields": [_customer("guest", attributes)]}


def _customer(name: str, attributes: dict[str, object]) -> dict[str, object]:
    return {"name": name, "type": "customer", "attributes": attributes}


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        pytest.param(guest("email"), "isRequired", id="not required"),
        pytest.param(guest("wechat", isRequired=True), "wechat names nobody", id="no identifier of the org"),
        pytest.param(guest("", isRequired=True), "identifierType", id="no identifier"),
    ],
)
def test_definition_adds_no_customers_whom_nothing_names(client: Client, definition: object, why: str) -> None:
    refused = client.ask("POST", "/v2/events", definition, "6" * 12)
    assert (refused.status, refused.body["errors"][0]["code"]) == (400, 1802)
    assert why in refused.body["errors"][0]["message"]


def test_defined_event_makes_a_customer_of_whom_its_field_names(client: Client) -> None:
    made = client.ask("POST", "/v2/events", guest("cardnumber", isRequired=True), "6" * 12)
    assert made.body["data"]["fields"][0]["attributes"] == {
        "isRequired": {"valueType": "Boolean", "value": "true"},
        "isUniqueKeyField": {"valueType": "Boolean", "value": "false"},
        "identifierType": {"valueType": "String", "value": "cardNumber"},
        "addCustomerIfNotExists": {"valueType": "Boolean", "value": "true"},
    }
    event = {"type": "customEvent", "eventName": "brought", "attributes": {"guest": "77001122"}}
    who = "/api/DEFAULT/transaction/simulate"
    sale = {
        "items": [{"sku": {"code": "A"}, "quantity": 1, "grossValue": 1}],
        "customerData": {"loyaltyCardNumber": "77001122"},
    }

    def is_known() -> bool:
        """Intake may learn of the definition later than the gateway, and sets aside what comes before."""
        sent = client.send(event, "6" * 12).status == 202
        return sent and client.ask("POST", who, {"transaction": sale}, "6" * 12).status == 200

    known = Until(is_known)
    while not known.is_set():
        known.wait(0.05)


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
