"""Re-creates the images of the demo split: converts the photographs and draws the scenes.

    python tools/draw_demo_scenes.py [--out FOLDER]

The photographs are read from the installed scikit-image and matplotlib (both in the ``dev`` extra) and are
in the public domain or CC0; the demo folder's README names each source. The scenes are drawn here, with
Pillow, at three times their size and scaled down. Everything is deterministic: scattered dots come from
seeded generators.
"""

import argparse
import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import matplotlib
import skimage
from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Colour = str | tuple[int, int, int] | tuple[int, int, int, int]
Mood = Literal["calm", "happy", "laughing", "thrilled", "angry", "furious", "sad", "crying", "proud"]
Hair = Literal["short", "long", "bun", "bob", "curly", "tuft", "flying"]

SCALE = 3
SIZE = (512, 384)
MAX_BYTES = 60_000
OUT = Path(__file__).parents[1] / "eibench_tasks" / "data" / "demo" / "images"

INK = "#2f2a33"
WHITE = "#ffffff"
SKIN_LIGHT, SKIN_TAN, SKIN_BROWN = "#f6cfb0", "#dda577", "#a4693f"


# --- a canvas in logical pixels -------------------------------------------------------------------------


class Canvas:
    """A supersampled drawing surface; coordinates and widths are those of the finished image."""

    def __init__(self, size: tuple[int, int] = SIZE) -> None:
        self.size = size
        self._image = Image.new("RGB", (size[0] * SCALE, size[1] * SCALE))
        self._draw = ImageDraw.Draw(self._image, "RGBA")

    def finish(self) -> Image.Image:
        """The drawing, scaled down to its logical size."""
        return self._image.resize(self.size, Image.Resampling.LANCZOS)

    def polygon(self, points: Iterable[Point], fill: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def blob(self, points: Sequence[Point], fill: Colour) -> None:
        """A filled shape whose rounded outline runs through the points."""
        self.polygon(smooth(points, closed=True), fill)

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A polyline with round ends and joints."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, fill=fill, width=max(1, round(width * SCALE)), joint="curve")
        if width >= 2:
            radius = width * SCALE / 2
            for x, y in scaled:
                self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)

    def curve(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A rounded line through the points."""
        self.line(smooth(points, closed=False), width, fill)

    def ellipse(self, centre: Point, rx: float, ry: float, fill: Colour, angle: float = 0) -> None:
        """A filled ellipse, turned clockwise by ``angle`` degrees."""
        steps = [math.tau * i / 72 for i in range(72)]
        self.polygon([turned((rx * math.cos(t), ry * math.sin(t)), angle, centre) for t in steps], fill)

    def circle(self, centre: Point, radius: float, fill: Colour) -> None:
        """A filled circle."""
        self.ellipse(centre, radius, radius, fill)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: Colour, radius: float = 0) -> None:
        """A filled rectangle, its corners rounded."""
        corners = (x0 * SCALE, y0 * SCALE, x1 * SCALE, y1 * SCALE)
        self._draw.rounded_rectangle(corners, radius * SCALE, fill=fill)

    def gradient(self, y0: float, y1: float, top: str, bottom: str, x0: float = 0, x1: float | None = None) -> None:
        """A vertical colour gradient over a rectangle, the full width unless told."""
        first, last = rgb(top), rgb(bottom)
        right = self.size[0] if x1 is None else x1
        rows = round((y1 - y0) * SCALE)
        for row in range(rows):
            mix = [round(a + (b - a) * row / max(1, rows - 1)) for a, b in zip(first, last, strict=True)]
            y = round(y0 * SCALE) + row
            self._draw.line((x0 * SCALE, y, right * SCALE, y), fill=(mix[0], mix[1], mix[2]))

    def text(self, centre: Point, words: str, size: float, fill: Colour) -> None:
        """Bold words, centred."""
        fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        font = ImageFont.truetype(str(fonts / "DejaVuSans-Bold.ttf"), round(size * SCALE))
        self._draw.text((centre[0] * SCALE, centre[1] * SCALE), words, fill=fill, font=font, anchor="mm")


def rgb(colour: str) -> tuple[int, int, int]:
    """The three channels of ``#rrggbb``."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def shade(colour: str, factor: float) -> str:
    """A darker (factor below 1) or lighter tone of ``#rrggbb``."""
    return "#" + "".join(f"{min(255, round(channel * factor)):02x}" for channel in rgb(colour))


def turned(point: Point, angle: float, origin: Point) -> Point:
    """``point``, an offset, turned clockwise by ``angle`` degrees and moved to ``origin``."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return origin[0] + point[0] * cos - point[1] * sin, origin[1] + point[0] * sin + point[1] * cos


def smooth(points: Sequence[Point], closed: bool, steps: int = 12) -> list[Point]:
    """Catmull-Rom curve through the points."""
    count = len(points)
    padded = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    curve: list[Point] = [] if closed else [points[0]]
    for i in range(count if closed else count - 1):
        p0, p1, p2, p3 = padded[i : i + 4]
        for step in range(1, steps + 1):
            t = step / steps
            curve.append((_catmull_rom(t, p0[0], p1[0], p2[0], p3[0]), _catmull_rom(t, p0[1], p1[1], p2[1], p3[1])))
    return curve


def _catmull_rom(t: float, a: float, b: float, c: float, d: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


# --- people ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Person:
    """What somebody looks like, whatever they feel."""

    skin: str = SKIN_LIGHT
    hair: str = "#5b3a29"
    style: Hair = "short"
    top: str = "#3f7fbf"
    legs: str = "#3b4a6b"
    shoes: str = "#4a3b35"


class Head:
    """Draws one head; offsets are in head radii, turned with the head's tilt.

    ``turn`` moves the features over the face, so that the head seems to look aside or down.
    """

    def __init__(
        self, canvas: Canvas, person: Person, mood: Mood, centre: Point, radius: float,
        tilt: float = 0, turn: Point = (0, 0),
    ) -> None:  # fmt: skip
        self.canvas, self.person, self.mood = canvas, person, mood
        self.centre, self.radius, self.tilt, self.turn = centre, radius, tilt, turn

    def draw(self) -> None:
        """Back hair, face, features, front hair."""
        self._back_hair()
        skin = self.person.skin
        for side in (-1, 1):
            self._oval(side * 0.9, 0.12, 0.17, 0.22, shade(skin, 0.93))
        self._shape([(0, -1.0), (0.66, -0.76), (0.9, 0), (0.68, 0.66), (0, 1.0), (-0.68, 0.66), (-0.9, 0),
                     (-0.66, -0.76)], skin)  # fmt: skip
        self._cheeks()
        self._eyes()
        self._brows()
        self._nose()
        self._mouth()
        self._front_hair()
        self._tears()

    def _at(self, u: float, v: float) -> Point:
        return turned((u * self.radius, v * self.radius), self.tilt, self.centre)

    def _feature(self, u: float, v: float) -> Point:
        return self._at(u + self.turn[0], v + self.turn[1])

    def _oval(self, u: float, v: float, ru: float, rv: float, fill: Colour) -> None:
        self.canvas.ellipse(self._at(u, v), ru * self.radius, rv * self.radius, fill, self.tilt)

    def _shape(self, points: Sequence[Point], fill: Colour) -> None:
        self.canvas.blob([self._at(u, v) for u, v in points], fill)

    def _stroke(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        self.canvas.curve([self._feature(u, v) for u, v in points], width * self.radius, fill)

    def _cheeks(self) -> None:
        strength = {"furious": 150, "angry": 105, "crying": 80, "laughing": 75, "happy": 70, "thrilled": 70}
        alpha = strength.get(self.mood, 40)
        for side in (-1, 1):
            u = max(-0.64, min(0.64, side * 0.52 + self.turn[0]))
            centre = self._at(u, 0.33 + self.turn[1])
            self.canvas.ellipse(centre, 0.21 * self.radius, 0.15 * self.radius, (226, 74, 66, alpha), self.tilt)

    def _eyes(self) -> None:
        for side in (-1, 1):
            u = side * 0.36
            if self.mood in ("laughing", "proud"):
                self._stroke([(u - 0.16, 0.02), (u, -0.11), (u + 0.16, 0.02)], 0.08, INK)
            else:
                self._open_eye(u)

    def _open_eye(self, u: float) -> None:
        height = {"thrilled": 0.25, "angry": 0.14, "furious": 0.15, "sad": 0.16, "crying": 0.15}.get(self.mood, 0.19)
        gaze = (self.turn[0] * 0.35, self.turn[1] * 0.3)
        down = 0.04 if self.mood in ("sad", "crying") else 0
        radius = self.radius
        self.canvas.ellipse(self._feature(u, -0.04), 0.17 * radius, height * radius, WHITE, self.tilt)
        iris = self._feature(u + gaze[0], -0.03 + gaze[1] + down)
        self.canvas.ellipse(iris, 0.1 * radius, min(0.12, height) * radius, INK, self.tilt)
        self.canvas.circle(self._feature(u + gaze[0] + 0.04, -0.09 + gaze[1] + down), 0.035 * radius, WHITE)
        if self.mood in ("sad", "crying"):
            lid = [(-0.17, -0.06), (0, -0.19), (0.17, -0.06)]
            self._stroke([(u + du, dv) for du, dv in lid], 0.06, shade(self.person.skin, 0.62))

    def _brows(self) -> None:
        inner, outer, width = {
            "angry": (-0.2, -0.44, 0.12), "furious": (-0.17, -0.48, 0.14), "sad": (-0.46, -0.26, 0.09),
            "crying": (-0.5, -0.26, 0.09), "thrilled": (-0.52, -0.48, 0.08), "laughing": (-0.42, -0.36, 0.08),
        }.get(self.mood, (-0.38, -0.36, 0.08))  # fmt: skip
        colour = shade(self.person.hair, 0.75)
        arch = 0 if self.mood in ("angry", "furious") else -0.04
        for side in (-1, 1):
            ends = [(side * 0.17, inner), (side * 0.37, (inner + outer) / 2 + arch), (side * 0.57, outer)]
            self._stroke(ends, width, colour)
        if self.mood == "furious":
            for side in (-1, 1):
                self._stroke([(side * 0.06, -0.32), (side * 0.05, -0.2)], 0.05, shade(self.person.skin, 0.7))

    def _nose(self) -> None:
        self._stroke([(-0.05, 0.13), (0.06, 0.24), (-0.05, 0.27)], 0.055, shade(self.person.skin, 0.76))

    def _mouth(self) -> None:
        if self.mood in ("laughing", "thrilled"):
            self._laughing_mouth(1.3 if self.mood == "thrilled" else 1.0)
        elif self.mood == "furious":
            self._clenched_teeth()
        else:
            bends = {"happy": 0.19, "proud": 0.14, "calm": 0.06, "angry": -0.12, "sad": -0.13, "crying": -0.2}
            bend = bends[self.mood]
            half = 0.26 if bend < 0 else 0.33
            middle = 0.56 if bend > 0 else 0.62
            points = [(-half, middle - bend / 2), (-half / 2, middle + bend / 3), (0, middle + bend / 2),
                      (half / 2, middle + bend / 3), (half, middle - bend / 2)]  # fmt: skip
            self._stroke(points, 0.085, "#8d3a3a")

    def _laughing_mouth(self, depth: float) -> None:
        lower = [
            (0.34, 0.6),
            (0.22, 0.45 + 0.3 * depth),
            (0, 0.45 + 0.38 * depth),
            (-0.22, 0.45 + 0.3 * depth),
        ]
        outline = [(-0.38, 0.4), (-0.2, 0.44), (0, 0.45), (0.2, 0.44), (0.38, 0.4), *lower, (-0.34, 0.6)]
        self.canvas.blob([self._feature(u, v) for u, v in outline], "#7a2230")
        teeth = [(-0.31, 0.43), (0, 0.47), (0.31, 0.43), (0.27, 0.53), (0, 0.57), (-0.27, 0.53)]
        self.canvas.polygon([self._feature(u, v) for u, v in teeth], WHITE)
        tongue = self._feature(0, 0.4 + 0.3 * depth)
        self.canvas.ellipse(tongue, 0.17 * self.radius, 0.09 * self.radius, "#e2737c", self.tilt)

    def _clenched_teeth(self) -> None:
        outline = [(-0.36, 0.72), (-0.26, 0.5), (0, 0.46), (0.26, 0.5), (0.36, 0.72), (0.2, 0.7), (-0.2, 0.7)]
        self.canvas.blob([self._feature(u, v) for u, v in outline], "#7a2230")
        teeth = [(-0.27, 0.66), (-0.2, 0.54), (0, 0.51), (0.2, 0.54), (0.27, 0.66), (0, 0.66)]
        self.canvas.polygon([self._feature(u, v) for u, v in teeth], WHITE)
        for u in (-0.12, 0, 0.12):
            self.canvas.line([self._feature(u, 0.52), self._feature(u, 0.66)], 0.03 * self.radius, "#7a2230")

    def _tears(self) -> None:
        if self.mood != "crying":
            return
        for u, v in ((-0.44, 0.3), (0.5, 0.22)):
            drop = [(u, v - 0.2), (u + 0.1, v + 0.02), (u, v + 0.14), (u - 0.1, v + 0.02)]
            self.canvas.blob([self._feature(a, b) for a, b in drop], "#69b7ea")

    def _back_hair(self) -> None:
        hair = shade(self.person.hair, 0.86)
        match self.person.style:
            case "long":
                self._shape([(0, -1.16), (0.85, -0.8), (1.1, 0.1), (1.12, 1.1), (0.7, 1.4), (0, 1.3),
                             (-0.7, 1.4), (-1.12, 1.1), (-1.1, 0.1), (-0.85, -0.8)], hair)  # fmt: skip
            case "bob":
                self._shape([(0, -1.16), (0.85, -0.8), (1.12, 0), (1.1, 0.75), (0.6, 0.85), (0, 0.7),
                             (-0.6, 0.85), (-1.1, 0.75), (-1.12, 0), (-0.85, -0.8)], hair)  # fmt: skip
            case "bun":
                self._oval(0, -1.28, 0.42, 0.36, hair)
            case "curly":
                for i in range(11):
                    angle = math.pi * (0.92 + 1.16 * i / 10)
                    self._oval(0.93 * math.cos(angle), -0.12 + 0.93 * math.sin(angle), 0.34, 0.34, hair)
            case "flying":
                self._shape([(0.7, -0.9), (-0.2, -1.2), (-1.2, -1.3), (-2.0, -1.05), (-1.5, -0.75),
                             (-1.9, -0.4), (-1.3, -0.2), (-1.5, 0.2), (-0.8, 0.3), (0, 0)], hair)  # fmt: skip
            case _:
                pass

    def _front_hair(self) -> None:
        hair = self.person.hair
        if self.person.style == "tuft":
            for end in (-0.25, 0.05, 0.32):
                root = self._at(0.02, -0.96)
                self.canvas.curve([root, self._at(end * 0.5, -1.15), self._at(end, -1.25)], 0.12 * self.radius, hair)
            return
        side = 0.22 if self.person.style in ("long", "bob") else -0.12
        outline = [(-0.93, side), (-0.98, -0.45), (-0.66, -0.98), (0, -1.17), (0.66, -0.98), (0.98, -0.45),
                   (0.93, side), (0.8, -0.36), (0.45, -0.62), (-0.05, -0.56), (-0.5, -0.66),
                   (-0.8, -0.36)]  # fmt: skip
        self._shape(outline, hair)
        if self.person.style == "curly":
            for u in (-0.62, -0.3, 0.02, 0.34, 0.64):
                self._oval(u, -0.78 + 0.18 * abs(u), 0.25, 0.23, hair)


def arm(canvas: Canvas, person: Person, joints: Sequence[Point], width: float, bare: float = 0.0) -> None:
    """A sleeve through the joints and a hand; ``bare`` is the share of the forearm without sleeve."""
    canvas.circle(joints[-1], width * 0.56, person.skin)
    canvas.line(joints, width * 0.8, person.skin)
    elbow, hand = joints[-2], joints[-1]
    cut = 0.86 * (1 - bare)
    cuff = (elbow[0] + (hand[0] - elbow[0]) * cut, elbow[1] + (hand[1] - elbow[1]) * cut)
    canvas.line([*joints[:-1], cuff], width, shade(person.top, 0.9))


def leg(canvas: Canvas, person: Person, joints: Sequence[Point], width: float, toe: float = 1) -> None:
    """A trouser leg through the joints and a shoe; ``toe`` is the side the foot points to."""
    canvas.line(joints, width, person.legs)
    x, y = joints[-1]
    canvas.ellipse((x + toe * width * 0.35, y + width * 0.3), width * 0.85, width * 0.42, person.shoes)


def torso(canvas: Canvas, person: Person, neck: Point, hip: Point, half: float) -> None:
    """Neck and a rounded upper body from ``neck`` to ``hip``, ``half`` as wide as the shoulders."""
    dx, dy = hip[0] - neck[0], hip[1] - neck[1]
    angle = math.degrees(math.atan2(dy, dx)) - 90
    length = math.hypot(dx, dy)
    canvas.line([turned((0, -half * 0.5), angle, neck), turned((0, half * 0.2), angle, neck)], half * 0.55,
                shade(person.skin, 0.88))  # fmt: skip
    outline = [(-half * 0.4, 0), (half * 0.4, 0), (half * 0.95, length * 0.14), (half * 0.92, length * 0.6),
               (half * 0.84, length), (0, length * 1.04), (-half * 0.84, length),
               (-half * 0.92, length * 0.6), (-half * 0.95, length * 0.14)]  # fmt: skip
    canvas.blob([turned(point, angle, neck) for point in outline], person.top)


# --- things ---------------------------------------------------------------------------------------------


def shadow(canvas: Canvas, centre: Point, rx: float, ry: float = 7) -> None:
    """A soft dark ellipse on the ground."""
    for grow in (1.0, 0.85, 0.7):
        canvas.ellipse(centre, rx * grow, ry * grow, (20, 25, 35, 28))


def tree(canvas: Canvas, x: float, y: float, size: float, leaves: str = "#6f9e5b") -> None:
    """A round tree that stands at (x, y)."""
    canvas.line([(x, y), (x, y - size * 0.6)], size * 0.13, "#7b5a42")
    for dx, dy, radius in ((-0.28, -0.72, 0.3), (0.28, -0.74, 0.3), (0, -1.0, 0.36), (0, -0.66, 0.3)):
        canvas.circle((x + dx * size, y + dy * size), radius * size, leaves)
    canvas.circle((x - 0.1 * size, y - 1.06 * size), 0.2 * size, shade(leaves, 1.1))


def cloud(canvas: Canvas, x: float, y: float, size: float, fill: Colour = (255, 255, 255, 225)) -> None:
    """A cloud around (x, y)."""
    outline = [(-1.1, 0.2), (-1.0, -0.15), (-0.62, -0.25), (-0.3, -0.6), (0.2, -0.55), (0.5, -0.2),
               (0.95, -0.2), (1.15, 0.15), (0.6, 0.3), (-0.6, 0.3)]  # fmt: skip
    canvas.blob([(x + u * size, y + v * size) for u, v in outline], fill)


def football(canvas: Canvas, centre: Point, radius: float) -> None:
    """A white ball with dark patches."""
    canvas.circle(centre, radius, "#5d6068")
    canvas.circle(centre, radius * 0.93, "#f7f7f5")
    canvas.circle(centre, radius * 0.34, INK)
    for i in range(5):
        spot = turned((0, -radius * 0.78), 72 * i, centre)
        canvas.line([centre, spot], radius * 0.07, INK)
        canvas.circle(spot, radius * 0.19, INK)


def anger_marks(canvas: Canvas, centre: Point, radius: float) -> None:
    """Short red strokes that fly off a head."""
    for angle in (-58, -34, 34, 58):
        start, end = turned((0, -radius * 1.38), angle, centre), turned((0, -radius * 1.72), angle, centre)
        canvas.line([start, end], radius * 0.1, "#d7382f")


def splash_drops(canvas: Canvas, area: tuple[float, float, float, float], count: int, seed: int, fill: Colour) -> None:
    """Round drops scattered over a rectangle."""
    dice = random.Random(seed)
    for _ in range(count):
        spot = (dice.uniform(area[0], area[2]), dice.uniform(area[1], area[3]))
        canvas.circle(spot, dice.uniform(1.2, 3.4), fill)


# --- scenes ---------------------------------------------------------------------------------------------


def lost_ice_cream() -> Image.Image:
    """A boy in an empty park looks down at the scoops that fell off his cone."""
    canvas = Canvas()
    _park(canvas)
    boy = Person(hair="#6b4226", top="#e0a53a", legs="#4f6d8f", shoes="#b5483c")
    shadow(canvas, (205, 351), 62)
    leg(canvas, boy, [(190, 276), (188, 312), (187, 343)], 23, toe=-0.4)
    leg(canvas, boy, [(217, 276), (219, 312), (220, 343)], 23, toe=0.4)
    torso(canvas, boy, (204, 182), (203, 282), 38)
    arm(canvas, boy, [(174, 200), (164, 238), (168, 272)], 19, bare=0.7)
    _empty_cone(canvas, (286, 222), angle=22)
    arm(canvas, boy, [(234, 200), (252, 240), (280, 243)], 19, bare=0.7)
    Head(canvas, boy, "crying", (212, 134), 47, tilt=9, turn=(0.14, 0.13)).draw()
    _fallen_scoops(canvas, (318, 342))
    return canvas.finish()


def _park(canvas: Canvas) -> None:
    canvas.gradient(0, 220, "#b9cfdd", "#e6ebe6")
    cloud(canvas, 120, 56, 58)
    cloud(canvas, 392, 42, 44)
    canvas.blob([(-40, 215), (90, 178), (260, 205), (420, 172), (560, 205), (560, 330), (-40, 330)], "#a9c493")
    for x, size in ((60, 92), (330, 66), (480, 104)):
        tree(canvas, x, 232, size, "#82a873")
    canvas.box(0, 228, 512, 384, "#93b67c")
    canvas.blob([(-30, 322), (150, 296), (360, 300), (540, 284), (540, 400), (-30, 400)], "#dccbaa")
    for x in (372, 448):
        canvas.line([(x, 238), (x, 262)], 5, "#4b4f57")
    for y in (206, 217, 233):
        canvas.box(360, y, 460, y + 7, "#a9744b", 3)


def _empty_cone(canvas: Canvas, rim: Point, angle: float) -> None:
    shape = [turned(point, angle, rim) for point in ((-14, -4), (14, -4), (0, 44))]
    canvas.polygon(shape, "#dd9f52")
    for offset in (-6, 0, 6):
        canvas.line([turned((offset, -3), angle, rim), turned((offset * 0.3, 26), angle, rim)], 1.4, "#b67735")
    for drop in (6, 14):
        ends = [turned((side * (9 - drop * 0.3), drop), angle, rim) for side in (-1, 1)]
        canvas.line(ends, 1.4, "#b67735")
    canvas.ellipse(turned((0, -5), angle, rim), 15, 5, "#e8b46c", angle)
    canvas.ellipse(turned((0, -5), angle, rim), 12, 3.6, "#8a5a2b", angle)


def _fallen_scoops(canvas: Canvas, at: Point) -> None:
    x, y = at
    outline = [(-52, 4), (-34, -5), (-8, -8), (26, -8), (50, -1), (60, 8), (28, 15), (6, 12), (-24, 17)]
    canvas.blob([(x + u, y + v) for u, v in outline], "#f3b4c6")
    canvas.ellipse((x - 12, y - 6), 24, 17, "#f08fab")
    canvas.ellipse((x + 22, y - 3), 21, 14, "#f7e3b4")
    canvas.ellipse((x - 18, y - 14), 8, 4, "#f9c2d2", -20)
    canvas.ellipse((x + 17, y - 9), 7, 3.5, WHITE, -15)
    for dx, dy in ((-62, 12), (68, -1), (48, 18), (-38, 22)):
        canvas.ellipse((x + dx, y + dy), 4.5, 2.8, "#f3b4c6")


def plaster_cast() -> Image.Image:
    """A girl with her leg in plaster watches other children play football outside."""
    canvas = Canvas()
    canvas.box(0, 0, 512, 384, "#d8c8b8")
    canvas.box(0, 316, 512, 384, "#a97f5c")
    canvas.box(0, 310, 512, 318, "#f3ebe0")
    _garden_window(canvas)
    canvas.box(26, 176, 196, 350, "#5f7f86", 30)
    canvas.box(40, 262, 206, 350, "#6e929a", 16)
    _crutches(canvas)
    girl = Person(hair="#8a4a24", style="long", top="#b678a8", legs="#5b6f93", shoes="#ece6dc")
    torso(canvas, girl, (116, 190), (122, 282), 36)
    canvas.box(282, 306, 352, 346, "#c96f4f", 8)
    for x in (292, 342):
        canvas.line([(x, 344), (x, 360)], 7, "#7c4530")
    leg(canvas, girl, [(136, 286), (206, 286), (212, 348)], 26)
    _plaster_leg(canvas)
    arm(canvas, girl, [(88, 208), (80, 254), (120, 276)], 18)
    canvas.box(6, 248, 52, 350, "#54737a", 18)
    Head(canvas, girl, "sad", (124, 142), 46, tilt=8, turn=(0.3, 0.06)).draw()
    arm(canvas, girl, [(146, 210), (178, 252), (150, 190)], 18)
    return canvas.finish()


def _garden_window(canvas: Canvas) -> None:
    canvas.box(222, 24, 492, 236, "#fbf7ef", 4)
    canvas.gradient(34, 150, "#7cc4ec", "#cdeaf4", 232, 482)
    canvas.circle((448, 66), 21, "#ffe07a")
    cloud(canvas, 300, 68, 30)
    canvas.box(232, 138, 482, 226, "#8cc665")
    tree(canvas, 262, 156, 60, "#5fa052")
    reds = Person(hair="#33261f", top="#e2543e", legs="#ffffff", shoes=INK)
    blues = Person(hair="#d6a445", top="#2f6fd0", legs="#26324d", shoes=INK, skin=SKIN_TAN)
    _player(canvas, reds, (316, 150), kick=1)
    _player(canvas, blues, (436, 150), kick=-1)
    football(canvas, (376, 208), 9)
    canvas.box(353, 34, 361, 226, "#fbf7ef")
    canvas.box(214, 230, 500, 242, "#efe6d8", 3)


def _player(canvas: Canvas, person: Person, neck: Point, kick: float) -> None:
    x, y = neck
    leg(canvas, person, [(x - 4 * kick, y + 34), (x - 8 * kick, y + 50), (x - 12 * kick, y + 66)], 8, toe=kick)
    leg(
        canvas,
        person,
        [(x + 3 * kick, y + 34), (x + 16 * kick, y + 44), (x + 26 * kick, y + 58)],
        8,
        toe=kick,
    )
    torso(canvas, person, neck, (x, y + 36), 13)
    arm(canvas, person, [(x - 11, y + 7), (x - 24, y + 12), (x - 27, y - 4)], 6.5)
    arm(canvas, person, [(x + 11, y + 7), (x + 24, y + 12), (x + 28, y - 3)], 6.5)
    Head(canvas, person, "laughing", (x, y - 16), 16, turn=(0.12 * kick, 0)).draw()


def _crutches(canvas: Canvas) -> None:
    for x in (392, 424):
        foot, top = (x + 30, 356), (x + 2, 172)
        canvas.line([foot, top], 6, "#9aa1ab")
        canvas.line([(top[0] - 12, top[1] + 2), (top[0] + 12, top[1] - 2)], 10, "#3c4048")
        canvas.line([(x + 8, 262), (x + 28, 258)], 7, "#3c4048")
        canvas.circle(foot, 5, "#3c4048")


def _plaster_leg(canvas: Canvas) -> None:
    canvas.line([(132, 280), (196, 276)], 30, "#5b6f93")
    canvas.line([(190, 276), (316, 292)], 34, "#d5d2cb")
    canvas.line([(190, 274), (314, 289)], 30, "#fbfaf5")
    canvas.line([(318, 288), (328, 262)], 24, "#fbfaf5")
    canvas.circle((331, 252), 9, SKIN_LIGHT)
    for x in (214, 238, 262, 286):
        canvas.line([(x, 262 + (x - 190) * 0.11), (x - 5, 290 + (x - 190) * 0.13)], 1.6, "#d5d2cb")
    canvas.text((254, 280), "♥", 15, "#d84a5f")
    canvas.text((281, 285), "xo", 10, "#3f7fbf")


def birthday_party() -> Image.Image:
    """A girl laughs over her birthday cake, a friend on either side."""
    canvas = Canvas()
    canvas.gradient(0, 384, "#fdeccb", "#f8d7b0")
    _bunting(canvas)
    for x, y, colour in (
        (46, 96, "#e2574c"),
        (86, 62, "#4aa3d8"),
        (430, 62, "#8e6cc4"),
        (470, 100, "#5fb06a"),
    ):
        _balloon(canvas, (x, y), colour)
    girl = Person(hair="#3a2a20", style="bob", top="#e86f8b", skin=SKIN_TAN)
    left = Person(hair="#c77f33", style="curly", top="#4f9e8f")
    right = Person(hair="#241b18", top="#f0b23c", skin=SKIN_BROWN)
    _guest(canvas, left, (124, 210), -1)
    _guest(canvas, right, (388, 210), 1)
    torso(canvas, girl, (256, 194), (256, 310), 42)
    Head(canvas, girl, "laughing", (256, 144), 50, turn=(0, 0.04)).draw()
    _party_hat(canvas, (256, 94), "#4aa3d8", 0)
    canvas.box(-10, 292, 522, 400, "#f7f4ee", 6)
    for x in range(-8, 520, 33):
        canvas.ellipse((x + 16, 320), 17, 12, "#e86f8b")
    canvas.box(-10, 292, 522, 318, "#fffdf8", 6)
    _cake(canvas, (256, 312))
    arm(canvas, girl, [(222, 222), (190, 262), (192, 300)], 19, bare=0.6)
    arm(canvas, girl, [(290, 222), (322, 262), (320, 300)], 19, bare=0.6)
    _present(canvas, (70, 312), 66, 54, "#5b7fd0", "#ffd75e")
    _present(canvas, (440, 312), 76, 44, "#58ad6d", "#f6f0e4")
    return canvas.finish()


def _bunting(canvas: Canvas) -> None:
    colours = ("#e2574c", "#f0b23c", "#5fb06a", "#4aa3d8", "#8e6cc4")
    cord = [(256 + 270 * (i / 8 - 1), 8 + 40 * (1 - (i / 8 - 1) ** 2)) for i in range(17)]
    canvas.curve(cord, 2, "#8a7a6a")
    for i in range(16):
        (x0, y0), (x1, y1) = cord[i], cord[i + 1]
        canvas.polygon([(x0 + 3, y0), (x1 - 3, y1), ((x0 + x1) / 2, (y0 + y1) / 2 + 27)], colours[i % 5])


def _balloon(canvas: Canvas, centre: Point, colour: str) -> None:
    x, y = centre
    canvas.curve([(x, y + 30), (x - 5, y + 70), (x + 4, y + 110), (x - 2, y + 190)], 1.4, "#8a7a6a")
    canvas.ellipse(centre, 25, 31, colour)
    canvas.polygon([(x - 5, y + 36), (x + 5, y + 36), (x, y + 28)], shade(colour, 0.85))
    canvas.ellipse((x - 9, y - 11), 5, 9, (255, 255, 255, 120), 25)


def _guest(canvas: Canvas, person: Person, neck: Point, side: float) -> None:
    x, y = neck
    torso(canvas, person, neck, (x, y + 100), 38)
    arm(
        canvas,
        person,
        [(x + side * 30, y + 22), (x + side * 52, y + 40), (x + side * 46, y - 16)],
        17,
        bare=0.3,
    )
    arm(
        canvas,
        person,
        [(x - side * 28, y + 22), (x - side * 34, y + 56), (x - side * 20, y + 88)],
        17,
        bare=0.3,
    )
    Head(canvas, person, "happy", (x, y - 46), 44, tilt=side * -5, turn=(side * -0.18, 0.05)).draw()
    _party_hat(canvas, (x + side * -4, y - 90), "#e2574c" if side < 0 else "#8e6cc4", side * -5)


def _party_hat(canvas: Canvas, base: Point, colour: str, angle: float) -> None:
    shape = [turned(point, angle, base) for point in ((-24, 4), (24, 4), (0, -52))]
    canvas.polygon(shape, colour)
    for u, v in ((-9, -6), (8, -12), (-2, -26)):
        canvas.circle(turned((u, v), angle, base), 4, "#fff3c4")
    canvas.circle(turned((0, -52), angle, base), 7, "#ffd75e")


def _cake(canvas: Canvas, foot: Point) -> None:
    x, y = foot
    canvas.ellipse((x, y + 4), 92, 11, "#cfd6da")
    for half, top, bottom, cream in ((78, 36, 0, "#f6c6d3"), (54, 64, 34, "#fbe6c9")):
        canvas.box(x - half, y - top, x + half, y - bottom, cream, 6)
        drips = [(x - half + i * half / 4, y - top + (13 if i % 2 else 7)) for i in range(9)]
        canvas.polygon([(x - half, y - top), *drips, (x + half, y - top)], WHITE)
        canvas.box(x - half, y - top - 4, x + half, y - top + 6, WHITE, 5)
    for dx in (-36, -18, 0, 18, 36):
        canvas.line([(x + dx, y - 66), (x + dx, y - 84)], 5, "#5b9fd8" if dx % 36 else "#e2574c")
        canvas.circle((x + dx, y - 92), 9, (255, 220, 120, 90))
        canvas.blob([(x + dx, y - 100), (x + dx + 4, y - 90), (x + dx, y - 85), (x + dx - 4, y - 90)], "#f58a1f")
    for dx in (-58, -30, 0, 30, 58):
        canvas.circle((x + dx, y - 16), 5, "#d8405a")


def _present(canvas: Canvas, foot: Point, width: float, height: float, paper: str, ribbon: str) -> None:
    x, y = foot
    canvas.box(x - width / 2, y - height, x + width / 2, y, paper, 3)
    canvas.box(x - 6, y - height, x + 6, y, ribbon)
    canvas.box(x - width / 2 - 3, y - height - 3, x + width / 2 + 3, y - height + 12, shade(paper, 1.12), 3)
    canvas.box(x - 6, y - height - 3, x + 6, y - height + 12, ribbon)
    for side in (-1, 1):
        loop = [(0, 0), (side * 8, -14), (side * 24, -15), (side * 20, -2)]
        canvas.blob([(x + u, y - height - 2 + v) for u, v in loop], ribbon)


def coffee_on_laptop() -> Image.Image:
    """Late at night a man rages at a desk: his mug fell over, onto papers and laptop."""
    canvas = Canvas()
    canvas.box(0, 0, 512, 384, "#4d5a73")
    _night_office(canvas)
    man = Person(hair="#2c211c", top="#cfd8e6", skin=SKIN_LIGHT)
    torso(canvas, man, (206, 172), (206, 300), 56)
    canvas.blob([(200, 182), (212, 182), (216, 240), (206, 256), (196, 240)], "#a2383a")
    Head(canvas, man, "furious", (206, 114), 53, tilt=6, turn=(0.16, 0.1)).draw()
    anger_marks(canvas, (206, 114), 53)
    _wet_desk(canvas)
    arm(canvas, man, [(158, 204), (122, 236), (92, 176)], 26, bare=0.25)
    arm(canvas, man, [(256, 204), (280, 246), (256, 280)], 26, bare=0.25)
    for fist in ((92, 172), (256, 284)):
        canvas.circle(fist, 16, man.skin)
        for dx in (-8, 0, 8):
            canvas.line([(fist[0] + dx, fist[1] - 9), (fist[0] + dx, fist[1] - 1)], 1.8, shade(man.skin, 0.72))
    return canvas.finish()


def _night_office(canvas: Canvas) -> None:
    canvas.box(330, 26, 482, 158, "#e6e1d6", 3)
    canvas.gradient(34, 150, "#101c3d", "#2a3a66", 338, 474)
    canvas.circle((442, 66), 16, "#f4ecc4")
    canvas.circle((434, 61), 14, "#16234a")
    for x, y in ((360, 56), (384, 88), (408, 48), (352, 104)):
        canvas.circle((x, y), 1.8, "#f4ecc4")
    for x, top in ((338, 122), (372, 108), (420, 126)):
        canvas.box(x, top, x + 30, 150, "#0b1430")
        for dy in (8, 20):
            canvas.box(x + 6, top + dy, x + 11, top + dy + 5, "#e8c25a")
    canvas.box(403, 34, 408, 150, "#e6e1d6")
    canvas.circle((60, 62), 36, "#e6e1d6")
    canvas.circle((60, 62), 31, WHITE)
    for angle in range(0, 360, 30):
        canvas.line([turned((0, -27), angle, (60, 62)), turned((0, -23), angle, (60, 62))], 2, INK)
    canvas.line([turned((0, -15), 352, (60, 62)), (60, 62)], 4, INK)
    canvas.line([turned((0, -23), 282, (60, 62)), (60, 62)], 2.5, INK)


def _wet_desk(canvas: Canvas) -> None:
    canvas.polygon([(26, 262), (486, 262), (530, 346), (-18, 346)], "#b98555")
    canvas.box(-18, 344, 530, 400, "#8d6039")
    for x, y, lean in ((98, 310, -12), (176, 322, 6)):
        sheet = [turned(point, lean, (x, y)) for point in ((-44, -26), (44, -26), (50, 20), (-50, 20))]
        canvas.polygon(sheet, "#f6f4ee")
        for row in (-16, -7, 2, 11):
            canvas.line([turned((-34, row), lean, (x, y)), turned((34, row), lean, (x, y))], 2, "#9aa3b5")
    puddle = [(120, 308), (170, 298), (236, 304), (300, 290), (368, 300), (410, 316), (360, 336), (280, 332),
              (244, 346), (200, 334), (150, 332)]  # fmt: skip
    canvas.blob(puddle, "#5f3418")
    canvas.blob([(x * 0.9 + 26, y * 0.72 + 87) for x, y in puddle], "#774321")
    for x, end in ((236, 374), (252, 362), (214, 356)):
        canvas.line([(x, 340), (x, end)], 7, "#5f3418")
        canvas.circle((x, end), 5, "#5f3418")
    _smoking_laptop(canvas)
    _tipped_mug(canvas)
    splash_drops(canvas, (110, 296, 420, 340), 26, 5, "#5f3418")


def _smoking_laptop(canvas: Canvas) -> None:
    canvas.polygon([(344, 286), (460, 286), (478, 322), (336, 322)], "#aeb6c2")
    canvas.polygon([(354, 290), (452, 290), (462, 308), (350, 308)], "#4b5361")
    for row in range(3):
        for key in range(9):
            x, y = 357 + key * 11 - row * 1.5 + key * row * 0.4, 292 + row * 5.5
            canvas.box(x, y, x + 8, y + 3.5, "#7d8696")
    canvas.polygon([(346, 286), (460, 286), (478, 196), (364, 196)], "#8a93a1")
    canvas.polygon([(356, 280), (454, 280), (470, 203), (371, 203)], "#15191f")
    canvas.text((413, 242), "×  ×", 22, "#e2574c")
    canvas.blob([(340, 304), (380, 292), (426, 298), (450, 310), (410, 318), (360, 318)], (95, 52, 24, 235))
    for x, top in ((400, 168), (430, 150)):
        canvas.curve([(x, 196), (x + 9, (196 + top) / 2 + 8), (x - 6, (196 + top) / 2 - 8),
                     (x + 6, top - 14)], 6, (225, 228, 232, 150))  # fmt: skip
    for angle in (-50, 0, 45):
        canvas.line([turned((0, -8), angle, (446, 296)), turned((0, -19), angle, (446, 296))], 3, "#ffd75e")


def _tipped_mug(canvas: Canvas) -> None:
    canvas.line([(312, 262), (330, 252), (338, 266), (324, 276)], 6, "#d98f3a")
    canvas.polygon([(282, 278), (340, 270), (346, 306), (290, 318)], "#e8a044")
    canvas.ellipse((343, 288), 9, 18, "#e8a044", -8)
    canvas.ellipse((286, 298), 11, 20.5, "#f4be74", -8)
    canvas.ellipse((287, 298), 8, 16.5, "#5f3418", -8)
    canvas.blob([(286, 290), (292, 310), (278, 322), (262, 322), (270, 308)], "#5f3418")


def puddle_splash() -> Image.Image:
    """A passing car drenches a woman in a white coat; her shopping lies in the wet."""
    canvas = Canvas()
    _rainy_street(canvas)
    _passing_car(canvas, 392, 268)
    woman = Person(hair="#4a2c22", style="long", top="#f3efe6", legs="#39425a", shoes="#6d2f38")
    shadow(canvas, (122, 352), 58)
    for x, toe in ((108, -0.6), (138, 0.6)):
        leg(canvas, woman, [(x, 286), (x, 318), (x, 344)], 18, toe)
    canvas.blob([(88, 186), (158, 186), (170, 250), (178, 318), (122, 326), (70, 318), (78, 250)], woman.top)
    torso(canvas, woman, (122, 176), (122, 280), 38)
    canvas.line([(123, 196), (123, 316)], 2, "#cfc8ba")
    for y in (206, 232, 258):
        canvas.circle((130, y), 3.5, "#8d8577")
    _mud(canvas)
    arm(canvas, woman, [(92, 196), (66, 236), (52, 266)], 20, bare=0.15)
    Head(canvas, woman, "furious", (124, 126), 46, tilt=-3, turn=(0.26, 0.02)).draw()
    arm(canvas, woman, [(152, 196), (192, 210), (206, 158)], 20, bare=0.15)
    canvas.circle((206, 154), 14, woman.skin)
    anger_marks(canvas, (124, 126), 46)
    _splash(canvas)
    _dropped_shopping(canvas)
    return canvas.finish()


def _rainy_street(canvas: Canvas) -> None:
    canvas.gradient(0, 240, "#8e9bab", "#b9c2ca")
    walls = ("#8b7c79", "#77838f", "#93867a", "#7a7f8c")
    for i, (x, top) in enumerate(((0, 70), (134, 34), (268, 84), (396, 52))):
        canvas.box(x, top, x + 136, 250, walls[i])
        for column in range(3):
            for row in range(3):
                left, upper = x + 18.0 + column * 38, top + 20.0 + row * 48
                canvas.box(
                    left,
                    upper,
                    left + 22,
                    upper + 30,
                    "#f0d795" if (column + row + i) % 4 == 0 else "#5d6775",
                )
    canvas.box(0, 244, 512, 262, "#a5a8ab")
    canvas.box(0, 260, 512, 330, "#565b64")
    canvas.polygon([(0, 318), (512, 318), (512, 384), (0, 384)], "#a9abad")
    canvas.box(0, 314, 512, 322, "#c6c7c7")
    for x in range(-20, 512, 90):
        canvas.line([(x, 322), (x - 26, 384)], 1.6, "#8f9294")
    dice = random.Random(11)
    for _ in range(90):
        left, upper = dice.uniform(0, 520), dice.uniform(-10, 370)
        canvas.line([(left, upper), (left - 4, upper + 15)], 1.2, (226, 236, 246, 120))


def _passing_car(canvas: Canvas, x: float, y: float) -> None:
    body = [
        (-92, 22),
        (-96, -8),
        (-70, -18),
        (-46, -52),
        (10, -58),
        (52, -50),
        (76, -16),
        (122, -6),
        (130, 24),
    ]
    canvas.polygon(smooth([(x + u, y + v) for u, v in body], closed=False), "#c9403a")
    for pane in ([(-54, -18), (-36, -46), (4, -50), (4, -18)], [(12, -18), (12, -50), (44, -44), (62, -18)]):
        canvas.polygon([(x + u, y + v) for u, v in pane], "#bcd3df")
    driver = (x + 28, y - 27)
    canvas.circle(driver, 11, "#3c4654")
    canvas.box(x - 94, y - 2, x - 84, y + 8, "#ffcf5b", 3)
    canvas.line([(x - 20, y - 8), (x - 8, y - 8)], 3, "#7d211e")
    canvas.box(x - 100, y + 14, x + 132, y + 26, "#8f2a27", 5)
    for wheel in (-52, 82):
        canvas.circle((x + wheel, y + 26), 23, "#23262b")
        canvas.circle((x + wheel, y + 26), 11, "#b9bec5")
    for dy in (-30, -8):
        canvas.line([(x - 150, y + dy), (x - 112, y + dy)], 3, (255, 255, 255, 150))


def _splash(canvas: Canvas) -> None:
    canvas.ellipse((316, 308), 118, 13, "#6f7f8e")
    canvas.ellipse((306, 306), 86, 7, "#8fa2b2")
    wave = [(346, 306), (324, 262), (290, 226), (248, 204), (212, 206), (180, 222), (216, 226), (204, 246),
            (236, 244), (228, 270), (256, 268), (262, 306)]  # fmt: skip
    canvas.blob(wave, (150, 178, 198, 225))
    canvas.blob([(x * 0.8 + 63, y * 0.8 + 60) for x, y in wave], (198, 217, 230, 220))
    splash_drops(canvas, (172, 178, 300, 262), 34, 4, "#a9c6da")
    splash_drops(canvas, (150, 214, 210, 300), 14, 9, "#a9c6da")


def _mud(canvas: Canvas) -> None:
    spots = ((150, 226, 15, 11), (140, 262, 20, 13), (162, 284, 14, 18), (118, 292, 15, 10),
             (158, 250, 10, 12), (112, 244, 8, 6), (98, 272, 8, 6), (134, 306, 14, 8),
             (150, 204, 7, 6))  # fmt: skip
    for x, y, rx, ry in spots:
        canvas.ellipse((x, y), rx, ry, "#8a6f52", 20)
        canvas.line([(x, y), (x + 1, y + ry * 1.7)], 4, "#8a6f52")


def _dropped_shopping(canvas: Canvas) -> None:
    canvas.polygon([(14, 326), (58, 334), (52, 372), (2, 366)], "#c89c6a")
    canvas.polygon([(58, 334), (74, 348), (66, 376), (52, 372)], "#9c7548")
    canvas.circle((86, 366), 10, "#cf3f38")
    canvas.circle((184, 368), 10, "#7cab4a")
    canvas.curve([(58, 350), (96, 342), (122, 350)], 13, "#d8a65c")
    for x in (74, 90, 106):
        canvas.line([(x - 3, 343), (x + 4, 350)], 2, "#a8763a")


def scribbled_homework() -> Image.Image:
    """A toddler gleefully scribbles over the homework of a brother, who is furious."""
    canvas = Canvas()
    _childrens_room(canvas)
    brother = Person(hair="#3b2a20", top="#4a7fb5", skin=SKIN_LIGHT)
    toddler = Person(hair="#8a5a33", style="tuft", top="#f2b84b", skin=SKIN_LIGHT)
    torso(canvas, brother, (150, 180), (150, 296), 40)
    Head(canvas, brother, "angry", (152, 128), 48, tilt=4, turn=(0.26, 0.1)).draw()
    anger_marks(canvas, (152, 128), 48)
    torso(canvas, toddler, (356, 206), (356, 300), 36)
    Head(canvas, toddler, "laughing", (356, 160), 47, tilt=-5, turn=(-0.1, 0.06)).draw()
    canvas.polygon([(30, 272), (482, 272), (530, 356), (-18, 356)], "#d9a871")
    canvas.box(-18, 354, 530, 400, "#b3814d")
    _homework(canvas)
    arm(canvas, brother, [(120, 204), (88, 244), (104, 290)], 20, bare=0.4)
    arm(canvas, brother, [(182, 206), (214, 246), (256, 232)], 20, bare=0.4)
    canvas.line([(256, 232), (275, 229)], 6, brother.skin)
    arm(canvas, toddler, [(328, 228), (314, 262), (300, 290)], 18, bare=0.5)
    canvas.line([(285, 308), (305, 276)], 9, "#d7382f")
    canvas.polygon([(279, 317), (281, 306), (290, 311)], "#8f1f1a")
    for dx, dy in ((-5, -3), (-1, 1), (3, 5)):
        canvas.circle((297 + dx, 290 + dy), 4.5, toddler.skin)
    arm(canvas, toddler, [(386, 226), (424, 214), (430, 172)], 18, bare=0.5)
    for x, y, angle, colour in (
        (404, 318, 24, "#4aa35a"),
        (438, 306, -38, "#3f6fd0"),
        (372, 338, 8, "#e0913a"),
    ):
        canvas.line([turned((-16, 0), angle, (x, y)), turned((13, 0), angle, (x, y))], 8, colour)
    return canvas.finish()


def _childrens_room(canvas: Canvas) -> None:
    canvas.box(0, 0, 512, 384, "#cfe3dd")
    for x in range(12, 512, 64):
        for y in range(18, 280, 64):
            canvas.circle((x + (y // 64 % 2) * 32, y), 4, "#bcd6cf")
    canvas.box(20, 118, 96, 126, "#a9764a")
    for x, height, colour in (
        (26, 42, "#d8605a"),
        (39, 52, "#4f86c0"),
        (52, 38, "#e0b04a"),
        (65, 48, "#6aa56f"),
    ):
        canvas.box(x, 118 - height, x + 11, 118, colour, 2)
    canvas.box(224, 34, 300, 96, "#fffdf6", 2)
    canvas.circle((246, 56), 10, "#ffd75e")
    canvas.polygon([(236, 90), (264, 58), (292, 90)], "#e2857a")
    canvas.circle((456, 60), 20, "#b98a5e")
    for side in (-1, 1):
        canvas.circle((456 + side * 17, 42), 9, "#b98a5e")
        canvas.circle((456 + side * 7, 57), 2.5, INK)
    canvas.ellipse((456, 68), 8, 6, "#e6c9a4")
    canvas.ellipse((456, 102), 22, 26, "#b98a5e")
    canvas.box(420, 122, 494, 130, "#a9764a")


def _homework(canvas: Canvas) -> None:
    canvas.polygon([(130, 286), (320, 286), (342, 342), (108, 342)], "#3e5f8a")
    canvas.polygon([(138, 284), (224, 288), (222, 338), (118, 336)], "#fdfcf6")
    canvas.polygon([(224, 288), (312, 284), (332, 336), (222, 338)], "#fdfcf6")
    canvas.line([(224, 288), (222, 338)], 2, "#b9b6aa")
    for row in range(5):
        y = 295 + row * 9
        canvas.line([(140 - row * 3, y), (212, y + 1)], 1.8, "#5a6a9a")
        canvas.line([(234, y + 1), (306 + row * 3, y)], 1.8, "#5a6a9a")
    dice = random.Random(3)
    scribble = [(148 + i * 5.6 + dice.uniform(-8, 8), 311 + (16 if i % 2 else -17) + dice.uniform(-6, 6))
                for i in range(25)]  # fmt: skip
    canvas.curve([*scribble, (284, 314)], 3.6, "#d7382f")
    loops = [(238 + 24 * math.cos(i * 0.9) + i, 312 + 15 * math.sin(i * 0.9)) for i in range(22)]
    canvas.curve(loops, 3.6, "#d7382f")


def winning_goal() -> Image.Image:
    """A scorer celebrates in the last minute while the beaten goalkeeper kneels in front of the net."""
    canvas = Canvas()
    _stadium(canvas)
    _goal(canvas)
    football(canvas, (466, 262), 14)
    keeper = Person(hair="#3b2a20", top="#e6c93a", legs="#2f3440", shoes="#22252b")
    _kneeling_keeper(canvas, keeper)
    scorer = Person(hair="#1f1815", style="curly", top="#d8362f", legs="#ffffff", shoes="#2b2f3a", skin=SKIN_BROWN)
    shadow(canvas, (136, 364), 70)
    leg(canvas, scorer, [(120, 250), (92, 284), (68, 324)], 24, toe=-0.6)
    leg(canvas, scorer, [(150, 250), (184, 278), (168, 326)], 24, toe=0.8)
    torso(canvas, scorer, (136, 158), (134, 254), 42)
    canvas.text((134, 206), "9", 40, WHITE)
    arm(canvas, scorer, [(104, 176), (66, 138), (54, 74)], 20, bare=0.9)
    arm(canvas, scorer, [(168, 176), (206, 138), (220, 74)], 20, bare=0.9)
    Head(canvas, scorer, "thrilled", (136, 112), 45, tilt=-4, turn=(0.04, -0.06)).draw()
    return canvas.finish()


def _stadium(canvas: Canvas) -> None:
    canvas.box(0, 0, 512, 200, "#3f4c66")
    dice = random.Random(21)
    shirts = ("#d8362f", "#f1f1ee", "#e6c93a", "#d8362f", "#8fa6c8", "#d8362f")
    for row in range(8):
        for seat in range(33):
            x, y = seat * 16 + (row % 2) * 8, 26 + row * 21
            bounce = dice.uniform(-4, 4)
            canvas.box(x - 6, y + 5 + bounce, x + 6, y + 22, dice.choice(shirts), 4)
            canvas.circle((x, y + bounce), 5, dice.choice((SKIN_LIGHT, SKIN_TAN, SKIN_BROWN)))
    canvas.box(0, 0, 512, 190, (24, 32, 52, 95))
    for x, y in ((40, 44), (262, 74), (322, 30)):
        canvas.line([(x, y + 34), (x + 6, y - 16)], 3, "#e8e4da")
        canvas.blob([(x + 6, y - 16), (x + 24, y - 21), (x + 42, y - 14), (x + 40, y + 8), (x + 22, y + 2),
                     (x + 4, y + 8)], "#d8362f")  # fmt: skip
    canvas.box(0, 182, 512, 206, "#2e6b4f")
    for i in range(6):
        canvas.box(0, 206 + i * 30, 512, 236 + i * 30, "#5fae57" if i % 2 else "#57a350")
    canvas.box(150, 4, 292, 54, "#11151c", 6)
    canvas.text((205, 29), "2 : 1", 25, "#ffd75e")
    canvas.text((266, 29), "90'", 17, "#ff6b5e")


def _goal(canvas: Canvas) -> None:
    for x in range(290, 520, 13):
        canvas.line([(x, 110), (x + 14, 284)], 1.1, (240, 244, 248, 150))
    for y in range(112, 288, 13):
        canvas.line([(290, y), (520, y + 2)], 1.1, (240, 244, 248, 150))
    for radius in (24, 34, 46):
        ring = [turned((radius, 0), angle, (466, 262)) for angle in range(150, 400, 20)]
        canvas.curve(ring, 1.3, (250, 252, 255, 170))
    canvas.line([(286, 296), (286, 106), (530, 106)], 9, "#f6f6f3")


def _kneeling_keeper(canvas: Canvas, keeper: Person) -> None:
    shadow(canvas, (370, 350), 74, 9)
    canvas.line([(398, 300), (424, 338), (440, 340)], 24, keeper.legs)
    canvas.line([(352, 300), (336, 338), (384, 344)], 26, keeper.legs)
    canvas.ellipse((448, 338), 9, 16, keeper.shoes)
    torso(canvas, keeper, (362, 226), (376, 306), 38)
    arm(canvas, keeper, [(392, 244), (416, 286), (404, 330)], 20)
    arm(canvas, keeper, [(334, 244), (314, 288), (318, 330)], 20)
    for x in (404, 318):
        canvas.ellipse((x, 335), 15, 13, "#f1f1ee")
        canvas.box(x - 10, 319, x + 10, 327, "#d8562f", 3)
    Head(canvas, keeper, "sad", (348, 198), 41, tilt=-12, turn=(-0.1, 0.24)).draw()


def roller_coaster() -> Image.Image:
    """Three riders throw up their arms as their car drops down the steepest part of a roller coaster."""
    canvas = Canvas()
    _fairground(canvas)
    track = smooth([(-30, 150), (36, 118), (104, 132), (226, 222), (340, 308), (420, 340), (540, 346)], closed=False)
    for i in range(6, len(track), 5):
        x, y = track[i]
        canvas.line([(x, y + 10), (x, 384)], 4, "#c9ccd2")
        if i + 5 < len(track):
            canvas.line([(x, y + 60), (track[i + 5][0], track[i + 5][1] + 22)], 2.5, "#c9ccd2")
    canvas.line([(x - 3, y + 12) for x, y in track], 5, "#8c3a35")
    canvas.line(track, 8, "#d8503f")
    riders = (
        Person(hair="#b5562c", style="flying", top="#4aa3d8"),
        Person(hair="#2a201c", style="flying", top="#f0b23c", skin=SKIN_BROWN),
        Person(hair="#6a3f26", style="flying", top="#7fbf6a", skin=SKIN_TAN),
    )
    _coaster_car(canvas, (236, 218), 37, riders)
    return canvas.finish()


def _fairground(canvas: Canvas) -> None:
    canvas.gradient(0, 384, "#58b4ea", "#d7f0fa")
    cloud(canvas, 300, 40, 40)
    cloud(canvas, 52, 44, 46)
    hub = (418, 122)
    for i in range(12):
        rim, following = turned((0, -88), 30 * i, hub), turned((0, -88), 30 * i + 30, hub)
        canvas.line([hub, rim], 2, "#b9a8d6")
        canvas.line([rim, following], 3.5, "#9a86c2")
    canvas.line([(372, 340), hub, (464, 340)], 6, "#9a86c2")
    colours = ("#e2574c", "#f0b23c", "#5fb06a", "#4aa3d8")
    for i in range(12):
        x, y = turned((0, -88), 30 * i, hub)
        canvas.box(x - 8, y, x + 8, y + 14, colours[i % 4], 5)
    canvas.blob([(-40, 350), (80, 330), (240, 346), (400, 326), (560, 344), (560, 420), (-40, 420)], "#7cc06a")
    for x, colour in ((40, "#e2574c"), (108, "#4aa3d8"), (470, "#f0b23c")):
        canvas.polygon([(x - 30, 336), (x, 306), (x + 30, 336)], colour)
        canvas.box(x - 24, 336, x + 24, 362, "#fbf3e2")
        canvas.box(x - 7, 344, x + 7, 362, shade(colour, 0.8))


def _coaster_car(canvas: Canvas, middle: Point, slope: float, riders: Sequence[Person]) -> None:
    def at(u: float, v: float) -> Point:
        return turned((u, v), slope, middle)

    for person, u in zip(riders, (-98, -16, 66), strict=True):
        torso(canvas, person, at(u, -58), at(u, 0), 25)
        x, y = at(u, -84)
        for side, elbow, hand in ((-1, (-36, 2), (-40, -44)), (1, (40, 2), (44, -44))):
            joints = [at(u + side * 20, -42), (x + elbow[0], y + elbow[1]), (x + hand[0], y + hand[1])]
            arm(canvas, person, joints, 13, bare=0.5)
        Head(canvas, person, "thrilled", (x, y), 29, tilt=slope - 22, turn=(0.16, 0)).draw()
    canvas.polygon(smooth([at(-140, -36), at(-134, 2), at(0, 8), at(120, 6), at(146, -14),
                   at(112, -34)], False), "#f2c230")  # fmt: skip
    canvas.polygon([at(-138, -22), at(-137, -12), at(136, -12), at(136, -21)], "#d8362f")
    for u in (-57, 25):
        canvas.line([at(u, -40), at(u, 2)], 4, "#b98d14")
    for u in (-104, -20, 66, 106):
        canvas.circle(at(u, 9), 9, "#39404c")
        canvas.circle(at(u, 9), 4, "#c9ccd2")
    for u, v in ((-196, -64), (-176, -34), (-190, -6)):
        canvas.line([at(u, v), at(u + 34, v)], 3, (255, 255, 255, 200))


def science_fair() -> Image.Image:
    """A girl shows her first-prize trophy beside her volcano; her father takes a picture of it."""
    canvas = Canvas()
    _school_hall(canvas)
    father = Person(hair="#2b2320", top="#5d7f6a", skin=SKIN_TAN)
    torso(canvas, father, (78, 176), (78, 400), 50)
    canvas.line([(80, 182), (82, 384)], 2, shade(father.top, 0.8))
    for y in range(206, 384, 34):
        canvas.circle((86, y), 3.5, shade(father.top, 0.65))
    canvas.polygon([(58, 178), (78, 202), (100, 178), (106, 190), (80, 212), (52, 190)], shade(father.top, 1.25))
    Head(canvas, father, "happy", (80, 124), 44, turn=(0.24, 0.04)).draw()
    _volcano(canvas, (400, 292))
    girl = Person(hair="#2b2320", style="bun", top="#c9536a", legs="#3b4a6b", skin=SKIN_TAN)
    torso(canvas, girl, (234, 200), (234, 400), 46)
    for y in range(218, 384, 24):
        canvas.curve([(192, y + 3), (234, y + 8), (276, y + 3)], 4, shade(girl.top, 1.18))
    Head(canvas, girl, "proud", (232, 146), 48, tilt=-5, turn=(0.02, -0.06)).draw()
    arm(canvas, father, [(124, 206), (152, 230), (140, 176)], 21, bare=0.3)
    canvas.box(126, 150, 152, 182, "#23272e", 4)
    canvas.circle((146, 166), 5, "#7fa6c9")
    _rosette(canvas, (212, 252))
    arm(canvas, girl, [(274, 226), (312, 198), (306, 138)], 20, bare=0.4)
    _trophy(canvas, (306, 132))
    arm(canvas, girl, [(194, 226), (166, 276), (192, 316)], 20, bare=0.4)
    return canvas.finish()


def _school_hall(canvas: Canvas) -> None:
    canvas.gradient(0, 384, "#efe2c6", "#e5d2ad")
    canvas.box(112, 12, 400, 56, "#35608f", 8)
    canvas.text((256, 35), "SCIENCE FAIR", 27, "#fff6da")
    canvas.box(340, 84, 500, 226, "#f9f7f0", 3)
    canvas.box(340, 84, 500, 110, "#c9536a", 3)
    canvas.text((420, 97), "VOLCANOES", 15, WHITE)
    canvas.polygon([(356, 180), (388, 128), (420, 180)], "#9a7256")
    canvas.polygon([(378, 144), (388, 128), (398, 144)], "#e2574c")
    for y in range(126, 182, 11):
        canvas.line([(430, y), (486, y)], 3, "#a8aab4")
    for x, height in ((432, 12), (448, 20), (464, 26), (480, 17)):
        canvas.box(x, 218 - height, x + 10, 218, "#5b8fc4")
    canvas.box(314, 288, 530, 304, "#a9764a", 3)
    canvas.box(322, 302, 530, 400, "#6f8fb5")
    for x in (360, 404, 448, 492):
        canvas.line([(x, 306), (x - 4, 384)], 3, "#5f7ea3")


def _volcano(canvas: Canvas, foot: Point) -> None:
    x, y = foot
    canvas.box(x - 70, y - 8, x + 86, y, "#7fae62", 3)
    canvas.blob([(x - 62, y - 4), (x - 34, y - 40), (x - 16, y - 84), (x + 22, y - 84), (x + 42, y - 40),
                 (x + 74, y - 4)], "#8a6248")  # fmt: skip
    lava = [(x - 16, y - 82), (x + 4, y - 92), (x + 22, y - 82), (x + 30, y - 44), (x + 20, y - 26),
            (x + 12, y - 56), (x + 3, y - 14), (x - 6, y - 54), (x - 20, y - 34)]  # fmt: skip
    canvas.blob(lava, "#e2472f")
    for dx, dy, radius in ((-10, -98, 9), (6, -112, 12), (22, -98, 9), (14, -132, 7), (-8, -124, 6)):
        canvas.circle((x + dx, y + dy), radius, "#f3efe8")
    splash_drops(canvas, (x - 26, y - 136, x + 40, y - 92), 16, 8, "#f58a1f")


def _rosette(canvas: Canvas, centre: Point) -> None:
    x, y = centre
    for side in (-1, 1):
        canvas.polygon([(x + side * 2, y + 8), (x + side * 16, y + 8), (x + side * 18, y + 50),
                        (x + side * 8, y + 42), (x - side * 2, y + 50)], "#2f62b5")  # fmt: skip
    for i in range(14):
        canvas.circle(turned((0, -19), i * 360 / 14, centre), 6, "#3f7fd6")
    canvas.circle(centre, 19, "#3f7fd6")
    canvas.circle(centre, 14, "#fff6da")
    canvas.text((x, y), "1", 18, "#2f62b5")


def _trophy(canvas: Canvas, grip: Point) -> None:
    x, y = grip
    gold, dark = "#f2b92c", "#c98f16"
    for side in (-1, 1):
        handle = [
            (x + side * 20, y - 44),
            (x + side * 37, y - 42),
            (x + side * 34, y - 24),
            (x + side * 16, y - 16),
        ]
        canvas.curve(handle, 5, dark)
    canvas.blob(
        [(x - 25, y - 52), (x, y - 55), (x + 25, y - 52), (x + 20, y - 20), (x, y - 6), (x - 20, y - 20)],
        gold,
    )
    canvas.ellipse((x, y - 53), 25, 6, dark)
    canvas.line([(x, y - 8), (x, y + 10)], 8, gold)
    canvas.box(x - 16, y + 10, x + 16, y + 20, "#5a3a22", 3)
    canvas.ellipse((x - 10, y - 34), 4, 11, (255, 255, 255, 130), 12)


# --- photographs and the command line -------------------------------------------------------------------


@dataclass(frozen=True)
class Photo:
    """A photograph in an installed package."""

    package: Literal["skimage", "matplotlib"]
    file: str
    long_side: int = 448

    def read(self) -> Image.Image:
        """The photograph, scaled down."""
        if self.package == "skimage":
            folder = Path(skimage.__file__).parent / "data"
        else:
            folder = Path(matplotlib.get_data_path()) / "sample_data"
        with Image.open(folder / self.file) as opened:
            image: Image.Image = opened.convert("RGB")
        image.thumbnail((self.long_side, self.long_side), Image.Resampling.LANCZOS)
        return image


PHOTOS = {
    "astronaut": Photo("skimage", "astronaut.png"),
    "rocket_on_pad": Photo("skimage", "rocket.jpg", long_side=512),
    "cameraman": Photo("skimage", "camera.png"),
    "ginger_cat": Photo("skimage", "chelsea.png"),
    "espresso": Photo("skimage", "coffee.png"),
    "naval_officer": Photo("matplotlib", "grace_hopper.jpg"),
}

SCENES: tuple[Callable[[], Image.Image], ...] = (
    lost_ice_cream, plaster_cast, birthday_party, coffee_on_laptop, puddle_splash, scribbled_homework,
    winning_goal, roller_coaster, science_fair,
)  # fmt: skip


def save(image: Image.Image, path: Path) -> None:
    """Writes a JPEG and checks its size.

    Raises:
        ValueError: the file is larger than a demo image may be.
    """
    image.save(path, quality=85, optimize=True, progressive=False)
    if (size := path.stat().st_size) > MAX_BYTES:
        raise ValueError(f"{path.name} has {size} bytes; at most {MAX_BYTES} are allowed")


def main() -> None:
    """Writes every image of the demo split."""
    parser = argparse.ArgumentParser(description="Re-creates the images of the demo split.")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the images (default: the demo split's own)")
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for name, photo in PHOTOS.items():
        save(photo.read(), folder / f"{name}.jpg")
    for draw in SCENES:
        save(draw(), folder / f"{draw.__name__}.jpg")


if __name__ == "__main__":
    main()
