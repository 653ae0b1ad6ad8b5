"""Ids beyond what a head holds spill into entries: nothing is lost, and a head stays small."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine import duplicates, spilled
from pipeline.engine.decide import decide
from pipeline.engine.outcomes import DONE, WAITS, Outcome, first_outcome
from pipeline.engine.spilled import SpilledIds
from pipeline.engine.state import CustomerState, decode_entry, encode_state
from schemas.facts import IdsSpilled, PointsIssued, RecordRefused, Refusal
from schemas.records import AnyCustomerRecord, CustomEventReceived
from tests.dsl import Story, given
from tests.steps import bought, brought_back, did, instant, program, redeem, spend

HOUR = 3_600_000
DAY = 24 * HOUR
START = instant("2011-03-01")
WINDOW_DAYS = 10
SHOP = program(rules=[spend()], repeat_window_days=WINDOW_DAYS)
HELD = 4
"""Ids that a head holds here."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that is full at once, and one bucket, so that each id is in it."""
    with_small_heads(monkeypatch, buckets=1)


def with_small_heads(monkeypatch: pytest.MonkeyPatch, *, buckets: int) -> None:
    monkeypatch.setattr(duplicates, "RECENT_MAX", HELD)
    monkeypatch.setattr(spilled, "BUCKETS", buckets)


def logins(*numbers: int) -> list[CustomEventReceived]:
    return [did("login", START + number * HOUR) for number in numbers]


def ids_in_head(story: Story) -> int:
    return sum(key >= 0 for key in story.state.head.recent)


def spilled_ids(story: Story) -> list[SpilledIds]:
    return [entry for entry in story.state.entries.values() if isinstance(entry, SpilledIds)]


def refusals(story: Story) -> list[Refusal]:
    return [refused.reason for refused in story.only(RecordRefused)]


def outcome_in(story: Story, record: AnyCustomerRecord) -> Outcome:
    return first_outcome(story.state, f"{type(record).__name__}:{record.id}")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("records", "in_head", "beside"),
    [
        pytest.param(HELD - 1, HELD - 1, [], id="below-the-bound"),
        pytest.param(HELD, HELD, [], id="at-the-bound"),
        pytest.param(HELD + 1, 1, [HELD], id="one-more"),
        pytest.param(2 * HELD - 1, HELD - 1, [HELD], id="full-again-with-the-mark-of-the-bucket"),
        pytest.param(2 * HELD, 1, [2 * HELD - 1], id="one-more-again"),
    ],
)
def test_ids_of_a_full_head_move_beside_it(records: int, in_head: int, beside: list[int]) -> None:
    story = given(SHOP, *logins(*range(records)))
    assert (ids_in_head(story), [len(entry.recent) for entry in spilled_ids(story)]) == (in_head, beside)
    assert all(story.remembers(login) for login in logins(*range(records)))
    assert refusals(story) == []


@pytest.mark.usefixtures("small")
def test_head_without_spilled_ids_is_as_it_always_was() -> None:
    story = given(SHOP, *logins(*range(HELD)))
    assert (min(story.state.head.recent) >= 0, story.only(IdsSpilled)) == (True, [])


def test_ids_spill_by_bucket_so_that_an_id_alone_names_its_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    with_small_heads(monkeypatch, buckets=3)
    story = given(SHOP, *logins(*range(60)))
    assert ids_in_head(story) <= HELD + 3
    assert {name: {key % 3 for key in entry.recent} for name, entry in story.state.entries.items()} == {
        f"ids:{bucket}": {bucket} for bucket in range(3)
    }
    before = copy.deepcopy(story.state)
    for login in logins(*range(60)):
        story.when(login).then_nothing()
    assert story.state == before


@pytest.mark.usefixtures("small")
def test_bill_that_spilled_pays_once_whenever_it_comes_again() -> None:
    bill = bought("B1", 1_000, START)
    story = given(SHOP, bill, *logins(*range(1, 20)))
    for later in range(WINDOW_DAYS + 15):
        story.play(bill, as_of=START + later * DAY)
        story.play(*logins(later * 24))
    assert len(story.only(PointsIssued)) == 1


