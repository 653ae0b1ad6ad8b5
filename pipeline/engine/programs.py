"""Program versions, compiled once each, and which of them is in force at an instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple

from pipeline.engine.calendar import Calendar, calendar_of
from pipeline.engine.currencies import Currency, currencies_of
from pipeline.engine.dates import Dates
from pipeline.engine.ledger.promises import promises_of, terms_by_source
from pipeline.engine.ledger.terms import Terms, own_terms
from pipeline.engine.milestones.measures import Measure, measure_of
from pipeline.engine.periods import OwnPeriods, Periods, Span, Within, counting_days, span_of
from pipeline.engine.rules import RULES, Earning
from pipeline.engine.streaks.terms import StreakTerms, streak_terms
from pipeline.engine.tiers.rules import tier_rules
from pipeline.engine.trackers.rules import tracker_rules
from schemas.program import (
    LINE_METHODS,
    REPEAT_WINDOW_DAYS_MAX,
    Adds,
    Condition,
    Cycle,
    Enrolment,
    Events,
    Expiry,
    Milestone,
    PerCustomer,
    PeriodUnit,
    ProgramDefinition,
    Shortfall,
    Streak,
    TierReward,
    UnifiedTarget,
    event_names,
    expiries,
    milestones_in,
)
from schemas.succession import reaches_all

DAY_MS: Final = 86_400_000
_WINDOW_DAYS_DEFAULT: Final = 35
WINDOW_MAX_MS: Final = REPEAT_WINDOW_DAYS_MAX * DAY_MS
"""No program remembers ids for longer."""
LAG_ALLOWANCE_MS: Final = 7 * DAY_MS
"""How far a partition's clock may run ahead of a record that waits in the journal behind it."""
SUPERSEDED_MS: Final = 7 * DAY_MS
"""How long after its successor's start a version is kept: records that intake journals late still need it."""
SUPERSEDED_MAX: Final = 50
"""Versions that are kept for longer, as bills of their time may still be updated. Later ones take their place."""


class CompiledStreak(NamedTuple):
    """A streak, compiled."""

    definition: Streak
    span: Span | None
    terms: StreakTerms


class Target(NamedTuple):
    """A milestone, compiled."""

    milestone_id: str
    goal: int
    """In the unit of what it counts: thousandths where an attribute is added up."""
    reward: int
    currency: str
    """What the reward is in; empty for the main currency."""
    terms: Terms | None
    """How long the reward lasts; None for as long as other points."""
    span: Span | Within | None
    """The days on which something counts; None for all."""
    measure: Measure
    adds: Adds | None
    own: OwnPeriods | None
    """Cycles of each customer's own, in place of `periods`."""
    enrolment: Enrolment | None
    tells_cycles: str
    """`none`, `counted` or `everybody`."""
    unit: int
    """So many of the goal's unit are one of what the program writes."""
    periods: Periods
    streaks: tuple[CompiledStreak, ...]
    window: int = 0
    """The days of a rolling window, in place of cycles; 0 for none."""


class Unified(NamedTuple):
    """A unified target, compiled."""

    unified_id: str
    condition: Condition
    threshold: int
    """In the unit of the values; 0 for none."""
    targets: tuple[Target, ...]
    milestone_ids: frozenset[str]
    """Those of the targets."""
    reward: int
    currency: str
    expiry: Expiry | None
    window: int = 0
    """The days of the rolling window of each of them, in place of cycles; 0 for none."""


