"""What a dead letter says about itself: headers beside the original key, value and headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.intake.verdict import Defect, Headers, Incoming

OWN: Final = "accrue."
"""What the names of our own headers begin with."""
ORIGIN_HEADER: Final = "accrue.origin"
TIMESTAMP_HEADER: Final = "accrue.timestamp"
REPLAY_OF_HEADER: Final = "accrue.replay-of"
REASON_HEADER: Final = "accrue.reason"
DETAIL_HEADER: Final = "accrue.detail"
STAGE_HEADER: Final = "accrue.stage"
_COORDINATES: Final = re.compile(rb"[A-Za-z0-9._-]{1,249}:[0-9]{1,10}:[0-9]{1,19}")
_ENTRY: Final = re.compile(rb"[0-9]{1,10}:[0-9]{1,19}")
_MILLISECONDS: Final = re.compile(rb"-?[0-9]{1,19}")


def origin_of(message: Incoming) -> str:
    """The place where the message first came in, as `topic:partition:offset`.

    A dead letter that is sent again says so in the header `accrue.origin`, so it keeps the id that follows from it.
    """
    return (_believed(message, ORIGIN_HEADER, _COORDINATES) or b"").decode() or (
        f"{message.topic}:{message.partition}:{message.offset}"
    )


def dead_letter_headers(message: Incoming, reason: str, defects: Sequence[Defect], *, stage: str) -> Headers:
    """The headers of the dead letter for `message`: its own, then why, where and when it came in.

    `stage` is the role that gave up on it. `accrue.detail` holds the defects as a JSON list of objects with `path`,
    `problem` and `remedy`; `accrue.timestamp` the timestamp of the message in milliseconds, as it first came in;
    `accrue.replay-of`, where the message was sent again, the dead letter that it was, as `partition:offset`.
    """
    kept = tuple((name, value) for name, value in message.headers if not name.startswith(OWN))
    sent_at = _believed(message, TIMESTAMP_HEADER, _MILLISECONDS) or str(message.timestamp).encode()
    replay_of = _believed(message, REPLAY_OF_HEADER, _ENTRY)
    return (
        *kept,
        (REASON_HEADER, reason.encode()),
        (DETAIL_HEADER, msgspec.json.encode([defect._asdict() for defect in defects])),
        (STAGE_HEADER, stage.encode()),
        (ORIGIN_HEADER, origin_of(message).encode()),
        (TIMESTAMP_HEADER, sent_at),
        *(((REPLAY_OF_HEADER, replay_of),) if replay_of else ()),
    )


def _believed(message: Incoming, header: str, pattern: re.Pattern[bytes]) -> bytes | None:
    """The first value of a header that is well formed; anybody can write headers."""
    return next(
        (value for name, value in message.headers if name == header and pattern.fullmatch(value)),
        None,
    )
