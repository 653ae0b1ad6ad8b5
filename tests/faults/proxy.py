"""A TCP proxy between one client and the broker, which delays, withholds and cuts what goes through it.

It knows just enough of Kafka to see a commit go by: every request and every answer is a frame behind its length.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any, Final, Self

_END_TXN: Final = 26
"""The api key of the request that commits or aborts a transaction."""
_REQUEST: Final = struct.Struct(">hhi")
_LENGTH: Final = struct.Struct(">i")
_CALL_SECONDS: Final = 10.0
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Direction(StrEnum):
    """Which way frames go."""

    TO_BROKER = "to_broker"
    TO_CLIENT = "to_client"


class Trap(StrEnum):
    """What happens to the next request that ends a transaction."""

    RESET_BEFORE = "reset_before"
    """The connection is reset and the broker never sees the request."""
    LOSE_ANSWER = "lose_answer"
    """The broker acts on it, and the connection is reset in place of the answer."""
    HOLD = "hold"
    """The request waits until the next `restore`."""


class Proxy:
    """Listens at `address` and forwards to where `forward_to` says; its methods may be called from any thread."""

    def __init__(self, port: int = 0) -> None:
        """Without a port, it listens on any that is free."""
        listener = socket.create_server(("127.0.0.1", port))
        self.address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.sprung = threading.Event()
        """Set when a trap was met."""
        self._target = ("", 0)
        self._loop = asyncio.new_event_loop()
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.delay_seconds = 0.0
        self.trap: Trap | None = None
        self.open = {direction: asyncio.Event() for direction in Direction}
        self.unheld = asyncio.Event()
        """Set unless requests that met `Trap.HOLD` wait."""
        for event in (*self.open.values(), self.unheld):
            event.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._accept, sock=listener))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def forward_to(self, address: str) -> None:
        """Where connections go from now on."""
        host, _, port = address.rpartition(":")
        self._target = (host, int(port))

    def delay(self, seconds: float) -> None:
        """Every frame takes so much longer, either way."""
        self.delay_seconds = seconds

    def withhold(self, *directions: Direction) -> None:
        """Accept connections and frames, and let nothing through; `restore` delivers what is waiting."""
        self._call(lambda: [self.open[direction].clear() for direction in directions])

    def set_trap(self, trap: Trap) -> None:
        """For the next request that ends a transaction; `sprung` tells when it came."""

        def arm() -> None:
            self.sprung.clear()
            self.trap = trap

        self._call(arm)

    def reset(self) -> None:
        """Reset every connection."""
        self._call(lambda: [link.reset() for link in list(self._links)])

    def restore(self) -> None:
        """A good network again: no delay, no trap, and whatever was withheld is delivered."""

        def undo() -> None:
            self.delay_seconds = 0.0
            self.trap = None
            for event in (*self.open.values(), self.unheld):
                event.set()

        self._call(undo)

    def close(self) -> None:
        """End every connection and stop listening."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_SECONDS)
        self._loop.close()

    def _call(self, action: Callable[[], object]) -> None:
        async def act() -> None:
            action()

        self._run(act())

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_SECONDS)

    async def _end(self) -> None:
        self._server.close()
        for link in list(self._links):
            link.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            broker_reader, broker_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, writer, broker_writer)
        self._links.add(link)
        ways = (
            (link.pump(reader, Direction.TO_BROKER)),
            (link.pump(broker_reader, Direction.TO_CLIENT)),
        )
        for way in ways:
            task = self._loop.create_task(way)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def forget(self, link: _Link) -> None:
        """The link is over."""
        self._links.discard(link)


class _Link:
    """One connection of the client and the one to the broker that belongs to it."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter, broker: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._sinks = {Direction.TO_BROKER: broker, Direction.TO_CLIENT: client}
        self._lost: int | None = None
        """The correlation id of the answer in place of which the connection is reset."""

    def reset(self) -> None:
        """Cut both connections: who uses them sees a reset."""
        self._proxy.forget(self)
        for writer in self._sinks.values():
            held = writer.get_extra_info("socket")
            if held is not None and not writer.is_closing():
                held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()

    async def pump(self, reader: asyncio.StreamReader, direction: Direction) -> None:
        """Carry frames until one side ends; frames on their way are still delivered then."""
        on_the_way: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
        delivery = asyncio.ensure_future(self._deliver(on_the_way, direction))
        try:
            while (frame := await _frame(reader)) is not None:
                on_the_way.put_nowait((asyncio.get_running_loop().time() + self._proxy.delay_seconds, frame))
            on_the_way.put_nowait(None)
            await delivery
        finally:
            delivery.cancel()

    async def _deliver(self, on_the_way: asyncio.Queue[tuple[float, bytes] | None], direction: Direction) -> None:
        proxy, sink = self._proxy, self._sinks[direction]
        loop = asyncio.get_running_loop()
        while (coming := await on_the_way.get()) is not None:
            due, frame = coming
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await proxy.open[direction].wait()
            if not await self._may_pass(frame, direction):
                self.reset()
                return
            sink.write(frame)
            try:
                await sink.drain()
            except OSError:
                break
        self._proxy.forget(self)
        sink.close()

    async def _may_pass(self, frame: bytes, direction: Direction) -> bool:
        """Whether the frame goes on; it may wait here. False: the connection ends instead."""
        if direction is Direction.TO_CLIENT:
            return self._lost is None or _LENGTH.unpack_from(frame, _LENGTH.size)[0] != self._lost
        key, _, correlation = _REQUEST.unpack_from(frame, _LENGTH.size)
        proxy = self._proxy
        if key != _END_TXN or proxy.trap is None:
            return True
        trap, proxy.trap = proxy.trap, None
        if trap is Trap.LOSE_ANSWER:
            self._lost = correlation
        elif trap is Trap.HOLD:
            proxy.unheld.clear()
        proxy.sprung.set()
        if trap is Trap.HOLD:
            await proxy.unheld.wait()
        return trap is not Trap.RESET_BEFORE


async def _frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame with its length; None at the end of the connection, however it comes."""
    try:
        length = await reader.readexactly(_LENGTH.size)
        return length + await reader.readexactly(_LENGTH.unpack(length)[0])
    except (asyncio.IncompleteReadError, OSError):
        return None
