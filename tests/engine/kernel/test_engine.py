"""The kernel with concerns made for these tests: what it asks of them, when, and what it does with their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from pipeline.engine import adoption
from pipeline.engine.bills.state import Bill
from pipeline.engine.calendar import NEVER
from pipeline.engine.decide import CLOSING, CONCERNS, CUSTOMER_STAGES, FOLLOW_UPS, PROGRAM_STAGES, TIMERS
from pipeline.engine.kernel.concern import Concern, ProgramStage, Subject, Timer
from pipeline.engine.kernel.engine import Engine
from pipeline.engine.kernel.turn import ProgramTurn
from pipeline.engine.ledger.postings import MOVEMENTS, Movement, lots_moved, postings
from pipeline.engine.ledger.state import Account, LedgerAccount
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Head
from schemas.facts import (
    Decision,
    Envelope,
    Group,
    PointsMoved,
    ProgramAdopted,
    RecordAccepted,
    RecordRefused,
    Refusal,
    TierUpgraded,
)
from schemas.records import CustomerRecord, CustomEventReceived
from tests.steps import CUSTOMER, ORG, bought, did, instant, program, spend

PROGRAMS: Final = Programs().activate(program(rules=[spend()])).activate(program(program_id=2, version=5))
LOGIN: Final = did("login", "2011-03-01")


class Greeted(Decision, frozen=True, tag=9_001):
    """A kind of decision that only these tests know."""

    text: str


class PointsPromised(PointsMoved, frozen=True, tag=9_002):
    """A movement of points that only these tests know."""


def nothing(*_: object) -> None:
    """The effect of a decision that changes nothing."""


def greets(text: str, calls: list[str] | None = None) -> Callable[[ProgramTurn, CustomerRecord | None], list[Decision]]:
    def stage(_turn: ProgramTurn, _record: CustomerRecord | None) -> list[Decision]:
        if calls is not None:
            calls.append(text)
        return [Greeted(text=text)]

    return stage


def engine(
    *concerns: Concern,
    on_event: Sequence[ProgramStage] = (),
    timers: Sequence[Timer] = (),
    closing: Sequence[ProgramStage] = (),
) -> Engine:
    """The product's engine with something more."""
    stages = {**PROGRAM_STAGES, CustomEventReceived: (*PROGRAM_STAGES[CustomEventReceived], *on_event)}
    return Engine(
        concerns=(*CONCERNS, *concerns),
        customer_stages=CUSTOMER_STAGES,
        program_stages=stages,
        follow_ups=FOLLOW_UPS,
        timers=(*TIMERS, *timers),
        closing=(*CLOSING, *closing),
        adopt=adoption.adopt,
    )


def customer() -> CustomerState:
    return CustomerState(Head(org_id=ORG, customer_id=CUSTOMER))


def greetings(groups: Sequence[Group]) -> list[tuple[int, str]]:
    return [
        (group.envelope.program_id, decision.text)
        for group in groups
        for decision in group.decisions
        if isinstance(decision, Greeted)
    ]


GREETING: Final = Concern(name="greeting", effects={Greeted: nothing})


def test_new_decision_takes_a_concern_with_its_effect_a_stage_and_a_movement(monkeypatch: pytest.MonkeyPatch) -> None:
    def note_promise(state: CustomerState, envelope: Envelope, decision: PointsPromised) -> None:
        totals = state.head.sections[envelope.program_id].accounts.setdefault(decision.currency, Account()).totals
        for posting in postings(decision):
            totals[posting.source] -= posting.points
            totals[posting.destination] += posting.points

    def promise(turn: ProgramTurn, _record: CustomEventReceived) -> list[Decision]:
        return [PointsPromised(currency="POINTS", points=turn.program.version, balance=0)]

    movement = Movement(source=LedgerAccount.ISSUED, destination=LedgerAccount.PROMISED)
    monkeypatch.setitem(MOVEMENTS, PointsPromised, (movement,))
    mine = Concern(name="promises", effects={PointsPromised: note_promise})
    with_mine = engine(mine, on_event=[ProgramStage(promise)])
    state, folded = customer(), customer()
    groups = with_mine.decide(state, LOGIN, PROGRAMS, LOGIN.event_time)

    for group in groups:
        for decision in group.decisions:
            with_mine.fold(folded, group.envelope, decision)
    assert folded == state
    promised = [section.accounts["POINTS"].total(LedgerAccount.PROMISED) for section in state.head.sections.values()]
    assert promised == [1, 5]
    assert lots_moved(PointsPromised(currency="POINTS", points=5, balance=0)) == 0


