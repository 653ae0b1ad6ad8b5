"""What outlives a process: the local stores of a slot, and ClickHouse."""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from pipeline.log.port import Partition
from pipeline.runtime.state.marker import MARKER_KEY, Mark, Marker, decode_marker
from pipeline.runtime.state.store_port import Change, StoreFailed
from sinks.clickhouse.tables import TABLES, Rows
from sinks.clickhouse.writer import NotInserted
from tests.simulation.machine import Machine, Violation

Row = tuple[Any, ...]


class Files:
    """What one partition's store holds."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.due: list[tuple[int, bytes]] = []
        self.forgotten: list[tuple[int, bytes]] = []
        self.position = 0
        self.whole = False

    def copy(self) -> Files:
        """As it is now."""
        other = Files()
        other.values, other.due, other.forgotten = dict(self.values), list(self.due), list(self.forgotten)
        other.position, other.whole = self.position, self.whole
        return other


class Disk:
    """The disk of one slot: a crash leaves it as of the last write, other accidents as of an older one, or empty.

    A store that is torn or foreign is begun anew by whoever opens it, so it is the same as an empty one.
    """

    def __init__(self, machine: Machine) -> None:
        self.files: dict[int, Files] = {}
        self._machine = machine
        self._older: dict[int, Files] = {}
        self._opened: dict[int, SimStore] = {}

    def open(self, number: int) -> SimStore:
        """The store of a partition."""
        self._machine.step(f"open store {number}")
        faults = self._machine.faults
        former = self._opened.get(number)
        if former is not None and not former.closed and former.process is self._machine.current:
            message = f"the store of {number} is opened while this process has it open"
            raise Violation(message)
        if faults.hit("store failed"):
            self.give_up(number)
            message = f"the store of {number} cannot be opened"
            raise StoreFailed(message)
        if faults.hit("store lost"):
            self.give_up(number)
        if number in self._older and faults.hit("store old"):
            self.files[number] = self._older[number].copy()
        self._opened[number] = store = SimStore(self._machine, self, number)
        return store

    def give_up(self, number: int) -> None:
        """Nothing is left of a store."""
        self.files.pop(number, None)

    def wrote(self, number: int) -> None:
        """Keep what is written now and then."""
        if number not in self._older or self._machine.chance.random() < 0.1:
            self._older[number] = self.files[number].copy()


class SimStore:
    """One partition's store, in memory; once it has failed, it is of no use any more, and its files are gone."""

    def __init__(self, machine: Machine, disk: Disk, number: int) -> None:
        self._machine = machine
        self._disk = disk
        self._number = number
        self.process = machine.current
        self.closed = False
        self._failed = False
        self.files = disk.files.setdefault(number, Files())

    @property
    def marker(self) -> Marker | None:
        """The state that the store holds."""
        raw = self.files.values.get(MARKER_KEY)
        return decode_marker(raw) if raw is not None and self.files.whole else None

    @property
    def position(self) -> int:
        """The changelog offset from which on there may be something new."""
        return self.files.position

    def matches(self, mark: Mark) -> bool:
        """Whether the store holds exactly this state."""
        return self.marker is not None and self.marker.mark == mark

    def begin_anew(self) -> None:
        """Forget everything."""
        self._machine.step("begin store anew")
        self._touch()
        self.files = self._disk.files[self._number] = Files()

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""
        self._touch()
        return self.files.values.get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys."""
        self._touch()
        return [self.files.values.get(key) for key in keys]

    def has_customers(self) -> bool:
        """Whether there is any customer."""
        self._touch()
        return any(not key.startswith(b"$") for key in self.files.values)

    def customers(self, first: bytes, before: bytes) -> Iterator[bytes]:
        """Customers in the order of their keys."""
        for key in sorted(self.files.values):
            if first <= key < before and b"#" not in key:
                self._touch()
                yield key

    def due(self, until: int) -> Iterator[tuple[int, bytes]]:
        """Customers with a timer due."""
        return self._each([one for one in self.files.due if one[0] <= until])

    def forgotten(self, until: int, after: tuple[int, bytes] | None = None) -> Iterator[tuple[int, bytes]]:
        """Bills that may be deleted."""
        return self._each([one for one in self.files.forgotten if one[0] <= until and (after is None or one > after)])

    def write(
        self,
        heads: Iterable[Change],
        entries: Iterable[Change],
        others: Iterable[Change],
        marker: bytes,
        position: int | None = None,
    ) -> None:
        """Store what one transaction changed."""
        self._machine.step("store")
        self._touch()
        self._apply(heads, entries, others)
        self.files.values[MARKER_KEY] = marker
        if position is not None and position > self.files.position:
            self.files.position, self.files.whole = position, True
        self._disk.wrote(self._number)

    def restore(
        self,
        heads: Iterable[Change],
        entries: Iterable[Change],
        others: Iterable[Change],
        position: int,
        *,
        whole: bool,
    ) -> None:
        """Store what was read from the changelog."""
        self._machine.step(f"restore {position} {whole}")
        self._touch()
        self._apply(heads, entries, others)
        self.files.position, self.files.whole = position, whole
        self._disk.wrote(self._number)

    def close(self) -> None:
        """Let go of the files."""
        self.closed = True

    def _touch(self) -> None:
        """Read or write: raises `StoreFailed` where that cannot be done."""
        if self.closed and not self._failed:
            message = f"the store of {self._number} is used after it was closed"
            raise Violation(message)
        if self._failed or self._machine.faults.hit("store failed"):
            if not self._failed:
                self._disk.give_up(self._number)
            self._failed = self.closed = True
            message = f"the store of {self._number} failed"
            raise StoreFailed(message)

    def _each(self, found: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
        for one in found:
            self._touch()
            yield one

    def _apply(self, heads: Iterable[Change], entries: Iterable[Change], others: Iterable[Change]) -> None:
        files = self.files
        for index, changes in ((files.due, heads), (files.forgotten, entries), (None, others)):
            for key, value, was_at, now_at in changes:
                if value is None:
                    files.values.pop(key, None)
                else:
                    files.values[key] = value
                if index is not None and was_at != now_at:
                    if was_at is not None and (was_at, key) in index:
                        index.remove((was_at, key))
                    if now_at is not None and (now_at, key) not in index:
                        insort(index, (now_at, key))


class SimClickHouse:
    """Tables that remember the last tokens; what has a token once is not inserted again."""

    window = 100

    def __init__(self, machine: Machine) -> None:
        self.tables: defaultdict[str, Counter[Row]] = defaultdict(Counter)
        self._machine = machine
        self._tokens: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=self.window))

    def insert(self, rows: Rows, token: str | None) -> None:
        """Insert table by table: between two of them anything may happen."""
        faults = self._machine.faults
        for table, items in rows.items():
            if not items:
                continue
            self._machine.step(f"insert {table} {token}")
            if faults.hit("insert refused"):
                message = "refused"
                raise NotInserted(message)
            if token is None or token not in self._tokens[table]:
                self.tables[table].update(map(row_of, TABLES[table].rows(items)))
                if token is not None:
                    self._tokens[table].append(token)
            if faults.hit("insert unanswered"):
                message = "no answer"
                raise NotInserted(message)

    def last_offsets(self, table: str, partitions: Collection[Partition]) -> dict[Partition, int]:
        """The last offset that the table has a row of, for each of the partitions that it has any of."""
        last: dict[Partition, int] = {}
        names = TABLES[table].names
        columns = [names.index(name) for name in ("src_topic", "src_partition", "src_offset")]
        for row in self.tables[table]:
            topic, number, offset = (row[column] for column in columns)
            partition = Partition(topic, number)
            if partition in partitions:
                last[partition] = max(offset, last.get(partition, -1))
        return last


def row_of(values: Sequence[Any]) -> Row:
    return tuple([one if isinstance(one, str | int | None) else repr(one) for one in values])
