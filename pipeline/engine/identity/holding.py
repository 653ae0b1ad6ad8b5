"""Records whose identifiers name nobody wait for somebody who is known by one of them.

RULE (how long): bills, returns, updates of bills and events for 365 days, a bill or a return that names nobody for 30,
everything else for as long as ids are remembered (`repeat_window_days`); always to the end of a day, UTC. A return is
held at least as long as the bill that it is of.
RULE (release): in the order of holding, when one of the identifiers names somebody, or when the bill is assigned. What
waits under a bill alone, as its returns do, is released right behind it.
RULE (end): a record that is held no longer is refused. It is a dead letter, as is one that there is no room for.
RULE (age): what is too old when it comes is refused, not held.

Agenda: an item for each page of what ends at one instant, so that a head stays small with a million records held.
What is due is a page; each of its records is asked to end, so that no message has more than a page of places.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from pipeline.engine.calendar import NEVER
from pipeline.engine.identity.lookup import find_link, waiting
from pipeline.engine.identity.state import HOLDS, Held, Holds, Link, Page, held_of, link_of
from pipeline.engine.kernel.concern import Concern, Subject, Timer
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.programs import DAY_MS, Org
from pipeline.engine.state import CustomerState, Head
from schemas.facts import (
    Decision,
    Envelope,
    HoldEnded,
    HoldExpired,
    HoldsDue,
    IdentifierLinked,
    MessageAwaits,
    MessageHeld,
    MessageReleased,
    RecordRefused,
    Refusal,
)
from schemas.records import (
    BILL,
    AssignTransaction,
    EndHold,
    ForwardRecord,
    KnownBy,
    ResolveCustomer,
    TransactionAdded,
    decode_record,
    with_customer,
)

HELD_MAX: Final = 100
"""Records that are held under one identifier."""
HELD_OF_ORG_MAX: Final = 1_000_000
"""Records that are held in one org."""
PAGE_MAX: Final = 500
"""Records of one page, some 20 kB: a million of them are 2,000 items of an agenda."""
_PAGES_END: Final = 53
"""The number of the timer."""
_PAGE: Final = "holds:"


def hold(turn: Turn, record: ResolveCustomer) -> list[Decision]:
    """The record waits, unless it is too old by now or too many do."""
    if turn.at < turn.as_of - turn.org.window_ms:
        return [RecordRefused(reason=Refusal.TOO_OLD)]
    gone = {one: _gone(turn, one) for one in record.identifiers}
    if any(len(waiting(turn.state, one, turn.as_of)) - len(gone[one]) >= HELD_MAX for one in record.identifiers):
        return [RecordRefused(reason=Refusal.IDENTIFIER_UNKNOWN, subject=record.identifiers[0].kind)]
    if _count(turn.state) >= HELD_OF_ORG_MAX:
        return [RecordRefused(reason=Refusal.TOO_MANY_HELD)]
    term = _days(record, turn.org)
    until = -(-(turn.as_of + term * DAY_MS) // DAY_MS) * DAY_MS
    end_of_sale = _end_of_sale(turn.state, record)
    if end_of_sale > until:
        term = until = end_of_sale
    return [
        *(
            MessageAwaits(kind=one.kind, digest=one.digest, place=record.id, until=until, gone=gone[one])
            for one in record.identifiers
        ),
        MessageHeld(
            place=record.id,
            until=until,
            record=record.record,
            page=_page_for(turn, term, until),
            bill=_bill_in(record),
        ),
    ]


def _gone(turn: Turn, one: KnownBy) -> tuple[str, ...]:
    """What waits no longer of what was held under an identifier, looked at only where there is no room for more."""
    places = [place for place, _ in waiting(turn.state, one, turn.as_of)]
    return tuple(place for place in places if _held_at(turn.state, place) is None) if len(places) >= HELD_MAX else ()


def _days(record: ResolveCustomer, org: Org) -> int:
    return record.days or org.window_ms // DAY_MS


def _end_of_sale(state: CustomerState, record: ResolveCustomer) -> int:
    """Until when the bill waits of which the record is a return; 0 where none waits."""
    places = () if _bill_in(record) else _places_under_bill(state, record)
    return max((held.until for place in places if (held := _held_at(state, place)) and held.bill), default=0)


def _places_under_bill(state: CustomerState, record: ResolveCustomer) -> tuple[str, ...]:
    last = record.identifiers[-1]
    known = find_link(state, last) if last.kind == BILL else None
    return () if known is None else tuple(place for place, _ in known.waiting)


def _bill_in(record: ResolveCustomer) -> str:
    """The digest of the bill that the record is, where it may be assigned; empty for anything else."""
    last = record.identifiers[-1]
    return last.digest if last.kind == BILL and isinstance(decode_record(record.record), TransactionAdded) else ""


class _Place(NamedTuple):
    """A page, as the agenda has it."""

    number: int
    until: int
    name: str


def _last_page(head: Head, term: int) -> _Place | None:
    """The page to which something was added last of all that is held for so many days, or until one instant."""
    prefix = f"{_PAGE}{term}:"
    pages = [
        _Place(number=int(name.removeprefix(prefix)), until=until, name=name)
        for until, kind, name in head.agenda
        if kind == _PAGES_END and name.startswith(prefix)
    ]
    return max(pages, default=None)


def _page_for(turn: Turn, term: int, until: int) -> str:
    """The page for one record more; a new one has a name that none had before."""
    last = _last_page(turn.head, term)
    if last is not None and last.until == until:
        page = cast("Page", turn.state.entries[last.name])
        if len(page.places) < PAGE_MAX:
            return last.name
    return f"{_PAGE}{term}:{turn.head.seq}"


def released(turn: Turn, changes: Sequence[Decision]) -> Iterator[MessageReleased]:
    """What was held under identifiers that name somebody now, all of one customer, in the order of holding."""
    links = [change for change in changes if isinstance(change, IdentifierLinked)]
    if links:
        identifiers = [KnownBy(kind=one.kind, digest=one.digest) for one in links]
        yield from _released_under(turn, identifiers, links[0].person)


def released_behind(
    turn: Turn, record: ResolveCustomer, person: int, before: Sequence[MessageReleased]
) -> Iterator[MessageReleased]:
    """The returns that have waited for the bill that the record is; without those that were released before."""
    last = record.identifiers[-1]
    if last.kind == BILL and waiting(turn.state, last, turn.as_of) and _bill_in(record):
        yield from _returns_of(turn, last.digest, person, {one.place for one in before})


def _released_under(turn: Turn, identifiers: Sequence[KnownBy], person: int) -> Iterator[MessageReleased]:
    found = dict(waits for one in identifiers for waits in _held_under(turn, one))
    told: set[str] = set()
    for place, held in sorted(found.items(), key=lambda waits: waits[1].since):
        if place not in told:
            told.add(place)
            yield MessageReleased(place=place, person=person, record=held.record, page=held.page)
            if held.bill:
                yield from _returns_of(turn, held.bill, person, told)


def _returns_of(turn: Turn, bill: str, person: int, told: set[str]) -> Iterator[MessageReleased]:
    """What waits under a bill and is none itself: another bill may have the same number."""
    for place, held in _held_under(turn, KnownBy(kind=BILL, digest=bill)):
        if not held.bill and place not in told:
            told.add(place)
            yield MessageReleased(place=place, person=person, record=held.record, page=held.page)


def _held_under(turn: Turn, one: KnownBy) -> Iterator[tuple[str, Held]]:
    """What waits under an identifier: the place of each, and what is held there."""
    for place, _ in waiting(turn.state, one, turn.as_of):
        held = _held_at(turn.state, place)
        if held is not None:
            yield place, held


def _held_at(state: CustomerState, place: str) -> Held | None:
    """What is held at a place, if it still waits."""
    held = cast("Held | None", state.entries.get(held_of(place)))
    return held if held is not None and held.record else None


def assign(turn: Turn, record: AssignTransaction) -> list[Decision]:
    """What is held under the bill is the customer's."""
    if turn.backfill:
        return [RecordRefused(reason=Refusal.IDENTIFIERS_IN_BACKFILL)]
    found = [*_released_under(turn, [record.bill], record.person)]
    if found:
        return [*found]
    has_waited = waiting(turn.state, record.bill, turn.as_of)
    reason = Refusal.TRANSACTION_ASSIGNED if has_waited else Refusal.TRANSACTION_UNKNOWN
    return [RecordRefused(reason=reason, subject=record.bill_number)]


