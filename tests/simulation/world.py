"""A world to run a seed in: workers under a supervisor, faults for a while, then calm until everything is done."""

from __future__ import annotations

import math
import random
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from pydantic import SecretStr

from pipeline.failure import Halted
from pipeline.log.port import Committed, LogError, Outgoing, Partition, TopicSpec
from pipeline.runtime.loop.holdings import Gone
from pipeline.runtime.loop.loop import TransactionalLoop
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.roles.intake import IntakeRole
from pipeline.runtime.roles.loyalty import LoyaltyRole
from pipeline.runtime.settings import Settings
from pipeline.runtime.slot import SlotInUse
from pipeline.runtime.state.marker import mark_of
from pipeline.runtime.state.store_port import StoreFailed
from sinks.clickhouse.sink import ClickHouseSink, SinkSettings
from sinks.clickhouse.writer import NotInserted
from tests.simulation import people, workload
from tests.simulation.broker import SimBroker
from tests.simulation.disk import Disk, Files, SimClickHouse, SimStore
from tests.simulation.machine import Crashed, Hit, Machine, Process, SimClock, Violation
from topics.catalog import Catalog

RATES: Mapping[str, float] = {
    "crash": 0.004,
    "freeze": 0.003,
    "slow": 0.01,
    "cut": 0.002,
    "outage": 0.002,
    "unavailable": 0.01,
    "late": 0.04,
    "lost": 0.01,
    "unanswered": 0.04,
    "refused": 0.02,
    "slow marker": 0.1,
    "rebalance": 0.01,
    "eviction": 0.004,
    "offsets lost": 0.2,
    "repeated": 0.1,
    "redelivered": 0.05,
    "compaction": 0.3,
    "store lost": 0.2,
    "store old": 0.4,
    "store failed": 0.002,
    "insert refused": 0.02,
    "insert unanswered": 0.04,
    "stop": 0.1,
    "twin": 0.05,
}
"""The chance of each fault at each occasion; a seed takes some of them, stronger or weaker."""
SESSION_SECONDS = 3.0
TRANSACTION_SECONDS = 4.0
PATIENCE_SECONDS = 10.0
_STORM_SECONDS = 25.0
_CALM_SECONDS = 150.0
"""So long after the last fault everything must be done."""
_STOP_SECONDS = 45.0
_NUISANCE_SECONDS = 1.0
_DEATHS = (SlotInUse, Gone, NotInserted, LogError, StoreFailed)
"""What a worker may die of in a storm: its supervisor starts it again."""

Variant = Literal["journal", "wall", "inputs", "people"]
_TAKEN_IN: Final = ("inputs", "people")
"""Where messages come from upstream, for intake to take."""
_PEOPLE_SHARE: Final = 0.25
"""Of all seeds."""
BASE = Settings(
    data_dir=Path("none"),
    identity_key=SecretStr("that of the simulation"),  # else it would be a file
    prefix="sim.",
    group="sim",
    web_port=None,
    partitions=2,
    patience=timedelta(seconds=PATIENCE_SECONDS),
    session_timeout=timedelta(seconds=SESSION_SECONDS),
    transaction_timeout=timedelta(seconds=TRANSACTION_SECONDS),
    wall_tick=timedelta(seconds=20),
    dead_letters_per_minute_max=None,
)


@dataclass
class Plan:
    """What a seed stands for."""

    seed: int
    variant: Variant
    settings: Settings
    rates: dict[str, float]
    sink: bool
    loyalty: int
    """How many workers of the loyalty role."""


def plan_of(seed: int) -> Plan:
    """The plan of a seed."""
    chance = random.Random(~seed)
    variant: Variant = chance.choices(("journal", "wall", "inputs"), (5, 2, 3))[0]
    settings = BASE.model_copy(
        update={
            "transaction_records_max": chance.choice((2, 5, 12, 40)),
            "batch_records_max": chance.choice((2, 6, 20)),
            "slice_records_min": chance.choice((1, 4, 64)),
            "tick_customers_max": chance.choice((1, 3, 100)),
            "heads_cached_max": chance.choice((4, 1_000)),
        }
    )
    rates = {kind: rate * chance.uniform(0.3, 2.0) for kind, rate in RATES.items() if chance.random() < 0.5}
    sink, loyalty = chance.random() < 0.5, chance.choice((1, 2, 2, 3))
    if chance.random() < _PEOPLE_SHARE:
        variant = "people"
    return Plan(seed, variant, settings, rates, sink, loyalty)


