"""One journal partition in hand: what is in force in it, and how its records are decided in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

import msgspec
from pydantic import ValidationError

from pipeline.engine.clock import PartitionClock
from pipeline.engine.decide import decide, due_entries, fire, needs
from pipeline.engine.outcomes import first_outcome
from pipeline.engine.programs import Programs
from pipeline.intake.verdict import Defect
from pipeline.log.port import Message, Outgoing
from pipeline.notify.program_view import OrgView, ProgramView
from pipeline.replies.replies import is_answered
from pipeline.runtime.roles.given_up import given_up
from pipeline.runtime.roles.outputs import Open, Outputs
from pipeline.runtime.roles.questions import Known
from pipeline.runtime.state.customers import Changes, Customer, Customers
from pipeline.runtime.state.marker import MARKER_KEY, Mark, Marker, encode_marker, program_key
from pipeline.runtime.state.store_port import Change, Store
from schemas.facts import Group
from schemas.program import ProgramDefinition
from schemas.records import (
    WALL_SOURCE,
    AnyRecord,
    BackfillBegun,
    ClockAdvanced,
    CustomerRecord,
    CustomEventReceived,
    ForwardRecord,
    ProgramActivated,
    UnknownVersion,
    decode_record,
    encode_record,
    forwarded,
)
from schemas.succession import succession
from topics.catalog import Catalog

UNREADABLE: Final = "UNREADABLE_RECORD"
PROGRAM_REFUSED: Final = "PROGRAM_REFUSED"


class Rejected(NamedTuple):
    """A journal record that has no effect, or a message of which nobody came, and becomes a dead letter."""

    message: Message
    reason: str
    defects: tuple[Defect, ...]


class _InForce(NamedTuple):
    """What a partition's decisions depend on beside its customers. Immutable: replaced, not changed."""

    mark: Mark
    clock: PartitionClock
    programs: Programs
    views: dict[int, OrgView]
    """By org."""
    started: tuple[int, bytes] = (0, b"")
    """The org and the key of the last customer who adopted a version that starts with the tick at hand; not stored, as
    those who have adopted it have nothing to do when they are looked at again."""


class _Round(NamedTuple):
    """What a finished round changed, to be stored once it took effect."""

    in_force: _InForce
    changes: Changes
    others: list[Change]
    marker: bytes


_NO_VIEW: Final = OrgView()
_NEEDS_ROUNDS_MAX: Final = 6
"""How many times `needs` is asked at most; the last time it must name nothing new."""


