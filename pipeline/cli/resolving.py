"""Whose the messages of a file are that name their customers by identifiers, before any of them is sent.

RULE: as the journal would have it. The first identifier that names somebody decides; one that names nobody yet waits
for the first customer whom a later line gives it to. Only registrations, updates and `linkIdentifiers` link: what a
bill has beside an identifier that is known is linked to nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import msgspec

from pipeline.engine.identity.lookup import named
from pipeline.engine.identity.state import Link, Person
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Entry, Head
from pipeline.intake.dialects.naming import NOBODY
from pipeline.intake.dialects.native import normalise
from pipeline.intake.verdict import Limits, Rejected, in_words
from pipeline.log.port import Message
from pipeline.trial.customers import Customers, Who
from schemas.facts import IdentifierLinked
from schemas.records import BILL, KnownBy, LinkIdentifiers, ResolveCustomer

_NAMELESS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PROGRAMS: Final = Programs()


class Line(NamedTuple):
    """A line of a file."""

    file: str
    number: int
    """From 1."""


class Resolver:
    """Looks at all lines of the files in order, then knows whose each of them is."""

    def __init__(self, limits: Limits, wall: int, entries_of: Callable[[int], Iterable[tuple[str, Entry]]]) -> None:
        """`wall`: the time of now; `entries_of`: what an org knows, each with the name of the entry."""
        self.persons: dict[Line, int] = {}
        """By line: the customer of one that names theirs by identifiers."""
        self.unresolved: dict[Line, str] = {}
        """By line: why nobody is known by the identifiers of one."""
        self._limits = limits
        self._wall = wall
        self._entries_of = entries_of
        self._customers = Customers()
        self._waiting: defaultdict[tuple[int, KnownBy], list[Line]] = defaultdict(list)

    def look(self, line: Line, value: bytes) -> None:
        """Take note of a line. What intake will refuse anyhow is its matter, unless it names nobody by id."""
        message = Message(self._limits.clock_topic, 0, line.number, None, value, self._wall, ())
        verdict = normalise(message, wall=self._wall, limits=self._limits)
        if isinstance(verdict, Rejected):
            if _names_nobody(value):
                self.unresolved[line] = in_words(verdict.defects)
            return
        record = verdict.links or verdict.record
        if isinstance(record, LinkIdentifiers):
            self._link(record)
        elif isinstance(record, ResolveCustomer):
            self._resolve(line, record)

    def _link(self, record: LinkIdentifiers) -> None:
        self._org(record.org_id)
        decided = self._customers.decide(msgspec.structs.replace(record, received_at=record.event_time), _PROGRAMS)
        for fact in decided.facts:
            if isinstance(fact.decision, IdentifierLinked):
                one = KnownBy(kind=fact.decision.kind, digest=fact.decision.digest)
                for line in self._waiting.pop((record.org_id, one), ()):
                    if self.unresolved.pop(line, None) is not None:
                        self.persons[line] = fact.decision.person

    def _resolve(self, line: Line, record: ResolveCustomer) -> None:
        found = named(self._org(record.org_id), record.identifiers)
        if found is not None:
            self.persons[line] = found[1]
            return
        kinds = [one.kind for one in record.identifiers if one.kind != BILL]
        self.unresolved[line] = f"nobody is known by the {', '.join(kinds)}" if kinds else "it names nobody"
        for one in record.identifiers:
            self._waiting[record.org_id, one].append(line)

    def _org(self, org_id: int) -> CustomerState:
        who = Who(org_id=org_id, customer_id=NOBODY)
        if who not in self._customers.states:
            entries: dict[str, Entry] = {
                name: entry for name, entry in self._entries_of(org_id) if isinstance(entry, Link | Person)
            }
            self._customers.states[who] = CustomerState(Head(org_id, NOBODY), entries)
        return self._customers.states[who]


def with_person(value: bytes, person: int) -> bytes:
    """The message with the customer id in place of identifiers."""
    content = _NAMELESS.decode(value)
    content.pop("identifiers", None)
    return msgspec.json.encode({**content, "customerId": person})


def _names_nobody(value: bytes) -> bool:
    try:
        return "identifiers" in (content := _NAMELESS.decode(value)) and "customerId" not in content
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
