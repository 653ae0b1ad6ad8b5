"""The host: a Faust app around the loops. Each role has a thread for its log and an agent that decides its batches."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Protocol, Self

import faust
from faust.app.base import BootStrategy

from pipeline.failure import Halted
from pipeline.log.port import Log, Message, Partition
from pipeline.runtime.foreground import ForegroundWorker, leave_at_once
from pipeline.runtime.intake_role import INTAKE, IntakeRole
from pipeline.runtime.loop import Decided, Role, TransactionalLoop
from pipeline.runtime.loyalty_role import LOYALTY, LoyaltyRole
from pipeline.runtime.metrics import Metrics
from pipeline.runtime.pages import add_pages
from pipeline.runtime.progress import Progress
from pipeline.runtime.settings import RoleName, Settings
from pipeline.runtime.slot import SlotLock

LOGGER: Final = logging.getLogger(__name__)

_SWITCH_SECONDS: Final = 0.000_5
"""How long a thread that decides keeps one waiting that only has a request to send: a round has a dozen of those."""
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 25.0
"""For all roles together: an orchestrator kills after thirty, and by then it should be told what was stuck."""


class Runnable(Protocol):
    """What runs in a thread of the worker."""

    @property
    def name(self) -> str:
        """Which role it is."""

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; `Halted` ends this role, any other error the worker."""

    def status(self) -> tuple[bool, str]:
        """Whether it is ready, and why not."""

    def behind(self) -> Mapping[Partition, int]:
        """By input partition: messages still to be read, as last looked at."""


class HostedRole:
    """A transactional loop whose batches are decided by an agent of the app."""

    def __init__(self, app: HostApp, log: Log, role: Role, progress: Progress, settings: Settings) -> None:
        self.name = role.name
        self.progress = progress
        self._lock = SlotLock(settings.states, role.name)
        self._app = app
        self._patience = settings.patience.total_seconds()
        self._channel = app.channel()
        self._loop = TransactionalLoop(log, role, settings, progress=progress, process=self._ask_agent)
        app.agent(self._channel, name=f"accrue.{role.name}")(_decides(role))

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

    def _ask_agent(self, batch: Sequence[Message]) -> Decided:
        answer: Future[Decided] = Future()
        asyncio.run_coroutine_threadsafe(self._channel.send(value=(batch, answer)), self._app.loop)
        return answer.result(self._patience)


def _decides(role: Role) -> Callable[[Any], Any]:
    process = role.process

    async def decide(batches: faust.Stream[Any]) -> None:
        async for batch, answer in batches:
            with _Answering(answer):
                answer.set_result(process(batch))

    decide.__name__ = decide.__qualname__ = role.name  # what the agent is called in logs
    return decide


class _Answering:
    """Hands an exception to the thread that waits; an agent that died of it would leave the thread waiting."""

    def __init__(self, answer: Future[Decided]) -> None:
        self._answer = answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        if error is None or self._answer.done():
            return False
        self._answer.set_exception(error)
        return isinstance(error, Exception)


class _WithoutKafka(BootStrategy):
    """Faust hosts; the loops carry the data."""

    enable_kafka = enable_kafka_consumer = enable_kafka_producer = False


