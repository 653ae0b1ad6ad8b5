"""Processes that a demo starts, and ends itself."""

from __future__ import annotations

import signal
from multiprocessing.process import BaseProcess


def start_deaf(process: BaseProcess) -> None:
    """Start the process, deaf to Ctrl-C from its first instruction on: a terminal sends that to it as well."""
    listening = signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is ignored stays so in a process that is started
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, listening)