@pytest.mark.usefixtures("small")
def test_other_content_under_an_id_that_spilled_is_refused() -> None:
    story = given(SHOP, bought("B1", 1_000, START), *logins(*range(1, 9)))
    story.play(bought("B2", 2_000, START + 9 * HOUR, id="t-B1"))
    assert refusals(story) == [Refusal.ID_REUSED]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("hours", "reasons"),
    [
        pytest.param(WINDOW_DAYS * 24, [Refusal.ID_REUSED], id="on-the-edge-of-the-window"),
        pytest.param(WINDOW_DAYS * 24 + 1, [], id="an-hour-out-of-the-window"),
    ],
)
def test_id_that_spilled_may_come_again_once_it_is_forgotten(hours: int, reasons: list[Refusal]) -> None:
    story = given(SHOP, did("login", START, id="x"), *logins(*range(1, 9)))
    story.play(did("login", START + hours * HOUR, id="x"))
    assert refusals(story) == reasons


@pytest.mark.usefixtures("small")
def test_ids_beside_a_head_leave_when_they_are_out_of_the_window() -> None:
    story = given(SHOP, *logins(*range(9)), *logins(*range(300, 309)))
    (entry,) = spilled_ids(story)
    assert [story.remembers(login) for login in logins(*range(9), *range(300, 309))] == [False] * 9 + [True] * 9
    assert len(entry.recent) < 9
    assert entry.forgotten_at == max(when for when, _ in entry.recent.values()) + (366 + 7) * DAY + 1


@pytest.mark.usefixtures("small")
def test_when_all_that_spilled_is_forgotten_the_entry_is_looked_at_no_more() -> None:
    story = given(SHOP, *logins(*range(9)))
    (login,) = logins(300)
    story.play(login)
    assert list(story.state.head.recent.values()) == [(login.event_time, login.digest)]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("gone", [False, True], ids=["entry-still-there", "entry-deleted"])
def test_entry_past_its_time_decides_nothing(*, gone: bool) -> None:
    """Of a customer who was silent for more than any window, housekeeping may have deleted the entry, or not yet."""
    early = did("login", START, id="x")
    story = given(SHOP, early, *logins(*range(1, 9)))
    state = CustomerState(story.state.head, {} if gone else story.state.entries)
    (group,) = decide(state, early, story.programs, START + 8 * HOUR + 366 * DAY + 1)
    assert group.decisions == [RecordRefused(reason=Refusal.TOO_OLD)]


@pytest.mark.usefixtures("small")
def test_commands_keep_their_outcome_beside_the_head() -> None:
    refused, done = redeem(99, START + HOUR), redeem(5, START + 2 * HOUR)
    story = given(SHOP, bought("B1", 1_000, START), refused, done, *logins(*range(3, 9)))
    assert (story.state.head.outcomes, len(spilled_ids(story)[0].outcomes)) == ({}, 1)
    story.when(refused).then_nothing()
    story.when(done).then_nothing()
    assert (outcome_in(story, refused), outcome_in(story, done)) == (Outcome(reason=Refusal.BALANCE_TOO_LOW), DONE)


@pytest.mark.usefixtures("small")
def test_outcome_leaves_with_its_id_and_is_not_that_of_a_later_record() -> None:
    refused = redeem(99, START, id="x")
    story = given(SHOP, refused, *logins(*range(1, 9)))
    again = redeem(99, START + 300 * HOUR, id="x")
    story.play(bought("B1", 10_000, START + 290 * HOUR))
    story.play(again)
    assert outcome_in(story, again) == DONE
    for login in logins(*range(301, 309)):
        story.play(login)
    assert (outcome_in(story, again), spilled_ids(story)[0].outcomes) == (DONE, {})


@pytest.mark.usefixtures("small")
def test_record_that_waits_stays_in_the_head_until_its_outcome_is_known() -> None:
    early = brought_back("B1", 100, START + HOUR)
    story = given(SHOP, early, *logins(*range(2, 12)))
    assert (outcome_in(story, early), len(story.state.head.outcomes)) == (WAITS, 1)
    story.play(bought("B1", 1_000, START), as_of=START + 12 * HOUR)
    for login in logins(*range(13, 23)):
        story.play(login)
    assert (outcome_in(story, early), story.state.head.outcomes) == (DONE, {})
    story.when(early).then_nothing()


