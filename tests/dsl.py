"""Given, when, then: stories of one customer, as records and what the engine decides on them.

    given(program(rules=[spend()]), bought("B1", 1_000, "2011-03-01")).when(redeem(4, "2011-03-02")).then(
        PointsRedeemed(points=4, …), ignoring=BOOKKEEPING)

`then` compares the decisions of the step, all of them and in order; `ignoring` names kinds that the test is not about.
Every step also checks what must hold whatever happens (`tests.invariants`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from pipeline.engine.bills.entries import bill_of
from pipeline.engine.bills.state import Bill, parked_of
from pipeline.engine.cycles import cycle_name
from pipeline.engine.decide import decide, due_entries, fire, needs
from pipeline.engine.kernel.identity import key_of
from pipeline.engine.ledger.accounts import account_of
from pipeline.engine.ledger.state import Account, LedgerAccount
from pipeline.engine.programs import DAY_MS, Programs
from pipeline.engine.state import CustomerState, Head, Section
from schemas import facts as known
from schemas.facts import Award, Decision, Fact, Group, IssuedFor, LotOpened, PointsIssued, PointsRedeemed
from schemas.program import ProgramDefinition
from schemas.records import AnyCustomerRecord, BackfillBegun, decode_record, encode_record
from tests.invariants import Invariants
from tests.steps import CUSTOMER, ORG, Activation, Step, Tick, day, instant

BOOKKEEPING: Final = frozenset(
    {
        known.RecordAccepted,
        known.IdsSpilled,
        known.CustomerRegistered,
        known.RegisteredEarlier,
        known.ProgramAdopted,
        known.TransactionRecorded,
        known.PurchaseCounted,
        known.ReturnRecorded,
        known.ReturnCounted,
        known.LinesKept,
        known.LinesReturned,
        known.AwardTermsKept,
        known.AwardsCorrected,
        known.PurchaseCorrected,
        known.LotsTracked,
        known.ClaimsKept,
        known.MilestoneCounted,
        known.MilestoneMeasured,
        known.MilestoneTallied,
        known.WindowMoved,
        known.UnifiedMoved,
        known.RewardKept,
        known.MilestoneProgressed,
        known.StreakRiskPlanned,
    }
)
"""What is decided of almost every record; for `ignoring`, less the kinds that the test is about."""


class Story:
    """One customer, step by step; `programs` are in force from the beginning."""

    def __init__(self, *programs: ProgramDefinition | Activation, customer: int = CUSTOMER) -> None:
        self.programs = Programs()
        self.state = CustomerState(Head(org_id=ORG, customer_id=customer))
        self.facts: list[Fact] = []
        self.groups: list[Group] = []
        self.decided: list[Fact] = []
        """What the last step led to, in groups and as facts."""
        self._backfill = False
        self._invariants = Invariants(ORG, customer)
        for definition in programs:
            self.play(definition)

    def play(self, step: Step, as_of: int | None = None, *, was_held: bool = False) -> list[Fact]:
        """Run one step; a record is decided at its event time unless `as_of` says otherwise."""
        self.groups = []
        if isinstance(step, ProgramDefinition):
            self.programs = self.programs.activate(step)
        elif isinstance(step, Activation):
            self.programs = self.programs.activate(step.definition, step.starts_at)
        elif isinstance(step, BackfillBegun):
            self._backfill = True
        elif isinstance(step, Tick):
            self.groups = self._fire(step.time)
        else:
            self.groups = self._decide(step, step.event_time if as_of is None else as_of, was_held=was_held)
        self.decided = self._invariants.check(self.groups, self.state, self.programs)
        self.facts += self.decided
        return self.decided

    def _decide(self, record: AnyCustomerRecord, as_of: int, *, was_held: bool) -> list[Group]:
        assert decode_record(encode_record(record)) == record
        seen, names = self._seeing(()), frozenset[str]()
        while more := frozenset(needs(seen, record, self.programs, as_of)) - names:
            names |= more
            seen = self._seeing(names)
        groups = decide(seen, record, self.programs, as_of, backfill=self._backfill, was_held=was_held)
        self.state.entries.update(seen.entries)
        return groups

    def _fire(self, until: int) -> list[Group]:
        return fire(self._seeing(due_entries(self.state.head, until)), until, self.programs)

    def _seeing(self, names: Collection[str]) -> CustomerState:
        """The state with the entries that the engine asked for, and no others."""
        entries = self.state.entries
        return CustomerState(self.state.head, {name: entries[name] for name in names if name in entries})

    def when(self, step: Step, *, as_of: int | None = None) -> Story:
        """What the `then` that follows is about."""
        self.play(step, as_of)
        return self

    def then(self, *expected: Decision, ignoring: Collection[type[Decision]] = ()) -> Story:
        """Exactly these decisions, in order, apart from those of the kinds to ignore."""
        decided = [fact.decision for fact in self.decided if type(fact.decision) not in ignoring]
        assert decided == list(expected), f"\n  decided {_lines(decided)}\n  expected {_lines(expected)}"
        return self

    def then_nothing(self) -> Story:
        """No decision at all."""
        return self.then()

    def only(self, kind: type[Decision]) -> list[Any]:
        """The decisions of one kind, of the whole story."""
        return [fact.decision for fact in self.facts if type(fact.decision) is kind]

    def envelopes(self, kind: type[Decision]) -> list[known.Envelope]:
        """The envelopes of the decisions of one kind, of the whole story."""
        return [fact.envelope for fact in self.facts if type(fact.decision) is kind]

    def kinds(self) -> list[type[Decision]]:
        """The kinds of what the last step led to."""
        return [type(fact.decision) for fact in self.decided]

    def section(self, program_id: int = 1) -> Section:
        """The customer's part in a program; an empty one for a program that the customer has no part in."""
        return self.state.head.sections.get(program_id, Section(version=0))

    def account(self, program_id: int = 1, currency: str = "POINTS") -> Account:
        """The customer's points account."""
        return account_of(self.section(program_id), currency)

    def balance(self, program_id: int = 1, currency: str = "POINTS") -> int:
        """What the customer can spend."""
        return self.account(program_id, currency).balance

    def totals(self, program_id: int = 1, currency: str = "POINTS") -> dict[LedgerAccount, int]:
        """The accounts of the ledger that are not zero."""
        return {
            name: total
            for name, total in zip(LedgerAccount, self.account(program_id, currency).totals, strict=True)
            if total
        }

    def lots(self, program_id: int = 1, currency: str = "POINTS") -> list[tuple[int, int]]:
        """The open lots in the order of spending, each with the points that are left."""
        return [(lot.lot_id, lot.open_points) for lot in self.account(program_id, currency).lots]

    def holds(self, program_id: int = 1, currency: str = "POINTS") -> list[tuple[str, int]]:
        """What is held, in the order in which it was put aside."""
        return [(hold.hold_id, hold.points) for hold in self.account(program_id, currency).holds]

    def tier(self, program_id: int = 1) -> int:
        """The customer's tier."""
        return self.section(program_id).tier

    def values(self, milestone: str, program_id: int = 1) -> dict[str, int]:
        """What counts towards a milestone, by period (`2011-03`)."""
        program = self.programs.get(ORG, program_id)
        assert program is not None
        unit = next(one.cycles for one in program.definition.milestones if one.id == milestone)
        progress = self.section(program_id).milestones.get(milestone, {})
        return {cycle_name(unit, period): reached.value for period, reached in progress.items()}

    def runs(self, streak: str, program_id: int = 1) -> list[tuple[int, int]]:
        """The runs of a streak, each as its first and last period."""
        return self.section(program_id).streaks[streak].runs

    def bill(self, number: str) -> Bill:
        """What is kept of a bill."""
        return bill_of(self.state, number)

    def waiting(self) -> list[str]:
        """The bills that returns wait for, one for each return."""
        return [name.removeprefix(parked_of("")) for _, _, name in self.state.head.agenda]

    def remembers(self, record: AnyCustomerRecord) -> bool:
        """Whether the record's id is still known."""
        key, since = key_of(f"{type(record).__name__}:{record.id}"), self.state.head.horizon
        return key in self.state.head.recent or self.state.spilled_id(key, since) is not None


