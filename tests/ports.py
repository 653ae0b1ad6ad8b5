"""Ports that a test gives away before somebody listens on them, and that may be left and taken again."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

# Below what systems give to outgoing connections and to those who ask for any port: they could take one at any moment.
_FIRST: Final = 20_000
_COUNT: Final = 10_000
_LOCKS: Final = Path(tempfile.gettempdir()) / f"accrue-test-ports-{os.getuid()}"


class _Ports:
    """Each port once; locks on files keep the test processes of this machine apart."""

    def __init__(self) -> None:
        self._untried = self._candidates()
        self._held: list[IO[str]] = []
        """As long as this process lives."""

    def take(self) -> int:
        """The next that nobody has."""
        for port in self._untried:
            lock = (_LOCKS / str(port)).open("w")
            if _is_locked_now(lock) and _is_free(port):
                self._held.append(lock)
                return port
            lock.close()
        message = f"no port is free from {_FIRST} to {_FIRST + _COUNT - 1}"
        raise RuntimeError(message)

    @staticmethod
    def _candidates() -> Iterator[int]:
        _LOCKS.mkdir(exist_ok=True)
        for number in range(_COUNT):
            yield _FIRST + (os.getpid() * 100 + number) % _COUNT


_PORTS: Final = _Ports()


def free_port() -> int:
    """A port of this machine that is ours until this process ends."""
    return _PORTS.take()


def _is_locked_now(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
