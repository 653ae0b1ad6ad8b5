"""Mutants: the product with one of its rules broken, to see that the simulation would tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, cast

from pipeline.engine import duplicates
from pipeline.engine.decide import ENGINE
from pipeline.engine.identity import concern as identity
from pipeline.engine.ledger.concern import LEDGER
from pipeline.engine.programs import Timeline
from pipeline.intake.dialects import naming
from pipeline.log.port import Aborted, OutcomeUnknown
from pipeline.runtime.loop.failures import Failures
from pipeline.runtime.loop.holdings import Holdings
from pipeline.runtime.loop.loop import TransactionalLoop
from pipeline.runtime.roles import outputs
from pipeline.runtime.roles.loyalty import LoyaltyRole
from pipeline.runtime.state.changelog import Restore, StateAhead, StateMissing
from pipeline.runtime.state.customers import Customers
from pipeline.runtime.state.store_port import StoreFailed
from pipeline.runtime.state.tails import Tails
from schemas.facts import IdentifierLinked, MessageAwaits, MessageReleased, PointsIssued, RecordRefused, Refusal
from schemas.records import AnswerTransfer, TakeOverPoints
from schemas.replies import ReplyOutcome
from sinks.clickhouse.sink import ClickHouseSink
from tests.simulation.consumer import SimConsumer
from tests.simulation.disk import SimClickHouse, SimStore
from tests.simulation.oracle import undisturbed

_holdings: Any = Holdings
_loop: Any = TransactionalLoop
_role: Any = LoyaltyRole
_sink: Any = ClickHouseSink


def commit_offsets_first() -> tuple[Any, str, Any]:
    """Offsets outside the transaction, before it commits."""
    right = _loop._commit

    def wrong(self: Any, producer: Any, records: int, sent: int) -> None:
        finished = self._role.finish()
        self._consumer.commit_offsets(finished.offsets, 30.0)
        self._role.finish = lambda: finished
        sends, producer.send_offsets = producer.send_offsets, lambda *_: None
        try:
            right(self, producer, records, sent)
        finally:
            del self._role.finish
            producer.send_offsets = sends

    return _loop, "_commit", wrong


def skip_rewind() -> tuple[Any, str, Any]:
    """After an abort, go on where reading had come to."""
    right = _loop._rewind

    def wrong(self: Any, producer: Any, error: Any, stop: Any) -> None:
        holdings = self._holdings
        durable, holdings._durable = holdings._durable, {}
        try:
            right(self, producer, error, stop)
        finally:
            holdings._durable = durable

    return _loop, "_rewind", wrong


def skip_rollback() -> tuple[Any, str, Any]:
    """After an abort, keep the working copies."""

    def wrong(self: Any) -> None:
        for customer in self._in_hand.values():
            customer.dirty, customer.due, customer.loaded, customer.state.entries = False, None, {}, {}
        self._end_round()

    return Customers, "aborted", wrong


def reuse_the_producer_after_a_timeout() -> tuple[Any, str, Any]:
    """All else is read again from the log, but the producer stays."""
    right = _loop._start_over

    def wrong(self: Any, error: Any, stop: Any) -> None:
        producer = self._producer
        if isinstance(error, OutcomeUnknown) and producer is not None:
            self._producer = None
            producer.dead, producer._open, producer._queue = None, False, []
        right(self, error, stop)
        if isinstance(error, OutcomeUnknown):
            self._producer = producer

    return _loop, "_start_over", wrong


def random_transactional_id() -> tuple[Any, str, Any]:
    """Each start has an id of its own, so nobody ends what it left open."""
    right, number = _loop.__init__, count()

    def wrong(self: Any, *given: Any, **named: Any) -> None:
        right(self, *given, **named)
        self._transactional_id += f"-{next(number)}"

    return _loop, "__init__", wrong


def trust_the_local_store() -> tuple[Any, str, Any]:
    """Whatever the store holds is taken for the committed state."""
    return SimStore, "matches", lambda self, _mark: self.marker is not None


def store_before_the_commit() -> tuple[Any, str, Any]:
    """The local store is written before the transaction has taken effect."""
    right = _loop._commit

    def wrong(self: Any, producer: Any, records: int, sent: int) -> None:
        committed, commit = self._role.committed, producer.commit

        def early(timeout: float) -> Any:
            committed({})
            return commit(timeout)

        self._role.committed, producer.commit = lambda _: None, early
        try:
            right(self, producer, records, sent)
        finally:
            del self._role.committed, producer.commit

    return _loop, "_commit", wrong


def store_the_end_of_the_changelog() -> tuple[Any, str, Any]:
    """After a commit the store holds all there is, be it of another worker that has the partition by now."""
    right = _role.committed

    def wrong(self: Any, ends: Any) -> None:
        right(self, self._log.ends(ends, 10.0, stable=False))

    return _role, "committed", wrong


def take_what_is_delivered_again() -> tuple[Any, str, Any]:
    """Every message that comes is new."""

    def wrong(self: Any, messages: Any) -> Any:
        batch = [one for one in messages if one[:2] in self._expected]
        self._expected.update({one[:2]: one[2] + 1 for one in batch})
        return batch

    return Holdings, "new", wrong


def offsets_of_moved_partitions_only() -> tuple[Any, str, Any]:
    """A partition whose offset stands still, such as in a slice of a tick, sends none."""
    right = _role.finish

    def wrong(self: Any) -> Any:
        finished = right(self)
        stay = {
            one for one in finished.offsets if finished.offsets[one].offset == self._partitions[one.number].next_offset
        }
        return finished._replace(offsets={one: at for one, at in finished.offsets.items() if one not in stay})

    return _role, "finish", wrong


def read_offsets_that_are_not_stable() -> tuple[Any, str, Any]:
    """Committed offsets are read while a transaction with others is still ending."""
    return SimConsumer, "stable", False


def keep_what_was_revoked() -> tuple[Any, str, Any]:
    """A round goes on though partitions of it were taken away."""
    right = _loop._taken

    def wrong(self: Any, partitions: Any) -> None:
        right(self, partitions)
        self._broken = False

    return _loop, "_taken", wrong


def keep_what_a_failed_round_read() -> tuple[Any, str, Any]:
    """The role remembers a round whose outcome is unknown. It did: messages were lost."""
    right = _loop._start_over

    def wrong(self: Any, error: Any, stop: Any) -> None:
        self._role.aborted = lambda: None
        try:
            right(self, error, stop)
        finally:
            del self._role.aborted

    return _loop, "_start_over", wrong


def refuse_a_state_ahead() -> tuple[Any, str, Any]:
    """A state ahead of what was committed is an error. It was: a worker that had been frozen died of it."""
    right = _role.restore

    def wrong(self: Any, partition: Any) -> Any:
        try:
            return right(self, partition)
        except StateAhead as error:
            raise StateMissing(str(error)) from error

    return _role, "restore", wrong


def believe_the_store_that_matches() -> tuple[Any, str, Any]:
    """Nobody looks whether the changelog goes on behind a store that holds what is committed."""
    return Tails, "read", lambda *_: {}


def take_the_stable_end_for_the_end() -> tuple[Any, str, Any]:
    """A restore is through though a transaction is still to end, which may be a round that the group has lost."""
    return Restore, "_ends", lambda self: self._log.ends((self._changelog,), 10.0)[self._changelog]


def roll_back_when_the_store_fails() -> tuple[Any, str, Any]:
    """A store that fails is taken for a round that was aborted: nothing is opened anew."""
    right = _loop._round

    def wrong(self: Any, producer: Any, stop: Any) -> None:
        try:
            right(self, producer, stop)
        except StoreFailed as error:
            raise Aborted(str(error)) from error

    return _loop, "_round", wrong


def no_intent() -> tuple[Any, str, Any]:
    """The sink says nothing before it inserts."""
    right = _sink._commit

    def wrong(self: Any, consumer: Any, offsets: Any, stop: Any) -> None:
        right(self, consumer, {one: at for one, at in offsets.items() if not at.metadata}, stop)

    return _sink, "_commit", wrong


def no_token() -> tuple[Any, str, Any]:
    """The sink inserts without a deduplication token."""
    right = cast("Any", SimClickHouse.insert)
    return SimClickHouse, "insert", lambda self, rows, _token: right(self, rows, None)


def fire_timers_under_the_latest_version() -> tuple[Any, str, Any]:
    """A timer goes by the version in force when it fires, which may have begun after its due instant."""
    return Timeline, "program_at", lambda self, program_id, _instant: self.versions[program_id][-1].program


def skip_members_without_timers() -> tuple[Any, str, Any]:
    """A version that every member adopts reaches those only for whom something falls due."""
    right = Customers.of

    def wrong(self: Customers, org_id: int, after: bytes) -> Iterator[Any]:
        return (one for one in right(self, org_id, after) if one.state.head.timers)

    return Customers, "of", wrong


def forget_what_a_bill_earned() -> tuple[Any, str, Any]:
    """A bill does not remember its awards, so that a return takes no points back."""
    right = ENGINE.folds[PointsIssued]
    return ENGINE, "folds", {**ENGINE.folds, PointsIssued: right._replace(effect=LEDGER.effects[PointsIssued])}


def leave_commands_unanswered() -> tuple[Any, str, Any]:
    """A command that is done gives no reply."""
    right = outputs.replies_of
    return (
        outputs,
        "replies_of",
        lambda *given, **more: [one for one in right(*given, **more) if one.outcome != ReplyOutcome.DONE],
    )


def lose_the_hold_of_a_transfer() -> tuple[Any, str, Any]:
    """The answer to a transfer finds nothing that waits for it."""
    return ENGINE, "_answers", {AnswerTransfer: lambda _state, _record: False}


def refuse_an_answer() -> tuple[Any, str, Any]:
    """The answer to a transfer is admitted as other records are, and refused as too old."""
    refuse = (lambda _turn, _record: [RecordRefused(reason=Refusal.TOO_OLD)],)
    return ENGINE, "_customer_stages", {**ENGINE._customer_stages, AnswerTransfer: refuse}


def ask_again_at_a_replay() -> tuple[Any, str, Any]:
    """What was decided before and is decided again asks other customers again."""
    right = _role.process

    def wrong(self: Any, batch: Any) -> Any:
        decided = right(self, batch)
        asked = [one for one in decided.messages if one.topic == self.topics[0] and one.key is not None]
        before = self.__dict__.setdefault("asked", set())
        again = [one for one in asked if one.value in before]
        before.update(one.value for one in asked)
        return decided._replace(messages=[*decided.messages, *again])

    return _role, "process", wrong


def give_an_identifier_twice() -> tuple[Any, str, Any]:
    """Whoever says that an identifier is theirs gets it, also where it names somebody."""

    def wrong(_state: Any, person: int, identifiers: Any) -> Iterator[Any]:
        return (IdentifierLinked(kind=one.kind, digest=one.digest, person=person) for one in identifiers)

    return identity, "_linked", wrong


def lose_what_is_held() -> tuple[Any, str, Any]:
    """What is held under an identifier takes the place of what was held under it before."""
    fold = ENGINE.folds[MessageAwaits]

    def wrong(state: Any, envelope: Any, decision: Any) -> None:
        state.entries.pop(identity.link_of(decision.kind, decision.digest), None)
        fold.effect(state, envelope, decision)

    return ENGINE, "folds", {**ENGINE.folds, MessageAwaits: fold._replace(effect=wrong)}


def release_twice() -> tuple[Any, str, Any]:
    """What is released stays where it was held, to be released by its other identifiers."""
    fold = ENGINE.folds[MessageReleased]
    return ENGINE, "folds", {**ENGINE.folds, MessageReleased: fold._replace(effect=lambda *_: None)}


def pass_on_twice() -> tuple[Any, str, Any]:
    """What still comes for somebody who was merged is passed on twice."""
    right = duplicates.passed_on
    return duplicates, "passed_on", lambda turn, record: 2 * right(turn, record)


def keep_what_comes_for_a_victim() -> tuple[Any, str, Any]:
    """What still comes for somebody who was merged stays theirs."""
    return duplicates, "passed_on", lambda _turn, _record: []


def lose_the_points_of_a_victim() -> tuple[Any, str, Any]:
    """A survivor does not wait for the points of a victim."""
    return ENGINE, "_answers", {**ENGINE._answers, TakeOverPoints: lambda _state, _record: False}


def leave_personal_data_readable() -> tuple[Any, str, Any]:
    """Nothing is sealed."""
    return naming, "sealed", lambda record, *_: record


def forgive_failures_at_every_commit() -> tuple[Any, str, Any]:
    """Any round that commits is progress, one without the messages that fail among them. It was: nobody was told."""
    return Failures, "committed", lambda self, _offsets, _again: self.__init__()


def green_after_any_round() -> tuple[Any, str, Any]:
    """A round without the messages that fail ends the trouble."""
    return Failures, "repeated", False


def tick_behind_what_fails() -> tuple[Any, str, Any]:
    """The passing of time is written to the journal though its partition does not get on."""
    return _role, "_working", lambda self: list(self._partitions.values())


OF_REFUSED_ROUNDS: tuple[Callable[[], tuple[Any, str, Any]], ...] = (
    forgive_failures_at_every_commit,
    green_after_any_round,
    tick_behind_what_fails,
)
"""Those that show only where a round can never succeed."""
MUTANTS: tuple[Callable[[], tuple[Any, str, Any]], ...] = (
    commit_offsets_first,
    skip_rewind,
    skip_rollback,
    reuse_the_producer_after_a_timeout,
    random_transactional_id,
    trust_the_local_store,
    store_before_the_commit,
    store_the_end_of_the_changelog,
    take_what_is_delivered_again,
    offsets_of_moved_partitions_only,
    read_offsets_that_are_not_stable,
    keep_what_was_revoked,
    keep_what_a_failed_round_read,
    refuse_a_state_ahead,
    believe_the_store_that_matches,
    take_the_stable_end_for_the_end,
    roll_back_when_the_store_fails,
    no_intent,
    no_token,
    fire_timers_under_the_latest_version,
    skip_members_without_timers,
    forget_what_a_bill_earned,
    leave_commands_unanswered,
    lose_the_hold_of_a_transfer,
    refuse_an_answer,
    ask_again_at_a_replay,
    give_an_identifier_twice,
    lose_what_is_held,
    release_twice,
    pass_on_twice,
    keep_what_comes_for_a_victim,
    lose_the_points_of_a_victim,
    leave_personal_data_readable,
)


@contextmanager
def broken(mutant: Callable[[], tuple[Any, str, Any]]) -> Iterator[None]:
    """The product with this rule broken, for a while; the oracle's undisturbed runs have it broken, too."""
    place, name, wrong = mutant()
    right = getattr(place, name)
    setattr(place, name, wrong)
    undisturbed.cache_clear()
    try:
        yield
    finally:
        setattr(place, name, right)
        undisturbed.cache_clear()
