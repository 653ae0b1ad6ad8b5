"""What holds for every history: properties over random records, ticks and program changes."""

from __future__ import annotations

import copy
from itertools import pairwise

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st
from pipeline.engine.postings import MEMBER, postings

from pipeline.engine.state import CustomerState, decode_bill, decode_head, encode_state
from schemas.facts import (
    Fact,
    MilestoneAchieved,
    PointsExpired,
    PointsIssued,
    PointsReversed,
    ProgramFact,
    RecordAccepted,
    ReturnCounted,
    StreakLevelReached,
    TierUpgraded,
)
from schemas.records import AnyCustomerRecord, CustomerRecord, Line, Profile
from tests.dsl import (
    Step,
    Story,
    Tick,
    adjust,
    bought,
    brought_back,
    changed,
    did,
    instant,
    joined,
    program,
    redeem,
    spend,
)

bounded = settings(max_examples=60)

START = instant("2011-03-20")
HOUR = 3_600_000
GOALS = [
    {"id": "days", "target_id": 1, "name": "Day", "period": "day", "counts": {"of": "transactions"}, "target": 1},
    {
        "id": "spent",
        "target_id": 2,
        "name": "Spent",
        "period": "week",
        "counts": {"of": "transactions", "measure": "sum"},
        "target": 3_000,
        "points": 11,
    },
    {
        "id": "brew",
        "target_id": 3,
        "name": "Brew",
        "period": "month",
        "counts": {"of": "events", "event": "brew", "measure": "sum", "attribute": "grams"},
        "target": 20,
        "points": 7,
    },
]
STREAK = {
    "id": "daily",
    "streak_id": 1,
    "name": "Daily",
    "milestone": "days",
    "levels": [{"name": "Two", "periods": 2, "points": 5}, {"name": "Three", "periods": 3, "points": 9}],
    "validity": {"last": "2011-04-20"},
}
RULES = [
    spend(),
    spend("more", 3, 250, minimum_minor=500, excluded_categories=["x"]),
    {"id": "half-more", "kind": "multiplier", "factor": "3/2", "skus": ["A"], "categories": ["y"]},
    {"id": "third", "kind": "multiplier", "factor": "1/3", "skus": ["B"]},
    {"id": "brew", "kind": "event", "event": "brew", "points": 2},
]
TIERS = {"levels": [{"name": "A", "threshold": 0}, {"name": "B", "threshold": 40}, {"name": "C", "threshold": 5_000}]}
RICH = program(
    rules=RULES,
    points={"expiry": {"days": 6}},
    milestones=GOALS,
    streaks=[STREAK],
    tiers={**TIERS, "basis": "lifetime_points"},
    repeat_window_days=9,
    returns={"window_days": 12},
    redemption={"minimum_points": 3},
)
POOR = program(version=2, rules=RULES[:1], milestones=GOALS[:1], points={"name": "BEANS", "expiry": {"days": 0}})
ABROAD = program(
    program_id=2, zone="America/Sao_Paulo", currency="BRL", rules=[spend()], milestones=GOALS, streaks=[STREAK]
)
SECOND = program(
    program_id=3, zone="Pacific/Auckland", rules=[spend("all", 7, 90)], tiers={**TIERS, "basis": "net_purchases"}
)

hours = st.integers(0, 40 * 24)
bills = st.sampled_from([f"B{number}" for number in range(6)])
amounts = st.integers(0, 2_500)
lines = st.builds(Line, st.sampled_from("ABC"), st.integers(0, 900), st.integers(1, 3), st.sampled_from(["", "x", "y"]))


def _bought(hour: int, bill: str, parts: tuple[Line, ...], amount: int, currency: str) -> CustomerRecord:
    record_id = f"{bill}-{hour % 7}"
    return bought(
        bill, None if parts else amount, "", lines=parts, currency=currency, id=record_id, event_time=_at(hour)
    )


