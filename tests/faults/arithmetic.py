"""The arithmetic of `tests/frozen.yaml`, done naively: what must be decided about each customer, message by message.

It knows what was sent, where in the journal that lies, and what customers asked of each other, and nothing of the
engine.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from tests.faults.evidence import INPUT
from tests.faults.generator import Sent
from tests.faults.journal import (
    ANSWER,
    END,
    HAND_OVER,
    LINK,
    OFFER,
    POINTS,
    RESOLVE,
    SECTION,
    Asked,
    Milestone,
    Step,
)
from tests.faults.messages import DAY_MS
from tests.faults.names import Names, passed

Decision = tuple[Any, ...]
"""What was decided, in the order of the facts: its kind, the id of the message, and its numbers."""

_FIELDS: Final = {
    "transactionAdded": {"billNumber", "amountMinor", "currency"},
    "transactionReturned": {"ofBill", "amountMinor", "currency"},
    "redeemPoints": {"programId", "points"},
    "transferPoints": {"programId", "toCustomerId", "points"},
    "customEvent": {"eventName"},
    "customerAdded": {"email"},
    "linkIdentifiers": {"customerId", "identifiers"},
    "unlinkIdentifiers": {"customerId", "identifiers"},
    "mergeCustomers": {"victimCustomerId"},
}
COMMANDS: Final = {"redeemPoints", "transferPoints", "mergeCustomers"}
_TIERS: Final = (200, 900)
_TIER_IDS: Final = {"base": 1, "silver": 2, "gold": 3}
_BIG_MONTH, _BIG_MONTH_POINTS, _BIG_MONTH_MINOR = "big-month", 50, 20_000
_THREE_VISITS, _THREE_VISITS_POINTS, _VISITS = "three-visits", 10, 3
_NAMES: Final = {"customEvent": "CustomEventReceived", "unlinkIdentifiers": LINK}


def message_of(value: bytes) -> dict[str, Any] | None:
    """What was sent, where intake must take it; None where it must become a dead letter."""
    try:
        message = json.loads(value)
    except ValueError:
        return None
    head = {"type", "orgId", "eventTime"}
    if not head <= message.keys() or not _FIELDS[message["type"]] <= message.keys():
        return None
    if "customerId" not in message and "identifiers" not in message:
        return None
    return message if message.get("amountMinor", 0) >= 0 else None


def record_name(kind: str) -> str:
    """What the journal calls a message of this kind."""
    return _NAMES.get(kind) or kind[0].upper() + kind[1:]


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

    number: int
    balance: int = 0
    lifetime: int = 0
    tier: int = 1
    joined: bool = False
    """Whether the program has been asked about a record of theirs: before that it keeps nothing of them."""
    decisions: list[Decision] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)
    """What is asked of other customers, in words."""
    answers: list[tuple[str, str]] = field(default_factory=list)
    """Who is answered, by the place of the message or the id of what has waited, and how."""
    _registered: bool = False
    _into: int = 0
    """Into whom the customer was merged."""
    _awaits: set[int] = field(default_factory=set)
    """Victims who have not answered yet."""
    _seen: dict[tuple[str, str], str] = field(default_factory=dict)
    _lots: list[_Lot] = field(default_factory=list)
    _bills: dict[str, _Bill] = field(default_factory=dict)
    _parked: list[dict[str, Any]] = field(default_factory=list)
    _months: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    _weeks: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    """By the end of the month or of the week."""
    _given: dict[str, int] = field(default_factory=dict)
    """Points put aside for others, by transfer."""

    def take(self, message: dict[str, Any], place: str, *, was_held: bool = False) -> None:
        """Decide one message, which lies at a place of the input."""
        kind, one = message["type"], message["id"]
        content = json.dumps({**message, "customerId": 0, "identifiers": {}}, sort_keys=True)
        before = self._seen.get((kind, one))
        if before == content:
            self.answers.append((place, "duplicate"))
            return
        if self._into and before is None and kind != "mergeCustomers":
            self._pass_on(message, place, was_held=was_held)
            return
        if kind in COMMANDS:
            self.answers.append((place, "answered"))
        if self._into and kind == "mergeCustomers":
            self._refuse(message, "customer_merged")
            return
        if before is not None:
            self._refuse(message, "id_reused")
            return
        self._seen[kind, one] = content
        count = len(self.decisions)
        self._decide_new(message)
        made = {decision[0] for decision in self.decisions[count:] if decision[1] == one}
        if was_held and kind not in COMMANDS and not made & {"refused", "parked"}:
            self.answers.append((f"{place} released", "answered"))

    def _decide_new(self, message: dict[str, Any]) -> None:
        was_known = self._registered
        self._accept(message["id"])
        if message["type"] == "customerAdded":
            self.joined = True
            if was_known:
                self._decide("changed", message)
            return
        {
            "transactionAdded": self._buy,
            "transactionReturned": self._return,
            "redeemPoints": self._redeem,
            "transferPoints": self._give,
            "customEvent": self._event,
            "mergeCustomers": self._merge,
        }[message["type"]](message)

    def _pass_on(self, message: dict[str, Any], place: str, *, was_held: bool) -> None:
        """To the survivor, but for a bill that counted before the merge."""
        if message["type"] == "transactionAdded" and message["billNumber"] in self._bills:
            self._refuse(message, "bill_exists")
            return
        self._decide("passed on", message, self._into)
        self.asks.append(passed(place, self._into) + (", which waited" if was_held else ""))

    def hear(self, asked: Asked) -> None:
        """Decide what another customer asks."""
        {
            OFFER: self._receive,
            ANSWER: self._settle,
            HAND_OVER: self._hand_over,
            SECTION: self._take_over_section,
            POINTS: self._take_over_points,
            END: self._end_merge,
        }[asked.kind](asked)

    def _settle(self, asked: Asked) -> None:
        points = self._given.pop(asked.subject, 0)
        self.decisions.append(("given back", asked.id, points, self.balance + points))
        self.decisions.append(("transferred", asked.id, points, self.balance, asked.sender))
        self.answers.append((asked.subject, "transferred"))

    def _receive(self, asked: Asked) -> None:
        if self._into:
            self.decisions.append(("passed on", asked.id, self._into))
            self.asks.append(passed(asked.id, self._into))
            return
        self._accept(asked.id)
        self.joined = True
        self.balance += asked.points
        self._lots.append(_Lot(asked.at, asked.points))
        self.decisions.append(("received", asked.id, asked.points, self.balance, asked.sender))
        self.asks.append(f"{self.number} answers {asked.subject} to {asked.sender}")

    def _hand_over(self, asked: Asked) -> None:
        """All goes to the survivor, if anybody can be merged here."""
        reason = None
        if self._into:
            reason = "customer_merged"
        elif not self._registered:
            reason = "customer_unknown"
        elif self._awaits:
            reason = "merge_under_way"
        to = f"{asked.subject} to {asked.sender}"
        if reason is not None:
            self.decisions.append(("merge refused", asked.id, asked.sender, reason))
            self.asks.append(f"{self.number} refuses {to}")
            return
        self.joined = True
        self._into = asked.sender
        self.decisions += [("merged", asked.id, asked.sender), ("section handed over", asked.id)]
        counts = ((_BIG_MONTH, self._months), (_THREE_VISITS, self._weeks))
        milestones = sorted(
            Milestone(name, ends_at, value) for name, some in counts for ends_at, value in some.items() if value
        )
        tier = next(name for name, number in _TIER_IDS.items() if number == self.tier)
        self.asks.append(f"{self.number} hands over {tier}, {milestones} by {to}")
        if self.balance or self.lifetime:
            self.asks.append(f"{self.number} hands over {self.balance} points of {self.lifetime} by {to}")
            self.decisions.append(("points handed over", asked.id, self.balance, 0, 0))
        self.decisions.append(("all handed over", asked.id))
        self.asks.append(f"{self.number} has handed over all by {to}")
        self.balance, self.lifetime, self.tier, self._lots = 0, 0, 1, []

    def _take_over_section(self, asked: Asked) -> None:
        self.decisions.append(("section taken over", asked.id))
        theirs = _TIER_IDS[asked.tier]
        if theirs > self.tier:
            self.decisions.append(("upgraded", asked.id, self.tier, theirs))
            self.tier = theirs
        met: list[tuple[str, int]] = []
        for one in sorted(asked.milestones, key=lambda one: (one.id != _BIG_MONTH, one.ends_at)):
            big = one.id == _BIG_MONTH
            counts, goal = (self._months, _BIG_MONTH_MINOR) if big else (self._weeks, _VISITS)
            own = counts[one.ends_at]
            counts[one.ends_at] = own + one.value
            if max(own, one.value) < goal <= own + one.value:
                met.append((one.id, _BIG_MONTH_POINTS if big else _THREE_VISITS_POINTS))
                self.decisions.append(("achieved", asked.id, one.id, own + one.value))
        for name, points in met:
            self._issue(asked.id, asked.at, points, name)
        self._rise(asked.id)

    def _take_over_points(self, asked: Asked) -> None:
        self.balance += asked.points
        self.lifetime += asked.counted
        self._lots.append(_Lot(asked.at, asked.points))
        self.decisions.append(("points taken over", asked.id, asked.points, self.balance, self.lifetime))
        self._rise(asked.id)

    def _end_merge(self, asked: Asked) -> None:
        self._awaits.discard(asked.sender)
        self.decisions.append(("merge failed" if asked.refused else "merge done", asked.id, asked.sender))
        self.answers.append((asked.subject, "merged"))

    def _accept(self, one: str) -> None:
        self.decisions.append(("accepted", one))
        if not self._registered:
            self._registered = True
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
            bill.lot = self._issue(message["id"], message["eventTime"], points, "spend")
        month = _end_of_month(message["eventTime"])
        before = self._months[month]
        self._months[month] = after = before + amount
        if before < _BIG_MONTH_MINOR <= after:
            self._decide("achieved", message, _BIG_MONTH, after)
            self._issue(message["id"], message["eventTime"], _BIG_MONTH_POINTS, _BIG_MONTH)
        self._rise(message["id"])
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
        self.asks.append(f"{self.number} offers {points} points as {message['id']} to {message['toCustomerId']}")

    def _spend(self, points: int) -> None:
        for lot in sorted(self._lots, key=lambda lot: lot.at):
            taken = min(lot.points, points)
            lot.points -= taken
            points -= taken

    def _event(self, message: dict[str, Any]) -> None:
        self.joined = True
        if message["eventName"] == "review":
            self._issue(message["id"], message["eventTime"], 5, "review")
        if message["eventName"] == "visit":
            week = _end_of_week(message["eventTime"])
            self._weeks[week] += 1
            if self._weeks[week] == _VISITS:
                self._decide("achieved", message, _THREE_VISITS, _VISITS)
                self._issue(message["id"], message["eventTime"], _THREE_VISITS_POINTS, _THREE_VISITS)
        self._rise(message["id"])

    def _merge(self, message: dict[str, Any]) -> None:
        victim = message["victimCustomerId"]
        if victim == self.number or victim in self._awaits:
            self._refuse(message, "same_customer" if victim == self.number else "merge_under_way")
            return
        self.joined = True
        self._awaits.add(victim)
        self._decide("merge asked", message, victim)
        self.asks.append(f"{self.number} asks for all by {message['id']} to {victim}")

    def _issue(self, one: str, at: int, points: int, rule: str) -> _Lot:
        self.balance += points
        self.lifetime += points
        lot = _Lot(at, points)
        self._lots.append(lot)
        self.decisions.append(("issued", one, points, ((rule, points),), self.balance, self.lifetime))
        return lot

    def _rise(self, one: str) -> None:
        reached = 1 + sum(self.lifetime >= threshold for threshold in _TIERS)
        if reached > self.tier:
            self.decisions.append(("upgraded", one, self.tier, reached))
            self.tier = reached

    def _refuse(self, message: dict[str, Any], reason: str) -> None:
        self._decide("refused", message, reason)

    def _decide(self, kind: str, message: dict[str, Any], *numbers: object) -> None:
        self.decisions.append((kind, message["id"], *numbers))


def _end_of_month(at: int) -> int:
    day = datetime.fromtimestamp(at / 1000, UTC)
    after = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    return int(after.timestamp()) * 1_000


def _end_of_week(at: int) -> int:
    """Weeks begin on Mondays; the day 0 was a Thursday."""
    return (((at // DAY_MS + 3) // 7 + 1) * 7 - 3) * DAY_MS


class World(NamedTuple):
    """All that was decided."""

    customers: dict[int, Customer]
    names: Names


def world_of(ledger: Iterable[Sent], steps: Iterable[Step]) -> World:
    """Everybody as they must stand after all that was sent and asked, in the order of the journal."""
    messages = {f"{INPUT}:{one.partition}:{one.offset}": message_of(one.value) for one in ledger}
    customers: dict[int, Customer] = {}
    names = Names()
    for step in steps:
        message = messages.get(step.place)
        if message is not None and step.kind == LINK:
            names.link(message, step.place)
        elif message is not None and step.kind == RESOLVE:
            names.resolve(message, step.place)
        elif message is not None:
            customer = customers.setdefault(step.customer, Customer(step.customer))
            customer.take(message, step.place, was_held=step.was_held)
        elif step.asked is not None:
            customers.setdefault(step.customer, Customer(step.customer)).hear(step.asked)
    return World(customers, names)
