"""The schedule is the same for the same seed, and only asks for what can be done."""

from __future__ import annotations

import pytest

from tests.faults.schedule import SLOTS, Kind, schedule

SEEDS = range(30)


def test_schedule_follows_from_its_seed() -> None:
    assert schedule(3, 40, 2) == schedule(3, 40, 2)
    assert schedule(3, 40, 2) != schedule(4, 40, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_happen_to_workers_that_run_and_one_always_does(seed: int) -> None:
    running = {0, 1}
    for fault in schedule(seed, 100, 2):
        if fault.kind is Kind.ADD:
            assert fault.slot not in running
            running.add(fault.slot)
        else:
            assert fault.slot in running
        if fault.kind is Kind.REMOVE:
            running.remove(fault.slot)
        assert 1 <= len(running) <= len(SLOTS)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_comes_before_any_comes_twice(seed: int) -> None:
    kinds = [fault.kind for fault in schedule(seed, len(Kind), 2)]

    assert sorted(kinds) == sorted(Kind)
