"""Answers: every gateway reads all replies, keeps the latest, and hands each to the requests that wait for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Final, NamedTuple

import msgspec

from pipeline.clock import Clock
from pipeline.intake.dialects.naming import NOBODY
from pipeline.log.port import Consumer, Log, Message, Partition, Unavailable
from pipeline.runtime.roles.following import STALE_SECONDS, SettingsFollower
from schemas.replies import Reply, ReplyOutcome

_KEPT: Final = 50_000
"""Replies that can be asked for after they came."""
_BATCH: Final = 1_000
_POLL_SECONDS: Final = 0.05
_CALL_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 60.0

_ASK_ANOTHER: Final = frozenset({"transferPoints", "mergeCustomers"})
"""Commands whose first reply says that another customer of the org was asked."""
_REPLY: Final = msgspec.json.Decoder(Reply)


class Asked(NamedTuple):
    """Which record a reply is about."""

    org_id: int
    record_id: str


class _Waiting(NamedTuple):
    """Who waits for a reply, about which customer's record; of `NOBODY`: whoever has it."""

    customer_id: int
    future: Future[Reply]


class Answers:
    """Follows the replies and the settings in a thread of its own, and answers requests from any other."""

    def __init__(self, log: Log, topic: str, partitions: int, settings: SettingsFollower, clock: Clock) -> None:
        """`topic`: of replies, by its full name."""
        self.placed = threading.Event()
        """Set once no reply can be missed any more, and the settings are read."""
        self._log = log
        self._partitions = [Partition(topic, number) for number in range(partitions)]
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Asked, Reply] = OrderedDict()
        self._waiting: dict[Asked, list[_Waiting]] = {}
        self._well_at = clock.now()

    def expect(self, asked: Asked, customer_id: int) -> Future[Reply]:
        """The next reply about a record that no other follows at once; `forget` it when nobody waits any more.

        `customer_id`: whose record, as two customers may each have one of that id; `NOBODY`: whoever has it.
        """
        future: Future[Reply] = Future()
        with self._lock:
            self._waiting.setdefault(asked, []).append(_Waiting(customer_id, future))
        return future

    def forget(self, asked: Asked, future: Future[Reply]) -> None:
        """Nobody waits for this any more."""
        with self._lock:
            self._keep(asked, [one for one in self._waiting.get(asked, ()) if one.future is not future])

    def fresh(self) -> bool:
        """Whether the settings are recent, and no reply is missed."""
        return self.placed.is_set() and self._clock.now() - self._well_at <= STALE_SECONDS

    def waiting(self) -> int:
        """How many records are waited for."""
        with self._lock:
            return len(self._waiting)

    def known(self, asked: Asked, customer_id: int = NOBODY) -> Reply | None:
        """The latest reply about a record, if it is still kept, and about that customer where one is named."""
        with self._lock:
            reply = self._kept.get(asked)
        return None if reply is None or customer_id not in (NOBODY, reply.customer_id) else reply

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set. Raises `Unavailable` when the log cannot be read for a minute."""
        reader = self._log.consumer()
        try:
            self._place(reader, stop)
            while not stop.is_set():
                self._read(reader)
        finally:
            reader.close()
            self._settings.close()

    def _place(self, reader: Consumer, stop: threading.Event) -> None:
        """At the ends: what is asked from now on is answered after them."""
        bounds = reader.bounds(self._partitions, _CALL_SECONDS)
        reader.assign({partition: end for partition, (_, end) in bounds.items()})
        while not self._settings.begun():
            if self._clock.wait(stop, _POLL_SECONDS):
                return
            self._check()
        self.placed.set()

    def _read(self, reader: Consumer) -> None:
        try:
            self._settings.look()
            for message in reader.consume(_BATCH, _POLL_SECONDS):
                self._take(message)
            self._well_at = self._clock.now()
        except Unavailable:
            self._check()

    def _check(self) -> None:
        if self._clock.now() - self._well_at > _PATIENCE_SECONDS:
            message = f"replies and settings could not be read for {_PATIENCE_SECONDS:.0f} s"
            raise Unavailable(message)

    def _take(self, message: Message) -> None:
        if message.value is None:
            return
        reply = _REPLY.decode(message.value)
        asked = Asked(reply.org_id, reply.record_id)
        with self._lock:
            self._kept[asked] = reply
            self._kept.move_to_end(asked)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            waiting = () if _is_answered_soon(reply) else self._whom_it_answers(asked, reply.customer_id)
        for one in waiting:
            one.future.set_result(reply)

    def _whom_it_answers(self, asked: Asked, customer_id: int) -> list[_Waiting]:
        """Those who asked about this customer's record, who then wait no longer.

        RULE: if there are none, those who named another customer: who was merged into this one is answered by this one.
        """
        waiting = self._waiting.get(asked, [])
        answered = [one for one in waiting if one.customer_id in (NOBODY, customer_id)] or waiting
        self._keep(asked, [one for one in waiting if one not in answered])
        return answered

    def _keep(self, asked: Asked, waiting: list[_Waiting]) -> None:
        if waiting:
            self._waiting[asked] = waiting
        else:
            self._waiting.pop(asked, None)


def _is_answered_soon(reply: Reply) -> bool:
    """Whether it says only that another customer was asked; what waits for its own customer is answered so."""
    waits = (reply.first_outcome or reply.outcome) is ReplyOutcome.HELD
    return waits and reply.type in _ASK_ANOTHER and reply.customer_id != NOBODY
