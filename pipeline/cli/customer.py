"""`accrue customer`: shows one customer as ClickHouse has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import click
from clickhouse_connect.driver.client import Client
from rich.markup import escape

from pipeline.cli.output import CONSOLE, json_option, placed, print_json, print_table, summary_table
from pipeline.cli.place import Place, Unusable
from pipeline.engine.calendar import NEVER, Calendar, as_day, calendar_of
from pipeline.engine.cycles import cycle_name
from pipeline.engine.ledger.state import Account, LedgerAccount
from pipeline.engine.milestones.rolling import window_on
from pipeline.engine.milestones.state import Progress, Tally
from pipeline.engine.periods import Periods
from pipeline.engine.programs import Program
from pipeline.engine.state import Section
from pipeline.engine.streaks.runs import current_run
from pipeline.engine.streaks.value import standing_in
from pipeline.engine.tiers.progress import tier_progress
from pipeline.engine.tiers.state import Measured, Tenure
from pipeline.engine.trackers.rules import tracker_rules
from pipeline.engine.trackers.state import Tracked
from pipeline.engine.trackers.values import tracker_value
from pipeline.notify.numbers import plain
from pipeline.notify.program_view import digits_of
from pipeline.runtime.roles.settings_writer import read_keys
from pipeline.sealing import is_sealed
from pipeline.trial.names import money
from schemas.facts import StreakStanding
from schemas.program import Cycle, Milestone, PeriodUnit, ProgramDefinition

_ROWS_SHOWN: Final = 10
"""Rows shown of a table: a busy customer has hundreds of lots."""

_NAMES: Final = frozenset({"currency", "name", "scale"})
"""Columns of an account that are not figures."""


@click.command()
@click.argument("org", type=int)
@click.argument("customer_id", metavar="ID", type=int)
@placed
@json_option
def customer(org: int, customer_id: int, place: Place, *, as_json: bool) -> None:
    """Show one customer: balance, lots, tier with progress, milestones and streaks, in each program.

    \b
    Example:
      accrue customer 100 10001 --data-dir accrue-demo
    """
    with place.clickhouse() as client:
        states = _states(client, org, customer_id)
        if not states:
            message = f"org {org} has no customer {customer_id} (in ClickHouse, which follows the log)"
            raise Unusable(message)
        for state in states:
            state["profile"] = _readable(state["profile"], org, place)
        views = [view_of(state, definition_of(client, org, state)) for state in states]
    if as_json:
        print_json({"org": org, "customer": customer_id, "programs": views})
        return
    for view in views:
        _print(customer_id, view)


def _readable(profile: str, org: int, place: Place) -> str:
    """A profile with what is sealed in it opened; what is erased is empty."""
    stored = profile.encode()
    if not is_sealed(stored):
        return profile
    with place.log() as log:
        return read_keys(log, place.catalog).open_json(stored, org).decode()


def definition_of(client: Client, org: int, state: dict[str, Any]) -> ProgramDefinition | None:
    """The version of the program that the customer's section follows."""
    rows = client.query(
        "SELECT definition FROM programs WHERE org_id = {org:Int64} AND program_id = {program:Int64} "
        "AND version = {version:Int64} LIMIT 1",
        parameters={"org": org, "program": state["program_id"], "version": state["program_version"]},
    ).result_rows
    return ProgramDefinition.model_validate_json(rows[0][0]) if rows else None


