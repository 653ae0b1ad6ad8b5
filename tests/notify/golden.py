"""Golden files: what each case becomes. `python -m tests.notify.golden` writes them again; then read the diff."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec

from pipeline.notify.render import RENDERER
from schemas.program import NotificationProfile
from tests.notify.cases import CASES, PERSON, Case, context, recorded_at, view
from tests.notify.variants import VARIANTS

GOLDEN = Path(__file__).parent / "golden"
PROFILES = get_args(NotificationProfile)
ALL_CASES: dict[str, Case] = {**CASES, **VARIANTS}


def body_of(name: str, profile: str) -> bytes:
    case = ALL_CASES[name]
    program = view(notifications={"profile": profile})
    around = context(case.record, program, recorded_at=recorded_at(case), profile=PERSON)
    notification = RENDERER.render(case.fact, around)
    assert notification is not None
    return notification.body


def path_of(name: str, profile: str) -> Path:
    return GOLDEN / f"{name}.{profile}.json"


def pretty(body: bytes) -> str:
    return msgspec.json.format(body, indent=2).decode() + "\n"


if __name__ == "__main__":
    for one in ALL_CASES:
        for layout in PROFILES:
            path_of(one, layout).write_text(pretty(body_of(one, layout)))
