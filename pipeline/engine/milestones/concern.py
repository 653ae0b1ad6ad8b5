"""Milestones: targets met once in each cycle. Counting goes on after a target is met.

RULE (achievement): a milestone not achieved yet is achieved when `value >= target`, once per customer, milestone and
period: with a record that counts, and in the running period when a version is adopted. A late record counts in the
period of its event time; one that was held for long counts in no period that is final by then, as that may be
forgotten. A retired milestone keeps its periods until no record of them would be accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import structs

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.bills.entries import bill_of
from pipeline.engine.bills.state import Bill
from pipeline.engine.bills.updates import corrected_in
from pipeline.engine.calendar import NEVER
from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.correction import at_the_sale
from pipeline.engine.ledger.issue import Activity, Candidate
from pipeline.engine.merging import sections
from pipeline.engine.milestones.measures import text_of, worth
from pipeline.engine.milestones.members import (
    anchor_of,
    counts_for,
    enrol_by,
    goal_of,
    is_in,
    is_placed,
    member_of,
    periods_of,
    told_start,
)
from pipeline.engine.milestones.rolling import (
    Change,
    Days,
    days_in,
    days_with,
    met_so_far,
    replaced,
    risen,
    things_on,
    things_with,
)
from pipeline.engine.milestones.state import Member, Progress, Tally
from pipeline.engine.milestones.tallies import Again, gained, measured, measured_again, tally
from pipeline.engine.programs import DAY_MS, Program, Target
from pipeline.engine.rewards.concern import Achieved, give, reward_of
from pipeline.engine.rewards.keys import milestone_key
from pipeline.engine.state import CustomerState
from schemas.facts import (
    BillUpdated,
    Decision,
    Envelope,
    IgnoredFor,
    IssuedFor,
    MilestoneAchieved,
    MilestoneCounted,
    MilestoneLowered,
    MilestoneMeasured,
    MilestoneProgressed,
    MilestoneRecorded,
    MilestoneTallied,
    MilestoneUnachieved,
    ProgramAdopted,
    ProgressGiven,
    SectionHandedOver,
    SectionTakenOver,
    ValueIgnored,
    WindowMoved,
)
from schemas.records import (
    CustomEventReceived,
    EnrolTarget,
    SetTarget,
    TakeOverSection,
    TransactionAdded,
    TransactionUpdated,
)

_SHOWN_MAX: Final = 64
"""How much of a value that can't be used is kept."""
_REWARD: Final = IssuedFor.MILESTONE
"""Bound once: looking up a member of an enum costs as much as building a decision."""


Countable = TransactionAdded | CustomEventReceived


def targets_of(
    record: TransactionAdded | TransactionUpdated | CustomEventReceived, program: Program
) -> tuple[Target, ...]:
    """The milestones that a record counts towards, whatever the day."""
    if isinstance(record, CustomEventReceived):
        return program.event_targets.get(record.event_name, ())
    return program.transaction_targets


def uses_targets(program: Program) -> bool:
    """Whether the program has milestones."""
    return bool(program.transaction_targets or program.event_targets)


def _progress(turn: ProgramTurn, record: Countable) -> list[Decision]:
    """How far the record brings each milestone, which of them it achieves, and their rewards."""
    decisions: list[Decision] = []
    achieved: list[Achieved] = []
    for target in targets_of(record, turn.program):
        if not (target.span is None or target.span.holds(turn.day)):
            continue
        added = worth(target.measure, record, turn.made)
        if added is None:
            continue
        if isinstance(added, IgnoredFor):
            decisions.append(_ignored(target, record, added))
        else:
            decisions += _count(turn, target, record, added, achieved)
    return decisions + give(turn, achieved) if achieved else decisions


