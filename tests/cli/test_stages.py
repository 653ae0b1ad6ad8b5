"""How a long check says how far it is where no terminal shows bars."""

from __future__ import annotations

import pytest

from pipeline.cli.stages import Lines
from pipeline.clock import SystemClock


class SetClock(SystemClock):
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.shown = 0.0

    def now(self) -> float:
        return self.shown


def test_a_line_is_printed_every_ten_seconds_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    clock = SetClock()
    lines = Lines(clock)

    lines.stage("facts", 3_000)
    for _ in range(3):
        clock.shown += 6.0
        lines.step(1_000)
    clock.shown += 6.0
    lines.stage("invariants", 1)

    assert capsys.readouterr().err == "facts: 2,000 of 3,000\ninvariants: 0 of 1\n"
