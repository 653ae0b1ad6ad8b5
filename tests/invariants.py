"""What must hold after every step of a story, whatever happened."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from pipeline.engine import ENGINE_VERSION
from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.bills.parking import OF_BILL_MAX, OF_CUSTOMER_MAX, PARKED_END, UPDATES_END
from pipeline.engine.bills.state import Bill, ItemisedBill, Parked
from pipeline.engine.calendar import NEVER
from pipeline.engine.decide import TIMERS, entries_of, fold
from pipeline.engine.identity.holding import HOLDS_END
from pipeline.engine.identity.state import Held, Holds, Page, held_of
from pipeline.engine.ledger.holds import HOLDS_MAX
from pipeline.engine.ledger.postings import lots_moved, postings
from pipeline.engine.ledger.redeemed import Redemption
from pipeline.engine.ledger.state import Account, LedgerAccount
from pipeline.engine.programs import Programs
from pipeline.engine.state import CustomerState, Entry, Head, decode_entry, decode_head, encode_state
from schemas.facts import (
    AlternatePointsIssued,
    AlternatePointsReversed,
    Fact,
    FactMessage,
    Group,
    ParkedReturn,
    PointsConverted,
    PointsHandedOver,
    PointsIssued,
    PointsMoved,
    PointsReceived,
    PointsReversed,
    PointsTakenOver,
    PromiseCancelled,
    RedemptionReversed,
    decode_facts,
    encode_facts,
    movements_in,
)
from tests.steps import ORG


class Invariants:
    """Follows one customer: folds each step's decisions into a state of its own, and adds up the movements of points.

    Each decision is folded once, as it comes back from the bytes of its message, so a long story costs no more a step
    than a short one, and in the end its whole history has been folded.
    """

    def __init__(self, org_id: int, customer_id: int) -> None:
        self._folded = CustomerState(Head(org_id=org_id, customer_id=customer_id))
        self._totals: dict[tuple[int, str], dict[LedgerAccount, int]] = defaultdict(
            lambda: dict.fromkeys(LedgerAccount, 0)
        )
        self._left: defaultdict[tuple[int, str], Counter[int]] = defaultdict(Counter)
        """What is left of each lot by the decisions so far: what came in and was put back, less what was taken."""
        self._awards = Counter[tuple[int, str, str, str]]()
        """What may still be taken back of what each rule gave for a bill, or of a reward, which has its own lot."""
        self._received = Counter[tuple[int, str]]()
        """Points of other customers that count towards lifetime points, less those that count elsewhere."""
        self._open = Counter[tuple[int, str]]()
        """Points in open lots."""
        self._lots = Counter[tuple[int, str]]()
        """Lots opened so far."""

    def check(self, groups: Sequence[Group], state: CustomerState, programs: Programs) -> list[Fact]:
        """The facts of one step, which have led to `state`."""
        facts = self._sent(groups)
        for fact in facts:
            self._fold(fact)
            self._add_up(fact)
        for group in groups:
            check_group(group, programs)
        assert self._folded == state
        check_stored(state)
        check_timers(state.head)
        for program_id, section in state.head.sections.items():
            for currency, account in section.accounts.items():
                check_account(account, self._totals[program_id, currency], state.head.clock)
                check_lots(account, self._left[program_id, currency])
        check_holds(state.head)
        for entry in state.entries.values():
            check_entry(entry)
        check_agenda(state)
        return facts

    def _sent(self, groups: Sequence[Group]) -> list[Fact]:
        head = self._folded.head
        message = FactMessage(
            journal_partition=0,
            journal_offset=0,
            engine_version=ENGINE_VERSION,
            org_id=head.org_id,
            customer_id=head.customer_id,
            first_seq=head.seq + 1,
            recorded_at=0,
            groups=groups,
        )
        read = decode_facts(encode_facts(message))
        assert read == message
        return list(read.facts())

    def _fold(self, fact: Fact) -> None:
        """Fold with the entries that the decision is said to need, and no others."""
        known = self._folded.entries
        seen = CustomerState(
            self._folded.head, {name: known[name] for name in entries_of(fact.decision) if name in known}
        )
        fold(seen, fact.envelope, fact.decision)
        known.update(seen.entries)

    def _add_up(self, fact: Fact) -> None:
        """The movements of a decision lead to the balances that it states."""
        for movement in movements_in(fact.decision):
            self._add_up_one(fact.envelope.program_id, movement)
        if isinstance(fact.decision, AlternatePointsIssued | AlternatePointsReversed):
            check_alternates(fact.decision)

    def _add_up_one(self, program_id: int, decision: PointsMoved) -> None:
        key = (program_id, decision.currency)
        totals = self._totals[key]
        for posting in postings(decision):
            assert posting.points > 0
            assert posting.currency == decision.currency
            totals[posting.source] -= posting.points
            totals[posting.destination] += posting.points
        self._open[key] += lots_moved(decision)
        self._use_lots(key, decision)
        assert self._open[key] == totals[LedgerAccount.CURRENT] == decision.balance
        became_current = -totals[LedgerAccount.ISSUED] - totals[LedgerAccount.PROMISED]
        if isinstance(decision, PointsReceived) and decision.lifetime is not None:
            self._received[key] += decision.points
        if isinstance(decision, PointsHandedOver | PointsTakenOver):  # with the promises that come and go uncounted
            sign = 1 if isinstance(decision, PointsTakenOver) else -1
            self._received[key] += sign * (decision.counted + decision.promised)
        totals[LedgerAccount.LIFETIME] = became_current - totals[LedgerAccount.REVERSED] + self._received[key]
        stated = isinstance(decision, PointsReceived) and decision.lifetime is not None
        moved = PointsIssued | PointsReversed | PointsConverted | PointsHandedOver | PointsTakenOver
        if stated or isinstance(decision, moved):
            assert decision.lifetime == totals[LedgerAccount.LIFETIME]
        if isinstance(decision, PointsConverted | PromiseCancelled):
            assert decision.promised == totals[LedgerAccount.PROMISED]
        if isinstance(decision, PointsIssued):
            check_awards(decision, self._lots[key])
            self._lots[key] += len(decision.lots) + len(decision.promised_lots)
        if isinstance(decision, PointsReceived | RedemptionReversed):
            self._lots[key] += len(decision.lots)
        if isinstance(decision, PointsTakenOver):
            self._lots[key] += len(decision.lots) + len(decision.promised_lots)

    def _use_lots(self, key: tuple[int, str], decision: PointsMoved) -> None:
        """Of no lot more is taken than came in, and of no award more is taken back than it gave."""
        left = self._left[key]
        came_in = () if isinstance(decision, PointsConverted) else getattr(decision, "lots", ())
        for lot in (*came_in, *getattr(decision, "promised_lots", ())):
            left[lot.lot_id] += lot.points
        for part in getattr(decision, "taken", ()):
            left[part.lot_id] -= part.points
            assert left[part.lot_id] >= 0
        for part in getattr(decision, "restored", ()):
            left[part.lot_id] += part.points
        if isinstance(decision, PointsIssued):
            for award in decision.awards:
                self._awards[*key, decision.bill_number or str(award.lot_id), award.rule_id] += award.points
        for reversal in decision.reversals if isinstance(decision, PointsReversed) else ():
            award_of = str(reversal.lot_id) if decision.rewards else decision.of_bill
            if reversal.rule_id:
                self._awards[*key, award_of, reversal.rule_id] -= reversal.points + reversal.beyond
                assert self._awards[*key, award_of, reversal.rule_id] >= 0, reversal


def check_lots(account: Account, left: Counter[int]) -> None:
    """What came in of each lot is open, promised, or was taken by a decision, held points included."""
    still = {lot.lot_id: lot.open_points for lot in (*account.lots, *account.promised_lots)}
    assert {lot_id: points for lot_id, points in left.items() if points} == still


def check_group(group: Group, programs: Programs) -> None:
    """A group decides something, in the version that is in force at its instant."""
    envelope = group.envelope
    assert group.decisions
    if envelope.program_id:
        in_force = programs.org(ORG).program_at(envelope.program_id, envelope.as_of)
        assert envelope.version == in_force.version


def check_alternates(decision: AlternatePointsIssued | AlternatePointsReversed) -> None:
    """Each currency once, and all of them of one activity or bill."""
    currencies = [one.currency for one in decision.currencies]
    assert len(set(currencies)) == len(currencies) > 0
    if isinstance(decision, AlternatePointsIssued):
        assert len({(one.activity, one.bill_number) for one in decision.currencies}) == 1
    else:
        assert len({one.of_bill for one in decision.currencies}) == 1


def check_awards(decision: PointsIssued, lots_before: int) -> None:
    """The awards of one activity lie in lots that open with it, numbered on from the account's last."""
    lots = (*decision.lots, *decision.promised_lots)
    assert sorted(lot.lot_id for lot in lots) == list(range(lots_before + 1, lots_before + len(lots) + 1))
    awarded = Counter[int]()
    for award in decision.awards:
        assert award.points > 0
        awarded[award.lot_id] += award.points
    assert awarded == {lot.lot_id: lot.points for lot in lots}
    assert decision.promised == sum(lot.points for lot in decision.promised_lots)
    assert decision.points == awarded.total()


