"""Mutants about goals: the engine with one rule about what milestones count, when and for whom broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pipeline.engine import cycles, periods, programs, returns
from pipeline.engine.decide import ENGINE
from pipeline.engine.milestones import concern, measures, members, tallies, unified
from pipeline.engine.milestones.state import Member
from pipeline.engine.streaks import extending
from schemas.facts import ProgressGiven
from schemas.program import Lifetime, PeriodUnit, Validity
from tests.model.broken_standing import Mutant


def count_for_everybody() -> Mutant:
    """Who is not enrolled is counted."""
    return concern, "counts_for", lambda _turn, _target: True


def forget_the_past() -> Mutant:
    """What was done before an enrolment is lost."""
    right = members.counts_for
    return concern, "counts_for", lambda turn, target: bool(right(turn, target))


def lose_what_comes_late_of_who_left() -> Mutant:
    """What was done while the customer was in it is lost when they have left."""
    right = members.counts_for

    def wrong(turn: Any, target: Any) -> bool | None:
        left = members.member_of(turn, target).left
        return (None if target.enrolment.past else False) if left else right(turn, target)

    return concern, "counts_for", wrong


def enrol_nobody_by_what_they_do() -> Mutant:
    """A transaction that counts enrols nobody."""
    return concern, "enrol_by", lambda _turn, _target: []


def enrol_again_from_the_beginning() -> Mutant:
    """Cycles of a customer's own begin anew with each enrolment."""
    return Member, "has_cycles", property(lambda self: self.enrolled_at is not None)


def begin_with_the_enrolment() -> Mutant:
    """Cycles from the registration begin with the enrolment."""
    right = members.anchor_of

    def wrong(turn: Any, target: Any) -> int | None:
        return right(turn, target) if members.member_of(turn, target).has_cycles else None

    return members, "anchor_of", wrong


def ask_the_same_of_all() -> Mutant:
    """A customer's own target is forgotten."""
    return concern, "goal_of", lambda _turn, target: target.goal


def _targets(**wrong: Any) -> Mutant:
    right = programs._target
    return programs, "_target", lambda *more: right(*more)._replace(**wrong)


def add_nothing() -> Mutant:
    """Meeting a milestone adds to no other one."""
    return _targets(adds=None)


def add_each_time() -> Mutant:
    """Meeting a milestone again adds again."""
    fold = ENGINE.folds[ProgressGiven]
    return ENGINE, "folds", {**ENGINE.folds, ProgressGiven: fold._replace(effect=lambda *_: None)}


def extend_streaks_by_records_alone() -> Mutant:
    """What is met by added progress or by a command is in no streak."""
    return extending, "_grow", lambda *_: []


def begin_cycles_a_day_late() -> Mutant:
    """Cycles from a date begin on the day after it."""
    right = cycles.steps
    return cycles, "steps", lambda first, unit, every: right(first + 1, unit, every)


def begin_own_cycles_a_day_early() -> Mutant:
    """Cycles of a customer's own begin on the day before it."""
    right = cycles.steps
    return periods, "steps", lambda first, unit, every: right(first - 1, unit, every)


def begin_months_on_the_first() -> Mutant:
    """Cycles of months begin on the first of them, whatever day they are counted from."""
    return cycles.Steps, "_first_day", _first_of_month


def _first_of_month(steps: Any, number: int) -> int:
    if steps.days:
        return int(steps.first + (number - 1) * steps.days)
    month = cycles.add_months(steps.first, (number - 1) * steps.months)
    return month - cycles.as_date(month).day + 1


def end_windows_a_day_early() -> Mutant:
    """The last day of a window is no day of it."""

    def wrong(self: Any, day: int) -> bool:
        number = self.number_on(day)
        return number > 0 and day < self.ends[number - 1] - 1

    return cycles._Listed, "holds", wrong


def live_for_a_month() -> Mutant:
    """The cycle that never ends is a month."""
    right = cycles.arithmetic_of
    return periods, "arithmetic_of", lambda one: right(PeriodUnit.MONTH if isinstance(one, Lifetime) else one)


def count_on_every_day() -> Mutant:
    """A milestone has no first and no last day."""
    right = programs.counting_days
    return programs, "counting_days", lambda _validity, one: right(Validity(), one)


def run_on_every_day() -> Mutant:
    """A streak has no first and no last day."""
    return programs, "span_of", lambda _validity: None


def _bills(**wrong: Any) -> Mutant:
    return measures, "_BILLS", {**measures._BILLS, **wrong}


