"""The views of a run: nothing is drawn more often than one can read, and everything that matters is there."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pipeline.cli.demo.screen import LiveScreen, Notice, PlainScreen, Snapshot, screen_on
from pipeline.cli.output import summary_table


def console(*, terminal: bool, no_color: bool = False) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=terminal, no_color=no_color, width=130, height=40, _environ={}), text


def snapshot(now: float, done: float, notices: tuple[Notice, ...] = ()) -> Snapshot:
    figures, tiers = [("points issued", 1_234_567)], [("Green", 3_000), ("Dark roast", 21)]
    return Snapshot(now, done, round(200_000 * done), "2024-03-09", figures, tiers, notices)


@pytest.mark.parametrize(
    ("terminal", "no_color", "expected"),
    [(True, False, LiveScreen), (True, True, LiveScreen), (False, False, PlainScreen)],
    ids=["terminal", "terminal without colour", "pipe"],
)
def test_a_terminal_gets_the_live_view_with_or_without_colours(
    *, terminal: bool, no_color: bool, expected: type[LiveScreen | PlainScreen]
) -> None:
    target, _ = console(terminal=terminal, no_color=no_color)

    assert type(screen_on(target, "roastery")) is expected


def test_the_plain_view_prints_a_line_every_two_seconds_and_one_at_the_end() -> None:
    target, text = console(terminal=False)

    with PlainScreen(target, "roastery") as screen:
        for tenth in range(51):
            screen.update(snapshot(100 + tenth / 10, tenth / 50))

    counted = "points issued 1,234,567, Green 3,000, Dark roast 21"
    assert text.getvalue().splitlines() == [
        f"roastery:   0%  2024-03-09  0 records, getting up to speed  {counted}",
        f"roastery:  40%  2024-03-09  80,000 records, 40,000 records/s, 0:03 left  {counted}",
        f"roastery:  80%  2024-03-09  160,000 records, 40,000 records/s, 0:01 left  {counted}",
        f"roastery: 100%  2024-03-09  200,000 records, 40,000 records/s, 0:00 left  {counted}",
    ]


def test_the_live_view_shows_progress_totals_tiers_and_the_last_eight_notifications() -> None:
    target, text = console(terminal=True)
    notices = tuple(Notice("pointsIssued", 10_000 + number, f"[{number}] points") for number in range(12))

    with LiveScreen(target, "roastery") as screen:
        screen.update(snapshot(0, 0))
        screen.update(snapshot(10, 0.5, notices))

    shown = text.getvalue()
    for expected in ("50%", "10,000 records/s, 0:10 left", "1,234,567", "Dark roast", "3,000", "10004", "[11] points"):
        assert expected in shown
    assert "10003" not in shown


def test_the_live_view_draws_at_most_eight_times_a_second_but_keeps_what_it_was_told() -> None:
    target, text = console(terminal=True)

    with LiveScreen(target, "roastery") as screen:
        screen.update(snapshot(0, 0))
        text.truncate(0)
        screen.update(snapshot(0.1, 0.1, (Notice("tierUpgraded", 1, "to Gold"),)))
        assert text.getvalue() == ""
        screen.update(snapshot(0.2, 0.1))
        assert "to Gold" in text.getvalue()


def test_the_summary_sets_thousands_apart_and_takes_names_as_they_are() -> None:
    target, text = console(terminal=False)

    target.print(summary_table("Totals", [("points [issued]", 5_332_740), ("took", "31 s")]))

    assert "points [issued] │ 5,332,740" in text.getvalue()
    assert "31 s" in text.getvalue()
