"""`python -m tests.model --histories 20000 --seed 0`: whether the model and the engine agree on so many histories."""

from __future__ import annotations

import argparse
import sys
import time

from tests.model import mutants
from tests.model.compare import disagreements, told


def main() -> int:
    """1 where they do not agree, with the least history of each of the first few."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first history; the others follow it")
    parser.add_argument("--mutants", action="store_true", help="look for a seed on which each mutant disagrees")
    parser.add_argument("--most", type=int, default=3, help="disagreements to show")
    asked = parser.parse_args()
    if asked.mutants:
        return _mutants(range(asked.seed, asked.seed + asked.histories))
    began = time.monotonic()
    found = 0
    for seed in disagreements(range(asked.seed, asked.seed + asked.histories)):
        sys.stdout.write(f"{told(seed)}\n")
        found += 1
        if found == asked.most:
            break
    lasted = time.monotonic() - began
    sys.stdout.write(f"{asked.histories} histories from seed {asked.seed}, {found} disagreements, {lasted:.0f} s\n")
    return 1 if found else 0


def _mutants(seeds: range) -> int:
    unseen = 0
    for mutant in mutants.CAUGHT_BY:
        with mutants.broken(mutant):
            seed = next(disagreements(seeds), None)
        sys.stdout.write(f"    {mutant.__name__}: {seed},\n")
        unseen += seed is None
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
