"""The file of the embedded log: its tables, its batches of messages, and waiting for other writers in bounded time.

A row is a batch of messages, as in Kafka. Many processes may have the file open; each connection belongs to one
thread, and writers take turns.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn
from weakref import WeakValueDictionary

import msgspec

from pipeline.log.port import Committed, Headers, LogError, OutcomeUnknown, Partition, Unavailable

BUSY_SECONDS: Final = 10.0
"""Default wait for other writers."""

_VERSION: Final = 3
_SCHEMA: Final = (
    """CREATE TABLE topics (
        topic_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL, config TEXT NOT NULL,
        identity TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE batches (
        topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, first_offset INTEGER NOT NULL,
        next_offset INTEGER NOT NULL, messages BLOB NOT NULL, checksum INTEGER,
        PRIMARY KEY (topic_id, partition, first_offset)
    ) STRICT""",  # with row ids: big rows in the order of writing, found through a small index
    """CREATE TABLE group_offsets (
        name TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
        next_offset INTEGER NOT NULL, metadata TEXT NOT NULL,
        PRIMARY KEY (name, topic, partition)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE owners (
        kind TEXT NOT NULL, name TEXT NOT NULL, epoch INTEGER NOT NULL, PRIMARY KEY (kind, name)
    ) STRICT, WITHOUT ROWID""",
    f"PRAGMA user_version = {_VERSION}",
)
_FROM_VERSION_1: Final = (
    "ALTER TABLE topics ADD COLUMN identity TEXT NOT NULL DEFAULT ''",
    "UPDATE topics SET identity = lower(hex(randomblob(16)))",
)
_FROM_VERSION_2: Final = (
    "ALTER TABLE batches ADD COLUMN checksum INTEGER",  # NULL: written before there were checksums
    f"PRAGMA user_version = {_VERSION}",
)
_STEPS: Final[Mapping[int, Sequence[str]]] = {
    0: _SCHEMA,
    1: _FROM_VERSION_1 + _FROM_VERSION_2,
    2: _FROM_VERSION_2,
}
"""Upgrades by file version; 0 is an empty file."""
_PAGE_BYTES: Final = 16_384
_CHECKPOINT_PAGES: Final = 2_000
_BATCH_MESSAGES_MAX: Final = 500
_POLL_SECONDS: Final = 0.004

Stored = tuple[bytes | None, bytes | None, int, Headers]
"""Key, value, timestamp and headers of one message."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(list[Stored])


class Topic(NamedTuple):
    """A topic in the file."""

    topic_id: int
    partitions: int
    identity: str


class Place(NamedTuple):
    """A partition in the file."""

    topic_id: int
    partition: int


class Batch(NamedTuple):
    """Messages at consecutive offsets; the batch after it begins at `next_offset`."""

    first_offset: int
    next_offset: int
    messages: list[Stored]


class Owner(NamedTuple):
    """One claim to a name that the latest claimant holds: a transactional id, or membership of a group."""

    kind: str
    name: str
    epoch: int


class LogFile:
    """One connection to the file, which is created when it is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._arrival = _arrival(path)
        self._topics: dict[str, Topic] = {}
        with _errors(f"open the log {path}"):
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            for setting in (
                f"page_size = {_PAGE_BYTES}",
                "journal_mode = WAL",
                "synchronous = NORMAL",
                f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
            ):
                self._connection.execute(f"PRAGMA {setting}")
        if self._version() in _STEPS:
            self._bring_up_to_date()
        if self._version() != _VERSION:
            message = f"{path} has format {self._version()}, this version of Accrue reads {_VERSION}"
            raise LogError(message)

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._connection.close()

    def wait_at_most(self, seconds: float) -> None:
        """Sets the time to wait for another writer."""
        self._connection.execute(f"PRAGMA busy_timeout = {max(0, int(seconds * 1000))}")

    def rows(self, sql: str, values: tuple[object, ...] = (), *columns: type) -> list[tuple[Any, ...]]:
        """All rows of a query; raises `LogError` where their values are not of these types."""
        with _errors("read"):
            rows = self._connection.execute(sql, values).fetchall()
        for row in rows:
            if [type(value) for value in row] != list(columns):
                self._refuse(f"{row!r:.60} is not a row that Accrue has written")
        return rows

    @contextmanager
    def writing(self, timeout: float, action: str) -> Iterator[sqlite3.Connection]:
        """One write transaction: all of the block takes effect, or nothing."""
        with _errors(action):
            self.wait_at_most(timeout)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            message = f"cannot tell whether the log did {action}: {error}"
            raise OutcomeUnknown(message) from error
        with self._arrival:
            self._arrival.notify_all()

    def changes(self) -> int:
        """A number that changes when another connection, of any process, has committed."""
        return int(self.rows("PRAGMA data_version", (), int)[0][0])

    def wait_for_change(self, seen: int, deadline: float) -> bool:
        """Wait for a commit after `seen`; False when there is none before the deadline."""
        while (left := deadline - time.monotonic()) > 0:
            with self._arrival:  # wakes at once for a writer of this process, else looks again soon
                self._arrival.wait(min(left, _POLL_SECONDS))
            if self.changes() != seen:
                return True
        return False

    def topic(self, name: str) -> Topic:
        """The topic of this name; cached, as topics are never changed or deleted."""
        if name not in self._topics:
            found = self.rows(
                "SELECT topic_id, partitions, identity FROM topics WHERE name = ?", (name,), int, int, str
            )
            if not found:
                message = f"there is no topic {name}"
                raise LogError(message)
            self._topics[name] = Topic(*found[0])
        return self._topics[name]

    def place(self, partition: Partition) -> Place:
        """The row of a partition; raises if it does not exist."""
        topic = self.topic(partition.topic)
        if not 0 <= partition.number < topic.partitions:
            message = f"topic {partition.topic} has no partition {partition.number}"
            raise LogError(message)
        return Place(topic.topic_id, partition.number)

    def end(self, place: Place) -> int:
        """The offset of the next batch of a partition."""
        sql = """SELECT next_offset FROM batches WHERE topic_id = ? AND partition = ?
            ORDER BY first_offset DESC LIMIT 1"""
        found = self.rows(sql, place, int)
        return int(found[0][0]) if found else 0

    def append(self, place: Place, messages: list[Stored], *, control_records: int) -> int:
        """Add messages to the end of a partition, followed by so many offsets without a message.

        The offset after the last message.
        """
        end = self.end(place)
        rows = []
        for start in range(0, len(messages), _BATCH_MESSAGES_MAX):
            batch = messages[start : start + _BATCH_MESSAGES_MAX]
            after = end + start + len(batch)
            if start + len(batch) == len(messages):
                after += control_records
            encoded = _ENCODER.encode(batch)
            span = (*place, end + start, after)
            rows.append((*span, encoded, _checksum(span, encoded)))
        self._connection.executemany("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?)", rows)
        return end + len(messages)

    def batches(self, place: Place, offset: int) -> Iterator[Batch]:
        """The batches of a partition, starting with the batch that contains `offset`."""
        sql = """SELECT first_offset, next_offset, messages, checksum FROM batches
            WHERE topic_id = :topic AND partition = :partition AND next_offset > :offset
                AND first_offset >= coalesce((
                    SELECT max(first_offset) FROM batches
                    WHERE topic_id = :topic AND partition = :partition AND first_offset <= :offset), 0)
            ORDER BY first_offset"""
        values = {"topic": place.topic_id, "partition": place.partition, "offset": offset}
        with _errors("read messages"):
            cursor = self._connection.execute(sql, values)
            try:
                for first, after, encoded, checksum in cursor:
                    yield self._batch(place, first, after, encoded, checksum)
            finally:
                cursor.close()  # an open cursor would hold back the write-ahead log

    def _batch(self, place: Place, first: int, after: int, encoded: bytes, checksum: int | None) -> Batch:
        messages = _decoded((*place, first, after), encoded, checksum)
        if messages is None:
            name = next((name for name, topic in self._topics.items() if topic.topic_id == place.topic_id), "")
            self._refuse(f"the messages of {name}:{place.partition} from offset {first} on are not as written")
        return Batch(first, after, messages)

    def _refuse(self, damage: str) -> NoReturn:
        message = f"the log {self._path} is damaged: {damage}; put a copy of the file in its place"
        raise LogError(message)

    def claim(self, kind: str, name: str, timeout: float) -> Owner:
        """Takes over a name from its previous holder."""
        sql = """INSERT INTO owners VALUES (?, ?, 1)
            ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING epoch"""
        with self.writing(timeout, f"claim {kind} {name}") as connection:
            ((epoch,),) = connection.execute(sql, (kind, name)).fetchall()
        return Owner(kind, name, epoch)

    def holds(self, owner: Owner) -> bool:
        """Whether the name has not been taken over since."""
        sql = "SELECT epoch FROM owners WHERE kind = ? AND name = ?"
        return self.rows(sql, (owner.kind, owner.name), int) == [(owner.epoch,)]

    def offsets(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, Committed]:
        """The group's committed offsets for these partitions."""
        sql = "SELECT next_offset, metadata FROM group_offsets WHERE name = ? AND topic = ? AND partition = ?"
        return {
            partition: Committed(*found[0])
            if (found := self.rows(sql, (group, *partition), int, str))
            else Committed(None)
            for partition in partitions
        }

    def store_offsets(self, group: str, offsets: Mapping[Partition, Committed]) -> None:
        """Replaces the group's committed offsets, inside a write transaction."""
        if any(committed.offset is None for committed in offsets.values()):
            message = f"cannot commit offsets of group {group}: one of them is None"
            raise LogError(message)
        self._connection.executemany(
            "INSERT OR REPLACE INTO group_offsets VALUES (?, ?, ?, ?, ?)",
            [(group, *partition, *committed) for partition, committed in offsets.items()],
        )

    def _version(self) -> int:
        return int(self.rows("PRAGMA user_version", (), int)[0][0])

    def _bring_up_to_date(self) -> None:
        with self.writing(BUSY_SECONDS, "make its tables what they are now") as connection:
            for statement in _STEPS.get(self._version(), ()):  # queried again: another process may have been faster
                connection.execute(statement)


def _decoded(span: tuple[object, ...], encoded: bytes, checksum: int | None) -> list[Stored] | None:
    """The messages of a batch; None if its checksum does not match."""
    if checksum is not None and checksum != _checksum(span, encoded):
        return None
    try:
        return _DECODER.decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return None


def _checksum(span: tuple[object, ...], encoded: bytes) -> int:
    """Covers a batch and its place, so that corruption of either is detected."""
    return zlib.crc32(encoded, zlib.crc32(repr(span).encode()))


_SEE_TO_PERMISSIONS: Final = "; see to the permissions of the file and of its folder"
_REMEDIES: Final = {
    sqlite3.SQLITE_READONLY: _SEE_TO_PERMISSIONS,
    sqlite3.SQLITE_CANTOPEN: _SEE_TO_PERMISSIONS,
    sqlite3.SQLITE_NOTADB: "; name another data folder, or move the file away",
    sqlite3.SQLITE_CORRUPT: "; the file is damaged: put a copy of it in its place",
    sqlite3.SQLITE_IOERR: "; see to the disk",
}


@contextmanager
def _errors(action: str) -> Iterator[None]:
    """Maps SQLite's errors to those of the port: busy for too long is `Unavailable`, the rest is `LogError`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        busy = code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
        message = f"cannot {action}: {error}{_REMEDIES.get(code, '')}"
        raise (Unavailable if busy else LogError)(message) from error
    except UnicodeDecodeError as error:  # SQLite reports a damaged schema with bytes of it
        message = f"cannot {action}: malformed database schema{_REMEDIES[sqlite3.SQLITE_CORRUPT]}"
        raise LogError(message) from error


_arrivals: Final[WeakValueDictionary[Path, threading.Condition]] = WeakValueDictionary()
_arrivals_lock: Final = threading.Lock()


def _arrival(path: Path) -> threading.Condition:
    """The condition that writers of this process wake its readers with, one for each file."""
    with _arrivals_lock:
        return _arrivals.setdefault(path, threading.Condition())
