"""Watching a run from outside: the notification topics, as a downstream system would read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from pipeline.cli.demo.screen import Notice, Snapshot
from pipeline.cli.reading import partitions_of
from pipeline.cli.tail import event_name
from pipeline.engine.calendar import calendar_of
from pipeline.log.port import Log, Message
from schemas.program import ProgramDefinition
from topics.catalog import Catalog

_BATCH: Final = 20_000
_SHOWN_MAX: Final = 4
"""Of a batch: more would only scroll by."""
_NEWS: Final = frozenset(
    {
        "pointsRedeemed",
        "pointsExpired",
        "issuedPointsReversed",
        "tierUpgraded",
        "tierDowngraded",
        "tierRenewed",
        "targetValueAchieved",
        "unifiedTargetsAchieved",
        "streakLevelAchieved",
        "streakEnd",
        "customerAdded",
    }
)
"""Events rarer than pointsIssued, which are shown first."""

_DECODE: Final = msgspec.json.Decoder().decode


class Watcher:
    """Counts notifications and what they add up to. Not thread-safe."""

    def __init__(self, log: Log, catalog: Catalog, definition: ProgramDefinition) -> None:
        self._consumer = log.consumer()
        self._consumer.assign(dict.fromkeys(partitions_of(catalog.notifications, catalog.partitions), 0))
        self._calendar = calendar_of(definition)
        self._tiers = [tier.name for tier in definition.tiers.levels] if definition.tiers else []
        self._in_tier = [0] * len(self._tiers)
        self._points = 0
        self._events: dict[str, int] = {}

    def look(self, timeout: float) -> list[Notice]:
        """Reads new notifications, waiting at most `seconds` for the first; returns a few worth showing."""
        messages = self._consumer.consume(_BATCH, timeout)
        events = self._events
        for message in messages:
            name = event_name(message)
            events[name] = events.get(name, 0) + 1
            if name == "pointsIssued":
                self._points += int(_data(message)["totalPointsIssued"])
            elif name == "tierUpgraded":
                self._moved(_data(message), "upgradedTierNumber")
            elif name == "tierDowngraded":
                self._moved(_data(message), "downgradedTierNumber")
        worth = [message for message in messages if event_name(message) in _NEWS] or messages
        return [self._notice(message) for message in worth[-_SHOWN_MAX:]]

    def snapshot(self, now: float, done: float, records: int, clock: int, notices: list[Notice]) -> Snapshot:
        """The progress so far; `clock` is the time in the data, milliseconds since the epoch."""
        customers = self._events.get("customerAdded", 0)
        tiers = [customers + self._in_tier[0], *self._in_tier[1:]] if self._tiers else []
        figures = [
            ("customers", customers),
            ("notifications", sum(self._events.values())),
            ("points issued", self._points),
        ]
        at = datetime.fromtimestamp(clock / 1000, UTC).date().isoformat() if clock else ""
        return Snapshot(now, done, records, at, figures, list(zip(self._tiers, tiers, strict=True)), notices)

    def close(self) -> None:
        """Release the consumer."""
        self._consumer.close()

    def _moved(self, data: Mapping[str, Any], reached: str) -> None:
        self._in_tier[int(data["previousTierNumber"]) - 1] -= 1
        self._in_tier[int(data[reached]) - 1] += 1

    def _notice(self, message: Message) -> Notice:
        name, data = event_name(message), _data(message)
        words = _WORDS.get(name)
        customer = (message.key or b"").decode().partition(":")[2]
        return Notice(name, int(customer or 0), words(self, data) if words else "")

    def tier_name(self, number: object) -> str:
        """The name of a tier by its number, as a notification gives it."""
        index = int(str(number)) - 1
        return self._tiers[index] if 0 <= index < len(self._tiers) else str(number)


def _data(message: Message) -> Mapping[str, Any]:
    body = _DECODE(message.value or b"{}")
    data: Mapping[str, Any] = body.get("attributes", body)["data"]
    return data


_WORDS: Final[dict[str, Callable[[Watcher, Mapping[str, Any]], str]]] = {
    "pointsIssued": lambda _, data: (
        f"{data['totalPointsIssued']:,.0f} points, balance {data['programCurrentPoints']:,.0f}"
    ),
    "pointsRedeemed": lambda _, data: f"{data['totalPointsRedeemed']:,.0f} points spent",
    "pointsExpired": lambda _, data: f"{data['pointsExpired']:,.0f} points expired",
    "issuedPointsReversed": lambda _, data: f"{data['currentEventTotalPointsReturned']:,.0f} points taken back",
    "tierUpgraded": lambda self, data: (
        f"{self.tier_name(data['previousTierNumber'])} to {self.tier_name(data['upgradedTierNumber'])}"
    ),
    "tierDowngraded": lambda self, data: (
        f"{self.tier_name(data['previousTierNumber'])} to {self.tier_name(data['downgradedTierNumber'])}"
    ),
    "tierRenewed": lambda self, data: self.tier_name(data["currentTierNumber"]),
    "targetValueAchieved": lambda _, data: str(data["targetDetails"]["name"]),
    "unifiedTargetsAchieved": lambda _, data: str(data["unifiedTargetGroupDetails"]["targetGroupName"]),
    "streakLevelAchieved": lambda _, data: str(data["streakData"][0]["streakLevelName"]),
    "streakEnd": lambda _, data: str(data["streakEndData"][0]["streakName"]),
}
