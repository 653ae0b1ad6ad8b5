"""The web server under clients that misbehave: a probe is answered, and nothing of it fills the log."""

from __future__ import annotations

import logging
import resource
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse

import pytest

from pipeline.runtime.host import web
from pipeline.runtime.host.web import Answer, CannotListen, WebServer, listen_on, url_of
from tests.ports import free_port

SECONDS = 20.0
"""Longer than any answer here may take."""
PAGES: Mapping[str, Callable[[], Answer]] = {"/livez": lambda: Answer(HTTPStatus.OK, b"lives")}


@pytest.fixture
def port() -> Iterator[int]:
    """Where the pages are served."""
    port = free_port()
    with WebServer(listen_on("127.0.0.1", port), PAGES):
        yield port


def ask(port: int, path: str = "/livez", method: str = "GET") -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer, answer.read()


def say(port: int, request: bytes) -> bytes:
    """All that the server answers to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@contextmanager
def half_open(port: int, count: int, request: bytes = b"GET /livez HTTP/1.1\r\n") -> Iterator[list[socket.socket]]:
    """Connections that begin a request and never end it."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), SECONDS))
            connection.sendall(request)
            opened.append(connection)
        yield opened


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed it by now."""
    connection.settimeout(0.0)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def closed_while_sending(connection: socket.socket) -> bool:
    """Whether the server closes while it gets a byte every now and then."""
    connection.settimeout(0.02)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            connection.sendall(b"a")
            if not connection.recv(1):
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


def test_a_page_is_answered_without_a_word_about_what_answers(port: int) -> None:
    answer, body = ask(port)

    assert (answer.status, body) == (200, b"lives")
    assert {name.lower() for name, _ in answer.getheaders()} == {
        "content-type",
        "content-length",
        "cache-control",
        "connection",
    }


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(b"GET /livez?verbose HTTP/1.1\r\n\r\n", 200, id="a query"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 404, id="the root"),
        pytest.param(b"GET /table/ HTTP/1.1\r\n\r\n", 404, id="a page of Faust"),
        pytest.param(b"GET /../etc/passwd HTTP/1.1\r\n\r\n", 404, id="a way out"),
        pytest.param(b"GET /\xff HTTP/1.1\r\n\r\n", 404, id="bytes"),
        pytest.param(b"POST /livez HTTP/1.1\r\n\r\n", 405, id="another method"),
        pytest.param(b"GET  /livez HTTP/1.1\r\n\r\n", 400, id="no request line"),
        pytest.param(b"GET /livez HTTP/9.9\r\n\r\n", 400, id="another protocol"),
        pytest.param(b"\r\n\r\n", 400, id="nothing"),
        pytest.param(b"GET /" + b"a" * 100_000, 431, id="no end"),
    ],
)
def test_a_request_gets_the_answer_that_fits_and_the_connection_is_closed(
    port: int, request_: bytes, status: int
) -> None:
    try:
        said = say(port, request_)
    except ConnectionResetError:  # of a request that is not read to its end the kernel may say nothing more
        assert status == 431
    else:
        assert said.startswith(f"HTTP/1.1 {status} ".encode())


def test_a_head_has_no_body(port: int) -> None:
    answer, body = ask(port, method="HEAD")

    assert (answer.status, answer.getheader("Content-Length"), body) == (200, "5", b"")


def test_a_probe_is_answered_beside_more_half_open_connections_than_are_kept(port: int) -> None:
    began = time.monotonic()

    with half_open(port, 10 * web._CONNECTIONS_MAX) as connections:
        answers = [ask(port)[0].status for _ in range(20)]
        closed = sum(is_closed(connection) for connection in connections)

    assert answers == [200] * 20
    assert closed >= 9 * web._CONNECTIONS_MAX
    assert time.monotonic() - began < web._SECONDS


def test_a_connection_that_sends_no_whole_request_is_closed_in_time(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_SECONDS", 0.2)

    with half_open(port, 3) as connections:
        assert [connection.recv(1) for connection in connections] == [b""] * 3


def test_a_connection_that_sends_a_byte_now_and_then_is_closed_in_time(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "_SECONDS", 0.3)

    with half_open(port, 1) as [connection]:
        assert closed_while_sending(connection)


def test_descriptors_that_run_out_are_told_once_and_pages_answer_again_after(
    port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "_RETRY_SECONDS", 0.02)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.create_connection(("127.0.0.1", port), SECONDS) as waiting, caplog.at_level(logging.DEBUG):
        with ExitStack() as taken:
            # All descriptors that there are, and a connection that needs one more.
            lowest = taken.enter_context(socket.socket())
            another = taken.enter_context(socket.socket())
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest.fileno() + 2, hard))
            try:
                another.connect(("127.0.0.1", port))
                waiting.settimeout(20 * web._RETRY_SECONDS)
                with pytest.raises(TimeoutError):
                    waiting.recv(1)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        status = ask(port)[0].status

    assert status == 200
    assert caplog.text.count("web pages: cannot accept connections, trying again each second: [Errno 24]") == 1
    assert len(caplog.records) == 1


def test_an_address_that_is_not_free_or_not_ours_is_told(port: int) -> None:
    with pytest.raises(CannotListen, match=rf"cannot listen on 127.0.0.1, port {port}: Address already in use"):
        listen_on("127.0.0.1", port)
    with pytest.raises(CannotListen, match=r"cannot listen on 192\.0\.2\.1, port"):
        listen_on("192.0.2.1", free_port())


def test_the_pages_are_on_the_address_that_was_named() -> None:
    port = free_port()

    listener = listen_on("127.0.0.2", port)
    url = url_of(listener)
    with WebServer(listener, PAGES), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), SECONDS)

    assert url == f"http://127.0.0.2:{port}"
