"""The checker: from what was sent, works out naively what must be there, and compares it with what is.

It reads topics and tables as any consumer would, and shares no code with the engine.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from tests.faults.arithmetic import Asked, Customer, Decision, customers_of, message_of, record_name
from tests.faults.evidence import DEAD_LETTERS, FACTS, INPUT, JOURNAL, NOTIFICATIONS, REPLIES, Evidence, Read

_SHOWN: Final = 5
_SOURCE, _SOURCE_OFFSET, _ORG, _CUSTOMER, _ID, _EVENT_TIME = 2, 3, 4, 5, 6, 8
"""Places in a journal record, after its type."""
_SENDER, _TRANSFER, _PARTS = 9, 11, 14
"""Places in a request to another customer."""
_REQUESTS: Final = {"ReceiveTransfer", "AnswerTransfer"}
_ANSWER: Final = "AnswerTransfer"
_JOURNAL_PARTITION, _JOURNAL_OFFSET, _OF_CUSTOMER, _FIRST_SEQ, _GROUPS = 0, 1, 4, 5, 7
"""Places in a facts message."""
_CAUSE: Final = 0
"""The place in a group's envelope."""
_KINDS: Final[dict[int, tuple[str, dict[str, int]]]] = {
    1: ("accepted", {}),
    2: ("refused", {"reason": 1}),
    3: ("registered", {}),
    10: ("recorded", {"bill number": 1}),
    11: ("returned", {"amount": 2}),
    14: ("parked", {}),
    15: ("released", {}),
    30: ("issued", {"points": 2, "awards": 5, "balance": 3, "lifetime": 7}),
    31: ("redeemed", {"points": 2, "balance": 3}),
    33: ("reversed", {"points": 2, "balance": 3, "lifetime": 7}),
    51: ("achieved", {"milestone": 1, "value": 3}),
    70: ("upgraded", {"previous": 1, "reached": 2}),
    100: ("held", {"points": 2, "balance": 3}),
    101: ("given back", {"points": 2, "balance": 3}),
    150: ("offered", {"receiver": 2}),
    151: ("transferred", {"points": 2, "balance": 3, "receiver": 5}),
    152: ("received", {"points": 2, "balance": 3, "sender": 5}),
}
"""What the arithmetic states of a decision, by the number of its kind: its name there, and the places of the values."""
_COMMANDS: Final = {"redeemPoints", "transferPoints"}
_SILENT: Final = {
    5: "registered earlier",
    12: "purchase counted",
    13: "return counted",
    20: "program adopted",
    50: "milestone progressed",
    340: "claims kept",
}
"""What the arithmetic does not state."""
_REASONS: Final = {
    1: "id_reused",
    9: "bill_exists",
    10: "bill_unknown",
    11: "bill_returned",
    14: "balance_too_low",
    16: "return_before_bill",
    60: "same_customer",
}
_AWARD_RULE, _AWARD_POINTS = 1, 2
_NEWS: Final[dict[str, tuple[str, Callable[[Decision], float | None]]]] = {
    "registered": ("customerAdded", lambda _: None),
    "recorded": ("transactionAdded", lambda _: None),
    "returned": ("transactionAdded", lambda _: None),
    "issued": ("pointsIssued", lambda decision: float(decision[2])),
    "redeemed": ("pointsRedeemed", lambda decision: float(decision[2])),
    "reversed": ("issuedPointsReversed", lambda decision: float(decision[2])),
    "achieved": ("targetValueAchieved", lambda _: None),
    "upgraded": ("tierUpgraded", lambda decision: float(decision[3])),
    "transferred": ("pointsTransferredInitiated", lambda decision: float(decision[2])),
    "received": ("pointsTransferredReceived", lambda decision: float(decision[2])),
}
_MOVEMENTS: Final = {one: one for one in ("issued", "redeemed", "reversed", "held", "transferred", "received")} | {
    "given back": "released"
}
"""What ClickHouse calls the decisions that move points."""
_NUMBER: Final = {
    "pointsIssued": "totalPointsIssued",
    "pointsRedeemed": "totalPointsRedeemed",
    "issuedPointsReversed": "currentEventTotalPointsReturned",
    "tierUpgraded": "upgradedTierNumber",
    "pointsTransferredInitiated": "totalPointsTransferred",
    "pointsTransferredReceived": "totalPointsTransferred",
}


