"""Decides the journal again, in a throw-away store, with the same code that a worker runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from pipeline.log.port import Message, Outgoing
from pipeline.runtime.roles.partition import LoyaltyPartition
from pipeline.runtime.state.store_port import Store
from pipeline.sealing import Keys, is_sealed
from pipeline.verify.comparing import Decided
from pipeline.verify.reading import Reading
from schemas.records import ClockAdvanced, UnknownVersion, decode_record
from topics.catalog import Catalog

Keep = Callable[[Mapping[bytes, bytes | None]], None]
"""Receives the changelog values of the keys that changed."""

_ROUND_RECORDS: Final = 1_000
_TICK_CUSTOMERS: Final = 2_000
_CACHED_MAX: Final = 20_000


class Round(NamedTuple):
    """A round of records."""

    records: int
    told: list[Decided]
    """Their messages, in order."""


class Deciding:
    """One journal partition, decided from where the store stands; it produces nothing."""

    def __init__(
        self,
        journal: Reading,
        store: Store,
        catalog: Catalog,
        seen: Callable[[Message], None],
        keys: Callable[[], Keys],
    ) -> None:
        """`journal` begins where the store's state goes on; each record that is taken from it is `seen`.

        `keys` open personal data, and are asked for where any is; what is erased stays sealed in notifications.
        """
        self._seen = seen
        self._journal = journal
        self._waiting: list[Message] = []
        self._keys = keys
        number = journal.partition.number
        self._partition = LoyaltyPartition(number, store, journal.first, catalog, _CACHED_MAX, self._open_json)

    def next_offset(self) -> int | None:
        """The offset of the record to be decided next; None at the journal's end."""
        if not self._waiting:
            self._waiting = self._journal.take()
            self._waiting.reverse()
        return self._waiting[-1].offset if self._waiting else None

    def next_tick(self) -> int | None:
        """The offset of the record to be decided next if it lets time pass: a worker may do that in several rounds."""
        offset = self.next_offset()
        if offset is None:
            return None
        try:
            record = decode_record(self._waiting[-1].value or b"")
        except (UnknownVersion, msgspec.DecodeError):
            return None
        return offset if isinstance(record, ClockAdvanced) else None

    def run(self, before: int, keep: Keep, *, due: bool) -> Iterator[Round]:
        """Decide the records with an offset lower than `before`, a round at a time."""
        partition = self._partition
        told: list[Decided] = []
        count = 0
        while (offset := self.next_offset()) is not None and offset < before:
            message = self._waiting.pop()
            self._seen(message)
            out: list[Outgoing] = []
            partition.take((message,), out, _TICK_CUSTOMERS)
            told += [Decided(offset, due, one) for one in out]
            count += 1
            if partition.blocked:  # a tick: the rest of its customers are for the next round
                self._waiting.append(message)
            if partition.blocked or count >= _ROUND_RECORDS:
                self._end_round(keep)
                yield Round(count, told)
                told, count = [], 0
        if count:
            self._end_round(keep)
            yield Round(count, told)

    def _open_json(self, body: bytes, org_id: int) -> bytes:
        return self._keys().open_json(body, org_id, keep_erased=True) if is_sealed(body) else body

    def _end_round(self, keep: Keep) -> None:
        changelog: list[Outgoing] = []
        self._partition.finish(changelog)
        self._partition.committed()
        keep({one.key: one.value for one in changelog if one.key is not None})
