"""Each rule about late, repeated and versioned input, broken on its own, fails a property."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from tests.engine import mutants
from tests.engine import test_orders as orders
from tests.engine import test_spilled_ids as busy
from tests.engine import test_successors as successors
from tests.engine.history import histories, late

EXAMPLES: Final = 15
EXAMPLES_MAX: Final = 600

Check = tuple[Callable[..., None], tuple[st.SearchStrategy[Any], ...]]

ORDERS: Final[Check] = (orders.same_in_every_order, (orders.disordered(),))
BUSY: Final[Check] = (busy.counts_each_id_once, (busy.ARRIVALS, st.sampled_from([1, 2])))
OF_RETURNS: Final[Check] = (orders.same_in_every_order, (orders.disordered("bill", "return"),))
OF_PROFILES: Final[Check] = (orders.same_in_every_order, (orders.disordered("profile", "joined"),))
OF_PERIODS: Final[Check] = (orders.same_in_every_order, (orders.disordered("bill", "event"),))
ALONE: Final[Check] = (orders.as_if_it_were_alone, (histories(greedy=False).flatmap(late),))
EXACT: Final[Check] = (orders.adds_up_exactly, (st.lists(st.one_of(orders.decimals, orders.wholes)),))
SAMOA: Final[Check] = (orders.dates_in_a_row_are_one_run, (st.permutations(orders.SAMOA),))
NEW_BILL: Final[Check] = (orders.leaves_the_new_bill_alone, (st.lists(st.integers(1, 192), min_size=1, max_size=3),))
MOVES: Final[Check] = (
    successors.paid_once_and_never_moved_silently,
    (histories(("bill", "event")).flatmap(late), successors.chains()),
)
UNCHANGED: Final[Check] = (
    successors.as_if_nothing_had_changed,
    (successors.orders, st.lists(successors.instants, min_size=1, max_size=3)),
)
BREACH: Final[Check] = (
    successors.breach_is_refused,
    (successors.chains(), st.integers(0, len(successors.BREACHES) - 1)),
)
LOWERED: Final[Check] = (successors.lowered_target_is_met_at_once, (st.integers(1, 1_000), st.integers(1, 1_000)))
RETIRED: Final[Check] = (successors.retired_rule_gives_nothing, (successors.orders,))

CAUGHT_BY: Final[dict[Callable[[], mutants.Mutant], Check]] = {
    mutants.take_a_duplicate_for_new: ORDERS,
    mutants.forget_ids_too_early: ORDERS,
    mutants.forget_ids_that_spill: BUSY,
    mutants.refuse_what_comes_late: ORDERS,
    mutants.refuse_a_return_before_its_bill: OF_RETURNS,
    mutants.release_one_return_only: OF_RETURNS,
    mutants.count_a_document_twice: OF_RETURNS,
    mutants.take_returns_of_the_old_bill: NEW_BILL,
    mutants.take_returns_by_the_longest_window: ALONE,
    mutants.return_in_programs_without_returns: ALONE,
    mutants.let_the_last_arrival_win: OF_PROFILES,
    mutants.forget_what_was_cleared: OF_PROFILES,
    mutants.keep_the_first_registration_that_came: OF_PROFILES,
    mutants.end_a_season_at_once: OF_PERIODS,
    mutants.tell_the_end_again: OF_PERIODS,
    mutants.keep_only_the_last_run: OF_PERIODS,
    mutants.count_skipped_dates: SAMOA,
    mutants.read_whole_numbers_only: EXACT,
    mutants.know_tiers_by_number: MOVES,
    mutants.leave_members_in_retired_tiers: MOVES,
    mutants.drop_members_to_the_base_first: MOVES,
    mutants.move_members_silently: MOVES,
    mutants.forget_what_is_retired: UNCHANGED,
    mutants.pay_whenever_the_target_is_met: MOVES,
    mutants.give_what_is_retired: RETIRED,
    mutants.do_not_look_again: LOWERED,
    mutants.allow_what_is_left_out: BREACH,
    mutants.allow_ids_that_mean_something_else: BREACH,
    mutants.allow_other_units: BREACH,
    mutants.allow_lower_versions: BREACH,
}
"""The property that each mutant fails."""


def fails(check: Check, examples: int) -> bool:
    """Whether there is an example that fails the check, among so many."""
    holds, given = check
    bounded = settings(
        max_examples=examples,
        database=None,
        phases=(Phase.generate,),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        bounded(seed(0)(forall(*given)(holds)))()
    except (AssertionError, RuntimeError, LookupError):
        return True
    return False


@pytest.mark.parametrize("mutant", list(CAUGHT_BY), ids=lambda mutant: mutant.__name__)
def test_broken_rule_fails_a_property(mutant: Callable[[], mutants.Mutant], monkeypatch: pytest.MonkeyPatch) -> None:
    place, name, wrong = mutant()
    monkeypatch.setattr(place, name, wrong)
    assert fails(CAUGHT_BY[mutant], EXAMPLES_MAX)


@pytest.mark.parametrize("check", list(dict.fromkeys(CAUGHT_BY.values())), ids=lambda check: check[0].__name__)
def test_right_rules_fail_no_property(check: Check) -> None:
    assert not fails(check, EXAMPLES)