def check(evidence: Evidence) -> list[str]:
    """Everything that is not as it must be; empty when all is well."""
    asked = list(_asked_in(evidence.topics[JOURNAL]))
    customers = customers_of(evidence.ledger, asked)
    return [
        *(f"a transaction hangs in {place}" for place in evidence.hanging),
        *_check_intake(evidence),
        *_check_requests(asked, customers),
        *_check_facts(evidence, customers),
        *_check_notifications(evidence, customers),
        *_check_replies(evidence, customers),
        *_check_tables(evidence, customers),
    ]


def _check_intake(evidence: Evidence) -> Iterator[str]:
    """Every message is once in the journal, or once in the dead letters, as intake's rules say; in order."""
    records: dict[str, Any] = {}
    dead: dict[str, bytes] = {}
    for sent in evidence.ledger:
        place = f"{INPUT}:{sent.partition}:{sent.offset}"
        message = message_of(sent.value)
        if message is None:
            dead[place] = sent.value
        else:
            head = (message["orgId"], message["customerId"], message["id"], message["eventTime"])
            records[place] = (record_name(message["type"]), *head)

    def in_journal() -> Iterator[tuple[str, Any]]:
        latest: dict[str, int] = {}
        for read in evidence.topics[JOURNAL]:
            record = msgspec.msgpack.decode(read.value[1:])
            source, offset = record[_SOURCE], record[_SOURCE_OFFSET]
            if not source.startswith(f"{INPUT}:"):
                continue
            if offset <= latest.get(source, -1):
                disorder.append(f"{source}:{offset} after {latest[source]}")
            latest[source] = offset
            head = tuple(record[place] for place in (0, _ORG, _CUSTOMER, _ID, _EVENT_TIME))
            yield f"{source}:{offset}", head

    disorder: list[str] = []
    yield from _differences("journal", records, in_journal())
    yield from _some("the journal is out of order", disorder)
    letters = ((read.headers["accrue.origin"].decode(), read.value) for read in evidence.topics[DEAD_LETTERS])
    yield from _differences("dead letters", dead, letters)


def _asked_in(journal: Iterable[Read]) -> Iterator[Asked]:
    """What customers asked of each other."""
    latest: dict[int, int] = defaultdict(lambda: -1)
    for read in journal:
        record = msgspec.msgpack.decode(read.value[1:])
        if record[_SOURCE].startswith(f"{INPUT}:"):
            latest[read.partition] = record[_SOURCE_OFFSET]
        if record[0] in _REQUESTS:
            is_answer = record[0] == _ANSWER
            yield Asked(
                partition=read.partition,
                after=latest[read.partition],
                place=read.offset,
                id=record[_ID],
                is_answer=is_answer,
                customer=record[_CUSTOMER],
                sender=record[_SENDER],
                transfer=record[_TRANSFER],
                at=record[_EVENT_TIME],
                points=0 if is_answer else sum(part[0] for part in record[_PARTS]),
            )


def _check_requests(asked: Iterable[Asked], customers: Mapping[int, Customer]) -> Iterator[str]:
    """What was offered to somebody was asked of them once, and answered once."""
    expected: list[str] = []
    for number, customer in customers.items():
        held = 0
        for kind, one, *numbers in customer.decisions:
            if kind == "held":
                held = numbers[0]
            elif kind == "offered":
                receiver = numbers[0]
                expected.append(f"{number} offers {held} points as {one} to {receiver}")
                expected.append(f"{receiver} answers {one} to {number}")
    found = Counter(one.what for one in asked)
    yield from _some("requests: lost", [one for one in expected if one not in found])
    yield from _some("requests: twice", [one for one, count in found.items() if count > 1])
    yield from _some("requests: nobody made", [one for one in found if one not in set(expected)])