class Program:
    """One version of a program, compiled."""

    def __init__(self, definition: ProgramDefinition) -> None:
        self.definition = definition
        self.id = definition.program_id
        self.version = definition.version
        self.calendar = calendar_of(definition)
        self.dates = Dates(definition)
        self.money = definition.currency
        self.currency = definition.points.name
        """The main currency."""
        self.currencies = currencies_of(definition)
        """By id, the main one first."""
        self.rolls = any(expiry.rolls for _, expiry in expiries(definition))
        """Whether activity moves the expiry of any points."""
        self.milestone_ids = tuple(milestone.id for milestone in definition.milestones)
        tiers = definition.tiers
        levels = tiers.levels if tiers else ()
        self.base_tier = 1 if tiers else 0
        self.tier_ids = ("", *(level.id for level in levels))
        """By number, from 1; empty for none."""
        self.tier_numbers = {level.id: number for number, level in enumerate(levels, 1)}
        self.trackers = tracker_rules(definition.trackers)
        self.tier_rules = tier_rules(tiers, self.calendar, self.currency, self.trackers)
        self.window_ms = definition.repeat_window_days * DAY_MS
        """How late a record may come and still count here."""
        self.return_days = definition.returns.window_days if definition.returns else None
        """How long bills can be returned; None where they can't be."""
        self.returns = definition.returns
        self.keeps_lines = self.returns is not None and self.returns.method in LINE_METHODS
        """Whether bills keep what a return by line needs."""
        self.tracks_lines = self.returns is not None and any(
            one.tracker.of.of_lines or one.tracker.filters for one in self.trackers
        )
        """Whether trackers look at the lines of what is returned."""
        self.milestones_fall = self.returns is not None and self.returns.milestones == "fall"
        """Whether a return lowers values of milestones."""
        self.tracks_lots = self.returns is not None and self.returns.shortfall is not Shortfall.OWN_LOT
        """Whether a return may take points from other lots than the bill's."""
        self.earning = Earning()
        self.earns_by_tier = any(rule.tiers and not rule.retired for rule in definition.rules) or any(
            one.expiry_by_tier for one in (definition.points, *definition.currencies)
        )
        """Whether what a bill earns, or how long that lasts, depends on the customer's tier."""
        for rule in definition.rules:
            if not rule.retired:
                RULES[type(rule)](rule, self.earning)
        self.promises = promises_of(definition)
        """What is promised, by what gives it."""
        self.own_terms = terms_by_source(definition)
        """How long points last of what gives them terms of its own."""
        self.streaks = _streaks(definition, self.calendar)
        """By id, retired ones included."""
        self.transaction_targets, self.event_targets = _targets(definition, self.calendar, self.streaks)
        self.targets = (*self.transaction_targets, *(one for some in self.event_targets.values() for one in some))
        self.events = event_names(definition)
        self.plans: dict[Any, Any] = {}
        """Where an engine keeps which of its stages this program uses."""

    @cached_property
    def unified(self) -> tuple[Unified, ...]:
        """The unified targets that have not ended."""
        targets = {target.milestone_id: target for target in self.targets}
        return tuple(
            _unified(one, tuple(targets[name] for name in milestones_in(one.condition)))
            for one in self.definition.unified_targets
            if not one.retired
        )

    @cached_property
    def tier_rewards(self) -> dict[str, TierReward]:
        """The tiers that are given, by `milestone/ID`, `unified/ID`, and `streak/ID/PERIODS` of a level."""
        rewards = {f"milestone/{one.id}": one.tier for one in self.definition.milestones}
        rewards |= {f"unified/{one.id}": one.tier for one in self.definition.unified_targets}
        for streak in self.definition.streaks:
            rewards |= {f"streak/{streak.id}/{level.periods}": level.tier for level in streak.levels}
        return {subject: reward for subject, reward in rewards.items() if reward is not None}

    @cached_property
    def counts_by_store(self) -> bool:
        """Whether what a bill counts depends on its store."""
        return any(target.measure.by_store for target in self.transaction_targets)

    @cached_property
    def enrolling(self) -> tuple[Target, ...]:
        """The milestones that know who is in them."""
        return tuple(one for one in self.targets if one.enrolment is not None or one.tells_cycles != "none")

    @property
    def streak_ids(self) -> tuple[str, ...]:
        """Every streak, retired ones included."""
        return tuple(self.streaks)

    def find_currency(self, named: str) -> Currency | None:
        """The points currency of that id, if there is one; the main one where the id is empty."""
        return self.currencies.get(named or self.currency)

    def reversible_days(self, currency: str) -> int:
        """How long redemptions in a currency can be taken back; 0 where they can't be."""
        known = self.currencies.get(currency)
        days = None if known is None else known.redemption.reversible_days
        return (self.return_days or 0) if days is None else days


class Org:
    """The programs of one org that are in force at one instant, and what they agree on."""

    def __init__(self, programs: Iterable[Program] = ()) -> None:
        self.programs = tuple(sorted(programs, key=lambda program: program.id))
        definitions = [program.definition for program in self.programs]
        self.moneys = frozenset(program.money for program in self.programs)
        """The currencies that programs earn on."""
        days = max((definition.repeat_window_days for definition in definitions), default=_WINDOW_DAYS_DEFAULT)
        self.window_ms = days * DAY_MS
        windows = [program.return_days for program in self.programs if program.return_days is not None]
        self.return_window_ms = max(windows) * DAY_MS if windows else None
        """How long a bill is kept for returns, the longest window; None where no program takes returns."""
        self.keeps_lines = any(program.keeps_lines or program.tracks_lines for program in self.programs)
        """Whether bills keep their lines."""
        self.adds_customers = not definitions or any(definition.add_customers for definition in definitions)

    def knows(self, event_name: str) -> bool:
        """Whether any of the programs names the custom event, retired parts included."""
        return any(event_name in program.events for program in self.programs)

    def get(self, program_id: int) -> Program | None:
        """The program of that id, if it is in force."""
        return next((program for program in self.programs if program.id == program_id), None)


