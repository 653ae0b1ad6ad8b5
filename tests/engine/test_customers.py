"""Customers: who registers, and what becomes known of them."""

from __future__ import annotations

from itertools import permutations

import pytest

from pipeline.engine.customers import EXTENDED_MAX, PROFILE_BYTES_MAX
from pipeline.engine.profiles import fields_of
from schemas.facts import (
    CustomerChanged,
    CustomerRegistered,
    ProgramAdopted,
    RecordAccepted,
    RecordRefused,
    Refusal,
    RegisteredEarlier,
)
from schemas.records import Profile
from tests.dsl import BOOKKEEPING, given
from tests.steps import UNKNOWN, Step, adjust, bought, brought_back, changed, did, instant, joined, program, redeem

LARGEST = {f"{number:064}": "x" * 1_024 for number in range(EXTENDED_MAX)}


def test_announced_customer_is_registered_with_the_profile() -> None:
    given(program()).when(joined("2011-03-01", Profile(first_name="Ann"))).then(
        CustomerRegistered(profile=Profile(first_name="Ann")), ignoring=BOOKKEEPING - {CustomerRegistered}
    )


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(bought("B1", 100, "2011-03-01"), id="bill"),
        pytest.param(brought_back("B0", 100, "2011-03-01"), id="return-of-an-unknown-bill"),
        pytest.param(did("login", "2011-03-01"), id="event"),
        pytest.param(redeem(5, "2011-03-01"), id="redemption"),
        pytest.param(adjust(5, "2011-03-01"), id="adjustment"),
        pytest.param(changed("2011-03-01", Profile(first_name="Ann")), id="update"),
    ],
)
def test_unknown_customer_is_registered_by_the_first_record(step: Step) -> None:
    story = given(program()).when(step)
    assert story.kinds()[:2] == [RecordAccepted, CustomerRegistered]
    assert story.only(CustomerRegistered) == [CustomerRegistered(profile=UNKNOWN)]
    assert story.state.head.registered_at == instant("2011-03-01")


def test_unknown_customer_is_refused_where_no_program_adds_customers() -> None:
    story = given(program(add_customers=False)).when(bought("B1", 100, "2011-03-01"))
    story.then(RecordRefused(reason=Refusal.CUSTOMER_UNKNOWN), ignoring=BOOKKEEPING)
    assert story.only(ProgramAdopted) == []


def test_a_single_program_that_adds_customers_is_enough() -> None:
    story = given(program(add_customers=False), program(program_id=2)).when(bought("B1", 100, "2011-03-01"))
    assert [envelope.program_id for envelope in story.envelopes(ProgramAdopted)] == [1, 2]


def test_announced_customer_is_known_to_programs_that_add_no_customers() -> None:
    story = given(program(add_customers=False), joined("2011-03-01")).when(bought("B1", 100, "2011-03-02"))
    assert story.only(RecordRefused) == []


def test_announcement_of_a_customer_whom_a_bill_registered_brings_the_profile() -> None:
    given(program(), bought("B1", 100, "2011-03-01")).when(joined("2011-03-02", Profile(first_name="Ann"))).then(
        CustomerChanged(profile=Profile(first_name="Ann"), updated_fields=("first_name",), written=("first_name",)),
        ignoring=BOOKKEEPING,
    )


def test_second_announcement_that_brings_nothing_is_refused() -> None:
    given(program(), joined("2011-03-01", Profile(first_name="Ann"))).when(joined("2011-03-02")).then(
        RecordRefused(reason=Refusal.CUSTOMER_EXISTS), ignoring=BOOKKEEPING
    )


def test_later_announcement_changes_the_profile_and_leaves_the_registration() -> None:
    story = given(program(), joined("2011-03-01", Profile(first_name="Ann", mobile="07700")))
    story.when(joined("2011-03-02", Profile(first_name="Bob"))).then(
        CustomerChanged(
            profile=Profile(first_name="Bob", mobile="07700"), updated_fields=("first_name",), written=("first_name",)
        ),
        ignoring=BOOKKEEPING,
    )
    assert story.state.head.registered_at == instant("2011-03-01")


