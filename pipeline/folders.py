"""Creates folders for customers' data, readable by their owner only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_OWNER_ONLY: Final = 0o077


def private_folder(folder: Path) -> None:
    """Creates the folder if it is missing, readable by its owner only, as are files that this process creates later.

    An existing folder keeps its permissions: others may be using it.
    """
    os.umask(_OWNER_ONLY)
    folder.mkdir(parents=True, exist_ok=True)
