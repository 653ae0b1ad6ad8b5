"""The programs and records that the benchmarks run on: made by seed, the same on every machine."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import msgspec

from pipeline.intake.dialects.naming import NOBODY, input_key
from schemas import messages
from schemas.notifications import EventName
from schemas.program import ProgramDefinition
from schemas.records import Line, TransactionAdded
from schemas.settings import Org

DAY_MS = 86_400_000
START = 1_735_689_600_000
"""2025-01-01T00:00:00Z."""
FIRST_CUSTOMER = 1_000

ORG = Org(org_id=1, name="Bench", zone="Europe/London", currency="GBP", country="GB", identifiers=("cardNumber",))
"""Whom the bills are of; its customers are known by their cards."""

TEN_RULES = ProgramDefinition.model_validate(
    {
        "org_id": 1,
        "program_id": 1,
        "version": 1,
        "name": "Bench",
        "zone": "Europe/London",
        "currency": "GBP",
        "points": {"expiry": {"days": 365}},
        "rules": [
            {"kind": "spend", "id": "base", "points": 1, "per_minor": 100},
            {"kind": "spend", "id": "no-gift-cards", "points": 1, "per_minor": 200, "excluded_categories": ["gift"]},
            {"kind": "spend", "id": "large-bills", "points": 5, "per_minor": 100, "minimum_minor": 50_000},
            {"kind": "multiplier", "id": "espresso", "factor": 2, "skus": ["S0001", "S0002"]},
            {"kind": "multiplier", "id": "filter", "factor": "3/2", "skus": ["S9001"]},
            {"kind": "multiplier", "id": "beans", "factor": 3, "categories": ["beans"]},
            {"kind": "event", "id": "opened", "event": "app_open", "points": 1},
            {"kind": "event", "id": "review", "event": "review_written", "points": 50},
            {"kind": "event", "id": "referral", "event": "referral_made", "points": 500},
            {"kind": "event", "id": "birthday", "event": "birthday", "points": 100},
        ],
        "tiers": {
            "basis": "lifetime_points",
            "levels": [
                {"name": "Base", "threshold": 0},
                {"name": "Silver", "threshold": 1_000},
                {"name": "Gold", "threshold": 5_000},
            ],
        },
        "milestones": [
            {
                "id": "monthly-spend",
                "target_id": 101,
                "name": "Spend 100 in a month",
                "period": "month",
                "counts": {"of": "transactions", "measure": "sum"},
                "target": 10_000,
                "points": 100,
            }
        ],
        "streaks": [
            {
                "id": "regular",
                "streak_id": 201,
                "name": "Regular",
                "milestone": "monthly-spend",
                "levels": [{"name": "Three months", "periods": 3, "points": 200}],
            }
        ],
    },
    strict=False,
)
"""Ten rules, of which four match a bill of `three_line_bills`: base, no-gift-cards, espresso, beans."""

SIMPLE = ProgramDefinition.model_validate(
    {
        "org_id": 1,
        "program_id": 1,
        "version": 1,
        "name": "Simple",
        "zone": "UTC",
        "currency": "GBP",
        "rules": [{"kind": "spend", "id": "base", "points": 1, "per_minor": 100}],
        "tiers": {
            "basis": "lifetime_points",
            "levels": [{"name": "Base", "threshold": 0}, {"name": "Gold", "threshold": 100}],
        },
        "returns": None,
        "notifications": {"off": [name.value for name in EventName if name is not EventName.POINTS_ISSUED]},
    },
    strict=False,
)
"""One spend rule and two tiers: for each bill one message of facts and one notification, and nothing else."""


def three_line_bills(
    count: int, customers: int, *, seed: int = 1, start: int = START, days: int = 180
) -> Iterator[TransactionAdded]:
    """`count` bills of three lines each by `customers` customers over `days` days from `start`, in time order."""
    chance = random.Random(seed)  # noqa: S311 - a seeded sample, not a secret
    step = days * DAY_MS // count
    for number in range(count):
        amounts = [chance.randrange(250, 1_500) for _ in range(3)]
        at = start + number * step
        yield TransactionAdded(
            received_at=at,
            source="loyalty.transactions:0",
            offset=number,
            org_id=1,
            customer_id=FIRST_CUSTOMER + chance.randrange(customers),
            id=f"t-{number}",
            digest=number,
            event_time=at,
            bill_number=f"b-{number}",
            amount_minor=sum(amounts),
            currency="GBP",
            lines=(
                Line("S0001", amounts[0], 1, "drinks"),
                Line("S0100", amounts[1], 1, "beans"),
                Line("S0200", amounts[2], 2, "food"),
            ),
        )


def card_of(customer_id: int) -> str:
    """The number of a customer's card."""
    return f"4000{customer_id:012}"


def as_messages(bills: Iterable[TransactionAdded], *, by_card: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of the native JSON messages that intake would make these bills of; `by_card`: without their ids."""
    encode = msgspec.json.Encoder().encode
    for bill in bills:
        message = messages.TransactionAdded(
            org_id=bill.org_id,
            customer_id=None if by_card else bill.customer_id,
            identifiers={"cardNumber": card_of(bill.customer_id)} if by_card else {},
            event_time=bill.event_time,
            id=bill.id,
            bill_number=bill.bill_number,
            amount_minor=bill.amount_minor,
            currency=bill.currency,
            lines=tuple(
                messages.Line(
                    sku=line.sku, amount_minor=line.amount_minor, quantity=line.quantity, category=line.category
                )
                for line in bill.lines
            ),
            store="SOHO",
            till="7",
        )
        yield input_key(bill.org_id, NOBODY if by_card else bill.customer_id), encode(message)
