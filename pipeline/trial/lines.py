"""Reads the lines of a trial and works out when each of them arrives."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Any, Final

import msgspec

from pipeline.failure import Failure
from pipeline.intake.times import instant_of
from pipeline.intake.verdict import Defect
from pipeline.trial.form import Json
from schemas.messages import INSTANT_MAX
from schemas.program import ProgramDefinition

Loaded = ProgramDefinition | tuple[Defect, ...]
"""A program, or every mistake in its file."""

_LINE_KEYS: Final = (frozenset({"arrives", "message"}), frozenset({"clock"}), frozenset({"program"}))
_ANY_KEY: Final = frozenset[str]().union(*_LINE_KEYS)
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder()
_QUOTED_MAX: Final = 40
"""How much of an unreadable value is quoted."""
_NO_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class BadLine(Failure):
    """A control line (`arrives`, `clock`, `program`) is wrong; the message names it and what to write."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line, with its arrival."""

    number: int
    at: int
    """Milliseconds since the epoch; never before the line that precedes it."""
    input: Json


class MessageLine(Line, frozen=True, kw_only=True):
    """A message arrives."""

    value: bytes


class ClockLine(Line, frozen=True, kw_only=True):
    """Time passes."""


class ProgramLine(Line, frozen=True, kw_only=True):
    """A version of a program is put in force."""

    program: Loaded


class _Timed(msgspec.Struct, rename="camel"):
    """When a message says that it happened; the other fields are for intake to judge."""

    event_time: int | str | None = None
    zone: str | None = None
    type: str = ""
    time: int | None = None
    """Of `advanceClock`, which has no event time."""


_TIMED: Final = msgspec.json.Decoder(_Timed)


def read_lines(content: bytes, load: Callable[[str], Loaded]) -> list[Line]:
    """The lines of a messages file in order, without the empty ones; `load` reads a program that a line names.

    Raises `BadLine` for a line with `arrives`, `clock` or `program` that is not as it must be, and for one that sets
    the time back.
    """
    lines: list[Line] = []
    clock = 0
    for number, raw in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        if text := raw.strip():
            lines.append(_line(number, text, clock, load))
            clock = lines[-1].at
    return lines


def instant_in(written: object, clock: int, where: str) -> int:
    """The instant that is written, ISO 8601 with an offset or milliseconds; raises `BadLine` where it is none.

    `clock` is the latest arrival so far, before which it may not lie; `where` names the place in errors.
    """
    read = instant_of(written, None) if isinstance(written, str) else written
    if not isinstance(read, int) or isinstance(read, bool) or not 0 <= read <= INSTANT_MAX:
        message = (
            f"{where} is {written!r}, which is not an instant: write ISO 8601 with an offset, such as "
            "2026-03-01T10:00:00Z, or milliseconds since 1970"
        )
        raise BadLine(message)
    if read < clock:
        message = (
            f"{where} is {written!r}, {clock - read:,} ms before the latest arrival so far: time only goes forward; "
            "put the line where it belongs, or give it a later time"
        )
        raise BadLine(message)
    return read


def _line(number: int, text: bytes, clock: int, load: Callable[[str], Loaded]) -> Line:
    shown = _shown(text)
    content = _content(text)
    if "type" in content or not content.keys() & _ANY_KEY:
        return MessageLine(number=number, at=max(clock, _event_time(text)), input=shown, value=text)
    if content.keys() not in _LINE_KEYS:
        message = (
            f'line {number} has the keys {", ".join(content)}: write a message, {{"arrives": …, "message": {{…}}}}, '
            '{"clock": …} or {"program": "file.yaml"}'
        )
        raise BadLine(message)
    if "program" in content:
        path = _value(content["program"])
        if not isinstance(path, str) or "\0" in path:
            message = f"line {number}: program is {path!r}; write the path of a program file in quotes"
            raise BadLine(message)
        return ProgramLine(number=number, at=clock, input=shown, program=load(path))
    key = "clock" if "clock" in content else "arrives"
    at = instant_in(_value(content[key]), clock, f"line {number}: {key}")
    if key == "clock":
        return ClockLine(number=number, at=at, input=shown)
    return MessageLine(number=number, at=at, input=shown, value=bytes(content["message"]))


def _shown(text: bytes) -> Json:
    try:
        _ANY.decode(text)
    except _NO_JSON:
        return text.decode(errors="replace")
    return msgspec.Raw(text)


def _value(raw: msgspec.Raw) -> Any:
    """The decoded value; as text if it is a number that is too large."""
    try:
        return _ANY.decode(raw)
    except _NO_JSON:
        return bytes(raw).decode(errors="replace")[:_QUOTED_MAX]


def _content(text: bytes) -> dict[str, msgspec.Raw]:
    """The keys of an object; empty for anything else, which intake reports."""
    try:
        return _OBJECT.decode(text)
    except _NO_JSON:
        return {}


def _event_time(text: bytes) -> int:
    """The event time of a message; 0 if it has none that can be read."""
    try:
        timed = _TIMED.decode(text)
    except _NO_JSON:
        return 0
    written = timed.time if timed.type == "advanceClock" else timed.event_time
    instant = 0 if written is None else instant_of(written, timed.zone)
    return instant if isinstance(instant, int) and instant <= INSTANT_MAX else 0