def _at(hour: int) -> int:
    return START + hour * HOUR


money = st.sampled_from(["GBP", "GBP", "GBP", "BRL"])
records = st.one_of(
    st.builds(_bought, hours, bills, st.lists(lines, max_size=3).map(tuple), amounts, money),
    st.builds(
        lambda hour, bill, amount, currency: brought_back(
            bill, amount, "", currency=currency, id=f"r{hour % 11}", event_time=_at(hour)
        ),
        hours,
        bills,
        amounts,
        money,
    ),
    st.builds(
        lambda hour, grams: did("brew", "", attributes={"grams": grams}, id=f"e{hour}", event_time=_at(hour)),
        hours,
        st.one_of(st.integers(-5, 30), st.just("7"), st.just(2**63 - 1)),
    ),
    st.builds(
        lambda hour, points, one: redeem(points, "", program_id=one, id=f"d{hour}", event_time=_at(hour)),
        hours,
        st.integers(-2, 40),
        st.integers(1, 4),
    ),
    st.builds(
        lambda hour, points, one: adjust(points, "", program_id=one, id=f"a{hour}", event_time=_at(hour)),
        hours,
        st.integers(-30, 30),
        st.integers(1, 3),
    ),
    st.builds(lambda hour: joined("", Profile(first_name="Ann"), id=f"j{hour}", event_time=_at(hour)), hours),
    st.builds(
        lambda hour: changed("", Profile(extended={str(hour % 3): "x"}), id=f"c{hour}", event_time=_at(hour)), hours
    ),
)
ticks = st.builds(lambda hour: Tick(_at(hour)), hours)
changes = st.sampled_from([RICH, POOR, ABROAD, SECOND])
messy = st.lists(st.one_of(records, records, records, ticks, changes), max_size=25)
"""Anything in any order: late, repeated, conflicting, with programs that come and change."""


@st.composite
def _in_order(draw: st.DrawFn) -> list[AnyCustomerRecord]:
    return sorted(draw(st.lists(records, max_size=20)), key=lambda record: record.event_time)


ordered = _in_order()
"""Records whose clock never falls, as ticks promise."""


def play(*steps: Step) -> Story:
    story = Story(RICH, ABROAD)
    for step in steps:
        story.play(step)
    return story


@bounded
@forall(messy)
def test_folding_gives_the_state_and_the_ledger_balances_after_every_step(history: list[Step]) -> None:
    play(*history)  # the dsl checks after every step


@bounded
@forall(messy)
def test_every_movement_sums_to_the_change_that_its_fact_prints(history: list[Step]) -> None:
    story = play(*history)
    balances: dict[tuple[int, str], int] = {}
    for one in story.facts:
        for move in postings(one):
            assert isinstance(one, ProgramFact)
            key = (one.program_id, move.currency)
            balances[key] = balances.get(key, 0) + (move.points if move.destination == MEMBER else -move.points)
            assert balances[key] == one.balance >= 0  # type: ignore[attr-defined]


@bounded
@forall(messy)
def test_each_lot_is_awarded_once_and_used_up_at_most_once(history: list[Step]) -> None:
    story = play(*history)
    open_points = {one.seq: one.points for one in story.only(PointsIssued)}
    for one in story.facts:
        for taken in (*getattr(one, "taken", ()), *getattr(one, "reversals", ())):
            open_points[taken.lot_id] -= taken.points
    accounts = [each for section in story.state.head.sections.values() for each in section.accounts.values()]
    left = {lot.lot_id: lot.open_points for account in accounts for lot in account.lots}
    assert {lot: points for lot, points in open_points.items() if points} == left


@bounded
@forall(messy)
def test_the_same_record_again_changes_nothing(history: list[Step]) -> None:
    story = Story(RICH, ABROAD)
    for step in history:
        story.play(step)
        if not isinstance(step, CustomerRecord) or RecordAccepted not in {type(one) for one in story.decided}:
            continue
        before, decided = copy.deepcopy(story.state), len(story.facts)
        story.play(step, story.state.head.clock + HOUR)
        assert (story.state, len(story.facts)) == (before, decided)