def _check_facts(evidence: Evidence, customers: Mapping[int, Customer]) -> Iterator[str]:
    """Each customer's facts are those of the arithmetic, in its order and without a gap in their numbers."""
    decided: dict[int, list[Decision]] = defaultdict(list)
    numbers: dict[int, int] = defaultdict(int)
    journal: dict[int, int] = defaultdict(lambda: -1)
    gaps: list[str] = []
    disorder: list[str] = []
    for read in evidence.topics[FACTS]:
        message = msgspec.msgpack.decode(read.value[1:])
        partition, offset = message[_JOURNAL_PARTITION], message[_JOURNAL_OFFSET]
        if offset <= journal[partition]:
            disorder.append(f"journal {partition}:{offset} after {journal[partition]}")
        journal[partition] = offset
        customer, first = message[_OF_CUSTOMER], message[_FIRST_SEQ]
        if first != numbers[customer] + 1:
            gaps.append(f"customer {customer}: {first} after {numbers[customer]}")
        numbers[customer] = first + _count(message) - 1
        for envelope, decisions in message[_GROUPS]:
            cause = envelope[_CAUSE].partition(":")[2]
            decided[customer] += [_stated(one, cause) for one in decisions if one[0] not in _SILENT]
    yield from _some("facts are out of order", disorder)
    yield from _some("facts have gaps or come twice", gaps)
    expected = {number: customer.decisions for number, customer in customers.items()}
    yield from _unlike("facts", expected, decided)


def _count(message: list[Any]) -> int:
    """How many facts a facts message holds."""
    return sum(len(decisions) for _, decisions in message[_GROUPS])


def _stated(decision: list[Any], cause: str) -> Decision:
    """A decision as the arithmetic states it."""
    kind, places = _KINDS.get(decision[0], (f"kind {decision[0]}", {}))
    stated = {name: decision[place] for name, place in places.items()}
    if "reason" in stated:
        stated["reason"] = _REASONS[stated["reason"]]
    if "awards" in stated:
        stated["awards"] = tuple((award[_AWARD_RULE], award[_AWARD_POINTS]) for award in stated["awards"])
    return (kind, cause, *stated.values())


def _check_notifications(evidence: Evidence, customers: Mapping[int, Customer]) -> Iterator[str]:
    """Each customer is told what was decided, once, in its order; and no two notifications share an id."""
    ids: list[str] = []
    told: dict[int, list[tuple[int, str, float | None]]] = defaultdict(list)
    disorder: list[str] = []
    latest: dict[tuple[str, int], int] = defaultdict(int)
    for topic in NOTIFICATIONS:
        for read in evidence.topics[topic]:
            body = json.loads(read.value)
            customer = int((read.key or b":0").partition(b":")[2])
            ids.append(body["eventId"])
            name, seq = body["eventName"], body["seq"]
            if seq <= latest[topic, customer]:
                disorder.append(f"{topic}: customer {customer}: {seq} after {latest[topic, customer]}")
            latest[topic, customer] = seq
            if name != "targetAchievedValueUpdated":
                told[customer].append((seq, name, body["data"][_NUMBER[name]] if name in _NUMBER else None))
    yield from _some("ids of notifications come twice", _twice(ids))
    yield from _some("notifications are out of order", disorder)
    expected = {
        number: [
            (name, number_of(decision))
            for decision in customer.decisions
            if decision[0] in _NEWS and not (decision[0] == "reversed" and decision[2] == 0)
            for name, number_of in [_NEWS[decision[0]]]
        ]
        for number, customer in customers.items()
    }
    in_order = {customer: [(name, number) for _, name, number in sorted(news)] for customer, news in told.items()}
    yield from _unlike("notifications", expected, in_order)


def _check_replies(evidence: Evidence, customers: Mapping[int, Customer]) -> Iterator[str]:
    """Every command is answered once, every transfer again when the receiver has the points, and every message that
    came before, with the first outcome."""
    first: dict[tuple[Any, ...], dict[str, Any]] = {}
    expected: dict[str, str] = {}
    for sent in sorted(evidence.ledger, key=lambda one: (one.partition, one.offset)):
        message = message_of(sent.value)
        if message is None:
            continue
        place = f"{INPUT}:{sent.partition}:{sent.offset}"
        name = (message["orgId"], message["customerId"], message["type"], message["id"])
        if first.setdefault(name, message) is not message and first[name] == message:
            expected[place] = "duplicate"
        elif message["type"] in _COMMANDS:
            expected[place] = "answered"
    for customer in customers.values():
        transfers = [one for kind, one, *_ in customer.decisions if kind == "offered"]
        expected.update(dict.fromkeys(transfers, "transferred"))

    yield from _differences("replies", expected, _answered(evidence.topics[REPLIES]))
    ids = [json.loads(read.value)["replyId"] for read in evidence.topics[REPLIES]]
    yield from _some("ids of replies come twice", _twice(ids))


