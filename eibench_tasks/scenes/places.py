"""Draws where a scene takes place. The upper part stays plain, for what hangs there or stands in the sky."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eibench_tasks.scenes.canvas import Canvas, Color
from eibench_tasks.scenes.colors import (
    BROWN,
    CREAM,
    DARK_GREEN,
    GREY,
    SKY,
    SLATE,
    TAN,
    WHITE,
    WOOD,
    darker,
    lighter,
)
from eibench_tasks.scenes.pen import Pen

HORIZON = 300
"""Where wall and floor, or sky and ground, meet; in pixels from above."""


@dataclass(frozen=True)
class Place:
    """Where a scene takes place.

    Attributes:
        words: as in ``in a park``.
        indoors: whether it has walls, so that things can hang on them.
        draw: fills the canvas.
    """

    words: str
    indoors: bool
    draw: Callable[[Canvas], None]


def _halves(canvas: Canvas, above: Color, below: Color) -> Pen:
    """Fills both halves and returns a pen whose units are pixels and whose origin is the upper left corner."""
    canvas.rectangle((0, 0), (canvas.width, HORIZON), above)
    canvas.rectangle((0, HORIZON), (canvas.width, canvas.height), below)
    return Pen(canvas, (0, 0), 100)


def _park(canvas: Canvas) -> None:
    pen = _halves(canvas, (196, 226, 244), (150, 200, 124))
    for x, width in ((40, 90), (190, 130), (360, 110), (520, 100)):
        pen.ellipse((x, HORIZON), (width, 46), (126, 182, 112))
    for x in (92, 300, 470):
        pen.rectangle((x - 5, 236), (x + 5, 296), BROWN)
        pen.circle((x, 216), 36, (108, 168, 96))
    pen.polygon([(0, 392), (560, 352), (560, 386), (0, 436)], (224, 208, 170))


def _street(canvas: Canvas) -> None:
    pen = _halves(canvas, (210, 222, 232), (184, 184, 188))
    fronts = (0, (226, 196, 170)), (140, (214, 206, 186)), (280, (222, 186, 178)), (420, (200, 206, 196))
    for x, color in fronts:
        pen.rectangle((x, 150 + x // 7 % 30), (x + 140, HORIZON), color)
        for window in (22, 84):
            pen.rectangle((x + window, 196), (x + window + 34, 240), darker(color, 28))
    pen.rectangle((0, 392), (560, 448), SLATE)
    for x in range(30, 560, 110):
        pen.rectangle((x, 416), (x + 60, 423), WHITE)


def _beach(canvas: Canvas) -> None:
    pen = _halves(canvas, (184, 224, 246), (240, 220, 172))
    pen.rectangle((0, 232), (560, HORIZON), (92, 160, 206))
    for x in range(-20, 560, 80):
        pen.line([(x, 262), (x + 34, 262)], 3, (150, 200, 230))
    for x in range(-40, 600, 64):
        pen.ellipse((x, HORIZON), (42, 9), WHITE)
    for x, y in ((60, 350), (210, 380), (370, 342), (500, 388), (300, 430)):
        pen.ellipse((x, y), (16, 3), (222, 198, 146))


def _garden(canvas: Canvas) -> None:
    pen = _halves(canvas, (206, 232, 246), (136, 190, 104))
    pen.rectangle((0, 230), (560, 240), WOOD)
    pen.rectangle((0, 272), (560, 282), WOOD)
    for x in range(6, 560, 40):
        pen.polygon([(x, HORIZON), (x, 222), (x + 12, 208), (x + 24, 222), (x + 24, HORIZON)], TAN)
    for x in range(24, 560, 70):
        pen.circle((x, 316), 12, DARK_GREEN)
        pen.circle((x, 309), 6, (250, 246, 240))
        pen.circle((x, 309), 2, (240, 196, 60))


def _living_room(canvas: Canvas) -> None:
    pen = _halves(canvas, (240, 228, 204), (190, 140, 96))
    for x in range(0, 560, 28):
        pen.rectangle((x, 0), (x + 10, HORIZON), (235, 221, 193))
    pen.rectangle((0, 288), (560, HORIZON), WHITE)
    pen.ellipse((280, 404), (250, 40), (186, 96, 92))
    pen.ellipse((280, 404), (226, 32), (206, 122, 112))


def _kitchen(canvas: Canvas) -> None:
    pen = _halves(canvas, (220, 234, 230), (206, 198, 188))
    for y in range(166, HORIZON, 33):
        pen.line([(0, y), (560, y)], 2, (198, 214, 210))
    for x in range(0, 561, 40):
        pen.line([(x, 166), (x, HORIZON)], 2, (198, 214, 210))
    pen.rectangle((0, 232), (560, 242), (150, 112, 84))
    pen.rectangle((0, 242), (560, 310), (240, 238, 232))
    for x in range(20, 560, 90):
        pen.rectangle((x, 250), (x + 76, 304), (226, 222, 214))
        pen.circle((x + 66, 277), 4, GREY)
    for row, y in enumerate(range(310, 448, 35)):
        for x in range(-35 * (row % 2), 560, 70):
            pen.rectangle((x, y), (x + 35, y + 35), (194, 186, 176))


def _classroom(canvas: Canvas) -> None:
    pen = _halves(canvas, (226, 224, 236), (198, 172, 136))
    pen.rectangle((60, 160), (500, 276), WOOD)
    pen.rectangle((68, 168), (492, 268), (58, 98, 84))
    for x, y, width in ((90, 190, 70), (90, 212, 100), (380, 194, 84), (396, 216, 60)):
        pen.line([(x, y), (x + width, y)], 3, (186, 206, 196))
    pen.rectangle((150, 268), (200, 273), WHITE)
    for y in range(HORIZON, 448, 30):
        pen.line([(0, y), (560, y)], 2, (184, 156, 120))


def _bedroom(canvas: Canvas) -> None:
    pen = _halves(canvas, (206, 216, 236), (214, 196, 172))
    for x in range(20, 560, 60):
        for y in range(24, HORIZON, 60):
            pen.circle((x + 30 * (y // 60 % 2), y), 4, (190, 202, 226))
    pen.rectangle((96, 206), (464, HORIZON), BROWN)
    pen.rectangle((108, 258), (452, 330), lighter(SKY, 20))
    pen.rectangle((108, 286), (452, 330), (150, 170, 210))
    for x in (130, 320):
        pen.ellipse((x + 56, 256), (58, 20), CREAM)


PLACES: Mapping[str, Place] = {
    "park": Place("in a park", False, _park),
    "street": Place("on a street", False, _street),
    "beach": Place("on a beach", False, _beach),
    "garden": Place("in a garden", False, _garden),
    "living room": Place("in a living room", True, _living_room),
    "kitchen": Place("in a kitchen", True, _kitchen),
    "classroom": Place("in a classroom", True, _classroom),
    "bedroom": Place("in a bedroom", True, _bedroom),
}
