"""The whole model: from a program and a history to where every customer stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from tests.model import words
from tests.model.achiever import REPEAT_DAYS
from tests.model.cycles import cycle_name
from tests.model.dates import DAY_MS
from tests.model.member import Member
from tests.model.purse import NEVER, Point, Purse
from tests.model.words import SECOND, Happening, Lasts, Program

Figures = dict[str, Any]


Purses = dict[str, Member]
"""A customer in each currency of the program: none of them knows of another, but for the tier, which is of all."""


def stand(program: Program, history: Sequence[Happening]) -> dict[int, Figures]:
    """Where every customer stands who is in the history, which is in order of arrival."""
    customers: dict[int, Purses] = {}
    for happening in history:
        now = arrival(happening)
        if isinstance(happening, words.Changes):
            program = happening.to
        if isinstance(happening, words.Waits | words.Changes):
            for purses in customers.values():
                _pass_time(purses, now)
                for currency, member in purses.items() if isinstance(happening, words.Changes) else ():
                    member.adopt(program.alone(currency), now)
                _close(purses)
        elif not isinstance(happening, words.Again):
            purses = _customer(customers, program, happening.who, now)
            if now - happening.at <= REPEAT_DAYS * DAY_MS:
                _is_known(purses, happening.at)
                _does(customers, program, purses, happening)
            _pass_time(purses, now)
    now = max([arrival(happening) for happening in history], default=0)
    return {
        who: {**_figures_of(purses), "missing": purses[""].progress(now)} for who, purses in sorted(customers.items())
    }


def _does(customers: dict[int, Purses], program: Program, purses: Purses, happening: Happening) -> None:
    for member in purses.values() if not isinstance(happening, words.Returned | words.Corrected) else ():
        member.step(happening.at, happening.at + 1)
    _is_seen(purses, happening)
    if isinstance(happening, words.Gives):
        _give(customers, program, purses, happening)
        return
    if isinstance(happening, words.Cancels):
        purses[""].takes_back()
    for currency, member in purses.items():
        if getattr(happening, "currency", currency) == currency:
            DOES[type(happening)](member, happening)
    if isinstance(happening, words.Pays):
        waited = [member.waited(happening.name, happening.at) for member in purses.values()]
        for alike in zip(*waited, strict=True):
            _close(purses)
            for then in alike:
                then()


def _customer(customers: dict[int, Purses], program: Program, who: int, now: int) -> Purses:
    if who not in customers:
        currencies = ("",) if program.second is None else ("", SECOND)
        alone = {currency: program.alone(currency) for currency in currencies}
        customers[who] = {currency: Member(one, Purse(one.main.order)) for currency, one in alone.items()}
        main, *others = customers[who].values()
        main.purses = {currency: member.purse for currency, member in customers[who].items()}
        for member in others:
            member.leader = main
    _pass_time(customers[who], now)
    return customers[who]


def _is_seen(purses: Purses, happening: Happening) -> None:
    """What waits for its bill is nothing yet."""
    for member in purses.values():
        waits = isinstance(happening, words.Returned | words.Corrected) and happening.bill not in member.bills
        if not member.seen and not waits:
            member.is_seen(happening.at)


def _is_known(purses: Purses, at: int) -> None:
    for member in purses.values():
        member.registered = min(member.registered, at)


def _pass_time(purses: Purses, until: int) -> None:
    """All that falls due, one thing after the other."""
    _close(purses)
    while True:
        dues = [due for member in purses.values() for due in member.dues() if due.at <= until]
        if not dues:
            break
        first = min(dues, key=lambda due: (due.at, due.order))
        for member in purses.values():
            member.step(first.at, first.at)
        first.then()
        _close(purses)
    for member in purses.values():
        member.now = until


def _close(purses: Purses) -> None:
    """What ends every step."""
    for member in purses.values():
        member.close()
    purses[""].rank()
    for member in purses.values():
        member.follow()


def _figures_of(purses: Purses) -> Figures:
    figures = figures_of(purses[""])
    for name in ("points", "lots", "promised") if SECOND in purses else ():
        figures[f"second {name}"] = figures_of(purses[SECOND])[name]
    return figures


def arrival(happening: Happening) -> int:
    """When it is heard of."""
    return happening.at if happening.arrives is None else happening.arrives


DOES: Final[dict[type[Happening], Callable[[Member, Any], None]]] = {
    words.Pays: lambda member, one: member.pay(one),
    words.Returned: lambda member, one: member.bring_back(one.bill, one.pence, one.lines, one.at),
    words.Corrected: lambda member, one: member.correct(
        one.bill, one.pence, one.lines, one.at, delivered=one.delivered
    ),
    words.Does: lambda member, one: member.does(one),
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
    words.Enrols: lambda member, one: member.enrol(one.streak, one.at),
    words.Leaves: lambda member, one: member.leave(one.streak, one.at),
    words.Pauses: lambda member, one: member.pause(one.streak, one.at),
    words.Resumes: lambda member, one: member.resume(one.streak, one.at),
    words.Freezes: lambda member, one: member.freeze(one),
    words.Joins: lambda member, one: member.join(one.goal, one.at),
    words.Quits: lambda member, one: member.quit(one.goal, one.at),
    words.AsksFor: lambda member, one: member.ask_for(one.goal, one.target, one.at),
    words.Assigns: lambda member, one: member.assign(one.tier, one.last, one.at),
    words.LetsGo: lambda member, one: member.release_tier(one.at),
    words.Reassesses: lambda member, one: member.reassess(one.at),
    words.Registers: lambda _member, _one: None,
    words.Cancels: lambda member, one: member.cancel(one.bill, one.rule, one.at),
}
"""What each kind of happening does to the customer whom it is about."""


def _give(customers: dict[int, Purses], program: Program, purses: Purses, gift: words.Gives) -> None:
    """Points go over, each with its last day; those that last alike lie in one lot there."""
    sender = purses[gift.currency]
    if gift.points > sender.purse.count("current"):
        return
    receiving = _customer(customers, program, gift.to, gift.at)
    _is_known(receiving, gift.at)
    for member in receiving.values():
        member.step(gift.at, gift.at + 1)
        member.is_seen(gift.at)
    alike: dict[tuple[int, Lasts | None, int | None], list[Point]] = {}
    for point in sender.purse.take(gift.points, "transferred"):
        alike.setdefault((point.closes, point.lot.rolling, point.lot.tie), []).append(point)
    for (closes, rolling, _), points in alike.items():
        receiving[gift.currency].purse.open_lot(len(points), gift.at, closes, received=True, rolling=rolling)
    _pass_time(receiving, gift.at)


def figures_of(member: Member) -> Figures:
    """All that is compared, by name; what is nothing is left out."""
    purse = member.purse
    received = sum(point.received or point.lot.received for point in purse.points)
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
    named = {goal.id: partial(cycle_name, goal.period) for goal in member.program.goals}
    goals = {streak.id: streak.goal for streak in member.program.streaks}
    groups = {unified.id: unified.goals for unified in member.program.unified}
    promised = Counter(point.lot.number for point in purse.points if point.place == "promised")
    return {
        "points": {name: count for name, count in points.items() if count},
        "lots": sorted((*lot, count) for lot, count in lots.items()),
        "promised": sorted(promised.items()),
        "bills": (member.visits, member.paid, member.returned),
        "tier": member.tier if member.program.tiers or member.program.ranks else 0,
        "moves": member.moves,
        "said": member.said,
        "holds": None if member.ends == NEVER else member.ends,
        "values": {
            (goal, named[goal](period)): value for (goal, period), value in member.values.items() if value and period
        },
        "met": sorted((goal, named[goal](period)) for goal, period in member.met),
        "together": sorted((name, named[groups[name][0]](period)) for name, period in member.together),
        "streaks": {
            name: [named[goals[name]](one) for one in sorted(row.periods)]
            for name, row in member.rows.items()
            if row.periods
        },
        "levels": {name: sorted(row.levels) for name, row in member.rows.items() if row.levels},
        "away": sorted(name for name, row in member.rows.items() if row.left is not None),
    }
