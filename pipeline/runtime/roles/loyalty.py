"""The loyalty role: the journal's partitions in hand, each with its state, decided record by record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.log.port import FETCH_BYTES_MAX, Committed, Log, Message, Outgoing, Partition, Unreadable
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.loop.role import Decided, Finished
from pipeline.runtime.roles.deadletters import Burial, DeadLetters, TooManyDeadLetters
from pipeline.runtime.roles.following import KeyRing
from pipeline.runtime.roles.given_up import GIVEN_UP
from pipeline.runtime.roles.oddities import Oddities
from pipeline.runtime.roles.partition import PROGRAM_REFUSED, UNREADABLE, LoyaltyPartition
from pipeline.runtime.roles.questions import Elsewhere, Known, Questions
from pipeline.runtime.settings import Settings
from pipeline.runtime.state.changelog import JournalLost, Restore, StateAhead
from pipeline.runtime.state.marker import committed_with, mark_of
from pipeline.runtime.state.store import PartitionStore
from pipeline.runtime.state.store_port import Store, StoreFailed
from pipeline.runtime.state.tails import Tails
from topics.catalog import Catalog

LOGGER: Final = logging.getLogger(__name__)

LOYALTY: Final = "loyalty"
_JUDGED: Final = (PROGRAM_REFUSED, *(reason.name for reason in GIVEN_UP))
"""Reasons of dead letters of what was read, and says nothing against our reading."""
_CALL_SECONDS: Final = 1.0
_OPEN_SECONDS: Final = 3.0
_TAILS_SECONDS: Final = 5.0
"""How long a commit may wait until it is known that no store is behind its changelog."""


class _Restoring(NamedTuple):
    """A partition that is being restored."""

    restore: Restore
    store: Store
    first: int
    committed: Committed
    is_behind: bool
    """Whether the state is taken to be right, and what is committed to be behind it."""


class LoyaltyRole:
    """Decides journal records; implements `loop.Role`."""

    name = LOYALTY
    fetch_bytes_max = FETCH_BYTES_MAX

    def __init__(
        self,
        log: Log,
        settings: Settings,
        progress: Progress,
        *,
        clock: Clock = SYSTEM_CLOCK,
        open_store: Callable[[int], Store] | None = None,
        questions: Questions | None = None,
    ) -> None:
        """`open_store` opens the local store of a partition; by default in the slot's folder.

        `questions`: asked by others, and answered here.

        The wall time of `clock` is written to the journal, never decided by.
        """
        catalog = Catalog(settings.prefix, settings.partitions)
        self._catalog = catalog
        self.topics: Sequence[str] = (catalog.name("journal"),)
        self._log = log
        self._settings = settings
        self._progress = progress
        self._clock = clock
        self._questions = questions or Questions(settings.partitions)
        self._open_store = open_store or self._in_folder
        self._wall_every = settings.wall_tick.total_seconds() * 1_000
        self._changelog = catalog.name("state")
        self._dead_letters = DeadLetters(
            catalog.name("deadletters"),
            LOYALTY,
            settings.dead_letters_per_minute_max,
            reasons=(UNREADABLE, *_JUDGED),
            judged=_JUDGED,
            clock=clock.now,
        )
        progress.dead_letters_by_reason = self._dead_letters.by_reason
        self._events = Oddities(
            "events have a name that no program of their org knows, and change nothing",
            "correct the name where the event is sent, or in the program that should know it",
            clock.now,
        )
        progress.unknown_events = self._events.counts
        self._ring = KeyRing(log, catalog.name("keys"), clock)
        self._tails = Tails(log, clock)
        self._unproven: dict[int, _Restoring] = {}
        """Partitions whose store matched, and whose changelog has not been checked for later rounds yet."""
        self._restores: dict[int, _Restoring] = {}
        self._ahead: dict[int, tuple[Committed, StateAhead]] = {}
        """Partitions whose state was ahead of what was committed when they were opened."""
        self._partitions: dict[int, LoyaltyPartition] = {}
        self._failed_at: dict[int, int] = {}
        """By partition: from which offset the last round began that read it and had no effect."""
        self._budget = settings.tick_customers_max

    def open(self, partition: Partition, committed: Committed, first: int) -> None:
        """Begin to restore the state that belongs to the committed offset.

        A state that is ahead of it may be that of another worker, which had the partition while this one slept. Where
        the same is committed when looked at again, the group has lost what came later, as Kafka 4.1 has been seen to
        do when a broker was killed, or has taken a request again that came late. The state was written with its facts,
        in one transaction, so it has the word. Raises `StateAhead` where nothing at all is committed.
        """
        number = partition.number
        before, error = self._ahead.get(number, (None, None))
        is_behind = error is not None and before == committed
        if error is not None and is_behind and committed.offset is None:
            raise error
        store = self._open_store(number)
        try:
            restore = Restore(
                self._log,
                Partition(self._changelog, number),
                store,
                mark_of(committed),
                self._settings.patience.total_seconds(),
                to_the_end=is_behind,
                clock=self._clock,
            )
        except BaseException:
            store.close()
            raise
        self._restores[number] = _Restoring(restore, store, first, committed, is_behind)
        self._tell(number, restore)

    def restore(self, partition: Partition) -> int | None:
        """Reads the changelog for a moment; returns the journal offset to continue from once the state is restored."""
        number = partition.number
        restoring = self._restores[number]
        restore, store, first, committed, is_behind = restoring
        try:
            done = restore.step()
        except StateAhead as error:
            self._ahead[number] = (committed, error)
            raise
        if not done:
            self._tell(number, restore)
            return None
        cached_max = self._settings.heads_cached_max // self._settings.partitions
        opened = LoyaltyPartition(number, store, first, self._catalog, cached_max, self._ring.open_json)
        if is_behind:
            self._go_on_from_the_state(partition, opened, committed)
        if restore.matched:
            self._tails.add(Partition(self._changelog, number), store.position)
            self._unproven[number] = restoring
        del self._restores[number]
        self._ahead.pop(number, None)
        self._progress.restores.pop(number, None)
        self._partitions[number] = opened
        self._questions.ready = frozenset(self._partitions)
        return opened.next_offset

    def wants_round(self) -> bool:
        """Whether the passing of time must be written to a partition, or where one stands must be said again."""
        self._tails.begin()  # to be read while a round is decided
        self._questions.answer(self._known)
        wall = self._clock.wall()
        return any(partition.touched for partition in self._partitions.values()) or any(
            one.wants_wall_tick(wall, self._wall_every) for one in self._working()
        )

    def process(self, batch: Sequence[Message]) -> Decided:
        """Decide messages, partition by partition."""
        out: list[Outgoing] = []
        by_partition: dict[int, list[Message]] = {}
        for message in batch:
            number = message[1]
            if number in by_partition:
                by_partition[number].append(message)
            else:
                by_partition[number] = [message]
        full = False
        halt: TooManyDeadLetters | None = None
        for number, messages in by_partition.items():
            partition = self._partitions[number]
            self._budget = partition.take(messages, out, self._budget)
            full = full or partition.blocked
            if partition.rejected:
                halt = self._bury(partition, out) or halt
        wall = self._clock.wall()
        for partition in self._working():
            partition.wall_tick(wall, self._wall_every, out)
        return Decided(out, full, halt)

    def pass_over(self, unreadable: Unreadable) -> Decided:
        """Decide a record of which all but the headers can be read, as they say nothing here.

        Raises all else: accepted input would be lost without a trace, and the order with it.
        """
        if unreadable.message is None:
            raise unreadable
        return self.process([unreadable.message])

    def finish(self) -> Finished:
        """The changelog of every touched partition, and the marks to be committed.

        Raises `StoreFailed` if a store that was trusted is behind its changelog; everything is reopened then.
        """
        if self._unproven:
            self._prove()
        out: list[Outgoing] = []
        offsets: dict[Partition, Committed] = {}
        again: list[Partition] = []
        (journal,) = self.topics
        for number, partition in self._partitions.items():
            if partition.touched:
                offsets[Partition(journal, number)] = committed_with(partition.finish(out))
                if partition.blocked:
                    again.append(Partition(journal, number))
        return Finished(out, offsets, again)

    def committed(self, ends: Mapping[Partition, int]) -> None:
        """Store what took effect, and where in the changelog it ends."""
        for number, partition in self._partitions.items():
            if partition.touched:
                partition.committed(ends.get(Partition(self._changelog, number)))
        self._dead_letters.committed()
        self._budget = self._settings.tick_customers_max
        self._report()

    def aborted(self) -> None:
        """Drop the working copies."""
        for number, partition in self._partitions.items():
            if partition.has_read:
                self._failed_at[number] = partition.next_offset
            partition.aborted()
            partition.count_anew()
        self._dead_letters.aborted()
        self._budget = self._settings.tick_customers_max

    def drop(self, partition: Partition) -> None:
        """Let go of a partition, ready or half restored."""
        number = partition.number
        self._progress.restores.pop(number, None)
        self._progress.clocks.pop(number, None)
        self._unproven.pop(number, None)
        self._tails.drop(Partition(self._changelog, number))
        if (opened := self._partitions.pop(number, None)) is not None:
            self._questions.ready = frozenset(self._partitions)
            opened.store.close()
        if (restoring := self._restores.pop(number, None)) is not None:
            try:
                restoring.restore.close()
            finally:
                restoring.store.close()

    def close(self) -> None:
        """Let go of everything."""
        (journal,) = self.topics
        for number in (*self._partitions, *self._restores):
            self.drop(Partition(journal, number))
        self._tails.close()
        self._ring.close()

    def _known(self, number: int) -> Known:
        partition = self._partitions.get(number)
        if partition is None:
            raise Elsewhere(number)
        return partition.known()

    def _working(self) -> list[LoyaltyPartition]:
        """Those that got on since a round of theirs had no effect: a tick would only wait behind what failed."""
        return [one for number, one in self._partitions.items() if self._failed_at.get(number) != one.next_offset]

    def _prove(self) -> None:
        """Look behind the stores that matched what is committed."""
        last = self._tails.read(min(_TAILS_SECONDS, self._settings.transaction_timeout.total_seconds() / 4))
        problems: list[StateAhead] = []
        for number, (restore, _, _, committed, _) in self._unproven.items():
            found = last.get(Partition(self._changelog, number))
            if (ahead := restore.is_ahead(found)) is not None:
                self._ahead[number] = (committed, ahead)
                problems.append(ahead)
        self._unproven = {}
        if problems:
            message = f"local stores do not match their changelogs: {'; '.join(map(str, problems))}"
            raise StoreFailed(message)

    def _go_on_from_the_state(self, partition: Partition, opened: LoyaltyPartition, committed: Committed) -> None:
        """The group's offset is not that of the state: the next round commits the state's own."""
        end = self._log.ends((partition,), _CALL_SECONDS)[partition]
        if opened.next_offset > end:
            message = (
                f"{partition} ends at offset {end}, and its state has decided up to {opened.next_offset}: was the "
                "topic deleted, or brought back from an older copy than that of the state?"
            )
            raise JournalLost(message)
        opened.touched = True
        LOGGER.warning(
            "%s: the group is at offset %d (%s), and the last state, committed with all its facts, at offset %d: going "
            "on from there, so that nothing is decided twice. A broker may have lost committed offsets",
            partition,
            committed.offset,
            committed.metadata,
            opened.next_offset,
        )

    def _in_folder(self, number: int) -> Store:
        # By its id: a topic that was deleted and created again has the same name and offsets, but other customers.
        identity = self._log.topic_id(self._changelog, _OPEN_SECONDS)
        return PartitionStore(self._settings.states / str(number), f"{identity}:{number}")

    def _tell(self, number: int, restore: Restore) -> None:
        if news := self._progress.restored(number, restore.left):
            LOGGER.info("%s", news)

    def _bury(self, partition: LoyaltyPartition, out: list[Outgoing]) -> TooManyDeadLetters | None:
        """Add the dead letters of what the partition has read, all of them; why to halt where they are too many."""
        halt: TooManyDeadLetters | None = None
        for message, reason, defects in partition.rejected:
            burial = Burial(message, reason, defects)
            halt = halt or self._dead_letters.too_many(burial)
            out.append(self._dead_letters.letter(burial))
        partition.rejected = []
        return halt

    def _report(self) -> None:
        progress = self._progress
        partitions = self._partitions.values()
        progress.clocks = {partition.number: partition.clock for partition in partitions}
        for one in partitions:
            for name, times in one.unknown_events.items():
                self._events.saw(name, times)
            progress.counted(one.outputs.facts, one.outputs.notifications, one.repeats, one.outputs.awards)
            one.count_anew()
        self._events.committed()
