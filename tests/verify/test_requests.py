"""Requests to other customers: what is asked lies in the journal, once, and what lies there was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Message, Partition
from pipeline.verify.report import Check
from schemas.facts import PointsReceived, PointsTransferred, decode_facts
from schemas.records import AnswerTransfer, ReceiveTransfer, Request, decode_record, encode_record
from tests.runtime.workshop import START, Workshop, activation, bill, gift
from tests.verify.damage import Damage, added, changed, damage, only, twice, verified, without

GIVER, TAKER = 1, 5
"""In partition 0 and in partition 1."""
HERE, THERE = Partition("v.journal", 0), Partition("v.journal", 1)
GIFTS: Final = 3


@pytest.fixture
def given(tmp_path: Path, embedded_log: EmbeddedLog) -> Iterator[Workshop]:
    """Three gifts across the partitions, and their answers."""
    workshop = Workshop(embedded_log, tmp_path, "v.")
    workshop.journal(activation(), bill(GIVER, 1, START, pounds=20), bill(TAKER, 2, START))
    workshop.journal(*(gift(GIVER, TAKER, number, START + number, 3) for number in range(GIFTS)))
    for _ in range(3):  # the gifts, what they ask, the answers
        workshop.decide_all()
    yield workshop
    workshop.close()


def asked(workshop: Workshop, kind: type[Request]) -> list[Message]:
    return [one for one in workshop.read("journal") if isinstance(decode_record(one.value or b""), kind)]


def place(workshop: Workshop, kind: type[Request]) -> int:
    """The index of the first request of a kind among the messages of its partition."""
    first = asked(workshop, kind)[0]
    messages = [one for one in workshop.read("journal") if one.partition == first.partition]
    return messages.index(first)


def requests(workshop: Workshop, *numbers: int) -> list[tuple[str, str]]:
    return [(one.where, one.what) for one in only("requests", verified(workshop, *numbers))]


def test_gifts_cross_partitions_and_their_requests_match(given: Workshop) -> None:
    facts = [fact.decision for one in given.read("facts") for fact in decode_facts(one.value or b"").facts()]
    assert [sum(isinstance(one, kind) for one in facts) for kind in (PointsReceived, PointsTransferred)] == [3, 3]
    assert {one.partition for one in asked(given, ReceiveTransfer)} == {1}
    assert {one.partition for one in asked(given, AnswerTransfer)} == {0}

    report = verified(given)
    assert report.findings == []
    assert report.looked_at[Check.REQUESTS] == 2 * GIFTS


def with_request(change: Callable[[Request], Request]) -> Callable[[Message], Message]:
    def changed_message(message: Message) -> Message:
        record = decode_record(message.value or b"")
        assert isinstance(record, Request)
        return message._replace(value=encode_record(change(record)))

    return changed_message


def other_points(request: Request) -> Request:
    assert isinstance(request, ReceiveTransfer)
    return msgspec.structs.replace(request, currency="OTHER")


def told(workshop: Workshop) -> str:
    """How the first request to the taker is told."""
    record = decode_record(asked(workshop, ReceiveTransfer)[0].value or b"")
    assert isinstance(record, ReceiveTransfer)
    return f"ReceiveTransfer {record.id} for customer 1:{TAKER}, asked at v.journal:0 offset {record.offset}"


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        pytest.param(without, "v.journal[1]", "lacks {}", id="lost"),
        pytest.param(twice, "v.journal[1]@{after}", "{} is here for the second time", id="sent-again-at-a-replay"),
        pytest.param(
            lambda index: changed(index, with_request(other_points)),
            "v.journal[1]@{at}",
            "{} says something else here",
            id="changed",
        ),
    ],
)
def test_damaged_request_is_found(given: Workshop, change: Callable[[int], Damage], where: str, what: str) -> None:
    index, said = place(given, ReceiveTransfer), told(given)
    damage(given.folder / "log", THERE, change(index))
    assert (where.format(at=index, after=index + 1), what.format(said)) in requests(given)


def test_request_that_nobody_asked_is_found(given: Workshop) -> None:
    at, end = place(given, ReceiveTransfer), len([one for one in given.read("journal") if one.partition == 1])
    forged = with_request(lambda request: msgspec.structs.replace(request, id="forged"))
    damage(given.folder / "log", THERE, added(forged(asked(given, ReceiveTransfer)[0])))
    assert requests(given) == [
        (
            f"v.journal[1]@{end}",
            f"{told(given).replace(_id(given), 'forged')}, and nothing that is decided there asks for it",
        )
    ]
    assert at < end


def test_request_in_the_wrong_partition_is_found(given: Workshop) -> None:
    index, request = place(given, ReceiveTransfer), asked(given, ReceiveTransfer)[0]
    said, end = told(given), len([one for one in given.read("journal") if one.partition == 0])
    damage(given.folder / "log", THERE, without(index))
    damage(given.folder / "log", HERE, added(request))
    assert (
        f"v.journal[0]@{end}",
        f"{said} is here, and that customer's records are in partition 1",
    ) in requests(given)


def test_requests_are_judged_where_both_sides_are_verified(given: Workshop) -> None:
    damage(given.folder / "log", THERE, without(place(given, ReceiveTransfer)))
    assert requests(given, 0) == []


def test_request_that_is_asked_and_not_committed_need_not_be_there(given: Workshop) -> None:
    given.journal(gift(GIVER, TAKER, 9, START + 9, 3))
    assert verified(given).findings == []


def _id(workshop: Workshop) -> str:
    record = decode_record(asked(workshop, ReceiveTransfer)[0].value or b"")
    assert isinstance(record, ReceiveTransfer)
    return record.id