def check_stored(state: CustomerState) -> None:
    """What is stored is read as it was written."""
    assert state.stale == 0
    assert decode_head(encode_state(state.head)) == state.head
    for entry in state.entries.values():
        assert decode_entry(encode_state(entry)) == entry


def check_timers(head: Head) -> None:
    """The head knows when each kind of timer falls due, and none is overdue."""
    due = {timer.kind: timer.due(head) for timer in TIMERS}
    assert head.timers == {kind: instant for kind, instant in due.items() if instant != NEVER}
    assert head.due > head.clock


def check_account(account: Account, totals: dict[LedgerAccount, int], clock: int) -> None:
    """The account is the sum of its postings, and its open lots are what can be spent."""
    assert account.totals == list(totals.values())
    assert account.balance == sum(lot.open_points for lot in account.lots)
    assert account.total(LedgerAccount.BLOCKED) == sum(hold.points for hold in account.holds)
    assert all(lot.open_points > 0 and lot.closes_at > clock for lot in account.lots)
    assert account.deficit >= 0
    assert not (account.deficit and account.lots), "points can be spent while some are owed"
    order = [(lot.closes_at, lot.issued_at, lot.lot_id) for lot in account.lots]
    assert order == sorted(order)
    assert account.promised == sum(lot.open_points for lot in account.promised_lots)
    assert all(lot.open_points > 0 and lot.due_at > clock for lot in account.promised_lots)
    waiting = [(lot.due_at, lot.promised_at, lot.lot_id) for lot in account.promised_lots]
    assert waiting == sorted(waiting)
    assert account.lifetime + account.promised <= TOTAL_MAX


