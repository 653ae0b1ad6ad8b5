"""Bodies of requests and of messages in the dialects: each is taken, or refused by the place of each mistake."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.gateway.assigning import ASSIGN_FORM, assignment_in
from pipeline.gateway.definitions import Invalid, definition_in, definition_out
from pipeline.gateway.desk import content_of
from pipeline.gateway.forms import BadForm, form_in
from pipeline.gateway.lists import TRANSACTION_SORTS, TRANSFER_SORTS, transactions_where, transfers_where
from pipeline.gateway.paging import page_of
from pipeline.gateway.points import TRANSFERS, command_of, gift_of, sale_of, transfer_in
from pipeline.gateway.registered import CUSTOMER_SORTS, customers_where
from pipeline.gateway.requests import Misread, Refused, Sender, Taken, messages_in, take, take_of_vendor
from pipeline.gateway.vendors import CUSTOMER_FORM, ROUTES, form_errors
from pipeline.intake.dialects.registry import read
from pipeline.intake.org_settings import known
from pipeline.intake.verdict import Accepted, Defect, Limits
from pipeline.log.port import Message
from schemas.settings import EventDefinition, Org, Store
from tests.fuzz.mutating import BYTES, encoded, odd, restructured
from tests.gateway.printed import PRINTED
from tests.intake.incoming import examples
from tests.runtime.workshop import PROGRAM

_WALL: Final = 1_900_000_000_000
_EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "dialects"
_ORG: Final = Org(
    org_id=100,
    name="One",
    zone="Europe/London",
    currency="GBP",
    country="GB",
    identifiers=("mobile", "email", "cardNumber", "sourceId"),
    stores=(Store(code="DEFAULT", zone="Europe/Warsaw", currency="PLN"),),
    events=(EventDefinition(name="app_login"),),
)
_LIMITS: Final = Limits(clock_topic="transactions", orgs={100: known(_ORG)}, identity_key=b"a key of the fuzzer")
_FORM: Final = "application/x-www-form-urlencoded"
_QUERIES: Final = (
    b"customerId=4711&documentType=sell&page=2&perPage=5&sort=grossValue&direction=DESC",
    b"purchaseDateFrom=2022-02-20T09:45:04+0100&purchaseDateTo=2022-03-01&grossValueFrom=1.50&grossValueTo=10",
    b"email=example.com&strict=0&page=1&perPage=2&sort=customerId&transactionsAmountFrom=1.5&hoursFromLastUpdateTo=2",
    b"labels[0][key]=a&labels[0][value]=b&customerData_name=Jo",
    b"state[]=active&state[]=expired&type=adding&customerId=4711",
)
_DEFINITION: Final = {
    "eventName": "review",
    "actions": ["EMFConsumer"],
    "description": "",
    "fields": [
        {"name": "stars", "type": "number", "attributes": {"isRequired": {"valueType": "Boolean", "value": "true"}}}
    ],
}
_SALE: Final = {
    "transaction": {
        "transactionData": {"documentNumber": "1", "documentType": "sell", "purchaseDate": "2022-02-20 09:45"},
        "items": [{"sku": {"code": "A"}, "quantity": 1, "grossValue": "1.50", "category": "a"}],
        "customerData": {"email": "jo@example.com", "phone": "+48234234000", "loyaltyCardNumber": "1"},
    }
}


class _Page(NamedTuple):
    """Where bodies go."""

    examples: tuple[bytes, ...]
    run: Callable[[bytes, Sender, str], str]
    """What becomes of a body of this content type; raises where the gateway would fail."""


def _printed(*paths: str) -> tuple[bytes, ...]:
    bodies = [
        one.body({"customer": "4711", "receiver": "4712"}) for one in PRINTED if any(path in one.path for path in paths)
    ]
    return tuple(body for body in bodies if body is not None)


def _ended(taken: Taken | Refused, sender: Sender) -> str:
    """Whether intake says the same of what was taken, and every mistake has its words."""
    if isinstance(taken, Refused):
        _look_at(taken.defects)
        return f"refused: {taken.reason}"
    sent = taken.message
    message = Message(sent.topic, 0, 0, sent.key, sent.value, sender.wall, sent.headers)
    assert isinstance(read(message, wall=sender.wall, limits=sender.limits), Accepted), "it would be a dead letter"
    assert 1 <= len(taken.id) <= 128
    return "taken"


def _look_at(defects: tuple[Defect, ...] | list[Defect]) -> None:
    assert defects
    assert all(defect.problem and defect.remedy for defect in defects)
    form = form_errors(defects, CUSTOMER_FORM)
    assert form["errors"] or "errors" in json.dumps(form["form"])
    for route in ROUTES:
        json.dumps(route.refusal(defects))


def _content(body: bytes, kind: str) -> tuple[dict[str, Any], bytes]:
    return content_of(SimpleNamespace(content_type=kind), body)  # type: ignore[arg-type]


def _vendor(dialect: str, body: bytes, sender: Sender, kind: str) -> str:
    content, body = _content(body, kind)
    taken = take_of_vendor(body, dialect, "DEFAULT", sender)
    if isinstance(taken, Taken):
        for route in ROUTES:
            if route.dialect == dialect:
                json.dumps(route.answer(content, taken))
    return _ended(taken, sender)


def _customer(body: bytes, sender: Sender, kind: str) -> str:
    content, _ = _content(body, kind)
    ends = [
        _ended(take_of_vendor(msgspec.json.encode(one), "openloyalty", "DEFAULT", sender), sender)
        for one in (
            {"customer": content.get("customer", {})},
            {"customer": content.get("customer", {}), "customerId": 4711},
        )
    ]
    return " and ".join(ends)


def _simulation(body: bytes, sender: Sender, kind: str) -> str:
    content, _ = _content(body, kind)
    sale, _is_named = sale_of(content)
    return _ended(take_of_vendor(msgspec.json.encode(sale), "openloyalty", "DEFAULT", sender), sender)


def _transfer(body: bytes, sender: Sender, kind: str) -> str:
    content, _ = _content(body, kind)
    found = transfer_in(content)
    if isinstance(found, list):
        _look_at(found)
        return "refused"
    ends = []
    for action in TRANSFERS:
        command = command_of(action, found[0], 7, found[1])
        ends.append(_ended(take(msgspec.Raw(msgspec.json.encode(command)), None, sender), sender))
    return " and ".join(sorted(set(ends)))


def _gift(body: bytes, sender: Sender, kind: str) -> str:
    content, _ = _content(body, kind)
    transfer = content.get("transfer")
    command = gift_of(4711, 4712, 7, transfer if isinstance(transfer, dict) else {})
    return _ended(take(msgspec.Raw(msgspec.json.encode(command)), None, sender), sender)


def _assignment(body: bytes, sender: Sender, kind: str) -> str:
    content, _ = _content(body, kind)
    found = assignment_in(content)
    if isinstance(found, list):
        assert form_errors(found, ASSIGN_FORM)
        return "refused"
    message = {"type": "assignTransaction", "customerId": 4711, "billNumber": found[0], "store": "DEFAULT"}
    return _ended(take(msgspec.Raw(msgspec.json.encode(message)), None, sender), sender)


def _messages(body: bytes, sender: Sender, _kind: str) -> str:
    raw, _many = messages_in(body)
    return " and ".join(sorted({_ended(take(one, None, sender), sender) for one in raw}))


def _definition(body: bytes, _sender: Sender, kind: str) -> str:
    content, _ = _content(body, kind)
    try:
        assert json.dumps(definition_out(definition_in(content, _ORG)))
    except Invalid as error:
        return f"refused: {min(code for code, message in error.errors if message)}"
    return "taken"


def _query(body: bytes, _sender: Sender, _kind: str) -> str:
    asked = form_in(body)
    wheres: list[Callable[[], object]] = [
        lambda: page_of(asked, TRANSACTION_SORTS),
        lambda: page_of(asked, TRANSFER_SORTS),
        lambda: page_of(asked, CUSTOMER_SORTS),
        lambda: transactions_where(asked, _ORG),
        lambda: transfers_where(asked, _ORG, PROGRAM),
        lambda: customers_where(asked, _ORG, PROGRAM),
    ]
    return " and ".join(sorted({_asked(one) for one in wheres}))


def _asked(where: Callable[[], object]) -> str:
    try:
        assert where()
    except Misread:
        return "refused"
    return "asked"


PAGES: Final[Mapping[str, _Page]] = MappingProxyType(
    {
        "openloyalty": _Page(
            (*_printed("/customEvent", "DEFAULT/transaction"), encoded(_SALE)), partial(_vendor, "openloyalty")
        ),
        "voucherify": _Page(_printed("/v1/events"), partial(_vendor, "voucherify")),
        "capillary": _Page((_EXAMPLES.joinpath("capillary.json").read_bytes(),), partial(_vendor, "capillary")),
        "customers": _Page(_printed("/register", "/customer/{customer}"), _customer),
        "simulations": _Page((*_printed("/simulate"), encoded(_SALE)), _simulation),
        "transfers": _Page(
            _printed("/points/transfer/add", "/points/transfer/spend", "/points/transfer/block"), _transfer
        ),
        "gifts": _Page(_printed("/p2p-points-transfer"), _gift),
        "assignments": _Page(_printed("/assign"), _assignment),
        "messages": _Page(tuple(map(encoded, examples())), _messages),
        "definitions": _Page((encoded(_DEFINITION),), _definition),
        "lists": _Page(_QUERIES, _query),
    }
)


class _Sent(msgspec.Struct, array_like=True):
    page: str
    kind: str
    key: str
    body: bytes


def make(chance: random.Random) -> bytes:
    """A body for one of the pages, more or less like an example."""
    page = chance.choice(list(PAGES))
    body = chance.choice(PAGES[page].examples)
    is_form = not body.lstrip().startswith((b"{", b"["))
    if chance.random() < 0.3:
        body = chance.choice(BYTES)(chance, body)
    elif is_form:
        body = _pairs(chance, body)
    else:
        body = encoded(restructured(chance, json.loads(body)))
    kind = _FORM if is_form or chance.random() < 0.1 else "application/json"
    return msgspec.msgpack.encode(_Sent(page, kind, chance.choice(["", "k"]), body))


def _pairs(chance: random.Random, body: bytes) -> bytes:
    """A form in which some fields are gone, odd, twice, or deeper than they were."""
    fields = body.split(b"&")
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(fields))
        name, _, value = fields[place].partition(b"=")
        action = chance.randrange(5)
        if action == 0 and len(fields) > 1:
            del fields[place]
        elif action == 1:
            fields[place] = name + b"=" + str(odd(chance)).encode("utf-8", "replace")
        elif action == 2:
            fields.append(name + chance.choice([b"[]", b"[0]", b"[x][y]", b"[", b"[]" * 9]) + b"=" + value)
        elif action == 3:
            fields.append(chance.choice(fields))
        else:
            fields[place] = name + b"="
    return b"&".join(fields)


def run(raw: bytes) -> str:
    """Take it, as the page does."""
    sent = msgspec.msgpack.decode(raw, type=_Sent)
    sender = Sender(
        org_id=100, idempotency_key=sent.key, wall=_WALL, topic="gateway", limits=_LIMITS, new_id=lambda: "new"
    )
    try:
        return f"{sent.page}: {PAGES[sent.page].run(sent.body, sender, sent.kind)}"
    except (Misread, BadForm):
        return f"{sent.page}: misread"
