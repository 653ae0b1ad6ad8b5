"""Bodies of requests: which messages they become, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from pydantic import SecretStr

from pipeline.gateway.forms import DEPTH_MAX, BadForm, form_in
from pipeline.gateway.requests import Misread, Refused, Sender, Taken, messages_in, take, take_of_vendor
from pipeline.gateway.vendors import form_errors
from pipeline.intake.dialects.vendor_ids import customer_of, uuid_of
from pipeline.intake.org_settings import known
from pipeline.intake.verdict import Limits
from pipeline.runtime.roles.intake import limits_of
from pipeline.runtime.settings import Settings
from schemas.settings import Org, Store

WALL = 1_780_000_000_000
ORG = known(
    Org(
        org_id=100,
        name="Roastery",
        zone="Europe/London",
        currency="GBP",
        country="GB",
        stores=(Store(code="DEFAULT"),),
    )
)


def sender(key: str = "", wall: int = WALL) -> Sender:
    return Sender(
        org_id=100,
        idempotency_key=key,
        wall=wall,
        topic="gateway",
        limits=Limits(clock_topic="transactions", orgs={100: ORG}),
        new_id=lambda: "new",
    )


def taken(message: dict[str, Any], place: int | None = None, key: str = "", wall: int = WALL) -> Taken:
    one = take(msgspec.Raw(json.dumps(message).encode()), place, sender(key, wall))
    assert isinstance(one, Taken)
    return one


BILL = {"type": "transactionAdded", "customerId": 7, "billNumber": "B1", "amountMinor": 100, "currency": "GBP"}
VISIT = {"type": "customEvent", "customerId": 7, "eventName": "visit"}
REDEMPTION = {"type": "redeemPoints", "customerId": 7, "programId": 1, "points": 5}


@pytest.mark.parametrize(
    ("message", "key", "place", "expected"),
    [
        (VISIT, "", None, "new"),
        (VISIT | {"id": "own"}, "", None, "own"),
        (VISIT | {"id": "own"}, "key", None, "key"),
        (VISIT, "key", 2, "key#2"),
        (BILL, "", None, "transactionAdded::B1"),
        (BILL | {"store": "S"}, "", None, "transactionAdded:S:B1"),
        (BILL, "key", None, "key"),
    ],
)
def test_id_is_the_idempotency_key_else_the_messages_own_else_that_of_the_bill_else_new(
    message: dict[str, Any], key: str, place: int | None, expected: str
) -> None:
    assert taken(message, place, key).record.id == expected


def test_org_and_time_that_are_left_out_are_filled_in() -> None:
    one = taken(VISIT)
    assert (one.record.org_id, one.record.event_time, one.message.key) == (100, WALL, b"100:7")


def test_message_without_a_time_is_the_same_when_it_is_sent_again_and_another_with_another_content() -> None:
    first, again = taken(REDEMPTION, key="k"), taken(REDEMPTION, key="k", wall=WALL + 60_000)
    other = taken(REDEMPTION | {"points": 6}, key="k")
    assert first.record.digest == again.record.digest != other.record.digest


def test_message_with_a_time_is_another_at_another_time() -> None:
    one, other = (taken(VISIT | {"eventTime": WALL - ago}, key="k") for ago in (0, 1))
    assert one.record.digest != other.record.digest


def test_only_commands_wait_for_a_reply() -> None:
    assert [taken(one).waits for one in (BILL, VISIT, REDEMPTION)] == [False, False, True]


def test_message_of_another_org_is_not_taken() -> None:
    refused = take(msgspec.Raw(json.dumps(VISIT | {"orgId": 101}).encode()), None, sender())
    assert isinstance(refused, Refused)
    assert refused.reason == "OTHER_ORG"


def test_what_intake_would_not_take_is_refused_with_each_defect() -> None:
    refused = take(msgspec.Raw(b'{"type": "redeemPoints", "customerId": "x", "programId": 1}'), None, sender())
    assert isinstance(refused, Refused)
    assert refused.reason == "INVALID_FIELDS"
    assert {defect.path for defect in refused.defects} == {"customerId", "points"}


def test_text_that_is_not_utf_8_is_refused_in_words() -> None:
    refused = take(msgspec.Raw(b'{"type": "vi\xe5sit", "id": "\xe5"}'), None, sender())
    assert isinstance(refused, Refused)
    assert refused.defects


@pytest.mark.parametrize("field", ["id", "type", "store", "billNumber"])
@pytest.mark.parametrize(("number", "is_placed"), [("1e400", True), ("9" * 5_000, False)])
def test_number_that_nobody_can_read_is_refused_in_words(field: str, number: str, *, is_placed: bool) -> None:
    message = json.dumps({**BILL, field: 0}).replace(f'"{field}": 0', f'"{field}": {number}')
    refused = take(msgspec.Raw(message.encode()), None, sender())
    assert isinstance(refused, Refused)
    assert (field if is_placed else "") in {defect.path for defect in refused.defects}


def test_org_that_is_no_number_is_another_org() -> None:
    refused = take(msgspec.Raw(b'{"type": "customEvent", "orgId": 1e400}'), None, sender())
    assert isinstance(refused, Refused)
    assert refused.reason == "OTHER_ORG"


def test_what_intake_takes_from_another_topic_only_is_refused() -> None:
    settings = Settings(prefix="", types_by_topic={"commands": ("redeemPoints",)}, identity_key=SecretStr("k" * 16))
    by_intake = sender()._replace(limits=limits_of(settings), topic="gateway")
    refused = take(msgspec.Raw(json.dumps(REDEMPTION).encode()), None, by_intake)
    assert isinstance(refused, Refused)
    assert isinstance(take(msgspec.Raw(json.dumps(VISIT).encode()), None, by_intake), Taken)


@pytest.mark.parametrize("message", [b'{"type": "advanceClock", "time": 1}', b"7", b'"x"', b"null"])
def test_what_is_about_no_customer_is_refused(message: bytes) -> None:
    assert isinstance(take(msgspec.Raw(message), None, sender()), Refused)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"[" + b"1," * 1_000 + b"1]"])
def test_body_that_is_no_message_and_no_list_of_them_is_misread(body: bytes) -> None:
    with pytest.raises(Misread):
        messages_in(body)


def test_body_is_one_message_or_a_list() -> None:
    assert messages_in(b' {"a":1}') == ([msgspec.Raw(b'{"a":1}')], False)
    found, many = messages_in(b"\n[1, {}]")
    assert (len(found), many) == (2, True)


EVENT = {"event": {"type": "app_login", "customerData": {"customerId": "7"}}}


def test_event_of_a_vendor_without_a_number_counts_once_for_each_request_and_once_with_a_key() -> None:
    body = json.dumps(EVENT).encode()
    ids = [
        one.record.id
        for one in (take_of_vendor(body, "openloyalty", "DEFAULT", sender(key)) for key in ("", "k"))
        if isinstance(one, Taken)
    ]
    assert ids == ["new", "k"]


def test_sale_of_a_vendor_goes_by_its_document_number() -> None:
    sale = {
        "transaction": {
            "transactionData": {"documentType": "sell", "documentNumber": "214"},
            "items": [{"sku": {"code": "a"}, "grossValue": "15.00", "quantity": "1"}],
            "customerData": {"customerId": "7"},
        }
    }
    one = take_of_vendor(json.dumps(sale).encode(), "openloyalty", "DEFAULT", sender())
    assert isinstance(one, Taken)
    assert one.record.id == "DEFAULT/sell/214"


def test_defects_stand_at_their_fields_as_in_the_vendors_form() -> None:
    refused = take_of_vendor(b'{"event": {"customerData": {"customerId": "7"}}}', "openloyalty", "DEFAULT", sender())
    assert isinstance(refused, Refused)
    assert form_errors(refused.defects) == {
        "form": {"children": {"type": {"errors": ["is missing; add the name of the event"]}}},
        "errors": [],
    }


@pytest.mark.parametrize("number", [1, 4711, 2**52 + 1, 2**53])
def test_customer_id_is_read_back_from_its_uuid(number: int) -> None:
    assert UUID(uuid_of(number)).version == 8
    assert customer_of(uuid_of(number)) == customer_of(str(number)) == number


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "9" * 17, str(2**53 + 1), "b9af6a8c-9cc5-4924-989c-e4af614ab2a3"])
def test_what_is_no_id_of_ours_names_nobody(text: str) -> None:
    assert customer_of(text) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"a=1&b=x+y", {"a": "1", "b": "x y"}),
        (b"t[a][0][c]=A&t[a][1][c]=B", {"t": {"a": [{"c": "A"}, {"c": "B"}]}}),
        (b"t[]=A&t[]=B", {"t": ["A", "B"]}),
        (b"t[1]=B", {"t": {"1": "B"}}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a=1&a[b]=2", {"a": {"b": "2"}}),
        (b"a[b]=1&a=2", {"a": "2"}),
        (b"a%5Bb%5D=%C3%A9", {"a": {"b": "é"}}),
        (b"a=", {"a": ""}),
        (b"", {}),
    ],
)
def test_form_is_read_as_php_reads_it(body: bytes, expected: dict[str, Any]) -> None:
    assert form_in(body) == expected


@pytest.mark.parametrize(
    "body",
    [b"\xff=1", b"noequals", b"a[b=1", b"[a]=1", b"a" + b"[b]" * DEPTH_MAX + b"=1", b"a=1&" * 20_001],
)
def test_what_is_no_form_is_told(body: bytes) -> None:
    with pytest.raises(BadForm):
        form_in(body)


def test_what_names_its_customer_by_e_mail_goes_to_the_org_under_its_own_id() -> None:
    knowing = sender("key")._replace(limits=Limits("transactions", orgs={100: ORG}, identity_key=b"a key of the tests"))
    body = json.dumps({"event": {"type": "app_login", "customerData": {"email": "jo@example.com"}}}).encode()

    one = take_of_vendor(body, "openloyalty", "DEFAULT", knowing)
    assert isinstance(one, Taken)
    assert one.message.key == b"100:0"
    assert (type(one.record).__name__, one.record.id) == ("CustomEventReceived", "key")
    redeem = {name: value for name, value in REDEMPTION.items() if name != "customerId"}
    command = take(
        msgspec.Raw(json.dumps(redeem | {"identifiers": {"email": "jo@example.com"}}).encode()), None, knowing
    )
    assert isinstance(command, Taken)
    assert command.waits