def _count(
    turn: ProgramTurn, target: Target, record: Countable, added: int, achieved: list[Achieved]
) -> list[Decision]:
    """What the record counts towards one milestone; its reward joins those of the others."""
    measure, milestone_id = target.measure, target.milestone_id
    counts = counts_for(turn, target) if target.enrolment is not None else True
    period, _, ends_at, _ = periods_of(turn, target).around(turn.day)
    if counts is False or not is_placed(turn, target):
        return []
    if turn.at < turn.head.horizon and ends_at <= turn.head.horizon:
        return []
    tallied = tally(turn, target, record, period) if measure.tallied else None
    decisions: list[Decision] = []
    if tallied is not None:
        added = added if measure.keys is None else gained(turn, tallied)
        decisions.append(tallied)
    elif measure.tallied:
        return []
    known = turn.section.milestones.get(milestone_id)
    so_far = None if known is None else known.get(period)
    value = added if so_far is None else so_far.value + added
    if value > TOTAL_MAX - (_of_other_days(turn, target, period) if target.window else 0):
        return [_ignored(target, record, IgnoredFor.TOO_LARGE)] if measure.attribute else []
    kept = _kept(turn, record, target, tallied, period, added) if isinstance(record, TransactionAdded) else []
    progress = Progress(ends_at=ends_at, value=value, achieved=so_far is not None and so_far.achieved)
    if counts is None:
        return [*decisions, recorded(turn, target, period, progress, added), *kept]
    if target.tells_cycles != "none":
        decisions += told_start(turn, target, turn.day)
    after = _days_after(turn, target, period, value, tallied)
    if added or measure.keys is None:
        decisions.append(_grown(turn, target, period, progress, added, after))
    decisions += kept
    keeps = turn.program.milestones_fall and isinstance(record, TransactionAdded)
    return decisions + _achieve(turn, target, period, progress, added, achieved, after, keeps=keeps)


def _of_other_days(turn: ProgramTurn, target: Target, day: int) -> int:
    """What is kept of a rolling window beside one day."""
    return sum(value for on, value in days_in(turn, target).values.items() if on != day)


def _days_after(
    turn: ProgramTurn, target: Target, day: int, value: int, tallied: MilestoneTallied | None = None
) -> Days | None:
    """The days of a rolling window, with so much on one of them; None where there are cycles."""
    if not target.window:
        return None
    return days_with(turn, target, day, value, things_with(turn, target, day, tallied))


def _grown(
    turn: ProgramTurn, target: Target, period: int, progress: Progress, added: int, after: Days | None
) -> MilestoneProgressed | MilestoneRecorded:
    """What counts now; where a rolling window had these things already, what its last day has."""
    if after is None or target.measure.keys is None:
        return _progressed(turn, target, period, progress, added, after)
    gain = after.value(period) - days_in(turn, target).value(period)
    if not gain:
        return recorded(turn, target, period, progress, added)
    return _progressed(turn, target, period, progress, gain, after)


def _progressed(
    turn: ProgramTurn, target: Target, period: int, progress: Progress, added: int, after: Days | None
) -> MilestoneProgressed:
    value, of_day = progress.value, None
    if after is not None:
        value, of_day = after.value(period), progress.value
    return MilestoneProgressed(
        milestone_id=target.milestone_id,
        period=period,
        period_ends_at=progress.ends_at,
        added=added,
        value=value,
        target=goal_of(turn, target),
        of_day=of_day,
    )


def recorded(turn: ProgramTurn, target: Target, period: int, progress: Progress, added: int) -> MilestoneRecorded:
    """What is told to nobody, as it changes no value."""
    begins = target.own is not None and not member_of(turn, target).has_cycles
    return MilestoneRecorded(
        milestone_id=target.milestone_id,
        period=period,
        period_ends_at=progress.ends_at,
        added=added,
        value=progress.value,
        anchor=anchor_of(turn, target) if begins else None,
    )


def _achieve(
    turn: ProgramTurn,
    target: Target,
    period: int,
    progress: Progress,
    added: int,
    achieved: list[Achieved],
    after: Days | None = None,
    *,
    keeps: bool = True,
) -> list[Decision]:
    """That the target is met, if it is now; its reward joins those of the others, one of nothing if returns undo it."""
    if after is not None:
        if added < 0:
            return []
        return _meet_window(turn, target, after, risen(turn, target, after, period), added, achieved, keeps=keeps)
    goal = goal_of(turn, target)
    if progress.achieved or progress.value < goal:
        return []
    if target.reward or keeps:
        achieved.append(_reward(turn, target, period, progress.ends_at))
    return [
        MilestoneAchieved(
            milestone_id=target.milestone_id, period=period, value=progress.value, target=goal, added=added
        )
    ]


