"""Succession: which version of a program may follow which. Pure; whoever puts a version in force asks it.

Currencies, tiers, milestones, streaks, trackers and rules are known by id: a version may retire an id, never leave it
out or give it to something else. What amounts, periods and balances are counted in never changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.program import Cycle, Milestone, PeriodUnit, ProgramDefinition, TrackerWindow, Windows


class Breach(NamedTuple):
    """One thing that keeps a version from following the one before."""

    path: str
    """The place in the new version's file."""
    problem: str
    remedy: str


def succession(predecessor: ProgramDefinition, successor: ProgramDefinition) -> tuple[Breach, ...]:
    """Everything that keeps `successor` from following `predecessor`; nothing where it may."""
    return (
        *_version(predecessor, successor),
        *_fixed(predecessor, successor),
        *_omitted(predecessor, successor),
        *_tier_points(predecessor, successor),
        *_rescaled(predecessor, successor),
        *_reused(predecessor, successor),
    )


def reaches_all(predecessor: ProgramDefinition, successor: ProgramDefinition) -> bool:
    """Whether the start of `successor` concerns every member, those without traffic too.

    It does where tiers, milestones, streaks or reminders differ; what else differs waits for a member's next record.
    """
    return _due_of_itself(predecessor) != _due_of_itself(successor)


def _due_of_itself(program: ProgramDefinition) -> tuple[object, ...]:
    """What leads to something without a record."""
    reminders = [(points.id, points.reminders) for points in program.currencies if points.reminders]
    return (
        program.tiers,
        program.milestones,
        program.unified_targets,
        program.streaks,
        program.points.reminders,
        reminders,
    )


def _version(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Breach]:
    named = (before.org_id, before.program_id)
    if named != (after.org_id, after.program_id):
        yield Breach(
            path="program_id",
            problem=f"is program {after.program_id} of org {after.org_id}, not program {named[1]} of org {named[0]}",
            remedy="compare versions of one program",
        )
    elif after.version <= before.version:
        yield Breach(
            path="version",
            problem=f"is {after.version}, while version {before.version} of program {before.program_id} is in force "
            "and differs",
            remedy=f"give the file a version above {before.version}",
        )


def _fixed(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Breach]:
    for path, old, new, why in (
        ("currency", before.currency, after.currency, "amounts so far are counted in it"),
        ("zone", before.zone, after.zone, "days and periods so far are counted in it"),
        ("days.start", before.days.start, after.days.start, "days and periods so far are counted from it"),
        ("days.zone", before.days.zone, after.days.zone, "days and periods so far are counted in it"),
        ("points.name", before.points.name, after.points.name, "balances so far are counted in it"),
    ):
        if old != new:
            yield Breach(
                path=path,
                problem=f"is {new}, and was {old} in version {before.version}: {why}",
                remedy=f"keep {old}, or make a program of its own with another program_id",
            )


def _tier_points(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Breach]:
    if before.tiers is None or after.tiers is None or before.points.name != after.points.name:
        return
    old, new = (tiers.currency or before.points.name for tiers in (before.tiers, after.tiers))
    if old != new:
        yield Breach(
            path="tiers.currency",
            problem=f"is {new}, and was {old} in version {before.version}: what tiers measure so far is counted in it",
            remedy=f"keep {old}, or make a program of its own with another program_id",
        )


def _rescaled(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Breach]:
    scales = {one.id: one.scale for one in before.currencies}
    for index, currency in enumerate(after.currencies):
        scale = scales.get(currency.id, currency.scale)
        if scale != currency.scale:
            yield Breach(
                path=f"currencies[{index}].scale",
                problem=f"is {currency.scale}, and was {scale} in version {before.version}: "
                "balances so far are counted in it",
                remedy=f"keep {scale}; for another scale, retire {currency.id} and give the new currency its own id",
            )


def _omitted(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Breach]:
    there = _ids(after)
    for path, known in _ids(before).items():
        for one, called in known.items():
            if one in there[path]:
                continue
            renamed = f"; to change only its name, give its line `id: {one}`" if path == "tiers.levels" else ""
            yield Breach(
                path=path,
                problem=f"{called} (id {one}) of version {before.version} is missing",
                remedy=f"put its line back, with `retired: true` if it is to end{renamed}",
            )


