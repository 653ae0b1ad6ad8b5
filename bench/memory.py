"""(memory) A worker that holds a million customers with ten open lots each: restored from the changelog, then busy."""

from __future__ import annotations

import gc
import tempfile
import time
from pathlib import Path
from typing import Final

from bench import worker
from bench.cluster import Cluster
from bench.processes import started
from bench.report import progress, report
from bench.samples import DAY_MS, three_line_bills
from bench.sizes import sizes
from bench.state import LOTS, leave_behind, typical
from bench.watch import watch
from pipeline.engine.state import decode_head, encode_state
from pipeline.intake.dialects.naming import input_key
from pipeline.log.port import Outgoing
from schemas.records import encode_record
from tests.broker import running_broker
from topics.catalog import Catalog

DECODED_SAMPLE: Final = 20_000
LIMIT_SECONDS: Final = 1_800.0


def main() -> None:
    """Measure and report."""
    records, customers = sizes(200_000, 1_000_000)
    now = int(time.time()) * 1_000
    head = encode_state(typical(now).head)
    figures: dict[str, object] = {"customers": customers, "open_lots_each": LOTS, "records": records}
    figures["head_bytes_encoded"] = len(head)
    figures["head_bytes_decoded"] = decoded_bytes(head)
    with running_broker() as bootstrap, tempfile.TemporaryDirectory(prefix="accrue-bench-") as name:
        cluster, folder = Cluster(bootstrap), Path(name)
        catalog = Catalog()
        environment = worker.environment(bootstrap, folder)
        worker.create_topics(environment)
        leave_behind(cluster, now, customers, bills=False)
        bills = three_line_bills(records, customers, start=now - 2 * DAY_MS, days=1)
        journal, facts = catalog.name("journal"), catalog.name("facts")
        cluster.write(Outgoing(journal, input_key(one.org_id, one.customer_id), encode_record(one)) for one in bills)
        progress(f"{customers} customers are in the changelog, {records} bills in the journal")
        with started(worker.commands(1, ["loyalty"]), environment, folder) as (process,):
            run = watch(cluster, [facts], [process], lambda: cluster.count([facts]) >= records, LIMIT_SECONDS)
            resident, most = process.resident_bytes()
        stored = sum(file.stat().st_size for file in (folder / "accrue" / "state").rglob("*") if file.is_file())
    figures |= {
        "resident_megabytes": resident // 2**20,
        "resident_megabytes_max": most // 2**20,
        "resident_bytes_per_customer": most // customers,
        "disk_bytes_per_customer": stored // customers,
        "restore_seconds": round(run.startup_seconds, 1),
        "restored_customers_per_second": round(customers / run.startup_seconds),
        "records_per_second": round(records / run.seconds),
    }
    report("memory", figures)


def decoded_bytes(raw: bytes) -> int:
    """What one decoded head takes in memory, as the process grows by it."""
    gc.collect()
    before = _resident()
    heads = [decode_head(raw) for _ in range(DECODED_SAMPLE)]
    return (_resident() - before) // len(heads)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


if __name__ == "__main__":
    main()
