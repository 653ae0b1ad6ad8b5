"""Points that go between customers: nothing is lost or made, in whatever order requests and answers come through."""

from __future__ import annotations

from typing import Final

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.ledger.state import LedgerAccount
from schemas.facts import PointsReceived, PointsTransferred, RecordRefused, TransferInitiated, TransferRefused
from tests.steps import bought, instant, program, redeem, spend, tick, transfer
from tests.town import Town

CLUB: Final = program(rules=[spend()], points={"expiry": {"days": 3}}, redemption={"late_minutes": 0})
START: Final = instant("2011-03-20")
HOUR: Final = 3_600_000
_INSIDE: Final = (
    LedgerAccount.ISSUED,
    LedgerAccount.CURRENT,
    LedgerAccount.BLOCKED,
    LedgerAccount.REDEEMED,
    LedgerAccount.EXPIRED,
)

customers = st.integers(1, 3)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("buys"), customers, st.integers(1, 2_000)),
        st.tuples(st.just("gives"), customers, st.integers(1, 12)),
        st.tuples(st.just("redeems"), customers, st.integers(1, 12)),
        st.tuples(st.just("waits"), st.integers(1, 60), st.just(0)),
        st.tuples(st.just("delivers"), st.integers(0, 3), st.just(0)),
    ),
    max_size=30,
)


def played(history: list[tuple[str, int, int]]) -> Town:
    """The history in a town of three; a gift goes to the next customer."""
    town, now = Town(CLUB), START
    for number, (what, one, amount) in enumerate(history):
        if what == "buys":
            town.play(bought(f"B{number}", amount, now, customer_id=one))
        elif what == "gives":
            town.play(transfer(amount, one % 3 + 1, now, customer_id=one, id=f"x{number}"))
        elif what == "redeems":
            town.play(redeem(amount, now, customer_id=one, id=f"d{number}"))
        elif what == "waits":
            now += one * HOUR
            town.pass_time(tick(now))
        elif town.waiting:
            town.waiting.insert(0, town.waiting.pop(one % len(town.waiting)))
            town.deliver()
    return town


@settings(max_examples=150, deadline=None)
@forall(steps)
def test_points_that_go_between_customers_are_neither_lost_nor_made(history: list[tuple[str, int, int]]) -> None:
    town = played(history)
    on_their_way = town.total(LedgerAccount.BLOCKED)
    assert -on_their_way <= town.total(LedgerAccount.TRANSFERRED) <= 0
    town.settle()
    assert town.total(LedgerAccount.BLOCKED) == town.total(LedgerAccount.TRANSFERRED) == 0
    assert sum(map(town.total, _INSIDE)) == 0


@settings(max_examples=100, deadline=None)
@forall(steps)
def test_every_transfer_ends_once_at_both_customers(history: list[tuple[str, int, int]]) -> None:
    town = played(history)
    town.settle()
    facts = [fact.decision for story in town.stories.values() for fact in story.facts]
    offered = sorted(one.transfer_id for one in facts if isinstance(one, TransferInitiated))
    given = sorted((one.transfer_id, one.points) for one in facts if isinstance(one, PointsTransferred))
    received = sorted((one.transfer_id, one.points) for one in facts if isinstance(one, PointsReceived))
    refused = [one.transfer_id for one in facts if isinstance(one, TransferRefused)]
    asked = sum(what == "gives" for what, *_ in history)
    not_given = sum(isinstance(one, RecordRefused) and one.reason.text == "balance_too_low" for one in facts)
    assert given == received
    assert sorted([transfer_id for transfer_id, _ in received] + refused) == offered
    assert asked - not_given <= len(offered) <= asked
