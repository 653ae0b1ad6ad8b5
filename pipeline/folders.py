"""Making the folders that hold customers' data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_OWNER_ONLY: Final = 0o077


def private_folder(folder: Path) -> None:
    """Make the folder where it is missing, for its owner only; files that this process makes later are so, too.

    A folder that is there already keeps its permissions: it may be one that others work in.
    """
    os.umask(_OWNER_ONLY)
    folder.mkdir(parents=True, exist_ok=True)
