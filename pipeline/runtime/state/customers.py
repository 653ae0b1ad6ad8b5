"""Customers in hand: decoded heads in a bounded cache, and the working copies of the round that is open.

A working copy is the cached head itself. When the round takes effect it is clean again; when it has no effect it leaves
the cache, so the next look decodes it from the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush, merge
from typing import NamedTuple

from pipeline.engine.calendar import NEVER
from pipeline.engine.state import CustomerState, Head, decode_entry, decode_head, encode_state
from pipeline.runtime.state.store_port import ENTRY_MARK, Change, Store


class _Loaded(NamedTuple):
    """An entry as stored."""

    raw: bytes
    forgotten_at: int


class Customer:
    """One customer in hand."""

    __slots__ = ("dirty", "due", "indexed", "key", "loaded", "state")

    def __init__(self, key: bytes, head: Head, indexed: int | None) -> None:
        self.key = key
        self.state = CustomerState(head, {})
        self.indexed = indexed
        """The instant under which the store's index has the customer."""
        self.due: int | None = None
        """The instant under which the round's own timers have the customer."""
        self.dirty = False
        self.loaded: dict[str, _Loaded | None] = {}
        """What the store had for each entry that was asked for."""


class Changes(NamedTuple):
    """The changes that a round made to customers."""

    heads: list[Change]
    entries: list[Change]


