"""Mutants about tiers: the engine with one rule broken about what they go by, what gives them, or what goes by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import structs

from pipeline.engine import programs
from pipeline.engine.calendar import NEVER
from pipeline.engine.decide import ENGINE
from pipeline.engine.ledger import correction, expiry, with_tier
from pipeline.engine.ledger.terms import CurrencyTerms
from pipeline.engine.rules.earning import When
from pipeline.engine.tiers import concern, requests, rewards, rules, terms, timers, values
from pipeline.engine.tiers.rules import TierRules
from schemas.facts import RegisteredEarlier
from schemas.program import RenewalBasis, TierBasis, Tiers
from tests.model.broken_standing import Mutant

_NOBODY: Final = type("Nobody", (), {})


def count_no_points_in_a_period() -> Mutant:
    """Points that come in during a period lead to no tier."""
    return values, "_MEASURED", {**values._MEASURED, TierBasis.POINTS_IN_PERIOD: lambda _measured: 0}


def keep_by_no_points() -> Mutant:
    """Points that come in during a term keep no tier."""
    return values, "_MEASURED", {**values._MEASURED, RenewalBasis.POINTS: lambda _measured: 0}


def take_points_off_when_they_come_back() -> Mutant:
    """Points that are taken back go from the term and the period of the return."""
    return concern, "PointsReversed", _NOBODY


def go_by_the_main_points() -> Mutant:
    """Tiers go by the main currency, whichever is named."""
    right = rules._measure
    return rules, "_measure", lambda basis, _currency, *more: right(basis, "POINTS", *more)


def keep_by_the_first_of_all() -> Mutant:
    """A tier that is kept by what it is reached by is kept by the first condition alone."""
    return Tiers, "mirrored", property(lambda _: False)


def count_anniversaries_of_the_tier() -> Mutant:
    """A tier holds a year from the day on which it was reached."""
    right = values.last_day
    return values, "last_day", lambda validity, day, _registered_on: right(validity, day, day)


def register_with_what_is_heard_first() -> Mutant:
    """A customer registers with the first record that arrives."""
    fold = ENGINE.folds[RegisteredEarlier]
    return ENGINE, "folds", {**ENGINE.folds, RegisteredEarlier: fold._replace(effect=lambda *_: None)}


def hold_for_one_period() -> Mutant:
    """A tier that holds for several periods holds for one."""
    right = values.last_day

    def wrong(validity: Any, *more: Any) -> int:
        return right(validity.model_copy(update={"periods": 1}), *more)

    return values, "last_day", wrong


def lower_nobody_on_request() -> Mutant:
    """Who asks for the tier of the values takes none."""
    right = requests.tier_of_values

    def wrong(section: Any, *more: Any) -> int:
        return max(section.tier, right(section, *more))

    return requests, "tier_of_values", wrong


def forget_a_loss_on_request() -> Mutant:
    """Who asks for the tier of the values gives back what was lost."""
    right = requests.tier_of_values

    def wrong(section: Any, *more: Any) -> int:
        tenure = section.tenure and structs.replace(section.tenure, mark=0)
        return right(structs.replace(section, tenure=tenure), *more)

    return requests, "tier_of_values", wrong


def keep_retired_tiers() -> Mutant:
    """A version that retires a tier leaves it to its members."""
    right = programs.tier_rules

    def compiled(*more: Any) -> TierRules:
        return right(*more)._replace(retired=frozenset())

    return programs, "tier_rules", compiled


def give_tiers_for_good() -> Mutant:
    """A tier that is a reward has no end."""
    return rewards, "_until", lambda _turn, _reward: NEVER


def give_all_of_its_time_again() -> Mutant:
    """What is achieved again gives its tier for all of its time."""
    right = rewards._given

    def wrong(turn: Any, reward: Any, *more: Any) -> Any:
        tenure = turn.section.tenure
        if tenure is not None and reward.key in tenure.rewards and tenure.rewards[reward.key].taken:
            del tenure.rewards[reward.key]
        return right(turn, reward, *more)

    return rewards, "_given", wrong


def take_no_tier_back() -> Mutant:
    """A tier that is a reward stays when what gave it is undone."""
    return rewards, "_lost", lambda _turn: ()


def take_tiers_that_were_used() -> Mutant:
    """A tier that is a reward is taken back although it was used."""
    return rewards, "_used", lambda _turn, _reward: False


def lose_what_else_was_given() -> Mutant:
    """Who loses one of two tiers that were given loses both."""
    return timers, "released", lambda turn, at, tier, _floor, **more: requests.released(turn, at, tier, 0, **more)


def remind_who_was_given_the_tier() -> Mutant:
    """Who has the tier from somebody for longer than its term is reminded of its end."""
    right = timers._given_beyond
    return timers, "_given_beyond", lambda turn, instant: right(turn, instant) if instant == turn.at else 0


def forget_reminders() -> Mutant:
    """A term has no reminders."""
    return terms, "reminders_after", lambda *_: ()


def leave_points_as_they_were() -> Mutant:
    """Points that last with the tier keep the day that they were given."""
    return with_tier, "_moved_to", lambda _turn, lot, _tier_id: lot.expires_on


def keep_points_of_lost_tiers() -> Mutant:
    """Points that expire with the tier go on with the one that is left."""
    right = with_tier._moved_to
    return with_tier, "_moved_to", lambda turn, lot, _tier_id: right(turn, lot, "")


def let_points_last_alike() -> Mutant:
    """Points last as long in every tier."""
    return CurrencyTerms, "held_in", lambda self, _tier: self._usual


def let_corrections_last_as_today() -> Mutant:
    """What an update of a bill adds lasts as points do in the tier of today."""
    right = correction.issue
    return correction, "issue", lambda turn, activities, bill_number, _tier: right(turn, activities, bill_number)


def earn_in_every_tier() -> Mutant:
    """Rules for members of some tiers are for all."""
    return When, "holds", lambda self, day, _tier: self.span is None or self.span.holds(day)


def spend_nothing_late() -> Mutant:
    """A redemption that comes late finds nothing of what expired meanwhile."""
    return expiry, "_MINUTE_MS", 0


def spend_late_for_a_month() -> Mutant:
    """A redemption takes what expired however late it comes."""
    return expiry, "_MINUTE_MS", 10**9


CAUGHT_BY: Final[dict[Callable[[], Mutant], int]] = {
    count_no_points_in_a_period: 7,
    keep_by_no_points: 81,
    take_points_off_when_they_come_back: 737,
    go_by_the_main_points: 9,
    keep_by_the_first_of_all: 81,
    count_anniversaries_of_the_tier: 2,
    register_with_what_is_heard_first: 2,
    hold_for_one_period: 17,
    lower_nobody_on_request: 669,
    forget_a_loss_on_request: 324,
    keep_retired_tiers: 5,
    give_tiers_for_good: 23,
    give_all_of_its_time_again: 818,
    take_no_tier_back: 171,
    take_tiers_that_were_used: 1542,
    lose_what_else_was_given: 34,
    remind_who_was_given_the_tier: 23,
    forget_reminders: 5,
    leave_points_as_they_were: 17,
    keep_points_of_lost_tiers: 23,
    let_points_last_alike: 13,
    let_corrections_last_as_today: 659,
    earn_in_every_tier: 34,
    spend_nothing_late: 32,
    spend_late_for_a_month: 18,
}
