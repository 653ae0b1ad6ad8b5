"""The engine: pure functions that decide what a record means for one customer."""

from typing import Final

ENGINE_VERSION: Final = 1
"""Written with every fact; raised whenever the same journal would decide otherwise."""
