"""Notifications as sentences, with the names that programs give things."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.trial.names import Names
from pipeline.trial.told import HOUSE, told
from schemas.notifications import EventName
from schemas.program import ProgramDefinition


class Sentences:
    """Tells notifications of these programs, each in its latest version."""

    def __init__(self, definitions: Iterable[ProgramDefinition]) -> None:
        self._programs = {(definition.org_id, definition.program_id): definition for definition in definitions}

    def told(self, event: str, org_id: int, data: dict[str, Any]) -> str | None:
        """The notification as a sentence for the customer; None if a field is missing or its program is unknown."""
        if event not in set(EventName):
            return None
        names = None if EventName(event) in HOUSE else self._names(org_id, data)
        if names is None and EventName(event) not in HOUSE:
            return None
        try:
            return told(event, data, names)
        except (LookupError, ValueError):
            return None

    def _names(self, org_id: int, data: dict[str, Any]) -> Names | None:
        """The names of the program that the data is about: the one it names or has the target of, or the only one."""
        program_id = data.get("loyaltyProgramId") or data.get("loyaltyProgramDetails", {}).get("id")
        target_id = data.get("targetDetails", {}).get("id")
        fitting = [
            one
            for (org, program), one in self._programs.items()
            if org == org_id
            and program_id in (None, program)
            and (target_id is None or any(milestone.target_id == target_id for milestone in one.milestones))
        ]
        return Names(fitting[0]) if len(fitting) == 1 else None