def view_of(state: dict[str, Any], definition: ProgramDefinition | None) -> dict[str, Any]:
    """One row of `customer_state`, with names from its program."""
    as_of = state["clock"]
    milestones = {milestone.id: milestone for milestone in definition.milestones} if definition else {}
    streaks = {streak.id: streak for streak in definition.streaks} if definition else {}
    calendar = calendar_of(definition) if definition else None
    today = calendar.day_of(int(as_of.timestamp() * 1000)) if calendar else 0
    section = _section(state)
    own = {one["milestone_id"]: one["target"] for one in _nested(state, "own_targets")}
    return {
        "as_of": as_of,
        "facts": state["seq"],
        "registered_at": state["registered_at"],
        "status": state["status"],
        "profile": json.loads(state["profile"]),
        "program_id": state["program_id"],
        "program": definition.name if definition else None,
        "program_version": state["program_version"],
        "money": definition.currency if definition else None,
        "transactions": state["transactions"],
        "purchases_minor": state["purchases_minor"],
        "returned_minor": state["returned_minor"],
        "reminder_at": state["reminder_at"],
        "accounts": [one | _named(one, definition) for one in _nested(state, "accounts")],
        "lots": [one | _named(one, definition) for one in _nested(state, "lots")],
        "holds": [one | _named(one, definition) for one in _nested(state, "holds")],
        "tier": _tier(state, definition),
        "milestones": [
            one
            | {
                "name": milestones[one["milestone_id"]].name,
                "period_name": cycle_name(milestones[one["milestone_id"]].cycles, one["period"]),
                "target": own.get(one["milestone_id"], milestones[one["milestone_id"]].goal),
                "scale": digits_of(milestones[one["milestone_id"]], definition.currency if definition else ""),
                "money": definition.currency if definition and milestones[one["milestone_id"]].adds_money else None,
            }
            for one in _cycles(state, milestones, today)
        ],
        "own_targets": [
            {
                "milestone_id": milestone_id,
                "name": milestones[milestone_id].name,
                "target": target,
                "scale": digits_of(milestones[milestone_id], definition.currency if definition else ""),
                "money": definition.currency if definition and milestones[milestone_id].adds_money else None,
            }
            for milestone_id, target in own.items()
            if milestone_id in milestones
        ],
        "trackers": [
            {
                "name": rule.tracker.name,
                "value": tracker_value(section, rule, today),
                "scale": 0,
                "money": definition.currency if definition and rule.tracker.in_money else None,
            }
            for rule in tracker_rules(definition.trackers if definition else ())
            if rule.tracker.id in section.trackers
        ],
        "streaks": [
            one
            | {
                "name": streaks[one["streak_id"]].name,
                "run": _run(
                    one,
                    _place(milestones[streaks[one["streak_id"]].milestone].cycles, _counted_on(one, today), calendar),
                ),
                "all_levels": [level.periods for level in streaks[one["streak_id"]].levels],
            }
            for one in _nested(state, "streaks")
            if one["streak_id"] in streaks
        ],
    }


def _cycles(state: dict[str, Any], milestones: dict[str, Milestone], today: int) -> Iterator[dict[str, Any]]:
    """The cycles of the program's milestones; of a rolling window the one that ends today."""
    windows: dict[str, dict[int, Progress]] = {}
    tallies: dict[str, dict[int, Tally]] = {}
    for one in _nested(state, "milestones"):
        milestone = milestones.get(one["milestone_id"])
        if milestone is not None and milestone.window_days:
            days = windows.setdefault(milestone.id, {})
            days[one["period"]] = Progress(ends_at=NEVER, value=one["value"], achieved=one["achieved"])
            tallies.setdefault(milestone.id, {})[one["period"]] = Tally(keys=dict.fromkeys(one["things"], 1))
        elif milestone is not None:
            yield {name: value for name, value in one.items() if name != "things"}
    for milestone_id, days in windows.items():
        window = window_on(days, milestones[milestone_id].window_days, today, tallies[milestone_id])
        yield {
            "milestone_id": milestone_id,
            "period": today,
            "ends_at": None,
            "value": window.value,
            "achieved": window.achieved,
        }


def _named(held: dict[str, Any], definition: ProgramDefinition | None) -> dict[str, Any]:
    """The currency's name, and the number of decimals of its points."""
    alternates = {currency.id: currency for currency in definition.currencies} if definition else {}
    alternate = alternates.get(held["currency"])
    return {"name": alternate.name if alternate else held["currency"], "scale": alternate.scale if alternate else 0}


def _states(client: Client, org: int, customer_id: int) -> list[dict[str, Any]]:
    found = client.query(
        "SELECT * FROM customer_state_latest WHERE org_id = {org:Int64} AND customer_id = {customer:Int64} "
        "ORDER BY program_id",
        parameters={"org": org, "customer": customer_id},
    )
    return [dict(row) for row in found.named_results()]