def _ids(program: ProgramDefinition) -> dict[str, dict[str, str]]:
    """What is known by id, by its place in the file: id and name."""
    levels = program.tiers.levels if program.tiers else ()
    return {
        "currencies": {currency.id: f"the currency {currency.name}" for currency in program.currencies},
        "rules": {rule.id: f"the {rule.kind} rule" for rule in program.rules},
        "tiers.levels": {tier.id: f"the tier {tier.name}" for tier in levels},
        "milestones": {milestone.id: f"the milestone {milestone.name}" for milestone in program.milestones},
        "unified_targets": {one.id: f"the unified target {one.name}" for one in program.unified_targets},
        "streaks": {streak.id: f"the streak {streak.name}" for streak in program.streaks},
        "trackers": {tracker.id: f"the tracker {tracker.name}" for tracker in program.trackers},
    }


def _reused(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Breach]:
    """Ids that stand for something else now."""
    kinds = {rule.id: rule.kind for rule in before.rules}
    for index, rule in enumerate(after.rules):
        was = kinds.get(rule.id)
        if was is not None and was != rule.kind:
            yield _another(f"rules[{index}].kind", rule.id, was, rule.kind)
    milestones = {milestone.id: milestone for milestone in before.milestones}
    for index, milestone in enumerate(after.milestones):
        known = milestones.get(milestone.id)
        if known is None:
            continue
        if not _goes_on(known.cycles, milestone.cycles):
            key = "period" if milestone.cycle is None else "cycle"
            yield _another(f"milestones[{index}].{key}", milestone.id, str(known.cycles), str(milestone.cycles))
        if _measured(known) != _measured(milestone):
            yield _another(f"milestones[{index}].counts", milestone.id, _measured(known), _measured(milestone))
    yield from _reused_streaks(before, after)


def _reused_streaks(before: ProgramDefinition, after: ProgramDefinition) -> Iterator[Breach]:
    continuous = {streak.id: streak.continuous for streak in before.streaks}
    trackers = {tracker.id: tracker for tracker in before.trackers}
    for index, tracker in enumerate(after.trackers):
        was = trackers.get(tracker.id)
        for key in ("of", "window", "per_transaction") if was is not None else ():
            old, new = getattr(was, key), getattr(tracker, key)
            if old != new:
                yield _another(f"trackers[{index}].{key}", tracker.id, _written(old), _written(new))
    streaks = {streak.id: units(before)[streak.milestone] for streak in before.streaks}
    for index, streak in enumerate(after.streaks):
        was_counted, is_counted = streaks.get(streak.id), units(after)[streak.milestone]
        if was_counted is not None and not _goes_on(was_counted, is_counted):
            path = f"streaks[{index}].milestone"
            yield _another(
                path, streak.id, f"in {plural(was_counted)}", f"in {plural(is_counted)}, as its milestone is"
            )
        if continuous.get(streak.id, streak.continuous) != streak.continuous:
            was_kept, is_kept = ("true" if one else "false" for one in (continuous[streak.id], streak.continuous))
            yield _another(f"streaks[{index}].continuous", streak.id, was_kept, is_kept)


def units(program: ProgramDefinition) -> Mapping[str, PeriodUnit | Cycle]:
    """The cycles of each milestone, by id."""
    return {milestone.id: milestone.cycles for milestone in program.milestones}


def plural(cycles: PeriodUnit | Cycle) -> str:
    """What several of these cycles are called."""
    return f"{cycles.replace('_', ' ')}s" if isinstance(cycles, PeriodUnit) else str(cycles)


def _goes_on(before: PeriodUnit | Cycle, after: PeriodUnit | Cycle) -> bool:
    """Whether every cycle is what it was; written-out ones may become more."""
    if isinstance(before, Windows) and isinstance(after, Windows):
        return before.windows == after.windows[: len(before.windows)]
    return before == after


def _measured(milestone: Milestone) -> str:
    """What a milestone's value is a number of."""
    counts = milestone.counts
    attribute = getattr(counts, "attribute", None)
    return f"{counts.measure} of {counts.of}{f' by {attribute}' if attribute else ''}"


def _written(value: object) -> str:
    """A setting of a tracker as people write it."""
    if isinstance(value, TrackerWindow):
        return f"{'cycles of ' if value.cyclic else 'the last '}{value.days} days"
    return str(value).lower()


def _another(path: str, known_by: str, was: str, now: str) -> Breach:
    return Breach(
        path=path,
        problem=f"is {now}, and {known_by} was {was} before",
        remedy=f"keep {was}; for something new, retire {known_by} and give the new one an id of its own",
    )
