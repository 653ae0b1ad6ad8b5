"""Customers: who joins, and what becomes known of them."""

from __future__ import annotations

import pytest

from schemas.facts import CustomerChanged, CustomerRegistered, ProgramAdopted, RecordAccepted, RecordRefused, Refusal
from schemas.records import Profile
from tests.dsl import adjust, bought, brought_back, changed, did, fact, given, instant, joined, program, redeem


def test_announced_customer_is_registered_with_the_profile() -> None:
    given(program()).when(joined("2011-03-01", Profile(first_name="Ann"))).then(
        fact(CustomerRegistered, profile=Profile(first_name="Ann"))
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
def test_customer_nobody_announced_is_added_by_the_first_record(step: object) -> None:
    story = given(program())
    story.play(step)  # type: ignore[arg-type]
    assert story.only(CustomerRegistered) == [
        CustomerRegistered(2, story.facts[0].cause, instant("2011-03-01"), Profile())
    ]
    assert story.state.head.registered_at == instant("2011-03-01")


def test_customer_nobody_announced_is_refused_where_no_program_adds_customers() -> None:
    story = given(program(add_customers=False)).when(bought("B1", 100, "2011-03-01"))
    story.then(fact(RecordRefused, reason=Refusal.CUSTOMER_UNKNOWN, clock=instant("2011-03-01")))
    assert story.state.head.sections == {}


def test_one_program_that_adds_customers_is_enough() -> None:
    story = given(program(add_customers=False), program(program_id=2)).when(bought("B1", 100, "2011-03-01"))
    assert [one.program_id for one in story.only(ProgramAdopted)] == [1, 2]


def test_announced_customer_is_known_to_programs_that_add_nobody() -> None:
    story = given(program(add_customers=False), joined("2011-03-01")).when(bought("B1", 100, "2011-03-02"))
    assert story.only(RecordRefused) == []


def test_announcement_of_a_customer_whom_a_bill_added_brings_the_profile() -> None:
    given(program(), bought("B1", 100, "2011-03-01")).when(joined("2011-03-02", Profile(first_name="Ann"))).then(
        fact(CustomerChanged, profile=Profile(first_name="Ann"), updated_fields=("first_name",))
    )


def test_second_announcement_is_refused() -> None:
    story = given(program(), joined("2011-03-01", Profile(first_name="Ann")))
    story.when(joined("2011-03-02", Profile(first_name="Bob"))).then(
        fact(RecordRefused, reason=Refusal.CUSTOMER_EXISTS, clock=instant("2011-03-02"))
    )


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
    story.then(fact(CustomerChanged, profile=profile, updated_fields=fields))
    assert story.state.head.profile == profile


def test_repeated_update_is_no_update() -> None:
    given(program(), changed("2011-03-01", Profile(first_name="Ann"))).when(
        changed("2011-03-01", Profile(first_name="Ann"))
    ).then_nothing()


def test_first_fact_of_a_customer_has_number_one() -> None:
    story = given(program()).when(joined("2011-03-01"))
    assert type(story.facts[0]) is RecordAccepted
    assert story.facts[0].seq == 1
