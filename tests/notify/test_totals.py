"""The points that notifications state are the movements and the balances of the ledger, whatever happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.engine.ledger.postings import lifetime_change, postings
from pipeline.engine.ledger.state import LedgerAccount
from pipeline.notify.context import Context
from pipeline.notify.program_view import OrgView, ProgramView
from pipeline.notify.render import RENDERER
from schemas.facts import Fact, movements_in
from schemas.records import CustomerRecord, Profile
from tests.dsl import Story
from tests.engine.test_properties import ABROAD, HOUR, RICH, START, amounts, bills, changes, hours, records, ticks
from tests.notify.test_render import data_of
from tests.steps import CUSTOMER, ORG, Activation, Step, Tick, bought, redeem

Totals = dict[LedgerAccount, int]
Stated = Callable[[dict[str, Any]], float]

MOVED: Final[dict[str, tuple[Stated, Callable[[Totals], int]]]] = {
    "pointsIssued": (lambda data: data["totalPointsIssued"], lambda moved: -moved[LedgerAccount.ISSUED]),
    "pointsRedeemed": (lambda data: data["totalPointsRedeemed"], lambda moved: moved[LedgerAccount.REDEEMED]),
    "pointsExpired": (lambda data: data["pointsExpired"], lambda moved: moved[LedgerAccount.EXPIRED]),
    "issuedPointsReversed": (
        lambda data: data["currentEventTotalPointsReturned"],
        lambda moved: moved[LedgerAccount.REVERSED],
    ),
    "redeemedPointsReversed": (
        lambda data: data["redeemedPointsReversed"],
        lambda moved: -moved[LedgerAccount.REDEEMED],
    ),
    "promisedToCurrentPointsConversion": (
        lambda data: data["pointsConverted"],
        lambda moved: -moved[LedgerAccount.PROMISED],
    ),
}
"""By event: what it states, and what the ledger says of it."""


def stated_everywhere(data: Any, key: str) -> list[float]:
    """The values of a key in all objects of the data."""
    if isinstance(data, dict):
        return [
            *([data[key]] if key in data else []),
            *(n for one in data.values() for n in stated_everywhere(one, key)),
        ]
    return [n for one in data for n in stated_everywhere(one, key)] if isinstance(data, list) else []


class Ledger:
    """The accounts of the main currencies, by program, as postings add up."""

    def __init__(self) -> None:
        self.totals: defaultdict[int, Totals] = defaultdict(lambda: dict.fromkeys(LedgerAccount, 0))

    def add(self, fact: Fact, currency: str) -> Totals:
        """What the fact moves of the currency, added."""
        moved = dict.fromkeys(LedgerAccount, 0)
        for one in movements_in(fact.decision):
            if one.currency == currency:
                for posting in postings(one):
                    moved[posting.source] -= posting.points
                    moved[posting.destination] += posting.points
                moved[LedgerAccount.LIFETIME] += lifetime_change(one)
        totals = self.totals[fact.envelope.program_id]
        for account, points in moved.items():
            totals[account] += points
        return moved


purchases = st.builds(lambda hour, bill, amount: bought(bill, amount, START + hour * HOUR), hours, bills, amounts)
spending = st.builds(lambda hour, points: redeem(points, START + hour * HOUR), hours, st.integers(3, 12))
histories = st.lists(
    st.one_of(records, purchases, purchases, spending, spending, ticks, changes), min_size=15, max_size=30
).map(lambda steps: sorted(steps, key=_when))


def _when(step: Step) -> int:
    return step.event_time if isinstance(step, CustomerRecord) else step.time if isinstance(step, Tick) else 0


@settings(max_examples=40)
@forall(histories)
def test_points_that_are_told_are_the_points_that_moved(history: list[Step]) -> None:
    definitions = {(one.program_id, one.version): one for one in (RICH, ABROAD)}
    story, ledger = Story(RICH, ABROAD), Ledger()
    for step in history:
        if isinstance(step, Activation):
            known = step.definition
            definitions.setdefault((known.program_id, known.version), known)
        record = step if isinstance(step, CustomerRecord) else None
        for fact in story.play(step):
            program_id = fact.envelope.program_id
            if not program_id:
                continue
            currency = definitions[program_id, fact.envelope.version].points.name
            moved, totals = ledger.add(fact, currency), ledger.totals[program_id]
            context = Context(
                org_id=ORG,
                customer_id=CUSTOMER,
                record=record,
                org=OrgView(ProgramView(one) for one in definitions.values()),
                recorded_at=0,
                profile=Profile(),
            )
            told = RENDERER.render(fact, context)
            if told is None or told.event not in MOVED:
                continue
            data = data_of(fact, context)
            if "alternateCurrencyName" in data:
                continue
            stated, of_ledger = MOVED[told.event]
            assert stated(data) == of_ledger(moved)
            assert {*stated_everywhere(data, "programCurrentPoints")} <= {totals[LedgerAccount.CURRENT]}
            assert {*stated_everywhere(data, "programLifetimePoints")} <= {totals[LedgerAccount.LIFETIME]}
