"""Groups of the simulated log, and what the clients of their members learn: static names, whole rebalances.

As in Kafka with the `range` assignor: in a rebalance every member gives up all that it has, joins once more, and gets
its share by its name. One that comes back under its name has its place at once, without a rebalance, and whoever had
it before is fenced. What its group has decided a client learns with its next heartbeat, and not before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from pipeline.log.port import Committed, Partition
from tests.simulation.lanes import Transaction
from tests.simulation.machine import Machine

_HEARTBEAT_SECONDS_MAX = 1.0
_REBALANCE_SECONDS = 0.3
"""How long others may take to join a rebalance that nothing holds up."""
_ANSWER_SECONDS = 0.05
_LOOK_SECONDS = 0.1
_COMMITS_LOST_MAX = 20


class News(NamedTuple):
    """What a member's client tells its application in the next `consume`."""

    kind: str
    """`assigned`, `revoked` or `lost`; the last two are about all that the member has."""
    partitions: Sequence[Partition] = ()


class Client(Protocol):
    """What the coordinator sees of a consumer."""

    held: dict[Partition, int | None]

    def ended(self) -> bool:
        """Whether its process is gone."""

    def awake(self) -> bool:
        """Whether its process runs."""

    def hears(self) -> bool:
        """Whether it and the log hear of each other."""


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
        self.news: deque[News] = deque()
        self.joining = False
        """Whether it has given up what it had, and waits for its share."""
        self.gone = False
        """Whether the coordinator does not know it any more."""
        self.replaced = False
        """Whether another consumer has its name now."""
        self.fenced = False
        """Whether its client knows that."""
        self.over = False
        """Whether its client knows that it is no member any more."""
        self.assignment: list[Partition] = []
        """As the coordinator has it."""


class Group:
    """One consumer group."""

    def __init__(
        self, machine: Machine, partitions_of: Callable[[str], Sequence[Partition]], up_since: Callable[[], float]
    ) -> None:
        """`up_since`: when the log was back after its last outage; sessions begin anew then."""
        self.generation = 0
        self.offsets: dict[Partition, Committed] = {}
        self._commits: list[tuple[Partition, Committed]] = []
        self.pending: dict[Partition, dict[Transaction, Committed]] = {}
        self.members: list[Member] = []
        self._machine = machine
        self._partitions_of = partitions_of
        self._up_since = up_since
        self._rebalancing = False

    def join(self, member: Member) -> None:
        """A new member; one with the name of another takes its place, and its partitions at once."""
        former = next((one for one in self.members if one.name is not None and one.name == member.name), None)
        member.joining = True
        if former is None:
            self.members.append(member)
            self.rebalance()
        else:
            former.gone = former.replaced = True
            self.members[self.members.index(former)] = member
            member.assignment = former.assignment
            if not self._rebalancing:
                self._answer(member)
        self._machine.at(_every(member) * self._machine.chance.random(), partial(self._beat, member))

    def leave(self, member: Member) -> None:
        """A member is gone, by itself or because nobody heard of it."""
        member.gone = True
        if member in self.members:
            self.members.remove(member)
            self.rebalance()

    def rebalance(self) -> None:
        """Share the partitions anew, once everybody has given up what it has."""
        if not self._rebalancing and self.members:
            self._rebalancing = True
            self._machine.at(_REBALANCE_SECONDS * self._machine.chance.random(), self._try)

    def accepts(self, member: Member | None) -> bool:
        """Whether it is a member of this generation."""
        return member is not None and not member.gone and member.generation == self.generation

    def commit(self, partition: Partition, committed: Committed) -> None:
        """An offset takes effect."""
        self._commits.append((partition, committed))
        self.offsets[partition] = committed

    def go_back(self) -> None:
        """Come back with offsets of some time ago, as Kafka 4.1 has been seen to do when a broker was killed.

        Each partition keeps one: a worker that finds none beside a state takes itself for one of another group.
        """
        lost = self._machine.chance.randint(1, _COMMITS_LOST_MAX)
        firsts = dict(reversed(self._commits))
        self._commits = [*firsts.items(), *self._commits[:-lost]]
        self.offsets = dict(self._commits)
        self.rebalance()

    def evict_one(self) -> None:
        """Forget a member, as a coordinator that moved to another broker may."""
        if self.members:
            self.leave(self._machine.chance.choice(self.members))

    def _beat(self, member: Member) -> None:
        """A heartbeat, or the lack of one, as long as the coordinator or the client believes in the membership."""
        now, client = self._machine.now, member.client
        member.over = member.over or client.ended()
        if not member.over and client.hears():
            member.heard_at = now
            self._tell(member)
        elif member in self.members and now - max(member.heard_at, self._up_since()) > member.session:
            self._machine.note("session over")
            self.leave(member)
        elif not member.over and client.awake() and now - member.heard_at > member.session:
            self._lose(member)  # nobody has answered for so long that others may have its partitions
        if member in self.members or not member.over:
            self._machine.at(_every(member), partial(self._beat, member))

    def _tell(self, member: Member) -> None:
        """What a heartbeat is answered with."""
        if member.replaced:
            member.fenced = member.over = True
            self._machine.wake_all()
        elif member.gone:
            self._lose(member)
        elif self._rebalancing and not member.joining and News("revoked") not in member.news:
            if member.client.held or member.news:
                member.news.append(News("revoked"))
                self._machine.wake_all()
            else:
                member.joining = True

    def _lose(self, member: Member) -> None:
        member.over = True
        member.news.append(News("lost"))
        self._machine.wake_all()

    def _try(self) -> None:
        """End the rebalance, if every member has joined."""
        if not all(member.joining and member.client.hears() for member in self.members):
            self._machine.at(_LOOK_SECONDS, self._try)
            return
        self._rebalancing = False
        if not self.members:
            return
        self.generation += 1
        self._machine.note(f"generation {self.generation}")
        self._share()
        for member in self.members:
            self._answer(member)

    def _share(self) -> None:
        """Each topic by itself, in ranges, in the order of the members' names."""
        for member in self.members:
            member.assignment = []
        for topic in sorted({topic for member in self.members for topic in member.topics}):
            takers = sorted((one for one in self.members if topic in one.topics), key=lambda one: one.name or "")
            rest = list(self._partitions_of(topic))
            for index, member in enumerate(takers):
                size = -(-len(rest) // (len(takers) - index))
                member.assignment += rest[:size]
                rest = rest[size:]

    def _answer(self, member: Member) -> None:
        """Send a member its share."""
        learns = partial(self._learn, member, self.generation, list(member.assignment))
        self._machine.at(_ANSWER_SECONDS * self._machine.chance.random(), learns)

    def _learn(self, member: Member, generation: int, assignment: Sequence[Partition]) -> None:
        if member.gone or member.over or generation != self.generation:
            return
        if not member.client.hears():
            self._machine.at(_LOOK_SECONDS, partial(self._learn, member, generation, assignment))
            return
        member.joining = False
        member.generation = generation
        member.news.append(News("assigned", assignment))
        self._machine.wake_all()


def _every(member: Member) -> float:
    return min(member.session / 3, _HEARTBEAT_SECONDS_MAX)
