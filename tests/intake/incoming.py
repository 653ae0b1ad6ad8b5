"""Messages as they come in, for the tests of intake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.intake.dialects.native import normalise
from pipeline.intake.verdict import Accepted, Headers, Limits, Rejected

WALL = 1_790_000_000_000
LIMITS = Limits(clock_topic="loyalty.transactions")
FOLDER = Path(__file__).parents[2] / "examples" / "messages"


class Sent(NamedTuple):
    """One message of an input topic."""

    value: bytes | None
    topic: str = "loyalty.transactions"
    partition: int = 2
    offset: int = 7
    key: bytes | None = None
    timestamp: int = WALL - 5
    headers: Headers = ()


def taken(message: Sent | dict[str, Any]) -> Accepted | Rejected:
    if isinstance(message, dict):
        message = Sent(json.dumps(message).encode())
    return normalise(message, wall=WALL, limits=LIMITS)


def examples() -> list[dict[str, Any]]:
    return [one for path in sorted(FOLDER.glob("*.json")) for one in json.loads(path.read_text())]


def example(kind: str) -> dict[str, Any]:
    """The first sample message of a type."""
    first: dict[str, Any] = json.loads((FOLDER / f"{kind}.json").read_text())[0]
    return first
