"""By the settings of its org: whether an event is right, and whom a message is about that names nobody by id.

What identifiers say goes to the org itself, its subject 0: with a customer who registers or changes, as a record beside
theirs; of a message without a customer id, in place of it, with the message's own record inside.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pipeline.intake.events import Judged, judge, makes_a_customer
from pipeline.intake.identifiers import hashed, known_by
from pipeline.intake.org_settings import KnownOrg
from pipeline.intake.personal import sealed
from pipeline.intake.verdict import Accepted, Defect, Incoming, Limits, Reason, Rejected
from pipeline.sealing import subject_of
from schemas import messages, records

NOBODY: Final = 0
"""The subject of each org that is the org itself: it knows whom identifiers name."""
TO_THE_ORG: Final = (messages.LinkIdentifiers, messages.UnlinkIdentifiers, messages.AssignTransaction)
ToTheOrg = messages.LinkIdentifiers | messages.UnlinkIdentifiers | messages.AssignTransaction
_OF_A_BILL: Final = (messages.TransactionAdded, messages.TransactionReturned)
_UNNAMED_DAYS: Final = 30
"""For how long a bill is held that names nobody, and a return of one."""
_HELD_DAYS: Final = 365
"""For how long a bill, a return, an update of a bill or an event is held by whose identifiers nobody is known."""


def input_key(org_id: int, customer_id: int) -> bytes:
    """The key of everything about one customer: input messages, journal, facts and notifications."""
    return b"%d:%d" % (org_id, customer_id)


def by_settings(
    message: Incoming,
    content: messages.CustomerMessage,
    record: records.CustomerRecord,
    limits: Limits,
    org: KnownOrg | None,
) -> Accepted | Rejected:
    """The verdict on a well-formed message and its record, by the settings of its org (None: it has none)."""
    undefined = ""
    if org is not None and isinstance(content, messages.CustomEvent):
        judged = judge(content.event_name, content.attributes, org)
        if isinstance(judged, Rejected):
            return judged
        record = _with_hashes(_by_definition(record, judged), org, limits.identity_key)
        if org.events and not judged.is_defined:
            undefined = f"{content.org_id}/{content.event_name}"
    if content.customer_id is None:
        return _unnamed(message, content, record, limits, org, undefined)
    if org is not None and (strange := _not_ours(content.customer_id, org)) is not None:
        return strange
    record = sealed(record, content.customer_id, limits, org)
    key = input_key(content.org_id, content.customer_id)
    identifiers = _own(content, limits, org)
    links = _link(message, content, record.received_at, record.event_time, identifiers) if identifiers else None
    return Accepted(record, key, undefined, links)


def to_the_org(
    message: Incoming, content: ToTheOrg, event_time: int, wall: int, limits: Limits, org: KnownOrg | None
) -> Accepted | Rejected:
    """The verdict on a message that tells the org itself something of a customer."""
    if isinstance(content, messages.AssignTransaction):
        return _assigned(message, content, event_time, wall, limits, org)
    return _linked(message, content, event_time, wall, limits, org)


def _linked(
    message: Incoming,
    content: messages.LinkIdentifiers | messages.UnlinkIdentifiers,
    event_time: int,
    wall: int,
    limits: Limits,
    org: KnownOrg | None,
) -> Accepted | Rejected:
    """The verdict on a message that says whose identifiers are, or are no longer."""
    if isinstance(content, messages.UnlinkIdentifiers) and content.everything:
        identifiers: tuple[records.KnownBy, ...] | Rejected = ()
    else:
        identifiers = _known_by(content, limits, org)
    if isinstance(identifiers, Rejected):
        return identifiers
    if org is not None and (strange := _not_ours(content.customer_id or NOBODY, org)) is not None:
        return strange
    link = _link(message, content, wall, event_time, identifiers)
    asked = msgspec.structs.replace(link, asked=content.id or link.id)
    return Accepted(asked, input_key(content.org_id, NOBODY))


def _by_definition(record: records.CustomerRecord, judged: Judged) -> records.CustomerRecord:
    if judged.unique_id is not None:  # without a digest, as any second event with this key is a duplicate
        record = msgspec.structs.replace(record, id=judged.unique_id, digest=0)
    if judged.for_ever:
        record = msgspec.structs.replace(record, unique=True)
    return msgspec.structs.replace(record, analytics_only=True) if judged.analytics_only else record


def _unnamed(
    message: Incoming,
    content: messages.CustomerMessage,
    record: records.CustomerRecord,
    limits: Limits,
    org: KnownOrg | None,
    undefined: str,
) -> Accepted | Rejected:
    identifiers = _known_by_or_held(content, limits, org)
    if isinstance(identifiers, Rejected):
        return identifiers
    names_somebody = identifiers[0].kind != records.BILL
    record = sealed(record, subject_of(_place_of(message)), limits, org)
    resolve = records.ResolveCustomer(
        received_at=record.received_at,
        source=record.source,
        offset=record.offset,
        org_id=record.org_id,
        customer_id=NOBODY,
        id=_place_of(message),
        digest=record.digest,
        event_time=record.event_time,
        identifiers=identifiers,
        record=records.encode_record(record),
        makes=names_somebody and org is not None and makes_a_customer(content, org),
        days=_days(record) if names_somebody else _UNNAMED_DAYS,
        own=_own(content, limits, org),
    )
    return Accepted(resolve, input_key(content.org_id, NOBODY), undefined)


def _own(content: messages.CustomerMessage, limits: Limits, org: KnownOrg | None) -> tuple[records.KnownBy, ...]:
    """What a customer who registers or changes is known by from then on: what the profile says, and then the rest."""
    key = limits.identity_key
    if org is None or key is None or not isinstance(content, messages.ProfileMessage):
        return ()
    profile = {"mobile": content.mobile, "email": content.email, "externalId": content.external_id}
    store = getattr(content, "store", "")
    said, named = (known_by(some, org, store, key) for some in (profile, content.identifiers))
    kinds = {one.kind for one in said}
    return (*said, *(one for one in named if one.kind not in kinds))


def _days(record: records.CustomerRecord) -> int:
    return _HELD_DAYS if isinstance(record, records.OUTLASTING) else 0


def _not_ours(customer_id: int, org: KnownOrg) -> Rejected | None:
    """Why a customer id cannot be one that Accrue made, where it makes all of them."""
    if org.org.ids != "accrue" or customer_id >= records.MADE_FROM:
        return None
    problem = f"is {customer_id}, and org {org.org.org_id} has customer ids from {records.MADE_FROM} on, made by Accrue"
    defect = Defect("customerId", problem, "leave it out, and name the customer by identifiers")
    return Rejected(Reason.IDENTIFIER_UNKNOWN, (defect,))


def _with_hashes(record: records.CustomerRecord, org: KnownOrg, key: bytes | None) -> records.CustomerRecord:
    """The event with hashes in place of the identifiers among its attributes."""
    if key is None or not isinstance(record, records.CustomEventReceived):
        return record
    definition = org.events.get(record.event_name)
    fields = () if definition is None else definition.fields
    hashes = {
        field.name: hashed(field.identifier_type, str(record.attributes[field.name]), org, "", key)
        for field in fields
        if field.identifier_type is not None and field.name in record.attributes
    }
    return msgspec.structs.replace(record, attributes=record.attributes | hashes) if hashes else record


def _link(
    message: Incoming,
    content: messages.CustomerMessage,
    received_at: int,
    event_time: int,
    identifiers: tuple[records.KnownBy, ...],
) -> records.LinkIdentifiers:
    return records.LinkIdentifiers(
        received_at=received_at,
        source=f"{message.topic}:{message.partition}",
        offset=message.offset,
        org_id=content.org_id,
        customer_id=NOBODY,
        id=_place_of(message),
        digest=0,
        event_time=event_time,
        person=content.customer_id or NOBODY,
        identifiers=identifiers,
        unlink=isinstance(content, messages.UnlinkIdentifiers),
        everything=isinstance(content, messages.UnlinkIdentifiers) and content.everything,
    )


def _known_by(
    content: messages.CustomerMessage, limits: Limits, org: KnownOrg | None
) -> tuple[records.KnownBy, ...] | Rejected:
    """The identifiers that name somebody, or why nobody is known by those that were sent."""
    kinds = ", ".join(content.identifiers)
    if org is None:
        problem = f"name a customer by {kinds}, and org {content.org_id} has no settings"
        return _nobody(problem, "send the customer id, or add the org with `accrue settings apply`")
    if limits.identity_key is None:
        return _nobody(f"name a customer by {kinds}, and there is no ACCRUE_IDENTITY_KEY", "set it for every worker")
    found = known_by(content.identifiers, org, getattr(content, "store", ""), limits.identity_key)
    if not found:
        wanted = ", ".join(org.org.identifiers)
        return _nobody(f"name a customer by {kinds}, which identifies nobody", f"send a valid one of {wanted}")
    return found


def waits_for_assignment(content: messages.CustomerMessage, org: KnownOrg | None) -> bool:
    """Whether it is a bill, or a return, that may wait until somebody says whose the bill is."""
    return org is not None and org.org.unassigned_bills == "hold" and isinstance(content, _OF_A_BILL)


def _known_by_or_held(
    content: messages.CustomerMessage, limits: Limits, org: KnownOrg | None
) -> tuple[records.KnownBy, ...] | Rejected:
    """The identifiers that name somebody, and what a bill is held under that may be assigned."""
    if org is None or not isinstance(content, _OF_A_BILL) or not waits_for_assignment(content, org):
        return _known_by(content, limits, org)
    if limits.identity_key is None:
        return _nobody("leave the customer open, and there is no ACCRUE_IDENTITY_KEY", "set it for every worker")
    named = known_by(content.identifiers, org, content.store, limits.identity_key)
    number = content.bill_number if isinstance(content, messages.TransactionAdded) else content.of_bill
    return (*named, _bill_of(content.store, number, org, limits.identity_key))


def _bill_of(store: str, number: str, org: KnownOrg, key: bytes) -> records.KnownBy:
    digest = hashed(records.BILL, f"{len(store)}:{store}:{number}", org, store, key)
    return records.KnownBy(kind=records.BILL, digest=digest)


def _assigned(
    message: Incoming,
    content: messages.AssignTransaction,
    event_time: int,
    wall: int,
    limits: Limits,
    org: KnownOrg | None,
) -> Accepted | Rejected:
    """The verdict on a message that says whose a bill is."""
    if org is None or limits.identity_key is None:
        return _nobody(f"are unknown in org {content.org_id}, which holds no bills", "add its settings, and the key")
    person = content.customer_id or NOBODY
    if (strange := _not_ours(person, org)) is not None:
        return strange
    record = records.AssignTransaction(
        received_at=wall,
        source=f"{message.topic}:{message.partition}",
        offset=message.offset,
        org_id=content.org_id,
        customer_id=NOBODY,
        id=content.id or _place_of(message),
        digest=0,
        event_time=event_time,
        person=person,
        bill=_bill_of(content.store, content.bill_number, org, limits.identity_key),
        bill_number=content.bill_number,
    )
    return Accepted(record, input_key(content.org_id, NOBODY))


def _nobody(problem: str, remedy: str) -> Rejected:
    return Rejected(Reason.IDENTIFIER_UNKNOWN, (Defect("identifiers", problem, remedy),))


def _place_of(message: Incoming) -> str:
    """Unlike an id that its sender gave, no two messages have one place."""
    return f"{message.topic}:{message.partition}:{message.offset}"
