"""ARCHITECTURE, "Adding a decision", held to its word: one more decision, by public registration alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec
import pytest

from pipeline.engine.adoption import adopt
from pipeline.engine.decide import CLOSING, CONCERNS, CUSTOMER_STAGES, FOLLOW_UPS, PROGRAM_STAGES, TIMERS
from pipeline.engine.kernel.concern import Concern, ProgramStage
from pipeline.engine.kernel.engine import Engine
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.postings import MOVEMENTS, Movement
from pipeline.engine.ledger.state import LedgerAccount
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head
from pipeline.notify.context import Context
from pipeline.notify.program_view import OrgView, ProgramView
from pipeline.notify.render import TABLES, Renderer
from pipeline.notify.table import News, Table
from schemas.facts import Decision, Envelope, FactMessage, PointsMoved
from schemas.records import CustomEventReceived, Profile
from sinks.clickhouse.tables import FACTS, LEDGER_ENTRIES, Rows, Source, add_facts
from tests.steps import CUSTOMER, ORG, did, program

PROGRAM: Final = program()
LOGIN: Final = did("login", "2011-03-01")


class PointsPledged(PointsMoved, frozen=True, tag=9_999):
    """Points for a good cause, which the product does not have."""

    cause: str


def pledge(turn: ProgramTurn, _record: CustomEventReceived) -> Sequence[Decision]:
    return [PointsPledged(currency=turn.program.currency, points=5, balance=0, cause="trees")]


def note_pledge(state: CustomerState, envelope: Envelope, _decision: PointsPledged) -> None:
    state.head.sections[envelope.program_id].transactions += 1


PLEDGES: Final = Concern(name="pledges", effects={PointsPledged: note_pledge})
NEWS: Final = Table(
    topic="notifications.rewards",
    news={
        PointsPledged: News(
            event="pointsPledged",
            subject=lambda decision: decision.cause,
            data=lambda decision, _envelope, _context: {"points": decision.points, "for": decision.cause},
        )
    },
)


def test_decision_with_effect_posting_notification_and_row_is_added_by_registration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    movement = Movement(source=LedgerAccount.ISSUED, destination=LedgerAccount.PROMISED)
    monkeypatch.setitem(MOVEMENTS, PointsPledged, (movement,))
    engine = Engine(
        concerns=(*CONCERNS, PLEDGES),
        customer_stages=CUSTOMER_STAGES,
        program_stages={**PROGRAM_STAGES, CustomEventReceived: (ProgramStage(pledge),)},
        follow_ups=FOLLOW_UPS,
        timers=TIMERS,
        closing=CLOSING,
        adopt=adopt,
    )
    state = CustomerState(Head(ORG, CUSTOMER))

    groups = engine.decide(state, LOGIN, Programs().activate(PROGRAM), LOGIN.event_time)

    assert type(groups[-1].decisions[-1]) is PointsPledged
    assert state.head.sections[1].transactions == 1

    context = Context(
        org_id=ORG,
        customer_id=CUSTOMER,
        record=LOGIN,
        org=OrgView([ProgramView(PROGRAM)]),
        recorded_at=LOGIN.received_at,
        profile=Profile(),
    )
    *_, told = Renderer(*TABLES, NEWS).render_all(groups, 1, context)
    assert (told.event, told.topic) == ("pointsPledged", "notifications.rewards")
    assert msgspec.json.decode(told.body)["data"] == {"points": 5, "for": "trees"}

    message = FactMessage(
        journal_partition=0,
        journal_offset=7,
        engine_version=1,
        org_id=ORG,
        customer_id=CUSTOMER,
        first_seq=1,
        recorded_at=LOGIN.received_at,
        groups=groups,
    )
    rows: Rows = defaultdict(list)
    add_facts(rows, message, Source(topic="loyalty.facts", partition=0, offset=3))
    *_, fact = (dict(zip(FACTS.names, row, strict=True)) for row in FACTS.rows(rows[FACTS.name]))
    assert (fact["kind"], fact["seq"], fact["program_id"]) == ("PointsPledged", state.head.seq, 1)
    assert msgspec.json.decode(fact["data"]) == {"currency": "POINTS", "points": 5, "balance": 0, "cause": "trees"}
    legs = [dict(zip(LEDGER_ENTRIES.names, row, strict=True)) for row in LEDGER_ENTRIES.rows(rows[LEDGER_ENTRIES.name])]
    assert [(leg["account"], leg["points"]) for leg in legs] == [("issued", -5), ("promised", 5)]
