"""Messages that wait for somebody: released, or given up once, whatever rounds and restarts there are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.engine.identity import holding
from pipeline.intake.letters.replays import DeadLetter, read_entry, why_not
from pipeline.log.port import Log
from schemas.records import WALL_SOURCE, ClockAdvanced, EndHold, Record, ResolveCustomer, decode_record
from tests.runtime.workshop import DAY, START, Workshop, activation, bill
from tests.steps import linked, unnamed
from tests.verify.damage import found, verified


@pytest.fixture
def workshop(embedded_log: Log, tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(embedded_log, tmp_path, "holds.")
    yield workshop
    workshop.close()


def wall(at: int) -> ClockAdvanced:
    return ClockAdvanced(at, WALL_SOURCE, 0, WALL_SOURCE, at)


def held(number: int, email: str = "e") -> ResolveCustomer:
    at = START + number
    return replace(unnamed("email", at, email, record=replace(bill(0, number, at), customer_id=0)), days=365)


def replies(workshop: Workshop) -> list[dict[str, Any]]:
    return [json.loads(one.value or b"") for one in workshop.read("replies")]


def letters(workshop: Workshop) -> list[tuple[DeadLetter, dict[str, Any]]]:
    read = [(read_entry(one), json.loads(one.value or b"")) for one in workshop.read("deadletters")]
    return [(letter, said) for letter, said in read if isinstance(letter, DeadLetter)]


def live(workshop: Workshop, *records: Record) -> None:
    """Decide the records, and what they lead to."""
    workshop.journal(*records)
    for _ in range(4):
        workshop.decide_all(tick_customers_max=1)


def test_what_nobody_comes_for_is_answered_and_a_dead_letter_once(workshop: Workshop) -> None:
    live(workshop, activation(), held(1), held(2, "other"), wall(START + DAY))
    workshop.forget_stores()
    live(workshop, linked(5, START + 200 * DAY, ("email", "other")), wall(START + 366 * DAY))
    workshop.forget_stores()
    live(workshop, wall(START + 367 * DAY))

    first, second, released, over = replies(workshop)
    assert [(one["recordId"], one["outcome"]) for one in (first, second)] == [("t1", "held"), ("t2", "held")]
    assert (released["recordId"], released["customerId"], released["outcome"]) == ("t2", 5, "done")
    assert (over["recordId"], over["outcome"], over["reason"]) == ("t1", "refused", "hold_ended")
    assert over["message"].startswith("Refused: nobody was known by its identifiers in time (hold_ended); register")
    assert (over["requestId"], over["type"]) == (first["requestId"], "transactionAdded")
    ((letter, said),) = letters(workshop)
    assert (letter.reason, letter.stage, said["type"]) == ("HOLD_ENDED", "loyalty", "TransactionAdded")
    assert (said["bill_number"], said["amount_minor"], letter.sent_at) == ("B1", 1_000, START + 1)
    assert "only the engine writes to" in (why_not(letter, workshop.catalog.inputs, 2) or "")
    asked = [decode_record(one.value or b"") for one in workshop.read("journal")]
    assert [one.place != "" for one in asked if isinstance(one, EndHold)] == [False, True], "the page, then the record"
    assert found(verified(workshop)) == []


def test_what_there_is_no_room_for_is_a_dead_letter_too(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "HELD_MAX", 1)
    monkeypatch.setattr(holding, "HELD_OF_ORG_MAX", 2)
    live(workshop, activation(), *(held(number, email) for number, email in enumerate("aabc", 1)))

    assert [(letter.reason, said["id"]) for letter, said in letters(workshop)] == [
        ("IDENTIFIER_UNKNOWN", "t2"),
        ("TOO_MANY_HELD", "t4"),
    ]
    assert [one["reason"] for one in replies(workshop)] == [None, "identifier_unknown", None, "too_many_held"]
