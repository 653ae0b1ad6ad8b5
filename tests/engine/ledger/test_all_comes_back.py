"""When all goods of a customer are back, nothing of what they gave is left, however it was promised, held or spent."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.ledger.state import LedgerAccount
from schemas.program import ProgramDefinition, ReturnMethod
from schemas.records import Line
from tests.dsl import Story
from tests.steps import (
    bought,
    brought_back,
    confirm,
    did,
    instant,
    milestone,
    program,
    redeem,
    release,
    spend,
    tick,
    updated,
)

START: Final = instant("2011-03-20")
HOUR: Final = 3_600_000
CURRENCIES: Final = ("POINTS", "STARS")
METHODS: Final = [method for method in ReturnMethod if method is not ReturnMethod.NONE]

lines = st.lists(
    st.builds(Line, st.sampled_from("ABC"), st.integers(1, 999), st.just(1), st.sampled_from(["", "x"])),
    min_size=1,
    max_size=3,
).map(tuple)
steps = st.lists(
    st.tuples(
        st.sampled_from(["buys", "buys", "redeems", "holds", "confirms", "releases", "returns", "updates", "arrives"]),
        st.integers(0, 30),
        lines,
    ),
    max_size=18,
)


def shop(method: ReturnMethod, **parts: Any) -> ProgramDefinition:
    return program(
        rules=[
            spend(),
            spend("more", 3, 250, minimum_minor=500, excluded_categories=["x"]),
            spend("s", 5, 400, currency="STARS"),
        ],
        currencies=[{"id": "STARS"}],
        milestones=[milestone("spent", 1_500, counts={"of": "transactions", "measure": "sum"}, points=11)],
        returns={"method": method.value, "shortfall": "deficit", "rewards": "clawback"},
        redemption={"hold_minutes": 90 * 24 * 60},
        **parts,
    )


def played(definition: ProgramDefinition, history: list[tuple[str, int, tuple[Line, ...]]]) -> Story:
    """The history, a step every six hours; what is held or bought last is what later steps are about."""
    story, bills, held, now = Story(definition), ["B0"], ["d0"], START
    for number, (what, size, some) in enumerate(history):
        now += 6 * HOUR
        bill = bills[size % len(bills)]
        if what == "buys":
            bills.append(f"B{number}")
            story.play(bought(bills[-1], None, now, lines=some))
        elif what == "redeems":
            story.play(redeem(size, now, bill_number=bill, currency=CURRENCIES[number % 2]))
        elif what == "holds":
            held.append(f"d{number}")
            story.play(redeem(size, now, hold=True, id=held[-1]))
        elif what in ("confirms", "releases"):
            story.play((confirm if what == "confirms" else release)(held[-1], now))
        elif what == "returns":
            story.play(brought_back(bill, 50 * size, now))
        elif what == "updates":
            story.play(updated(bill, None, now, lines=some))
        else:
            story.play(did("arrived", now, attributes={"reference": bill}))
    for number, bill in enumerate(bills):
        story.play(brought_back(bill, 10**6, now + HOUR + number))
    for number, hold in enumerate(held):
        story.play((confirm if number % 2 else release)(hold, now + 2 * HOUR + number))
    story.play(tick(now + 60 * 24 * HOUR))
    return story


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=40)
@forall(
    steps,
    st.sampled_from([{}, {"until": "days", "days": 1}, {"until": "trigger", "event": "arrived", "within_days": 9}]),
)
def test_nothing_is_left_of_what_came_back(
    method: ReturnMethod, history: list[tuple[str, int, tuple[Line, ...]]], promised: dict[str, Any]
) -> None:
    story = played(shop(method, **({"promised": promised} if promised else {})), history)
    for currency in CURRENCIES:
        account = story.account(1, currency)
        assert (account.lifetime, account.promised) == (0, 0)
        assert account.total(LedgerAccount.REVERSED) == account.issued
        assert account.balance - account.deficit == -account.total(LedgerAccount.REDEEMED)
