"""The simulated log: `pipeline.log.port` over memory, with what goes wrong between a client and a Kafka cluster.

A request and its answer travel apart. A request may be lost, or arrive long after its caller gave up; an answer may be
lost though the request took effect; a transaction ends with markers that are written one by one, some of them late.
As in Kafka, the epoch of a transactional id is all that keeps a late request from a later transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Never

from pipeline.clock import Clock
from pipeline.log.partitioner import partition_for
from pipeline.log.port import (
    Aborted,
    Committed,
    Fenced,
    LogError,
    Message,
    OutcomeUnknown,
    Outgoing,
    Partition,
    TopicSpec,
    Unavailable,
)
from tests.simulation.groups import Change, Group, Member
from tests.simulation.lanes import Lane, Transaction
from tests.simulation.machine import Machine, Violation

_LATE_SECONDS = 12.0
"""How late a request may arrive."""
_RETRY_SECONDS = 0.05
_INIT_SECONDS = 10.0


class _Identity:
    """One transactional id as its coordinator knows it."""

    def __init__(self) -> None:
        self.epoch = 0
        self.transaction: Transaction | None = None
        self.ended: bool | None = None
        """Whether the last transaction was committed."""


class SimBroker:
    """The log."""

    def __init__(self, machine: Machine, clock: Clock, *, undisturbed: bool = False) -> None:
        """`undisturbed`: no request is slow, and reads come in order."""
        self.machine = machine
        self.clock = clock
        self.undisturbed = undisturbed
        self.topics: dict[str, TopicSpec] = {}
        self.lanes: dict[Partition, Lane] = {}
        self.groups: dict[str, Group] = {}
        self.down_until = 0.0
        self.begun: dict[str, str] = {}
        """By slot: the process that has begun as its producer last."""
        self._identities: dict[str, _Identity] = {}
        self._turn = 0

    def consumer(
        self, group: str | None = None, *, member: str | None = None, session_timeout: float = 10.0
    ) -> SimConsumer:
        """A consumer of the running process."""
        return SimConsumer(self, group, member, session_timeout)

    def producer(self, transactional_id: str | None = None, *, transaction_timeout: float = 15.0) -> SimProducer:
        """A producer of the running process."""
        return SimProducer(self, transactional_id, transaction_timeout)

    def create_topics(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Create those that are missing; the names created."""
        new = [spec for spec in topics if spec.name not in self.topics]
        for spec in new:
            self.topics[spec.name] = spec
            for number in range(spec.partitions):
                self.lanes[Partition(spec.name, number)] = Lane(Partition(spec.name, number))
        return [spec.name for spec in new]

    def describe_topics(self) -> dict[str, TopicSpec]:
        """Every topic."""
        return dict(self.topics)

    def group_offsets(self, group: str, topics: Sequence[str]) -> dict[Partition, Committed]:
        """What a group has committed."""
        offsets = self.group(group).offsets
        return {one: offsets.get(one, Committed(None)) for topic in topics for one in self.partitions(topic)}

    def ends(self, partitions: Collection[Partition], timeout: float) -> dict[Partition, int]:
        """The last stable offset of each."""
        lanes = {one: self.lane(one) for one in partitions}
        _Client(self)._ask("ends", timeout)
        found = {one: lane.stable for one, lane in lanes.items()}
        self.machine.step(f"ends {sorted(found.values())}")
        return found

    def unsettled(self, topics: Sequence[str]) -> dict[Partition, tuple[int, int]]:
        """Where the last stable offset lies before the end."""
        lanes = {one: self.lane(one) for topic in topics for one in self.partitions(topic)}
        return {one: (lane.stable, lane.end) for one, lane in lanes.items() if lane.stable < lane.end}

    def close(self) -> None:
        """Nothing is held."""

    def group(self, name: str) -> Group:
        """A group, made at the first mention."""
        if name not in self.groups:
            self.groups[name] = Group(self.machine, self.partitions)
        return self.groups[name]

    def partitions(self, topic: str) -> list[Partition]:
        """The partitions of a topic."""
        if topic not in self.topics:
            message = f"there is no topic {topic}"
            raise LogError(message)
        return [Partition(topic, number) for number in range(self.topics[topic].partitions)]

    def lane(self, partition: Partition) -> Lane:
        """The records of a partition."""
        if partition not in self.lanes:
            message = f"there is no {partition}"
            raise LogError(message)
        return self.lanes[partition]

    def place(self, message: Outgoing) -> Partition:
        """Where a message goes."""
        count = len(self.partitions(message.topic))
        number = message.partition
        if number is None and message.key is None:
            self._turn += 1
            number = self._turn % count
        elif number is None:
            number = partition_for(message.key or b"", count)
        return self.lane(Partition(message.topic, number)).partition

    def append(self, messages: Iterable[Outgoing], transaction: Transaction | None) -> None:
        """Write messages."""
        for one in messages:
            topic, number = self.place(one)
            at = self.clock.wall() if one.timestamp is None else one.timestamp
            stored = Message(topic, number, 0, one.key, one.value, at, one.headers)
            self.lanes[Partition(topic, number)].append(stored, transaction)

    def compact(self) -> None:
        """Let the cleaner run over every compacted topic."""
        for partition, lane in self.lanes.items():
            if self.topics[partition.topic].config.get("cleanup.policy") == "compact":
                lane.compact(self.machine.chance.randrange(20))

    def identity(self, transactional_id: str) -> _Identity:
        """The transactional id's standing."""
        return self._identities.setdefault(transactional_id, _Identity())

    def reaches(self, process: Any) -> float:
        """When the process can reach the log; now or earlier: at once."""
        return max(self.down_until, process.cut_until if process is not None else 0.0)

    def ongoing(self, identity: _Identity, epoch: int, owner: str, timeout: float) -> Transaction | None:
        """The open transaction, begun if there is none; None while the last one is ending. Raises `Fenced`."""
        if identity.epoch != epoch:
            message = "another producer has taken over, or the transaction took too long"
            raise Fenced(message)
        transaction = identity.transaction
        if transaction is None:
            transaction = identity.transaction = Transaction()
            transaction.owner = owner
            self.machine.at(timeout, partial(self._expire, identity, transaction))
        return transaction if transaction.committed is None else None

    def end(self, identity: _Identity, epoch: int, *, commit: bool) -> None:
        """EndTxn. Raises `Fenced`, or `OutcomeUnknown` for what cannot be."""
        if identity.epoch != epoch:
            message = "the producer's epoch is not the last one"
            raise Fenced(message)
        transaction = identity.transaction
        if transaction is not None and transaction.committed is None:
            self.decide(identity, commit=commit)
        elif (identity.ended if transaction is None else transaction.committed) != commit:
            message = "INVALID_TXN_STATE"
            raise OutcomeUnknown(message)

    def decide(self, identity: _Identity, *, commit: bool) -> None:
        """The point of no return; the markers follow."""
        transaction = identity.transaction
        assert transaction is not None
        self.machine.note("commit" if commit else "abort")
        transaction.committed = commit
        marks: list[Callable[[], None]] = [partial(lane.mark, transaction) for lane in transaction.lanes]
        marks += [partial(self._mark_offsets, group, transaction) for group in transaction.offsets]
        transaction.markers_left = len(marks)
        for mark in marks:
            marked = partial(self._marked, identity, transaction, mark)
            if self.undisturbed:
                marked()
            else:
                slow = self.machine.faults.hit("slow marker")
                self.machine.at(self.machine.chance.random() * (4.0 if slow else 0.002), marked)
        if not marks:
            identity.transaction, identity.ended = None, commit

    def _marked(self, identity: _Identity, transaction: Transaction, mark: Callable[[], None]) -> None:
        mark()
        transaction.markers_left -= 1
        if not transaction.markers_left:
            identity.transaction, identity.ended = None, transaction.committed
        self.machine.wake_all()

    def _mark_offsets(self, name: str, transaction: Transaction) -> None:
        group = self.group(name)
        for partition, committed in transaction.offsets[name].items():
            del group.pending[partition][transaction]
            if transaction.committed:
                group.offsets[partition] = committed

    def _expire(self, identity: _Identity, transaction: Transaction) -> None:
        if transaction is identity.transaction and transaction.committed is None:
            self.machine.note("transaction timed out")
            if self.begun.get(_slot(transaction.owner), transaction.owner) != transaction.owner:
                message = f"{transaction.owner} left a transaction open, and its successor did not end it"
                raise Violation(message)
            identity.epoch += 1
            self.decide(identity, commit=False)