def _meet_window(
    turn: ProgramTurn,
    target: Target,
    days: Days,
    change: Change,
    added: int,
    achieved: list[Achieved],
    *,
    keeps: bool = True,
) -> list[Decision]:
    """The same of a rolling window: the windows that are met, one more or moved."""
    if change.met is None:
        return moved_windows(target, change)
    number = met_so_far(turn, target.milestone_id) + 1
    if target.reward or keeps:
        achieved.append(_reward(turn, target, number, target.periods.around(change.now[-1]).ends_at))
    met = MilestoneAchieved(
        milestone_id=target.milestone_id,
        period=change.met,
        value=days.value(change.met),
        target=goal_of(turn, target),
        added=added,
        number=number,
    )
    return [*moved_windows(target, change), met]


def moved_windows(target: Target, change: Change) -> list[Decision]:
    """The windows that are met on another day now."""
    return [
        WindowMoved(milestone_id=target.milestone_id, period=last, to=to, still=last in change.now)
        for last, to in change.moved
    ]


def _correct(turn: ProgramTurn, record: TransactionUpdated) -> list[Decision]:
    """How far an updated bill moves each milestone that it counted towards, which that achieves, and their rewards.

    RULE (correction): a bill that an update cancels counts as none; of a period that is final only that counts again
    which was taken off. Where returns lower milestones, what falls is undone as after a return (`engine.returns`);
    where they don't, the value falls and what was achieved stays so.
    """
    bill = bill_of(turn.state, record.bill_number)
    if not corrected_in(turn, bill):
        return []
    updated = next(one for one in turn.decided if isinstance(one, BillUpdated))
    sale, targets = counted_in(turn, bill)
    falls = turn.program.milestones_fall
    kept = falls and turn.timeline.version_of(turn.program.id, bill.parts[turn.program.id].version).milestones_fall
    decisions: list[Decision] = []
    rewards: list[Achieved] = []
    for target in targets:
        if not target.measure.plain:
            again = measured_again(sale, target, record, bill)
            if target.window and target.measure.keys is not None:
                decisions += _moved_things(sale, target, again, rewards)
            elif not (falls and again.added < 0):
                decisions += [*again.decisions, *_moved(sale, target, again.added, rewards)]
            continue
        period = periods_of(sale, target).around(sale.day)
        final = period.ends_at <= turn.head.horizon
        added = _rises(sale, bill, target, final=final) if kept else 0 if final else _change(updated, target)
        moved = _moved(sale, target, added, rewards)
        decisions += moved
        if kept and moved:
            decisions.append(_counted(turn.program, record.bill_number, target, period.number, added))
    return decisions + give(sale, rewards) if rewards else decisions


def counted_in(turn: ProgramTurn, bill: Bill) -> tuple[ProgramTurn, list[Target]]:
    """The day of the sale in this version, and the milestones that counted the bill and count by this version, too."""
    sale = at_the_sale(turn, bill)
    counted = {target.milestone_id for target in sale.program.transaction_targets}
    now = structs.replace(sale, program=turn.program)
    return now, [
        target
        for target in turn.program.transaction_targets
        if target.milestone_id in counted and (target.span is None or target.span.holds(sale.day))
        if counts_for(now, target) is not False and is_placed(now, target)
    ]


def _change(updated: BillUpdated, target: Target) -> int:
    """By how much the bill counts for more, or below zero for less."""
    if target.measure.sums:
        return updated.amount_minor - updated.previous_minor
    return updated.was_cancelled - updated.cancelled


def _rises(turn: ProgramTurn, bill: Bill, target: Target, *, final: bool) -> int:
    """By how much more the bill counts for than is in the value; in a final period, of what was taken off."""
    part = bill.parts[turn.program.id]
    known = next((one for one in part.milestones if one.milestone_id == target.milestone_id), None)
    if known is None:  # the value was too large for it
        return 0
    added = bill.counts_for(part, sums=known.sums) - known.counted
    return max(0, min(added, known.removed) if final else added)