@pytest.mark.usefixtures("small")
def test_head_full_of_records_that_wait_takes_one_more() -> None:
    waiting = [brought_back(f"B{number}", 100, START + number * HOUR) for number in range(HELD)]
    story = given(SHOP, *waiting, *logins(9))
    assert (ids_in_head(story), spilled_ids(story), refusals(story)) == (HELD + 1, [], [])


@pytest.mark.usefixtures("small")
def test_only_a_full_entry_refuses_records_and_time_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "SPILLED_MAX", 2 * HELD)
    story = given(SHOP, *logins(*range(20)))
    accepted = ids_in_head(story) + len(spilled_ids(story)[0].recent)
    assert refusals(story) == [Refusal.TOO_MANY] * (20 - accepted)
    assert accepted >= 2 * HELD
    late = redeem(5, START - 20 * DAY)
    story.play(late, as_of=START + 20 * HOUR)
    assert (refusals(story)[-1], story.remembers(late)) == (Refusal.TOO_OLD, False)
    story.play(*logins(300))
    assert story.remembers(*logins(300))


@pytest.mark.usefixtures("small")
def test_command_that_is_too_old_is_remembered_in_a_full_head() -> None:
    late = redeem(5, START - 20 * DAY)
    story = given(SHOP, *logins(*range(HELD)))
    story.play(late, as_of=START + HELD * HOUR)
    for login in logins(*range(HELD, 3 * HELD)):
        story.play(login)
    assert (story.remembers(late), outcome_in(story, late)) == (True, Outcome(reason=Refusal.TOO_OLD))


@pytest.mark.usefixtures("small")
def test_entry_is_read_as_it_was_written() -> None:
    story = given(SHOP, redeem(99, START), *logins(*range(1, 9)))
    for entry in spilled_ids(story):
        assert decode_entry(encode_state(entry)) == entry
    story.state.entries = {name: decode_entry(encode_state(one)) for name, one in story.state.entries.items()}
    story.when(redeem(99, START)).then_nothing()


class Arrival(NamedTuple):
    """A record, by what tells it from others, and how much later than it happened it comes."""

    name: int
    hour: int
    content: int
    late_hours: int


ARRIVALS = st.lists(
    st.builds(
        Arrival,
        name=st.integers(0, 12),
        hour=st.integers(0, 400),
        content=st.integers(1, 2),
        late_hours=st.sampled_from([0, 0, 1, 30, 200]),
    ),
    max_size=60,
)


def counts_each_id_once(arrivals: Sequence[Arrival], buckets: int) -> None:
    """The records that count are those that a plain set of ids, each with its time, lets in."""
    with pytest.MonkeyPatch.context() as patch:
        with_small_heads(patch, buckets=buckets)
        story = given(SHOP)
        known: dict[int, int] = {}
        horizon = clock = 0
        for arrival in arrivals:
            at = START + arrival.hour * HOUR
            record = did("login", at, id=str(arrival.name), attributes={"content": arrival.content})
            clock = max(clock, at + arrival.late_hours * HOUR)
            horizon = clock - WINDOW_DAYS * DAY
            known = {name: when for name, when in known.items() if when >= horizon}
            counts = arrival.name not in known and at >= horizon
            story.play(record, as_of=at + arrival.late_hours * HOUR)
            clock = story.state.head.clock  # a duplicate does not move it
            accepted = bool(story.decided) and RecordRefused not in story.kinds()
            assert accepted == counts
            if counts:
                known[arrival.name] = at
            assert ids_in_head(story) <= HELD + buckets


@settings(max_examples=60)
@forall(ARRIVALS, st.sampled_from([1, 2, 5]))
def test_ids_beside_a_head_count_as_those_in_it(arrivals: Sequence[Arrival], buckets: int) -> None:
    counts_each_id_once(arrivals, buckets)
