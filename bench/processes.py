"""The processes under measurement: started, watched by what /proc says of them, and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
ACCRUE: Final = str(Path(sys.executable).with_name("accrue"))
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS: Final = 60.0


class Ended(RuntimeError):
    """A process ended while it was measured; the message holds the end of what it said."""


class Process:
    """One process, with its output in a file."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._command = command
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **environment}, stdout=said, stderr=said, start_new_session=True
            )
        self._status = Path(f"/proc/{self._process.pid}")

    def check(self) -> None:
        """Raise `Ended` if it does not run any more."""
        if self._process.poll() is not None:
            said = self._log.read_text(errors="replace")[-3_000:]
            message = f"{' '.join(self._command)} ended with {self._process.returncode}:\n{said}"
            raise Ended(message)

    def cpu_seconds(self) -> float:
        """User and system time so far, of all its threads."""
        fields = (self._status / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_bytes(self) -> tuple[int, int]:
        """Memory it holds now, and the most it held so far."""
        lines = (line.split() for line in (self._status / "status").read_text().splitlines())
        held = {words[0]: int(words[1]) * 1_024 for words in lines if words[0] in {"VmRSS:", "VmHWM:"}}
        return held["VmRSS:"], held["VmHWM:"]

    def stop(self) -> None:
        """Ask it to end, and wait for that; kill it where it does not."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_STOP_SECONDS)


@contextmanager
def started(commands: Sequence[Sequence[str]], environment: Mapping[str, str], folder: Path) -> Iterator[list[Process]]:
    """The processes of these commands, stopped at the end."""
    processes: list[Process] = []
    try:
        for number, command in enumerate(commands):
            processes.append(Process(command, environment, folder / f"process-{number}.log"))
        yield processes
    finally:
        for process in processes:
            process.stop()


def python_module(name: str) -> list[str]:
    """The command that runs a module of ours."""
    return [sys.executable, "-m", name]


def accrue(environment: Mapping[str, str], *arguments: str) -> str:
    """Run one `accrue` command to its end; what it printed."""
    done = subprocess.run(
        [ACCRUE, *arguments], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        message = f"accrue {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        raise Ended(message)
    return done.stdout
