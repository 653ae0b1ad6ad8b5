"""What notifications print of a program, prepared once for each version of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pipeline.engine.cycles import arithmetic_of, cycle_name
from pipeline.notify.numbers import date_text
from schemas.money import minor_digits
from schemas.program import (
    ATTRIBUTE_DIGITS,
    AlternateCurrency,
    Condition,
    Group,
    Milestone,
    NotificationProfile,
    ProgramDefinition,
    Streak,
    Tiers,
    UnifiedTarget,
)

_PERIODS_MAX: Final = 4_096
"""How many periods of a milestone have their details cached: ten years of days; a few are current at a time."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How the notifications of a program are sent."""

    profile: NotificationProfile = "flat"
    off: frozenset[str] = frozenset()
    """Names of events that are not sent."""
    identifiers: bool = True
    """Whether customer identifiers include mobile, e-mail and external id."""


class MilestoneView:
    """A milestone as a target; `definition` is None if the program no longer has the milestone."""

    def __init__(self, *, name: str, definition: Milestone | None, digits: int) -> None:
        """`digits`: the decimals of its values."""
        self.target_id = 0 if definition is None else definition.target_id
        self.name = name
        group = None if definition is None else definition.group
        self._group = (self.target_id, name) if group is None else (group.id, group.name)
        self._cycles = None if definition is None else definition.cycles
        self.digits = digits
        self._details: dict[int, msgspec.Raw] = {}

    def details(self, period: int) -> msgspec.Raw:
        """The `targetDetails` of a period, as JSON; a milestone without a group is its own."""
        details = self._details.get(period)
        if details is None:
            if len(self._details) >= _PERIODS_MAX:
                self._details.clear()
            details = self._details[period] = msgspec.Raw(msgspec.json.encode(self._built(period)))
        return details

    def _built(self, period: int) -> dict[str, object]:
        return {
            "id": self.target_id,
            "name": self.name,
            "targetGroupId": self._group[0],
            "targetGroupName": self._group[1],
            "targetPeriodId": period,
            "targetPeriodName": self.period_name(period),
        }

    def period_name(self, period: int) -> str:
        """What a cycle is called."""
        return str(period) if self._cycles is None else cycle_name(self._cycles, period)

    def details_on(self, day: int) -> msgspec.Raw:
        """The `targetDetails` of the period that a day is in."""
        return self.details(0 if self._cycles is None else arithmetic_of(self._cycles).number_on(day))


class StreakView(msgspec.Struct, frozen=True, kw_only=True):
    """A streak with its milestone."""

    streak_id: int
    name: str
    description: str
    milestone: MilestoneView
    levels: dict[int, str]
    """The names of the levels, by the number of periods that each requires."""


class CurrencyView:
    """A currency beside the points of a program."""

    def __init__(self, currency: AlternateCurrency) -> None:
        self._unit = 10**currency.scale
        self.fields = {"alternateCurrencyName": currency.name, "alternateCurrencyIdentifier": currency.id}
        """What names it in every notification about it."""

    def amount(self, points: int) -> int | float:
        """So many of it: a whole number where it has no decimals."""
        return points if self._unit == 1 else float(points / self._unit)


class ProgramView:
    """One version of a program, as notifications show it.

    A milestone or streak that this version does not have is shown by its id, with the number 0.
    """

    def __init__(self, definition: ProgramDefinition) -> None:
        self.org_id = definition.org_id
        self.id = definition.program_id
        self.version = definition.version
        self.default = definition.default
        self.currency = definition.currency
        self._day_start = definition.days.start
        self.upgrade_type = "" if definition.tiers is None else definition.tiers.basis.upper()
        self.renew_type = "" if definition.tiers is None else _renewal(definition.tiers)
        self.delivery = Delivery(
            profile=definition.notifications.profile,
            off=frozenset(definition.notifications.off),
            identifiers=definition.notifications.identifiers,
        )
        self.alternates = {currency.id: CurrencyView(currency) for currency in definition.currencies}
        """The currencies beside the points, by id."""
        self.details = msgspec.Raw(msgspec.json.encode(_details(definition)))
        self._milestones = {
            milestone.id: _milestone(milestone, definition.currency) for milestone in definition.milestones
        }
        numbers = {milestone.id: milestone.target_id for milestone in definition.milestones}
        self._unified = {one.id: _unified(one, numbers) for one in definition.unified_targets}
        self._streaks = {streak.id: self._streak(streak) for streak in definition.streaks}

    def first_second(self, day: int) -> str:
        """The local time at which a day begins."""
        return f"{date_text(day)} {self._day_start}:00"

    def last_second(self, day: int) -> str:
        """The local time at which a day is nearly over."""
        ends = datetime.fromisoformat(self.first_second(day + 1)) - timedelta(seconds=1)
        return str(ends)

    def milestone(self, milestone_id: str) -> MilestoneView:
        """The milestone, or its substitute if this version does not have it."""
        return self._milestones.get(milestone_id) or MilestoneView(name=milestone_id, definition=None, digits=0)

    def unified(self, unified_id: str) -> dict[str, object]:
        """The `unifiedTargetGroupDetails` of a unified target; just its id if this version does not have it."""
        return self._unified.get(unified_id) or {"targetGroupId": 0, "targetGroupName": unified_id}

    def streak(self, streak_id: str) -> StreakView:
        """The streak, or its substitute if this version does not have it."""
        return self._streaks.get(streak_id) or StreakView(
            streak_id=0, name=streak_id, description="", milestone=self.milestone(streak_id), levels={}
        )

    def _streak(self, streak: Streak) -> StreakView:
        return StreakView(
            streak_id=streak.streak_id,
            name=streak.name,
            description=streak.description,
            milestone=self.milestone(streak.milestone),
            levels={level.periods: level.name for level in streak.levels},
        )


