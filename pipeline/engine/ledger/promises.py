"""Promises: which points of a program are promised first, and what they wait for.

RULE (standing): a rule, milestone or streak says it for its own points, else the program for all of them; points given
by hand are current at once. Days count in the program's zone: promised through the award's day plus `days`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from pipeline.engine.calendar import as_day
from pipeline.engine.ledger.terms import Terms, own_terms
from schemas.facts import Awaits, IssuedFor
from schemas.program import (
    AtOnce,
    Delivered,
    EventRule,
    Expiry,
    OnDate,
    ProgramDefinition,
    Promised,
    PromisedOfBill,
    SpendRule,
    Triggered,
)
from schemas.records import CustomEventReceived

Source = tuple[IssuedFor, str]
"""What awards are for: as `Award.issued_for` and `Award.rule_id`."""
REFERENCE_MAX: Final = 128
"""Characters of a reference, as many as an id has."""


class Promise(NamedTuple):
    """What points wait for, compiled."""

    awaits: Awaits
    date: int | None = None
    """The day on which they become current, whenever they were awarded."""
    days: int | None = None
    """Full local days after the day of the award until they become current, or are cancelled."""
    event: str = ""
    """The custom event that makes them current, if they wait for one."""

    def is_over(self, day: int) -> bool:
        """Whether points awarded on `day` need not wait."""
        return self.date is not None and self.date <= day

    def due_on(self, day: int) -> int | None:
        """The day at whose start points awarded on `day` become current or are cancelled; None for never."""
        return self.date if self.days is None else day + self.days + 1


def promises_of(definition: ProgramDefinition) -> Mapping[Source, Promise]:
    """What is promised in a program, by what gives it."""
    promises: dict[Source, Promise] = {}
    for source, own, _ in _sources(definition):
        terms = own or definition.promised
        if isinstance(terms, Delivered) and source[0] is not IssuedFor.SPEND:
            continue
        if terms is not None and not isinstance(terms, AtOnce):
            promises[source] = _compiled(terms)
    return promises


def terms_by_source(definition: ProgramDefinition) -> Mapping[Source, Terms]:
    """How long points last of what gives them terms of its own."""
    return {source: terms for source, _, expiry in _sources(definition) if (terms := own_terms(expiry)) is not None}


def reference_of(event: CustomEventReceived) -> str:
    """What an event calls what it is about: its attribute `reference`, else its id."""
    named = event.attributes.get("reference")
    text = "" if isinstance(named, bool) else str(named or "")
    return text if 0 < len(text) <= REFERENCE_MAX else event.id


def _sources(definition: ProgramDefinition) -> Iterator[tuple[Source, PromisedOfBill | None, Expiry | None]]:
    for rule in definition.rules:
        if isinstance(rule, SpendRule):
            yield (IssuedFor.SPEND, rule.id), rule.promised, rule.expiry
        elif isinstance(rule, EventRule):
            yield (IssuedFor.EVENT, rule.id), rule.promised, rule.expiry
    for milestone in definition.milestones:
        yield (IssuedFor.MILESTONE, milestone.id), milestone.promised, milestone.expiry
    for unified in definition.unified_targets:
        yield (IssuedFor.MILESTONE, unified.id), unified.promised, unified.expiry
    for streak in definition.streaks:
        for level in streak.levels:
            yield (IssuedFor.STREAK, f"{streak.id}:{level.periods}"), streak.promised, level.expiry


def _compiled(terms: Promised) -> Promise:
    if isinstance(terms, OnDate):
        return Promise(awaits=Awaits.DATE, date=as_day(terms.date))
    if isinstance(terms, Delivered):
        return Promise(awaits=Awaits.DELIVERY, days=terms.within_days)
    if isinstance(terms, Triggered):
        return Promise(awaits=Awaits.TRIGGER, days=terms.within_days, event=terms.event or "")
    return Promise(awaits=Awaits.DATE, days=terms.days)
