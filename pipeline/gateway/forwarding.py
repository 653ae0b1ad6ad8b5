"""Requests about customers of another worker: its gateway is asked, once, and its answer goes through as it is.

What is forwarded is the client's own request, to the same path and with its own credentials, which the other gateway
judges again. It bears a mark, and what bears the mark is never forwarded.
"""

from __future__ import annotations

from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    TCPConnector,
    web,
)
from yarl import URL

from pipeline.gateway.access import CREDENTIALS
from pipeline.gateway.desk import body_of, patience, problem
from pipeline.gateway.owners import Owners
from pipeline.runtime.roles.questions import Elsewhere

MARK: Final = "Accrue-Forwarded"
_SENT: Final = (*CREDENTIALS, "Content-Type", "Idempotency-Key", "Prefer")
_ANSWERED: Final = ("Content-Type", "Location", "Retry-After")
_CONNECT_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 10.0
"""For all that the other gateway does beside waiting as its client asks."""
_AT_ONCE: Final = 100


class Forwarding:
    """Asks other gateways, on the event loop of this one: open it there."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners
        self._session: ClientSession

    async def __aenter__(self) -> Self:
        # A connection that is used again may have been closed meanwhile, and nobody knew whether the request was read.
        self._session = ClientSession(connector=TCPConnector(limit=_AT_ONCE, force_close=True))
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def answer(self, request: web.Request, error: Exception) -> web.Response | None:
        """What the owner answers, where `error` says that another worker has the customer; None where nobody is asked.

        None, too, where it cannot be reached: nothing was done then. Where it was and does not answer, a problem that
        says so, unless the request only reads.
        """
        address = self._owners.address_of(error.partition) if isinstance(error, Elsewhere) else None
        if address is None or MARK in request.headers:
            return None
        try:
            return await self._ask(address, request)
        except (ClientConnectorError, ConnectionTimeoutError):
            return None
        except (ClientError, TimeoutError):
            return None if request.method == "GET" else _silent()

    async def _ask(self, address: str, request: web.Request) -> web.Response:
        async with self._session.request(
            request.method,
            URL(f"{address}{request.rel_url.raw_path_qs}", encoded=True),  # the host is the address's, whatever follows
            headers={name: request.headers[name] for name in _SENT if name in request.headers} | {MARK: "1"},
            data=await body_of(request) or None,
            allow_redirects=False,
            timeout=ClientTimeout(total=patience(request) + _ANSWER_SECONDS, connect=_CONNECT_SECONDS),
        ) as answer:
            return web.Response(
                status=answer.status,
                headers={name: answer.headers[name] for name in _ANSWERED if name in answer.headers},
                body=await answer.read(),
            )


def _silent() -> web.Response:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the worker that has this customer did not answer in time, so it is unknown what was done; send it again with "
        "the same Idempotency-Key: it counts once",
    )
