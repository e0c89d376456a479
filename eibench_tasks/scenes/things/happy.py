"""Causes of happiness."""

from collections.abc import Sequence
from dataclasses import replace

from eibench_tasks.scenes.canvas import Color, Point
from eibench_tasks.scenes.colors import (
    AMBER,
    BLUE,
    BROWN,
    CREAM,
    DARK_BROWN,
    DARK_GREEN,
    FLAME,
    GOLD,
    GREEN,
    GREY,
    INK,
    LIME,
    ORANGE,
    PINK,
    PURPLE,
    RED,
    ROSE,
    SILVER,
    SKY,
    TEAL,
    WHITE,
    WOOD,
    YELLOW,
    darker,
    lighter,
)
from eibench_tasks.scenes.pen import Pen, bezier


def birthday_cake(pen: Pen) -> None:
    """A cake of two tiers on a stand, with burning candles."""
    icing = pen.one_of(PINK, SKY, (200, 170, 226))
    pen.polygon([(-7, -16), (7, -16), (18, 0), (-18, 0)], darker(SILVER, 25))
    pen.ellipse((0, -15), (49, 6), darker(SILVER, 35))
    pen.ellipse((0, -18), (49, 6), SILVER)
    for wide, top, bottom in ((40, -46, -18), (26, -70, -44)):
        pen.ellipse((0, bottom), (wide, 5), BROWN)
        pen.rectangle((-wide, top), (wide, bottom), BROWN)
        pen.rectangle((wide - 9, top), (wide, bottom), darker(BROWN))
        for x in range(4 - wide, wide, 12):
            pen.line([(x, top), (x, top + 10 + x % 5)], 9, icing)
        pen.ellipse((0, top), (wide, 6), lighter(icing, 40))
    for x in (-34, -20, -7, 7, 20, 34):
        pen.circle((x, -22), 4, RED)
    for x, color in ((-18, RED), (-6, BLUE), (6, GREEN), (18, ORANGE)):
        pen.line([(x, -72), (x, -90)], 5, color)
        pen.ellipse((x, -98), (4, 7), FLAME)
        pen.ellipse((x, -96), (2, 4), YELLOW)


def wrapped_present(pen: Pen) -> None:
    """A box in gift paper with a big bow."""
    paper, ribbon = pen.one_of((BLUE, YELLOW), (RED, CREAM), (PURPLE, LIME))
    pen.rectangle((-42, -54), (42, 0), paper)
    pen.rectangle((22, -54), (42, 0), darker(paper))
    for x, y in ((-32, -40), (-22, -24), (-34, -10), (18, -38), (32, -26), (20, -12)):
        pen.circle((x, y), 4, lighter(paper, 45))
    pen.rectangle((-48, -68), (48, -50), lighter(paper, 15))
    pen.rectangle((-48, -52), (48, -49), darker(paper, 30))
    pen.rectangle((-9, -68), (9, 0), ribbon)
    pen.rectangle((4, -68), (9, 0), darker(ribbon))
    for side in (-1, 1):
        pen.polygon([(0, -74), (30 * side, -58), (20 * side, -50), (0, -66)], darker(ribbon, 25))
        loop = [*bezier((0, -74), (16, -112), (40, -102)), *bezier((46, -92), (44, -64), (0, -70))]
        hole = [(10, -76), *bezier((24, -92), (36, -96), (38, -86)), (28, -76)]
        pen.polygon([(x * side, y) for x, y in loop], ribbon)
        pen.polygon([(x * side, y) for x, y in hole], darker(ribbon, 30))
    pen.ellipse((0, -73), (10, 9), darker(ribbon, 12))


def greeting_dog(pen: Pen) -> None:
    """A dog that jumps up, its tongue out and its tail wagging."""
    fur = pen.one_of((172, 112, 62), (196, 136, 76), (140, 90, 58))
    dark, pale = darker(fur, 30), lighter(fur, 55)
    pen.curve((-26, -32), (-48, -36), (-44, -62), 7, dark)
    pen.curve((-30, -62), (-28, -54), (-31, -48), 2, INK)
    pen.curve((-48, -74), (-40, -80), (-33, -74), 2, INK)
    pen.line([(-8, -20), (-2, -4), (8, -4)], 9, dark)
    pen.line([(14, -50), (34, -42), (42, -48)], 9, dark)
    pen.line([(-16, -28), (10, -58)], 34, fur)
    pen.line([(0, -26), (20, -48)], 12, pale)
    pen.circle((-16, -25), 17, fur)
    pen.line([(-18, -16), (-24, -5), (-12, -4)], 10, fur)
    pen.line([(14, -56), (36, -58), (43, -66)], 10, fur)
    pen.line([(2, -68), (26, -62)], 7, RED)
    pen.circle((14, -84), 20, fur)
    pen.polygon([(26, -74), (42, -72), (32, -60), (24, -62)], INK)
    pen.ellipse((34, -62), (5, 9), ROSE)
    pen.ellipse((32, -80), (16, 9), pale)
    pen.ellipse((46, -84), (5, 5), INK)
    pen.circle((22, -91), 4, INK)
    pen.circle((23, -92), 1, WHITE)
    pen.polygon([(4, -100), *bezier((4, -100), (-26, -94), (-14, -62)), *bezier((-14, -62), (6, -66), (10, -94))], dark)


