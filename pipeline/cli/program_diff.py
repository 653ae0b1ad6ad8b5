"""What a new version of a program changes for members, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from pipeline.cli.expiry_words import lasting, own_lasting
from pipeline.trial.names import Names, money
from schemas.program import (
    LINE_METHODS,
    AfterDays,
    AlternateCurrency,
    Approaching,
    AtOnce,
    Delivered,
    EarningRule,
    EventRule,
    Milestone,
    MultiplierRule,
    OnDate,
    PointsCurrency,
    ProgramDefinition,
    PromisedOfBill,
    Returns,
    Shortfall,
    SpendRule,
    Streak,
    StreakLevel,
    Tier,
    TierBasis,
    TierReward,
    Tiers,
    TierValidity,
    Tracker,
    Transfers,
    Triggered,
    UnifiedTarget,
    Validity,
)


class Change(NamedTuple):
    """One thing that changes."""

    path: str
    """The place in the new version's file."""
    text: str


Part = EarningRule | Milestone | Streak | Tracker | UnifiedTarget
_TOLD: Final = frozenset({"id", "kind", "name", "target", "levels", "retired"})
"""Keys with their own sentence, or that never change."""
_NOTHING: Final = Validity()


def changes(before: ProgramDefinition, after: ProgramDefinition) -> list[Change]:
    """What replacing `before` by `after` changes for members."""
    return [
        *_terms(before, after),
        *_currencies(before, after),
        *_rules(before, after),
        *_tiers(before, after),
        *_goals(before, after),
        *_trackers(before, after),
    ]


def _terms(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Change]:
    if before.name != after.name:
        yield Change("name", f"the program is called {after.name}, not {before.name}")
    yield from _points("points", "points", before.points, after.points, after.currency)
    if before.promised != after.promised:
        terms = [_promise(one.promised) if one.promised else "not at all" for one in (after, before)]
        yield Change(
            "promised",
            f"points issued from then on are promised {terms[0]}, before {terms[1]}; what is promised keeps its terms",
        )
    for path in ("default", "add_customers", "repeat_window_days", "notifications"):
        values = [_plain(getattr(one, path), after.currency) for one in (after, before)]
        if values[0] != values[1]:
            yield Change(path, f"is {values[0]}, was {values[1]}")
    for key in type(after.redemption).model_fields:
        was, now = (_value(key, getattr(one.redemption, key), after.currency) for one in (before, after))
        if was != now:
            yield Change(f"redemption.{key}", f"is {now}, was {was}")
    yield from _transfers(before.transfer, after.transfer)
    yield from _returns(before.returns, after.returns)


def _transfers(before: Transfers, after: Transfers) -> Iterator[Change]:
    if (before.expiry, before.extra_days) != (after.expiry, after.extra_days):
        limit = "" if after.extra_days is None else f", at most {after.extra_days:,} days beyond their own last day"
        last = "keep their last day" if after.expiry == "keep" else f"last as newly awarded ones{limit}"
        yield Change("transfer.expiry", f"points that a customer receives {last}")
    if before.lifetime != after.lifetime:
        count = "count" if after.lifetime == "count" else "do not count"
        yield Change("transfer.lifetime", f"points that a customer receives {count} towards lifetime points")


def _returns(before: Returns | None, after: Returns | None) -> Iterator[Change]:
    if before is None or after is None:
        if before is not None:
            yield Change("returns", "bills paid from then on can't be returned")
        elif after is not None:
            yield Change("returns", f"bills paid from then on can be returned for {after.window_days:,} days")
        return
    if before.method != after.method:
        new_to_lines = after.method in LINE_METHODS and before.method not in LINE_METHODS
        kept = "; bills paid before have kept no lines and go back in proportion" if new_to_lines else ""
        yield Change("returns.method", f"returns take points back by {after.method}, not by {before.method}{kept}")
    if before.shortfall != after.shortfall:
        new = f"spent points of a bill that comes back come from {after.shortfall}, not {before.shortfall}"
        tracked = "; of bills paid before, from their own lot" if before.shortfall is Shortfall.OWN_LOT else ""
        yield Change("returns.shortfall", f"{new}{tracked}")
    if before.milestones != after.milestones:
        effects = {"fall": "lower milestones and streaks, of bills paid from then on", "keep": "leave milestones alone"}
        yield Change("returns.milestones", f"returns {effects[after.milestones]}")
    if before.rewards != after.rewards:
        what = "rewards of milestones and levels that a return undoes"
        yield Change("returns.rewards", f"{what}: {after.rewards}, was {before.rewards}")
    if before.window_days != after.window_days:
        lasts = f"for {after.window_days:,} days, not {before.window_days:,}; others keep their time"
        yield Change("returns.window_days", f"bills paid from then on can be returned {lasts}")
    if before.redeemed != after.redeemed:
        becomes = "come back with it" if after.redeemed == "restore" else "stay redeemed"
        yield Change("returns.redeemed", f"points that were redeemed for a bill {becomes} when it is returned")


