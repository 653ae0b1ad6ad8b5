"""The whole model: from a program and a history to where every customer stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from tests.model import words
from tests.model.achiever import REPEAT_DAYS
from tests.model.dates import DAY_MS, period_name
from tests.model.member import Member
from tests.model.purse import Point, Purse
from tests.model.words import Happening, Lasts, Program

Figures = dict[str, Any]


def stand(program: Program, history: Sequence[Happening]) -> dict[int, Figures]:
    """Where every customer stands who is in the history, which is in order of arrival."""
    members: dict[int, Member] = {}
    for happening in history:
        now = arrival(happening)
        if isinstance(happening, words.Waits):
            for member in members.values():
                member.pass_time(now)
        if isinstance(happening, words.Waits | words.Again):
            continue
        member = _member(members, program, happening.who, now)
        if now - happening.at > REPEAT_DAYS * DAY_MS:
            continue
        if not isinstance(happening, words.Gives):
            DOES[type(happening)](member, happening)
        elif happening.points <= member.purse.count("current"):
            _give(member, _member(members, program, happening.to, happening.at), happening)
        member.close()
        member.pass_time(now)
    return {who: figures(member) for who, member in sorted(members.items())}


def arrival(happening: Happening) -> int:
    """When it is heard of."""
    late = happening.arrives if isinstance(happening, words.Pays) else None
    return happening.at if late is None else late


def _member(members: dict[int, Member], program: Program, who: int, at: int) -> Member:
    if who not in members:
        members[who] = Member(program, Purse(program.order))
    members[who].pass_time(at)
    return members[who]


DOES: Final[dict[type[Happening], Callable[[Member, Any], None]]] = {
    words.Pays: lambda member, one: member.pay(one.name, one.pence, one.lines, one.at),
    words.Returned: lambda member, one: member.bring_back(one.bill, one.pence, one.lines, one.at),
    words.Corrected: lambda member, one: member.correct(
        one.bill, one.pence, one.lines, one.at, delivered=one.delivered
    ),
    words.Does: lambda member, one: member.does(one.event, one.reference or one.name, one.at),
    words.Redeems: lambda member, one: member.redeem(one.name, one.points, one.bill, one.at, held=one.held),
    words.Confirms: lambda member, one: member.confirm(one.redemption, one.at),
    words.TakesBack: lambda member, one: member.take_back_redemption(one.redemption, one.points, one.at),
    words.Adjusted: lambda member, one: member.adjust(one.name, one.points, one.corrects, one.at),
    words.Blocks: lambda member, one: member.block(one.name, one.points, one.until),
    words.Releases: lambda member, one: member.release(one.hold, one.at),
    words.Activates: lambda member, one: member.activate(one.reference, one.at),
    words.CallsOff: lambda member, one: member.call_off(one.reference),
    words.Expires: lambda member, _one: member.expire(),
    words.Moves: lambda member, one: member.move_expiry(one.last, later=one.later),
    words.Cancels: lambda member, one: member.cancel(one.bill, one.rule, one.at),
}
"""What each kind of happening does to the customer whom it is about."""


def _give(sender: Member, receiver: Member, gift: words.Gives) -> None:
    """Points go over, each with its last day; those of one day lie in one lot there."""
    alike: dict[tuple[int, Lasts | None], list[Point]] = {}
    for point in sender.purse.take(gift.points, "transferred"):
        alike.setdefault((point.closes, point.lot.rolling), []).append(point)
    for (closes, rolling), points in alike.items():
        receiver.purse.open_lot(len(points), gift.at, closes, received=True, rolling=rolling)
    receiver.close()
    receiver.pass_time(gift.at)


def figures(member: Member) -> Figures:
    """All that is compared, by name; what is nothing is left out."""
    purse = member.purse
    received = sum(len(lot.points) for lot in purse.lots if lot.received)
    points = {
        "issued": len(purse.points) - received,
        "promised": purse.count("promised"),
        "current": purse.count("current"),
        "blocked": purse.count("held"),
        "redeemed": purse.count("redeemed"),
        "expired": purse.count("expired"),
        "reversed": purse.count("reversed", "cancelled", "stood in") + purse.owed,
        "transferred": purse.count("transferred") - received,
        "adjusted": purse.count("adjusted"),
        "deficit": purse.deficit,
        "lifetime": purse.lifetime,
    }
    lots = Counter((point.lot.number, point.closes) for point in purse.points if point.place == "current")
    named = {goal.id: partial(period_name, goal.period) for goal in member.program.goals}
    goals = {streak.id: streak.goal for streak in member.program.streaks}
    promised = Counter(point.lot.number for point in purse.points if point.place == "promised")
    return {
        "points": {name: count for name, count in points.items() if count},
        "lots": sorted((*lot, count) for lot, count in lots.items()),
        "promised": sorted(promised.items()),
        "bills": (member.visits, member.paid, member.returned),
        "tier": member.tier,
        "values": {(goal, named[goal](period)): value for (goal, period), value in member.values.items() if value},
        "met": sorted((goal, named[goal](period)) for goal, period in member.met),
        "streaks": {name: [named[goals[name]](one) for one in sorted(row)] for name, row in member.rows.items() if row},
        "levels": {name: sorted(levels) for name, levels in member.levels.items() if levels},
    }
