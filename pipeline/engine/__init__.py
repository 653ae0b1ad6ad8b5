"""The engine: pure functions that decide what a record means for one customer."""

from typing import Final

ENGINE_VERSION: Final = 2
"""Written with every message of facts; raised whenever the same journal would decide otherwise."""
