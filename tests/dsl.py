"""Given, when, then: stories of one customer, told in records, and the facts they make.

    given(program(rules=[spend()]), bought("B1", 1000, "2011-03-01")).when(redeem(4, "2011-03-02")).then(
        fact(PointsRedeemed, points=4, …))

Every step checks what must hold whatever happens: folding the facts gives the state, what is stored is what was meant,
`seq` has no gaps and the ledger balances.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from pipeline.engine.apply import apply
from pipeline.engine.calendar import as_day
from pipeline.engine.decide import decide, fire, needs
from pipeline.engine.postings import MEMBER, postings
from pipeline.engine.programs import Programs
from pipeline.engine.state import Account, Bill, CustomerState, Head, decode_bill, decode_head, encode_state, first_due
from schemas import facts as known
from schemas.facts import Fact, FactMessage, IssuedFor, ProgramFact, decode_facts, encode_facts
from schemas.program import ProgramDefinition
from schemas.records import (
    AdjustPoints,
    AnyCustomerRecord,
    CustomerAdded,
    CustomerUpdated,
    CustomEventReceived,
    Line,
    Profile,
    RedeemPoints,
    TransactionAdded,
    TransactionReturned,
    decode_record,
    encode_record,
)

ORG: Final = 1
CUSTOMER: Final = 7
ZONE: Final = "Europe/London"
NOBODY: Final = Profile()
BOOKKEEPING: Final = frozenset(
    {
        known.RecordAccepted,
        known.CustomerRegistered,
        known.ProgramAdopted,
        known.TransactionRecorded,
        known.PurchaseCounted,
        known.ReturnRecorded,
        known.ReturnCounted,
        known.MilestoneProgressed,
    }
)
"""Kinds of facts that `then` leaves out unless one of them is asked for."""


class Tick(msgspec.Struct, frozen=True):
    """The clock of the customer's partition stands at `time`."""

    time: int


Step = AnyCustomerRecord | Tick | ProgramDefinition
Expected = Callable[..., Fact]


def instant(text: str, zone: str = ZONE) -> int:
    """Milliseconds since the epoch of a local date (noon) or a local date and time."""
    local = datetime.fromisoformat(text if " " in text else f"{text} 12:00").replace(tzinfo=ZoneInfo(zone))
    return (local - datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))) // timedelta(milliseconds=1)


def day(text: str) -> int:
    """The number of a local date."""
    return as_day(date.fromisoformat(text))


class Story:
    """One customer, step by step; `programs` are in force from the beginning."""

    def __init__(self, *programs: ProgramDefinition) -> None:
        self.programs = Programs()
        self.state = CustomerState(Head(ORG, CUSTOMER))
        self.facts: list[Fact] = []
        self.decided: list[Fact] = []
        self._last: Step | None = None
        for one in programs:
            self.play(one)

    def play(self, step: Step, as_of: int | None = None) -> list[Fact]:
        """Let it happen; records are decided at their event time unless told otherwise."""
        self._last = step
        if isinstance(step, ProgramDefinition):
            self.programs = self.programs.activate(step)
            return []
        if isinstance(step, Tick):
            self.decided = fire(self.state, step.time)
        else:
            self.decided = self._decide(step, step.event_time if as_of is None else as_of)
        self.facts += self.decided
        check(self.state, self.facts)
        return self.decided

    def _decide(self, record: AnyCustomerRecord, as_of: int) -> list[Fact]:
        assert decode_record(encode_record(record)) == record
        wanted = needs(self.state.head, record, self.programs)
        entries = self.state.entries
        seen = CustomerState(self.state.head, {key: entries[key] for key in wanted if key in entries})
        decided = decide(seen, record, self.programs, as_of)
        entries.update(seen.entries)
        return decided

    def when(self, step: Step, *, as_of: int | None = None) -> Story:
        """What the `then` that follows is about."""
        self.play(step, as_of)
        return self

    def then(self, *expected: Expected | Fact) -> Story:
        """Exactly these facts, less bookkeeping of kinds that are not among them; `fact` fills the envelope."""
        asked = {one.func if isinstance(one, partial) else type(one) for one in expected}
        shown = [one for one in self.decided if type(one) in asked or type(one) not in BOOKKEEPING]
        filled = [
            _filled(one, shown[index] if index < len(shown) else None, self._last) for index, one in enumerate(expected)
        ]
        assert shown == filled, f"\n  decided {_lines(shown)}\n  expected {_lines(filled)}"
        return self

    def then_nothing(self) -> None:
        """No fact at all, not even bookkeeping."""
        assert self.decided == []

    def only(self, kind: type[Fact]) -> list[Any]:
        """The facts of one kind, of the whole story."""
        return [one for one in self.facts if type(one) is kind]

    def account(self, program_id: int = 1, currency: str = "POINTS") -> Account:
        """The customer's points account."""
        return self.state.head.sections[program_id].accounts[currency]


def given(*steps: Step) -> Story:
    """What is in force and what happened before."""
    story = Story()
    for step in steps:
        story.play(step)
    return story


def fact(kind: type[Fact], **fields: object) -> Expected:
    """A fact as `then` expects it: seq, cause, time, program 1 version 1 and POINTS are filled in unless given."""
    return partial(kind, **fields)


def issued(points: int, rule: str, *, balance: int, bill: str = "", **parts: object) -> Expected:
    """An award as `then` expects it: of a spend rule, never expiring and with nothing taken back, unless said."""
    defaults = {"issued_for": IssuedFor.SPEND, "expires_on": None, "closes_at": None, "lifetime": balance}
    fields = {"points": points, "rule_id": rule, "balance": balance, "bill_number": bill}
    return fact(known.PointsIssued, **{**defaults, **fields, **parts})


