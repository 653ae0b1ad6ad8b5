"""Customers in memory keep what a partition would keep."""

from __future__ import annotations

import json

from msgspec.structs import replace

from pipeline.cli.program_file import load_program
from pipeline.engine.programs import Programs
from pipeline.trial.customers import Customers, Who
from schemas.records import TransactionAdded
from tests.trial.trying import BASE

DAY = 86_400_000
BILL = TransactionAdded(
    received_at=1_000 * DAY,
    source="try:0",
    offset=1,
    org_id=100,
    customer_id=4711,
    id="t1",
    digest=1,
    event_time=1_000 * DAY,
    bill_number="A",
    amount_minor=1_000,
    currency="GBP",
)
PROGRAMS = Programs().activate(load_program(json.dumps(BASE | {"returns": {"window_days": 40}})))


def test_bill_is_forgotten_when_its_time_is_up_and_not_before() -> None:
    customers, who = Customers(), Who(org_id=100, customer_id=4711)
    customers.decide(BILL, PROGRAMS)
    entries = customers.states[who].entries
    forgotten_at = entries["bill:A"].forgotten_at

    list(customers.fire(forgotten_at - 1, PROGRAMS))
    assert list(entries) == ["bill:A"]
    list(customers.fire(forgotten_at, PROGRAMS))
    assert list(entries) == []


def test_bill_whose_number_came_again_is_forgotten_when_the_time_of_the_later_one_is_up() -> None:
    customers, who = Customers(), Who(org_id=100, customer_id=4711)
    customers.decide(BILL, PROGRAMS)
    entries = customers.states[who].entries
    first = entries["bill:A"].forgotten_at
    later = replace(BILL, received_at=first - DAY, id="t2", digest=2, event_time=first - DAY)
    customers.decide(later, PROGRAMS)

    list(customers.fire(first, PROGRAMS))

    assert list(entries) == ["bill:A"]
