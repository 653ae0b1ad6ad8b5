"""Order and repetition: records within the window count the same in every order, however often they come."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from schemas.facts import ValueIgnored
from schemas.records import AnyCustomerRecord
from tests.dsl import Story
from tests.engine.history import (
    BREWED,
    DAILY,
    DAY,
    GRAMS,
    HOUR,
    KINDS,
    START,
    Delivery,
    histories,
    in_program,
    late,
    on_time,
    play,
    standing,
    taking,
)
from tests.steps import bought, brought_back, did, instant, milestone, program

bounded = settings(max_examples=60)


def disordered(*kinds: str) -> st.SearchStrategy[tuple[Sequence[AnyCustomerRecord], Sequence[Delivery]]]:
    """A history and an order in which it arrives."""
    return histories(kinds or KINDS).flatmap(lambda history: st.tuples(st.just(history), late(history)))


def same_in_every_order(given: tuple[Sequence[AnyCustomerRecord], Sequence[Delivery]]) -> None:
    history, deliveries = given
    assert standing(play(deliveries)) == standing(play(on_time(history)))


@bounded
@forall(disordered())
def test_customer_ends_the_same_in_every_order_that_the_window_allows(
    given: tuple[Sequence[AnyCustomerRecord], Sequence[Delivery]],
) -> None:
    same_in_every_order(given)


WINDOWS = (9, 14, 400, None)


def as_if_it_were_alone(deliveries: Sequence[Delivery]) -> None:
    """Each program judges returns by its own window, and one that takes none is left alone."""
    programs = [taking(number, days) for number, days in enumerate(WINDOWS, 1)]
    together = play(deliveries, programs)
    for one in programs:
        alone = play(deliveries, [one])
        assert in_program(together, one.program_id) == in_program(alone, one.program_id)
        assert one.returns or in_program(alone, one.program_id)["bills"][2] == 0


@settings(max_examples=25)
@forall(histories(greedy=False).flatmap(late))
def test_each_program_counts_as_if_it_were_alone(deliveries: Sequence[Delivery]) -> None:
    as_if_it_were_alone(deliveries)


def adds_up_exactly(numbers: Sequence[tuple[str, int]]) -> None:
    """What counts is the sum of the numbers as they are written; each other value is reported."""
    story = Story(program(milestones=[milestone("grams", 1, "year", counts=GRAMS)]))
    for place, (written, thousandths) in enumerate(numbers):
        read: int | str = int(written) if written.isdecimal() else written
        story.play(did("brew", START + place, attributes={"grams": read}, id=f"{place}"))
        if thousandths == UNUSABLE:
            assert [type(fact.decision) for fact in story.decided].count(ValueIgnored) == 1
    usable = [thousandths for _, thousandths in numbers if thousandths != UNUSABLE]
    assert story.values("grams") == ({"2011": sum(usable)} if usable else {})


UNUSABLE = -1
decimals = st.integers(1, 10**9).map(lambda number: (f"{number / 1_000:.3f}", number))
wholes = st.integers(1, 10**6).map(lambda number: (f"{number}", number * 1_000))
unusable = st.sampled_from(["", "four", "-1", "0.0001", "1e3"]).map(lambda text: (text, UNUSABLE))


@bounded
@forall(st.lists(st.one_of(decimals, wholes, unusable), max_size=8))
def test_numbers_in_attributes_add_up_exactly(numbers: Sequence[tuple[str, int]]) -> None:
    adds_up_exactly(numbers)


PAID_AGAIN = START + 13 * DAY


def leaves_the_new_bill_alone(hours: Sequence[int]) -> None:
    """Returns made before a bill was paid are of an earlier bill of its number, whenever they arrive."""
    old, new = bought("B", 1_000, START, id="old"), bought("B", 2_000, PAID_AGAIN, id="new")
    made = [PAID_AGAIN - HOUR - place for place in range(len(hours))]
    returns = [brought_back("B", 400, at, id=f"{at}") for at in made]
    coming = [Delivery(at=START, record=old), Delivery(at=PAID_AGAIN, record=new)]
    coming += [Delivery(at=PAID_AGAIN + after * HOUR, record=one) for after, one in zip(hours, returns, strict=True)]
    story = play(sorted(coming, key=lambda one: one.at))
    assert in_program(story, 1)["bills"] == (2, 3_000, 0)


@settings(max_examples=10)
@forall(st.lists(st.integers(1, 8 * 24), min_size=1, max_size=3))
def test_number_used_again_does_not_meet_the_returns_of_the_old_bill(hours: Sequence[int]) -> None:
    leaves_the_new_bill_alone(hours)


SAMOA = ("2011-12-27", "2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01", "2012-01-02")
"""Six dates in a row, as the zone skipped the 30th."""


def dates_in_a_row_are_one_run(order: Sequence[str]) -> None:
    days = milestone("days", 1, "day", counts=BREWED)
    story = Story(program(zone="Pacific/Apia", milestones=[days], streaks=[DAILY]))
    arrival = instant("2012-01-05", "Pacific/Apia")
    for date in order:
        story.play(did("brew", instant(date, "Pacific/Apia")), as_of=arrival)
    assert story.section().streaks["daily"].longest == len(SAMOA)


@settings(max_examples=20)
@forall(st.permutations(SAMOA))
def test_skipped_date_breaks_no_run_in_any_order(order: Sequence[str]) -> None:
    dates_in_a_row_are_one_run(order)
