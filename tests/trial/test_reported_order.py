"""Reported of other loyalty software, with the right value: order, repetition and lateness."""

from __future__ import annotations

from typing import Any

import pytest

from tests.trial.trying import (
    WHO,
    Message,
    Trying,
    arrives,
    back,
    balance,
    bill,
    event,
    kinds,
    membership,
    message,
    outcomes,
    program,
)

A = bill("A", 10_000, "2026-03-01T10:00:00Z")
JOINS = message("customerAdded", "2026-03-01T09:00:00Z", id="joins", firstName="Ann")
CLOSED = program(add_customers=False)
"""Takes registered customers only."""


def test_bill_of_an_unknown_customer_counts_when_it_is_delivered_again(trying: Trying) -> None:
    result = trying.result(A, JOINS, A, programs=(CLOSED,))

    assert outcomes(result)[2] == "accepted"
    assert (membership(result)["transactions"], balance(result)) == (1, 100)


def test_profile_of_an_unknown_customer_counts_when_it_is_delivered_again(trying: Trying) -> None:
    update = message("customerUpdated", "2026-03-01T10:00:00Z", id="u1", lastName="Lee")

    result = trying.result(update, JOINS, update, programs=(CLOSED,))

    assert profile_told(result["steps"][2]) == {"firstName": "Ann", "lastName": "Lee"}


EARLY_RETURN = back("A", 4_000, "2026-03-02T10:00:00Z")
LATE_BILL = arrives("2026-03-03T10:00:00Z", A)


def test_return_before_its_bill_counts_once_when_it_is_delivered_again(trying: Trying) -> None:
    result = trying.result(EARLY_RETURN, LATE_BILL, arrives("2026-03-04T10:00:00Z", EARLY_RETURN))

    assert (membership(result)["returnedMinor"], balance(result)) == (4_000, 60)


def test_return_before_its_bill_waits_for_it(trying: Trying) -> None:
    result = trying.result(EARLY_RETURN, LATE_BILL)

    assert outcomes(result) == ["parked", "accepted"]
    assert (membership(result)["returnedMinor"], balance(result)) == (4_000, 60)


@pytest.mark.parametrize("ids", [("x1", "x2"), (None, None)], ids=["two ids", "no ids"])
def test_return_document_counts_once(ids: tuple[str | None, str | None], trying: Trying) -> None:
    sent = [without_none(back("A", 4_000, "2026-03-02T10:00:00Z", id=one)) for one in ids]

    result = trying.result(A, *sent)

    assert (membership(result)["returnedMinor"], balance(result)) == (4_000, 60)


DAY_LATER = back("A", 4_000, "2026-03-03T10:00:00Z", document="R2")


def test_return_a_month_before_its_bill_arrives_waits_for_it(trying: Trying) -> None:
    result = trying.result(EARLY_RETURN, arrives("2026-04-04T10:00:00Z", A))

    assert (outcomes(result), balance(result)) == (["parked", "accepted"], 60)


def test_returns_that_wait_are_decided_in_order_of_event_time_whatever_order_they_came_in(trying: Trying) -> None:
    all_of_it = back("A", 10_000, "2026-03-03T10:00:00Z", document="R2")

    result = trying.result(all_of_it, arrives("2026-03-03T10:00:00Z", EARLY_RETURN), arrives("2026-03-04T10:00:00Z", A))

    counted = [row["body"]["amount_minor"] for row in result["steps"][2]["facts"] if row["kind"] == "ReturnCounted"]
    assert (counted, balance(result)) == ([4_000, 6_000], 0)


def test_return_whose_bill_never_comes_is_listed_as_waiting_and_then_refused(trying: Trying) -> None:
    waiting = trying.result(EARLY_RETURN, until="2026-04-06T09:59:59Z")
    given_up = trying.result(EARLY_RETURN, until="2026-04-06T10:00:00Z")

    assert waiting["customers"][WHO]["parked"] == [
        {"recordId": "return-R1", "ofBill": "A", "until": "2026-04-06T10:00:00.000Z"}
    ]
    assert given_up["customers"][WHO]["parked"] == []
    assert [(one["reason"], one["subject"]) for one in given_up["steps"][1]["refusals"]] == [("bill_unknown", "A")]


def test_duplicate_of_a_return_that_waits_says_so(trying: Trying) -> None:
    result = trying.result(EARLY_RETURN, EARLY_RETURN)

    assert (outcomes(result), result["steps"][1]["firstOutcome"]) == (["parked", "duplicate"], "parked")


