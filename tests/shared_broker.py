"""The one broker of a test run: all its processes share it.

A process of its own keeps it running, `python -m tests.shared_broker FOLDER`: the test process that asked first may end
before the others.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.broker import ROOT, Broker, BrokerError
from tests.ports import free_port

_POLL_SECONDS: Final = 0.02
_SESSION_SECONDS: Final = 60.0
_LOG_END: Final = 2_000


class Shared(NamedTuple):
    """Where the broker is."""

    bootstrap: str
    door: str | None = None
    """Its other listener, which sends clients to `proxied`; None for a broker that was not started here."""
    proxied: str | None = None
    """Where a test may listen to stand between a client and the broker."""


@contextmanager
def shared_broker(folder: Path) -> Iterator[Shared]:
    """The broker of all processes that share `folder`: the first to ask starts it, and the last to leave stops it.

    Each process holds a shared lock on a file meanwhile, which the system takes back from a process that dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    address = folder / "address"
    with (folder / "users").open("w") as users:
        with (folder / "starting").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)
            if not address.exists():
                _start_keeper(folder, address)
        yield Shared(*json.loads(address.read_text()))


def _start_keeper(folder: Path, address: Path) -> None:
    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.shared_broker", str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C meant for pytest must not stop it under a running test
        )
    while not address.exists():
        if keeper.poll() is not None:
            raise BrokerError((folder / "keeper.log").read_text()[-_LOG_END:])
        threading.Event().wait(_POLL_SECONDS)


def keep(folder: Path) -> None:
    """Run a broker as long as a process shares the folder; the file `address` is there meanwhile."""
    address, unfinished = folder / "address", folder / "address.unfinished"
    proxied = f"127.0.0.1:{free_port()}"
    with (folder / "users").open("w") as users, tempfile.TemporaryDirectory(prefix="accrue-kafka-") as data:
        broker = Broker(Path(data), [proxied], session_seconds=_SESSION_SECONDS)
        try:
            broker.start()
            unfinished.write_text(json.dumps(Shared(broker.bootstrap, *broker.doors, proxied)))
            unfinished.rename(address)
            fcntl.flock(users, fcntl.LOCK_EX)  # waits for the last to leave; whoever comes now waits for the end here
            address.unlink()
        finally:
            broker.stop()


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
