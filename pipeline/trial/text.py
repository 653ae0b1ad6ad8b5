"""Tells the result of a trial to people: each step in sentences, and where each customer stands at the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import MAXYEAR, UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from pipeline.replies import refusals
from pipeline.trial import form
from pipeline.trial.decisions import decision
from pipeline.trial.messages import subject_of
from pipeline.trial.names import Names, names_of
from pipeline.trial.reader import Definitions
from pipeline.trial.run import envelope_of
from pipeline.trial.times import iso
from pipeline.trial.told import told
from schemas.program import ProgramDefinition

STANDING: Final = ("customer", "program", "tier", "points", "next expiry", "purchases", "returned")
PROGRESS: Final = ("customer", "program", "milestone or streak", "progress")
_NONE: Final = "-"
_BEFORE_ALL: Final = iso(0)


class Narrator:
    """Tells one result."""

    def __init__(self, result: form.Result, definitions: Definitions) -> None:
        self._result = result
        self._definitions = definitions
        self._zones = {program.org_id: ZoneInfo(program.zone) for program in reversed(result.programs)}

    def programs(self) -> Iterator[str]:
        """One line for each version that was in force."""
        for program in self._result.programs:
            name = self._definitions[program.org_id, program.program_id, program.version].name
            which = f"version {program.version} of program {program.program_id} of org {program.org_id}"
            yield f"{name}: {which}, {program.money.code}, {program.zone}"

    def step(self, step: form.Step) -> Iterator[str]:
        """What a line was, what it decided and what customers would be told."""
        line = "the end" if step.line is None else f"line {step.line}"
        yield f"{line}{self._local(step)}: {subject_of(step)}"
        for what in _verdict(step):
            yield f"    {what}"
        for row in step.facts:
            if sentence := decision(row, self._definitions):
                yield f"    {_whose(row.customer, step)}{sentence}"
        for one in step.refusals:
            yield f"    {_whose(one.customer, step)}refused{self._where(one)}: {refusals.told(one.reason, one.subject)}"
        facts = {(row.customer, row.seq): row for row in step.facts}
        for news in step.notifications:
            names = names_of(facts[news.customer, news.seq], self._definitions)
            sentence = told(news.event_name, envelope_of(news.envelope)["data"], names)
            yield f"    {_whose(news.customer, step)}{news.event_name} tells: {sentence}"
        for reply in step.replies:
            why = f" ({reply.reason})" if reply.reason else ""
            whose = _whose(f"{reply.org_id}:{reply.customer_id}", step)
            yield f"    {whose}reply to {reply.record_id}: {reply.outcome}{why}"

    def standing(self) -> list[tuple[str, ...]]:
        """One row of `STANDING` for each customer and program."""
        rows = [(customer, *_standing(definition, one)) for customer, definition, one in self._memberships()]
        unknown = [customer for customer, one in self._result.customers.items() if not one.programs]
        return rows + [(customer, *[_NONE] * (len(STANDING) - 1)) for customer in unknown]

    def progress(self) -> list[tuple[str, ...]]:
        """One row of `PROGRESS` for each milestone's period and each streak of a customer."""
        return [
            (customer, definition.name, *row)
            for customer, definition, one in self._memberships()
            for row in _progress(Names(definition), one)
        ]

    def _memberships(self) -> Iterator[tuple[str, ProgramDefinition, form.Membership]]:
        for customer, stands in self._result.customers.items():
            org_id = int(customer.partition(":")[0])
            for program_id, one in stands.programs.items():
                yield customer, self._definitions[org_id, int(program_id), one.version], one

    def _where(self, refusal: form.RefusalRow) -> str:
        """The program that refused, where there are several."""
        several = len({(program.org_id, program.program_id) for program in self._result.programs}) > 1
        return f" by program {refusal.program_id}" if several and refusal.program_id is not None else ""

    def _local(self, step: form.Step) -> str:
        """The time of the step where its org's first program is; nothing before the first message that has a time."""
        if step.at == _BEFORE_ALL:
            return ""
        org_id = int(step.customer.partition(":")[0]) if step.customer else self._result.programs[0].org_id
        at = datetime.fromisoformat(step.at)
        zone = None if at.year == MAXYEAR else self._zones.get(org_id)  # which may be in the year after already
        return f", {at.astimezone(zone or UTC):%Y-%m-%d %H:%M}{'' if zone else ' UTC'}"


def _verdict(step: form.Step) -> Iterator[str]:
    """What is to be said of the line before what it decided."""
    if step.outcome == "duplicate":
        why = f" ({step.first_reason})" if step.first_reason else ""
        yield f"duplicate: it came before and was {step.first_outcome} then{why}; it does not count again"
    if step.outcome == "dead_letter":
        yield f"dead letter: {step.reason}"
    if step.outcome == "refused" and step.defects:
        yield "refused: the version before stays in force"
    yield from map(_defect, step.defects)
    for warning in step.warnings:
        yield f"warning: {warning}"


def _whose(customer: str, step: form.Step) -> str:
    return "" if customer == step.customer else f"customer {customer}: "


def _defect(defect: form.Defect) -> str:
    return f"{f'{defect.path} ' if defect.path else ''}{defect.problem}{'; ' if defect.remedy else ''}{defect.remedy}"


def _standing(definition: ProgramDefinition, one: form.Membership) -> tuple[str, ...]:
    names = Names(definition)
    expiries = [lot.expires_on for lot in one.lots if lot.expires_on is not None]
    return (
        definition.name,
        one.tier.name if one.tier else _NONE,
        ", ".join(_balance(names, currency, balance) for currency, balance in one.balances.items()),
        min(expiries, default=_NONE),
        names.money(one.purchases_minor),
        names.money(one.returned_minor),
    )


def _balance(names: Names, currency: str, balance: form.Balances) -> str:
    held = f" ({names.number(balance.blocked, currency)} held)" if balance.blocked else ""
    return f"{names.amount(balance.current, currency)}{held}"


def _progress(names: Names, one: form.Membership) -> Iterator[tuple[str, str]]:
    yield from ((names.tracker(row.id), names.tracked(row.id, row.value)) for row in one.trackers)
    for row in one.milestones:
        milestone = names.milestone(row.id)
        value, target = (names.money(number) if row.scale else f"{number:,}" for number in (row.value, row.target))
        achieved = ", achieved" if row.achieved else ""
        yield milestone.name if milestone else row.id, f"{row.period}: {value} of {target}{achieved}"
    for run in one.streaks:
        streak = names.streak(run.id)
        ended = ", ended" if run.ended else ""
        ended += f", {run.frozen:,} frozen" if run.frozen else ""
        ended += ("" if run.enrolled else ", takes part no longer") + (", paused" if run.paused else "")
        counted = f"{run.run:,} {names.in_a_row(run.id)}"
        longest = f", longest {run.longest:,}" if streak is None or streak.continuous else ""
        yield streak.name if streak else run.id, f"{counted}{longest}{ended}"
