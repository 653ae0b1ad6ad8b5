"""Seeds of the simulation: each must end as an undisturbed run does. `make soak-sim` runs as many as one likes.

What is simulated: a log with partitions, transactions, control records and group generations; a clock; local stores;
and ClickHouse. The loop, the roles and the sink are the real ones. A failure names its seed and shows the last steps.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.failure import Failure
from tests.simulation import mutants
from tests.simulation.machine import Violation
from tests.simulation.oracle import run_and_check, run_seed
from tests.simulation.refused import run_refused
from tests.simulation.shrink import schedule, shrink
from tests.simulation.world import RATES, World

SEEDS = 800
SEEDS_PER_CASE = 20
KINDS_SEEN_IN_SEEDS = 100
"""So many seeds meet every kind of fault."""
SEEDS_MAX_FOR_A_MUTANT = 500
REFUSED_SEEDS = 10
REFUSED_SEEDS_FOR_A_MUTANT = 100
"""Most of them notice a mutant at once; one kind of it shows in one seed of some forty."""
CAUGHT_BY: dict[Callable[[], Any], int] = {
    mutants.commit_offsets_first: 0,
    mutants.skip_rewind: 3,
    mutants.skip_rollback: 15,
    mutants.reuse_the_producer_after_a_timeout: 1,
    mutants.random_transactional_id: 5,
    mutants.trust_the_local_store: 0,
    mutants.store_before_the_commit: 20,
    mutants.store_the_end_of_the_changelog: 20,
    mutants.take_what_is_delivered_again: 5,
    mutants.offsets_of_moved_partitions_only: 22,
    mutants.read_offsets_that_are_not_stable: 14,
    mutants.keep_what_was_revoked: 20,
    mutants.keep_what_a_failed_round_read: 73,
    mutants.refuse_a_state_ahead: 1,
    mutants.believe_the_store_that_matches: 22,
    mutants.take_the_stable_end_for_the_end: 380,
    mutants.roll_back_when_the_store_fails: 22,
    mutants.no_intent: 0,
    mutants.no_token: 21,
    mutants.fire_timers_under_the_latest_version: 2,
    mutants.skip_members_without_timers: 2,
    mutants.forget_what_a_bill_earned: 0,
    mutants.leave_commands_unanswered: 0,
    mutants.lose_the_hold_of_a_transfer: 4,
    mutants.refuse_an_answer: 4,
    mutants.ask_again_at_a_replay: 3,
    mutants.give_an_identifier_twice: 0,
    mutants.lose_what_is_held: 0,
    mutants.release_twice: 0,
    mutants.pass_on_twice: 0,
    mutants.keep_what_comes_for_a_victim: 0,
    mutants.lose_the_points_of_a_victim: 0,
    mutants.leave_personal_data_readable: 0,
}
"""A seed that catches each mutant, when last looked: where the search begins."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of workers warn of what happens to them."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_CASE))
def test_whatever_happens_everything_ends_as_if_nothing_had(first: int) -> None:
    for seed in range(first, first + SEEDS_PER_CASE):
        run_seed(seed)


def test_the_seeds_meet_every_kind_of_fault() -> None:
    missing = set(RATES)
    for seed in range(KINDS_SEEN_IN_SEEDS):
        missing -= set(run_seed(seed).machine.faults.counts)
        if not missing:
            break
    assert not missing


def test_a_seed_means_the_same_in_every_process() -> None:
    program = (
        "import sys; from tests.simulation.oracle import run_seed; print(run_seed(int(sys.argv[1])).machine.trace)"
    )
    traces = {
        subprocess.run(
            [sys.executable, "-c", program, "5"],
            env={**os.environ, "PYTHONHASHSEED": hashing},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hashing in ("1", "2")
    }

    assert len(traces) == 1
    assert traces != {f"{run_seed(6).machine.trace}\n"}


def test_the_faults_of_a_seed_can_be_replayed() -> None:
    world = run_seed(5)

    again = World(world.plan, world.machine.faults.hits)
    run_and_check(again)

    assert (again.machine.trace, again.machine.faults.hits) == (world.machine.trace, world.machine.faults.hits)


def test_a_failing_seed_is_shrunk_to_the_faults_that_it_takes() -> None:
    with mutants.broken(mutants.no_token):
        failed = shrink(CAUGHT_BY[mutants.no_token])

    assert failed is not None
    assert {one.kind for one in failed.faults} == {"insert unanswered"}
    (only,) = failed.faults
    assert schedule(failed.faults) == f"{only.at:10.3f} s  {only.process:<14} insert unanswered ({only.occasion})\n"


def test_a_seed_that_passes_has_nothing_to_shrink() -> None:
    assert shrink(5) is None


def test_every_mutant_is_tried() -> None:
    assert tuple(CAUGHT_BY) == mutants.MUTANTS


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda one: one.__name__)
def test_a_broken_rule_is_noticed(mutant: Callable[[], Any]) -> None:
    with mutants.broken(mutant):
        assert _notices(CAUGHT_BY[mutant]) or any(map(_notices, range(SEEDS_MAX_FOR_A_MUTANT)))


@pytest.mark.parametrize("seed", range(REFUSED_SEEDS))
def test_round_that_can_never_succeed_is_seen_and_goes_on_once_it_can(seed: int) -> None:
    run_refused(seed)


@pytest.mark.parametrize("mutant", mutants.OF_REFUSED_ROUNDS, ids=lambda one: one.__name__)
def test_a_broken_rule_about_rounds_that_never_succeed_is_noticed(mutant: Callable[[], Any]) -> None:
    with mutants.broken(mutant):
        assert any(_notices(seed, run_refused) for seed in range(REFUSED_SEEDS_FOR_A_MUTANT))


def _notices(seed: int, run: Callable[[int], object] = run_seed) -> bool:
    try:
        run(seed)
    except (Violation, Failure, LookupError, RuntimeError):  # anything else is a mutant that is broken itself
        return True
    return False
