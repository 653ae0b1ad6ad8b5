"""Reads the engine's state and facts into the rows of a trial. No other module of the trial knows what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.engine.bills.state import Parked, parked_of
from pipeline.engine.calendar import NEVER, as_date, calendar_of
from pipeline.engine.cycles import cycle_name
from pipeline.engine.ledger.state import Account, LedgerAccount
from pipeline.engine.milestones.rolling import window_on
from pipeline.engine.milestones.state import Progress
from pipeline.engine.periods import Periods
from pipeline.engine.programs import Program
from pipeline.engine.state import CustomerState, Section
from pipeline.engine.streaks.runs import current_run
from pipeline.engine.streaks.value import standing_in
from pipeline.engine.tiers.progress import tier_progress
from pipeline.engine.trackers.rules import tracker_rules
from pipeline.engine.trackers.values import tracker_value
from pipeline.notify.program_view import digits_of
from pipeline.trial import form
from pipeline.trial.times import iso
from schemas.facts import (
    Fact,
    MergeRefused,
    Reason,
    RecordRefused,
    TransferRefused,
)
from schemas.money import minor_digits
from schemas.program import Milestone, ProgramDefinition
from schemas.records import CustomerRecord

Definitions = Mapping[tuple[int, int, int], ProgramDefinition]
"""Every version that was in force, by org, program and version."""


def cause_of(record: CustomerRecord) -> str:
    """How the facts of a record name it."""
    return f"{type(record).__name__}:{record.id}"


def own_facts(facts: Iterable[Fact], cause: str) -> list[Fact]:
    """The facts of one cause, without those of timers and of records that waited for this one."""
    return [fact for fact in facts if fact.envelope.cause == cause]


def fact_rows(customer: str, facts: Iterable[Fact]) -> list[form.FactRow]:
    """One row for each fact."""
    return [
        form.FactRow(
            customer=customer,
            seq=fact.seq,
            kind=type(fact.decision).__name__,
            cause=fact.envelope.cause,
            at=iso(fact.envelope.at),
            program_id=fact.envelope.program_id or None,
            version=fact.envelope.version or None,
            body=_plain(fact.decision),
        )
        for fact in facts
    ]


def refusal_rows(customer: str, facts: Iterable[Fact]) -> list[form.RefusalRow]:
    """One row for each refusal among the facts."""
    return [
        form.RefusalRow(
            customer=customer,
            program_id=fact.envelope.program_id or None,
            reason=fact.decision.reason.text,
            subject=fact.decision.subject,
            cause=fact.envelope.cause,
        )
        for fact in facts
        if isinstance(fact.decision, RecordRefused | TransferRefused | MergeRefused)
    ]


def customer_row(state: CustomerState, definitions: Definitions, settled_at: int) -> form.CustomerRow:
    """Where the customer stands at `settled_at`."""
    head = state.head
    return form.CustomerRow(
        registered_at=None if head.registered_at is None else iso(head.registered_at),
        status=head.standing.text,
        seq=head.seq,
        parked=_parked(state),
        programs={
            str(program_id): _membership(section, definitions[head.org_id, program_id, section.version], settled_at)
            for program_id, section in sorted(head.sections.items())
        },
    )


def _parked(state: CustomerState) -> list[form.ParkedRow]:
    """In order of the instants until which they wait."""
    waiting = [
        (one.until, one.parked.record_id, name.removeprefix(parked_of("")))
        for name, entry in state.entries.items()
        if isinstance(entry, Parked)
        for one in entry.returns
    ]
    return [
        form.ParkedRow(record_id=record_id, of_bill=of_bill, until=iso(until))
        for until, record_id, of_bill in sorted(waiting)
    ]


def _plain(value: object) -> Any:
    """A value of a fact with the names of its fields."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(one) for name, one in msgspec.structs.asdict(value).items()}
    if isinstance(value, Reason):
        return value.text
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _membership(section: Section, definition: ProgramDefinition, settled_at: int) -> form.Membership:
    alternates = (currency.id for currency in definition.currencies)
    currencies = dict.fromkeys((definition.points.name, *alternates, *section.accounts))
    accounts = {name: section.accounts.get(name, Account()) for name in currencies}
    return form.Membership(
        version=section.version,
        transactions=section.transactions,
        purchases_minor=section.purchases_minor,
        returned_minor=section.returned_minor,
        tier=_tier(section.tier, definition),
        tier_progress=_tier_progress(section, definition, settled_at),
        balances={name: _balances(account) for name, account in accounts.items()},
        lots=[row for name, account in accounts.items() for row in _lots(name, account)],
        holds=[row for name, account in accounts.items() for row in _holds(name, account)],
        milestones=_milestones(section, definition, settled_at),
        streaks=_streaks(section, definition, settled_at),
        trackers=_trackers(section, definition, settled_at),
    )


