"""The role `gateway`: a web server whose requests become messages, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from aiohttp import web

from pipeline.clock import SYSTEM_CLOCK, Clock
from pipeline.gateway.access import Access
from pipeline.gateway.answers import Answers
from pipeline.gateway.api import Api
from pipeline.gateway.desk import Desk
from pipeline.gateway.forwarding import Forwarding
from pipeline.gateway.outbox import Outbox
from pipeline.gateway.owners import OWNERS, Owners
from pipeline.gateway.tables import Connect, Tables
from pipeline.gateway.tokens import Tokens
from pipeline.log.port import Log, Partition
from pipeline.runtime.roles.following import KeyRing, SettingsFollower
from pipeline.runtime.roles.intake import limits_of
from pipeline.runtime.roles.questions import Questions
from pipeline.runtime.settings import GATEWAY, Settings
from topics.catalog import Catalog

_KEEP_ALIVE_SECONDS: Final = 60.0
_SHUTDOWN_SECONDS: Final = 5.0
"""For requests that are open when the role stops."""
_HEAD_BYTES_MAX: Final = 8_190


class GatewayRole:
    """Serves HTTP on a listening socket; implements `starting.Runnable`."""

    name = GATEWAY

    def __init__(
        self,
        log: Log,
        settings: Settings,
        listener: socket.socket,
        questions: Questions,
        connect: Connect,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """`connect`: to ClickHouse, where lists and figures are read."""
        catalog = Catalog(settings.prefix, settings.partitions)
        follower = SettingsFollower(log, catalog.name("settings"), clock)
        self._listener = listener
        self._outbox = Outbox(log, clock)
        self._answers = Answers(log, catalog.name("replies"), settings.partitions, follower, clock)
        topic, limits = catalog.name("gateway"), limits_of(settings)
        secret = settings.secret_of_tokens()
        tokens = None if secret is None else Tokens(secret)
        access = Access(lambda: follower.keys, tokens, clock.wall)
        desk = Desk(topic, limits, follower, access, self._outbox, self._answers, questions, clock)
        self._tables = Tables(connect, KeyRing(log, catalog.name("keys"), clock))
        own = settings.gateway_address
        self._owners = Owners(log, catalog.name(OWNERS), clock, own or "", lambda: questions.ready)
        self._forwarding = Forwarding(self._owners)
        self._works = [self._outbox.run, self._answers.run, *([] if own is None else [self._owners.run])]
        """What runs in threads of its own."""
        self._api = Api(log, settings, desk, self._tables, self._forwarding)

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set; requests that are open then get some seconds."""
        asyncio.run(self._serve(stop))

    def status(self) -> tuple[bool, str]:
        """Ready once replies and settings are followed, and as long as they are."""
        if not self._answers.placed.is_set():
            return False, "reads the settings"
        return (True, "") if self._answers.fresh() else (False, "cannot read replies and settings")

    def behind(self) -> Mapping[Partition, int]:
        """Nothing: it has no group, and begins at the end."""
        return {}

    async def _serve(self, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        ending, told = threading.Event(), asyncio.Event()
        threading.Thread(target=_pass_on, args=(stop, loop, told), name="accrue-gateway-stop", daemon=True).start()
        with ThreadPoolExecutor(len(self._works), "accrue-gateway") as pool:
            threads = [loop.run_in_executor(pool, work, ending) for work in self._works]
            runner = web.AppRunner(
                self._api.app(),
                handle_signals=False,
                access_log=None,
                keepalive_timeout=_KEEP_ALIVE_SECONDS,
                max_line_size=_HEAD_BYTES_MAX,
                max_field_size=_HEAD_BYTES_MAX,
                shutdown_timeout=_SHUTDOWN_SECONDS,
            )
            async with self._forwarding:
                try:
                    await runner.setup()
                    await web.SockSite(runner, self._listener).start()
                    first = asyncio.as_completed([told.wait(), *threads])
                    await next(first)
                finally:
                    await runner.cleanup()
                    ending.set()
                    self._tables.close()
            await asyncio.gather(*threads)


def _pass_on(stop: threading.Event, loop: asyncio.AbstractEventLoop, told: asyncio.Event) -> None:
    stop.wait()
    with suppress(RuntimeError):  # the loop is closed where the role died before it was told to stop
        loop.call_soon_threadsafe(told.set)
