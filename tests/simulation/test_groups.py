"""The simulated group does what Kafka's does with static members and the `range` assignor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from pipeline.log.port import Committed, Fenced, Partition, TopicSpec
from tests.simulation.broker import SimBroker
from tests.simulation.consumer import SimConsumer
from tests.simulation.machine import Machine, SimClock

SECONDS = 10.0
ONE, TWO = Partition("topic", 0), Partition("topic", 1)


class Application:
    """A member, and what its client has told it."""

    def __init__(self, broker: SimBroker, name: str) -> None:
        self.told: list[tuple[str, Sequence[Partition]]] = []
        self.consumer: SimConsumer = broker.consumer("group", member=name, session_timeout=3.0)
        self.consumer.subscribe(
            ["topic"],
            assigned=lambda some: self.told.append(("assigned", some)),
            revoked=lambda some: self.told.append(("revoked", some)),
            lost=lambda some: self.told.append(("lost", some)),
        )


@pytest.fixture
def broker() -> SimBroker:
    machine = Machine(0, {})
    broker = SimBroker(machine, SimClock(machine), undisturbed=True)
    broker.create_topics([TopicSpec("topic", 2, {})])
    return broker


def until(condition: Callable[[], bool], *members: Application) -> None:
    """Let the members consume in turn."""
    for _ in range(200):
        if condition():
            return
        for one in members:
            one.consumer.consume(1, 0.05)
    pytest.fail("what was waited for did not come about")


def test_a_rebalance_takes_all_from_everybody_and_gives_it_by_name(broker: SimBroker) -> None:
    b = Application(broker, "b")
    until(lambda: bool(b.told), b)
    a = Application(broker, "a")

    until(lambda: bool(a.told) and len(b.told) == 3, a, b)

    assert a.told == [("assigned", [ONE])]
    assert b.told == [("assigned", [ONE, TWO]), ("revoked", [ONE, TWO]), ("assigned", [TWO])]


def test_nothing_is_shared_before_everybody_has_given_up_what_it_had(broker: SimBroker) -> None:
    slow = Application(broker, "slow")
    until(lambda: bool(slow.told), slow)
    waiting = Application(broker, "waiting")

    waiting.consumer.consume(1, SECONDS)

    assert (slow.told, waiting.told) == ([("assigned", [ONE, TWO])], [])
    slow.consumer.commit_offsets({ONE: Committed(0)}, SECONDS)  # until then it has its partitions


def test_one_that_comes_back_has_its_place_at_once_and_who_had_it_is_fenced(broker: SimBroker) -> None:
    former, other = Application(broker, "a"), Application(broker, "b")
    until(lambda: former.consumer.assignment() == {ONE} and other.consumer.assignment() == {TWO}, former, other)
    told, generation = list(other.told), broker.group("group").generation

    heir = Application(broker, "a")
    until(lambda: bool(heir.told), heir, other)

    assert heir.told == [("assigned", [ONE])]
    assert (other.told, broker.group("group").generation) == (told, generation)
    with pytest.raises(Fenced):
        former.consumer.commit_offsets({ONE: Committed(0)}, SECONDS)
    for _ in range(2):
        with pytest.raises(Fenced):
            former.consumer.consume(1, SECONDS)
    heir.consumer.commit_offsets({ONE: Committed(0)}, SECONDS)


def test_one_that_the_group_has_forgotten_learns_it_with_a_heartbeat_and_joins_again(broker: SimBroker) -> None:
    member = Application(broker, "a")
    until(lambda: bool(member.told), member)
    broker.group("group").evict_one()

    assert member.consumer.assignment() == {ONE, TWO}
    with pytest.raises(Fenced):
        member.consumer.commit_offsets({ONE: Committed(0)}, SECONDS)
    until(lambda: len(member.told) == 3, member)

    assert member.told == [("assigned", [ONE, TWO]), ("lost", [ONE, TWO]), ("assigned", [ONE, TWO])]


def test_one_that_hears_nothing_for_its_session_takes_its_partitions_for_lost(broker: SimBroker) -> None:
    member = Application(broker, "a")
    until(lambda: bool(member.told), member)
    broker.down_until = broker.machine.now + 5.0

    member.consumer.consume(1, 4.9)
    assert member.told == [("assigned", [ONE, TWO]), ("lost", [ONE, TWO])]
    until(lambda: len(member.told) == 3, member)

    assert member.told[-1] == ("assigned", [ONE, TWO])
