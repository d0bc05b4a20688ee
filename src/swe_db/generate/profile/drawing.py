"""The parts of a plot: numbers as people read them, axes, and the shapes of SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

__all__ = ["Frame", "Tick", "colour", "decades", "duration", "label", "rectangle", "short", "ticks"]

Tick = tuple[float, str]

_COLOURS: Final = 7
_UNITS: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_TIMES: Final = (
    ("s", 1_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("y", 365 * 86_400_000),
)  # fmt: skip


def short(number: float) -> str:
    """Return a number with at most three digits that count: `1.25M`."""
    for size, unit in _UNITS:
        if abs(number) >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def duration(milliseconds: float) -> str:
    """Return a time in its largest unit: `3.5 h`."""
    name, size = "ms", 1
    for unit, length in _TIMES:
        if milliseconds >= length:
            name, size = unit, length
    return f"{milliseconds / size:.3g} {name}"


def ticks(highest: float, about: int = 4) -> list[Tick]:
    """Return round numbers from 0 up to about the highest."""
    if highest <= 0:
        return [(0.0, "0")]
    rough = highest / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    return [(step * place, short(step * place)) for place in range(math.floor(highest / step * 1.001) + 1)]


def decades(highest: float) -> list[Tick]:
    """Return the powers of ten up to the first that is not below the highest."""
    return [(10.0**power, short(10.0**power)) for power in range(max(1, math.ceil(math.log10(max(highest, 2)))) + 1)]


def colour(place: int) -> str:
    """Return the class of the colour of a series, from 0; there are seven, then they begin again."""
    return f"c{place % _COLOURS}"


def rectangle(  # noqa: PLR0913, PLR0917 - where it is, how large, and how it looks
    x: float, y: float, width: float, height: float, style: str, about: str = ""
) -> str:
    """Return a filled rectangle, with a text that is shown when somebody points at it."""
    title = f"<title>{escape(about)}</title>" if about else ""
    shape = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f'<rect class="{style}" {shape}>{title}</rect>'


def label(x: float, y: float, text: str, anchor: str = "start", style: str = "") -> str:
    """Return a text; anchor is `start`, `middle` or `end`."""
    kind = f' class="{style}"' if style else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


class Frame:
    """The place that a plot is drawn in, with its axes.

    Args:
        width: Of the whole picture.
        height: Of the whole picture.
        left: Room for what is written to the left.
        bottom: Room for what is written below.
    """

    def __init__(self, width: float, height: float, left: float = 44, bottom: float = 22) -> None:
        self.width = width
        self.height = height
        self.left = left
        self.right = width - 10
        self.top = 10.0
        self.floor = height - bottom

    def x(self, share: float) -> float:
        """Return where a share of the width lies, from 0 to 1."""
        return self.left + share * (self.right - self.left)

    def y(self, share: float) -> float:
        """Return where a share of the height lies, from 0 at the bottom to 1."""
        return self.floor - share * (self.floor - self.top)

    def levels(self, marks: Iterable[Tick]) -> str:
        """Return horizontal lines at shares of the height, with what they stand for."""
        parts = []
        for share, text in marks:
            y = self.y(share)
            parts.append(f'<line class="grid" x1="{self.left:.1f}" x2="{self.right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(label(self.left - 6, y + 4, text, "end"))
        return "".join(parts)

    def below(self, marks: Sequence[Tick], *, lines: bool = False) -> str:
        """Return texts below the plot, at shares of its width, and lines up from them."""
        parts = []
        for share, text in marks:
            x = self.x(share)
            if lines:
                parts.append(
                    f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{self.top:.1f}" y2="{self.floor:.1f}"/>'
                )
            anchor = "end" if share > 0.97 else "middle"
            parts.append(label(x if anchor == "middle" else self.right, self.height - 5, text, anchor))
        return "".join(parts)

    def picture(self, body: str) -> str:
        """Return the whole picture; whoever shows it gives it a name."""
        return f'<svg viewBox="0 0 {self.width:.0f} {self.height:.0f}">{body}</svg>'