def test_two_return_documents_of_one_amount_count_both(trying: Trying) -> None:
    result = trying.result(A, EARLY_RETURN, DAY_LATER)

    assert (membership(result)["returnedMinor"], balance(result)) == (8_000, 20)


def test_return_document_that_comes_again_after_its_id_was_forgotten_is_refused(trying: Trying) -> None:
    again = back("A", 4_000, "2026-04-20T10:00:00Z")

    result = trying.result(A, EARLY_RETURN, again)

    assert (outcomes(result), result["steps"][2]["reason"]) == (["accepted", "accepted", "refused"], "return_exists")
    assert balance(result) == 60


def test_return_document_that_waits_under_two_ids_counts_once(trying: Trying) -> None:
    result = trying.result(EARLY_RETURN, EARLY_RETURN | {"id": "other"}, LATE_BILL)

    assert (membership(result)["returnedMinor"], balance(result)) == (4_000, 60)
    assert [one["reason"] for one in result["steps"][2]["refusals"]] == ["return_exists"]


def test_update_that_overtakes_the_registration_leaves_both(trying: Trying) -> None:
    update = message("customerUpdated", "2026-03-01T10:00:00Z", lastName="Lee")

    result = trying.result(update, JOINS, PROBE)

    assert profile_told(result["steps"][2]) == {"firstName": "Ann", "lastName": "Lee"}
    assert result["customers"][WHO]["registeredAt"] == "2026-03-01T09:00:00.000Z"


def test_earliest_registration_stays(trying: Trying) -> None:
    result = trying.result(A, arrives("2026-03-02T10:00:00Z", JOINS))

    assert result["customers"][WHO]["registeredAt"] == "2026-03-01T09:00:00.000Z"


def test_newest_event_time_of_a_field_wins(trying: Trying) -> None:
    newer = message("customerUpdated", "2026-03-01T12:00:00Z", lastName="Newer")
    older = message("customerUpdated", "2026-03-01T11:00:00Z", firstName="Older", lastName="Older")

    result = trying.result(JOINS, newer, older, PROBE)

    assert profile_told(result["steps"][3]) == {"firstName": "Older", "lastName": "Newer"}


LEE = message("customerUpdated", "2026-03-01T10:00:00Z", lastName="Lee")
GONE = message("customerUpdated", "2026-03-01T11:00:00Z", clear=["lastName", "mobile", "extended.shoe"])
LATER = message("customerAdded", "2026-03-01T12:00:00Z", firstName="Anna", extended={"shoe": "38"})


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        pytest.param((JOINS, LEE, GONE), {"firstName": "Ann", "lastName": ""}, id="cleared"),
        pytest.param(
            (JOINS, GONE, LEE), {"firstName": "Ann", "lastName": ""}, id="an older value after it was cleared"
        ),
        pytest.param((LATER, LEE, JOINS), {"firstName": "Anna", "lastName": "Lee"}, id="two registrations"),
        pytest.param((A, LATER, JOINS), {"firstName": "Anna", "lastName": ""}, id="a bill before both registrations"),
    ],
)
def test_fields_have_their_newest_write_in_every_order(
    sent: tuple[Message, ...], names: dict[str, str], trying: Trying
) -> None:
    late = [arrives(f"2026-03-02T09:0{place}:00Z", one) for place, one in enumerate(sent)]

    result = trying.result(*late, PROBE)

    assert profile_told(result["steps"][-1]) == names
    assert result["customers"][WHO]["registeredAt"] == "2026-03-01T09:00:00.000Z"


def test_update_tells_the_fields_that_changed(trying: Trying) -> None:
    update = LEE | {"firstName": "Ann"}

    result = trying.result(JOINS, update, GONE)

    changed = [step["notifications"][-1]["envelope"]["data"]["updatedFields"] for step in result["steps"][1:]]
    assert changed == [[{"fieldName": "lastName"}], [{"fieldName": "lastName"}]]


def test_event_of_the_last_day_of_a_season_counts_though_it_comes_the_next_morning(trying: Trying) -> None:
    result = trying.result(
        event("run", "2026-03-30T20:00:00Z"),
        arrives("2026-04-01T08:00:00Z", event("run", "2026-03-31T20:00:00Z")),
        programs=(SEASON,),
        until="2026-04-02T00:00:00Z",
    )

    stands = membership(result)
    assert [one["achieved"] for one in stands["milestones"]] == [True, True]
    assert [(one["longest"], one["levels"]) for one in stands["streaks"]] == [(2, [2])]


