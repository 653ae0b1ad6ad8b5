"""(memory) A worker that holds a million customers with ten open lots each: restored from the changelog, then busy."""

from __future__ import annotations

import gc
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Final

import msgspec
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from bench import worker
from bench.cluster import PARTITIONS, Cluster
from bench.processes import accrue, started
from bench.report import progress, report
from bench.samples import DAY_MS, TEN_RULES, three_line_bills
from bench.sizes import sizes
from bench.watch import watch
from pipeline.engine.clock import PartitionClock
from pipeline.engine.decide import decide
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head, decode_head, encode_state
from pipeline.intake.native import input_key
from pipeline.log.port import Outgoing
from pipeline.runtime.marker import MARKER_KEY, Mark, Marker, committed_with, encode_marker, program_key
from schemas.program import ProgramDefinition
from schemas.records import encode_record
from tests.broker import running_broker
from topics.catalog import Catalog

LOTS: Final = 10
PROGRAM: Final = TEN_RULES.model_copy(update={"rules": TEN_RULES.rules[:1]})
"""One spend rule, so that each bill gives one lot; the milestone, its streak and the tiers stay."""
MARK: Final = Mark(0, 1)
DECODED_SAMPLE: Final = 20_000
LIMIT_SECONDS: Final = 1_800.0


def main() -> None:
    """Measure and report."""
    records, customers = sizes(200_000, 1_000_000)
    now = int(time.time()) * 1_000
    head = typical_head(now)
    figures: dict[str, object] = {"customers": customers, "open_lots_each": LOTS, "records": records}
    figures["head_bytes_encoded"] = len(encode_state(head))
    figures["head_bytes_decoded"] = decoded_bytes(encode_state(head))
    with running_broker() as bootstrap, tempfile.TemporaryDirectory(prefix="accrue-bench-") as name:
        cluster, folder = Cluster(bootstrap), Path(name)
        catalog = Catalog()
        environment = worker.environment(bootstrap, folder)
        accrue(environment, "topics", "create")
        cluster.write(_changelog(catalog.name("state"), head, customers))
        _commit(bootstrap, catalog.name("journal"))
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


def typical_head(now: int) -> Head:
    """A customer of ten bills over the last ten months, decided by the engine."""
    programs = Programs().activate(PROGRAM)
    state = CustomerState(Head(PROGRAM.org_id, 1))
    first = now - 30 * LOTS * DAY_MS
    for bill in three_line_bills(LOTS, 1, start=first, days=30 * (LOTS - 1)):
        before = msgspec.structs.replace(bill, id=f"before-{bill.id}")  # else the bills to come were repeats of it
        decide(CustomerState(state.head), before, programs, bill.event_time)
    lots = len(state.head.sections[PROGRAM.program_id].accounts[PROGRAM.points.name].lots)
    if lots != LOTS:
        message = f"the sample has {lots} open lots, not {LOTS}"
        raise AssertionError(message)
    return state.head


def decoded_bytes(raw: bytes) -> int:
    """What one decoded head takes in memory, as the process grows by it."""
    gc.collect()
    before = _resident()
    heads = [decode_head(raw) for _ in range(DECODED_SAMPLE)]
    return (_resident() - before) // len(heads)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


def _changelog(topic: str, head: Head, customers: int) -> Iterator[Outgoing]:
    """What a worker would have written of them: the heads, the program, and each partition's marker last."""
    chance = random.Random(1)  # noqa: S311 - a seeded sample, not a secret
    account = head.sections[PROGRAM.program_id].accounts[PROGRAM.points.name]
    for customer_id in range(1_000, 1_000 + customers):
        head.customer_id = customer_id
        for lot in account.lots:
            lot.open_points = chance.randrange(5, 50)
        account.balance = account.lifetime = account.issued = sum(lot.open_points for lot in account.lots)
        yield Outgoing(topic, input_key(head.org_id, customer_id), encode_state(head))
    versions = ((PROGRAM.org_id, PROGRAM.program_id, PROGRAM.version),)
    marker = encode_marker(Marker(MARK.next_offset, MARK.round, PartitionClock(), versions))
    for number in range(PARTITIONS):
        yield Outgoing(topic, program_key(*versions[0]), _json(PROGRAM), number)
        yield Outgoing(topic, MARKER_KEY, marker, number)


def _json(program: ProgramDefinition) -> bytes:
    return program.model_dump_json().encode()


def _commit(bootstrap: str, journal: str) -> None:
    """What that worker would have committed beside it."""
    offset, metadata = committed_with(MARK)
    places = [TopicPartition(journal, number, offset or 0, metadata) for number in range(PARTITIONS)]
    group = ConsumerGroupTopicPartitions("accrue.loyalty", places)
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    deadline = time.monotonic() + 30.0
    while True:  # the first commit of all makes the topic of offsets, and may come before it is there
        answers = [one.result(30.0) for one in admin.alter_consumer_group_offsets([group]).values()]
        errors = [place.error for answer in answers for place in answer.topic_partitions if place.error is not None]
        if not errors:
            return
        if time.monotonic() > deadline:
            raise KafkaException(errors[0])
        Event().wait(0.2)


if __name__ == "__main__":
    main()
