"""A round that can never succeed: the log refuses what comes of one customer, for as long as somebody leaves it so."""

from __future__ import annotations

from typing import Final, NamedTuple

from pipeline.log.partitioner import partition_for
from pipeline.log.port import Outgoing, Partition
from schemas.records import WALL_SOURCE, decode_record
from tests.simulation.machine import Violation
from tests.simulation.oracle import check
from tests.simulation.world import Plan, World, plan_of

RED_SECONDS: Final = 10.0
"""So long after the first failure the role says on `/readyz` what is wrong, and says so until it halts."""
HALT_SECONDS: Final = 150.0
_REFUSED: Final = b"1:3"
"""The key of the customer whose facts are refused."""
_TAKEN_BEFORE: Final = 2
"""So many messages of the customer's facts are taken: without customers nobody writes ticks."""
_LOOK_SECONDS: Final = 0.25
_SEEK_SECONDS: Final = 0.02
_FIRST_SECONDS: Final = 60.0
_AFTER_SECONDS: Final = 150.0


class _Look(NamedTuple):
    at: float
    ready: bool
    ticks: int


class RefusedWorld(World):
    """One worker of the loyalty role, on the wall clock, whose rounds about one customer are refused."""

    def __init__(self, seed: int) -> None:
        settings = plan_of(seed).settings
        super().__init__(Plan(seed, "wall", settings, rates={}, sink=False, loyalty=1))
        self._number = partition_for(_REFUSED, self.catalog.partitions)
        """Of the customer's partition."""
        self._failed_at: float | None = None
        self._looks: list[_Look] = []
        self.broker.refuses = self._is_refused
        self.broker.seek_seconds = _SEEK_SECONDS

    def run(self) -> None:
        """Until it halts; then the log takes everything, and the worker is started again. Raises `Violation`."""
        machine, (worker,) = self.machine, self.workers
        self._start(worker, 0.0)
        machine.at(0.1, self._deliver)
        machine.at(_LOOK_SECONDS, self._look)
        if not machine.run(_FIRST_SECONDS + HALT_SECONDS, lambda: bool(worker.halted)):
            message = f"it never halts; looks: {self._looks[-3:]}"
            raise Violation(message)
        self._check_looks(machine.now)
        if "MSG_SIZE_TOO_LARGE" not in worker.halted:
            message = f"it does not say why it halted: {worker.halted}"
            raise Violation(message)
        self.broker.refuses = lambda _: False
        worker.halted = ""
        self._start(worker, 0.0)
        if not machine.run(_AFTER_SECONDS, self._drained):
            message = f"it does not go on once nothing is refused: {self.left()}"
            raise Violation(message)
        worker.wanted = False
        worker.stop.set()
        machine.wake_all()
        machine.run(_AFTER_SECONDS, lambda: not worker.running)

    def _is_refused(self, message: Outgoing) -> bool:
        if message.topic != self.catalog.name("facts") or message.key != _REFUSED:
            return False
        facts, _ = self.broker.lane(Partition(message.topic, self._number)).read(0, 1 << 30)
        refused = sum(one.key == _REFUSED for one in facts) >= _TAKEN_BEFORE
        if refused and self._failed_at is None:
            self._failed_at = self.machine.now
        return refused

    def _look(self) -> None:
        (worker,) = self.workers
        if worker.halted:
            return
        if self._failed_at is not None and worker.progress is not None:
            ready, _ = worker.progress.status()
            self._looks.append(_Look(self.machine.now, ready, self._ticks()))
        self.machine.at(_LOOK_SECONDS, self._look)

    def _ticks(self) -> int:
        """How many ticks lie in the journal partition of the customer."""
        messages, _ = self.broker.lane(Partition(self.catalog.name("journal"), self._number)).read(0, 1 << 30)
        records = [decode_record(one.value) for one in messages if one.value and one.value != b"rubbish"]
        return sum(record.source == WALL_SOURCE for record in records)

    def _check_looks(self, halted_at: float) -> None:
        began = self._failed_at or 0.0
        if halted_at - began > HALT_SECONDS:
            message = f"it failed for {halted_at - began:.0f} s before it halted"
            raise Violation(message)
        late = [one for one in self._looks if one.at - began > RED_SECONDS]  # what is not refused has gone through
        green = [one.at - began for one in late if one.ready]
        if green:
            message = f"ready {green[0]:.1f} s after the first failure"
            raise Violation(message)
        if late and late[-1].ticks > late[0].ticks:
            message = f"{late[-1].ticks - late[0].ticks} ticks were written meanwhile"
            raise Violation(message)


def run_refused(seed: int) -> RefusedWorld:
    """Run a seed to its end and look at everything; raises whatever is wrong."""
    world = RefusedWorld(seed)
    world.run()
    check(world)
    return world
