"""A message of our own topics that cannot be read halts whoever reads it, with the place; nothing is passed over."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from pipeline.log.port import Outgoing, Partition
from tests.simulation.consumer import UNREADABLE
from tests.simulation.world import BASE, Plan, World

SECONDS = 60.0


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("topic", "halting"),
    [
        ("journal", {"loyalty", "sink"}),
        ("facts", {"sink"}),
        ("notifications.points", {"sink"}),
        ("state", {"loyalty", "sink"}),
    ],
)
def test_roles_that_read_a_topic_of_ours_halt_where_it_cannot_be_read(topic: str, halting: set[str]) -> None:
    world = World(Plan(0, "journal", BASE, rates={}, sink=True, loyalty=1))
    place = Partition(world.catalog.name(topic), 0)
    world.broker.append([Outgoing(*place[:1], None, UNREADABLE, place.number)], None)
    machine, workers = world.machine, world.workers
    for worker in workers:
        world._start(worker, 0.0)
    machine.at(0.1, world._deliver)
    try:
        machine.run(SECONDS, lambda: {one.role for one in workers if one.halted} == halting)
    finally:
        for worker in workers:
            if worker.process is not None:
                machine.kill(worker.process)

    assert {one.role for one in workers if one.halted} == halting
    assert all(f"cannot read offset 0 of {place}: " in one.halted for one in workers if one.halted)
