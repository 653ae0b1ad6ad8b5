"""What a customer achieves: goals met in their cycles, streaks of them, and the rewards for both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from tests.model.bills import Bill
from tests.model.cycles import begun_by, cycle_end, cycle_from, cycle_on
from tests.model.dates import DAY_MS, day_of, period_of
from tests.model.holder import Holder
from tests.model.marks import Mark, Part, event_counts
from tests.model.purse import NEVER, Lot
from tests.model.rows import Row
from tests.model.words import Condition, Cycle, Does, Freezes, Goal, Program, Streak

REPEAT_DAYS = 35
"""How long after its end a period is final."""
Key = tuple[str, int]
"""A goal and one of its cycles."""


@dataclass
class Reward:
    """What a goal met, or a level reached, gave."""

    lots: list[list[Lot | int]] = field(default_factory=list)
    """Each lot, with what is left of the reward in it."""
    taken: int = 0


@dataclass
class Achiever(Holder):
    """A customer's goals and streaks in one program."""

    marks: list[Mark] = field(default_factory=list)
    """All that ever counted for goals."""
    parts: dict[str, Part] = field(default_factory=dict)
    """By goal."""
    met: set[Key] = field(default_factory=set)
    rows: dict[str, Row] = field(default_factory=dict)
    """By streak, from when the customer takes part."""
    together: set[Key] = field(default_factory=set)
    """Of unified targets and periods, those that are achieved."""
    moved: set[Key] = field(default_factory=set)
    """Goals and cycles that something happened to since the last look at unified targets."""
    fell: set[Key] = field(default_factory=set)
    """Those whose values fell."""
    fresh: list[Key] = field(default_factory=list)
    """Those that are met and have not added to other goals yet."""
    rewards: dict[str, Reward] = field(default_factory=dict)
    achieved: list[str] = field(default_factory=list)
    """What rewards are known by that became due since the last look at the tier."""
    lost: list[str] = field(default_factory=list)
    registered: int = NEVER
    """The instant of the first thing that is known of the customer."""
    seen: bool = False
    """Whether anything is known of the customer that is about the program."""

    def does(self, deed: Does) -> None:
        """An event: what waits for it becomes current, rules pay, goals count."""
        at, reference = deed.at, deed.reference or deed.name
        for lot in self._promised(reference):
            promise = lot.promise
            if promise is not None and promise.until == "trigger" and promise.event == deed.event:
                self._becomes_current(lot, at)
        awards = [
            (gift.id, gift.points, None, gift.promise, True)
            for gift in self.program.gifts
            if gift.event == deed.event and (not gift.tiers or self.ranked.tier in gift.tiers)
        ]
        self._issue(awards, at, at, reference)
        earned = sum(points for _, points, *_ in awards)
        attributes = dict(deed.attributes)
        goals = [goal for goal in self.program.goals if goal.counts == deed.event]
        self._counts(goals, at, lambda goal, mark: event_counts(goal, mark, attributes, earned))

    def bill_counts(self, bill: Bill) -> None:
        """A bill counts for goals."""

        def counts(goal: Goal, mark: Mark) -> bool:
            mark.said = bill.said_for(goal)
            mark.becomes(bill.counts_for(goal), bill.things_for(goal, mark.day))
            return bill.fits(goal) and (bool(mark.worth or mark.things) or bill.is_plain_for(goal))

        goals = [goal for goal in self.program.goals if goal.of_bills]
        bill.marks = {mark.goal: mark for mark in self._counts(goals, bill.paid, counts)}

    def _counts(self, goals: list[Goal], at: int, counts: Callable[[Goal, Mark], bool]) -> list[Mark]:
        """What happens counts for some goals, and what that meets; what it counts for each."""
        day, marks = day_of(at, self.program.zone), list[Mark]()
        for goal in goals:
            mark = Mark(goal.id, day)
            if not goal.is_there(day) or self._cycle_of(mark) is None or not counts(goal, mark):
                continue
            part = self._part(goal)
            if goal.joins == "transaction" and part.since is None:
                self._goes_in(goal, at)
            self._may_begin(goal, at)
            if part.counts(goal, at) and self._has_room(goal, mark):
                marks.append(mark)
                self.marks.append(mark)
        self._marked(marks, at, at)
        return marks

    def _marked(self, marks: list[Mark], at: int, now: int) -> None:
        keys = [self._key_of(mark) for mark in marks]
        self.moved |= {*keys}
        self._meet(keys, at, now)
        self._extend([*keys, *self._pass_on(at, now)], at, now)

    def _goal(self, name: str) -> Goal:
        return next(goal for goal in self.program.goals if goal.id == name)

    def _part(self, goal: Goal) -> Part:
        return self.parts.setdefault(goal.id, Part())

    def _cycle_of(self, mark: Mark) -> int | None:
        """The cycle that it counts in, if any; 0 where cycles of the customer's own have not begun."""
        goal = self._goal(mark.goal)
        begins = self._part(goal).begins
        if goal.is_own and begins is None:
            return 0
        return cycle_on(goal.period, mark.day, begins)

    def _key_of(self, mark: Mark) -> Key:
        cycle = self._cycle_of(mark)
        return mark.goal, 0 if cycle is None else cycle

    def _cycle_at(self, goal: Goal, at: int) -> Key | None:
        """The cycle that runs at an instant, if one does."""
        day = day_of(at, self.program.zone)
        cycle = cycle_on(goal.period, day, self._part(goal).begins) if goal.is_there(day) else None
        return None if cycle is None else (goal.id, cycle)

    def _has_room(self, goal: Goal, mark: Mark) -> bool:
        """Whether one more of that period counts: those that come first do."""
        if goal.most:
            room = period_of(goal.most_per, mark.day)
            if sum(one.room == room for one in self.marks if one.goal == goal.id) >= goal.most:
                return False
            mark.room = room
        return True

    def value(self, key: Key) -> int:
        """What a goal has in a cycle."""
        marks = [mark for mark in self.marks if mark.goal == key[0] and self._cycle_of(mark) == key[1]]
        return sum(mark.worth for mark in marks) + len({one for mark in marks for one in mark.things})

    def _counted(self, key: Key) -> int:
        """What a goal has in a cycle, of a customer who was ever in it."""
        goal = self._goal(key[0])
        return self.value(key) if not goal.joins or self._part(goal).since is not None else 0

    @property
    def values(self) -> dict[Key, int]:
        """What every goal has in every cycle."""
        return {key: self.value(key) for key in {self._key_of(mark) for mark in self.marks}}

    def _needs(self, goal: Goal) -> int:
        own = self._part(goal).target
        return (goal.target if own is None else own) * goal.unit

    def _meet(self, keys: Iterable[Key], at: int, now: int) -> list[Key]:
        """Goals that have what they ask for are met, then come their rewards; those that are met now."""
        met = [
            (goal, key)
            for key in dict.fromkeys(keys)
            for goal in [self._goal(key[0])]
            if key not in self.met and self._part(goal).takes(goal, at) and self.value(key) >= self._needs(goal)
        ]
        self.met |= {key for _, key in met}
        self.fresh += [key for _, key in met]
        for goal, key in met:
            self._reward(f"milestone/{goal.id}/{key[1]}", goal.id, goal.points, at, now)
        return [key for _, key in met]

    def _pass_on(self, at: int, now: int) -> list[Key]:
        """What was met adds to other goals, once for each cycle; those that are met thereby."""
        keys: list[Key] = []
        while self.fresh:
            name, cycle = self.fresh.pop(0)
            goal = self._goal(name)
            if goal.adds is None or cycle in self._part(goal).given:
                continue
            other = self._goal(goal.adds[0])
            key = self._cycle_at(other, at)
            if key is not None and self._part(other).is_in(other):
                self._part(goal).given.add(cycle)
                self.marks.append(Mark(other.id, day_of(at, self.program.zone), goal.adds[1] * other.unit))
                self.moved.add(key)
                keys += self._meet([key], at, now)
        return keys

    def _extend(self, keys: Iterable[Key], at: int, now: int) -> None:
        """Cycles in which goals are met join their streaks."""
        day, reached = day_of(at, self.program.zone), list[tuple[str, str, int]]()
        for name, cycle in keys:
            goal = self._goal(name)
            for streak in [one for one in self.program.streaks if one.goal == name and one.is_there(day)]:
                if streak.id not in self.rows and not streak.opt_in and self._part(goal).is_in(goal):
                    self.rows[streak.id] = Row(streak, goal.period)
                row = self.rows.get(streak.id)
                takes = row is not None and row.takes(cycle, at)
                if row is not None and takes and (name, cycle) in self.met and cycle not in row.periods:
                    reached += self._with(row, cycle)
        self._reward_levels(reached, at, now)

    def _reward_levels(self, reached: list[tuple[str, str, int]], at: int, now: int) -> None:
        for key, source, points in reached:
            self._reward(key, source, points, at, now)

    def _with(self, row: Row, period: int) -> list[tuple[str, str, int]]:
        """One more period counts; the levels that it reaches."""
        before = {level: row.times(level) for level, _ in row.terms.levels}
        row.periods.add(period)
        return self._reaches(row, row.through(period), before)

    def _reaches(self, row: Row, length: int, before: dict[int, int]) -> list[tuple[str, str, int]]:
        """The levels that a stretch of that length reaches: each with its key, its source and its points."""
        reached: list[tuple[str, str, int]] = []
        highest = max(row.levels, default=0)
        for level, points in row.terms.levels:
            more = row.times(level) - before[level] if row.terms.repeats else int(highest < level <= length)
            for _ in range(more):
                key = _level_key(row.terms, level, row.levels.count(level))
                reached.append((key, f"{row.terms.id}:{level}", points))
                row.levels.append(level)
        return reached

    def is_seen(self, at: int) -> None:
        """The customer is in what is for everybody."""
        self.seen = True
        for goal in self.program.goals:
            if goal.joins == "everybody" and self._part(goal).since is None:
                self._goes_in(goal, at)

    def _goes_in(self, goal: Goal, at: int) -> None:
        part = self._part(goal)
        if part.since is not None and part.left is not None:
            part.before.append((part.since, part.left))
        part.since, part.left = at, None
        part.begins = part.begins or self._own_day(goal, at)

    def _may_begin(self, goal: Goal, at: int) -> None:
        """Cycles of the customer's own begin, with something that counts."""
        part = self._part(goal)
        if goal.is_own and part.begins is None and part.counts(goal, at):
            part.begins = self._own_day(goal, at)

    def _own_day(self, goal: Goal, at: int) -> date:
        """The day on which cycles of the customer's own begin."""
        registered = isinstance(goal.period, Cycle) and goal.period.since_registration
        return day_of(self.registered if registered else at, self.program.zone)

    def join(self, name: str, at: int) -> None:
        """Somebody names the customer for a goal; what was done before may meet it at once."""
        goal = self._goal(name)
        if not self._part(goal).is_in(goal):
            self._goes_in(goal, at)
            self._meet_running(goal, at)

    def quit(self, name: str, at: int) -> None:
        """The customer is in a goal no longer."""
        goal = self._goal(name)
        if goal.joins and self._part(goal).is_in(goal):
            self._part(goal).left = at

    def ask_for(self, name: str, target: int | None, at: int) -> None:
        """A goal asks something else of this customer."""
        goal = self._goal(name)
        self._part(goal).target = target
        if self._part(goal).is_in(goal):
            self._meet_running(goal, at)

    def _meet_running(self, goal: Goal, at: int) -> None:
        key = self._cycle_at(goal, at)
        if key is not None:
            self.moved.add(key)
            self._extend(self._meet([key], at, at), at, at)
            self._extend(self._pass_on(at, at), at, at)

    def enrol(self, streak_id: str, at: int) -> None:
        """The customer takes part, with what is met from that period on."""
        streak = next(one for one in self.program.streaks if one.id == streak_id)
        goal = self._goal(streak.goal)
        day = day_of(at, self.program.zone)
        if streak.last is not None and day > streak.last:
            return
        row = self.rows.setdefault(streak_id, Row(streak, goal.period, left=0))
        if row.left is None:
            return
        row.left, row.since = None, cycle_from(goal.period, day)
        there = self.met if streak.is_there(day) else set[Key]()
        met = sorted(period for name, period in there if name == goal.id and period >= row.since)
        reached = [one for period in met if period not in row.periods for one in self._with(row, period)]
        self._reward_levels(reached, at, at)

    def leave(self, streak_id: str, at: int) -> None:
        """The customer takes part no longer; a pause ends with it."""
        row = self._row(streak_id, at)
        if row is not None:
            row.left = at
            row.end_pause(self._begun(row, at))

    def pause(self, streak_id: str, at: int) -> None:
        """From this period on, missed ones break no run."""
        row = self._row(streak_id, at)
        if row is not None and row.paused is None:
            before = {level: row.times(level) for level, _ in row.terms.levels}
            row.paused = cycle_from(row.unit, day_of(at, self.program.zone))
            self._reward_levels(self._reaches(row, row.longest(), before), at, at)

    def resume(self, streak_id: str, at: int) -> None:
        """This period is the last one that may be missed."""
        row = self._row(streak_id, at)
        if row is not None:
            row.end_pause(self._begun(row, at))

    def freeze(self, asked: Freezes) -> None:
        """Periods that these days touch may be missed."""
        row = self._row(asked.streak, asked.at)
        if row is not None:
            before = {level: row.times(level) for level, _ in row.terms.levels}
            first, last = cycle_from(row.unit, asked.first), begun_by(row.unit, asked.last)
            row.frozen += [(first, last)] if first <= last else []
            self._reward_levels(self._reaches(row, row.longest(), before), asked.at, asked.at)

    def adopt(self, program: Program, at: int) -> None:
        """A version starts: what it makes easier in the running periods is given at once."""
        self.step(at, at)
        self.program = program
        if self.seen:
            self.is_seen(at)
        bills_first = sorted(program.goals, key=lambda goal: not goal.of_bills)
        running = [key for goal in bills_first for key in [self._cycle_at(goal, at)] if key is not None]
        self.moved |= {*running}
        self._meet(running, at, at)
        self._extend([key for key in running if key in self.met], at, at)

    def _row(self, streak_id: str, at: int) -> Row | None:
        row = self.rows.get(streak_id)
        if row is None or row.left is not None:
            return None
        last = row.terms.last
        return None if last is not None and day_of(at, self.program.zone) > last else row

    def _begun(self, row: Row, at: int) -> int:
        return begun_by(row.unit, day_of(at, self.program.zone))

    def close(self) -> None:
        """Unified targets are looked at before debts and tiers."""
        self._extend(self._pass_on(self.when, self.when), self.when, self.when)
        for unified in self.program.unified:
            for period in sorted({period for name, period in self.moved if name in unified.goals}):
                parts = [(name, period) for name in unified.goals]
                needed = unified.threshold * self._goal(unified.goals[0]).unit
                holds = self._holds(unified.condition, period) and sum(map(self._counted, parts)) >= needed
                was, key = (unified.id, period) in self.together, f"unified/{unified.id}/{period}"
                if holds and not was:
                    self.together.add((unified.id, period))
                    self._reward(key, unified.id, unified.points, self.when, self.when)
                elif was and not holds and any(part in self.fell for part in parts):
                    self.together.discard((unified.id, period))
                    self.lost.append(key)
                    self._take_rewards([self.rewards[key]])
        self.moved.clear()
        self.fell.clear()
        super().close()

    def _holds(self, condition: Condition, period: int) -> bool:
        if isinstance(condition, str):
            return (condition, period) in self.met
        least, conditions = condition
        return sum(self._holds(one, period) for one in conditions) >= least

    def _reward(self, key: str, source: str, points: int, at: int, now: int) -> None:
        self.achieved.append(key)
        reward = self.rewards.get(key)
        if reward is None:
            reward = self.rewards[key] = Reward()
        else:
            points, reward.taken = reward.taken, 0
            self.purse.waits_no_more(("reward", id(reward)))
        if points:
            (lot,) = self._issue([(source, points, None, None, True)], at, now, key)
            reward.lots.append([lot, points])

    def _correct_goals(self, bill: Bill, at: int) -> None:
        """An updated bill counts for more or less; what is met no longer is undone where returns undo it."""
        raised = [
            mark
            for goal in self.program.goals
            if goal.of_bills
            for mark in [bill.marks.get(goal.id) or self._counts_after_all(goal, bill)]
            if mark is not None and self._corrected(goal, bill, mark)
        ]
        keys = [self._key_of(mark) for mark in raised]
        self.moved |= {*keys}
        self._meet(keys, bill.paid, at)
        self._extend([self._key_of(mark) for mark in bill.marks.values()], bill.paid, at)
        if self.goals_fall:
            self._fall(bill)

    def _counts_after_all(self, goal: Goal, bill: Bill) -> Mark | None:
        """What a bill that was none of those that count counts, where it is one of them now."""
        mark = Mark(goal.id, day_of(bill.paid, self.program.zone))
        fits = bill.counts_for(goal) or bill.things_for(goal, mark.day)
        if not fits or not goal.is_there(mark.day) or self._is_final(mark):
            return None
        self._may_begin(goal, bill.paid)
        if not self._part(goal).counts(goal, bill.paid) or self._cycle_of(mark) is None:
            return None
        if not self._has_room(goal, mark):
            return None
        self.marks.append(mark)
        bill.marks[goal.id] = mark
        return mark

    def _is_final(self, mark: Mark) -> bool:
        goal, (_, cycle) = self._goal(mark.goal), self._key_of(mark)
        if not cycle:
            return False
        ends = cycle_end(goal.period, cycle, self._part(goal).begins, self.program.zone)
        return ends <= self.now - REPEAT_DAYS * DAY_MS

    def _corrected(self, goal: Goal, bill: Bill, mark: Mark) -> bool:
        """What a bill counts now: less only later, where returns lower goals; whether that moves the goal."""
        key = self._key_of(mark)
        before = self.value(key)
        said, final = bill.said_for(goal), self._is_final(mark)
        worth, things = bill.counts_for(goal), bill.things_for(goal, mark.day)
        if self.goals_fall:
            if final:
                worth, things = min(worth, mark.most_worth), things & mark.all_things
            if (worth or things) and goal.most and mark.room is None and not self._has_room(goal, mark):
                return False
            mark.becomes(max(worth, mark.worth), things | mark.things)
        elif not final:
            things = bill.things_said_for(goal, mark.day)
            if (said or things) and goal.most and mark.room is None and not self._has_room(goal, mark):
                return False
            mark.becomes(mark.worth + said - mark.said, things)
            if bill.cancelled or not bill.fits(goal):
                mark.room = None
        mark.said = said
        return self.value(key) != before

    @property
    def goals_fall(self) -> bool:
        """Whether goals know of returns."""
        return self.program.returns is not None and self.program.returns.goals_fall

    def _fall(self, bill: Bill) -> None:
        """Goals fall by what is gone of the bill, and all that stood on them."""
        fallen: list[Key] = []
        keys: list[str] = []
        for goal in [goal for goal in self.program.goals if goal.id in bill.marks]:
            mark = bill.marks[goal.id]
            worth, things = min(mark.worth, bill.counts_for(goal)), mark.things & bill.things_for(goal, mark.day)
            if (worth, things) == (mark.worth, mark.things):
                continue
            key = self._key_of(mark)
            before = self.value(key)
            mark.worth, mark.things = worth, things
            if bill.is_gone or not bill.fits(goal):
                mark.room = None
            if self.value(key) == before:
                continue
            self.moved.add(key)
            self.fell.add(key)
            if key in self.met and self.value(key) < self._needs(goal):
                self.met.discard(key)
                fallen.append(key)
                keys.append(f"milestone/{key[0]}/{key[1]}")
        for name, period in fallen:
            for streak in self.program.streaks:
                row = self.rows.get(streak.id)
                if streak.goal == name and row is not None and period in row.periods:
                    keys += _without(row, period)
        self.lost += keys
        self._take_rewards([self.rewards[key] for key in keys if key in self.rewards])

    def _take_rewards(self, rewards: list[Reward]) -> None:
        policy = self.returns.rewards
        if policy == "keep":
            return
        claims: list[tuple[Reward, list[Lot | int]]] = []
        for reward in rewards:
            for part in reward.lots:
                lot, points = part
                assert isinstance(lot, Lot)
                assert isinstance(points, int)
                if points and (policy == "clawback" or len(lot.there()) >= points):
                    claims.append((reward, part))
        asked = [([part[0]], part[1]) for _, part in claims]

        def taken_later(place: int, points: int) -> None:
            reward, part = claims[place]
            part[1] -= points  # type: ignore[operator]
            reward.taken += points

        whose = [("reward", id(reward)) for reward, _ in claims]
        got = self.purse.take_back(asked, self.returns.shortfall, whose, taken_later)  # type: ignore[arg-type]
        for (reward, part), taken in zip(claims, got, strict=True):
            part[1] -= taken  # type: ignore[operator]
            reward.taken += taken


def _without(row: Row, period: int) -> list[str]:
    """One period counts no longer; the keys of the levels that are lost, the highest first."""
    before = {level: row.times(level) for level in row.levels}
    row.periods.discard(period)
    longest = row.longest()
    keys: list[str] = []
    for level in sorted(before, reverse=True):
        fewer = before[level] - row.times(level) if row.terms.repeats else int(level > longest)
        for _ in range(min(fewer, row.levels.count(level))):
            row.levels.remove(level)
            keys.append(_level_key(row.terms, level, row.levels.count(level)))
    return keys


def _level_key(streak: Streak, level: int, before: int) -> str:
    """What a reward is known by, for the how manieth time that its level is reached."""
    return f"streak/{streak.id}/{level}/{before + 1}" if before else f"streak/{streak.id}/{level}"
