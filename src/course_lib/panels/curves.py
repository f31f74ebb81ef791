"""Curves that grow while an experiment runs, as one small SVG for each quantity.

SVG takes the colours of the page it stands in, so it is right in the light and in the
dark; replacing one of a fixed height does not flicker.
"""

from __future__ import annotations

import math
from html import escape

from course_lib.experiments.claim import Progress
from course_lib.results.table import number

_POINTS = 400  # of one line; more would not be seen
_SHOWN = 4  # curves at a time, those that grew last
_WIDTH, _HEIGHT = 340, 130
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 8, 24, 20


class Line:
    """Points (work done, value) of one seed, thinned evenly where they are many."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []
        self._stride = 1  # values that one point is the mean of
        self._waiting: list[float] = []

    def add(self, done: float, value: float) -> None:
        """Take in one value. What a resumed run tells again is passed over."""
        if self.points and done <= self.points[-1][0]:
            return
        self._waiting.append(value)
        if len(self._waiting) < self._stride:
            return
        self.points.append((done, sum(self._waiting) / self._stride))
        self._waiting = []
        if len(self.points) == _POINTS:
            pairs = zip(self.points[::2], self.points[1::2], strict=True)
            self.points = [(b[0], (a[1] + b[1]) / 2) for a, b in pairs]
            self._stride *= 2


class Curves:
    """The values of ``Progress.curves``, one line per seed, in bounded memory."""

    def __init__(self) -> None:
        # name -> seed -> points (work done, value); the name that grew last is last
        self.lines: dict[str, dict[int, Line]] = {}
        self._now: dict[str, float] = {}

    def add(self, progress: Progress) -> None:
        """Take in the newest value of each curve."""
        for name, value in progress.curves.items():
            self._now[name] = value
            lines = self.lines.pop(name, {})
            self.lines[name] = lines
            line = lines.setdefault(progress.seed, Line())
            if math.isfinite(value):
                line.add(progress.done, value)

    def svg(self) -> str:
        """The curves that grew last, side by side; empty before the first value."""
        newest = sorted(list(self.lines)[-_SHOWN:])  # sorted: none changes its place
        drawn = "".join(map(self._one, newest))
        return f'<div class="course-curves">{drawn}</div>' if drawn else ""

    def _one(self, name: str) -> str:
        lines = {s: line.points for s, line in self.lines[name].items() if line.points}
        values = [y for line in lines.values() for _, y in line] or [0.0]
        low, high = min(values), max(values)
        log = low > 0 and high / low > 50
        scale = math.log if log else float
        bottom, rise = scale(low), scale(high) - scale(low) or 1.0
        length = max((line[-1][0] - line[0][0] for line in lines.values()), default=0)
        wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        drawn = []
        for seed, line in lines.items():
            points = " ".join(
                f"{_LEFT + wide * (x - line[0][0]) / (length or 1):.1f},"
                f"{_TOP + tall * (1 - (scale(y) - bottom) / rise):.1f}"
                for x, y in line
            )
            old = ' class="old"' if seed != max(lines) else ""
            drawn.append(f'<polyline{old} points="{points}"/>')
        now, base, right = (
            number(self._now[name], 3),
            _HEIGHT - _BOTTOM,
            _WIDTH - _RIGHT,
        )
        return (
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{escape(name)}: now {now}, '
            f'between {number(low, 2)} and {number(high, 2)}">'
            f'<text x="0" y="13" class="head">{escape(name)} {now}'
            f"{' (log scale)' if log else ''}</text>"
            f'<path d="M{_LEFT} {_TOP}V{base}H{right}"/>'
            f'<text x="{_LEFT - 5}" y="{_TOP + 4}" class="y">{number(high, 2)}</text>'
            f'<text x="{_LEFT - 5}" y="{base + 4}" class="y">{number(low, 2)}</text>'
            f'<text x="{_LEFT}" y="{_HEIGHT - 5}">start</text>'
            f'<text x="{right}" y="{_HEIGHT - 5}" class="y">now</text>'
            f"{''.join(drawn)}</svg>"
        )
