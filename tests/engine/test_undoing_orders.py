"""What returns undo does not depend on how they are split or in which order they come, nor on what else happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from schemas.facts import RecordRefused
from schemas.program import ProgramDefinition, ReturnMethod
from schemas.records import AnyCustomerRecord, Line
from tests.dsl import Story, given
from tests.engine.test_lowered_bills import outcome
from tests.engine.test_returns import DAILY, SPENT, STREAK, VISITS, loyal
from tests.steps import adjust, bought, brought_back, did, instant, redeem, spend, tick, updated

HOUR: Final = 3_600_000
START: Final = instant("2011-03-01 09:00")
METHODS: Final = [method.value for method in ReturnMethod if method is not ReturnMethod.NONE]
RULES: Final = [
    spend(),
    spend("tea", 3, 250, excluded_categories=["cake"]),
    spend("big", 2, 300, minimum_minor=700),
    {"id": "half-more", "kind": "multiplier", "factor": "3/2", "skus": ["A"]},
    {"id": "visit", "kind": "event", "event": "visit", "points": 4},
]
FUND: Final = adjust(10**6, START - HOUR)
"""So that every redemption is covered, whatever else is or is not there. The newest points are spent first."""

lines = st.builds(Line, st.sampled_from("ABC"), st.integers(1, 900), st.just(1), st.sampled_from(["", "cake"]))
baskets = st.lists(lines, min_size=1, max_size=3).map(tuple)


def shop(method: str = "pro_rata_bill", *, redeemed: str = "restore", **returns: str) -> ProgramDefinition:
    """Milestones, streaks and rewards fall with what comes back."""
    policies = {"method": method, "shortfall": "deficit", "redeemed": redeemed, **returns}
    parts: dict[str, Any] = {"streaks": [STREAK], "rules": RULES, "redemption": {"order": "lifo"}}
    return loyal(DAILY, SPENT, VISITS, rewards="clawback", returns=policies, **parts)


def played(definition: ProgramDefinition, records: Iterable[AnyCustomerRecord]) -> Story:
    """The records, none of which is refused."""
    story = given(definition, *records)
    assert story.only(RecordRefused) == []
    return story


def purchases(bills: Sequence[tuple[int, tuple[Line, ...]]]) -> list[AnyCustomerRecord]:
    """A bill on each of the days, numbered."""
    paid = [(on, number, basket) for number, (on, basket) in enumerate(bills)]
    return [
        bought(f"B{number}", None, START + on * 24 * HOUR + number * 1_000, lines=basket)
        for on, number, basket in sorted(paid, key=lambda one: one[:2])
    ]


def split(amount: int, cuts: Iterable[int]) -> list[int]:
    """The amount in parts above nothing."""
    places = sorted({cut % amount for cut in cuts} - {0})
    return [end - begin for begin, end in zip((0, *places), (*places, amount), strict=True)]


class TestAnySplitAndAnyOrder:
    @pytest.mark.parametrize("by_line", [False, True], ids=["amounts", "lines"])
    @settings(max_examples=60)
    @forall(
        method=st.sampled_from(METHODS),
        shortfall=st.sampled_from(["own_lot", "other_lots", "deficit"]),
        bills=st.lists(st.tuples(st.integers(0, 3), baskets), min_size=1, max_size=3),
        spent=st.integers(0, 60),
        data=st.data(),
    )
    def test_of_returns_of_one_kind_ends_the_same(
        self,
        by_line: bool,  # noqa: FBT001 - a parameter of the test
        method: str,
        shortfall: str,
        bills: list[tuple[int, tuple[Line, ...]]],
        spent: int,
        data: st.DataObject,
    ) -> None:
        definition = shop(method, shortfall=shortfall)
        before = purchases(bills)
        spent = min(spent, played(definition, before).balance())
        if spent:
            before.append(redeem(spent, START + 100 * HOUR, bill_number="B0"))
        whole = [self.draw_return(data, number, basket, by_line=by_line) for number, (_, basket) in enumerate(bills)]
        endings = [outcome(played(definition, [*before, *self.returns(data, whole, by_line=by_line)])) for _ in "ab"]
        assert endings[0] == endings[1]

    @staticmethod
    def draw_return(data: st.DataObject, number: int, basket: tuple[Line, ...], *, by_line: bool) -> tuple[int, Any]:
        """What comes back of a bill in all: of each line, or as an amount."""
        if by_line:
            return number, [(line.sku, line.category, data.draw(st.integers(0, line.amount_minor))) for line in basket]
        return number, data.draw(st.integers(0, sum(line.amount_minor for line in basket)))

    @staticmethod
    def returns(data: st.DataObject, whole: list[tuple[int, Any]], *, by_line: bool) -> list[AnyCustomerRecord]:
        """The same in parts, in any order."""
        cuts = st.lists(st.integers(1, 900), max_size=2)
        parts: list[tuple[int, Any]] = []
        for number, back in whole:
            if by_line:
                parts += [
                    (number, (Line(sku=sku, amount_minor=part, category=category),))
                    for sku, category, amount in back
                    if amount
                    for part in split(amount, data.draw(cuts))
                ]
            elif back:
                parts += [(number, part) for part in split(back, data.draw(cuts))]
        at = START + 200 * HOUR
        return [
            brought_back(
                f"B{number}",
                None if by_line else part,
                at + place * 1_000,
                lines=part if by_line else (),
                id=f"r{place}",
            )
            for place, (number, part) in enumerate(data.draw(st.permutations(parts)))
        ]


happenings = st.one_of(
    st.tuples(st.just("buys"), baskets),
    st.tuples(st.just("redeems"), st.integers(1, 40)),
    st.tuples(st.just("visits"), st.none()),
    st.tuples(st.just("waits"), st.none()),
)


@settings(max_examples=80)
@forall(
    method=st.sampled_from(METHODS),
    others=st.lists(st.tuples(st.integers(0, 140), happenings), max_size=8),
    basket=baskets,
    on=st.integers(0, 60),
    paid_with=st.integers(0, 20),
    by=st.sampled_from(["return", "returns", "cancelled", "update-and-return"]),
    data=st.data(),
)
def test_bill_that_is_gone_as_a_whole_leaves_everything_as_if_it_had_never_been(
    method: str,
    others: list[tuple[int, tuple[str, Any]]],
    basket: tuple[Line, ...],
    on: int,
    paid_with: int,
    by: str,
    data: st.DataObject,
) -> None:
    paid, back = START + on * HOUR + 500_000, START + (on + data.draw(st.integers(1, 80))) * HOUR + 500_000
    total = sum(line.amount_minor for line in basket)
    there: list[tuple[int, AnyCustomerRecord]] = [(paid, bought("X", None, paid, lines=basket))]
    if paid_with:
        there.append((paid - 1, redeem(paid_with, paid - 1, bill_number="X", id="for-x")))
    if by == "cancelled":
        there.append((back, updated("X", 0, back)))
    elif by == "update-and-return" and total > 1:
        there.append((back, updated("X", total - 1, back, lines=(Line(sku="A", amount_minor=total - 1),))))
        there.append((back + 1, brought_back("X", total - 1, back + 1)))
    else:
        parts = split(total, data.draw(st.lists(st.integers(1, 900), max_size=2 if by == "returns" else 0)))
        there += [(back + n, brought_back("X", part, back + n, id=f"r{n}")) for n, part in enumerate(parts)]
    around = [(START + hour * HOUR + number, number, what) for number, (hour, what) in enumerate(others)]
    rest = [(at, record) for at, number, what in around for record in happened(at, number, *what)]
    endings = [
        outcome(played(shop(method), [FUND, *(record for _, record in sorted(some, key=lambda one: one[0]))]))
        for some in (rest, [*rest, *there])
    ]
    assert without_counts(endings[1]) == without_counts(endings[0])


def happened(at: int, number: int, what: str, detail: Any) -> list[AnyCustomerRecord]:
    """Something that has nothing to do with the bill."""
    if what == "buys":
        return [bought(f"B{number}", None, at, lines=detail)]
    if what == "redeems":
        return [redeem(detail, at, id=f"d{number}")]
    if what == "visits":
        return [did("visit", at, id=f"v{number}")]
    return []


def without_counts(ending: tuple[Any, ...]) -> tuple[Any, ...]:
    """How many bills there were is not undone by returns."""
    return (*ending[:5], ending[6])


def test_time_does_not_undo_anything() -> None:
    story = played(shop(), purchases([(0, (Line(sku="A", amount_minor=700),))]))
    before = outcome(story)
    story.play(tick("2011-09-01"))
    assert outcome(story) == before
