"""The group coordinator of the simulated log: members, generations, cooperative rebalances, committed offsets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from pipeline.log.port import Committed, Partition
from tests.simulation.lanes import Transaction
from tests.simulation.machine import Machine, Process

_BEAT_SECONDS = 0.5


class Change:
    """What a member's client will tell its application in the next `consume`."""

    def __init__(self, kind: str, partitions: Sequence[Partition]) -> None:
        self.kind = kind
        self.partitions = list(partitions)


class Client(Protocol):
    """What the coordinator sees of a consumer."""

    process: Process | None
    held: dict[Partition, int | None]


class Member:
    """One membership of a consumer; a consumer that was thrown out gets a new one."""

    def __init__(self, client: Client, name: str | None, topics: Sequence[str], session: float, now: float) -> None:
        self.client = client
        self.name = name
        self.topics = topics
        self.session = session
        self.heard_at = now
        self.generation = 0
        """As its client knows it."""
        self.changes: deque[Change] = deque()
        self.learning = False
        """Whether the outcome of a rebalance is on its way to it."""
        self.gone = False
        self.replaced = False
        """Whether another consumer has its name now."""
        self.assignment: list[Partition] = []
        """As the coordinator has it."""


class Group:
    """One consumer group."""

    def __init__(self, machine: Machine, partitions_of: Callable[[str], Sequence[Partition]]) -> None:
        self.generation = 0
        self.offsets: dict[Partition, Committed] = {}
        self.pending: dict[Partition, dict[Transaction, Committed]] = {}
        self.members: list[Member] = []
        self._machine = machine
        self._partitions_of = partitions_of
        self._rebalancing = False
        self._turn = 0

    def join(self, member: Member) -> None:
        """A new member; one with the name of another takes its place, and its partitions at once."""
        if not self.members:
            self._machine.at(_BEAT_SECONDS, self._beat)
        self.members.append(member)
        former = next((one for one in self.members[:-1] if one.name is not None and one.name == member.name), None)
        if former is None:
            self.rebalance()
            return
        former.gone = former.replaced = True
        self.members.remove(former)
        member.generation, member.assignment = self.generation, former.assignment
        if member.assignment:
            member.changes.append(Change("assigned", member.assignment))
        self.rebalance()

    def leave(self, member: Member) -> None:
        """A member is gone, by itself or because nobody heard of it."""
        member.gone = True
        if member in self.members:
            self.members.remove(member)
            self.rebalance()

    def rebalance(self, *, moving: bool = False) -> None:
        """Share the partitions anew, soon; `moving` takes some from whoever has them."""
        self._turn += moving
        if not self._rebalancing and self.members:
            self._rebalancing = True
            self._machine.at(0.3 * self._machine.chance.random(), self._try)

    def accepts(self, member: Member | None) -> bool:
        """Whether it is a member of this generation."""
        return member is not None and not member.gone and member.generation == self.generation

    def evict_one(self) -> None:
        """Forget a member, as a coordinator that moved to another broker may."""
        if self.members:
            self.leave(self._machine.chance.choice(self.members))

    def _beat(self) -> None:
        now = self._machine.now
        for member in list(self.members):
            process = member.client.process
            if process is None or process.hears(now):
                member.heard_at = now
            elif now - member.heard_at > member.session:
                self._machine.note("session over")
                self.leave(member)
        if self.members:
            self._machine.at(_BEAT_SECONDS, self._beat)

    def _try(self) -> None:
        """End the rebalance, if every member has joined: told its application what it must, and is heard."""
        now = self._machine.now
        for member in self.members:
            process = member.client.process
            if member.changes or member.learning or not (process is None or process.hears(now)):
                self._machine.at(0.1, self._try)
                return
        self._rebalancing = False
        if self.members:
            self.generation += 1
            self._share()

    def _share(self) -> None:
        machine = self._machine
        machine.note(f"generation {self.generation}")
        partitions = sorted({one for member in self.members for topic in member.topics for one in _all(self, topic)})
        owner = {one: member for member in self.members for one in member.client.held}
        wanted: dict[Member, set[Partition]] = {member: set() for member in self.members}
        most = -(-len(partitions) // len(self.members))
        for index, one in enumerate(partitions):
            member = owner.get(one)
            moved = self._turn and (index + self._turn) % 2
            if member is None or moved or len(wanted[member]) >= most:
                member = min(self.members, key=lambda each: (len(wanted[each]), each is member))
            wanted[member].add(one)
        self._turn = 0
        for member in self.members:
            held = set(member.client.held)
            changes = []
            if leaving := sorted(held - wanted[member]):
                changes.append(Change("revoked", leaving))
            coming = sorted(one for one in wanted[member] - held if one not in owner)
            if coming:
                changes.append(Change("assigned", coming))
            member.assignment = sorted((held & wanted[member]) | set(coming))
            member.learning = True
            machine.at(0.05 * machine.chance.random(), partial(self._learn, member, self.generation, changes))

    def _learn(self, member: Member, generation: int, changes: list[Change]) -> None:
        member.learning = False
        if not member.gone:
            member.generation = generation
            member.changes.extend(changes)
            self._machine.wake_all()


def _all(group: Group, topic: str) -> Sequence[Partition]:
    return group._partitions_of(topic)