def _points(
    path: str,
    called: str,
    old: PointsCurrency | AlternateCurrency,
    new: PointsCurrency | AlternateCurrency,
    currency: str,
) -> Iterator[Change]:
    if old.expiry != new.expiry:
        lasts = [lasting(one.expiry) for one in (new, old)]
        what = f"{called} issued from then on last {lasts[0]}, not {lasts[1]}; others keep theirs"
        yield Change(f"{path}.expiry", what)
    for tier in sorted(old.expiry_by_tier.keys() | new.expiry_by_tier.keys()):
        was, now = old.expiry_by_tier.get(tier), new.expiry_by_tier.get(tier)
        if was != now:
            lasts = [own_lasting(one) for one in (now, was)]
            what = f"{called} issued in the tier {tier} last {lasts[0]}, not {lasts[1]}; others keep theirs"
            yield Change(f"{path}.expiry_by_tier.{tier}", what)
    if old.activity != new.activity:
        values = [_plain(one.activity, currency) for one in (new, old)]
        yield Change(f"{path}.activity", f"expiry that rolls is moved by {values[0]}, not by {values[1]}")
    if old.reminders != new.reminders:
        days = [f"{_plain(one.reminders, currency)} days before" if one.reminders else "never" for one in (new, old)]
        effect = f"members are reminded of expiry {days[0]}, not {days[1]}, from their next record on"
        yield Change(f"{path}.reminders", effect)
    if old.worth_minor(currency) != new.worth_minor(currency):
        worth = [_worth(one, currency) for one in (new, old)]
        one_of_them = "every point" if called == "points" else f"one of {called}"
        yield Change(
            f"{path}.{'value_minor' if new.ratio is None else 'ratio'}",
            f"{one_of_them} is worth {worth[0]} when it is redeemed, not {worth[1]}",
        )


def _worth(points: PointsCurrency | AlternateCurrency, currency: str) -> str:
    if points.ratio is not None:
        return f"{points.ratio} {currency}"
    return money(1 if points.value_minor is None else points.value_minor, currency)


def _currencies(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Change]:
    known = {currency.id: currency for currency in before.currencies}
    for index, currency in enumerate(after.currencies):
        path, old = f"currencies[{index}]", known.get(currency.id)
        if currency.retired:
            if old is not None and not old.retired:
                yield Change(path, f"the currency {currency.name} ends: what members have can be spent")
        elif old is None or old.retired:
            yield Change(path, f"the currency {currency.name} is {'back' if old else 'new'}")
        if old is None:
            continue
        if old.name != currency.name:
            yield Change(f"{path}.name", f"the currency {old.name} is called {currency.name}")
        yield from _points(path, currency.name, old, currency, after.currency)
        if old.redemption != currency.redemption:
            values = [_plain(one.redemption, after.currency) for one in (currency, old)]
            yield Change(f"{path}.redemption", f"{currency.name}: is {values[0]}, was {values[1]}")


def _rules(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Change]:
    known = {rule.id: rule for rule in before.rules}
    for index, rule in enumerate(after.rules):
        path, old = f"rules[{index}]", known.get(rule.id)
        gives = _gives(rule, after)
        if rule.retired:
            if old is not None and not old.retired:
                yield Change(path, f"the rule {rule.id} ends: {_gives(old, before)} no more")
        elif old is None:
            yield Change(path, f"a new rule, {rule.id}: {gives}")
        elif old.retired:
            yield Change(path, f"the rule {rule.id} is back: {gives}")
        else:
            yield from _edited(path, f"the rule {rule.id}", old, rule, after.currency)


