"""Two customers of a small program, by hand: records, facts and states as the pipeline would write them.

Customer 11 buys twice, returns half of the first bill, redeems, and loses what is left of the first award to expiry.
Customer 12 buys once and has points taken away, and some blocked for a moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from pipeline.engine.calendar import NEVER, as_day
from pipeline.engine.ledger.state import Account, LedgerAccount, Lot
from pipeline.engine.milestones.state import Progress
from pipeline.engine.state import Head, Section, encode_state
from pipeline.engine.streaks.state import StreakRuns
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Outgoing, TopicSpec
from schemas.facts import (
    AlternatePointsIssued,
    AnyDecision,
    Award,
    CustomerRegistered,
    Envelope,
    FactMessage,
    Group,
    HoldFor,
    IssuedFor,
    LotOpened,
    MilestoneAchieved,
    MilestoneProgressed,
    PointsDebited,
    PointsExpired,
    PointsHeld,
    PointsIssued,
    PointsRedeemed,
    PointsReleased,
    PointsReversed,
    ProgramAdopted,
    PurchaseCorrected,
    PurchaseCounted,
    RecordAccepted,
    ReleasedBecause,
    ReturnCounted,
    Reversal,
    StreakExtended,
    StreakStarted,
    Taken,
    TierUpgraded,
    encode_facts,
)
from schemas.program import (
    AlternateCurrency,
    Milestone,
    PeriodUnit,
    ProgramDefinition,
    Streak,
    StreakLevel,
    Tier,
    TierBasis,
    Tiers,
    Transactions,
)
from schemas.records import ClockAdvanced, Profile, ProgramActivated, Record, TransactionAdded, encode_record
from schemas.replies import Reply, ReplyOutcome

JOURNAL: Final = "test.journal"
FACTS: Final = "test.facts"
STATE: Final = "test.state"
POINTS: Final = "test.notifications.points"
REPLIES: Final = "test.replies"
ORG: Final = 1
PROGRAM: Final = 7
JANUARY: Final = 41 * 12
"""The month's number since 1970, 2011-01."""
DAY_MS: Final = 86_400_000

DEFINITION: Final = ProgramDefinition(
    org_id=ORG,
    program_id=PROGRAM,
    version=1,
    name="Story",
    zone="Europe/London",
    currency="GBP",
    currencies=(AlternateCurrency(id="STARS", name="Stars", scale=1), AlternateCurrency(id="COINS", retired=True)),
    tiers=Tiers(
        basis=TierBasis.NET_PURCHASES, levels=(Tier(name="Base", threshold=0), Tier(name="Silver", threshold=100_000))
    ),
    milestones=(
        Milestone(id="visit", target_id=1, name="A visit", period=PeriodUnit.MONTH, counts=Transactions(), target=1),
    ),
    streaks=(
        Streak(
            id="regular", streak_id=1, name="Regular", milestone="visit", levels=(StreakLevel(name="3", periods=3),)
        ),
    ),
)


def instant(text: str) -> int:
    """Milliseconds of a local time in London, such as `2011-01-05 10:00`."""
    return (
        int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/London")).astimezone(UTC).timestamp()) * 1000
    )


def day(text: str) -> int:
    """The number of a day."""
    return as_day(date.fromisoformat(text))


@dataclass(frozen=True)
class Happening:
    """Decisions of one instant: one message on the facts topic."""

    at: str
    decisions: tuple[AnyDecision, ...]

    def group(self, cause: str) -> Group:
        """The decisions in their envelope."""
        when = instant(self.at)
        envelope = Envelope(cause=cause, at=when, as_of=when, program_id=PROGRAM, version=1)
        return Group(envelope=envelope, decisions=self.decisions)


def issued(
    *, points: int, lot_id: int, balance: int, bill: str, expires_on: str | None = None, currency: str = "POINTS"
) -> PointsIssued:
    """Points for a bill, all of them in one lot."""
    closes_at = None if expires_on is None else instant(f"{expires_on} 00:00") + DAY_MS
    return PointsIssued(
        currency=currency,
        points=points,
        activity="",
        awards=(Award(issued_for=IssuedFor.SPEND, rule_id="spend", points=points, lot_id=lot_id),),
        lots=(
            LotOpened(
                lot_id=lot_id,
                points=points,
                expires_on=None if expires_on is None else day(expires_on),
                closes_at=closes_at,
            ),
        ),
        balance=balance,
        lifetime=balance,
        bill_number=bill,
    )


