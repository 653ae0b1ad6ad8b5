"""Builds the messages for one decided record: facts, notifications, replies, and requests to other customers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from pipeline.engine import ENGINE_VERSION
from pipeline.engine.decide import requests_of
from pipeline.engine.outcomes import Outcome
from pipeline.intake.dialects.naming import input_key
from pipeline.log.port import Headers, Outgoing
from pipeline.notify.context import Context
from pipeline.notify.program_view import OrgView
from pipeline.notify.render import RENDERER
from pipeline.replies.replies import ANSWERED, Place, is_answered, replies_of, reply_to_duplicate
from schemas.facts import AlternatePointsIssued, FactMessage, Group, IssuedFor, PointsIssued, encode_facts
from schemas.notifications import FAMILIES, EventName
from schemas.records import AnyCustomerRecord, CommandRecord, CustomerRecord, LinkIdentifiers, Profile, encode_record
from schemas.replies import Reply
from topics.catalog import Catalog

EVENT_NAME_HEADER: Final = "eventName"
_HEADERS: Final[dict[str, Headers]] = {name.value: ((EVENT_NAME_HEADER, name.value.encode()),) for name in EventName}

Open = Callable[[bytes, int], bytes]
"""Opens what is sealed in JSON about an org."""
_ADJUSTMENT: Final = IssuedFor.ADJUSTMENT


class Outputs:
    """Makes the messages of one journal partition.

    All keep its number, hence a customer's order, but requests: they go where the journal has the other customer.
    """

    def __init__(self, catalog: Catalog, partition: int, open_json: Open) -> None:
        """`open_json` opens personal data that is sealed in what is told about a customer."""
        self._open_json = open_json
        self._facts = catalog.name("facts")
        self._replies = catalog.name("replies")
        self._journal = catalog.name("journal")
        self._source = f"{self._journal}:{partition}"
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
        *,
        profile: Profile,
        event_mode: bool,
        was_held: bool = False,
    ) -> None:
        """Add to `out` the messages for what was decided about one customer at one journal offset.

        `record=None` for a tick; the first decision is the customer's fact number `first_seq`, and what was
        known of the customer before it is the `profile`. `event_mode`: whether the partition loads history; `was_held`:
        whether the record has waited until its customer was known.
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
        answered = was_held or isinstance(record, CommandRecord | LinkIdentifiers)
        for group in groups:
            self.facts += len(group.decisions)
            for decision in group.decisions:
                if type(decision) is PointsIssued:
                    self._count_awards(org_id, group.envelope.program_id, decision)
                elif type(decision) is AlternatePointsIssued:
                    for one in decision.currencies:
                        self._count_awards(org_id, group.envelope.program_id, one)
                elif type(decision) in ANSWERED:
                    answered = True
        context = Context(
            org_id=org_id,
            customer_id=customer_id,
            record=record,
            org=org,
            recorded_at=recorded_at,
            profile=profile,
        )
        notifications = RENDERER.render_all(groups, first_seq, context)
        self.notifications += len(notifications)
        families = self._families
        out += [
            Outgoing(
                families[notification.topic],
                key,
                self._open_json(notification.body, org_id),
                partition,
                _HEADERS[notification.event],
            )
            for notification in notifications
        ]
        if answered and is_answered(record, event_mode=event_mode):
            place = Place(partition=partition, offset=offset, org_id=org_id, customer_id=customer_id, at=recorded_at)
            out += [
                self._answer(key, one)
                for one in replies_of(place, record, groups, first_seq, org.amount, was_held=was_held)
            ]
        out += [
            Outgoing(self._journal, input_key(asked.org_id, asked.customer_id), encode_record(asked))
            for asked in requests_of(customer, groups, source=self._source, offset=offset, was_held=was_held)
        ]

    def add_duplicate(
        self, out: list[Outgoing], key: bytes, offset: int, record: CustomerRecord, first: Outcome, seq: int
    ) -> None:
        """Add to `out` the reply to a record that came before, and had the outcome `first` then."""
        place = Place(
            partition=self._partition,
            offset=offset,
            org_id=record.org_id,
            customer_id=record.customer_id,
            at=record.received_at,
        )
        out.append(self._answer(key, reply_to_duplicate(place, record, first, seq)))

    def _answer(self, key: bytes, reply: Reply) -> Outgoing:
        return Outgoing(self._replies, key, msgspec.json.encode(reply), self._partition)

    def _count_awards(self, org_id: int, program_id: int, issued: PointsIssued) -> None:
        for award in issued.awards:
            if award.issued_for is not _ADJUSTMENT:  # whose reason is free text
                self.awards[org_id, program_id, award.rule_id] += 1
