"""The arithmetic of `tests/frozen.yaml`, done naively: what must be decided about each customer, message by message.

It knows what was sent and in which order, when customers asked something of each other, and nothing of the engine.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from tests.faults.generator import Sent
from tests.faults.messages import DAY_MS

Decision = tuple[Any, ...]
"""What was decided, in the order of the facts: its kind, the id of the message, and its numbers."""

_FIELDS: Final = {
    "transactionAdded": {"billNumber", "amountMinor", "currency"},
    "transactionReturned": {"ofBill", "amountMinor", "currency"},
    "redeemPoints": {"programId", "points"},
    "transferPoints": {"programId", "toCustomerId", "points"},
    "customEvent": {"eventName"},
}
_TIERS: Final = (200, 900)
_NAMES: Final = {"transactionAdded": "TransactionAdded", "transactionReturned": "TransactionReturned"} | {
    "redeemPoints": "RedeemPoints",
    "transferPoints": "TransferPoints",
    "customEvent": "CustomEventReceived",
}


class Asked(NamedTuple):
    """What one customer asked of another, at its place in the journal: points are offered, or have been taken."""

    partition: int
    after: int
    """The offset, in the input, of the last message before it."""
    place: int
    """Its offset in the journal."""
    id: str
    is_answer: bool
    customer: int
    sender: int
    transfer: str
    at: int
    points: int
    """That are offered; 0 in an answer."""

    @property
    def what(self) -> str:
        """It, in words."""
        asks = f"answers {self.transfer}" if self.is_answer else f"offers {self.points} points as {self.transfer}"
        return f"{self.sender} {asks} to {self.customer}"


def message_of(value: bytes) -> dict[str, Any] | None:
    """What was sent, where intake must take it; None where it must become a dead letter."""
    try:
        message = json.loads(value)
    except ValueError:
        return None
    head = {"type", "orgId", "customerId", "eventTime"}
    if not head <= message.keys() or not _FIELDS[message["type"]] <= message.keys():
        return None
    return message if message.get("amountMinor", 0) >= 0 else None


def record_name(kind: str) -> str:
    """What the journal calls a message of this kind."""
    return _NAMES[kind]


@dataclass
class _Lot:
    at: int
    points: int


@dataclass
class _Bill:
    amount: int
    paid_at: int
    returned: int = 0
    award: int = 0
    asked: int = 0
    lot: _Lot | None = None


@dataclass
class Customer:
    """One customer's account."""

    balance: int = 0
    lifetime: int = 0
    tier: int = 1
    joined: bool = False
    """Whether the program has been asked about a record of theirs: before that it keeps nothing of them."""
    decisions: list[Decision] = field(default_factory=list)
    _seen: dict[tuple[str, str], str] = field(default_factory=dict)
    _lots: list[_Lot] = field(default_factory=list)
    _bills: dict[str, _Bill] = field(default_factory=dict)
    _parked: list[dict[str, Any]] = field(default_factory=list)
    _months: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    _weeks: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    _given: dict[str, int] = field(default_factory=dict)
    """Points put aside for others, by transfer."""

    def take(self, message: dict[str, Any]) -> None:
        """Decide one message."""
        kind, one = message["type"], message["id"]
        content = json.dumps(message, sort_keys=True)
        before = self._seen.get((kind, one))
        if before == content:
            return
        if before is not None:
            self._refuse(message, "id_reused")
            return
        self._seen[kind, one] = content
        self._accept(one)
        {
            "transactionAdded": self._buy,
            "transactionReturned": self._return,
            "redeemPoints": self._redeem,
            "transferPoints": self._give,
            "customEvent": self._event,
        }[kind](message)

    def hear(self, asked: Asked) -> None:
        """Decide what another customer asks."""
        if asked.is_answer:
            points = self._given.pop(asked.transfer, 0)
            self.decisions.append(("given back", asked.id, points, self.balance + points))
            self.decisions.append(("transferred", asked.id, points, self.balance, asked.sender))
            return
        self._accept(asked.id)
        self.joined = True
        self.balance += asked.points
        self._lots.append(_Lot(asked.at, asked.points))
        self.decisions.append(("received", asked.id, asked.points, self.balance, asked.sender))

    def _accept(self, one: str) -> None:
        first = not self.decisions
        self.decisions.append(("accepted", one))
        if first:
            self.decisions.append(("registered", one))

    def _buy(self, message: dict[str, Any]) -> None:
        number, amount = message["billNumber"], message["amountMinor"]
        if number in self._bills:
            self._refuse(message, "bill_exists")
            return
        self.joined = True
        self._decide("recorded", message, number)
        bill = self._bills[number] = _Bill(amount, message["eventTime"])
        points = amount // 100 if amount >= 500 else 0
        if points:
            bill.award = points
            bill.lot = self._issue(message, points, "spend")
        day = datetime.fromtimestamp(message["eventTime"] / 1000, UTC)
        before = self._months[day.year, day.month]
        self._months[day.year, day.month] = after = before + amount
        if before < 20_000 <= after:
            self._decide("achieved", message, "big-month", after)
            self._issue(message, 50, "big-month")
        self._rise(message)
        early = [one for one in self._parked if one["ofBill"] == number]
        for one in sorted(early, key=lambda one: one["eventTime"]):
            self._parked.remove(one)
            self._decide("released", one)
            self._return(one)

    def _return(self, message: dict[str, Any]) -> None:
        bill = self._bills.get(message["ofBill"])
        if bill is not None and message["eventTime"] < bill.paid_at:
            self._refuse(message, "return_before_bill")
            return
        if bill is None:
            self._park(message)
            return
        if bill.returned >= bill.amount:
            self._refuse(message, "bill_returned")
            return
        counted = min(message["amountMinor"], bill.amount - bill.returned)
        bill.returned += counted
        self._decide("returned", message, counted)
        asked = bill.award if bill.returned == bill.amount else bill.award * bill.returned // bill.amount
        due, bill.asked = asked - bill.asked, asked
        if due:
            points = min(due, bill.lot.points if bill.lot else 0)
            if bill.lot:
                bill.lot.points -= points
            self.balance -= points
            self.lifetime -= points
            self._decide("reversed", message, points, self.balance, self.lifetime)

    def _park(self, message: dict[str, Any]) -> None:
        of_bill = sum(one["ofBill"] == message["ofBill"] for one in self._parked)
        if of_bill >= 10 or len(self._parked) >= 100:
            self._refuse(message, "bill_unknown")
        else:
            self._parked.append(message)
            self._decide("parked", message)

    def _redeem(self, message: dict[str, Any]) -> None:
        self.joined = True
        points = message["points"]
        if points > self.balance:
            self._refuse(message, "balance_too_low")
            return
        self.balance -= points
        self._decide("redeemed", message, points, self.balance)
        self._spend(points)

    def _give(self, message: dict[str, Any]) -> None:
        points = message["points"]
        if message["toCustomerId"] == message["customerId"]:
            self._refuse(message, "same_customer")
            return
        self.joined = True
        if points > self.balance:
            self._refuse(message, "balance_too_low")
            return
        self.balance -= points
        self._given[message["id"]] = points
        self._spend(points)
        self._decide("held", message, points, self.balance)
        self._decide("offered", message, message["toCustomerId"])

    def _spend(self, points: int) -> None:
        for lot in sorted(self._lots, key=lambda lot: lot.at):
            taken = min(lot.points, points)
            lot.points -= taken
            points -= taken

    def _event(self, message: dict[str, Any]) -> None:
        self.joined = True
        if message["eventName"] == "review":
            self._issue(message, 5, "review")
        if message["eventName"] == "visit":
            week = (message["eventTime"] // DAY_MS + 3) // 7
            self._weeks[week] += 1
            if self._weeks[week] == 3:
                self._decide("achieved", message, "three-visits", 3)
                self._issue(message, 10, "three-visits")
        self._rise(message)

    def _issue(self, message: dict[str, Any], points: int, rule: str) -> _Lot:
        self.balance += points
        self.lifetime += points
        lot = _Lot(message["eventTime"], points)
        self._lots.append(lot)
        self._decide("issued", message, points, ((rule, points),), self.balance, self.lifetime)
        return lot

    def _rise(self, message: dict[str, Any]) -> None:
        reached = 1 + sum(self.lifetime >= threshold for threshold in _TIERS)
        if reached > self.tier:
            self._decide("upgraded", message, self.tier, reached)
            self.tier = reached

    def _refuse(self, message: dict[str, Any], reason: str) -> None:
        self._decide("refused", message, reason)

    def _decide(self, kind: str, message: dict[str, Any], *numbers: object) -> None:
        self.decisions.append((kind, message["id"], *numbers))


def customers_of(ledger: Iterable[Sent], asked: Iterable[Asked] = ()) -> dict[int, Customer]:
    """Every customer as they must stand after all that was sent, and asked between them."""
    customers: dict[int, Customer] = defaultdict(Customer)
    steps: list[tuple[tuple[int, int, int], Sent | Asked]] = [((one.partition, one.offset, -1), one) for one in ledger]
    steps += [((one.partition, one.after, one.place), one) for one in asked]
    for _, step in sorted(steps, key=lambda one: one[0]):
        if isinstance(step, Asked):
            customers[step.customer].hear(step)
        elif (message := message_of(step.value)) is not None:
            customers[message["customerId"]].take(message)
    return dict(customers)
