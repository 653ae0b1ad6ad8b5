"""Verifies the whole log: every partition in turn, and transactions left open."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import cache, partial
from pathlib import Path

from pipeline.log.port import Log, Unavailable
from pipeline.runtime.roles.settings_writer import read_keys
from pipeline.verify.hanging import OpenTransactions
from pipeline.verify.partition import Bench, verify_partition
from pipeline.verify.report import Report, Watcher
from pipeline.verify.requests import Requests
from topics.catalog import Catalog


def verify_log(
    log: Log,
    catalog: Catalog,
    group: str,
    numbers: Sequence[int],
    hanging_seconds: float,
    report: Report,
    watcher: Watcher,
) -> None:
    """Check what the loyalty role of `group` made of these journal partitions; nothing is written but temporary files.

    A transaction that is open at the first look is called hanging after `hanging_seconds`. Raises `NewerEngine`.
    """
    transactions = OpenTransactions(log, [spec.name for spec in catalog.specs()], numbers)
    with tempfile.TemporaryDirectory(prefix="accrue-verify-") as folder, ExitStack() as stack:
        requests = stack.enter_context(closing(Requests(catalog, Path(folder) / "requests", report)))
        bench = Bench(
            log, catalog, group, Path(folder), report, watcher, requests, cache(partial(read_keys, log, catalog))
        )
        try:
            for number in numbers:
                verify_partition(bench, number)
            requests.judge(log)
        except Unavailable as error:  # as committed offsets are, while a transaction that holds new ones is open
            transactions.tell(report, hanging_seconds)
            if report.holds:
                raise
            report.note(f"nothing further was compared: {error}")
            return
    transactions.tell(report, hanging_seconds)
