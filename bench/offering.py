"""Requests over HTTP at instants that are fixed before (open loop), or each as soon as a connection is free."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final, NamedTuple

HOST: Final = "127.0.0.1"
CONNECTIONS: Final = 64
_LEAD_SECONDS: Final = 0.5
_CLOSED: Final = "the server closed the connection"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Offered(NamedTuple):
    """When each request was due, left and was answered, in monotonic seconds."""

    due: list[float]
    sent: list[float]
    answered: list[float]

    @property
    def seconds(self) -> float:
        """From the first request to the last answer."""
        return max(self.answered) - min(self.sent)


class _Connection(asyncio.Protocol):
    """One request after another; each answer has a Content-Length."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, ended, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if self._answer is not None and ended and length is not None and len(body) >= int(length[1]):
            self._received.clear()
            self._answer.set_result(int(head.split(b" ", 2)[1]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError(_CLOSED))

    async def ask(self, request: bytes) -> int:
        """The status of the answer."""
        if self._transport.is_closing():
            raise ConnectionError(_CLOSED)
        self._answer = asyncio.Future()
        self._transport.write(request)
        return await self._answer


async def offer(
    port: int, requests: Sequence[bytes], rate: float | None = None, connections: int = CONNECTIONS
) -> Offered:
    """Send the requests, `rate` a second; without one, each connection sends its next after each answer.

    Raises `ConnectionError` for an answer other than 202.
    """
    begin = asyncio.get_running_loop().time() + _LEAD_SECONDS
    due = [begin if rate is None else begin + number / rate for number in range(len(requests))]
    offered = Offered(due, [0.0] * len(requests), [0.0] * len(requests))
    numbers = iter(range(len(requests)))
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_keep_asking(port, requests, numbers, offered))
    return offered


async def _keep_asking(port: int, requests: Sequence[bytes], numbers: Iterator[int], offered: Offered) -> None:
    """Take the next request that nobody has, wait until it is due, and ask; until there is none."""
    loop = asyncio.get_running_loop()
    transport, connection = await loop.create_connection(_Connection, HOST, port)
    for number in numbers:
        if (left := offered.due[number] - loop.time()) > 0:
            await asyncio.sleep(left)
        offered.sent[number] = loop.time()
        status = await connection.ask(requests[number])
        offered.answered[number] = loop.time()
        if status != HTTPStatus.ACCEPTED:
            message = f"request {number} was answered with {status}"
            raise ConnectionError(message)
    transport.close()


def post(path: str, key: str, body: bytes) -> bytes:
    """The bytes of a request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
