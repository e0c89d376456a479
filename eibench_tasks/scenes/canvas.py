"""Draws filled shapes with integer arithmetic only, so that the same calls give the same pixels on every machine.

Pillow's shapes go by floating point and changed between its versions, and fonts differ from machine to machine; a
scene whose bytes are part of a benchmark can stand on neither.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Point = tuple[int, int]
Color = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""
Pixels = npt.NDArray[np.uint8]
"""Shape (height, width, 3)."""

_FINE = 2
"""Each pixel is the mean of so many times so many points."""


class Canvas:
    """A picture to draw on. Coordinates are pixels, x to the right and y down; what lies outside is cut off.

    Args:
        width, height: in pixels.
        color: of the empty canvas.
    """

    def __init__(self, width: int, height: int, color: Color = (255, 255, 255)) -> None:
        self.width, self.height = width, height
        self._fine = np.full((height * _FINE, width * _FINE), _packed(color), "<u4")

    def pixels(self) -> Pixels:
        """What was drawn."""
        parts = self._fine.view(np.uint8).reshape(*self._fine.shape, 4)[:, :, :3]
        total = np.full((self.height, self.width, 3), _FINE * _FINE // 2, np.uint16)
        for down in range(_FINE):
            for across in range(_FINE):
                total += parts[down::_FINE, across::_FINE]
        found: Pixels = (total // (_FINE * _FINE)).astype(np.uint8)
        return found

    def polygon(self, points: Sequence[Point], color: Color) -> None:
        """A filled polygon; where its edges cross, the even-odd rule holds."""
        corners = np.array(points, np.int64) * _FINE
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        rows, columns, view = self._view(left, top, right, bottom)
        if view is None:
            return
        inside = np.zeros(view.shape[:2], bool)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if y0 != y1:
                (x0, y0), (x1, y1) = ((x0, y0), (x1, y1)) if y0 < y1 else ((x1, y1), (x0, y0))
                crossed = x0 + (2 * rows + 1 - 2 * y0) * (x1 - x0) // (2 * (y1 - y0))  # at the middle of each row
                crosses = (rows >= y0) & (rows < y1)
                inside ^= crosses[:, None] & (columns[None, :] >= crossed[:, None])
        view[inside] = _packed(color)

    def ellipse(self, center: Point, radii: Point, color: Color) -> None:
        """A filled ellipse with the given radii in x and y."""
        (cx, cy), (rx, ry) = (value * _FINE for value in center), (max(1, value * _FINE) for value in radii)
        rows, columns, view = self._view(cx - rx, cy - ry, cx + rx, cy + ry)
        if view is None:
            return
        across, down = (2 * columns + 1 - 2 * cx) ** 2 * (ry * ry), (2 * rows + 1 - 2 * cy) ** 2 * (rx * rx)
        view[down[:, None] + across[None, :] <= 4 * rx * rx * ry * ry] = _packed(color)

    def rectangle(self, corner: Point, opposite: Point, color: Color) -> None:
        """A filled rectangle."""
        (x0, y0), (x1, y1) = corner, opposite
        _, _, view = self._view(min(x0, x1) * _FINE, min(y0, y1) * _FINE, max(x0, x1) * _FINE, max(y0, y1) * _FINE)
        if view is not None:
            view[:] = _packed(color)

    def _view(self, left: int, top: int, right: int, bottom: int) -> tuple[Any, Any, Any]:
        """Row and column numbers of a part of the canvas and a view on it; None where nothing of it is visible."""
        high, wide = self._fine.shape[:2]
        x0, x1 = max(0, int(left)), min(wide, int(right))
        y0, y1 = max(0, int(top)), min(high, int(bottom))
        if x0 >= x1 or y0 >= y1:
            return None, None, None
        return np.arange(y0, y1, dtype=np.int64), np.arange(x0, x1, dtype=np.int64), self._fine[y0:y1, x0:x1]


def _packed(color: Color) -> int:
    red, green, blue = color
    return red | green << 8 | blue << 16
