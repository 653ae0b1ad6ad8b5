"""Charts as SVG text: pure functions from numbers to elements; colours come from the page's style."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from html import escape
from itertools import pairwise
from typing import Final, NamedTuple

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 1040, 64, 12, 12, 30
_TICKS: Final = 5
_MONTH_LABELS_MAX: Final = 14
_LETTER: Final = 7
"""About the width of a letter, in units of the drawing."""


class Series(NamedTuple):
    """One named row of numbers, drawn in one colour."""

    name: str
    colour: str
    """A CSS colour, such as `var(--issued)`."""
    values: Sequence[int]


def grouped(number: int) -> str:
    """`1234567` as `1,234,567`."""
    return f"{number:,}".replace("-", "\N{MINUS SIGN}")


def compact(number: int) -> str:
    """A number for an axis: `1500000` as `1.5M`."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if abs(number) >= size:
            tenths = round(number * 10 / size)
            text = str(tenths // 10) if tenths % 10 == 0 else f"{tenths / 10}"
            return f"{text}{letter}".replace("-", "\N{MINUS SIGN}")
    return str(number).replace("-", "\N{MINUS SIGN}")


def diverging_bars(title: str, periods: Sequence[date], up: Sequence[Series], down: Sequence[Series]) -> str:
    """Stacked bars for each period: `up` above the line, `down` below it."""
    top = max(map(sum, zip(*(one.values for one in up), strict=True)), default=0)
    bottom = max(map(sum, zip(*(one.values for one in down), strict=True)), default=0)
    frame = _Frame(-bottom, top, 340)
    slot = frame.width / max(1, len(periods))
    gap = min(4.0, slot * 0.2)
    parts = [*frame.grid(), *_months(periods, lambda index: _LEFT + slot * index, frame)]
    for sign, side in ((1, up), (-1, down)):
        for index, period in enumerate(periods):
            base = 0
            for one in side:
                value = one.values[index]
                if value:
                    y0, y1 = sorted((frame.y(sign * base), frame.y(sign * (base + value))))
                    label = f"{period}: {grouped(value)} {one.name.lower()}"
                    x = _LEFT + slot * index + gap / 2
                    parts.append(_rect(x, y0, slot - gap, max(0.6, y1 - y0), one.colour, label))
                base += value
    parts.append(_line(_LEFT, frame.y(0), _WIDTH - _RIGHT, frame.y(0), "axis"))
    return _svg(title, frame.height, parts)


def stacked_areas(title: str, periods: Sequence[date], series: Sequence[Series]) -> str:
    """Areas on top of one another, the first at the bottom."""
    totals = list(map(sum, zip(*(single.values for single in series), strict=True)))
    frame = _Frame(0, max(totals, default=0), 300)
    step = frame.width / max(1, len(periods) - 1)

    def x(index: int) -> float:
        return _LEFT + step * index

    parts = list(frame.grid())
    below = [0] * len(periods)
    for one in series:
        above = [low + value for low, value in zip(below, one.values, strict=True)]
        there = [f"{x(index):.1f},{frame.y(value):.1f}" for index, value in enumerate(above)]
        back = [f"{x(index):.1f},{frame.y(value):.1f}" for index, value in enumerate(below)]
        last = one.values[-1] if one.values else 0
        label = f"{one.name}: {grouped(last)} at the end"
        outline = " ".join([*there, *reversed(back)])
        tip = f"<title>{escape(label)}</title>"
        parts.append(f'<polygon points="{outline}" style="fill:{one.colour}" class="area">{tip}</polygon>')
        below = above
    parts += _months(periods, x, frame)
    # An invisible column for each period says all its numbers when one points at it.
    for index, period in enumerate(periods):
        label = "\n".join(
            [str(period), *(f"{single.name}: {grouped(single.values[index])}" for single in reversed(series))]
        )
        parts.append(_rect(x(index) - step / 2, _TOP, step, frame.height - _TOP - _BOTTOM, "transparent", label))
    return _svg(title, frame.height, parts)


def funnel(title: str, stages: Sequence[tuple[str, int]], colour: str) -> str:
    """Bars that get shorter, each with its part of the first."""
    row, label_width = 30, 210
    whole = max((count for _, count in stages), default=0) or 1
    room = _WIDTH - label_width - 170
    parts = []
    for index, (name, count) in enumerate(stages):
        y, width = index * row + 4, room * count / whole
        text = f"{grouped(count)} ({_share(count, whole)})" if index else grouped(count)
        parts += [
            _text(label_width - 12, y + 15, name, "end"),
            _rect(label_width, y, room, row - 8, "var(--track)", name),
            _rect(label_width, y, max(1.0, width), row - 8, colour, f"{name}: {text}"),
            _text(label_width + room + 12, y + 15, text, "start", "number"),
        ]
    return _svg(title, len(stages) * row + 4, parts)


def _share(count: int, whole: int) -> str:
    """Rounded to the nearest percent; what is not nothing is not 0 %, and what is not all is not 100 %."""
    if count and 200 * count < whole:
        return "< 1%"
    percent = (200 * count + whole) // (2 * whole)
    return f"{min(percent, 99) if count < whole else percent}%"


def histogram(title: str, bins: Sequence[tuple[int, int]], colour: str, unit: str) -> str:
    """A bar for each length; `bins` are (length, how many), in the order of length."""
    counts = dict(bins)
    lengths = range(min(counts, default=1), max(counts, default=1) + 1)
    frame = _Frame(0, max(counts.values(), default=0), 220)
    slot = frame.width / len(lengths)
    gap = min(6.0, slot * 0.25)
    every = -(-len(lengths) * _LETTER * 4 // int(frame.width))
    parts = list(frame.grid())
    for index, length in enumerate(lengths):
        x, count = _LEFT + slot * index, counts.get(length, 0)
        height = frame.y(0) - frame.y(count)
        label = f"{length} {unit}: {grouped(count)} customers"
        parts.append(_rect(x + gap / 2, frame.y(count), min(slot - gap, 90), height, colour, label))
        if index % every == 0:
            parts.append(_text(x + gap / 2 + min(slot - gap, 90) / 2, frame.height - 10, str(length), "middle"))
    parts.append(_line(_LEFT, frame.y(0), _WIDTH - _RIGHT, frame.y(0), "axis"))
    return _svg(title, frame.height, parts)


class _Frame:
    """The plane of a chart with a vertical scale of round numbers."""

    def __init__(self, low: int, high: int, height: int) -> None:
        self.height = height
        self.width = _WIDTH - _LEFT - _RIGHT
        self._step = _round_step(max(1, high - low))
        self._low = low // self._step * self._step
        self._high = max(self._step, -(-high // self._step) * self._step)

    def y(self, value: int) -> float:
        part = (value - self._low) / (self._high - self._low)
        return self.height - _BOTTOM - part * (self.height - _TOP - _BOTTOM)

    def grid(self) -> Iterator[str]:
        for tick in range(self._low, self._high + 1, self._step):
            yield _line(_LEFT, self.y(tick), _WIDTH - _RIGHT, self.y(tick), "grid")
            yield _text(_LEFT - 8, self.y(tick) + 4, compact(tick), "end")


def _round_step(span: int) -> int:
    """The smallest of 1, 2 and 5 times a power of ten that divides the span into a few steps."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if factor * size * _TICKS >= span:
                return factor * size
        size *= 10


def _months(periods: Sequence[date], x: Callable[[int], float], frame: _Frame) -> Iterator[str]:
    """A label where a month begins, every other one or fewer where there are many."""
    begins = [0, *(index for index, (one, two) in enumerate(pairwise(periods), start=1) if one.month != two.month)]
    begins = begins if periods else []
    every = max(1, -(-len(begins) // _MONTH_LABELS_MAX))
    for place, index in enumerate(begins):
        if place % every == 0:
            on = periods[index]
            begins_year = place == 0 or on.year != periods[begins[place - every]].year
            name = on.strftime("%b %Y") if begins_year else on.strftime("%b")
            at_the_edge = x(index) + _LETTER * len(name) > _WIDTH
            yield _line(x(index), frame.height - _BOTTOM, x(index), frame.height - _BOTTOM + 5, "axis")
            yield _text(x(index), frame.height - 8, name, "end" if at_the_edge else "start")


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _rect(x: float, y: float, width: float, height: float, colour: str, label: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} style="fill:{colour}"><title>{escape(label)}</title></rect>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "label") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'
