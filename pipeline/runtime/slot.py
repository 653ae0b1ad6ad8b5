"""The slot: which worker of a group this is, and the lock on its folder that lets only one process be it."""

from __future__ import annotations

import fcntl
from pathlib import Path


class SlotInUse(RuntimeError):
    """Another worker runs with the same slot; give each its own."""


class SlotLock:
    """Held from the making to `close`, or to the end of the process."""

    def __init__(self, folder: Path) -> None:
        """Lock the slot's folder, made where it is missing; raises `SlotInUse`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / "lock").open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            message = f"{folder} is in use by another worker; start each worker with a --slot of its own"
            raise SlotInUse(message) from error

    def close(self) -> None:
        """Let go; a second call does nothing."""
        self._file.close()