class _Client:
    """What consumers and producers share: the way to the log and back."""

    def __init__(self, broker: SimBroker) -> None:
        self.process = broker.machine.current
        self._who = self.process.name if self.process is not None else ""
        self._broker = broker
        self._machine = broker.machine

    def _arrive(self, what: str, timeout: float) -> bool:
        """Bring a request to the log, waiting while it is away; False when it does not come back in time."""
        machine, broker = self._machine, self._broker
        machine.step(what)
        if machine.faults.hit("outage"):
            broker.down_until = machine.now + 5.0 * machine.chance.random()
        away = broker.reaches(self.process) - machine.now
        if away > timeout:
            machine.sleep(timeout)
            return False
        if away > 0:
            machine.sleep(away)
        return True

    def _ask(self, what: str, timeout: float) -> None:
        """Bring a request that may be made again; raises `Unavailable`."""
        if not self._arrive(what, timeout):
            message = f"cannot {what}: no answer"
            raise Unavailable(message)
        if self._machine.faults.hit("unavailable"):
            self._machine.sleep(self._machine.chance.random() * timeout)
            message = f"cannot {what}: no answer in {timeout} s"
            raise Unavailable(message)


def _slot(process: str) -> str:
    return process.partition(".")[0]


class Ordered(frozenset[Partition]):
    """A set with an order, so that a seed means the same in every process."""

    def __iter__(self) -> Any:
        return iter(sorted(super().__iter__()))


