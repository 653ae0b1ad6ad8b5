"""`make fuzz`: every target in turn, for as long as one wants; ends at the first input that fails, which is kept."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from itertools import count, islice

from tests.fuzz.running import TARGETS, fuzz


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=[target.name for target in TARGETS], action="append")
    chosen = parser.parse_args()
    targets = [target for target in TARGETS if target.name in (chosen.target or [one.name for one in TARGETS])]
    deadline = time.monotonic() + chosen.seconds
    ends = {target.name: Counter[str]() for target in targets}
    numbers = {target.name: count() for target in targets}
    while time.monotonic() < deadline:
        for target in targets:
            some = islice(numbers[target.name], max(1, target.inputs // 8))
            ends[target.name] += fuzz(target, chosen.seed, some)
    for name, found in ends.items():
        print(f"{name}: {found.total():,} inputs; {', '.join(f'{end} {many:,}' for end, many in found.most_common(8))}")  # noqa: T201


if __name__ == "__main__":
    main()
