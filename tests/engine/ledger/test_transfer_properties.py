"""Points that go between customers: nothing is lost or made, in whatever order requests and answers come through.

Every step of every customer is held to `tests.invariants`, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.ledger.state import LedgerAccount
from schemas.facts import PointsReceived, PointsTransferred, RecordRefused, TransferInitiated, TransferRefused
from schemas.records import AnyCustomerRecord
from tests.steps import (
    adjust,
    block,
    bought,
    brought_back,
    cancel,
    instant,
    program,
    redeem,
    release,
    reverse,
    spend,
    status,
    tick,
    transfer,
    updated,
)
from tests.town import Town

CLUB: Final = program(
    rules=[spend()],
    points={"expiry": {"days": 3}},
    redemption={"late_minutes": 0},
    returns={"shortfall": "deficit"},
    transfer={"lifetime": "count"},
)
START: Final = instant("2011-03-20")
HOUR: Final = 3_600_000


class Happening(NamedTuple):
    """What one of the customers does, with a number that says how much, or which."""

    what: str
    customer: int
    number: int


_ASKED: Final[dict[str, Callable[..., AnyCustomerRecord]]] = {
    "buys": lambda at, place, one, number: bought(
        f"B{number % 4}", 400 + number * 40, at, customer_id=one, id=f"b{place}"
    ),
    "gives": lambda at, place, one, number: transfer(number % 9 + 1, one % 3 + 1, at, customer_id=one, id=f"x{place}"),
    "redeems": lambda at, _, one, number: redeem(
        number % 9 + 1, at, customer_id=one, id=f"d{number % 4}", bill_number=f"B{number % 4}"
    ),
    "returns": lambda at, place, one, number: brought_back(
        f"B{number % 4}", 300 + number * 25, at, customer_id=one, id=f"r{place}", bill_number=f"R{place}"
    ),
    "updates": lambda at, place, one, number: updated(
        f"B{number % 4}", number // 2 * 45, at, customer_id=one, id=f"u{place}"
    ),
    "reverses": lambda at, place, one, number: reverse(f"d{number % 4}", at, customer_id=one, id=f"v{place}"),
    "adjusts": lambda at, place, one, number: adjust(number - 12, at, customer_id=one, id=f"a{place}"),
    "cancels": lambda at, place, one, number: cancel(at, lot=number % 4 + 1, customer_id=one, id=f"c{place}"),
    "blocks": lambda at, _, one, number: block(number % 5 + 1, at, customer_id=one, id=f"h{number % 3}"),
    "releases": lambda at, place, one, number: release(f"h{number % 3}", at, customer_id=one, id=f"l{place}"),
    "is marked": lambda at, place, one, number: status(
        ("ACTIVE", "ACTIVE", "FRAUD", "BLOCKED")[number % 4], at, customer_id=one, id=f"s{place}"
    ),
}
_OFTEN: Final = ("buys", "buys", "gives", "gives", "gives", "redeems", "returns", "delivers", "delivers", "delivers")
happenings = st.lists(
    st.builds(
        Happening,
        st.sampled_from([*_OFTEN, "waits", "again", "again", "again", *_ASKED]),
        st.integers(1, 3),
        st.integers(0, 50),
    ),
    min_size=15,
    max_size=40,
)


def played(history: list[Happening]) -> Town:
    """The history in a town of three; a gift goes to the next customer. What comes again moves no points."""
    town, now = Town(CLUB), START
    came: list[Any] = []
    for place, (what, one, number) in enumerate(history):
        if what == "waits":
            now += (number + 1) * HOUR
            town.pass_time(tick(now))
        elif what == "delivers" and town.waiting:
            town.waiting.insert(0, town.waiting.pop(number % len(town.waiting)))
            came.append(town.waiting[0])
            town.deliver()
        elif what == "again" and came:
            story = town.play(came[-1 - number % min(4, len(came))], now)
            assert all(isinstance(fact.decision, RecordRefused) for fact in story.decided)
        elif what in _ASKED:
            came.append(_ASKED[what](now, place, one, number))
            town.play(came[-1])
    return town


@settings(max_examples=60, deadline=None)
@forall(happenings)
def test_points_that_go_between_customers_are_neither_lost_nor_made(history: list[Happening]) -> None:
    town = played(history)
    on_their_way = town.total(LedgerAccount.BLOCKED)
    assert -on_their_way <= town.total(LedgerAccount.TRANSFERRED) <= 0
    town.settle()
    assert town.total(LedgerAccount.TRANSFERRED) == 0
    double_entry = [account for account in LedgerAccount if account is not LedgerAccount.LIFETIME]
    assert sum(map(town.total, double_entry)) == 0


@settings(max_examples=40, deadline=None)
@forall(happenings)
def test_every_transfer_ends_once_at_both_customers(history: list[Happening]) -> None:
    town = played(history)
    town.settle()
    facts = [fact for story in town.stories.values() for fact in story.facts]
    decided = [fact.decision for fact in facts]
    offered = sorted(one.transfer_id for one in decided if isinstance(one, TransferInitiated))
    given = sorted((one.transfer_id, one.points) for one in decided if isinstance(one, PointsTransferred))
    received = sorted((one.transfer_id, one.points) for one in decided if isinstance(one, PointsReceived))
    refused = [one.transfer_id for one in decided if isinstance(one, TransferRefused)]
    not_offered = {
        fact.envelope.cause
        for fact in facts
        if isinstance(fact.decision, RecordRefused) and fact.envelope.cause.startswith("TransferPoints:")
    }
    asked = sum(one.what == "gives" for one in history)
    assert given == received
    assert sorted([transfer_id for transfer_id, _ in received] + refused) == offered
    assert len(offered) + len(not_offered) == asked