@bounded
@forall(messy)
def test_nothing_is_reached_or_counted_twice(history: list[Step]) -> None:
    history = [step for step in history if step is not POOR]
    story = play(*history)
    achieved = [(one.program_id, one.milestone_id, one.period) for one in story.only(MilestoneAchieved)]
    levels = [(one.program_id, one.streak_id, one.level) for one in story.only(StreakLevelReached)]
    assert (len(set(achieved)), len(set(levels))) == (len(achieved), len(levels))
    for program_id in (1, 2, 3):
        tiers = [(one.previous, one.reached) for one in story.only(TierUpgraded) if one.program_id == program_id]
        assert all(previous < reached for previous, reached in tiers)
        assert all(earlier[1] == later[0] for earlier, later in pairwise(tiers))
    causes = [(one.cause, one.at, one.program_id) for one in story.only(PointsExpired)]
    assert len(set(causes)) == len(causes)


@bounded
@forall(messy)
def test_what_comes_back_is_never_more_than_there_was(history: list[Step]) -> None:
    story = play(*history)
    for section in story.state.head.sections.values():
        assert 0 <= section.returned_minor <= section.purchases_minor
    assert all(one.amount_minor >= 0 for one in story.only(ReturnCounted))


@bounded
@forall(ordered, st.lists(hours, max_size=15))
def test_results_do_not_depend_on_how_often_ticks_come(history: list[AnyCustomerRecord], found: list[int]) -> None:
    rare, often = play(), play()
    ahead = sorted(found)
    for record in history:
        while ahead and _at(ahead[0]) <= record.event_time:
            often.play(Tick(_at(ahead.pop(0))))
        rare.play(record)
        often.play(record)
    for story in (rare, often):
        story.play(Tick(_at(2_000)))
    assert often.facts == rare.facts
    assert often.state == rare.state


@bounded
@forall(messy)
def test_state_that_was_stored_between_records_decides_the_same(history: list[Step]) -> None:
    kept, stored = Story(RICH, ABROAD), Story(RICH, ABROAD)
    for step in history:
        kept.play(step)
        stored.play(step)
        stored.state = CustomerState(
            decode_head(encode_state(stored.state.head)),
            {key: decode_bill(encode_state(bill)) for key, bill in stored.state.entries.items()},
        )
    assert stored.facts == kept.facts


@bounded
@forall(st.lists(st.tuples(amounts, st.lists(st.integers(1, 2_500), max_size=4)), min_size=1, max_size=4))
def test_any_split_of_a_return_ends_at_exactly_the_award(purchases: list[tuple[int, list[int]]]) -> None:
    story = Story(program(rules=RULES))
    for number, (amount, _) in enumerate(purchases):
        story.play(bought(f"B{number}", amount, "", event_time=START))
    for number, (amount, parts) in enumerate(purchases):
        for part, back in enumerate((*parts, amount)):
            story.play(brought_back(f"B{number}", back, "", id=f"r{number}-{part}", event_time=START + part))
    taken = sum(one.points for one in story.only(PointsReversed))
    assert taken == sum(one.points for one in story.only(PointsIssued))
    assert all(each.balance == each.lifetime == 0 for each in story.state.head.sections[1].accounts.values())


@bounded
@forall(messy)
def test_the_same_history_gives_the_same_facts(history: list[Step]) -> None:
    assert play(*history).facts == play(*history).facts


def test_no_two_customers_share_anything() -> None:
    alone = play(bought("B1", 1_000, "", event_time=START)).facts
    other: list[Fact] = Story(RICH, ABROAD).play(joined("", event_time=START))
    assert other
    assert play(bought("B1", 1_000, "", event_time=START)).facts == alone