def visited(period: int, *, ends: str, run: int) -> tuple[AnyDecision, ...]:
    """A visit that meets the milestone of its month and extends the streak."""
    return (
        MilestoneProgressed(
            milestone_id="visit", period=period, period_ends_at=instant(ends), added=1, value=1, target=1
        ),
        MilestoneAchieved(milestone_id="visit", period=period, value=1, target=1, added=1),
        StreakExtended(streak_id="regular", period=period, run=run, longest=run),
    )


JOINS: Final = ProgramAdopted(previous_version=0, milestones=("visit",), streaks=("regular",), tier=1, tier_id="base")
FIRST, SECOND, RETURN, REDEEM, EXPIRY = (
    "2011-01-05 10:00",
    "2011-02-10 10:00",
    "2011-03-01 00:30",
    "2011-03-02 10:00",
    "2011-04-06 00:00",
)
ELEVEN: Final = (
    Happening(
        FIRST,
        (
            CustomerRegistered(profile=Profile(first_name="Ann", extended={"pet": "cat"})),
            JOINS,
            RecordAccepted(digest=1, forget_before=0),
            PurchaseCounted(
                bill_number="B1", amount_minor=120_000, transactions=1, purchases_minor=120_000, returned_minor=0
            ),
            issued(points=1_200, lot_id=1, balance=1_200, bill="B1", expires_on="2011-04-05"),
            TierUpgraded(previous=1, reached=2, basis_value=120_000, reached_id="silver"),
            StreakStarted(streak_id="regular", starts_on=day("2011-01-05"), ends_on=None, ends_at=None),
            *visited(JANUARY, ends="2011-02-01 00:00", run=1),
        ),
    ),
    Happening(
        SECOND,
        (
            RecordAccepted(digest=2, forget_before=0),
            PurchaseCounted(
                bill_number="B2", amount_minor=2_000, transactions=2, purchases_minor=122_000, returned_minor=0
            ),
            issued(points=20, lot_id=2, balance=1_220, bill="B2", expires_on="2011-05-11"),
            *visited(JANUARY + 1, ends="2011-03-01 00:00", run=2),
        ),
    ),
    Happening(
        RETURN,
        (
            ReturnCounted(of_bill="B1", amount_minor=60_000, purchases_minor=122_000, returned_minor=60_000),
            PointsReversed(
                currency="POINTS",
                points=600,
                of_bill="B1",
                reversals=(Reversal(rule_id="spend", lot_id=1, claimed=600, points=600, forgiven=0),),
                reversed_of_bill=600,
                balance=620,
                lifetime=620,
            ),
        ),
    ),
    Happening(
        REDEEM,
        (
            PointsRedeemed(
                currency="POINTS",
                points=100,
                redemption_id="R1",
                taken=(Taken(lot_id=1, points=100),),
                balance=520,
                value_minor=100,
            ),
        ),
    ),
    Happening(
        EXPIRY,
        (
            PointsExpired(
                currency="POINTS",
                points=500,
                expired_on=day("2011-04-05"),
                taken=(Taken(lot_id=1, points=500),),
                balance=20,
            ),
        ),
    ),
)
TWELVE_BUYS, TWELVE_CORRECTED = "2011-01-31 12:00", "2011-02-01 12:00"
TWELVE: Final = (
    Happening(
        TWELVE_BUYS,
        (
            CustomerRegistered(profile=Profile()),
            JOINS,
            PurchaseCounted(
                bill_number="B9", amount_minor=5_000, transactions=1, purchases_minor=5_000, returned_minor=0
            ),
            issued(points=50, lot_id=1, balance=50, bill="B9"),
        ),
    ),
    Happening(
        TWELVE_CORRECTED,
        (
            PointsDebited(
                currency="POINTS", points=10, reason="a mistake", taken=(Taken(lot_id=1, points=10),), balance=40
            ),
            PointsHeld(
                currency="POINTS",
                points=15,
                balance=25,
                hold_id="H1",
                kind=HoldFor.BLOCK,
                taken=(Taken(lot_id=1, points=15),),
                ends_at=None,
            ),
            PointsReleased(
                currency="POINTS",
                points=15,
                balance=40,
                hold_id="H1",
                kind=HoldFor.BLOCK,
                because=ReleasedBecause.REQUESTED,
                restored=(Taken(lot_id=1, points=15),),
            ),
            PurchaseCorrected(
                bill_number="B9",
                amount_minor=-500,
                counted=0,
                transactions=1,
                purchases_minor=4_500,
                returned_minor=0,
                paid_at=instant(TWELVE_BUYS),
            ),
            AlternatePointsIssued(
                currencies=(
                    issued(points=7, lot_id=1, balance=7, bill="", currency="STARS"),
                    issued(points=9, lot_id=1, balance=9, bill="", currency="COINS"),
                )
            ),
        ),
    ),
)


