"""Two hundred members over five versions of one program: what they do, when it arrives, and what each version says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

ORG: Final = 100
MEMBERS: Final = range(1_000, 1_200)

BASE, SILVER, GOLD = (
    {"name": name, "threshold": threshold} for name, threshold in (("Base", 0), ("Silver", 60), ("Gold", 150))
)
BRONZE: Final = {"name": "Bronze", "threshold": 25}
PLATINUM: Final = {**GOLD, "id": "gold", "name": "Platinum"}
RETIRED: Final = {"retired": True}
VISIT: Final = {"of": "events", "event": "visit"}


def _program(
    version: int,
    tiers: list[dict[str, Any]],
    *,
    points: int,
    visits: int,
    welcome: bool,
    levels: dict[int, int],
    visiting: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "org_id": ORG,
        "program_id": 1,
        "version": version,
        "name": "Club",
        "zone": "Europe/London",
        "currency": "GBP",
        "points": {"name": "POINTS", "expiry": {"days": 365}},
        "rules": [
            {"id": "spend", "kind": "spend", "points": points, "per_minor": 100},
            {"id": "visit", "kind": "event", "event": "visit", "points": 3, "retired": not welcome},
        ],
        "tiers": {"basis": "lifetime_points", "levels": tiers},
        "milestones": [
            {"id": "week", "target_id": 1, "name": "Week", "period": "week", "counts": VISIT, "target": 1},
            {
                "id": "visits",
                "target_id": 2,
                "name": "Visits",
                "period": "month",
                "counts": VISIT,
                "target": visits,
                "points": 20,
                **(visiting or {}),
            },
        ],
        "streaks": [
            {
                "id": "regular",
                "streak_id": 1,
                "name": "Regular",
                "milestone": "week",
                "levels": [
                    {"name": f"{weeks} weeks", "periods": weeks, "points": reward} for weeks, reward in levels.items()
                ],
            }
        ],
    }


VERSIONS: Final = (
    _program(1, [BASE, SILVER, GOLD], points=1, visits=4, welcome=False, levels={2: 5, 4: 15}),
    _program(2, [BASE, BRONZE, SILVER, GOLD], points=2, visits=4, welcome=False, levels={2: 5, 4: 15}),
    _program(3, [BASE, BRONZE, {**SILVER, **RETIRED}, GOLD], points=1, visits=2, welcome=True, levels={2: 5, 3: 10}),
    _program(
        4,
        [BASE, BRONZE, {**SILVER, **RETIRED}, PLATINUM],
        points=1,
        visits=2,
        welcome=True,
        levels={2: 5, 3: 10},
        visiting=RETIRED,
    ),
    _program(5, [BASE, BRONZE, SILVER, PLATINUM], points=1, visits=3, welcome=False, levels={2: 5, 3: 10}),
)
"""A tier is inserted and points double; a tier retires and targets fall; a milestone retires; what retired is back."""


class Round(NamedTuple):
    """What arrives under one version, all at one instant, in this order."""

    arrives: datetime
    messages: list[dict[str, Any]]


def story() -> list[Round]:
    """One round for each version, each a week after the one before."""
    first = datetime(2025, 3, 3, 9, tzinfo=UTC)
    arrivals = [first + timedelta(weeks=week) for week in range(len(VERSIONS))]
    return [
        Round(arrives=at, messages=[message for member in MEMBERS for message in _messages(member, number, at)])
        for number, at in enumerate(arrivals, 1)
    ]


def milliseconds(at: datetime) -> int:
    """Since the epoch."""
    return int(at.timestamp()) * 1_000


def _messages(member: int, number: int, at: datetime) -> Iterator[dict[str, Any]]:
    """What a member does in a round: up to two bills, a return, a visit; some of it comes twice, or too early.

    Some members are not seen again after the first round.
    """
    if member % 11 == 0 and number > 1:
        return
    bills = [_bill(member, number, place, at) for place in range((member + number) % 3)]
    backs = [_back(member, number, place, at) for place in range((member + number) % 3) if (member + place) % 5 == 0]
    early, late = (backs, []) if member % 2 else ([], backs)
    yield from (*early, *bills, *late)
    if (member * number) % 4 != 3:
        yield _named("customEvent", member, f"visit-{number}", at - timedelta(days=member % 2), eventName="visit")
    if member % 7 == 0:
        yield from (*bills[:1], *backs[:1])


def _bill(member: int, number: int, place: int, at: datetime) -> dict[str, Any]:
    pounds = 4 + (member * 7 + number * 3 + place * 11) % 29
    return _named(
        "transactionAdded",
        member,
        f"bill-{number}-{place}",
        at - timedelta(hours=place + 2, days=member % 3),
        billNumber=f"{member}-{number}-{place}",
        amountMinor=pounds * 100,
        currency="GBP",
    )


def _back(member: int, number: int, place: int, at: datetime) -> dict[str, Any]:
    """Half of a bill or all of it, in whole pounds."""
    bill = _bill(member, number, place, at)
    amount = bill["amountMinor"] if member % 3 else bill["amountMinor"] // 200 * 100
    return _named(
        "transactionReturned",
        member,
        f"return-{number}-{place}",
        at - timedelta(hours=1),
        billNumber=f"R-{member}-{number}-{place}",
        ofBill=bill["billNumber"],
        amountMinor=amount,
        currency="GBP",
    )


def _named(kind: str, member: int, name: str, at: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "id": f"{member}-{name}",
        "orgId": ORG,
        "customerId": member,
        "eventTime": milliseconds(at),
        **fields,
    }
