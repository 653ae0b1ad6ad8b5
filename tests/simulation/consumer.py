"""Reading from the simulated log: a client that learns late what its group has decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.log.port import Committed, Fenced, LogError, Message, Partition, Unavailable, Unreadable
from tests.simulation.client import Client
from tests.simulation.groups import Group, Member, News

if TYPE_CHECKING:
    from tests.simulation.broker import SimBroker


_ASSIGN_SECONDS = 10.0

UNREADABLE = b"what no client can decompress"
"""The value of a message that is not delivered: whoever comes to it is told that it cannot be read."""


class Ordered(frozenset[Partition]):
    """A set with an order, so that a seed means the same in every process."""

    def __iter__(self) -> Any:
        return iter(sorted(super().__iter__()))


class SimConsumer(Client):
    """A consumer; `group_metadata` is what its client knows of its membership, right or wrong."""

    stable = True

    def __init__(self, broker: SimBroker, group: str | None, name: str | None, session: float) -> None:
        super().__init__(broker)
        self.held: dict[Partition, int | None] = {}
        self._fetched_at: dict[Partition, float] = {}
        """When the first messages after a seek come."""
        self._instance = name
        self._name = group
        self._session = session
        self._topics: Sequence[str] = ()
        self._callbacks: dict[str, Callable[[Sequence[Partition]], None]] = {}
        self._member: Member | None = None
        self._closed = False

    def subscribe(self, topics: Sequence[str], *, assigned: Any, revoked: Any, lost: Any) -> None:
        """Join the group at the first `consume`."""
        self._group("subscribe")
        for topic in topics:
            self._broker.partitions(topic)
        self._topics = tuple(topics)
        self._callbacks = {"assigned": assigned, "revoked": revoked, "lost": lost}

    def assign(self, positions: Mapping[Partition, int]) -> None:
        """Read exactly these partitions."""
        for partition in positions:
            self._broker.lane(partition)
        if positions:
            self.ask("assign", _ASSIGN_SECONDS)
        self.held = dict(positions)

    def consume(self, limit: int, timeout: float) -> list[Message]:
        """Up to `limit` messages; callbacks run here."""
        machine, faults = self._machine, self._machine.faults
        machine.step("consume")
        self._disturb_group()
        deadline = machine.now + timeout
        while True:
            away = self._broker.reaches(self.process)
            self._keep_membership()
            if away <= machine.now:
                if faults.hit("redelivered"):
                    self._redeliver()
                messages = self._readable(self._read(limit))
                if messages:
                    machine.note(f"got {[(one.topic, one.partition, one.offset) for one in messages]}")
                    return messages
            left = deadline - machine.now
            if left <= 0:
                return []
            soon = [at for at in (away, *self._fetched_at.values()) if at > machine.now]
            machine.park(min(left, *(at - machine.now for at in soon)) if soon else left)

    def seek(self, partition: Partition, offset: int) -> None:
        """Deliver from `offset` on."""
        if partition not in self.held:
            message = f"cannot seek in {partition}: it is not assigned to this consumer"
            raise LogError(message)
        self.held[partition] = offset
        self._fetched_at[partition] = self._machine.now + self._broker.seek_seconds

    def examine(self, partition: Partition, timeout: float) -> None:
        """Nothing to find out: this client says what it cannot read."""

    def assignment(self) -> frozenset[Partition]:
        """The partitions held, as far as this client knows."""
        return Ordered(self.held)

    def committed(self, partitions: Iterable[Partition], timeout: float) -> dict[Partition, Committed]:
        """Committed offsets; waits while a transaction is ending that has others for them."""
        group, wanted = self._group("read offsets"), list(partitions)
        deadline = self._machine.now + timeout
        self.ask("committed", timeout)
        while self.stable and any(group.pending.get(one) for one in wanted):
            if self._machine.now >= deadline:
                message = "the offsets are not stable"
                raise Unavailable(message)
            self._machine.park(deadline - self._machine.now)
        found = {one: group.offsets.get(one, Committed(None)) for one in wanted}
        self._machine.step(f"committed {[(*one, *found[one]) for one in wanted]}")
        return found

    def commit_offsets(self, offsets: Mapping[Partition, Committed], timeout: float) -> None:
        """Commit outside a transaction; where it is unclear whether it took effect, it may be made again."""
        group = self._group("commit offsets")
        self.ask("commit offsets", timeout)
        if not self.vouches_for(offsets) or not group.accepts(self._member):
            message = "cannot commit offsets: the group has moved on"
            raise Fenced(message)
        for partition, committed in offsets.items():
            group.commit(partition, committed)
        self._machine.step("offsets committed")
        if self._machine.faults.hit("unavailable"):
            message = "cannot commit offsets: the answer was lost"
            raise Unavailable(message)

    def bounds(self, partitions: Iterable[Partition], timeout: float) -> dict[Partition, tuple[int, int]]:
        """(first offset kept, last stable offset)."""
        found: dict[Partition, tuple[int, int]] = {}
        for partition in partitions:
            lane = self._broker.lane(partition)
            self.ask("bounds", timeout)
            found[partition] = lane.first, lane.stable
            self._machine.step(f"bounds {found[partition]}")
        return found

    def position(self, partition: Partition) -> int | None:
        """The offset after the last message delivered or skipped."""
        return self.held.get(partition)

    def close(self) -> None:
        """Leave the group; one that cannot say so is missed when its session is over."""
        if not self._closed:
            self._closed = True
            if self._member is not None:
                self._machine.step("leave")
                self._member.over = True
                if self.hears():
                    self._group("leave").leave(self._member)
            self.held = {}

    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process is not None and self.process.ended

    def awake(self) -> bool:
        """Whether the process runs."""
        return self.process is None or self.process.runs(self._machine.now)

    def hears(self) -> bool:
        """Whether this client and the log hear of each other."""
        return self.awake() and self._broker.reaches(self.process) <= self._machine.now

    def vouches_for(self, partitions: Iterable[Partition]) -> bool:
        """Whether this client believes that it holds these partitions."""
        return self._member is not None and self.held.keys() >= set(partitions)

    def membership(self) -> tuple[Group, Member | None]:
        """What is sent with offsets."""
        return self._group("send offsets"), self._member

    def _group(self, action: str) -> Group:
        if self._name is None:
            message = f"cannot {action}: the consumer was made without a group"
            raise LogError(message)
        return self._broker.group(self._name)

    def _keep_membership(self) -> None:
        """Tell the application what the client has learned, and join where it is no member."""
        if not self._topics:
            return
        member = self._member
        if member is not None:
            if member.fenced:
                message = "cannot consume: another consumer has taken the place of this member"
                raise Fenced(message)
            while member.news:
                self._tell(member, member.news[0])
                member.news.popleft()
        if self._member is None and self.hears():
            self._member = Member(self, self._instance, self._topics, self._session, self._machine.now)
            self._group("consume").join(self._member)

    def _tell(self, member: Member, news: News) -> None:
        partitions = list(news.partitions) if news.kind == "assigned" else sorted(self.held)
        self._machine.note(f"{news.kind} {partitions}")
        if news.kind == "assigned":
            self.held.update(dict.fromkeys(partitions))
        if partitions:
            self._callbacks[news.kind](partitions)
        if news.kind != "assigned":
            self.held = {}
        if news.kind == "revoked":
            member.joining = True
        if news.kind == "lost":
            self._member = None

    def _disturb_group(self) -> None:
        if self._name is None:
            return
        if self._machine.faults.hit("rebalance"):
            self._group("consume").rebalance()
        if self._machine.faults.hit("eviction"):
            self._group("consume").evict_one()

    def _read(self, limit: int) -> list[Message]:
        """From the partitions in any order; a client hands over what it happens to have."""
        chance = self._machine.chance
        lanes = self._broker.lanes
        now = self._machine.now
        held = [
            one
            for one, position in self.held.items()
            if position is not None and position != lanes[one].end and self._fetched_at.get(one, now) <= now
        ]
        if not self._broker.undisturbed:
            chance.shuffle(held)
            limit = chance.choice((limit, chance.randint(1, limit)))
        messages: list[Message] = []
        for partition in held:
            if len(messages) >= limit:
                break
            found, position = self._broker.lane(partition).read(self.held[partition] or 0, limit - len(messages))
            messages += found
            self.held[partition] = position
        return messages

    def _readable(self, messages: list[Message]) -> list[Message]:
        """The messages before the first in each partition that cannot be read; raises where there are none before."""
        found: list[Message] = []
        stuck: dict[Partition, Message] = {}
        for message in messages:
            partition = Partition(message.topic, message.partition)
            if partition in stuck:
                continue
            if message.value == UNREADABLE:
                stuck[partition] = message
                self.held[partition] = message.offset
            else:
                found.append(message)
        if stuck and not found:
            partition, message = next(iter(stuck.items()))
            self._machine.note(f"cannot read {message.offset} of {partition}")
            first = message.offset
            problem = "nobody can read this"
            raise Unreadable(problem, partition=partition, first=first, after=first + 1)
        return found

    def _redeliver(self) -> None:
        """Fetch again what came before, as clients have been seen to do after an assignment."""
        for partition, position in self.held.items():
            if position:
                back = self._machine.chance.randint(1, 5)
                self.held[partition] = max(self._broker.lane(partition).first, position - back)
