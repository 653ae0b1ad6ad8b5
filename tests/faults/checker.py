"""The checker: from what was sent, works out naively what must be there, and compares it with what is.

It reads topics and tables as any consumer would, and shares no code with the engine.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from tests.faults.arithmetic import COMMANDS, Customer, Decision, World, message_of, record_name, world_of
from tests.faults.evidence import DEAD_LETTERS, FACTS, INPUT, JOURNAL, NOTIFICATIONS, REPLIES, STATE, Evidence, Read
from tests.faults.journal import LINK, RESOLVE, Step, steps_in, taken_in
from tests.faults.messages import LINKS, PRIVATE, subject_of

_SHOWN: Final = 5
_NAME: Final = PRIVATE.encode()
_JOURNAL_PARTITION, _JOURNAL_OFFSET, _OF_CUSTOMER, _FIRST_SEQ, _GROUPS = 0, 1, 4, 5, 7
"""Places in a facts message."""
_CAUSE: Final = 0
"""The place in a group's envelope."""
_KINDS: Final[dict[int, tuple[str, dict[str, int]]]] = {
    1: ("accepted", {}),
    2: ("refused", {"reason": 1}),
    3: ("registered", {}),
    4: ("changed", {}),
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
    301: ("linked", {"kind": 1, "customer": 3}),
    302: ("unlinked", {"kind": 1, "customer": 3}),
    303: ("claimed", {"kind": 1, "customer": 3, "claimant": 4}),
    304: ("resolved", {"customer": 1, "kind": 2}),
    305: ("known", {}),
    306: ("kept", {}),
    307: ("awaits", {"kind": 1}),
    308: ("let go", {"place": 1, "customer": 2}),
    365: ("merge asked", {"victim": 2}),
    366: ("merged", {"survivor": 2}),
    367: ("merge refused", {"survivor": 2, "reason": 3}),
    368: ("passed on", {"survivor": 1}),
    369: ("section handed over", {}),
    370: ("section taken over", {}),
    371: ("points handed over", {"points": 2, "balance": 3, "lifetime": 10}),
    372: ("points taken over", {"points": 2, "balance": 3, "lifetime": 11}),
    373: ("all handed over", {}),
    374: ("merge done", {"victim": 2}),
    375: ("merge failed", {"victim": 2}),
}
"""What the arithmetic states of a decision, by the number of its kind: its name there, and the places of the values."""
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
    4: "customer_unknown",
    9: "bill_exists",
    10: "bill_unknown",
    11: "bill_returned",
    14: "balance_too_low",
    16: "return_before_bill",
    60: "same_customer",
    165: "customer_merged",
    166: "merge_under_way",
}
_AWARD_RULE, _AWARD_POINTS = 1, 2
_OF_THE_KEY: Final = "UseIdentityKey"
"""Each worker says once which key it hashes identifiers with: how often depends on the faults."""
_ENDS: Final = {"transferPoints": "transferred", "mergeCustomers": "merged"}
"""How commands end that wait for another customer."""
_NEWS: Final[dict[str, tuple[str, Callable[[Decision], float | None]]]] = {
    "registered": ("customerAdded", lambda _: None),
    "changed": ("customerUpdated", lambda _: None),
    "merge done": ("loyaltyCustomerMerge", lambda _: None),
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
    "given back": "released",
    "points handed over": "handed_over",
    "points taken over": "taken_over",
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
    steps = list(steps_in(evidence.topics[JOURNAL]))
    world = world_of(evidence.ledger, steps)
    customers = world.customers
    return [
        *(f"a transaction hangs in {place}" for place in evidence.hanging),
        *_check_intake(evidence),
        *_check_requests(steps, world),
        *_check_facts(evidence, world),
        *_check_notifications(evidence, customers),
        *_check_replies(evidence, world),
        *_check_tables(evidence, customers),
        *_check_sealing(evidence),
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
            continue
        name, org, customer = record_name(message["type"]), message["orgId"], subject_of(message)
        own = place if message["type"] in LINKS else message["id"]
        named = name if customer or name == LINK else f"{RESOLVE} {name}"
        records[place] = (named, org, customer, own, message["eventTime"])
        if message["type"] == "customerAdded":
            records[f"{place} {LINK}"] = (LINK, org, 0, place, message["eventTime"])

    def in_journal() -> Iterator[tuple[str, Any]]:
        latest: dict[tuple[str, int], int] = {}
        for taken in taken_in(evidence.topics[JOURNAL]):
            lane = (taken.source, taken.partition)
            if taken.offset < latest.get(lane, -1):
                disorder.append(f"{taken.source}:{taken.offset} after {latest[lane]}")
            latest[lane] = taken.offset
            along = taken.kind == LINK and f"{taken.place} {LINK}" in records
            head = (taken.kind, taken.org, taken.customer, taken.id, taken.at)
            yield f"{taken.place} {LINK}" if along else taken.place, head

    disorder: list[str] = []
    yield from _differences("journal", records, in_journal())
    yield from _some("the journal is out of order", disorder)
    letters = ((read.headers["accrue.origin"].decode(), read.value) for read in evidence.topics[DEAD_LETTERS])
    yield from _differences("dead letters", dead, letters)


def _check_requests(steps: Iterable[Step], world: World) -> Iterator[str]:
    """What must be asked of somebody is asked of them, once: points to take, all to hand over, a message of theirs."""
    expected = [*world.names.asks, *(what for customer in world.customers.values() for what in customer.asks)]
    found = Counter(step.what for step in steps if step.what is not None)
    yield from _some("requests: lost", [one for one in expected if one not in found])
    yield from _some("requests: twice", [one for one, count in found.items() if count > 1])
    yield from _some("requests: nobody made", [one for one in found if one not in set(expected)])


def _check_facts(evidence: Evidence, world: World) -> Iterator[str]:
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
            kind, _, cause = envelope[_CAUSE].partition(":")
            if kind != _OF_THE_KEY:
                decided[customer] += [_stated(one, cause) for one in decisions if one[0] not in _SILENT]
    yield from _some("facts are out of order", disorder)
    yield from _some("facts have gaps or come twice", gaps)
    expected = {number: customer.decisions for number, customer in world.customers.items()}
    if world.names.decisions:
        expected[0] = world.names.decisions
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


def _check_replies(evidence: Evidence, world: World) -> Iterator[str]:
    """Every command is answered once, transfers and merges again when they are over, what waited for its customer when
    it is held and when it counts, and every message that came before, with the first outcome."""
    expected = dict(world.names.answers)
    for customer in world.customers.values():
        expected.update(customer.answers)
    yield from _differences("replies", expected, _answered(evidence.topics[REPLIES]))
    ids = [json.loads(read.value)["replyId"] for read in evidence.topics[REPLIES]]
    yield from _some("ids of replies come twice", _twice(ids))


def _answered(replies: Iterable[Read]) -> Iterator[tuple[str, str]]:
    """What was answered, and how."""
    for read in replies:
        reply = json.loads(read.value)
        request, kind, outcome = reply["requestId"], reply["type"], reply["outcome"]
        if outcome == "duplicate":
            if reply["firstOutcome"]:
                yield request, "duplicate"
        elif reply["customerId"] == 0:
            yield f"{request} waits", outcome
        elif kind in _ENDS and request is None:
            yield reply["recordId"], _ENDS[kind]
        elif kind in COMMANDS or kind in LINKS:
            yield request, "answered"
        elif request is not None and outcome == "done":
            yield f"{request} released", "answered"


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


def _check_sealing(evidence: Evidence) -> Iterator[str]:
    """What is personal can be read by those who are told, and nowhere else."""
    for topic in (JOURNAL, FACTS, STATE):
        readable = [f"{one.partition}:{one.offset}" for one in evidence.topics.get(topic, ()) if _NAME in one.value]
        yield from _some(f"readable in {topic}", readable)
    sealed = [one.key for topic in NOTIFICATIONS for one in evidence.topics[topic] if b"sealed:" in one.value]
    yield from _some("told sealed", [str(one) for one in sealed])


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
