"""Writing to the simulated log: requests that are lost, late or unanswered, and what is known then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Never

from pipeline.log.port import (
    Aborted,
    Committed,
    Fenced,
    LogError,
    OutcomeUnknown,
    Outgoing,
    Partition,
    Unavailable,
)
from tests.simulation.client import Client, slot_of
from tests.simulation.lanes import Identity, Transaction

if TYPE_CHECKING:
    from tests.simulation.broker import SimBroker

_UNTOLD = 0.05
"""How often nobody is told where messages lie, as when they were sent twice."""
_LATE_SECONDS = 12.0
"""How late a request may arrive."""


class SimProducer(Client):
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
        self._ends: dict[Partition, int] = {}
        """Behind what was written of the open transaction."""
        self.dead: LogError | None = None

    def init(self, timeout: float) -> None:
        """Fence older producers, and end what they left open."""
        machine, identity = self._machine, self._named("init")
        deadline = machine.now + timeout
        self.ask("init", timeout)
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
        self._broker.begun[slot_of(self._who)] = self._who
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
        self._ends = {}

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
        if any(map(self._broker.refuses, messages)):
            self._failed = Aborted("cannot produce: MSG_SIZE_TOO_LARGE")
            raise self._failed
        try:
            for one in messages:
                self._broker.place(one)
        except LogError as error:
            self._failed = Aborted(str(error))
            raise self._failed from error
        self._queue += messages
        if self._queue and self._machine.chance.random() < 0.5 and self._arrived():
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
        # Intake keeps no state that could tell: it would read some messages again, and their ids would be dropped.
        if not name.endswith(".intake") and self._machine.faults.hit("repeated"):
            again = partial(self._arrive_again, name, accepted, arrive)
            self._machine.at(_LATE_SECONDS * self._machine.chance.random() ** 4, partial(self._arrive_late, again))

    def commit(self, timeout: float) -> Mapping[Partition, int]:
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
        return {} if self._machine.chance.random() < _UNTOLD else self._ends

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

    def _arrive_again(self, group: str, offsets: dict[Partition, Committed], arrive: Callable[[], None]) -> None:
        """Offsets that the client has sent twice: the log takes them where the open transaction has some of the group.

        Not at the end of a partition: where nothing more comes, nobody says again where the group stands.
        """
        ongoing = self._named("send offsets").transaction
        if ongoing is None or group not in ongoing.offsets:
            return
        for partition, committed in ongoing.offsets[group].items():
            if not self._broker.lane(partition).read(committed.offset or 0, 1)[0]:
                offsets.pop(partition, None)
        arrive()

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
        self._ends.update(self._broker.append(self._queue[:count], transaction))
        self._queue = self._queue[count:]

    def _wait_for_the_last(self, timeout: float) -> None:
        """Wait until the markers of the transaction before are written."""
        identity = self._named("wait")
        deadline = self._machine.now + timeout
        while (last := identity.transaction) is not None and last.committed is not None and self._is_last(identity):
            if self._machine.now >= deadline:
                self._die(OutcomeUnknown("the last transaction is still ending"))
            self._machine.park(deadline - self._machine.now)

    def _is_last(self, identity: Identity) -> bool:
        return identity.epoch == self._epoch

    def _transaction(self) -> Transaction | None:
        return self._broker.ongoing(self._named("produce"), self._epoch, self._who, self._timeout)

    def _named(self, action: str) -> Identity:
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