def end(turn: Turn, record: EndHold) -> list[Decision]:
    """The record is held no longer; of a page each is asked to end."""
    if record.page:
        page = cast("Page", turn.state.entries[record.page])
        return [HoldExpired(page=record.page, place=place) for place in page.places]
    held = cast("Held", turn.state.entries[held_of(record.place)])
    return [HoldEnded(place=record.place, record=held.record), RecordRefused(reason=Refusal.HOLD_ENDED)]


def needs_to_hold(state: CustomerState, record: ResolveCustomer, org: Org) -> Iterator[str]:
    """The entries that a record needs that may have to wait."""
    yield HOLDS
    yield from map(held_of, _places_under_bill(state, record))
    for term in (_days(record, org), _end_of_sale(state, record)):
        last = _last_page(state.head, term)
        if last is not None:
            yield last.name
    for one in record.identifiers:
        known = find_link(state, one)
        if known is not None and len(known.waiting) >= HELD_MAX:
            yield from (held_of(place) for place, _ in known.waiting)


def needs_to_release(state: CustomerState, identifiers: Sequence[KnownBy]) -> Iterator[str]:
    """The entries of what waits under identifiers, as far as they can be named by those that are there."""
    for one in identifiers:
        known = find_link(state, one)
        for place, _ in () if known is None else known.waiting:
            yield held_of(place)
            held = _held_at(state, place)
            if held is not None:
                yield HOLDS
                yield held.page
                if held.bill and one.kind != BILL:
                    yield link_of(BILL, held.bill)
                    yield from needs_to_release(state, (KnownBy(kind=BILL, digest=held.bill),))