def _filled(expected: Expected | Fact, actual: Fact | None, last: Step | None) -> Fact:
    if not isinstance(expected, partial):
        assert isinstance(expected, Fact)
        return expected
    envelope: dict[str, object] = {"seq": 0 if actual is None else actual.seq}
    if isinstance(last, AnyCustomerRecord):
        envelope |= {"cause": f"{type(last).__name__}:{last.id}", "at": last.event_time}
    if issubclass(expected.func, ProgramFact):
        envelope |= {"program_id": 1, "program_version": 1}
    if "currency" in expected.func.__struct_fields__ and issubclass(expected.func, ProgramFact):
        envelope["currency"] = "POINTS"
    return expected(**(envelope | expected.keywords))


def _lines(facts: Iterable[Fact]) -> str:
    return "".join(f"\n    {one}" for one in facts)


def check(state: CustomerState, facts: list[Fact]) -> None:
    """What must hold after every step, whatever happened."""
    assert [one.seq for one in facts] == list(range(1, len(facts) + 1))
    folded = CustomerState(Head(state.head.org_id, state.head.customer_id))
    message = FactMessage(0, 0, 1, ORG, CUSTOMER, 1, 0, tuple(facts))
    for one in decode_facts(encode_facts(message)).facts:
        apply(folded, one)
    assert folded == state
    assert state.head.due == first_due(state.head)
    assert decode_head(encode_state(state.head)) == state.head
    assert all(decode_bill(encode_state(bill)) == bill for bill in state.entries.values())
    balances = Counter[tuple[int, str]]()
    for one in facts:
        for move in postings(one):
            assert move.points > 0
            assert MEMBER in (move.source, move.destination)
            assert isinstance(one, ProgramFact)
            balances[one.program_id, move.currency] += move.points if move.destination == MEMBER else -move.points
    for program_id, section in state.head.sections.items():
        for currency, account in section.accounts.items():
            assert account.balance == balances[program_id, currency] == sum(lot.open_points for lot in account.lots)
            spent = account.redeemed + account.expired + account.reversed + account.debited
            assert account.balance == account.issued - spent
            assert account.lifetime == account.issued - account.reversed
            assert all(lot.open_points > 0 for lot in account.lots)
            assert all(lot.closes_at is None or lot.closes_at > state.head.clock for lot in account.lots)
    for bill in state.entries.values():
        check_bill(bill)


def check_bill(bill: Bill) -> None:
    """Never more comes back of a bill, or of an award, than there was."""
    assert 0 <= bill.returned_minor <= bill.amount_minor
    for award in bill.awards:
        assert 0 <= award.reversed <= award.due <= award.points


def program(**parts: Any) -> ProgramDefinition:
    """Program 1, version 1, in London and pounds; `parts` are those of the YAML file."""
    fixed = {"org_id": ORG, "program_id": 1, "version": 1, "name": "Test", "zone": ZONE, "currency": "GBP"}
    return ProgramDefinition.model_validate_json(msgspec.json.encode({**fixed, **parts}))


def spend(rule: str = "spend", points: int = 1, per_minor: int = 100, **parts: Any) -> dict[str, Any]:
    """A spend rule: by default a point for every pound."""
    return {"id": rule, "kind": "spend", "points": points, "per_minor": per_minor, **parts}


def bought(bill: str, amount: int | None, on: str, **parts: Any) -> TransactionAdded:
    """A bill; without an amount, what its lines come to."""
    lines: tuple[Line, ...] = parts.setdefault("lines", ())
    total = sum(line.amount_minor for line in lines) if amount is None else amount
    parts.setdefault("currency", "GBP")
    return _record(TransactionAdded, f"t-{bill}", on, bill_number=bill, amount_minor=total, **parts)


def brought_back(bill: str, amount: int, on: str, **parts: Any) -> TransactionReturned:
    """A return of a bill, in part or in whole."""
    parts = {"bill_number": f"R-{bill}", "currency": "GBP", **parts}
    return _record(TransactionReturned, f"r-{bill}-{on}", on, of_bill=bill, amount_minor=amount, **parts)


def did(event: str, on: str, **parts: Any) -> CustomEventReceived:
    """A custom event."""
    return _record(CustomEventReceived, f"e-{event}-{on}", on, event_name=event, **parts)


def redeem(points: int, on: str, **parts: Any) -> RedeemPoints:
    """A wish to spend points."""
    return _record(RedeemPoints, f"d-{on}", on, **{"program_id": 1, "points": points, **parts})


def adjust(points: int, on: str, **parts: Any) -> AdjustPoints:
    """Points given, or taken away."""
    return _record(AdjustPoints, f"a-{on}", on, **{"program_id": 1, "points": points, "reason": "goodwill", **parts})


def joined(on: str, profile: Profile = NOBODY, **parts: Any) -> CustomerAdded:
    """A customer is announced."""
    return _record(CustomerAdded, f"j-{on}", on, profile=profile, **parts)


def changed(on: str, profile: Profile, **parts: Any) -> CustomerUpdated:
    """A profile changes."""
    return _record(CustomerUpdated, f"c-{on}", on, profile=profile, **parts)


def tick(on: str) -> Tick:
    """The partition's clock moves."""
    return Tick(instant(on))


def _record(kind: type[Any], record_id: str, on: str, **parts: Any) -> Any:
    parts = {"id": record_id, **parts}
    event_time = parts.pop("event_time", None)
    at = instant(on) if event_time is None else event_time
    digest = zlib.crc32(repr((kind.__name__, at, sorted(parts.items()))).encode())
    return kind(
        received_at=at,
        source="loyalty.transactions:0",
        offset=0,
        org_id=ORG,
        customer_id=CUSTOMER,
        digest=parts.pop("digest", digest),
        event_time=at,
        **parts,
    )