def _gives(rule: EarningRule, program: ProgramDefinition) -> str:
    match rule:
        case SpendRule():
            return f"{_amount(rule, program)} for every {money(rule.per_minor, program.currency)}"
        case EventRule():
            return f"{_amount(rule, program)} for each {rule.event}"
        case MultiplierRule():
            return f"{', '.join((*rule.skus, *rule.categories)[:5])} counts {rule.factor} times"


def _amount(pays: SpendRule | EventRule | StreakLevel, program: ProgramDefinition) -> str:
    return Names(program).amount(pays.points, pays.currency or program.points.name)


def _edited(path: str, called: str, old: Part, new: Part, currency: str) -> Iterator[Change]:
    """The keys of a part that changed and have no sentence of their own."""
    for key in type(new).model_fields:
        if key in _TOLD:
            continue
        was, now = (_value(key, getattr(one, key), currency) for one in (old, new))
        if was != now:
            yield Change(f"{path}.{key}", f"{called}: {key} is {now}, was {was}")


def _value(key: str, value: object, currency: str) -> str:
    if key == "expiry":
        return own_lasting(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return money(value, currency) if key.endswith("_minor") else f"{value:,}"
    return _plain(value, currency)


def _promise(terms: PromisedOfBill) -> str:
    match terms:
        case AtOnce():
            return "not at all"
        case AfterDays():
            return f"for {terms.days:,} full days after the day of the award"
        case OnDate():
            return f"until {terms.date}"
        case Delivered():
            within = "" if terms.within_days is None else f", within {terms.within_days:,} days"
            return f"until the bill is delivered{within}"
        case Triggered():
            what = f"the event {terms.event}" if terms.event else "somebody activates them"
            return f"until {what}, within {terms.within_days:,} days"


def _span(value: Validity) -> str:
    first, last = value.first, value.last
    return "always" if value == _NOTHING else f"from {first or 'the beginning'} to {last or 'the end of time'}"


def _plain(value: object, currency: str) -> str:
    if isinstance(value, AtOnce | AfterDays | OnDate | Delivered | Triggered):
        return _promise(value)
    if isinstance(value, TierReward):
        return value.id if value.validity is None else f"{value.id} ({_held(value.validity)})"
    if isinstance(value, Validity):
        return _span(value)
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value[:10]) + (f" and {len(value) - 10:,} more" if value[10:] else "")
    fields: Mapping[str, Any] = getattr(type(value), "model_fields", {})
    if fields:
        return ", ".join(f"{key} {_value(key, getattr(value, key), currency) or 'none'}" for key in fields)
    return _word(value)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _tiers(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Change]:
    if after.tiers is None:
        return
    levels, measured = after.tiers.levels, _measured(after)
    if before.tiers is None:
        yield Change("tiers", f"members are in {levels[0].name}, and in a higher tier if they have what it asks for")
        return
    if before.tiers.basis != after.tiers.basis:
        yield Change("tiers.basis", f"tiers go by {_BASES[after.tiers.basis]}, not by {_BASES[before.tiers.basis]}")
    yield from _tier_terms(before.tiers, after.tiers)
    known = {tier.id: tier for tier in before.tiers.levels}
    left = levels[0].name
    for index, tier in enumerate(levels):
        yield from _tier(f"tiers.levels[{index}]", known.get(tier.id), tier, measured, left)
        left = left if tier.retired else tier.name
    yield from _renumbered(known, levels)


_TIER_TERMS: Final = {
    "tracker": "the tracker that tiers go by",
    "currency": "the points that tiers go by",
    "further": "what else tiers ask for",
    "any": "how many conditions are enough for a tier",
    "period": "the period in which values count",
    "upgrade": "when a tier that was reached is given",
    "validity": "how long a tier holds (a term that runs ends as it was told)",
    "renewal": "what renews a tier",
    "renewal_tracker": "the tracker that renews a tier",
    "renewal_further": "what else renews a tier",
    "renewal_any": "how many conditions are enough to renew a tier",
    "downgrade": "where a lost tier leads",
    "grace_days": "days of grace after the end of a tier",
    "reminders": "days before its end at which members are reminded",
    "on_return": "what a return does to a tier",
    "approaching": "when members are told that the next tier is near",
}


