"""Importer, intake and engine together give what the naive second model gives, for every customer."""

from __future__ import annotations

import csv
import lzma
import os
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from pipeline.cli.program_file import load_program
from pipeline.engine.decide import decide, fire, needs
from pipeline.engine.ledger.state import LedgerAccount
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head
from pipeline.importer.retail import HEADER, Invoices
from pipeline.importer.retail_inputs import inputs, matched
from pipeline.intake.dialects.native import normalise
from pipeline.intake.verdict import Accepted, Limits
from pipeline.log.port import Message
from schemas import facts
from schemas.records import ClockAdvanced, CustomerRecord
from tests.naive.retail_model import Outcome, naive_run
from tests.naive.retail_rows import retail_rows

PROGRAM: Final = load_program(Path("examples/programs/online-retail.yaml").read_text("utf-8"))
LIMITS: Final = Limits(clock_topic="loyalty.transactions")
WALL: Final = 1_700_000_000_000
DATA = os.environ.get("ACCRUE_RETAIL_DATA")
LONDON: Final = ZoneInfo("Europe/London")

EVENTS: Final = {
    facts.CustomerRegistered: "customerAdded",
    facts.TransactionRecorded: "transactionAdded",
    facts.ReturnRecorded: "transactionAdded",
    facts.PointsIssued: "pointsIssued",
    facts.PointsExpired: "pointsExpired",
    facts.MilestoneProgressed: "targetAchievedValueUpdated",
    facts.MilestoneAchieved: "targetValueAchieved",
    facts.TierUpgraded: "tierUpgraded",
    facts.StreakStarted: "streakStart",
    facts.StreakLevelReached: "streakLevelAchieved",
    facts.StreakEnded: "streakEnd",
}


class Run:
    """The engine over the messages of an import, in one process and without a log."""

    def __init__(self, *, ticks: bool) -> None:
        self.programs = Programs().activate(PROGRAM)
        self.states: dict[int, CustomerState] = {}
        self.issued: dict[int, Counter[facts.IssuedFor]] = {}
        self.told: Counter[str] = Counter()
        self.ticks = ticks
        """Whether timers fire at every midnight, or only when their customer is touched and at the end."""

    def over(self, rows: list[list[str]], until: date) -> None:
        read = Invoices()
        read.read("shop.csv", [list(HEADER), *rows])
        messages = inputs(matched(read.in_order(), read.report), PROGRAM.org_id, until)
        for offset, one in enumerate(messages):
            message = Message("loyalty.transactions", 0, offset, one.key, one.value, one.time, ())
            accepted = normalise(message, wall=WALL, limits=LIMITS)
            assert isinstance(accepted, Accepted)
            if isinstance(accepted.record, CustomerRecord):
                self.decide(accepted.record)
            elif isinstance(accepted.record, ClockAdvanced) and self.ticks:
                self.pass_time(accepted.record.time)
        self.pass_time(int(datetime(until.year, until.month, until.day, tzinfo=LONDON).timestamp() * 1000))

    def decide(self, record: CustomerRecord) -> None:
        state = self.states.setdefault(record.customer_id, CustomerState(Head(record.org_id, record.customer_id)))
        wanted = needs(state, record, self.programs, record.event_time)  # type: ignore[arg-type]
        seen = CustomerState(state.head, {key: state.entries[key] for key in wanted if key in state.entries})
        decided = decide(seen, record, self.programs, record.event_time)  # type: ignore[arg-type]
        state.entries.update(seen.entries)
        self.note(record.customer_id, decided)

    def pass_time(self, time: int) -> None:
        for customer, state in self.states.items():
            if state.head.due <= time:
                self.note(customer, fire(state, time, self.programs))

    def note(self, customer: int, groups: Iterable[facts.Group]) -> None:
        for decision in (decision for group in groups for decision in group.decisions):
            # Of a bill whose money is all back already, goods can still come back, for nothing.
            assert not isinstance(decision, facts.RecordRefused) or decision.reason is facts.Refusal.BILL_RETURNED
            if isinstance(decision, facts.PointsReversed) and decision.points:
                self.told["issuedPointsReversed"] += 1
            elif type(decision) in EVENTS:
                self.told[EVENTS[type(decision)]] += 1
            if isinstance(decision, facts.PointsIssued):
                for award in decision.awards:
                    self.issued.setdefault(customer, Counter())[award.issued_for] += award.points

    def rows(self) -> list[dict[str, object]]:
        """One row per customer, as the naive model has them, less the run at the settlement."""
        return [self._row(customer, self.states[customer]) for customer in sorted(self.states)]

    def _row(self, customer: int, state: CustomerState) -> dict[str, object]:
        section = state.head.sections.get(PROGRAM.program_id)
        issued = self.issued.get(customer, Counter())
        row: dict[str, object] = {
            "customer_id": customer,
            "spend_points": issued[facts.IssuedFor.SPEND],
            "milestone_points": issued[facts.IssuedFor.MILESTONE],
            "streak_points": issued[facts.IssuedFor.STREAK],
        }
        account = section.accounts.get("POINTS") if section else None
        streak = section.streaks.get("regular") if section else None
        assert PROGRAM.tiers is not None
        return row | {
            "transactions": section.transactions if section else 0,
            "purchases": section.purchases_minor if section else 0,
            "returned": section.returned_minor if section else 0,
            "reversed": account.total(LedgerAccount.REVERSED) if account else 0,
            "expired": account.total(LedgerAccount.EXPIRED) if account else 0,
            "balance": account.balance if account else 0,
            "tier": PROGRAM.tiers.levels[section.tier - 1].name if section else "Base",
            "longest_run": streak.longest if streak else 0,
        }


def agrees(rows: list[list[str]], until: date, *, ticks: bool) -> Outcome:
    naive = naive_run(rows, until)
    run = Run(ticks=ticks)
    run.over(rows, until)
    assert run.rows() == [{name: row[name] for name in row if name != "streak_run"} for row in naive.customers]
    assert run.told == naive.notifications
    return naive


@pytest.mark.parametrize("ticks", [True, False], ids=["ticking", "settled at the end"])
@pytest.mark.parametrize("seed", range(3))
def test_every_customer_and_notification_is_as_in_the_naive_model(seed: int, *, ticks: bool) -> None:
    naive = agrees(
        retail_rows(seed, date(2010, 12, 1), days=300, customers=150, per_day=3), date(2012, 2, 1), ticks=ticks
    )

    # The rows are worth running: everything that can happen does.
    assert set(naive.notifications) == {*EVENTS.values(), "issuedPointsReversed"}
    assert set(naive.tiers) == {"Base", "Silver", "Gold"}


@pytest.mark.skipif(not DATA, reason="ACCRUE_RETAIL_DATA names no file of the UCI Online Retail format (csv.xz)")
def test_the_real_file_is_as_in_the_naive_model() -> None:
    with lzma.open(Path(str(DATA)), "rt", encoding="utf-8", newline="") as text:
        agrees(list(csv.reader(text))[1:], date(2012, 1, 1), ticks=True)
