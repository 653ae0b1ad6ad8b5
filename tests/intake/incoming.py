"""Messages as they come in, for the tests of intake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.intake.dialects.native import normalise
from pipeline.intake.org_settings import known
from pipeline.intake.verdict import Accepted, Headers, Limits, Rejected
from schemas.settings import Org

WALL = 1_790_000_000_000
ORG = Org(org_id=100, name="Cafe", zone="Europe/London", currency="GBP", country="GB")
LIMITS = Limits(clock_topic="loyalty.transactions", orgs={100: known(ORG)}, identity_key=b"a key of the tests")
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
