"""What a customer has in a program beside points: as it is handed over, and as the survivor takes it.

RULE (milestones): values of one milestone and period add up; of different things, those that either has are counted
once. What either has achieved is achieved, and gives nothing a second time, also when it is lost and achieved again; of
rolling windows those of both are met. No return takes back what the victim was given.
Where cycles are the customer's own, those of the survivor hold, and the victim's count where the survivor is not in the
milestone; targets of a customer's own are the survivor's.
RULE (streaks): periods that count for either count; the levels of both are reached, each as often as the one who
reached it more often. Pauses, freezes and enrolments of streaks are the survivor's.
RULE (trackers): days add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final

from msgspec import structs

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.milestones.state import Member, Progress, Tally
from pipeline.engine.rewards.state import Reward
from pipeline.engine.state import CustomerState, Section
from pipeline.engine.streaks.state import StreakRuns
from pipeline.engine.trackers.state import Tracked
from schemas.facts import Envelope, SectionHandedOver, SectionTakenOver
from schemas.records import (
    MergedCount,
    MergedMember,
    MergedMilestone,
    MergedReward,
    MergedSection,
    MergedStreak,
    MergedTracker,
    MergedUnified,
    MergedVisits,
    MergedWindows,
    TakeOverSection,
)

_NOTHING: Final = Tally()


def handed_over(section: Section) -> MergedSection:
    """All that is handed over."""
    return MergedSection(
        milestones=tuple(
            _milestone(milestone_id, period, progress, section.tallies.get(milestone_id, {}).get(period, _NOTHING))
            for milestone_id, periods in section.milestones.items()
            for period, progress in periods.items()
        ),
        members=tuple(
            MergedMember(
                milestone_id=milestone_id,
                enrolled_at=member.enrolled_at,
                anchor=member.anchor,
                given=_counts(member.given),
            )
            for milestone_id, member in section.members.items()
            if member.enrolled_at is not None or member.given
        ),
        streaks=tuple(
            MergedStreak(
                streak_id=streak_id,
                places=tuple(place for first, last in streak.runs for place in range(first, last + 1)),
                levels=tuple(streak.levels),
            )
            for streak_id, streak in section.streaks.items()
        ),
        unified=tuple(
            MergedUnified(unified_id=unified_id, period=period, ends_at=ends_at)
            for unified_id, periods in section.unified.items()
            for period, ends_at in periods.items()
        ),
        trackers=tuple(_tracker(tracker_id, tracked) for tracker_id, tracked in section.trackers.items()),
        windows=tuple(
            MergedWindows(milestone_id=key, met=met, twice=tuple(section.met_twice.get(key, ())))
            for key, met in section.windows.items()
        ),
        rewards=tuple(
            MergedReward(key=key, rule_id=reward.rule_id, at=reward.at, until=reward.until, taken=reward.taken)
            for key, reward in section.rewards.items()
        ),
    )


def _milestone(milestone_id: str, period: int, progress: Progress, tally: Tally) -> MergedMilestone:
    return MergedMilestone(
        milestone_id=milestone_id,
        period=period,
        ends_at=progress.ends_at,
        value=progress.value,
        achieved=progress.achieved,
        keys=_counts(tally.keys),
        uses=_counts(tally.uses),
        uses_until=tally.uses_until,
    )


def _tracker(tracker_id: str, tracked: Tracked) -> MergedTracker:
    return MergedTracker(
        tracker_id=tracker_id,
        first_day=tracked.first_day,
        days=_counts(tracked.days),
        visits=tuple(
            MergedVisits(day=day, store=store, bills=bills)
            for day, stores in tracked.stores.items()
            for store, bills in stores.items()
        ),
    )


def taken_over(turn: ProgramTurn, record: TakeOverSection) -> SectionTakenOver:
    """What the survivor has of it from now on."""
    other, section = record.section, turn.section
    enrolled = {key for key, member in section.members.items() if member.enrolled_at is not None}
    own_cycles = {target.milestone_id for target in turn.program.targets if target.own is not None}
    kept = enrolled & own_cycles
    return SectionTakenOver(
        merge_id=record.merge_id,
        victim_id=record.sender_id,
        transactions=record.transactions,
        purchases_minor=min(record.purchases_minor, TOTAL_MAX - section.purchases_minor),
        returned_minor=min(record.returned_minor, TOTAL_MAX - section.returned_minor),
        section=MergedSection(
            milestones=tuple(_joined(section, one) for one in other.milestones if one.milestone_id not in kept),
            members=tuple(_member(section, one) for one in other.members if one.milestone_id not in kept),
            streaks=tuple(
                _with_new_levels(section.streaks[one.streak_id], one)
                for one in other.streaks
                if one.streak_id in section.streaks
            ),
            unified=other.unified,
            trackers=other.trackers,
            windows=tuple(_windows(section, other)),
            rewards=tuple(_rewards(section, other, kept)),
        ),
    )


def _with_new_levels(known: StreakRuns, one: MergedStreak) -> MergedStreak:
    """The levels that the survivor has not reached, or less often."""
    levels = Counter(one.levels) - Counter(known.levels)
    return MergedStreak(streak_id=one.streak_id, places=one.places, levels=tuple(sorted(levels.elements())))


def _joined(section: Section, one: MergedMilestone) -> MergedMilestone:
    own = section.milestones.get(one.milestone_id, {}).get(one.period, Progress(ends_at=one.ends_at))
    tally = section.tallies.get(one.milestone_id, {}).get(one.period, _NOTHING)
    keys = _sum(_counts(tally.keys), one.keys)
    return MergedMilestone(
        milestone_id=one.milestone_id,
        period=one.period,
        ends_at=own.ends_at,
        value=min(own.value + one.value - len(tally.keys) - len(one.keys) + len(keys), TOTAL_MAX),
        achieved=own.achieved or one.achieved,
        keys=keys,
        uses=_sum(_counts(tally.uses), one.uses),
        uses_until=max(tally.uses_until, one.uses_until),
    )


def _rewards(section: Section, other: MergedSection, kept: Collection[str]) -> Iterator[MergedReward]:
    """Those of what the survivor takes over; windows of the victim are numbered after the survivor's own."""
    met = {one.milestone_id: section.windows.get(one.milestone_id, 0) for one in other.windows}
    for one in other.rewards:
        kind, subject, number = one.key.split("/", 2)
        if (kind == "milestone" and subject in kept) or (kind == "streak" and subject not in section.streaks):
            continue
        moves = kind != "streak" and subject in met
        key = f"{kind}/{subject}/{met[subject] + int(number)}" if moves else one.key
        known = section.rewards.get(key)
        yield structs.replace(one, key=key, taken=one.taken if known is None else min(one.taken, known.taken))