def _moved(turn: ProgramTurn, target: Target, added: int, rewards: list[Achieved]) -> list[Decision]:
    period, _, ends_at, _ = periods_of(turn, target).around(turn.day)
    so_far = turn.section.milestones.get(target.milestone_id, {}).get(period)
    value = (0 if so_far is None else so_far.value) + added
    if not added or not 0 <= value <= TOTAL_MAX:
        return []
    progress = Progress(ends_at=ends_at, value=value, achieved=so_far is not None and so_far.achieved)
    if counts_for(turn, target) is None:
        return [recorded(turn, target, period, progress, added)]
    after = _days_after(turn, target, period, value)
    progressed = _progressed(turn, target, period, progress, added, after)
    return [progressed, *_achieve(turn, target, period, progress, added, rewards, after)]


class Replaced(NamedTuple):
    """What an update of a bill does to a day of a rolling window of different things."""

    day: int
    progress: Progress
    """Of the day."""
    days: Days
    change: Change
    added: int
    """To the value of the window that ends with the day."""
    falls: bool
    """Whether a return would have done so: the value falls and no window more is met, or one fewer is."""


def replaced_on(turn: ProgramTurn, target: Target, again: Again) -> Replaced | None:
    """The same; None where the day has the things that it had. `turn` is that of the sale."""
    day, _, ends_at, _ = target.periods.around(turn.day)
    if not again.decisions or {*things_on(turn, target, day)} == {*again.things}:
        return None
    so_far = turn.section.milestones.get(target.milestone_id, {}).get(day) or Progress(ends_at=ends_at)
    progress = structs.replace(so_far, value=so_far.value + again.added)
    days = days_with(turn, target, day, progress.value, again.things)
    change = replaced(turn, target, days, day)
    added = days.value(day) - days_in(turn, target).value(day)
    falls = turn.program.milestones_fall and (change.lost is not None or (added < 0 and change.met is None))
    return Replaced(day=day, progress=progress, days=days, change=change, added=added, falls=falls)


def _moved_things(turn: ProgramTurn, target: Target, again: Again, rewards: list[Achieved]) -> list[Decision]:
    """Nothing where it falls, which is undone as after a return."""
    new = replaced_on(turn, target, again)
    if new is None:
        return again.decisions
    if new.falls:
        return []
    if counts_for(turn, target) is None:
        return [*again.decisions, recorded(turn, target, new.day, new.progress, again.added)]
    progressed = _grown(turn, target, new.day, new.progress, again.added, new.days)
    if new.change.lost is not None:
        return [*again.decisions, progressed]
    return [*again.decisions, progressed, *_meet_window(turn, target, new.days, new.change, new.added, rewards)]


def _look_again(turn: ProgramTurn, record: None) -> list[Decision]:  # noqa: ARG001 - a stage
    """The milestones whose running period has what this version asks for, and their rewards."""
    return _met(turn, turn.program.targets)


def _met_by_request(turn: ProgramTurn, record: EnrolTarget | SetTarget) -> list[Decision]:
    """The milestone that a command is about, if its running period has what it asks for now."""
    return _met(turn, [one for one in turn.program.targets if one.milestone_id == record.milestone])


def _met_by_merge(turn: ProgramTurn, record: TakeOverSection) -> list[Decision]:
    """The periods that have what milestones ask for, as those of both customers add up; one more rolling window."""
    targets = {target.milestone_id: target for target in turn.program.targets}
    decisions: list[Decision] = []
    achieved: list[Achieved] = []
    for one in sorted(record.section.milestones, key=lambda one: one.period):
        target = targets.get(one.milestone_id)
        so_far = turn.section.milestones.get(one.milestone_id, {}).get(one.period)
        if target is not None and so_far is not None and is_in(turn, target):
            after = days_in(turn, target) if target.window else None
            decisions += _achieve(turn, target, one.period, so_far, 0, achieved, after)
            if target.window:
                del targets[one.milestone_id]  # all its windows were looked at from the first day on
    return decisions + give(turn, achieved) if achieved else decisions


