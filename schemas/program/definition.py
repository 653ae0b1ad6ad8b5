"""One version of one loyalty program, whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schemas.limits import AtMost, Misfit, is_written
from schemas.program.cycles import PerCustomer, PeriodUnit
from schemas.program.expiry import Expiry
from schemas.program.milestones import Milestone
from schemas.program.notifications import Notifications
from schemas.program.points import AlternateCurrency, PointsCurrency
from schemas.program.promises import Promised
from schemas.program.redemption import Redemption
from schemas.program.returns import Returns
from schemas.program.rules import EarningRule, EventRule, MultiplierRule, SpendRule
from schemas.program.streaks import DAYS_IN, PERIODS_IN, Streak
from schemas.program.tiers import TierReward, Tiers
from schemas.program.trackers import Tracker
from schemas.program.transfers import Transfers
from schemas.program.unified import UNIFIED_MAX, UnifiedTarget, milestones_in
from schemas.program.values import (
    CURRENCIES_MAX,
    MILESTONES_MAX,
    REPEAT_WINDOW_DAYS_MAX,
    RULES_MAX,
    STREAKS_MAX,
    TRACKERS_MAX,
    DayStart,
    Definition,
    Name,
)
from schemas.zones import zone_names

_SHOWN_MAX: Final = 60
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


class ProgramDefinition(Definition):
    """One version of one loyalty program."""

    org_id: Annotated[int, Field(ge=1, le=2**53)]
    program_id: Annotated[int, Field(ge=1, le=2**31)]
    version: Annotated[int, Field(ge=1, le=2**31)]
    name: Name
    default: bool = True
    """Whether this is the org's default program (printed in notifications)."""
    zone: str
    """IANA time zone in which its days and periods are counted."""
    days: DayStart = DayStart()
    """When its days begin: everything that goes by days or periods of days goes by these."""
    currency: str
    """ISO 4217 code of the money it earns on."""
    points: PointsCurrency = PointsCurrency()
    """The main currency: tiers go by it, and rules pay it unless they name another one."""
    currencies: Annotated[tuple[AlternateCurrency, ...], AtMost(CURRENCIES_MAX)] = ()
    """The currencies beside it."""
    promised: Promised | None = None
    """What points of rules, milestones and streaks wait for before they can be spent; None: for nothing."""
    add_customers: bool = True
    """Whether a customer nobody announced is added by their first record."""
    repeat_window_days: Annotated[int, Field(ge=1, le=REPEAT_WINDOW_DAYS_MAX)] = 35
    """How long record ids are remembered; older records are refused."""
    rules: Annotated[tuple[EarningRule, ...], AtMost(RULES_MAX)] = ()
    tiers: Tiers | None = Field(None, validate_default=True)
    milestones: Annotated[tuple[Milestone, ...], AtMost(MILESTONES_MAX)] = ()
    unified_targets: Annotated[tuple[UnifiedTarget, ...], AtMost(UNIFIED_MAX)] = ()
    """Milestones that are met together."""
    streaks: Annotated[tuple[Streak, ...], AtMost(STREAKS_MAX)] = ()
    trackers: Annotated[tuple[Tracker, ...], AtMost(TRACKERS_MAX)] = ()
    """Values over the last days, which tiers may go by."""
    returns: Returns | None = Returns()
    """None: bills cannot be returned and are not kept; one is told from a repeat by its record id alone."""
    redemption: Redemption = Redemption()
    transfer: Transfers = Transfers()
    notifications: Notifications = Notifications()

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str, info: ValidationInfo) -> str:
        try:
            known = value in zone_names() if is_written(info) else bool(ZoneInfo(value))
        except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones, or a name that no file can have
            known = False
        if not known:
            message = f"{_shown(value)} is not an IANA time zone; write one such as 'Europe/London' or 'UTC'"
            raise ValueError(message)
        return value

    @field_validator("currency")
    @classmethod
    def _currency_code(cls, value: str) -> str:
        if not _CURRENCY.fullmatch(value):
            message = f"{_shown(value)} is not an ISO 4217 code; write three capitals such as 'GBP'"
            raise ValueError(message)
        return value

    @field_validator("currencies")
    @classmethod
    def _each_currency_once(
        cls, currencies: tuple[AlternateCurrency, ...], info: ValidationInfo
    ) -> tuple[AlternateCurrency, ...]:
        points: PointsCurrency | None = info.data.get("points")
        known = {points.name} if points else set()
        for index, currency in enumerate(currencies):
            if currency.id in known:
                message = f"{currency.id} is the id of another currency of this program; give each its own"
                raise Misfit(message, index, "id")
            known.add(currency.id)
        return currencies

    @field_validator("rules", "milestones", "unified_targets", "streaks")
    @classmethod
    def _pays_a_currency_there_is(cls, parts: tuple[_Part, ...], info: ValidationInfo) -> tuple[_Part, ...]:
        if "points" not in info.data or "currencies" not in info.data:
            return parts
        retired = {info.data["points"].name: False, **{one.id: one.retired for one in info.data["currencies"]}}
        for index, part in enumerate(parts):
            for within, currency, pays in _payments(part):
                if currency not in retired:
                    message = f"{currency} is not a currency of this program; known: {', '.join(retired)}"
                    raise Misfit(message, index, *within)
                if retired[currency] and pays:
                    message = f"{currency} is retired; retire this, too, or let it pay another currency"
                    raise Misfit(message, index, *within)
        return parts

    @field_validator("streaks")
    @classmethod
    def _terms_fit_the_periods(cls, streaks: tuple[Streak, ...], info: ValidationInfo) -> tuple[Streak, ...]:
        cycles = {milestone.id: milestone.cycles for milestone in info.data.get("milestones", ())}
        for index, streak in enumerate(streaks):
            unit = cycles.get(streak.milestone)
            if streak.at_risk is not None and isinstance(unit, PeriodUnit):
                hours = DAYS_IN[unit] * 24 - 2  # one hour less where the clocks go on
                if streak.at_risk.hours > hours:
                    message = f"{streak.at_risk.hours} hours are as long as a {unit}; write at most {hours}"
                    raise Misfit(message, index, "at_risk", "hours")
            if streak.freezes is None or unit is None:
                continue
            if not isinstance(unit, PeriodUnit):
                message = f"are counted by calendar periods, and the milestone {streak.milestone} has other cycles"
                raise Misfit(message, index, "freezes")
            fewest = PERIODS_IN.get((unit, streak.freezes.per))
            if fewest is None:
                message = f"is not made of whole periods of the milestone {streak.milestone} ({unit})"
                raise Misfit(message, index, "freezes", "per")
            if streak.freezes.max >= fewest:
                message = (
                    f"{streak.freezes.max} freezes would forgive every {unit} of a {streak.freezes.per}; "
                    f"write at most {fewest - 1}"
                )
                raise Misfit(message, index, "freezes", "max")
        return streaks

    @field_validator("milestones")
    @classmethod
    def _add_to_milestones_there_are(cls, milestones: tuple[Milestone, ...]) -> tuple[Milestone, ...]:
        known = {milestone.id: milestone for milestone in milestones}
        for index, milestone in enumerate(milestones):
            wrong = None if milestone.adds is None or milestone.retired else _adds_wrongly(milestone, known)
            if wrong is not None:
                raise Misfit(wrong, index, "adds", "milestone")
        return milestones

    @field_validator("milestones", "unified_targets", "streaks")
    @classmethod
    def _give_tiers_there_are(cls, parts: tuple[_Giver, ...], info: ValidationInfo) -> tuple[_Giver, ...]:
        tiers: Tiers | None = info.data.get("tiers")
        levels = {level.id: level for level in tiers.levels} if tiers else {}
        given = {one: number for number, one in enumerate(levels)}
        for index, part in enumerate(parts):
            for within, reward in _tiers_given(part):
                if given.get(reward.id, 0) == 0:
                    named = ", ".join(list(levels)[1:]) or "none"
                    message = f"{reward.id} is no tier above the first one of this program; known: {named}"
                    raise Misfit(message, index, *within, "tier", "id")
                if levels[reward.id].retired and not part.retired:
                    message = f"{reward.id} is retired; give another tier, or none"
                    raise Misfit(message, index, *within, "tier", "id")
        return parts

    @field_validator("unified_targets")
    @classmethod
    def _unite_milestones_there_are(
        cls, unified: tuple[UnifiedTarget, ...], info: ValidationInfo
    ) -> tuple[UnifiedTarget, ...]:
        if "milestones" not in info.data:
            return unified
        milestones = {milestone.id: milestone for milestone in info.data["milestones"]}
        for index, one in enumerate(unified):
            if one.id in milestones:
                message = f"{one.id} is the id of a milestone; give each its own"
                raise Misfit(message, index, "id")
            named = milestones_in(one.condition)
            unknown = [name for name in named if name not in milestones]
            if unknown:
                message = f"{unknown[0]} is not a milestone; known: {', '.join(milestones) or 'none'}"
                raise Misfit(message, index, "expression")
            wrong = None if one.retired else _apart([milestones[name] for name in named], one)
            if wrong is not None:
                raise Misfit(wrong, index, "expression")
        return unified

    @field_validator("returns")
    @classmethod
    def _bills_outlive_ids(cls, returns: Returns | None, info: ValidationInfo) -> Returns | None:
        remembered = info.data.get("repeat_window_days")
        if returns and remembered and returns.window_days < remembered:
            message = (
                f"{returns.window_days} days are less than repeat_window_days "
                f"({remembered}), so a bill sent again under another id could pay twice; "
                f"make it at least {remembered}, or lower repeat_window_days"
            )
            raise Misfit(message, "window_days")
        return returns

    @field_validator("returns")
    @classmethod
    def _tiers_follow_one_rule(cls, returns: Returns | None, info: ValidationInfo) -> Returns | None:
        tiers: Tiers | None = info.data.get("tiers")
        says_never = returns is not None and "tiers" in returns.model_fields_set
        if is_written(info) and says_never and tiers is not None and tiers.on_return != "keep":
            message = (
                f"never lowers a tier, and tiers.on_return is {tiers.on_return}; leave one of them out: "
                "without returns.tiers, tiers.on_return says what a return costs"
            )
            raise Misfit(message, "tiers")
        return returns

    @field_validator("tiers")
    @classmethod
    def _rules_are_for_tiers_there_are(cls, tiers: Tiers | None, info: ValidationInfo) -> Tiers | None:
        known = {level.id for level in tiers.levels} if tiers else set()
        for index, rule in enumerate(info.data.get("rules", ())):
            unknown = [tier for tier in rule.tiers if tier not in known]
            if unknown:
                message = (
                    f"rules.{index} is for the tier {unknown[0]!r}, which is none of this program; "
                    f"known: {', '.join(sorted(known)) or 'none'}"
                )
                raise ValueError(message)
        return tiers

    @model_validator(mode="after")
    def _tiers_are_known(self) -> Self:
        tiers = {level.id for level in self.tiers.levels} if self.tiers else set()
        unknown = {tier for one in (self.points, *self.currencies) for tier in one.expiry_by_tier} - tiers
        if unknown:
            message = f"expiry_by_tier names {min(unknown)!r}, which is not a tier"
            raise ValueError(message)
        redemptions = (self.redemption, *(one.redemption for one in self.currencies))
        unknown = {tier for one in redemptions for tier in one.by_tier} - tiers
        if unknown:
            message = f"redemption.by_tier names {min(unknown)!r}, which is not a tier"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _tiers_end_where_points_do(self) -> Self:
        if self.tiers is None or self.tiers.validity is None:
            for path, expiry in expiries(self):
                if expiry.with_tier is not None:
                    message = f"{path}.with_tier needs tiers that have a validity"
                    raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _ids_unique_and_known(self) -> Self:
        for what, ids in (
            ("rules", [rule.id for rule in self.rules]),
            ("milestones", [milestone.id for milestone in self.milestones]),
            ("unified_targets", [one.id for one in self.unified_targets]),
            ("streaks", [streak.id for streak in self.streaks]),
            ("trackers", [tracker.id for tracker in self.trackers]),
        ):
            repeated = [one for one, count in Counter(ids).items() if count > 1]
            if repeated:
                message = f"{what} repeat the id {min(repeated)!r}; give each its own"
                raise ValueError(message)
        if self.tiers is not None:
            _measures_are_known(self.tiers, self)
        retired = {milestone.id: milestone.retired for milestone in self.milestones}
        of_their_own = {one.id for one in self.milestones if isinstance(one.cycle, PerCustomer)}
        rolling = {one.id for one in self.milestones if one.window_days}
        for index, streak in enumerate(self.streaks):
            if streak.milestone not in retired:
                message = f"streaks.{index}.milestone names {streak.milestone!r}, which is not a milestone"
                raise ValueError(message)
            if streak.milestone in of_their_own:
                message = f"streaks.{index}.milestone names {streak.milestone!r}, whose cycles differ by customer"
                raise ValueError(message)
            if streak.milestone in rolling:
                message = (
                    f"streaks.{index}.milestone names {streak.milestone!r}, which goes by a rolling window: streaks "
                    f"count cycles one after the other, and it has none; name a milestone with a period or cycles"
                )
                raise ValueError(message)
            if retired[streak.milestone] and not streak.retired:
                message = f"streaks.{index}.milestone names {streak.milestone!r}, which is retired"
                raise ValueError(message)
        return self