class Version(NamedTuple):
    """A version of a program with the instant from which it is in force."""

    starts_at: int
    program: Program
    for_all: bool = False
    """Whether every member adopts it at its start."""


class Start(NamedTuple):
    """The start of a version that every member adopts."""

    at: int
    program_id: int
    version: int


class Timeline:
    """The program versions of one org: in force at t is the highest version whose start is at or before t."""

    def __init__(self, versions: dict[int, tuple[Version, ...]] | None = None) -> None:
        """`versions` by program, in ascending order of version."""
        self.versions = versions or {}
        self.starts = tuple(
            sorted(
                Start(at=one.starts_at, program_id=program_id, version=one.program.version)
                for program_id, some in self.versions.items()
                for one in some
                if one.for_all and _started(some, one.starts_at) is one
            )
        )
        """In the order in which they fall due."""
        self._settled = max((one.starts_at for some in self.versions.values() for one in some), default=0)
        """From here on every version has started."""
        self.latest = Org(some[-1].program for some in self.versions.values())
        self._earlier: dict[tuple[Program, ...], Org] = {}

    def at(self, instant: int) -> Org:
        """The programs in force at an instant."""
        if instant >= self._settled:
            return self.latest
        started = (_started(some, instant) for some in self.versions.values())
        programs = tuple(version.program for version in started if version is not None)
        if programs not in self._earlier:
            self._earlier[programs] = Org(programs)
        return self._earlier[programs]

    def program_at(self, program_id: int, instant: int) -> Program:
        """The version of a program that is in force at an instant, the first one for an instant before its start."""
        versions = self.versions[program_id]
        return (_started(versions, instant) or versions[0]).program

    def version_of(self, program_id: int, version: int) -> Program:
        """The version of a program by its number; the next one that is kept where it is no more."""
        return next(one.program for one in self.versions[program_id] if one.program.version >= version)

    def with_version(self, program: Program, starts_at: int, now: int) -> Timeline:
        """These versions and one more, without those that no record can need any more at the instant `now`."""
        known = self.versions.get(program.id, ())
        if known and program.version <= known[-1].program.version:
            return self
        before = _started(known, starts_at - 1)
        for_all = before is not None and reaches_all(before.program.definition, program.definition)
        versions = (*known, Version(starts_at=starts_at, program=program, for_all=for_all))
        return Timeline({**self.versions, program.id: _still_needed(versions, now)})


_NOTHING: Final = Timeline()


class Programs:
    """Every program version that a decision may need: a value; activating a version gives another."""

    def __init__(self, orgs: dict[int, Timeline] | None = None) -> None:
        self._orgs = orgs or {}

    def activate(self, definition: ProgramDefinition, starts_at: int = 0, now: int = 0) -> Programs:
        """These programs and one more version, which has no effect unless it is higher than those there are.

        `starts_at` and `now` are instants of the journal partition's own kind of time.
        """
        org_id = definition.org_id
        timeline = self.org(org_id).with_version(Program(definition), starts_at, now)
        return Programs({**self._orgs, org_id: timeline})

    def put_in_force(self, definition: ProgramDefinition, now: int, starts_at: int | None = None) -> Programs:
        """Activate a version at the partition's clock `now`, or from `starts_at` on where that is later.

        A program's first version holds from the beginning: nothing was decided before it, and records that intake
        journals late count, too. Later ones have a start, though the clock may not have been set yet.
        """
        known = self.get(definition.org_id, definition.program_id)
        start = 0 if known is None else max(now, 1)
        return self.activate(definition, starts_at=max(start, starts_at or 0), now=now)

    def org(self, org_id: int) -> Timeline:
        """The org's program versions; an org without any program has an empty timeline."""
        return self._orgs.get(org_id, _NOTHING)

    def starting(self, first: int, last: int) -> tuple[int, ...]:
        """The orgs in which a version that every member adopts starts within these instants, both included."""
        return tuple(
            sorted(
                org_id
                for org_id, timeline in self._orgs.items()
                if any(first <= start.at <= last for start in timeline.starts)
            )
        )

    def of(self, org_id: int) -> tuple[Program, ...]:
        """The highest version of each of the org's programs, in id order."""
        return self.org(org_id).latest.programs

    def get(self, org_id: int, program_id: int) -> Program | None:
        """The highest version of one program."""
        return self.org(org_id).latest.get(program_id)

    def versions(self) -> list[tuple[int, int, int, int]]:
        """Every version that is kept, as (org, program, version, start), in order."""
        return sorted(
            (org_id, program_id, version.program.version, version.starts_at)
            for org_id, timeline in self._orgs.items()
            for program_id, versions in timeline.versions.items()
            for version in versions
        )