def _tier(number: int, definition: ProgramDefinition) -> form.TierRow | None:
    levels: Sequence[Any] = definition.tiers.levels if definition.tiers else ()
    if not 1 <= number <= len(levels):
        return None
    level = levels[number - 1]
    return form.TierRow(number=number, id=level.id, name=level.name)


def _tier_progress(section: Section, definition: ProgramDefinition, settled_at: int) -> form.TierProgressRow | None:
    if _tier(section.tier, definition) is None:
        return None
    progress = tier_progress(section, Program(definition), settled_at)
    return form.TierProgressRow(
        value=progress.value,
        to_next=None if progress.next_tier is None else progress.to_next,
        expires_on=None if progress.expires_on is None else as_date(progress.expires_on).isoformat(),
        to_keep=progress.to_keep,
        assigned=progress.assigned_id or None,
    )


def _balances(account: Account) -> form.Balances:
    return form.Balances(
        current=account.balance,
        lifetime=account.lifetime,
        issued=account.issued,
        promised=account.promised,
        blocked=account.total(LedgerAccount.BLOCKED),
        deficit=account.deficit,
        redeemed=account.total(LedgerAccount.REDEEMED),
        expired=account.total(LedgerAccount.EXPIRED),
        reversed=account.total(LedgerAccount.REVERSED),
        transferred=account.total(LedgerAccount.TRANSFERRED),
        adjusted=account.total(LedgerAccount.ADJUSTED),
    )


def _lots(currency: str, account: Account) -> list[form.LotRow]:
    promised = [
        form.LotRow(
            id=lot.lot_id,
            currency=currency,
            standing="promised",
            points=lot.open_points,
            issued_at=iso(lot.promised_at),
            expires_on=None,
            due_at=None if lot.due_at == NEVER else iso(lot.due_at),
            reference=lot.reference,
        )
        for lot in account.promised_lots
    ]
    current = [
        form.LotRow(
            id=lot.lot_id,
            currency=currency,
            standing="current",
            points=lot.open_points,
            issued_at=iso(lot.issued_at),
            expires_on=None if lot.expires_on is None else as_date(lot.expires_on).isoformat(),
        )
        for lot in account.lots
    ]
    return current + promised


def _holds(currency: str, account: Account) -> list[form.HoldRow]:
    return [
        form.HoldRow(
            id=hold.hold_id,
            currency=currency,
            held_for=hold.kind.text,
            points=hold.points,
            ends_at=None if hold.ends_at == NEVER else iso(hold.ends_at),
        )
        for hold in account.holds
    ]


def _milestones(section: Section, definition: ProgramDefinition, settled_at: int) -> list[form.MilestoneRow]:
    today = calendar_of(definition).day_of(settled_at)
    return [
        form.MilestoneRow(
            id=milestone.id,
            period=cycle_name(milestone.cycles, period),
            value=progress.value,
            target=section.members[milestone.id].own or milestone.goal
            if milestone.id in section.members
            else milestone.goal,
            scale=digits_of(milestone, definition.currency),
            achieved=progress.achieved,
        )
        for milestone in definition.milestones
        for period, progress in _cycles_of(section, milestone, today)
    ]


def _cycles_of(section: Section, milestone: Milestone, today: int) -> list[tuple[int, Progress]]:
    """The cycles of a milestone that are kept; of a rolling window the one that ends today."""
    periods = section.milestones.get(milestone.id, {})
    if milestone.window_days and periods:
        tallies = section.tallies.get(milestone.id, {})
        return [(today, window_on(periods, milestone.window_days, today, tallies))]
    return sorted(periods.items())


def _trackers(section: Section, definition: ProgramDefinition, settled_at: int) -> list[form.TrackerRow]:
    today = calendar_of(definition).day_of(settled_at)
    return [
        form.TrackerRow(
            id=rule.tracker.id,
            value=tracker_value(section, rule, today),
            scale=minor_digits(definition.currency) if rule.tracker.in_money else 0,
        )
        for rule in tracker_rules(definition.trackers)
        if rule.tracker.id in section.trackers
    ]


def _streaks(section: Section, definition: ProgramDefinition, settled_at: int) -> list[form.StreakRow]:
    units = {milestone.id: milestone.cycles for milestone in definition.milestones}
    calendar = calendar_of(definition)
    today = calendar.day_of(settled_at)
    rows: list[form.StreakRow] = []
    for streak in definition.streaks:
        known = section.streaks.get(streak.id)
        if known is not None:
            unit = units[streak.milestone]
            now = Periods(unit, calendar).running(today).place
            if known.ended and known.ends_in is not None:
                now = known.ends_in
            rows.append(
                form.StreakRow(
                    id=streak.id,
                    run=current_run(known.runs, now) if known.standing is None else standing_in(known.standing, now),
                    longest=known.longest,
                    levels=list(known.levels),
                    ended=known.ended,
                    frozen=0 if known.standing is None else known.standing.frozen,
                    enrolled=known.left_at is None,
                    paused=known.paused,
                )
            )
    return rows
