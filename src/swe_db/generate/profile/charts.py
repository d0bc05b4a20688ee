"""Plots as inline SVG: bars, columns, lines, ranks, a week, a distribution of times. Each comes with its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from swe_db.generate.profile.drawing import Frame, Tick, colour, decades, duration, label, rectangle, short, ticks
from swe_db.generate.profile.stats import bounds, quantiles

__all__ = ["Chart", "bars", "columns", "distribution", "lines", "ranks", "shares", "week"]

WIDE: Final = 960
HALF: Final = 470
HEIGHT: Final = 220
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PERCENTILES: Final = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))
_MINUTE: Final = 60_000
_MARKS: Final = (
    1_000, 10_000, _MINUTE, 10 * _MINUTE, 60 * _MINUTE, 480 * _MINUTE, 1_440 * _MINUTE, 7 * 1_440 * _MINUTE,
    30 * 1_440 * _MINUTE, 365 * 1_440 * _MINUTE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot and what it shows.

    Attributes:
        title: What it is of.
        picture: The SVG.
        head: The names of the columns of its numbers.
        rows: Its numbers.
        keys: The names of the series, in the order of their colours, if there are several.
        wide: Whether it needs the whole width of the page.
        note: One sentence that belongs to it.
    """

    title: str
    picture: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    keys: tuple[str, ...] = ()
    wide: bool = False
    note: str = ""


def bars(title: str, items: Sequence[tuple[str, int]], what: str = "rows", note: str = "") -> Chart:
    """Return horizontal bars, one for each name."""
    widest = max((len(name) for name, _ in items), default=1)
    frame = Frame(HALF, 24 + 20 * len(items), left=min(16 + widest * 6.1, 190), bottom=4)
    most = max((number for _, number in items), default=0) or 1
    parts = []
    for place, (name, number) in enumerate(items):
        y = 12 + 20 * place
        end = frame.left + (frame.right - 60 - frame.left) * number / most
        parts.append(label(frame.left - 8, y + 11, name, "end", "name"))
        parts.append(rectangle(frame.left, y, end - frame.left, 14, "c0", f"{name}: {number:,}"))
        parts.append(label(end + 5, y + 11, short(number)))
    return Chart(
        title, frame.picture("".join(parts)), ("", what), [(name, f"{number:,}") for name, number in items], note=note
    )


def shares(title: str, items: Mapping[str, Mapping[str, int]], keys: Sequence[str], note: str = "") -> Chart:
    """Return horizontal bars of the same length, parted by what is counted."""
    widest = max((len(name) for name in items), default=1)
    frame = Frame(HALF, 24 + 20 * len(items), left=min(16 + widest * 6.1, 190), bottom=4)
    parts, rows = [], []
    for place, (name, counts) in enumerate(items.items()):
        y, x = 12.0 + 20 * place, frame.left
        total = sum(counts.values()) or 1
        parts.append(label(frame.left - 8, y + 11, name, "end", "name"))
        for series, key in enumerate(keys):
            width = (frame.right - frame.left) * counts.get(key, 0) / total
            about = f"{name}, {key}: {counts.get(key, 0):,}"
            parts.append(rectangle(x, y, width, 14, colour(series), about))
            x += width
        rows.append((name, *(f"{counts.get(key, 0):,}" for key in keys)))
    return Chart(title, frame.picture("".join(parts)), ("", *keys), rows, tuple(keys), note=note)


def columns(title: str, names: Sequence[str], series: Mapping[str, Sequence[int]], *, wide: bool = False) -> Chart:
    """Return columns, one for each name, those of several series on top of each other."""
    frame = Frame(WIDE if wide else HALF, HEIGHT)
    totals = [sum(values[place] for values in series.values()) for place in range(len(names))]
    most = max(totals, default=0) or 1
    step = 1 / max(len(names), 1)
    parts = [frame.levels([(value / most, text) for value, text in ticks(most)])]
    for place, name in enumerate(names):
        x, width, below = frame.x(step * place), (frame.x(step) - frame.x(0)) * 0.82, 0.0
        for number, (key, values) in enumerate(series.items()):
            share = values[place] / most
            y = frame.y(below + share)
            about = f"{name}{f', {key}' if len(series) > 1 else ''}: {values[place]:,}"
            parts.append(rectangle(x, y, width, frame.y(below) - y, colour(number), about))
            below += share
    parts.append(frame.below(_thinned(names, step, wide=wide)))
    return Chart(title, frame.picture("".join(parts)), *_table(names, series), wide=wide)


def lines(title: str, names: Sequence[str], series: Mapping[str, Sequence[int]], *, wide: bool = False) -> Chart:
    """Return a line for each series over the same names."""
    frame = Frame(WIDE if wide else HALF, HEIGHT)
    most = max((max(values, default=0) for values in series.values()), default=0) or 1
    step = 1 / max(len(names), 1)
    parts = [frame.levels([(value / most, text) for value, text in ticks(most)])]
    for number, values in enumerate(series.values()):
        points = [(frame.x(step * (place + 0.41)), frame.y(value / most)) for place, value in enumerate(values)]
        parts.append(_line(points, number))
    parts.append(frame.below(_thinned(names, step, wide=wide)))
    return Chart(title, frame.picture("".join(parts)), *_table(names, series), wide=wide)


