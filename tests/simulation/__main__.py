"""`python -m tests.simulation --seconds 600`: seeds for as long as one wants, from `--seed` on.

A line a few seconds apart tells how far it is. The first seed that fails ends it with the last steps of its trace.
"""

from __future__ import annotations

import logging
import sys
import time
from argparse import ArgumentParser
from collections import Counter

from tests.simulation.oracle import run_seed
from tests.simulation.shrink import schedule, shrink

_LINE_SECONDS = 5.0


def main() -> int:
    """Run seeds; 1 when one fails."""
    parser = ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long (default: 600)")
    parser.add_argument("--seed", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--only", action="store_true", help="this seed alone, with its trace")
    parser.add_argument("--shrink", action="store_true", help="this seed alone, with as few faults as still fail it")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if arguments.shrink:
        return _shrink(arguments.seed)
    began = line = time.monotonic()
    faults: Counter[str] = Counter()
    seed, slowest = arguments.seed, (0.0, arguments.seed)
    while time.monotonic() < began + arguments.seconds:
        at = time.monotonic()
        try:
            world = run_seed(seed)
        except BaseException as error:  # noqa: BLE001 - whatever ends a seed is what we are looking for
            sys.stdout.write("".join(f"{note}\n" for note in error.__notes__))
            sys.stdout.write(f"seed {seed} fails: {type(error).__name__}: {error}\n")
            return 1
        if arguments.only:
            sys.stdout.write("\n".join([*world.machine.tail, f"seed {seed} passes: {world.machine.trace}", ""]))
            return 0
        faults += world.machine.faults.counts
        slowest = max(slowest, (time.monotonic() - at, seed))
        seed += 1
        if time.monotonic() > line + _LINE_SECONDS:
            line = time.monotonic()
            _tell(seed - arguments.seed, line - began, faults, slowest)
    _tell(seed - arguments.seed, time.monotonic() - began, faults, slowest)
    sys.stdout.write(f"seeds {arguments.seed} to {seed - 1} pass\n")
    return 0


def _shrink(seed: int) -> int:
    failed = shrink(seed)
    if failed is None:
        sys.stdout.write(f"seed {seed} passes\n")
        return 0
    sys.stdout.write("".join(f"{line}\n" for line in failed.tail))
    sys.stdout.write(f"seed {seed} fails with these faults: {type(failed.error).__name__}: {failed.error}\n")
    sys.stdout.write(schedule(failed.faults))
    return 1


def _tell(seeds: int, seconds: float, faults: Counter[str], slowest: tuple[float, int]) -> None:
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(faults.items()))
    took, seed = slowest
    sys.stdout.write(
        f"{seeds} seeds, {seeds / seconds:.1f} a second, slowest {seed} with {took:.2f} s; "
        f"{sum(faults.values())} faults: {kinds}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
