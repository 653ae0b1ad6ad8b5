"""What a dead letter says about itself: headers beside the original key, value and headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.intake.verdict import Defect, Headers, Incoming

_OWN: Final = "accrue."
ORIGIN_HEADER: Final = "accrue.origin"
_COORDINATES: Final = re.compile(rb"[A-Za-z0-9._-]{1,249}:[0-9]{1,10}:[0-9]{1,19}")


def origin_of(message: Incoming) -> str:
    """The place where the message first came in, as `topic:partition:offset`.

    A dead letter that is sent again says so in the header `accrue.origin`, so it keeps the id that follows from it.
    """
    for name, value in message.headers:
        if name == ORIGIN_HEADER and _COORDINATES.fullmatch(value):
            return value.decode("ascii")
    return f"{message.topic}:{message.partition}:{message.offset}"


def dead_letter_headers(message: Incoming, reason: str, defects: Sequence[Defect], *, stage: str) -> Headers:
    """The headers of the dead letter for `message`: its own, then why, where and when it came in.

    `stage` is the role that gave up on it. `accrue.detail` holds the defects as a JSON list of objects with `path`,
    `problem` and `remedy`; `accrue.timestamp` the timestamp of the message in milliseconds.
    """
    kept = tuple((name, value) for name, value in message.headers if not name.startswith(_OWN))
    return (
        *kept,
        ("accrue.reason", reason.encode()),
        ("accrue.detail", msgspec.json.encode([defect._asdict() for defect in defects])),
        ("accrue.stage", stage.encode()),
        (ORIGIN_HEADER, origin_of(message).encode()),
        ("accrue.timestamp", str(message.timestamp).encode()),
    )