def _tier_terms(before: Tiers, after: Tiers) -> Iterator[Change]:
    for key, what in _TIER_TERMS.items():
        old, new = (getattr(tiers, key) for tiers in (before, after))
        if old != new:
            yield Change(f"tiers.{key}", f"{what}: {_term(new)}, not {_term(old)}")


def _term(value: object) -> str:
    if isinstance(value, TierValidity):
        return _held(value)
    if isinstance(value, Approaching):
        return f"from {value.percent} percent of it, every {value.cooldown_days} days at most"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value).replace("_", " ")


def _held(validity: TierValidity) -> str:
    given = {
        key: getattr(validity, key)
        for key, field in TierValidity.model_fields.items()
        if getattr(validity, key) != field.default
    }
    return ", ".join(key if value is True else f"{key} {value}" for key, value in given.items())


_TIER_NUMBERS: Final = {
    "further": "the further conditions of",
    "renewal": "what renews",
    "renewal_further": "what else renews",
}


def _tier(path: str, old: Tier | None, new: Tier, measured: Callable[[int], str], left: str) -> Iterator[Change]:
    """`left` is the next lower tier that is left."""
    rises = "members below it who have as much rise when the version starts"
    if old is not None and old.name != new.name:
        yield Change(f"{path}.name", f"the tier {old.name} is called {new.name}")
    if new.retired:
        if old is not None and not old.retired:
            yield Change(path, f"{new.name} ends: its members go to {left} when the version starts")
    elif old is None or old.retired:
        yield Change(path, f"{new.name} is {'back' if old else 'new'}, from {measured(new.threshold)}: {rises}")
    elif old.threshold != new.threshold:
        effect = rises if new.threshold < old.threshold else "who is in it stays"
        now, was = measured(new.threshold), measured(old.threshold)
        yield Change(f"{path}.threshold", f"{new.name} begins at {now}, not {was}: {effect}")
    for key, what in _TIER_NUMBERS.items() if old is not None and not new.retired else ():
        was_asked, asked = getattr(old, key), getattr(new, key)
        if was_asked != asked:
            yield Change(f"{path}.{key}", f"{what} {new.name}: {_term(asked)}, not {_term(was_asked)}")


def _renumbered(known: Mapping[str, Tier], levels: Iterable[Tier]) -> Iterator[Change]:
    old = {tier_id: number for number, tier_id in enumerate(known, 1)}
    moved = [
        f"{tier.name} is number {number}, not {old[tier.id]}"
        for number, tier in enumerate(levels, 1)
        if old.get(tier.id, number) != number
    ]
    if moved:
        yield Change("tiers.levels", f"members keep their tier, and it is numbered otherwise: {', '.join(moved)}")


_BASES: Final = {
    TierBasis.LIFETIME_POINTS: "lifetime points",
    TierBasis.NET_PURCHASES: "purchases net of returns",
    TierBasis.VISITS: "visits",
    TierBasis.CURRENT_POINTS: "current points",
    TierBasis.POINTS_IN_PERIOD: "points in the period",
    TierBasis.PURCHASES_IN_PERIOD: "purchases in the period",
    TierBasis.VISITS_IN_PERIOD: "visits in the period",
    TierBasis.TRACKER: "a tracker",
}


def _measured(program: ProgramDefinition) -> Callable[[int], str]:
    basis = TierBasis.NET_PURCHASES if program.tiers is None else program.tiers.basis
    if basis in {TierBasis.NET_PURCHASES, TierBasis.PURCHASES_IN_PERIOD}:
        return lambda value: money(value, program.currency)
    tracker = None if program.tiers is None else program.tiers.tracker
    if tracker is not None:
        return lambda value: f"{Names(program).tracked(tracker, value)} of {Names(program).tracker(tracker)}"
    return lambda value: f"{value:,} {_BASES[basis]}"


