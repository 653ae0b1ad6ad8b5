"""Comparing a topic with what is decided again: message by message, in order, without holding more than a window.

Where the two part, the window says which way: a message of one side that the other side has a little later is out of
order; an item without a counterpart nearby is missing, or unexpected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.log.port import Headers, Message, Outgoing
from pipeline.replies.rejected import OF_INTAKE
from pipeline.sealing import same_but_erased
from pipeline.verify.reading import Reading, name_of
from pipeline.verify.report import Check, Report
from schemas.facts import decode_facts
from schemas.records import UnknownVersion

_WINDOW: Final = 100
_WAITING_MAX: Final = 20_000
"""Decided messages held while the topic has no more to compare them with."""
_BROKEN_MAX: Final = 1_000
"""A topic with more findings is not compared further: the two have nothing to do with one another."""


class Decided(NamedTuple):
    """A message that deciding again gives."""

    journal_offset: int
    due: bool
    """Whether the topic must have it: its journal offset is committed."""
    outgoing: Outgoing


class Kind(NamedTuple):
    """How messages of a topic are identified and compared."""

    check: Check
    identity: Callable[[bytes | None, bytes | None, Headers], object]
    """Identifies a message by key, value and headers, whatever its content."""
    same: Callable[[bytes | None, bytes | None], bool]
    """Whether two values with different bytes are equivalent."""
    told: Callable[[bytes | None, bytes | None, Headers], str]
    foreign: Callable[[Headers], bool] = lambda _: False
    """Whether a message does not follow from the journal, so that it is passed over."""


class Comparison:
    """One partition of one topic."""

    def __init__(
        self, kind: Kind, reading: Reading, report: Report, *, whole: bool = False, since: int | None = None
    ) -> None:
        """`whole`: it lacks nothing of what is decided, wherever it begins.

        Messages with a timestamp before `since` were decided by an older engine, and are passed over.
        """
        self._kind = kind
        self._reading = reading
        self._report = report
        self._since = since
        self._aligned = whole or reading.first == 0
        """Whether both sides begin with the same message; else the topic has lost its beginning to retention."""
        self._decided: deque[Decided] = deque()
        self._recorded: deque[Message] = deque()
        self._matched: deque[Message] = deque(maxlen=_WINDOW)
        self._passed = 0
        self._broken = 0

    def expect(self, decided: Decided) -> None:
        """Adds the next decided message."""
        self._decided.append(decided)

    def advance(self) -> None:
        """Compares as far as both sides have messages."""
        if self._broken > _BROKEN_MAX:
            self._decided.clear()
            return
        self._compare(last=False)
        if len(self._decided) > _WAITING_MAX:
            self.settle()

    def settle(self) -> None:
        """Wait a while for what is committed and does not show yet; what does not come is missing."""
        while not self._recorded and not self._fill(1) and any(one.due for one in self._decided):
            if not self._aligned:  # nothing of it is left
                self._passed += len(self._decided)
                self._decided.clear()
            elif messages := self._reading.settle():
                self._take(messages)
                self._compare(last=False)
            else:
                self._lose()

    @property
    def exhausted(self) -> bool:
        """Whether everything that the topic has is compared."""
        return self._broken > _BROKEN_MAX or not (self._recorded or self._fill(1))

    def finish(self) -> None:
        """Ends the comparison: what is left on either side has no match."""
        place = name_of(self._reading.partition)
        self._compare(last=True)
        if not self._aligned and self._passed and self._fill(1):
            self._break(place, "nothing that it holds is what the journal decides")
            return
        self._lose()
        while self._broken <= _BROKEN_MAX and (self._recorded or self._fill(1)):
            self._extra(self._recorded.popleft())
        if self._broken > _BROKEN_MAX:
            self._report.note(f"{place}: too many differences, the rest is not compared")
        if self._passed:
            self._report.note(f"{place}: retention has taken what came before offset {self._reading.first}")

    def _compare(self, *, last: bool) -> None:
        decided, recorded, matched = self._decided, self._recorded, self._matched
        count = 0
        while decided and (recorded or self._fill(1)) and self._broken <= _BROKEN_MAX:
            expected, found = decided[0].outgoing, recorded[0]
            if expected.value == found.value and expected.key == found.key and expected.headers == found.headers:
                matched.append(found)
                self._aligned = True
                decided.popleft()
                recorded.popleft()
                count += 1
                continue
            if not self._aligned:
                if self._identity(expected) != self._identity(found):
                    decided.popleft()
                    self._passed += 1
                    continue
                self._aligned = True
            if not last and len(decided) < _WINDOW:
                break
            self._fill(_WINDOW)
            self._part()
        self._report.look(self._kind.check, count)

    def _part(self) -> None:
        """The two sides differ from here on."""
        decided, recorded = self._decided, self._recorded
        expected, found = decided[0].outgoing, recorded[0]
        mine, theirs = self._identity(expected), self._identity(found)
        if mine == theirs:
            if not self._same(expected, found):
                where = name_of(self._reading.partition, found.offset)
                said = self._kind.told(found.key, found.value, found.headers)
                self._break(where, f"{said} differs from what journal offset {decided[0].journal_offset} decides")
            decided.popleft()
            self._matched.append(recorded.popleft())
            return
        later_found = any(self._identity(one) == mine for one in list(recorded)[1:_WINDOW])
        ahead = [self._identity(one.outgoing) for one in list(decided)[1:_WINDOW]]
        if later_found and theirs in ahead:
            where = name_of(self._reading.partition, found.offset)
            said = self._kind.told(found.key, found.value, found.headers)
            self._break(where, f"{said} comes before what should precede it")
            del decided[1 + ahead.index(theirs)]
            self._matched.append(recorded.popleft())
            return
        if not later_found:
            self._lost(decided.popleft())
        if theirs not in ahead:
            self._extra(recorded.popleft())

    def _lose(self) -> None:
        for one in self._decided:
            if one.due:
                self._lost(one)
        self._decided.clear()

    def _fill(self, count: int) -> bool:
        while len(self._recorded) < count and (messages := self._reading.take()):
            self._take(messages)
        return len(self._recorded) >= count

    def _take(self, messages: Iterable[Message]) -> None:
        since, foreign = self._since, self._kind.foreign
        self._recorded.extend(
            message
            for message in messages
            if not foreign(message.headers) and (since is None or message.timestamp >= since)
        )

    def _lost(self, one: Decided) -> None:
        _, key, value, _, headers, _ = one.outgoing
        said = self._kind.told(key, value, headers)
        self._break(name_of(self._reading.partition), f"{said} of journal offset {one.journal_offset} is missing")

    def _extra(self, message: Message) -> None:
        said = self._kind.told(message.key, message.value, message.headers)
        mine = self._identity(message)
        before = next((one.offset for one in self._matched if self._identity(one) == mine), None)
        what = "is one too many: the journal does not decide it here" if before is None else f"repeats offset {before}"
        self._break(name_of(self._reading.partition, message.offset), f"{said} {what}")

    def _break(self, where: str, what: str) -> None:
        self._broken += 1
        self._report.look(self._kind.check, 1)
        self._report.find(self._kind.check, where, what)

    def _identity(self, one: Message | Outgoing) -> object:
        return self._kind.identity(one.key, one.value, one.headers)

    def _same(self, expected: Outgoing, found: Message) -> bool:
        if (expected.key, expected.headers) != (found.key, found.headers):
            return False
        return expected.value == found.value or self._kind.same(expected.value, found.value)


def _facts_of(_key: bytes | None, value: bytes | None, _headers: Headers) -> object:
    try:
        message = decode_facts(value or b"")
    except (UnknownVersion, msgspec.DecodeError):
        return value
    return message.journal_offset, message.org_id, message.customer_id, message.first_seq


def _same_facts(one: bytes | None, other: bytes | None) -> bool:
    try:
        return decode_facts(one or b"") == decode_facts(other or b"")
    except (UnknownVersion, msgspec.DecodeError):
        return False


def _facts_told(key: bytes | None, value: bytes | None, _headers: Headers) -> str:
    try:
        message = decode_facts(value or b"")
    except (UnknownVersion, msgspec.DecodeError):
        return f"the message of key {(key or b'').decode(errors='replace')}"
    customer, first = f"{message.org_id}:{message.customer_id}", message.first_seq
    return f"seq {first} to {first + message.count - 1} of customer {customer}"


def _named(value: bytes | None, name: str) -> str | None:
    """The text field of a JSON object."""
    try:
        body: Any = msgspec.json.decode(value or b"")
    except msgspec.DecodeError:
        return None
    found = body.get(name) if isinstance(body, dict) else None
    return found if isinstance(found, str) else None


def _notification_of(_key: bytes | None, value: bytes | None, _headers: Headers) -> object:
    return _named(value, "eventId") or value


def _notification_told(key: bytes | None, value: bytes | None, headers: Headers) -> str:
    name = dict(headers).get("eventName", b"notification").decode(errors="replace")
    customer = (key or b"").decode(errors="replace")
    return f"{name} {_named(value, 'eventId') or 'without an id'} of customer {customer}"


def _reply_of(_key: bytes | None, value: bytes | None, _headers: Headers) -> object:
    return _named(value, "replyId") or value


def _reply_told(key: bytes | None, value: bytes | None, _headers: Headers) -> str:
    customer, record = (key or b"").decode(errors="replace"), _named(value, "recordId") or "?"
    return f"reply {_named(value, 'replyId') or 'without an id'} to {record} of customer {customer}"


FACTS: Final = Kind(Check.FACTS, _facts_of, _same_facts, _facts_told)
REPLIES: Final = Kind(Check.REPLIES, _reply_of, lambda one, other: one == other, _reply_told, OF_INTAKE.__eq__)
NOTIFICATIONS: Final = Kind(
    Check.NOTIFICATIONS,
    _notification_of,
    lambda one, other: same_but_erased(one or b"", other or b""),
    _notification_told,
)
