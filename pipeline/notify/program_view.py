"""What notifications print of a program, prepared once per program version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from pipeline.engine.calendar import period_name, period_of
from pipeline.notify.numbers import major, minor_digits
from schemas.program import Milestone, PeriodUnit, ProgramDefinition, Streak, Transactions

_PERIODS_MAX: Final = 4_096
"""Periods of one milestone whose details are remembered: ten years of days; a few are current at a time."""


class Delivery(msgspec.Struct, frozen=True):
    """How notifications leave."""

    wrapped: bool = False
    off: frozenset[str] = frozenset()
    """Event names that are not emitted."""
    identifiers: bool = True
    """Whether mobile, e-mail and external id are part of customer identifiers."""


class MilestoneView:
    """A milestone as a target; `unit=None` where the program no longer has it."""

    def __init__(self, target_id: int, name: str, unit: PeriodUnit | None, digits: int) -> None:
        """`digits`: the decimals of its values, those of the program's money where bills are added up."""
        self.target_id = target_id
        self.name = name
        self.unit = unit
        self.digits = digits
        self._details: dict[int, msgspec.Raw] = {}

    def details(self, period: int) -> msgspec.Raw:
        """The `targetDetails` of one period, as JSON; a milestone is a target group of its own."""
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
            "targetGroupId": self.target_id,
            "targetGroupName": self.name,
            "targetPeriodId": period,
            "targetPeriodName": str(period) if self.unit is None else period_name(self.unit, period),
        }

    def details_on(self, day: int) -> msgspec.Raw:
        """The `targetDetails` of the period that holds a day."""
        return self.details(0 if self.unit is None else period_of(self.unit, day))


class StreakView(msgspec.Struct, frozen=True):
    """A streak with its milestone."""

    streak_id: int
    name: str
    description: str
    milestone: MilestoneView
    levels: dict[int, str]
    """Names of the levels by the periods they ask for."""


class ProgramView:
    """One version of a program, as far as notifications show it.

    A milestone or streak that this version no longer has is shown by its id, with the number 0.
    """

    def __init__(self, definition: ProgramDefinition) -> None:
        self.org_id = definition.org_id
        self.id = definition.program_id
        self.default = definition.default
        self.currency = definition.currency
        self.upgrade_type = "" if definition.tiers is None else definition.tiers.basis.upper()
        self.delivery = Delivery(
            definition.notifications.profile == "wrapped",
            frozenset(definition.notifications.off),
            definition.notifications.identifiers,
        )
        self.details = msgspec.Raw(msgspec.json.encode(_details(definition)))
        self._milestones = {one.id: _milestone(one, definition.currency) for one in definition.milestones}
        self._streaks = {one.id: self._streak(one) for one in definition.streaks}

    def milestone(self, milestone_id: str) -> MilestoneView:
        """The milestone, or what stands for it where it was removed."""
        return self._milestones.get(milestone_id) or MilestoneView(0, milestone_id, None, 0)

    def streak(self, streak_id: str) -> StreakView:
        """The streak, or what stands for it where it was removed."""
        return self._streaks.get(streak_id) or StreakView(0, streak_id, "", self.milestone(streak_id), {})

    def _streak(self, streak: Streak) -> StreakView:
        return StreakView(
            streak.streak_id,
            streak.name,
            streak.description,
            self.milestone(streak.milestone),
            {level.periods: level.name for level in streak.levels},
        )


class OrgView:
    """The programs of one org."""

    def __init__(self, programs: Iterable[ProgramView] = ()) -> None:
        self.programs = {one.id: one for one in programs}
        in_order = sorted(self.programs.values(), key=lambda one: (not one.default, one.id))
        self.house = in_order[0].delivery if in_order else Delivery()
        """The settings of the org's default program: of several, or without one, of that with the lowest number."""

    def with_program(self, program: ProgramView) -> OrgView:
        """These programs, with this one in the place of its earlier version."""
        return OrgView([*(one for one in self.programs.values() if one.id != program.id), program])


def _details(definition: ProgramDefinition) -> dict[str, object]:
    levels = () if definition.tiers is None else definition.tiers.levels
    return {
        "id": definition.program_id,
        "name": definition.name,
        "isDefault": definition.default,
        "pointsToCurrencyRatio": major(definition.points.value_minor, definition.currency),
        "tiers": [{"tierNumber": number, "tierName": tier.name} for number, tier in enumerate(levels, 1)],
    }


def _milestone(milestone: Milestone, currency: str) -> MilestoneView:
    counts = milestone.counts
    adds_money = isinstance(counts, Transactions) and counts.measure == "sum"
    return MilestoneView(
        milestone.target_id, milestone.name, milestone.period, minor_digits(currency) if adds_money else 0
    )