def test_every_concern_that_folds_a_decision_does_so_in_the_order_of_concerns() -> None:
    folded: list[str] = []
    concerns = [
        Concern(name=name, effects={Greeted: lambda *_, name=name: folded.append(name)}) for name in ("first", "second")
    ]
    engine(*concerns, on_event=[ProgramStage(greets("hello"), used=lambda program: program.id == 1)]).decide(
        customer(), LOGIN, PROGRAMS, LOGIN.event_time
    )
    assert folded == ["first", "second"]


def test_stage_of_a_concern_that_the_program_does_not_use_is_never_called() -> None:
    calls: list[str] = []
    stages = [
        ProgramStage(greets("in the second only", calls), used=lambda program: program.id == 2),
        ProgramStage(greets("nowhere", calls), used=lambda _: False),
    ]
    groups = engine(GREETING, on_event=stages, closing=stages).decide(customer(), LOGIN, PROGRAMS, LOGIN.event_time)
    assert greetings(groups) == [(2, "in the second only")] * 2
    assert calls == ["in the second only"] * 2


def test_whether_a_program_uses_a_stage_is_asked_once_for_each_engine() -> None:
    asked: list[int] = []

    def used(program: Any) -> bool:
        asked.append(program.id)
        return program.id == 1

    first, second = (
        engine(GREETING, on_event=[ProgramStage(greets(text), used=used)]) for text in ("good day", "good night")
    )
    for number in range(3):
        record = did("login", f"2011-03-0{number + 1}")
        assert greetings(first.decide(customer(), record, PROGRAMS, record.event_time)) == [(1, "good day")]
    assert asked == [1, 2]
    assert greetings(second.decide(customer(), LOGIN, PROGRAMS, LOGIN.event_time)) == [(1, "good night")]


def test_refusal_ends_the_stages_of_its_program_but_not_the_closing_ones_and_not_other_programs() -> None:
    def refuse(turn: ProgramTurn, _record: CustomEventReceived) -> list[Decision]:
        return [RecordRefused(reason=Refusal.BALANCE_TOO_LOW)] if turn.program.id == 1 else []

    groups = engine(
        GREETING,
        on_event=[ProgramStage(refuse), ProgramStage(greets("after it"))],
        closing=[ProgramStage(greets("at the end"))],
    ).decide(customer(), LOGIN, PROGRAMS, LOGIN.event_time)
    assert greetings(groups) == [(1, "at the end"), (2, "after it"), (2, "at the end")]


def test_program_in_which_nothing_was_decided_has_no_group_and_no_closing_stage() -> None:
    closing = engine(GREETING, closing=[ProgramStage(greets("at the end"))])
    state = customer()
    assert greetings(closing.decide(state, LOGIN, PROGRAMS, LOGIN.event_time)) == [(1, "at the end"), (2, "at the end")]
    again = did("login", "2011-03-02")
    groups = closing.decide(state, again, PROGRAMS, again.event_time)
    assert [type(decision) for group in groups for decision in group.decisions] == [RecordAccepted]


def test_stage_sees_what_was_decided_about_the_customer_for_the_same_record() -> None:
    seen: list[type[Decision]] = []

    def look(turn: ProgramTurn, _record: CustomEventReceived) -> list[Decision]:
        seen.extend(type(decision) for decision in turn.decided)
        return []

    engine(on_event=[ProgramStage(look, used=lambda program: program.id == 1)]).decide(
        customer(), LOGIN, PROGRAMS, LOGIN.event_time
    )
    assert seen[0] is RecordAccepted


def test_entries_that_concerns_need_are_asked_for_in_their_order() -> None:
    def more(head: Head, record: Any, _org: object) -> tuple[str, ...]:
        return (f"more:{head.customer_id}:{record.bill_number}",)

    bill = bought("B1", 100, "2011-03-01")
    with_more = engine(Concern(name="more", effects={}, needs={type(bill): more}))
    state = customer()
    assert with_more.needs(state, bill, PROGRAMS, bill.event_time) == ("bill:B1", f"more:{CUSTOMER}:B1")
    assert with_more.needs(state, LOGIN, PROGRAMS, LOGIN.event_time) == ()


