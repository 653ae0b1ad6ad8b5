"""Whom identifiers name.

RULE: an identifier names one customer. Another one who is said to have it is a claimant: it is not moved, and that is
told once. A customer has one phone number, e-mail address and external id at a time: the next one replaces it; cards
and accounts add up. Of several identifiers in one record the first that names anybody decides, and those that name
nobody are that customer's from then on. A record whose identifiers name nobody is held under each of them, for as long
as ids are remembered (`repeat_window_days`), and released in the order of holding when one of them names somebody.
Where Accrue makes customer ids, a record that says so makes a customer instead, who is known by all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from msgspec.structs import replace

from pipeline.engine.calendar import NEVER
from pipeline.engine.identity.state import MADE, Held, Link, Made, Person, held_of, link_of, person_of
from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.programs import DAY_MS, Org
from pipeline.engine.state import CustomerState, Head
from schemas.facts import (
    CustomerMade,
    CustomerResolved,
    Decision,
    Envelope,
    IdentifierClaimed,
    IdentifierLinked,
    IdentifiersKnown,
    IdentifierUnlinked,
    MessageAwaits,
    MessageHeld,
    MessageReleased,
    RecordRefused,
    Refusal,
    UnlinkedBecause,
)
from schemas.records import (
    BILL,
    MADE_FROM,
    AssignTransaction,
    ForwardRecord,
    KnownBy,
    LinkIdentifiers,
    ResolveCustomer,
    with_customer,
)

REPLACED: Final = frozenset({"mobile", "email", "externalId"})
"""Types of which a customer has one at a time."""
IDENTIFIERS_MAX: Final = 100
"""Identifiers of one customer."""
HELD_MAX: Final = 100
"""Records that are held under one identifier."""
CLAIMANTS_MAX: Final = 20
"""Customers that are remembered as claimants of one identifier; more are not told."""


def link(turn: Turn, record: LinkIdentifiers) -> Sequence[Decision]:
    """Link the identifiers to the customer, or take them away."""
    change = _unlinked if record.unlink else _linked
    changes = [*change(turn.state, record)]
    return [*changes, *_released(turn, changes)] or [IdentifiersKnown()]


def _linked(state: CustomerState, record: LinkIdentifiers) -> Iterator[Decision]:
    own = _identifiers_of(state, record.person)
    for one in record.identifiers:
        known = find_link(state, one)
        if known is None or not known.person:
            for kind, digest in own:
                if kind == one.kind and kind in REPLACED:
                    yield IdentifierUnlinked(
                        kind=kind, digest=digest, person=record.person, because=UnlinkedBecause.REPLACED
                    )
            if len(own) < IDENTIFIERS_MAX:
                yield IdentifierLinked(kind=one.kind, digest=one.digest, person=record.person)
        elif known.person != record.person and _is_news(known, record.person):
            yield IdentifierClaimed(kind=one.kind, digest=one.digest, person=known.person, claimant=record.person)


def _is_news(known: Link, claimant: int) -> bool:
    return claimant not in known.claimants and len(known.claimants) < CLAIMANTS_MAX


def _unlinked(state: CustomerState, record: LinkIdentifiers) -> Iterator[Decision]:
    for one in _taken_away(state, record):
        known = find_link(state, one)
        if known is not None and known.person == record.person:
            yield IdentifierUnlinked(
                kind=one.kind, digest=one.digest, person=record.person, because=UnlinkedBecause.ASKED
            )


def _taken_away(state: CustomerState, record: LinkIdentifiers) -> Sequence[KnownBy]:
    if not record.everything:
        return record.identifiers
    return [KnownBy(kind=kind, digest=digest) for kind, digest in _identifiers_of(state, record.person)]


def resolve(turn: Turn, record: ResolveCustomer) -> list[Decision]:
    """Find the customer whom the identifiers name. History must name its customers by id."""
    if turn.backfill:
        return [RecordRefused(reason=Refusal.IDENTIFIERS_IN_BACKFILL)]
    named = _named(turn.state, record.identifiers)
    if named is None:
        return _make(turn, record) if record.makes else _hold(turn, record)
    kind, person = named
    room = IDENTIFIERS_MAX - len(_identifiers_of(turn.state, person))
    new = [one for one in record.identifiers if one.kind != BILL and not _names_anybody(turn.state, one)]
    links = [IdentifierLinked(kind=one.kind, digest=one.digest, person=person) for one in new[:room]]
    resolved = CustomerResolved(person=person, kind=kind, record=record.record)
    return [*links, *_released(turn, links), resolved]


def _make(turn: Turn, record: ResolveCustomer) -> list[Decision]:
    """A new customer, who is known by all of the identifiers."""
    made = cast("Made | None", turn.state.entries.get(MADE))
    person = MADE_FROM + (0 if made is None else made.count)
    named = [one for one in record.identifiers if one.kind != BILL]
    links = [IdentifierLinked(kind=one.kind, digest=one.digest, person=person) for one in named]
    resolved = CustomerResolved(person=person, kind=record.identifiers[0].kind, record=record.record)
    return [CustomerMade(person=person), *links, *_released(turn, links), resolved]


def _hold(turn: Turn, record: ResolveCustomer) -> list[Decision]:
    if any(len(_waiting(turn.state, one, turn.as_of)) >= HELD_MAX for one in record.identifiers):
        return [RecordRefused(reason=Refusal.IDENTIFIER_UNKNOWN, subject=record.identifiers[0].kind)]
    until = turn.as_of + min(turn.org.window_ms, record.days * DAY_MS or turn.org.window_ms)
    return [
        *(MessageAwaits(kind=one.kind, digest=one.digest, place=record.id, until=until) for one in record.identifiers),
        MessageHeld(place=record.id, until=until, record=record.record),
    ]


def assign(turn: Turn, record: AssignTransaction) -> list[Decision]:
    """What is held under the bill is the customer's."""
    if turn.backfill:
        return [RecordRefused(reason=Refusal.IDENTIFIERS_IN_BACKFILL)]
    waiting = _waiting(turn.state, record.bill, turn.as_of)
    found = [
        MessageReleased(place=place, person=record.person, record=held.record)
        for place, _ in waiting
        if (held := cast("Held | None", turn.state.entries.get(held_of(place)))) is not None and held.record
    ]
    reason = Refusal.TRANSACTION_ASSIGNED if waiting else Refusal.TRANSACTION_UNKNOWN
    return [*found] or [RecordRefused(reason=reason, subject=record.bill_number)]


