"""The host: a Faust app around the roles. Each loop has an agent that decides its batches."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self

import faust
from faust.app.base import BootStrategy

from pipeline.folders import private_folder
from pipeline.log.port import Log, Message
from pipeline.runtime.host.foreground import ForegroundWorker
from pipeline.runtime.host.signals import leave_at_once
from pipeline.runtime.host.starting import STOP_SECONDS, LoopRole, Roles, Runnable, roles_of
from pipeline.runtime.loop.progress import Progress
from pipeline.runtime.loop.role import Decided, Role
from pipeline.runtime.roles.loyalty import LOYALTY
from pipeline.runtime.roles.questions import Questions
from pipeline.runtime.settings import RoleName, Settings

LOGGER: Final = logging.getLogger(__name__)

_START_SECONDS: Final = 60.0


def _decides(role: Role) -> Callable[[Any], Any]:
    process = role.process

    async def decide(batches: faust.Stream[Any]) -> None:
        async for batch, answer in batches:
            with _Answering(answer):
                answer.set_result(process(batch))

    decide.__name__ = decide.__qualname__ = role.name  # what the agent is called in logs
    return decide


class _Answering:
    """Passes an exception to the waiting thread; if it killed the agent, the thread would wait for ever."""

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


class _OnlyAgents(BootStrategy):
    """Faust hosts; the loops carry the data, and the pages of a worker are served by `WebServer`."""

    enable_kafka = enable_kafka_consumer = enable_kafka_producer = enable_web = False


class HostApp(faust.App):
    """A Faust app that decides what roles read, and stops when one of them fails."""

    BootStrategy = _OnlyAgents

    def __init__(self, settings: Settings, roles: Roles) -> None:
        private_folder(settings.states)
        super().__init__(
            f"{settings.group}-{settings.slot}",
            autodiscover=False,
            datadir=settings.states / "faust",
            topic_disable_leader=True,
        )
        self.roles = roles
        self.up = threading.Event()
        """Set once the agents are running."""
        self.stuck: list[str] = []
        """Roles that had not stopped in time."""
        self._patience = settings.patience.total_seconds()
        self._channels = {loop.name: self.channel() for loop in roles.loops}
        for one in roles.loops:
            self.agent(self._channels[one.name], name=f"accrue.{one.name}")(_decides(one.role))

    def settled(self) -> int:
        """The time up to which every journal partition of this worker is decided, milliseconds since the epoch."""
        clocks = [time for one in self._progress(LOYALTY) for time in dict(one.clocks).values()]
        return min(clocks, default=0)

    def decided(self) -> int:
        """Journal records decided since the start."""
        return sum(one.records for one in self._progress(LOYALTY))

    def _progress(self, role: RoleName) -> list[Progress]:
        return [loop.progress for loop in self.roles.loops if loop.name == role]

    async def on_started(self) -> None:
        """Hands deciding over to the agents, which run by now, and starts the remaining roles."""
        await super().on_started()
        _collect_garbage_seldom()
        self.flow_control.resume()  # else only an assignment by Faust's own consumer would
        self.roles.died.add_done_callback(
            lambda died: asyncio.run_coroutine_threadsafe(self.crash(died.result()), self.loop)
        )
        if not self.should_stop:  # Faust comes here all the same, but starts no agents then
            for one in self.roles.loops:
                one.decided_by(self._agent_of(one))
        self.roles.start()
        self.up.set()

    async def on_stop(self) -> None:
        """Let every role end its round and leave its group, while its agent is still there to answer."""
        self.roles.stop.set()
        deadline = self.loop.time() + STOP_SECONDS
        for name in self.roles.alive():
            left = deadline - self.loop.time()
            if not await self.loop.run_in_executor(None, self.roles.wait, name, left):
                doing = self.roles.what_it_does(name)
                message = f"{name} still runs {STOP_SECONDS} s after it was told to stop: {doing}"
                LOGGER.critical("%s", message)
                self.stuck.append(name)
                self.roles.fail(TimeoutError(message))
        await super().on_stop()

    def _agent_of(self, role: LoopRole) -> Callable[[Sequence[Message]], Decided]:
        channel = self._channels[role.name]

        def ask(batch: Sequence[Message]) -> Decided:
            answer: Future[Decided] = Future()
            asyncio.run_coroutine_threadsafe(channel.send(value=(batch, answer)), self.loop)
            return answer.result(self._patience)

        return ask


def build_app(
    settings: Settings,
    log: Log,
    names: Sequence[RoleName],
    *,
    extra_roles: Sequence[Runnable] = (),
    questions: Questions | None = None,
) -> HostApp:
    """The app with these of our roles and any others, which start when it does."""
    return HostApp(settings, roles_of(settings, log, names, extra_roles, questions=questions))


def run_worker(settings: Settings, roles: Roles) -> None:
    """Run in the foreground until SIGTERM or SIGINT, then exit with 0; with 1 when a role died or did not stop.

    A second signal ends the process at once. Raises `SystemExit` in any other case.
    """
    app = HostApp(settings, roles)
    worker = ForegroundWorker(app, loglevel="INFO", redirect_stdouts=False, loop=asyncio.new_event_loop())
    try:
        worker.execute_from_commandline()
    finally:
        if app.stuck:  # blocked in a call that cannot be interrupted, so shutdown does not wait for it
            leave_at_once(1)


@contextmanager
def running(app: HostApp) -> Iterator[HostApp]:
    """Runs the app in a thread with its own event loop, and stops it at the end. Raises the error of a failed role."""
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
        app.roles.stop.set()
        hosting.result(STOP_SECONDS + _START_SECONDS)
    if app.roles.failure is not None:
        raise app.roles.failure


async def _host(app: HostApp) -> None:
    app.loop = asyncio.get_running_loop()
    await app.start()
    await app.loop.run_in_executor(None, app.roles.stop.wait)
    await app.stop()


def _collect_garbage_seldom() -> None:
    """Records leave no cycles behind, and looking for some among the cached customers costs a third of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)
    gc.enable()
