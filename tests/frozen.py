"""The program on which tests above the engine run, so that new kinds of rules don't make those tests grow."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PROGRAM: Final = Path(__file__).with_suffix(".yaml")
