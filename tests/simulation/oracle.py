"""What must be true in the end, whatever happened: all is as an undisturbed run over the same input leaves it.

And points move as the arithmetic of the workload says, which shares no code with the engine.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from pipeline.engine.state import decode_entry, decode_head
from pipeline.intake.dialects.native import normalise
from pipeline.intake.verdict import Accepted, Limits
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Committed, Headers, Message, Outgoing, Partition, TopicSpec
from pipeline.replies.rejected import OF_INTAKE
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.roles.loyalty import LoyaltyRole
from pipeline.runtime.state.marker import MARKER_KEY, Marker, decode_marker, mark_of
from pipeline.sealing import root_of
from schemas.records import WALL_SOURCE, Request, UnknownVersion, UseIdentityKey, decode_record
from sinks.clickhouse.tables import (
    TABLES,
    Rows,
    add_fact_message,
    add_heads,
    add_journal_record,
    add_notification,
    add_reply,
)
from tests.simulation.arithmetic import Expected, answers_in, expected_of, movements_in
from tests.simulation.broker import SimBroker
from tests.simulation.consumer import UNREADABLE
from tests.simulation.directory import Asked, asked_in, due_of, first_of, made_in, names_twice, spellings
from tests.simulation.disk import Disk, Row, row_of
from tests.simulation.machine import Machine, SimClock, Violation
from tests.simulation.people import ERASED, ORG, ROOT, SECRET, TOLD
from tests.simulation.workload import SECOND
from tests.simulation.world import BASE, World, plan_of
from topics.catalog import Catalog

Told = tuple[bytes | None, bytes | None, Headers]
_WALL_IS_OLD = 0
_OF_THE_ERASED = re.compile(b'"%s%d[^"]*"' % (SECRET.encode(), ERASED))


class Outcome(NamedTuple):
    """What one journal partition amounts to."""

    told: dict[str, list[Told]]
    """Facts, notifications, replies and dead letters, in order within each topic."""
    state: dict[bytes, bytes]
    next_offset: int


class _BeforeTime(SimClock):
    """A wall clock that stands before everything, so that nobody writes ticks."""

    def wall(self) -> int:
        return _WALL_IS_OLD


def run_seed(seed: int) -> World:
    """Run a seed to its end and look at everything; raises whatever is wrong, with the seed and the last steps."""
    world = World(plan_of(seed))
    try:
        run_and_check(world)
    except BaseException as error:
        error.add_note(f"seed {seed}, {world.plan.variant}; the last steps:\n" + "\n".join(world.machine.tail))
        error.add_note(f"for the faults that it takes: python -m tests.simulation --seed {seed} --shrink")
        raise
    return world


def run_and_check(world: World) -> None:
    """Run a world to its end and look at everything; raises whatever is wrong."""
    world.run()
    check(world)


def check(world: World) -> None:
    """Compare what the log, the stores and the tables hold with an undisturbed run; raises `Violation`."""
    if world.plan.variant == "inputs":
        _check_intake(world)
    told: dict[str, dict[int, list[Told]]] = defaultdict(dict)
    letters: list[Told] = []
    asked: list[Told] = []
    due: list[Asked] = []
    for partition in world.broker.partitions(world.catalog.name("journal")):
        late = _late_ticks(world, partition)
        journal = tuple(one for one in _all(world, partition) if one not in late)
        expected = undisturbed(partition.number, journal)
        _check_state(world, partition, expected)
        by_arithmetic = _expected_of(journal)
        due += by_arithmetic.asked
        facts, replies = (
            _all(world, Partition(world.catalog.name(topic), partition.number)) for topic in ("facts", "replies")
        )
        _same(f"points {partition.number}", movements_in(facts), by_arithmetic.movements)
        answers = answers_in(one for one in replies if one.headers != OF_INTAKE)
        _same(f"answers {partition.number}", answers, by_arithmetic.answers)
        for topic, messages in expected.told.items():
            if topic == world.catalog.name("deadletters"):
                letters += messages
            elif topic == world.catalog.name("journal"):
                asked += messages
            else:
                told[topic][partition.number] = messages
    _check_told(world, told)
    _check_requests(world, asked)
    if world.plan.variant == "people":
        _check_people(world, due)
    if world.plan.variant != "inputs":
        _same("dead letters", sorted(_letters(world)), sorted(letters))
    if world.plan.sink:
        _check_tables(world)


def _check_told(world: World, told: Mapping[str, Mapping[int, list[Told]]]) -> None:
    """Facts, replies and notifications, in order within each partition."""
    for topic in (world.catalog.name("facts"), world.catalog.name("replies"), *world.catalog.notifications):
        for partition in world.broker.partitions(topic):
            seen = [(one.key, one.value, one.headers) for one in _all(world, partition) if one.headers != OF_INTAKE]
            expected = told.get(topic, {}).get(partition.number, [])
            _same(f"{topic} {partition.number}", [*map(_unerased, seen)], [*map(_unerased, expected)])


def _check_requests(world: World, asked: list[Told]) -> None:
    """What decisions ask of other customers lies in their journals, once; and points are nowhere on their way."""
    found: list[Told] = []
    for partition in world.broker.partitions(world.catalog.name("journal")):
        for message in _all(world, partition):
            with suppress(UnknownVersion, msgspec.DecodeError):
                if isinstance(decode_record(message.value or b""), Request):
                    found.append((message.key, message.value, message.headers))
                    place = partition_for(message.key or b"", world.catalog.partitions)
                    _same(f"partition of {message.key!r}", partition.number, place)
    _same("requests", sorted(found, key=repr), sorted(asked, key=repr))
    points: Counter[str] = Counter()
    for partition in world.broker.partitions(world.catalog.name("facts")):
        for movements in movements_in(_all(world, partition)).values():
            for one in movements:
                points[one.kind] += one.points
    _same("points handed and taken over", points["handed over"], points["taken over"])
    _same("points given and received", points["transferred"], points["received"])
    _same("points put aside and released", points["held"], points["released"])


def _check_people(world: World, due: list[Asked]) -> None:
    """What names somebody reaches that customer once, no identifier names two, and what is personal stays sealed."""
    catalog = world.catalog
    inputs = [one for topic in catalog.inputs for at in world.broker.partitions(topic) for one in _all(world, at)]
    journal = [one for at in world.broker.partitions(catalog.name("journal")) for one in _all(world, at)]
    facts = [one for at in world.broker.partitions(catalog.name("facts")) for one in _all(world, at)]
    _same("records of intake", Counter(made_in(journal)), due_of(inputs))
    _same("first record of the org", first_of(journal, ORG.org_id), UseIdentityKey.__name__)
    _same("asked of customers", Counter(asked_in(journal)), Counter(due))
    _same("identifiers that name two customers", names_twice(facts), [])
    found = spellings(inputs, journal)
    _same("identifiers with several hashes", [one for one, hashes in found.items() if len(hashes) > 1], [])
    _same("identifiers with a hash of their own", len({one for some in found.values() for one in some}), len(found))
    sealed = [
        *journal,
        *facts,
        *(one for at in world.broker.partitions(catalog.name("state")) for one in _all(world, at)),
    ]
    _same("readable", [one for one in sealed if SECRET.lower().encode() in (one.value or b"").lower()], [])
    told = b"".join(
        one.value or b""
        for topic in catalog.notifications
        for at in world.broker.partitions(topic)
        for one in _all(world, at)
    )
    names = [name for name in ("firstName", "lastName") if b'"%s":"%s"' % (name.encode(), TOLD.encode()) not in told]
    _same("names that nobody was told", names, [])
    _same("told sealed", told.count(b"sealed:"), 0)


def _unerased(one: Told) -> Told:
    """It without what an erased customer said: what was told in time has it."""
    key, value, headers = one
    return key, value and _OF_THE_ERASED.sub(b'""', value), headers


@lru_cache(maxsize=64)
def undisturbed(number: int, journal: tuple[Message, ...]) -> Outcome:
    """What one worker makes of a journal partition when nothing happens to it."""
    machine = Machine(0, {})
    clock = _BeforeTime(machine)
    log = SimBroker(machine, clock, undisturbed=True)
    catalog = Catalog(BASE.prefix, BASE.partitions)
    log.create_topics([TopicSpec(*spec[:3]) for spec in catalog.specs()])
    log.append([Outgoing(catalog.name("keys"), root_of(ORG.org_id), ROOT, 0)], None)
    role = LoyaltyRole(log, BASE, Progress("loyalty"), clock=clock, open_store=Disk(machine).open)
    (topic,) = role.topics
    partition = Partition(topic, number)
    role.open(partition, Committed(None), 0)
    while role.restore(partition) is None:
        pass
    out: list[Outgoing] = []
    offset = 0
    rest: Sequence[Message] = journal
    while rest:
        out += role.process(rest).messages
        finished = role.finish()
        out += finished.messages
        role.committed({})
        offset = finished.offsets[partition].offset or 0
        rest = [one for one in rest if one.offset >= offset]
    told: dict[str, list[Told]] = defaultdict(list)
    state: dict[bytes, bytes] = {}
    for one in out:
        if one.topic != catalog.name("state"):
            told[one.topic].append((one.key, one.value, one.headers))
        elif one.value is None:
            state.pop(one.key or b"", None)
        elif one.key != MARKER_KEY:
            state[one.key or b""] = one.value
    role.close()
    return Outcome(told, state, offset)


@lru_cache(maxsize=64)
def _expected_of(journal: tuple[Message, ...]) -> Expected:
    return expected_of(journal)


def _check_state(world: World, journal: Partition, expected: Outcome) -> None:
    number = journal.number
    changelog = _all(world, Partition(world.catalog.name("state"), number))
    latest = {one.key or b"": one.value for one in changelog if one.value is not None}
    latest = {key: value for key, value in latest.items() if _last(changelog, key) is not None}
    marks = [decode_marker(one.value or b"").mark for one in changelog if one.key == MARKER_KEY]
    raw = latest.pop(MARKER_KEY, None)
    if raw is None:
        return
    marker = decode_marker(raw)
    clock = marker.clock.time
    _check_adopted(number, marker, latest)
    state = _kept(expected.state, clock)
    _same(f"changelog {number}", _kept(latest, clock), state)
    rounds = [mark.round for mark in marks]
    if world.machine.faults.counts["compaction"]:
        _same(f"rounds {number}, compacted", rounds, sorted(set(rounds)))
    else:
        _same(f"rounds {number}", rounds, list(range(1, len(rounds) + 1)))
    group = world.broker.group(f"{world.plan.settings.group}.loyalty")
    _same(f"committed {number}", mark_of(group.offsets[journal]), marks[-1])
    _same(f"next offset {number}", marks[-1].next_offset, expected.next_offset)
    for files in world.current_stores(number):
        values = {key: value for key, value in files.values.items() if key != MARKER_KEY}
        _same(f"local store {number}", _kept(values, clock), state)


def _check_adopted(number: int, marker: Marker, state: Mapping[bytes, bytes]) -> None:
    """Every member has adopted the second version, which brings tiers, once time has passed its start."""
    for _, program_id, version, starts_at in marker.programs:
        if version == SECOND.version and starts_at < marker.clock.time:
            heads = {key: decode_head(raw) for key, raw in state.items() if b"#" not in key and key[:1] != b"$"}
            members = {key: head.sections[program_id] for key, head in heads.items() if program_id in head.sections}
            behind = [key for key, section in members.items() if section.version < version]
            _same(f"members behind the version that started, in {number}", behind, [])


def _kept(state: Mapping[bytes, bytes], clock: int) -> dict[bytes, bytes]:
    """Without the entries that may be forgotten: when exactly that happens is no decision."""
    return {key: raw for key, raw in state.items() if b"#" not in key or decode_entry(raw).forgotten_at > clock}


def _last(changelog: Sequence[Message], key: bytes) -> bytes | None:
    return next(one.value for one in reversed(changelog) if one.key == key)


def _check_intake(world: World) -> None:
    """Each input is in the journal or in the dead letters, once, and each input partition kept its order."""
    catalog = world.catalog
    limits = Limits(clock_topic=catalog.name("transactions"))
    records: dict[str, list[bytes]] = defaultdict(list)
    refused: list[tuple[bytes | None, bytes | None]] = []
    for topic in catalog.inputs:
        for partition in world.broker.partitions(topic):
            for message in _all(world, partition):
                if message.value == UNREADABLE:
                    refused.append((None, None))
                    continue
                verdict = normalise(message, wall=world.clock.wall(), limits=limits)
                if not isinstance(verdict, Accepted):
                    refused.append((message.key, message.value))
                    continue
                copies = catalog.partitions if verdict.key is None else 1
                records[verdict.record.source] += [_timeless(verdict.record)] * copies
    journalled: dict[tuple[str, int], list[tuple[int, bytes]]] = defaultdict(list)
    for partition in world.broker.partitions(catalog.name("journal")):
        for message in _all(world, partition):
            record = decode_record(message.value or b"")
            if record.source and record.source != WALL_SOURCE and not isinstance(record, Request):
                journalled[record.source, partition.number].append((record.offset, _timeless(record)))
    seen: dict[str, list[bytes]] = defaultdict(list)
    for (source, number), some in journalled.items():
        offsets = [offset for offset, _ in some]
        _same(f"journal {number}, from {source}", offsets, sorted(set(offsets)))
        seen[source] += [record for _, record in some]
    _same("journal", {one: Counter(of) for one, of in seen.items()}, {one: Counter(of) for one, of in records.items()})
    letters = [(key, value) for key, value, _ in _letters(world)]
    _same("dead letters", sorted(letters, key=repr), sorted(refused, key=repr))


def _timeless(record: Any) -> bytes:
    """A record without the time at which intake happened to take it."""
    return repr([getattr(record, name) for name in record.__struct_fields__ if name != "received_at"]).encode()


def _check_tables(world: World) -> None:
    catalog = world.catalog
    expected: dict[str, Counter[Row]] = defaultdict(Counter)
    adders = {catalog.name("journal"): add_journal_record, catalog.name("facts"): add_fact_message}
    adders[catalog.name("replies")] = add_reply
    for topic in (*adders, *catalog.notifications):
        for partition in world.broker.partitions(topic):
            rows: Rows = defaultdict(list)
            for message in _all(world, partition):
                adders.get(topic, add_notification)(rows, message)
            for table, items in rows.items():
                expected[table].update(_rows(table, items))
    late: Rows = defaultdict(list)
    for partition in world.broker.partitions(catalog.name("journal")):
        for message in _late_ticks(world, partition):
            add_journal_record(late, message)
    for table, wanted in expected.items():
        undecided = Counter(_rows(table, late[table]))
        _same(f"table {table}", world.tables.tables[table] - undecided, wanted - undecided)
    heads: Rows = defaultdict(list)
    for partition in world.broker.partitions(catalog.name("state")):
        add_heads(heads, _all(world, partition))
    for table, items in heads.items():
        missing = set(_rows(table, items)) - set(world.tables.tables[table])
        _same(f"table {table}, missing", missing, set())


def _rows(table: str, items: list[Any]) -> list[Row]:
    return list(map(row_of, TABLES[table].rows(items)))


def _letters(world: World) -> list[Told]:
    topic = world.catalog.name("deadletters")
    return [(m.key, m.value, m.headers) for one in world.broker.partitions(topic) for m in _all(world, one)]


def _late_ticks(world: World, journal: Partition) -> list[Message]:
    """Ticks that a worker wrote while all were told to stop: nobody decides them any more."""
    group = world.broker.group(f"{world.plan.settings.group}.loyalty")
    decided = group.offsets.get(journal, Committed(None)).offset or 0
    rest = world.broker.lane(journal).read(decided, 1 << 30)[0]
    return [one for one in rest if decode_record(one.value or b"").source == WALL_SOURCE]


def _all(world: World, partition: Partition) -> list[Message]:
    return world.broker.lane(partition).read(0, 1 << 30)[0]


def _same(what: str, seen: Any, expected: Any) -> None:
    if seen != expected:
        message = f"{what}: {_difference(seen, expected)}"
        raise Violation(message)


def _difference(seen: Any, expected: Any) -> str:
    if isinstance(seen, list) and isinstance(expected, list):
        place = next((at for at, (a, b) in enumerate(zip(seen, expected, strict=False)) if a != b), None)
        if place is None:
            return f"{len(seen)} where {len(expected)} were expected"
        return f"at {place} of {len(seen)} and {len(expected)}: {seen[place]!r:.300} is not {expected[place]!r:.300}"
    if isinstance(seen, dict) and isinstance(expected, dict):
        keys = [key for key in {**seen, **expected} if seen.get(key) != expected.get(key)]
        one = keys[0]
        return f"{len(keys)} differ, such as {one!r:.80}: {_difference(seen.get(one), expected.get(one))}"
    return f"{seen!r:.300} is not {expected!r:.300}"
