"""Event ids: the same on every replay, and never of two events."""

from __future__ import annotations

from uuid import UUID, uuid5

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notify.identity import NAMESPACE, CauseIds, number_of
from pipeline.notify.render import render, render_all
from schemas.facts import Fact, PointsIssued
from tests.notify.cases import BILL, CASES, CUSTOMER, ISSUED, ORG, PROGRAM, context, recorded_at, view

free_text = st.text(alphabet=":/a1é ", max_size=6)
identities = st.tuples(
    st.integers(1, 3),
    st.integers(1, 12),
    free_text,
    st.integers(0, 2),
    st.integers(1, 12),
    st.sampled_from(["pointsIssued", "pointsExpired"]),
    st.integers(0, 2),
    free_text,
)


def id_of(identity: tuple[int, int, str, int, int, str, int, str]) -> str:
    org, customer, cause, at, program, event, ordinal, subject = identity
    return CauseIds(org, customer, cause, at).event_id(program, event, ordinal, subject)


def test_event_id_is_the_uuid5_of_all_that_tells_events_apart() -> None:
    ours = CauseIds(100, 42, "TransactionAdded:B-1", 5).event_id(7, "pointsIssued", 0, "spend/every-pound")
    named = "100:42:5:20:TransactionAdded:B-1:7:pointsIssued:0:spend/every-pound"
    assert ours == str(uuid5(NAMESPACE, named))
    assert UUID(ours).version == 5


@given(identities)
def test_every_event_id_is_a_valid_uuid5(identity: tuple[int, int, str, int, int, str, int, str]) -> None:
    parsed = UUID(id_of(identity))
    assert (str(parsed), parsed.version) == (id_of(identity), 5)


@given(identities, identities)
def test_two_events_never_share_an_id(
    one: tuple[int, int, str, int, int, str, int, str], other: tuple[int, int, str, int, int, str, int, str]
) -> None:
    assert (id_of(one) == id_of(other)) == (one == other)


@given(st.lists(st.sampled_from([case.fact for case in CASES.values()]), max_size=30))
def test_no_two_facts_of_one_message_share_an_id(facts: list[Fact]) -> None:
    # The same facts over and over: worse than anything the engine decides.
    notifications = render_all(facts, context(BILL))
    assert len(notifications) == len(facts)
    assert len({notification.id for notification in notifications}) == len(facts)


@given(st.permutations([case.fact for case in CASES.values()]))
def test_an_id_does_not_depend_on_what_stands_around_the_fact(facts: list[Fact]) -> None:
    alone = [render_all([fact], context(BILL))[0].id for fact in facts]
    assert [one.id for one in render_all(facts, context(BILL))] == alone


def test_a_replay_gives_the_same_bytes() -> None:
    for case in CASES.values():
        first, second = (
            render(case.fact, context(case.record, view(), recorded_at=recorded_at(case))) for _ in range(2)
        )
        assert first == second


def test_awards_of_different_rules_for_one_bill_have_different_ids() -> None:
    other = msgspec.structs.replace(ISSUED, rule_id="december", seq=5)
    first, second = render_all([ISSUED, other], context(BILL))
    assert first.id != second.id


def test_a_record_id_that_comes_again_after_it_was_forgotten_gives_other_ids() -> None:
    later = msgspec.structs.replace(ISSUED, at=ISSUED.at + 86_400_000)
    assert id_in(ISSUED) != id_in(later)


def test_an_id_does_not_depend_on_how_many_facts_came_before() -> None:
    assert id_in(ISSUED) == id_in(msgspec.structs.replace(ISSUED, seq=ISSUED.seq + 1))


def test_an_id_is_the_same_in_both_envelopes() -> None:
    wrapped = render(ISSUED, context(BILL, view(notifications={"profile": "wrapped"})))
    assert wrapped is not None
    assert wrapped.id == id_in(ISSUED)


def test_numbers_of_names_fit_into_52_bits_and_stay() -> None:
    assert number_of("bill:100:42:B-1001") == 3_592_808_002_462_034
    assert all(0 <= number_of(f"bill:100:42:{number}") < 2**52 for number in range(1_000))


def id_in(fact: PointsIssued) -> str:
    notification = render(fact, context(BILL))
    assert notification is not None
    assert (fact.program_id, context(BILL).org_id, context(BILL).customer_id) == (PROGRAM, ORG, CUSTOMER)
    body = msgspec.json.decode(notification.body)
    assert body["eventId"] == notification.id
    return notification.id
