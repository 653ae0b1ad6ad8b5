"""Transfers in `accrue try`: what happens to the other customer stands in the step of the transfer."""

from __future__ import annotations

from typing import Any

from tests.trial.trying import WHO, Message, Trying, balance, bill, message, program

A = bill("A", 5_000, "2026-03-01T10:00:00Z")
FRIEND = "100:12"


def give(points: int, to: int = 12, **fields: Any) -> Message:
    """A gift in program 1."""
    content = {"id": "gift", "toCustomerId": to, "programId": 1, "points": points}
    return message("transferPoints", "2026-03-02T10:00:00Z", **(content | fields))


def test_both_customers_are_told_in_the_step_of_the_transfer_with_one_token(trying: Trying) -> None:
    ended = trying.run(A, give(20), options=("--json",))

    step = ended.json["steps"][1]
    assert (ended.code, step["outcome"], step["customer"]) == (0, "accepted", WHO)
    told = {row["eventName"]: row for row in step["notifications"]}
    sent, received = told["pointsTransferredInitiated"], told["pointsTransferredReceived"]
    assert (sent["customer"], received["customer"]) == (WHO, FRIEND)
    shared = ("loyaltyEventId", "refId", "apiRequestId")
    assert [sent["envelope"][key] for key in shared] == [received["envelope"][key] for key in shared]
    assert sent["envelope"]["eventId"] != received["envelope"]["eventId"]
    assert [(row["outcome"], row["recordId"]) for row in step["replies"]] == [("held", "gift"), ("done", "gift")]
    assert len({row["replyId"] for row in step["replies"]}) == 2
    assert (balance(ended.json), balance(ended.json, who=FRIEND)) == (30, 20)


def test_transfer_that_the_receiver_refuses_is_refused_with_the_reason_and_leaves_the_points(trying: Trying) -> None:
    closed = program(add_customers=False)
    joins = message("customerAdded", "2026-02-01T10:00:00Z", id="join")
    ended = trying.run(joins, A, give(20), give(20), options=("--json",), programs=(closed,))

    refused, again = ended.json["steps"][2:]
    assert (ended.code, refused["outcome"], refused["reason"]) == (1, "refused", "customer_unknown")
    assert [(row["customer"], row["reason"]) for row in refused["refusals"]] == [(FRIEND, "customer_unknown")]
    assert (again["outcome"], again["firstOutcome"], again["firstReason"]) == (
        "duplicate",
        "refused",
        "customer_unknown",
    )
    assert balance(ended.json) == 50


def test_transfer_is_told_in_sentences(trying: Trying) -> None:
    text = trying.run(A, give(20)).out
    for line in (
        "customer 100:4711 gives 20 points to customer 12",
        "offered to customer 12",
        "customer 100:12: 20 POINTS from customer 4711, to be used by 1 March 2027; balance 20",
        "20 POINTS given to customer 12; balance 30",
        "pointsTransferredReceived tells: You have received 20 POINTS from customer 4711.",
        "pointsTransferredInitiated tells: You have given 20 POINTS to customer 12. Your balance is 30 POINTS.",
    ):
        assert line in text
