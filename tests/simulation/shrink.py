"""The fewest faults with which a seed still fails: what is left over is what one has to think about.

Faults are left out by halves, quarters, and at last one by one, as long as the failure is of the same kind. What comes
after a fault that is left out may turn out otherwise, so this is a search and no proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tests.simulation.machine import Hit
from tests.simulation.oracle import run_and_check
from tests.simulation.world import World, plan_of

RUNS_MAX = 300
"""How often a seed is run at most: about half a minute."""


class Failed(NamedTuple):
    """How a seed failed."""

    error: Exception
    faults: Sequence[Hit]
    """What had happened before, in order."""
    tail: Sequence[str]
    """The last steps of its trace."""


def shrink(seed: int, runs_max: int = RUNS_MAX) -> Failed | None:
    """The seed with as few faults as were found to do; None when it passes."""
    least = _fails(seed, None)
    if least is None:
        return None
    runs = 1
    size = (len(least.faults) + 1) // 2
    while size and runs < runs_max:
        start = 0
        while start < len(least.faults) and runs < runs_max:
            runs += 1
            fewer = _fails(seed, [*least.faults[:start], *least.faults[start + size :]])
            if fewer is not None and type(fewer.error) is type(least.error):
                least = fewer
            else:
                start += size
        size //= 2
    return least


def schedule(faults: Sequence[Hit]) -> str:
    """Faults to read, a line each."""
    lines = [f"{one.at:10.3f} s  {one.process or '-':<14} {one.kind} ({one.occasion})" for one in faults]
    return "\n".join([*lines, ""])


def _fails(seed: int, faults: Sequence[Hit] | None) -> Failed | None:
    world = World(plan_of(seed), faults)
    try:
        run_and_check(world)
    except Exception as error:  # noqa: BLE001 - whatever ends a seed is what we are looking for
        return Failed(error, tuple(world.machine.faults.hits), tuple(world.machine.tail))
    return None
