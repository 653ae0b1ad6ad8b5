"""A ClickHouse server for tests: the embedded engine behind HTTP, in a process of its own, which fails as it is told.

It speaks what `clickhouse-connect` needs of ClickHouse's HTTP interface. It can be killed and started again over the
same folder. `python -m tests.sinks.server FOLDER PORT FAULTS` is the process; `Server` starts it and gives it faults.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame

from sinks.clickhouse.connect import open_clickhouse
from sinks.clickhouse.schema import migrate
from tests.ports import free_port

Kind = Literal["drop", "refuse", "error", "mute", "hold"]
"""What happens to a request: executed and the connection closed without an answer; closed without being executed;
answered with an error; executed and not answered before it heals; not executed before it heals."""

_START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.02
_HELD_SECONDS_MAX: Final = 240.0
_TRANSPORT: Final = frozenset(
    {
        "query",
        "database",
        "query_id",
        "session_id",
        "wait_end_of_query",
        "enable_http_compression",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "client_protocol_version",
        "cancel_http_readonly_queries_on_client_close",
    }
)
"""Parameters that speak about HTTP, and not about the statement."""


class Fault(NamedTuple):
    """What happens to the next statements that begin with `match`, so many of them."""

    kind: Kind
    match: str
    times: int
    code: int = 0
    """ClickHouse's number of an error."""


class _Engine:
    """The embedded engine, and the faults it is to show."""

    def __init__(self, folder: str) -> None:
        self._connection = chdb.connect(folder)
        self._lock = threading.Lock()
        self.faults: deque[Fault] = deque()
        self.released = threading.Event()
        self.seen: list[tuple[str, str]] = []
        """Of the inserts that were executed: into which table, with which token."""

    def fault(self, statement: str) -> Fault | None:
        """The fault that is due at a statement."""
        with self._lock:
            for index, fault in enumerate(self.faults):
                if statement.startswith(fault.match):
                    del self.faults[index]
                    if fault.times > 1:
                        self.faults.append(fault._replace(times=fault.times - 1))
                    return fault
        return None

    def run(self, body: bytes, parameters: dict[str, str]) -> bytes:
        """Execute one statement; its result in the format it names."""
        statement = f"{parameters['query']}\n".encode() + body if "query" in parameters else body
        with self._lock:
            if not statement.startswith(b"INSERT"):
                return bytes(self._connection.query(statement.decode(), "TabSeparated").bytes())
            return self._insert(statement, parameters)

    def _insert(self, statement: bytes, parameters: dict[str, str]) -> bytes:
        head, _, data = statement.partition(b"\n")
        target = head.decode().removesuffix(" FORMAT Native")
        chosen = {name: value for name, value in parameters.items() if name not in _TRANSPORT}
        settings = ", ".join(f"{name} = '{value}'" for name, value in chosen.items())
        with tempfile.NamedTemporaryFile(suffix=".native") as file:
            file.write(data)
            file.flush()
            clause = f" SETTINGS {settings}" if settings else ""
            self._connection.query(f"{target} FROM INFILE '{file.name}'{clause} FORMAT Native")
        self.seen.append((target.split()[2].strip("`"), chosen.get("insert_deduplication_token", "")))
        return b""


class _Handler(BaseHTTPRequestHandler):
    """ClickHouse's HTTP interface, and `/faults`, `/pending`, `/heal` and `/seen` for the test."""

    protocol_version = "HTTP/1.1"
    engine: _Engine

    def do_GET(self) -> None:
        match self.path:
            case "/ping":
                self._answer(200, b"Ok.\n")
            case "/seen":
                self._answer(200, json.dumps(self.engine.seen).encode())
            case "/heal":
                self.engine.faults.clear()
                self.engine.released.set()
                self._answer(200, b"")
            case "/pending":
                self._answer(200, str(len(self.engine.faults)).encode())
            case _:
                self.do_POST()

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/faults":
            self.engine.released.clear()
            self.engine.faults.append(Fault(*json.loads(body)))
            self._answer(200, b"")
            return
        parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        statement = parameters.get("query") or body[:200].decode(errors="replace")
        fault = self.engine.fault(statement.replace("`", ""))
        match fault:
            case Fault("refuse"):
                self._hang_up()
            case Fault("error", _, _, code):
                self._refuse(code, f"Code: {code}. DB::Exception: as the test wants it")
            case Fault("hold"):
                self.engine.released.wait(_HELD_SECONDS_MAX)
                self._execute(body, parameters)
            case Fault("mute"):
                self.engine.run(body, parameters)
                self.engine.released.wait(_HELD_SECONDS_MAX)
                self._hang_up()
            case Fault("drop"):
                self.engine.run(body, parameters)
                self._hang_up()
            case _:
                self._execute(body, parameters)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
        """Nothing: the test's output is the test's."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "lz4":
            return bytes(lz4.frame.decompress(body))
        return body

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _execute(self, body: bytes, parameters: dict[str, str]) -> None:
        try:
            result = self.engine.run(body, parameters)
        except RuntimeError as error:
            text = str(error)
            found = text.partition("Code: ")[2].partition(".")[0]
            self._refuse(int(found) if found.isdigit() else 0, text)
        else:
            self._answer(200, result)

    def _refuse(self, code: int, text: str) -> None:
        self._answer(500, text.encode(), **({"X-ClickHouse-Exception-Code": str(code)} if code else {}))

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # who asked has given up
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if body:
                self.send_header("X-ClickHouse-Format", "TabSeparated")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class Server:
    """The process, over one folder and on one port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.dsn = f"http://127.0.0.1:{self.port}/default"

    def start(self, *faults: Fault) -> None:
        """Start it and wait until it answers; these faults come before anybody can ask it anything."""
        command = [sys.executable, "-m", "tests.sinks.server", str(self._folder), str(self.port), json.dumps(faults)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._ask("/ping")
            except OSError:
                assert self._process.poll() is None, "the ClickHouse server of the test ended"
                assert time.monotonic() < deadline, "the ClickHouse server of the test does not start"
                threading.Event().wait(_POLL_SECONDS)
            else:
                return

    def kill(self) -> None:
        """A crash; a second call does nothing."""
        process, self._process = self._process, None
        if process is not None:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()

    def fault(self, kind: Kind, match: str, times: int = 1, code: int = 0) -> None:
        """What happens to the next statements that begin with `match`."""
        self._ask("/faults", json.dumps(Fault(kind, match, times, code)).encode())

    def pending(self) -> int:
        """How many faults have not met a statement yet."""
        return int(self._ask("/pending"))

    def heal(self) -> None:
        """No more faults; what is held or not answered goes on."""
        self._ask("/heal")

    def seen(self) -> list[tuple[str, str]]:
        """Into which table, with which token: the inserts executed since the start, in order."""
        return [(table, token) for table, token in json.loads(self._ask("/seen"))]

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", body, timeout=_START_SECONDS) as answer:
            return bytes(answer.read())


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server that runs meanwhile, with our tables."""
    server = Server(folder)
    server.start()
    try:
        client = open_clickhouse(server.dsn)
        migrate(client)
        client.close()
        yield server
    finally:
        server.kill()


def main(folder: str, port: str, faults: str) -> None:
    """Serve until standard input ends, as it does when the test dies."""
    _Handler.engine = _Engine(folder)
    _Handler.engine.faults.extend(Fault(*fault) for fault in json.loads(faults))
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)  # requests may be held


if __name__ == "__main__":
    main(*sys.argv[1:])
