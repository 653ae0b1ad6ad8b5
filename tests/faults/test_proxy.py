"""The proxy between a client that speaks in frames and a broker that answers each with its correlation id."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.faults.proxy import Direction, Proxy, Trap

PATIENCE_SECONDS = 30.0
SHORT_SECONDS = 0.2
END_TXN, PRODUCE = 26, 0


class Echo:
    """A broker that answers every request with its correlation id, and remembers what it saw."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.seen: list[int] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):  # it is closed already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while self._listener.fileno() >= 0:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as frames, suppress(ConnectionResetError):
            while length := frames.read(4):
                frame = frames.read(int.from_bytes(length, "big"))
                [correlation] = struct.unpack_from(">i", frame, 4)
                self.seen.append(correlation)
                connection.sendall(struct.pack(">ii", 4, correlation))


@pytest.fixture
def echo() -> Iterator[Echo]:
    broker = Echo()
    yield broker
    broker.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy() as between:
        between.forward_to(echo.address)
        yield between


@contextmanager
def client_of(proxy: Proxy) -> Iterator[socket.socket]:
    host, _, port = proxy.address.rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE_SECONDS) as client:
        yield client


def send(client: socket.socket, key: int, correlation: int) -> None:
    client.sendall(struct.pack(">ihhi", 8, key, 0, correlation))


def answer(client: socket.socket) -> int:
    """The correlation id that comes back; raises when the connection ends or nothing comes."""
    got = b""
    while len(got) < 8:
        more = client.recv(8 - len(got))
        if not more:
            raise ConnectionResetError
        got += more
    return int.from_bytes(got[4:], "big")


def wait_for(seen: list[int], expected: list[int]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while seen != expected:
        assert time.monotonic() < deadline, f"{seen}, not {expected}"
        threading.Event().wait(0.01)


def test_frames_pass_both_ways(proxy: Proxy, echo: Echo) -> None:
    with client_of(proxy) as client:
        for correlation in (1, 2):
            send(client, PRODUCE, correlation)
        assert [answer(client), answer(client)] == [1, 2]
    assert echo.seen == [1, 2]


def test_delay_is_added_in_each_direction(proxy: Proxy) -> None:
    proxy.delay(SHORT_SECONDS)
    with client_of(proxy) as client:
        begun = time.monotonic()
        send(client, PRODUCE, 1)
        answer(client)
    assert time.monotonic() - begun >= 2 * SHORT_SECONDS


def test_requests_that_are_withheld_arrive_when_the_network_is_back(proxy: Proxy, echo: Echo) -> None:
    proxy.withhold(Direction.TO_BROKER)
    with client_of(proxy) as client:
        send(client, PRODUCE, 1)
        client.settimeout(SHORT_SECONDS)
        with pytest.raises(TimeoutError):
            answer(client)
        assert echo.seen == []
        client.settimeout(PATIENCE_SECONDS)
        proxy.restore()
        assert answer(client) == 1


def test_request_of_a_client_that_is_gone_still_arrives(proxy: Proxy, echo: Echo) -> None:
    proxy.withhold(*Direction)
    with client_of(proxy) as client:
        send(client, END_TXN, 1)
        threading.Event().wait(SHORT_SECONDS)
    proxy.restore()

    wait_for(echo.seen, [1])


def test_withheld_answer_leaves_the_broker_acting(proxy: Proxy, echo: Echo) -> None:
    proxy.withhold(Direction.TO_CLIENT)
    with client_of(proxy) as client:
        send(client, PRODUCE, 1)
        wait_for(echo.seen, [1])
        client.settimeout(SHORT_SECONDS)
        with pytest.raises(TimeoutError):
            answer(client)


def test_reset_ends_connections_and_new_ones_work(proxy: Proxy) -> None:
    with client_of(proxy) as client:
        send(client, PRODUCE, 1)
        answer(client)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            answer(client)
    with client_of(proxy) as client:
        send(client, PRODUCE, 2)
        assert answer(client) == 2


def test_reset_before_a_commit_keeps_it_from_the_broker(proxy: Proxy, echo: Echo) -> None:
    proxy.set_trap(Trap.RESET_BEFORE)
    with client_of(proxy) as client:
        send(client, PRODUCE, 1)
        answer(client)
        send(client, END_TXN, 2)
        with pytest.raises(ConnectionResetError):
            answer(client)
    assert (echo.seen, proxy.sprung.is_set()) == ([1], True)


def test_lost_answer_comes_after_the_broker_acted_and_the_trap_springs_once(proxy: Proxy, echo: Echo) -> None:
    proxy.set_trap(Trap.LOSE_ANSWER)
    with client_of(proxy) as client:
        send(client, END_TXN, 1)
        with pytest.raises(ConnectionResetError):
            answer(client)
    with client_of(proxy) as client:
        send(client, END_TXN, 2)
        assert answer(client) == 2
    assert echo.seen == [1, 2]


def test_held_commit_waits_while_other_connections_go_on(proxy: Proxy, echo: Echo) -> None:
    proxy.set_trap(Trap.HOLD)
    with client_of(proxy) as client, client_of(proxy) as other:
        send(client, END_TXN, 1)
        assert proxy.sprung.wait(PATIENCE_SECONDS)
        send(other, PRODUCE, 2)
        assert answer(other) == 2
        assert echo.seen == [2]
        proxy.restore()
        assert answer(client) == 1


def test_broker_that_is_away_ends_connections(proxy: Proxy, echo: Echo) -> None:
    echo.close()
    with client_of(proxy) as client, pytest.raises(ConnectionResetError):
        answer(client)
