"""Draws one thing in units of its own, at any place, in any size, in one of several looks."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import TypeVar

from eibench_tasks.scenes.canvas import Canvas, Color, Point

UNIT = 100
"""A thing is about so many units wide and high. Its origin is the middle of its lower edge; y grows downwards."""
_STEPS = 12  # straight pieces of a curve
_EXACT = 64  # a length is known to such a part of a pixel
T = TypeVar("T")


@dataclass(frozen=True)
class Pen:
    """Coordinates are integers in units of the thing.

    Attributes:
        canvas: that is drawn on.
        at: the origin of the thing, in pixels.
        size: pixels for `UNIT` units.
        look: number of the look, from 0.
        mirrored: left and right change places.
    """

    canvas: Canvas
    at: Point
    size: int
    look: int = 0
    mirrored: bool = False

    def one_of(self, *looks: T) -> T:
        """What belongs to the look of this thing."""
        return looks[self.look % len(looks)]

    def polygon(self, points: Sequence[Point], color: Color) -> None:
        """A filled polygon."""
        self.canvas.polygon([self._place(point) for point in points], color)

    def rectangle(self, corner: Point, opposite: Point, color: Color) -> None:
        """A filled rectangle."""
        self.canvas.rectangle(self._place(corner), self._place(opposite), color)

    def ellipse(self, center: Point, radii: Point, color: Color) -> None:
        """A filled ellipse."""
        rx, ry = (max(1, self._length(radius)) for radius in radii)
        self.canvas.ellipse(self._place(center), (rx, ry), color)

    def circle(self, center: Point, radius: int, color: Color) -> None:
        """A filled circle."""
        self.ellipse(center, (radius, radius), color)

    def line(self, points: Sequence[Point], width: int, color: Color) -> None:
        """A line of the given width through all points, with round ends and corners."""
        placed, half = [self._place(point) for point in points], max(1, self._length(width) // 2)
        for one, other in itertools.pairwise(placed):
            self._stroke(one, other, half, color)
        for point in placed:
            self.canvas.ellipse(point, (half, half), color)

    def curve(self, start: Point, control: Point, end: Point, width: int, color: Color) -> None:
        """A quadratic Bézier curve of the given width."""
        self.line(bezier(start, control, end), width, color)

    def _place(self, point: Point) -> Point:
        x, y = point
        return self.at[0] + self._length(-x if self.mirrored else x), self.at[1] + self._length(y)

    def _length(self, units: int) -> int:
        return (units * self.size + UNIT // 2) // UNIT

    def _stroke(self, one: Point, other: Point, half: int, color: Color) -> None:
        across, down = other[0] - one[0], other[1] - one[1]
        length = isqrt((across * across + down * down) * _EXACT * _EXACT)
        if not length:
            return
        x, y = ((part * half * _EXACT + length // 2) // length for part in (-down, across))
        sides = [(one[0] + x, one[1] + y), (other[0] + x, other[1] + y)]
        sides += [(other[0] - x, other[1] - y), (one[0] - x, one[1] - y)]
        self.canvas.polygon(sides, color)


def bezier(start: Point, control: Point, end: Point) -> list[Point]:
    """Points on a quadratic Bézier curve, both ends among them; for outlines with round parts."""
    whole = _STEPS * _STEPS
    found = []
    for step in range(_STEPS + 1):
        a, b, c = (_STEPS - step) ** 2, 2 * step * (_STEPS - step), step * step
        points = [(a * s + b * k + c * e + whole // 2) // whole for s, k, e in zip(start, control, end, strict=True)]
        found.append((points[0], points[1]))
    return found
