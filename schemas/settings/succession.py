"""Which settings of an org may follow which: what makes ids and duplicates never changes under a name."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.settings.events import EventDefinition
from schemas.settings.orgs import Org
from schemas.succession import Breach


def breaches(before: Org, after: Org) -> Iterator[Breach]:
    """Everything that keeps `after` from following `before`; paths are within the org's own part of the file."""
    if before.ids != after.ids:
        yield Breach(
            path="ids",
            problem=f"is {after.ids}, and was {before.ids}: customers have ids of that kind already",
            remedy=f"keep {before.ids}",
        )
    places = {event.name: place for place, event in enumerate(after.events)}
    for event in before.events:
        place = places.get(event.name)
        if place is None:
            yield Breach(
                path="events",
                problem=f"the event {event.name!r} is missing, which may still be on its way",
                remedy="put it back, with `retired: true` if it has ended",
            )
        elif _key(event) != _key(after.events[place]):
            yield Breach(
                path=f"events[{place}].fields",
                problem=f"make two events the same by {_key(after.events[place]) or 'nothing'}, "
                f"and did by {_key(event) or 'nothing'}: earlier events are remembered so",
                remedy="keep the unique key, or define an event with another name",
            )
        elif _subject(event) != _subject(after.events[place]):
            yield Breach(
                path=f"events[{place}].fields",
                problem=f"are about {_subject(after.events[place])}, and were about {_subject(event)}",
                remedy="keep the field that says who the event is about, or define an event with another name",
            )
        elif event.unique != after.events[place].unique:
            yield Breach(
                path=f"events[{place}].unique",
                problem=f"is {after.events[place].unique}, and was {event.unique}: earlier events are remembered so",
                remedy=f"keep {event.unique}, or define an event with another name",
            )


def _key(event: EventDefinition) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in event.unique_key)


def _subject(event: EventDefinition) -> str:
    subject = event.subject
    return "whom the message names" if subject is None else f"{subject.name} ({subject.identifier_type})"