def _met(turn: ProgramTurn, targets: Iterable[Target]) -> list[Decision]:
    decisions: list[Decision] = []
    achieved: list[Achieved] = []
    for target in targets:
        if not (target.span is None or target.span.holds(turn.day)) or not is_in(turn, target):
            continue
        period, days = periods_of(turn, target).around(turn.day).number, None
        if target.window:
            days = days_in(turn, target)
            period = max((day for day, value in days.values.items() if value and day <= turn.day), default=period)
            if days.value(turn.day) < goal_of(turn, target):
                continue
        so_far = turn.section.milestones.get(target.milestone_id, {}).get(period)
        if so_far is not None:
            decisions += _achieve(turn, target, period, so_far, 0, achieved, days)
    return decisions + give(turn, achieved) if achieved else decisions


def _pass_on(turn: ProgramTurn, record: object) -> list[Decision]:  # noqa: ARG001 - a stage
    """What the milestones that were met add to others, which may be met thereby.

    RULE (added progress): once per milestone and cycle, to the running cycle of the other one; what was added stays. Of
    rolling windows: once for each that is met, to what counts today.
    """
    met = [one for one in turn.made if isinstance(one, MilestoneAchieved)]
    targets = {target.milestone_id: target for target in turn.program.targets}
    moved: dict[str, Progress] = {}
    windows: dict[str, Sequence[int]] = {}
    decisions: list[Decision] = []
    achieved: list[Achieved] = []
    for one in met:  # grows by those that are met thereby
        giver = targets[one.milestone_id]
        if giver.adds is None or (one.number or one.period) in member_of(turn, giver).given:
            continue
        target = targets[giver.adds.milestone]
        if not (target.span is None or target.span.holds(turn.day)):
            continue
        if not (is_in(turn, target) and is_placed(turn, target)):
            continue
        added = giver.adds.value * target.unit
        number, _, ends_at, _ = periods_of(turn, target).around(turn.day)
        known = turn.section.milestones.get(target.milestone_id, {}).get(number)
        so_far = moved.get(target.milestone_id) or known or Progress(ends_at=ends_at)
        progress = Progress(ends_at=ends_at, value=min(so_far.value + added, TOTAL_MAX), achieved=so_far.achieved)
        decisions.append(
            ProgressGiven(
                milestone_id=one.milestone_id,
                period=one.period,
                ends_at=_given_until(turn, giver, one),
                to=target.milestone_id,
                added=added,
                number=one.number,
            )
        )
        after = _days_after(turn, target, number, progress.value)
        decisions.append(_progressed(turn, target, number, progress, progress.value - so_far.value, after))
        if after is not None:
            after = after._replace(met=windows.get(target.milestone_id, after.met))
            windows[target.milestone_id] = risen(turn, target, after, number).now
        reached = _achieve(turn, target, number, progress, added, achieved, after)
        news = [one for one in reached if isinstance(one, MilestoneAchieved)]
        progress.achieved = progress.achieved or bool(news)
        met += news
        moved[target.milestone_id] = progress
        decisions += reached
    return decisions + give(turn, achieved) if achieved else decisions


def _given_until(turn: ProgramTurn, giver: Target, met: MilestoneAchieved) -> int:
    """When nothing lets the giver be met anew in that cycle, or in that place among the windows."""
    periods = turn.section.milestones.get(giver.milestone_id, {})
    own = periods[met.period] if met.period in periods else Progress(periods_of(turn, giver).around(turn.day).ends_at)
    return max(one.ends_at for one in (own, *periods.values())) if met.number else own.ends_at


def _note_given(state: CustomerState, envelope: Envelope, decision: ProgressGiven) -> None:
    """The cycle gives nothing more; cycles in which nothing can be met any more leave."""
    section = state.head.sections[envelope.program_id]
    member = section.members.setdefault(decision.milestone_id, Member())
    horizon = state.head.horizon - section.milestones_kept_ms
    kept = {period: ends_at for period, ends_at in member.given.items() if ends_at > horizon}
    member.given = {**kept, decision.number or decision.period: decision.ends_at}


def _adds(program: Program) -> bool:
    return any(target.adds is not None for target in program.targets)


def _reward(turn: ProgramTurn, target: Target, period: int, ends_at: int) -> Achieved:
    key = milestone_key(target.milestone_id, period)
    points = reward_of(turn.section, key, target.reward)
    award = Candidate(
        issued_for=_REWARD, rule_id=target.milestone_id, points=points, currency=target.currency, terms=target.terms
    )
    activity = Activity(key=key, candidates=(award,), reference=key) if points else None
    return Achieved(key=key, rule_id=target.milestone_id, award=activity, ends_at=None if ends_at == NEVER else ends_at)


