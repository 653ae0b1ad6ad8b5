"""ClickHouse on the demo's year: how fast the sink inserts, what lies on disk, how long the analysts' queries take.

`python -m bench.clickhouse --folder FOLDER` takes the log of a demo that has run; without it, one is run first.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from bench.report import progress, report
from pipeline.log.embedded import FILE_NAME, EmbeddedLog
from sinks.clickhouse.connect import open_clickhouse
from sinks.clickhouse.schema import migrate
from sinks.clickhouse.sink import ClickHouseSink, SinkSettings
from sinks.clickhouse.writer import ClickHouseWriter
from topics.catalog import Catalog

MEMBERS: Final = 5_100
BEST_OF: Final = 3
LOG_SECONDS: Final = 10.0
DRAINED_SECONDS: Final = 3_600.0
QUERIES: Final = {
    "totals": "SELECT * FROM totals_by_program",
    "customers": "SELECT * FROM customer_summary ORDER BY customer_id",
    "tiers by day": "SELECT * FROM tier_distribution_by_day",
    "points by day": "SELECT * FROM points_by_day ORDER BY day",
    "milestones": "SELECT * FROM milestone_funnel",
    "streaks": "SELECT * FROM streak_lengths",
    "why one customer has its points": (
        "SELECT at, kind, points, balance, issued_for, reason, subject FROM points_facts "
        "WHERE org_id = 100 AND customer_id = 10001 ORDER BY seq"
    ),
    "points by kind": "SELECT kind, issued_for, sum(points), count() FROM points_facts GROUP BY ALL ORDER BY ALL",
    "purchases by month": (
        "SELECT toStartOfMonth(at) AS month, sum(amount_minor), uniq(customer_id) FROM purchases "
        "WHERE kind = 'counted' GROUP BY month ORDER BY month"
    ),
    "refusals": "SELECT reason, count() FROM refusals GROUP BY reason ORDER BY reason",
    "invariants": "SELECT * FROM invariants",
}


def main() -> None:
    """Measure and report, one line for each thing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="of a demo that has run")
    parser.add_argument("--customers", type=int, default=MEMBERS, help="members of the demo that is run without one")
    parser.add_argument("--records", type=int, help="not used: a year is a year")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="accrue-bench-") as made:
        folder = chosen.folder or _demo(Path(made) / "demo", chosen.customers)
        copy = Path(made) / "log"  # the sink commits its offsets there
        copy.mkdir()
        shutil.copy(folder / FILE_NAME, copy)
        client = open_clickhouse(f"chdb://{made}/clickhouse")
        with closing(client), closing(EmbeddedLog(copy)) as log:
            migrate(client)
            report("clickhouse.insert", _inserted(log, client))
            report("clickhouse.size", _size(client))
            for name, sql in QUERIES.items():
                report("clickhouse.query", {"query": name, **_timed(client, sql)})


def _demo(folder: Path, members: int) -> Path:
    progress(f"a demo of {members:,} members")
    accrue = Path(sys.executable).with_name("accrue")
    subprocess.run([accrue, "demo", "--data-dir", folder, "--members", str(members), "--json"], check=True, stdout=2)
    return folder


def _inserted(log: EmbeddedLog, client: Client) -> dict[str, object]:
    """Drain the log into empty tables, with the bounds of a demo's sink."""
    catalog = Catalog()
    settings = SinkSettings(
        group="bench.sink",
        journal=catalog.name("journal"),
        facts=catalog.name("facts"),
        state=catalog.name("state"),
        notifications=catalog.notifications,
        messages_max=200_000,
        bytes_max=256 * 2**20,
    )
    sink = ClickHouseSink(log, ClickHouseWriter(lambda: client), settings)
    sink.hurry()
    stop = threading.Event()
    thread = threading.Thread(target=sink.run, args=(stop,))
    began, cpu = time.perf_counter(), time.process_time()
    thread.start()
    while (left := sink.lag()) and time.perf_counter() < began + DRAINED_SECONDS and thread.is_alive():
        thread.join(0.05)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    stop.set()
    thread.join()
    if left:
        message = f"the sink stopped {left} offsets before the end of the log"
        raise SystemExit(message)
    topics = (settings.journal, settings.facts, settings.state, *settings.notifications)
    offsets = sum(end for topic in topics for end in log.ends(_partitions(log, topic), LOG_SECONDS).values())
    rows = sum(rows for _, rows, _ in _parts(client))
    return {
        "offsets": offsets,
        "rows": rows,
        "seconds": round(seconds, 2),
        "offsets_per_second": round(offsets / seconds),
        "rows_per_second": round(rows / seconds),
        "cpu_seconds": round(cpu, 2),
        "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _partitions(log: EmbeddedLog, topic: str) -> list[Any]:
    return list(log.group_offsets("bench.sink", [topic]))


def _size(client: Client) -> dict[str, object]:
    """Bytes on disk once each month is one part."""
    for table, _, _ in _parts(client):
        client.command(f"OPTIMIZE TABLE {table} FINAL")
    parts = _parts(client)
    return {
        "bytes": sum(size for _, _, size in parts),
        "rows": sum(rows for _, rows, _ in parts),
        "tables": {table: {"rows": rows, "bytes": size} for table, rows, size in parts},
    }


def _parts(client: Client) -> list[tuple[str, int, int]]:
    found = client.query(
        "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts "
        "WHERE active AND database = currentDatabase() AND table != 'schema_migrations' "
        "GROUP BY table ORDER BY table"
    )
    return [(table, int(rows), int(size)) for table, rows, size in found.result_rows]


def _timed(client: Client, sql: str) -> dict[str, object]:
    """The best of a few: what it takes on data that the system has in memory."""
    taken: list[tuple[float, float]] = []
    rows = 0
    for _ in range(BEST_OF):
        began, cpu = time.perf_counter(), time.process_time()
        rows = len(client.query(sql).result_rows)
        taken.append((time.perf_counter() - began, time.process_time() - cpu))
    seconds, cpu_seconds = map(min, zip(*taken, strict=True))
    return {"rows": rows, "milliseconds": round(seconds * 1e3), "cpu_milliseconds": round(cpu_seconds * 1e3)}


if __name__ == "__main__":
    main()