_Giver = Milestone | UnifiedTarget | Streak


def _tiers_given(part: _Giver) -> Iterator[tuple[tuple[str | int, ...], TierReward]]:
    """The tiers that a part gives, each with its place in the part."""
    rewards: list[tuple[tuple[str | int, ...], TierReward | None]] = (
        [(("levels", number), level.tier) for number, level in enumerate(part.levels)]
        if isinstance(part, Streak)
        else [((), part.tier)]
    )
    yield from ((within, reward) for within, reward in rewards if reward is not None)


def _adds_wrongly(milestone: Milestone, known: Mapping[str, Milestone]) -> str | None:
    """Why a milestone cannot add to the one that it names; None where it can."""
    passed = [milestone]
    while (adds := passed[-1].adds) is not None:
        if adds.milestone not in known:
            return f"{adds.milestone} is not a milestone; known: {', '.join(known)}"
        following = known[adds.milestone]
        if following.retired:
            return f"{following.id} is retired; let it add to another milestone, or to none"
        if following in passed:
            return f"{following.id} would add to itself in the end; let one of them add to none"
        passed.append(following)
    return None


def _apart(milestones: Sequence[Milestone], unified: UnifiedTarget) -> str | None:
    """Why milestones cannot be united; None where they can."""
    first = milestones[0]
    for one in milestones:
        if one.retired:
            return f"{one.id} is retired; retire this, too, or leave it out"
        if isinstance(one.cycle, PerCustomer):
            return f"the cycles of {one.id} differ by customer; unite milestones with equal cycles"
        if one.cycles != first.cycles:
            return f"{one.id} has other cycles than {first.id}; unite milestones with equal cycles"
        apart = (one.adds_money, one.adds_attribute) != (first.adds_money, first.adds_attribute)
        if unified.threshold is not None and apart:
            return f"values of {one.id} and {first.id} do not add up to a threshold: they are counted in other units"
    return None