def _count(state: CustomerState) -> int:
    known = cast("Holds | None", state.entries.get(HOLDS))
    return 0 if known is None else known.count


def _note_awaits(state: CustomerState, envelope: Envelope, decision: MessageAwaits) -> None:
    one = KnownBy(kind=decision.kind, digest=decision.digest)
    before = [waits for waits in waiting(state, one, envelope.as_of) if waits[0] not in decision.gone]
    now = (*before, (decision.place, decision.until))
    end = max(until for _, until in now)
    state.entries[link_of(one.kind, one.digest)] = Link(forgotten_at=end, person=0, waiting=now)


def _keep(state: CustomerState, envelope: Envelope, decision: MessageHeld) -> None:
    state.entries[held_of(decision.place)] = Held(
        forgotten_at=NEVER,
        record=decision.record,
        until=decision.until,
        page=decision.page,
        bill=decision.bill,
        since=envelope.as_of,
    )


def _let_go(state: CustomerState, envelope: Envelope, decision: MessageReleased | HoldEnded) -> None:
    state.entries[held_of(decision.place)] = Held(forgotten_at=envelope.as_of, record=b"")


def _add_to_page(state: CustomerState, _envelope: Envelope, decision: MessageHeld) -> None:
    page = cast("Page | None", state.entries.get(decision.page))
    if page is None:
        state.entries[decision.page] = Page(forgotten_at=NEVER, places=[decision.place])
        insort(state.head.agenda, (decision.until, _PAGES_END, decision.page))
    else:
        page.places.append(decision.place)


def _take_from_page(state: CustomerState, envelope: Envelope, decision: MessageReleased | HoldExpired) -> None:
    page = cast("Page", state.entries[decision.page])
    page.places.remove(decision.place)
    if not page.places:
        page.forgotten_at = envelope.as_of


def _release_from_page(state: CustomerState, envelope: Envelope, decision: MessageReleased) -> None:
    _take_from_page(state, envelope, decision)
    if not cast("Page", state.entries[decision.page]).places:
        _leave_agenda(state, envelope, decision)


def _leave_agenda(state: CustomerState, _envelope: Envelope, decision: MessageReleased | HoldsDue) -> None:
    state.head.agenda.remove(next(item for item in state.head.agenda if item[2] == decision.page))


