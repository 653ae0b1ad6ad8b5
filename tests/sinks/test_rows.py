"""Rows: every kind of fact has golden rows by name, and the columns are those of the tables."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, get_args

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from pipeline.engine.calendar import NEVER
from pipeline.engine.ledger.postings import MOVEMENTS
from pipeline.engine.ledger.state import Account, LedgerAccount, Lot, PromisedLot
from pipeline.engine.milestones.state import Member, Progress
from pipeline.engine.state import Head, Section, encode_state
from pipeline.engine.streaks.state import StreakRuns
from pipeline.engine.trackers.state import Tracked
from pipeline.log.port import Message
from schemas.facts import AnyDecision, Awaits, Decision, Duration, IssuedFor, StreakStanding
from schemas.records import Label, Line, LineWords, Profile, TransactionAdded, Words, encode_record
from schemas.replies import ReplyOutcome
from sinks.clickhouse.canonical import canonical_json, twin_of
from sinks.clickhouse.ddl import FILE, tables_sql
from sinks.clickhouse.tables import (
    CUSTOMER_STATE,
    JOURNAL,
    NOTIFICATIONS,
    TABLES,
    Rows,
    Table,
    add_heads,
    add_journal_record,
    add_notification,
    add_reply,
    is_head,
)
from tests.sinks.golden import (
    TABLE_FILE,
    VIEW_FILE,
    VIEWS,
    all_table_rows,
    plain,
    rows_of,
    store,
    table_rows,
    view_rows,
)
from tests.sinks.samples import ONE_OF_EACH, message_of
from tests.sinks.story import REPLY, instant

GOLDEN_TABLES = json.loads(TABLE_FILE.read_text())
GOLDEN_VIEWS = json.loads(VIEW_FILE.read_text())
EACH = [pytest.param(decision, id=type(decision).__name__) for decision in ONE_OF_EACH]


def test_every_kind_of_decision_has_golden_rows() -> None:
    kinds = {kind.__name__ for kind in get_args(AnyDecision)}

    assert kinds == {type(decision).__name__ for decision in ONE_OF_EACH} == set(GOLDEN_TABLES)


@pytest.mark.parametrize("decision", EACH)
def test_rows_of_a_decision_are_the_golden_ones(decision: AnyDecision) -> None:
    assert plain(table_rows(decision)) == GOLDEN_TABLES[type(decision).__name__]


def numbers(struct: msgspec.Struct) -> Iterator[list[int]]:
    """The integers of a struct, and of each struct in it."""
    values = [getattr(struct, name) for name in struct.__struct_fields__]
    yield [value for value in values if isinstance(value, int) and not isinstance(value, bool | IntEnum)]
    for value in values:
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, msgspec.Struct):
                yield from numbers(inner)


@pytest.mark.parametrize("decision", EACH)
def test_no_two_integers_of_a_sample_are_equal_so_that_golden_rows_tell_them_apart(decision: AnyDecision) -> None:
    message = message_of(decision)
    around = [*next(numbers(message)), *next(numbers(message.groups[0].envelope)), 203, 204]

    for own in numbers(decision):
        assert len({*own, *around}) == len(own) + len(around)


def test_two_integers_that_change_places_are_no_longer_the_golden_row() -> None:
    [counted] = [decision for decision in ONE_OF_EACH if type(decision).__name__ == "PurchaseCounted"]

    swapped = msgspec.structs.replace(
        counted, purchases_minor=counted.returned_minor, returned_minor=counted.purchases_minor
    )

    assert plain(table_rows(swapped)) != GOLDEN_TABLES["PurchaseCounted"]


@pytest.fixture(scope="module")
def stored(engine: Client) -> Client:
    """One message with a decision of each kind is in ClickHouse."""
    store(engine, "one-of-each")
    return engine


def test_every_kind_of_decision_arrives_in_facts(stored: Client) -> None:
    names = "seq, kind, cause, toUnixTimestamp64Milli(at), toUnixTimestamp64Milli(as_of), idx, data"

    found = stored.query(f"SELECT {names} FROM facts ORDER BY seq").result_rows

    assert [tuple(row) for row in found] == [
        (301 + index, type(one).__name__, "RedeemPoints:r1", 1_000, 1_500, index, canonical_json(one).decode())
        for index, one in enumerate(ONE_OF_EACH)
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_rows_of_a_view_are_the_golden_ones(stored: Client, view: str) -> None:
    assert view_rows(stored, view) == GOLDEN_VIEWS[view]


BOOKKEEPING = {
    "UniqueEventKept",
    "UniqueEventsJoined",
    "UnifiedMoved",
    "ClaimsKept",
    "EventSetAside",
    "IdentifiersKnown",
    "IdsSpilled",
    "HoldExpired",
    "HoldsDue",
    "IdentityKeySet",
    "MessageAwaits",
    "CycleAwaited",
    "ProgressGiven",
    "MilestoneTallied",
    "RemindersPlanned",
    "StreakRiskPlanned",
    "TierCheckSet",
    "TierLossExcused",
    "TierRemindersPlanned",
    "TierPeriodBegun",
    "TierTenureBegun",
}
"""What only the engine asks for; it is in `facts`."""


def test_every_kind_of_decision_that_people_ask_for_is_in_one_of_the_views() -> None:
    seen = {row["seq"] for view in VIEWS for row in GOLDEN_VIEWS[view]}

    assert {type(one).__name__ for index, one in enumerate(ONE_OF_EACH) if 301 + index not in seen} == BOOKKEEPING


def test_every_movement_of_points_is_in_the_ledger() -> None:
    moving = {kind for kind, tables in all_table_rows().items() if "ledger_entries" in tables}

    together = {"AlternatePointsIssued", "AlternatePointsReversed"}  # of several currencies
    assert moving == {kind.__name__ for kind in MOVEMENTS} | together


class _Later(Decision, frozen=True, tag=30_000):
    """A kind with a field that was appended."""

    bill_number: str
    amount_minor: int
    note: str = ""
    parts: tuple[int, ...] = ()
    until: int | None = None
    count: int = 0


def test_a_field_at_its_default_is_left_out_of_the_canonical_json() -> None:
    assert canonical_json(_Later(bill_number="", amount_minor=0)) == b'{"bill_number":"","amount_minor":0}'
    assert canonical_json(_Later(bill_number="B", amount_minor=1, until=0, count=2, parts=(3,))) == (
        b'{"bill_number":"B","amount_minor":1,"parts":[3],"until":0,"count":2}'
    )


class _Unfit(Decision, frozen=True, tag=30_001):
    """A kind whose default the encoder could not recognise."""

    days: int = 5_000


def test_a_default_that_cannot_be_left_out_reliably_is_refused() -> None:
    with pytest.raises(TypeError, match=r"the default of _Unfit\.days is not empty"):
        canonical_json(_Unfit())


def structs_in(kind: msgspec.inspect.Type) -> Iterator[type[msgspec.Struct]]:
    """The structs that values of a type consist of."""
    match kind:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            yield cls
            for field in fields:
                yield from structs_in(field.type)
        case msgspec.inspect.VarTupleType(item_type=item):
            yield from structs_in(item)
        case msgspec.inspect.UnionType(types=types):
            for one in types:
                yield from structs_in(one)


@pytest.mark.parametrize("kind", get_args(AnyDecision), ids=lambda kind: kind.__name__)
def test_every_kind_of_decision_and_what_is_inside_of_it_has_a_canonical_form(kind: type[Decision]) -> None:
    for struct in structs_in(msgspec.inspect.type_info(kind)):
        assert twin_of(struct).kind.__name__ == struct.__name__


def test_rows_of_one_message_are_told_apart_by_their_index() -> None:
    rows = rows_of(*ONE_OF_EACH[6:8])["facts"]

    assert [(row.idx, row.seq) for row in rows] == [(0, 301), (1, 302)]


def test_the_first_migration_is_what_the_descriptions_of_the_tables_give() -> None:
    assert FILE.read_text() == tables_sql()


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_table_has_the_columns_that_its_description_names(engine: Client, table: str) -> None:
    found = engine.query(
        "SELECT name, type, compression_codec, comment FROM system.columns WHERE database = currentDatabase() "
        "AND table = {table:String} AND default_kind = '' ORDER BY position",
        parameters={"table": table},
    ).result_rows

    assert [tuple(row) for row in found] == [
        (column.name, column.type, _codec(column.codec), column.comment) for column in TABLES[table].columns
    ]


def _codec(codec: str) -> str:
    """As ClickHouse shows it."""
    return f"CODEC({codec.replace('Delta', 'Delta(8)')})" if codec else ""


def named(table: Table[Any], rows: Rows) -> list[dict[str, Any]]:
    return [dict(zip(table.names, row, strict=True)) for row in table.rows(rows[table.name])]


def named_journal_row(message: Message) -> dict[str, Any]:
    rows: Rows = defaultdict(list)
    add_journal_record(rows, message)
    [row] = named(JOURNAL, rows)
    return row


def test_a_journal_record_is_a_json_object_with_names() -> None:
    record = TransactionAdded(
        received_at=5,
        source="tx:0",
        offset=6,
        org_id=1,
        customer_id=11,
        id="t1",
        digest=7,
        event_time=4,
        bill_number="B1",
        amount_minor=900,
        currency="GBP",
        lines=(Line(sku="A", amount_minor=900, quantity=2, category="tea"),),
    )

    assert named_journal_row(Message("journal", 2, 9, b"1:11", encode_record(record), 5, ())) == {
        "type": "TransactionAdded",
        "org_id": 1,
        "customer_id": 11,
        "record_id": "t1",
        "at": 4,
        "received_at": 5,
        "source": "tx:0",
        "source_offset": 6,
        "payload": (
            b'{"received_at":5,"source":"tx:0","offset":6,"org_id":1,"customer_id":11,"id":"t1","digest":7,'
            b'"event_time":4,"bill_number":"B1","amount_minor":900,"currency":"GBP",'
            b'"lines":[{"sku":"A","amount_minor":900,"quantity":2,"category":"tea","line_id":""}],'
            b'"discount_minor":0,"gross_minor":null,"store":"","till":"","zone":"","site":null,"entered_by":""}'
        ),
        "src_topic": "journal",
        "src_partition": 2,
        "src_offset": 9,
        "idx": 0,
    }


def test_what_is_said_of_a_bill_has_names_too_and_is_left_out_where_there_is_nothing() -> None:
    words = Words(labels=(Label("scan", "1"),), lines=(LineWords("Tea", "M", (Label("a"),)),))
    record = TransactionAdded(5, "tx:0", 6, 1, 11, "t1", 7, 4, "B1", 900, "GBP", (Line("A", 900),), words=words)
    row = named_journal_row(Message("journal", 2, 9, b"1:11", encode_record(record), 5, ()))
    assert msgspec.json.decode(row["payload"])["words"] == {
        "labels": [{"key": "scan", "value": "1"}],
        "lines": [{"name": "Tea", "maker": "M", "labels": [{"key": "a", "value": ""}]}],
    }


def test_what_is_no_record_is_kept_as_undecodable() -> None:
    assert named_journal_row(Message("journal", 2, 9, None, b"\xff?", 5, ())) == {
        "type": "Undecodable",
        "org_id": 0,
        "customer_id": 0,
        "record_id": "",
        "at": 5,
        "received_at": 5,
        "source": "",
        "source_offset": 0,
        "payload": b'{"raw":"/z8="}',
        "src_topic": "journal",
        "src_partition": 2,
        "src_offset": 9,
        "idx": 0,
    }


@pytest.mark.parametrize(
    ("key", "head"),
    [(b"1:11", True), (b"1:11#bill:B1", False), (b"$partition", False), (b"$program:1:7:1", False)],
)
def test_heads_are_told_from_other_changelog_entries(key: bytes, *, head: bool) -> None:
    assert is_head(key) is head


def test_a_reply_is_a_row_of_who_what_and_why() -> None:
    rows: Rows = defaultdict(list)
    body = msgspec.json.encode(REPLY)
    add_reply(rows, Message("replies", 2, 9, b"1:11", body, 5, ()))

    [row] = TABLES["replies"].rows(rows["replies"])
    assert dict(zip(TABLES["replies"].names, row, strict=True)) == {
        "org_id": 1,
        "customer_id": 11,
        "type": "redeemPoints",
        "record_id": "redeem-1",
        "outcome": "duplicate",
        "first_outcome": "refused",
        "reason": "balance_too_low",
        "vendor_code": 818,
        "message": REPLY.message,
        "seq": 9,
        "reply_id": "r-1",
        "at": instant("2011-01-05 10:00") + 7,
        "body": body,
        "src_topic": "replies",
        "src_partition": 2,
        "src_offset": 9,
        "idx": 0,
    }


def test_a_reply_of_something_that_was_done_has_no_reason_and_no_code() -> None:
    rows: Rows = defaultdict(list)
    done = msgspec.structs.replace(
        REPLY, outcome=ReplyOutcome.DONE, first_outcome=None, reason=None, vendor_code=None, request_id=None
    )
    add_reply(rows, Message("replies", 2, 9, b"1:11", msgspec.json.encode(done), 5, ()))

    [row] = TABLES["replies"].rows(rows["replies"])
    said = dict(zip(TABLES["replies"].names, row, strict=True))
    assert (said["outcome"], said["first_outcome"], said["reason"], said["vendor_code"]) == ("done", "", "", None)


def test_a_notification_is_a_row_of_who_what_and_when() -> None:
    rows: Rows = defaultdict(list)
    add_notification(rows, Message("points", 2, 9, b"1:11", b"{}", 5, (("eventName", b"pointsIssued"),)))

    assert named(NOTIFICATIONS, rows) == [
        {
            "org_id": 1,
            "customer_id": 11,
            "event_name": "pointsIssued",
            "at": 5,
            "body": b"{}",
            "src_topic": "points",
            "src_partition": 2,
            "src_offset": 9,
            "idx": 0,
        }
    ]


TOTALS = {account: 100 + account for account in LedgerAccount} | {LedgerAccount.ISSUED: -100}
HEAD = Head(
    org_id=1,
    customer_id=11,
    seq=20,
    clock=2_000,
    registered_at=1_000,
    profile=Profile(first_name="Ann", extended={"pet": "cat"}),
    sections={
        7: Section(
            version=2,
            tier=3,
            transactions=4,
            purchases_minor=5,
            returned_minor=6,
            reminder_at=81,
            accounts={
                "POINTS": Account(
                    totals=[TOTALS[account] for account in LedgerAccount],
                    lots_opened=9,
                    lots=[
                        Lot(
                            lot_id=8,
                            issued_at=21,
                            open_points=22,
                            expires_on=15_000,
                            closes_at=23,
                            rolls=Duration(months=0, days=3, round_months=0),
                        ),
                        Lot(lot_id=9, issued_at=24, open_points=25, expires_on=None, closes_at=NEVER),
                    ],
                    promised_lots=[
                        PromisedLot(
                            lot_id=10,
                            promised_at=26,
                            open_points=27,
                            awaits=Awaits.DATE,
                            due_at=28,
                            reference="B1",
                            issued_for=IssuedFor.SPEND,
                            rule_id="spend",
                        )
                    ],
                ),
                "STARS": Account(),
            },
            milestones={
                "m": {490: Progress(ends_at=31, value=32, achieved=True)},
                "n": {1: Progress(ends_at=NEVER, value=33)},
            },
            streaks={
                "s": StreakRuns(ends_at=41, runs=[(42, 43), (45, 46)], longest=47, levels=[48], ended=True, ends_on=49),
                "t": StreakRuns(
                    ends_at=NEVER,
                    standing=StreakStanding(run=61, through=62, frozen=65),
                    excused=[(63, NEVER)],
                    left_at=64,
                ),
            },
            members={"m": Member(own=73), "n": Member(target=74)},
            trackers={"coffee": Tracked(first_day=15_001, days={15_002: 71, 15_003: 72})},
        ),
        13: Section(version=1),
    },
)


def test_a_head_is_a_row_for_each_program_by_name() -> None:
    rows: Rows = defaultdict(list)
    add_heads(rows, [Message("state", 2, 9, b"1:11", encode_state(HEAD), 5, ())])

    first, second = named(CUSTOMER_STATE, rows)

    shared = {
        "org_id": 1,
        "customer_id": 11,
        "seq": 20,
        "clock": 2_000,
        "registered_at": 1_000,
        "status": "ACTIVE",
        "profile": (
            b'{"first_name":"Ann","last_name":"","mobile":"","email":"","external_id":"","loyalty_type":"",'
            b'"channel":"","extended":{"pet":"cat"}}'
        ),
        "src_topic": "state",
        "src_partition": 2,
        "src_offset": 9,
    }
    assert first == shared | {
        "program_id": 7,
        "program_version": 2,
        "tier": 3,
        "transactions": 4,
        "purchases_minor": 5,
        "returned_minor": 6,
        "reminder_at": 81,
        "accounts.currency": ["POINTS", "STARS"],
        "accounts.balance": [102, 0],
        "accounts.lifetime": [110, 0],
        "accounts.issued": [100, 0],
        "accounts.promised": [101, 0],
        "accounts.blocked": [103, 0],
        "accounts.redeemed": [104, 0],
        "accounts.expired": [105, 0],
        "accounts.reversed": [106, 0],
        "accounts.transferred": [107, 0],
        "accounts.adjusted": [108, 0],
        "accounts.deficit": [-109, 0],
        "lots.currency": ["POINTS", "POINTS", "POINTS"],
        "lots.standing": ["current", "current", "promised"],
        "lots.lot_id": [8, 9, 10],
        "lots.issued_at": [21, 24, 26],
        "lots.open_points": [22, 25, 27],
        "lots.expires_on": [15_000, None, None],
        "lots.closes_at": [23, None, None],
        "lots.due_at": [None, None, 28],
        "lots.rolls": [True, False, False],
        "holds.currency": [],
        "holds.hold_id": [],
        "holds.kind": [],
        "holds.points": [],
        "holds.ends_at": [],
        "tier_expires_on": None,
        "tier_assigned": "",
        "tier_rewards.reward_of": [],
        "tier_rewards.tier_id": [],
        "tier_rewards.until": [],
        "tier_rewards.taken": [],
        "tier_mark": 0,
        "tier_measured.over": [],
        "tier_measured.begins_at": [],
        "tier_measured.ends_at": [],
        "tier_measured.points": [],
        "tier_measured.purchases_minor": [],
        "tier_measured.visits": [],
        "milestones.milestone_id": ["m", "n"],
        "milestones.period": [490, 1],
        "milestones.ends_at": [31, None],
        "milestones.value": [32, 33],
        "milestones.achieved": [True, False],
        "milestones.things": [[], []],
        "own_targets.milestone_id": ["m"],
        "own_targets.target": [73],
        "trackers.tracker_id": ["coffee"],
        "trackers.first_on": [15_001],
        "trackers.days": [[15_002, 15_003]],
        "trackers.day_values": [[71, 72]],
        "streaks.streak_id": ["s", "t"],
        "streaks.run_first": [45, None],
        "streaks.run_last": [46, None],
        "streaks.standing_run": [None, 61],
        "streaks.standing_through": [None, 62],
        "streaks.frozen": [0, 65],
        "streaks.longest": [47, 0],
        "streaks.levels": [[48], []],
        "streaks.ended": [True, False],
        "streaks.enrolled": [True, False],
        "streaks.paused": [False, True],
        "streaks.ends_on": [49, None],
        "idx": 0,
    }
    assert (second["program_id"], second["program_version"], second["idx"]) == (13, 1, 1)


def test_a_head_without_programs_is_a_row_of_program_0() -> None:
    rows: Rows = defaultdict(list)
    add_heads(rows, [Message("state", 2, 9, b"1:11", encode_state(Head(org_id=1, customer_id=11)), 5, ())])

    assert [(row["program_id"], row["registered_at"]) for row in named(CUSTOMER_STATE, rows)] == [(0, None)]
