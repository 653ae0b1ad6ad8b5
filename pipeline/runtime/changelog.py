"""The changelog: how a partition's local store is brought to the state that belongs to its committed offset."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.engine.state import forgotten_at_of, timer_of
from pipeline.failure import Failure
from pipeline.log.port import Consumer, Log, Message, Partition
from pipeline.runtime.marker import MARKER_KEY, PROGRAM_PREFIX, Mark, Marker, decode_marker
from pipeline.runtime.store_port import Change, Store

_READ_RECORDS: Final = 2_000
_READ_SECONDS: Final = 0.2
_CALL_SECONDS: Final = 10.0
_LATER_ROUND_OFFSETS: Final = 3
"""What a later round takes at least behind a marker: the control record of the marker's own, a marker, and another."""


class StateMissing(Failure):
    """The changelog does not hold the state that the committed offset belongs to."""


class StateAhead(Failure):
    """There is a state beyond the committed offset, which no transaction can have written."""


class _Held(NamedTuple):
    """What was read up to the wanted state, from where the store ends."""

    latest: dict[bytes, bytes | None]
    position: int
    """The changelog offset after its marker."""


class Restore:
    """Brings one store to one state, a read at a time, so that the partitions that are ready go on meanwhile."""

    def __init__(
        self,
        log: Log,
        changelog: Partition,
        store: Store,
        wanted: Mark | None,
        patience_seconds: float,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Begin. `wanted=None`: nothing was committed yet, so the changelog must hold no state."""
        self._log = log
        self._changelog = changelog
        self._store = store
        self._wanted = wanted
        self._patience = patience_seconds
        self._clock = clock
        self._deadline = clock.now() + patience_seconds
        self._done = wanted is not None and store.matches(wanted)
        marker = store.marker
        self._ahead = marker.mark if marker is not None and wanted is not None and marker.round > wanted.round else None
        """What the store holds, where that is beyond what is wanted."""
        self._held: _Held | None = None
        """Not stored before it is known that nothing follows: a store that holds it would be believed next time."""
        self._reader: Consumer | None = None
        self._end = 0
        """Where the changelog ended when last asked for."""
        self.left = 0
        """Changelog offsets still to be read."""
        if not self._done and self._ahead is None:
            self._begin(marker)

    def step(self) -> bool:
        """Read on for a moment; True when the store holds the wanted state. Raises `StateAhead` and `StateMissing`."""
        if self._ahead is not None:
            where = f"the local store of {self._changelog}"
            raise self._is_ahead(where, self._ahead)
        if self._done or self._reader is None:
            return True
        messages = self._reader.consume(_READ_RECORDS, _READ_SECONDS)
        if messages:  # stored at once: the reader has passed them, and whatever fails after this is tried again
            self._deadline = self._clock.now() + self._patience
            self._take(messages)
        elif self._held is None:
            # Asked for after reading: what is committed by now is the least that must be read.
            self._end = self._log.ends((self._changelog,), _CALL_SECONDS)[self._changelog]
        position = self._reader.position(self._changelog)
        self.left = 0 if position is None else max(0, self._end - position)
        if self._held is not None:
            self._end_with(self._held)
        elif not messages:
            self._wait_or_end()
        if self._done:
            self.close()
        return self._done

    def _end_with(self, held: _Held) -> None:
        """The wanted state is the last, or there is something left that may be a later one."""
        if self.left == 0 or self._end - held.position < _LATER_ROUND_OFFSETS:
            self._write(*held, whole=True)
            self.left = 0
            self._done = True

    def _wait_or_end(self) -> None:
        """There was nothing to read: the end where no state is wanted, else something that is still to come."""
        if self._wanted is None and self.left == 0:
            self._store.restore((), (), (), self._store.position, whole=True)
            self._done = True
        elif self.left == 0 and self._clock.now() > self._deadline:  # else we were frozen, or cut off
            message = f"{self._changelog} ends without the state of {self._wanted}, which is committed; was it deleted?"
            raise StateMissing(message)

    def close(self) -> None:
        """Stop reading; a second call does nothing."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _begin(self, marker: Marker | None) -> None:
        self._reader = self._log.consumer()
        first, end = self._reader.bounds(self._changelog, _CALL_SECONDS)
        stale = self._wanted is None or (marker is not None and marker.round == self._wanted.round)
        if stale or not first <= self._store.position <= end:
            self._store.begin_anew()
        start = max(first, self._store.position)
        self._end = end
        self.left = end - start
        self._reader.assign({self._changelog: start})

    def _take(self, messages: list[Message]) -> None:
        rest = iter(messages)
        if self._held is None:
            latest: dict[bytes, bytes | None] = {}
            position = self._store.position
            for message in rest:
                key = message.key
                if key is None:
                    continue
                latest[key] = message.value
                position = message.offset + 1
                if key == MARKER_KEY and message.value is not None and self._reached(message.value):
                    self._held = _Held(latest, position)
                    break
            else:
                self._write(latest, position, whole=False)
        if self._held is not None:
            for message in rest:
                self._refuse_a_later_round(message, self._held.position)

    def _reached(self, raw: bytes) -> bool:
        mark = decode_marker(raw).mark
        if self._wanted is None or mark.round > self._wanted.round or mark.next_offset > self._wanted.next_offset:
            raise self._is_ahead(str(self._changelog), mark)
        return mark == self._wanted

    def _refuse_a_later_round(self, message: Message, position: int) -> None:
        """Else it would be decided again; `position`: what lies before it was delivered twice."""
        if message.key == MARKER_KEY and message.value is not None and message.offset >= position:
            raise self._is_ahead(str(self._changelog), decode_marker(message.value).mark)

    def _is_ahead(self, where: str, mark: Mark) -> StateAhead:
        return StateAhead(
            f"{where} holds the state of {mark}, but {self._wanted or 'nothing'} is committed; was the group's offset "
            "reset or deleted? State and offset must move together. Where the whole log was set back, such as to a "
            "backup, delete the local stores: they are built anew"
        )

    def _write(self, latest: dict[bytes, bytes | None], position: int, *, whole: bool) -> None:
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
        self._store.restore(heads, entries, others, position, whole=whole)
