"""Golden files: what each case becomes. `python -m tests.notify.golden` writes them again; then read the diff."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec

from pipeline.notify.render import RENDERER
from schemas.notifications import EventName
from schemas.program import NotificationProfile
from tests.notify.cases import CASES, PERSON, context, recorded_at, view

GOLDEN = Path(__file__).parent / "golden"
PROFILES = get_args(NotificationProfile)


def body_of(event: EventName, profile: str) -> bytes:
    case = CASES[event]
    program = view(notifications={"profile": profile})
    notification = RENDERER.render(
        case.fact, context(case.record, program, recorded_at=recorded_at(case), profile=PERSON)
    )
    assert notification is not None
    return notification.body


def path_of(event: EventName, profile: str) -> Path:
    return GOLDEN / f"{event}.{profile}.json"


def pretty(body: bytes) -> str:
    return msgspec.json.format(body, indent=2).decode() + "\n"


if __name__ == "__main__":
    for name in EventName:
        for layout in PROFILES:
            path_of(name, layout).write_text(pretty(body_of(name, layout)))
