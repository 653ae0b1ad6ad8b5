"""Scenarios in words: steps read from YAML, and facts told so that a loyalty manager can check them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml

from pipeline.cli.program_file import load_program
from pipeline.engine.calendar import as_date, period_name
from schemas import facts
from schemas.facts import Fact
from schemas.program import ProgramDefinition
from schemas.records import Line, Profile
from tests.dsl import (
    ORG,
    Step,
    Story,
    Tick,
    adjust,
    bought,
    brought_back,
    changed,
    did,
    instant,
    joined,
    program,
    redeem,
)

ROOT: Final = Path(__file__).parents[2]
SILENT: Final = (facts.RecordAccepted, facts.TransactionRecorded, facts.PurchaseCounted, facts.ReturnCounted)
"""Bookkeeping that a loyalty manager need not read."""


def tell(path: Path) -> str:
    """The scenario of a YAML file as text: each step, and what it led to."""
    scenario = yaml.safe_load(path.read_text())
    story, zone, told = Story(), "UTC", [scenario["title"], "=" * len(scenario["title"]), ""]
    for step in scenario["story"]:
        if "program" in step:
            definition = _program(step["program"])
            zone = definition.zone
            story.play(definition)
            told += [f"Program {definition.program_id} version {definition.version} is in force: {definition.name}", ""]
            continue
        told.append(_sentence(step))
        as_of = instant(str(step["arrives"]), zone) if "arrives" in step else None
        decided = story.play(_step(step, zone), as_of)
        lines = [_told(one, story, zone) for one in decided if not isinstance(one, SILENT)]
        told += [f"    {line}" for line in lines or (["nothing changes"] if not decided else ["taken note of"])]
    told += ["", "In the end", *(f"    {line}" for line in _ending(story))]
    return "\n".join(told) + "\n"


def _program(what: str | dict[str, Any]) -> ProgramDefinition:
    if isinstance(what, str):
        return load_program((ROOT / what).read_text()).model_copy(update={"org_id": ORG})
    return program(**what)


def _sentence(step: dict[str, Any]) -> str:
    words = [f"{name} {_plain(value)}" for name, value in step.items() if name != "at"]
    return f"{step['at']}: {', '.join(words)}"


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_plain(one)}" for name, one in value.items())
    return "; ".join(_plain(one) for one in value) if isinstance(value, list) else str(value)


def _step(step: dict[str, Any], zone: str) -> Step:
    on = str(step["at"])
    at = instant(on, zone)
    if "time" in step:
        return Tick(at)
    common: dict[str, Any] = {"event_time": at} | ({"id": step["id"]} if "id" in step else {})
    return next(make(step, on, common) for word, make in _RECORDS.items() if word in step)


_RECORDS: Final[dict[str, Callable[[dict[str, Any], str, dict[str, Any]], Step]]] = {
    "buys": lambda step, on, common: bought(
        step["buys"],
        step.get("for"),
        on,
        lines=tuple(Line(**line) for line in step.get("lines", ())),
        currency=step.get("in", "GBP"),
        **common,
    ),
    "returns": lambda step, on, common: brought_back(
        step["returns"], step["for"], on, currency=step.get("in", "GBP"), **common
    ),
    "does": lambda step, on, common: did(step["does"], on, attributes=step.get("with", {}), **common),
    "redeems": lambda step, on, common: redeem(
        step["redeems"], on, currency=step.get("of", "POINTS"), program_id=step.get("from", 1), **common
    ),
    "is given": lambda step, on, common: adjust(
        step["is given"],
        on,
        reason=step["because"],
        currency=step.get("of", "POINTS"),
        program_id=step.get("from", 1),
        **common,
    ),
    "joins": lambda step, on, common: joined(on, Profile(**step["joins"]), **common),
    "changes": lambda step, on, common: changed(on, Profile(**step["changes"]), **common),
}


def _told(fact: Fact, story: Story, zone: str) -> str:
    program_id = getattr(fact, "program_id", 0)
    where = f"[program {program_id}] " if program_id and len(story.programs.of(ORG)) > 1 else ""
    when = f"{_local(fact.at, zone)} " if isinstance(fact, _TIMED) else ""
    return f"{when}{where}{_WORDS[type(fact)](fact, story)}"


def _local(at: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(at / 1000, ZoneInfo(zone)):%Y-%m-%d %H:%M}"


_TIMED: Final = (facts.PointsExpired, facts.StreakEnded)
"""Facts that happened when they were due, not when the step found them."""


def _issued(fact: facts.PointsIssued, _: Story) -> str:
    until = "for good" if fact.expires_on is None else f"until {as_date(fact.expires_on)}"
    return f"+{fact.points} {fact.currency} for {fact.issued_for} {fact.rule_id}, {until} (balance {fact.balance})"


def _reversed(fact: facts.PointsReversed, _: Story) -> str:
    forgiven = sum(one.forgiven for one in fact.reversals)
    taken = f"-{fact.points} {fact.currency}" if fact.points else f"no {fact.currency}"
    return f"{taken} taken back for {fact.of_bill}, {forgiven} forgiven (balance {fact.balance})"


def _progress(fact: facts.MilestoneProgressed, story: Story) -> str:
    name = _period(fact.milestone_id, fact.period, story, fact.program_id)
    return f"milestone {fact.milestone_id} of {name}: {fact.value} of {fact.target}"


def _period(milestone_id: str, period: int, story: Story, program_id: int) -> str:
    compiled = story.programs.get(ORG, program_id)
    assert compiled is not None
    units = {one.id: one.period for one in compiled.definition.milestones}
    return period_name(units[milestone_id], period)


def _refused(fact: facts.RecordRefused, _: Story) -> str:
    return f"refused: {fact.reason}" + (f" ({fact.subject})" if fact.subject else "")


_WORDS: Final[dict[type[Fact], Callable[[Any, Story], str]]] = {
    facts.RecordRefused: _refused,
    facts.CustomerRegistered: lambda _fact, _: "customer added",
    facts.CustomerChanged: lambda fact, _: f"profile changed: {', '.join(fact.updated_fields)}",
    facts.ReturnRecorded: lambda fact, _: (
        f"{fact.amount_minor} of {fact.basis_minor} returned, {fact.returned_before_minor} before"
        + (f", {fact.over_minor} too much" if fact.over_minor else "")
    ),
    facts.ProgramAdopted: lambda fact, _: f"follows version {fact.program_version} from now on",
    facts.PointsIssued: _issued,
    facts.PointsRedeemed: lambda fact, _: (
        f"-{fact.points} {fact.currency} redeemed, worth {fact.value_minor} (balance {fact.balance})"
    ),
    facts.PointsExpired: lambda fact, _: (
        f"-{fact.points} {fact.currency} expired with {as_date(fact.expired_on)} (balance {fact.balance})"
    ),
    facts.PointsReversed: _reversed,
    facts.PointsDebited: lambda fact, _: f"-{fact.points} {fact.currency}: {fact.reason} (balance {fact.balance})",
    facts.MilestoneProgressed: _progress,
    facts.MilestoneAchieved: lambda fact, story: (
        f"milestone {fact.milestone_id} of {_period(fact.milestone_id, fact.period, story, fact.program_id)} ACHIEVED"
    ),
    facts.StreakStarted: lambda fact, _: f"streak {fact.streak_id} begins",
    facts.StreakExtended: lambda fact, _: f"streak {fact.streak_id}: {fact.run} in a row, longest {fact.longest}",
    facts.StreakLevelReached: lambda fact, _: f"streak {fact.streak_id} level {fact.level} REACHED",
    facts.StreakEnded: lambda fact, _: f"streak {fact.streak_id} ends at {fact.run}, levels {list(fact.levels)}",
    facts.TierUpgraded: lambda fact, _: f"tier {fact.previous} -> {fact.reached} at {fact.basis_value}",
}


def _ending(story: Story) -> list[str]:
    told = []
    for program_id, section in sorted(story.state.head.sections.items()):
        told.append(
            f"program {program_id}: {section.transactions} bills, {section.purchases_minor} spent, "
            f"{section.returned_minor} returned, tier {section.tier}"
        )
        for currency, account in section.accounts.items():
            told.append(
                f"    {currency}: {account.issued} issued, {account.redeemed} redeemed, {account.expired} expired, "
                f"{account.reversed} reversed, {account.debited} debited, balance {account.balance}"
            )
    return told