def test_entries_may_name_further_ones() -> None:
    def more(state: CustomerState, record: Any, _org: object) -> tuple[str, ...]:
        return tuple(f"of:{name}" for name in state.entries) or (f"first:{record.bill_number}",)

    bill = bought("B1", 100, "2011-03-01")
    with_more = engine(Concern(name="more", effects={}, needs_then={type(bill): more}))
    state = customer()
    assert with_more.needs(state, bill, PROGRAMS, bill.event_time) == ("bill:B1", "first:B1")
    state.entries["first:B1"] = Bill(forgotten_at=0, returnable_until=0, amount_minor=0, currency="GBP")
    assert with_more.needs(state, bill, PROGRAMS, bill.event_time) == ("bill:B1", "of:first:B1")


NOON: Final = LOGIN.event_time
DUE: Final = instant("2011-03-10")


def alarm(
    name: str, kind: int, due: Callable[[Head], int], fire: Callable[[ProgramTurn, Subject], Sequence[Decision]]
) -> Timer:
    return Timer(
        kind=kind, name=name, due=due, first=lambda _head, _due: Subject(program_id=1, key=name, part=None), fire=fire
    )


def with_alarm(*alarms: Timer) -> Engine:
    """Timers that are set when the customer joins a program, and asked again whenever a greeting is folded."""
    mine = Concern(name="alarms", effects={ProgramAdopted: nothing, Greeted: nothing}, timers=alarms)
    return engine(mine, timers=alarms)


@pytest.mark.parametrize(
    "fired",
    [
        pytest.param([], id="decides-nothing"),
        pytest.param([Greeted(text="ring")], id="does-not-move"),
        pytest.param([TierUpgraded(previous=0, reached=1, basis_value=0)], id="is-not-folded-by-its-own-concern"),
    ],
)
def test_timer_that_is_still_due_after_it_fired_is_an_error_that_names_it(fired: list[Decision]) -> None:
    stuck = with_alarm(alarm("stuck", 99, due=lambda _: DUE, fire=lambda _turn, _subject: fired))
    state = customer()
    stuck.decide(state, LOGIN, PROGRAMS, NOON)
    with pytest.raises(RuntimeError, match=f"stuck of {ORG}:{CUSTOMER} is still due at {DUE}: stuck"):
        stuck.fire(state, DUE, PROGRAMS)


def test_timer_that_the_adoption_of_a_version_takes_away_does_not_fire() -> None:
    first, second = program(rules=[spend()]), program(version=2, rules=[spend(points=2)])
    programs = Programs().activate(first).activate(second, starts_at=DUE)

    def due(head: Head) -> int:
        return DUE if head.sections[1].version == 1 else NEVER

    fading = with_alarm(alarm("fading", 99, due=due, fire=lambda _turn, _subject: [Greeted(text="ring")]))
    state = customer()
    fading.decide(state, LOGIN, programs, NOON)
    (group,) = fading.fire(state, DUE, programs)
    assert [type(decision) for decision in group.decisions] == [ProgramAdopted]


def test_timers_fire_by_instant_and_at_one_instant_in_the_order_given() -> None:
    rung = [
        Timer(
            kind=kind,
            name=name,
            due=lambda head, at=at, name=name: NEVER if name in head.sections[1].milestones else at,
            first=lambda _head, _due, name=name: Subject(program_id=1, key=name, part=None),
            fire=lambda _turn, subject: [Greeted(text=subject.key)],
        )
        for kind, name, at in ((99, "late", DUE + 1), (98, "first given", DUE), (97, "second given", DUE))
    ]

    def note(state: CustomerState, envelope: Envelope, decision: Greeted) -> None:
        state.head.sections[envelope.program_id].milestones[decision.text] = {}

    clocks = engine(Concern(name="rung", effects={ProgramAdopted: nothing, Greeted: note}, timers=rung), timers=rung)
    state = customer()
    clocks.decide(state, LOGIN, PROGRAMS, NOON)
    groups = clocks.fire(state, DUE + 1, PROGRAMS)
    assert greetings(groups) == [(1, "first given"), (1, "second given"), (1, "late")]
    assert [group.envelope.cause for group in groups] == [
        f"first given:first given:{DUE}",
        f"second given:second given:{DUE}",
        f"late:late:{DUE + 1}",
    ]