class Customers:
    """The customers of one partition."""

    def __init__(self, store: Store, cached_max: int) -> None:
        self._store = store
        self._generation_max = max(1, cached_max // 2)
        # Two generations instead of an order of use: a look costs one dict operation. The older is dropped when the
        # younger is full, so what was used lately stays. Turned over between rounds only: no working copy is lost.
        self._young: dict[bytes, Customer] = {}
        self._old: dict[bytes, Customer] = {}
        self._in_hand: dict[bytes, Customer] = {}
        """Working copies: changed, or with entries loaded."""
        self._touched: set[bytes] = set()
        """Changed since their timers and entries were last looked at."""
        self._timers: list[tuple[int, bytes]] = []
        """A heap of the first timers of changed customers; out of date where `due` says otherwise."""
        self._forget_from = NEVER
        """No entry that is new in this round may be forgotten before this instant."""
        self._forgotten: dict[bytes, int] = {}
        """Entries deleted in this round, with the instant under which the index has them."""
        self._forgotten_last: tuple[int, bytes] | None = None
        """The last of them: they go in the index's order, and what comes into it in this round is not in it yet."""

    def get(self, org_id: int, customer_id: int) -> Customer:
        """The customer; new if there is no head."""
        key = b"%d:%d" % (org_id, customer_id)
        return self._young.get(key) or self._load(key)

    def load(self, customer: Customer, names: Iterable[str]) -> bool:
        """Bring the named entries into the customer's state, those that exist; whether there was one to bring."""
        loaded = customer.loaded
        found = False
        for name in names:
            if name not in loaded:
                self._in_hand[customer.key] = customer
                entry_key = key_of_entry(customer.key, name)
                raw = None if entry_key in self._forgotten else self._store.get(entry_key)
                if raw is None:
                    loaded[name] = None
                else:
                    entry = decode_entry(raw)
                    found = True
                    customer.state.entries[name] = entry
                    loaded[name] = _Loaded(raw, entry.forgotten_at)
        return found

    def changed(self, customer: Customer) -> None:
        """Marks the customer as changed."""
        self._touched.add(customer.key)
        if not customer.dirty:
            customer.dirty = True
            self._in_hand[customer.key] = customer

    def of(self, org_id: int, after: bytes) -> Iterator[Customer]:
        """All customers of an org whose key comes after `after`, in the order of their keys."""
        prefix, end = b"%d:" % org_id, b"%d;" % org_id  # the character after the colon
        known = sorted(key for key in self._in_hand if max(prefix, after) < key < end)
        previous = after
        for key in merge(known, self._store.customers(max(prefix, after), end)):
            if key > previous:
                previous = key
                yield self._young.get(key) or self._load(key)

    def due(self, until: int) -> Iterator[Customer]:
        """The customers with a timer due at or before `until`, by (first due instant, key).

        To be fired one by one; those that are not are due again at the next call.
        """
        self._refresh()
        for at, key in merge(self._due_in_hand(until), self._due_in_store(until)):
            customer = self._young.get(key) or self._load(key)
            yield customer
            due = customer.state.head.due
            if due <= until:
                message = (
                    f"{key.decode()} still has a timer due at {due} after its timers until {until} fired (from {at})"
                )
                raise RuntimeError(message)

    def forget(self, until: int, budget: int) -> int:
        """Delete entries that may be forgotten at or before `until`, at most `budget` of the store: how many."""
        self._forget_new(until)
        count = 0
        for at, entry_key in self._store.forgotten(until, self._forgotten_last):
            if count == budget:
                break
            key, _, raw_name = entry_key.partition(ENTRY_MARK)
            customer = self._in_hand.get(key)
            if customer is not None:
                name, entries = raw_name.decode(), customer.state.entries
                entry = entries.get(name)
                if entry is not None and entry.forgotten_at > until:
                    continue  # a name that was used again in this round: the index is out of date
                entries.pop(name, None)
                customer.loaded[name] = None
            self._forgotten[entry_key] = at
            self._forgotten_last = (at, entry_key)
            count += 1
        return count

    def _forget_new(self, until: int) -> None:
        """The entries of this round as the store does not know them: new ones, and those that may leave earlier now.

        What is there must not depend on rounds.
        """
        self._refresh()
        if self._forget_from > until:
            return
        self._forget_from = NEVER
        for customer in self._in_hand.values():
            entries = customer.state.entries
            for name, entry in [*entries.items()]:
                before = customer.loaded.get(name)
                if entry.forgotten_at > until:
                    self._forget_from = min(self._forget_from, entry.forgotten_at)
                elif before is None:
                    del entries[name]
                elif before.forgotten_at > until:
                    del entries[name]
                    customer.loaded[name] = None
                    self._forgotten[key_of_entry(customer.key, name)] = before.forgotten_at

    def may_forget(self, until: int) -> bool:
        """Whether there are more entries to delete."""
        return next(self._store.forgotten(until, self._forgotten_last), None) is not None

    def changes(self) -> Changes:
        """What the round changed, encoded once for each key."""
        heads: list[Change] = []
        entries = [Change(key, None, at) for key, at in self._forgotten.items()]
        for key, customer in self._in_hand.items():
            if customer.dirty:
                head = customer.state.head
                heads.append(Change(key, encode_state(head), customer.indexed, head.timer))
                for name, entry in customer.state.entries.items():
                    raw = encode_state(entry)
                    before = customer.loaded.get(name)
                    if before is None:
                        entries.append(Change(key_of_entry(key, name), raw, None, entry.forgotten_at))
                    elif before.raw != raw:
                        entries.append(Change(key_of_entry(key, name), raw, before.forgotten_at, entry.forgotten_at))
        return Changes(heads, entries)

    def committed(self, changes: Changes) -> None:
        """The round took effect: working copies are clean."""
        for change in changes.heads:
            self._in_hand[change.key].indexed = change.now_at
        for customer in self._in_hand.values():
            customer.dirty = False
            customer.due = None
            if customer.loaded:
                customer.loaded = {}
            if customer.state.entries:
                customer.state.entries = {}
        self._end_round()
        if len(self._young) >= self._generation_max:
            self._old = self._young
            self._young = {}

    def aborted(self) -> None:
        """The round had no effect: drops working copies."""
        for key in self._in_hand:
            self._young.pop(key, None)
            self._old.pop(key, None)
        self._end_round()

    def _end_round(self) -> None:
        self._in_hand = {}
        self._touched = set()
        self._timers = []
        self._forget_from = NEVER
        self._forgotten = {}
        self._forgotten_last = None

    def _load(self, key: bytes) -> Customer:
        customer = self._old.pop(key, None)
        if customer is None:
            raw = self._store.get(key)
            if raw is None:
                org_id, customer_id = key.split(b":")
                customer = Customer(key, Head(int(org_id), int(customer_id)), None)
            else:
                head = decode_head(raw)
                customer = Customer(key, head, head.timer)
        self._young[key] = customer
        return customer

    def _refresh(self) -> None:
        """Look at the timers and the entries of customers that changed since the last look."""
        for key in self._touched:
            customer = self._in_hand[key]
            for entry in customer.state.entries.values():
                self._forget_from = min(self._forget_from, entry.forgotten_at)
            due = customer.state.head.timer
            if due != customer.due:
                customer.due = due
                if due is not None:
                    heappush(self._timers, (due, key))
        self._touched = set()

    def _due_in_hand(self, until: int) -> Iterator[tuple[int, bytes]]:
        timers = self._timers
        found: list[tuple[int, bytes]] = []
        while timers and timers[0][0] <= until:
            due, key = heappop(timers)
            if self._in_hand[key].due == due and (not found or found[-1] != (due, key)):
                found.append((due, key))
        for one in found:  # they stay known until their timers have fired: the caller may stop half way
            heappush(timers, one)
        return iter(found)

    def _due_in_store(self, until: int) -> Iterator[tuple[int, bytes]]:
        for one in self._store.due(until):
            customer = self._in_hand.get(one[1])
            if customer is None or not customer.dirty:  # else the index is out of date
                yield one


def key_of_entry(key: bytes, name: str) -> bytes:
    """The key of a customer's entry in the store and the changelog."""
    return b"%b%b%b" % (key, ENTRY_MARK, name.encode())
