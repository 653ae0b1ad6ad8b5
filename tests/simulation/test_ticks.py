"""How often ticks come decides nothing: with ticks taken out or doubled, every customer's facts are the same.

This holds for journals in which no received time lies behind an earlier tick. The tick before a program version is
left where it is: a version that names no start begins at the partition's clock.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from pipeline.log.port import Message
from schemas.facts import (
    Fact,
    PointsExpired,
    RecordRefused,
    Refusal,
    StreakEnded,
    StreakLevelReached,
    TierDowngraded,
    TierUpgraded,
    decode_facts,
)
from schemas.program import ProgramDefinition
from schemas.records import (
    WALL_SOURCE,
    ClockAdvanced,
    CustomerRecord,
    ProgramActivated,
    Record,
    encode_record,
)
from tests.runtime.workshop import DAY, PROGRAM, START, activation, bill, giving_back, redemption
from tests.simulation.oracle import undisturbed
from tests.simulation.workload import SECOND

SEEDS: Final = range(6)
_DAYS: Final = 130
"""Long enough for bills to be forgotten."""
_CUSTOMERS: Final = 4
_LATE_DAYS_MAX: Final = 30
_SECOND_FROM: Final = 45
_REPLIES: Final = "sim.replies"
_PARTS: Final = {
    "milestones": [
        {
            "id": "week",
            "target_id": 1,
            "name": "30 pounds in a week",
            "period": "week",
            "counts": {"of": "transactions", "measure": "sum"},
            "target": 3_000,
            "points": 5,
        }
    ],
    "streaks": [
        {
            "id": "weeks",
            "streak_id": 2,
            "name": "Weeks",
            "milestone": "week",
            "levels": [{"name": "Two weeks", "periods": 2, "points": 7}],
            "validity": {"last": "2020-11-20"},
        }
    ],
}
"""What the workshop's program gets, so that every kind of timer fires; and tiers, of which versions differ."""


class Said(NamedTuple):
    """What is said of one customer."""

    facts: list[Fact]
    event_ids: dict[str, list[str]]
    """By topic, in order."""


def take_out_all(tick: Record, chance: random.Random) -> list[Record]:  # noqa: ARG001 - a way to change ticks
    return []


def double_all(tick: Record, chance: random.Random) -> list[Record]:  # noqa: ARG001
    return [tick, tick]


def take_out_some_and_double_others(tick: Record, chance: random.Random) -> list[Record]:
    return [tick] * chance.choice((0, 0, 1, 2))


@pytest.mark.parametrize("change", [take_out_all, double_all, take_out_some_and_double_others])
@pytest.mark.parametrize("seed", SEEDS)
def test_ticks_that_are_taken_out_or_doubled_change_no_fact_and_no_event_id(
    seed: int, change: Callable[[Record, random.Random], list[Record]]
) -> None:
    journal = list(history(random.Random(seed)))

    other = with_ticks(journal, change, random.Random(~seed))

    assert len(other) != len(journal)
    assert said(other) == said(journal)


def test_the_histories_hold_all_that_ticks_could_change() -> None:
    facts = [fact for seed in SEEDS for one in said(list(history(random.Random(seed)))).values() for fact in one.facts]
    decided = {(type(decision), envelope.version) for _, envelope, decision in facts}
    refused = {decision.reason for _, _, decision in facts if isinstance(decision, RecordRefused)}

    assert decided >= {(PointsExpired, 1), (PointsExpired, 2), (StreakEnded, 2), (StreakLevelReached, 1)}
    assert decided >= {(TierUpgraded, 1), (TierUpgraded, 2), (TierDowngraded, 1), (TierDowngraded, 2)}
    assert {envelope.cause.partition(":")[0] for _, envelope, _ in facts} >= {"versionStart", "tierEnd"}
    assert refused >= {Refusal.BILL_UNKNOWN, Refusal.BALANCE_TOO_LOW}


def history(chance: random.Random) -> Iterator[Record]:
    """Bills, many of them late, returns, redemptions and duplicates as they came in, and daily ticks."""
    first, second = with_parts(PROGRAM, silver=300), with_parts(SECOND, silver=200)
    yield activation(first)
    bills: list[Any] = []
    for day in range(_DAYS):
        if day == _SECOND_FROM:
            yield activation(second)
        for number in range(10 * day, 10 * day + chance.randrange(4)):
            received_at = START + day * DAY + (number % 10 + 1) * DAY // 5
            at = received_at - chance.choice((0, 0, chance.randrange(_LATE_DAYS_MAX * DAY)))
            record = _record(number, at, bills, chance)
            yield msgspec.structs.replace(record, received_at=received_at)
        yield tick(START + (day + 1) * DAY)


def _record(number: int, at: int, bills: list[Any], chance: random.Random) -> CustomerRecord:
    what = chance.random()
    if what < 0.5 or not bills:
        bills.append(bill(chance.randrange(_CUSTOMERS), number, at, pounds=chance.randrange(1, 60)))
        return bills[-1]
    known = chance.choice(bills)
    if what < 0.75:
        return giving_back(known.customer_id, number, known.offset, at, pounds=chance.randrange(1, 40))
    if what < 0.9:
        return redemption(known.customer_id, number, at, chance.randrange(1, 60))
    return known


def with_parts(definition: ProgramDefinition, silver: int) -> ProgramDefinition:
    levels = [{"name": "Base", "threshold": 0}, {"name": "Silver", "threshold": silver}]
    tiers = {"tiers": {"basis": "lifetime_points", "levels": levels, "validity": {"days": 12}}}
    return ProgramDefinition.model_validate_json(
        msgspec.json.encode({**definition.model_dump(mode="json", by_alias=True), **_PARTS, **tiers})
    )


def tick(at: int) -> ClockAdvanced:
    return ClockAdvanced(received_at=at, source=WALL_SOURCE, offset=0, clock_source=WALL_SOURCE, time=at, last=False)


def with_ticks(
    journal: Sequence[Record], change: Callable[[Record, random.Random], list[Record]], chance: random.Random
) -> list[Record]:
    """The journal with its ticks changed, but for the last and those before a program version."""
    changed: list[Record] = []
    for record, following in zip(journal, [*journal[1:], None], strict=True):
        kept = following is None or isinstance(following, ProgramActivated)
        changed += [record] if kept or not isinstance(record, ClockAdvanced) else change(record, chance)
    return changed


def said(journal: Sequence[Record]) -> dict[int, Said]:
    """What an undisturbed run says of each customer."""
    messages = [
        Message("sim.journal", 0, offset, None, encode_record(record), 0, ()) for offset, record in enumerate(journal)
    ]
    told = undisturbed(0, tuple(messages)).told
    customers: defaultdict[int, Said] = defaultdict(lambda: Said([], defaultdict(list)))
    for topic, some in told.items():
        for key, value, _ in some:
            customer = customers[int((key or b"").partition(b":")[2])]
            if topic == "sim.facts":
                customer.facts.extend(decode_facts(value or b"").facts())
                continue
            body = msgspec.json.decode(value or b"")
            # A reply's own id is its record's place in the journal, which a tick taken out moves.
            customer.event_ids[topic].append(
                body["eventId"] if "eventId" in body else f"{body['recordId']} {body['outcome']} {body['message']}"
            )
    for customer in customers.values():  # a duplicate is answered at once, a timer when it is found
        customer.event_ids[_REPLIES].sort()
    return dict(customers)
