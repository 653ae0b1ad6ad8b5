"""The machine of the simulation: time, chance, who runs next, and a hash of everything that happened.

A worker is a greenlet. Wherever it does input or output it calls `step`, which may crash it, freeze it, or let others
run meanwhile; so whatever real processes could do to each other can happen here, and the same seed does it again.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from heapq import heappop, heappush
from typing import NamedTuple

from greenlet import greenlet

START_MS = 1_600_000_000_000 // 86_400_000 * 86_400_000 + 14 * 86_400_000
"""The wall clock at the beginning, milliseconds since the epoch: a midnight soon after everything that is sent."""
_STEP_SECONDS = 0.002
_SLOW_STEP_SECONDS = 3.0
_WAKE_SECONDS = 0.001
_TAIL_LINES = 120
_STEPS_MAX = 40_000
"""A usual seed takes a thousand."""


class Violation(AssertionError):
    """Something that must never be."""


class Crashed(BaseException):
    """The process is gone; nothing it still tries to do takes effect."""


class Hit(NamedTuple):
    """One fault that happened."""

    kind: str
    occasion: int
    """Which occasion for a fault of this kind it was, from 1."""
    at: float
    process: str
    """Whom it happened to; empty: to nobody in particular."""


class Faults:
    """Which faults happen: each occasion decides by chance, or by a schedule.

    Their chance is their own. So the faults of a seed can be left out one by one, and all that comes before the first
    that is left out stays as it was.
    """

    def __init__(self, machine: Machine, seed: int, rates: Mapping[str, float], schedule: Iterable[Hit] | None) -> None:
        """`rates` gives the chance at each occasion by kind; with a `schedule`, its occasions are hit and no others."""
        self.on = True
        self.hits: list[Hit] = []
        self._machine = machine
        self._rates = rates
        self._chance = random.Random(f"faults {seed}")
        self._occasions: Counter[str] = Counter()
        self._schedule = None if schedule is None else {(one.kind, one.occasion) for one in schedule}

    @property
    def counts(self) -> Counter[str]:
        """How many there were of each kind."""
        return Counter(one.kind for one in self.hits)

    def hit(self, kind: str) -> bool:
        """Whether the fault happens now."""
        rate = self._rates.get(kind)
        if not rate or not self.on:
            return False
        self._occasions[kind] += 1
        occasion = self._occasions[kind]
        schedule = self._schedule
        happens = self._chance.random() < rate if schedule is None else (kind, occasion) in schedule
        if happens:
            process = self._machine.current
            self.hits.append(Hit(kind, occasion, self._machine.now, "" if process is None else process.name))
            self._machine.note(f"fault: {kind}")
        return happens


class Process:
    """One process: what it runs, and what has become of it."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self.name = name
        self.greenlet = greenlet(run)
        self.crashed = False
        self.frozen_until = 0.0
        self.cut_until = 0.0
        """Until then it does not reach the log."""
        self.ticket = 0
        """What may wake it; 0 while it runs."""

    @property
    def ended(self) -> bool:
        """Whether it will never run again."""
        return self.crashed or bool(self.greenlet.dead)

    def runs(self, now: float) -> bool:
        """Whether it is neither gone nor frozen."""
        return not self.ended and now >= self.frozen_until