def account(*, lot: Lot, **totals: int) -> Account:
    """An account with one open lot; what is not named is 0. `issued` is given as a count."""
    by_account = [totals.get(each.text, 0) for each in LedgerAccount]
    by_account[LedgerAccount.ISSUED] = -totals["issued"]
    return Account(totals=by_account, lots_opened=lot.lot_id, lots=[lot])


def untouched(points: int) -> Account:
    """An account in one lot of that many points, which came with the correction of customer 12."""
    lot = Lot(lot_id=1, issued_at=instant(TWELVE_CORRECTED), open_points=points, expires_on=None, closes_at=NEVER)
    return account(current=points, lifetime=points, issued=points, lot=lot)


HEADS: Final = {
    11: Head(
        org_id=ORG,
        customer_id=11,
        seq=20,
        clock=instant(EXPIRY),
        registered_at=instant(FIRST),
        profile=Profile(first_name="Ann"),
        sections={
            PROGRAM: Section(
                version=1,
                tier=2,
                transactions=2,
                purchases_minor=122_000,
                returned_minor=60_000,
                accounts={
                    "POINTS": account(
                        current=20,
                        lifetime=620,
                        issued=1_220,
                        redeemed=100,
                        expired=500,
                        reversed=600,
                        lot=Lot(
                            lot_id=2,
                            issued_at=instant(SECOND),
                            open_points=20,
                            expires_on=day("2011-05-11"),
                            closes_at=instant("2011-05-12 00:00"),
                        ),
                    )
                },
                milestones={
                    "visit": {JANUARY + 1: Progress(ends_at=instant("2011-03-01 00:00"), value=1, achieved=True)}
                },
                streaks={"regular": StreakRuns(ends_at=NEVER, runs=[(JANUARY, JANUARY + 1)], longest=2)},
            )
        },
    ),
    12: Head(
        org_id=ORG,
        customer_id=12,
        seq=9,
        clock=instant(TWELVE_CORRECTED),
        registered_at=instant(TWELVE_BUYS),
        sections={
            PROGRAM: Section(
                version=1,
                tier=1,
                transactions=1,
                purchases_minor=4_500,
                accounts={
                    "POINTS": account(
                        current=40,
                        lifetime=50,
                        issued=50,
                        adjusted=10,
                        lot=Lot(
                            lot_id=1,
                            issued_at=instant(TWELVE_BUYS),
                            open_points=40,
                            expires_on=None,
                            closes_at=NEVER,
                        ),
                    ),
                    "STARS": untouched(7),
                    "COINS": untouched(9),
                },
            )
        },
    ),
}


