"""The schedule: from one seed, which faults happen to whom, and for how long."""

from __future__ import annotations

import random
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

SLOTS: Final = (0, 1, 2)
SINK_SLOT: Final = 9


class Kind(StrEnum):
    """What can go wrong, or is done to a running installation."""

    KILL = "kill"
    """`kill -9` a worker, and start it again."""
    KILL_AND_LOSE_STATE = "kill_and_lose_state"
    """The same, and its local state is gone."""
    KILL_AND_TEAR_STATE = "kill_and_tear_state"
    """The same, and files of its local state are cut short."""
    FREEZE = "freeze"
    """A worker stands still for longer than its session and its transactions may last, and then goes on: a zombie."""
    RESTART = "restart"
    """A worker is stopped as an operator does, and started again."""
    ADD = "add"
    """One more worker."""
    REMOVE = "remove"
    """One worker fewer, stopped as an operator does."""
    BROKER_KILL = "broker_kill"
    BROKER_FREEZE = "broker_freeze"
    DELAY = "delay"
    """Everything between a worker and the broker takes longer."""
    CUT_OFF = "cut_off"
    """Nothing passes between a worker and the broker, for longer than its session and its transactions may last."""
    DEAF = "deaf"
    """The broker hears the worker, and the worker hears nothing."""
    MUTE = "mute"
    """The worker hears the broker, and the broker hears nothing."""
    RESET = "reset"
    """The worker's connections are reset, again and again for a while."""
    RESET_AT_COMMIT = "reset_at_commit"
    LOST_COMMIT_ANSWER = "lost_commit_answer"
    """The broker commits, and the worker never hears of it."""
    COMMIT_THEN_CUT_OFF = "commit_then_cut_off"
    """The broker commits, the answer is lost, and then nothing passes for a while."""
    LATE_COMMIT = "late_commit"
    """A request to commit stays on its way for longer than the transaction may last, then arrives."""
    KILL_AT_COMMIT = "kill_at_commit"
    """The worker is killed while its request to commit is on its way, which arrives later."""
    SINK_KILL = "sink_kill"
    SINK_FREEZE = "sink_freeze"
    SINK_CUT_OFF = "sink_cut_off"


class Fault(NamedTuple):
    """One fault; `slot` is the worker it happens to (0 where it happens to no worker)."""

    number: int
    kind: Kind
    slot: int
    seconds: float
    """How long it lasts, or how long what was killed stays down."""
    pause: float
    """Seconds of quiet after the recovery."""


_LONG: Final = (4.5, 7.0)
"""Beyond a session of 3 s and a transaction of 4 s."""
_SHORT: Final = (0.0, 1.0)
_SECONDS: Final[dict[Kind, tuple[float, float]]] = {
    Kind.FREEZE: _LONG,
    Kind.BROKER_FREEZE: (1.0, 6.0),
    Kind.DELAY: (1.0, 3.0),
    Kind.CUT_OFF: _LONG,
    Kind.DEAF: _LONG,
    Kind.MUTE: _LONG,
    Kind.RESET: (0.5, 2.0),
    Kind.COMMIT_THEN_CUT_OFF: (2.0, 7.0),
    Kind.LATE_COMMIT: _LONG,
    Kind.SINK_FREEZE: (1.0, 12.0),
    Kind.SINK_CUT_OFF: (1.0, 12.0),
}
_WEIGHTS: Final[dict[Kind, int]] = dict.fromkeys(Kind, 2) | {
    Kind.KILL: 4,
    Kind.FREEZE: 3,
    Kind.BROKER_KILL: 1,
    Kind.BROKER_FREEZE: 1,
    Kind.SINK_KILL: 3,
}


def schedule(seed: int, count: int, workers: int) -> list[Fault]:
    """`count` faults for an installation that begins with workers in the first `workers` slots.

    Every kind that is possible comes once before any comes twice.
    """
    chance = random.Random(seed)
    running = set(SLOTS[:workers])
    kinds = _kinds(chance, running)
    return [_fault(number, next(kinds), running, chance) for number in range(count)]


def _kinds(chance: random.Random, running: set[int]) -> Iterator[Kind]:
    due: list[Kind] = []
    for kind in Kind:
        due.insert(chance.randrange(len(due) + 1), kind)
    while True:
        first = next((kind for kind in due if _is_possible(kind, running)), None)
        if first is not None:
            due.remove(first)
            yield first
        else:
            kinds = [kind for kind in Kind if _is_possible(kind, running)]
            yield from chance.choices(kinds, [_WEIGHTS[kind] for kind in kinds])


def _is_possible(kind: Kind, running: set[int]) -> bool:
    match kind:
        case Kind.ADD:
            return len(running) < len(SLOTS)
        case Kind.REMOVE:
            return len(running) > 1
        case _:
            return True


def _fault(number: int, kind: Kind, running: set[int], chance: random.Random) -> Fault:
    if kind is Kind.ADD:
        slot = chance.choice(sorted(set(SLOTS) - running))
        running.add(slot)
    else:
        slot = chance.choice(sorted(running))
        if kind is Kind.REMOVE:
            running.discard(slot)
    seconds = round(chance.uniform(*_SECONDS.get(kind, _SHORT)), 1)
    return Fault(number, kind, slot, seconds, round(chance.uniform(0.0, 1.0), 1))
