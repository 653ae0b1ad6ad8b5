"""(j) Midnights for a million customers, by turns: of points alone as in (h), and of points, tiers and cycles.

Then a version that tells every cycle of a milestone to all of them starts, and the first of these cycles ends.
A tick takes from the moment `ClockAdvanced` can be read in the journal until all that follows of it is committed and
visible. A pause is how long nothing else of the process runs: one slice of a round being decided.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple
from urllib.request import urlopen

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from bench import worker
from bench.cluster import PARTITIONS, Cluster
from bench.report import progress, report
from bench.restart import EMPTY_TICKS, WARM_UP_TICKS, Started, Ticks
from bench.samples import DAY_MS, FIRST_CUSTOMER
from bench.sizes import sizes
from bench.state import ONE_IN, PROGRAM, commit, last_of, sample_of
from pipeline.engine.ledger.expiry import EXPIRY
from pipeline.engine.milestones.members import CYCLE_END
from pipeline.engine.milestones.state import Cycle
from pipeline.engine.state import Head, encode_state
from pipeline.engine.tiers.timers import END
from pipeline.engine.tiers.values import tenure_of
from pipeline.intake.dialects.naming import input_key
from pipeline.log.partitioner import partition_for
from pipeline.log.port import Outgoing
from schemas.program import ProgramDefinition
from tests.broker import running_broker
from topics.catalog import Catalog

TURNS: Final = 8
"""Midnights: those of points alone and the others by turns."""
_LIMIT_SECONDS: Final = 3_600.0
_HOUR_MS: Final = 3_600_000
_MILESTONE: Final = PROGRAM.milestones[0].id
_TIERS: Final = {
    "basis": "lifetime_points",
    "validity": {"months": 12},
    "levels": [{"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": 100}],
}
_DAILY: Final = {
    "id": "daily",
    "target_id": 102,
    "name": "A visit in the day",
    "period": "day",
    "counts": {"of": "transactions", "measure": "count"},
    "target": 1,
    "tells_cycles": "everybody",
}


def program(*, tells_everybody: bool = False) -> ProgramDefinition:
    """The program of (h) with tiers that end and cycles that are told; its next version tells each day to everybody."""
    written = msgspec.json.decode(PROGRAM.model_dump_json(exclude_unset=True))
    counted = {**written["milestones"][0], "tells_cycles": "counted"}
    written |= {"zone": "UTC", "tiers": _TIERS, "milestones": [counted, *([_DAILY] if tells_everybody else [])]}
    return ProgramDefinition.model_validate_json(msgspec.json.encode(written | {"version": 1 + tells_everybody}))


class Dues(NamedTuple):
    """When things fall due for one customer, milliseconds since the epoch."""

    points: int
    tier: int
    cycle: int


def dues_of(number: int, first: int) -> Dues:
    """One customer in `ONE_IN` at each of the midnights from `first` on, all others long after them.

    At every other midnight what falls due is of points, of a tier and of a cycle, a third of the customers each.
    """
    later = first + 200 * DAY_MS
    turn = number % ONE_IN
    if turn >= TURNS:
        return Dues(later, later, later)
    kind = number // ONE_IN % len(Dues._fields) if turn % 2 else 0
    midnight = first + turn * DAY_MS
    return Dues(*(midnight if place == kind else later for place in range(len(Dues._fields))))


def changelog(topic: str, now: int, clock: int, customers: int) -> Iterator[Outgoing]:
    """The customers, the program, and each partition's marker last."""
    definition, chance = program(), random.Random(1)  # noqa: S311 - a seeded sample, not a secret
    head = sample_of(definition, now).head
    for number in range(customers):
        head.customer_id = FIRST_CUSTOMER + number
        _set(head, definition, dues_of(number, first_midnight(clock)), chance)
        key = input_key(head.org_id, head.customer_id)
        yield Outgoing(topic, key, encode_state(head), partition_for(key, PARTITIONS))
    yield from last_of(topic, definition, clock)


