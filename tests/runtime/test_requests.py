"""Requests: what a decision about one customer asks of another goes to that customer's partition of the journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.engine.ledger.state import LedgerAccount
from pipeline.engine.state import Head, decode_head
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Message
from schemas.facts import Refusal, TransferRefused, decode_facts
from schemas.records import AnswerTransfer, ReceiveTransfer, Request, decode_record, encode_record
from tests.runtime.workshop import DAY, START, Workshop, activation, backfill, bill, gift

GIVER, TAKER = 1, 5
"""In partition 0 and in partition 1."""


@pytest.fixture
def shop(tmp_path: Path, embedded_log: EmbeddedLog) -> Iterator[Workshop]:
    workshop = Workshop(embedded_log, tmp_path, "r.")
    yield workshop
    workshop.close()


def requests(workshop: Workshop) -> list[tuple[int, Request]]:
    """Each with its partition."""
    records = [(one.partition, decode_record(one.value or b"")) for one in workshop.read("journal")]
    return [(number, record) for number, record in records if isinstance(record, Request)]


def head(workshop: Workshop, number: int, customer: int) -> Head:
    return decode_head(workshop.state()[number, b"1:%d" % customer])


def account(workshop: Workshop, number: int, customer: int, name: LedgerAccount) -> int:
    return head(workshop, number, customer).sections[7].accounts["POINTS"].total(name)


def settle(workshop: Workshop) -> None:
    for _ in range(3):  # the gift, what it asks, the answer
        workshop.decide_all()


def test_gift_goes_to_another_partition_and_its_answer_comes_back(shop: Workshop) -> None:
    shop.journal(activation(), bill(GIVER, 1, START, pounds=20), gift(GIVER, TAKER, 2, START + 1, 8))
    settle(shop)

    asked, answer = sorted(requests(shop), key=lambda one: one[1].customer_id, reverse=True)
    assert (asked[0], type(asked[1]), asked[1].source, asked[1].offset) == (1, ReceiveTransfer, "r.journal:0", 2)
    assert (answer[0], type(answer[1])) == (0, AnswerTransfer)
    assert account(shop, 0, GIVER, LedgerAccount.CURRENT) == 12
    assert account(shop, 1, TAKER, LedgerAccount.CURRENT) == 8


def test_nothing_is_asked_again_by_a_worker_that_has_lost_its_store(shop: Workshop) -> None:
    shop.journal(activation(), bill(GIVER, 1, START, pounds=20), gift(GIVER, TAKER, 2, START + 1, 8))
    shop.decide_all()
    before = requests(shop)
    shop.forget_stores()
    settle(shop)

    assert [one for one in requests(shop) if isinstance(one[1], ReceiveTransfer)] == before
    assert len(requests(shop)) == 2


def test_points_stay_put_aside_until_the_answer_is_decided(shop: Workshop) -> None:
    shop.journal(activation(), bill(GIVER, 1, START, pounds=20), gift(GIVER, TAKER, 2, START + 1, 8))
    shop.decide_all()

    assert [type(one) for _, one in requests(shop)] == [ReceiveTransfer]
    assert account(shop, 0, GIVER, LedgerAccount.BLOCKED) == 8


def test_receiver_whose_history_is_being_loaded_refuses_and_keeps_their_clock(shop: Workshop) -> None:
    shop.send("journal", None, encode_record(backfill()), 1)
    shop.journal(activation(), bill(GIVER, 1, START, pounds=20), bill(TAKER, 3, START - 300 * DAY))
    shop.journal(gift(GIVER, TAKER, 2, START + 1, 8))
    settle(shop)

    assert reasons(shop.read("facts")) == [Refusal.IN_BACKFILL]
    assert account(shop, 0, GIVER, LedgerAccount.CURRENT) == 20
    assert head(shop, 1, TAKER).clock == START - 300 * DAY


def reasons(facts: list[Message]) -> list[Refusal]:
    """Why transfers were refused."""
    decided = [fact.decision for one in facts for fact in decode_facts(one.value or b"").facts()]
    return [one.reason for one in decided if isinstance(one, TransferRefused)]
