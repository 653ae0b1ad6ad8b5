"""What holds for every history: properties over random records, ticks and program changes."""

from __future__ import annotations

import copy
from collections import Counter

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.calendar import as_date
from pipeline.engine.state import CustomerState, decode_entry, decode_head, encode_state
from schemas.facts import (
    MilestoneAchieved,
    PointsExpired,
    PointsIssued,
    PointsRedeemed,
    PointsReversed,
    RecordAccepted,
    RecordRefused,
    RedemptionReversed,
    ReturnCounted,
    StreakLevelReached,
    TierUpgraded,
)
from schemas.records import AnyCustomerRecord, CustomerRecord, Line, Profile
from tests.dsl import Story
from tests.steps import (
    Activation,
    Step,
    Tick,
    activate,
    adjust,
    block,
    bought,
    brought_back,
    call_off,
    cancel,
    changed,
    confirm,
    day,
    delivered,
    did,
    expire_now,
    extend,
    instant,
    joined,
    milestone,
    program,
    redeem,
    release,
    reverse,
    spend,
    status,
    updated,
)

bounded = settings(max_examples=60)

START = instant("2011-03-20")
HOUR = 3_600_000
GOALS = [
    milestone("days", 1, "day"),
    milestone("spent", 3_000, "week", counts={"of": "transactions", "measure": "sum"}, points=11),
    milestone("visits", 2, "week", points=13, currency="STARS"),
    milestone(
        "brew",
        20,
        "month",
        counts={"of": "events", "event": "brew", "measure": "sum", "attribute": "grams"},
        points=7,
        promised={"until": "days", "days": 2},
    ),
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
    spend("more", 3, 250, minimum_minor=500, excluded_categories=["x"], expiry={"dates": ["03-31", "04-05"]}),
    {"id": "half-more", "kind": "multiplier", "factor": "3/2", "skus": ["A"], "categories": ["y"]},
    {"id": "third", "kind": "multiplier", "factor": "1/3", "skus": ["B"]},
    {"id": "brew", "kind": "event", "event": "brew", "points": 2},
    spend("later", 2, 300, promised={"until": "days", "days": 4}),
    spend("in-april", 1, 500, promised={"until": "date", "date": "2011-04-03"}),
    spend("delivered", 1, 700, promised={"until": "delivered", "within_days": 3}),
    spend("shown", 1, 800, promised={"until": "trigger", "event": "brew", "within_days": 5}),
]
CURRENCIES = [
    {"id": "STARS", "scale": 1, "expiry": {"days": 3}, "redemption": {"minimum_points": 2}},
    {"id": "COINS", "value_minor": 5},
]
ALTERNATES = [
    spend("stars", 5, 400, currency="STARS"),
    spend("coins", 2, 700, currency="COINS"),
    {"id": "brew-stars", "kind": "event", "event": "brew", "points": 3, "currency": "STARS"},
]
TIERS = {"levels": [{"name": "A", "threshold": 0}, {"name": "B", "threshold": 40}, {"name": "C", "threshold": 5_000}]}
RICH_PARTS = {
    "rules": [*RULES, *ALTERNATES],
    "currencies": CURRENCIES,
    "points": {
        "expiry": {"days": 6, "rolling": True},
        "expiry_by_tier": {"b": {"inactive_days": 9}, "c": {"months": 1, "round_up": "month", "rolling": True}},
        "activity": {"events": ["brew"]},
        "reminders": [2, 5],
    },
    "milestones": GOALS,
    "streaks": [STREAK],
    "tiers": {**TIERS, "basis": "lifetime_points"},
    "repeat_window_days": 9,
    "returns": {"window_days": 12, "method": "line_exact", "shortfall": "deficit", "rewards": "clawback"},
    "redemption": {
        "minimum_points": 3,
        "hold_minutes": 2_000,
        "late_minutes": 1_440,
        "maximum_points": 30,
        "by_tier": {"b": {"multiple_of": 2}},
        "order": "promotional_first",
    },
}
RICH = program(**RICH_PARTS)
POOR = program(version=2, rules=RULES[:1], milestones=GOALS[:1], points={"name": "BEANS", "expiry": {"days": 0}})
RICH_AGAIN = program(version=3, **RICH_PARTS)
ABROAD = program(
    program_id=2,
    zone="America/Sao_Paulo",
    currency="BRL",
    rules=[spend()],
    currencies=CURRENCIES,
    milestones=GOALS,
    streaks=[STREAK],
)
SECOND = program(
    program_id=3,
    redemption={"past_expiry": "reissue", "order": "lifo"},
    points={"expiry": {"days": 3}, "ratio": "0.0312500001"},
    zone="Pacific/Auckland",
    rules=[spend("all", 7, 90), *RULES[1:4]],
    tiers={**TIERS, "basis": "net_purchases"},
    returns={"method": "recompute_remaining", "shortfall": "other_lots"},
)

