"""(k) The gateway, by turns with an aiohttp handler that only produces (`bench.bare`): what the doors cost.

One bill a request. First each serves as many as it can, one after another on each connection. Then both are offered
half of what the gateway can do, each request at an instant that was fixed before, whatever became of those before it
(open loop): time counts from that instant.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

from bench import bare, worker
from bench.cluster import Cluster
from bench.latency import percentiles
from bench.offering import HOST, Offered, offer, post
from bench.processes import Process, accrue, python_module, started
from bench.report import progress, report
from bench.samples import DAY_MS, ORG, as_messages, three_line_bills
from bench.sizes import Sizes
from tests.ports import free_port

GATEWAY: Final = "gateway"
BARE: Final = "bare handler"
TURNS: Final = (GATEWAY, BARE, BARE, GATEWAY)
LOAD: Final = 0.5
SECONDS: Final = 15
"""Of each turn at half load."""
_TOPIC: Final = "bench.bare"
_START_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.1


class Server(NamedTuple):
    """One of the two."""

    name: str
    port: int
    process: Process


class Turn(NamedTuple):
    """What one of them was offered, and what it spent on it."""

    name: str
    rate: float | None
    """Requests a second at fixed instants; None: each connection sends its next after each answer."""
    offered: Offered
    cpu_seconds: float

    def figures(self) -> dict[str, object]:
        """Rates, and milliseconds until the answer: from when a request was due, else from when it left."""
        due, sent, answered = self.offered
        return {
            "served_by": self.name,
            "requests": len(sent),
            "requests_per_second": round(len(sent) / self.offered.seconds),
            "cpu_microseconds_per_request": round(self.cpu_seconds / len(sent) * 1e6),
            "until_answered": percentiles(sent if self.rate is None else due, answered),
            **({} if self.rate is None else {"until_sent": percentiles(due, sent)}),
        }


def compare(cluster: Cluster, folder: Path, size: Sizes) -> None:
    """Measure and report."""
    environment = worker.environment(cluster.bootstrap, folder)
    worker.create_topics(environment)
    worker.apply_settings(environment, ORG, folder)
    cluster.create([_TOPIC])
    key = accrue(environment, "key", "create", "--org", str(ORG.org_id), "--scope", "produce").strip()
    start = int(time.time()) * 1_000 - 2 * DAY_MS
    bills = as_messages(three_line_bills(size.records, size.customers, start=start, days=1))
    requests = [post(bare.PATH, key, value) for _, value in bills]
    with _serving(cluster, environment, folder) as servers:
        for server in servers.values():
            progress(f"{server.name}: warm-up")
            take_turn(server, requests[: len(requests) // 2], None)
        most = [_reported(take_turn(servers[name], requests, None), "k.most") for name in TURNS]
        rate = LOAD * rate_of(most, GATEWAY)
        some = requests[: int(rate * SECONDS)]
        half = [_reported(take_turn(servers[name], some, rate), "k.half") for name in TURNS]
    report("k.compared", compared(most, half))


@contextmanager
def _serving(cluster: Cluster, environment: dict[str, str], folder: Path) -> Iterator[dict[str, Server]]:
    """Both, each on a port of its own, once they take messages."""
    ports = {name: free_port() for name in (GATEWAY, BARE)}
    settings = environment | {
        "ACCRUE_GATEWAY_PORT": str(ports[GATEWAY]),
        "BENCH_BOOTSTRAP": cluster.bootstrap,
        "BENCH_TOPIC": _TOPIC,
        "BENCH_PORT": str(ports[BARE]),
    }
    commands = [*worker.commands(1, [GATEWAY]), python_module(bare.__name__)]
    with started(commands, settings, folder) as processes:
        servers = [Server(name, port, process) for (name, port), process in zip(ports.items(), processes, strict=True)]
        for server in servers:
            _wait_for(server)
        yield {server.name: server for server in servers}


def _wait_for(server: Server) -> None:
    deadline, pause = time.monotonic() + _START_SECONDS, Event()
    while not _is_well(server.port):
        server.process.check()
        if time.monotonic() > deadline:
            message = f"{server.name} takes no messages after {_START_SECONDS:.0f} s"
            raise TimeoutError(message)
        pause.wait(_LOOK_SECONDS)


def _is_well(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=_START_SECONDS)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == HTTPStatus.NO_CONTENT
    except ConnectionError:
        return False
    finally:
        connection.close()


def take_turn(server: Server, requests: Sequence[bytes], rate: float | None) -> Turn:
    """Offer the requests to a server; without a rate, as fast as it answers."""
    before = server.process.cpu_seconds()
    offered = asyncio.run(offer(server.port, requests, rate))
    return Turn(server.name, rate, offered, server.process.cpu_seconds() - before)


def _reported(turn: Turn, figure: str) -> Turn:
    report(figure, turn.figures())
    return turn


def rate_of(turns: Sequence[Turn], name: str) -> float:
    """Requests a second of all turns of one of them."""
    own = [turn.offered for turn in turns if turn.name == name]
    return sum(len(one.sent) for one in own) / sum(one.seconds for one in own)


def compared(most: Sequence[Turn], half: Sequence[Turn]) -> dict[str, object]:
    """All turns of each together, one beside the other."""
    rates = {name: rate_of(most, name) for name in (GATEWAY, BARE)}
    return {
        "requests_per_second": {name: round(rate, 1) for name, rate in rates.items()},
        "ratio": round(rates[GATEWAY] / rates[BARE], 3),
        "offered_per_second": round(LOAD * rates[GATEWAY]),
        "until_answered": {name: percentiles(*_pooled(half, name)) for name in rates},
    }


def _pooled(turns: Sequence[Turn], name: str) -> tuple[list[float], list[float]]:
    own = [turn.offered for turn in turns if turn.name == name]
    return list(chain(*(one.due for one in own))), list(chain(*(one.answered for one in own)))
