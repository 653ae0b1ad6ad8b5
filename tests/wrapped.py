"""Something real of which a test changes a little."""

from __future__ import annotations

from typing import Any


class Wrapped:
    """Something with the methods that are given, or that a subclass has, instead of its own."""

    def __init__(self, inner: Any, **changed: Any) -> None:
        self._inner = inner
        self._changed = changed

    def __getattr__(self, name: str) -> Any:
        return self._changed.get(name) or getattr(self._inner, name)
