"""The engine on the model's histories: the one place that knows both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from typing import Any

from msgspec import structs

from pipeline.engine.cycles import cycle_name
from pipeline.engine.programs import Program as Compiled
from pipeline.engine.tiers.progress import tier_progress
from pipeline.engine.tiers.state import Tenure
from schemas.facts import (
    MilestoneAchieved,
    MilestoneLowered,
    MilestoneProgressed,
    MilestoneRecorded,
    MilestoneUnachieved,
    TierAssigned,
    TierDowngraded,
    TierGraceBegun,
    TierReassigned,
    TierReleased,
    TierReminded,
    TierRenewed,
    TierUpgraded,
    UnifiedAchieved,
    UnifiedUnachieved,
)
from schemas.program import ProgramDefinition
from schemas.records import AnyCustomerRecord
from schemas.records import Line as SoldLine
from tests import steps
from tests.dsl import Story
from tests.model import words
from tests.model.purse import NEVER
from tests.model.town import Figures, arrival
from tests.model.words import SECOND, Happening, Lasts, Program, Promise
from tests.town import Town

_BASES = {
    "lifetime": "lifetime_points",
    "current": "current_points",
    "purchases": "net_purchases",
    "visits": "visits",
    "purchases_in_period": "purchases_in_period",
    "points_in_period": "points_in_period",
    "visits_in_period": "visits_in_period",
    "tracker": "tracker",
    "second lifetime": "lifetime_points",
    "second current": "current_points",
}
_RENEWALS = {
    "current": "current_points",
    "points": "points",
    "purchases": "purchases",
    "visits": "visits",
    "tracker": "tracker",
}
_ROUND = {1: "month", 3: "quarter", 6: "half_year", 12: "year"}


def stand_of_engine(program: Program, history: Sequence[Happening]) -> dict[int, Figures]:
    """Where the engine says that every customer stands."""
    version = 1
    town = Town(definition_of(program))
    for happening in history:
        if isinstance(happening, words.Changes):
            program, version = happening.to, version + 1
            town.pass_time(steps.Activation(definition_of(program, version), happening.at))
        if isinstance(happening, words.Waits | words.Changes):
            town.pass_time(steps.Tick(happening.at))
        else:
            told = happening.before if isinstance(happening, words.Again) else happening
            town.play(_record(told), as_of=arrival(happening))
            town.settle()
    now = max([arrival(happening) for happening in history], default=0)
    rules = Compiled(definition_of(program, version))
    return {
        who: {**_figures(program, story), "missing": _missing(rules, story, now)}
        for who, story in sorted(town.stories.items())
    }


def definition_of(program: Program, version: int = 1) -> ProgramDefinition:
    """The program as a file would say it."""
    returns = program.returns
    rules: list[dict[str, Any]] = [
        _without_none(
            {
                "id": rule.id,
                "kind": "spend",
                "points": rule.points,
                "per_minor": rule.per,
                "minimum_minor": rule.minimum,
                "excluded_skus": sorted(rule.without),
                "expiry": None if rule.lasts is None else _expiry(rule.lasts),
                "promised": _promised(rule.promise),
                "currency": rule.currency or None,
                "tiers": _tier_ids(rule.tiers),
            }
        )
        for rule in program.spends
    ]
    rules += [
        {"id": f"times-{sku}", "kind": "multiplier", "factor": str(factor), "skus": [sku]}
        for sku, factor in program.factors
    ]
    rules += [
        _without_none(
            {
                "id": gift.id,
                "kind": "event",
                "event": gift.event,
                "points": gift.points,
                "promised": _promised(gift.promise),
                "currency": gift.currency or None,
                "tiers": _tier_ids(gift.tiers),
            }
        )
        for gift in program.gifts
    ]
    return steps.program(
        version=version,
        zone=program.zone,
        points=_lasting(program.main),
        currencies=[
            {"id": SECOND, **_lasting(terms), "redemption": _redemption(terms)}
            for terms in [program.second]
            if terms is not None
        ],
        promised=_promised(program.promise),
        rules=rules,
        milestones=[_milestone(program, number, goal) for number, goal in enumerate(program.goals, 1)],
        streaks=[_streak(program, number, streak) for number, streak in enumerate(program.streaks, 1)],
        unified_targets=[_unified(program, number, unified) for number, unified in enumerate(program.unified, 1)],
        returns=None
        if returns is None
        else {
            "method": returns.method,
            "shortfall": returns.shortfall,
            "milestones": "fall" if returns.goals_fall else "keep",
            "rewards": returns.rewards,
            "redeemed": "restore" if returns.redeemed_restored else "keep",
            "window_days": returns.days,
        },
        tiers=_tiers(program),
        trackers=_trackers(program.ranks),
        redemption=_redemption(program.main),
    )


def _tier_ids(tiers: frozenset[int]) -> list[str]:
    return [f"t{tier}" for tier in sorted(tiers)]


def _lasting(terms: words.Terms) -> dict[str, Any]:
    by_tier = {f"t{tier}": _expiry(lasts) for tier, lasts in terms.by_tier}
    return {"expiry": _expiry(terms.lasts), "expiry_by_tier": by_tier}


def _tier_given(program: Program, of: str) -> dict[str, Any]:
    for gift in program.tier_gifts:
        if gift.of == of:
            return {"tier": {"id": f"t{gift.tier}"} | ({"validity": _validity(gift.term)} if gift.term else {})}
    return {}


def _redemption(terms: words.Terms) -> dict[str, Any]:
    return _without_none(
        {
            "minimum_points": terms.least,
            "multiple_of": terms.multiple,
            "maximum_points": terms.most,
            "order": terms.order,
            "hold_minutes": terms.hold_minutes,
            "past_expiry": "reissue" if terms.reissues else "expire",
            "late_minutes": terms.late_minutes,
        }
    )


def _milestone(program: Program, number: int, goal: words.Goal) -> dict[str, Any]:
    cycle = goal.period if isinstance(goal.period, words.Cycle) else None
    fixed = {
        "target_id": number,
        "counts": _counts_of(goal),
        "points": goal.points,
        "currency": goal.currency or None,
        "cycle": None if cycle is None else _cycle(cycle),
        "enrolment": {"by": goal.joins, "past": goal.past} if goal.joins else None,
        "adds": {"milestone": goal.adds[0], "value": goal.adds[1]} if goal.adds else None,
        "validity": _days(goal.first, goal.last),
        **_tier_given(program, f"milestone/{goal.id}"),
    }
    return steps.milestone(goal.id, goal.target, None if cycle else goal.period, **fixed)


def _counts_of(goal: words.Goal) -> dict[str, Any]:
    at_most = {"times": goal.most, "per": goal.most_per} if goal.most else None
    if goal.of_bills:
        measure = {"bills": "count", "money": "sum"}.get(goal.counts, goal.counts)
        return {
            "of": "transactions",
            "measure": measure,
            "skus": [goal.sku] if goal.sku else [],
            "categories": [goal.category] if goal.category else [],
            "excluded_skus": [goal.without] if goal.without else [],
            "stores": sorted(goal.stores),
            "minimum_minor": goal.minimum,
            "at_most": at_most,
        }
    counts = {"of": "events", "event": goal.counts, "measure": goal.measure or "count", "at_most": at_most}
    where = {} if goal.where is None else {goal.where[0]: sorted(goal.where[1])}
    return counts | {"attribute": goal.attribute or None, "where": where}


def _cycle(cycle: words.Cycle) -> dict[str, Any]:
    length = {"unit": cycle.unit, "every": cycle.every}
    if cycle.kind == "windows":
        return {"kind": "windows", "windows": [_days(*window) for window in cycle.windows]}
    if cycle.kind == "from_date":
        return {"kind": "from_date", "first": str(cycle.first), **length}
    if cycle.kind == "own":
        return {"kind": "per_customer", **length, "begins": "registration" if cycle.since_registration else "enrolment"}
    return {"kind": cycle.kind}


def _days(first: date | None, last: date | None) -> dict[str, str]:
    return _without_none({"first": first and first.isoformat(), "last": last and last.isoformat()})


def _tiers(program: Program) -> dict[str, Any] | None:
    ranks = program.ranks
    if ranks is None:
        levels = [{"name": f"T{one}", "threshold": one} for one in program.tiers]
        return {"basis": "lifetime_points", "levels": levels} if levels else None
    keeps = ranks.term is not None
    first, *further = ranks.bases
    levels = [
        {"name": f"T{number}", "threshold": needed[0], "further": needed[1:], "retired": number in ranks.retired}
        | ({"renewal": least[0], "renewal_further": least[1:]} if keeps and ranks.renewals and number > 1 else {})
        for number, (needed, least) in enumerate(zip(ranks.steps, ranks.kept_by, strict=True), 1)
    ]
    written: dict[str, Any] = {
        "basis": _BASES[first],
        "tracker": "tracked" if first == "tracker" else None,
        "currency": ranks.currency or None,
        "further": [
            _without_none(
                {
                    "basis": _BASES[one],
                    "tracker": "tracked" if one == "tracker" else None,
                    "currency": SECOND if one.startswith("second ") else None,
                }
            )
            for one in further
        ],
        "any": ranks.enough,
        "period": ranks.period or None,
        "upgrade": ranks.upgrade,
        "on_return": ranks.on_return,
        "levels": levels,
    }
    if ranks.term is not None:
        written |= {
            "validity": _validity(ranks.term),
            "downgrade": ranks.downgrade,
            "grace_days": ranks.grace,
            "reminders": ranks.reminders,
        }
    if keeps and ranks.renewals:
        kept, *more = ranks.renewals
        written |= {
            "renewal": _RENEWALS[kept],
            "renewal_tracker": "tracked" if kept == "tracker" else None,
            "renewal_further": [
                _without_none({"renewal": _RENEWALS[one], "tracker": "tracked" if one == "tracker" else None})
                for one in more
            ],
            "renewal_any": ranks.kept_enough,
        }
    return _without_none(written)


def _validity(term: words.Term) -> dict[str, Any]:
    if term.until is not None:
        return {"until": f"{term.until[0]:02}-{term.until[1]:02}"}
    if term.anniversary:
        return {"anniversary": True}
    if term.period:
        return {"period": term.period, "periods": term.periods}
    return {"months": term.months} if term.months else {"days": term.days}


def _trackers(ranks: words.Ranks | None) -> list[dict[str, Any]]:
    if ranks is None or "tracker" not in ranks.bases + ranks.renewals:
        return []
    counts = {"of": ranks.tracked} | ({"per_transaction": True} if ranks.tracked == "visits" else {})
    return [{"id": "tracked", **counts, "window": {"days": ranks.tracked_days}}]


def _streak(program: Program, number: int, streak: words.Streak) -> dict[str, Any]:
    freezes = {"per": streak.freezes_per, "max": streak.freezes}
    return {
        "id": streak.id,
        "streak_id": number,
        "name": streak.id,
        "milestone": streak.goal,
        "levels": [
            {"name": f"L{periods}", "periods": periods, "points": points, "currency": streak.currency or None}
            | _tier_given(program, f"streak/{streak.id}/{periods}")
            for periods, points in streak.levels
        ],
        "continuous": streak.continuous,
        "repeats": streak.repeats,
        "grace": streak.grace,
        "freezes": freezes if streak.freezes else None,
        "enrolment": "opt_in" if streak.opt_in else "automatic",
        "validity": _days(streak.first, streak.last),
    }


def _unified(program: Program, number: int, unified: words.Unified) -> dict[str, Any]:
    return {
        "id": unified.id,
        "group_id": number,
        "name": unified.id,
        "expression": _expression(unified.condition),
        "threshold": unified.threshold or None,
        "points": unified.points,
        "currency": unified.currency or None,
        **_tier_given(program, f"unified/{unified.id}"),
    }


def _expression(condition: words.Condition) -> str:
    if isinstance(condition, str):
        return condition
    least, conditions = condition
    parts = [f"({_expression(one)})" for one in conditions]
    if len(parts) > 1 and least in {1, len(parts)}:
        return (" | " if least == 1 else " & ").join(parts)
    return f"{least} of ({', '.join(parts)})"


def _expiry(lasts: Lasts) -> dict[str, Any]:
    if lasts.dates:
        return {"dates": [f"{month:02}-{day:02}" for month, day in lasts.dates]}
    if lasts.with_tier:
        return {"with_tier": lasts.with_tier}
    if lasts.days is None and not lasts.months and not lasts.round_months:
        return {"never": True}
    length = {"months": lasts.months} if lasts.days is None else {"days": lasts.days}
    return _without_none({**length, "round_up": _ROUND.get(lasts.round_months), "rolling": lasts.rolls or None})


def _promised(promise: Promise | None) -> dict[str, Any] | None:
    if promise is None:
        return None
    days = {"days": "days", "delivered": "within_days", "trigger": "within_days"}
    written = {"until": promise.until, "event": promise.event or None}
    written["date"] = None if promise.date is None else promise.date.isoformat()
    return _without_none(written | ({days[promise.until]: promise.days} if promise.until in days else {}))


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _record(one: Happening) -> AnyCustomerRecord:
    make, fields = _MADE[type(one)](one)
    fields |= {"currency": currency} if (currency := getattr(one, "currency", "")) else {}
    return make(**fields, on=one.at, id=one.name, customer_id=one.who)  # type: ignore[no-any-return]


_MADE: dict[type[Happening], Callable[[Any], tuple[Callable[..., Any], dict[str, Any]]]] = {
    words.Pays: lambda one: (
        steps.bought,
        {
            "bill": one.name,
            "amount": one.pence,
            "lines": _lines(one.lines),
            "store": one.store,
            "gross_minor": one.gross,
        },
    ),
    words.Returned: lambda one: (
        steps.brought_back,
        {"bill": one.bill, "amount": one.pence, "lines": _lines(one.lines), "bill_number": one.name},
    ),
    words.Corrected: lambda one: (
        steps.updated,
        {
            "bill": one.bill,
            "amount": one.pence,
            "delivery_status": "DELIVERED" if one.delivered else "",
            "lines": _lines(one.lines),
        },
    ),
    words.Does: lambda one: (
        steps.did,
        {
            "event": one.event,
            "attributes": dict(one.attributes) | ({"reference": one.reference} if one.reference else {}),
        },
    ),
    words.Redeems: lambda one: (steps.redeem, {"points": one.points, "bill_number": one.bill, "hold": one.held}),
    words.Confirms: lambda one: (steps.confirm, {"redemption_id": one.redemption}),
    words.TakesBack: lambda one: (steps.reverse, {"redemption_id": one.redemption, "points": one.points}),
    words.Adjusted: lambda one: (steps.adjust, {"points": one.points, "corrects": one.corrects}),
    words.Blocks: lambda one: (steps.block, {"points": one.points, "until": one.until}),
    words.Releases: lambda one: (steps.release, {"hold_id": one.hold}),
    words.Activates: lambda one: (steps.activate, {"reference": one.reference}),
    words.CallsOff: lambda one: (steps.call_off, {"reference": one.reference}),
    words.Cancels: lambda one: (steps.cancel, {"bill_number": one.bill, "rule": one.rule}),
    words.Expires: lambda _one: (steps.expire_now, {}),
    words.Moves: lambda one: (steps.expire_on, {"until": one.last.isoformat(), "later": one.later}),
    words.Enrols: lambda one: (steps.enrol, {"streak": one.streak}),
    words.Leaves: lambda one: (steps.unenrol, {"streak": one.streak}),
    words.Pauses: lambda one: (steps.pause, {"streak": one.streak}),
    words.Resumes: lambda one: (steps.resume, {"streak": one.streak}),
    words.Freezes: lambda one: (
        steps.freeze,
        {"streak": one.streak, "first": one.first.isoformat(), "days": (one.last - one.first).days + 1},
    ),
    words.Joins: lambda one: (steps.enrol_target, {"milestone_id": one.goal}),
    words.Quits: lambda one: (steps.unenrol_target, {"milestone_id": one.goal}),
    words.AsksFor: lambda one: (steps.set_target, {"milestone_id": one.goal, "target": one.target}),
    words.Assigns: lambda one: (
        steps.assign,
        {"tier": f"t{one.tier}", "last_day": None if one.last is None else steps.day(one.last.isoformat())},
    ),
    words.LetsGo: lambda _one: (steps.release_tier, {}),
    words.Reassesses: lambda _one: (steps.reassess, {}),
    words.Registers: lambda _one: (steps.joined, {}),
    words.Gives: lambda one: (steps.transfer, {"points": one.points, "to": one.to}),
}


def _lines(lines: Sequence[words.Line]) -> tuple[SoldLine, ...]:
    return tuple(
        SoldLine(
            sku=line.sku,
            amount_minor=line.pence,
            line_id=line.id,
            quantity=line.quantity,
            category=line.category,
        )
        for line in lines
    )


def _figures(program: Program, story: Story) -> Figures:
    section = story.section()
    named = {one.id: partial(cycle_name, one.cycles) for one in definition_of(program).milestones}
    goals = {streak.id: streak.goal for streak in program.streaks}
    second = {} if program.second is None else _account(story, SECOND)
    return {
        **_account(story, "POINTS"),
        **{f"second {name}": figure for name, figure in second.items()},
        "bills": (section.transactions, section.purchases_minor, section.returned_minor),
        "tier": max(1, section.tier) if program.tiers or program.ranks else 0,
        "said": [*_said(story)],
        "moves": [
            one.reached
            for one in (fact.decision for fact in story.facts)
            if isinstance(one, TierUpgraded | TierDowngraded | TierReassigned | TierAssigned | TierReleased)
            and one.reached != one.previous
        ],
        "holds": _holds(section.tenure),
        "values": {(name, named[name](period)): value for (name, period), value in _values(story).items() if value},
        "met": sorted((name, named[name](period)) for name, period in _met(story)),
        "streaks": {
            name: [named[goals[name]](period) for first, last in streak.runs for period in range(first, last + 1)]
            for name, streak in section.streaks.items()
            if streak.runs
        },
        "levels": {name: sorted(streak.levels) for name, streak in section.streaks.items() if streak.levels},
        "away": sorted(name for name, streak in section.streaks.items() if streak.left_at is not None),
        "together": sorted(
            (unified.id, named[unified.goals[0]](period))
            for unified in program.unified
            for period in _together(story, unified.id)
        ),
    }


def _missing(program: Compiled, story: Story, now: int) -> tuple[int, int]:
    """To the next tier, and to keep the one there is; who has done nothing yet begins in the first."""
    if program.definition.tiers is None:
        return 0, 0
    section = story.section()
    progress = tier_progress(structs.replace(section, tier=max(1, section.tier)), program, now)
    return progress.to_next, progress.to_keep


def _said(story: Story) -> Iterator[tuple[str | int, ...]]:
    """What was said about the tier; who has what renews it is not reminded."""
    for one in (fact.decision for fact in story.facts):
        if isinstance(one, TierRenewed):
            yield "renewed", one.tier
        elif isinstance(one, TierGraceBegun):
            yield "grace", one.tier
        elif isinstance(one, TierReminded) and one.measured < one.needed:
            yield "reminded", one.tier, one.lead_days


def _holds(tenure: Tenure | None) -> int | None:
    return None if tenure is None or tenure.expires_on is None else tenure.term.ends_at


def _account(story: Story, currency: str) -> Figures:
    account = story.account(1, currency)
    signs = {"issued": -1, "deficit": -1}
    totals = {name.text: total for name, total in story.totals(1, currency).items()}
    return {
        "points": {name: signs.get(name, 1) * total for name, total in totals.items()},
        "lots": sorted((lot.lot_id, min(lot.closes_at, NEVER), lot.open_points) for lot in account.lots),
        "promised": sorted((lot.lot_id, lot.open_points) for lot in account.promised_lots),
    }


def _values(story: Story) -> dict[tuple[str, int], int]:
    """The last value of every milestone and period: the state forgets those that nothing can move any more."""
    return {
        (one.milestone_id, one.period): one.value
        for one in (fact.decision for fact in story.facts)
        if isinstance(one, MilestoneProgressed | MilestoneLowered | MilestoneRecorded)
    }


def _together(story: Story, unified_id: str) -> set[int]:
    achieved: set[int] = set()
    for one in (fact.decision for fact in story.facts):
        if isinstance(one, UnifiedAchieved) and one.unified_id == unified_id:
            achieved.add(one.period)
        elif isinstance(one, UnifiedUnachieved) and one.unified_id == unified_id:
            achieved.remove(one.period)
    return achieved


def _met(story: Story) -> set[tuple[str, int]]:
    met: set[tuple[str, int]] = set()
    for one in (fact.decision for fact in story.facts):
        if isinstance(one, MilestoneAchieved):
            met.add((one.milestone_id, one.period))
        elif isinstance(one, MilestoneUnachieved):
            met.remove((one.milestone_id, one.period))
    return met