class LoyaltyPartition:
    """The working set of one journal partition."""

    def __init__(
        self, number: int, store: Store, first: int, catalog: Catalog, cached_max: int, open_json: Open
    ) -> None:
        """Over a restored `store`; `first` is the journal offset to begin with where it holds nothing.

        `open_json` opens personal data that is sealed, for those who are told.
        """
        self.number = number
        self.store = store
        self.outputs = Outputs(catalog, number, open_json)
        self._open_json = open_json
        self.rejected: list[Rejected] = []
        """Records of this round that could not be decoded, programs that may not follow the one in force, and
        messages that wait for nobody any more."""
        self.repeats = 0
        """Records dropped because they came before."""
        self.unknown_events: Counter[str] = Counter()
        """Events that no program of their org knows, by `org/name`."""
        self.touched = False
        """Whether the next commit says where this partition stands: the open round has read or written here.

        Or an aborted one had: what it sent of its offsets may still arrive, and must not be the last word.
        """
        self.blocked = False
        """Whether a tick of the open round is unfinished: nothing after it may be decided."""
        self._journal = catalog.name("journal")
        self._changelog = catalog.name("state")
        self._customers = Customers(store, cached_max)
        self._saved = self._in_force = _restored(store, first)
        self._next_offset = self._saved.mark.next_offset
        self._others: list[Change] = []
        self._round: _Round | None = None
        self._wall_written = 0

    @property
    def next_offset(self) -> int:
        """The journal offset to read from, as committed."""
        return self._saved.mark.next_offset

    @property
    def has_read(self) -> bool:
        """Whether the open round has read from this partition."""
        return self.blocked or self._next_offset != self.next_offset

    @property
    def clock(self) -> int:
        """The partition's clock, as committed."""
        return self._saved.clock.time

    def known(self) -> Known:
        """What is known here, without the open round."""
        return Known(self.store.get, self._saved.clock, self._saved.programs, self._open_json)

    def take(self, messages: Sequence[Message], out: list[Outgoing], budget: int) -> int:
        """Decides records in order and adds their output to `out`; returns what is left of the timer budget."""
        self.touched = True
        for message in messages:
            if self.blocked:
                break
            try:
                read = decode_record(message.value or b"")
                record = forwarded(read)
                definition = definition_in(record)
            except (UnknownVersion, msgspec.DecodeError, ValidationError) as error:
                defect = Defect("", str(error), "only Accrue writes to the journal; find out who wrote this")
                self.rejected.append(Rejected(message, UNREADABLE, (defect,)))
            else:  # outside `try`: a state that cannot be read stops the worker, the record is not to blame
                try:
                    was_held = isinstance(read, ForwardRecord) and read.was_held
                    budget = self._take(record, definition, message, out, budget, was_held=was_held)
                except BaseException as error:
                    error.add_note(f"at {self._journal} partition {self.number} offset {message.offset}")
                    raise
            if not self.blocked:
                self._next_offset = message.offset + 1
        return budget

    def _take(
        self,
        record: AnyRecord,
        definition: ProgramDefinition | None,
        message: Message,
        out: list[Outgoing],
        budget: int,
        *,
        was_held: bool,
    ) -> int:
        if isinstance(record, CustomerRecord):
            self._decide(record, message.offset, out, was_held=was_held)
        elif isinstance(record, ClockAdvanced):
            budget = self._advance(record, message.offset, out, budget)
        elif isinstance(record, BackfillBegun):
            self._begin_backfill(record)
        elif isinstance(record, ProgramActivated) and definition is not None:
            self._activate(record, definition, message)
        return budget

    def wall_tick(self, wall: int, every: float, out: list[Outgoing]) -> None:
        """Writes a clock record to the journal, if this partition runs on wall time and a tick is due."""
        if self.wants_wall_tick(wall, every):
            self._wall_written = wall
            self.touched = True
            tick = ClockAdvanced(wall, WALL_SOURCE, 0, WALL_SOURCE, wall)
            out.append(Outgoing(self._journal, None, encode_record(tick), self.number))

    def wants_wall_tick(self, wall: int, every: float) -> bool:
        """Whether a tick is due. Without customers none is needed, and a backfill can still begin."""
        clock = self._in_force.clock
        if clock.event_mode or wall < max(clock.time, self._wall_written) + every:
            return False
        return self.store.has_customers()

    def finish(self, out: list[Outgoing]) -> Mark:
        """End the round: add the changelog to `out`, the marker last; what is to be committed."""
        in_force = self._in_force
        mark = Mark(self._next_offset, in_force.mark.round + 1)
        in_force = in_force._replace(mark=mark)
        versions = tuple(in_force.programs.versions())
        marker = encode_marker(Marker(mark.next_offset, mark.round, in_force.clock, versions))
        changes = self._customers.changes()
        topic, number = self._changelog, self.number
        for some in (changes.heads, changes.entries, self._others):
            out += [Outgoing(topic, change.key, change.value, number) for change in some]
        out.append(Outgoing(topic, MARKER_KEY, marker, number))
        self._round = _Round(in_force, changes, self._others, marker)
        return mark

    def committed(self, position: int | None = None) -> None:
        """The round took effect: store it, and that it ends before `position` of the changelog, where that is known."""
        if self._round is not None:
            in_force, changes, others, marker = self._round
            self.store.write(changes.heads, changes.entries, others, marker, position)
            self._customers.committed(changes)
            self._saved = self._in_force = in_force
        self.touched = False
        self._end_round()

    def count_anew(self) -> None:
        """What was counted so far was taken into account, or never took effect."""
        self.repeats = 0
        self.unknown_events.clear()
        self.outputs.count_anew()

    def aborted(self) -> None:
        """The round had no effect: forget it."""
        self._customers.aborted()
        self._in_force = self._saved
        self._next_offset = self._saved.mark.next_offset
        self._wall_written = 0
        self._end_round()

    def _end_round(self) -> None:
        self._round = None
        self._others = []
        self.rejected = []
        self.blocked = False

    def _decide(self, record: CustomerRecord, offset: int, out: list[Outgoing], *, was_held: bool) -> None:
        org_id, customer_id = record.org_id, record.customer_id
        in_force = self._in_force
        customers = self._customers
        customer = customers.get(org_id, customer_id)
        state = customer.state
        as_of = in_force.clock.as_of(record)
        for _ in range(_NEEDS_ROUNDS_MAX):
            names = needs(state, record, in_force.programs, as_of)  # type: ignore[arg-type]  # the union's cases
            if not (names and customers.load(customer, names)):
                break
        else:
            message = f"a record still names entries that were not seen after {_NEEDS_ROUNDS_MAX} rounds: {names}"
            raise RuntimeError(message)
        first_seq, profile = state.head.seq + 1, state.head.profile
        groups = decide(
            state,
            record,  # type: ignore[arg-type]
            in_force.programs,
            as_of,
            backfill=in_force.clock.event_mode,
            was_held=was_held,
        )
        if not groups:
            self.repeats += 1
            if is_answered(record, event_mode=in_force.clock.event_mode):
                first = first_outcome(state, f"{type(record).__name__}:{record.id}")
                self.outputs.add_duplicate(out, customer.key, offset, record, first, state.head.seq)
            return
        self._start_late(customer, groups)
        customers.changed(customer)
        if isinstance(record, CustomEventReceived) and not record.analytics_only:
            self._look_at(record, state.head.clock)
        self.outputs.add(
            out,
            customer.key,
            (org_id, customer_id),
            offset,
            record.received_at,
            record,  # type: ignore[arg-type]
            first_seq,
            groups,
            in_force.views.get(org_id, _NO_VIEW),
            profile=profile,
            event_mode=in_force.clock.event_mode,
            was_held=was_held,
        )
        if (lost := given_up(record, groups)) is not None:
            letter = Message(self._journal, self.number, offset, customer.key, lost.value, lost.sent_at, ())
            self.rejected.append(Rejected(letter, lost.reason, (lost.defect,)))

    def _start_late(self, customer: Customer, groups: list[Group]) -> None:
        """A record that intake took before a tick and journalled behind it: a start that the tick passed is due."""
        head, reached, programs = customer.state.head, self._in_force.clock.time, self._in_force.programs
        if head.clock < reached and head.org_id in programs.starting(head.clock, reached):
            self._customers.load(customer, due_entries(head, reached))
            groups += fire(customer.state, reached, programs)

    def _look_at(self, event: CustomEventReceived, clock: int) -> None:
        if not self._in_force.programs.org(event.org_id).at(clock).knows(event.event_name):
            self.unknown_events[f"{event.org_id}/{event.event_name}"] += 1

    def _begin_backfill(self, record: BackfillBegun) -> None:
        clock = _copy(self._in_force.clock)
        clock.begin_backfill(record)
        self._in_force = self._in_force._replace(clock=clock)

    def _advance(self, record: ClockAdvanced, offset: int, out: list[Outgoing], budget: int) -> int:
        clock = _copy(self._in_force.clock)
        until = clock.advance(record)
        if until is not None:
            budget = self._fire(until, record.time, offset, out, budget)
            if self.blocked:
                return budget  # the clock and the tick's own offset move with the last slice
        self._in_force = self._in_force._replace(clock=clock, started=(0, b""))
        return budget

    def _fire(self, until: int, announced: int, offset: int, out: list[Outgoing], budget: int) -> int:
        customers = self._customers
        for customer in chain(self._starting(until), customers.due(until)):
            if budget == 0:
                self.blocked = True
                return 0
            budget -= 1
            self._fire_one(customer, until, announced, offset, out)
        # Housekeeping goes the same way, so that what is still there never depends on how ticks were sliced.
        forgotten = customers.forget(until, budget)
        self.blocked = forgotten == budget and customers.may_forget(until)
        return budget - forgotten

    def _starting(self, until: int) -> Iterator[Customer]:
        """All customers of the orgs in which a version for all starts by then, in key order; each once in a tick."""
        org_done, key_done = self._in_force.started
        for org_id in self._in_force.programs.starting(self._in_force.clock.time, until):
            if org_id >= org_done:
                for customer in self._customers.of(org_id, key_done if org_id == org_done else b""):
                    yield customer
                    self._in_force = self._in_force._replace(started=(org_id, customer.key))

    def _fire_one(self, customer: Customer, until: int, announced: int, offset: int, out: list[Outgoing]) -> None:
        in_force, state = self._in_force, customer.state
        head = state.head
        self._customers.load(customer, due_entries(head, until))
        first_seq, profile = head.seq + 1, head.profile
        groups = fire(state, until, in_force.programs)
        if groups:
            self._customers.changed(customer)
            self.outputs.add(
                out,
                customer.key,
                (head.org_id, head.customer_id),
                offset,
                announced,
                None,
                first_seq,
                groups,
                in_force.views.get(head.org_id, _NO_VIEW),
                profile=profile,
                event_mode=in_force.clock.event_mode,
            )

    def _activate(self, record: ProgramActivated, definition: ProgramDefinition, message: Message) -> None:
        in_force = self._in_force
        org_id, program_id = definition.org_id, definition.program_id
        known = in_force.programs.get(org_id, program_id)
        if known is not None:
            if definition.version <= known.version:
                return
            if breaches := succession(known.definition, definition):
                defects = tuple(Defect(*breach) for breach in breaches)
                self.rejected.append(Rejected(message, PROGRAM_REFUSED, defects))
                return
        programs = in_force.programs.put_in_force(definition, in_force.clock.time, record.starts_at)
        self._in_force = in_force._replace(programs=programs, views=_views_of(programs, in_force.views, org_id))
        key = program_key(org_id, program_id, definition.version)
        self._others.append(Change(key, record.definition.encode()))
        self._others += [Change(gone, None) for gone in _keys_of(in_force.programs) - _keys_of(programs)]


