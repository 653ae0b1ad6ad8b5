"""The arithmetic of the workload, done naively: which points must move for whom, under which program version, and who
must be answered.

An undisturbed run decides with the very code that is under test; this shares no code with the engine, so that it
notices a rule that is broken in both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.log.port import Message
from schemas.facts import (
    PointsExpired,
    PointsHandedOver,
    PointsHeld,
    PointsIssued,
    PointsReceived,
    PointsReclaimed,
    PointsRedeemed,
    PointsReleased,
    PointsReversed,
    PointsTakenOver,
    PointsTransferred,
    decode_facts,
)
from schemas.records import (
    WALL_SOURCE,
    AnswerMerge,
    AnswerTransfer,
    BackfillBegun,
    ClockAdvanced,
    CommandRecord,
    CustomerRecord,
    ForwardRecord,
    HandOver,
    LinkIdentifiers,
    MergeCustomers,
    ProgramActivated,
    ReceiveTransfer,
    Record,
    RedeemPoints,
    ResolveCustomer,
    TakeOverPoints,
    TakeOverSection,
    TransactionAdded,
    TransactionReturned,
    TransferPoints,
    UnknownVersion,
    decode_record,
)
from tests.runtime.workshop import DAY
from tests.simulation.directory import ORG_ITSELF, Asked, Directory, forward, inner_of
from tests.simulation.workload import TERMS

_KINDS: Final = {
    PointsIssued: "issued",
    PointsRedeemed: "redeemed",
    PointsExpired: "expired",
    PointsReversed: "reversed",
    PointsReclaimed: "reclaimed",
    PointsHeld: "held",
    PointsReleased: "released",
    PointsTransferred: "transferred",
    PointsReceived: "received",
    PointsHandedOver: "handed over",
    PointsTakenOver: "taken over",
}
_GAINS: Final = {"issued", "released", "received", "taken over"}
_OF_MERGES: Final = (HandOver, TakeOverSection, TakeOverPoints, AnswerMerge)


class Movement(NamedTuple):
    """Points that moved."""

    kind: str
    cause: str
    """The id of the record; for points that expired, the instant at which they did."""
    version: int
    points: int
    balance: int


_ANSWERED: Final = {"redeemPoints", "transferPoints", "mergeCustomers", "linkIdentifiers", "unlinkIdentifiers"}
_ANSWERED_WHERE_HELD: Final = {"transactionAdded": {"held", "done"}}


class Answer(NamedTuple):
    """A reply to a command, or to what came before."""

    record_id: str
    offset: int
    """Of the message in its input topic; -1 where another customer answered."""
    outcome: str


Movements = dict[int, list[Movement]]
"""By customer, in order."""
Answers = dict[int, list[Answer]]
"""By customer, in order."""


class Expected(NamedTuple):
    """What the records of one journal partition must lead to."""

    movements: Movements
    answers: Answers
    asked: list[Asked]


def answers_in(replies: Iterable[Message]) -> Answers:
    """The answers that replies give, of those kinds."""
    answers: Answers = defaultdict(list)
    for message in replies:
        reply = msgspec.json.decode(message.value or b"")
        kind, outcome = reply["type"], reply["outcome"]
        if kind in _ANSWERED or outcome in {"duplicate", *_ANSWERED_WHERE_HELD.get(kind, ())}:
            offset = int((reply["requestId"] or ":-1").rpartition(":")[2])
            answers[reply["customerId"]].append(Answer(reply["recordId"], offset, outcome))
    return dict(answers)


def movements_in(facts: Iterable[Message]) -> Movements:
    """The movements that messages of facts state."""
    movements: Movements = defaultdict(list)
    for message in facts:
        stated = decode_facts(message.value or b"")
        for _, envelope, decision in stated.facts():
            if isinstance(decision, tuple(_KINDS)) and decision.points:
                kind = _KINDS[type(decision)]
                cause = str(envelope.at) if kind == "expired" else envelope.cause.partition(":")[2]
                movement = Movement(kind, cause, envelope.version, decision.points, decision.balance)
                movements[stated.customer_id].append(movement)
    return dict(movements)


def expected_of(journal: Iterable[Message]) -> Expected:
    """What the records of one journal partition must lead to."""
    shop = _Shop()
    for message in journal:
        try:
            record = decode_record(message.value or b"")
        except (UnknownVersion, msgspec.DecodeError):
            continue
        shop.take(record)
    customers = shop.customers.items()
    return Expected(
        movements={number: customer.movements for number, customer in customers if customer.movements},
        answers={number: customer.answers for number, customer in customers if customer.answers},
        asked=[*shop.asked, *shop.directory.asked],
    )


@dataclass
class _Lot:
    closes_at: int
    issued_at: int
    number: int
    points: int


@dataclass
class _Bill:
    amount: int
    award: int
    lot: _Lot
    paid_at: int
    returned: int = 0
    asked: int = 0


@dataclass
class _Customer:
    answers: list[Answer] = field(default_factory=list)
    clock: int = 0
    balance: int = 0
    lots: list[_Lot] = field(default_factory=list)
    bills: dict[str, _Bill] = field(default_factory=dict)
    waiting: list[TransactionReturned] = field(default_factory=list)
    seen: set[tuple[type[Record], str]] = field(default_factory=set)
    movements: list[Movement] = field(default_factory=list)
    given: dict[str, list[tuple[_Lot, int]]] = field(default_factory=dict)
    """What is put aside for others, by transfer: so many points of each lot."""
    missing: dict[str, int] = field(default_factory=dict)
    """By bill: what was asked back and was not there."""
    into: int = 0
    """Into whom the customer was merged."""
    awaits: set[int] = field(default_factory=set)
    """Victims who have not answered."""

    def answer(self, record: CustomerRecord, outcome: str) -> None:
        self.answers.append(Answer(record.id, record.offset, outcome))

    def move(self, kind: str, cause: str, version: int, points: int) -> None:
        if not points:
            return
        self.balance += points if kind in _GAINS else -points
        self.movements.append(Movement(kind, cause, version, points, self.balance))

    def take(self, points: int) -> list[tuple[_Lot, int]]:
        """Take points out of the lots that are spent first: so many of each."""
        parts: list[tuple[_Lot, int]] = []
        for lot in self.open_lots():
            taken = min(lot.points, points)
            if taken:
                lot.points -= taken
                points -= taken
                parts.append((lot, taken))
        return parts

    def open_lots(self) -> list[_Lot]:
        """In the order in which they are spent."""
        still_open = [lot for lot in self.lots if lot.points]
        return sorted(still_open, key=lambda lot: (lot.closes_at, lot.issued_at, lot.number))


class _Shop:
    """One journal partition."""

    def __init__(self) -> None:
        self.customers: defaultdict[int, _Customer] = defaultdict(_Customer)
        self.directory = Directory()
        self.asked: list[Asked] = []
        self._time = 0
        self._announced: dict[str, int] = {}
        """In a backfill, by source."""
        self._starts: dict[int, int] = {}
        """By version."""
        self._deeds: dict[type[Record], Callable[[_Customer, Any, int], None]] = {
            TransactionAdded: self._buy,
            TransactionReturned: self._give_back,
            RedeemPoints: self._redeem,
            TransferPoints: self._give,
            ReceiveTransfer: self._receive,
            AnswerTransfer: self._settle,
            MergeCustomers: self._merge,
            HandOver: self._hand_over,
            TakeOverPoints: self._take_over,
            AnswerMerge: self._end_merge,
        }

    def take(self, record: Record) -> None:
        if isinstance(record, BackfillBegun):
            self._announced = dict.fromkeys(record.sources, 0)
        elif isinstance(record, ProgramActivated):
            self._starts.setdefault(record.version, self._time if self._starts else 0)
        elif isinstance(record, ClockAdvanced):
            self._tick(record)
        elif isinstance(record, ForwardRecord):
            inner = inner_of(record)
            self._decide(self.customers[inner.customer_id], inner, was_held=record.was_held)
        elif isinstance(record, LinkIdentifiers):
            self.directory.link(record)
            if record.asked:
                self.customers[record.person].answers.append(Answer(record.asked, record.offset, "done"))
        elif isinstance(record, ResolveCustomer):
            if self.directory.resolve(record):
                self.customers[ORG_ITSELF].answer(inner_of(record), "held")
        elif isinstance(record, CustomerRecord):
            self._decide(self.customers[record.customer_id], record)

    def _tick(self, tick: ClockAdvanced) -> None:
        reached = self._time
        if tick.clock_source in self._announced:
            self._announced[tick.clock_source] = max(tick.time, self._announced[tick.clock_source])
            reached = min(self._announced.values())
        elif not self._announced and tick.clock_source == WALL_SOURCE:
            reached = tick.time
        if reached > self._time:
            began, self._time = self._time, reached
            for customer in self.customers.values():
                self._adopt(customer, began)
                self._expire(customer, reached)

    def _decide(self, customer: _Customer, record: CustomerRecord, *, was_held: bool = False) -> None:
        if (type(record), record.id) in customer.seen:
            if isinstance(record, CommandRecord) or not self._announced:
                customer.answer(record, "duplicate")
            return
        if customer.into and not isinstance(record, _OF_MERGES):
            self._pass_on(customer, record, was_held=was_held)
            return
        if was_held and isinstance(record, TransactionAdded):
            customer.answer(record, "done")
        if not isinstance(record, _OF_MERGES):
            customer.seen.add((type(record), record.id))
        as_of = record.received_at
        if self._announced:
            as_of = max(record.event_time, self._announced.get(record.source, 0))
        now = max(customer.clock, as_of)
        self._expire(customer, now)
        customer.clock = now
        version = self._version_at(now)
        if type(record) in self._deeds:
            self._deeds[type(record)](customer, record, version)
        self._expire(customer, now)
        self._adopt(customer, customer.clock)

    def _adopt(self, customer: _Customer, since: int) -> None:
        """Every member adopts a version at its start, where that is between an instant and now."""
        later = [start for version, start in self._starts.items() if version > 1 and since <= start <= self._time]
        for start in later:
            self._expire(customer, start - 1)
            customer.clock = max(customer.clock, start)
        if later:
            self._expire(customer, self._time)

    def _buy(self, customer: _Customer, record: TransactionAdded, version: int) -> None:
        terms = TERMS[version]
        points = record.amount_minor // 100 * terms.points_a_pound
        closes_at = (record.event_time // DAY + terms.expiry_days + 1) * DAY
        lot = _Lot(closes_at, record.event_time, len(customer.lots), points)
        customer.lots.append(lot)
        customer.bills[record.bill_number] = _Bill(record.amount_minor, points, lot, record.event_time)
        customer.move("issued", record.id, version, points)
        for one in [one for one in customer.waiting if one.of_bill == record.bill_number]:
            if one.event_time >= record.event_time:
                customer.waiting.remove(one)
                self._give_back(customer, one, version)

    def _give_back(self, customer: _Customer, record: TransactionReturned, version: int) -> None:
        bill = customer.bills.get(record.of_bill)
        if bill is None or record.event_time < bill.paid_at:
            customer.waiting.append(record)
            return
        if bill.returned >= bill.amount:
            return
        bill.returned = min(bill.amount, bill.returned + record.amount_minor)
        asked = bill.award * bill.returned // bill.amount
        claim, bill.asked = asked - bill.asked, asked
        if claim:
            points = min(claim, bill.lot.points)
            bill.lot.points -= points
            customer.move("reversed", record.id, version, points)
            if points < claim:
                customer.missing[record.of_bill] = customer.missing.get(record.of_bill, 0) + claim - points

    def _redeem(self, customer: _Customer, record: RedeemPoints, version: int) -> None:
        points = record.points
        customer.answer(record, "refused" if points > customer.balance else "done")
        if points > customer.balance:
            return
        customer.move("redeemed", record.id, version, points)
        customer.take(points)

    def _give(self, customer: _Customer, record: TransferPoints, version: int) -> None:
        refused = bool(self._announced) or record.points > customer.balance
        customer.answer(record, "refused" if refused else "held")
        if not refused:
            customer.move("held", record.id, version, record.points)
            customer.given[record.id] = customer.take(record.points)

    def _receive(self, customer: _Customer, record: ReceiveTransfer, version: int) -> None:
        if version:
            customer.move("received", record.id, version, sum(part.points for part in record.parts))
            customer.lots += [
                _Lot(part.closes_at or 0, record.event_time, len(customer.lots) + number, part.points)
                for number, part in enumerate(record.parts)
            ]

    def _settle(self, customer: _Customer, record: AnswerTransfer, version: int) -> None:
        parts = customer.given.pop(record.transfer_id)
        points = sum(part for _, part in parts)
        customer.move("released", record.id, version, points)
        if record.refusal:
            for lot, part in parts:
                lot.points += part
            self._expire(customer, customer.clock)
            self._reclaim(customer, record, version)
        else:
            customer.move("transferred", record.id, version, points)
        outcome = "refused" if record.refusal else "done"
        customer.answers.append(Answer(record.transfer_id, -1, outcome))

    def _pass_on(self, customer: _Customer, record: CustomerRecord, *, was_held: bool) -> None:
        """What still comes for somebody who was merged is the survivor's; only who asks for another merge is told."""
        if isinstance(record, MergeCustomers):
            customer.answer(record, "refused")
        else:
            self.asked.append(forward(record, customer.into, was_held=was_held))

    def _merge(self, customer: _Customer, record: MergeCustomers, _version: int) -> None:
        refused = record.victim_id == record.customer_id or record.victim_id in customer.awaits
        customer.answer(record, "refused" if refused else "held")
        if not refused:
            customer.awaits.add(record.victim_id)
            self.asked.append(Asked(f"{HandOver.__name__} {record.id}", record.victim_id))

    def _hand_over(self, customer: _Customer, record: HandOver, version: int) -> None:
        """Who is unknown, waits for a victim of their own or has put points aside is merged into nobody."""
        self.asked.append(Asked(f"{AnswerMerge.__name__} {record.merge_id}", record.sender_id))
        if not (customer.into or customer.awaits or customer.given) and customer.seen:
            customer.into = record.sender_id
            customer.move("handed over", record.id, version, customer.balance)
            customer.lots = []

    def _take_over(self, customer: _Customer, record: TakeOverPoints, version: int) -> None:
        customer.move("taken over", record.id, version, sum(part.points for part in record.parts))
        customer.lots += [
            _Lot(part.closes_at or 0, record.event_time, len(customer.lots) + number, part.points)
            for number, part in enumerate(record.parts)
        ]

    def _end_merge(self, customer: _Customer, record: AnswerMerge, _version: int) -> None:
        customer.awaits.remove(record.sender_id)
        customer.answers.append(Answer(record.merge_id, -1, "refused" if record.refusal else "done"))

    def _reclaim(self, customer: _Customer, record: AnswerTransfer, version: int) -> None:
        """What came back of a bill's own points is taken, as far as it was asked back before."""
        for number, missing in list(customer.missing.items()):
            lot = customer.bills[number].lot
            points = min(missing, lot.points)
            if points:
                lot.points -= points
                customer.missing[number] -= points
                customer.move("reclaimed", record.id, version, points)
        customer.missing = {number: missing for number, missing in customer.missing.items() if missing}

    def _expire(self, customer: _Customer, until: int) -> None:
        while (lots := customer.open_lots()) and (due := lots[0].closes_at) <= until:
            expired = [lot for lot in lots if lot.closes_at == due]
            version = self._version_at(max(customer.clock, due))
            customer.move("expired", str(due), version, sum(lot.points for lot in expired))
            customer.clock = max(customer.clock, due)
            for lot in expired:
                lot.points = 0

    def _version_at(self, instant: int) -> int:
        return max((version for version, start in self._starts.items() if start <= instant), default=0)
