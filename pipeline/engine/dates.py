"""Dates: which local day a record has.

RULE: that of the program's zone, or, where the program says so, of its store's or of the customer's own; where that is
not known, the program's. Ends of periods, of streaks and of points are always those of the program.
"""

from __future__ import annotations

from typing import Final

from pipeline.engine.calendar import Calendar, calendar_of
from schemas.program import ProgramDefinition
from schemas.records import CustomerRecord, CustomEventReceived, Profile, TransactionAdded
from schemas.zones import zone_names

ZONE_FIELD: Final = "timeZone"
"""The extended field of a profile that is the customer's IANA zone."""


class Dates:
    """The dates of records in one version of a program."""

    def __init__(self, definition: ProgramDefinition) -> None:
        self._by = definition.days.zone
        self.differ = self._by != "program"
        """Whether records may have another date than that of the program's zone."""
        self._starts = definition.days.minutes
        self._calendar = calendar_of(definition)
        self._calendars: dict[str, Calendar] = {}

    def calendar_of(self, record: CustomerRecord | None, profile: Profile) -> Calendar:
        """The calendar by which a record has its date."""
        if not self.differ:
            return self._calendar
        zone = profile.extended.get(ZONE_FIELD, "")
        if self._by == "store":
            zone = record.zone if isinstance(record, TransactionAdded | CustomEventReceived) else ""
        if zone not in zone_names():
            return self._calendar
        known = self._calendars.get(zone)
        if known is None:
            known = self._calendars[zone] = Calendar(zone, self._starts)
        return known