class HostApp(faust.App):
    """A Faust app that runs roles in threads, and stops when one of them fails."""

    BootStrategy = _WithoutKafka

    def __init__(self, settings: Settings) -> None:
        port = settings.web_port
        settings.states.mkdir(parents=True, exist_ok=True)
        super().__init__(
            f"{settings.group}-{settings.slot}",
            autodiscover=False,
            datadir=settings.states / "faust",
            topic_disable_leader=True,
            web_enabled=port is not None,
            web_port=None if port is None else port + settings.slot,
        )
        self.roles: list[Runnable] = []
        self.failure: BaseException | None = None
        """What a role died of."""
        self.up = threading.Event()
        """Set once the roles run."""
        self.stop_roles = threading.Event()
        """Set when the roles are to stop, or one of them died."""
        self.stuck: list[str] = []
        """Roles that still ran when the time to stop was over."""
        self._halted: dict[str, str] = {}
        """By role: why it halted."""
        self._threads: dict[str, threading.Thread] = {}

    def alive(self) -> dict[str, bool]:
        """Whether each role runs, or has halted: restarting it would only bring it to the same place again."""
        return {name: thread.is_alive() or name in self._halted for name, thread in self._threads.items()}

    def status(self) -> dict[str, tuple[bool, str]]:
        """Whether each role is ready, and why not."""
        halted = dict(self._halted)
        return {one.name: (False, halted[one.name]) if one.name in halted else one.status() for one in self.roles}

    def settled(self) -> int:
        """The time up to which every journal partition of this worker is decided, milliseconds since the epoch."""
        clocks = [time for one in self._progress(LOYALTY) for time in dict(one.clocks).values()]
        return min(clocks, default=0)

    def decided(self) -> int:
        """Journal records decided since the start."""
        return sum(one.records for one in self._progress(LOYALTY))

    def _progress(self, role: RoleName) -> list[Progress]:
        return [one.progress for one in self.roles if isinstance(one, HostedRole) and one.name == role]

    async def on_started(self) -> None:
        """Start the threads; agents run by now."""
        await super().on_started()
        _collect_garbage_seldom()
        sys.setswitchinterval(_SWITCH_SECONDS)
        self.flow_control.resume()  # else only an assignment by Faust's own consumer would
        for role in self.roles:
            thread = threading.Thread(target=self._run, args=(role,), name=f"accrue-{role.name}", daemon=True)
            self._threads[role.name] = thread
            thread.start()
        self.up.set()

    async def on_stop(self) -> None:
        """Let every role end its round and leave its group, while its agent is still there to answer."""
        self.stop_roles.set()
        deadline = self.loop.time() + _STOP_SECONDS
        for name, thread in self._threads.items():
            await self.loop.run_in_executor(None, thread.join, max(0.0, deadline - self.loop.time()))
            if thread.is_alive():
                message = f"{name} still runs {_STOP_SECONDS} s after it was told to stop: {self._what_it_does(thread)}"
                LOGGER.critical("%s", message)
                self.stuck.append(name)
                self.failure = self.failure or TimeoutError(message)
                await self.crash(self.failure)
        await super().on_stop()

    def _what_it_does(self, thread: threading.Thread) -> str:
        frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - documented, name and all
        return "it has just ended" if frame is None else f"in {frame.f_code.co_qualname}, line {frame.f_lineno}"

    def _run(self, role: Runnable) -> None:
        try:
            role.run(self.stop_roles)
        except Halted as error:
            self._halted[role.name] = f"halted: {error}"
            LOGGER.critical("%s halted: %s", role.name, error)
        except BaseException as error:  # whatever ends a role ends the worker
            self.failure = self.failure or error
            self.stop_roles.set()
            notes = getattr(error, "__notes__", ())
            LOGGER.critical("%s died: %s", role.name, ", ".join((repr(error), *notes)), exc_info=error)
            asyncio.run_coroutine_threadsafe(self.crash(error), self.loop)
            if not isinstance(error, Exception):
                raise


def build_app(
    settings: Settings, log: Log, roles: Sequence[RoleName], *, extra_roles: Sequence[Runnable] = ()
) -> HostApp:
    """The app with these of our roles and any others; a role named in `roles` must be ours or among the others."""
    app = HostApp(settings)
    others = {role.name for role in extra_roles}
    for name in roles:
        progress = Progress(name)
        role: Role
        if name == INTAKE:
            role = IntakeRole(settings, progress)
        elif name == LOYALTY:
            role = LoyaltyRole(log, settings, progress)
        elif name in others:
            continue
        else:
            message = f"role {name} was asked for, but nothing was given that does it"
            raise ValueError(message)
        app.roles.append(HostedRole(app, log, role, progress, settings))
    app.roles.extend(extra_roles)
    ours = [one.progress for one in app.roles if isinstance(one, HostedRole)]
    metrics = Metrics(settings.group, ours, {one.name: one.behind for one in app.roles}, app.status)
    add_pages(app, app.alive, app.status, metrics)
    return app


def run_worker(
    settings: Settings, log: Log, roles: Sequence[RoleName], *, extra_roles: Sequence[Runnable] = ()
) -> None:
    """Run in the foreground until SIGTERM or SIGINT, then exit with 0; with 1 when a role died or did not stop.

    A second signal ends the process at once. Raises `SystemExit` in any other case.
    """
    app = build_app(settings, log, roles, extra_roles=extra_roles)
    worker = ForegroundWorker(app, loglevel="INFO", redirect_stdouts=False, loop=asyncio.new_event_loop())
    try:
        worker.execute_from_commandline()
    finally:
        if app.stuck:  # in a call that nothing can end: what it uses can never be released, so nobody waits for that
            leave_at_once(1)


@contextmanager
def running(app: HostApp) -> Iterator[HostApp]:
    """The app in a thread with an event loop of its own; stopped at the end. Raises what a role died of."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="accrue-host")
    hosting = thread.submit(asyncio.run, _host(app))
    hosting.add_done_callback(lambda _: app.up.set())
    thread.shutdown(wait=False)
    try:
        if not app.up.wait(_START_SECONDS):
            message = f"the worker did not start within {_START_SECONDS:.0f} s"
            raise TimeoutError(message)
        if hosting.done():
            hosting.result()
        yield app
    finally:
        app.stop_roles.set()
        hosting.result(_STOP_SECONDS + _START_SECONDS)
    if app.failure is not None:
        raise app.failure


async def _host(app: HostApp) -> None:
    app.loop = asyncio.get_running_loop()
    await app.start()
    await app.loop.run_in_executor(None, app.stop_roles.wait)
    await app.stop()


def _collect_garbage_seldom() -> None:
    """Records leave no cycles behind, and looking for some among the cached customers costs a third of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)
