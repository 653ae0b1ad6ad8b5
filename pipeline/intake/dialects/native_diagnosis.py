"""Diagnosis: every defect of a message that the fast path refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, get_args

import msgspec

from pipeline.intake import times
from pipeline.intake.defects import defects_of, joined, shown
from pipeline.intake.verdict import Defect, Incoming, Limits, Reason, Rejected
from schemas import messages

DEFECTS_MAX: Final = 100
"""Defects that are listed: enough to correct a producer by, and few enough for the headers of a dead letter."""
_TYPES: Final[dict[str, type[messages.Message]]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(messages.AnyMessage)
}
_UPDATED: Final = ("amountMinor", "lines", "deliveryStatus")
"""What an update says of a bill, one of them at least."""
_AWARDS: Final = ("lot", "billNumber", "event", "milestone", "streak")
"""What an award to cancel is named by, one of them."""
_WITH_AWARDS: Final = {
    "rule": ("billNumber", ""),
    "cycle": ("milestone", '"2026-03"'),
    "level": ("streak", "4"),
    "nth": ("streak", ""),
}
"""What goes with one of these, with an example where it must."""
# Not Decimal: an exponent of twenty digits would be an error there, and is infinity here.
_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(float_hook=float)


def diagnose(message: Incoming, *, wall: int, limits: Limits) -> Rejected | None:
    """Why the message is refused; None if nothing is wrong with it.

    Args:
        message: as read from the input topic.
        wall: the wall clock, milliseconds since the epoch.
        limits: what the message is held to beside the shape of its fields.
    """
    try:
        content = object_in(message.value, limits)
        return content if isinstance(content, Rejected) else _judge(content, message, wall, limits)
    except RecursionError:
        return _whole(Reason.TOO_DEEP, "is nested too deeply to be read", "write the fields of the message only")


def duplicate_key(value: bytes) -> Defect | None:
    """The first key that stands twice in one object of a message. Only the last of them is judged above.

    For what was refused with no other reason: this looks at the whole message once more.
    """
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        found.extend(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)

    try:
        json.loads(value, object_pairs_hook=note)
    except (ValueError, RecursionError):  # JSON that only Python's own reader refuses, such as a number of 5,000 digits
        return None
    return Defect(joined("", found[0]), "is a duplicate key", "write each field once") if found else None


def _whole(reason: Reason, problem: str, remedy: str) -> Rejected:
    return Rejected(reason, (Defect("", problem, remedy),))


def object_in(
    value: bytes | None, limits: Limits, decoder: msgspec.json.Decoder[Any] = _DECODER
) -> dict[str, Any] | Rejected:
    """The object that a message holds, or why it holds none."""
    if value is None or not value.strip():
        return _whole(Reason.EMPTY, "has no value", "write a JSON object; intake keeps nothing that could be deleted")
    if len(value) > limits.bytes_max:
        seen = f"has {len(value)} bytes, and at most {limits.bytes_max} are read"
        return _whole(Reason.TOO_LARGE, seen, "split it, or leave out what no field needs, and send that")
    if value[0] == 0:
        return _whole(Reason.AVRO_NOT_READ, "begins with byte 0x00, as Avro does", "write JSON; Avro is not read yet")
    content = _json_in(value, decoder)
    if not isinstance(content, dict | Rejected):
        return _whole(Reason.NOT_AN_OBJECT, f"is {shown(content)}", "write one JSON object for each message")
    return content


def _json_in(value: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        value.decode()
        return decoder.decode(value)
    except UnicodeDecodeError as error:
        return _whole(Reason.NOT_UTF8, f"is not UTF-8: {error.reason} at byte {error.start}", "encode it as UTF-8")
    except msgspec.ValidationError as error:
        return _whole(Reason.INVALID_FIELDS, f"cannot be held: {error}", "write numbers of at most 19 digits")
    except msgspec.DecodeError as error:
        return _whole(Reason.NOT_JSON, f"is not JSON: {error}", "write one JSON object")


def _judge(content: dict[str, Any], message: Incoming, wall: int, limits: Limits) -> Rejected | None:
    name = content.get("type")
    kind = _TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        seen = f"is {shown(name)}" if "type" in content else "is missing"
        return Rejected(Reason.UNKNOWN_TYPE, (Defect("type", seen, f"write one of {', '.join(_TYPES)}"),))
    found = _defects(content, kind)
    late = _lateness(content, found, wall, limits)
    if late and not found:
        return Rejected(Reason.FUTURE_EVENT_TIME, (late,))
    if found:
        return Rejected(Reason.INVALID_FIELDS, (*found, late) if late else tuple(found))
    if kind is messages.AdvanceClock and message.topic != limits.clock_topic:
        seen = f"is advanceClock in {message.topic}"
        return Rejected(Reason.CLOCK_NOT_ALLOWED, (Defect("type", seen, f"send it to {limits.clock_topic}"),))
    if name not in limits.types.get(message.topic, (name,)):
        takers = " or ".join(sorted(topic for topic, types in limits.types.items() if name in types))
        defect = Defect("type", f"is {name} in {message.topic}", f"send it to {takers or 'no topic: none takes it'}")
        return Rejected(Reason.TYPE_NOT_ALLOWED, (defect,))
    return None


def _defects(content: dict[str, Any], kind: type[messages.Message]) -> list[Defect]:
    # One more than is listed, to know whether there are more.
    found = list(islice(defects_of(content, msgspec.inspect.type_info(kind)), DEFECTS_MAX + 1))
    if len(found) > DEFECTS_MAX:
        found[DEFECTS_MAX] = Defect("", f"has more defects than the {DEFECTS_MAX} listed", "correct these first")
        return found
    found += _unnamed(content, kind)
    if "eventTime" in content and not _broken(found, "eventTime", "zone"):
        instant = times.instant_of(content["eventTime"], content.get("zone"))
        if isinstance(instant, Defect):
            found.append(instant)
    found += _other_times(content, kind, found)
    if content.get("lines") and not _broken(found, "amountMinor", "lines"):
        lines_minor = sum(line["amountMinor"] for line in content["lines"])
        if content.get("amountMinor") is not None and content["amountMinor"] != lines_minor:
            seen = f"is {content['amountMinor']}, but the lines add up to {lines_minor}"
            found.append(Defect("amountMinor", seen, "make it the sum of the lines' amountMinor"))
    if kind is messages.TransactionUpdated and not any(content.get(field) not in (None, "", []) for field in _UPDATED):
        found.append(Defect("", "says nothing new of the bill", f"write at least one of {', '.join(_UPDATED)}"))
    if kind is messages.AdjustPoints and content.get("points") == 0 and not _broken(found, "points"):
        found.append(Defect("points", "is 0", "write the points to add, or below zero those to take away"))
    if kind is messages.AdjustPoints and content.get("corrects") and not _broken(found, "points", "corrects"):
        found += _correction(content)
    if kind is messages.CancelPoints and not _broken(found, *_AWARDS, *_WITH_AWARDS):
        found += _award_named(content)
    return found


def _correction(content: dict[str, Any]) -> list[Defect]:
    """What corrects an adjustment takes points away."""
    if content["points"] > 0:
        seen = f"is {content['points']}, and what corrects an adjustment takes its points away"
        return [Defect("points", seen, "write it below zero, or leave corrects out")]
    return []


def _award_named(content: dict[str, Any]) -> list[Defect]:
    """An award to cancel is named by its lot or by what gave it, and by all that this takes."""
    named = [field for field in _AWARDS if content.get(field) not in (None, "")]
    if len(named) != 1:
        seen = f"names an award by {' and by '.join(named)}" if named else "names no award"
        return [Defect("", seen, f"write {', '.join(_AWARDS[:-1])} or {_AWARDS[-1]}, one of them")]
    for field, (owner, example) in _WITH_AWARDS.items():
        is_there = content.get(field) not in (None, "")
        if is_there and owner not in named:
            return [Defect(field, f"goes with {owner} only", f"leave it out: {named[0]} names what is cancelled")]
        if example and not is_there and owner in named:
            return [Defect(field, f"is missing beside {owner}", f"write it, such as {example}")]
    return []


def _unnamed(content: dict[str, Any], kind: type[messages.Message]) -> Iterator[Defect]:
    """What is missing of a message to say whom it is about."""
    if not issubclass(kind, messages.CustomerMessage):
        return
    links = issubclass(kind, messages.LinkIdentifiers | messages.UnlinkIdentifiers)
    by_id = links or kind is messages.AssignTransaction
    if content.get("customerId") is None and (by_id or not content.get("identifiers")):
        other = "" if by_id else ', or identifiers such as {"email": "jo@example.com"}'
        yield Defect("customerId", "is missing", f"add an integer from 1 to {messages.IDENTITY_MAX}{other}")
    if links and not content.get("identifiers") and content.get("everything") is not True:
        yield Defect("identifiers", "is missing", 'add an object such as {"email": "jo@example.com"}')


def _other_times(content: dict[str, Any], kind: type[messages.Message], found: list[Defect]) -> list[Defect]:
    """What is wrong with instants and dates beside `eventTime`, as far as their form is right."""
    read: list[int | Defect] = []
    if content.get("until") is not None and not _broken(found, "until", "zone"):
        read.append(times.other_instant("until", content["until"], content.get("zone")))
    if kind is messages.ChangeExpiry and "expiresOn" in content and not _broken(found, "expiresOn"):
        read.append(times.day_in("expiresOn", content["expiresOn"]))
    days = (field for field in ("firstDay", "lastDay") if content.get(field) is not None and not _broken(found, field))
    read += [times.day_in(field, content[field]) for field in days]
    return [one for one in read if isinstance(one, Defect)]


def _broken(found: list[Defect], *fields: str) -> bool:
    return any(defect.path.startswith(fields) for defect in found)


def _lateness(content: dict[str, Any], found: list[Defect], wall: int, limits: Limits) -> Defect | None:
    field = "time" if content["type"] == "advanceClock" else "eventTime"
    if field not in content or _broken(found, field, "zone"):
        return None
    instant = times.instant_of(content[field], content.get("zone"))
    if isinstance(instant, Defect) or instant <= wall + limits.future_ms:
        return None
    return Defect(
        field,
        f"is {shown(content[field])}, {times.duration(instant - wall)} in the future",
        f"send it when it has happened; {times.duration(limits.future_ms)} of clock skew are allowed",
    )