_Part = SpendRule | MultiplierRule | EventRule | Milestone | UnifiedTarget | Streak


def _payments(part: _Part) -> Iterator[tuple[tuple[str | int, ...], str, bool]]:
    """The currencies that a part names: the place in it, the currency, and whether it still pays something in it."""
    payers: Iterable[tuple[tuple[str | int, ...], Any]] = (((), part),)
    if isinstance(part, Streak):
        payers = ((("levels", index), level) for index, level in enumerate(part.levels))
    for within, payer in payers:
        currency = getattr(payer, "currency", None)
        if currency is not None:
            yield (*within, "currency"), currency, bool(payer.points) and not part.retired


def _measures_are_known(tiers: Tiers, program: ProgramDefinition) -> None:
    """Raises `Misfit` for a tracker or a currency that tiers go by and the program does not have."""
    trackers = {tracker.id for tracker in program.trackers if not tracker.retired}
    currencies = {program.points.name, *(currency.id for currency in program.currencies)}
    named: list[tuple[tuple[str | int, ...], str | None, set[str], str]] = [
        (("tracker",), tiers.tracker, trackers, "tracker"),
        (("renewal_tracker",), tiers.renewal_tracker, trackers, "tracker"),
        (("currency",), tiers.currency, currencies, "currency"),
    ]
    for place, condition in enumerate(tiers.further):
        named.append((("further", place, "tracker"), condition.tracker, trackers, "tracker"))
        named.append((("further", place, "currency"), condition.currency, currencies, "currency"))
    named += [
        (("renewal_further", place, "tracker"), one.tracker, trackers, "tracker")
        for place, one in enumerate(tiers.renewal_further)
    ]
    for within, name, known, what in named:
        if name is not None and name not in known:
            message = f"{name} is no {what} that this program has; known: {', '.join(sorted(known)) or 'none'}"
            raise Misfit(message, "tiers", *within)