@pytest.mark.parametrize(
    ("update", "after", "fields"),
    [
        pytest.param({"first_name": "Anna"}, {"first_name": "Anna"}, ("first_name",), id="replaced"),
        pytest.param({"mobile": "07700"}, {"mobile": "07700"}, ("mobile",), id="added"),
        pytest.param({"first_name": ""}, {}, (), id="left-empty-stays"),
        pytest.param({"first_name": "Ann"}, {}, (), id="the-same-again"),
        pytest.param(
            {"extended": {"hat": "7"}}, {"extended": {"shoe": "38", "hat": "7"}}, ("extended",), id="extended-merges"
        ),
        pytest.param({"extended": {"shoe": "38"}}, {}, (), id="extended-the-same-again"),
    ],
)
def test_update_changes_what_it_names(
    update: dict[str, object], after: dict[str, object], fields: tuple[str, ...]
) -> None:
    known = {"first_name": "Ann", "email": "ann@example.com", "extended": {"shoe": "38"}}
    story = given(program(), joined("2011-03-01", Profile(**known))).when(changed("2011-03-02", Profile(**update)))
    profile = Profile(**{**known, **after})  # type: ignore[arg-type]
    written = tuple(sorted(fields_of(Profile(**update))))  # type: ignore[arg-type]
    story.then(CustomerChanged(profile=profile, updated_fields=fields, written=written), ignoring=BOOKKEEPING)
    assert story.state.head.profile == profile


def test_update_that_comes_twice_decides_nothing_the_second_time() -> None:
    given(program(), changed("2011-03-01", Profile(first_name="Ann"))).when(
        changed("2011-03-01", Profile(first_name="Ann"))
    ).then_nothing()


def test_first_fact_of_a_customer_has_number_one() -> None:
    story = given(program()).when(joined("2011-03-01"))
    assert [fact.seq for fact in story.facts] == [1, 2, 3]


def test_profile_with_as_many_and_as_long_extended_fields_as_intake_lets_through_is_kept() -> None:
    story = given(program()).when(joined("2011-03-01", Profile(extended=LARGEST)))
    assert story.state.head.profile.extended == LARGEST