def count_gross_as_net() -> Mutant:
    """Discounts are taken off what is counted before them."""
    return measures, "gross_of", lambda bill: bill.amount_minor


def count_lines_for_units() -> Mutant:
    """A line counts once, however many units it has."""
    return _bills(quantity=lambda counts, _currency: measures._by_line(counts, lambda _line: 1))


def count_no_points() -> Mutant:
    """What a record earns counts as one point."""
    return measures, "_earned", lambda _made, _currency: 1


def count_things_again() -> Mutant:
    """A day, store, SKU or value counts each time."""
    return concern, "gained", lambda _turn, tallied: len(tallied.keys)


def take_things_of_others() -> Mutant:
    """What comes back takes a day, store or SKU along that another bill has."""
    return returns, "left_by", lambda _turn, counted: {*counted.keys}


def _counted(**wrong: Any) -> Mutant:
    right = programs.measure_of
    return programs, "measure_of", lambda counts, *more: right(counts.model_copy(update=wrong), *more)


def count_every_category() -> Mutant:
    """Lines of other categories count."""
    return _counted(categories=())


def count_what_is_excluded() -> Mutant:
    """Lines that are excluded count."""
    return _counted(excluded_skus=())


def count_every_store() -> Mutant:
    """Bills of other stores count."""
    return _counted(stores=())


def count_small_bills() -> Mutant:
    """Bills below the least that counts do."""
    return _counted(minimum_minor=0)


def count_any_attribute() -> Mutant:
    """Events with other values of an attribute count."""
    return _counted(where={})


def drop_decimals() -> Mutant:
    """An attribute is added up without its decimals."""
    right = measures.thousandths_of

    def wrong(value: Any) -> Any:
        counted = right(value)
        return counted // 1_000 * 1_000 if isinstance(counted, int) else counted

    return measures, "thousandths_of", wrong


def limit_each_cycle() -> Mutant:
    """A frequency limit begins anew with each cycle."""

    def wrong(turn: Any, target: Any, limit: Any) -> int | None:
        use = limit.periods.around(turn.day).number
        tally = tallies._tally(turn, target.milestone_id, members.periods_of(turn, target).around(turn.day).number)
        return use if tally.uses.get(use, 0) < limit.times else None

    return tallies, "_room", wrong


def forget_the_store() -> Mutant:
    """An update knows nothing of the store of its bill."""
    return programs.Program, "counts_by_store", False


def keep_what_counts_off_for_good() -> Mutant:
    """What an update takes off in a period that is final never counts again."""
    right = tallies.measured_again

    def wrong(turn: Any, target: Any, *more: Any) -> Any:
        again = right(turn, target, *more)
        final = members.periods_of(turn, target).around(turn.day).ends_at <= turn.head.horizon
        return tallies._NOT_AGAIN if final and again.added > 0 else again

    return concern, "measured_again", wrong


def ask_for_one_inside() -> Mutant:
    """Of a condition inside another one, one part is enough."""
    right = unified._holds

    def wrong(condition: Any, met: Any) -> bool:
        if isinstance(condition, str):
            return right(condition, met)
        parts = [one if isinstance(one, str) else one._replace(least=1) for one in condition.of]
        return right(condition._replace(of=tuple(parts)), met)

    return unified, "_holds", wrong


CAUGHT_BY: Final[dict[Callable[[], Mutant], int]] = {
    count_for_everybody: 4,
    forget_the_past: 11,
    lose_what_comes_late_of_who_left: 855,
    enrol_nobody_by_what_they_do: 15,
    enrol_again_from_the_beginning: 1051,
    begin_with_the_enrolment: 43,
    ask_the_same_of_all: 12,
    add_nothing: 28,
    add_each_time: 28,
    extend_streaks_by_records_alone: 59,
    begin_cycles_a_day_late: 16,
    begin_own_cycles_a_day_early: 12,
    begin_months_on_the_first: 16,
    end_windows_a_day_early: 73,
    live_for_a_month: 24,
    count_on_every_day: 2,
    run_on_every_day: 54,
    count_gross_as_net: 27,
    count_lines_for_units: 2,
    count_no_points: 15,
    count_things_again: 10,
    take_things_of_others: 248,
    count_every_category: 12,
    count_what_is_excluded: 15,
    count_every_store: 11,
    count_small_bills: 11,
    count_any_attribute: 44,
    drop_decimals: 43,
    limit_each_cycle: 10,
    forget_the_store: 21,
    keep_what_counts_off_for_good: 113,
    ask_for_one_inside: 541,
}
