"""The local store: one partition's state in a folder, a cache of the changelog that can always be rebuilt.

Beside the values it keeps two ordered indexes: customers by the instant their first timer is due, and bills by the
instant they may be forgotten. One transaction's writes, its marker among them, are one atomic batch.

While a store is restored its writes are not logged, as the changelog has them. They reach the disk when memory is full,
values and indexes at once, so a crash always leaves the state of some position, from which a restore continues.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, cast

import msgspec
from rocksdict import ColumnFamily, Rdict, WriteBatch, WriteOptions

from pipeline.folders import private_folder
from pipeline.runtime.state.marker import MARKER_KEY, Mark, Marker, decode_marker
from pipeline.runtime.state.store_options import index_options, value_options
from pipeline.runtime.state.store_port import ENTRY_MARK, Change, StoreFailed
from schemas.records import UnknownVersion

_VALUES: Final = "default"
_DUE: Final = "due"
_FORGOTTEN: Final = "forgotten"
_LOCAL_KEY: Final = b"$local"
"""Local to this store: not part of the changelog."""
_NO_ORIGIN: Final = ""
_FILES_IN_FORCE: Final = "CURRENT"
"""The file by which RocksDB finds the others."""
_FIRST_CUSTOMER: Final = b"0"
"""Keys of customers begin with a digit, keys of the partition itself with `$`, which sorts before."""
_INSTANT: Final = struct.Struct(">Q")
_INSTANT_BYTES: Final = _INSTANT.size

_LOGGED: Final = WriteOptions()
_UNLOGGED: Final = WriteOptions()
_UNLOGGED.disable_wal = True  # type: ignore[method-assign, assignment]  # a property, whatever the package's stub says


class _Local(msgspec.Struct, array_like=True):
    origin: str
    """The changelog that this store is a cache of; of none while values and indexes may differ in position."""
    position: int
    """Changelog offset up to which everything is in the store."""
    whole: bool
    """Whether the values are those of the marker; False while restoring."""
    manifest: str = ""
    manifest_bytes: int = 0
    """The file in which RocksDB lists its files, and how long it was. RocksDB takes a shorter one for an older one, and
    finds nothing wrong where later writes are in its log: what was flushed between them would be missing."""


class PartitionStore:
    """The store of one partition in RocksDB; implements `store_port.Store`.

    After any failure the files are abandoned: whoever opens the folder next starts empty and rebuilds it.
    """

    def __init__(self, folder: Path, origin: str) -> None:
        """Opens the store in `folder`, empty if the files are unreadable, half flushed or of another `origin`."""
        self._folder = folder
        self._origin = origin
        self._unlogged = False
        """Whether there are writes that a crash would lose."""
        try:
            self._open()
            foreign = self._local.origin != origin
        except (UnknownVersion, msgspec.DecodeError, StoreFailed):
            foreign = True
        if foreign:
            self.begin_anew()

    def begin_anew(self) -> None:
        """Deletes everything."""
        self._throw_away()
        self._open()

    def close(self) -> None:
        """Close the files; what was restored so far is kept."""
        with suppress(StoreFailed):  # then the files are gone already
            if self._unlogged:
                self._keep(whole=False)
        with suppress(Exception):  # a full disk, for one; what was written is in the write-ahead log
            self._let_go()

    @property
    def marker(self) -> Marker | None:
        """The state that the store holds; None when it is empty or half restored."""
        return self._marker if self._local.whole else None

    @property
    def position(self) -> int:
        """The changelog offset from which to look for new records."""
        return self._local.position

    def matches(self, mark: Mark) -> bool:
        """Whether the store holds exactly this state."""
        marker = self.marker
        return marker is not None and marker.mark == mark

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""
        try:
            value: bytes | None = self._files.database.get(key)
        except Exception as error:  # rocksdict raises nothing narrower, here and below
            raise self._given_up(error) from error
        return value

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys, in their order."""
        try:
            return cast("list[bytes | None]", self._files.database.get(list(keys)))
        except Exception as error:
            raise self._given_up(error) from error

    def has_customers(self) -> bool:
        """Whether there is any customer."""
        try:
            return next(iter(self._files.database.keys(from_key=_FIRST_CUSTOMER)), None) is not None
        except Exception as error:
            raise self._given_up(error) from error

    def customers(self, first: bytes, before: bytes) -> Iterator[bytes]:
        """The keys of customers from `first` on that lie before `before`, in order."""
        try:
            for key in cast("Iterable[bytes]", self._files.database.keys(from_key=first)):
                if key >= before:
                    return
                if ENTRY_MARK not in key:
                    yield key
        except Exception as error:
            raise self._given_up(error) from error

    def due(self, until: int) -> Iterator[tuple[int, bytes]]:
        """(instant, key) of the customers with a timer due at or before `until`, in that order."""
        return self._until(self._files.due, until)

    def forgotten(self, until: int, after: tuple[int, bytes] | None = None) -> Iterator[tuple[int, bytes]]:
        """(instant, key) of the bills that may be deleted at or before `until`, in that order; those `after` one."""
        return self._until(self._files.forgotten, until, after)

    def write(
        self,
        heads: Iterable[Change],
        entries: Iterable[Change],
        others: Iterable[Change],
        marker: bytes,
        position: int | None = None,
    ) -> None:
        """Store what one transaction changed, whole or not at all; it ends before `position` of the changelog.

        A lower position than before is none: a client that sent a message twice may be told a wrong offset.
        """
        batch = self._batch(heads, entries, others)
        batch.put(MARKER_KEY, marker, self._files.in_values)
        self._put_local(batch, _Local(self._origin, max(position or 0, self._local.position), whole=True))
        self._write(batch)
        self._marker: Marker | None = decode_marker(marker)

    def note(self, position: int) -> None:
        """Everything in the changelog before `position` is in the store."""
        self._note(_Local(self._origin, position, whole=True))

    def restore(
        self,
        heads: Iterable[Change],
        entries: Iterable[Change],
        others: Iterable[Change],
        position: int,
        *,
        whole: bool,
    ) -> None:
        """Store what was read from the changelog up to `position`."""
        batch = self._batch(heads, entries, others)
        unlogged = self._unlogged or not whole  # a single step is logged: the rest need not be brought to disk for it
        self._put_local(batch, _Local(self._origin, position, whole and not unlogged))
        if unlogged:
            self._unlogged = True
            self._write(batch, _UNLOGGED)
            if whole:
                self._keep(whole=True)
        else:
            self._write(batch)
        self._marker = self._read_marker()

    def _keep(self, *, whole: bool) -> None:
        """Flushes what was written without a log, one column family at a time; until then they may differ."""
        position = self._local.position
        self._note(_Local(_NO_ORIGIN, position, whole=False))
        try:
            for family in (self._files.forgotten, self._files.due, self._files.database):
                family.flush()
        except Exception as error:
            raise self._given_up(error) from error
        self._unlogged = False
        self._note(_Local(self._origin, position, whole))

    def _batch(self, heads: Iterable[Change], entries: Iterable[Change], others: Iterable[Change]) -> WriteBatch:
        batch = WriteBatch(raw_mode=True)
        put, delete = batch.put, batch.delete
        values = self._files.in_values
        for index, changes in ((self._files.in_due, heads), (self._files.in_forgotten, entries), (None, others)):
            for key, value, was_at, now_at in changes:
                if value is None:
                    delete(key, values)
                else:
                    put(key, value, values)
                if was_at != now_at:
                    if was_at is not None:
                        delete(_INSTANT.pack(was_at) + key, index)
                    if now_at is not None:
                        put(_INSTANT.pack(now_at) + key, b"", index)
        return batch

    def _note(self, local: _Local) -> None:
        batch = WriteBatch(raw_mode=True)
        self._put_local(batch, local)
        self._write(batch)

    def _put_local(self, batch: WriteBatch, local: _Local) -> None:
        local.manifest, local.manifest_bytes = self._manifest_of(self._manifest)
        self._local = local
        batch.put(_LOCAL_KEY, msgspec.msgpack.encode(local), self._files.in_values)

    def _write(self, batch: WriteBatch, how: WriteOptions = _LOGGED) -> None:
        try:
            self._files.database.write(batch, how)
        except Exception as error:
            raise self._given_up(error) from error

    def _until(self, index: Rdict, until: int, after: tuple[int, bytes] | None = None) -> Iterator[tuple[int, bytes]]:
        end = _INSTANT.pack(until + 1)
        last = None if after is None else _INSTANT.pack(after[0]) + after[1]
        try:
            for key in cast("Iterable[bytes]", index.keys(from_key=last)):
                if key >= end:
                    return
                if key == last:
                    continue
                yield _INSTANT.unpack_from(key)[0], key[_INSTANT_BYTES:]
        except Exception as error:
            del index  # a reference to the error would keep the files open, and the store could not be started empty
            raise self._given_up(error) from error

    def _given_up(self, error: Exception) -> StoreFailed:
        self._throw_away()
        return StoreFailed(f"the local store {self._folder} failed: {error}; it will be rebuilt")

    def _throw_away(self) -> None:
        """Removes the files, first the one that all others need: closing may still write some of them."""
        with suppress(OSError):
            (self._folder / _FILES_IN_FORCE).unlink()
        with suppress(Exception):  # a full disk, for one; the files go whatever they say
            self._let_go()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self) -> None:
        families = {_VALUES: value_options(), _DUE: index_options(), _FORGOTTEN: index_options()}
        found, found_bytes = self._manifest_of(self._manifest_in_force())  # opening begins another
        try:
            private_folder(self._folder.parent)
            database = Rdict(str(self._folder), index_options(), families)
        except Exception as error:
            raise self._given_up(error) from error
        self._files = _Files(
            database,
            database.get_column_family(_DUE),
            database.get_column_family(_FORGOTTEN),
            database.get_column_family_handle(_VALUES),
            database.get_column_family_handle(_DUE),
            database.get_column_family_handle(_FORGOTTEN),
        )
        self._manifest = self._manifest_in_force()
        raw = self.get(_LOCAL_KEY)
        if raw is None:
            self._note(_Local(self._origin, 0, whole=False))
        else:
            self._local = msgspec.msgpack.decode(raw, type=_Local)
            if found == self._local.manifest and found_bytes < self._local.manifest_bytes:
                raise self._given_up(OSError(f"{found} lacks its end"))
        self._marker = self._read_marker()

    def _manifest_in_force(self) -> str:
        try:
            return (self._folder / _FILES_IN_FORCE).read_text().strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _manifest_of(self, name: str) -> tuple[str, int]:
        try:
            return name, (self._folder / name).stat().st_size
        except OSError:
            return name, 0

    def _read_marker(self) -> Marker | None:
        raw = self.get(MARKER_KEY)
        return None if raw is None else decode_marker(raw)

    def _let_go(self) -> None:
        self._unlogged = False
        files = self.__dict__.pop("_files", None)
        if files is not None:  # the lock on the folder goes with the last reference
            files.database.close()


class _Files(NamedTuple):
    """An open database and the two ways to name its column families."""

    database: Rdict
    due: Rdict
    forgotten: Rdict
    in_values: ColumnFamily
    in_due: ColumnFamily
    in_forgotten: ColumnFamily