def _enrol(turn: ProgramTurn, record: Countable) -> list[Decision]:
    """The customer is in the milestones that a record which counts enrols into."""
    return [
        decision
        for target in targets_of(record, turn.program)
        if target.enrolment is not None and (target.span is None or target.span.holds(turn.day))
        if not isinstance(worth(target.measure, record, turn.made), IgnoredFor | None)
        for decision in enrol_by(turn, target)
    ]


def _kept(
    turn: ProgramTurn,
    record: TransactionAdded,
    target: Target,
    tallied: MilestoneTallied | None,
    period: int,
    added: int,
) -> list[Decision]:
    """What the bill has to know, so that its return can lower the value."""
    program = turn.program
    if not target.measure.plain:
        return [] if program.return_days is None else [measured(program, record, target, tallied, period, added)]
    if not program.milestones_fall:
        return []
    return [_counted(program, record.bill_number, target, period, added)]


def _counted(program: Program, bill_number: str, target: Target, period: int, added: int) -> MilestoneCounted:
    return MilestoneCounted(
        bill_number=bill_number,
        milestone_id=target.milestone_id,
        period=period,
        added=added,
        return_days=program.return_days or 0,
        sums=target.measure.sums,
    )


def _ignored(target: Target, record: Countable, reason: IgnoredFor) -> ValueIgnored:
    attribute = target.measure.attribute
    text = text_of(record.attributes.get(attribute)) if isinstance(record, CustomEventReceived) else ""
    return ValueIgnored(milestone_id=target.milestone_id, attribute=attribute, value=text[:_SHOWN_MAX], reason=reason)


def _note_progress(state: CustomerState, envelope: Envelope, decision: MilestoneProgressed | MilestoneRecorded) -> None:
    """The period has this value; periods of which no record would be accepted any more leave."""
    milestones = state.head.sections[envelope.program_id].milestones
    periods = milestones.get(decision.milestone_id)
    if periods is None:
        periods = milestones[decision.milestone_id] = {}
    known = periods.get(decision.period)
    value = decision.value
    if isinstance(decision, MilestoneProgressed) and decision.of_day is not None:
        value = decision.of_day
    if known is not None:
        known.value = value
        return
    section = state.head.sections[envelope.program_id]
    horizon = state.head.horizon - section.milestones_kept_ms
    tallies = section.tallies.get(decision.milestone_id, {})
    for period in [number for number, progress in periods.items() if _is_over(progress, tallies.get(number), horizon)]:
        del periods[period]
        tallies.pop(period, None)
    periods[decision.period] = Progress(ends_at=decision.period_ends_at, value=value)


def _is_over(progress: Progress, tallied: Tally | None, horizon: int) -> bool:
    """Whether no record can count in a period any more, nor find less room below a limit for what counted in it."""
    return progress.ends_at <= horizon and (tallied is None or tallied.uses_until <= horizon)


def _note_achieved(state: CustomerState, envelope: Envelope, decision: MilestoneAchieved) -> None:
    """The period's target is met, for good."""
    section = state.head.sections[envelope.program_id]
    section.milestones[decision.milestone_id][decision.period].achieved = True
    if decision.number:
        section.windows[decision.milestone_id] = decision.number


def _note_window(state: CustomerState, envelope: Envelope, decision: WindowMoved) -> None:
    """Another window is the one that is met."""
    section = state.head.sections[envelope.program_id]
    days = section.milestones[decision.milestone_id]
    if decision.still:
        section.met_twice[decision.milestone_id].remove(decision.period)
    else:
        days[decision.period].achieved = False
    days[decision.to].achieved = True


