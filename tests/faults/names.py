"""Whom identifiers name, worked out naively: what must be decided about the org itself, message by message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.messages import IDENTIFIERS

_ONE_AT_A_TIME: Final = "email"
"""Of cards a customer may have several."""

Identifier = tuple[str, str]
"""Type and value."""


def identifiers_of(message: Mapping[str, Any]) -> list[Identifier]:
    """By what a message names its customer, or what it says of them."""
    said = message.get("identifiers", {}) | ({"email": message["email"]} if "email" in message else {})
    return [(kind, said[kind]) for kind in IDENTIFIERS if kind in said]


@dataclass
class Names:
    """What the org knows."""

    decisions: list[tuple[Any, ...]] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)
    """What is asked of customers, in words."""
    answers: list[tuple[str, str]] = field(default_factory=list)
    """Who is answered, by the place of the message, and how."""
    _named: dict[Identifier, int] = field(default_factory=dict)
    _claims: dict[Identifier, set[int]] = field(default_factory=dict)
    _waiting: dict[str, list[Identifier]] = field(default_factory=dict)
    """What waits, by place, in the order in which it came."""

    def link(self, message: dict[str, Any], place: str) -> None:
        """Decide a message that says whose identifiers are, or are no longer; or one of a customer who has some."""
        customer, said, before = message["customerId"], identifiers_of(message), len(self.decisions)
        if message["type"] == "unlinkIdentifiers":
            for one in said:
                if self._named.get(one) == customer:
                    self._lose(one, customer, place)
        else:
            new = [one for one in said if self._linked(one, customer, place)]
            self._release(new, customer, place)
        if len(self.decisions) == before:
            self.decisions.append(("known", place))
        if message["type"] != "customerAdded":
            self.answers.append((place, "answered"))

    def resolve(self, message: dict[str, Any], place: str) -> None:
        """Decide a message that names its customer by identifiers."""
        said = identifiers_of(message)
        named = next(((kind, self._named[kind, value]) for kind, value in said if (kind, value) in self._named), None)
        if named is None:
            self.decisions += [("awaits", place, kind) for kind, _ in said]
            self.decisions.append(("kept", place))
            self.answers.append((f"{place} waits", "held"))
            self._waiting[place] = said
            return
        kind, customer = named
        new = [one for one in said if one not in self._named]
        for one in new:
            self._gain(one, customer, place)
        self._release(new, customer, place)
        self.decisions.append(("resolved", place, customer, kind))
        self.asks.append(passed(place, customer))

    def _linked(self, one: Identifier, customer: int, place: str) -> bool:
        owner = self._named.get(one)
        if owner is None:
            own = [other for other, its in self._named.items() if its == customer]
            for other in own:
                if other[0] == one[0] == _ONE_AT_A_TIME:
                    self._lose(other, customer, place)
            self._gain(one, customer, place)
            return True
        if owner != customer and customer not in self._claims.setdefault(one, set()):
            self._claims[one].add(customer)
            self.decisions.append(("claimed", place, one[0], owner, customer))
        return False

    def _gain(self, one: Identifier, customer: int, place: str) -> None:
        self._named[one] = customer
        self._claims.pop(one, None)
        self.decisions.append(("linked", place, one[0], customer))

    def _lose(self, one: Identifier, customer: int, place: str) -> None:
        del self._named[one]
        self.decisions.append(("unlinked", place, one[0], customer))

    def _release(self, new: Iterable[Identifier], customer: int, place: str) -> None:
        for waits in [*self._released(new)]:
            if self._waiting.pop(waits, None) is not None:
                self.decisions.append(("let go", place, waits, customer))
                self.asks.append(f"{passed(waits, customer)}, which waited")

    def _released(self, new: Iterable[Identifier]) -> Iterator[str]:
        for one in new:
            yield from (waits for waits, said in self._waiting.items() if one in said)


def passed(what: str, customer: int) -> str:
    """That a record is one of this customer, in words; `what`: its place, or its id where others asked for it."""
    return f"{what} is passed on to {customer}"
