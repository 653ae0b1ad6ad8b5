"""Outcomes: which refusals use up an id, and what is remembered of a record's outcome for as long as its id."""

from __future__ import annotations

import pytest

from pipeline.engine import duplicates, spilled
from pipeline.engine.outcomes import DONE, USES_UP_ID, WAITS, Outcome, first_outcome, outcome_of
from schemas.facts import PointsDebited, PointsIssued, PointsRedeemed, RecordRefused, Refusal
from schemas.program import ProgramDefinition
from schemas.records import AnyCustomerRecord, RedeemPoints
from tests.dsl import Story, given
from tests.engine.test_refusals import B1, CASES, SHOP, with_small_bounds
from tests.steps import (
    Step,
    Tick,
    adjust,
    bought,
    brought_back,
    did,
    instant,
    joined,
    milestone,
    program,
    redeem,
    spend,
)

DAY = 86_400_000
CLOSED = program(rules=[spend()], add_customers=False)


def cause(record: AnyCustomerRecord) -> str:
    return f"{type(record).__name__}:{record.id}"


def remembered(story: Story, record: AnyCustomerRecord) -> Outcome:
    return first_outcome(story.state, cause(record))


def play(story: Story, *steps: Step) -> None:
    for step in steps:
        story.play(step)


def refusals(story: Story) -> list[Refusal]:
    return [fact.decision.reason for fact in story.decided if isinstance(fact.decision, RecordRefused)]


def test_every_refusal_says_whether_it_uses_up_the_id_of_an_event() -> None:
    assert list(USES_UP_ID) == list(Refusal)
    assert {reason for reason, used in USES_UP_ID.items() if not used} == {
        Refusal.TOO_OLD,
        Refusal.TOO_MANY,
        Refusal.CUSTOMER_UNKNOWN,
        Refusal.IDENTIFIER_UNKNOWN,
        Refusal.IDENTITY_KEY_DIFFERS,
        Refusal.TOO_MANY_HELD,
        Refusal.HOLD_ENDED,
        Refusal.IDENTIFIERS_IN_BACKFILL,
        Refusal.EVENT_EXISTS,
    }


