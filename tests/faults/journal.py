"""The journal as anybody can read it: what was sent, where in it, and what customers asked of each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from tests.faults.evidence import INPUT, Read
from tests.faults.names import passed

_SOURCE, _SOURCE_OFFSET, _ORG, _CUSTOMER, _ID, _EVENT_TIME = 2, 3, 4, 5, 6, 8
"""Places in a record, after its type."""
_INSIDE_RESOLVED: Final = 10
_SENDER, _SUBJECT = 9, 11
"""Places in a request to another customer; the subject is the transfer or the merge."""
_INSIDE_FORWARDED, _WAS_HELD = 11, 12
_OFFERED_PARTS: Final = 14
_TIER, _SECTION, _MILESTONES = 13, 17, 0
_MERGED_PARTS, _COUNTED = 14, 17
_REFUSAL: Final = 12
LINK, RESOLVE, FORWARD = "LinkIdentifiers", "ResolveCustomer", "ForwardRecord"
OFFER, ANSWER = "ReceiveTransfer", "AnswerTransfer"
HAND_OVER, SECTION, POINTS, END = "HandOver", "TakeOverSection", "TakeOverPoints", "AnswerMerge"
_REQUESTS: Final = {OFFER, ANSWER, HAND_OVER, SECTION, POINTS, END}


class Milestone(NamedTuple):
    """What counted towards a milestone in one period, which is known by its end."""

    id: str
    ends_at: int
    value: int


class Asked(NamedTuple):
    """What one customer asked of another."""

    kind: str
    id: str
    customer: int
    sender: int
    subject: str
    """The transfer, or the merge."""
    at: int
    points: int = 0
    counted: int = 0
    """Lifetime points that go with them."""
    tier: str = ""
    milestones: tuple[Milestone, ...] = ()
    refused: bool = False

    @property
    def what(self) -> str:
        """It, in words."""
        match self.kind:
            case "ReceiveTransfer":
                words = f"offers {self.points} points as"
            case "AnswerTransfer":
                words = "answers"
            case "HandOver":
                words = "asks for all by"
            case "TakeOverSection":
                words = f"hands over {self.tier}, {sorted(self.milestones)} by"
            case "TakeOverPoints":
                words = f"hands over {self.points} points of {self.counted} by"
            case _:
                words = "refuses" if self.refused else "has handed over all by"
        return f"{self.sender} {words} {self.subject} to {self.customer}"


class Step(NamedTuple):
    """One record of the journal."""

    kind: str
    customer: int
    place: str = ""
    """Of the message that it is about; empty for what customers ask of each other."""
    asked: Asked | None = None
    was_held: bool = False

    @property
    def what(self) -> str | None:
        """What somebody was asked by it, in words; None for what intake made."""
        if self.kind != FORWARD:
            return None if self.asked is None else self.asked.what
        waited = ", which waited" if self.was_held else ""
        return passed(self.place or (self.asked.id if self.asked else ""), self.customer) + waited


class Taken(NamedTuple):
    """A record as intake made it, at its place in the journal."""

    partition: int
    source: str
    offset: int
    kind: str
    org: int
    customer: int
    id: str
    at: int

    @property
    def place(self) -> str:
        """Where the message lies that it was made of."""
        return f"{self.source}:{self.offset}"


def steps_in(journal: Iterable[Read]) -> Iterator[Step]:
    """All that was to be decided, partition by partition in its order."""
    for read in sorted(journal, key=lambda one: (one.partition, one.offset)):
        record = _decoded(read.value)
        if record[0] == FORWARD:
            inside = _decoded(record[_INSIDE_FORWARDED])
            asked = _asked(inside) if inside[0] in _REQUESTS else None
            place = "" if asked else _place(inside)
            yield Step(FORWARD, record[_CUSTOMER], place, asked, was_held=record[_WAS_HELD])
        elif record[0] in _REQUESTS:
            yield Step(record[0], record[_CUSTOMER], asked=_asked(record))
        elif record[_SOURCE].startswith(f"{INPUT}:"):
            yield Step(record[0], record[_CUSTOMER], _place(record))


def taken_in(journal: Iterable[Read]) -> Iterator[Taken]:
    """What intake made of messages; of one that names its customer by identifiers, its own record is inside."""
    for read in journal:
        record = _decoded(read.value)
        if record[_SOURCE].startswith(f"{INPUT}:"):
            inside = _decoded(record[_INSIDE_RESOLVED]) if record[0] == RESOLVE else record
            kind = f"{RESOLVE} {inside[0]}" if record[0] == RESOLVE else record[0]
            head = (record[_SOURCE], record[_SOURCE_OFFSET], kind, record[_ORG], record[_CUSTOMER])
            yield Taken(read.partition, *head, inside[_ID], record[_EVENT_TIME])


def _decoded(value: bytes) -> list[Any]:
    record: list[Any] = msgspec.msgpack.decode(value[1:])
    return record


def _place(record: list[Any]) -> str:
    return f"{record[_SOURCE]}:{record[_SOURCE_OFFSET]}"


def _asked(record: list[Any]) -> Asked:
    kind = record[0]
    asked = Asked(kind, record[_ID], record[_CUSTOMER], record[_SENDER], record[_SUBJECT], record[_EVENT_TIME])
    if kind == OFFER:
        return asked._replace(points=_sum(record[_OFFERED_PARTS]))
    if kind == POINTS:
        return asked._replace(points=_sum(record[_MERGED_PARTS]), counted=record[_COUNTED])
    if kind == SECTION:
        milestones = tuple(Milestone(one[0], one[2], one[3]) for one in record[_SECTION][_MILESTONES] if one[3])
        return asked._replace(tier=record[_TIER], milestones=milestones)
    return asked._replace(refused=kind == END and bool(record[_REFUSAL]))


def _sum(parts: list[list[Any]]) -> int:
    return sum(part[0] for part in parts)