class OrgView:
    """The programs of one org, in each version under which facts may still be decided."""

    def __init__(self, programs: Iterable[ProgramView] = ()) -> None:
        self._programs = {(program.id, program.version): program for program in programs}
        latest = {program.id: program for program in sorted(self._programs.values(), key=lambda view: view.version)}
        in_order = sorted(latest.values(), key=lambda view: (not view.default, view.id))
        self.default_delivery = in_order[0].delivery if in_order else Delivery()
        """The settings for facts outside programs: those of the default program, or of the program with the lowest
        number if several are default or none is, in its latest version."""

    def amount(self, program_id: int, version: int, currency: str, points: int) -> int | float:
        """So many points of a currency of that version of a program, with its decimals."""
        alternate = self.program(program_id, version).alternates.get(currency)
        return points if alternate is None else alternate.amount(points)

    def program(self, program_id: int, version: int) -> ProgramView:
        """The program as it was in that version; raises `LookupError` if it is not there."""
        try:
            return self._programs[program_id, version]
        except KeyError:
            held = ", ".join(f"{number} v{of}" for number, of in sorted(self._programs)) or "none"
            message = (
                f"no view of version {version} of program {program_id}; held: {held}. "
                f"Keep the view of a version for as long as the engine may decide under it"
            )
            raise LookupError(message) from None

    def with_program(self, program: ProgramView) -> OrgView:
        """These programs and one more, or one more version of one of them."""
        return OrgView([*self._programs.values(), program])


def _ratio(definition: ProgramDefinition) -> float:
    """What a point is worth in major units."""
    worth = definition.points.worth_minor(definition.currency)
    return float(worth / 10 ** minor_digits(definition.currency))


def _details(definition: ProgramDefinition) -> dict[str, object]:
    levels = () if definition.tiers is None else definition.tiers.levels
    return {
        "id": definition.program_id,
        "name": definition.name,
        "isDefault": definition.default,
        "pointsToCurrencyRatio": _ratio(definition),
        "tiers": [{"tierNumber": number, "tierName": tier.name} for number, tier in enumerate(levels, 1)],
    }


def _renewal(tiers: Tiers) -> str:
    return tiers.keeping.measure.upper()


def _unified(unified: UnifiedTarget, numbers: Mapping[str, int]) -> dict[str, object]:
    condition = unified.condition
    kind = "ALL"
    if isinstance(condition, Group) and condition.least < len(condition.of):
        kind = "ANY" if condition.least == 1 else f"ANY ({condition.least})"
    threshold = {} if unified.threshold is None else {"aggregation": "SUM", "thresholdValue": unified.threshold}
    return {
        "targetGroupId": unified.group_id,
        "targetGroupName": unified.name,
        "unifiedTargetsAchievementCondition": {
            "combinationType": kind,
            "ruleExpression": _written(condition, numbers),
            **threshold,
        },
    }


def _written(condition: Condition, numbers: Mapping[str, int]) -> str:
    """The condition in the vendor's form: `(49272 | 49273)`."""
    if isinstance(condition, str):
        return str(numbers[condition])
    if len(condition.of) == 1:
        return _written(condition.of[0], numbers)
    parts = [_written(one, numbers) for one in condition.of]
    if condition.least == 1:
        return f"({' | '.join(parts)})"
    if condition.least == len(parts):
        return f"({' & '.join(parts)})"
    return f"({condition.least} of ({', '.join(parts)}))"


def digits_of(milestone: Milestone, currency: str) -> int:
    """The decimals of a milestone's values: the money's where bills are added up, none where things are counted."""
    if milestone.adds_money:
        return minor_digits(currency)
    return ATTRIBUTE_DIGITS if milestone.adds_attribute else 0


def _milestone(milestone: Milestone, currency: str) -> MilestoneView:
    return MilestoneView(name=milestone.name, definition=milestone, digits=digits_of(milestone, currency))
