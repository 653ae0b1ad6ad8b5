"""Whom identifiers name.

RULE: an identifier names one customer. Another one who is said to have it is a claimant: it is not moved, and that is
told once. A customer has one phone number, e-mail address and external id at a time: the next one replaces it; cards
and accounts add up. Of several identifiers in one record the first that names anybody decides, and those that name
nobody are that customer's from then on; beside the others, but for a registration or an update. A record whose
identifiers name nobody is held (`holding`). Where Accrue makes customer ids, a record that says so makes a customer
instead, who is known by all of them.
RULE (key): all identifiers of an org are hashed with one key, the first that intake says it uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from msgspec.structs import replace

from pipeline.engine.calendar import NEVER
from pipeline.engine.identity import holding
from pipeline.engine.identity.lookup import find_link, identifiers_of, named, names_anybody
from pipeline.engine.identity.state import IDENTITY_KEY, MADE, IdentityKey, Link, Made, Person, link_of, person_of
from pipeline.engine.kernel.concern import Concern
from pipeline.engine.kernel.turn import Turn
from pipeline.engine.programs import Org
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
    IdentityKeySet,
    RecordRefused,
    Refusal,
    UnlinkedBecause,
)
from schemas.records import (
    BILL,
    MADE_FROM,
    ForwardRecord,
    KnownBy,
    LinkIdentifiers,
    ResolveCustomer,
    UseIdentityKey,
    with_customer,
)

REPLACED: Final = frozenset({"mobile", "email", "externalId"})
"""Types of which a customer has one at a time."""
IDENTIFIERS_MAX: Final = 100
"""Identifiers of one customer."""
CLAIMANTS_MAX: Final = 20
"""Customers that are remembered as claimants of one identifier; more are not told."""


def link(turn: Turn, record: LinkIdentifiers) -> Sequence[Decision]:
    """Link the identifiers to the customer, or take them away."""
    state = turn.state
    changes = [*(_unlinked(state, record) if record.unlink else _linked(state, record.person, record.identifiers))]
    return [*changes, *holding.released(turn, changes)] or [IdentifiersKnown()]


def _linked(state: CustomerState, person: int, identifiers: Sequence[KnownBy]) -> Iterator[Decision]:
    own = [*identifiers_of(state, person)]
    for one in identifiers:
        known = find_link(state, one)
        if known is None or not known.person:
            replaced = [known_by for known_by in own if known_by[0] == one.kind and one.kind in REPLACED]
            if len(own) - len(replaced) >= IDENTIFIERS_MAX:
                continue
            for kind, digest in replaced:
                own.remove((kind, digest))
                yield IdentifierUnlinked(kind=kind, digest=digest, person=person, because=UnlinkedBecause.REPLACED)
            own.append((one.kind, one.digest))
            yield IdentifierLinked(kind=one.kind, digest=one.digest, person=person)
        elif known.person != person and _is_news(known, person):
            yield IdentifierClaimed(kind=one.kind, digest=one.digest, person=known.person, claimant=person)


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
    return [KnownBy(kind=kind, digest=digest) for kind, digest in identifiers_of(state, record.person)]


def resolve(turn: Turn, record: ResolveCustomer) -> list[Decision]:
    """Find the customer whom the identifiers name. History must name its customers by id."""
    if turn.backfill:
        return [RecordRefused(reason=Refusal.IDENTIFIERS_IN_BACKFILL)]
    found = named(turn.state, record.identifiers)
    if found is None:
        return _make(turn, record) if record.makes else holding.hold(turn, record)
    kind, person = found
    return [*_resolved_as(turn, record, person, kind)]


def _make(turn: Turn, record: ResolveCustomer) -> list[Decision]:
    """A new customer, who is known by all of the identifiers."""
    made = cast("Made | None", turn.state.entries.get(MADE))
    person = MADE_FROM + (0 if made is None else made.count)
    return [CustomerMade(person=person), *_resolved_as(turn, record, person, record.identifiers[0].kind)]


def _resolved_as(turn: Turn, record: ResolveCustomer, person: int, kind: str) -> Iterator[Decision]:
    """The record is the customer's: behind what has waited, and before the returns that have waited for it."""
    changes = [*(_linked(turn.state, person, record.own) if record.own else _added(turn.state, person, record))]
    yield from changes
    waited = [*holding.released(turn, changes)]
    yield from waited
    yield CustomerResolved(person=person, kind=kind, record=record.record)
    yield from holding.released_behind(turn, record, person, waited)


def _added(state: CustomerState, person: int, record: ResolveCustomer) -> Sequence[IdentifierLinked]:
    """The identifiers that name nobody, as far as they fit: of a bill, an event or a command they replace none."""
    room = IDENTIFIERS_MAX - len(identifiers_of(state, person))
    new = [one for one in record.identifiers if one.kind != BILL and not names_anybody(state, one)]
    return [IdentifierLinked(kind=one.kind, digest=one.digest, person=person) for one in new[:room]]


def use_key(turn: Turn, record: UseIdentityKey) -> list[Decision]:
    """The first key is that of the org."""
    known = cast("IdentityKey | None", turn.state.entries.get(IDENTITY_KEY))
    if known is None:
        return [IdentityKeySet(fingerprint=record.fingerprint)]
    if known.fingerprint == record.fingerprint:
        return [IdentifiersKnown()]
    return [RecordRefused(reason=Refusal.IDENTITY_KEY_DIFFERS, subject=known.fingerprint)]


def _note_linked(state: CustomerState, _envelope: Envelope, decision: IdentifierLinked) -> None:
    state.entries[link_of(decision.kind, decision.digest)] = Link(forgotten_at=NEVER, person=decision.person)


