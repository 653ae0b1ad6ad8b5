"""A synthetic year of a coffee roastery: messages in the order of time, the same for the same seed."""

# ruff: noqa: PLR2004, S311 - a chance stands where it is taken, and none of them guards a secret

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.cli.demo import roastery_world as world
from pipeline.engine.calendar import Calendar, as_date, as_day
from pipeline.importer.upstream import Input, clock
from pipeline.intake.dialects.naming import input_key
from schemas import messages

CUSTOMERS: Final = 5_100
DAYS: Final = 366
SEED: Final = 20_240_101

_MINUTE: Final = 60_000
_QUARTER: Final = 15 * _MINUTE
_QUARTERS_OF_DAY: Final = 96
_THURSDAY, _SATURDAY = 3, 5
_FIRST_CUSTOMER: Final = 10_001
_LAPSED: Final = "lapsed"
_ENCODER: Final = msgspec.json.Encoder()

# Parts of the customers, and chances per day.
_OPENING_SHARE, _OPENING_DAYS = 0.45, 28
_APP_SHARE, _APP_OPEN = 0.6, 0.03
_BREWER_SHARE, _BREW = 0.05, 0.2
_PROFILE_CHANGE: Final = 0.06
_LINES_MAX: Final = 5
_RETURNED_OFTEN: Final = ("beans", "equipment")
_WORTH_REDEEMING: Final = 150


class Span(NamedTuple):
    """The time that a run covers, in milliseconds since the epoch."""

    start: int
    end: int


@dataclass(slots=True)
class _Customer:
    number: int
    key: bytes
    habit: str
    store: str
    points: int = 0
    """About the balance that the customer expects."""


class _Due(NamedTuple):
    """A message planned for the day; sorted by time, then by order of planning."""

    time: int
    serial: int
    key: bytes
    message: messages.CustomerMessage


class _Comeback(NamedTuple):
    """Goods that will come back."""

    customer: _Customer
    of_bill: str
    lines: tuple[messages.Line, ...]


def span_of(days: int = DAYS) -> Span:
    """The time from the first midnight to the last clock message."""
    calendar, first = Calendar(world.ZONE), as_day(world.FIRST)
    return Span(calendar.start_of(first), calendar.start_of(first + days))


def roastery(seed: int = SEED, customers: int = CUSTOMERS, days: int = DAYS) -> Iterator[Input]:
    """The messages of `days` days from 2024-01-01, with a clock message at each local midnight after the first."""
    return _Roastery(random.Random(seed), customers, days).run()


