"""Replies: one for each command and for each record that was refused, waits or came before; none for what counts."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import msgspec
import pytest

from pipeline.engine.amounts import TOTAL_MAX
from pipeline.engine.outcomes import DONE, WAITS, Outcome
from pipeline.intake.dialects import native
from pipeline.replies import results
from pipeline.replies.refusals import REASONS
from pipeline.replies.replies import NAMESPACE, Place, is_answered, replies_of, reply_to_duplicate, type_of
from schemas.facts import (
    AnyDecision,
    PointsHandedOver,
    PointsMoved,
    PointsReceived,
    PointsReclaimed,
    PointsRestored,
    PointsReversed,
    PointsSettled,
    PointsTakenOver,
    Refusal,
)
from schemas.messages import AnyMessage, AssignTransaction, CustomerMessage
from schemas.messages import LinkIdentifiers as LinkIdentifiersMessage
from schemas.messages import UnlinkIdentifiers as UnlinkIdentifiersMessage
from schemas.records import AnyCustomerRecord, LinkIdentifiers, Profile, forwarded
from schemas.replies import Reply, ReplyOutcome
from tests.dsl import Story, given
from tests.engine.identity.test_identity import unassigned
from tests.engine.test_refusals import B1, CASES, SHOP, with_small_bounds
from tests.steps import (
    CUSTOMER,
    ORG,
    Step,
    Tick,
    adjust,
    assigned,
    bought,
    brought_back,
    changed,
    confirm,
    did,
    instant,
    joined,
    linked,
    merge,
    program,
    redeem,
    reverse,
    spend,
    status,
    transfer,
    unnamed,
)
from tests.town import Town

DAY = 86_400_000
AT = instant("2011-03-05 10:00")
PLACE = Place(partition=1, offset=42, org_id=ORG, customer_id=CUSTOMER, at=AT)
EARLY = brought_back("B7", 100, "2011-03-02")
BILL = bought("B7", 1_000, "2011-03-01")


def amount(_program_id: int, _version: int, currency: str, points: int) -> int | float:
    """Stars have a decimal."""
    return points / 10 if currency == "STARS" else points


def answered(story: Story, step: Step, *, as_of: int | None = None) -> list[Reply]:
    """The replies to a step that is not a duplicate."""
    first_seq = story.state.head.seq + 1
    story.play(step, as_of)
    record = step if isinstance(step, get_args(AnyCustomerRecord)) else None
    return replies_of(PLACE, record, story.groups, first_seq, amount)


def only(replies: list[Reply]) -> Reply:
    [reply] = replies
    return reply


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(bought("B2", 500, "2011-03-02"), id="bill"),
        pytest.param(brought_back("B1", 500, "2011-03-02"), id="return"),
        pytest.param(did("login", "2011-03-02"), id="event"),
        pytest.param(changed("2011-03-02", Profile(first_name="Ann")), id="update"),
    ],
)
def test_event_that_counts_gives_no_reply(record: AnyCustomerRecord) -> None:
    assert answered(given(SHOP, B1), record) == []


@pytest.mark.parametrize(
    ("command", "message", "result"),
    [
        pytest.param(
            redeem(6, "2011-03-02"),
            "Done: 6 POINTS redeemed, balance 4.",
            {"kind": "PointsRedeemed", "points": 6, "balance": 4, "valueMinor": 6},
            id="redeemed",
        ),
        pytest.param(
            adjust(1_500, "2011-03-02"),
            "Done: 1,500 POINTS given, balance 1,510.",
            {"kind": "PointsIssued", "points": 1_500, "balance": 1_510, "lots": [2]},
            id="given",
        ),
        pytest.param(
            adjust(-3, "2011-03-02"),
            "Done: 3 POINTS taken away, balance 7.",
            {"kind": "PointsDebited", "points": 3, "balance": 7},
            id="taken",
        ),
    ],
)
def test_command_that_is_done_is_answered_with_its_numbers(
    command: AnyCustomerRecord, message: str, result: dict[str, Any]
) -> None:
    story = given(program(rules=[spend()], points={"value_minor": 1}), B1)
    reply = only(answered(story, command))
    assert (reply.outcome, reply.reason, reply.vendor_code, reply.first_outcome) == (
        ReplyOutcome.DONE,
        None,
        None,
        None,
    )
    assert reply.message == message
    assert reply.result == [{"programId": 1, "currency": "POINTS", **result}]
    assert (reply.seq, reply.at) == (story.state.head.seq, "2011-03-05T10:00:00.000Z")


def test_confirmed_redemption_is_answered_with_what_it_took() -> None:
    story = given(SHOP, B1, redeem(6, "2011-03-02", id="d", hold=True))
    reply = only(answered(story, confirm("d", "2011-03-02 12:30")))
    assert reply.message == "Done: 6 POINTS redeemed, balance 4."


def test_reversal_is_answered_with_what_came_back_and_what_has_expired() -> None:
    short = program(rules=[spend()], points={"expiry": {"days": 1}})
    story = given(short, B1, redeem(6, "2011-03-02", id="d"))
    reply = only(answered(story, reverse("d", "2011-03-04")))
    assert reply.message == "Done: 0 POINTS given back, balance 0."
    assert reply.result == [
        {
            "kind": "RedemptionReversed",
            "programId": 1,
            "currency": "POINTS",
            "points": 0,
            "balance": 0,
            "redemptionId": "d",
            "valueMinor": 6,
            "expired": 6,
        }
    ]


def test_amounts_of_other_currencies_have_their_decimals() -> None:
    club = program(rules=[spend()], currencies=[{"id": "STARS", "scale": 1}])
    reply = only(answered(given(club), adjust(26, "2011-03-02", currency="STARS")))
    assert reply.message == "Done: 2.6 STARS given, balance 2.6."
    assert [(one["kind"], one["currency"], one["points"], one["balance"]) for one in reply.result] == [
        ("PointsIssued", "STARS", 2.6, 2.6)
    ]


def test_reply_names_the_message_that_it_answers() -> None:
    command = msgspec.structs.replace(redeem(6, "2011-03-02"), source="loyalty.commands:3", offset=17)
    reply = only(answered(given(SHOP, B1), command))
    assert (reply.request_id, reply.record_id, reply.type) == ("loyalty.commands:3:17", command.id, "redeemPoints")
    assert (reply.org_id, reply.customer_id) == (ORG, CUSTOMER)


@pytest.mark.parametrize("reason", list(CASES))
def test_refused_record_is_answered_with_its_reason_in_words(reason: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    with_small_bounds(monkeypatch)
    steps, record, subject, _ = CASES[reason]
    reply = only(answered(given(*steps), record))
    meaning, remedy = REASONS[reason]
    assert (reply.outcome, reply.reason, reply.result) == (ReplyOutcome.REFUSED, reason.text, [])
    assert reply.message == f"Refused: {meaning.format(subject=subject, taken=subject)} ({reason.text}); {remedy}."


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        pytest.param(99, 818, id="more-than-there-are"),
        pytest.param(4, 821, id="fewer-than-the-minimum"),
        pytest.param(0, 801, id="none"),
    ],
)
def test_refusal_that_the_vendor_has_a_number_for_carries_it(asked: int, code: int) -> None:
    assert only(answered(given(SHOP, B1), redeem(asked, "2011-03-02"))).vendor_code == code


def test_refusal_that_the_vendor_has_no_number_for_carries_none() -> None:
    assert only(answered(given(SHOP, B1), bought("B1", 1, "2011-03-02", id="other"))).vendor_code is None


def test_bill_that_one_of_two_programs_refuses_counts_and_is_not_answered() -> None:
    narrow = program(rules=[spend()], repeat_window_days=10)
    wide = program(rules=[spend()], repeat_window_days=30, program_id=2)
    assert answered(given(narrow, wide), B1, as_of=instant("2011-03-20")) == []


def test_bill_that_every_program_refuses_is_answered() -> None:
    reply = only(answered(given(SHOP), bought("B2", TOTAL_MAX + 1, "2011-03-02")))
    assert (reply.outcome, reply.reason) == (ReplyOutcome.REFUSED, "total_too_large")


def test_points_that_a_new_version_gives_with_a_command_are_not_the_commands() -> None:
    monthly = {
        "id": "visit",
        "target_id": 1,
        "name": "Visit",
        "period": "month",
        "counts": {"of": "transactions"},
        "target": 2,
        "points": 50,
    }
    easier = program(rules=[spend()], version=2, milestones=[{**monthly, "target": 1}])
    story = given(program(rules=[spend()], milestones=[monthly]), B1, easier)
    reply = only(answered(story, redeem(5, "2011-03-02")))
    assert story.balance() == 55
    assert [one["kind"] for one in reply.result] == ["PointsRedeemed"]


@pytest.mark.parametrize(
    ("first", "outcome", "message"),
    [
        pytest.param(DONE, ReplyOutcome.DONE, "It came before, was done then, and does not count again.", id="done"),
        pytest.param(
            Outcome(reason=Refusal.BALANCE_TOO_LOW),
            ReplyOutcome.REFUSED,
            "It came before, was refused then (balance_too_low), and does not count again.",
            id="refused",
        ),
        pytest.param(
            WAITS, ReplyOutcome.HELD, "It came before, waits for another record, and does not count again.", id="waits"
        ),
    ],
)
def test_duplicate_is_answered_with_the_first_outcome(first: Outcome, outcome: ReplyOutcome, message: str) -> None:
    reply = reply_to_duplicate(PLACE, redeem(5, "2011-03-02"), first, 9)
    assert (reply.outcome, reply.first_outcome, reply.message) == (ReplyOutcome.DUPLICATE, outcome, message)
    assert (reply.seq, reply.result) == (9, [])
    assert (reply.reason, reply.vendor_code) == (("balance_too_low", 818) if first.reason else (None, None))


def test_return_before_its_bill_is_held_and_answered_again_when_the_bill_decides_it() -> None:
    story = given(SHOP)
    held = only(answered(story, EARLY))
    assert (held.outcome, held.message) == (
        ReplyOutcome.HELD,
        "It waits for its bill, until 2011-04-06T12:00:00.000Z at the latest.",
    )
    done = only(answered(story, BILL, as_of=instant("2011-03-03")))
    assert (done.outcome, done.record_id, done.type, done.request_id) == (
        ReplyOutcome.DONE,
        EARLY.id,
        "transactionReturned",
        None,
    )
    assert (done.message, done.seq) == ("Done.", story.state.head.seq)


def test_waiting_return_that_its_bill_refuses_is_answered_as_refused() -> None:
    copy = brought_back("B7", 200, "2011-03-02", id="copy", bill_number=EARLY.bill_number)
    replies = answered(given(SHOP, EARLY, copy), BILL, as_of=instant("2011-03-03"))
    assert [(one.record_id, one.outcome, one.reason) for one in replies] == [
        (EARLY.id, ReplyOutcome.DONE, None),
        ("copy", ReplyOutcome.REFUSED, "return_exists"),
    ]
    assert replies[0].seq < replies[1].seq


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(Tick(EARLY.event_time + 36 * DAY), id="by-a-tick"),
        pytest.param(did("late", EARLY.event_time + 36 * DAY), id="in-the-turn-of-another-record"),
    ],
)
def test_returns_whose_bill_does_not_come_are_each_answered_as_refused_when_their_time_is_up(step: Step) -> None:
    other = brought_back("B7", 200, "2011-03-02", id="other")
    replies = answered(given(SHOP, EARLY, other), step)
    assert [(one.record_id, one.outcome, one.reason) for one in replies] == [
        (EARLY.id, ReplyOutcome.REFUSED, "bill_unknown"),
        ("other", ReplyOutcome.REFUSED, "bill_unknown"),
    ]
    assert len({one.reply_id for one in replies}) == 2


def test_reply_id_is_that_of_the_place_in_the_journal() -> None:
    first = only(answered(given(SHOP, B1), redeem(6, "2011-03-02")))
    again = only(answered(given(SHOP, B1), redeem(6, "2011-03-02")))
    asked = redeem(6, "2011-03-02")
    [reply] = replies_of(PLACE._replace(offset=43), asked, given(SHOP, B1).when(asked).groups, 1, amount)
    assert first == again
    assert first.reply_id != reply.reply_id
    assert str(NAMESPACE) == "0c1f5b0e-8d5b-5a7e-9f0d-3f6a0f0b7c52"
    assert first.reply_id == FIRST_ID


FIRST_ID = "601f8d30-e9db-58e1-bf97-5ac71e95c859"
"""Frozen: a replay must give the same."""


@pytest.mark.parametrize(
    ("record", "event_mode", "told"),
    [
        pytest.param(B1, False, True, id="event"),
        pytest.param(None, False, True, id="tick"),
        pytest.param(B1, True, False, id="event-of-history"),
        pytest.param(None, True, False, id="tick-of-history"),
        pytest.param(redeem(1, "2011-03-01"), True, True, id="command-of-history"),
    ],
)
def test_while_history_is_loaded_only_commands_are_answered(
    record: AnyCustomerRecord | None, *, event_mode: bool, told: bool
) -> None:
    assert is_answered(record, event_mode=event_mode) is told


def test_every_key_of_a_reply_is_always_there() -> None:
    reply = only(answered(given(SHOP, B1), redeem(6, "2011-03-02")))
    assert list(msgspec.json.decode(msgspec.json.encode(reply))) == [
        "replyId",
        "requestId",
        "recordId",
        "orgId",
        "customerId",
        "type",
        "outcome",
        "firstOutcome",
        "reason",
        "vendorCode",
        "message",
        "at",
        "seq",
        "result",
    ]


def transferred(town: Town, record: AnyCustomerRecord) -> list[Reply]:
    """The replies to a record in a town."""
    first_seq = town.customer(record.customer_id).state.head.seq + 1
    return replies_of(PLACE, record, town.play(record).groups, first_seq, amount)


def test_transfer_is_held_until_the_receiver_has_answered_and_then_done() -> None:
    town = Town(SHOP)
    town.play(B1)
    asked = transfer(6, 8, "2011-03-02")
    held = only(transferred(town, asked))
    assert (held.outcome, held.message) == (
        ReplyOutcome.HELD,
        "The points are put aside until customer 8 has answered.",
    )
    assert transferred(town, town.waiting.pop(0)) == []  # type: ignore[arg-type]  # the union's cases
    done = only(transferred(town, town.waiting.pop(0)))  # type: ignore[arg-type]
    assert (done.outcome, done.record_id, done.type, done.request_id) == (
        ReplyOutcome.DONE,
        asked.id,
        "transferPoints",
        None,
    )
    assert done.message == "Done: 6 POINTS given to another customer, balance 4."
    assert done.result == [
        {
            "kind": "PointsTransferred",
            "programId": 1,
            "currency": "POINTS",
            "points": 6,
            "balance": 4,
            "receiverId": 8,
        }
    ]


def test_transfer_that_the_receiver_refuses_is_refused_with_the_reason_of_the_receiver() -> None:
    town = Town(program(rules=[spend()], add_customers=False))
    town.play(joined("2011-03-01"))
    town.play(B1)
    asked = transfer(6, 8, "2011-03-02")
    transferred(town, asked)
    assert transferred(town, town.waiting.pop(0)) == []  # type: ignore[arg-type]
    refused = only(transferred(town, town.waiting.pop(0)))  # type: ignore[arg-type]
    assert (refused.outcome, refused.reason, refused.record_id) == (ReplyOutcome.REFUSED, "customer_unknown", asked.id)
    assert refused.message == (
        "Refused: the customer is not registered (customer_unknown); send customerAdded first, or set "
        "add_customers: true in the program. Back again: 6 POINTS given back, balance 10."
    )
    assert [one["kind"] for one in refused.result] == ["PointsReleased"]


@pytest.mark.parametrize(
    ("marked", "asked", "code"),
    [
        pytest.param([status("FRAUD", "2011-03-01", customer_id=8)], {}, 414, id="receiver-marked-for-fraud"),
        pytest.param([status("BLOCKED", "2011-03-01", customer_id=8)], {}, None, id="receiver-blocked"),
        pytest.param([status("FRAUD", "2011-03-01 14:00")], {}, 415, id="sender-marked-for-fraud"),
        pytest.param([], {"to": CUSTOMER}, 418, id="to-oneself"),
        pytest.param([], {"points": 99}, 818, id="more-than-there-are"),
    ],
)
def test_transfer_that_is_refused_carries_the_number_that_the_vendor_has_for_transfers(
    marked: list[AnyCustomerRecord], asked: dict[str, Any], code: int | None
) -> None:
    town = Town(SHOP)
    town.play(B1)
    for record in marked:
        town.play(record)
    replies = transferred(town, transfer(**{"points": 6, "to": 8, "on": "2011-03-02", **asked}))
    while town.waiting:
        replies = transferred(town, town.waiting.pop(0))  # type: ignore[arg-type]  # the union's cases
    refused = only(replies)
    assert (refused.outcome, refused.vendor_code) == (ReplyOutcome.REFUSED, code)
    assert town.customer(CUSTOMER).balance() == 10


def test_merge_is_held_until_the_victim_has_answered_and_then_done() -> None:
    town = Town(SHOP)
    town.play(B1)
    town.play(joined("2011-03-01", customer_id=8))
    asked = merge(8, "2011-03-02")
    held = only(transferred(town, asked))
    assert (held.outcome, held.message) == (
        ReplyOutcome.HELD,
        "It waits until customer 8 has handed over all that they have.",
    )
    replies = [transferred(town, town.waiting.pop(0)) for _ in range(3)]  # type: ignore[arg-type]
    assert replies[:2] == [[], []]
    done = only(replies[2])
    assert (done.outcome, done.record_id, done.type) == (ReplyOutcome.DONE, asked.id, "mergeCustomers")
    assert done.message == "Done: customer 8 is merged into this one."
    assert transferred(town, adjust(3, "2011-03-03", customer_id=8)) == []
    assert only(transferred(town, forwarded(town.waiting.pop(0)))).outcome is ReplyOutcome.DONE  # type: ignore[arg-type]


def test_command_by_identifiers_is_answered_once_by_the_customer_whom_they_name() -> None:
    town = Town(SHOP)
    town.play(B1)
    town.play(linked(CUSTOMER, "2011-03-01 13:00", ("email", "e")))
    asked = msgspec.structs.replace(redeem(99, "2011-03-02"), customer_id=0)
    assert transferred(town, unnamed("email", "2011-03-02", "e", record=asked)) == []
    refused = only(transferred(town, forwarded(town.waiting.pop(0))))  # type: ignore[arg-type]
    assert (refused.outcome, refused.record_id) == (ReplyOutcome.REFUSED, asked.id)


def test_merge_that_the_victim_refuses_is_refused_with_the_reason_of_the_victim() -> None:
    town = Town(SHOP)
    town.play(B1)
    asked = merge(8, "2011-03-02")
    transferred(town, asked)
    assert transferred(town, town.waiting.pop(0)) == []  # type: ignore[arg-type]
    refused = only(transferred(town, town.waiting.pop(0)))  # type: ignore[arg-type]
    assert (refused.outcome, refused.reason, refused.record_id) == (ReplyOutcome.REFUSED, "customer_unknown", asked.id)


def test_type_of_a_record_is_that_of_its_message() -> None:
    kinds = {kind: made for kind, (made, _) in native._KINDS.items()}
    of_org = {LinkIdentifiersMessage, UnlinkIdentifiersMessage, AssignTransaction}
    assert set(kinds) | of_org == {kind for kind in get_args(AnyMessage) if issubclass(kind, CustomerMessage)}
    assert {kind.__struct_config__.tag for kind in kinds} == {type_of(made) for made in kinds.values()}
    assert all(type_of(made) == kind.__struct_config__.tag for kind, made in kinds.items())


def test_every_decision_that_moves_points_is_told_to_those_who_asked_or_never_asked_for() -> None:
    """A command that leads to another kind gets a line in `WORDS`; what no command asks for stands here."""
    never = {
        PointsReceived,
        PointsReclaimed,
        PointsRestored,
        PointsReversed,
        PointsSettled,
        PointsHandedOver,
        PointsTakenOver,
    }
    assert set(results.WORDS) | never == {kind for kind in get_args(AnyDecision) if issubclass(kind, PointsMoved)}
    assert not set(results.WORDS) & never


def test_words_for_refusals_are_there_for_each() -> None:
    assert set(REASONS) == set(Refusal)


def test_replies_load_neither_kafka_nor_clickhouse() -> None:
    heavy = ("faust", "confluent_kafka", "clickhouse_connect", "pipeline.intake", "pipeline.notify")
    code = f"import sys, pipeline.replies.replies; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert loaded.stdout.strip() == "[]"


def asked(reply_to: str, *identifiers: tuple[str, str], person: int = 7, unlink: bool = False) -> LinkIdentifiers:
    """A message of its own that says whose identifiers are."""
    return msgspec.structs.replace(linked(person, "2011-03-01", *identifiers, unlink=unlink), asked=reply_to)


def test_who_says_whose_identifiers_are_is_answered_about_that_customer() -> None:
    org = Story(program(), customer=0)
    first, other, taken = (
        only(answered(org, one))
        for one in (
            asked("m1", ("email", "e")),
            msgspec.structs.replace(asked("m2", ("email", "e"), ("cardNumber", "c"), person=8), id="in:1:2"),
            msgspec.structs.replace(asked("m3", ("email", "e"), unlink=True), id="in:1:3"),
        )
    )

    assert (first.record_id, first.customer_id, first.type, first.message) == ("m1", 7, "linkIdentifiers", "Done.")
    assert (other.customer_id, other.outcome) == (8, ReplyOutcome.DONE)
    assert other.message == "Done, but another customer has the email."
    assert (taken.type, taken.message) == ("unlinkIdentifiers", "Done.")
    along = msgspec.structs.replace(linked(7, "2011-03-02", ("mobile", "m")), id="in:1:4")
    assert answered(org, along) == [], "a profile says so, too, and nobody asked"


def test_what_was_held_is_answered_when_it_counts() -> None:
    story = given(SHOP, B1)
    bill = bought("B2", 500, "2011-03-02")
    first_seq = story.state.head.seq + 1
    story.play(bill)
    (reply,) = replies_of(PLACE, bill, story.groups, first_seq, amount, was_held=True)
    assert (reply.record_id, reply.outcome, reply.message) == (bill.id, ReplyOutcome.DONE, "Done.")


def test_who_assigns_a_bill_is_told_the_id_that_it_came_with() -> None:
    town = Town(SHOP)
    town.play(unassigned("B1", "2011-03-01"))
    done = only(transferred(town, assigned("B1", "2011-03-02", 7)))
    assert (done.outcome, done.message) == (ReplyOutcome.DONE, "Done.")
    assert done.result == [{"kind": "MessageReleased", "customerId": 7, "recordId": B1.id}]
    again = only(transferred(town, assigned("B1", "2011-03-03", 7)))
    assert (again.outcome, again.reason) == (ReplyOutcome.REFUSED, "transaction_assigned")