def _note_tallied(state: CustomerState, envelope: Envelope, decision: MilestoneTallied) -> None:
    """So many have each thing, and so much of the limit is used up; what nothing has any more leaves."""
    tallies = state.head.sections[envelope.program_id].tallies.setdefault(decision.milestone_id, {})
    tallied = tallies.setdefault(decision.period, Tally())
    uses = () if decision.limit_period is None else (decision.limit_period,)
    for counts, keys in ((tallied.keys, decision.keys), (tallied.uses, uses)):
        for key in keys:
            counts[key] = counts.get(key, 0) + decision.times
            if not counts[key]:
                del counts[key]
    if decision.limit_ends_at is not None:
        tallied.uses_until = max(tallied.uses_until, decision.limit_ends_at)


def _note_counted(state: CustomerState, envelope: Envelope, decision: MilestoneCounted | MilestoneMeasured) -> None:
    """Values are kept for as long as a return can lower them."""
    section = state.head.sections[envelope.program_id]
    section.milestones_kept_ms = max(section.milestones_kept_ms, decision.return_days * DAY_MS)


def _note_lowered(state: CustomerState, envelope: Envelope, decision: MilestoneLowered) -> None:
    """The period has this value."""
    milestones = state.head.sections[envelope.program_id].milestones
    value = decision.value if decision.of_day is None else decision.of_day
    milestones[decision.milestone_id][decision.period].value = value


def _note_unachieved(state: CustomerState, envelope: Envelope, decision: MilestoneUnachieved) -> None:
    """The target can be met again."""
    section = state.head.sections[envelope.program_id]
    if decision.still:
        section.met_twice[decision.milestone_id].remove(decision.period)
    else:
        section.milestones[decision.milestone_id][decision.period].achieved = False
    if decision.number:
        section.windows[decision.milestone_id] = decision.number - 1


def _nothing(_state: CustomerState, _envelope: Envelope, _decision: ValueIgnored) -> None:
    """What can't be used changes nothing."""


def _note_adopted(state: CustomerState, envelope: Envelope, decision: ProgramAdopted) -> None:
    """What stays is the program's, also of milestones that are retired, and a record of it would still be accepted."""
    section = state.head.sections[envelope.program_id]
    horizon = state.head.horizon - section.milestones_kept_ms
    kept = {
        milestone_id: {
            number: progress
            for number, progress in periods.items()
            if not _is_over(progress, section.tallies.get(milestone_id, {}).get(number), horizon)
        }
        for milestone_id, periods in section.milestones.items()
        if milestone_id in decision.milestones
    }
    section.milestones = {milestone_id: periods for milestone_id, periods in kept.items() if periods}
    windows = {*decision.milestones, *section.unified}
    section.windows = {key: met for key, met in section.windows.items() if key in windows}
    section.met_twice = {key: days for key, days in section.met_twice.items() if key in windows}
    tallies = {
        milestone_id: {number: tally for number, tally in periods.items() if number in kept.get(milestone_id, {})}
        for milestone_id, periods in section.tallies.items()
    }
    section.tallies = {milestone_id: periods for milestone_id, periods in tallies.items() if periods}


def _enrols(program: Program) -> bool:
    return bool(program.enrolling)


ENROL: Final = ProgramStage(_enrol, used=_enrols)
MET_BY_MERGE: Final = ProgramStage(_met_by_merge, used=uses_targets)
MET_BY_REQUEST: Final = ProgramStage(_met_by_request, used=uses_targets)
PASS_ON: Final = ProgramStage(_pass_on, used=_adds)
PROGRESS: Final = ProgramStage(_progress, used=uses_targets)
CORRECT: Final = ProgramStage(_correct, used=uses_targets)
LOOK_AGAIN: Final = ProgramStage(_look_again, used=uses_targets)
CONCERN: Final = Concern(
    name="milestones",
    effects={
        SectionHandedOver: sections.emptied("milestones", "tallies", "milestones_kept_ms", "windows", "met_twice"),
        SectionTakenOver: sections.note_milestones,
        MilestoneProgressed: _note_progress,
        MilestoneRecorded: _note_progress,
        MilestoneAchieved: _note_achieved,
        ProgressGiven: _note_given,
        MilestoneCounted: _note_counted,
        MilestoneMeasured: _note_counted,
        MilestoneTallied: _note_tallied,
        MilestoneLowered: _note_lowered,
        MilestoneUnachieved: _note_unachieved,
        WindowMoved: _note_window,
        ValueIgnored: _nothing,
        ProgramAdopted: _note_adopted,
    },
)