def definition_in(record: AnyRecord) -> ProgramDefinition | None:
    """The program that a record activates, None for any other record; raises `ValidationError`."""
    return ProgramDefinition.model_validate_json(record.definition) if isinstance(record, ProgramActivated) else None


def _keys_of(programs: Programs) -> set[bytes]:
    """The keys of the definitions that are kept in the state."""
    return {program_key(org_id, program_id, version) for org_id, program_id, version, _ in programs.versions()}


def _views_of(programs: Programs, views: dict[int, OrgView], org_id: int) -> dict[int, OrgView]:
    """The views with those of the org's programs as they are now."""
    kept = programs.org(org_id).versions.values()
    return {**views, org_id: OrgView(ProgramView(one.program.definition) for some in kept for one in some)}


def _restored(store: Store, first: int) -> _InForce:
    marker = store.marker
    if marker is None:
        return _InForce(Mark(first, 0), PartitionClock(), Programs(), {})
    programs = programs_of(marker, store.get)
    views: dict[int, OrgView] = {}
    for org_id in {org_id for org_id, *_ in marker.programs}:
        views = _views_of(programs, views, org_id)
    return _InForce(marker.mark, marker.clock, programs, views)


def programs_of(marker: Marker, get: Callable[[bytes], bytes | None]) -> Programs:
    """The versions that are in force by the marker of a partition; `get`: the value of a key of its state."""
    programs = Programs()
    for org_id, program_id, version, starts_at in marker.programs:
        key = program_key(org_id, program_id, version)
        definition = get(key)
        if definition is None:
            message = f"the state has no {key.decode()}, though that program is in force"
            raise RuntimeError(message)
        programs = programs.activate(ProgramDefinition.model_validate_json(definition), starts_at=starts_at)
    return programs


def _copy(clock: PartitionClock) -> PartitionClock:
    return PartitionClock(clock.time, dict(clock.sources), list(clock.done))
