"""Hanging transactions: a transaction that never ends blocks every reader of its partition.

Kafka ends a transaction after its timeout. One that stays open longer was lost by the broker, and readers wait for it
until it is aborted by hand.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from typing import Final

from pipeline.log.port import Log, Partition
from pipeline.verify.reading import name_of
from pipeline.verify.report import Check, Report

_LOOK_SECONDS: Final = 0.25


class OpenTransactions:
    """Watches, from the first look on, the partitions whose readers wait for a transaction."""

    def __init__(self, log: Log, topics: Sequence[str], numbers: Collection[int]) -> None:
        self._log = log
        self._topics = topics
        self._numbers = numbers
        self._since = time.monotonic()
        self._open = self._look()

    def tell(self, report: Report, patience_seconds: float) -> None:
        """Report what has been open ever since the first look; while there is any, that is at least so long ago."""
        open_still = self._still_open()
        while open_still and time.monotonic() - self._since < patience_seconds:
            threading.Event().wait(_LOOK_SECONDS)
            open_still = self._still_open()
        seconds = time.monotonic() - self._since
        report.look(Check.TRANSACTIONS, len(self._topics) * len(self._numbers))
        for partition, (stable, end) in open_still.items():
            what = (
                f"a transaction is open for at least {seconds:.0f} s, and readers wait {end - stable} offsets behind "
                "the end; find and end it with kafka-transactions.sh find-hanging and abort"
            )
            report.find(Check.TRANSACTIONS, name_of(partition, stable), what)

    def _look(self) -> dict[Partition, tuple[int, int]]:
        found = self._log.unsettled(self._topics)
        return {partition: bounds for partition, bounds in found.items() if partition.number in self._numbers}

    def _still_open(self) -> dict[Partition, tuple[int, int]]:
        """A transaction that ended and another that began move the stable offset."""
        now = self._look() if self._open else {}
        self._open = {one: bounds for one, bounds in now.items() if self._open.get(one, (-1, -1))[0] == bounds[0]}
        return self._open