@dataclass
class Told:
    """The log that the story was told to."""

    log: EmbeddedLog

    def journal(self, *records: Record) -> None:
        """Append records to the journal's only partition."""
        self._send(Outgoing(JOURNAL, b"key", encode_record(record), 0, (), record.received_at) for record in records)

    def facts(self, customer: int, story: Sequence[Happening]) -> None:
        """Append one message for each happening, as one journal record makes one message."""
        seq = 1
        for happening in story:
            message = FactMessage(
                journal_partition=0,
                journal_offset=0,
                engine_version=1,
                org_id=ORG,
                customer_id=customer,
                first_seq=seq,
                recorded_at=instant(happening.at),
                groups=(happening.group(f"TransactionAdded:{seq}"),),
            )
            key = f"{ORG}:{customer}".encode()
            self._send([Outgoing(FACTS, key, encode_facts(message), 0, (), message.recorded_at)])
            seq += len(happening.decisions)

    def groups(self, customer: int, groups: Sequence[Group]) -> None:
        """Append one message with these groups."""
        message = FactMessage(
            journal_partition=0,
            journal_offset=0,
            engine_version=1,
            org_id=ORG,
            customer_id=customer,
            first_seq=1,
            recorded_at=groups[-1].envelope.as_of,
            groups=tuple(groups),
        )
        self._send([Outgoing(FACTS, f"{ORG}:{customer}".encode(), encode_facts(message), 0, (), message.recorded_at)])

    def state(self, *heads: Head) -> None:
        """Append heads to the changelog, between entries that the sink must pass by."""
        self._send([Outgoing(STATE, b"$partition", b"?", 0), Outgoing(STATE, b"1:11#bill:B1", b"?", 0)])
        self._send(
            Outgoing(STATE, f"{head.org_id}:{head.customer_id}".encode(), encode_state(head), 0) for head in heads
        )
        self._send([Outgoing(STATE, b"$program:1:7:1", b"?", 0)])

    def notification(self, customer: int, name: str, body: bytes) -> None:
        """Append one notification."""
        header = (("eventName", name.encode()),)
        self._send([Outgoing(POINTS, f"{ORG}:{customer}".encode(), body, 0, header, instant(FIRST))])

    def reply(self, reply: Reply) -> None:
        """Append one reply."""
        key = f"{reply.org_id}:{reply.customer_id}".encode()
        self._send([Outgoing(REPLIES, key, msgspec.json.encode(reply), 0)])

    def raw(self, topic: str, value: bytes) -> None:
        """Append bytes as they are."""
        self._send([Outgoing(topic, b"1:11", value, 0)])

    def _send(self, messages: Iterable[Outgoing]) -> None:
        producer = self.log.producer()
        producer.produce(list(messages))
        producer.close()


def activated() -> ProgramActivated:
    """The program comes into force."""
    return ProgramActivated(
        received_at=instant("2010-12-31 10:00"),
        source="cli:0",
        offset=0,
        org_id=ORG,
        program_id=PROGRAM,
        version=1,
        hash="hash",
        definition=DEFINITION.model_dump_json(),
    )


def bought(customer: int, bill: str, amount_minor: int, at: str) -> TransactionAdded:
    """A bill in the journal."""
    when = instant(at)
    return TransactionAdded(
        received_at=when,
        source="tx:0",
        offset=0,
        org_id=ORG,
        customer_id=customer,
        id=bill,
        digest=1,
        event_time=when,
        bill_number=bill,
        amount_minor=amount_minor,
        currency="GBP",
    )


def clock(at: str) -> ClockAdvanced:
    """Time passes."""
    when = instant(at)
    return ClockAdvanced(received_at=when, source="tx:0", offset=0, clock_source="tx:0", time=when)


REPLY: Final = Reply(
    reply_id="r-1",
    request_id="tx:0:4",
    record_id="redeem-1",
    org_id=ORG,
    customer_id=11,
    type="redeemPoints",
    outcome=ReplyOutcome.DUPLICATE,
    first_outcome=ReplyOutcome.REFUSED,
    reason="balance_too_low",
    vendor_code=818,
    message="It came before, was refused then (balance_too_low), and does not count again.",
    at="2011-01-05T10:00:00.007Z",
    seq=9,
    result=[],
)


def begin(log: EmbeddedLog) -> Told:
    """A new log with the topics of the story."""
    log.create_topics([TopicSpec(topic, 1, {}) for topic in (JOURNAL, FACTS, STATE, POINTS, REPLIES)])
    return Told(log)


def tell(log: EmbeddedLog, *, settled: str = "2011-04-10 00:00") -> Told:
    """The whole story, in a new log."""
    told = begin(log)
    told.journal(activated(), bought(11, "B1", 120_000, FIRST), bought(12, "B9", 5_000, TWELVE_BUYS), clock(settled))
    told.facts(11, ELEVEN)
    told.facts(12, TWELVE)
    told.state(*HEADS.values())
    told.notification(11, "pointsIssued", b'{"eventName":"pointsIssued","eventId":"e-1"}')
    told.notification(11, "pointsIssued", b'{"eventName":"pointsIssued","eventId":"e-2"}')
    told.reply(REPLY)
    return told
