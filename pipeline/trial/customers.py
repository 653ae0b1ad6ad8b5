"""Customers in memory: decides their records and fires their timers as a journal partition in wall mode does."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from pipeline.engine.decide import decide, due_entries, fire, needs
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head
from pipeline.intake.dialects.naming import input_key
from schemas.facts import Fact, Group, facts_of
from schemas.records import AnyCustomerRecord, Profile


class Who(NamedTuple):
    """Names a customer."""

    org_id: int
    customer_id: int

    def __str__(self) -> str:
        return input_key(*self).decode()


class Decided(NamedTuple):
    """What was decided about one customer at once."""

    first_seq: int
    groups: list[Group]
    profile: Profile
    """What was known of the customer before."""

    @property
    def facts(self) -> list[Fact]:
        """The decisions in their envelopes."""
        return list(facts_of(self.first_seq, self.groups))


class Customers:
    """The full states of all customers."""

    def __init__(self) -> None:
        self.states: dict[Who, CustomerState] = {}
        self._timers: list[tuple[int, str, Who]] = []
        """A heap of (due instant, key); out of date where the state says otherwise."""
        self._fired_until = 0
        self._ends: list[tuple[int, Who, str]] = []
        """A heap of the instants at which entries may be forgotten; out of date where the entry says otherwise."""

    def decide(self, record: AnyCustomerRecord, programs: Programs, *, was_held: bool = False) -> Decided:
        """Decides a record that has just been received; no groups for a duplicate."""
        who = Who(org_id=record.org_id, customer_id=record.customer_id)
        state = self.states.get(who)
        if state is None:
            state = self.states[who] = CustomerState(Head(org_id=who.org_id, customer_id=who.customer_id), {})
        first_seq, profile = state.head.seq + 1, state.head.profile
        # The engine sees no entry that it did not ask for, as on the stream.
        seen, names = CustomerState(state.head), frozenset[str]()
        while more := frozenset(needs(seen, record, programs, record.received_at)) - names:
            names |= more
            seen.entries.update({name: state.entries[name] for name in more if name in state.entries})
        groups = decide(seen, record, programs, record.received_at, was_held=was_held)
        for name, entry in seen.entries.items():
            state.entries[name] = entry
            heappush(self._ends, (entry.forgotten_at, who, name))
        self._note_timer(who)
        return Decided(first_seq=first_seq, groups=groups, profile=profile)

    def fire(self, until: int, programs: Programs) -> Iterator[tuple[Who, Decided]]:
        """Fires all timers due by then, customer by customer; then deletes entries whose time is up.

        First of all customers of the orgs in which a version for all starts.
        """
        for org_id in programs.starting(self._fired_until, until):
            for who in sorted((who for who in self.states if who.org_id == org_id), key=str):
                if (decided := self._fire(who, until, programs)).groups:
                    yield who, decided
        self._fired_until = until
        while self._timers and self._timers[0][0] <= until:
            due, _, who = heappop(self._timers)
            if self.states[who].head.timer == due:
                yield who, self._fire(who, until, programs)
        while self._ends and self._ends[0][0] <= until:
            forgotten_at, who, name = heappop(self._ends)
            entries = self.states[who].entries
            if name in entries and entries[name].forgotten_at == forgotten_at:
                del entries[name]

    def _fire(self, who: Who, until: int, programs: Programs) -> Decided:
        state = self.states[who]
        first_seq, profile = state.head.seq + 1, state.head.profile
        names = due_entries(state.head, until)
        seen = CustomerState(state.head, {name: state.entries[name] for name in names})
        groups = fire(seen, until, programs)
        self._note_timer(who)
        return Decided(first_seq=first_seq, groups=groups, profile=profile)

    def _note_timer(self, who: Who) -> None:
        due = self.states[who].head.timer
        if due is not None:
            heappush(self._timers, (due, str(who), who))
