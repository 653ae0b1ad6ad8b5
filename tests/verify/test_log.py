"""A sound history verifies; each kind of damage is found, under its own name and with its place."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.engine import ENGINE_VERSION
from pipeline.engine.ledger.state import LedgerAccount
from pipeline.engine.state import decode_head, encode_state
from pipeline.log.embedded import EmbeddedLog
from pipeline.log.port import Committed, Message, Outgoing, Partition
from pipeline.replies.rejected import OF_INTAKE
from pipeline.runtime.state.marker import MARKER_KEY, Mark, decode_marker, encode_marker
from pipeline.runtime.state.store import PartitionStore
from pipeline.verify.facts import NewerEngine
from pipeline.verify.folding import Folding
from schemas.facts import (
    AnyDecision,
    FactMessage,
    PointsIssued,
    PointsMoved,
    PointsRedeemed,
    decode_facts,
    encode_facts,
)
from schemas.records import encode_record
from tests.runtime.workshop import DAY, PROGRAM, START, Until, Workshop, activation, clock, history
from tests.verify.damage import Damage, added, changed, damage, found, only, swapped, twice, verified, without

FACTS = Partition("v.facts", 1)
POINTS = Partition("v.notifications.points", 1)
REPLIES = Partition("v.replies", 1)
STATE = Partition("v.state", 1)


def facts_of(workshop: Workshop) -> list[tuple[Message, FactMessage]]:
    return [(one, decode_facts(one.value or b"")) for one in workshop.read("facts") if one.partition == 1]


def with_facts(change: Callable[[FactMessage], FactMessage]) -> Callable[[Message], Message]:
    return lambda message: message._replace(value=encode_facts(change(decode_facts(message.value or b""))))


def with_decisions(change: Callable[[AnyDecision], AnyDecision]) -> Callable[[Message], Message]:
    """Change each decision of a message where it stands in its group."""

    def changed_groups(facts: FactMessage) -> FactMessage:
        groups = [
            msgspec.structs.replace(group, decisions=[change(one) for one in group.decisions]) for group in facts.groups
        ]
        return msgspec.structs.replace(facts, groups=groups)

    return with_facts(changed_groups)


def event_id(message: Message) -> str:
    return str(msgspec.json.decode(message.value or b"")["eventId"])


def test_sound_history_verifies_and_says_how_far(workshop: Workshop) -> None:
    report = verified(workshop)

    facts, state = workshop.read("facts"), workshop.state()
    families = [name.removeprefix("v.") for name in workshop.catalog.notifications]
    assert found(report) == []
    assert {str(check): count for check, count in report.looked_at.items()} == {
        "transactions": len(workshop.catalog.specs()) * workshop.settings.partitions,
        "offsets": 4,
        "seq": len(facts),
        "order": len(facts),
        "ledger": sum(
            isinstance(fact.decision, PointsMoved) for one in facts for fact in decode_facts(one.value or b"").facts()
        ),
        "facts": len(facts),
        "notifications": len(workshop.read(*families)),
        "replies": len(workshop.read("replies")),
        "state": len(state),
    }
    ends = workshop.log.group_offsets("v.accrue.loyalty", ["v.journal"])
    assert report.notes == [
        f"partition {number}: journal offsets 0 to {ends[Partition('v.journal', number)].offset} were decided again"
        for number in (0, 1)
    ]


def test_journal_that_nobody_has_decided_yet_verifies(workshop: Workshop) -> None:
    workshop.journal(clock(START + 90 * DAY))

    assert found(verified(workshop)) == []


def test_partitions_that_are_not_asked_for_are_left_alone(workshop: Workshop) -> None:
    damage(workshop.folder / "log", FACTS, without(3))

    assert found(verified(workshop, 0)) == []


def test_lost_fact_message_is_found(workshop: Workshop) -> None:
    _, lost = facts_of(workshop)[5]
    last = lost.first_seq + lost.count - 1
    customer = f"{lost.org_id}:{lost.customer_id}"
    following = next(one for one, facts in facts_of(workshop)[6:] if facts.customer_id == lost.customer_id)

    damage(workshop.folder / "log", FACTS, without(5))

    offset = next(one.offset for one, _ in facts_of(workshop) if one.value == following.value)
    assert found(verified(workshop)) == [
        ("seq", f"v.facts[1]@{offset}", f"customer {customer}: seq 1 to {last} missing before this message"),
        (
            "facts",
            "v.facts[1]",
            f"seq 1 to {last} of customer {customer} of journal offset {lost.journal_offset} is missing",
        ),
    ]


def test_lost_last_message_is_found_though_nothing_follows_it(workshop: Workshop) -> None:
    *_, (_, lost) = facts_of(workshop)

    damage(workshop.folder / "log", FACTS, without(-1 % len(facts_of(workshop))))

    (finding,) = only("facts", verified(workshop))
    assert finding.where == "v.facts[1]"
    assert finding.what.endswith(f"of customer 1:{lost.customer_id} of journal offset {lost.journal_offset} is missing")


def test_doubled_fact_message_is_found(workshop: Workshop) -> None:
    _, doubled = facts_of(workshop)[5]
    last, customer = doubled.first_seq + doubled.count - 1, f"1:{doubled.customer_id}"

    damage(workshop.folder / "log", FACTS, twice(5))

    assert found(verified(workshop)) == [
        ("seq", "v.facts[1]@6", f"customer {customer}: seq 1 to {last} came before (up to {last})"),
        ("facts", "v.facts[1]@6", f"seq 1 to {last} of customer {customer} repeats offset 5"),
    ]


def test_swapped_fact_messages_are_found(workshop: Workshop) -> None:
    at, first, second = next(
        (at, first, second)
        for at, ((_, first), (_, second)) in enumerate(pairwise(facts_of(workshop)))
        if at > 0 and first.customer_id != second.customer_id
    )
    last = second.first_seq + second.count - 1

    damage(workshop.folder / "log", FACTS, swapped(at))

    assert found(verified(workshop)) == [
        (
            "order",
            f"v.facts[1]@{at + 1}",
            f"comes from journal offset {first.journal_offset}, after facts of {second.journal_offset}",
        ),
        (
            "facts",
            f"v.facts[1]@{at}",
            f"seq {second.first_seq} to {last} of customer 1:{second.customer_id} comes before what should precede it",
        ),
    ]


def test_altered_fact_is_found(workshop: Workshop) -> None:
    def later(facts: FactMessage) -> FactMessage:
        return msgspec.structs.replace(facts, recorded_at=facts.recorded_at + 1)

    offset = facts_of(workshop)[5][1].journal_offset
    damage(workshop.folder / "log", FACTS, changed(5, with_facts(later)))

    (finding,) = found(verified(workshop))
    assert finding[:2] == ("facts", "v.facts[1]@5")
    assert finding[2].endswith(f"differs from what journal offset {offset} decides")


def test_fact_that_moves_other_points_than_its_lots_is_an_unbalanced_entry(workshop: Workshop) -> None:
    def more(decision: AnyDecision) -> AnyDecision:
        if isinstance(decision, PointsRedeemed):
            return msgspec.structs.replace(decision, points=decision.points + 1)
        return decision

    index, redeemed = next(
        (index, fact)
        for index, (_, facts) in enumerate(facts_of(workshop))
        for fact in facts.facts()
        if isinstance(fact.decision, PointsRedeemed)
    )
    damage(workshop.folder / "log", FACTS, changed(index, with_decisions(more)))

    findings = only("ledger", verified(workshop))
    points = redeemed.decision.points
    assert findings[0].where == f"v.facts[1]@{index}"
    assert findings[0].what.endswith(
        f"seq {redeemed.seq} (PointsRedeemed): moves -{points + 1} points and -{points} in its lots"
    )


def test_fact_that_states_another_balance_is_found(workshop: Workshop) -> None:
    def richer(decision: AnyDecision) -> AnyDecision:
        if isinstance(decision, PointsIssued):
            return msgspec.structs.replace(decision, balance=decision.balance + 1)
        return decision

    decided = [fact.decision for fact in facts_of(workshop)[5][1].facts()]
    (points,) = [one.points for one in decided if isinstance(one, PointsIssued)]
    damage(workshop.folder / "log", FACTS, changed(5, with_decisions(richer)))

    report = verified(workshop)
    (finding,) = only("ledger", report)
    assert finding.where == "v.facts[1]@5"
    assert finding.what.endswith(f"0 POINTS and +{points} are {points}, and it states {points + 1}")
    assert [one.where for one in only("facts", report)] == ["v.facts[1]@5"]


@pytest.mark.parametrize(
    ("change", "where", "ending"),
    [
        pytest.param(without(5), "v.notifications.points[1]", "is missing", id="lost"),
        pytest.param(twice(5), "v.notifications.points[1]@6", "repeats offset 5", id="doubled"),
        pytest.param(
            swapped(5), "v.notifications.points[1]@5", "comes before what should precede it", id="out of order"
        ),
        pytest.param(
            changed(5, lambda one: one._replace(value=(one.value or b"").replace(b'"orgId":1', b'"orgId":2'))),
            "v.notifications.points[1]@5",
            "decides",
            id="altered",
        ),
        pytest.param(
            changed(5, lambda one: one._replace(headers=())), "v.notifications.points[1]@5", "decides", id="no header"
        ),
        pytest.param(
            changed(5, lambda one: one._replace(key=b"1:2")), "v.notifications.points[1]@5", "decides", id="other key"
        ),
    ],
)
def test_damaged_notification_is_found(workshop: Workshop, change: Damage, where: str, ending: str) -> None:
    told = [one for one in workshop.read("notifications.points") if one.partition == 1]
    named = event_id(told[6 if "precede" in ending else 5])

    damage(workshop.folder / "log", POINTS, change)

    (finding,) = found(verified(workshop))
    assert finding[:2] == ("notifications", where)
    assert finding[2].endswith(ending)
    assert named in finding[2]


@pytest.mark.parametrize(
    ("change", "where", "ending"),
    [
        pytest.param(without(2), "v.replies[1]", "is missing", id="lost"),
        pytest.param(twice(2), "v.replies[1]@3", "repeats offset 2", id="doubled"),
        pytest.param(swapped(2), "v.replies[1]@2", "comes before what should precede it", id="out of order"),
        pytest.param(
            changed(2, lambda one: one._replace(value=(one.value or b"").replace(b'"done"', b'"refused"'))),
            "v.replies[1]@2",
            "decides",
            id="altered",
        ),
    ],
)
def test_damaged_reply_is_found(workshop: Workshop, change: Damage, where: str, ending: str) -> None:
    told = [one for one in workshop.read("replies") if one.partition == 1]
    reply = msgspec.json.decode(told[3 if "precede" in ending else 2].value or b"")

    damage(workshop.folder / "log", REPLIES, change)

    (finding,) = found(verified(workshop))
    assert finding[:2] == ("replies", where)
    assert finding[2].endswith(ending)
    assert f"reply {reply['replyId']} to {reply['recordId']} of customer" in finding[2]


def test_reply_of_intake_does_not_follow_from_the_journal_and_is_passed_over(workshop: Workshop) -> None:
    told = [one for one in workshop.read("replies") if one.partition == 1]

    damage(workshop.folder / "log", REPLIES, added(told[2]._replace(headers=OF_INTAKE)))

    assert found(verified(workshop)) == []


def test_old_notification_that_comes_again_at_the_end_is_found(workshop: Workshop) -> None:
    told = [one for one in workshop.read("notifications.points") if one.partition == 1]

    damage(workshop.folder / "log", POINTS, added(told[2]))

    (finding,) = found(verified(workshop))
    assert finding[1] == f"v.notifications.points[1]@{len(told)}"
    assert "is one too many" in finding[2]


def test_notifications_that_are_all_lost_are_counted_and_not_all_shown(workshop: Workshop) -> None:
    count = sum(one.partition == 1 for one in workshop.read("notifications.points"))

    damage(workshop.folder / "log", POINTS, lambda _: [])

    report = verified(workshop)
    assert count > 20
    assert report.broken == {"notifications": count}
    assert len(report.findings) == 20


def test_wrong_balance_in_the_changelog_is_found(workshop: Workshop) -> None:
    def richer(message: Message) -> Message:
        head = decode_head(message.value or b"")
        head.sections[7].accounts["POINTS"].totals[LedgerAccount.CURRENT] += 1
        return message._replace(value=encode_state(head))

    messages = [one for one in workshop.read("state") if one.partition == 1]
    index = max(index for index, one in enumerate(messages) if one.key == b"1:5")
    totals = decode_head(messages[index].value or b"").sections[7].accounts["POINTS"].totals
    wrong = [total + (account == LedgerAccount.CURRENT) for account, total in enumerate(totals)]

    damage(workshop.folder / "log", STATE, changed(index, richer))

    assert found(verified(workshop)) == [
        ("state", "v.state[1]", f"1:5: sections.7.accounts.POINTS.totals is {wrong}, and {totals} was decided")
    ]


def test_key_that_is_gone_from_the_changelog_is_found(workshop: Workshop) -> None:
    damage(workshop.folder / "log", STATE, lambda messages: [one for one in messages if one.key != b"1:5"])

    assert found(verified(workshop)) == [("state", "v.state[1]", "1:5: is missing")]


def test_key_that_is_in_the_changelog_only_is_found(workshop: Workshop) -> None:
    (head, *_) = (one for one in workshop.read("state") if one.key == b"1:5")

    damage(workshop.folder / "log", STATE, lambda messages: [head._replace(key=b"1:999"), *messages])

    assert found(verified(workshop)) == [("state", "v.state[1]", "1:999: is there, and should not be")]


def stand(mark: Mark, offset: int = 0, rounds: int = 0) -> str:
    return f"journal offset {mark.next_offset + offset} in round {mark.round + rounds}"


def moved(offset: int, rounds: int) -> Callable[[Message], Message]:
    def change(message: Message) -> Message:
        marker = decode_marker(message.value or b"")
        marker = msgspec.structs.replace(marker, next_offset=marker.next_offset + offset, round=marker.round + rounds)
        return message._replace(value=encode_marker(marker))

    return change


@pytest.mark.parametrize(
    "in_place", [pytest.param("yes", id="in the place of the right one"), pytest.param("", id="after the right one")]
)
@pytest.mark.parametrize(("offset", "rounds"), [(1, 0), (0, 1), (1, 1)])
def test_marker_that_is_off_by_one_is_found(workshop: Workshop, offset: int, rounds: int, in_place: str) -> None:
    messages = [one for one in workshop.read("state") if one.partition == 1]
    last = len(messages) - 1
    assert messages[last].key == MARKER_KEY
    mark = decode_marker(messages[last].value or b"").mark
    wrong = moved(offset, rounds)

    damage(workshop.folder / "log", STATE, changed(last, wrong) if in_place else added(wrong(messages[last])))

    assert found(verified(workshop)) == [
        (
            "offsets",
            f"v.state[1]@{last if in_place else last + 1}",
            f"holds the state of {stand(mark, offset, rounds)}, and {stand(mark)} is committed",
        )
    ]


def test_changelog_that_lacks_the_committed_state_is_found(workshop: Workshop) -> None:
    mark = decode_marker([one for one in workshop.read("state") if one.partition == 1][-1].value or b"").mark

    damage(workshop.folder / "log", STATE, lambda messages: messages[:-1])

    assert found(verified(workshop)) == [
        (
            "offsets",
            "v.state[1]",
            f"ends without the state of {stand(mark)}, which is committed",
        )
    ]


def test_facts_of_older_engines_are_folded_and_what_follows_is_decided_again(workshop: Workshop) -> None:
    half = len(facts_of(workshop)) // 2
    switch = facts_of(workshop)[half][1].journal_offset

    def aged(messages: list[Message]) -> list[Message]:
        def old(facts: FactMessage) -> FactMessage:
            return msgspec.structs.replace(facts, engine_version=ENGINE_VERSION - 1)

        return [
            with_facts(old)(one) if decode_facts(one.value or b"").journal_offset <= switch else one for one in messages
        ]

    damage(workshop.folder / "log", FACTS, aged)
    damage_times(workshop, switch)

    report = verified(workshop, 1)

    assert found(report) == []
    assert report.notes[0] == (
        f"partition 1: facts of journal offsets before {switch + 1} are of older engines: folded, not decided again"
    )
    assert f"journal offsets {switch + 1} to" in report.notes[1]


def test_only_versions_that_a_worker_put_in_force_are_in_force_behind_folded_facts(tmp_path: Path) -> None:
    elsewhere = PROGRAM.model_copy(update={"version": 2, "zone": "Europe/London"})
    third = PROGRAM.model_copy(update={"version": 3})
    records = (
        activation(),
        activation(elsewhere),
        msgspec.structs.replace(activation(), definition="{}"),
        msgspec.structs.replace(activation(third), starts_at=START + DAY),
    )
    journal = (Message("v.journal", 1, offset, None, encode_record(one), 0, ()) for offset, one in enumerate(records))
    store = PartitionStore(tmp_path / "folded", "verify")

    folding = Folding(store, lambda _: None, set())
    folding.pass_over(journal, len(records))
    folding.store()

    marker = decode_marker(store.get(MARKER_KEY) or b"")
    assert marker.programs == ((1, 7, 1, 0), (1, 7, 3, START + DAY))
    store.close()


def damage_times(workshop: Workshop, switch: int) -> None:
    """Facts, notifications and replies lie in time as if the newer engine had begun later."""
    newer = {
        (one.org_id, one.customer_id, seq)
        for _, one in facts_of(workshop)
        for seq in range(one.first_seq, one.first_seq + one.count)
        if one.journal_offset > switch
    }

    def timed(messages: list[Message]) -> list[Message]:
        return [one._replace(timestamp=START + DAY * _is_newer(one, newer)) for one in messages]

    for topic in ("v.facts", "v.replies", *workshop.catalog.notifications):
        damage(workshop.folder / "log", Partition(topic, 1), timed)


def _is_newer(message: Message, newer: set[tuple[int, int, int]]) -> bool:
    if message.topic == "v.facts":
        facts = decode_facts(message.value or b"")
        return (facts.org_id, facts.customer_id, facts.first_seq) in newer
    body: Any = msgspec.json.decode(message.value or b"")
    org, _, customer = (message.key or b"").decode().partition(":")
    return (int(org), int(customer), body["seq"]) in newer


def test_facts_of_a_newer_engine_end_it_with_a_reason(workshop: Workshop) -> None:
    def young(facts: FactMessage) -> FactMessage:
        return msgspec.structs.replace(facts, engine_version=ENGINE_VERSION + 1)

    damage(workshop.folder / "log", FACTS, changed(5, with_facts(young)))

    with pytest.raises(NewerEngine, match=rf"v\.facts\[1\]@5 was decided by engine version {ENGINE_VERSION + 1}"):
        verified(workshop)


def test_offset_that_somebody_committed_by_hand_is_found(workshop: Workshop) -> None:
    consumer = workshop.log.consumer("v.accrue.loyalty")

    def nothing(_: Any) -> None:
        pass

    consumer.subscribe(["v.journal"], assigned=nothing, revoked=nothing, lost=nothing)
    consumer.consume(1, 0.0)
    consumer.commit_offsets({Partition("v.journal", 1): Committed(3)}, 10.0)
    consumer.close()

    report = verified(workshop)

    assert sum("was the group's offset reset by hand?" in one.what for one in only("offsets", report)) == 1


def test_verifying_while_a_worker_runs_raises_no_alarm(workshop: Workshop) -> None:
    stop = threading.Event()
    loop = workshop.loyalty(transaction_records_max=3, tick_customers_max=1)
    worker = threading.Thread(target=loop.run, args=(stop,))
    worker.start()
    try:
        for day in range(41, 53):
            workshop.journal(clock(START + day * DAY))
            assert found(verified(workshop)) == []
    finally:
        stop.set()
        worker.join(30.0)


def test_tick_that_a_worker_is_half_through_raises_no_alarm(embedded_log: EmbeddedLog, tmp_path: Path) -> None:
    workshop = Workshop(embedded_log, tmp_path, "v.")
    workshop.journal(*history(days=8))
    workshop.decide_all()
    before = len(workshop.read("facts"))
    tick = workshop.log.producer("with a gap before it")  # where a transaction's end lies
    tick.init(10.0)
    for at in (START + 9 * DAY, START + 60 * DAY):
        tick.begin()
        tick.produce([Outgoing("v.journal", None, encode_record(clock(at)), number) for number in (0, 1)])
        tick.commit(10.0)
    tick.close()

    loop = workshop.loyalty(tick_customers_max=2)
    loop.run(Until(lambda: len(workshop.read("facts")) > before))

    committed = workshop.log.group_offsets("v.accrue.loyalty", ["v.journal"])
    ends = workshop.log.ends(list(committed), 10.0)
    assert any((one.offset or 0) < ends[partition] for partition, one in committed.items())
    assert found(verified(workshop)) == []
    workshop.close()


def test_last_messages_that_are_lost_behind_a_foreign_one_are_found(workshop: Workshop) -> None:
    told = [one for one in workshop.read("notifications.points") if one.partition == 1]
    foreign = told[-2]._replace(value=b'{"eventId":"foreign"}')

    damage(workshop.folder / "log", POINTS, lambda messages: [*messages[:-2], foreign])

    assert [(where, what.split()[1], what.rsplit(maxsplit=1)[1]) for _, where, what in found(verified(workshop))] == [
        ("v.notifications.points[1]", event_id(told[-2]), "missing"),
        (f"v.notifications.points[1]@{len(told) - 2}", "foreign", "here"),
        ("v.notifications.points[1]", event_id(told[-1]), "missing"),
    ]