class Machine:
    """Runs processes and events in simulated time."""

    def __init__(self, seed: int, rates: Mapping[str, float], schedule: Iterable[Hit] | None = None) -> None:
        """`schedule`: the faults that happen, instead of those that the rates and the seed would give."""
        self.now = 0.0
        self.chance = random.Random(seed)
        self.faults = Faults(self, seed, rates, schedule)
        self.current: Process | None = None
        self.steps = 0
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._hash = hashlib.sha256()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._parked: dict[Process, int] = {}
        self._woken = False
        self._hub = greenlet.getcurrent()  # type: ignore[attr-defined]

    @property
    def trace(self) -> str:
        """The hash of every step so far."""
        return self._hash.hexdigest()

    def note(self, what: str) -> None:
        """Put something that happened into the trace."""
        line = f"{self.now:.6f} {self.current.name if self.current else '-'} {what}"
        self.steps += 1
        if self.steps > _STEPS_MAX:
            message = "it does not come to an end"
            raise Violation(message)
        self.tail.append(line)
        self._hash.update(line.encode())

    def at(self, delay: float, action: Callable[[], None]) -> None:
        """Do something after `delay` seconds."""
        self._count += 1
        heappush(self._events, (self.now + delay, self._count, action))

    def start(self, process: Process, delay: float) -> None:
        """Let a process begin."""
        process.ticket = self._next_ticket()
        self.at(delay, partial(self._wake, process, process.ticket))

    def run(self, seconds: float, done: Callable[[], bool]) -> bool:
        """Let time pass until `done`, asked now and then, or for so long; whether it is done."""
        end = self.now + seconds
        look = self.now
        while self.now <= end:
            if self.now >= look:
                if done():
                    return True
                look = self.now + 0.25
            if not self._events or self._events[0][0] > end:
                return done()
            self._next_event()
        return done()

    def step(self, what: str) -> None:
        """Input or output of the running process: others run meanwhile, or it ends here."""
        self.note(what)
        process = self.current
        if process is None:
            return
        faults = self.faults
        if process.crashed or faults.hit("crash"):
            process.crashed = True
            raise Crashed
        slow = faults.hit("slow")  # while the client's own threads go on
        delay = self.chance.random() * (_SLOW_STEP_SECONDS if slow else _STEP_SECONDS)
        if faults.hit("freeze"):
            process.frozen_until = self.now + self.chance.choice((0.5, 2.0, 4.0, 8.0)) * (0.5 + self.chance.random())
        if faults.hit("cut"):
            process.cut_until = self.now + 6.0 * self.chance.random()
        self.sleep(delay)

    def sleep(self, seconds: float) -> None:
        """Let time pass for the running process."""
        process = self.current
        if process is None:
            self._pass(seconds, wakeable=False)
            return
        process.ticket = self._next_ticket()
        self.at(seconds, partial(self._wake, process, process.ticket))
        self._hub.switch()

    def park(self, seconds: float) -> None:
        """Let time pass for the running process until `wake_all`, at most so long."""
        process = self.current
        if process is None:
            self._pass(seconds, wakeable=True)
            return
        process.ticket = self._parked[process] = self._next_ticket()
        self.at(seconds, partial(self._wake, process, process.ticket))
        self._hub.switch()

    def wake_all(self) -> None:
        """Something that a parked process may be waiting for has happened."""
        self._woken = True
        for process, ticket in self._parked.items():
            self.at(self.chance.random() * _WAKE_SECONDS, partial(self._wake, process, ticket))
        self._parked.clear()

    def kill(self, process: Process) -> None:
        """End a process where it stands."""
        process.crashed = True
        if process.greenlet and not process.greenlet.dead:
            self.current = process
            process.greenlet.throw(Crashed)
            self.current = None

    def _next_ticket(self) -> int:
        self._count += 1
        return self._count

    def _wake(self, process: Process, ticket: int) -> None:
        if process.ticket != ticket or process.greenlet.dead:
            return
        if process.frozen_until > self.now:
            self.at(process.frozen_until - self.now, partial(self._wake, process, ticket))
            return
        self._parked.pop(process, None)
        process.ticket = 0
        self.current = process
        try:
            process.greenlet.switch()
        finally:
            self.current = None

    def _next_event(self) -> None:
        time, _, action = heappop(self._events)
        self._advance(time)
        action()

    def _advance(self, time: float) -> None:
        self.now = max(self.now, time)

    def _pass(self, seconds: float, *, wakeable: bool) -> None:
        end = self.now + seconds
        self._woken = False
        while self._events and self._events[0][0] <= end and not (wakeable and self._woken):
            self._next_event()
        if not (wakeable and self._woken):
            self._advance(end)


class InRealTime(Machine):
    """A machine whose time really passes, for tests that look at a watch."""

    def _advance(self, time: float) -> None:
        threading.Event().wait(max(0.0, time - self.now))
        super()._advance(time)


class SimClock:
    """The machine's time as `pipeline.clock.Clock`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def now(self) -> float:
        """Seconds since the beginning."""
        return self._machine.now

    def wall(self) -> int:
        """Milliseconds since the epoch."""
        return START_MS + int(self._machine.now * 1_000)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Let time pass, or less once `stop` is set."""
        machine = self._machine
        machine.step("wait")
        end = machine.now + seconds
        while not stop.is_set() and machine.now < end:
            machine.park(end - machine.now)
        return stop.is_set()