@dataclass
class Worker:
    """One worker that the supervisor keeps running: a role in a slot, on a machine with a disk."""

    role: Literal["intake", "loyalty", "sink"]
    slot: int
    disk: Disk
    wanted: bool = True
    process: Process | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    lives: int = 0
    progress: Progress | None = None
    """Of its last life, where it is a role of ours."""
    halted: str = ""
    """Why it halted; a supervisor leaves it alone."""

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and not self.process.greenlet.dead


class World:
    """Everything of one seed."""

    def __init__(self, plan: Plan, schedule: Iterable[Hit] | None = None) -> None:
        """`schedule`: the faults that happen, instead of those of the plan."""
        self.plan = plan
        self.machine = Machine(plan.seed, plan.rates, schedule)
        self.clock = SimClock(self.machine)
        self.broker = SimBroker(self.machine, self.clock)
        self.catalog = Catalog(plan.settings.prefix, plan.settings.partitions)
        self.tables = SimClickHouse(self.machine)
        self.deaths: Counter[str] = Counter()
        self.broker.create_topics([TopicSpec(*spec[:3]) for spec in self.catalog.specs()])
        self.workers = [Worker("loyalty", slot, Disk(self.machine)) for slot in range(plan.loyalty)]
        if plan.variant == "people":
            self.broker.append(people.standing_before(self.catalog), None)
        if plan.variant in _TAKEN_IN:
            self.workers += [Worker("intake", slot, Disk(self.machine)) for slot in range(2)]
        if plan.sink:
            self.workers += [Worker("sink", slot, Disk(self.machine)) for slot in range(2)]
        self._storm = True
        self._calm_at = math.inf
        self._unsent = self._deliveries()

    def run(self) -> None:
        """A storm, then calm until everything is done, then a clean stop. Raises `Violation`."""
        machine = self.machine
        for worker in self.workers:
            self._start(worker, 0.3 * machine.chance.random())
        machine.at(0.1, self._deliver)
        machine.at(_NUISANCE_SECONDS, self._nuisance)
        try:
            machine.run(_STORM_SECONDS, self._drained)
            self._storm = machine.faults.on = False
            self._calm_at = machine.now
            if not machine.run(_CALM_SECONDS, self._drained):
                message = f"stalled: {self.left()} to be done {_CALM_SECONDS:.0f} s after the last fault"
                raise Violation(message)
            for worker in self.workers:
                worker.wanted = False
                worker.stop.set()
            machine.wake_all()
            if not machine.run(_STOP_SECONDS, lambda: not any(one.running for one in self.workers)):
                message = f"does not stop: {[one.role for one in self.workers if one.running]}"
                raise Violation(message)
        finally:
            for worker in self.workers:
                worker.wanted = False
                if worker.process is not None:
                    machine.kill(worker.process)

    def left(self) -> dict[str, int]:
        """By group: partitions of which something is still to be committed."""
        groups = {f"{self.plan.settings.group}.{role}": topics for role, topics in self._followed().items()}
        return {group: sum(self._lags(group, one) for one in topics) for group, topics in groups.items()}

    def current_stores(self, number: int) -> list[Files]:
        """The local stores that have what was committed last for a journal partition."""
        group = self.broker.group(f"{self.plan.settings.group}.loyalty")
        committed = group.offsets.get(Partition(self.catalog.name("journal"), number), Committed(None))
        mark = mark_of(committed)
        stores = [SimStore(self.machine, one.disk, number) for one in self.workers if number in one.disk.files]
        return [one.files for one in stores if mark is not None and one.matches(mark)]

    def _followed(self) -> dict[str, list[Partition]]:
        catalog = self.catalog
        topics: dict[str, list[str]] = {"loyalty": [catalog.name("journal")]}
        if self.plan.variant in _TAKEN_IN:
            topics["intake"] = list(catalog.inputs)
        if self.plan.sink:
            topics["sink"] = [*map(catalog.name, ("journal", "facts", "state", "replies")), *catalog.notifications]
        return {role: [one for name in names for one in self.broker.partitions(name)] for role, names in topics.items()}

    def _lags(self, group: str, partition: Partition) -> bool:
        lane = self.broker.lane(partition)
        offset = self.broker.group(group).offsets.get(partition)
        start = 0 if offset is None or offset.offset is None else offset.offset
        return bool(lane.read(start, 1)[0])

    def _drained(self) -> bool:
        if self._unsent or any(lane.stable != lane.end for lane in self.broker.lanes.values()):
            return False
        if any(self.left().values()):
            return False
        return all(self.current_stores(number) for number in range(self.catalog.partitions))

    def _deliveries(self) -> list[list[Outgoing]]:
        chance, variant = self.machine.chance, self.plan.variant
        if variant == "people":
            return people.deliveries(self.catalog, chance)
        if variant == "inputs":
            return workload.in_pieces(workload.inputs(self.catalog, chance), chance)
        return workload.in_pieces(workload.journal(self.catalog, backfilled=variant == "journal"), chance)

    def _deliver(self) -> None:
        if self._unsent:
            self.broker.append(self._unsent.pop(0), None)
            self.machine.wake_all()
            self.machine.at(1.5 * self.machine.chance.random() if self._storm else 0.1, self._deliver)

    def _start(self, worker: Worker, delay: float) -> None:
        worker.lives += 1
        worker.stop = threading.Event()
        worker.process = Process(f"{worker.role}-{worker.slot}.{worker.lives}", lambda: self._live(worker, worker.stop))
        self.machine.start(worker.process, delay)

    def _live(self, worker: Worker, stop: threading.Event) -> None:
        """One life of a worker, and its supervisor after it."""
        machine = self.machine
        try:
            self._work(worker, stop)
        except Crashed:
            why = "crashed"
        except Halted as error:
            why = "halted"
            worker.halted = str(error)
        except _DEATHS as error:
            why = type(error).__name__
            if machine.now - self._calm_at > 2 * PATIENCE_SECONDS:
                raise
        else:
            why = "stopped"
        machine.note(why)
        self.deaths[why] += 1
        if worker.wanted and not worker.halted:
            soon = machine.chance.random() < 0.5
            self._start(worker, machine.chance.random() * (0.5 if soon else 3 * SESSION_SECONDS))

    def _work(self, worker: Worker, stop: threading.Event) -> None:
        settings = self.plan.settings.model_copy(update={"slot": worker.slot})
        if worker.role == "sink":
            self._sink(worker.slot).run(stop)
            return
        progress = worker.progress = Progress(worker.role, self.clock)
        role: IntakeRole | LoyaltyRole
        if worker.role == "intake":
            role = IntakeRole(self.broker, settings, progress, clock=self.clock)
        else:
            role = LoyaltyRole(self.broker, settings, progress, clock=self.clock, open_store=worker.disk.open)
        TransactionalLoop(self.broker, role, settings, progress=progress, clock=self.clock).run(stop)

    def _sink(self, slot: int) -> ClickHouseSink:
        catalog = self.catalog
        settings = SinkSettings(
            f"{self.plan.settings.group}.sink",
            *map(catalog.name, ("journal", "facts", "state")),
            catalog.notifications,
            replies=(catalog.name("replies"),),
            member=f"sink-{slot}",
            messages_max=40,
            log_timeout_seconds=5.0,
        )
        return ClickHouseSink(self.broker, self.tables, settings, self.clock)

    def _nuisance(self) -> None:
        """Once a second: what operators and machines do to workers and topics."""
        if not self._storm:
            return
        machine, faults = self.machine, self.machine.faults
        worker = machine.chance.choice(self.workers)
        if faults.hit("compaction"):
            self.broker.compact()
        if faults.hit("offsets lost"):  # of other roles not all of it can be mended
            self.broker.group(f"{self.plan.settings.group}.loyalty").go_back()
        if faults.hit("stop") and worker.running:
            worker.stop.set()
            machine.wake_all()
        if faults.hit("twin") and worker.running and worker.wanted:
            self._replace(worker)
        machine.at(_NUISANCE_SECONDS, self._nuisance)

    def _replace(self, worker: Worker) -> None:
        """Somebody takes a worker that is silent for dead, and starts its slot on another machine."""
        assert worker.process is not None
        machine = self.machine
        worker.wanted = False
        worker.process.frozen_until = machine.now + 8.0 * machine.chance.random()
        twin = Worker(worker.role, worker.slot, Disk(machine), lives=100 * worker.lives)
        self.workers.append(twin)
        self._start(twin, machine.chance.random())
