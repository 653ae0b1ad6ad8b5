"""The HTML report of a run: one file that shows points, tiers, milestones and streaks, and needs no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from html import escape
from typing import NamedTuple

from pipeline.cli.report import charts
from pipeline.cli.report.style import STYLE


class Tile(NamedTuple):
    """One figure at the top."""

    label: str
    value: int | str
    note: str = ""


class Funnel(NamedTuple):
    """How far customers got with one milestone."""

    name: str
    stages: tuple[tuple[str, int], ...]
    """(what they did, how many customers), from most to fewest; such as made progress, reached it once, three times."""
    cycles: int
    """Cycles of all customers in which something counted."""
    met: int
    """Those of them in which it was met."""


class MetTogether(NamedTuple):
    """How often milestones were met together."""

    name: str
    cycles: int
    """Cycles of all customers in which they were."""
    customers: int


class StreakLengths(NamedTuple):
    """How long the longest runs of a streak are."""

    name: str
    unit: str
    """The unit of a run, such as `weeks`."""
    lengths: tuple[tuple[int, int], ...]
    """(length, customers with such a longest run), by length."""
    kept: int
    """Customers whose last run goes on, or went on to the end of the streak."""
    forgiven: int
    """Those of them who would have a shorter one if no missed period were forgiven."""
    broken: int
    """Customers who have had a run, and have none now."""


@dataclass(frozen=True)
class PointsOverTime:
    """Points by period; each sequence has one number, positive, for each of `periods`."""

    periods: Sequence[date]
    """The first day of each period, in order."""
    issued: Sequence[int]
    redeemed: Sequence[int]
    expired: Sequence[int]
    reversed: Sequence[int]


@dataclass(frozen=True)
class TiersOverTime:
    """Customers by tier at the end of each period."""

    periods: Sequence[date]
    tiers: Sequence[tuple[str, Sequence[int]]]
    """(tier, customers by period), from the lowest tier."""


@dataclass(frozen=True)
class TierMoves:
    """What became of tiers, by period; each sequence has one number for each of `periods`."""

    periods: Sequence[date]
    """The first day of each period, in order."""
    up: Sequence[int]
    renewed: Sequence[int]
    down: Sequence[int]


@dataclass(frozen=True)
class ReportData:
    """What the report shows: results of queries, nothing is computed from them but sums and shares."""

    program: str
    source: str
    """What was run, such as `synthetic roastery, seed 1`."""
    settled: str
    """The instant that the figures are as of."""
    tiles: Sequence[Tile]
    points: PointsOverTime
    tiers: TiersOverTime
    moves: TierMoves
    funnels: Sequence[Funnel]
    together: Sequence[MetTogether]
    streaks: Sequence[StreakLengths]
    tables: Sequence[tuple[str, Sequence[tuple[str, int | str]]]] = field(default=())
    """(heading, rows of what and figure): notifications by name, what the ledger says, where imported lines went."""
    footer: str = ""


def render_report(data: ReportData) -> str:
    """The report as one HTML file."""
    sections = [
        _points(data.points),
        _tiers(data.tiers),
        _moves(data.moves),
        _funnels(data.funnels, data.together),
        _streaks(data.streaks),
        _tables(data.tables),
    ]
    tiles = "".join(
        f'<dl class="tile"><dt>{escape(tile.label)}</dt><dd>{_figure(tile.value)}</dd>'
        + (f'<dd class="note">{escape(tile.note)}</dd>' if tile.note else "")
        + "</dl>"
        for tile in data.tiles
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(data.program)}: report</title><style>{STYLE}</style></head><body><main>"
        f'<header><h1>{escape(data.program)}</h1><p class="soft">{escape(data.source)}, '
        f"settled as of {escape(data.settled)}</p></header>"
        f'<div class="tiles">{tiles}</div>{"".join(sections)}'
        f"<footer>{escape(data.footer)}</footer></main></body></html>\n"
    )


def _points(points: PointsOverTime) -> str:
    up = (charts.Series("Issued", "var(--issued)", points.issued),)
    down = (
        charts.Series("Redeemed", "var(--redeemed)", points.redeemed),
        charts.Series("Expired", "var(--expired)", points.expired),
        charts.Series("Reversed", "var(--reversed)", points.reversed),
    )
    title = "Points issued, redeemed, expired and reversed over time"
    series = (*up, *down)
    return _card(
        "Points over time",
        "Issued above, redeemed, expired and reversed below.",
        _legend(series, [sum(single.values) for single in series]),
        _plot(charts.diverging_bars(title, points.periods, up, down)),
        _by_period(points.periods, series),
    )


def _tiers(tiers: TiersOverTime) -> str:
    steps = max(1, len(tiers.tiers) - 1)
    series = [
        charts.Series(name, f"color-mix(in oklab, var(--high) {100 * index // steps}%, var(--low))", values)
        for index, (name, values) in enumerate(tiers.tiers)
    ]
    return _card(
        "Tiers over time",
        "Customers by tier, the lowest tier at the bottom.",
        _legend(series, [single.values[-1] if single.values else 0 for single in series]),
        _plot(charts.stacked_areas("Customers by tier over time", tiers.periods, series)),
        _by_period(tiers.periods, series),
    )


def _moves(moves: TierMoves) -> str:
    up = (
        charts.Series("Up", "var(--issued)", moves.up),
        charts.Series("Renewed", "var(--redeemed)", moves.renewed),
    )
    down = (charts.Series("Down", "var(--reversed)", moves.down),)
    series = (*up, *down)
    return _card(
        "Moves between tiers",
        "Tiers that were reached or renewed above, tiers that were lost below.",
        _legend(series, [sum(single.values) for single in series]),
        _plot(charts.diverging_bars("Tiers reached, renewed and lost over time", moves.periods, up, down)),
        _by_period(moves.periods, series),
    )


def _funnels(funnels: Sequence[Funnel], together: Sequence[MetTogether]) -> str:
    parts = [
        f'<h3>{escape(funnel.name)} <span class="soft">(met in {charts.grouped(funnel.met)} of '
        f"{charts.grouped(funnel.cycles)} cycles)</span></h3>"
        + _plot(charts.funnel(f"{funnel.name}: how many customers got how far", funnel.stages, "var(--accent)"))
        for funnel in funnels
    ]
    if together:
        met = [(one.name, charts.grouped(one.cycles), charts.grouped(one.customers)) for one in together]
        parts.append(_table(("Met together", "Cycles", "Customers"), met))
    rows = [(funnel.name, stage, charts.grouped(count)) for funnel in funnels for stage, count in funnel.stages]
    return _card(
        "Milestones",
        "How many customers began each milestone, reached it, and reached it again in later periods.",
        *parts,
        _numbers(("Milestone", "Stage", "Customers"), rows),
    )


def _streaks(streaks: Sequence[StreakLengths]) -> str:
    parts = [
        f'<h3>{escape(streak.name)} <span class="soft">(longest run in {escape(streak.unit)}; '
        f"{_kept(streak)})</span></h3>"
        + _plot(
            charts.histogram(f"{streak.name}: customers by longest run", streak.lengths, "var(--streak)", streak.unit)
        )
        for streak in streaks
    ]
    rows = [
        (streak.name, f"{length} {streak.unit}", charts.grouped(count))
        for streak in streaks
        for length, count in streak.lengths
    ]
    return _card(
        "Streaks",
        "Customers by the longest run of consecutive periods that they have had.",
        *parts,
        _numbers(("Streak", "Longest run", "Customers"), rows),
    )


def _kept(streak: StreakLengths) -> str:
    forgiven = f", {charts.grouped(streak.forgiven)} of them as a missed one is forgiven" if streak.forgiven else ""
    return f"{charts.grouped(streak.kept)} runs kept{forgiven}, {charts.grouped(streak.broken)} broken"


def _tables(tables: Sequence[tuple[str, Sequence[tuple[str, int | str]]]]) -> str:
    if not tables:
        return ""
    parts = [
        f"<div><h3>{escape(heading)}</h3>{_table(('', ''), [(what, _figure(figure)) for what, figure in rows])}</div>"
        for heading, rows in tables
    ]
    return _card("In figures", "Every number comes from ClickHouse.", f'<div class="columns">{"".join(parts)}</div>')


def _card(heading: str, text: str, *parts: str) -> str:
    body = "".join(parts)
    return f'<section class="card"><h2>{escape(heading)}</h2><p class="soft">{escape(text)}</p>{body}</section>'


def _plot(svg: str) -> str:
    return f'<div class="plot">{svg}</div>'


def _legend(series: Sequence[charts.Series], figures: Sequence[int]) -> str:
    items = "".join(
        f'<li><i style="background:{one.colour}"></i>{escape(one.name)} <strong>{charts.grouped(figure)}</strong></li>'
        for one, figure in zip(series, figures, strict=True)
    )
    return f'<ul class="legend">{items}</ul>'


def _by_period(periods: Sequence[date], series: Sequence[charts.Series]) -> str:
    rows = [
        (period.isoformat(), *(charts.grouped(single.values[index]) for single in series))
        for index, period in enumerate(periods)
    ]
    return _numbers(("From", *(single.name for single in series)), rows)


def _numbers(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    table = _table(header, rows)
    return f'<details><summary>The numbers as a table</summary><div class="scroll">{table}</div></details>'


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    shown_head = f"<thead><tr>{head}</tr></thead>" if any(header) else ""
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{shown_head}<tbody>{body}</tbody></table>"


def _figure(value: int | str) -> str:
    return charts.grouped(value) if isinstance(value, int) else escape(value)
