"""The state of (j): who falls due at which midnight, and that the engine decides it."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.midnight import TURNS, changelog, dues_of, first_midnight, program
from bench.samples import DAY_MS
from bench.state import ONE_IN
from pipeline.engine.decide import fire
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, decode_head
from schemas.succession import reaches_all

NOW = 1_750_000_000_000
KINDS = 3
ALONE, MIXED = {"PointsExpired"}, {"PointsExpired", "TierRenewed", "TierDowngraded", "CycleEnded"}


@pytest.mark.parametrize("turn", range(TURNS))
def test_one_customer_in_fifty_falls_due_at_each_midnight(turn: int) -> None:
    first = first_midnight(NOW)
    count = sum(min(dues_of(number, first)) == first + turn * DAY_MS for number in range(4 * ONE_IN))
    assert count == 4


def test_points_alone_and_points_tiers_and_cycles_fall_due_by_turns() -> None:
    programs, first = Programs().activate(program()), first_midnight(NOW)
    decided: list[Counter[str]] = [Counter() for _ in range(TURNS)]
    for one in changelog("state", NOW, NOW, 12 * KINDS * ONE_IN):
        if one.key is not None and one.key[:1].isdigit():
            state = CustomerState(decode_head(one.value or b""), {})
            for turn in range(TURNS):
                groups = fire(state, first + turn * DAY_MS, programs)
                decided[turn].update(type(decision).__name__ for group in groups for decision in group.decisions)
    assert [set(one) for one in decided] == [ALONE, MIXED] * (TURNS // 2)
    assert {sum(one.values()) for one in decided} == {12 * KINDS}


def test_the_version_that_tells_cycles_to_everybody_reaches_everybody() -> None:
    assert reaches_all(program(), program(tells_everybody=True))