def given(*steps: Step) -> Story:
    """What is in force and what happened before."""
    story = Story()
    for step in steps:
        story.play(step)
    return story


def issued(
    *awards: tuple[str, int],
    balance: int,
    lot: int = 1,
    issued_for: IssuedFor = IssuedFor.SPEND,
    expires: tuple[str, str] | None = None,
    lifetime: int | None = None,
    **parts: Any,
) -> PointsIssued:
    """Awards (rule, points) of one activity in one lot; `expires` is the last day and the instant after it."""
    points = sum(points for _, points in awards)
    expires_on, closes_at = (None, None) if expires is None else (day(expires[0]), instant(expires[1]))
    return PointsIssued(
        points=points,
        awards=tuple(Award(issued_for=issued_for, rule_id=rule, points=points, lot_id=lot) for rule, points in awards),
        lots=(LotOpened(lot_id=lot, points=points, expires_on=expires_on, closes_at=closes_at),),
        balance=balance,
        lifetime=balance if lifetime is None else lifetime,
        **{"currency": "POINTS", "activity": "", **parts},
    )


def redeemed(points: int, at: str | int, **parts: Any) -> PointsRedeemed:
    """Points that were spent in a program with the usual windows: it can be taken back as long as a bill."""
    until = (at if isinstance(at, int) else instant(at)) + 400 * DAY_MS
    fields = {"currency": "POINTS", "value_minor": points, **parts}
    return PointsRedeemed(points=points, reversible_until=until, forgotten_at=until + 42 * DAY_MS, **fields)


def _lines(decisions: Collection[Decision]) -> str:
    return "".join(f"\n    {decision}" for decision in decisions)
