"""Shows arbitrary bytes safely, on a terminal and in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from pipeline.cli.output import instant, shown
from pipeline.cli.printing import printable
from pipeline.intake.letters.letter import Cut

_HEX_BYTES_MAX: Final = 4_096
_HEX_LINE: Final = 16


def when(milliseconds: int | None) -> str:
    """An instant in UTC, to the second."""
    return "-" if milliseconds is None else shown(moment(milliseconds))


def moment(milliseconds: int) -> datetime | str:
    """Formats a timestamp; returns it unchanged if it is out of range."""
    try:
        return instant(milliseconds)
    except (OverflowError, ValueError, OSError):  # a year before 1 or after 9999
        return str(milliseconds)


def as_json_value(value: bytes | None) -> str | dict[str, str] | None:
    """The bytes as text, or as `{"hex": …}` if they are not UTF-8; None for None."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"hex": value.hex()}


def in_a_line(value: bytes | None) -> str:
    """A key or a header's value, for people."""
    if value is None:
        return "none"
    try:
        return printable(value.decode())
    except UnicodeDecodeError:
        return f"0x{value.hex()}"


def whole(cut: Cut) -> str:
    """For a dead letter that was cut: the full length of the message, and where the whole is."""
    sizes = f"{cut.value_bytes:,} bytes, its key {cut.key_bytes:,}, its headers {cut.headers_bytes:,}"
    return f"{printable(cut.at)}, of {sizes}"


def content(value: bytes | None) -> tuple[str, str]:
    """The kind of content, and the content: indented JSON, text, else a hex dump."""
    if value is None:
        return "no value (a tombstone)", ""
    size = f"{len(value):,} bytes"
    try:
        text = value.decode()
        lines = msgspec.json.format(text, indent=2).splitlines()
        msgspec.json.decode(value)
        kind = "JSON"
    except UnicodeDecodeError:
        rows = [value[start : start + _HEX_LINE] for start in range(0, min(len(value), _HEX_BYTES_MAX), _HEX_LINE)]
        dump = "\n".join(f"{_HEX_LINE * index:06x}  {row.hex(' '):47}  {_dots(row)}" for index, row in enumerate(rows))
        cut = f", the first {_HEX_BYTES_MAX:,} of them; --raw writes all" if len(value) > _HEX_BYTES_MAX else ""
        return f"{size}, no text{cut}", dump
    except (msgspec.DecodeError, RecursionError):
        lines, kind = text.splitlines(), "text"
    return f"{size} of {kind}", "\n".join(map(printable, lines))


def _dots(row: bytes) -> str:
    return "".join(chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else "." for byte in row)
