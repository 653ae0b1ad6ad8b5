"""A web server for a few small pages, in a thread of its own, that no client can exhaust or keep busy.

A connection carries one request and is closed after the answer. It gets a few seconds for both, and when too many are
open, the oldest is closed: clients that send nothing cannot keep a probe from its answer.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from math import inf
from typing import Final, NamedTuple, Self

from pipeline.failure import Failure

_LOG: Final = logging.getLogger(__name__)

_CONNECTIONS_MAX: Final = 64
_BACKLOG: Final = 1_024
"""Connections that wait to be accepted; one more has to try again, which takes its client a second."""
_SECONDS: Final = 5.0
"""For a request and its answer."""
_HEAD_BYTES_MAX: Final = 16_384
"""Of request line and headers."""
_RETRY_SECONDS: Final = 1.0
"""Until the next try, when a connection cannot be accepted: no descriptor is free."""
_WARN_EVERY_SECONDS: Final = 60.0
_END_OF_HEAD: Final = b"\r\n\r\n"


class CannotListen(Failure):
    """The address is not free, or is not one of this machine."""


class Answer(NamedTuple):
    """The answer of a page."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


Page = Callable[[], Answer]


def listen_on(host: str, port: int, *, variables: str = "ACCRUE_WEB_PORT or ACCRUE_WEB_BIND") -> socket.socket:
    """A socket that listens there; `variables` say where else. Raises `CannotListen`."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        # What Python adds to the words of the system is in the message anyway.
        reason = (getattr(error, "strerror", None) or "there is no such port").partition(" (while")[0]
        message = f"cannot listen on {host}, port {port}: {reason}; give another --slot, {variables}"
        raise CannotListen(message) from error


def url_of(listener: socket.socket) -> str:
    """Where a listening socket is reached."""
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class WebServer:
    """Serves pages by their paths while it is entered; closes the listening socket at the end."""

    def __init__(self, listener: socket.socket, pages: Mapping[str, Page]) -> None:
        self._listener = listener
        self._pages = pages
        self._loop = asyncio.new_event_loop()
        self._serving = self._loop.create_task(self._serve())
        self._open: dict[asyncio.Task[None], None] = {}
        """Open connections, oldest first."""
        self._warned_at = -inf
        self._thread = threading.Thread(target=self._run, name="accrue-web", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._serving.cancel)
        self._thread.join()

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._serving)
        self._loop.close()

    async def _serve(self) -> None:
        self._listener.settimeout(0.0)
        try:
            while True:
                connection = await self._accept()
                if len(self._open) >= _CONNECTIONS_MAX:
                    oldest = next(iter(self._open))
                    del self._open[oldest]
                    oldest.cancel()
                conversation = self._loop.create_task(self._converse(connection))
                self._open[conversation] = None
                conversation.add_done_callback(lambda ended: self._open.pop(ended, None))
                await asyncio.sleep(0)  # an accept that need not wait lets nothing else run
        finally:
            self._listener.close()
            for conversation in self._open:
                conversation.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self) -> socket.socket:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(self._listener)
            except OSError as error:
                now = self._loop.time()
                if now - self._warned_at > _WARN_EVERY_SECONDS:
                    self._warned_at = now
                    _LOG.warning("web pages: cannot accept connections, trying again each second: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return connection

    async def _converse(self, connection: socket.socket) -> None:
        """Answers one request; a client that is gone or too slow gets no answer."""
        with connection, suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_SECONDS):
                head = b""
                while _END_OF_HEAD not in head and len(head) < _HEAD_BYTES_MAX:
                    received = await self._loop.sock_recv(connection, _HEAD_BYTES_MAX - len(head))
                    if not received:
                        return
                    head += received
                await self._loop.sock_sendall(connection, self._answer_to(head))

    def _answer_to(self, head: bytes) -> bytes:
        if _END_OF_HEAD not in head:
            return _written(_only(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        match head.partition(b"\r\n")[0].split(b" "):
            case [b"GET" | b"HEAD" as method, target, b"HTTP/1.0" | b"HTTP/1.1"]:
                page = self._pages.get(target.partition(b"?")[0].decode("latin-1"))
                answer = _only(HTTPStatus.NOT_FOUND) if page is None else page()
                return _written(answer, with_body=method == b"GET")
            case [_, _, b"HTTP/1.0" | b"HTTP/1.1"]:
                return _written(_only(HTTPStatus.METHOD_NOT_ALLOWED))
            case _:
                return _written(_only(HTTPStatus.BAD_REQUEST))


def _only(status: HTTPStatus) -> Answer:
    return Answer(status, f"{status.phrase}\n".encode())


def _written(answer: Answer, *, with_body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(answer.body)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (answer.body if with_body else b"")
