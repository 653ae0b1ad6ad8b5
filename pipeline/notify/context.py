"""The context of rendering: what the facts of one journal record about one customer have in common."""

from __future__ import annotations

import msgspec

from pipeline.notify.activity import Activity, activity_of
from pipeline.notify.identity import CauseIds
from pipeline.notify.parts import CustomerIdentifiers, Entity
from pipeline.notify.program_view import OrgView, ProgramView
from schemas.facts import Fact, ProgramFact
from schemas.records import AnyRecord, CustomerRecord


class Cause(msgspec.Struct, frozen=True, gc=False):
    """What made a fact so: the record, or a timer."""

    ids: CauseIds
    token: str
    ref_id: str
    created_at: int
    """When intake took the record; for a timer, the instant it was due."""
    activity: Activity | None
    """What the customer did; None for a timer, even one that fell due when a record came."""


class Context:
    """Made once for each journal record and customer; what several notifications share is worked out once."""

    __slots__ = (
        "_cause",
        "_cause_name",
        "customer",
        "customer_id",
        "entity",
        "house",
        "org_id",
        "programs",
        "record",
        "recorded_at",
    )

    def __init__(
        self,
        org_id: int,
        customer_id: int,
        record: AnyRecord | None,
        org: OrgView,
        recorded_at: int,
    ) -> None:
        """`record` is None for a tick; `recorded_at` as in `FactMessage`."""
        self.org_id = org_id
        self.customer_id = customer_id
        self.record = record
        self.programs = org.programs
        self.house = org.house
        self.recorded_at = recorded_at
        self.customer = CustomerIdentifiers(customer_id)
        self.entity = Entity("USER", customer_id)
        self._cause: Cause | None = None
        self._cause_name = ""

    def cause_of(self, fact: Fact) -> Cause:
        """The fact's cause; facts of one cause stand together, so the last one is kept."""
        if self._cause is None or fact.cause != self._cause_name:
            self._cause = self._new_cause(fact)
            self._cause_name = fact.cause
        return self._cause

    def program_of(self, fact: ProgramFact) -> ProgramView:
        """The program that the fact stands in."""
        return self.programs[fact.program_id]

    def _new_cause(self, fact: Fact) -> Cause:
        ids = CauseIds(self.org_id, self.customer_id, fact.cause, fact.at)
        token = ids.token
        ref_id = f"{self.org_id}_{token}"
        record = self.record
        if isinstance(record, CustomerRecord) and fact.cause == f"{type(record).__name__}:{record.id}":
            return Cause(ids, token, ref_id, self.recorded_at, activity_of(record))
        return Cause(ids, token, ref_id, fact.at, None)
