"""What a customer achieves: goals met in their periods, streaks of them, and the rewards for both."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from tests.model.bills import Bill
from tests.model.dates import DAY_MS, day_of, period_end, period_of
from tests.model.holder import Holder
from tests.model.purse import Lot
from tests.model.rows import Row
from tests.model.words import Freezes, Goal, Program, Streak

REPEAT_DAYS = 35
"""How long after its end a period is final."""


@dataclass
class Reward:
    """What a goal met, or a level reached, gave."""

    lots: list[list[Lot | int]] = field(default_factory=list)
    """Each lot, with what is left of the reward in it."""
    taken: int = 0


@dataclass
class Achiever(Holder):
    """A customer's goals and streaks in one program."""

    values: dict[tuple[str, int], int] = field(default_factory=dict)
    """By goal and period."""
    met: set[tuple[str, int]] = field(default_factory=set)
    used: dict[tuple[str, date], int] = field(default_factory=dict)
    """By goal and day: the events that came."""
    rows: dict[str, Row] = field(default_factory=dict)
    """By streak, from when the customer takes part."""
    together: set[tuple[str, int]] = field(default_factory=set)
    """Of unified targets and periods, those that are achieved."""
    moved: set[tuple[str, int]] = field(default_factory=set)
    """Goals and periods that something happened to since the last look at unified targets."""
    fell: set[tuple[str, int]] = field(default_factory=set)
    """Those whose values fell."""
    rewards: dict[str, Reward] = field(default_factory=dict)
    achieved: list[str] = field(default_factory=list)
    """What rewards are known by that became due since the last look at the tier."""
    lost: list[str] = field(default_factory=list)

    def does(self, event: str, reference: str, at: int) -> None:
        """An event: what waits for it becomes current, rules pay, goals count."""
        for lot in self._promised(reference):
            promise = lot.promise
            if promise is not None and promise.until == "trigger" and promise.event == event:
                self._becomes_current(lot, at)
        awards = [
            (gift.id, gift.points, None, gift.promise, True)
            for gift in self.program.gifts
            if gift.event == event and (not gift.tiers or self.ranked.tier in gift.tiers)
        ]
        self._issue(awards, at, at, reference)
        goals = [goal for goal in self.program.goals if goal.counts == event]
        self._progress([goal for goal in goals if self._has_room(goal, at)], 1, at, at)
        self._extend(goals, at, at)

    def _has_room(self, goal: Goal, at: int) -> bool:
        """Whether one more event of that day counts: those that come first do."""
        day = (goal.id, day_of(at, self.program.zone))
        self.used[day] = self.used.get(day, 0) + 1
        return not goal.most or self.used[day] <= goal.most

    def _key(self, goal: Goal, at: int) -> tuple[str, int]:
        return goal.id, period_of(goal.period, day_of(at, self.program.zone))

    def _count(self, goal: Goal, added: int, at: int) -> None:
        key = self._key(goal, at)
        self.values[key] = self.values.get(key, 0) + added
        self.moved.add(key)

    def _progress(self, goals: list[Goal], added: int, at: int, now: int) -> None:
        for goal in goals:
            self._count(goal, added, at)
        self._meet(goals, at, now)

    def _meet(self, goals: list[Goal], at: int, now: int) -> None:
        """Goals that have what they ask for are met, then come their rewards."""
        met = [
            goal
            for goal in goals
            if self._key(goal, at) not in self.met and self.values[self._key(goal, at)] >= goal.target
        ]
        self.met |= {self._key(goal, at) for goal in met}
        for goal in met:
            _, period = self._key(goal, at)
            self._reward(f"milestone/{goal.id}/{period}", goal.id, goal.points, at, now)

    def _extend(self, goals: list[Goal], at: int, now: int) -> None:
        """Periods in which these goals are met join their streaks."""
        reached: list[tuple[str, str, int]] = []
        for goal in goals:
            key = self._key(goal, at)
            for streak in [one for one in self.program.streaks if one.goal == goal.id and key in self.values]:
                if streak.id not in self.rows and not streak.opt_in:
                    self.rows[streak.id] = Row(streak, goal.period)
                row = self.rows.get(streak.id)
                if row is not None and row.takes(key[1], at) and key in self.met and key[1] not in row.periods:
                    reached += self._with(row, key[1])
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

    def enrol(self, streak_id: str, at: int) -> None:
        """The customer takes part, with what is met from that period on."""
        streak = next(one for one in self.program.streaks if one.id == streak_id)
        goal = next(one for one in self.program.goals if one.id == streak.goal)
        row = self.rows.setdefault(streak_id, Row(streak, goal.period, left=0))
        if row.left is None:
            return
        row.left, row.since = None, self._key(goal, at)[1]
        met = sorted(period for name, period in self.met if name == goal.id and period >= row.since)
        reached = [one for period in met if period not in row.periods for one in self._with(row, period)]
        self._reward_levels(reached, at, at)

    def leave(self, streak_id: str, at: int) -> None:
        """The customer takes part no longer; a pause ends with it."""
        row = self._part(streak_id)
        if row is not None:
            row.left = at
            row.end_pause(self._period(row, at))

    def pause(self, streak_id: str, at: int) -> None:
        """From this period on, missed ones break no run."""
        row = self._part(streak_id)
        if row is not None and row.paused is None:
            before = {level: row.times(level) for level, _ in row.terms.levels}
            row.paused = self._period(row, at)
            self._reward_levels(self._reaches(row, row.longest(), before), at, at)

    def resume(self, streak_id: str, at: int) -> None:
        """This period is the last one that may be missed."""
        row = self._part(streak_id)
        if row is not None:
            row.end_pause(self._period(row, at))

    def freeze(self, asked: Freezes) -> None:
        """Periods that these days touch may be missed."""
        row = self._part(asked.streak)
        if row is not None:
            before = {level: row.times(level) for level, _ in row.terms.levels}
            row.frozen.append((period_of(row.unit, asked.first), period_of(row.unit, asked.last)))
            self._reward_levels(self._reaches(row, row.longest(), before), asked.at, asked.at)

    def adopt(self, program: Program, at: int) -> None:
        """A version starts: what it makes easier in the running periods is given at once."""
        self.step(at, at)
        self.program = program
        self.moved |= {self._key(goal, at) for goal in program.goals}
        bills_first = sorted(program.goals, key=lambda goal: goal.counts not in {"bills", "money"})
        running = [goal for goal in bills_first if self._key(goal, at) in self.values]
        self._meet(running, at, at)
        self._extend([goal for goal in running if self._key(goal, at) in self.met], at, at)

    def _part(self, streak_id: str) -> Row | None:
        row = self.rows.get(streak_id)
        return None if row is None or row.left is not None else row

    def _period(self, row: Row, at: int) -> int:
        return period_of(row.unit, day_of(at, self.program.zone))

    def close(self) -> None:
        """Unified targets are looked at before debts and tiers."""
        for unified in self.program.unified:
            goals = [goal for goal in self.program.goals if goal.id in unified.goals]
            for period in sorted({period for name, period in self.moved if name in unified.goals}):
                parts = [(goal.id, period) for goal in goals]
                enough = sum(part in self.met for part in parts) >= unified.least
                holds = enough and sum(self.values.get(part, 0) for part in parts) >= unified.threshold
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

    def _correct_goals(self, changed: dict[str, int], bill: Bill, at: int) -> None:
        """An updated bill counts for more or less; what is met no longer is undone where returns undo it."""
        moved: list[Goal] = []
        for goal in [goal for goal in self.program.goals if goal.counts in changed]:
            key = self._key(goal, bill.paid)
            is_final = period_end(goal.period, key[1], self.program.zone) <= self.now - REPEAT_DAYS * DAY_MS
            added = 0 if is_final else changed[goal.counts]
            if goal.sku:
                added = 0 if is_final else max(0, bill.counts_for(goal) - bill.worth.get(goal.id, 0))
                bill.worth[goal.id] = bill.worth.get(goal.id, 0) + added
            elif self.goals_fall:
                now, had = bill.counts_for(goal), bill.worth.get(goal.id, 0)
                added = max(0, (min(now, bill.peak.get(goal.id, 0)) if is_final else now) - had)
                bill.worth[goal.id] = had + added
                bill.peak[goal.id] = max(bill.peak.get(goal.id, 0), had + added)
            if added and self.values.get(key, 0) + added >= 0:
                self._count(goal, added, bill.paid)
                moved.append(goal)
        bill.counted |= {goal.id for goal in moved}
        self._meet(moved, bill.paid, at)
        self._extend([goal for goal in self.program.goals if goal.counts in changed], bill.paid, at)
        if self.goals_fall:
            self._fall(bill)

    @property
    def goals_fall(self) -> bool:
        """Whether goals know of returns."""
        return self.program.returns is not None and self.program.returns.goals_fall

    def _fall(self, bill: Bill) -> None:
        """Goals fall by what is gone of the bill, and all that stood on them."""
        fallen: list[Goal] = []
        keys: list[str] = []
        for goal in [goal for goal in self.program.goals if goal.id in bill.counted]:
            key = self._key(goal, bill.paid)
            removed = bill.worth[goal.id] - bill.counts_for(goal)
            if removed <= 0:
                continue
            bill.worth[goal.id] -= removed
            self.values[key] -= removed
            self.moved.add(key)
            self.fell.add(key)
            if key in self.met and self.values[key] < goal.target:
                self.met.discard(key)
                fallen.append(goal)
                keys.append(f"milestone/{key[0]}/{key[1]}")
        for goal in fallen:
            for streak in self.program.streaks:
                row, period = self.rows.get(streak.id), self._key(goal, bill.paid)[1]
                if streak.goal == goal.id and row is not None and period in row.periods:
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