def _windows(section: Section, other: MergedSection) -> Iterator[MergedWindows]:
    """How many more are met, and those of which both have met one that ends with the same day."""
    for one in other.windows:
        days = section.milestones.get(one.milestone_id, {})
        own = {day for day, progress in days.items() if progress.achieved} | {
            *section.unified.get(one.milestone_id, {})
        }
        others = [met.period for met in other.milestones if met.milestone_id == one.milestone_id and met.achieved]
        others += [met.period for met in other.unified if met.unified_id == one.milestone_id]
        yield structs.replace(one, twice=(*one.twice, *(day for day in others if day in own)))


def _member(section: Section, one: MergedMember) -> MergedMember:
    """The survivor's enrolment and target stay; cycles that gave something give it no second time.

    Of rolling windows, the victim's are numbered after the survivor's own.
    """
    own = section.members.get(one.milestone_id, Member())
    before = section.windows.get(one.milestone_id, 0)
    given = _counts({**{before + cycle: ends_at for cycle, ends_at in _dict(one.given).items()}, **own.given})
    if own.enrolled_at is None:
        return structs.replace(one, given=given)
    enrolled_at = own.enrolled_at if one.enrolled_at is None else min(own.enrolled_at, one.enrolled_at)
    return structs.replace(one, enrolled_at=enrolled_at, anchor=own.anchor, given=given)


def _sum(one: Iterable[MergedCount], other: Iterable[MergedCount]) -> tuple[MergedCount, ...]:
    total = Counter(_dict(one))
    total.update(_dict(other))
    return _counts(total)