def fresh_bouquet(pen: Pen) -> None:
    """Bright flowers in wrapping paper with a ribbon."""
    paper, ribbon = pen.one_of((TEAL, RED), (LIME, PURPLE), (SKY, RED))
    for x, y in ((-40, -70), (40, -70), (-26, -94), (26, -94), (0, -98)):
        tip = (x, y - 6)
        pen.polygon([*bezier((0, -40), (x - 8, y - 20), tip), *bezier(tip, (x + 8, y), (0, -40))], DARK_GREEN)
    blooms = ((-16, -90, RED), (15, -91, AMBER), (-33, -72, YELLOW), (34, -72, ROSE), (0, -72, WHITE), (-19, -58, ROSE))
    for x, y, color in (*blooms, (19, -57, RED)):
        _flower(pen, x, y, color)
    rim = [(-40, -54), (-20, -46), (0, -52), (20, -46), (40, -54)]
    pen.polygon([*rim, (10, -16), (18, 0), (-18, 0), (-10, -16)], paper)
    pen.polygon([(40, -54), (10, -16), (18, 0), (2, 0), (0, -18)], darker(paper))
    pen.line([(-9, -18), (9, -18)], 7, ribbon)
    for side in (-1, 1):
        pen.polygon([(0, -18), (18 * side, -28), (18 * side, -12)], ribbon)
        pen.line([(0, -18), (9 * side, -4)], 4, darker(ribbon))
    pen.circle((0, -18), 4, darker(ribbon))


def rainbow(pen: Pen) -> None:
    """An arc in all colours between two small white clouds."""
    for step, color in enumerate((RED, ORANGE, YELLOW, GREEN, BLUE, PURPLE)):
        outer, inner = _arch(44 - 5 * step), _arch(39 - 5 * step)
        pen.polygon([*outer, *inner[::-1]], color)
    for grown, color in ((1, (120, 156, 196)), (0, WHITE)):
        for x in (-31, 31):
            for across, y, radius in ((-11, -9, 7), (-3, -16, 10), (8, -11, 9)):
                pen.circle((x + across, y), radius + grown, color)
            pen.rectangle((x - 11, -9), (x + 8, grown - 2), color)


def best_grade(pen: Pen) -> None:
    """A school test with ticks and a big A plus in red."""
    pen = replace(pen, mirrored=False)  # it is to be read
    _edged(pen, [(-42, -105), (42, -105), (42, 0), (-42, 0)], WHITE)
    for y in range(-96, 0, 12):
        pen.line([(-34, y), (34, y)], 1, pen.one_of(SKY, SILVER, PINK))
    for y in (-94, -88):
        pen.line([(-34, y), (-4, y)], 2, GREY)
    pen.line([(-32, -34), (-10, -84), (12, -34)], 9, RED)
    pen.line([(-23, -52), (3, -52)], 8, RED)
    pen.line([(16, -72), (36, -72)], 7, RED)
    pen.line([(26, -82), (26, -62)], 7, RED)
    for y in (-22, -10):
        pen.line([(-32, y), (12, y)], 3, INK)
        pen.line([(20, y - 2), (25, y + 4), (36, y - 10)], 4, GREEN)