def _one_more(state: CustomerState, _envelope: Envelope, _decision: MessageHeld) -> None:
    state.entries[HOLDS] = Holds(forgotten_at=NEVER, count=_count(state) + 1)


def _one_fewer(state: CustomerState, _envelope: Envelope, _decision: MessageReleased | HoldEnded) -> None:
    state.entries[HOLDS] = Holds(forgotten_at=NEVER, count=_count(state) - 1)


def _awaited_in(decision: MessageAwaits) -> str:
    return link_of(decision.kind, decision.digest)


def _held_in(decision: MessageHeld | MessageReleased | HoldEnded) -> str:
    return held_of(decision.place)


def _page_in(decision: MessageHeld | MessageReleased | HoldExpired | HoldsDue) -> str:
    return decision.page


def _counted_in(_decision: Decision) -> str:
    return HOLDS


def _needs_of_assign(_head: Head, record: AssignTransaction, _org: Org) -> tuple[str, ...]:
    return (link_of(record.bill.kind, record.bill.digest),)


def _needs_of_assign_then(state: CustomerState, record: AssignTransaction, _org: Org) -> tuple[str, ...]:
    return tuple(needs_to_release(state, (record.bill,)))


def _needs_of_end(_head: Head, record: EndHold, _org: Org) -> tuple[str, ...]:
    return (record.page,) if record.page else (held_of(record.place), HOLDS)


def _forward(decision: MessageReleased, envelope: Envelope, stated: Mapping[str, Any]) -> ForwardRecord:
    """A record that was held counts as received when it is released."""
    record = with_customer(decision.record, decision.person, received_at=envelope.as_of)
    return ForwardRecord(**stated, customer_id=decision.person, record=record, was_held=True)


def _end_page(decision: HoldsDue, _envelope: Envelope, stated: Mapping[str, Any]) -> EndHold:
    return EndHold(**stated, customer_id=stated["sender_id"], place="", page=decision.page)


def _end_one(decision: HoldExpired, _envelope: Envelope, stated: Mapping[str, Any]) -> EndHold:
    return EndHold(**stated, customer_id=stated["sender_id"], place=decision.place)


def _due(head: Head) -> int:
    return next((until for until, kind, _ in head.agenda if kind == _PAGES_END), NEVER)


def _first(head: Head, due: int) -> Subject:
    name = next(name for until, kind, name in head.agenda if (until, kind) == (due, _PAGES_END))
    return Subject(program_id=0, key=name.removeprefix(_PAGE), part=name)


def _fall_due(_turn: Turn, subject: Subject) -> list[Decision]:
    return [HoldsDue(page=subject.part)]


HOLDS_END: Final = Timer(kind=_PAGES_END, name="holdsEnd", due=_due, first=_first, fire=_fall_due)
HELD: Final = Concern(
    name="held",
    effects={MessageAwaits: _note_awaits, MessageHeld: _keep, MessageReleased: _let_go, HoldEnded: _let_go},
    needs={AssignTransaction: _needs_of_assign, EndHold: _needs_of_end},
    needs_then={AssignTransaction: _needs_of_assign_then},
    entries={
        MessageAwaits: _awaited_in,
        MessageHeld: _held_in,
        MessageReleased: _held_in,
        HoldEnded: _held_in,
    },
    requests={MessageReleased: _forward, HoldsDue: _end_page, HoldExpired: _end_one},
)
PAGES: Final = Concern(
    name="pages",
    effects={
        MessageHeld: _add_to_page,
        MessageReleased: _release_from_page,
        HoldsDue: _leave_agenda,
        HoldExpired: _take_from_page,
    },
    timers=(HOLDS_END,),
    entries={MessageHeld: _page_in, MessageReleased: _page_in, HoldsDue: _page_in, HoldExpired: _page_in},
)
COUNT: Final = Concern(
    name="held count",
    effects={MessageHeld: _one_more, MessageReleased: _one_fewer, HoldEnded: _one_fewer},
    entries={MessageHeld: _counted_in, MessageReleased: _counted_in, HoldEnded: _counted_in},
)
