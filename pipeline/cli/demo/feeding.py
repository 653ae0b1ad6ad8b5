"""Input of a demo: a file of transactions, or a generator in a child process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from datetime import date
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Final, Protocol

from pipeline.cli.demo.children import start_deaf
from pipeline.cli.demo.roastery import roastery, span_of
from pipeline.cli.place import Place
from pipeline.cli.sending import send_inputs
from pipeline.engine.calendar import Calendar, as_day
from pipeline.importer.retail import ImportReport
from pipeline.importer.retail_file import read_files
from pipeline.importer.retail_inputs import ZONE, inputs, matched
from pipeline.runtime.settings import Settings

_CONTEXT: Final = multiprocessing.get_context("spawn")
ROASTERY: Final = "roastery.yaml"
RETAIL: Final = "online-retail.yaml"


class Feed(Protocol):
    """Something that sends inputs, all of them before `end`, and a clock message at it."""

    source: str
    """Its title."""
    program: str
    """The file name of its example program."""
    end: int
    """The last instant of the data, milliseconds since the epoch."""

    def start(self, place: Place) -> None:
        """Starts sending."""

    def expected(self) -> int:
        """Estimated total of journal records; 0 while unknown."""

    def failed(self) -> str | None:
        """The error that stopped it, if any."""

    def stop(self) -> None:
        """Stops sending."""


class RoasteryFeed:
    """The synthetic roastery; its process fills the log while the worker reads."""

    program = ROASTERY

    def __init__(self, customers: int, days: int, seed: int) -> None:
        self.source = f"a synthetic roastery: {customers:,} customers, {days} days, seed {seed}"
        self.end = span_of(days).end
        self._scale = (seed, customers, days)
        self._process: multiprocessing.process.BaseProcess | None = None
        self._expected: Synchronized[int] = _CONTEXT.Value("q", 0)

    def start(self, place: Place) -> None:
        """Start the process."""
        arguments = (place.settings, *self._scale, self._expected)
        self._process = _CONTEXT.Process(target=_send_roastery, args=arguments, daemon=True)
        start_deaf(self._process)

    def expected(self) -> int:
        """Estimated from what was sent so far and the time it covers."""
        return self._expected.value

    def failed(self) -> str | None:
        """Whether the process failed."""
        code = self._process.exitcode if self._process else None
        return f"the generator ended with exit code {code}" if code else None

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            self._process.join()


class RetailFeed:
    """Files of the UCI Online Retail format."""

    program = RETAIL

    def __init__(self, files: Sequence[Path], until: date | None, org_id: int) -> None:
        invoices = read_files(files, lambda _part: None)
        ordered = invoices.in_order()
        self.report: ImportReport = invoices.report
        steps = matched(ordered, self.report)
        self.source = ", ".join(path.name for path in files)
        self._inputs = list(inputs(steps, org_id, until))
        self._expected = 0
        self.end = self._inputs[-1].time if self._inputs else Calendar(ZONE).start_of(as_day(until or date(1970, 1, 1)))

    def start(self, place: Place) -> None:
        """Sends everything at once."""
        clocks = sum(one.key is None for one in self._inputs)
        self._expected = len(self._inputs) + clocks * (place.settings.partitions**2 - 1)
        with place.log() as log:
            send_inputs(place, log, self._inputs, lambda _sent, _time: None)

    def expected(self) -> int:
        """Known exactly."""
        return self._expected

    def failed(self) -> None:
        """It has sent everything already."""

    def stop(self) -> None:
        """It has sent everything already."""


def _send_roastery(settings: Settings, seed: int, customers: int, days: int, expected: Synchronized[int]) -> None:
    place = Place(settings)
    start, end = span_of(days)
    # A clock message goes to each input partition, and from each of those to each journal partition.
    more_clocks = days * settings.partitions * (settings.partitions - 1)

    def on_sent(sent: int, time: int) -> None:
        expected.value = (sent * (end - start)) // max(1, time - start) + more_clocks

    with place.log() as log:
        send_inputs(place, log, roastery(seed, customers, days), on_sent)
