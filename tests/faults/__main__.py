"""`python -m tests.faults --faults N --seed S`: faults on a real broker; exit code 1 when anything went wrong.

Ctrl-C ends the faults, and what there was by then is judged; a second one ends the run.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import NoReturn

from tests.faults.run import run
from tests.faults.schedule import SLOTS


def main() -> int:
    """Run, print a line for each fault and a summary as JSON; the folder is kept when something is wrong."""
    arguments = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    arguments.add_argument("--faults", type=int, default=25)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--workers", type=int, default=2, choices=range(1, len(SLOTS) + 1), help="at the beginning")
    arguments.add_argument("--rate", type=float, default=60.0, help="messages a second")
    given = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="accrue-faults-"))

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    enough = threading.Event()

    def interrupted(*_: object) -> None:
        enough.set()
        signal.signal(signal.SIGINT, _give_up)

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, _give_up)
    result = run(
        folder, faults=given.faults, seed=given.seed, workers=given.workers, rate=given.rate, say=say, enough=enough
    )
    for violation in result.violations:
        say(f"VIOLATION: {violation.what}\n{violation.evidence}")
    say(result.summary())
    if result.violations:
        say(f"what it left: {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _give_up(*_: object) -> NoReturn:
    """End, and with us the processes of the run: nothing may interrupt that."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