def _answered(replies: Iterable[Read]) -> Iterator[tuple[str, str]]:
    """What was answered, and how."""
    for read in replies:
        reply = json.loads(read.value)
        if reply["outcome"] == "duplicate" and reply["firstOutcome"]:
            yield reply["requestId"], "duplicate"
        elif reply["type"] == "transferPoints" and reply["requestId"] is None and reply["outcome"] == "done":
            yield reply["recordId"], "transferred"
        elif reply["type"] in _COMMANDS and reply["outcome"] in {"done", "held", "refused"}:
            yield reply["requestId"], "answered"


def _check_tables(evidence: Evidence, customers: Mapping[int, Customer]) -> Iterator[str]:
    """Every table has every message once, the ledger sums to nothing, and balances are those of the arithmetic."""
    tables, topics = evidence.tables, evidence.topics
    expected_rows = {
        topic: [len(topics[topic]), len(topics[topic]), sum(read.offset for read in topics[topic])]
        for topic in (JOURNAL, FACTS, REPLIES, *NOTIFICATIONS)
        if topics[topic]
    }
    yield from _unlike("rows in ClickHouse", expected_rows, {topic: rest for topic, *rest in tables["rows"]})
    notifications = sum(len(topics[topic]) for topic in NOTIFICATIONS)
    facts = sum(_count(msgspec.msgpack.decode(read.value[1:])) for read in topics[FACTS])
    for what, expected, [[found]] in (
        ("ids of notifications in ClickHouse", notifications, tables["notification_ids"]),
        ("facts in ClickHouse", facts, tables["facts"]),
        ("ledger entries that do not sum to zero", 0, tables["unbalanced"]),
    ):
        if found != expected:
            yield f"{what}: {found}, not {expected}"
    members = {customer: balance for customer, balance in tables["members"] if balance}
    yield from _unlike("ledger", {one: its.balance for one, its in customers.items() if its.balance}, members)
    moved = {(customer, kind): [points, count] for customer, kind, points, count in tables["movements"]}
    yield from _unlike("points in ClickHouse", _movements(customers), moved)
    states = {customer: tuple(rest) for customer, *rest in tables["states"]}
    standing = {one: (its.balance, its.lifetime, its.tier) for one, its in customers.items() if its.joined}
    yield from _unlike("customer_state", standing, states)


def _movements(customers: Mapping[int, Customer]) -> dict[tuple[int, str], list[int]]:
    moved: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
    for number, customer in customers.items():
        for kind, _, *numbers in customer.decisions:
            if kind in _MOVEMENTS:
                moved[number, _MOVEMENTS[kind]][0] += numbers[0]
                moved[number, _MOVEMENTS[kind]][1] += 1
    return dict(moved)


def _differences(what: str, expected: Mapping[str, Any], found: Iterable[tuple[str, Any]]) -> Iterator[str]:
    seen = list(found)
    places = {place for place, _ in seen}
    yield from _some(f"{what}: lost", [place for place in expected if place not in places])
    yield from _some(f"{what}: twice", _twice(place for place, _ in seen))
    yield from _some(f"{what}: nobody sent", [place for place in places if place not in expected])
    wrong = [f"{place} is {one!r}" for place, one in seen if place in expected and one != expected[place]]
    yield from _some(f"{what}: changed", wrong)


def _unlike(what: str, expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> Iterator[str]:
    nothing: list[Any] = []
    wrong = [
        f"{key}: {_first_difference(expected.get(key, nothing), found.get(key, nothing))}"
        for key in sorted({*expected, *found})
        if expected.get(key, nothing) != found.get(key, nothing)
    ]
    yield from _some(what, wrong)


def _first_difference(expected: Any, found: Any) -> str:
    if not isinstance(expected, list) or not isinstance(found, list):
        return f"{found}, not {expected}"
    at = next(
        (place for place, (one, other) in enumerate(zip(expected, found, strict=False)) if one != other),
        min(len(expected), len(found)),
    )
    return f"{len(found)} of {len(expected)}; at {at}: {found[at : at + 2]}, not {expected[at : at + 2]}"


def _twice(ones: Iterable[Hashable]) -> list[str]:
    return [str(one) for one, count in Counter(ones).items() if count > 1]


def _some(what: str, cases: list[str]) -> Iterator[str]:
    if cases:
        more = f" … and {len(cases) - _SHOWN} more" if len(cases) > _SHOWN else ""
        yield f"{what}: {'; '.join(cases[:_SHOWN])}{more}"
