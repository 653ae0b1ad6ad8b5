"""Event ids: the same on every replay, and never shared by two events."""

from __future__ import annotations

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notify.identity import NAMESPACE, CauseIds, number_of
from pipeline.notify.render import RENDERER
from schemas.facts import Fact, Group
from schemas.notifications import Notification
from tests.notify.cases import BILL, CASES, ISSUED, context, recorded_at, view, with_decision, with_envelope

free_text = st.text(alphabet=":/a1é ", max_size=6)
identities = st.tuples(
    st.integers(1, 3),
    st.integers(1, 12),
    free_text,
    st.integers(0, 2),
    st.integers(1, 12),
    st.sampled_from(["pointsIssued", "pointsExpired"]),
    free_text,
)
Identity = tuple[int, int, str, int, int, str, str]


def id_of(identity: Identity) -> str:
    org, customer, cause, at, program, event, subject = identity
    return CauseIds(org, customer, cause, at).event_id(program, event, subject)


def test_event_id_is_the_uuid5_of_everything_that_tells_events_apart() -> None:
    ours = CauseIds(100, 42, "TransactionAdded:B-1", 5).event_id(7, "pointsIssued", "BEANS/milestone/visits/649")
    named = "100:42:5:20:TransactionAdded:B-1:7:pointsIssued:0:BEANS/milestone/visits/649"
    assert ours == str(uuid5(NAMESPACE, named))
    assert UUID(ours).version == 5


@given(identities)
def test_every_event_id_is_a_valid_uuid5(identity: Identity) -> None:
    parsed = UUID(id_of(identity))
    assert (str(parsed), parsed.version) == (id_of(identity), 5)


@given(identities, identities)
def test_two_events_never_share_an_id(first: Identity, second: Identity) -> None:
    assert (id_of(first) == id_of(second)) == (first == second)


@given(st.permutations([case.fact for case in CASES.values()]))
def test_an_id_does_not_depend_on_the_facts_around(facts: list[Fact]) -> None:
    alone = [message_of(fact)[0].id for fact in facts]
    assert [notification.id for notification in message_of(*facts)] == alone


def test_two_notifications_of_a_message_with_one_id_are_a_bug() -> None:
    with pytest.raises(RuntimeError, match="customer 100:42 would get two pointsIssued with the event id f051564d"):
        message_of(ISSUED, with_decision(ISSUED, points=1))


def test_a_replay_gives_the_same_bytes() -> None:
    for case in CASES.values():
        first, second = (
            RENDERER.render(case.fact, context(case.record, view(), recorded_at=recorded_at(case))) for _ in range(2)
        )
        assert first == second


@pytest.mark.parametrize(
    "other",
    [
        with_decision(ISSUED, activity="milestone/visits/649"),
        with_decision(ISSUED, currency="LEAVES"),
        with_envelope(ISSUED, cause="TransactionAdded:B-1002"),
        # A record id that is used again after it was forgotten has a later event time.
        with_envelope(ISSUED, at=ISSUED.envelope.at + 86_400_000),
    ],
    ids=["activity", "currency", "cause", "time"],
)
def test_points_of_another_activity_have_another_id(other: Fact) -> None:
    first, second = message_of(ISSUED, other)
    assert first.id != second.id


def test_an_id_does_not_depend_on_seq() -> None:
    assert id_in(ISSUED) == id_in(ISSUED._replace(seq=ISSUED.seq + 1))


def test_an_id_is_the_same_in_both_profiles() -> None:
    wrapped = RENDERER.render(ISSUED, context(BILL, view(notifications={"profile": "wrapped"})))
    assert wrapped is not None
    assert wrapped.id == id_in(ISSUED)


def test_numbers_of_names_fit_into_52_bits_and_do_not_change() -> None:
    assert number_of("bill:100:42:B-1001") == 3_592_808_002_462_034
    assert all(0 <= number_of(f"bill:100:42:{number}") < 2**52 for number in range(1_000))


def message_of(*facts: Fact) -> list[Notification]:
    groups = [Group(envelope=fact.envelope, decisions=(fact.decision,)) for fact in facts]
    return RENDERER.render_all(groups, 1, context(BILL))


def id_in(fact: Fact) -> str:
    notification = RENDERER.render(fact, context(BILL))
    assert notification is not None
    return notification.id