class SimConsumer(_Client):
    """A consumer; `group_metadata` is what its client knows of its membership, right or wrong."""

    stable = True

    def __init__(self, broker: SimBroker, group: str | None, name: str | None, session: float) -> None:
        super().__init__(broker)
        self.held: dict[Partition, int | None] = {}
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
        self.held = dict(positions)

    def consume(self, limit: int, timeout: float) -> list[Message]:
        """Up to `limit` messages; callbacks run here."""
        machine, faults = self._machine, self._machine.faults
        machine.step("consume")
        self._disturb_group()
        deadline = machine.now + timeout
        while True:
            away = self._broker.reaches(self.process)
            if away <= machine.now:
                self._keep_membership()
                if faults.hit("redelivered"):
                    self._redeliver()
                if messages := self._read(limit):
                    machine.note(f"got {[(one.topic, one.partition, one.offset) for one in messages]}")
                    return messages
            left = deadline - machine.now
            if left <= 0:
                return []
            machine.park(min(left, away - machine.now) if away > machine.now else left)

    def seek(self, partition: Partition, offset: int) -> None:
        """Deliver from `offset` on."""
        if partition not in self.held:
            message = f"cannot seek in {partition}: it is not assigned to this consumer"
            raise LogError(message)
        self.held[partition] = offset

    def assignment(self) -> frozenset[Partition]:
        """The partitions held, as far as this client knows."""
        return Ordered(self.held)

    def committed(self, partitions: Iterable[Partition], timeout: float) -> dict[Partition, Committed]:
        """Committed offsets; waits while a transaction is ending that has others for them."""
        group, wanted = self._group("read offsets"), list(partitions)
        deadline = self._machine.now + timeout
        self._ask("committed", timeout)
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
        self._ask("commit offsets", timeout)
        if not self.vouches_for(offsets) or not group.accepts(self._member):
            message = "cannot commit offsets: the group has moved on"
            raise Fenced(message)
        for partition, committed in offsets.items():
            group.offsets[partition] = committed
        self._machine.step("offsets committed")
        if self._machine.faults.hit("unavailable"):
            message = "cannot commit offsets: the answer was lost"
            raise Unavailable(message)

    def bounds(self, partition: Partition, timeout: float) -> tuple[int, int]:
        """(first offset kept, last stable offset)."""
        lane = self._broker.lane(partition)
        self._ask("bounds", timeout)
        found = lane.first, lane.stable
        self._machine.step(f"bounds {found}")
        return found

    def position(self, partition: Partition) -> int | None:
        """The offset after the last message delivered or skipped."""
        return self.held.get(partition)

    def close(self) -> None:
        """Leave the group."""
        if not self._closed:
            self._closed = True
            if self._member is not None:
                self._machine.step("leave")
                self._group("leave").leave(self._member)
            self.held = {}

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
        if not self._topics:
            return
        group = self._group("consume")
        if self._member is not None and self._member.replaced:
            message = "cannot consume: another consumer has taken the place of this member"
            raise Fenced(message)
        if self._member is not None and self._member.gone:
            self._member = None
            self._tell(Change("lost", sorted(self.held)))
        if self._member is None:
            self._member = Member(self, self._instance, self._topics, self._session, self._machine.now)
            group.join(self._member)
        member = self._member
        while member.changes:
            change = member.changes[0]
            self._tell(change)
            member.changes.popleft()
            if change.kind == "revoked":
                group.rebalance()

    def _tell(self, change: Change) -> None:
        self._machine.note(f"{change.kind} {change.partitions}")
        if change.kind == "assigned":
            self.held.update(dict.fromkeys(change.partitions))
        if change.partitions:
            self._callbacks[change.kind](change.partitions)
        if change.kind != "assigned":
            for partition in change.partitions:
                self.held.pop(partition, None)

    def _disturb_group(self) -> None:
        if self._name is None:
            return
        if self._machine.faults.hit("rebalance"):
            self._group("consume").rebalance(moving=True)
        if self._machine.faults.hit("eviction"):
            self._group("consume").evict_one()

    def _read(self, limit: int) -> list[Message]:
        """From the partitions in any order; a client hands over what it happens to have."""
        chance = self._machine.chance
        held = [one for one, position in self.held.items() if position is not None]
        if not self._broker.undisturbed:
            chance.shuffle(held)
            limit = chance.randint(1, limit)
        messages: list[Message] = []
        for partition in held:
            if len(messages) >= limit:
                break
            found, position = self._broker.lane(partition).read(self.held[partition] or 0, limit - len(messages))
            messages += found
            self.held[partition] = position
        return messages

    def _redeliver(self) -> None:
        """Fetch again what came before, as clients have been seen to do after an assignment."""
        for partition, position in self.held.items():
            if position:
                back = self._machine.chance.randint(1, 5)
                self.held[partition] = max(self._broker.lane(partition).first, position - back)


