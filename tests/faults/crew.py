"""The crew: broker, workers and sink as processes, each worker behind a proxy, and what can be done to them."""

from __future__ import annotations

import random
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from tests.broker import Broker
from tests.e2e.product import Product, Worker
from tests.faults.proxy import Direction, Proxy, Trap
from tests.faults.schedule import SINK_SLOT, SLOTS, Fault, Kind
from tests.frozen import PROGRAM
from tests.starvation import Stretch

PARTITIONS: Final = 4
SHORT_TIMEOUTS: Final = MappingProxyType({"ACCRUE_SESSION_TIMEOUT": "PT3S", "ACCRUE_TRANSACTION_TIMEOUT": "PT4S"})
"""So that a zombie takes seconds to make."""
_SETTINGS: Final = Path(__file__).with_name("settings.yaml")
_STOP_SECONDS: Final = 30.0
_TRAP_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.05
_RESET_SECONDS: Final = 0.1
_DELAY_SECONDS: Final = (0.02, 0.4)
_DIED: Final = re.compile(r"CRITICAL.*?\b(\w+) died: (.*)")
_PATIENCE_IS_OVER: Final = ("Gone(", "Unavailable(")
"""What a worker may die of, for a supervisor to start it again, when its broker was away."""


class Violation(NamedTuple):
    """Something that must not be."""

    what: str
    evidence: str = ""