@pytest.mark.parametrize("reason", [one for one in CASES if one not in (Refusal.ID_REUSED, Refusal.HOLD_ENDED)])
def test_refused_record_that_comes_again_is_a_duplicate_exactly_where_its_id_is_used_up(
    reason: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_small_bounds(monkeypatch)
    steps, record, _, _ = CASES[reason]
    story = given(*steps, record)
    story.play(record)
    if USES_UP_ID[reason]:
        assert (story.decided, remembered(story, record)) == ([], Outcome(reason=reason))
    else:
        assert refusals(story) == [reason]


def test_too_many_return_documents_of_a_bill_leave_the_id_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.bills.records.DOCUMENTS_MAX", 1)
    second = brought_back("B1", 1, "2011-03-03")
    story = given(SHOP, B1, brought_back("B1", 1, "2011-03-02"), second)
    assert (refusals(story), story.remembers(second)) == ([Refusal.TOO_MANY], False)


def test_id_that_another_record_used_stays_with_that_record() -> None:
    other = bought("B2", 1, "2011-03-02", id="t-B1")
    story = given(SHOP, B1, other)
    assert (refusals(story), remembered(story, B1)) == ([Refusal.ID_REUSED], DONE)
    story.when(B1).then_nothing()


def test_record_of_an_unknown_customer_counts_when_it_comes_again_after_the_registration() -> None:
    story = given(CLOSED, B1, joined("2011-02-01"))
    story.play(B1)
    assert (len(story.only(PointsIssued)), story.balance()) == (1, 10)


@pytest.mark.parametrize(
    ("steps", "command", "reason"),
    [
        pytest.param([CLOSED], redeem(5, "2011-03-01"), Refusal.CUSTOMER_UNKNOWN, id="unknown-customer"),
        pytest.param([SHOP, did("x", "2011-06-01")], redeem(5, "2011-03-01"), Refusal.TOO_OLD, id="too-old"),
        pytest.param([SHOP], redeem(5, "2011-03-01", program_id=9), Refusal.PROGRAM_UNKNOWN, id="unknown-program"),
        pytest.param([SHOP], redeem(5, "2011-03-01"), Refusal.BALANCE_TOO_LOW, id="too-little"),
        pytest.param([SHOP], adjust(-5, "2011-03-01"), Refusal.BALANCE_TOO_LOW, id="too-little-to-take"),
    ],
)
def test_command_uses_up_its_id_whatever_refuses_it(
    steps: list[ProgramDefinition | Step], command: AnyCustomerRecord, reason: Refusal
) -> None:
    story = given(*steps, command)
    assert refusals(story) == [reason]
    now = max(story.state.head.clock, instant("2011-03-02"))
    story.play(adjust(50, now))
    story.when(command, as_of=now + DAY).then_nothing()
    assert remembered(story, command) == Outcome(reason=reason)
    make = redeem if isinstance(command, RedeemPoints) else adjust
    story.play(make(7, now, id=command.id))
    assert refusals(story) == [Refusal.ID_REUSED]


def test_command_that_is_too_old_is_remembered_for_a_window_from_then() -> None:
    asked = redeem(5, "2011-01-01")
    story = given(SHOP, did("now", "2011-03-01"), asked)
    play(story, did("in-time", "2011-04-05"), did("one-more", "2011-04-05 13:00"))
    assert remembered(story, asked) == Outcome(reason=Refusal.TOO_OLD)
    play(story, did("late", "2011-04-06"), did("later", "2011-04-06 13:00"))
    assert (story.remembers(asked), story.state.head.outcomes) == (False, {})


def with_few_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """One id in a head, and one beside it."""
    monkeypatch.setattr(spilled, "BUCKETS", 1)
    monkeypatch.setattr(duplicates, "RECENT_MAX", 1)
    monkeypatch.setattr(duplicates, "SPILLED_MAX", 1)


def test_command_that_is_too_old_is_not_remembered_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    with_few_ids(monkeypatch)
    story = given(SHOP, did("x", "2011-06-01"))
    play(story, *(redeem(5, "2011-03-01", id=f"r{number}") for number in range(5)))
    assert len(story.state.head.recent) == 2
    assert refusals(story) == [Refusal.TOO_OLD]


def test_command_beyond_the_ids_of_a_customer_is_refused_and_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    with_few_ids(monkeypatch)
    asked = redeem(5, "2011-03-02")
    story = given(SHOP, B1, did("x", "2011-03-02"), asked)
    assert (refusals(story), story.remembers(asked)) == ([Refusal.TOO_MANY], False)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        pytest.param(redeem(5, "2011-03-02"), PointsRedeemed, id="redeemed"),
        pytest.param(adjust(5, "2011-03-02"), PointsIssued, id="given"),
        pytest.param(adjust(-5, "2011-03-02"), PointsDebited, id="taken"),
    ],
)
def test_done_command_costs_the_head_nothing_beside_its_id(command: AnyCustomerRecord, kind: type) -> None:
    story = given(SHOP, B1, command)
    assert kind in story.kinds()
    assert (remembered(story, command), story.state.head.outcomes) == (DONE, {})


@pytest.mark.parametrize("currency", ["POINTS", "STARS"])
def test_reward_that_a_version_brings_is_not_what_a_refused_command_did(currency: str) -> None:
    parts = [
        {"currencies": [{"id": "STARS"}], "milestones": [milestone("m", target, points=3, currency=currency)]}
        for target in (2, 1)
    ]
    story = given(program(**parts[0]), bought("B1", 100, "2011-03-01"), program(version=2, **parts[1]))
    story.play(redeem(99, "2011-03-02"))
    assert story.balance(currency=currency) == 3
    decided = [(fact.envelope, fact.decision) for fact in story.decided]
    assert outcome_of(decided) == Outcome(reason=Refusal.BALANCE_TOO_LOW)


def test_outcome_is_forgotten_with_its_id_and_new_with_a_new_record_of_that_id() -> None:
    first = redeem(99, "2011-03-02", id="x")
    story = given(SHOP, B1, first)
    assert remembered(story, first) == Outcome(reason=Refusal.BALANCE_TOO_LOW)
    again = redeem(5, "2011-05-01", id="x")
    story.play(again)
    assert (remembered(story, again), story.state.head.outcomes) == (DONE, {})


