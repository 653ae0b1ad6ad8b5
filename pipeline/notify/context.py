"""The context of rendering: what all facts of one journal record about one customer have in common."""

from __future__ import annotations

import msgspec

from pipeline.notify.activity import Activity, activity_of
from pipeline.notify.identity import CauseIds
from pipeline.notify.parts import CustomerIdentifiers, Entity
from pipeline.notify.program_view import OrgView, ProgramView
from schemas.facts import Envelope
from schemas.records import AnyRecord, CustomerRecord


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
        "_envelope",
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
        self, *, org_id: int, customer_id: int, record: AnyRecord | None, org: OrgView, recorded_at: int
    ) -> None:
        """`record` is None for a tick; `recorded_at` as in `FactMessage`."""
        self.org_id = org_id
        self.customer_id = customer_id
        self.record = record
        self.org = org
        self.recorded_at = recorded_at
        self.customer = CustomerIdentifiers(customer_id=customer_id)
        self.entity = Entity(entity_type="USER", entity_id=customer_id)
        self._cause: Cause | None = None
        self._envelope: Envelope | None = None
        self._program: ProgramView  # that of `_envelope`

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
