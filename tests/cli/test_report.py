"""The HTML report: one well-formed file without any reference to the network, with every number in it."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser

import pytest

from pipeline.cli.report import charts
from pipeline.cli.report.page import (
    Funnel,
    MetTogether,
    PointsOverTime,
    ReportData,
    StreakLengths,
    TierMoves,
    TiersOverTime,
    Tile,
    render_report,
)

WEEKS = (date(2024, 1, 1), date(2024, 1, 29), date(2024, 2, 26))

DATA = ReportData(
    program="Copper & Kettle <Rewards>",
    source="synthetic roastery",
    settled="2024-03-25 00:00",
    tiles=(Tile("Customers", 5217), Tile("Purchases", "£1,234.50", "net of returns")),
    points=PointsOverTime(WEEKS, (1500, 2501, 3300), (0, 40, 512), (0, 0, 77), (3, 0, 19)),
    tiers=TiersOverTime(WEEKS, (("Green", (100, 150, 160)), ("Dark roast", (0, 7, 23)))),
    moves=TierMoves(WEEKS, (107, 31, 0), (0, 0, 41), (0, 1, 13)),
    funnels=(
        Funnel("A visit in the week", (("made progress", 183), ("reached once", 91), ("three times", 1)), 1414, 999),
    ),
    together=(MetTogether("All-round", 2718, 314),),
    streaks=(StreakLengths("Weekly ritual", "weeks", ((1, 61), (2, 29), (4, 8)), 1066, 17, 1492),),
    tables=(("Notifications", (("pointsIssued", 7301),)),),
    footer="Made by accrue demo",
)
NOTHING = ReportData(
    program="Empty",
    source="nothing",
    settled="2024-01-01",
    tiles=(),
    points=PointsOverTime((), (), (), (), ()),
    tiers=TiersOverTime((), ()),
    moves=TierMoves((), (), (), ()),
    funnels=(),
    together=(),
    streaks=(),
)

VOID = {"meta", "line", "rect", "br"}


class Page(HTMLParser):
    """Holds that every element is closed in order, and keeps texts and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.mark.parametrize("data", [DATA, NOTHING], ids=["full", "empty"])
def test_the_report_is_well_formed(data: ReportData) -> None:
    assert Page(render_report(data)).open == []


def test_every_number_appears() -> None:
    texts = Page(render_report(DATA)).texts

    for expected in (
        "5,217",
        "£1,234.50",
        "1,500",
        "2,501",
        "3,300",
        "512",
        "77",
        "19",
        "160",
        "23",
        "183",
        "61",
        "7,301",
        "138",
        "41",
        "14",
        "(met in 999 of 1,414 cycles)",
        "2,718",
        "314",
        "(longest run in weeks; 1,066 runs kept, 17 of them as a missed one is forgiven, 1,492 broken)",
    ):
        assert expected in texts
    assert "91 (50%)" in texts
    assert "1 (1%)" in texts


def test_nothing_is_loaded_from_anywhere() -> None:
    html = render_report(DATA)

    assert set(re.findall(r"https?://[^\s\"'<]+", html)) == {"http://www.w3.org/2000/svg"}
    assert not {name for name, _ in Page(html).attributes} & {"src", "href", "srcset", "data", "action"}
    assert not re.search(r"@import|url\(|<script|<link|<iframe", html)


def test_names_are_escaped() -> None:
    page = Page(render_report(DATA))

    assert "Copper & Kettle <Rewards>" in page.texts
    assert "Rewards>" not in page.open


def test_every_chart_has_a_title_and_a_table() -> None:
    html = render_report(DATA)

    assert html.count("<svg ") == len(re.findall(r"<svg [^>]*role=\"img\"[^>]*><title>[^<]+</title>", html)) == 5
    assert html.count("<details>") == 5


def test_bars_below_the_line_stay_within_the_drawing() -> None:
    up = [charts.Series("Issued", "blue", (10, 200))]
    down = [charts.Series("Expired", "red", (150, 0)), charts.Series("Redeemed", "green", (30, 1))]

    svg = charts.diverging_bars("Points", WEEKS[:2], up, down)

    bars = [
        (float(y), float(y) + float(height))
        for y, height in re.findall(r'<rect x="[^"]+" y="([^"]+)" width="[^"]+" height="([^"]+)"', svg)
    ]
    assert len(bars) == 5
    assert min(top for top, _ in bars) >= 12
    assert max(bottom for _, bottom in bars) <= 310


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1k"),
        (1_500, "1.5k"),
        (20_000, "20k"),
        (1_250_000, "1.2M"),
        (-2_000, "\u22122k"),
    ],
)
def test_axis_numbers_are_short(number: int, expected: str) -> None:
    assert charts.compact(number) == expected


@pytest.mark.parametrize(
    ("count", "whole", "share"),
    [(0, 9, "0%"), (1, 1_000, "< 1%"), (5, 1_000, "1%"), (246, 5_100, "5%"), (999, 1_000, "99%"), (9, 9, "100%")],
)
def test_share_is_rounded_but_something_is_never_nothing_nor_all(count: int, whole: int, share: str) -> None:
    assert charts._share(count, whole) == share