def expiries(program: ProgramDefinition) -> Iterator[tuple[str, Expiry]]:
    """How long points last: everywhere where the program says it, with the place in the file."""
    own: list[tuple[str, Expiry | None]] = []
    for path, currency in paths_of_currencies(program):
        own.append((f"{path}.expiry", currency.expiry))
        own += [(f"{path}.expiry_by_tier.{tier}", expiry) for tier, expiry in currency.expiry_by_tier.items()]
    own += [
        (f"rules[{index}].expiry", rule.expiry)
        for index, rule in enumerate(program.rules)
        if not isinstance(rule, MultiplierRule)
    ]
    own += [(f"milestones[{index}].expiry", one.expiry) for index, one in enumerate(program.milestones)]
    own += [(f"unified_targets[{index}].expiry", one.expiry) for index, one in enumerate(program.unified_targets)]
    own += [
        (f"streaks[{index}].levels[{place}].expiry", level.expiry)
        for index, streak in enumerate(program.streaks)
        for place, level in enumerate(streak.levels)
    ]
    for path, expiry in own:
        if expiry is not None:
            yield path, expiry


def paths_of_currencies(program: ProgramDefinition) -> Iterator[tuple[str, PointsCurrency | AlternateCurrency]]:
    """The points currencies, each with its place in the file."""
    yield "points", program.points
    for index, currency in enumerate(program.currencies):
        yield f"currencies[{index}]", currency


def _shown(text: str) -> str:
    """The text in quotes, cut to a length that can be read."""
    return repr(text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 1]}…")