hours = st.integers(0, 40 * 24)
bills = st.sampled_from([f"B{number}" for number in range(6)])
amounts = st.integers(0, 2_500)
lines = st.builds(Line, st.sampled_from("ABC"), st.integers(0, 900), st.integers(1, 3), st.sampled_from(["", "x", "y"]))


def _at(hour: int) -> int:
    return START + hour * HOUR


def _bought(hour: int, bill: str, parts: tuple[Line, ...], amount: int, currency: str) -> CustomerRecord:
    return bought(bill, None if parts else amount, _at(hour), lines=parts, currency=currency, id=f"{bill}-{hour % 7}")


def _updated(hour: int, bill: str, parts: tuple[Line, ...], amount: int, status: str) -> CustomerRecord:
    return updated(bill, amount, _at(hour), lines=parts, delivery_status=status, id=f"u{hour % 11}")


def _brought_back(hour: int, bill: str, parts: tuple[Line, ...], amount: int, currency: str) -> CustomerRecord:
    return brought_back(bill, None if parts else amount, _at(hour), lines=parts, currency=currency, id=f"r{hour % 11}")


def _changed_expiry(hour: int, days: int, some: list[int]) -> CustomerRecord:
    on = str(as_date(day("2011-03-20") + hour // 24 + days))
    return extend(on, _at(hour), *some, later=bool(hour % 2), id=f"x{hour % 5}")


lots = st.lists(st.integers(1, 6), max_size=2)
money = st.sampled_from(["GBP", "GBP", "GBP", "BRL"])
grams = st.one_of(st.integers(-5, 30), st.just("7"), st.just(2**63 - 1))
points_of = st.sampled_from(["", "", "STARS", "COINS"])
records = st.one_of(
    st.builds(_bought, hours, bills, st.lists(lines, max_size=3).map(tuple), amounts, money),
    st.builds(_brought_back, hours, bills, st.lists(lines, max_size=2).map(tuple), amounts, money),
    st.builds(
        _updated,
        hours,
        bills,
        st.lists(lines, max_size=3).map(tuple),
        st.one_of(st.just(0), amounts),
        st.sampled_from(["", "", "DELIVERED"]),
    ),
    st.builds(lambda hour, grams: did("brew", _at(hour), attributes={"grams": grams}), hours, grams),
    st.builds(
        lambda hour, points, program_id, currency, bill, number, *, held: redeem(
            points,
            _at(hour),
            program_id=program_id,
            currency=currency,
            bill_number=bill,
            hold=held,
            id=f"d{number}",
        ),
        hours,
        st.integers(-2, 40),
        st.integers(1, 4),
        points_of,
        st.one_of(st.just(""), bills),
        st.integers(0, 30),
        held=st.booleans(),
    ),
    st.builds(
        lambda hour, program_id, number: confirm(f"d{number}", _at(hour), program_id=program_id),
        hours,
        st.integers(1, 3),
        st.integers(0, 30),
    ),
    st.builds(
        lambda hour, program_id, number, points: reverse(f"d{number}", _at(hour), points, program_id=program_id),
        hours,
        st.integers(1, 3),
        st.integers(0, 30),
        st.one_of(st.none(), st.integers(1, 20)),
    ),
    st.builds(
        lambda hour, points, program_id, currency: adjust(points, _at(hour), program_id=program_id, currency=currency),
        hours,
        st.integers(-30, 30),
        st.integers(1, 3),
        points_of,
    ),
    st.builds(
        lambda hour, points, program_id, ends, number: block(
            points, _at(hour), program_id=program_id, until=None if ends is None else _at(ends), id=f"h{number}"
        ),
        hours,
        st.integers(1, 30),
        st.integers(1, 3),
        st.one_of(st.none(), hours),
        st.integers(0, 9),
    ),
    st.builds(
        lambda hour, program_id, number: release(f"h{number}", _at(hour), program_id=program_id),
        hours,
        st.integers(1, 3),
        st.integers(0, 9),
    ),
    st.builds(
        lambda hour, named: cancel(_at(hour), **named, id=f"c{hour % 7}"),
        hours,
        st.one_of(
            st.builds(lambda lot: {"lot": lot}, st.integers(1, 8)),
            st.builds(lambda bill: {"bill_number": bill}, bills),
            st.builds(lambda bill: {"bill_number": bill, "rule": "more"}, bills),
            st.builds(lambda bill: {"bill_number": bill, "currency": "STARS"}, bills),
        ),
    ),
    st.builds(_changed_expiry, hours, st.integers(-3, 20), lots),
    st.builds(lambda hour, some: expire_now(_at(hour), *some, id=f"n{hour % 5}"), hours, lots),
    st.builds(
        lambda hour, name: status(name, _at(hour)),
        hours,
        st.sampled_from(["ACTIVE", "ACTIVE", "ACTIVE", "INACTIVE", "BLOCKED", "FRAUD"]),
    ),
    st.builds(lambda hour: joined(_at(hour), Profile(first_name="Ann")), hours),
    st.builds(lambda hour, bill: did("brew", _at(hour), attributes={"reference": bill}), hours, bills),
    st.builds(lambda hour, bill: delivered(bill, _at(hour)), hours, bills),
    st.builds(lambda hour, bill, ask: ask(bill, _at(hour)), hours, bills, st.sampled_from([activate, call_off])),
    st.builds(lambda hour: changed(_at(hour), Profile(extended={str(hour % 3): "x"})), hours),
)
ticks = st.builds(lambda hour: Tick(_at(hour)), hours)
changes = st.builds(
    lambda definition, hour: Activation(definition, _at(hour)),
    st.sampled_from([RICH, POOR, RICH_AGAIN, ABROAD, SECOND]),
    st.one_of(st.just(0), hours),
)
messy = st.lists(st.one_of(records, records, records, ticks, changes), max_size=25)
"""Anything in any order: late, duplicate, conflicting, with programs that come and change, some at a later instant."""


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
def test_whatever_happens_nothing_is_counted_twice_or_lost(history: list[Step]) -> None:
    """Beside this, `tests.invariants` holds after every step."""
    story = play(*history)
    redemptions_come_back_at_most_once(story)
    tiers_only_rise(story)
    causes = [(envelope.cause, envelope.at, envelope.program_id) for envelope in story.envelopes(PointsExpired)]
    assert len(set(causes)) == len(causes)
    for section in story.state.head.sections.values():
        assert 0 <= section.returned_minor <= section.purchases_minor
    assert all(counted.amount_minor >= 0 for counted in story.only(ReturnCounted))


def redemptions_come_back_at_most_once(story: Story) -> None:
    left: Counter[str] = Counter()
    worth: Counter[str] = Counter()
    for fact in story.facts:
        decision = fact.decision
        if isinstance(decision, PointsRedeemed):
            left[decision.redemption_id] = decision.points
            worth[decision.redemption_id] = decision.value_minor
        elif isinstance(decision, RedemptionReversed):
            left[decision.redemption_id] -= decision.points
            worth[decision.redemption_id] -= decision.value_minor
            assert left[decision.redemption_id] >= 0
            assert worth[decision.redemption_id] >= 0
            assert (left[decision.redemption_id] > 0) or not worth[decision.redemption_id]
            assert sum(part.points for part in (*decision.restored, *decision.past)) == decision.points
            assert decision.expired + sum(lot.points for lot in decision.lots) == sum(
                part.points for part in decision.past
            )


def tiers_only_rise(story: Story) -> None:
    tiers: dict[int, int] = {}
    for fact in story.facts:
        if isinstance(fact.decision, TierUpgraded):
            program_id = fact.envelope.program_id
            assert tiers.get(program_id, fact.decision.previous) == fact.decision.previous < fact.decision.reached
            tiers[program_id] = fact.decision.reached


@bounded
@forall(messy)
def test_nothing_is_reached_twice_while_the_program_has_it(history: list[Step]) -> None:
    story = play(*(step for step in history if not (isinstance(step, Activation) and step.definition is POOR)))
    for kind, subject in (
        (MilestoneAchieved, lambda achieved: (achieved.milestone_id, achieved.period)),
        (StreakLevelReached, lambda reached: (reached.streak_id, reached.level)),
    ):
        reached = [
            (fact.envelope.program_id, *subject(fact.decision)) for fact in story.facts if type(fact.decision) is kind
        ]
        assert len(set(reached)) == len(reached)


@bounded
@forall(messy)
def test_duplicate_changes_nothing(history: list[Step]) -> None:
    story = Story(RICH, ABROAD)
    for step in history:
        story.play(step)
        if not isinstance(step, CustomerRecord) or RecordAccepted not in story.kinds():
            continue
        before, decided = copy.deepcopy(story.state), len(story.facts)
        story.when(step, as_of=story.state.head.clock + HOUR).then_nothing()
        assert (story.state, len(story.facts)) == (before, decided)


@bounded
@forall(ordered, st.lists(hours, max_size=15), st.lists(changes, max_size=3))
def test_results_do_not_depend_on_how_often_ticks_come(
    history: list[AnyCustomerRecord], found: list[int], scheduled: list[Activation]
) -> None:
    rare, often = play(*scheduled), play(*scheduled)
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
            {name: decode_entry(encode_state(entry)) for name, entry in stored.state.entries.items()},
        )
    assert stored.facts == kept.facts


@bounded
@forall(st.lists(st.tuples(amounts, st.lists(st.integers(1, 2_500), max_size=4)), min_size=1, max_size=4))
def test_any_split_of_a_return_ends_at_exactly_the_award(purchases: list[tuple[int, list[int]]]) -> None:
    story = Story(program(rules=RULES))
    for number, (amount, _) in enumerate(purchases):
        story.play(bought(f"B{number}", amount, START))
    for number, (amount, parts) in enumerate(purchases):
        for part, back in enumerate((*parts, amount)):
            story.play(brought_back(f"B{number}", back, START + part, id=f"r{number}-{part}"))
    taken = sum(reversed_.points for reversed_ in story.only(PointsReversed))
    assert taken == sum(issued.points for issued in story.only(PointsIssued))
    assert (story.balance(), story.account().lifetime, story.account().promised) == (0, 0, 0)


@bounded
@forall(st.lists(st.tuples(hours, amounts), max_size=5), amounts, st.lists(st.integers(1, 900), max_size=3))
def test_bill_that_comes_back_before_its_points_are_current_leaves_the_rest_as_if_it_had_not_been(
    others: list[tuple[int, int]], amount: int, parts: list[int]
) -> None:
    rules = [spend("later", 2, 300, promised={"until": "days", "days": 2})]
    definition = program(rules=rules, tiers={**TIERS, "basis": "lifetime_points"})
    around = [joined(START), *(bought(f"B{number}", spent, _at(hour)) for number, (hour, spent) in enumerate(others))]
    there = _at(500)
    back = [brought_back("B", part, there + 1 + at, id=f"back-{at}") for at, part in enumerate((*parts, 2_500))]
    endings: list[tuple[int, int, int, int]] = []
    for records_of_b in ([], [bought("B", amount, there), *back]):
        story = Story(definition)
        for step in sorted((*around, *records_of_b), key=lambda record: record.event_time):
            story.play(step)
        assert all(one.current == 0 for one in story.only(PointsReversed))
        story.play(Tick(_at(2_000)))
        endings.append((story.balance(), story.account().lifetime, story.account().promised, story.tier()))
    assert endings[0] == endings[1]


whole_lines = st.lists(lines, max_size=3).map(tuple)


@bounded
@forall(whole_lines, st.lists(whole_lines, min_size=1, max_size=3), st.lists(st.integers(1, 1_500), max_size=4))
def test_updated_bill_leads_where_it_would_have_led_had_it_been_right_from_the_beginning(
    first: tuple[Line, ...], corrections: list[tuple[Line, ...]], returns: list[int]
) -> None:
    shop = program(rules=[*RULES, *ALTERNATES], currencies=CURRENCIES, points={"expiry": {"days": 90}})
    wrong, right = Story(shop), Story(shop)
    wrong.play(bought("B1", None, START, lines=first))
    right.play(bought("B1", None, START, lines=corrections[-1]))
    for number, back in enumerate(returns[:2]):
        for story in (wrong, right):
            story.play(brought_back("B1", back, START + 1 + number, id=f"r{number}"))
    before = wrong.bill("B1").returned_minor
    for number, corrected in enumerate(corrections):
        wrong.play(updated("B1", None if corrected else 0, START + 10 + number, lines=corrected))
    if wrong.bill("B1").returned_minor != right.bill("B1").returned_minor or wrong.only(RecordRefused):
        return  # more came back than the right bill has, or an update left less than that
    assert before == right.bill("B1").returned_minor
    for number, back in enumerate(returns[2:]):
        for story in (wrong, right):
            story.play(brought_back("B1", back, START + 20 + number, id=f"s{number}"))
    for currency in ("POINTS", "STARS", "COINS"):
        accounts = [story.account(currency=currency) for story in (wrong, right)]
        assert len({(account.balance, account.lifetime) for account in accounts}) == 1
    nets = {story.section().purchases_minor - story.section().returned_minor for story in (wrong, right)}
    assert len(nets) == 1


@bounded
@forall(messy)
def test_the_same_history_gives_the_same_facts(history: list[Step]) -> None:
    assert play(*history).facts == play(*history).facts


def test_no_two_customers_share_anything() -> None:
    alone = play(bought("B1", 1_000, START)).facts
    other = Story(RICH, ABROAD).play(joined(START))
    assert other
    assert play(bought("B1", 1_000, START)).facts == alone
