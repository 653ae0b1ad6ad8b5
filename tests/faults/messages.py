"""What upstream systems send: bills, returns, redemptions, gifts, app events, repeats and rubbish, by seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

ORG: Final = 100
DAY_MS: Final = 86_400_000
_CUSTOMERS: Final = 200
_EVENT_DAYS: Final = 20
"""How far back event times reach: well within the 35 days in which a record is taken."""
_REMEMBERED: Final = 500
_BILLS_REMEMBERED: Final = 20


class Sending(NamedTuple):
    """One message that is to be sent."""

    key: bytes
    value: bytes
    news: int | None
    """Its number, which is in its id, when it must make facts: it can be read and its id is new. Numbers rise."""


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
        }

    def next(self, wall: int) -> Sending:
        """The next message; `wall` is the time now, milliseconds since the epoch."""
        chance = self._random.random()
        if chance < 0.08 and self._recent:
            return self._repeat(self._random.choice(self._recent))
        if chance < 0.10 and self._recent:
            return self._conflict(self._random.choice(self._recent))
        customer = self._random.randrange(1, _CUSTOMERS + 1)
        if chance < 0.12:
            return self._rubbish(customer)
        [make] = self._random.choices(list(self._kinds), list(self._kinds.values()))
        message = make(customer, wall)
        self._recent = [*self._recent[1 - _REMEMBERED :], message]
        return Sending(_key(customer), json.dumps(message).encode(), self._number)

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
        return {
            **self._head("transferPoints", customer, wall),
            "programId": 1,
            "toCustomerId": customer if self._random.random() < 0.05 else self._random.randrange(1, _CUSTOMERS + 1),
            "points": self._random.randrange(1, 60),
        }

    def _event(self, customer: int, wall: int) -> dict[str, Any]:
        name = self._random.choice(("visit", "visit", "review", "nothing-pays-for-this"))
        return {**self._head("customEvent", customer, wall), "eventName": name, "attributes": {"screen": "home"}}

    def _bill_again(self, customer: int, wall: int) -> dict[str, Any]:
        """A bill number that is there already, under an id of its own."""
        bill = self._bill(customer, wall)
        return bill | {"billNumber": self._bills[customer][0]["billNumber"]}

    def _repeat(self, message: dict[str, Any]) -> Sending:
        spelling = dict(reversed(message.items())) if self._random.random() < 0.5 else message
        return Sending(_key(message["customerId"]), json.dumps(spelling, indent=1).encode(), None)

    def _conflict(self, message: dict[str, Any]) -> Sending:
        """An id that is there already, with other content."""
        other = message | {"eventTime": message["eventTime"] - 1}
        return Sending(_key(message["customerId"]), json.dumps(other).encode(), None)

    def _rubbish(self, customer: int) -> Sending:
        head = {"type": "transactionAdded", "orgId": ORG, "customerId": customer, "eventTime": 1}
        values = (
            b"{",
            json.dumps(head).encode(),
            json.dumps({**head, "billNumber": "X", "amountMinor": -1, "currency": "GBP"}).encode(),
            json.dumps({"type": "customEvent", "orgId": ORG, "eventName": "visit", "eventTime": 1}).encode(),
        )
        return Sending(_key(customer), self._random.choice(values), None)


def _key(customer: int) -> bytes:
    return f"{ORG}:{customer}".encode()