def _goals(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Change]:
    milestones = {one.id: one for one in before.milestones}
    for index, milestone in enumerate(after.milestones):
        path, old_milestone = f"milestones[{index}]", milestones.get(milestone.id)
        yield from _came_or_went(path, "milestone", old_milestone, milestone)
        if old_milestone is not None and not (old_milestone.retired or milestone.retired):
            yield from _target(path, old_milestone, milestone, after.currency)
            yield from _edited(path, f"the milestone {milestone.name}", old_milestone, milestone, after.currency)
    united = {one.id: one for one in before.unified_targets}
    for index, unified in enumerate(after.unified_targets):
        path, old_unified = f"unified_targets[{index}]", united.get(unified.id)
        yield from _came_or_went(path, "unified target", old_unified, unified)
        if old_unified is not None and not (old_unified.retired or unified.retired):
            yield from _edited(path, f"the unified target {unified.name}", old_unified, unified, after.currency)
    streaks = {one.id: one for one in before.streaks}
    for index, streak in enumerate(after.streaks):
        path, old_streak = f"streaks[{index}]", streaks.get(streak.id)
        yield from _came_or_went(path, "streak", old_streak, streak)
        if old_streak is not None and not (old_streak.retired or streak.retired):
            yield from _levels(path, old_streak, streak, lambda level: _level(level, after))
            yield from _edited(path, f"the streak {streak.name}", old_streak, streak, after.currency)


def _trackers(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Change]:
    trackers = {one.id: one for one in before.trackers}
    for index, tracker in enumerate(after.trackers):
        path, old = f"trackers[{index}]", trackers.get(tracker.id)
        yield from _came_or_went(path, "tracker", old, tracker)
        if old is not None and not (old.retired or tracker.retired):
            yield from _edited(path, f"the tracker {tracker.name}", old, tracker, after.currency)


_Known = Milestone | Streak | Tracker | UnifiedTarget


def _came_or_went(path: str, what: str, old: _Known | None, new: _Known) -> Iterator[Change]:
    if new.retired:
        if old is not None and not old.retired:
            yield Change(path, f"the {what} {new.name} ends: nothing counts any more, and what was given stays")
    elif old is None:
        yield Change(path, f"a new {what}, {new.name}: it begins with what happens from then on")
    elif old.retired:
        since = "it goes on with" if isinstance(new, Tracker) else "who has had its reward in this period has had it"
        yield Change(path, f"the {what} {new.name} is back: {since}")
    if old is not None and old.name != new.name:
        yield Change(f"{path}.name", f"the {what} {old.name} is called {new.name}")


def _target(path: str, old: Milestone, new: Milestone, currency: str) -> Iterator[Change]:
    if old.target == new.target:
        return
    now, was = (money(one.target, currency) if new.adds_money else f"{one.target:,}" for one in (new, old))
    days = f"the last {new.window_days:,} days" if new.window_days else "the running period"
    lowered = f"who has as much in {days} meets it when the version starts"
    stays = "what was met stays so" if new.window_days else "who has met it stays so until the period ends"
    effect = lowered if new.target < old.target else stays
    yield Change(f"{path}.target", f"the milestone {new.name} asks for {now}, not {was}: {effect}")


def _levels(path: str, old: Streak, new: Streak, told: Callable[[StreakLevel], str]) -> Iterator[Change]:
    known = {level.periods: level for level in old.levels}
    for index, level in enumerate(new.levels):
        was, place = known.pop(level.periods, None), f"{path}.levels[{index}]"
        if was is None:
            what = f"a new level, {told(level)}"
            yield Change(place, f"the streak {new.name} has {what}: a run that is as long reaches it, if it is alive")
        elif was != level:
            yield Change(place, f"the streak {new.name} has {told(level)}, not {told(was)}")
    for level in known.values():
        yield Change(f"{path}.levels", f"the streak {new.name} has no level {level.name} any more; rewards stay")


def _level(level: StreakLevel, program: ProgramDefinition) -> str:
    lasts = f" that last {lasting(level.expiry)}" if level.expiry else ""
    tier = f" and the tier {_plain(level.tier, program.currency)}" if level.tier else ""
    return f"{level.name} for {_amount(level, program)}{lasts}{tier} at {level.periods:,} in a row"
