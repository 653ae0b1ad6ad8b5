"""Checks facts without the journal: numbered without gaps, in journal order, with movements that add up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from pipeline.engine import ENGINE_VERSION
from pipeline.engine.ledger.postings import lots_moved, postings
from pipeline.engine.ledger.state import LedgerAccount
from pipeline.log.port import Message, Partition
from pipeline.verify.reading import name_of
from pipeline.verify.report import Check, Report
from schemas.facts import Fact, FactMessage, PointsMoved, decode_facts, movements_in
from schemas.records import UnknownVersion


class NewerEngine(Exception):
    """Facts were decided by an engine that this build does not know."""


class Older(NamedTuple):
    """Where the facts of older engine versions end."""

    journal: int
    """The journal offset before which all facts are folded, not decided again."""
    position: int
    """Offset of the first fact message that is decided again."""
    since: int
    """Its timestamp: notifications with an earlier one belong to older facts."""


class FactsAlone:
    """Checks one partition's facts without the journal."""

    def __init__(self, partition: Partition, report: Report, *, from_the_beginning: bool) -> None:
        """Unless `from_the_beginning`, the first `seq` of a customer may be any."""
        self._partition = partition
        self._report = report
        self._from_the_beginning = from_the_beginning
        self._journal_offset = -1
        self._seqs: dict[bytes, int] = {}
        self._balances: dict[str, int] = {}
        """By customer, program and currency."""
        self.broken: set[bytes] = set()
        """Customers whose facts cannot be folded."""
        self.older: Older | None = None
        self._older_end = 0

    def take(self, messages: Iterable[Message]) -> None:
        """Checks the next messages. Raises `NewerEngine`."""
        count = moved = 0
        for message in messages:
            count += 1
            try:
                facts_of = decode_facts(message.value or b"")
            except (UnknownVersion, msgspec.DecodeError) as error:
                self._find(Check.SEQ, message, f"cannot be decoded: {error}")
                continue
            self._look_at_version(message, facts_of)
            self._look_at_order(message, facts_of)
            self._look_at_seq(message, facts_of)
            for fact in facts_of.facts():
                for movement in movements_in(fact.decision):
                    moved += 1
                    self._look_at_points(message, facts_of, fact, movement)
        for check, looked_at in ((Check.SEQ, count), (Check.ORDER, count), (Check.LEDGER, moved)):
            self._report.look(check, looked_at)

    def _find(self, check: Check, message: Message, what: str) -> None:
        self._report.find(check, name_of(self._partition, message.offset), what)
        if message.key is not None:
            self.broken.add(message.key)

    def _look_at_version(self, message: Message, facts_of: FactMessage) -> None:
        version = facts_of.engine_version
        if version > ENGINE_VERSION:
            problem = (
                f"{name_of(self._partition, message.offset)} was decided by engine version {version}, and this build "
                f"has version {ENGINE_VERSION}: verify with a build of version {version} or later"
            )
            raise NewerEngine(problem)
        if version < ENGINE_VERSION:
            self._older_end = max(self._older_end, facts_of.journal_offset + 1)
            self.older = None
        elif self.older is None and facts_of.journal_offset >= self._older_end > 0:
            self.older = Older(self._older_end, message.offset, message.timestamp)

    def older_until(self, position: int) -> Older | None:
        """Where older facts end, given where the facts end; None where there are none."""
        if self.older is None and self._older_end:
            return Older(self._older_end, position, 1 << 62)
        return self.older

    def _look_at_order(self, message: Message, facts_of: FactMessage) -> None:
        org_id, customer_id = facts_of.org_id, facts_of.customer_id
        if facts_of.journal_partition != self._partition.number or message.key != b"%d:%d" % (org_id, customer_id):
            what = f"is about customer {org_id}:{customer_id} of journal partition {facts_of.journal_partition}"
            self._find(Check.ORDER, message, f"{what}, but lies elsewhere or has another key ({message.key!r})")
        if facts_of.journal_offset < self._journal_offset:
            what = f"comes from journal offset {facts_of.journal_offset}, after facts of {self._journal_offset}"
            self._find(Check.ORDER, message, what)
        self._journal_offset = max(self._journal_offset, facts_of.journal_offset)

    def _look_at_seq(self, message: Message, facts_of: FactMessage) -> None:
        key = message.key or b""
        first = facts_of.first_seq
        last = first + facts_of.count - 1
        if last < first:
            self._find(Check.SEQ, message, f"says that it begins with seq {first} and holds no fact")
            return
        known = self._seqs.get(key)
        expected = first if known is None and not self._from_the_beginning else (known or 0) + 1
        who = f"customer {facts_of.org_id}:{facts_of.customer_id}"
        if first > expected:
            missing = f"seq {expected}" if first == expected + 1 else f"seq {expected} to {first - 1}"
            self._find(Check.SEQ, message, f"{who}: {missing} missing before this message")
        elif first < expected:
            self._find(Check.SEQ, message, f"{who}: seq {first} to {last} came before (up to {expected - 1})")
        self._seqs[key] = max(known or 0, last)

    def _look_at_points(self, message: Message, facts_of: FactMessage, fact: Fact, decision: PointsMoved) -> None:
        who = f"customer {facts_of.org_id}:{facts_of.customer_id} seq {fact.seq} ({type(decision).__name__})"
        moved = sum(
            posting.points * ((posting.destination == _CURRENT) - (posting.source == _CURRENT))
            for posting in postings(decision)
        )
        through_lots = lots_moved(decision)
        if through_lots != moved:
            self._find(Check.LEDGER, message, f"{who}: moves {moved:+} points and {through_lots:+} in its lots")
        account = f"{facts_of.org_id}:{facts_of.customer_id}:{fact.envelope.program_id}:{decision.currency}"
        before = self._balances.get(account, 0 if self._from_the_beginning else None)
        adrift = message.key in self.broken  # each break is reported once
        if before is not None and before + moved != decision.balance and not adrift:
            what = f"{before} {decision.currency} and {moved:+} are {before + moved}, and it states {decision.balance}"
            self._find(Check.LEDGER, message, f"{who}: {what}")
        self._balances[account] = decision.balance


_CURRENT: Final = LedgerAccount.CURRENT
