"""What upstream systems send: bills, returns, redemptions, gifts, app events, repeats and rubbish, by seed.

Some of it names its customer by identifiers, which are linked, taken away and claimed meanwhile; and customers merge.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

ORG: Final = 100
DAY_MS: Final = 86_400_000
IDENTIFIERS: Final = ("email", "cardNumber")
"""In the order in which they decide."""
LINKS: Final = ("linkIdentifiers", "unlinkIdentifiers")
PRIVATE: Final = "private"
"""What all that is personal begins with."""
_GIVERS: Final = 200
"""Customers up to here are never merged, so their gifts are always answered by the one whom they were for."""
_CUSTOMERS: Final = 600
_CARDS: Final = 400
_NAMED_SHARE: Final = 0.3
"""How many of the messages that may name their customer by identifiers do."""
_EVENT_DAYS: Final = 20
"""How far back event times reach: well within the 35 days in which a record is taken."""
_REMEMBERED: Final = 500
_BILLS_REMEMBERED: Final = 20


class Sending(NamedTuple):
    """One message that is to be sent."""

    key: bytes
    value: bytes
    news: int | None
    """Its number, which is in its id, when it must make facts about its customer in the same partition: it can be read,
    its id is new, and it names the customer by id. Numbers rise."""


class Messages:
    """An endless stream of messages that is the same for the same seed and clock."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._number = 0
        self._recent: list[dict[str, Any]] = []
        self._bills: dict[int, list[dict[str, Any]]] = {}
        self._kinds: dict[Callable[[int, int], dict[str, Any]], int] = {
            self._bill: 46,
            self._return: 14,
            self._redemption: 10,
            self._gift: 10,
            self._event: 20,
            self._bill_again: 2,
            self._registration: 6,
            self._link: 5,
            self._unlink: 1,
            self._merge: 1,
        }
        self._may_be_named = (self._bill, self._return, self._redemption, self._event)

    def next(self, wall: int) -> Sending:
        """The next message; `wall` is the time now, milliseconds since the epoch."""
        chance = self._random.random()
        if chance < 0.08 and self._recent:
            return self._repeat(self._random.choice(self._recent))
        if chance < 0.10 and self._recent:
            return self._conflict(self._random.choice(self._recent))
        customer = self._random.randrange(1, self._random.choice((_GIVERS, _CUSTOMERS)) + 1)
        if chance < 0.12:
            return self._rubbish(customer)
        [make] = self._random.choices(list(self._kinds), list(self._kinds.values()))
        message = make(customer, wall)
        if make in self._may_be_named and self._random.random() < _NAMED_SHARE:
            del message["customerId"]
            message["identifiers"] = self._identifiers(customer)
        self._recent = [*self._recent[1 - _REMEMBERED :], message]
        news = None if subject_of(message) == 0 else self._number
        return Sending(_key_of(message), json.dumps(message).encode(), news)

    def _head(self, kind: str, customer: int, wall: int) -> dict[str, Any]:
        self._number += 1
        ago = self._random.choice((0, self._random.randrange(_EVENT_DAYS * DAY_MS)))
        return {
            "type": kind,
            "orgId": ORG,
            "customerId": customer,
            "id": f"n{self._number}",
            "eventTime": wall - ago,
        }

    def _bill(self, customer: int, wall: int) -> dict[str, Any]:
        head = self._head("transactionAdded", customer, wall)
        lines = [
            {"sku": f"S{self._random.randrange(50)}", "amountMinor": self._random.randrange(20, 3_000)}
            for _ in range(self._random.randrange(4))
        ]
        amount = sum(line["amountMinor"] for line in lines) if lines else self._random.randrange(0, 9_000)
        bill = {**head, "billNumber": f"B{self._number}", "amountMinor": amount, "currency": "GBP", "lines": lines}
        self._bills[customer] = [*self._bills.get(customer, ())[1 - _BILLS_REMEMBERED :], bill]
        return bill

    def _return(self, customer: int, wall: int) -> dict[str, Any]:
        head = self._head("transactionReturned", customer, wall)
        bills = self._bills.get(customer)
        bill = self._random.choice(bills) if bills else {"billNumber": "nowhere", "amountMinor": 100}
        amount = self._random.randrange(bill["amountMinor"] + 1) if self._random.random() < 0.6 else bill["amountMinor"]
        return {
            **head,
            "billNumber": f"R{self._number}",
            "ofBill": bill["billNumber"],
            "amountMinor": amount,
            "currency": "GBP",
        }

    def _redemption(self, customer: int, wall: int) -> dict[str, Any]:
        return {
            **self._head("redeemPoints", customer, wall),
            "programId": 1,
            "points": self._random.randrange(1, 120),
        }

    def _gift(self, customer: int, wall: int) -> dict[str, Any]:
        """To whomever: somebody whom nobody knows yet, and now and then oneself."""
        giver = 1 + customer % _GIVERS
        return {
            **self._head("transferPoints", giver, wall),
            "programId": 1,
            "toCustomerId": giver if self._random.random() < 0.05 else self._random.randrange(1, _CUSTOMERS + 1),
            "points": self._random.randrange(1, 60),
        }

    def _event(self, customer: int, wall: int) -> dict[str, Any]:
        name = self._random.choice(("visit", "visit", "review", "nothing-pays-for-this"))
        return {**self._head("customEvent", customer, wall), "eventName": name, "attributes": {"screen": "home"}}

    def _bill_again(self, customer: int, wall: int) -> dict[str, Any]:
        """A bill number that is there already, under an id of its own."""
        bill = self._bill(customer, wall)
        return bill | {"billNumber": self._bills[customer][0]["billNumber"]}

    def _registration(self, customer: int, wall: int) -> dict[str, Any]:
        head = self._head("customerAdded", customer, wall)
        return {**head, "firstName": f"{PRIVATE}-{customer}", "email": _email(customer)}

    def _link(self, customer: int, wall: int) -> dict[str, Any]:
        """A card, which may be another customer's."""
        return {**self._head("linkIdentifiers", customer, wall), "identifiers": {"cardNumber": self._card()}}

    def _unlink(self, customer: int, wall: int) -> dict[str, Any]:
        return {**self._head("unlinkIdentifiers", customer, wall), "identifiers": {"email": _email(customer)}}

    def _merge(self, customer: int, wall: int) -> dict[str, Any]:
        """Of two who give nothing away; the victim may be unknown, merged already, or waiting for one of their own."""
        survivor = _GIVERS + 1 + customer % (_CUSTOMERS - _GIVERS)
        victim = self._random.randrange(_GIVERS + 1, _CUSTOMERS + 1)
        return {**self._head("mergeCustomers", survivor, wall), "victimCustomerId": victim}

    def _identifiers(self, customer: int) -> dict[str, str]:
        email, card = {"email": _email(customer)}, {"cardNumber": self._card()}
        return self._random.choice((email, card, email | card))

    def _card(self) -> str:
        return f"card-{self._random.randrange(_CARDS)}"

    def _repeat(self, message: dict[str, Any]) -> Sending:
        spelling = dict(reversed(message.items())) if self._random.random() < 0.5 else message
        return Sending(_key_of(message), json.dumps(spelling, indent=1).encode(), None)

    def _conflict(self, message: dict[str, Any]) -> Sending:
        """An id that is there already, with other content."""
        other = message | {"eventTime": message["eventTime"] - 1}
        return Sending(_key_of(message), json.dumps(other).encode(), None)

    def _rubbish(self, customer: int) -> Sending:
        head = {"type": "transactionAdded", "orgId": ORG, "customerId": customer, "eventTime": 1}
        values = (
            b"{",
            json.dumps(head).encode(),
            json.dumps({**head, "billNumber": "X", "amountMinor": -1, "currency": "GBP"}).encode(),
            json.dumps({"type": "customEvent", "orgId": ORG, "eventName": "visit", "eventTime": 1}).encode(),
        )
        return Sending(_key(customer), self._random.choice(values), None)


def subject_of(message: dict[str, Any]) -> int:
    """Whom intake's record is about: the customer, or 0, the org itself, which knows whom identifiers name."""
    return 0 if message["type"] in LINKS else message.get("customerId", 0)


def _email(customer: int) -> str:
    return f"{PRIVATE}-{customer}@example.com"


def _key_of(message: dict[str, Any]) -> bytes:
    return _key(subject_of(message))


def _key(customer: int) -> bytes:
    return f"{ORG}:{customer}".encode()
