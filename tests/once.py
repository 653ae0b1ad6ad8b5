"""What is expensive to make is made once for all processes of a test run."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Made = TypeVar("Made")


def once(folder: Path, name: str, make: Callable[[], Made]) -> Made:
    """What `make` returns: the first process to ask in this folder makes it, others wait and read it from a file.

    It must be a value that can be pickled. If `make` raises, the next to ask tries again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.pickle"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            unfinished = file.with_suffix(".unfinished")
            unfinished.write_bytes(pickle.dumps(make()))
            unfinished.rename(file)
    made: Made = pickle.loads(file.read_bytes())
    return made
