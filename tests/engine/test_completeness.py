"""Nothing is forgotten: every fact has an effect, every record its stages, every movement of points its postings."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest
from pipeline.engine.apply import EFFECTS
from pipeline.engine.postings import MOVES, Posting, postings

from pipeline.engine.decide import CUSTOMER_STAGES, PROGRAM_STAGES, needs
from pipeline.engine.programs import Programs
from pipeline.engine.state import (
    NEVER,
    Award,
    Bill,
    Head,
    Section,
    decode_bill,
    decode_head,
    encode_state,
    forgotten_at_of,
    timer_of,
)
from schemas import facts
from schemas.facts import AnyFact, ProgramFact
from schemas.records import AnyCustomerRecord, UnknownVersion
from tests.dsl import bought, brought_back, did, joined, program

ABOUT_POINTS = {
    kind for kind in get_args(AnyFact) if issubclass(kind, ProgramFact) and "points" in kind.__struct_fields__
}
ISSUED = facts.PointsIssued(1, "c", 0, 1, 1, "POINTS", 5, facts.IssuedFor.MILESTONE, "goal", None, None, 5, 5)
TAKEN = (facts.Taken(1, 5),)


def test_every_fact_has_an_effect() -> None:
    assert set(EFFECTS) == set(get_args(AnyFact))


def test_every_customer_record_has_its_stages() -> None:
    assert set(CUSTOMER_STAGES) == set(PROGRAM_STAGES) == set(get_args(AnyCustomerRecord))


def test_exactly_the_facts_about_points_move_points() -> None:
    assert set(MOVES) == ABOUT_POINTS


@pytest.mark.parametrize(
    ("fact", "moves"),
    [
        pytest.param(ISSUED, [Posting("issued:milestone", "member", 5, "POINTS")], id="issued"),
        pytest.param(
            facts.PointsRedeemed(1, "c", 0, 1, 1, "POINTS", 5, "r", TAKEN, 0, 5),
            [Posting("member", "redeemed", 5, "POINTS")],
            id="redeemed",
        ),
        pytest.param(
            facts.PointsExpired(1, "c", 0, 1, 1, "POINTS", 5, 0, TAKEN, 0),
            [Posting("member", "expired", 5, "POINTS")],
            id="expired",
        ),
        pytest.param(
            facts.PointsReversed(1, "c", 0, 1, 1, "POINTS", 5, "B1", (), 5, 0, 0),
            [Posting("member", "reversed", 5, "POINTS")],
            id="reversed",
        ),
        pytest.param(facts.PointsReversed(1, "c", 0, 1, 1, "POINTS", 0, "B1", (), 0, 5, 5), [], id="all-forgiven"),
        pytest.param(
            facts.PointsDebited(1, "c", 0, 1, 1, "POINTS", 5, "why", TAKEN, 0),
            [Posting("member", "debited", 5, "POINTS")],
            id="debited",
        ),
        pytest.param(facts.TierUpgraded(1, "c", 0, 1, 1, 1, 2, 5), [], id="no-points"),
    ],
)
def test_points_move_between_the_member_and_one_other_account(fact: facts.Fact, moves: list[Posting]) -> None:
    assert postings(fact) == moves


@pytest.mark.parametrize(
    ("record", "keys"),
    [
        pytest.param(bought("B1", 1, "2011-03-01"), ("bill:B1",), id="bill"),
        pytest.param(brought_back("B1", 1, "2011-03-01"), ("bill:B1",), id="return"),
        pytest.param(did("login", "2011-03-01"), (), id="event"),
        pytest.param(joined("2011-03-01"), (), id="customer"),
    ],
)
def test_record_needs_the_bill_it_speaks_of(record: AnyCustomerRecord, keys: tuple[str, ...]) -> None:
    assert needs(Head(1, 7), record, Programs().activate(program())) == keys


@pytest.mark.parametrize("raw", [pytest.param(b"", id="empty"), pytest.param(b"\x09\x90", id="from-the-future")])
def test_state_of_an_unknown_version_is_not_read(raw: bytes) -> None:
    with pytest.raises(UnknownVersion, match="this build reads 1"):
        decode_head(raw)
    with pytest.raises(UnknownVersion, match="this build reads 1"):
        decode_bill(raw)


def test_state_is_read_as_it_was_written() -> None:
    head, bill = Head(1, 7, seq=3), Bill(5, 9, 100, "GBP")
    assert (decode_head(encode_state(head)), decode_bill(encode_state(bill))) == (head, bill)


@pytest.mark.parametrize("due", [pytest.param(77, id="with-timers"), pytest.param(NEVER, id="without")])
def test_timers_of_stored_state_are_read_without_the_rest(due: int) -> None:
    head = Head(1, 7, recent={"r": (1, 2)}, sections={7: Section(1)}, due=due)
    assert timer_of(encode_state(head)) == head.timer
    assert forgotten_at_of(encode_state(Bill(5, 9, 100, "GBP", awards=[Award(7, "pts", "spend", 1, 10)]))) == 9


def test_timers_of_an_unknown_version_are_not_read() -> None:
    for read in (timer_of, forgotten_at_of):
        with pytest.raises(UnknownVersion, match="this build reads 1"):
            read(b"\x09\x90")


def test_engine_loads_neither_faust_nor_kafka() -> None:
    heavy = ("faust", "confluent_kafka", "asyncio")
    code = f"import sys, pipeline.engine.decide; print([one for one in {heavy} if one in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert loaded.stdout.strip() == "[]"
