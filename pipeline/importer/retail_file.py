"""Opening files of the UCI Online Retail format: csv, csv.gz or csv.xz, with progress."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, BinaryIO, Final

from pipeline.failure import Failure
from pipeline.importer.retail import Invoices

_GZIP, _XZ, _ZIP = b"\x1f\x8b", b"\xfd7zXZ\x00", b"PK\x03\x04"
_ROWS_PER_REPORT: Final = 5_000


class Unreadable(Failure):
    """A file cannot be opened or unpacked; the message names it."""


def read_files(paths: Sequence[Path], on_progress: Callable[[float], None]) -> Invoices:
    """The invoices of all files, which form one import and are given in the order of time.

    `on_progress` gets the part done, 0 to 1. Raises `Unreadable`, or `WrongHeader` of `pipeline.importer.retail`.
    """
    invoices = Invoices()
    done, total = 0, sum(map(_size, paths)) or 1
    for path in paths:

        def on_position(position: int, done: int = done) -> None:
            on_progress((done + position) / total)

        try:
            with path.open("rb") as raw:
                _refuse_workbook(path, raw)
                invoices.read(path.name, _rows(raw, on_position))
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            message = f"cannot read {path}: {error}"
            raise Unreadable(message) from error
        done += _size(path)
    on_progress(1.0)
    return invoices


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise Unreadable(message) from error


def _refuse_workbook(path: Path, raw: BinaryIO) -> None:
    magic = raw.read(len(_ZIP))
    raw.seek(0)
    if magic == _ZIP:  # the UCI gives the data away as .xlsx, which is a zip
        message = f"{path} is a workbook (.xlsx) or another zip, no text: open it, save it as CSV, and give that file"
        raise Unreadable(message)


def _rows(raw: BinaryIO, on_position: Callable[[int], None]) -> Iterator[list[str]]:
    # Only descriptions hold letters beyond ASCII, and they are not used: a wrong encoding does no harm.
    with io.TextIOWrapper(_unpacked(raw), encoding="utf-8-sig", errors="replace", newline="") as text:
        reader = csv.reader(text)
        for count in itertools.count():
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                row = [str(error)]  # one column: the import counts it as malformed
            if count % _ROWS_PER_REPORT == 0:
                on_position(raw.tell())
            yield row


def _unpacked(raw: BinaryIO) -> IO[bytes]:
    magic = raw.read(len(_XZ))
    raw.seek(0)
    if magic.startswith(_GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    return lzma.open(raw) if magic == _XZ else raw
