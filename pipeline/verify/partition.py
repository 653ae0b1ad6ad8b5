"""Verifies one journal partition: compares what a worker wrote with what the journal decides.

1. note what is committed, and fold the changelog to the state that belongs to it
2. look at the facts on their own; fold those that an older engine decided
3. decide the journal again up to the committed offset, comparing facts, notifications and replies message by message
4. compare the state
5. decide on for as long as the topics hold something: what a running worker has written meanwhile

Requests to other customers are noted on the way, to be matched once all partitions are through.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from pipeline.engine import ENGINE_VERSION
from pipeline.engine.clock import PartitionClock
from pipeline.engine.state import decode_entry
from pipeline.log.port import Log, Partition
from pipeline.runtime.state.marker import MARKER_KEY, Mark, Marker, UnknownCommit, mark_of
from pipeline.runtime.state.store import PartitionStore
from pipeline.sealing import Keys
from pipeline.verify.comparing import FACTS, NOTIFICATIONS, REPLIES, Comparison
from pipeline.verify.deciding import Deciding
from pipeline.verify.facts import FactsAlone, NewerEngine, Older
from pipeline.verify.folding import Folding
from pipeline.verify.kept import Kept, pairs
from pipeline.verify.reading import Reading, name_of
from pipeline.verify.report import Check, Report, Watcher
from pipeline.verify.requests import Requests
from pipeline.verify.state import Ahead, Reached, difference, fold_changelog
from schemas.facts import FactMessage, decode_facts
from schemas.records import UnknownVersion
from topics.catalog import Catalog

_ATTEMPTS: Final = 5
_COMMIT_SECONDS: Final = 10.0
"""How long a commit may take to show in the group, once its messages do."""
_POLL_SECONDS: Final = 0.05


class Bench(NamedTuple):
    """What the verification of every partition needs."""

    log: Log
    catalog: Catalog
    group: str
    """The group of the loyalty role."""
    folder: Path
    """For throw-away files."""
    report: Report
    watcher: Watcher
    requests: Requests
    keys: Callable[[], Keys]
    """Reads those of personal data."""


class _Base(NamedTuple):
    """The recorded state to compare with."""

    wanted: Mark | None
    """What is committed."""
    reached: Reached | None
    recorded: Kept


def verify_partition(bench: Bench, number: int) -> None:
    """Check one partition. Raises `NewerEngine` where this build cannot."""
    with ExitStack() as stack:
        _Verification(bench, number, stack).run()


class _Verification:
    def __init__(self, bench: Bench, number: int, stack: ExitStack) -> None:
        self._bench = bench
        self._report = bench.report
        self._number = number
        self._stack = stack
        self._folder = bench.folder / str(number)
        self._decided = stack.enter_context(closing(Kept(self._folder / "decided")))
        self._store = stack.enter_context(closing(PartitionStore(self._folder / "store", "verify")))
        self._store.note(0)  # empty, and whole as that
        self._unknown_commits: set[str] = set()
        """What was reported already: the stages repeat."""

    def run(self) -> None:
        # 1 what is committed, and its state
        base = self._base()
        wanted = base.wanted
        # 2 facts on their own
        facts, alone = self._facts_alone()
        outputs = [self._read(name) for name in self._bench.catalog.notifications]
        outputs.append(self._read(self._bench.catalog.name("replies")))
        journal = self._read(self._bench.catalog.name("journal"))
        upto = journal.kept_from if wanted is None else wanted.next_offset
        older = alone.older_until(facts.end)
        if journal.kept_from > 0 or (older is not None and older.journal > upto):
            self._fold_only(base, alone, facts, journal, upto)
            return
        if older is not None:
            if facts.kept_from > 0:
                self._note(f"facts of older engines begin at offset {facts.kept_from}: nothing can be decided again")
                return
            self._fold_older(older, alone, journal)
            journal = self._read(journal.partition.topic, older.journal)
        # 3 decide again
        comparisons = self._comparisons(facts.partition.topic, outputs, older)
        deciding = Deciding(journal, self._store, self._bench.catalog, self._bench.requests.find, self._bench.keys)
        self._bench.watcher.stage(f"partition {self._number}: deciding again", upto - journal.first)
        self._decide(deciding, comparisons, upto, due=True)
        for comparison in comparisons.values():
            comparison.settle()
        # 4 the state
        self._look_at_marker(base, journal, upto)
        differing = self._differing(base, lambda key: key != MARKER_KEY, folded=older is not None)
        if differing and (tick := deciding.next_tick()) is not None:  # a worker may be half through it
            self._decide(deciding, comparisons, tick + 1, due=False)
        self._tell_differing(base, differing)
        # 5 what was written meanwhile
        journal.look_again()
        while not all(one.exhausted for one in comparisons.values()) and (at := deciding.next_offset()) is not None:
            self._decide(deciding, comparisons, at + 500, due=False)
        for comparison in comparisons.values():
            comparison.finish()
        at = deciding.next_offset()
        self._bench.requests.decided(self._number, journal.first, journal.end if at is None else at)
        self._note(f"journal offsets {journal.first} to {upto} were decided again")

    def _read(self, topic: str, first: int = 0) -> Reading:
        return self._stack.enter_context(closing(Reading(self._bench.log, Partition(topic, self._number), first)))

    def _note(self, text: str) -> None:
        self._report.note(f"partition {self._number}: {text}")

    def _base(self) -> _Base:
        """What is committed, with the state that belongs to it; a running worker may make it necessary to try again."""
        changelog = Partition(self._bench.catalog.name("state"), self._number)
        wanted = self._committed()
        for attempt in range(_ATTEMPTS):
            recorded = self._stack.enter_context(closing(Kept(self._folder / f"recorded-{attempt}")))
            with closing(Reading(self._bench.log, changelog)) as reading:
                self._bench.watcher.stage(f"partition {self._number}: state", reading.end - reading.first)
                try:
                    reached = fold_changelog(reading, wanted, recorded)
                except Ahead as ahead:
                    wanted, moved = self._await_commit(ahead.found, wanted)
                    if moved:
                        continue
                    place = name_of(changelog, ahead.offset)
                    what = f"holds the state of {_told(ahead.found)}, and {_told(wanted)} is committed"
                    self._report.find(Check.OFFSETS, place, what)
                    return _Base(wanted, None, recorded)
                except (UnknownVersion, msgspec.DecodeError) as error:
                    self._report.find(Check.OFFSETS, name_of(changelog), f"a $partition cannot be decoded: {error}")
                    return _Base(wanted, None, recorded)
                self._report.look(Check.OFFSETS, 1)
                if wanted is not None and reached is None:
                    what = f"ends without the state of {_told(wanted)}, which is committed"
                    self._report.find(Check.OFFSETS, name_of(changelog), what)
                if reached is not None:
                    self._look_at_later(changelog, reached, wanted)
                return _Base(wanted, reached, recorded)
        self._note("the state is not compared: the changelog is compacted faster than it can be read")
        return _Base(wanted, None, recorded)

    def _committed(self) -> Mark | None:
        journal = Partition(self._bench.catalog.name("journal"), self._number)
        committed = self._bench.log.group_offsets(self._bench.group, [journal.topic])[journal]
        try:
            return mark_of(committed)
        except UnknownCommit as error:
            if str(error) not in self._unknown_commits:
                self._unknown_commits.add(str(error))
                self._report.find(Check.OFFSETS, name_of(journal), str(error))
            return None

    def _await_commit(self, found: Mark, wanted: Mark | None) -> tuple[Mark | None, bool]:
        """What is committed once `found` shows in the group, and whether it does."""
        deadline = time.monotonic() + _COMMIT_SECONDS
        before = -1 if wanted is None else wanted.round
        while True:
            now = self._committed()
            if now is not None and now.round >= found.round > before and now.next_offset >= found.next_offset:
                return now, True
            if time.monotonic() > deadline:
                return now, False
            threading.Event().wait(_POLL_SECONDS)

    def _look_at_later(self, changelog: Partition, reached: Reached, wanted: Mark | None) -> None:
        if reached.marker.engine_version > ENGINE_VERSION:
            version = reached.marker.engine_version
            problem = f"{name_of(changelog)} is of engine version {version}; verify with a build of that version"
            raise NewerEngine(problem)
        if reached.later is not None:
            found, offset = reached.later
            now, shows = self._await_commit(found, wanted)
            if not shows:
                what = f"holds the state of {_told(found)}, and {_told(now)} is committed"
                self._report.find(Check.OFFSETS, name_of(changelog, offset), what)

    def _facts_alone(self) -> tuple[Reading, FactsAlone]:
        facts = self._read(self._bench.catalog.name("facts"))
        self._bench.watcher.stage(f"partition {self._number}: facts", facts.end - facts.first)
        alone = FactsAlone(facts.partition, self._report, from_the_beginning=facts.kept_from == 0)
        while messages := facts.take():
            alone.take(messages)
            self._bench.watcher.step(len(messages))
        if facts.kept_from > 0:
            self._note(f"facts begin at offset {facts.kept_from}: retention has taken what came before")
        return facts, alone

    def _comparisons(self, facts: str, outputs: list[Reading], older: Older | None) -> dict[str, Comparison]:
        since = None if older is None else older.since
        first = 0 if older is None else older.position
        compared = {facts: Comparison(FACTS, self._read(facts, first), self._report, whole=older is not None)}
        for reading in outputs:
            kind = REPLIES if reading.partition.topic == self._bench.catalog.name("replies") else NOTIFICATIONS
            compared[reading.partition.topic] = Comparison(
                kind, reading, self._report, whole=older is not None, since=since
            )
        return compared

    def _decide(self, deciding: Deciding, comparisons: Mapping[str, Comparison], before: int, *, due: bool) -> None:
        for records, told in deciding.run(before, self._decided.put, due=due):
            for one in told:
                if (comparison := comparisons.get(one.outgoing.topic)) is None:
                    self._bench.requests.ask(one.journal_offset, one.outgoing, due=one.due)
                else:
                    comparison.expect(one)
            for comparison in comparisons.values():
                comparison.advance()
            self._bench.watcher.step(records)

    def _look_at_marker(self, base: _Base, journal: Reading, upto: int) -> None:
        """The recorded `$partition` says what deciding again gives; the round counts transactions, so it may differ."""
        if base.reached is None:
            return
        decided, recorded = self._store.marker or Marker(journal.first, 0, PartitionClock()), base.reached.marker
        place = name_of(Partition(self._bench.catalog.name("state"), self._number), base.reached.offset)
        self._report.look(Check.OFFSETS, 1)
        if decided.next_offset != upto:
            what = f"stands at journal offset {upto}, and the record before it is that of {decided.next_offset - 1}"
            self._report.find(Check.OFFSETS, place, what)
        if decided.clock != recorded.clock:
            what = f"$partition: the clock is {recorded.clock}, and {decided.clock} was decided"
            self._report.find(Check.STATE, place, what)
        if decided.programs != recorded.programs:
            what = f"$partition: in force are {recorded.programs}, and {decided.programs} was decided"
            self._report.find(Check.STATE, place, what)

    def _differing(self, base: _Base, judged: Callable[[bytes], bool], *, folded: bool) -> set[bytes]:
        """The keys to be judged whose recorded and decided values are not the same."""
        if base.reached is None:
            return set()
        clock = base.reached.marker.clock.time
        differing: set[bytes] = set()
        count = 0
        for key, recorded, decided in pairs(base.recorded, self._decided):
            if not judged(key):
                continue
            count += 1
            if recorded != decided and not (folded and _may_be_forgotten(key, recorded, decided, clock)):
                differing.add(key)
        self._report.look(Check.STATE, count)
        return differing

    def _tell_differing(self, base: _Base, differing: set[bytes]) -> None:
        if not differing or base.reached is None:
            return
        topic = Partition(self._bench.catalog.name("state"), self._number)
        told = {
            key: what
            for key in sorted(differing)
            if (what := difference(key, base.recorded.get(key), self._decided.get(key)))
            and base.recorded.get(key) != self._decided.get(key)
        }
        # While we were reading, compaction may have taken a value for the sake of a later one.
        with closing(Reading(self._bench.log, topic, base.reached.offset + 1)) as reading:
            later = {message.key for message in reading.all() if message.key in told}
        for key, what in told.items():
            if key not in later:
                self._report.find(Check.STATE, name_of(topic), f"{key.decode(errors='replace')}: {what}")
        if later:
            self._note(f"{len(later)} keys that differ were written again meanwhile: run verify again to judge them")

    def _fold_older(self, older: Older, alone: FactsAlone, journal: Reading) -> None:
        self._bench.watcher.stage(f"partition {self._number}: folding facts of older engines", older.position)
        folding = Folding(self._store, self._decided.put, alone.broken)
        for facts in self._facts_before(older.position):
            folding.take(facts)
        with closing(Reading(self._bench.log, journal.partition)) as reading:
            folding.pass_over((one for one in reading.all() if one.offset < older.journal), older.journal)
        folding.store()
        self._note(f"facts of journal offsets before {older.journal} are of older engines: folded, not decided again")

    def _facts_before(self, position: int) -> Iterator[FactMessage]:
        facts = Partition(self._bench.catalog.name("facts"), self._number)
        with closing(Reading(self._bench.log, facts)) as reading:
            for message in reading.all():
                if message.offset >= position:
                    return
                try:
                    yield decode_facts(message.value or b"")
                except (UnknownVersion, msgspec.DecodeError):
                    continue  # told already

    def _fold_only(self, base: _Base, alone: FactsAlone, facts: Reading, journal: Reading, upto: int) -> None:
        """Without the complete journal: compares the state with the folded facts, if those are complete."""
        self._note(f"the journal begins at offset {journal.kept_from}: nothing can be decided again")
        if facts.kept_from > 0:
            self._note("facts are not whole either: facts are compared with themselves only, and the state not at all")
            return
        self._bench.watcher.stage(f"partition {self._number}: folding facts", facts.end)
        folding = Folding(self._store, self._decided.put, alone.broken)
        late: list[FactMessage] = []
        for one in self._facts_before(facts.end):
            if one.journal_offset < upto:
                folding.take(one)
            elif not late or one.journal_offset == late[0].journal_offset:
                late.append(one)
            self._bench.watcher.step(1)
        folding.store()
        differing = self._differing(base, lambda key: _of_customer(key, alone.broken), folded=True)
        if differing and late:  # perhaps a tick that a worker is half through
            for one in late:
                folding.take(one)
            folding.store()
        self._tell_differing(base, differing)
        self._note(f"the state is compared with the facts of journal offsets before {upto}")


def _told(mark: Mark | None) -> str:
    return "nothing" if mark is None else f"journal offset {mark.next_offset} in round {mark.round}"


def _of_customer(key: bytes, broken: set[bytes]) -> bool:
    return not key.startswith(b"$") and key.partition(b"#")[0] not in broken


def _may_be_forgotten(key: bytes, recorded: bytes | None, decided: bytes | None, clock: int) -> bool:
    """Whether only an entry is missing that housekeeping may delete: facts do not say when it does."""
    value = recorded or decided
    if b"#" not in key or value is None or (recorded is not None and decided is not None):
        return False
    return decode_entry(value).forgotten_at <= clock
