"""A sorted key-value store in a throw-away folder, to compare states larger than memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

from rocksdict import DBCompressionType, Options, Rdict, WriteBatch

from pipeline.folders import private_folder

_WRITE_BUFFER_BYTES: Final = 8 << 20
_OPEN_FILES_MAX: Final = 64


class Kept:
    """The latest value of every key."""

    def __init__(self, folder: Path) -> None:
        private_folder(folder.parent)
        options = Options(raw_mode=True)
        options.create_if_missing(create_if_missing=True)
        options.set_compression_type(DBCompressionType.lz4())
        options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
        options.set_max_open_files(_OPEN_FILES_MAX)
        self._database = Rdict(str(folder), options)

    def put(self, latest: Mapping[bytes, bytes | None]) -> None:
        """Take new values; None deletes."""
        batch = WriteBatch(raw_mode=True)
        for key, value in latest.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        self._database.write(batch)

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""
        return cast("bytes | None", self._database.get(key))

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key with its value, in the order of keys."""
        return cast("Iterator[tuple[bytes, bytes]]", self._database.items())

    def close(self) -> None:
        """Close the files."""
        self._database.close()


def pairs(ones: Kept, others: Kept) -> Iterator[tuple[bytes, bytes | None, bytes | None]]:
    """Every key that either side has, in key order, with both values."""
    left, right = ones.items(), others.items()
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None  # noqa: S101 - mypy does not see it
            yield one[0], one[1], None
            one = next(left, None)
        elif one is None or other[0] < one[0]:
            yield other[0], None, other[1]
            other = next(right, None)
        else:
            yield one[0], one[1], other[1]
            one, other = next(left, None), next(right, None)
