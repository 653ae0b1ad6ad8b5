"""The slot identifies a worker within its group; a lock on its folder keeps a second process out."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Self

from pipeline.failure import Failure
from pipeline.folders import private_folder


class SlotInUse(Failure):
    """Another worker runs with the same slot; give each its own."""


class SlotLock:
    """A lock on one role of one slot, held until `close` or the end of the process; a context manager."""

    def __init__(self, folder: Path, role: str) -> None:
        """Locks the role in the slot's folder, which is created if missing; raises `SlotInUse`."""
        private_folder(folder)
        self._file = (folder / f"{role}.lock").open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            message = f"{folder} is in use by another {role} worker; start each worker with a --slot of its own"
            raise SlotInUse(message) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Releases the lock; a second call does nothing."""
        self._file.close()
