"""`accrue tail`: one line for each notification; what a customer wrote is shown as it is, and commands nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Outgoing
from tests.cli.terminal import Terminal


def notify(
    terminal: Terminal, topic: str = "customers", event: str = "customerAdded", seq: int = 1, **data: Any
) -> None:
    """Write a notification about customer 5, by default that they were added."""
    message = Outgoing(
        f"loyalty.notifications.{topic}",
        b"100:5",
        json.dumps({"createdAt": 0, "data": data, "seq": seq}).encode(),
        headers=(("eventName", event.encode()),),
    )
    log = EmbeddedLog(terminal.folder)
    producer = log.producer()
    producer.produce([message])
    producer.flush(5.0)
    producer.close()
    log.close()


def line(text: str) -> str:
    return f"1970-01-01 00:00  customerAdded                customer 5  {text}\n"


def test_brackets_in_a_customers_name_are_shown_and_are_no_markup(with_topics: Terminal) -> None:
    notify(with_topics, firstName="Zoë [/b] [bold]")

    assert with_topics.done("tail").out == line("firstName Zoë [/b] [bold]")


def test_long_notification_is_one_line_and_whole(with_topics: Terminal) -> None:
    notify(with_topics, firstName="Zoë" * 100, lastName="Last")

    assert with_topics.done("tail").out == line(f"Welcome, {'Zoë' * 100} Last.")


def test_what_is_empty_is_left_out(with_topics: Terminal) -> None:
    notify(with_topics, firstName="Zoë", lastName="")

    assert with_topics.done("tail").out == line("Welcome, Zoë.")


TARGET = {
    "targetDetails": {"id": 101, "name": "Four coffees", "targetPeriodName": "2026-03"},
    "achievedTargetValue": "2.000",
    "definedTargetValue": "4.000",
}


@pytest.mark.parametrize(
    ("event", "data", "told"),
    [
        pytest.param(
            "pointsExpired",
            {"loyaltyProgramId": 1, "pointsExpired": 30},
            "30 POINTS have expired.",
            id="of the program that it names",
        ),
        pytest.param(
            "targetAchievedValueUpdated",
            TARGET,
            "Your progress in Four coffees (2026-03): 2 of 4.",
            id="of the program that has its target",
        ),
        pytest.param(
            "pointsExpired", {"loyaltyProgramId": 9, "pointsExpired": 30}, "pointsExpired 30", id="of no program"
        ),
        pytest.param("pointsExpired", {"loyaltyProgramId": 1, "lost": 30}, "lost 30", id="without what it needs"),
        pytest.param("newerEvent", {"loyaltyProgramId": 1, "some": 30}, "some 30", id="of a newer version"),
    ],
)
def test_notification_is_told_as_a_sentence_where_that_can_be(
    with_topics: Terminal, event: str, data: dict[str, Any], told: str
) -> None:
    with_topics.done("program", "apply", "examples/programs/roastery.yaml")
    notify(with_topics, "points", event, 1, **data)

    assert with_topics.done("tail").out.partition("customer 5  ")[2] == f"{told}\n"


def test_only_so_many_are_shown_as_were_asked_for(with_topics: Terminal) -> None:
    for name in ("A", "B", "C"):
        notify(with_topics, firstName=name)

    shown = [with_topics.done("tail", "-n", count).out for count in ("0", "2", "9")]
    a, b, c = (line(f"firstName {name}") for name in ("A", "B", "C"))
    assert shown == ["", b + c, a + b + c]


def test_nothing_that_fits_is_told_beside_the_output(with_topics: Terminal) -> None:
    notify(with_topics, firstName="A")

    ended = with_topics.done("tail", "--customer", "6", "--json")

    assert (ended.out, ended.err) == ("", "no matching notifications\n")


def test_notifications_of_one_customer_are_in_the_order_of_their_count(with_topics: Terminal) -> None:
    notify(with_topics, "points", "pointsIssued", 10)
    notify(with_topics, "tiers", "tierUpgraded", 9)
    notify(with_topics, "customers", "customerAdded", 1)

    ended = with_topics.done("tail", "--customer", "5", "-n", "2", "--json")

    assert [json.loads(one)["seq"] for one in ended.out.splitlines()] == [9, 10]


def reply(terminal: Terminal, **changes: Any) -> None:
    """Write a reply to customer 5, by default that a redemption was refused."""
    content = {
        "customerId": 5,
        "type": "redeemPoints",
        "recordId": "r1",
        "outcome": "refused",
        "message": "Refused: the balance is below 9 points.",
        "at": "2026-03-01T10:00:00.000Z",
        "seq": 3,
    }
    log = EmbeddedLog(terminal.folder)
    producer = log.producer()
    producer.produce([Outgoing("loyalty.replies", b"1:5", json.dumps(content | changes).encode())])
    producer.flush(5.0)
    producer.close()
    log.close()


def test_replies_are_shown_in_place_of_notifications(with_topics: Terminal) -> None:
    notify(with_topics, firstName="A")
    reply(with_topics)
    reply(with_topics, outcome="duplicate", recordId="[bold]r1", message="It came before.")

    assert with_topics.done("tail", "--replies").out == (
        "2026-03-01 10:00  refused   customer 5  redeemPoints r1: Refused: the balance is below 9 points.\n"
        "2026-03-01 10:00  duplicate customer 5  redeemPoints [bold]r1: It came before.\n"
    )


def test_replies_of_one_customer_as_json(with_topics: Terminal) -> None:
    reply(with_topics, seq=4)
    reply(with_topics, seq=3)

    ended = with_topics.done("tail", "--replies", "--customer", "5", "--json")

    assert [json.loads(one)["seq"] for one in ended.out.splitlines()] == [3, 4]


def test_no_reply_is_told_beside_the_output(with_topics: Terminal) -> None:
    assert with_topics.done("tail", "--replies").err == "no matching replies\n"


def test_replies_are_not_chosen_by_event(with_topics: Terminal) -> None:
    ended = with_topics.run("tail", "--replies", "--event", "tierUpgraded")

    assert (ended.code, "--replies goes with neither --topic nor --event" in ended.err) == (2, True)