@pytest.mark.parametrize(
    ("days", "arrivals", "stands"),
    [
        pytest.param((29, 31), ((30, "2026-04-03T08:00:00Z"),), (3, [2]), id="a middle day joins two runs"),
        pytest.param((30,), ((31, "2026-05-05T08:00:00Z"),), (2, [2]), id="on the last day of the window"),
        pytest.param((30,), ((31, "2026-05-06T08:00:00Z"),), (1, []), id="after the window"),
        pytest.param((), ((31, "2026-04-02T08:00:00Z"), (30, "2026-04-02T09:00:00Z")), (2, [2]), id="all of it late"),
        pytest.param((30,), ((32, "2026-04-02T08:00:00Z"),), (1, []), id="a day after the season"),
    ],
)
def test_late_events_of_a_season_count_until_the_window_is_over(
    days: tuple[int, ...], arrivals: tuple[tuple[int, str], ...], stands: tuple[int, list[int]], trying: Trying
) -> None:
    def run(day: int) -> Message:
        return event("run", "2026-04-01T07:00:00Z" if day > 31 else f"2026-03-{day}T10:00:00Z")

    result = trying.result(
        *map(run, days),
        *(arrives(at, run(day)) for day, at in arrivals),
        programs=(SEASON,),
        until="2026-06-01T00:00:00Z",
    )

    (streak,) = membership(result)["streaks"]
    assert (streak["longest"], streak["levels"]) == stands
    assert [name for step in result["steps"] for name in kinds(step)].count("streakEnd") == 1
    assert balance(result) == 7 * len(stands[1])


def test_late_return_of_an_old_bill_leaves_a_new_bill_of_its_number_alone(trying: Trying) -> None:
    result = trying.result(
        bill("A", 10_000, "2026-01-01T10:00:00Z", id="t1"),
        bill("A", 20_000, "2026-02-06T10:00:00Z", id="t2"),
        arrives("2026-02-07T10:00:00Z", back("A", 10_000, "2026-02-04T10:00:00Z")),
        programs=(program(returns={"window_days": 35}),),
    )

    new = [lot for lot in membership(result)["lots"] if lot["issuedAt"].startswith("2026-02-06")]
    assert [lot["points"] for lot in new] == [200]


def test_return_of_an_old_bill_that_waits_leaves_a_new_bill_of_its_number_alone(trying: Trying) -> None:
    result = trying.result(
        back("A", 10_000, "2026-02-04T10:00:00Z"),
        bill("A", 20_000, "2026-02-06T10:00:00Z", id="t2"),
        programs=(program(returns={"window_days": 35}),),
    )

    assert (outcomes(result), balance(result)) == (["parked", "accepted"], 200)


def test_return_of_a_new_bill_of_an_old_number_is_of_the_new_bill(trying: Trying) -> None:
    result = trying.result(
        bill("A", 10_000, "2026-01-01T10:00:00Z", id="t1"),
        bill("A", 20_000, "2026-02-06T10:00:00Z", id="t2"),
        back("A", 20_000, "2026-02-06T10:00:00Z"),
        programs=(program(returns={"window_days": 35}),),
    )

    assert balance(result) == 100


def test_return_of_the_minute_in_which_the_window_ended_is_not_of_the_old_bill(trying: Trying) -> None:
    result = trying.result(
        bill("A", 10_000, "2026-01-01T10:00:00Z", id="t1"),
        back("A", 10_000, "2026-02-05T10:00:00Z"),
        programs=(program(returns={"window_days": 35}),),
    )

    assert (outcomes(result), balance(result)) == (["accepted", "parked"], 100)


SEASON = program(
    milestones=[
        {
            "id": "ran",
            "target_id": 1,
            "name": "A run",
            "period": "day",
            "counts": {"of": "events", "event": "run"},
            "target": 1,
        }
    ],
    streaks=[
        {
            "id": "season",
            "streak_id": 2,
            "name": "Season",
            "milestone": "ran",
            "levels": [{"name": "Two", "periods": 2, "points": 7}],
            "validity": {"first": "2026-03-01", "last": "2026-03-31"},
        }
    ],
)
PROBE = message("customerUpdated", "2026-03-02T10:00:00Z", channel="WEB")
"""Changes something else, so that the whole profile is told."""


def profile_told(step: Any) -> dict[str, str]:
    """The names in the last notification of a step."""
    data = step["notifications"][-1]["envelope"]["data"] if step["notifications"] else {}
    return {name: data[name] for name in ("firstName", "lastName") if name in data}


def without_none(content: Message) -> Message:
    return {key: value for key, value in content.items() if value is not None}