def check_holds(head: Head) -> None:
    """Holds are not too many, none without points, and no two of one program have the same id."""
    for section in head.sections.values():
        ids = [hold.hold_id for account in section.accounts.values() for hold in account.holds]
        assert len(set(ids)) == len(ids) <= HOLDS_MAX
        for account in section.accounts.values():
            assert all(part.open_points > 0 for hold in account.holds for part in hold.parts)


def check_entry(entry: Entry) -> None:
    """A bill is sound; a parked return is refused before its entry may leave."""
    if isinstance(entry, Bill):
        check_bill(entry)
    elif isinstance(entry, Redemption):
        assert 0 <= entry.left <= entry.points
        assert all(part.open_points > 0 for part in entry.parts)
    elif isinstance(entry, Parked):
        assert all(one.until <= entry.forgotten_at for one in entry.returns)


def check_agenda(state: CustomerState) -> None:
    """The agenda names exactly the returns that wait and the pages of what is held, in order, and not too many."""
    waiting = [
        (one.until, (PARKED_END if isinstance(one.parked, ParkedReturn) else UPDATES_END).kind, name)
        for name, entry in state.entries.items()
        if isinstance(entry, Parked)
        for one in entry.returns
    ]
    assert state.head.agenda == sorted([*waiting, *_pages(state)])
    assert len(waiting) <= OF_CUSTOMER_MAX
    assert all(count <= OF_BILL_MAX for count in Counter(name for *_, name in waiting).values())


def _pages(state: CustomerState) -> list[tuple[int, int, str]]:
    """The pages of what is held: each record is in one of them until its time is up, and counts until it is let go."""
    held = {name: entry for name, entry in state.entries.items() if isinstance(entry, Held) and entry.record}
    pages = {name: entry.places for name, entry in state.entries.items() if isinstance(entry, Page) and entry.places}
    places = [place for some in pages.values() for place in some]
    assert len(places) == len(set(places))
    counts = [entry.count for entry in state.entries.values() if isinstance(entry, Holds)]
    assert sum(counts) == len(held)
    found = [
        (held[held_of(place)].until, HOLDS_END.kind, name)
        for name, some in pages.items()
        for place in some
        if held_of(place) in held
    ]
    return [one for one in dict.fromkeys(found) if one[0] > state.head.clock]


def check_bill(bill: Bill) -> None:
    """Never more comes back of a bill, or of what it contributed, than there was."""
    assert 0 <= bill.returned_minor <= bill.amount_minor
    assert len(set(bill.documents)) == len(bill.documents)
    if isinstance(bill, ItemisedBill):
        assert all(0 <= line.returned_minor <= line.amount_minor for line in bill.lines)
        assert sum(line.amount_minor for line in bill.lines) == bill.amount_minor
        assert sum(line.returned_minor for line in bill.lines) == bill.returned_minor
    for part in bill.parts.values():
        assert 0 <= part.returned_minor <= bill.returned_minor
        if part.terms is not None and part.terms.returned_minor:
            assert sum(part.terms.returned_minor) == part.returned_minor
        for award in part.awards:
            assert 0 <= award.promised_reversed <= award.reversed <= award.claimed <= award.points
