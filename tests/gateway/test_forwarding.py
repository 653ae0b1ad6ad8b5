"""What another gateway gets of a request and what its client gets of the answer, whatever the other one does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, unused_port

from pipeline.gateway.forwarding import MARK, Forwarding
from pipeline.gateway.owners import Owners
from pipeline.runtime.roles.questions import Elsewhere, Unanswered

PARTITION = 3
PATH = "/api/a%2Fb/status?minSeq=4"
CREDENTIALS = {"Authorization": "Bearer ak_1", "X-AUTH-TOKEN": "t", "X-Client-Token": "s"}
SENT = {**CREDENTIALS, "Content-Type": "text/x", "Idempotency-Key": "k", "Prefer": "wait=0"}


class Seen(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Given(Owners):
    """Owners that a test gives."""

    def __init__(self, address: str | None) -> None:
        self._address = address

    def address_of(self, partition: int) -> str | None:
        return self._address if partition == PARTITION else None


def passed_on(
    owner: Callable[[web.Request], Awaitable[web.StreamResponse]] | str | None,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    error: Exception | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """What a client gets; `owner`: what answers at the address, or the address. 204: nobody answered."""

    async def ask() -> tuple[int, dict[str, str], bytes]:
        there = web.Application()
        if callable(owner):
            there.router.add_route("*", "/{path:.*}", owner)
        async with TestServer(there) as server:
            address = f"http://127.0.0.1:{server.port}" if callable(owner) else owner
            forwarding = Forwarding(Given(address))

            async def handle(request: web.Request) -> web.Response:
                await request.read()  # as every page has by then
                answer = await forwarding.answer(request, error or Elsewhere(PARTITION))
                return answer or web.Response(status=204)

            here = web.Application()
            here.router.add_route("*", "/{path:.*}", handle)
            async with forwarding, TestClient(TestServer(here)) as client:
                body = None if method == "GET" else b"body"
                sent = SENT if headers is None else headers
                async with client.request(method, PATH, data=body, headers=sent, allow_redirects=False) as answer:
                    return answer.status, dict(answer.headers), await answer.read()

    return asyncio.run(ask())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_request_goes_to_the_same_path_with_its_own_credentials_and_a_mark(method: str) -> None:
    seen: list[Seen] = []

    async def owner(request: web.Request) -> web.Response:
        seen.append(Seen(request.method, request.raw_path, dict(request.headers), await request.read()))
        return web.Response(status=418, body=b"tea", headers={"Content-Type": "text/tea", "Location": "/v1/replies/k"})

    status, headers, body = passed_on(owner, method, {**SENT, "Cookie": "c=1", "X-Forwarded-Host": "elsewhere"})

    assert (status, body, headers["Content-Type"], headers["Location"]) == (418, b"tea", "text/tea", "/v1/replies/k")
    (request,) = seen
    assert (request.method, request.path) == (method, PATH)
    assert request.body == (b"" if method == "GET" else b"body")
    assert request.headers.items() >= {**SENT, MARK: "1"}.items()
    assert not {"Cookie", "X-Forwarded-Host"} & request.headers.keys()


def test_redirection_is_told_and_not_followed() -> None:
    async def owner(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/"})

    assert passed_on(owner)[0] == 302


async def _never(_request: web.Request) -> web.Response:
    raise AssertionError


@pytest.mark.parametrize(
    ("owner", "headers", "error"),
    [
        (_never, {MARK: "1"}, Elsewhere(PARTITION)),
        (_never, {}, Elsewhere(PARTITION + 1)),
        (_never, {}, Unanswered("too many questions wait already")),
        (None, {}, Elsewhere(PARTITION)),
        ("http://127.0.0.1:{free}", {}, Elsewhere(PARTITION)),
        ("http://no-such-host.invalid:80", {}, Elsewhere(PARTITION)),
    ],
    ids=["forwarded already", "of no known owner", "busy", "no owner", "refused", "no such host"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_nobody_is_reached_nothing_was_done(
    owner: Callable[[web.Request], Awaitable[web.StreamResponse]] | str | None,
    headers: dict[str, str],
    error: Exception,
    method: str,
) -> None:
    address = owner.replace("{free}", str(unused_port())) if isinstance(owner, str) else owner
    assert passed_on(address, method, headers, error)[0] == 204


@pytest.mark.parametrize(("method", "status"), [("GET", 204), ("POST", 503)])
def test_owner_who_was_reached_and_says_nothing_may_have_done_what_was_asked(method: str, status: int) -> None:
    async def owner(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    found, headers, body = passed_on(owner, method)

    assert found == status
    assert "Retry-After" not in headers
    assert method == "GET" or b"unknown" in body
