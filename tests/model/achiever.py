"""What a customer achieves: goals met in their periods, streaks of them, and the rewards for both."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.model.bills import Bill
from tests.model.dates import DAY_MS, day_of, period_end, period_of
from tests.model.holder import Holder
from tests.model.purse import Lot
from tests.model.words import Goal, Streak

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
    rows: dict[str, set[int]] = field(default_factory=dict)
    """The periods of each streak."""
    levels: dict[str, set[int]] = field(default_factory=dict)
    rewards: dict[str, Reward] = field(default_factory=dict)

    def does(self, event: str, reference: str, at: int) -> None:
        """An event: what waits for it becomes current, rules pay, goals count."""
        for lot in self._promised(reference):
            promise = lot.promise
            if promise is not None and promise.until == "trigger" and promise.event == event:
                self._becomes_current(lot, at)
        awards = [
            (gift.id, gift.points, None, gift.promise, True) for gift in self.program.gifts if gift.event == event
        ]
        self._issue(awards, at, at, reference)
        self._progress([goal for goal in self.program.goals if goal.counts == event], 1, at, at)

    def _key(self, goal: Goal, at: int) -> tuple[str, int]:
        return goal.id, period_of(goal.period, day_of(at, self.program.zone))

    def _count(self, goal: Goal, added: int, at: int) -> None:
        key = self._key(goal, at)
        self.values[key] = self.values.get(key, 0) + added

    def _progress(self, goals: list[Goal], added: int, at: int, now: int) -> None:
        for goal in goals:
            self._count(goal, added, at)
        self._meet(goals, at, now)

    def _meet(self, goals: list[Goal], at: int, now: int) -> None:
        """Goals that have what they ask for are met, then come their rewards; then the streaks on them."""
        met = [
            goal
            for goal in goals
            if self._key(goal, at) not in self.met and self.values[self._key(goal, at)] >= goal.target
        ]
        self.met |= {self._key(goal, at) for goal in met}
        for goal in met:
            _, period = self._key(goal, at)
            self._reward(f"milestone/{goal.id}/{period}", goal.id, goal.points, at, now)
        reached: list[tuple[Streak, int, int]] = []
        for goal in goals:
            key = self._key(goal, at)
            for streak in self.program.streaks:
                row = self.rows.setdefault(streak.id, set()) if streak.goal == goal.id else set()
                if streak.goal == goal.id and key in self.met and key[1] not in row:
                    row.add(key[1])
                    levels = self.levels.setdefault(streak.id, set())
                    length = _run_through(row, key[1])
                    new = [
                        (streak, level, points)
                        for level, points in streak.levels
                        if max(levels, default=0) < level <= length
                    ]
                    levels |= {level for _, level, _ in new}
                    reached += new
        for streak, level, points in reached:
            self._reward(f"streak/{streak.id}/{level}", f"{streak.id}:{level}", points, at, now)

    def _reward(self, key: str, source: str, points: int, at: int, now: int) -> None:
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
            if self.goals_fall:
                now, had = bill.counts_for(goal), bill.worth.get(goal.id, 0)
                added = max(0, (min(now, bill.peak.get(goal.id, 0)) if is_final else now) - had)
                bill.worth[goal.id] = had + added
                bill.peak[goal.id] = max(bill.peak.get(goal.id, 0), had + added)
            if added and self.values.get(key, 0) + added >= 0:
                self._count(goal, added, bill.paid)
                moved.append(goal)
        bill.counted += [goal for goal in moved if goal not in bill.counted]
        self._meet(moved, bill.paid, at)
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
        for goal in bill.counted:
            key = self._key(goal, bill.paid)
            removed = bill.worth[goal.id] - bill.counts_for(goal)
            if removed <= 0:
                continue
            bill.worth[goal.id] -= removed
            self.values[key] -= removed
            if key in self.met and self.values[key] < goal.target:
                self.met.discard(key)
                fallen.append(goal)
                keys.append(f"milestone/{key[0]}/{key[1]}")
        for goal in fallen:
            for streak in self.program.streaks:
                row = self.rows.get(streak.id, set())
                period = self._key(goal, bill.paid)[1]
                if streak.goal == goal.id and period in row:
                    row.discard(period)
                    longest = max((_run_through(row, one) for one in row), default=0)
                    lost = sorted((one for one in self.levels.get(streak.id, set()) if one > longest), reverse=True)
                    self.levels.get(streak.id, set()).difference_update(lost)
                    keys += [f"streak/{streak.id}/{level}" for level in lost]
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


def _run_through(row: set[int], period: int) -> int:
    """How many periods in a row have this one among them."""
    first = last = period
    while first - 1 in row:
        first -= 1
    while last + 1 in row:
        last += 1
    return last - first + 1