def _released(turn: Turn, changes: Sequence[Decision]) -> Iterator[MessageReleased]:
    """What was held under identifiers that name somebody now, in the order of holding."""
    told: set[str] = set()
    for change in changes:
        if isinstance(change, IdentifierLinked):
            for place, _ in _waiting(turn.state, KnownBy(kind=change.kind, digest=change.digest), turn.as_of):
                held = cast("Held | None", turn.state.entries.get(held_of(place)))
                if held is not None and held.record and place not in told:
                    told.add(place)
                    yield MessageReleased(place=place, person=change.person, record=held.record)


def _waiting(state: CustomerState, one: KnownBy, as_of: int) -> tuple[tuple[str, int], ...]:
    """What is held under an identifier and still waits."""
    known = find_link(state, one)
    return () if known is None else tuple(waits for waits in known.waiting if waits[1] > as_of)


def _named(state: CustomerState, identifiers: Sequence[KnownBy]) -> tuple[str, int] | None:
    """The first identifier that names anybody, by its type, and whom it names."""
    for one in identifiers:
        known = find_link(state, one)
        if known is not None and known.person:
            return one.kind, known.person
    return None


def _names_anybody(state: CustomerState, one: KnownBy) -> bool:
    known = find_link(state, one)
    return known is not None and bool(known.person)


def find_link(state: CustomerState, one: KnownBy) -> Link | None:
    """What is known of an identifier."""
    return cast("Link | None", state.entries.get(link_of(one.kind, one.digest)))


def _identifiers_of(state: CustomerState, person: int) -> Sequence[tuple[str, str]]:
    known = cast("Person | None", state.entries.get(person_of(person)))
    return () if known is None else known.identifiers


def _note_linked(state: CustomerState, _envelope: Envelope, decision: IdentifierLinked) -> None:
    state.entries[link_of(decision.kind, decision.digest)] = Link(forgotten_at=NEVER, person=decision.person)


def _note_unlinked(state: CustomerState, envelope: Envelope, decision: IdentifierUnlinked) -> None:
    state.entries[link_of(decision.kind, decision.digest)] = Link(forgotten_at=envelope.as_of, person=0)


def _note_awaits(state: CustomerState, envelope: Envelope, decision: MessageAwaits) -> None:
    one = KnownBy(kind=decision.kind, digest=decision.digest)
    waiting = (*_waiting(state, one, envelope.as_of), (decision.place, decision.until))
    end = max(until for _, until in waiting)
    state.entries[link_of(one.kind, one.digest)] = Link(forgotten_at=end, person=0, waiting=waiting)


def _note_claimed(state: CustomerState, _envelope: Envelope, decision: IdentifierClaimed) -> None:
    name = link_of(decision.kind, decision.digest)
    known = cast("Link", state.entries[name])
    state.entries[name] = replace(known, claimants=(*known.claimants, decision.claimant))


def _note_made(state: CustomerState, _envelope: Envelope, decision: CustomerMade) -> None:
    state.entries[MADE] = Made(forgotten_at=NEVER, count=decision.person - MADE_FROM + 1)


def _nothing(_state: CustomerState, _envelope: Envelope, _decision: Decision) -> None:
    """It leaves nothing behind."""


def _gain(state: CustomerState, _envelope: Envelope, decision: IdentifierLinked) -> None:
    own = _identifiers_of(state, decision.person)
    identifiers = [*own, (decision.kind, decision.digest)]
    state.entries[person_of(decision.person)] = Person(forgotten_at=NEVER, identifiers=identifiers)


