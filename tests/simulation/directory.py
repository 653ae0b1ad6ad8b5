"""Whom identifiers name, worked out naively from what an org was told, and whether the system says the same.

It shares no code with the engine: a rule that is broken there, in disturbed and undisturbed runs alike, shows here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.log.port import Message
from schemas.facts import IdentifierLinked, IdentifierUnlinked, decode_facts
from schemas.records import (
    AnswerMerge,
    CustomerRecord,
    ForwardRecord,
    HandOver,
    KnownBy,
    LinkIdentifiers,
    Record,
    Request,
    ResolveCustomer,
    UseIdentityKey,
    decode_record,
)

ORG_ITSELF: Final = 0
_ONE_AT_A_TIME: Final = {"mobile", "email", "externalId"}
_PROFILES: Final = {"customerAdded", "customerUpdated"}
_LINKS: Final = {"linkIdentifiers", "unlinkIdentifiers"}


class Asked(NamedTuple):
    """What must be asked of a customer, once: to take a record, to hand over all that they have, or to hear how a merge
    ended."""

    what: str
    """The record, by where it came from, or the merge."""
    customer: int
    was_held: bool = False


def forward(record: CustomerRecord, customer: int, *, was_held: bool) -> Asked:
    """That a record is one of this customer."""
    return Asked(f"{type(record).__name__} {record.id} {record.source}:{record.offset}", customer, was_held)


class Directory:
    """One org: its own records, in their order."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._names: dict[KnownBy, int] = {}
        self._waiting: list[ResolveCustomer] = []

    def link(self, record: LinkIdentifiers) -> None:
        """Identifiers are somebody's, or no longer."""
        if record.unlink:
            own = [one for one, customer in self._names.items() if customer == record.person]
            for one in own if record.everything else record.identifiers:
                if self._names.get(one) == record.person:
                    del self._names[one]
            return
        for one in record.identifiers:
            if one not in self._names:
                for other, customer in [*self._names.items()]:
                    if customer == record.person and one.kind == other.kind and one.kind in _ONE_AT_A_TIME:
                        del self._names[other]
                self._names[one] = record.person
        self._release()

    def resolve(self, record: ResolveCustomer) -> bool:
        """Somebody is named, or the record waits; whether it waits."""
        customer = next((self._names[one] for one in record.identifiers if one in self._names), None)
        if customer is None:
            self._waiting.append(record)
            return True
        for one in record.identifiers:
            self._names.setdefault(one, customer)
        self._release()
        self.asked.append(forward(inner_of(record), customer, was_held=False))
        return False

    def _release(self) -> None:
        for record in [*self._waiting]:
            customer = next((self._names[one] for one in record.identifiers if one in self._names), None)
            if customer is not None:
                self._waiting.remove(record)
                self.asked.append(forward(inner_of(record), customer, was_held=True))


def inner_of(record: ResolveCustomer | ForwardRecord) -> CustomerRecord:
    """The record that it is about."""
    inner = decode_record(record.record)
    assert isinstance(inner, CustomerRecord)
    return inner


def asked_in(journal: Iterable[Message]) -> Iterator[Asked]:
    """What was asked, as it lies in a journal partition."""
    for message in journal:
        record = decode_record(message.value or b"")
        if isinstance(record, ForwardRecord):
            yield forward(inner_of(record), record.customer_id, was_held=record.was_held)
        elif isinstance(record, HandOver | AnswerMerge):
            yield Asked(f"{type(record).__name__} {record.merge_id}", record.customer_id)


def due_of(inputs: Iterable[Message]) -> Counter[tuple[Any, ...]]:
    """What intake must make of messages: the places, kinds and customers of its records."""
    due: Counter[tuple[Any, ...]] = Counter()
    for message in inputs:
        sent = msgspec.json.decode(message.value or b"")
        place = (f"{message.topic}:{message.partition}", message.offset)
        kind, customer = sent["type"], sent.get("customerId", ORG_ITSELF)
        name = kind[0].upper() + kind[1:]
        if kind in _LINKS:
            due[*place, LinkIdentifiers.__name__, customer, sent["id"]] += 1
        elif not customer:
            due[*place, ResolveCustomer.__name__, ORG_ITSELF, f"{name} {sent['id']}"] += 1
        else:
            due[*place, name, customer, sent["id"]] += 1
            if kind in _PROFILES and "email" in sent:
                due[*place, LinkIdentifiers.__name__, customer, ""] += 1
    return due


def made_in(journal: Iterable[Message]) -> Iterator[tuple[Any, ...]]:
    """What intake made of messages, as it lies in a journal partition."""
    for message in journal:
        record = decode_record(message.value or b"")
        if isinstance(record, CustomerRecord) and not isinstance(record, Request | UseIdentityKey):
            yield (record.source, record.offset, type(record).__name__, *_about(record))


def first_of(journal: Iterable[Message], org_id: int) -> str:
    """The kind of the first record of an org's own subject."""
    records = (decode_record(message.value or b"") for message in journal)
    own = (one for one in records if isinstance(one, CustomerRecord) and one.org_id == org_id)
    return next((type(one).__name__ for one in own if one.customer_id == ORG_ITSELF), "")


def _about(record: CustomerRecord) -> tuple[int, str]:
    if isinstance(record, LinkIdentifiers):
        return record.person, record.asked
    if isinstance(record, ResolveCustomer):
        inner = inner_of(record)
        return record.customer_id, f"{type(inner).__name__} {inner.id}"
    return record.customer_id, record.id


def names_twice(facts: Iterable[Message]) -> list[str]:
    """Identifiers that came to name a customer while they named one, as the facts of a partition say."""
    names: dict[tuple[str, str], int] = {}
    twice: list[str] = []
    for message in facts:
        for _, _, decision in decode_facts(message.value or b"").facts():
            if isinstance(decision, IdentifierLinked):
                one = (decision.kind, decision.digest)
                if one in names:
                    twice.append(f"{decision.kind} names {names[one]} and {decision.person}")
                names[one] = decision.person
            elif isinstance(decision, IdentifierUnlinked):
                names.pop((decision.kind, decision.digest), None)
    return twice


def spellings(inputs: Iterable[Message], journal: Iterable[Message]) -> dict[tuple[str, str], set[str]]:
    """By identifier, as it was sent: what stands for it in the journal."""
    sent: dict[tuple[str, int], dict[str, str]] = {}
    for message in inputs:
        content = msgspec.json.decode(message.value or b"")
        own = {"email": content["email"]} if "email" in content else {}
        sent[f"{message.topic}:{message.partition}", message.offset] = own | content.get("identifiers", {})
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in journal:
        record: Record = decode_record(one.value or b"")
        if isinstance(record, LinkIdentifiers | ResolveCustomer):
            for known in record.identifiers:
                found[known.kind, sent[record.source, record.offset][known.kind]].add(known.digest)
    return found
