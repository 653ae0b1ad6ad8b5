"""The context of rendering: what all facts of one journal record about one customer have in common."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from pipeline.notify.activity import Activity, activity_of
from pipeline.notify.identity import CauseIds
from pipeline.notify.parts import NOT_KNOWN, CustomerIdentifiers, Entity, Instore, accounts_of
from pipeline.notify.program_view import Delivery, OrgView, ProgramView
from schemas.facts import Envelope
from schemas.records import AnyRecord, CustomerRecord, Profile


class Cause(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What led to a fact: the record, or a timer."""

    name: str
    """As in the fact's envelope."""
    at: int
    ids: CauseIds
    token: str
    """That of the root cause, which may be another customer's."""
    ref_id: str
    created_at: int
    """When intake took the record; for a timer, the instant it was due."""
    activity: Activity | None
    """What the customer did; None for a timer, even where a record's arrival made it fire."""


class Context:
    """Holds what the notifications of one message share. Make a new context for each journal record and customer."""

    __slots__ = (
        "_cause",
        "_contact",
        "_envelope",
        "_profile",
        "_program",
        "customer",
        "customer_id",
        "entity",
        "org",
        "org_id",
        "record",
        "recorded_at",
    )

    def __init__(
        self,
        *,
        org_id: int,
        customer_id: int,
        record: AnyRecord | None,
        org: OrgView,
        recorded_at: int,
        profile: Profile,
    ) -> None:
        """`record` is None for a tick; `recorded_at` as in `FactMessage`; `profile` is as it was before the facts."""
        self.org_id = org_id
        self.customer_id = customer_id
        self.record = record
        self.org = org
        self.recorded_at = recorded_at
        self.customer = CustomerIdentifiers(customer_id=customer_id)
        """The customer without contact data, as in events about milestones, streaks and tiers."""
        self.entity = Entity(entity_type="USER", entity_id=customer_id)
        self._cause: Cause | None = None
        self._envelope: Envelope | None = None
        self._program: ProgramView  # that of `_envelope`
        self._profile = profile
        self._contact: CustomerIdentifiers | None = None

    def learn(self, profile: Profile) -> None:
        """The customer's profile is this one from the next fact on."""
        self._profile = profile
        self._contact = None

    def delivery_of(self, envelope: Envelope) -> Delivery:
        """How the notifications of the envelope's program are sent; raises as `program_of` does."""
        return self.program_of(envelope).delivery if envelope.program_id else self.org.default_delivery

    def contact_in(self, envelope: Envelope) -> CustomerIdentifiers:
        """The customer with what they could be reached by at this fact, unless the program keeps it to itself."""
        if not self.delivery_of(envelope).identifiers:
            return self.customer
        contact = self._contact
        if contact is None:
            contact = self._contact = self._new_contact()
        return contact

    def member_in(self, envelope: Envelope) -> CustomerIdentifiers:
        """As `contact_in`, with the kind of member: `loyalty` unless the profile says otherwise."""
        loyalty_type = self._profile.loyalty_type.lower() or "loyalty"  # every registered customer is a member
        return msgspec.structs.replace(self.contact_in(envelope), loyalty_type=loyalty_type)

    def cause_of(self, envelope: Envelope) -> Cause:
        """The cause that the envelope names. The last cause is cached, as facts of one cause stand together."""
        cause = self._cause
        if cause is None or envelope.cause != cause.name or envelope.at != cause.at:
            cause = self._cause = self._new_cause(envelope)
        return cause

    def program_of(self, envelope: Envelope) -> ProgramView:
        """The program in the version that the facts were decided under; raises `LookupError` if it is not there.

        The last program is cached, as facts of one envelope stand together.
        """
        if envelope is not self._envelope:
            self._program = self.org.program(envelope.program_id, envelope.version)
            self._envelope = envelope
        return self._program

    def _new_contact(self) -> CustomerIdentifiers:
        profile = self._profile
        instore = Instore(mobile=profile.mobile, email=profile.email, external_id=profile.external_id)
        accounts = accounts_of(profile.extended)
        return CustomerIdentifiers(
            customer_id=self.customer_id,
            instore=UNSET if instore == NOT_KNOWN else instore,
            web_engage=accounts.get("web_engage", UNSET),
            wechat=accounts.get("wechat", UNSET),
        )

    def _new_cause(self, envelope: Envelope) -> Cause:
        ids = CauseIds(self.org_id, self.customer_id, envelope.cause, envelope.at)
        record = self.record
        created_at = envelope.at
        activity: Activity | None = None
        if isinstance(record, CustomerRecord) and envelope.cause == f"{type(record).__name__}:{record.id}":
            created_at = self.recorded_at
            activity = activity_of(record)
        token = ids.token
        if envelope.via:
            customer_id, at, cause = envelope.via.split(":", 2)
            token = CauseIds(self.org_id, int(customer_id), cause, int(at)).token
        return Cause(
            name=envelope.cause,
            at=envelope.at,
            ids=ids,
            token=token,
            ref_id=f"{self.org_id}_{token}",
            created_at=created_at,
            activity=activity,
        )
