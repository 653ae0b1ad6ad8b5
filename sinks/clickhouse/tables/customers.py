"""The latest state of customers as rows: one for each program of a customer, from the changelog's heads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from pipeline.engine.calendar import NEVER
from pipeline.engine.ledger.state import Account, Hold, LedgerAccount
from pipeline.engine.milestones.state import Progress
from pipeline.engine.state import Head, Section, decode_head
from pipeline.engine.streaks.state import StreakRuns
from pipeline.engine.tiers.state import Measured, Rewarded, Tenure
from pipeline.engine.trackers.state import Tracked
from pipeline.log.port import Message
from schemas.facts import Duration
from sinks.clickhouse.tables.table import (
    SOURCE_COLUMNS,
    Column,
    Rows,
    Source,
    Table,
    instant,
    integer,
    nested,
    text,
    word,
)

_JSON: Final = msgspec.json.Encoder()
_NO_TENURE: Final = Tenure(currency="", term=Measured())
_LAST_INSTANT: Final = 10_413_791_999_999
"""The end of 2299, the last that ClickHouse keeps: for what never ends."""


class StateRow(NamedTuple):
    """The source of a row of `customer_state`."""

    head: Head
    program_id: int
    section: Section
    src: Source
    idx: int


class _Held(NamedTuple):
    currency: str
    account: Account


class _Open(NamedTuple):
    currency: str
    standing: str
    lot_id: int
    issued_at: int
    open_points: int
    expires_on: int | None = None
    closes_at: int = NEVER
    due_at: int = NEVER
    rolls: bool = False


class _Holding(NamedTuple):
    currency: str
    hold: Hold


class _Counted(NamedTuple):
    milestone_id: str
    period: int
    progress: Progress
    things: list[int]


class _Own(NamedTuple):
    milestone_id: str
    target: int


class _Rewarded(NamedTuple):
    key: str
    reward: Rewarded


class _Measuring(NamedTuple):
    over: str
    measured: Measured


class _Tracking(NamedTuple):
    tracker_id: str
    tracked: Tracked


class _Running(NamedTuple):
    streak_id: str
    streak: StreakRuns


def _tenure(row: StateRow) -> Tenure:
    return row.section.tenure or _NO_TENURE


def _measured(row: StateRow) -> list[_Measuring]:
    tenure = row.section.tenure
    if tenure is None:
        return []
    period = () if tenure.period is None else (_Measuring("period", tenure.period),)
    return [_Measuring("term", tenure.term), *period]


def _rewarded(row: StateRow) -> list[_Rewarded]:
    return [_Rewarded(key, reward) for key, reward in _tenure(row).rewards.items()]


def _held(row: StateRow) -> list[_Held]:
    return [_Held(currency, account) for currency, account in row.section.accounts.items()]


def _open(row: StateRow) -> list[_Open]:
    return [
        lot
        for currency, account in row.section.accounts.items()
        for lots in (_current(currency, account), _promised(currency, account))
        for lot in lots
    ]


def _current(currency: str, account: Account) -> list[_Open]:
    return [
        _Open(
            currency=currency,
            standing="current",
            lot_id=lot.lot_id,
            issued_at=lot.issued_at,
            open_points=lot.open_points,
            expires_on=lot.expires_on,
            closes_at=lot.closes_at,
            rolls=isinstance(lot.rolls, Duration),
        )
        for lot in account.lots
    ]


def _promised(currency: str, account: Account) -> list[_Open]:
    return [
        _Open(
            currency=currency,
            standing="promised",
            lot_id=lot.lot_id,
            issued_at=lot.promised_at,
            open_points=lot.open_points,
            due_at=lot.due_at,
        )
        for lot in account.promised_lots
    ]


def _holding(row: StateRow) -> list[_Holding]:
    return [_Holding(currency, hold) for currency, account in row.section.accounts.items() for hold in account.holds]


def _counted(row: StateRow) -> list[_Counted]:
    return [
        _Counted(milestone_id, period, progress, [*tallies[period].keys] if period in tallies else [])
        for milestone_id, periods in row.section.milestones.items()
        for tallies in (row.section.tallies.get(milestone_id, {}),)
        for period, progress in periods.items()
    ]


def _own(row: StateRow) -> list[_Own]:
    return [_Own(milestone_id, member.own) for milestone_id, member in row.section.members.items() if member.own]


def _tracking(row: StateRow) -> list[_Tracking]:
    return [_Tracking(tracker_id, tracked) for tracker_id, tracked in row.section.trackers.items()]


def _running(row: StateRow) -> list[_Running]:
    return [_Running(streak_id, streak) for streak_id, streak in row.section.streaks.items()]


def _unless_never(instant: int) -> int | None:
    return None if instant == NEVER else instant


def _total(account: LedgerAccount) -> Column[_Held]:
    """A column with the account's name and its total."""
    return integer(account.text, lambda held: held.account.total(account))


