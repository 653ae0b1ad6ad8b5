"""What tiers go by, as numbers of one customer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import Final

from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.programs import Program
from pipeline.engine.state import Section
from pipeline.engine.tiers.rules import Measure
from pipeline.engine.tiers.state import Measured, Tenure
from pipeline.engine.tiers.terms import for_ever, last_day, term_through
from pipeline.engine.trackers.values import tracker_value
from schemas.facts import TierMoved, TierTerm, TierUpgraded
from schemas.program import RenewalBasis, TierBasis

_NOTHING: Final = Measured()
_NO_TENURE: Final = Tenure(currency="", term=_NOTHING)


def tenure_of(section: Section) -> Tenure:
    """How the customer holds their tier; where nothing is kept of that, one without an end, not to be changed."""
    return section.tenure or _NO_TENURE


_MEASURED: Final = {
    TierBasis.POINTS_IN_PERIOD: attrgetter("points"),
    TierBasis.PURCHASES_IN_PERIOD: attrgetter("purchases_minor"),
    TierBasis.VISITS_IN_PERIOD: attrgetter("visits"),
    RenewalBasis.POINTS: attrgetter("points"),
    RenewalBasis.PURCHASES: attrgetter("purchases_minor"),
    RenewalBasis.VISITS: attrgetter("visits"),
}
"""What is read of what came in."""
_TOTALS: Final[Mapping[TierBasis | RenewalBasis, Callable[[Section, str], int]]] = {
    TierBasis.LIFETIME_POINTS: lambda section, currency: account_of(section, currency).lifetime,
    TierBasis.NET_PURCHASES: lambda section, _: section.purchases_minor - section.returned_minor,
    TierBasis.VISITS: lambda section, _: section.transactions,
    TierBasis.CURRENT_POINTS: lambda section, currency: account_of(section, currency).balance,
}
"""What is the same at every instant: of a section, and of its account in the measure's currency."""


def basis_values(section: Section, program: Program, now: int) -> tuple[int, ...]:
    """What decides the tier, now: a value of each measure."""
    return tuple([_basis_value(section, program, one, now) for one in program.tier_rules.upgrade.measures])


def _basis_value(section: Section, program: Program, measure: Measure, now: int) -> int:
    total = _TOTALS.get(measure.basis)
    if total is not None:
        return total(section, measure.currency)
    if measure.tracker is not None:
        return tracker_value(section, measure.tracker, program.calendar.day_of(now))
    period = tenure_of(section).period or _NOTHING
    return int(_MEASURED[measure.basis](period)) if period.holds(now) else 0


def renewal_values(section: Section, program: Program, now: int) -> tuple[int, ...]:
    """What would keep the tier, now: a value of each measure."""
    return tuple(_renewal_value(section, program, one, now) for one in program.tier_rules.renewal.measures)


def _renewal_value(section: Section, program: Program, measure: Measure, now: int) -> int:
    if measure.basis is RenewalBasis.CURRENT_POINTS:
        return account_of(section, measure.currency).balance
    if measure.tracker is not None:
        return tracker_value(section, measure.tracker, program.calendar.day_of(now))
    return int(_MEASURED[measure.basis](tenure_of(section).term))


def floor_of(section: Section, program: Program, but: Collection[str] = ()) -> int:
    """The number of the highest tier that was given, 0 for none: by hand, or as a reward; `but` for some of them.

    Of a tier that is retired it is the next lower one that is left. A reward is known by what gave it, what was given
    by hand by an empty text.
    """
    tenure = tenure_of(section)
    given = {"": tenure.floor_id, **{key: one.tier_id for key, one in tenure.rewards.items() if not one.taken}}
    numbers = (program.tier_numbers.get(tier_id, 0) for key, tier_id in given.items() if key not in but)
    return program.tier_rules.left_of(max(numbers, default=0))


def tier_of_values(section: Section, program: Program, now: int) -> int:
    """The tier that the customer's values give, not below one that somebody gave; after a loss as the loss says."""
    rules = program.tier_rules
    reached = rules.upgrade.reached(basis_values(section, program, now))
    if section.tier < reached <= tenure_of(section).mark:
        reached = max(section.tier, min(reached, rules.renewal.reached(renewal_values(section, program, now))))
    return max(reached, floor_of(section, program))


def term_from(turn: ProgramTurn, tier: int, begins_at: int) -> TierTerm:
    """How long a tier holds that begins today; the first one, and where the program says no validity, for ever."""
    tiers, calendar = turn.program.tier_rules.definition, turn.program.calendar
    if tier <= 1 or tiers.validity is None:
        return for_ever(begins_at)
    day = today(turn)
    registered_on = calendar.day_of(turn.head.registered_at or turn.at)
    return term_through(tiers, calendar, begins_at, day, last_day(tiers.validity, day, registered_on))


def upgraded(turn: ProgramTurn, reached: int, values: Sequence[int], begins_at: int, by: TierMoved) -> TierUpgraded:
    """The move up to a tier, with what the values say of it, to a term that begins at that instant."""
    program, rules = turn.program, turn.program.tier_rules
    has_term = rules.keeps_tenure or tenure_of(turn.section).expires_on is not None
    return TierUpgraded(
        previous=turn.section.tier,
        reached=reached,
        basis_value=rules.upgrade.decisive(values, reached).value,
        reached_id=program.tier_ids[reached],
        term=term_from(turn, reached, begins_at) if has_term else None,
        by=by,
    )


def now_of(turn: ProgramTurn) -> int:
    """The instant of the decision, however late its record is."""
    return max(turn.head.clock, turn.at)


def today(turn: ProgramTurn) -> int:
    """The local day of the decision, on which terms begin."""
    return turn.program.calendar.day_of(now_of(turn))