class _Roastery:
    """Plans one day after the other; whatever is left to chance is drawn while planning, in a fixed order."""

    def __init__(self, chance: random.Random, customers: int, days: int) -> None:
        self._chance = chance
        self._random = chance.random
        self._calendar = Calendar(world.ZONE)
        self._days = days
        self._joining = self._customers(customers)
        self._present: dict[str, list[_Customer]] = {habit: [] for habit in (*world.HABITS, _LAPSED)}
        self._app: list[_Customer] = []
        self._brewers: list[_Customer] = []
        self._quitting: defaultdict[int, list[_Customer]] = defaultdict(list)
        self._comebacks: defaultdict[int, list[_Comeback]] = defaultdict(list)
        self._serial = 0
        self._agenda: list[_Due] = []
        self._day = 0
        self._day_end = 0
        self._busy: tuple[int, ...] = ()

    def run(self) -> Iterator[Input]:
        first = as_day(world.FIRST)
        for day in range(self._days):
            self._day = day
            self._day_end = self._calendar.start_of(first + self._day + 1)
            self._plan(as_date(first + self._day))
            self._agenda.sort()
            for due in self._agenda:
                yield Input(due.key, _ENCODER.encode(due.message), due.time)
            self._agenda.clear()
            yield clock(self._day_end)

    def _customers(self, count: int) -> dict[int, list[_Customer]]:
        """All customers by the day they join: nearly half in the first four weeks, the others through the year."""
        joining: defaultdict[int, list[_Customer]] = defaultdict(list)
        habits = self._chance.choices(list(world.HABITS), [one.share for one in world.HABITS.values()], k=count)
        for number, habit in enumerate(habits, start=_FIRST_CUSTOMER):
            days = min(_OPENING_DAYS, self._days) if self._random() < _OPENING_SHARE else self._days
            key = input_key(world.ORG_ID, number)
            joining[self._below(days)].append(_Customer(number, key, habit, self._chance.choice(world.STORES)))
        return joining

    def _plan(self, on: date) -> None:
        """Plans one day."""
        rolled = self._random
        weekend = on.weekday() >= _SATURDAY
        self._busy = world.VISITS_WEEKEND if weekend else world.VISITS_WORKDAY
        for customer in self._quitting.pop(self._day, ()):
            self._present[customer.habit].remove(customer)
            self._present[_LAPSED].append(customer)
        is_open = (on.month, on.day) not in world.CLOSED
        if is_open:
            season = world.MONTHS[on.month - 1] * (0.9 + 0.2 * rolled())  # some days it rains
            for name, present in self._present.items():
                likely = world.LAPSED_VISIT
                if name != _LAPSED:
                    likely = season * (world.HABITS[name].weekend if weekend else world.HABITS[name].workday)
                for customer in [one for one in present if rolled() < likely]:
                    self._visit(customer, self._opening_time())
            for comeback in self._comebacks.pop(self._day, ()):
                self._return(comeback)
        else:
            self._comebacks[self._day + 1] += self._comebacks.pop(self._day, ())
        self._use_the_app()
        if on.weekday() == _THURSDAY:
            self._taste()
        for customer in self._joining.pop(self._day, ()):  # last: customers use the app only after joining
            self._join(customer, is_open=is_open)

    def _join(self, customer: _Customer, *, is_open: bool) -> None:
        self._present[customer.habit].append(customer)
        if self._random() < world.HABITS[customer.habit].lapses:
            self._quitting[self._day + 30 + self._below(200)].append(customer)
        if self._random() < _APP_SHARE:
            self._app.append(customer)
        if self._random() < _BREWER_SHARE:
            self._brewers.append(customer)
        first, last = self._chance.choice(world.FIRST_NAMES), self._chance.choice(world.LAST_NAMES)
        time = self._opening_time()
        self._put(
            customer,
            time,
            messages.CustomerAdded,
            f"join-{customer.number}",
            first_name=first,
            last_name=last,
            email=f"{first}.{last}.{customer.number}@example.org".lower(),
            mobile=f"447700{900_000 + customer.number % 100_000}",
            external_id=f"CK{customer.number}",
            loyalty_type="loyalty",
            channel="WEB" if customer.store == "WEB" else "INSTORE",
            extended={"homeStore": customer.store},
        )
        if is_open:
            self._visit(customer, time + _MINUTE)

    def _visit(self, customer: _Customer, time: int) -> None:
        lines = self._basket()
        amount = sum([line.amount_minor for line in lines])
        store = customer.store if self._random() < 0.9 else self._chance.choice(world.STORES)
        bill = f"{store}-{self._serial:07}"
        self._put(
            customer,
            time,
            messages.TransactionAdded,
            bill,
            bill_number=bill,
            amount_minor=amount,
            currency=world.CURRENCY,
            lines=lines,
            store=store,
            till="1" if store == "WEB" else str(1 + self._below(3)),
        )
        customer.points += amount // 20
        regret = 0.05 if lines[0].category in _RETURNED_OFTEN else 0.005
        if self._random() < regret:
            self._regret(customer, bill, lines)
        if customer.points > _WORTH_REDEEMING and self._random() < 0.1:
            self._redeem(customer, time + _MINUTE, bill)
        if self._random() < 0.012:
            stars = 5 - self._below(2)
            self._event(customer, time + 40 * _MINUTE, "review_written", {"sku": lines[0].sku, "stars": stars})
        if self._random() < 0.0015:
            self._event(customer, time + 20 * _MINUTE, "referral_made", {"friend": f"friend-{self._serial}"})
        if self._random() < 0.0008:
            self._adjust(customer, time + 5 * _MINUTE)

    def _basket(self) -> tuple[messages.Line, ...]:
        kind = self._random()
        if kind < 0.86:
            lines, more = [self._one_of(world.DRINKS)], world.FOOD
        elif kind < 0.985:
            lines, more = [self._one_of(world.BEANS)], world.BEANS + world.EQUIPMENT
        else:
            return (self._one_of(world.EQUIPMENT if kind < 0.994 else world.GIFT_CARDS),)
        # Most take one thing more or none; a round for the office has five lines.
        while len(lines) < _LINES_MAX and self._random() < 0.4:
            lines.append(self._one_of(more if self._random() < 0.7 else world.DRINKS))
        return tuple(lines)

    def _one_of(self, pool: Sequence[world.Product]) -> messages.Line:
        product = pool[self._below(len(pool))]
        return product.two if self._random() < 0.1 else product.one

    def _regret(self, customer: _Customer, bill: str, lines: tuple[messages.Line, ...]) -> None:
        """Plan what comes back: mostly all of it at once, else line by line; a few come too late."""
        day = self._day + (1 + self._below(21) if self._random() < 0.97 else 61 + self._below(20))
        if len(lines) == 1 or self._random() < 0.4:
            self._comebacks[day].append(_Comeback(customer, bill, lines))
        else:
            self._comebacks[day].append(_Comeback(customer, bill, lines[:1]))
            if self._random() < 0.5:
                self._comebacks[day + 1 + self._below(7)].append(_Comeback(customer, bill, lines[1:]))

    def _return(self, comeback: _Comeback) -> None:
        number = f"R-{self._serial:07}"
        self._put(
            comeback.customer,
            self._opening_time(),
            messages.TransactionReturned,
            number,
            bill_number=number,
            of_bill=comeback.of_bill,
            amount_minor=sum(line.amount_minor for line in comeback.lines),
            currency=world.CURRENCY,
            lines=comeback.lines,
            store=comeback.customer.store,
        )

    def _redeem(self, customer: _Customer, time: int, bill: str) -> None:
        """Mostly part of the balance; some ask for more than they have, a few for less than the minimum."""
        mood = self._random()
        if mood < 0.04:
            points = 3 * customer.points + 500
        elif mood < 0.06:
            points = 50
        else:
            points = min(customer.points // 50 * 50, 100 + 50 * self._below(9))
            customer.points -= points
        number = f"red-{self._serial:07}"
        self._put(
            customer,
            time,
            messages.RedeemPoints,
            number,
            program_id=world.PROGRAM_ID,
            points=points,
            bill_number=bill,
        )

    def _adjust(self, customer: _Customer, time: int) -> None:
        number = f"adj-{self._serial:07}"
        fields = {"program_id": world.PROGRAM_ID, "points": 25, "reason": "spilled coffee"}
        self._put(customer, time, messages.AdjustPoints, number, **fields)

    def _use_the_app(self) -> None:
        rolled = self._random
        for customer in [one for one in self._app if rolled() < _APP_OPEN]:
            time = self._day_time(6, 23)
            self._event(customer, time, "app_open", {"platform": "ios" if customer.number % 2 else "android"})
            if rolled() < _PROFILE_CHANGE:
                self._update(customer, time + _MINUTE)
        for customer in [brewer for brewer in self._brewers if rolled() < _BREW]:
            self._event(customer, self._day_time(6, 21), "brew_logged", {"grams": 15 + 5 * self._below(12)})

    def _update(self, customer: _Customer, time: int) -> None:
        changes: list[dict[str, object]] = [
            {"email": f"customer.{self._serial}@example.org"},
            {"mobile": f"447700{900_000 + self._below(100_000)}"},
            {"extended": {"milk": self._chance.choice(("oat", "soy", "whole", "none"))}},
        ]
        changed = self._chance.choice(changes)
        self._put(customer, time, messages.CustomerUpdated, f"upd-{self._serial:07}", **changed)

    def _taste(self) -> None:
        """The cupping class on Thursday evening."""
        for customer in self._chance.sample(self._app, min(14, len(self._app) // 20)):
            self._event(customer, self._day_time(18, 19), "cupping_attended", {"store": customer.store})

    def _event(self, customer: _Customer, time: int, name: str, attributes: dict[str, object]) -> None:
        number = f"evt-{self._serial:07}"
        self._put(customer, time, messages.CustomEvent, number, event_name=name, attributes=attributes)

    def _put(
        self, customer: _Customer, time: int, kind: type[messages.CustomerMessage], message_id: str, **fields: Any
    ) -> None:
        message = kind(org_id=world.ORG_ID, customer_id=customer.number, event_time=time, id=message_id, **fields)
        self._agenda.append(_Due(time, self._serial, customer.key, message))
        self._serial += 1

    def _opening_time(self) -> int:
        return self._after(self._busy[self._below(len(self._busy))])

    def _day_time(self, from_hour: int, to_hour: int) -> int:
        return self._after(4 * from_hour + self._below(4 * (to_hour - from_hour)))

    def _after(self, quarter: int) -> int:
        """An instant within a quarter hour of the local day, to the second."""
        # Counted back from midnight: when the clocks change they do so early in the morning.
        return self._day_end - (_QUARTERS_OF_DAY - quarter) * _QUARTER + self._below(900) * 1_000

    def _below(self, end: int) -> int:
        return int(self._random() * end)
