"""The roles of a worker, each in a thread of its own.

They begin before the host is loaded, which takes longer than what they do first: to end what a worker of this slot left
open when it died, behind which readers wait, to join their groups, to restore, and to decide what has come meanwhile.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Final, Protocol, Self

from pipeline.failure import Halted
from pipeline.log.port import Log, Message, Partition
from pipeline.runtime.loop.loop import TransactionalLoop
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.loop.role import Decided, Role
from pipeline.runtime.roles.intake import INTAKE, IntakeRole
from pipeline.runtime.roles.loyalty import LOYALTY, LoyaltyRole
from pipeline.runtime.roles.questions import Questions
from pipeline.runtime.settings import RoleName, Settings
from pipeline.runtime.slot import SlotLock

LOGGER: Final = logging.getLogger(__name__)

_SWITCH_SECONDS: Final = 0.000_5
"""Thread switch interval: how long a deciding thread delays one that only sends a request."""
STOP_SECONDS: Final = 25.0
"""For all roles together: an orchestrator kills after thirty, and by then it should be told what was stuck."""

Decide = Callable[[Sequence[Message]], Decided]


class Runnable(Protocol):
    """A role that runs in a thread of the worker."""

    @property
    def name(self) -> str:
        """The role's name."""

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; `Halted` ends this role, any other error the worker."""

    def status(self) -> tuple[bool, str]:
        """Whether it is ready; if not, why."""

    def behind(self) -> Mapping[Partition, int]:
        """By input partition: messages still to be read, as last looked at."""


class LoopRole:
    """A transactional loop whose batches an agent of the host decides, and the loop itself until there is one."""

    def __init__(self, log: Log, role: Role, progress: Progress, settings: Settings) -> None:
        self.name = role.name
        self.role = role
        self.progress = progress
        self._lock = SlotLock(settings.states, role.name)
        self._decide: Decide = role.process
        self._loop = TransactionalLoop(log, role, settings, progress=progress, process=self._process)

    def decided_by(self, agent: Decide) -> None:
        """Lets `process` decide from now on."""
        self._decide = agent

    def run(self, stop: threading.Event) -> None:
        """Run the loop in this thread."""
        with self._lock:
            try:
                self._loop.run(stop)
            finally:
                self.progress.lag.clear()  # it has left its group, so others know better

    def status(self) -> tuple[bool, str]:
        """Ready when it has partitions, all of them restored, and commits while there is something to read."""
        return self.progress.status()

    def behind(self) -> Mapping[Partition, int]:
        """By input partition: messages still to be read, as last looked at."""
        return dict(self.progress.lag)

    def _process(self, batch: Sequence[Message]) -> Decided:
        return self._decide(batch)


class Roles:
    """The threads of roles and their status; a context manager that stops those it started."""

    def __init__(self) -> None:
        self.all: list[Runnable] = []
        """The roles that run, or will with the next `start`."""
        self.stop = threading.Event()
        """Set when the roles are to stop, or one of them died."""
        self.died: Future[BaseException] = Future()
        """The error of the first role that failed."""
        self._failing = threading.Lock()
        self._halted: dict[str, str] = {}
        """By role: why it halted."""
        self._threads: dict[str, threading.Thread] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        deadline = time.monotonic() + STOP_SECONDS
        if stuck := [name for name in self._threads if not self.wait(name, deadline - time.monotonic())]:
            LOGGER.critical("%s still run %s s after they were told to stop", ", ".join(stuck), STOP_SECONDS)

    @property
    def loops(self) -> list[LoopRole]:
        """Accrue's own roles."""
        return [one for one in self.all if isinstance(one, LoopRole)]

    @property
    def failure(self) -> BaseException | None:
        """A role failed with this error."""
        return self.died.result() if self.died.done() else None

    def start(self) -> None:
        """Starts the roles that do not run yet."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        for role in self.all:
            if role.name not in self._threads:
                thread = threading.Thread(target=self._run, args=(role,), name=f"accrue-{role.name}", daemon=True)
                self._threads[role.name] = thread
                thread.start()

    def fail(self, error: BaseException) -> None:
        """Stop all; the first error is kept."""
        with self._failing:
            if not self.died.done():
                self.died.set_result(error)
        self.stop.set()

    def wait(self, name: str, seconds: float) -> bool:
        """Waits for a role to end until then; returns whether it has."""
        self._threads[name].join(max(0.0, seconds))
        return not self._threads[name].is_alive()

    def what_it_does(self, name: str) -> str:
        """The stack of a role that does not end."""
        frame = sys._current_frames().get(self._threads[name].ident or 0)  # noqa: SLF001 - documented, name and all
        return "it has just ended" if frame is None else f"in {frame.f_code.co_qualname}, line {frame.f_lineno}"

    def alive(self) -> dict[str, bool]:
        """Whether each role runs or has halted: a restart would not help a halted role."""
        return {name: thread.is_alive() or name in self._halted for name, thread in self._threads.items()}

    def status(self) -> dict[str, tuple[bool, str]]:
        """Whether each role is ready; if not, why."""
        halted = dict(self._halted)
        return {one.name: (False, halted[one.name]) if one.name in halted else one.status() for one in self.all}

    def _run(self, role: Runnable) -> None:
        try:
            role.run(self.stop)
        except Halted as error:
            self._halted[role.name] = f"halted: {error}"
            LOGGER.critical("%s halted: %s", role.name, error)
        except BaseException as error:  # whatever ends a role ends the worker
            notes = getattr(error, "__notes__", ())
            LOGGER.critical("%s died: %s", role.name, ", ".join((repr(error), *notes)), exc_info=error)
            self.fail(error)
            if not isinstance(error, Exception):
                raise


def roles_of(
    settings: Settings,
    log: Log,
    names: Iterable[RoleName],
    extra: Sequence[Runnable] = (),
    *,
    questions: Questions | None = None,
) -> Roles:
    """These of our roles and any others; a role named in `names` must be ours or among the others.

    `questions`: those that the loyalty role is to answer.
    """
    roles = Roles()
    others = {role.name for role in extra}
    for name in names:
        progress = Progress(name)
        if name == INTAKE:
            roles.all.append(LoopRole(log, IntakeRole(log, settings, progress), progress, settings))
        elif name == LOYALTY:
            roles.all.append(
                LoopRole(log, LoyaltyRole(log, settings, progress, questions=questions), progress, settings)
            )
        elif name not in others:
            message = f"role {name} was asked for, but nothing was given that does it"
            raise ValueError(message)
    roles.all.extend(extra)
    return roles
