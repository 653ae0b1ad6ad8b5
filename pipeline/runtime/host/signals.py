"""Ends a worker's process at a second signal, or when something in it never returns."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def end_at_the_next() -> None:
    """From now on SIGTERM and SIGINT end the process at once, whatever it is doing."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, _end_at_once)


def leave_at_once(code: int) -> None:
    """End the process without waiting for anything in it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end_at_once(number: int, _frame: FrameType | None) -> None:
    # Past the buffers of Python, whose lock the interrupted code may hold.
    told = f"{signal.Signals(number).name} while stopping: leaving at once; the log aborts what is open\n"
    os.write(2, told.encode())
    os._exit(128 + number)
