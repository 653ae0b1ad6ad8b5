"""Two customers of a small program, by hand: records, facts and states as the pipeline would write them.

Customer 11 buys twice, returns half of the first bill, redeems, and loses what is left of the first award to expiry.
Customer 12 buys once and has points taken away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pipeline.engine.calendar import as_day
from pipeline.engine.state import NEVER, Account, Head, Lot, Section, StreakRuns, encode_state
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Outgoing, TopicSpec
from schemas import facts as known
from schemas.facts import Fact, FactMessage, IssuedFor, Reversal, Taken, encode_facts
from schemas.program import (
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

JOURNAL: Final = "test.journal"
FACTS: Final = "test.facts"
STATE: Final = "test.state"
POINTS: Final = "test.notifications.points"
ORG: Final = 1
PROGRAM: Final = 7
JANUARY: Final = 41 * 12
"""The month's number since 1970, 2011-01."""

DEFINITION: Final = ProgramDefinition(
    org_id=ORG,
    program_id=PROGRAM,
    version=1,
    name="Story",
    zone="Europe/London",
    currency="GBP",
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


def fact(kind: type[Fact], at: str, *values: Any, seq: int) -> Fact:
    """A fact of the program, or about no program."""
    within = (PROGRAM, 1) if issubclass(kind, known.ProgramFact) else ()
    return kind(seq, f"TransactionAdded:{seq}", instant(at), *within, *values)


def counted(*told: tuple[Any, ...]) -> list[Fact]:
    """Facts with their seq, from 1."""
    return [fact(kind, at, *values, seq=seq) for seq, (kind, at, *values) in enumerate(told, 1)]


FIRST, SECOND, RETURN, REDEEM, EXPIRY = (
    "2011-01-05 10:00",
    "2011-02-10 10:00",
    "2011-03-01 00:30",
    "2011-03-02 10:00",
    "2011-04-06 00:00",
)
APRIL, LAST_DAY, CLOSES, SPEND = "2011-04-05", "2011-05-11", "2011-05-12 00:00", IssuedFor.SPEND
ELEVEN: Final = counted(
    (known.CustomerRegistered, FIRST, Profile(first_name="Ann", extended={"pet": "cat"})),
    (known.ProgramAdopted, FIRST, 0, ("visit",), ("regular",), 1),
    (known.RecordAccepted, FIRST, instant(FIRST), 1, 0),
    (known.PurchaseCounted, FIRST, "B1", 120_000, 1, 120_000, 0),
    (known.PointsIssued, FIRST, "POINTS", 1_200, SPEND, "spend", day(APRIL), instant(EXPIRY), 1_200, 1_200, "B1"),
    (known.TierUpgraded, FIRST, 1, 2, 120_000),
    (known.StreakStarted, FIRST, "regular", day("2011-01-05"), None, None),
    (known.MilestoneProgressed, FIRST, "visit", JANUARY, instant("2011-02-01 00:00"), 1, 1, 1),
    (known.MilestoneAchieved, FIRST, "visit", JANUARY, 1, 1, 1),
    (known.StreakExtended, FIRST, "regular", JANUARY, 1, 1),
    (known.RecordAccepted, SECOND, instant(SECOND), 2, 0),
    (known.PurchaseCounted, SECOND, "B2", 2_000, 2, 122_000, 0),
    (known.PointsIssued, SECOND, "POINTS", 20, SPEND, "spend", day(LAST_DAY), instant(CLOSES), 1_220, 1_220, "B2"),
    (known.MilestoneProgressed, SECOND, "visit", JANUARY + 1, instant("2011-03-01 00:00"), 1, 1, 1),
    (known.MilestoneAchieved, SECOND, "visit", JANUARY + 1, 1, 1, 1),
    (known.StreakExtended, SECOND, "regular", JANUARY + 1, 2, 2),
    (known.ReturnCounted, RETURN, "B1", 60_000, 122_000, 60_000),
    (known.PointsReversed, RETURN, "POINTS", 600, "B1", (Reversal("spend", 5, 600, 600, 0),), 600, 620, 620),
    (known.PointsRedeemed, REDEEM, "POINTS", 100, "R1", (Taken(5, 100),), 520, 100),
    (known.PointsExpired, EXPIRY, "POINTS", 500, day("2011-04-05"), (Taken(5, 500),), 20),
)  # fmt: skip
TWELVE_BUYS: Final = "2011-01-31 12:00"
TWELVE: Final = counted(
    (known.CustomerRegistered, TWELVE_BUYS, Profile()),
    (known.ProgramAdopted, TWELVE_BUYS, 0, ("visit",), ("regular",), 1),
    (known.PurchaseCounted, TWELVE_BUYS, "B9", 5_000, 1, 5_000, 0),
    (known.PointsIssued, TWELVE_BUYS, "POINTS", 50, SPEND, "spend", None, None, 50, 50, "B9"),
    (known.PointsDebited, "2011-02-01 12:00", "POINTS", 10, "a mistake", (Taken(4, 10),), 40),
)  # fmt: skip

HEADS: Final = {
    11: Head(
        ORG,
        11,
        seq=20,
        clock=instant(EXPIRY),
        registered_at=instant(FIRST),
        profile=Profile(first_name="Ann"),
        sections={
            PROGRAM: Section(
                1,
                tier=2,
                transactions=2,
                purchases_minor=122_000,
                returned_minor=60_000,
                accounts={
                    "POINTS": Account(
                        balance=20,
                        lifetime=620,
                        issued=1_220,
                        redeemed=100,
                        expired=500,
                        reversed=600,
                        lots=[Lot(13, instant(SECOND), 20, day("2011-05-11"), instant("2011-05-12 00:00"))],
                    )
                },
                streaks={"regular": StreakRuns(NEVER, [(JANUARY, JANUARY + 1)], 2)},
            )
        },
    ),
    12: Head(
        ORG,
        12,
        seq=5,
        clock=instant("2011-02-01 12:00"),
        registered_at=instant(TWELVE_BUYS),
        sections={
            PROGRAM: Section(
                1,
                transactions=1,
                purchases_minor=5_000,
                accounts={
                    "POINTS": Account(
                        balance=40,
                        lifetime=50,
                        issued=50,
                        debited=10,
                        lots=[Lot(4, instant(TWELVE_BUYS), 40, None, NEVER)],
                    )
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

    def facts(self, customer: int, facts: Iterable[Fact]) -> None:
        """Append one message for each instant, as one journal record makes one message."""
        by_instant: dict[int, list[Fact]] = {}
        for one in facts:
            by_instant.setdefault(one.at, []).append(one)
        for at, together in by_instant.items():
            message = FactMessage(0, 0, 1, ORG, customer, together[0].seq, at, tuple(together))  # type: ignore[arg-type]
            self._send([Outgoing(FACTS, f"{ORG}:{customer}".encode(), encode_facts(message), 0, (), at)])

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
        instant("2010-12-31 10:00"), "cli:0", 0, ORG, PROGRAM, 1, "hash", DEFINITION.model_dump_json()
    )


def bought(customer: int, bill: str, amount_minor: int, at: str) -> TransactionAdded:
    """A bill in the journal."""
    when = instant(at)
    return TransactionAdded(when, "tx:0", 0, ORG, customer, bill, 1, when, bill, amount_minor, "GBP")


def clock(at: str) -> ClockAdvanced:
    """Time passes."""
    return ClockAdvanced(instant(at), "tx:0", 0, "tx:0", instant(at))


def tell(log: EmbeddedLog, *, settled: str = "2011-04-10 00:00") -> Told:
    """The whole story, in a new log."""
    log.create_topics([TopicSpec(topic, 1, {}) for topic in (JOURNAL, FACTS, STATE, POINTS)])
    told = Told(log)
    told.journal(activated(), bought(11, "B1", 120_000, FIRST), bought(12, "B9", 5_000, TWELVE_BUYS), clock(settled))
    told.facts(11, ELEVEN)
    told.facts(12, TWELVE)
    told.state(*HEADS.values())
    told.notification(11, "pointsIssued", b'{"eventName":"pointsIssued","eventId":"e-1"}')
    told.notification(11, "pointsIssued", b'{"eventName":"pointsIssued","eventId":"e-2"}')
    return told
