"""Restores a partition's local store from the changelog, to the state that belongs to its committed offset."""

from __future__ import annotations

from typing import Final

from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.engine.state import forgotten_at_of, timer_of
from pipeline.failure import Failure
from pipeline.log.port import Consumer, Log, Message, Partition
from pipeline.runtime.state.marker import MARKER_KEY, PROGRAM_PREFIX, Mark, decode_marker
from pipeline.runtime.state.store_port import Change, Store
from pipeline.runtime.state.tails import LATER_ROUND_OFFSETS

_READ_RECORDS: Final = 2_000
_READ_SECONDS: Final = 0.2
_CALL_SECONDS: Final = 10.0


class StateMissing(Failure):
    """The changelog does not hold the state that the committed offset belongs to."""


class StateAhead(Failure):
    """There is a state of a later round than the committed offset, or of the same round and another offset."""


class JournalLost(Failure):
    """The journal ends before what the state has decided."""


class Restore:
    """Restores one store to one state, a read at a time, so that ready partitions keep working meanwhile."""

    def __init__(
        self,
        log: Log,
        changelog: Partition,
        store: Store,
        wanted: Mark | None,
        patience_seconds: float,
        *,
        to_the_end: bool = False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Begin. `wanted=None`: nothing was committed yet, so the changelog must hold no state.

        `to_the_end`: take the last state there is, which must be of the wanted round or a later one.
        """
        self._log = log
        self._changelog = changelog
        self._store = store
        self._wanted = wanted
        self._patience = patience_seconds
        self._to_the_end = to_the_end
        self._clock = clock
        self._deadline = clock.now() + patience_seconds
        self.matched = wanted is not None and not to_the_end and store.matches(wanted)
        """Whether there was nothing to restore; `tails` then checks whether the changelog has later rounds."""
        self._done = self.matched
        self._ahead: Mark | None = None
        """The store's state, if it is later than the wanted one."""
        marker = store.marker
        if wanted is not None and marker is not None and not to_the_end and marker.round > wanted.round:
            self._ahead = marker.mark
        self._last: Mark | None = None
        """The last state that was read."""
        self._held: dict[bytes, bytes | None] | None = None
        """What was read last, up to the wanted state.

        Not stored before it is known that nothing follows: a store that holds it would be believed next time.
        """
        self._reader: Consumer | None = None
        self._position = store.position
        """The changelog offset up to which everything is in the store, or held."""
        self._end = 0
        """The end of the changelog at the last look."""
        self.left = 0
        """Changelog offsets still to be read."""
        if not self._done and self._ahead is None:
            self._begin()

    def step(self) -> bool:
        """Reads for a moment; whether the store holds the wanted state then. Raises `StateAhead` and `StateMissing`."""
        if self._ahead is not None:
            where = f"the local store of {self._changelog}"
            raise self._is_ahead(where, self._ahead)
        if self._done or self._reader is None:
            return True
        messages = self._reader.consume(_READ_RECORDS, _READ_SECONDS)
        if messages:  # stored at once: the reader has passed them, and whatever fails after this is tried again
            self._deadline = self._clock.now() + self._patience
            self._take(messages)
        if self._held is not None or not messages:
            self._end = self._ends()  # asked for after reading: what is there by now is the least that must be read
        position = self._reader.position(self._changelog)
        self.left = 0 if position is None else max(0, self._end - position)
        if self._held is not None:
            self._end_with(self._held)
        elif not messages:
            self._wait_or_end()
        if self._done:
            self.close()
        return self._done

    def _end_with(self, held: dict[bytes, bytes | None]) -> None:
        """The wanted state is the last, or there is something left that may be a later one."""
        if self.left == 0 or self._end - self._position < LATER_ROUND_OFFSETS:
            self._write(held, whole=True)
            self.left = 0
            self._done = True

    def _wait_or_end(self) -> None:
        """There was nothing to read: the end where that is wanted, else something that is still to come."""
        if self.left:
            return
        last, wanted = self._last, self._wanted
        is_late_enough = wanted is None or (last is not None and last.round >= wanted.round)
        if is_late_enough and (wanted is None or self._to_the_end):
            self._store.restore((), (), (), self._position, whole=True)
            self._done = True
        elif self._clock.now() > self._deadline:  # else we were frozen, or cut off
            if is_late_enough and last is not None:
                raise self._is_ahead(str(self._changelog), last)
            message = f"{self._changelog} ends without the state of {wanted}, which is committed; was it deleted?"
            raise StateMissing(message)

    def _ends(self) -> int:
        """Where the changelog ends; behind a transaction that is still open, its control record too.

        It may be a round whose offset the group has lost: that there is none pending proves nothing then.
        """
        changelog = self._changelog
        end = self._log.ends((changelog,), _CALL_SECONDS, stable=False)[changelog]
        stable = self._log.ends((changelog,), _CALL_SECONDS)[changelog]
        return stable if self._wanted is None or stable >= end else end + 1

    def close(self) -> None:
        """Stop reading; a second call does nothing."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _begin(self) -> None:
        self._reader = self._log.consumer()
        first, end = self._reader.bounds((self._changelog,), _CALL_SECONDS)[self._changelog]
        if not (self._can_go_on() and first <= self._store.position <= end):
            self._store.begin_anew()
        self._position = max(first, self._store.position)
        self._end = end
        self.left = end - self._position
        self._reader.assign({self._changelog: self._position})

    def _can_go_on(self) -> bool:
        """Whether the store holds nothing later than the wanted state; a partly restored store may."""
        if self._wanted is None or self._to_the_end:
            return False
        raw = self._store.get(MARKER_KEY)
        return raw is None or decode_marker(raw).round < self._wanted.round

    def _take(self, messages: list[Message]) -> None:
        rest = iter(messages)
        if self._held is None:
            latest: dict[bytes, bytes | None] = {}
            for message in rest:
                key = message.key
                if key is None:
                    continue
                latest[key] = message.value
                self._position = message.offset + 1
                if key == MARKER_KEY and message.value is not None and self._reached(message.value):
                    self._held = latest
                    break
            else:
                self._write(latest, whole=False)
        if self._held is not None:
            for message in rest:
                self._refuse_a_later_round(message)

    def _reached(self, raw: bytes) -> bool:
        mark = self._last = decode_marker(raw).mark
        if self._to_the_end:
            return False
        if self._wanted is None or mark.round > self._wanted.round or mark.next_offset > self._wanted.next_offset:
            raise self._is_ahead(str(self._changelog), mark)
        return mark == self._wanted

    def _refuse_a_later_round(self, message: Message) -> None:
        """Else it would be decided again; records below the position were delivered twice."""
        if message.key == MARKER_KEY and message.value is not None and message.offset >= self._position:
            raise self._is_ahead(str(self._changelog), decode_marker(message.value).mark)

    def is_ahead(self, found: Mark | None) -> StateAhead | None:
        """The error, if any, when `found` is the last state of the changelog."""
        if found is None or self._wanted is None or found == self._wanted or found.round < self._wanted.round:
            return None
        return self._is_ahead(str(self._changelog), found)

    def _is_ahead(self, where: str, mark: Mark) -> StateAhead:
        return StateAhead(
            f"{where} holds the state of {mark}, but {self._wanted or 'nothing'} is committed; was the group's offset "
            "deleted, or the journal topic created again? State and offset must move together"
        )

    def _write(self, latest: dict[bytes, bytes | None], *, whole: bool) -> None:
        heads: list[Change] = []
        entries: list[Change] = []
        others: list[Change] = []
        change = tuple.__new__  # what `Change(…)` does, without a call of Python: there are millions
        for (key, value), before in zip(latest.items(), self._store.get_many(list(latest)), strict=True):
            if b"#" in key:
                was_at = None if before is None else forgotten_at_of(before)
                now_at = None if value is None else forgotten_at_of(value)
                entries.append(change(Change, (key, value, was_at, now_at)))
            elif key == MARKER_KEY or key.startswith(PROGRAM_PREFIX):
                others.append(Change(key, value))
            else:
                was_at = None if before is None else timer_of(before)
                now_at = None if value is None else timer_of(value)
                heads.append(change(Change, (key, value, was_at, now_at)))
        self._store.restore(heads, entries, others, self._position, whole=whole)