def engagement_ring(pen: Pen) -> None:
    """An open box with a diamond ring that sparkles."""
    velvet = pen.one_of((120, 30, 70), (36, 60, 130), (30, 100, 90))
    lid = bezier((-45, -24), (-47, -105), (-24, -105))
    pen.polygon([*lid, *((-x, y) for x, y in lid[::-1])], velvet)
    lining = bezier((-38, -24), (-40, -98), (-22, -98))
    pen.polygon([*lining, *((-x, y) for x, y in lining[::-1])], CREAM)
    for radius, color in ((25, darker(GOLD, 30)), (23, GOLD), (17, darker(GOLD, 30)), (15, CREAM)):
        pen.circle((0, -46), radius, color)
    pen.rectangle((-38, -30), (38, -20), darker(CREAM, 12))
    pen.line([(-22, -29), (22, -29)], 4, darker(velvet, 30))
    pen.polygon([(-48, -25), (48, -25), (43, 0), (-43, 0)], velvet)
    pen.polygon([(-48, -25), (48, -25), (47, -19), (-47, -19)], lighter(velvet, 25))
    pen.circle((0, -9), 4, GOLD)
    _edged(pen, [(-19, -84), (-11, -94), (11, -94), (19, -84), (0, -63)], (130, 206, 240), (40, 110, 170))
    pen.polygon([(-19, -84), (-11, -94), (-7, -84)], WHITE)
    pen.polygon([(-7, -84), (7, -84), (0, -63)], (200, 236, 252))
    pen.polygon([(7, -84), (19, -84), (0, -63)], (84, 170, 224))
    for x, y, size in ((-28, -70, 7), (29, -74, 8), (28, -56, 5)):
        for across, down in ((size, 2), (2, size)):
            pen.polygon([(x - across, y), (x, y - down), (x + across, y), (x, y + down)], GOLD)


def baby_cradle(pen: Pen) -> None:
    """A baby that sleeps under a blanket in a rocking cradle with a hood."""
    skin, cover = pen.one_of((250, 208, 176), (150, 100, 70), (226, 172, 130)), pen.one_of(SKY, PINK, YELLOW)
    pen.polygon([*bezier((-46, -44), (-54, -104), (-8, -105)), *bezier((-8, -105), (-18, -70), (-4, -44))], WOOD)
    pen.ellipse((-12, -66), (22, 30), darker(WOOD, 40))
    pen.ellipse((-10, -56), (24, 16), WHITE)
    pen.circle((-8, -63), 19, skin)
    pen.curve((-9, -82), (-2, -91), (-2, -81), 3, DARK_BROWN)
    for x in (-15, 0):
        pen.curve((x - 4, -65), (x, -60), (x + 4, -65), 2, INK)
        pen.circle((x - 1 + x // 8, -57), 3, ROSE)
    pen.curve((-11, -55), (-7, -51), (-4, -55), 2, (190, 60, 60))
    pen.polygon([*bezier((0, -40), (4, -70), (24, -64)), *bezier((24, -64), (45, -62), (46, -40))], cover)
    pen.curve((-46, -16), (0, 12), (46, -16), 5, DARK_BROWN)
    pen.polygon([(-48, -46), (48, -46), (38, -10), (-38, -10)], WOOD)
    for x in (-28, -14, 0, 14, 28):
        pen.line([(x, -40), (x * 7 // 8, -14)], 3, darker(WOOD, 30))
    pen.line([(-47, -46), (47, -46)], 5, DARK_BROWN)
    pen.polygon([(2, -50), (45, -50), (38, -24), (4, -24)], cover)
    pen.polygon([(3, -34), (41, -34), (40, -29), (3, -29)], WHITE)
    tilt = -1 if pen.mirrored else 1  # of the letters z
    for x, y, half in ((25, -77, 4), (40, -96, 5)):
        left, right = x - half * tilt, x + half * tilt
        pen.line([(left, y - half), (right, y - half), (left, y + half), (right, y + half)], 3, (70, 90, 160))


def _flower(pen: Pen, x: int, y: int, color: Color) -> None:
    for across, down in ((0, -8), (8, -2), (5, 7), (-5, 7), (-8, -2)):
        pen.circle((x + across, y + down), 7, color)
    pen.circle((x, y), 5, GOLD if color in (WHITE, ROSE) else darker(color, 45))


def _arch(radius: int) -> list[Point]:
    """From the left foot of an arch over its top to the right foot."""
    slant, bend = radius * 707 // 1000, radius * 414 // 1000
    lower = bezier((-radius, 0), (-radius, -bend), (-slant, -slant))
    left = [*lower, *bezier((-slant, -slant), (-bend, -radius), (0, -radius))]
    return [(x, y * 3 // 2 - 12) for x, y in (*left, *((-x, y) for x, y in left[::-1]))]


def _edged(pen: Pen, points: Sequence[Point], color: Color, edge: Color = INK) -> None:
    """A polygon with a thin edge."""
    pen.line([*points, points[0]], 2, edge)
    pen.polygon(points, color)
