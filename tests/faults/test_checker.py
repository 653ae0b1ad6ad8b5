"""The checker finds nothing where all is well, and each thing that can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.faults.arithmetic import Customer, world_of
from tests.faults.checker import check
from tests.faults.evidence import DEAD_LETTERS, FACTS, INPUT, JOURNAL, NOTIFICATIONS, REPLIES, STATE, Evidence, Read
from tests.faults.generator import Sent
from tests.faults.journal import Milestone, steps_in
from tests.faults.messages import DAY_MS, ORG

POINTS, _, _, _, CUSTOMERS, _ = NOTIFICATIONS
ANN, BOB = 1, 2
BILL = {
    "type": "transactionAdded",
    "orgId": ORG,
    "customerId": ANN,
    "id": "n1",
    "eventTime": 20_000 * DAY_MS,
    "billNumber": "B1",
    "amountMinor": 1_000,
    "currency": "GBP",
}
"""Earns ten points."""
PAID = ("issued", "n1", 10, (("spend", 10),), 10, 10)
OTHER = BILL | {"customerId": BOB, "id": "n2", "billNumber": "B2"}


def record(offset: int, of: dict[str, Any], source_offset: int) -> Read:
    fields = ["TransactionAdded", 1, f"{INPUT}:0", source_offset, ORG, of["customerId"], of["id"], 5, of["eventTime"]]
    return read(offset, of, fields)


def facts(offset: int, of: dict[str, Any], points: int = 10) -> Read:
    cause, at = f"TransactionAdded:{of['id']}", of["eventTime"]
    of_customer = [[1, 5, 0], [3, []], [10, of["billNumber"], 1_000, "GBP", 1, 1]]
    issued = [
        *(30, "POINTS", points, points, ""),
        *([[1, "spend", points, 1]], [[1, points, None, None]], points, of["billNumber"]),
    ]
    in_program = [[20, 0, [], [], 1], issued]
    groups = [[[cause, at, at], of_customer], [[cause, at, at, 1, 1], in_program]]
    return read(offset, of, [0, offset, 1, ORG, of["customerId"], 1, 1, groups])


def read(offset: int, of: dict[str, Any], content: list[Any]) -> Read:
    key = f"{ORG}:{of['customerId']}".encode()
    return Read(0, offset, key, b"\x01" + msgspec.msgpack.encode(content), {})


def news(offset: int, of: dict[str, Any], seq: int, name: str, **data: float) -> Read:
    body = {"eventName": name, "eventId": f"{of['id']}-{name}", "seq": seq, "data": data}
    return Read(0, offset, f"{ORG}:{of['customerId']}".encode(), json.dumps(body).encode(), {})


def undisturbed() -> Evidence:
    """Two bills and a message that is no JSON, as an undisturbed run leaves them."""
    topics: dict[str, list[Read]] = {name: [] for name in NOTIFICATIONS} | {
        JOURNAL: [record(0, BILL, 0), record(1, OTHER, 2)],
        DEAD_LETTERS: [Read(0, 0, f"{ORG}:1".encode(), b"{", {"accrue.origin": f"{INPUT}:0:1".encode()})],
        FACTS: [facts(0, BILL), facts(1, OTHER)],
        REPLIES: [],
        POINTS: [
            news(0, BILL, 5, "pointsIssued", totalPointsIssued=10.0),
            news(1, OTHER, 5, "pointsIssued", totalPointsIssued=10.0),
        ],
        CUSTOMERS: [
            news(0, BILL, 2, "customerAdded"),
            news(1, BILL, 3, "transactionAdded"),
            news(2, OTHER, 2, "customerAdded"),
            news(3, OTHER, 3, "transactionAdded"),
        ],
    }
    rows = [[JOURNAL, 2, 2, 1], [FACTS, 2, 2, 1], [POINTS, 2, 2, 1], [CUSTOMERS, 4, 4, 6]]
    tables = {
        "rows": rows,
        "facts": [[10]],
        "notification_ids": [[6]],
        "unbalanced": [[0]],
        "members": [[ANN, 10], [BOB, 10]],
        "movements": [[ANN, "issued", 10, 1], [BOB, "issued", 10, 1]],
        "states": [[ANN, 10, 10, 1], [BOB, 10, 10, 1]],
    }
    sent = (json.dumps(BILL).encode(), b"{", json.dumps(OTHER).encode())
    ledger = [Sent(0, offset, value) for offset, value in enumerate(sent)]
    return Evidence(ledger, topics, [], tables)


def customers_of(evidence: Evidence) -> dict[int, Customer]:
    return world_of(evidence.ledger, steps_in(evidence.topics[JOURNAL])).customers


def lose_a_record(evidence: Evidence) -> None:
    del evidence.topics[JOURNAL][1]


def double_a_record(evidence: Evidence) -> None:
    evidence.topics[JOURNAL].append(record(2, OTHER, 2))


def swap_records(evidence: Evidence) -> None:
    evidence.topics[JOURNAL].reverse()


def change_a_record(evidence: Evidence) -> None:
    evidence.topics[JOURNAL][1] = record(1, OTHER | {"customerId": 3}, 2)


def invent_a_record(evidence: Evidence) -> None:
    evidence.topics[JOURNAL].append(record(2, OTHER, 3))


def lose_a_dead_letter(evidence: Evidence) -> None:
    evidence.topics[DEAD_LETTERS].clear()


def lose_facts(evidence: Evidence) -> None:
    del evidence.topics[FACTS][1]


def double_facts(evidence: Evidence) -> None:
    evidence.topics[FACTS].append(facts(1, OTHER))


def pay_too_much(evidence: Evidence) -> None:
    evidence.topics[FACTS][0] = facts(0, BILL, points=11)


def lose_news(evidence: Evidence) -> None:
    del evidence.topics[POINTS][0]


def double_news(evidence: Evidence) -> None:
    evidence.topics[POINTS].append(evidence.topics[POINTS][0])


def swap_news(evidence: Evidence) -> None:
    evidence.topics[CUSTOMERS][:2] = reversed(evidence.topics[CUSTOMERS][:2])


def announce_too_much(evidence: Evidence) -> None:
    evidence.topics[POINTS][0] = news(0, BILL, 5, "pointsIssued", totalPointsIssued=11.0)


def hang(evidence: Evidence) -> None:
    evidence.hanging.append(f"{POINTS}:0")


def table(name: str, rows: list[list[Any]]) -> Callable[[Evidence], None]:
    def change(evidence: Evidence) -> None:
        evidence.tables[name] = rows

    return change


def test_arithmetic_of_an_undisturbed_run_is_as_expected() -> None:
    customers = customers_of(undisturbed())

    assert {number: one.decisions for number, one in customers.items()} == {
        ANN: [
            ("accepted", "n1"),
            ("registered", "n1"),
            ("recorded", "n1", "B1"),
            PAID,
        ],
        BOB: [
            ("accepted", "n2"),
            ("registered", "n2"),
            ("recorded", "n2", "B2"),
            ("issued", "n2", 10, (("spend", 10),), 10, 10),
        ],
    }


def test_undisturbed_run_has_nothing_to_complain_about() -> None:
    assert check(undisturbed()) == []


def test_customer_whose_only_record_waits_is_not_missed_among_the_states() -> None:
    evidence = undisturbed()
    waits = {**OTHER, "type": "transactionReturned", "customerId": 3, "id": "n3", "ofBill": "nowhere"}

    evidence.ledger.append(Sent(0, 3, json.dumps(waits).encode()))
    evidence.topics[JOURNAL].append(record(2, waits, 3))

    assert customers_of(evidence)[3].decisions[-1] == ("parked", "n3")
    assert not [one for one in check(evidence) if one.startswith("customer_state")]


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (lose_a_record, f"journal: lost: {INPUT}:0:2"),
        (double_a_record, f"journal: twice: {INPUT}:0:2"),
        (swap_records, f"the journal is out of order: {INPUT}:0:0 after 2"),
        (change_a_record, f"journal: changed: {INPUT}:0:2 is ('TransactionAdded', 100, 3, 'n2', 1728000000000)"),
        (invent_a_record, f"journal: nobody sent: {INPUT}:0:3"),
        (lose_a_dead_letter, f"dead letters: lost: {INPUT}:0:1"),
        (lose_facts, "facts: 2: 0 of 4; at 0: [], not [('accepted', 'n2'), ('registered', 'n2')]"),
        (double_facts, "facts have gaps or come twice: customer 2: 1 after 5"),
        (
            pay_too_much,
            f"facts: 1: 4 of 4; at 3: [{('issued', 'n1', 11, (('spend', 11),), 11, 11)}], not [{PAID}]",
        ),
        (lose_news, "notifications: 1: 2 of 3; at 2: [], not [('pointsIssued', 10.0)]"),
        (double_news, "ids of notifications come twice: n1-pointsIssued"),
        (swap_news, f"notifications are out of order: {CUSTOMERS}: customer 1: 2 after 3"),
        (
            announce_too_much,
            "notifications: 1: 3 of 3; at 2: [('pointsIssued', 11.0)], not [('pointsIssued', 10.0)]",
        ),
        (hang, f"a transaction hangs in {POINTS}:0"),
        (
            table("rows", [[JOURNAL, 3, 2, 2], [FACTS, 2, 2, 1], [POINTS, 2, 2, 1], [CUSTOMERS, 4, 4, 6]]),
            f"rows in ClickHouse: {JOURNAL}: 3 of 3; at 0: [3, 2], not [2, 2]",
        ),
        (table("notification_ids", [[5]]), "ids of notifications in ClickHouse: 5, not 6"),
        (table("facts", [[9]]), "facts in ClickHouse: 9, not 10"),
        (table("unbalanced", [[1]]), "ledger entries that do not sum to zero: 1, not 0"),
        (table("members", [[ANN, 10], [BOB, 11]]), "ledger: 2: 11, not 10"),
        (
            table("movements", [[ANN, "issued", 10, 1], [BOB, "issued", 20, 2]]),
            "points in ClickHouse: (2, 'issued'): 2 of 2; at 0: [20, 2], not [10, 1]",
        ),
        (table("states", [[ANN, 10, 10, 1], [BOB, 10, 10, 2]]), "customer_state: 2: (10, 10, 2), not (10, 10, 1)"),
    ],
)
def test_harm_is_found(harm: Callable[[Evidence], None], complaint: str) -> None:
    evidence = undisturbed()

    harm(evidence)

    assert complaint in check(evidence)


def answer(offset: int, of: dict[str, Any], place: int, outcome: str, first: str | None = None) -> Read:
    body = {
        "replyId": f"reply-{place}",
        "customerId": of["customerId"],
        "requestId": f"{INPUT}:0:{place}",
        "type": of["type"],
        "outcome": outcome,
        "firstOutcome": first,
    }
    return Read(0, offset, f"{ORG}:{of['customerId']}".encode(), json.dumps(body).encode(), {})


def with_a_duplicate(*replies: Read) -> list[str]:
    """What is found where the second bill comes twice, and these replies are there."""
    evidence = undisturbed()
    evidence.ledger.append(Sent(0, 3, json.dumps(dict(reversed(OTHER.items()))).encode()))
    evidence.topics[JOURNAL].append(record(2, OTHER, 3))
    evidence.topics[REPLIES] += replies
    evidence.tables["rows"][0] = [JOURNAL, 3, 3, 3]
    if replies:
        evidence.tables["rows"].append([REPLIES, len(replies), len(replies), sum(one.offset for one in replies)])
    return check(evidence)


@pytest.mark.parametrize(
    ("replies", "complaints"),
    [
        pytest.param((answer(0, OTHER, 3, "duplicate", "done"),), [], id="answered"),
        pytest.param((), [f"replies: lost: {INPUT}:0:3"], id="lost"),
        pytest.param(
            (answer(0, OTHER, 3, "duplicate", "done"), answer(1, OTHER, 3, "duplicate", "done")),
            [f"replies: twice: {INPUT}:0:3", "ids of replies come twice: reply-3"],
            id="twice",
        ),
        pytest.param(
            (answer(0, OTHER, 3, "duplicate", "done"), answer(1, OTHER, 2, "duplicate", "done")),
            [f"replies: nobody sent: {INPUT}:0:2"],
            id="to the first",
        ),
        pytest.param((answer(0, OTHER, 3, "duplicate"),), [f"replies: lost: {INPUT}:0:3"], id="without the outcome"),
    ],
)
def test_reply_to_a_duplicate_is_looked_for(replies: tuple[Read, ...], complaints: list[str]) -> None:
    assert with_a_duplicate(*replies) == complaints


GIFT = {
    "type": "transferPoints",
    "orgId": ORG,
    "customerId": ANN,
    "id": "n3",
    "eventTime": BILL["eventTime"],
    "programId": 1,
    "toCustomerId": BOB,
    "points": 4,
}
OFFER, ANSWER = GIFT | {"customerId": BOB, "id": "offer"}, GIFT | {"id": "answer"}


def request(offset: int, name: str, of: dict[str, Any], sender: int, *rest: Any) -> Read:
    head = [name, 1, JOURNAL, 2, ORG, of["customerId"], of["id"], 5, of["eventTime"], sender, "TransferPoints:n3"]
    return read(offset, of, [*head, "n3", 1, "POINTS", *rest])


def offered(offset: int, points: int = 4) -> Read:
    return request(offset, "ReceiveTransfer", OFFER, ANN, [[points, None, None, None]])


def answered(offset: int) -> Read:
    return request(offset, "AnswerTransfer", ANSWER, BOB, 0, "")


def decided(offset: int, of: dict[str, Any], name: str, first: int, *decisions: list[Any]) -> Read:
    cause, at = f"{name}:{of['id']}", of["eventTime"]
    groups = [[[cause, at, at, 1, 1], decisions]]
    return read(offset, of, [0, offset, 1, ORG, of["customerId"], first, 1, groups])


def with_a_gift() -> Evidence:
    """The undisturbed evidence; then Ann gives Bob four of her points."""
    evidence = undisturbed()
    topics, tables = evidence.topics, evidence.tables
    evidence.ledger.append(Sent(0, 3, json.dumps(GIFT).encode()))
    head = ["TransferPoints", 1, f"{INPUT}:0", 3, ORG, ANN, "n3", 5, GIFT["eventTime"]]
    topics[JOURNAL] += [read(2, GIFT, head), offered(3), answered(4)]
    held, given_back, given = (
        [100, "POINTS", 4, 6, "n3"],
        [101, "POINTS", 4, 10, "n3"],
        [151, "POINTS", 4, 6, "n3", BOB],
    )
    topics[FACTS] += [
        decided(2, GIFT, "TransferPoints", 6, [1, 5, 0], held, [150, "n3", BOB, "POINTS", []]),
        decided(3, OFFER, "ReceiveTransfer", 6, [1, 5, 0], [152, "POINTS", 4, 14, "n3", ANN]),
        decided(4, ANSWER, "AnswerTransfer", 9, given_back, given),
    ]
    topics[POINTS] += [
        news(2, OFFER, 7, "pointsTransferredReceived", totalPointsTransferred=4.0),
        news(3, ANSWER, 10, "pointsTransferredInitiated", totalPointsTransferred=4.0),
    ]
    settled = answer(1, GIFT, 3, "done")
    body = json.loads(settled.value) | {"replyId": "reply-settled", "requestId": None, "recordId": "n3"}
    topics[REPLIES] += [answer(0, GIFT, 3, "held"), settled._replace(value=json.dumps(body).encode())]
    tables["rows"] = [
        [JOURNAL, 5, 5, 10],
        [FACTS, 5, 5, 10],
        [REPLIES, 2, 2, 1],
        [POINTS, 4, 4, 6],
        [CUSTOMERS, 4, 4, 6],
    ]
    tables["facts"], tables["notification_ids"] = [[17]], [[8]]
    tables["members"] = [[ANN, 6], [BOB, 14]]
    tables["movements"] += [
        [ANN, "held", 4, 1],
        [ANN, "released", 4, 1],
        [ANN, "transferred", 4, 1],
        [BOB, "received", 4, 1],
    ]
    tables["states"] = [[ANN, 6, 10, 1], [BOB, 14, 10, 1]]
    return evidence


def test_gift_that_arrived_is_nothing_to_complain_about() -> None:
    assert check(with_a_gift()) == []


@pytest.mark.parametrize(
    ("requests", "complaint"),
    [
        ((), "requests: lost: 1 offers 4 points as n3 to 2"),
        ((offered(3),), "requests: lost: 2 answers n3 to 1"),
        ((offered(3), offered(4), answered(5)), "requests: twice: 1 offers 4 points as n3 to 2"),
        ((offered(3, points=5), answered(4)), "requests: nobody made: 1 offers 5 points as n3 to 2"),
    ],
    ids=["none", "no answer", "offered twice", "too much"],
)
def test_request_that_is_not_as_it_was_made_is_found(requests: tuple[Read, ...], complaint: str) -> None:
    evidence = with_a_gift()
    evidence.topics[JOURNAL][3:] = requests

    assert complaint in check(evidence)


def test_transfer_that_nobody_is_told_the_end_of_is_found() -> None:
    evidence = with_a_gift()
    del evidence.topics[REPLIES][1]

    assert "replies: lost: n3" in check(evidence)


UNNAMED = BILL | {"customerId": None, "id": "n3", "billNumber": "B3", "identifiers": {"email": "bob@example.com"}}
UNNAMED.pop("customerId")
"""Nobody knows yet whose it is."""
LINKED = {
    "type": "linkIdentifiers",
    "orgId": ORG,
    "customerId": BOB,
    "id": "n4",
    "eventTime": BILL["eventTime"],
    "identifiers": {"email": "bob@example.com"},
}
NO = False
ITSELF = {"customerId": 0, "eventTime": BILL["eventTime"]}
HELD_AT, LINKED_AT = f"{INPUT}:0:3", f"{INPUT}:0:4"


def inside(name: str, of: dict[str, Any], source: str, place: int, *rest: Any) -> list[Any]:
    return [name, 1, source, place, ORG, of["customerId"], of["id"], 5, of["eventTime"], *rest]


def forwarded(offset: int, customer: int = BOB, *, was_held: bool = True) -> Read:
    bill = inside("TransactionAdded", UNNAMED | {"customerId": customer}, f"{INPUT}:0", 3)
    of = {"customerId": customer, "id": "forward", "eventTime": BILL["eventTime"]}
    packed = b"\x01" + msgspec.msgpack.encode(bill)
    return read(offset, of, inside("ForwardRecord", of, f"{JOURNAL}:0", 3, 0, "via", packed, was_held))


def with_what_was_held() -> Evidence:
    """The undisturbed evidence; then a bill that names nobody, until Bob says that the e-mail address is his."""
    evidence = undisturbed()
    topics, tables, at = evidence.topics, evidence.tables, BILL["eventTime"]
    evidence.ledger += [Sent(0, 3, json.dumps(UNNAMED).encode()), Sent(0, 4, json.dumps(LINKED).encode())]
    bill = b"\x01" + msgspec.msgpack.encode(inside("TransactionAdded", UNNAMED | ITSELF, f"{INPUT}:0", 3))
    known = [["email", "d"]]
    resolve = inside("ResolveCustomer", ITSELF | {"id": HELD_AT}, f"{INPUT}:0", 3, known, bill, NO, 0)
    link = inside("LinkIdentifiers", ITSELF | {"id": LINKED_AT}, f"{INPUT}:0", 4, BOB, known, NO, NO, "n4")
    topics[JOURNAL] += [read(2, ITSELF, resolve), read(3, ITSELF, link), forwarded(4)]
    of_org = [
        [[[f"ResolveCustomer:{HELD_AT}", at, at], [[307, "email", "d", HELD_AT, 9], [306, HELD_AT, 9, b""]]]],
        [[[f"LinkIdentifiers:{LINKED_AT}", at, at], [[301, "email", "d", BOB], [308, HELD_AT, BOB, b""]]]],
    ]
    issued = [30, "POINTS", 10, 20, "", [[1, "spend", 10, 1]], [[1, 10, None, None]], 20, "B3"]
    of_bob = [
        [["TransactionAdded:n3", at, at], [[1, 5, 0], [10, "B3", 1_000, "GBP", 1, 1]]],
        [["TransactionAdded:n3", at, at, 1, 1], [issued]],
    ]
    topics[FACTS] += [
        read(2, ITSELF, [0, 2, 1, ORG, 0, 1, 1, of_org[0]]),
        read(3, ITSELF, [0, 3, 1, ORG, 0, 3, 1, of_org[1]]),
        read(4, OTHER, [0, 4, 1, ORG, BOB, 6, 1, of_bob]),
    ]
    topics[CUSTOMERS].append(news(4, OTHER | {"id": "n3"}, 7, "transactionAdded"))
    topics[POINTS].append(news(2, OTHER | {"id": "n3"}, 8, "pointsIssued", totalPointsIssued=10.0))
    released = json.loads(answer(2, UNNAMED | {"customerId": BOB}, 3, "done").value) | {"replyId": "reply-released"}
    topics[REPLIES] += [
        answer(0, UNNAMED | {"customerId": 0}, 3, "held"),
        answer(1, LINKED, 4, "done"),
        read(2, OTHER, [])._replace(value=json.dumps(released).encode()),
    ]
    tables["rows"] = [
        [JOURNAL, 5, 5, 10],
        [FACTS, 5, 5, 10],
        [REPLIES, 3, 3, 3],
        [POINTS, 3, 3, 3],
        [CUSTOMERS, 5, 5, 10],
    ]
    tables["facts"], tables["notification_ids"] = [[17]], [[8]]
    tables["members"] = [[ANN, 10], [BOB, 20]]
    tables["movements"] = [[ANN, "issued", 10, 1], [BOB, "issued", 20, 2]]
    tables["states"] = [[ANN, 10, 10, 1], [BOB, 20, 20, 1]]
    return evidence


def test_what_was_held_and_released_is_nothing_to_complain_about() -> None:
    assert check(with_what_was_held()) == []


def lose_what_was_held(evidence: Evidence) -> None:
    del evidence.topics[JOURNAL][4]


def release_twice(evidence: Evidence) -> None:
    evidence.topics[JOURNAL].append(forwarded(5))


def release_to_another(evidence: Evidence) -> None:
    evidence.topics[JOURNAL][4] = forwarded(4, ANN)


def forget_that_it_was_held(evidence: Evidence) -> None:
    evidence.topics[JOURNAL][4] = forwarded(4, was_held=False)


def leave_unanswered(evidence: Evidence) -> None:
    del evidence.topics[REPLIES][2]


def link_to_another(evidence: Evidence) -> None:
    at = BILL["eventTime"]
    group = [[f"LinkIdentifiers:{LINKED_AT}", at, at], [[301, "email", "d", ANN], [308, HELD_AT, BOB, b""]]]
    evidence.topics[FACTS][3] = read(3, ITSELF, [0, 3, 1, ORG, 0, 3, 1, [group]])


def link_and_release(customer: int) -> list[tuple[Any, ...]]:
    """As the arithmetic states it."""
    return [("linked", LINKED_AT, "email", customer), ("let go", LINKED_AT, HELD_AT, BOB)]


def leave_readable(evidence: Evidence) -> None:
    evidence.topics[STATE] = [read(7, OTHER, ["private-2@example.com"])]


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (lose_what_was_held, f"requests: lost: {HELD_AT} is passed on to 2, which waited"),
        (release_twice, f"requests: twice: {HELD_AT} is passed on to 2, which waited"),
        (release_to_another, f"requests: nobody made: {HELD_AT} is passed on to 1, which waited"),
        (forget_that_it_was_held, f"requests: nobody made: {HELD_AT} is passed on to 2"),
        (leave_unanswered, f"replies: lost: {HELD_AT} released"),
        (
            link_to_another,
            f"facts: 0: 4 of 4; at 2: {[*link_and_release(ANN)]}, not {[*link_and_release(BOB)]}",
        ),
        (leave_readable, f"readable in {STATE}: 0:7"),
    ],
)
def test_harm_to_whom_identifiers_name_is_found(harm: Callable[[Evidence], None], complaint: str) -> None:
    evidence = with_what_was_held()

    harm(evidence)

    assert complaint in check(evidence)


MERGE = {
    "type": "mergeCustomers",
    "orgId": ORG,
    "customerId": BOB,
    "id": "n3",
    "eventTime": BILL["eventTime"],
    "victimCustomerId": ANN,
}
HANDING = MERGE | {"customerId": ANN, "id": "hand over"}
SECTION_OF, POINTS_OF, END_OF = (MERGE | {"id": name} for name in ("section", "points", "end"))
OCTOBER = 20_028 * DAY_MS
"""The end of the month of the bills."""


def asks(offset: int, name: str, of: dict[str, Any], sender: int, *rest: Any) -> Read:
    return read(offset, of, inside(name, of, f"{JOURNAL}:0", 2, sender, "via", "n3", *rest))


def section(offset: int, value: int = 1_000) -> Read:
    milestones = [["big-month", 657, OCTOBER, value, False, [], []]]
    return asks(offset, "TakeOverSection", SECTION_OF, ANN, 1, "base", 1, 1_000, 0, [milestones], [])


def points_of(offset: int, points: int = 10) -> Read:
    return asks(offset, "TakeOverPoints", POINTS_OF, ANN, 1, "POINTS", [[points, None, None, None]], [], 0, 10)


def with_a_merge() -> Evidence:
    """The undisturbed evidence; then Ann becomes Bob."""
    evidence = undisturbed()
    topics, tables = evidence.topics, evidence.tables
    evidence.ledger.append(Sent(0, 3, json.dumps(MERGE).encode()))
    topics[JOURNAL] += [
        read(2, MERGE, inside("MergeCustomers", MERGE, f"{INPUT}:0", 3, ANN)),
        asks(3, "HandOver", HANDING, BOB, [1]),
        section(4),
        points_of(5),
        asks(6, "AnswerMerge", END_OF, ANN, 0, "", []),
    ]
    handed = [371, "POINTS", 10, 0, "n3", BOB, 0, [], 0, 10, 0, [], []]
    taken = [372, "POINTS", 10, 20, "n3", ANN, 0, [], [], 0, 10, 20]
    topics[FACTS] += [
        decided(2, MERGE, "MergeCustomers", 6, [1, 5, 0], [365, "n3", ANN, [1]]),
        decided(3, HANDING, "HandOver", 6, [366, "n3", BOB], [369, "n3", BOB], handed, [373, "n3", BOB, []]),
        decided(4, SECTION_OF, "TakeOverSection", 8, [370, "n3", ANN]),
        decided(5, POINTS_OF, "TakeOverPoints", 9, taken),
        decided(6, END_OF, "AnswerMerge", 10, [374, "n3", ANN, [], []]),
    ]
    topics[CUSTOMERS].append(news(4, MERGE, 10, "loyaltyCustomerMerge"))
    ended = json.loads(answer(1, MERGE, 3, "done").value) | {"replyId": "ended", "requestId": None, "recordId": "n3"}
    topics[REPLIES] += [
        answer(0, MERGE, 3, "held"),
        read(1, MERGE, [])._replace(value=json.dumps(ended).encode()),
    ]
    tables["rows"] = [
        [JOURNAL, 7, 7, 21],
        [FACTS, 7, 7, 21],
        [REPLIES, 2, 2, 1],
        [POINTS, 2, 2, 1],
        [CUSTOMERS, 5, 5, 10],
    ]
    tables["facts"], tables["notification_ids"] = [[19]], [[7]]
    tables["members"] = [[BOB, 20]]
    tables["movements"] += [[ANN, "handed_over", 10, 1], [BOB, "taken_over", 10, 1]]
    tables["states"] = [[ANN, 0, 0, 1], [BOB, 20, 20, 1]]
    return evidence


def test_merge_that_was_done_is_nothing_to_complain_about() -> None:
    assert check(with_a_merge()) == []


@pytest.mark.parametrize(
    ("place", "instead", "complaint"),
    [
        (3, [], "requests: lost: 2 asks for all by n3 to 1"),
        (5, [], "requests: lost: 1 hands over 10 points of 10 by n3 to 2"),
        (5, [points_of(5), points_of(7)], "requests: twice: 1 hands over 10 points of 10 by n3 to 2"),
        (5, [points_of(5, points=9)], "requests: nobody made: 1 hands over 9 points of 10 by n3 to 2"),
        (
            4,
            [section(4, value=2_000)],
            f"requests: nobody made: 1 hands over base, {[Milestone('big-month', OCTOBER, 2_000)]} by n3 to 2",
        ),
        (6, [], "requests: lost: 1 has handed over all by n3 to 2"),
    ],
    ids=["not asked", "points lost", "points twice", "too few points", "another value", "no end"],
)
def test_harm_to_a_merge_is_found(place: int, instead: list[Read], complaint: str) -> None:
    evidence = with_a_merge()
    evidence.topics[JOURNAL][place : place + 1] = instead

    assert complaint in check(evidence)