class SimProducer(_Client):
    """A producer; after `Fenced` or `OutcomeUnknown` every call raises the same again."""

    def __init__(self, broker: SimBroker, transactional_id: str | None, timeout: float) -> None:
        super().__init__(broker)
        self._identity = None if transactional_id is None else broker.identity(transactional_id)
        self._timeout = timeout
        self._epoch = -1
        self._open = False
        self._known = False
        """Whether the coordinator may know of the open transaction."""
        self._queue: list[Outgoing] = []
        self._failed: Aborted | None = None
        """Why the open transaction cannot commit."""
        self.dead: LogError | None = None

    def init(self, timeout: float) -> None:
        """Fence older producers, and end what they left open."""
        machine, identity = self._machine, self._named("init")
        deadline = machine.now + timeout
        self._ask("init", timeout)
        identity.epoch += 1
        if identity.transaction is not None and identity.transaction.committed is None:
            self._broker.decide(identity, commit=False)
        while identity.transaction is not None:
            if machine.now >= deadline:
                message = "cannot init: the last transaction is still ending"
                raise Unavailable(message)
            machine.park(deadline - machine.now)
        identity.epoch += 1
        epoch = identity.epoch
        self._broker.begun[_slot(self._who)] = self._who
        machine.step(f"init {epoch}")
        if machine.faults.hit("unavailable"):
            message = "cannot init: the answer was lost"
            raise Unavailable(message)
        self._epoch = epoch

    def begin(self) -> None:
        """Begin a transaction."""
        self._check()
        if self._epoch < 0 or self._open:
            raise LogError("cannot begin: " + ("a transaction is open" if self._open else "call init first"))
        self._open = True
        self._known = False
        self._failed = None

    def produce(self, messages: Sequence[Outgoing]) -> None:
        """Queue messages; some leave at once."""
        self._check()
        if self._identity is None:
            self._machine.step("produce")
            self._broker.append(messages, None)
            self._machine.wake_all()
            return
        self._require_open("produce")
        self._machine.step(f"produce {len(messages)}")
        try:
            for one in messages:
                self._broker.place(one)
        except LogError as error:
            self._failed = Aborted(str(error))
            raise self._failed from error
        self._queue += messages
        if self._queue and self._machine.chance.random() < 0.5 and self._arrived():  # noqa: PLR2004 - a coin
            self._send(self._machine.chance.randint(1, len(self._queue)))

    def send_offsets(self, offsets: Mapping[Partition, Committed], consumer: Any, timeout: float) -> None:
        """Make the offsets part of the transaction, if the group's coordinator agrees."""
        self._check()
        self._require_open("send offsets")
        if not consumer.vouches_for(offsets):
            self._failed = Aborted("cannot send offsets: the consumer does not hold all of the partitions any more")
            raise self._failed
        group, member = consumer.membership()
        name, accepted = consumer._name, dict(offsets)
        generation = member.generation

        def arrive() -> None:
            transaction = self._transaction()
            if transaction is None:
                message = "cannot send offsets: the last transaction is still ending"
                raise Aborted(message)
            if member.gone or generation != group.generation:
                message = "cannot send offsets: ILLEGAL_GENERATION"
                raise Aborted(message)
            transaction.offsets.setdefault(name, {}).update(accepted)
            for partition, committed in accepted.items():
                group.pending.setdefault(partition, {})[transaction] = committed

        self._known = True
        self._wait_for_the_last(timeout)
        self._decisive(f"send offsets {sorted((*one, *at) for one, at in offsets.items())}", timeout, arrive)

    def commit(self, timeout: float) -> None:
        """Commit: returns when it is decided."""
        self._check()
        self._require_open("commit")
        if self._failed is not None:
            message = f"cannot commit: {self._failed}"
            raise Aborted(message)
        if self._queue:
            if not self._arrive("flush", timeout):
                self._die(OutcomeUnknown("cannot commit: the messages were not acknowledged"))
            self._wait_for_the_last(timeout)
            self._send(len(self._queue))
        self._check()
        self._end("commit", timeout, commit=True)

    def abort(self, timeout: float) -> None:
        """Abort the open transaction."""
        self._check()
        self._require_open("abort")
        self._queue = []
        self._end("abort", timeout, commit=False)

    def flush(self, timeout: float) -> None:
        """Messages without a transaction are written at once."""

    def close(self) -> None:
        """Release everything; what is open is for the next `init` to end."""
        self.dead = self.dead or LogError("the producer is closed")

    def _end(self, action: str, timeout: float, *, commit: bool) -> None:
        identity, epoch = self._named(action), self._epoch
        if self._known:
            self._decisive(action, timeout, lambda: self._broker.end(identity, epoch, commit=commit))
        else:
            self._machine.step(action)
        self._open = False
        self._failed = None

    def _decisive(self, action: str, timeout: float, arrive: Callable[[], None]) -> None:
        """A request that nobody may repeat: lost, late or unanswered, its outcome is unknown."""
        machine, faults = self._machine, self._machine.faults
        unknown = OutcomeUnknown(f"cannot {action}: no answer")
        if not self._arrive(action, timeout):
            self._die(unknown)
        if faults.hit("refused") and action != "abort":
            self._failed = Aborted(f"cannot {action}: the broker refused a message")
            raise self._failed
        late, lost = faults.hit("late"), faults.hit("lost")
        if late or lost:
            if late:
                machine.at(_LATE_SECONDS * machine.chance.random() ** 2, partial(self._arrive_late, arrive))
            machine.sleep(timeout * machine.chance.random() ** 4)
            self._die(unknown)
        try:
            arrive()
        except Aborted as error:
            self._failed = error
            raise
        except (Fenced, OutcomeUnknown) as error:
            self._die(error)
        machine.step(f"{action}: done")
        if faults.hit("unanswered"):
            machine.sleep(timeout * machine.chance.random() ** 4)
            self._die(unknown)

    def _arrive_late(self, arrive: Callable[[], None]) -> None:
        self._machine.note("late")
        try:
            arrive()
        except LogError as error:
            self._machine.note(f"late: {error}")

    def _arrived(self) -> bool:
        """Whether the log takes messages just now."""
        identity = self._named("produce")
        ending = identity.transaction is not None and identity.transaction.committed is not None
        return not ending and self._broker.reaches(self.process) <= self._machine.now

    def _send(self, count: int) -> None:
        self._known = True
        try:
            transaction = self._transaction()
        except Fenced as error:
            self._die(error)
        assert transaction is not None
        self._broker.append(self._queue[:count], transaction)
        self._queue = self._queue[count:]

    def _wait_for_the_last(self, timeout: float) -> None:
        """Wait until the markers of the transaction before are written."""
        identity = self._named("wait")
        deadline = self._machine.now + timeout
        while (last := identity.transaction) is not None and last.committed is not None and self._is_last(identity):
            if self._machine.now >= deadline:
                self._die(OutcomeUnknown("the last transaction is still ending"))
            self._machine.park(deadline - self._machine.now)

    def _is_last(self, identity: _Identity) -> bool:
        return identity.epoch == self._epoch

    def _transaction(self) -> Transaction | None:
        return self._broker.ongoing(self._named("produce"), self._epoch, self._who, self._timeout)

    def _named(self, action: str) -> _Identity:
        if self._identity is None:
            message = f"cannot {action}: the producer was made without a transactional id"
            raise LogError(message)
        return self._identity

    def _check(self) -> None:
        if self.dead is not None:
            raise self.dead

    def _die(self, error: LogError) -> Never:
        self.dead = error
        raise error

    def _require_open(self, action: str) -> None:
        if not self._open:
            message = f"cannot {action}: no transaction is open"
            raise LogError(message)
