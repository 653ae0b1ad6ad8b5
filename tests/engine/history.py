"""Histories of one customer that arrive in many orders, and where the customer stands in the end.

What these histories leave out, because it rightly depends on who came first:
- a redemption or a debit that the balance may not cover: an opening credit covers them all, and they take from it;
- tiers in a program that takes returns: members only rise, so what a return took before another bill came shows;
- points that expire in a program that takes returns: what has expired is not reversed, and lowers no lifetime;
- milestones of a program that takes returns on what a return takes back: what was achieved before stays achieved;
- two writes of one field of a profile, or two contents under one id, with the same event time;
- lots and the days on which rewards expire: a reward is of the day of the record that tipped it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from schemas.facts import MilestoneAchieved, MilestoneLowered, MilestoneProgressed, StreakEnded, StreakLevelReached
from schemas.program import ProgramDefinition
from schemas.records import AdjustPoints, AnyCustomerRecord, Profile, RedeemPoints, TransactionReturned
from tests.dsl import Story
from tests.steps import (
    Tick,
    adjust,
    bought,
    brought_back,
    changed,
    did,
    instant,
    joined,
    milestone,
    program,
    redeem,
    spend,
)

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
START: Final = instant("2011-12-18", "UTC")
"""Twelve days before the date that Samoa skipped."""
DAYS: Final = 20
WINDOW_DAYS: Final = 9
THE_END: Final = START + 200 * DAY
"""When everything has expired, ended and been given up."""

DAILY: Final = {
    "id": "daily",
    "streak_id": 1,
    "name": "Daily",
    "milestone": "days",
    "levels": [{"name": "Two", "periods": 2, "points": 5}, {"name": "Four", "periods": 4, "points": 9}],
}
BREWED: Final = {"of": "events", "event": "brew"}
GRAMS: Final = {**BREWED, "measure": "sum", "attribute": "grams"}
SPENT: Final = {"of": "transactions", "measure": "sum"}
RULES: Final = [
    spend(),
    spend("more", 3, 250, minimum_minor=500),
    {"id": "brew", "kind": "event", "event": "brew", "points": 2},
]
LEVELS: Final = [
    {"name": "A", "threshold": 0},
    {"name": "B", "threshold": 120},
    {"name": "C", "threshold": 400},
]


def taking(program_id: int, days: int | None) -> ProgramDefinition:
    """A program that takes returns for so many days, or none; its points never expire."""
    return program(
        program_id=program_id,
        repeat_window_days=WINDOW_DAYS,
        returns=days and {"window_days": days},
        rules=RULES,
        milestones=[
            milestone("days", 1, "day", counts=BREWED),
            milestone("grams", 20, "week", counts=GRAMS, points=7, target_id=2),
            milestone("spent", 10**9, "month", counts=SPENT, target_id=3),
        ],
        streaks=[DAILY],
    )


EXPIRING: Final = program(
    program_id=2,
    zone="Pacific/Apia",
    repeat_window_days=WINDOW_DAYS,
    returns=None,
    points={"expiry": {"days": 6}},
    rules=RULES,
    tiers={"basis": "lifetime_points", "levels": LEVELS},
    milestones=[
        milestone("days", 1, "day"),
        milestone("spent", 3_000, "week", counts=SPENT, points=11, target_id=2),
    ],
    streaks=[{**DAILY, "validity": {"last": "2012-01-03"}}],
)
"""Takes no returns; points expire, tiers go by lifetime points, and a season ends."""
NET: Final = program(
    program_id=3,
    repeat_window_days=WINDOW_DAYS,
    returns=None,
    rules=[spend("seventh", 1, 700)],
    tiers={"basis": "net_purchases", "levels": [{**level, "threshold": level["threshold"] * 20} for level in LEVELS]},
)
PROGRAMS: Final = (taking(1, 12), EXPIRING, NET)

OPENING: Final = adjust(10**6, START - HOUR, program_id=1, id="opening")


class Delivery(NamedTuple):
    """A record and the instant at which it arrives."""

    at: int
    record: AnyCustomerRecord


hours = st.integers(0, DAYS * 24 - 1)
amounts = st.integers(0, 2_500)
grams = st.sampled_from([3, "3.0", "4.25", "0.125", 12, "7.5000"])
fields = st.dictionaries(st.sampled_from(["first_name", "email"]), st.sampled_from(["x", "y", "z"]), max_size=2)
cleared = st.sampled_from([("email",), ("extended.shoe",)])
extended = st.dictionaries(st.sampled_from(["shoe", "hat"]), st.sampled_from(["7", "8"]), max_size=1)
KINDS: Final = ("bill", "bill", "bill", "event", "event", "return", "profile", "profile", "joined", "points")


@st.composite
def histories(draw: st.DrawFn, kinds: Sequence[str] = KINDS, *, greedy: bool = True) -> list[AnyCustomerRecord]:
    """What happened, each record once; `greedy` returns may ask for more than was bought."""
    drawn = draw(st.lists(st.tuples(st.sampled_from(kinds), hours), min_size=4, max_size=18))
    bills = [(f"B{place}", hour, draw(amounts)) for place, (kind, hour) in enumerate(drawn) if kind == "bill"]
    return [
        record
        for place, (kind, hour) in enumerate(drawn)
        for record in _records(draw, kind, place, hour, bills, greedy=greedy)
    ]


def _records(
    draw: st.DrawFn, kind: str, place: int, hour: int, bills: Sequence[tuple[str, int, int]], *, greedy: bool
) -> Iterable[AnyCustomerRecord]:
    at = START + hour * HOUR + place * 1_000
    if kind == "bill":
        amount = next(amount for number, _, amount in bills if number == f"B{place}")
        return [bought(f"B{place}", amount, at, id=f"{place}")]
    if kind == "event":
        return [did("brew", at, attributes={"grams": draw(grams)}, id=f"{place}")]
    if kind == "return" and bills:
        return _returned(draw, place, bills, greedy=greedy)
    if kind == "profile":
        return [_profile(draw, at, place)]
    if kind == "joined":
        return [joined(at, Profile(**draw(fields)), id=f"{place}")]
    points = draw(st.integers(1, 40))
    return [draw(st.sampled_from([redeem, adjust]))(points, at, id=f"{place}"), adjust(-points, at, id=f"{place}-")]


def _profile(draw: st.DrawFn, at: int, place: int) -> AnyCustomerRecord:
    if draw(st.booleans()):
        return changed(at, Profile(), clear=draw(cleared), id=f"{place}")
    return changed(at, Profile(**draw(fields), extended=draw(extended)), id=f"{place}")


def _returned(
    draw: st.DrawFn, place: int, bills: Sequence[tuple[str, int, int]], *, greedy: bool
) -> Iterable[AnyCustomerRecord]:
    """One or two return documents of a bill, each under one message id or two."""
    bill, paid, amount = draw(st.sampled_from(bills))
    returned: list[AnyCustomerRecord] = []
    for document in range(draw(st.integers(1, 2))):
        at = (
            START
            + (paid + draw(st.one_of(st.integers(0, 24), st.integers(-5, 16 * 24)))) * HOUR
            + place * 1_000
            + document
        )
        back = draw(amounts) if greedy else amount // 36
        returned += [
            brought_back(bill, back, at, bill_number=f"R{place}-{document}", id=f"{place}-{document}-{number}")
            for number in range(draw(st.integers(1, 2)))
        ]
    return returned


@st.composite
def late(draw: st.DrawFn, history: Sequence[AnyCustomerRecord]) -> list[Delivery]:
    """The history in any order that the window allows, each record once in time and some again, whenever."""
    deliveries = [
        Delivery(
            at=record.event_time + draw(st.one_of(st.just(0), st.integers(0, WINDOW_DAYS * 24))) * HOUR, record=record
        )
        for record in history
    ]
    again = draw(st.lists(st.tuples(st.sampled_from(deliveries), st.integers(0, 40 * 24)), max_size=6))
    deliveries += [Delivery(at=first.at + after * HOUR, record=first.record) for first, after in again]
    return sorted(deliveries, key=lambda delivery: delivery.at)


def on_time(history: Iterable[AnyCustomerRecord]) -> list[Delivery]:
    """The history as it happened, each return document under one id."""
    once = {one.bill_number if isinstance(one, TransactionReturned) else one.id: one for one in history}
    return [Delivery(at=one.event_time, record=one) for one in sorted(once.values(), key=lambda one: one.event_time)]


def begun(deliveries: Sequence[Delivery], programs: Sequence[ProgramDefinition] = PROGRAMS) -> Story:
    """A story in which the points that will be spent are there."""
    story = Story(*programs)
    if any(isinstance(record, RedeemPoints | AdjustPoints) for _, record in deliveries):
        story.play(OPENING)
    return story


def play(deliveries: Sequence[Delivery], programs: Sequence[ProgramDefinition] = PROGRAMS) -> Story:
    """The story of what arrives, until nothing more can happen."""
    story = begun(deliveries, programs)
    for at, record in deliveries:
        story.play(record, as_of=at)
    story.play(Tick(THE_END))
    return story


def standing(story: Story) -> dict[str, Any]:
    """Where the customer stands: what must be the same in every order."""
    head = story.state.head
    return {
        "profile": head.profile,
        "registered": head.registered_at,
        "waiting": story.waiting(),
        **{f"program {number}": in_program(story, number) for number in sorted(head.sections)},
    }


def in_program(story: Story, number: int) -> dict[str, Any]:
    """The same, in one program."""
    section = story.section(number)
    decided = [fact.decision for fact in story.facts if fact.envelope.program_id == number]
    return {
        "bills": (section.transactions, section.purchases_minor, section.returned_minor),
        "points": story.totals(number),
        "tier": section.tier_id,
        "values": {
            (one.milestone_id, one.period): one.value
            for one in decided
            if isinstance(one, MilestoneProgressed | MilestoneLowered)
        },
        "achieved": Counter((one.milestone_id, one.period) for one in decided if isinstance(one, MilestoneAchieved)),
        "runs": {name: (streak.runs, streak.longest) for name, streak in section.streaks.items()},
        "levels": Counter((one.streak_id, one.level) for one in decided if isinstance(one, StreakLevelReached)),
        "ended": Counter(one.streak_id for one in decided if isinstance(one, StreakEnded)),
    }
