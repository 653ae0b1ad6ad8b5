"""The port to the local store: what a partition needs of the cache of its changelog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from pipeline.failure import Failure
from pipeline.runtime.state.marker import Mark, Marker

ENTRY_MARK: Final = b"#"
"""Stands between a customer's key and the name of an entry."""


class StoreFailed(Failure):
    """The local store cannot be read or written; what it held can be rebuilt from the changelog."""


class Change(NamedTuple):
    """A new value of one key, with its place in the index before and after."""

    key: bytes
    value: bytes | None
    """None: deleted."""
    was_at: int | None = None
    now_at: int | None = None


class Store(Protocol):
    """One partition's state, a cache of the changelog that can always be rebuilt; it belongs to one thread at a time.

    Every call raises `StoreFailed` where the store cannot do its work.
    """

    @property
    def marker(self) -> Marker | None:
        """The state that the store holds; None when it is empty or half restored."""

    @property
    def position(self) -> int:
        """The changelog offset from which to look for new records."""

    def matches(self, mark: Mark) -> bool:
        """Whether the store holds exactly this state."""

    def begin_anew(self) -> None:
        """Deletes everything."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys, in their order."""

    def has_customers(self) -> bool:
        """Whether there is any customer."""

    def customers(self, first: bytes, before: bytes) -> Iterator[bytes]:
        """The keys of customers from `first` on that lie before `before`, in order."""

    def due(self, until: int) -> Iterator[tuple[int, bytes]]:
        """(instant, key) of the customers with a timer due at or before `until`, in that order."""

    def forgotten(self, until: int, after: tuple[int, bytes] | None = None) -> Iterator[tuple[int, bytes]]:
        """(instant, key) of the bills that may be deleted at or before `until`, in that order; those `after` one."""

    def write(
        self,
        heads: Iterable[Change],
        entries: Iterable[Change],
        others: Iterable[Change],
        marker: bytes,
        position: int | None = None,
    ) -> None:
        """Store what one transaction changed, whole or not at all.

        From then on everything in the changelog before `position` is in the store, where that is given.
        """

    def restore(
        self,
        heads: Iterable[Change],
        entries: Iterable[Change],
        others: Iterable[Change],
        position: int,
        *,
        whole: bool,
    ) -> None:
        """Store what was read from the changelog up to `position`; `whole` when the marker's state is complete."""

    def close(self) -> None:
        """Release everything."""
