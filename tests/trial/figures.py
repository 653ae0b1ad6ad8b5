"""Figures of whole runs in memory, pinned: `python -m tests.trial.figures` writes the roastery's; then read the diff.

The retail figures are those of a model that shares no code with this project, and are never written from here.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import lzma
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from pipeline.cli.demo.roastery import roastery, span_of
from pipeline.cli.program_file import program_in
from pipeline.importer.retail import Invoices
from pipeline.importer.retail_inputs import inputs, matched
from pipeline.importer.upstream import Input
from pipeline.trial.form import Membership, NotificationRow, Result
from pipeline.trial.lines import read_lines
from pipeline.trial.run import Trial, envelope_of
from tests.naive.retail_model import COLUMNS

PINS: Final = Path(__file__).parent / "pins"
PROGRAMS: Final = Path(__file__).parents[2] / "examples" / "programs"
SETTLED: Final = date(2011, 9, 1)
MEMBERS, SEED, DAYS = 60, 1, 366
Figures = dict[str, Any]


def in_memory(program: str, messages: Iterable[Input], until: int) -> Result:
    """An example program over messages in order of time; clock messages let time pass."""
    trial = Trial()
    assert trial.activate(program_in(PROGRAMS / program)) == ()
    trial.run(read_lines(b"\n".join(one.value for one in messages), {}.__getitem__), until)
    return trial.result()


def roastery_run() -> Result:
    """A year of the synthetic roastery with a few members."""
    return in_memory("roastery.yaml", roastery(seed=SEED, customers=MEMBERS, days=DAYS), span_of(DAYS).end)


def retail_run(file: Path) -> Result:
    """The real transactions of the reference, settled as of 2011-09-01 in London."""
    with lzma.open(file, "rt", encoding="utf-8", newline="") as text:
        read = Invoices()
        read.read(file.name, csv.reader(text))
    until = datetime(SETTLED.year, SETTLED.month, SETTLED.day, tzinfo=ZoneInfo("Europe/London"))
    messages = inputs(matched(read.in_order(), read.report), 1, SETTLED)
    return in_memory("online-retail.yaml", messages, int(until.timestamp() * 1000))


def totals(result: Result) -> Figures:
    """Sums over all customers of a run with one program, and notifications by name."""
    members = [_membership(one.programs) for one in result.customers.values()]
    accounts = [account for member in members for account in member.balances.values()]
    keys = ("issued", "redeemed", "expired", "reversed", "adjusted", "current", "lifetime")
    return {
        "customers": len(members),
        "transactions": sum(one.transactions for one in members),
        "purchases_minor": sum(one.purchases_minor for one in members),
        "returned_minor": sum(one.returned_minor for one in members),
        "points": {key: sum(getattr(account, key) for account in accounts) for key in keys},
        "issued_for": dict(sorted(sum((_issued_for(result).values()), Counter[str]()).items())),
        "tiers": dict(Counter(one.tier.name for one in members if one.tier)),
        "levels": sum(len(streak.levels) for one in members for streak in one.streaks),
        "outcomes": dict(Counter(step.outcome for step in result.steps)),
        "refusals": dict(sorted(Counter(one.reason for step in result.steps for one in step.refusals).items())),
        "notifications": dict(
            sorted(Counter(_news(one) for step in result.steps for one in step.notifications).items())
        ),
    }


def by_customer(result: Result) -> dict[str, str]:
    """A digest of where each customer stands and of what they were told, by name."""
    told: dict[str, Counter[str]] = {}
    for step in result.steps:
        for one in step.notifications:
            told.setdefault(one.customer, Counter())[_news(one)] += 1
    return {
        customer: _digest(json.dumps([_standing(_membership(one.programs)), sorted(told[customer].items())]))
        for customer, one in result.customers.items()
    }


def _news(told: NotificationRow) -> str:
    """Its name; returns apart from the bills that share it."""
    is_return = told.event_name == "transactionAdded" and envelope_of(told.envelope)["data"]["billType"] == "RETURN"
    return f"{told.event_name} RETURN" if is_return else told.event_name


def retail_rows(result: Result) -> str:
    """One row for each customer, as the reference has them."""
    issued = _issued_for(result)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for customer, stands in result.customers.items():
        one = _membership(stands.programs)
        account, reasons = one.balances["POINTS"], issued.get(customer, Counter())
        streak = one.streaks[0] if one.streaks else None
        rows.writerow(
            (
                customer.partition(":")[2],
                one.transactions,
                one.purchases_minor,
                one.returned_minor,
                *(reasons[reason] for reason in ("spend", "milestone", "streak")),
                account.reversed,
                account.expired,
                account.current,
                one.tier.name if one.tier else "",
                streak.run if streak else 0,
                streak.longest if streak else 0,
            )
        )
    return text.getvalue()


def _membership(programs: dict[str, Membership]) -> Membership:
    (one,) = programs.values()
    return one


def _issued_for(result: Result) -> dict[str, Counter[str]]:
    """Points issued by customer and kind of reason, as customers were told."""
    issued: dict[str, Counter[str]] = {}
    for step in result.steps:
        for one in step.notifications:
            if one.event_name == "pointsIssued":
                data = envelope_of(one.envelope)["data"]
                for award in data["awards"]:
                    issued.setdefault(one.customer, Counter())[award["issuedFor"]] += int(award["points"])
    return issued


def _standing(one: Membership) -> Figures:
    """What the program means for the customer; not how the engine keeps it: numbers of lots, past periods."""
    stands: Figures = msgspec.to_builtins(one)
    for part in ("holds", "trackers"):
        if not stands[part]:
            del stands[part]
    latest = {milestone.id: msgspec.to_builtins(milestone) for milestone in one.milestones}
    lots: Counter[tuple[str, str, str]] = Counter()
    for lot in one.lots:
        lots[lot.currency, lot.issued_at, lot.expires_on or ""] += lot.points
    return stands | {"lots": sorted([*key, points] for key, points in lots.items()), "milestones": latest}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


if __name__ == "__main__":
    run = roastery_run()
    pinned = {"totals": totals(run), "customers": by_customer(run)}
    (PINS / "roastery.json").write_text(json.dumps(pinned, indent=1) + "\n", "utf-8")
