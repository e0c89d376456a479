"""Draws people: who they are, what their face shows, and how they hold themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eibench_tasks.scenes.canvas import Color, Point
from eibench_tasks.scenes.colors import (
    DARK_BROWN,
    GREEN,
    INK,
    NAVY,
    PINK,
    PURPLE,
    RED,
    ROSE,
    SKY,
    SLATE,
    WHITE,
    darker,
)
from eibench_tasks.scenes.pen import Pen

SHIRTS: Mapping[str, Color] = {
    "red": (206, 66, 70),
    "blue": (70, 116, 196),
    "green": (74, 150, 96),
    "yellow": (238, 196, 70),
    "purple": (134, 92, 170),
    "white": (244, 244, 240),
}
KINDS = ("girl", "boy", "woman", "man")
SKINS: tuple[Color, ...] = ((250, 216, 188), (232, 184, 146), (186, 130, 92), (126, 84, 58))
HAIRS: tuple[Color, ...] = ((62, 44, 40), (128, 80, 46), (220, 174, 92), (176, 84, 44))
_HEIGHT = {"girl": 84, "boy": 84, "woman": 98, "man": 102}
_HEAD = 38


@dataclass(frozen=True)
class Person:
    """Somebody in a scene.

    Attributes:
        kind: one of `KINDS`.
        shirt: colour of the shirt, a key of `SHIRTS`.
        skin, hair: numbers of their colours.
        emotion: that face and posture show.
    """

    kind: str
    shirt: str
    skin: int
    hair: int
    emotion: str

    @property
    def words(self) -> str:
        """Who is meant: ``girl in the red shirt``."""
        return f"{self.kind} in the {self.shirt} shirt"


def draw_person(person: Person, pen: Pen) -> None:
    """Draws somebody who stands on the origin of the pen; its size is set by who it is, 100 for a tall person."""
    pen = Pen(pen.canvas, pen.at, _HEIGHT[person.kind] * pen.size // 100, mirrored=pen.mirrored)
    posture = _POSTURES[person.emotion]
    skin, shirt = SKINS[person.skin], SHIRTS[person.shirt]
    _hair_behind(person, pen, posture.head)
    _legs(person, pen, posture)
    for arm in posture.arms_behind:
        _arm(pen, arm, darker(shirt, 14), skin)
    _torso(person, pen, shirt, skin)
    _head(person, pen, posture.head, skin)
    for arm in posture.arms:
        _arm(pen, arm, darker(shirt, 10), skin)


Arm = tuple[Point, Point, Point]
"""Shoulder, elbow and hand."""


@dataclass(frozen=True)
class _Posture:
    head: Point
    arms: tuple[Arm, ...] = ()
    arms_behind: tuple[Arm, ...] = ()
    knees: int = 0
    apart: int = 13


_POSTURES: Mapping[str, _Posture] = {
    "happy": _Posture((0, -222), (((26, -166), (44, -132), (20, -118)),), (((-26, -166), (-52, -186), (-58, -232)),)),
    "sadness": _Posture((3, -208), (((27, -162), (33, -126), (30, -88)), ((-27, -162), (-33, -126), (-28, -88)))),
    "angry": _Posture(
        (0, -220), (((28, -166), (54, -138), (24, -112)), ((-28, -166), (-54, -138), (-24, -112))), apart=20
    ),
    "excitement": _Posture(
        (0, -222), (), (((26, -166), (52, -200), (50, -252)), ((-26, -166), (-52, -200), (-50, -252))), apart=24
    ),
    "fear": _Posture(
        (0, -216), (((27, -164), (48, -146), (36, -190)), ((-27, -164), (-48, -146), (-36, -190))), knees=-8, apart=10
    ),
    "disgust": _Posture(
        (-4, -218), (((26, -164), (44, -138), (14, -190)),), (((-26, -164), (-50, -156), (-62, -178)),)
    ),
    "surprise": _Posture(
        (0, -224), (((27, -166), (56, -158), (66, -196)), ((-27, -166), (-56, -158), (-66, -196))), apart=16
    ),
    "contentment": _Posture(
        (0, -220), (((27, -164), (42, -128), (6, -122)), ((-27, -164), (-42, -128), (-6, -118))), apart=11
    ),
}


def _legs(person: Person, pen: Pen, posture: _Posture) -> None:
    trousers = {"girl": PURPLE, "boy": NAVY, "woman": (96, 74, 120), "man": SLATE}[person.kind]
    for side in (-1, 1):
        hip, knee, foot = (side * 13, -92), (side * (13 + posture.knees), -48), (side * posture.apart, -8)
        pen.line([hip, knee, foot], 20, trousers)
        pen.ellipse((foot[0] + side * 6, -5), (15, 7), DARK_BROWN)


def _torso(person: Person, pen: Pen, shirt: Color, skin: Color) -> None:
    pen.rectangle((-8, -196), (8, -168), darker(skin, 12))
    if person.kind in ("girl", "woman"):
        body = [(-27, -174), (27, -174), (24, -130), (40, -78), (-40, -78), (-24, -130)]
    else:
        body = [(-30, -174), (30, -174), (28, -84), (-28, -84)]
    pen.polygon([(x + (2 if x > 0 else -2), y + (2 if y > -100 else -2)) for x, y in body], darker(shirt, 25))
    pen.polygon(body, shirt)
    pen.ellipse((0, -175), (13, 7), darker(skin, 12))


def _arm(pen: Pen, arm: Arm, sleeve: Color, skin: Color) -> None:
    shoulder, elbow, hand = arm
    pen.line([elbow, hand], 13, skin)
    pen.line([shoulder, elbow], 17, sleeve)
    pen.circle(hand, 10, skin)


def _hair_behind(person: Person, pen: Pen, head: Point) -> None:
    x, y = head
    color = darker(HAIRS[person.hair], 12)
    if person.kind == "woman":
        pen.ellipse((x, y + 12), (_HEAD + 10, _HEAD + 20), color)
    elif person.kind == "girl":
        for side in (-1, 1):
            pen.ellipse((x + side * 46, y + 14), (13, 25), color)
            pen.circle((x + side * 40, y - 6), 7, RED)


def _head(person: Person, pen: Pen, head: Point, skin: Color) -> None:
    x, y = head
    hair = HAIRS[person.hair]
    tint = {"fear": SKY, "disgust": GREEN, "angry": RED}.get(person.emotion)
    if tint:
        skin = _blend(skin, tint, 26)
    for side in (-1, 1):
        pen.circle((x + side * (_HEAD - 1), y + 4), 8, darker(skin, 10))
    pen.circle((x, y - 3), _HEAD + 2, hair)
    pen.ellipse((x, y + 4), (_HEAD - 2, _HEAD - 3), skin)
    fringe = [(x - 36, y - 6), (x - 30, y - 30), (x, y - 41), (x + 30, y - 30), (x + 36, y - 6), (x + 20, y - 19)]
    if person.kind in ("boy", "man"):
        pen.polygon([*fringe, (x, y - 16), (x - 22, y - 22)], hair)
    else:
        pen.polygon([*fringe, (x - 12, y - 24)], hair)
    _FACES[person.emotion](pen, x, y + 6)


def _blend(one: Color, other: Color, percent: int) -> Color:
    red, green, blue = ((a * (100 - percent) + b * percent) // 100 for a, b in zip(one, other, strict=True))
    return red, green, blue


def _eyes(pen: Pen, x: int, y: int, white: int, pupil: int) -> None:
    for side in (-1, 1):
        if white:
            pen.circle((x + side * 14, y - 6), white + 1, INK)
            pen.circle((x + side * 14, y - 6), white, WHITE)
        pen.circle((x + side * 14, y - 6), pupil, INK)


def _brows(pen: Pen, x: int, y: int, inner: int, outer: int) -> None:
    """Eyebrows; their ends as heights above the eyes."""
    for side in (-1, 1):
        pen.line([(x + side * 6, y - 6 - inner), (x + side * 23, y - 6 - outer)], 4, DARK_BROWN)


def _cheeks(pen: Pen, x: int, y: int, color: Color) -> None:
    for side in (-1, 1):
        pen.ellipse((x + side * 23, y + 7), (7, 5), color)


def _happy(pen: Pen, x: int, y: int) -> None:
    _eyes(pen, x, y, 0, 5)
    _brows(pen, x, y, 12, 11)
    _cheeks(pen, x, y, ROSE)
    pen.polygon([(x - 17, y + 6), (x + 17, y + 6), (x + 10, y + 19), (x, y + 23), (x - 10, y + 19)], INK)
    pen.rectangle((x - 14, y + 7), (x + 14, y + 12), WHITE)


def _sadness(pen: Pen, x: int, y: int) -> None:
    _eyes(pen, x, y, 0, 4)
    _brows(pen, x, y, 15, 7)
    pen.curve((x - 13, y + 19), (x, y + 5), (x + 13, y + 19), 4, INK)
    for side in (-1, 1):
        pen.line([(x + side * 16, y), (x + side * 18, y + 18)], 6, (110, 180, 238))
        pen.circle((x + side * 18, y + 19), 5, (110, 180, 238))


def _angry(pen: Pen, x: int, y: int) -> None:
    _eyes(pen, x, y, 6, 4)
    _brows(pen, x, y, 5, 15)
    pen.line([(x - 2, y - 16), (x - 2, y - 10)], 2, DARK_BROWN)
    pen.rectangle((x - 16, y + 9), (x + 16, y + 21), INK)
    pen.rectangle((x - 14, y + 11), (x + 14, y + 19), WHITE)
    for tooth in (-7, 0, 7):
        pen.line([(x + tooth, y + 11), (x + tooth, y + 19)], 1, INK)


def _excitement(pen: Pen, x: int, y: int) -> None:
    _eyes(pen, x, y, 9, 6)
    for side in (-1, 1):
        pen.circle((x + side * 14 + 2, y - 8), 2, WHITE)
    _brows(pen, x, y, 17, 16)
    _cheeks(pen, x, y, PINK)
    pen.ellipse((x, y + 15), (15, 13), INK)
    pen.ellipse((x, y + 22), (9, 5), ROSE)
    pen.rectangle((x - 9, y + 4), (x + 9, y + 8), WHITE)


def _fear(pen: Pen, x: int, y: int) -> None:
    _eyes(pen, x, y, 10, 3)
    _brows(pen, x, y, 19, 11)
    pen.line([(x - 12, y + 18), (x - 6, y + 13), (x, y + 18), (x + 6, y + 13), (x + 12, y + 18)], 4, INK)
    pen.ellipse((x + 30, y - 18), (4, 7), (110, 180, 238))


def _disgust(pen: Pen, x: int, y: int) -> None:
    for side in (-1, 1):
        pen.line([(x + side * 8, y - 8), (x + side * 14, y - 5), (x + side * 20, y - 8)], 3, INK)
    _brows(pen, x, y, 6, 11)
    pen.line([(x - 15, y + 12), (x - 5, y + 9), (x + 5, y + 14), (x + 15, y + 10)], 4, INK)
    pen.ellipse((x + 4, y + 18), (7, 9), ROSE)
    pen.line([(x - 4, y), (x + 4, y)], 2, DARK_BROWN)


def _surprise(pen: Pen, x: int, y: int) -> None:
    _eyes(pen, x, y, 9, 4)
    _brows(pen, x, y, 20, 18)
    pen.ellipse((x, y + 17), (9, 12), INK)
    pen.ellipse((x, y + 20), (5, 6), (150, 70, 80))


def _contentment(pen: Pen, x: int, y: int) -> None:
    for side in (-1, 1):
        pen.curve((x + side * 20, y - 7), (x + side * 14, y), (x + side * 8, y - 7), 3, INK)
    _brows(pen, x, y, 11, 9)
    _cheeks(pen, x, y, ROSE)
    pen.curve((x - 11, y + 11), (x, y + 20), (x + 11, y + 11), 3, INK)


_FACES: Mapping[str, Callable[[Pen, int, int], None]] = {
    "happy": _happy,
    "sadness": _sadness,
    "angry": _angry,
    "excitement": _excitement,
    "fear": _fear,
    "disgust": _disgust,
    "surprise": _surprise,
    "contentment": _contentment,
}
