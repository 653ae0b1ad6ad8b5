"""(d) The simple job, by Accrue and by its peers: same broker, same input topic, outputs compared.

Once from the journal, where Accrue runs its loyalty role alone, and once from native JSON, where it runs intake too.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bench import worker
from bench.cluster import Cluster
from bench.peers.environment import python, version_of
from bench.peers.job import FROM_JOURNAL
from bench.processes import started
from bench.report import progress, report
from bench.samples import DAY_MS, SIMPLE, as_messages, three_line_bills
from bench.sizes import Sizes, sizes
from bench.watch import Run, watch
from pipeline.intake.dialects.naming import input_key
from pipeline.log.port import Outgoing
from schemas.facts import PointsIssued, ProgramAdopted, TierUpgraded, decode_facts
from schemas.records import encode_record
from tests.broker import running_broker
from topics.catalog import Catalog

FROM_JSON: Final = "json"
LIMIT_SECONDS: Final = 1_800.0


class Results(NamedTuple):
    """What a system made of the input."""

    facts: int
    notifications: int
    points: int
    standings: dict[str, tuple[int, int]]
    """Balance and tier by customer."""


class System(NamedTuple):
    """One contender."""

    name: str
    command: list[str]
    facts: str
    """Its topic of decisions."""
    points: str
    """Its topic of notifications."""


class Contest:
    """All contenders on one broker and one input."""

    def __init__(self, bootstrap: str, folder: Path, source: str, size: Sizes) -> None:
        self.cluster = Cluster(bootstrap)
        self.folder = folder
        self.source = source
        self.size = size
        catalog = Catalog()
        self.topic = catalog.name("journal" if source == FROM_JOURNAL else "transactions")
        roles = ("loyalty",) if source == FROM_JOURNAL else ("intake", "loyalty")
        self.accrue = System(
            "accrue", worker.commands(1, roles)[0], catalog.name("facts"), catalog.name("notifications.points")
        )
        self.peers = [
            System("quix", [python(), "-m", "bench.peers.quix_app"], "quix.facts", "quix.points"),
            System("faust", [python(), "-m", "bench.peers.faust_app", "worker", "-l", "warn", "--without-web"],
                   "faust.facts", "faust.points"),
        ]  # fmt: skip

    def write_input(self) -> None:
        """Programs and bills; the times of the bills lie in the last days, as those of a live system would."""
        worker.prepare(worker.environment(self.cluster.bootstrap, self.folder), SIMPLE, self.folder)
        for peer in self.peers:
            self.cluster.create([peer.facts, peer.points])
        written = self.cluster.write(self._input())
        progress(f"{written} bills are in {self.topic}")

    def run(self, system: System) -> tuple[Run, Results]:
        """Let one system work it all off; outputs are read when it is done."""
        folder = self.folder / system.name
        folder.mkdir()
        environment = worker.environment(self.cluster.bootstrap, folder) | {
            "BENCH_BOOTSTRAP": self.cluster.bootstrap,
            "BENCH_SOURCE": self.topic,
            "BENCH_FACTS": system.facts,
            "BENCH_POINTS": system.points,
            "BENCH_FORMAT": self.source,
            "BENCH_FOLDER": str(folder),
        }
        outputs = [system.facts, system.points]

        def done() -> bool:
            return self.cluster.count(outputs) >= 2 * self.size.records

        with started([system.command], environment, folder) as processes:
            run = watch(self.cluster, outputs, processes, done, LIMIT_SECONDS, between=self.between(system))
        return run, self._results(system)

    def between(self, system: System) -> list[str]:
        """Topics that the system writes on its way from input to outputs: intake's work is part of the job."""
        return [Catalog().name("journal")] if system is self.accrue and self.source == FROM_JSON else []

    def _input(self) -> Iterator[Outgoing]:
        start = int(time.time()) * 1_000 - 10 * DAY_MS
        bills = three_line_bills(*self.size, start=start, days=9)
        if self.source == FROM_JOURNAL:
            for bill in bills:
                yield Outgoing(self.topic, input_key(bill.org_id, bill.customer_id), encode_record(bill))
        else:
            for key, value in as_messages(bills):
                yield Outgoing(self.topic, key, value)

    def _results(self, system: System) -> Results:
        standings: dict[str, tuple[int, int]] = {}
        facts = points = 0
        of_value = _of_accrue if system is self.accrue else _of_peer
        for message in self.cluster.read(system.facts):
            customer, earned, balance, tier = of_value(message.value or b"")
            facts += 1
            points += earned
            standings[customer] = (balance, tier or standings[customer][1])
        return Results(facts, self.cluster.count([system.points]), points, standings)


def _of_accrue(value: bytes) -> tuple[str, int, int, int]:
    """Customer, points earned, balance after them, and the tier where it changed, else 0."""
    message = decode_facts(value)
    earned = balance = tier = 0
    for fact in message.facts():
        decision = fact.decision
        if isinstance(decision, PointsIssued):
            earned += decision.points
            balance = decision.balance
        elif isinstance(decision, TierUpgraded):
            tier = decision.reached
        elif isinstance(decision, ProgramAdopted):
            tier = decision.tier
    return f"{message.org_id}:{message.customer_id}", earned, balance, tier


def _of_peer(value: bytes) -> tuple[str, int, int, int]:
    earned = msgspec.json.decode(value, type=_Earned)
    return earned.customer, earned.points, earned.balance, earned.tier


class _Earned(msgspec.Struct):
    customer: str
    points: int
    balance: int
    tier: int


def _compared(runs: dict[str, Run], results: dict[str, Results], records: int) -> dict[str, object]:
    """Whether all made the same of the input, and how fast each was beside Accrue."""
    ours = results["accrue"]
    figures: dict[str, object] = {
        "outputs_equal": all(one == ours for one in results.values()),
        "complete": ours.facts == ours.notifications == records,
    }
    for name, (facts, notifications, points, standings) in results.items():
        figures[name] = {
            "facts": facts,
            "notifications": notifications,
            "points": points,
            "customers": len(standings),
            "standings_that_differ": sum(
                standings.get(one) != ours.standings.get(one) for one in standings.keys() | ours.standings.keys()
            ),
        }
    for name in ("quix", "faust"):
        figures[f"times_{name}"] = round(runs[name].seconds / runs["accrue"].seconds, 2)
        figures[f"times_{name}_by_cpu"] = round(runs[name].cpu_seconds / runs["accrue"].cpu_seconds, 2)
    return figures


def main() -> None:
    """Measure, compare and report."""
    size = sizes(400_000, 100_000)
    versions = {"quix": version_of("quixstreams"), "faust": version_of("faust-streaming"), "accrue": version("accrue")}
    for source in (FROM_JOURNAL, FROM_JSON):
        with running_broker() as bootstrap, tempfile.TemporaryDirectory(prefix="accrue-bench-") as folder:
            contest = Contest(bootstrap, Path(folder), source, size)
            contest.write_input()
            runs: dict[str, Run] = {}
            results: dict[str, Results] = {}
            for system in (*contest.peers, contest.accrue):
                progress(f"{system.name} from {source}")
                run, results[system.name] = contest.run(system)
                runs[system.name] = run
                outputs = results[system.name].facts + results[system.name].notifications
                what = {"input": source, "system": system.name, "version": versions[system.name]}
                report("d", what | run.figures(size.records, outputs))
            report("d.compared", {"input": source} | _compared(runs, results, size.records))


if __name__ == "__main__":
    main()