def _note_unlinked(state: CustomerState, envelope: Envelope, decision: IdentifierUnlinked) -> None:
    state.entries[link_of(decision.kind, decision.digest)] = Link(forgotten_at=envelope.as_of, person=0)


def _note_claimed(state: CustomerState, _envelope: Envelope, decision: IdentifierClaimed) -> None:
    name = link_of(decision.kind, decision.digest)
    known = cast("Link", state.entries[name])
    state.entries[name] = replace(known, claimants=(*known.claimants, decision.claimant))


def _note_key(state: CustomerState, _envelope: Envelope, decision: IdentityKeySet) -> None:
    state.entries[IDENTITY_KEY] = IdentityKey(forgotten_at=NEVER, fingerprint=decision.fingerprint)


def _note_made(state: CustomerState, _envelope: Envelope, decision: CustomerMade) -> None:
    state.entries[MADE] = Made(forgotten_at=NEVER, count=decision.person - MADE_FROM + 1)


def _nothing(_state: CustomerState, _envelope: Envelope, _decision: Decision) -> None:
    """It leaves nothing behind."""


def _gain(state: CustomerState, _envelope: Envelope, decision: IdentifierLinked) -> None:
    own = identifiers_of(state, decision.person)
    identifiers = [*own, (decision.kind, decision.digest)]
    state.entries[person_of(decision.person)] = Person(forgotten_at=NEVER, identifiers=identifiers)


def _lose(state: CustomerState, envelope: Envelope, decision: IdentifierUnlinked) -> None:
    own = identifiers_of(state, decision.person)
    identifiers = [one for one in own if one != (decision.kind, decision.digest)]
    end = NEVER if identifiers else envelope.as_of
    state.entries[person_of(decision.person)] = Person(forgotten_at=end, identifiers=identifiers)


def _named_in(decision: IdentifierLinked | IdentifierUnlinked | IdentifierClaimed) -> str:
    return link_of(decision.kind, decision.digest)


def _person_in(decision: IdentifierLinked | IdentifierUnlinked) -> str:
    return person_of(decision.person)


def _needs(_head: Head, record: LinkIdentifiers | ResolveCustomer, _org: Org) -> tuple[str, ...]:
    return tuple(link_of(one.kind, one.digest) for one in record.identifiers)


def _needs_of_link(head: Head, record: LinkIdentifiers, org: Org) -> tuple[str, ...]:
    return (person_of(record.person), *_needs(head, record, org))


def _needs_of_link_then(state: CustomerState, record: LinkIdentifiers, _org: Org) -> tuple[str, ...]:
    """The identifiers that new ones may replace, or that all go, and what is held under the new ones."""
    own = identifiers_of(state, record.person) if record.everything else ()
    return (
        *(link_of(kind, digest) for kind, digest in own),
        *_needs_to_replace(state, record.person, record.identifiers),
        *holding.needs_to_release(state, record.identifiers),
    )


def _needs_to_replace(state: CustomerState, person: int, identifiers: Sequence[KnownBy]) -> Iterator[str]:
    kinds = {one.kind for one in identifiers} & REPLACED
    return (link_of(kind, digest) for kind, digest in identifiers_of(state, person) if kind in kinds)


def _needs_of_resolve(head: Head, record: ResolveCustomer, org: Org) -> tuple[str, ...]:
    own = (link_of(one.kind, one.digest) for one in record.own)
    return (*_needs(head, record, org), *own, *((MADE,) if record.makes else ()))


def _needs_of_resolve_then(state: CustomerState, record: ResolveCustomer, org: Org) -> tuple[str, ...]:
    found = named(state, record.identifiers)
    if found is None and not record.makes:
        return tuple(holding.needs_to_hold(state, record, org))
    released = tuple(holding.needs_to_release(state, (*record.identifiers, *record.own)))
    if found is None:
        return released
    return (person_of(found[1]), *_needs_to_replace(state, found[1], record.own), *released)


def _needs_of_key(_head: Head, _record: UseIdentityKey, _org: Org) -> tuple[str, ...]:
    return (IDENTITY_KEY,)


def _forward(decision: CustomerResolved, _envelope: Envelope, stated: Mapping[str, Any]) -> ForwardRecord:
    return ForwardRecord(**stated, customer_id=decision.person, record=with_customer(decision.record, decision.person))


IDENTIFIERS: Final = Concern(
    name="identity",
    effects={
        IdentifierLinked: _note_linked,
        IdentifierUnlinked: _note_unlinked,
        IdentifierClaimed: _note_claimed,
        CustomerResolved: _nothing,
        CustomerMade: _note_made,
        IdentifiersKnown: _nothing,
        IdentityKeySet: _note_key,
    },
    needs={LinkIdentifiers: _needs_of_link, ResolveCustomer: _needs_of_resolve, UseIdentityKey: _needs_of_key},
    needs_then={LinkIdentifiers: _needs_of_link_then, ResolveCustomer: _needs_of_resolve_then},
    entries={
        CustomerMade: lambda _: MADE,
        IdentifierLinked: _named_in,
        IdentifierUnlinked: _named_in,
        IdentifierClaimed: _named_in,
        IdentityKeySet: lambda _: IDENTITY_KEY,
    },
    requests={CustomerResolved: _forward},
)
PERSONS: Final = Concern(
    name="persons",
    effects={IdentifierLinked: _gain, IdentifierUnlinked: _lose},
    entries={IdentifierLinked: _person_in, IdentifierUnlinked: _person_in},
)
