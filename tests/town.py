"""Customers who ask things of one another: what a decision asks waits until the test delivers it, or loses patience."""

from __future__ import annotations

from typing import Final

from pipeline.engine.decide import requests_of
from pipeline.engine.ledger.state import LedgerAccount
from schemas.program import ProgramDefinition
from schemas.records import AnyCustomerRecord, ForwardRecord, Request, forwarded
from tests.dsl import Story
from tests.steps import ORG, Activation, Step

SOURCE: Final = "loyalty.journal:0"


class Town:
    """The customers of one org; `programs` are in force from the beginning."""

    def __init__(self, *programs: ProgramDefinition) -> None:
        self.stories: dict[int, Story] = {}
        self.waiting: list[Request] = []
        """What was asked and is not delivered, in order."""
        self._programs: list[ProgramDefinition | Activation] = [*programs]
        self._records = 0

    def customer(self, number: int) -> Story:
        """The story of a customer."""
        if number not in self.stories:
            self.stories[number] = Story(*self._programs, customer=number)
        return self.stories[number]

    def play(self, record: AnyCustomerRecord, as_of: int | None = None, *, was_held: bool = False) -> Story:
        """Decide a record of whatever customer it is about."""
        story = self.customer(record.customer_id)
        story.play(record, as_of, was_held=was_held)
        self._gather(record.customer_id, story, was_held=was_held)
        return story

    def pass_time(self, step: Step) -> None:
        """The passing of time, or a new version, for everybody."""
        if isinstance(step, ProgramDefinition | Activation):
            self._programs.append(step)
        for number in list(self.stories):
            self.customer(number).play(step)
            self._gather(number, self.stories[number])

    def deliver(self) -> Story:
        """Decide what was asked first; the customer of whom it was asked."""
        request = self.waiting.pop(0)
        asked = forwarded(request)  # type: ignore[arg-type]  # the union's cases
        was_held = isinstance(request, ForwardRecord) and request.was_held
        return self.play(asked, asked.received_at, was_held=was_held)  # type: ignore[arg-type]  # likewise

    def settle(self) -> None:
        """Deliver until nothing is asked any more."""
        while self.waiting:
            self.deliver()

    def total(self, account: LedgerAccount, currency: str = "POINTS") -> int:
        """What all customers together have in an account of program 1."""
        return sum(story.account(1, currency).total(account) for story in self.stories.values())

    def _gather(self, number: int, story: Story, *, was_held: bool = False) -> None:
        self._records += 1
        self.waiting += requests_of((ORG, number), story.groups, source=SOURCE, offset=self._records, was_held=was_held)