def _counts(counts: dict[int, int]) -> tuple[MergedCount, ...]:
    return tuple(MergedCount(key=key, times=times) for key, times in sorted(counts.items()))


def _dict(counts: Iterable[MergedCount]) -> dict[int, int]:
    return {one.key: one.times for one in counts}


def _section(state: CustomerState, envelope: Envelope) -> Section:
    return state.head.sections[envelope.program_id]


def emptied(*parts: str) -> Callable[[CustomerState, Envelope, Any], None]:
    """The effect on parts of a section of which nothing is left after they were handed over."""
    fresh = Section(version=0)

    def effect(state: CustomerState, envelope: Envelope, decision: SectionHandedOver) -> None:  # noqa: ARG001
        for part in parts:
            value = getattr(fresh, part)
            setattr(_section(state, envelope), part, {} if isinstance(value, dict) else value)

    return effect


def note_purchases(state: CustomerState, envelope: Envelope, decision: SectionTakenOver) -> None:
    """Purchases count."""
    section = _section(state, envelope)
    section.transactions += decision.transactions
    section.purchases_minor += decision.purchases_minor
    section.returned_minor += decision.returned_minor


def note_milestones(state: CustomerState, envelope: Envelope, decision: SectionTakenOver) -> None:
    """Periods have the values that both come to."""
    section = _section(state, envelope)
    for one in decision.section.milestones:
        progress = Progress(ends_at=one.ends_at, value=one.value, achieved=one.achieved)
        section.milestones.setdefault(one.milestone_id, {})[one.period] = progress
        if one.keys or one.uses:
            tally = Tally(keys=_dict(one.keys), uses=_dict(one.uses), uses_until=one.uses_until)
            section.tallies.setdefault(one.milestone_id, {})[one.period] = tally
    for windows in decision.section.windows:
        section.windows[windows.milestone_id] = section.windows.get(windows.milestone_id, 0) + windows.met
        if windows.twice:
            section.met_twice.setdefault(windows.milestone_id, []).extend(windows.twice)


def note_members(state: CustomerState, envelope: Envelope, decision: SectionTakenOver) -> None:
    """The customer is in what either was in."""
    members = _section(state, envelope).members
    for one in decision.section.members:
        member = members.setdefault(one.milestone_id, Member())
        member.given = _dict(one.given)
        if one.enrolled_at is not None:
            member.enrolled_at = one.enrolled_at
            member.left = False
            member.anchor = one.anchor


def note_rewards(state: CustomerState, envelope: Envelope, decision: SectionTakenOver) -> None:
    """What the victim was given is known without its points."""
    rewards = _section(state, envelope).rewards
    for one in decision.section.rewards:
        reward = rewards.setdefault(one.key, Reward(rule_id=one.rule_id, at=one.at, until=one.until))
        reward.taken = one.taken


def note_levels(state: CustomerState, envelope: Envelope, decision: SectionTakenOver) -> None:
    """Levels that were reached are reached; periods are told one by one."""
    streaks = _section(state, envelope).streaks
    for one in decision.section.streaks:
        streaks[one.streak_id].levels += one.levels


def note_unified(state: CustomerState, envelope: Envelope, decision: SectionTakenOver) -> None:
    """What either has achieved is achieved."""
    unified = _section(state, envelope).unified
    for one in decision.section.unified:
        unified.setdefault(one.unified_id, {})[one.period] = one.ends_at


def note_trackers(state: CustomerState, envelope: Envelope, decision: SectionTakenOver) -> None:
    """Days add up."""
    trackers = _section(state, envelope).trackers
    for one in decision.section.trackers:
        tracked = trackers.setdefault(one.tracker_id, Tracked(first_day=one.first_day))
        tracked.first_day = min(tracked.first_day, one.first_day)
        for day in one.days:
            tracked.days[day.key] = tracked.days.get(day.key, 0) + day.times
        for visit in one.visits:
            stores = tracked.stores.setdefault(visit.day, {})
            stores[visit.store] = stores.get(visit.store, 0) + visit.bills
