"""Outputs: what leaves the heart for one journal record and customer: one message of facts, and notifications."""

from __future__ import annotations

from collections import Counter
from typing import Final

from pipeline.engine import ENGINE_VERSION
from pipeline.log.port import Headers, Outgoing
from pipeline.notify.context import Context
from pipeline.notify.program_view import OrgView
from pipeline.notify.render import render_all
from schemas.facts import Fact, FactMessage, IssuedFor, PointsIssued, encode_facts
from schemas.notifications import FAMILIES, EventName
from schemas.records import AnyCustomerRecord
from topics.catalog import Catalog

EVENT_NAME_HEADER: Final = "eventName"
_HEADERS: Final[dict[EventName, Headers]] = {name: ((EVENT_NAME_HEADER, name.value.encode()),) for name in EventName}

_ADJUSTMENT: Final = IssuedFor.ADJUSTMENT


class Outputs:
    """Makes the messages of one journal partition; all keep its number, hence a customer's order."""

    def __init__(self, catalog: Catalog, partition: int) -> None:
        self._facts = catalog.name("facts")
        self._families = {family: catalog.name(family) for family in FAMILIES}
        self._partition = partition
        self.facts = 0
        self.notifications = 0
        self.awards: Counter[tuple[int, int, str]] = Counter()
        """By org, program, and the rule, milestone or streak level of it that gave points."""

    def count_anew(self) -> None:
        """What was counted so far was taken into account, or never took effect."""
        self.facts = self.notifications = 0
        self.awards.clear()

    def add(
        self,
        out: list[Outgoing],
        key: bytes,
        customer: tuple[int, int],
        offset: int,
        recorded_at: int,
        record: AnyCustomerRecord | None,
        facts: list[Fact],
        org: OrgView,
    ) -> None:
        """Add to `out` what the facts of one customer at one journal offset amount to; `record=None`: a tick."""
        org_id, customer_id = customer
        partition = self._partition
        message = FactMessage(
            partition,
            offset,
            ENGINE_VERSION,
            org_id,
            customer_id,
            facts[0].seq,
            recorded_at,
            tuple(facts),  # type: ignore[arg-type]  # the engine makes no fact outside the union; a test holds it to that
        )
        out.append(Outgoing(self._facts, key, encode_facts(message), partition))
        self.facts += len(facts)
        for fact in facts:
            if type(fact) is PointsIssued and fact.issued_for is not _ADJUSTMENT:  # whose reason is free text
                self.awards[org_id, fact.program_id, fact.rule_id] += 1
        notifications = render_all(facts, Context(org_id, customer_id, record, org, recorded_at))
        self.notifications += len(notifications)
        families = self._families
        out += [Outgoing(families[one.topic], key, one.body, partition, _HEADERS[one.event]) for one in notifications]