def _nested(state: dict[str, Any], name: str) -> list[dict[str, Any]]:
    columns = {key.partition(".")[2]: value for key, value in state.items() if key.startswith(f"{name}.")}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _place(cycles: PeriodUnit | Cycle, day: int, calendar: Calendar | None) -> int:
    return Periods(cycles, calendar).running(day).place if calendar else 0


def _counted_on(streak: dict[str, Any], today: int) -> int:
    """The day on which the run is counted: of a streak that is over, the day after its last one."""
    return as_day(streak["ends_on"]) + 1 if streak["ended"] and streak["ends_on"] is not None else today


def _run(streak: dict[str, Any], period: int) -> int:
    if streak["standing_run"] is not None:
        return standing_in(StreakStanding(run=streak["standing_run"], through=streak["standing_through"]), period)
    last = streak["run_last"]
    return 0 if last is None else current_run([(streak["run_first"], last)], period)


def _tier(state: dict[str, Any], definition: ProgramDefinition | None) -> dict[str, Any] | None:
    tiers = definition.tiers if definition else None
    number = state["tier"]
    if definition is None or tiers is None or not 1 <= number <= len(tiers.levels):
        return None
    progress = tier_progress(_section(state), Program(definition), int(state["clock"].timestamp() * 1_000))
    following = progress.next_tier
    return {
        "number": number,
        "name": tiers.levels[number - 1].name,
        "basis": tiers.basis.value,
        "conditions": [
            {
                "basis": one.measure.basis.value,
                "tracker": None if one.measure.tracker is None else one.measure.tracker.tracker.name,
                "value": one.value,
                "needed": one.needed,
                "money": definition.currency if one.measure.in_money else None,
            }
            for one in progress.conditions
        ],
        "value": progress.value,
        "next": None if following is None else tiers.levels[following - 1].name,
        "to_next": None if following is None else progress.to_next,
        "expires_on": state["tier_expires_on"],
        "renewal": tiers.keeping.measure.value if tiers.validity else None,
        "renewed_by": progress.renewed_by,
        "to_keep": progress.to_keep,
        "assigned": state["tier_assigned"] or None,
        "rewards": [
            {"reward_of": one["reward_of"], "tier": one["tier_id"], "until": one["until"]}
            for one in _nested(state, "tier_rewards")
            if not one["taken"]
        ],
    }


def _section(state: dict[str, Any]) -> Section:
    """What tiers go by, as the engine keeps it."""
    accounts = {}
    for row in _nested(state, "accounts"):
        account = accounts[row["currency"]] = Account()
        account.totals[LedgerAccount.CURRENT] = row["balance"]
        account.totals[LedgerAccount.LIFETIME] = row["lifetime"]
    over = {
        row["over"]: Measured(
            ends_at=int(row["ends_at"].timestamp() * 1_000),
            points=row["points"],
            purchases_minor=row["purchases_minor"],
            visits=row["visits"],
        )
        for row in _nested(state, "tier_measured")
    }
    trackers = {
        row["tracker_id"]: Tracked(
            first_day=as_day(row["first_on"]), days=dict(zip(map(as_day, row["days"]), row["day_values"], strict=True))
        )
        for row in _nested(state, "trackers")
    }
    expires_on = state["tier_expires_on"]
    tenure = Tenure(
        currency="",
        term=over.get("term", Measured()),
        period=over.get("period"),
        expires_on=None if expires_on is None else as_day(expires_on),
        mark=state["tier_mark"],
        floor_id=state["tier_assigned"],
    )
    return Section(
        version=state["program_version"],
        tier=state["tier"],
        transactions=state["transactions"],
        purchases_minor=state["purchases_minor"],
        returned_minor=state["returned_minor"],
        accounts=accounts,
        tenure=tenure,
        trackers=trackers,
    )