class Crew:
    """One installation under test; a context manager that ends every process."""

    def __init__(self, folder: Path, seed: int, timeouts: Mapping[str, str] = SHORT_TIMEOUTS) -> None:
        self.folder = folder
        self.violations: list[Violation] = []
        self.self_exits: list[str] = []
        """Why workers ended by themselves for want of a broker."""
        self._chance = random.Random(seed)
        self._proxies = {slot: Proxy() for slot in (*SLOTS, SINK_SLOT)}
        self.broker = Broker(folder / "broker", [proxy.address for proxy in self._proxies.values()])
        for proxy, door in zip(self._proxies.values(), self.broker.doors, strict=True):
            proxy.forward_to(door)
        self.product = Product(
            folder,
            {
                "ACCRUE_KAFKA_BOOTSTRAP": self.broker.bootstrap,
                "ACCRUE_CLICKHOUSE_DSN": f"chdb://{(folder / 'clickhouse').resolve()}",
                "ACCRUE_PARTITIONS": str(PARTITIONS),
                "ACCRUE_WALL_TICK": "PT2S",
                "ACCRUE_IDENTITY_KEY": "that of the faults",
                **timeouts,
            },
        )
        self._workers: dict[int, Worker] = {}
        self._deeds: dict[Kind, Callable[[int, float], None]] = {
            Kind.KILL: self._kill,
            Kind.KILL_AND_LOSE_STATE: lambda slot, seconds: self._kill(slot, seconds, self._lose_state),
            Kind.KILL_AND_TEAR_STATE: lambda slot, seconds: self._kill(slot, seconds, self._tear_state),
            Kind.FREEZE: self._freeze,
            Kind.RESTART: self._restart,
            Kind.ADD: lambda slot, _: self.start(slot),
            Kind.REMOVE: lambda slot, _: self.stop(slot),
            Kind.BROKER_KILL: self._kill_broker,
            Kind.BROKER_FREEZE: self._freeze_broker,
            Kind.DELAY: self._delay,
            Kind.CUT_OFF: lambda slot, seconds: self._withhold(slot, seconds, *Direction),
            Kind.DEAF: lambda slot, seconds: self._withhold(slot, seconds, Direction.TO_CLIENT),
            Kind.MUTE: lambda slot, seconds: self._withhold(slot, seconds, Direction.TO_BROKER),
            Kind.RESET: self._reset,
            Kind.RESET_AT_COMMIT: lambda slot, _: self._at_commit(slot, Trap.RESET_BEFORE),
            Kind.LOST_COMMIT_ANSWER: lambda slot, _: self._at_commit(slot, Trap.LOSE_ANSWER),
            Kind.COMMIT_THEN_CUT_OFF: self._commit_then_cut_off,
            Kind.LATE_COMMIT: self._late_commit,
            Kind.KILL_AT_COMMIT: self._kill_at_commit,
            Kind.SINK_KILL: lambda _, seconds: self._kill(SINK_SLOT, seconds),
            Kind.SINK_FREEZE: lambda _, seconds: self._freeze(SINK_SLOT, seconds),
            Kind.SINK_CUT_OFF: lambda _, seconds: self._withhold(SINK_SLOT, seconds, *Direction),
        }

    def __enter__(self) -> Self:
        self.broker.start()
        self.product.run("topics", "create")
        self.product.run("settings", "apply", str(_SETTINGS))
        self.product.run("program", "apply", str(PROGRAM))
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers.values():
            worker.kill()
        self.broker.stop()
        for proxy in self._proxies.values():
            proxy.close()

    def start(self, slot: int) -> None:
        """Start the worker of a slot: the sink, or intake and loyalty."""
        roles = ("sink",) if slot == SINK_SLOT else ("intake", "loyalty")
        arguments = [word for role in roles for word in ("--role", role)]
        bootstrap = self._proxies[slot].address
        self._workers[slot] = self.product.start_worker(*arguments, slot=slot, ACCRUE_KAFKA_BOOTSTRAP=bootstrap)

    def stop(self, slot: int) -> None:
        """Stop a worker as an operator does; it must end well and in time."""
        worker = self._workers.pop(slot)
        # Before it is up, nothing is there yet that could end well: the signal just ends the process.
        ends_well = {0} if worker.get("/livez") else {0, -signal.SIGTERM}
        worker.send_signal(signal.SIGTERM)
        if not self._wait(lambda: worker.code() is not None, _STOP_SECONDS):
            self._violated(f"worker {slot} did not end within {_STOP_SECONDS:.0f} s of SIGTERM", worker)
            worker.kill()
        elif worker.code() not in ends_well:
            self._violated(f"worker {slot} ended with {worker.code()} after SIGTERM", worker)

    def stop_workers(self) -> None:
        """Stop every worker but the sink."""
        for slot in [one for one in self._workers if one != SINK_SLOT]:
            self.stop(slot)

    def supervise(self) -> None:
        """Start again what has ended by itself, and judge why it did."""
        for slot, worker in list(self._workers.items()):
            code = worker.code()
            if code is None:
                continue
            died = _DIED.findall(worker.words())
            if died and all(cause.startswith(_PATIENCE_IS_OVER) for _, cause in died):
                self.self_exits.append(f"worker {slot}: {died[-1][1]}")
            else:
                self._violated(f"worker {slot} ended by itself with {code}", worker)
            self.start(slot)

    def is_ready(self) -> bool:
        """Whether every worker says that it is ready."""
        return all(worker.is_ready() for worker in self._workers.values())

    def readiness(self) -> str:
        """What every worker says of its readiness, by slot."""
        return "\n".join(f"{slot}: {worker.get('/readyz')}" for slot, worker in self._workers.items())

    def do(self, fault: Fault) -> None:
        """Make a fault happen and take it back; what is left is the recovery."""
        self._deeds[fault.kind](fault.slot, fault.seconds)
        for proxy in self._proxies.values():
            proxy.restore()

    def wait(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Whether it comes to hold within so many seconds that the machine had; workers are supervised meanwhile."""

        def supervised() -> bool:
            self.supervise()
            return holds()

        return self._wait(supervised, seconds)

    def _kill(self, slot: int, seconds: float, meanwhile: Callable[[int], None] | None = None) -> None:
        self._workers[slot].kill()
        if meanwhile is not None:
            meanwhile(slot)
        self._pause(seconds)
        self.start(slot)

    def _freeze(self, slot: int, seconds: float) -> None:
        self._workers[slot].send_signal(signal.SIGSTOP)
        self._pause(seconds)
        self._workers[slot].send_signal(signal.SIGCONT)

    def _restart(self, slot: int, _: float) -> None:
        self.stop(slot)
        self.start(slot)

    def _kill_broker(self, _: int, seconds: float) -> None:
        self.broker.kill()
        self._pause(seconds)
        self.broker.start()

    def _freeze_broker(self, _: int, seconds: float) -> None:
        self.broker.signal(signal.SIGSTOP)
        self._pause(seconds)
        self.broker.signal(signal.SIGCONT)

    def _delay(self, slot: int, seconds: float) -> None:
        self._proxies[slot].delay(self._chance.uniform(*_DELAY_SECONDS))
        self._pause(seconds)

    def _withhold(self, slot: int, seconds: float, *directions: Direction) -> None:
        self._proxies[slot].withhold(*directions)
        self._pause(seconds)

    def _reset(self, slot: int, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._proxies[slot].reset()
            self._pause(_RESET_SECONDS)

    def _at_commit(self, slot: int, trap: Trap) -> None:
        self._proxies[slot].set_trap(trap)
        # A worker that owns no partition commits nothing; then there is nothing to disturb either.
        self._proxies[slot].sprung.wait(_TRAP_SECONDS)

    def _commit_then_cut_off(self, slot: int, seconds: float) -> None:
        self._at_commit(slot, Trap.LOSE_ANSWER)
        self._withhold(slot, seconds, *Direction)

    def _late_commit(self, slot: int, seconds: float) -> None:
        self._at_commit(slot, Trap.HOLD)
        self._pause(seconds)

    def _kill_at_commit(self, slot: int, seconds: float) -> None:
        self._at_commit(slot, Trap.HOLD)
        self._kill(slot, seconds)

    def _state_of(self, slot: int) -> Path:
        return self.product.data / "state" / f"slot-{slot}"

    def _lose_state(self, slot: int) -> None:
        shutil.rmtree(self._state_of(slot), ignore_errors=True)

    def _tear_state(self, slot: int) -> None:
        files = sorted(one for one in self._state_of(slot).rglob("*") if one.is_file() and one.stat().st_size)
        for file in self._chance.sample(files, min(3, len(files))):
            with file.open("r+b") as torn:
                torn.truncate(self._chance.randrange(file.stat().st_size))

    def _pause(self, seconds: float) -> None:
        threading.Event().wait(seconds)

    def _wait(self, holds: Callable[[], bool], seconds: float) -> bool:
        waiting = Stretch()
        while not holds():
            if waiting.given_seconds() > seconds:
                return False
            self._pause(_LOOK_SECONDS)
        return True

    def _violated(self, what: str, worker: Worker) -> None:
        self.violations.append(Violation(what, worker.last_words()))