def first_midnight(clock: int) -> int:
    """The second midnight after an instant."""
    return (clock // DAY_MS + 2) * DAY_MS


def _set(head: Head, definition: ProgramDefinition, due: Dues, chance: random.Random) -> None:
    section = head.sections[definition.program_id]
    lot = section.accounts[definition.points.name].lots[0]
    lot.closes_at, lot.expires_on = due.points, due.points // DAY_MS - 1
    tenure, member = tenure_of(section), section.members[_MILESTONE]
    tenure.term.ends_at, tenure.expires_on = due.tier, due.tier // DAY_MS - 1
    tenure.term.points = chance.choice((0, 200))  # renewed, or lost
    member.cycles = {max(member.cycles): Cycle(ends_at=due.cycle)}
    head.timers |= {EXPIRY.kind: due.points, END.kind: due.tier, CYCLE_END.kind: due.cycle}


class Decided(NamedTuple):
    """What a worker has decided so far, by its own metrics."""

    slices: int
    seconds: float
    by_bound: Mapping[float, int]
    """Slices that took at most so many seconds."""

    def since(self, before: Decided) -> dict[str, object]:
        """The pauses of the slices since then."""
        slices = self.slices - before.slices
        longest = min(bound for bound, count in self.by_bound.items() if count - before.by_bound[bound] == slices)
        mean = (self.seconds - before.seconds) / max(1, slices)
        return {"slices": slices, "pause_milliseconds_mean": round(mean * 1e3, 1), "pause_seconds_at_most": longest}


def decided(environment: Mapping[str, str]) -> Decided:
    """As the worker's page says."""
    page = f"http://127.0.0.1:{environment['ACCRUE_WEB_PORT']}/metrics"
    with urlopen(page, timeout=30.0) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    name = "messaging_process_duration_seconds"
    samples = next(family.samples for family in families if family.name == name)
    values = {one.name.removeprefix(f"{name}_"): one.value for one in samples if "le" not in one.labels}
    bounds = {float(one.labels["le"]): int(one.value) for one in samples if "le" in one.labels}
    return Decided(int(values["count"]), values["sum"], bounds)


def main() -> None:
    """Measure and report."""
    _, customers = sizes(0, 1_000_000)
    now = int(time.time()) * 1_000
    clock = now + _HOUR_MS
    with running_broker() as bootstrap, tempfile.TemporaryDirectory(prefix="accrue-bench-") as name:
        cluster, folder, catalog = Cluster(bootstrap), Path(name), Catalog()
        environment = worker.environment(bootstrap, folder)
        worker.create_topics(environment)
        cluster.write(changelog(catalog.name("state"), now, clock, customers))
        commit(bootstrap, catalog.name("journal"))
        progress(f"{customers} customers are in the changelog")
        with closing(Started(environment, folder / "worker.log")) as one:
            one.ready_seconds()
            ticks = Ticks(cluster, one.process, _LIMIT_SECONDS)
            _report_midnights(environment, ticks, clock, customers)
            worker.apply(environment, program(tells_everybody=True), folder)
            last = first_midnight(clock) + (TURNS - 1) * DAY_MS
            for told, until in (("j.start", last + _HOUR_MS), ("j.cycle", last + DAY_MS)):
                before = decided(environment)
                seconds = ticks.take(until, customers)
                figures = {"customers": customers, "seconds": round(seconds, 3)}
                figures |= {"customers_per_second": round(customers / seconds)}
                resident = {"resident_megabytes_max": one.process.resident_bytes()[1] // 2**20}
                report(told, figures | decided(environment).since(before) | resident)


def _report_midnights(environment: Mapping[str, str], ticks: Ticks, clock: int, customers: int) -> None:
    first = first_midnight(clock)
    count = WARM_UP_TICKS + EMPTY_TICKS
    step = (first - clock) // (count + 1)
    empty = [ticks.take(clock + number * step, 0) for number in range(1, count + 1)][WARM_UP_TICKS:]
    counted = Counter(min(dues_of(number, first)) for number in range(customers))
    due = [counted[first + turn * DAY_MS] for turn in range(TURNS)]
    before = decided(environment)
    per_due = [ticks.take(first + turn * DAY_MS, due[turn]) / due[turn] * 1e6 for turn in range(TURNS)]
    alone, mixed = median(per_due[::2]), median(per_due[1::2])
    report(
        "j",
        {
            "customers": customers,
            "due": due[0],
            "microseconds_per_due": [round(one, 1) for one in per_due],
            "points_alone_median": round(alone, 1),
            "points_tiers_cycles_median": round(mixed, 1),
            "ratio": round(mixed / alone, 3),
            **decided(environment).since(before),
            "none_due_milliseconds_median": round(median(empty) * 1e3, 1),
            "none_due_milliseconds_max": round(max(empty) * 1e3, 1),
        },
    )


if __name__ == "__main__":
    main()
