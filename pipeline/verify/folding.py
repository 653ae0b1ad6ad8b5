"""Folds facts into a state, for facts that cannot or must not be decided again.

Facts say what happened to customers. Which programs were in force and what time it was is in the journal's other
records, so deciding can continue from folded facts only if the journal is complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from pydantic import ValidationError

from pipeline.engine.clock import PartitionClock
from pipeline.engine.decide import entries_of, fold
from pipeline.engine.programs import Programs
from pipeline.log.port import Message
from pipeline.runtime.roles.partition import definition_in
from pipeline.runtime.state.customers import Customers
from pipeline.runtime.state.marker import Marker, encode_marker, program_key
from pipeline.runtime.state.store_port import Change, Store
from pipeline.verify.deciding import Keep
from schemas.facts import FactMessage
from schemas.records import (
    BackfillBegun,
    ClockAdvanced,
    ProgramActivated,
    UnknownVersion,
    decode_record,
)
from schemas.succession import succession

_ROUND_MESSAGES: Final = 1_000
_CACHED_MAX: Final = 20_000


class Folding:
    """The customers of one partition, as folded so far."""

    def __init__(self, store: Store, keep: Keep, broken: set[bytes]) -> None:
        """`broken` are customers whose facts do not follow from one another; they are left out."""
        self._store = store
        self._keep = keep
        self._broken = broken
        self._customers = Customers(store, _CACHED_MAX)
        self._pending = 0
        self._others: list[Change] = []
        self._marker = Marker(0, 0, PartitionClock())

    def take(self, facts: FactMessage) -> None:
        """Apply the facts of one message."""
        key = b"%d:%d" % (facts.org_id, facts.customer_id)
        if key in self._broken:
            return
        customer = self._customers.get(facts.org_id, facts.customer_id)
        for fact in facts.facts():
            self._customers.load(customer, entries_of(fact.decision))
            fold(customer.state, fact.envelope, fact.decision)
        self._customers.changed(customer)
        self._pending += 1
        if self._pending >= _ROUND_MESSAGES:
            self.store()

    def pass_over(self, journal: Iterable[Message], next_offset: int) -> None:
        """Take programs and time from the journal's records, none of which is decided again."""
        clock = PartitionClock()
        programs = Programs()
        for message in journal:
            try:
                record = decode_record(message.value or b"")
                definition = definition_in(record)
            except (UnknownVersion, msgspec.DecodeError, ValidationError):
                continue  # the worker passed it by, too
            if isinstance(record, ClockAdvanced):
                clock.advance(record)
            elif isinstance(record, BackfillBegun):
                clock.begin_backfill(record)
            elif isinstance(record, ProgramActivated) and definition is not None:
                known = programs.get(definition.org_id, definition.program_id)
                if known is not None and succession(known.definition, definition):
                    continue  # the version before stays in force
                programs = programs.put_in_force(definition, clock.time, record.starts_at)
                key = program_key(definition.org_id, definition.program_id, definition.version)
                self._others.append(Change(key, record.definition.encode()))
        self._marker = Marker(next_offset, 1, clock, tuple(programs.versions()))

    def store(self) -> None:
        """Store what was folded so far."""
        changes = self._customers.changes()
        others, self._others = self._others, []
        self._store.write(changes.heads, changes.entries, others, encode_marker(self._marker))
        self._customers.committed(changes)
        self._keep({one.key: one.value for some in (changes.heads, changes.entries, others) for one in some})
        self._pending = 0