def test_outcomes_count_among_the_items_of_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ids and a lot would be three items: the refusal that is remembered is the fourth."""
    monkeypatch.setattr(duplicates, "HEAD_ITEMS_MAX", 4)
    story = given(SHOP, B1, redeem(99, "2011-03-02"))
    story.play(did("x", "2011-03-03"))
    assert refusals(story) == [Refusal.TOTAL_TOO_LARGE]


EARLY = brought_back("B7", 100, "2011-03-02")


def test_return_that_waits_is_remembered_as_waiting_and_then_by_what_its_bill_decides() -> None:
    story = given(SHOP, EARLY)
    assert remembered(story, EARLY) == WAITS
    story.play(bought("B7", 1_000, "2011-03-01"), as_of=instant("2011-03-03"))
    assert (remembered(story, EARLY), story.state.head.outcomes) == (DONE, {})


def test_waiting_return_that_its_bill_refuses_is_remembered_as_refused() -> None:
    copy = brought_back("B7", 200, "2011-03-02", id="copy", bill_number=EARLY.bill_number)
    story = given(SHOP, EARLY, copy)
    story.play(bought("B7", 1_000, "2011-03-01"), as_of=instant("2011-03-03"))
    assert (remembered(story, EARLY), remembered(story, copy)) == (DONE, Outcome(reason=Refusal.RETURN_EXISTS))


@pytest.mark.parametrize(
    ("since", "outcome"),
    [
        pytest.param(0, Outcome(reason=Refusal.BILL_UNKNOWN), id="id-still-remembered"),
        pytest.param(40, DONE, id="id-forgotten-meanwhile"),
    ],
)
def test_waiting_return_whose_bill_does_not_come_is_remembered_as_refused_while_its_id_is(
    since: int, outcome: Outcome
) -> None:
    wide = program(rules=[spend()], repeat_window_days=40, returns={"window_days": 90})
    story = given(wide).when(EARLY, as_of=EARLY.event_time + since * DAY)
    play(story, *(did("x", EARLY.event_time + (since + later) * DAY) for later in (1, 2)))
    story.play(Tick(EARLY.event_time + (since + 41) * DAY))
    assert remembered(story, EARLY) == outcome


def test_record_that_one_of_two_programs_refuses_is_done_and_one_that_both_refuse_is_refused() -> None:
    narrow = program(rules=[spend()], repeat_window_days=10)
    wide = program(rules=[spend()], repeat_window_days=30, program_id=2)
    late = bought("B1", 1_000, "2011-03-01")
    story = given(narrow, wide).when(late, as_of=instant("2011-03-20"))
    assert (refusals(story), remembered(story, late)) == ([Refusal.TOO_OLD], DONE)
    assert outcome_of((fact.envelope, fact.decision) for fact in story.decided) == DONE
    foreign = bought("B2", 10**18, "2011-03-20")
    for number in range(9):
        story.play(bought(f"F{number}", 10**18, "2011-03-20"))
    story.play(foreign)
    assert (refusals(story), remembered(story, foreign)) == (
        [Refusal.TOTAL_TOO_LARGE] * 2,
        Outcome(reason=Refusal.TOTAL_TOO_LARGE),
    )


def test_bill_that_programs_of_other_money_refuse_costs_the_head_nothing_beside_its_id() -> None:
    francs = program(rules=[spend()], program_id=2, currency="CHF")
    story = given(SHOP, francs, B1)
    assert (refusals(story), story.state.head.outcomes) == ([Refusal.CURRENCY_UNKNOWN], {})


def test_refusal_of_a_command_is_remembered_also_after_another_program_has_come() -> None:
    asked = redeem(99, "2011-03-02")
    story = given(SHOP, B1, asked, program(rules=[spend()], program_id=2), did("x", "2011-03-03"))
    assert len(story.state.head.sections) == 2
    assert remembered(story, asked) == Outcome(reason=Refusal.BALANCE_TOO_LOW)