def ranks(title: str, series: Mapping[str, Sequence[int]], note: str = "") -> Chart:
    """Return how much each has, the one with most first; both axes count in powers of ten."""
    frame = Frame(HALF, 260)
    across, up = decades(max(map(len, series.values()))), decades(max(max(v, default=1) for v in series.values()))
    wide, high = math.log10(across[-1][0]), math.log10(up[-1][0])
    parts = [frame.levels([(math.log10(value) / high, text) for value, text in up])]
    parts.append(frame.below([(math.log10(value) / wide, text) for value, text in across], lines=True))
    for number, values in enumerate(series.values()):
        places = sorted({round(10 ** (step / 24)) for step in range(24 * 10)} | {len(values)})
        seen = [place for place in places if place <= len(values) and values[place - 1] > 0]
        points = [(frame.x(math.log10(place) / wide), frame.y(math.log10(values[place - 1]) / high)) for place in seen]
        parts.append(_line(points, number))
    rows = [
        (f"{rank:,}", *(f"{values[rank - 1]:,}" if rank <= len(values) else "" for values in series.values()))
        for rank in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000)
        if rank <= max(map(len, series.values()))
    ]
    return Chart(title, frame.picture("".join(parts)), ("rank", *series), rows, tuple(series), note=note)


def week(title: str, counts: Mapping[str, int], note: str = "") -> Chart:
    """Return the hours of a week as a map: the darker, the more happens; counts have the hour since Monday midnight."""
    frame = Frame(HALF, 190, left=34)
    most = max(counts.values(), default=0) or 1
    cell = ((frame.right - frame.left) / 24, (frame.floor - frame.top) / 7)
    parts, rows = [], []
    for day, name in enumerate(DAYS):
        y = frame.top + cell[1] * day
        parts.append(label(frame.left - 6, y + cell[1] * 0.68, name, "end"))
        there = [counts.get(str(day * 24 + hour), 0) for hour in range(24)]
        for hour, number in enumerate(there):
            shade = f"w{round(8 * math.sqrt(number / most))}"
            about = f"{name} {hour:02d}:00: {number:,}"
            parts.append(rectangle(frame.left + cell[0] * hour, y, cell[0] - 1.5, cell[1] - 1.5, shade, about))
        rows.append((name, *(f"{number:,}" for number in there)))
    parts.append(frame.below([((hour + 0.5) / 24, f"{hour:02d}") for hour in range(0, 24, 3)]))
    head = ("", *(f"{hour:02d}" for hour in range(24)))
    return Chart(title, frame.picture("".join(parts)), head, rows, note=note)


def distribution(title: str, counts: Mapping[str, int], note: str = "") -> Chart:
    """Return how long things last, on a scale of powers, with the median, the 90th and the 99th percentile."""
    frame = Frame(HALF, HEIGHT)
    found = quantiles(counts, [share for share, _ in _PERCENTILES])
    edges = [0.0, *map(float, bounds())]
    grouped: dict[int, int] = {}
    for name, count in counts.items():
        octave = int(math.log2(max(edges[min(int(name), len(edges) - 1)], 1)) * 2 + 1e-9)
        grouped[octave] = grouped.get(octave, 0) + count
    low, high = min(grouped, default=0), max(grouped, default=1) + 1
    most = 1.1 * (max(grouped.values(), default=0) or 1)  # room for the names of the percentiles

    def x(milliseconds: float) -> float:
        return (math.log2(max(milliseconds, 1)) * 2 - low) / (high - low)

    parts = [frame.levels([(value / most, text) for value, text in ticks(most)])]
    for octave in range(low, high):
        left, right = frame.x((octave - low) / (high - low)), frame.x((octave + 1 - low) / (high - low))
        y = frame.y(grouped.get(octave, 0) / most)
        about = f"{duration(2 ** (octave / 2))} to {duration(2 ** (octave / 2 + 0.5))}: {grouped.get(octave, 0):,}"
        parts.append(rectangle(left, y, right - left - 1.2, frame.floor - y, "c0", about))
    parts.append(frame.below([(x(mark), duration(mark)) for mark in _MARKS if 0.02 < x(mark) < 0.98]))
    parts.extend(_marker(frame, x(value), name) for value, (_, name) in zip(found, _PERCENTILES, strict=True))
    shown = [(name, duration(value)) for value, (_, name) in zip(found, _PERCENTILES, strict=True)]
    text = ", ".join(f"{name} {value}" for name, value in shown)
    rows = [*shown, ("how many", f"{sum(counts.values()):,}")]
    return Chart(title, frame.picture("".join(parts)), ("", "time"), rows, note=f"{text}. {note}".strip())


def _marker(frame: Frame, share: float, name: str) -> str:
    x = frame.x(min(max(share, 0), 1))
    line = f'<line class="marker" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top:.1f}" y2="{frame.floor:.1f}"/>'
    return line + label(x + 3, frame.top + 8, name, "start", "marked")


def _line(points: Sequence[tuple[float, float]], series: int) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle class="{colour(series)}" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>' for x, y in points)
    return f'<polyline class="l{series % 7}" points="{path}"/>{dots}'


def _thinned(names: Sequence[str], step: float, *, wide: bool) -> list[Tick]:
    """Return the names that there is room for below a plot."""
    longest = max(map(len, names), default=1) * 6.5 + 14
    every = max(1, math.ceil(len(names) * longest / (WIDE if wide else HALF - 54)))
    return [(step * (place + 0.41), name) for place, name in enumerate(names) if place % every == 0]


def _table(
    names: Sequence[str], series: Mapping[str, Sequence[int]]
) -> tuple[tuple[str, ...], list[tuple[str, ...]], tuple[str, ...]]:
    rows = [(name, *(f"{values[place]:,}" for values in series.values())) for place, name in enumerate(names)]
    return ("", *series), rows, tuple(series) if len(series) > 1 else ()
