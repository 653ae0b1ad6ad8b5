"""Notifications: what downstream systems are told, and how."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Final, Literal

from schemas.limits import AtMost, Limit, Misfit
from schemas.notifications import EventName
from schemas.program.values import Definition

_EVENTS: Final = tuple(name.value for name in EventName)


class OfEvent(Limit):
    """The name of a notification that there is."""

    def check(self, value: str) -> None:
        """Raise `Misfit` for another name, with the one that was meant."""
        if value not in _EVENTS:
            close = get_close_matches(value, _EVENTS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"write one of {', '.join(_EVENTS)}"
            message = f"no notification has this name; {hint}"
            raise Misfit(message)

    def in_schema(self) -> dict[str, object]:
        """The names."""
        return {"enum": list(_EVENTS)}


NotificationProfile = Literal["flat", "wrapped", "as-published"]
"""How the JSON of notifications is laid out: all in one of two envelopes, or each as the vendor's page prints it."""


class Notifications(Definition):
    """What downstream systems are told, and how."""

    profile: NotificationProfile = "flat"
    off: Annotated[tuple[Annotated[str, OfEvent()], ...], AtMost(len(EventName))] = ()
    """Event names that are not emitted, such as `targetAchievedValueUpdated`."""
    identifiers: bool = True
    """Whether mobile, e-mail and external ids are part of customer identifiers."""
