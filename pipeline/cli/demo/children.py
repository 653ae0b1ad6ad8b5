"""Child processes of a demo, which it ends itself."""

from __future__ import annotations

import signal
from multiprocessing.process import BaseProcess


def start_deaf(process: BaseProcess) -> None:
    """Starts the process with Ctrl-C ignored from the start: a terminal sends it to children, too."""
    listening = signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is ignored stays so in a process that is started
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, listening)
