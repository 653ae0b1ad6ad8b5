"""Injects faults under load, lets the system drain, then runs all verifiers."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.e2e.product import ACCRUE
from tests.faults.checker import check
from tests.faults.crew import PARTITIONS, Crew, Violation
from tests.faults.evidence import (
    DEAD_LETTERS,
    FACTS,
    INPUT,
    JOURNAL,
    NOTIFICATIONS,
    REPLIES,
    STATE,
    Evidence,
    read_topics,
)
from tests.faults.generator import Generator, write_ledger
from tests.faults.schedule import SINK_SLOT, SLOTS, Fault, schedule
from tests.faults.tables import tables_in
from tests.faults.watch import Watch
from tests.starvation import Stretch

_START_SECONDS: Final = 60.0
_RECOVERY_SECONDS: Final = 90.0
_DRAIN_SECONDS: Final = 180.0
_VERIFY_SECONDS: Final = 300.0
_ANSWER_SECONDS: Final = 10.0
_LOYALTY_GROUP: Final = "accrue.loyalty"
_SINK_GROUP: Final = "accrue.sink"
_STORED: Final = (JOURNAL, FACTS, STATE, REPLIES, *NOTIFICATIONS)
"""The topics that the sink follows."""


class Recovery(NamedTuple):
    """What followed a fault."""

    seconds: float
    """From its end until all that had been sent by then was decided and could be read."""
    silence: float
    """The longest time, from its beginning to the end of the recovery, in which no facts came of some partition."""
    is_complete: bool

    def __str__(self) -> str:
        done = "recovered" if self.is_complete else "gave up"
        return f"{done} after {self.seconds:.1f} s, silent for {self.silence:.1f} s"


@dataclass
class Result:
    """What a run showed."""

    seed: int
    faults: int = 0
    messages: int = 0
    seconds: float = 0.0
    stolen_percent: float = 0.0
    """How much of the time was taken from the machine; what a fault has to recover in does not count it."""
    longest_recovery: float = 0.0
    longest_silence: float = 0.0
    self_exits: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

    def note(self, recovery: Recovery) -> None:
        """One more fault is over."""
        self.faults += 1
        self.longest_recovery = max(self.longest_recovery, recovery.seconds)
        self.longest_silence = max(self.longest_silence, recovery.silence)

    def summary(self) -> str:
        """One line of JSON."""
        figures = asdict(self) | {"violations": [one.what for one in self.violations]}
        return json.dumps({name: round(one, 1) if isinstance(one, float) else one for name, one in figures.items()})


def run(
    folder: Path,
    *,
    faults: int,
    seed: int,
    workers: int,
    rate: float,
    say: Callable[[str], None],
    enough: threading.Event | None = None,
) -> Result:
    """Make so many faults happen, or as many as there were when `enough` was set; `say` gets a line for each."""
    begun = time.monotonic()
    stretch = Stretch()
    result = Result(seed)
    with Crew(folder, seed) as crew:
        bootstrap = crew.broker.bootstrap
        for slot in (*SLOTS[:workers], SINK_SLOT):
            crew.start(slot)
        with Watch(bootstrap, FACTS, PARTITIONS) as watch, Generator(bootstrap, INPUT, seed, rate) as sending:
            if not crew.wait(crew.is_ready, _START_SECONDS):
                result.violations.append(Violation("the workers were not ready in time", crew.readiness()))
            say(f"{time.monotonic() - begun:6.1f} s  ready")
            for fault in schedule(seed, faults, workers):
                if enough is not None and enough.is_set():
                    break
                recovery = _happen(fault, crew, watch, sending)
                say(f"{time.monotonic() - begun:6.1f} s  {_line(fault)}; {recovery}")
                result.note(recovery)
                if not recovery.is_complete:
                    result.violations.append(Violation(f"no recovery: {_line(fault)}", crew.readiness()))
                    break
            sending.stop()
            ledger = sending.ledger()
            write_ledger(ledger, folder / "ledger.jsonl")
            news = sending.latest_news()
            if not crew.wait(lambda: watch.has_decided(news) and _has_settled(bootstrap), _DRAIN_SECONDS):
                result.violations.append(Violation("what was sent is not decided in time", crew.readiness()))
        crew.stop_workers()
        topics, hanging = read_topics(bootstrap, (*_STORED, DEAD_LETTERS), PARTITIONS)
        last = {(name, read.partition): read.offset for name in _STORED for read in topics[name]}
        if not crew.wait(lambda: _is_committed(bootstrap, _SINK_GROUP, last), _DRAIN_SECONDS):
            result.violations.append(Violation("what was decided is not in ClickHouse in time", crew.readiness()))
        crew.stop(SINK_SLOT)
        say(f"{time.monotonic() - begun:6.1f} s  drained")
        result.violations += _verified(crew)
        evidence = Evidence(ledger, topics, hanging, tables_in(folder / "clickhouse"))
        result.violations += [Violation(what) for what in check(evidence)]
        result.violations += crew.violations
        result.self_exits = crew.self_exits
        result.messages = len(ledger)
    result.seconds = time.monotonic() - begun
    result.stolen_percent = 100 * stretch.stolen_share()
    return result


def _line(fault: Fault) -> str:
    return f"{fault.number + 1:3} {fault.kind} slot {fault.slot}, {fault.seconds} s"


def _happen(fault: Fault, crew: Crew, watch: Watch, sending: Generator) -> Recovery:
    watch.longest_silence()
    crew.do(fault)
    lifted = time.monotonic()
    news = sending.latest_news()
    is_complete = crew.wait(lambda: watch.has_decided(news), _RECOVERY_SECONDS)
    recovery = Recovery(time.monotonic() - lifted, watch.longest_silence(), is_complete)
    crew.wait(lambda: time.monotonic() > lifted + recovery.seconds + fault.pause, _RECOVERY_SECONDS)
    return recovery


def _has_settled(bootstrap: str) -> bool:
    """Whether all that lies in the journal is decided, and nothing came of it that is still to be decided."""
    before, _ = _last_steps(bootstrap)
    if not _is_committed(bootstrap, _LOYALTY_GROUP, before):
        return False
    after, hanging = _last_steps(bootstrap)
    return after == before and not hanging


def _last_steps(bootstrap: str) -> tuple[dict[tuple[str, int], int], list[str]]:
    """The last record of each journal partition but for ticks, and partitions in which a transaction is open."""
    topics, hanging = read_topics(bootstrap, (JOURNAL,), PARTITIONS)
    return {(JOURNAL, one.partition): one.offset for one in topics[JOURNAL] if one.key is not None}, hanging


def _is_committed(bootstrap: str, group: str, last: Mapping[tuple[str, int], int]) -> bool:
    """Whether a group has committed everything up to these last messages."""
    wanted = [TopicPartition(topic, partition) for topic, partition in last]
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    answer = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)])[group]
    try:
        committed = answer.result(_ANSWER_SECONDS).topic_partitions
    except (KafkaException, TimeoutError):
        return False
    return all(place.offset > last[place.topic, place.partition] for place in committed)


def _verified(crew: Crew) -> list[Violation]:
    """What `accrue verify` says."""
    environment: Any = crew.product._environment({})
    ended = subprocess.run(
        [ACCRUE, "verify", "--json"],
        env=environment,
        capture_output=True,
        timeout=_VERIFY_SECONDS,
        check=False,
        start_new_session=True,  # a Ctrl-C that ends the faults does not end the judgement
    )
    (crew.folder / "verify.json").write_bytes(ended.stdout)
    if not ended.returncode:
        return []
    said = (ended.stdout + ended.stderr).decode()[-4_000:]
    return [Violation(f"accrue verify ended with {ended.returncode}", said)]