TOO_LONG = {"long": "é" * (PROFILE_BYTES_MAX // 2)}
TOO_MANY = {f"more-{number}": "1" for number in range(EXTENDED_MAX)}


@pytest.mark.parametrize(
    ("before", "step"),
    [
        pytest.param([], joined("2011-03-02", Profile(extended=TOO_LONG)), id="registered-with-too-many-bytes"),
        pytest.param(
            [bought("B1", 1, "2011-03-01")],
            joined("2011-03-02", Profile(extended=TOO_LONG)),
            id="announced-after-a-bill",
        ),
        pytest.param(
            [joined("2011-03-01", Profile(extended={"first": "1"}))],
            changed("2011-03-02", Profile(extended=TOO_MANY)),
            id="updates-add-up-to-too-many-fields",
        ),
        pytest.param(
            [joined("2011-03-01", Profile(extended=LARGEST))],
            changed("2011-03-02", Profile(extended={next(iter(LARGEST)): "é" * PROFILE_BYTES_MAX})),
            id="an-update-brings-too-many-bytes",
        ),
    ],
)
def test_profile_that_would_be_too_large_is_refused_and_the_known_profile_stays(before: list[Step], step: Step) -> None:
    story = given(program(), *before)
    known = story.state.head.profile
    story.when(step).then(RecordRefused(reason=Refusal.PROFILE_TOO_LARGE), ignoring=BOOKKEEPING)
    assert story.state.head.profile == known


FIRST, SECOND, THIRD, FOURTH = (f"2011-03-0{day}" for day in range(1, 5))
WRITES = (
    joined(FIRST, Profile(first_name="Ann", mobile="07700", extended={"shoe": "38", "hat": "7"})),
    changed(SECOND, Profile(last_name="Lee", email="lee@example.com", extended={"shoe": "39"})),
    changed(THIRD, Profile(first_name="Anna"), clear=("email", "extended.hat")),
    joined(FOURTH, Profile(last_name="Low", channel="WEB")),
)
AFTER_ALL = Profile(first_name="Anna", last_name="Low", mobile="07700", channel="WEB", extended={"shoe": "39"})


@pytest.mark.parametrize("order", list(permutations(range(len(WRITES)))))
def test_profile_is_the_same_in_every_order_of_its_writes(order: tuple[int, ...]) -> None:
    story = given(program())
    for place in order:
        story.play(WRITES[place], as_of=instant(FOURTH))
    head = story.state.head
    assert (head.profile, head.registered_at) == (AFTER_ALL, instant(FIRST))
    written = {
        name: head.field_times.get(name, head.profile_at) for name in (*fields_of(head.profile), *head.field_times)
    }
    assert written == {
        "first_name": instant(THIRD),
        "last_name": instant(FOURTH),
        "mobile": instant(FIRST),
        "email": instant(THIRD),
        "channel": instant(FOURTH),
        "extended.hat": instant(THIRD),
        "extended.shoe": instant(SECOND),
    }


def test_older_update_does_not_bring_back_what_was_cleared() -> None:
    story = given(program(), joined(FIRST, Profile(first_name="Ann", email="a@example.com")))
    story.play(changed(THIRD, UNKNOWN, clear=("email",)))
    story.when(changed(SECOND, Profile(email="b@example.com")), as_of=instant(THIRD)).then(
        CustomerChanged(profile=Profile(first_name="Ann")), ignoring=BOOKKEEPING
    )


def test_field_that_is_cleared_and_given_at_once_has_the_given_value() -> None:
    story = given(program(), joined(FIRST, Profile(email="a@example.com")))
    story.play(changed(SECOND, Profile(email="b@example.com"), clear=("email",)))
    assert story.state.head.profile == Profile(email="b@example.com")


def test_update_with_the_same_value_moves_the_time_of_its_field_on() -> None:
    story = given(program(), joined(FIRST, Profile(first_name="Ann")), changed(THIRD, Profile(first_name="Ann")))
    story.play(changed(SECOND, Profile(first_name="Bob")), as_of=instant(THIRD))
    assert story.state.head.profile == Profile(first_name="Ann")


def test_earlier_bill_moves_the_registration_back_where_bills_register() -> None:
    story = given(program(), bought("B2", 100, SECOND))
    story.when(bought("B1", 100, FIRST), as_of=instant(SECOND)).then(
        RegisteredEarlier(), ignoring=BOOKKEEPING - {RegisteredEarlier}
    )
    assert story.state.head.registered_at == instant(FIRST)


def test_earlier_bill_leaves_the_registration_where_only_registrations_register() -> None:
    story = given(program(add_customers=False), joined(SECOND))
    story.when(bought("B1", 100, FIRST), as_of=instant(SECOND)).then(ignoring=BOOKKEEPING - {RegisteredEarlier})
    assert story.state.head.registered_at == instant(SECOND)


def test_times_of_fields_are_kept_once_where_they_agree_and_not_beyond_the_window() -> None:
    story = given(program(), joined(FIRST, Profile(first_name="Ann", mobile="1", email="a@example.com")))
    assert (story.state.head.profile_at, story.state.head.field_times) == (instant(FIRST), {})
    story.play(changed(SECOND, Profile(mobile="2"), clear=("email",)))
    assert story.state.head.field_times == {"email": instant(SECOND), "first_name": instant(FIRST)}
    story.play(changed("2011-06-01", Profile(mobile="3", first_name="Bob")))
    assert (story.state.head.profile_at, story.state.head.field_times) == (instant("2011-06-01"), {})


def test_cleared_extended_fields_count_towards_their_limit() -> None:
    cleared = tuple(f"extended.gone-{number}" for number in range(EXTENDED_MAX))
    story = given(program(), changed(FIRST, UNKNOWN, clear=cleared))
    story.when(changed(SECOND, Profile(extended={"one": "more"}))).then(
        RecordRefused(reason=Refusal.PROFILE_TOO_LARGE), ignoring=BOOKKEEPING
    )
