"""Questions about customers, from any thread to the loyalty role, which answers them between its rounds."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from pipeline.engine.clock import PartitionClock
from pipeline.engine.decide import decide, needs
from pipeline.engine.identity.lookup import find_link
from pipeline.engine.identity.state import link_of
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head, decode_entry, decode_head
from pipeline.intake.dialects.naming import NOBODY, input_key
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Unavailable
from pipeline.runtime.roles.outputs import Open
from pipeline.runtime.state.customers import key_of_entry
from pipeline.runtime.state.marker import program_key
from schemas.facts import Group
from schemas.program import ProgramDefinition
from schemas.records import AnyCustomerRecord, KnownBy, Profile

_WAITING_MAX: Final = 1_000
_AT_ONCE: Final = 64
"""Questions answered between two rounds: records should not wait for more."""
_Answer = TypeVar("_Answer")


class Standing(NamedTuple):
    """Where a customer stands as of the last round that took effect. Nobody else has these objects."""

    head: Head
    definitions: Mapping[tuple[int, int, int], ProgramDefinition]
    """The versions that the customer's sections follow, by org, program and version."""
    as_of: int
    """The later of the clocks of the partition and of the customer, milliseconds since the epoch."""


class Foreseen(NamedTuple):
    """What a record would lead to."""

    groups: Sequence[Group]
    """Everything that would be decided, timers that are due by then first; empty for a duplicate."""
    standing: Standing
    """Where the customer would stand."""


class Known:
    """What a partition knows of its customers as of the last round that took effect."""

    def __init__(
        self, get: Callable[[bytes], bytes | None], clock: PartitionClock, programs: Programs, open_json: Open
    ) -> None:
        """`get`: the value of a key of the state; `open_json` opens personal data that is sealed."""
        self._open_json = open_json
        self._get = get
        self._clock = clock
        self._programs = programs

    def standing(self, org_id: int, customer_id: int) -> Standing | None:
        """Where a customer stands; None for one that nothing is known of."""
        raw = self._get(input_key(org_id, customer_id))
        return None if raw is None else self._standing_of(decode_head(raw))

    def named_by(self, org_id: int, identifiers: Sequence[KnownBy]) -> int | None:
        """The customer whom the first of the identifiers that names anybody names; None where none does.

        The org itself, its subject 0, knows: ask its partition.
        """
        state = CustomerState(Head(org_id, NOBODY))
        self._bring(state, [link_of(one.kind, one.digest) for one in identifiers])
        links = (find_link(state, one) for one in identifiers)
        return next((link.person for link in links if link is not None and link.person), None)

    def foresee(self, record: AnyCustomerRecord) -> Foreseen:
        """What a record of one of the customers would lead to if it came now. Nothing is changed."""
        raw = self._get(input_key(record.org_id, record.customer_id))
        state = CustomerState(Head(record.org_id, record.customer_id) if raw is None else decode_head(raw))
        as_of = self._clock.as_of(record)
        known: set[str] = set()
        while names := set(needs(state, record, self._programs, as_of)) - known:
            known |= names
            self._bring(state, names)
        groups = decide(state, record, self._programs, as_of, backfill=self._clock.event_mode)
        return Foreseen(groups=groups, standing=self._standing_of(state.head))

    def _bring(self, state: CustomerState, names: Iterable[str]) -> None:
        """Bring entries into a state, those that exist."""
        key = input_key(state.head.org_id, state.head.customer_id)
        for name in names:
            raw = self._get(key_of_entry(key, name))
            if raw is not None:
                state.entries[name] = decode_entry(raw)

    def _standing_of(self, head: Head) -> Standing:
        head.profile = self._opened(head)
        followed = [(head.org_id, number, section.version) for number, section in head.sections.items()]
        definitions = {one: self._get(program_key(*one)) for one in followed}
        return Standing(
            head=head,
            definitions={
                one: ProgramDefinition.model_validate_json(definition)
                for one, definition in definitions.items()
                if definition is not None
            },
            as_of=max(self._clock.time, head.clock),
        )

    def _opened(self, head: Head) -> Profile:
        try:
            readable = self._open_json(msgspec.json.encode(head.profile), head.org_id)
        except Unavailable as error:
            raise Unanswered(str(error)) from error
        return msgspec.json.decode(readable, type=Profile)


class Unanswered(Exception):
    """Too many questions wait already, or what is asked cannot be read."""


class Elsewhere(Unanswered):
    """Another worker has the partition of a customer, or it is being restored."""

    def __init__(self, partition: int) -> None:
        super().__init__("another worker has this customer, or the customer is being restored")
        self.partition = partition


class _Question(NamedTuple):
    partition: int
    ask: Callable[[Known], Any]
    answer: Future[Any]


class Questions:
    """The questions that wait, bounded."""

    def __init__(self, partitions: int) -> None:
        """`partitions`: how many there are."""
        self.ready: frozenset[int] = frozenset()
        """The partitions that are asked here."""
        self._partitions = partitions
        self._waiting: queue.Queue[_Question] = queue.Queue(_WAITING_MAX)

    def ask(self, org_id: int, customer_id: int, ask: Callable[[Known], _Answer]) -> Future[_Answer]:
        """Ask the partition of a customer. Raises `Unanswered`, now or as the answer."""
        partition = partition_for(input_key(org_id, customer_id), self._partitions)
        if partition not in self.ready:
            raise Elsewhere(partition)
        answer: Future[_Answer] = Future()
        try:
            self._waiting.put_nowait(_Question(partition=partition, ask=ask, answer=answer))
        except queue.Full as error:
            message = "too many questions wait already"
            raise Unanswered(message) from error
        return answer

    def answer(self, known: Callable[[int], Known]) -> None:
        """Answer what waits, some at once; `known`: what a partition knows, or it raises `Unanswered`."""
        for _ in range(_AT_ONCE):
            try:
                question = self._waiting.get_nowait()
            except queue.Empty:
                return
            if not question.answer.set_running_or_notify_cancel():
                continue
            try:
                question.answer.set_result(question.ask(known(question.partition)))
            except Unanswered as error:
                question.answer.set_exception(error)
