"""`accrue tail`: what a customer wrote is shown as it is, and commands nothing."""

from __future__ import annotations

import json

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Outgoing
from tests.cli.terminal import Terminal


def test_brackets_in_a_customers_name_are_shown_and_are_no_markup(with_topics: Terminal) -> None:
    name = "Zoë [/b] [bold]"
    body = {"createdAt": 0, "data": {"firstName": name}}
    message = Outgoing(
        "loyalty.notifications.customers",
        b"1:5",
        json.dumps(body).encode(),
        headers=(("eventName", b"customerAdded"),),
    )
    log = EmbeddedLog(with_topics.folder)
    producer = log.producer()
    producer.produce([message])
    producer.flush(5.0)
    producer.close()
    log.close()

    shown = " ".join(with_topics.done("tail").out.split())  # wide lines are folded
    assert shown == f"1970-01-01 00:00 customerAdded customer 5 firstName {name}"