CUSTOMER_STATE: Final = Table[StateRow](
    name="customer_state",
    comment="The latest state of each customer in each program: query it through customer_state_latest.",
    columns=(
        integer("org_id", lambda row: row.head.org_id),
        integer("customer_id", lambda row: row.head.customer_id),
        integer("program_id", lambda row: row.program_id, "0 for a customer who is in no program yet"),
        integer("seq", lambda row: row.head.seq, "the last fact that is in this state"),
        instant("clock", lambda row: row.head.clock),
        Column("registered_at", "Nullable(DateTime64(3, 'UTC'))", lambda row: row.head.registered_at),
        word("status", lambda row: row.head.standing.text, "ACTIVE, INACTIVE, BLOCKED, FRAUD"),
        text("profile", lambda row: _JSON.encode(msgspec.structs.asdict(row.head.profile)), "JSON object"),
        integer("program_version", lambda row: row.section.version),
        Column("tier", "Int32", lambda row: row.section.tier, "T64, ZSTD(1)"),
        Column(
            "tier_expires_on",
            "Nullable(Date32)",
            lambda row: _tenure(row).expires_on,
            comment="the last day of the tier; NULL where it holds for ever",
        ),
        text(
            "tier_assigned", lambda row: _tenure(row).floor_id, "the id of the tier that somebody gave; empty for none"
        ),
        *nested(
            "tier_rewards",
            _rewarded,
            (
                Column("reward_of", "String", lambda one: one.key),
                Column("tier_id", "String", lambda one: one.reward.tier_id),
                Column(
                    "until",
                    "Nullable(DateTime64(3, 'UTC'))",
                    lambda one: _unless_never(one.reward.until),
                    comment="NULL for good",
                ),
                Column("taken", "Bool", lambda one: one.reward.taken, comment="whether a return took it back"),
            ),
        ),
        integer("tier_mark", lambda row: _tenure(row).mark, "the tier that the basis reached when one was lost"),
        *nested(
            "tier_measured",
            _measured,
            (
                text(
                    "over", lambda one: one.over, "term: since the tier was reached or renewed; period: the calendar's"
                ),
                instant("begins_at", lambda one: one.measured.begins_at),
                instant("ends_at", lambda one: min(one.measured.ends_at, _LAST_INSTANT)),
                integer("points", lambda one: one.measured.points),
                integer("purchases_minor", lambda one: one.measured.purchases_minor),
                integer("visits", lambda one: one.measured.visits),
            ),
        ),
        integer("transactions", lambda row: row.section.transactions),
        integer("purchases_minor", lambda row: row.section.purchases_minor),
        integer("returned_minor", lambda row: row.section.returned_minor),
        Column(
            "reminder_at",
            "Nullable(DateTime64(3, 'UTC'))",
            lambda row: row.section.reminder_at,
            comment="when the next reminder of points that expire is due",
        ),
        *nested(
            "accounts",
            _held,
            (
                Column("currency", "String", lambda held: held.currency),
                integer("balance", lambda held: held.account.balance, "what can be spent"),
                integer("lifetime", lambda held: held.account.lifetime),
                integer("issued", lambda held: held.account.issued),
                *map(
                    _total,
                    (
                        LedgerAccount.PROMISED,
                        LedgerAccount.BLOCKED,
                        LedgerAccount.REDEEMED,
                        LedgerAccount.EXPIRED,
                        LedgerAccount.REVERSED,
                        LedgerAccount.TRANSFERRED,
                        LedgerAccount.ADJUSTED,
                    ),
                ),
                integer("deficit", lambda held: held.account.deficit, "what is owed"),
            ),
        ),
        *nested(
            "lots",
            _open,
            (
                Column("currency", "String", lambda open_: open_.currency),
                Column("standing", "String", lambda open_: open_.standing),
                integer("lot_id", lambda open_: open_.lot_id, "the count of lots of the account, from 1"),
                instant("issued_at", lambda open_: open_.issued_at),
                integer("open_points", lambda open_: open_.open_points),
                Column("expires_on", "Nullable(Date32)", lambda open_: open_.expires_on),
                Column("closes_at", "Nullable(DateTime64(3, 'UTC'))", lambda open_: _unless_never(open_.closes_at)),
                Column(
                    "due_at",
                    "Nullable(DateTime64(3, 'UTC'))",
                    lambda open_: _unless_never(open_.due_at),
                    comment="when promised points become current or are cancelled",
                ),
                Column("rolls", "Bool", lambda open_: open_.rolls, comment="whether activity moves their last day"),
            ),
        ),
        *nested(
            "holds",
            _holding,
            (
                Column("currency", "String", lambda holding: holding.currency),
                Column("hold_id", "String", lambda holding: holding.hold.hold_id),
                text("kind", lambda holding: holding.hold.kind.text, "block, redemption, transfer"),
                integer("points", lambda holding: holding.hold.points),
                Column(
                    "ends_at",
                    "Nullable(DateTime64(3, 'UTC'))",
                    lambda holding: None if holding.hold.ends_at == NEVER else holding.hold.ends_at,
                ),
            ),
        ),
        *nested(
            "milestones",
            _counted,
            (
                Column("milestone_id", "String", lambda counted: counted.milestone_id),
                integer("period", lambda counted: counted.period),
                Column(
                    "ends_at",
                    "Nullable(DateTime64(3, 'UTC'))",
                    lambda counted: None if counted.progress.ends_at == NEVER else counted.progress.ends_at,
                ),
                integer("value", lambda counted: counted.progress.value),
                Column("achieved", "Bool", lambda counted: counted.progress.achieved),
                Column(
                    "things",
                    "Array(Int64)",
                    lambda counted: counted.things,
                    comment="of different things that are counted: those it has, as days or hashes",
                ),
            ),
        ),
        *nested(
            "trackers",
            _tracking,
            (
                Column("tracker_id", "String", lambda one: one.tracker_id),
                Column(
                    "first_on",
                    "Date32",
                    lambda one: one.tracked.first_day,
                    comment="the day of the first bill that counted: cycles begin with it",
                ),
                Column("days", "Array(Date32)", lambda one: list(one.tracked.days)),
                Column("day_values", "Array(Int64)", lambda one: list(one.tracked.days.values())),
            ),
        ),
        *nested(
            "own_targets",
            _own,
            (
                Column("milestone_id", "String", lambda own: own.milestone_id),
                integer("target", lambda own: own.target, "what the milestone asks of this customer alone"),
            ),
        ),
        *nested(
            "streaks",
            _running,
            (
                Column("streak_id", "String", lambda running: running.streak_id),
                Column("run_first", "Nullable(Int64)", lambda running: _last_run(running.streak)[0]),
                Column("run_last", "Nullable(Int64)", lambda running: _last_run(running.streak)[1]),
                Column(
                    "standing_run",
                    "Nullable(Int64)",
                    lambda running: _standing(running.streak)[0],
                    comment="what it comes to, where missed periods are forgiven or periods are only counted",
                ),
                Column(
                    "standing_through",
                    "Nullable(Int64)",
                    lambda running: _standing(running.streak)[1],
                    comment="the last period in which it does if nothing more counts; NULL for all to come",
                ),
                integer(
                    "frozen",
                    lambda running: 0 if running.streak.standing is None else running.streak.standing.frozen,
                    "freezes that its run has used in the calendar period of its last period",
                ),
                integer("longest", lambda running: running.streak.longest),
                Column("levels", "Array(Int64)", lambda running: running.streak.levels),
                Column("ended", "Bool", lambda running: running.streak.ended),
                Column("enrolled", "Bool", lambda running: running.streak.left_at is None),
                Column("paused", "Bool", lambda running: running.streak.paused),
                Column("ends_on", "Nullable(Date32)", lambda running: running.streak.ends_on),
            ),
        ),
        *SOURCE_COLUMNS,
    ),
    order_by=("org_id", "program_id", "customer_id"),
    replaced_by="seq",
)


def _last_run(streak: StreakRuns) -> tuple[int, int] | tuple[None, None]:
    return streak.runs[-1] if streak.runs else (None, None)


def _standing(streak: StreakRuns) -> tuple[int | None, int | None]:
    return (None, None) if streak.standing is None else (streak.standing.run, streak.standing.through)


def add_heads(rows: Rows, messages: Iterable[Message]) -> None:
    """Add the last state of every customer in the messages; other changelog entries are left out."""
    latest: dict[bytes, Message] = {}
    for message in messages:
        if message.key is not None and message.value is not None and is_head(message.key):
            latest[message.key] = message
    target = rows[CUSTOMER_STATE.name]
    for message in latest.values():
        head = decode_head(message.value or b"")
        src = Source(message.topic, message.partition, message.offset)
        sections = head.sections or {0: Section(version=0)}
        target += [
            StateRow(head=head, program_id=program_id, section=section, src=src, idx=idx)
            for idx, (program_id, section) in enumerate(sections.items())
        ]


def is_head(key: bytes) -> bool:
    """Whether a changelog key is a customer's head (`org:customer`), and no entry beside it or `$…`."""
    return b"#" not in key and not key.startswith(b"$")