def _print(customer_id: int, view: dict[str, Any]) -> None:
    title = f"Customer {customer_id} in {view['program'] or 'no program'}"
    CONSOLE.print(f"[bold]{escape(title)}[/], as of {view['as_of']:%Y-%m-%d %H:%M:%S} UTC")
    if view["status"] != "ACTIVE":
        CONSOLE.print(f"Status {view['status']}", markup=False)
    tier = view["tier"]
    if tier:
        CONSOLE.print(f"Tier {tier['name']} ({_progress(tier, view['money'])})", markup=False)
    CONSOLE.print(
        f"{view['transactions']:,} transactions, purchases {_amount(view['purchases_minor'], view['money'])}, "
        f"returned {_amount(view['returned_minor'], view['money'])}"
    )
    if view["reminder_at"]:
        CONSOLE.print(f"Next reminder of points that expire: {view['reminder_at']:%Y-%m-%d %H:%M} UTC")
    for account in view["accounts"]:
        figures = [(what, _points(points, account)) for what, points in account.items() if what not in _NAMES]
        CONSOLE.print(summary_table(account["name"], figures))
    tables: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        (
            "Open lots, soonest to expire first, promised ones last",
            "lots",
            ("name", "lot_id", "standing", "open_points", "expires_on", "rolls", "due_at", "issued_at"),
        ),
        ("Points put aside", "holds", ("hold_id", "kind", "points", "name", "ends_at")),
        ("Milestones", "milestones", ("name", "period_name", "value", "target", "achieved")),
        ("Own targets", "own_targets", ("name", "target")),
        ("Trackers", "trackers", ("name", "value")),
        (
            "Streaks",
            "streaks",
            ("name", "run", "longest", "levels", "all_levels", "frozen", "ended", "enrolled", "paused"),
        ),
    )
    for heading, name, columns in tables:
        shown_rows = view[name][:_ROWS_SHOWN]
        if shown_rows:
            print_table(heading, columns, [[_cell(row, column) for column in columns] for row in shown_rows])
        if len(view[name]) > len(shown_rows):
            CONSOLE.print(f"and {len(view[name]) - len(shown_rows):,} more; --json has all of them")


def _progress(tier: dict[str, Any], currency: str | None) -> str:
    """What counts towards the tier, how much is missing to the next, and what keeps it through its last day."""
    said = "; ".join(map(_condition, tier["conditions"]))
    if len(tier["conditions"]) == 1:
        (only,) = tier["conditions"]
        missing = _amount(tier["to_next"] or 0, currency) if only["money"] else f"{tier['to_next'] or 0:,}"
        said = f"{said}, {missing} to {tier['next']}" if tier["next"] else f"{said}, the highest"
    else:
        said = f"{said}; for {tier['next']}" if tier["next"] else f"{said}; the highest"
    if tier["expires_on"]:
        lacking = _amount(tier["to_keep"], currency) if tier["renewal"] == "purchases" else f"{tier['to_keep']:,}"
        kept = f"{lacking} of {tier['renewal'].replace('_', ' ')} to keep it" if tier["to_keep"] else "renewed already"
        said = f"{said}; through {tier['expires_on']}, {kept}"
    said = f"{said}; given by hand: {tier['assigned']}" if tier["assigned"] else said
    rewards = ", ".join(f"{one['tier']} of {one['reward_of']}" for one in tier["rewards"])
    return f"{said}; as a reward: {rewards}" if rewards else said


def _condition(one: dict[str, Any]) -> str:
    """A value with its name."""
    name = one["tracker"] or one["basis"].replace("_in_", " in the ").replace("_", " ")
    return f"{name} {_amount(one['value'], one['money']) if one['money'] else format(one['value'], ',')}"


def _amount(minor: int, currency: str | None) -> str:
    return money(minor, currency) if currency else f"{minor:,} minor units"


def _points(points: int, held: dict[str, Any]) -> int | str:
    return plain(points, held["scale"]) if held["scale"] else points


def _cell(row: dict[str, Any], column: str) -> Any:
    """What a table shows; points with their decimals, values of a milestone as money or with theirs."""
    if column in {"open_points", "points"}:
        return _points(row[column], row)
    if column not in {"value", "target"}:
        return row[column]
    return money(row[column], row["money"]) if row["money"] else plain(row[column], row["scale"])
