"""`accrue verify`: re-runs the rules over the journal and compares, then compares ClickHouse with the log."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

import click
from clickhouse_connect.driver.client import Client
from rich.markup import escape
from rich.text import Text

from pipeline.cli.output import CONSOLE, ERRORS, json_option, placed, print_json, print_table
from pipeline.cli.place import Place, Unusable
from pipeline.cli.stages import watcher_for
from pipeline.log.port import Log
from pipeline.verify.facts import NewerEngine
from pipeline.verify.log import verify_log
from pipeline.verify.report import LOG_CHECKS, PROMISES, TABLE_CHECKS, Check, Report
from pipeline.verify.tables import Figures, Invariant, behind, figures, invariants, verify_tables, verify_views

_FINDINGS: Final = 20


@click.command()
@placed
@click.option(
    "--partition",
    "numbers",
    type=click.IntRange(min=0),
    multiple=True,
    metavar="N",
    help="Only this partition; may be given again.",
)
@click.option("--log-only", is_flag=True, help="Leave ClickHouse alone.")
@click.option("--clickhouse-only", is_flag=True, help="Do not re-run the rules over the journal.")
@click.option(
    "--limit-findings",
    type=click.IntRange(min=1),
    default=_FINDINGS,
    show_default=True,
    metavar="N",
    help="Show at most so many findings of each check.",
)
@click.option(
    "--hanging-after",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Call a transaction hanging that is open for so long; by default, ACCRUE_TRANSACTION_TIMEOUT.",
)
@json_option
@click.pass_context
def verify(
    context: click.Context,
    place: Place,
    *,
    numbers: tuple[int, ...],
    log_only: bool,
    clickhouse_only: bool,
    limit_findings: int,
    hanging_after: float | None,
    as_json: bool,
) -> None:
    """Re-run the rules over the journal and compare with all that was written. Exit code 1 when a check fails.

    Facts, notifications and state are compared message by message, up to what is committed and as far as retention
    reaches; then ClickHouse with the log, as far as the sink is. It writes nothing, and workers may run meanwhile.

    \b
    Example:
      accrue verify --data-dir accrue-demo
      accrue verify --log-only --partition 2 --json
    """
    if log_only and clickhouse_only:
        message = "--log-only and --clickhouse-only leave nothing to check"
        raise click.UsageError(message)
    settings, catalog = place.settings, place.catalog
    if wrong := [number for number in numbers if number >= settings.partitions]:
        message = f"there is no partition {wrong[0]}: the topics have {settings.partitions}"
        raise click.UsageError(message)
    chosen = sorted(set(numbers)) or range(settings.partitions)
    report = Report(limit_findings)
    found: list[Invariant] = []
    stored, late = Figures(0, 0), 0
    with ExitStack() as stack:
        client = _clickhouse(place, stack, needed=clickhouse_only or not place.has_log, wanted=not log_only)
        log = stack.enter_context(place.log()) if place.has_log or client is None else None
        watcher = stack.enter_context(watcher_for(ERRORS))
        if log is not None and not clickhouse_only:
            patience = settings.transaction_timeout.total_seconds() if hanging_after is None else hanging_after
            try:
                verify_log(log, catalog, f"{settings.group}.loyalty", chosen, patience, report, watcher)
            except NewerEngine as error:
                raise Unusable(str(error)) from error
        if client is not None:
            sink = f"{settings.group}.sink"
            stored = figures(client)
            late = 0 if log is None else behind(log, catalog, sink)[0]
            if log is not None:
                verify_tables(client, log, catalog, sink, chosen, report, watcher)
            watcher.stage("views and invariants", 1)
            verify_views(client, log, catalog, sink, report)
            found = invariants(client, log, catalog, sink)
    if not (report.looked_at.get(Check.SEQ) or stored.customers or late):
        message = "there is nothing to check: no facts in the log, and no customers in ClickHouse"
        raise Unusable(message)
    broken = [one for one in found if one.violations and one.settled]
    _note_reach(report, late, client, log, log_only=log_only)
    _note_waiting(report, late, found, place.worker_command)
    holds = report.holds and not broken
    if as_json:
        print_json(_as_json(report, found, stored, late, holds=holds))
    else:
        _print(report, found, stored)
    if not holds:
        context.exit(1)


def _clickhouse(place: Place, stack: ExitStack, *, needed: bool, wanted: bool) -> Client | None:
    """ClickHouse where it is wanted and there; raises `Unusable` when it is needed and not there."""
    there = place.settings.clickhouse_dsn is not None or (place.settings.data_dir / "clickhouse").exists()
    if not wanted or not (there or needed):
        return None
    return stack.enter_context(place.clickhouse(migrated=False))


def _note_reach(report: Report, late: int, client: Client | None, log: Log | None, *, log_only: bool) -> None:
    if client is None and not log_only:
        report.note("there is no ClickHouse here: only the log was checked")
    if log is None:
        report.note("there is no log here: only ClickHouse was checked")
    if late:
        report.note(f"messages of facts that ClickHouse does not have yet, and that were not compared: {late:,}")


def _note_waiting(report: Report, late: int, found: Sequence[Invariant], worker_command: str) -> None:
    """What could not be judged before the sink has caught up, and how it does."""
    waiting = [*report.unsettled, *(one.invariant for one in found if one.violations and not one.settled)]
    if waiting:
        report.note(f"the sink has not stored everything yet, so these could not be judged: {', '.join(waiting)}")
    if waiting or late:
        report.note(f"run verify again when the sink has caught up; if no worker runs, start one: {worker_command}")


def _as_json(report: Report, found: Sequence[Invariant], stored: Figures, late: int, *, holds: bool) -> object:
    return {
        "holds": holds,
        "behind": late,
        "customers": stored.customers,
        "ledger_rows": stored.ledger_rows,
        "checks": [
            {
                "check": check,
                "promise": PROMISES[check],
                "looked_at": report.looked_at.get(check, 0),
                "broken": report.broken.get(check, 0),
                "settled": check not in report.unsettled,
            }
            for check in (*LOG_CHECKS, *TABLE_CHECKS)
            if report.has(check)
        ],
        "invariants": [one._asdict() for one in found],
        "findings": [finding._asdict() for finding in report.findings],
        "notes": report.notes,
    }


def _print(report: Report, found: Sequence[Invariant], stored: Figures) -> None:
    for title, checks in (("The log", LOG_CHECKS), ("ClickHouse against the log", TABLE_CHECKS)):
        rows = [
            (
                _verdict(broken := report.broken.get(one, 0), settled=one not in report.unsettled),
                PROMISES[one],
                report.looked_at.get(one, 0),
                broken,
            )
            for one in checks
            if report.has(one)
        ]
        if rows:
            print_table(title, ("", "check", "checked", "failed"), rows)
    if any(stored) or any(one.violations for one in found):
        title = f"{stored.customers:,} customers, {stored.ledger_rows:,} ledger rows in ClickHouse"
        verdicts = [
            (_verdict(one.violations, settled=one.settled or not one.violations), one.promise, one.violations)
            for one in found
        ]
        print_table(title, ("", "invariant", "violations"), verdicts)
    for one in report.findings:
        CONSOLE.print(f"[red]{one.check}[/]", escape(f"{one.where}: {one.what}"))
    for check, count in report.broken.items():
        if (more := count - sum(finding.check == check for finding in report.findings)) > 0:
            CONSOLE.print(f"[red]{check}[/] and {more:,} more")
    for invariant in found:
        if invariant.violations and invariant.settled:
            CONSOLE.print("see them in the view", invariant.invariant)
    for note in report.notes:
        CONSOLE.print("[dim]note:[/]", escape(note))


def _verdict(broken: int, *, settled: bool) -> Text:
    if not settled:
        return Text("not judged")
    return Text("failed", "red") if broken else Text("OK")
