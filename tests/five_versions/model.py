"""Where each member must stand in the end, by a model of the program's rules that shares no code with the engine."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.five_versions.story import MEMBERS, VERSIONS, story

LONDON = ZoneInfo("Europe/London")
Standing = dict[str, Any]


class Member:
    """One member's part in the program."""

    def __init__(self) -> None:
        self.version = 0
        self.seen: set[str] = set()
        self.bills: dict[str, tuple[int, int]] = {}
        """Amount and points."""
        self.waiting: dict[str, dict[str, Any]] = {}
        self.purchases = self.returned = self.balance = 0
        self.tier = "base"
        self.visits: dict[str, int] = {}
        self.achieved: set[str] = set()
        self.weeks: set[int] = set()
        self.longest = 0
        self.levels: list[int] = []

    def take(self, message: dict[str, Any], program: dict[str, Any], today: date) -> None:
        """Decide a message under the version that is in force."""
        if message["id"] in self.seen:
            return
        self.seen.add(message["id"])
        if message["type"] == "transactionReturned" and message["ofBill"] not in self.bills:
            self.waiting[message["ofBill"]] = message
            return
        if not self.version:
            self.adopt(program, today)
        self.count(message, program)
        self.assess(program)
        if message.get("billNumber") in self.waiting:
            self.count(self.waiting.pop(message["billNumber"]), program)
            self.assess(program)

    def adopt(self, program: dict[str, Any], today: date) -> None:
        """What a version gives, when it starts, for what is there already."""
        self.version = program["version"]
        self.look_at_visits(program, f"{today:%Y-%m}")
        self.look_at_weeks(program, week_of(today))
        self.assess(program)

    def count(self, message: dict[str, Any], program: dict[str, Any]) -> None:
        """What the message itself does."""
        on = datetime.fromtimestamp(message["eventTime"] / 1_000, LONDON).date()
        if message["type"] == "transactionAdded":
            points = message["amountMinor"] // 100 * program["rules"][0]["points"]
            self.bills[message["billNumber"]] = (message["amountMinor"], points)
            self.purchases += message["amountMinor"]
            self.balance += points
        elif message["type"] == "transactionReturned":
            amount, points = self.bills[message["ofBill"]]
            self.returned += message["amountMinor"]
            self.balance -= points * message["amountMinor"] // amount
        else:
            self.balance += 0 if program["rules"][1]["retired"] else program["rules"][1]["points"]
            self.visit(program, on)

    def visit(self, program: dict[str, Any], on: date) -> None:
        """A visit counts towards the month and makes its week count in the streak."""
        month = f"{on:%Y-%m}"
        if "retired" not in program["milestones"][1]:
            self.visits[month] = self.visits.get(month, 0) + 1
            self.look_at_visits(program, month)
        self.weeks.add(week_of(on))
        self.look_at_weeks(program, week_of(on))

    def look_at_visits(self, program: dict[str, Any], month: str) -> None:
        """A month that has what the version asks for pays, once."""
        milestone = program["milestones"][1]
        met = self.visits.get(month, 0) >= milestone["target"]
        if "retired" not in milestone and month not in self.achieved and met:
            self.achieved.add(month)
            self.balance += milestone["points"]

    def look_at_weeks(self, program: dict[str, Any], week: int) -> None:
        """The run that the week ends, or that ended a week before, reaches levels above those it has."""
        end = week if week in self.weeks else week - 1
        run = 0
        while end - run in self.weeks:
            run += 1
        self.longest = max(self.longest, run)
        highest = max(self.levels, default=0)
        for level in program["streaks"][0]["levels"]:
            if highest < level["periods"] <= run:
                self.levels.append(level["periods"])
                self.balance += level["points"]

    def assess(self, program: dict[str, Any]) -> None:
        """Up to what the lifetime points reach, or down from a tier that is retired."""
        tiers = program["tiers"]["levels"]
        ids = [tier.get("id", tier["name"].lower()) for tier in tiers]
        left = [place for place, tier in enumerate(tiers) if "retired" not in tier]
        here = ids.index(self.tier)
        reached = max(place for place in left if tiers[place]["threshold"] <= self.balance)
        if reached > here:
            self.tier = ids[reached]
        elif here not in left:
            self.tier = ids[max(place for place in left if place < here)]

    def standing(self) -> Standing:
        """What the tellers must say."""
        return {
            "version": self.version,
            "bills": len(self.bills),
            "purchases": self.purchases,
            "returned": self.returned,
            "balance": self.balance,
            "lifetime": self.balance,  # nothing is spent, and nothing expires within a year
            "tier": self.tier,
            "visits": {month: (count, month in self.achieved) for month, count in sorted(self.visits.items())},
            "longest": self.longest,
            "levels": self.levels,
        }


def week_of(on: date) -> int:
    """Weeks counted from some Monday."""
    return (on.toordinal() - 1) // 7


def standings() -> dict[int, Standing]:
    """Of every member who did anything, at the end of the story."""
    members = {number: Member() for number in MEMBERS}
    for program, (arrives, messages) in zip(VERSIONS, story(), strict=True):
        today = arrives.astimezone(LONDON).date()
        for member in members.values():
            if member.version:
                member.adopt(program, today)
        for message in messages:
            members[message["customerId"]].take(message, program, today)
    return {number: member.standing() for number, member in members.items() if member.seen}


def standing_of(customer: dict[str, Any]) -> Standing:
    """The same of a customer as `accrue try --json` has it."""
    club = customer["programs"]["1"]
    points = club["balances"]["POINTS"]
    visits = {one["period"]: (one["value"], one["achieved"]) for one in club["milestones"] if one["id"] == "visits"}
    streak = next(iter(club["streaks"]), {"longest": 0, "levels": []})
    return {
        "version": club["version"],
        "bills": club["transactions"],
        "purchases": club["purchasesMinor"],
        "returned": club["returnedMinor"],
        "balance": points["current"],
        "lifetime": points["lifetime"],
        "tier": club["tier"]["id"],
        "visits": visits,
        "longest": streak["longest"],
        "levels": streak["levels"],
    }
