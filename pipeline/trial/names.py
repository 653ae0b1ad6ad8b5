"""Names, money and dates as people read them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from pipeline.notify.program_view import digits_of
from pipeline.trial.form import FactRow
from pipeline.trial.reader import Definitions
from schemas.money import minor_digits
from schemas.program import Keeping, Milestone, ProgramDefinition, RenewalBasis, Streak, Tiers

_SYMBOLS: Final = {"GBP": "£", "EUR": "€", "USD": "$", "JPY": "¥"}


def money(amount_minor: int, currency: str) -> str:
    """An amount with its currency: `£12.50`, `12.50 CHF`."""
    return major_money(Decimal(amount_minor).scaleb(-minor_digits(currency)), currency)


def major_money(amount: Decimal, currency: str) -> str:
    """An amount in major units with its currency."""
    number = f"{abs(amount):,.{minor_digits(currency)}f}"
    sign = "-" if amount < 0 else ""
    return f"{sign}{_SYMBOLS[currency]}{number}" if currency in _SYMBOLS else f"{sign}{number} {currency}"


def number_text(number: Decimal) -> str:
    """A number without idle decimals: `1,200`, `2.5`."""
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def day_text(written: str) -> str:
    """A date as a sentence has it, from ISO 8601: `2 March 2027`."""
    on = date.fromisoformat(written)
    return f"{on.day} {on:%B %Y}"


class Names:
    """What the version of a program that a fact follows calls things."""

    def __init__(self, definition: ProgramDefinition) -> None:
        self.currency = definition.currency
        self.points = definition.points.name
        self._alternates = {currency.id: currency for currency in definition.currencies}
        self._tiers = definition.tiers.levels if definition.tiers else ()
        self._renewal = _only_renewal(definition.tiers) if definition.tiers else None
        self._unified = {one.id: one.name for one in definition.unified_targets}
        self._milestones = {milestone.id: milestone for milestone in definition.milestones}
        self._trackers = {tracker.id: tracker for tracker in definition.trackers}
        self._streaks = {streak.id: streak for streak in definition.streaks}

    def tier(self, number: int) -> str:
        """The tier's name."""
        return self._tiers[number - 1].name if 1 <= number <= len(self._tiers) else f"tier {number}"

    def tier_of(self, tier_id: str) -> str:
        """The name of the tier of that id."""
        return next((tier.name for tier in self._tiers if tier.id == tier_id), tier_id)

    def renewal_amount(self, amount: int) -> str:
        """So much of what renews a tier: money, points, visits or a tracker's value; a number where several do."""
        if self._renewal is None:
            return f"{amount:,}"
        if self._renewal.tracker is not None:
            return f"{self.tracked(self._renewal.tracker, amount)} of {self.tracker(self._renewal.tracker)}"
        if self._renewal.measure is RenewalBasis.PURCHASES:
            return self.money(amount)
        return f"{amount:,} {'visits' if self._renewal.measure is RenewalBasis.VISITS else self.points}"

    def unified(self, unified_id: str) -> str:
        """The name of a unified target."""
        return self._unified.get(unified_id, unified_id)

    def milestone(self, milestone_id: str) -> Milestone | None:
        """The milestone; None where this version does not have it."""
        return self._milestones.get(milestone_id)

    def target_value(self, target_id: int, value: Decimal) -> str:
        """A value of the milestone that downstream systems know by this number: money, a count or a number."""
        milestone = next((one for one in self._milestones.values() if one.target_id == target_id), None)
        if milestone is not None and milestone.adds_money:
            return major_money(value, self.currency)
        return number_text(value)

    def value_of(self, milestone: Milestone, value: int) -> str:
        """A value of the milestone as facts have it."""
        number = Decimal(value).scaleb(-digits_of(milestone, self.currency))
        return major_money(number, self.currency) if milestone.adds_money else number_text(number)

    def tracker(self, tracker_id: str) -> str:
        """The tracker's name."""
        known = self._trackers.get(tracker_id)
        return known.name if known else tracker_id

    def tracked(self, tracker_id: str, value: int) -> str:
        """A value of the tracker: money or a count."""
        known = self._trackers.get(tracker_id)
        return self.money(value) if known and known.in_money else f"{value:,}"

    def in_a_row(self, streak: str) -> str:
        """How the periods of a streak are counted, by its id or name."""
        counted = [one for one in self._streaks.values() if streak in (one.id, one.name)]
        return "in all" if counted and not counted[0].continuous else "in a row"

    def streak(self, streak_id: str) -> Streak | None:
        """The streak; None where this version does not have it."""
        return self._streaks.get(streak_id)

    def amount(self, points: int, currency: str) -> str:
        """Points of a currency as people read them: `1,200 POINTS`, `2.5 Stars`."""
        alternate = self._alternates.get(currency)
        if alternate is None:
            return f"{points:,} {currency}"
        return f"{self.number(points, currency)} {alternate.name}"

    def number(self, points: int, currency: str) -> str:
        """The same without the currency's name."""
        alternate = self._alternates.get(currency)
        return number_text(Decimal(points).scaleb(-alternate.scale if alternate else 0))

    def money(self, amount_minor: int) -> str:
        """An amount in the program's money."""
        return money(amount_minor, self.currency)


def _only_renewal(tiers: Tiers) -> Keeping | None:
    """What keeps a tier; None where several conditions do."""
    return None if tiers.renewal_further or (tiers.mirrored and tiers.further) else tiers.keeping


def names_of(row: FactRow, definitions: Definitions) -> Names | None:
    """The names for a fact; None for one outside any program."""
    if row.program_id is None or row.version is None:
        return None
    org_id = int(row.customer.partition(":")[0])
    return Names(definitions[org_id, row.program_id, row.version])
