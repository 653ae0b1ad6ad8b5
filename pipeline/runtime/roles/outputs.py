"""Builds the outgoing messages for one decided record: one message of facts, and the notifications."""

from __future__ import annotations

from collections import Counter
from typing import Final

from pipeline.engine import ENGINE_VERSION
from pipeline.log.port import Headers, Outgoing
from pipeline.notify.context import Context
from pipeline.notify.program_view import OrgView
from pipeline.notify.render import RENDERER
from schemas.facts import AlternatePointsIssued, FactMessage, Group, IssuedFor, PointsIssued, encode_facts
from schemas.notifications import FAMILIES, EventName
from schemas.records import AnyCustomerRecord
from topics.catalog import Catalog

EVENT_NAME_HEADER: Final = "eventName"
_HEADERS: Final[dict[str, Headers]] = {name.value: ((EVENT_NAME_HEADER, name.value.encode()),) for name in EventName}

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
        first_seq: int,
        groups: list[Group],
        org: OrgView,
    ) -> None:
        """Add to `out` the messages for what was decided about one customer at one journal offset.

        `record=None` for a tick; the first decision is the customer's fact number `first_seq`.
        """
        org_id, customer_id = customer
        partition = self._partition
        message = FactMessage(
            journal_partition=partition,
            journal_offset=offset,
            engine_version=ENGINE_VERSION,
            org_id=org_id,
            customer_id=customer_id,
            first_seq=first_seq,
            recorded_at=recorded_at,
            groups=groups,
        )
        out.append(Outgoing(self._facts, key, encode_facts(message), partition))
        for group in groups:
            self.facts += len(group.decisions)
            for decision in group.decisions:
                if type(decision) is PointsIssued:
                    self._count_awards(org_id, group.envelope.program_id, decision)
                elif type(decision) is AlternatePointsIssued:
                    for one in decision.currencies:
                        self._count_awards(org_id, group.envelope.program_id, one)
        context = Context(org_id=org_id, customer_id=customer_id, record=record, org=org, recorded_at=recorded_at)
        notifications = RENDERER.render_all(groups, first_seq, context)
        self.notifications += len(notifications)
        families = self._families
        out += [Outgoing(families[one.topic], key, one.body, partition, _HEADERS[one.event]) for one in notifications]

    def _count_awards(self, org_id: int, program_id: int, issued: PointsIssued) -> None:
        for award in issued.awards:
            if award.issued_for is not _ADJUSTMENT:  # whose reason is free text
                self.awards[org_id, program_id, award.rule_id] += 1
