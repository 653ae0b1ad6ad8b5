"""The sink of a demo, in a process of its own: rows are built there while the worker decides here."""

from __future__ import annotations

import multiprocessing
import threading
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from typing import Final, Self

from pipeline.cli.demo.children import start_deaf
from pipeline.cli.place import Place
from pipeline.cli.sinks import sinks_of
from pipeline.runtime.settings import Settings

_LOOK_SECONDS: Final = 0.2
_STOP_SECONDS: Final = 60.0
_UNKNOWN: Final = -1


class SinkProcess:
    """Runs the ClickHouse sink until it is stopped; a context manager."""

    def __init__(self, place: Place) -> None:
        context = multiprocessing.get_context("spawn")
        self._lag: Synchronized[int] = context.Value("q", _UNKNOWN)
        self._hurry = context.Event()
        self._stop = context.Event()
        arguments = (place.settings, self._lag, self._hurry, self._stop)
        self._process = context.Process(target=_run, args=arguments, daemon=True)

    def __enter__(self) -> Self:
        start_deaf(self._process)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._process.join(_STOP_SECONDS)
        self._process.kill()

    def lag(self) -> int | None:
        """Messages that are not in ClickHouse yet; None while unknown."""
        return None if self._lag.value == _UNKNOWN else self._lag.value

    def hurry(self) -> None:
        """No more input follows: the rest is inserted at once."""
        if not self._hurry.is_set():
            self._lag.value = _UNKNOWN  # the last figure is stale
            self._hurry.set()

    def failed(self) -> str | None:
        """The error that ended it; None if it runs or was stopped."""
        code = self._process.exitcode
        return None if code is None else f"the sink ended with exit code {code}"


def _run(settings: Settings, lag: Synchronized[int], hurry: Event, stop: Event) -> None:
    """Runs the sink in a thread of this process and reports its progress."""
    place = Place(settings)
    stop_sink = threading.Event()
    demo = multiprocessing.parent_process()
    with place.log() as log, sinks_of(place, log, linger_seconds=10.0) as [sink]:
        thread = threading.Thread(target=sink.run, args=(stop_sink,), name="accrue-sink", daemon=True)
        thread.start()
        try:
            while not stop.wait(_LOOK_SECONDS) and thread.is_alive() and (demo is None or demo.is_alive()):
                hurried = hurry.is_set()
                if hurried:
                    sink.hurry()
                left = sink.lag()
                if hurried:
                    lag.value = left
        finally:
            stop_sink.set()
            thread.join(_STOP_SECONDS)
    if not stop.is_set():
        raise SystemExit(1)