def _lose(state: CustomerState, envelope: Envelope, decision: IdentifierUnlinked) -> None:
    own = _identifiers_of(state, decision.person)
    identifiers = [one for one in own if one != (decision.kind, decision.digest)]
    end = NEVER if identifiers else envelope.as_of
    state.entries[person_of(decision.person)] = Person(forgotten_at=end, identifiers=identifiers)


def _keep(state: CustomerState, _envelope: Envelope, decision: MessageHeld) -> None:
    state.entries[held_of(decision.place)] = Held(forgotten_at=decision.until, record=decision.record)


def _let_go(state: CustomerState, envelope: Envelope, decision: MessageReleased) -> None:
    state.entries[held_of(decision.place)] = Held(forgotten_at=envelope.as_of, record=b"")


def _held_in(decision: MessageHeld | MessageReleased) -> str:
    return held_of(decision.place)


def _named_in(decision: IdentifierLinked | IdentifierUnlinked | IdentifierClaimed | MessageAwaits) -> str:
    return link_of(decision.kind, decision.digest)


def _person_in(decision: IdentifierLinked | IdentifierUnlinked) -> str:
    return person_of(decision.person)


def _needs(_head: Head, record: LinkIdentifiers | ResolveCustomer, _org: Org) -> tuple[str, ...]:
    return tuple(link_of(one.kind, one.digest) for one in record.identifiers)


def _needs_of_link(head: Head, record: LinkIdentifiers, org: Org) -> tuple[str, ...]:
    return (person_of(record.person), *_needs(head, record, org))


def _needs_of_link_then(state: CustomerState, record: LinkIdentifiers, _org: Org) -> tuple[str, ...]:
    """The identifiers that new ones may replace, or that all go, and what is held under the new ones."""
    kinds = {one.kind for one in record.identifiers} & REPLACED
    own = _identifiers_of(state, record.person)
    replaced = [link_of(kind, digest) for kind, digest in own if kind in kinds or record.everything]
    return (*replaced, *_held_under(state, record.identifiers))


def _needs_of_resolve(head: Head, record: ResolveCustomer, org: Org) -> tuple[str, ...]:
    return (*_needs(head, record, org), *((MADE,) if record.makes else ()))


def _resolved(state: CustomerState, record: ResolveCustomer, _org: Org) -> tuple[str, ...]:
    named = _named(state, record.identifiers)
    if named is None:
        return tuple(_held_under(state, record.identifiers)) if record.makes else ()
    return (person_of(named[1]), *_held_under(state, record.identifiers))


def _needs_of_assign(_head: Head, record: AssignTransaction, _org: Org) -> tuple[str, ...]:
    return (link_of(record.bill.kind, record.bill.digest),)


def _needs_of_assign_then(state: CustomerState, record: AssignTransaction, _org: Org) -> tuple[str, ...]:
    return tuple(_held_under(state, (record.bill,)))


def _held_under(state: CustomerState, identifiers: Sequence[KnownBy]) -> Iterator[str]:
    for one in identifiers:
        known = find_link(state, one)
        for place, _ in () if known is None else known.waiting:
            yield held_of(place)


def _forward(decision: CustomerResolved, _envelope: Envelope, stated: Mapping[str, Any]) -> ForwardRecord:
    return ForwardRecord(**stated, customer_id=decision.person, record=with_customer(decision.record, decision.person))


def _forward_released(decision: MessageReleased, envelope: Envelope, stated: Mapping[str, Any]) -> ForwardRecord:
    """A record that was held counts as received when it is released."""
    record = with_customer(decision.record, decision.person, received_at=envelope.as_of)
    return ForwardRecord(**stated, customer_id=decision.person, record=record, was_held=True)


IDENTIFIERS: Final = Concern(
    name="identity",
    effects={
        IdentifierLinked: _note_linked,
        IdentifierUnlinked: _note_unlinked,
        IdentifierClaimed: _note_claimed,
        CustomerResolved: _nothing,
        CustomerMade: _note_made,
        IdentifiersKnown: _nothing,
        MessageAwaits: _note_awaits,
    },
    needs={LinkIdentifiers: _needs_of_link, ResolveCustomer: _needs_of_resolve, AssignTransaction: _needs_of_assign},
    needs_then={
        LinkIdentifiers: _needs_of_link_then,
        ResolveCustomer: _resolved,
        AssignTransaction: _needs_of_assign_then,
    },
    entries={
        CustomerMade: lambda _: MADE,
        IdentifierLinked: _named_in,
        IdentifierUnlinked: _named_in,
        IdentifierClaimed: _named_in,
        MessageAwaits: _named_in,
    },
    requests={CustomerResolved: _forward},
)
HELD: Final = Concern(
    name="held",
    effects={MessageHeld: _keep, MessageReleased: _let_go},
    entries={MessageHeld: _held_in, MessageReleased: _held_in},
    requests={MessageReleased: _forward_released},
)
PERSONS: Final = Concern(
    name="persons",
    effects={IdentifierLinked: _gain, IdentifierUnlinked: _lose},
    entries={IdentifierLinked: _person_in, IdentifierUnlinked: _person_in},
)