def _still_needed(versions: tuple[Version, ...], now: int) -> tuple[Version, ...]:
    """The versions from the first that something may need; that one holds for everything before, too."""
    superseded = [place for place, one in enumerate(versions) if place and one.starts_at + SUPERSEDED_MS <= now]
    if not superseded:
        return versions
    first = max(0, superseded[-1] - SUPERSEDED_MAX)
    while first < superseded[-1] and versions[first + 1].starts_at + _needed_ms(versions[first].program) <= now:
        first += 1
    return (versions[first]._replace(starts_at=0, for_all=False), *versions[first + 1 :]) if first else versions


def _needed_ms(program: Program) -> int:
    """For how long after its end a version may be asked what a bill of its time earns."""
    if program.return_days is None:
        return SUPERSEDED_MS
    return SUPERSEDED_MS + program.return_days * DAY_MS + program.window_ms


def _started(versions: tuple[Version, ...], instant: int) -> Version | None:
    return next((version for version in reversed(versions) if version.starts_at <= instant), None)


def _streaks(definition: ProgramDefinition, calendar: Calendar) -> dict[str, CompiledStreak]:
    cycles = {milestone.id: milestone.cycles for milestone in definition.milestones}
    return {
        streak.id: CompiledStreak(
            definition=streak,
            span=span_of(streak.validity),
            terms=streak_terms(streak, cycles[streak.milestone], calendar),
        )
        for streak in definition.streaks
    }


def _targets(
    definition: ProgramDefinition, calendar: Calendar, compiled: Mapping[str, CompiledStreak]
) -> tuple[tuple[Target, ...], dict[str, tuple[Target, ...]]]:
    periods: dict[PeriodUnit | Cycle, Periods] = {}
    streaks: defaultdict[str, list[CompiledStreak]] = defaultdict(list)
    for streak in compiled.values():
        if not streak.definition.retired:
            streaks[streak.definition.milestone].append(streak)
    on_transactions: list[Target] = []
    on_events: defaultdict[str, tuple[Target, ...]] = defaultdict(tuple)
    for milestone in definition.milestones:
        if milestone.retired:
            continue
        cycles = milestone.cycles
        if cycles not in periods:
            periods[cycles] = Periods(cycles, calendar)
        target = _target(
            milestone,
            measure_of(milestone.counts, definition.points.name, calendar),
            OwnPeriods(cycles, calendar) if isinstance(cycles, PerCustomer) else None,
            periods[cycles],
            tuple(streaks[milestone.id]),
        )
        if isinstance(milestone.counts, Events):
            on_events[milestone.counts.event] += (target,)
        else:
            on_transactions.append(target)
    return tuple(on_transactions), dict(on_events)


def _target(
    milestone: Milestone,
    measure: Measure,
    own: OwnPeriods | None,
    periods: Periods,
    streaks: tuple[CompiledStreak, ...],
) -> Target:
    return Target(
        milestone_id=milestone.id,
        goal=milestone.goal,
        reward=milestone.points,
        currency=milestone.currency or "",
        terms=own_terms(milestone.expiry),
        span=counting_days(milestone.validity, milestone.cycles),
        measure=measure,
        adds=milestone.adds,
        own=own,
        enrolment=milestone.enrolment or (Enrolment(by="transaction") if own else None),
        tells_cycles=milestone.tells_cycles,
        unit=milestone.goal // milestone.target,
        periods=periods,
        streaks=streaks,
        window=milestone.window_days,
    )


def _unified(definition: UnifiedTarget, targets: tuple[Target, ...]) -> Unified:
    return Unified(
        unified_id=definition.id,
        condition=definition.condition,
        threshold=(definition.threshold or 0) * targets[0].unit,
        targets=targets,
        milestone_ids=frozenset(target.milestone_id for target in targets),
        reward=definition.points,
        currency=definition.currency or "",
        expiry=definition.expiry,
        window=targets[0].window,
    )
