"""Causes of disgust."""

from eibench_tasks.scenes.canvas import Color, Point
from eibench_tasks.scenes.colors import (
    BLUE,
    BROWN,
    CHARCOAL,
    CREAM,
    DARK_BROWN,
    GREEN,
    GREY,
    INK,
    LIME,
    OLIVE,
    PAPER,
    RED,
    SILVER,
    WHITE,
    WOOD,
    YELLOW,
    darker,
    lighter,
)
from eibench_tasks.scenes.pen import Pen, bezier

_STENCH = (140, 150, 50)


def _flies(pen: Pen, *places: Point) -> None:
    """Flies with two pale wings each."""
    for x, y in places:
        pen.ellipse((x - 4, y - 4), (4, 3), (176, 184, 200))
        pen.ellipse((x + 4, y - 4), (4, 3), (176, 184, 200))
        pen.ellipse((x, y), (4, 3), INK)


def _stench(pen: Pen, *feet: Point) -> None:
    """Wavy lines of bad smell that rise from the given points."""
    for x, y in feet:
        pen.curve((x, y), (x - 10, y - 7), (x, y - 14), 4, _STENCH)
        pen.curve((x, y - 14), (x + 10, y - 21), (x, y - 28), 4, _STENCH)


def _banana_peel(pen: Pen, x: int, y: int) -> None:
    """A banana peel that hangs down from the point in three strips."""
    for end in (-14, 2, 15):
        pen.curve((x, y), (x + end, y), (x + end, y + 22), 7, darker(YELLOW, 8))
    pen.line([(x, y), (x + 1, y - 8)], 5, BROWN)


def _mould(pen: Pen, x: int, y: int, size: int, color: Color) -> None:
    """A furry patch of mould with a pale rim."""
    parts = ((0, 0, 6), (-4, 2, 4), (4, 1, 5), (1, -4, 4), (-3, -3, 4), (1, 4, 4))
    for rim, shade in ((3, (224, 230, 210)), (0, color)):
        for right, down, part in parts:
            pen.circle((x + right * size // 8, y + down * size // 8), part * size // 10 + rim, shade)
    for right, down in ((-4, 1), (2, -4), (3, 3), (-1, -2), (5, -1)):
        pen.circle((x + right * size // 8, y + down * size // 8), max(2, size // 7), darker(color, 40))


def rotten_apple(pen: Pen) -> None:
    """A brownish apple with spots of mould from which a worm looks out; flies around."""
    peel = pen.one_of((154, 98, 50), (136, 110, 52), (146, 84, 58))
    for color, shrink in ((darker(peel, 25), 0), (peel, 3)):
        pen.ellipse((-16, -38 - shrink), (30 - shrink, 36 - shrink), color)
        pen.ellipse((16, -38 - shrink), (30 - shrink, 36 - shrink), color)
        pen.ellipse((0, -20 - shrink), (26, 20 - shrink), color)
    pen.ellipse((4, -18), (20, 13), darker(peel, 40))
    pen.line([(0, -66), (2, -80), (10, -92)], 6, DARK_BROWN)
    pen.polygon([*bezier((4, -80), (-22, -96), (-32, -76)), *bezier((-32, -76), (-14, -72), (4, -80))], OLIVE)
    _mould(pen, -26, -36, 13, (110, 142, 112))
    _mould(pen, 2, -14, 8, (110, 142, 112))
    pen.ellipse((20, -44), (13, 10), darker(peel, 65))
    for width, color in ((12, darker(LIME, 35)), (8, LIME)):
        pen.line([(20, -42), (30, -43), (37, -52), (35, -64)], width, color)
        pen.circle((36, -68), width * 3 // 4 + 1, color)
    pen.circle((32, -70), 2, INK)
    pen.circle((39, -70), 2, INK)
    _flies(pen, (-40, -92), (30, -94), (-44, -64))


def overflowing_bin(pen: Pen) -> None:
    """A rubbish bin from which waste spills over; flies above it."""
    metal = pen.one_of((126, 134, 144), (84, 122, 98), (92, 112, 148))
    for x, y, radius in ((-18, -72, 18), (18, -70, 18)):
        pen.circle((x, y), radius, CHARCOAL)
        pen.circle((x - 4, y - 5), radius // 2, lighter(CHARCOAL, 18))
    pen.polygon([(-8, -70), (-14, -90), (2, -98), (14, -84), (12, -66)], PAPER)
    pen.line([(-6, -84), (2, -88), (8, -80)], 2, SILVER)
    pen.rectangle((28, -88), (38, -62), GREEN)
    pen.rectangle((31, -96), (35, -86), darker(GREEN))
    pen.polygon([(-32, -62), (32, -62), (25, 0), (-25, 0)], metal)
    pen.polygon([(10, -62), (32, -62), (25, 0), (8, 0)], darker(metal))
    for x in (-20, -8, 4, 16):
        pen.line([(x, -50), (x * 4 // 5, -6)], 3, darker(metal, 35))
    pen.rectangle((-36, -66), (36, -57), lighter(metal, 25))
    _banana_peel(pen, -24, -68)
    pen.polygon([(30, 0), (34, -16), (46, -18), (50, 0)], RED)
    pen.ellipse((40, -17), (7, 3), darker(RED, 30))
    pen.circle((-41, -8), 8, WOOD)
    pen.circle((-38, -10), 4, darker(WOOD))
    _flies(pen, (-40, -92), (26, -102), (46, -46))


def dirty_dishes(pen: Pen) -> None:
    """A tall wobbly pile of dirty plates with remains of food."""
    china = pen.one_of(WHITE, (206, 226, 244), (250, 232, 204))
    sauce, stew, greens = (190, 66, 36), (126, 86, 42), (116, 134, 48)
    colors = (stew, sauce, greens, sauce, stew, greens, stew)
    smears = ((-20, 6), (22, 9), (-6, 4), (-28, 8), (16, 10), (-14, 7), (26, 5))
    for step, (x, half) in enumerate(((0, 42), (5, 44), (-5, 42), (6, 43), (-6, 44), (1, 42), (8, 42))):
        y = -7 - step * 11
        pen.ellipse((x, y), (half, 7), darker(SILVER, 50))
        pen.ellipse((x, y - 2), (half - 1, 6), china)
        color, (place, drip) = colors[step], smears[step]
        pen.ellipse((x + place, y - 1), (12, 5), color)
        pen.line([(x + place - 5, y), (x + place - 5, y + drip)], 5, color)
        pen.line([(x + place + 4, y), (x + place + 4, y + drip // 2)], 5, color)
    pen.ellipse((8, -76), (32, 4), darker(china, 14))
    pen.polygon([(-16, -75), *bezier((-16, -75), (-4, -104), (16, -82)), (36, -76), (12, -71)], stew)
    pen.circle((20, -80), 7, sauce)
    pen.line([(8, -84), (-12, -104)], 4, GREY)
    _flies(pen, (-34, -88), (42, -92))


def _cockroach(pen: Pen, at: Point, turn: Point, shell: Color) -> None:
    """A cockroach seen from above; `turn` is where its head points, of length 5."""

    def put(*points: Point) -> list[Point]:
        return [(at[0] + (x * turn[0] - y * turn[1]) // 5, at[1] + (x * turn[1] + y * turn[0]) // 5) for x, y in points]

    for side in (-1, 1):
        for root, knee, foot in ((10, 14, 19), (1, 0, -4), (-6, -13, -23)):
            pen.line(put((root, side * 8), (knee, side * 15), (foot, side * 18)), 3, INK)
        pen.line(put((18, side * 2), (25, side * 5), (28, side * 12), (24, side * 17)), 2, INK)
    for color, half in ((darker(shell, 45), 11), (shell, 9)):
        side_line = [*bezier((20, 0), (20, half), (4, half)), *bezier((4, half), (-22, half), (-25, 0))]
        pen.polygon(put(*side_line, *[(x, -y) for x, y in reversed(side_line)]), color)
    pen.line(put((6, 0), (-22, 0)), 2, darker(shell, 45))
    pen.line(put((12, -4), (12, 4)), 9, (222, 172, 104))
    pen.line(put((12, -3), (12, 3)), 5, darker(shell, 65))
    pen.line(put((19, -1), (19, 1)), 6, INK)


def cockroaches(pen: Pen) -> None:
    """Three large cockroaches that crawl over a plate."""
    shell = pen.one_of((150, 82, 40), (128, 60, 40), (110, 78, 44))
    pen.ellipse((0, -46), (50, 46), GREY)
    pen.ellipse((0, -48), (49, 45), WHITE)
    pen.ellipse((0, -48), (36, 33), SILVER)
    pen.ellipse((0, -47), (35, 32), PAPER)
    _cockroach(pen, (-21, -60), (-3, -4), shell)
    _cockroach(pen, (21, -66), (4, -3), shell)
    _cockroach(pen, (8, -22), (5, 0), shell)


def dead_fish(pen: Pen) -> None:
    """A half eaten dead fish with a crossed eye that stinks on a sheet of paper."""
    scales = pen.one_of((112, 148, 150), (128, 146, 116), (140, 136, 164))
    pen.polygon([(-50, -2), (-42, -44), (46, -48), (50, -6), (20, 0)], GREY)
    pen.polygon([(-48, -4), (-41, -42), (45, -46), (48, -8), (18, -2)], PAPER)
    pen.line([(-14, -26), (34, -26)], 5, darker(CREAM, 28))
    for x, tall in ((-4, 15), (5, 13), (14, 11), (23, 9)):
        pen.line([(x + 4, -26 - tall), (x, -26), (x + 4, -26 + tall)], 4, darker(CREAM, 28))
    pen.polygon([(32, -26), (48, -44), (43, -26), (48, -8)], scales)
    head = [*bezier((-10, -50), (-40, -48), (-48, -24)), *bezier((-48, -24), (-34, -2), (-10, -4))]
    pen.polygon([*head, (-2, -26)], scales)
    pen.curve((-14, -44), (-8, -26), (-14, -10), 3, darker(scales, 30))
    for tilt in (-1, 1):
        pen.line([(-34, -31 - 5 * tilt), (-24, -31 + 5 * tilt)], 4, INK)
    pen.curve((-46, -19), (-38, -22), (-33, -15), 3, INK)
    _stench(pen, (-24, -58), (4, -56), (30, -56))


def mouldy_bread(pen: Pen) -> None:
    """Slices of bread with big patches of blue and green mould."""
    crumb = pen.one_of((240, 214, 160), (226, 190, 136), (246, 226, 184))
    for shift, lift in ((14, 10), (-8, 0)):
        for color, shrink in ((BROWN, 0), (crumb, 5)):
            pen.rectangle((-34 + shrink + shift, -64 - lift), (30 - shrink + shift, -shrink - lift), color)
            pen.ellipse((-16 + shift, -70 - lift), (24 - shrink, 19 - shrink), color)
            pen.ellipse((12 + shift, -70 - lift), (24 - shrink, 19 - shrink), color)
    for x, y, size in ((-20, -62, 19), (32, -80, 9)):
        _mould(pen, x, y, size, (62, 132, 150))
    for x, y, size in ((0, -28, 20), (-30, -18, 8)):
        _mould(pen, x, y, size, (78, 138, 92))


def dog_dirt(pen: Pen) -> None:
    """A shoe that has stepped into a brown pile that stinks."""
    shoe = pen.one_of(RED, BLUE, (96, 166, 150))
    dirt = (112, 70, 38)
    for x, y, wide, high in ((-24, -8, 26, 9), (-26, -20, 19, 9), (-27, -31, 12, 8), (-28, -40, 6, 6)):
        pen.ellipse((x, y), (wide, high), darker(dirt, 30))
        pen.ellipse((x - 2, y - 2), (wide - 2, high - 2), dirt)
    pen.line([(-28, -42), (-22, -50)], 5, dirt)
    pen.polygon([(18, -94), (46, -94), (48, -52), (19, -52)], darker(BLUE, 40))
    pen.rectangle((18, -62), (48, -52), WHITE)
    pen.polygon([(18, -56), (48, -56), (49, -12), (-22, -12), *bezier((-22, -20), (-22, -34), (0, -40))], shoe)
    pen.polygon([(36, -52), (48, -52), (49, -14), (34, -14)], darker(shoe))
    pen.line([(-18, -11), (47, -11)], 8, darker(SILVER, 15))
    for x in (6, 14):
        pen.line([(x - 2, -42), (x + 6, -34)], 4, WHITE)
    for x, y, radius in ((-38, -9, 9), (-24, -11, 10), (-10, -13, 10), (4, -9, 9), (18, -7, 7), (32, -5, 5)):
        pen.circle((x, y), radius, dirt)
    pen.circle((-14, -17), 4, lighter(dirt, 20))
    _stench(pen, (-42, -58), (-22, -64), (-2, -58))


def gnawing_rat(pen: Pen) -> None:
    """A grey rat with a long bare tail that gnaws at a piece of cheese."""
    fur, bare = pen.one_of((118, 116, 122), (108, 98, 94), (134, 134, 144)), (222, 142, 148)
    for width, color in ((7, darker(bare, 25)), (4, bare)):
        pen.line([*bezier((30, -6), (58, -2), (42, -44)), *bezier((42, -44), (38, -66), (47, -92))], width, color)
    bites = [(-34, -6), (-30, 3), (-25, -4), (-20, 4), (-15, -3), (-6, 0)]
    for lift, color in ((30, darker(YELLOW, 18)), (25, YELLOW)):
        pen.polygon([(-50, 0), (-50, -lift), *[(x, y - lift) for x, y in bites], (-6, 0)], color)
    for x, y, radius in ((-42, -14, 4), (-31, -8, 4), (-20, -14, 3), (-44, -4, 2)):
        pen.circle((x, y), radius, darker(YELLOW, 25))
    tufts = [(16, -74), (20, -66), (28, -72), (30, -62), (39, -64), (37, -53), (45, -50), (41, -40), (48, -34)]
    pen.polygon([(0, 0), *bezier((-4, -4), (-10, -76), (12, -66)), *tufts, (42, -26), (47, -18), (42, 0)], fur)
    pen.polygon([(4, 0), *bezier((8, 0), (8, -36), (28, -34)), *bezier((28, -34), (46, -30), (42, 0))], darker(fur, 18))
    pen.circle((13, -72), 7, darker(fur, 30))
    pen.polygon([(18, -60), *bezier((16, -74), (-8, -80), (-42, -44)), *bezier((-42, -36), (-20, -28), (10, -36))], fur)
    pen.circle((5, -71), 9, darker(fur, 18))
    pen.circle((5, -70), 5, bare)
    pen.ellipse((-13, -56), (5, 4), (170, 30, 36))
    pen.circle((-14, -56), 2, INK)
    pen.line([(-19, -60), (-7, -63)], 3, darker(fur, 45))
    pen.circle((-41, -41), 5, bare)
    for x in (-35, -29):
        pen.polygon([(x - 2, -36), (x + 4, -34), (x + 2, -17), (x - 1, -17)], CREAM)
    for end in (-48, -39, -30):
        pen.line([(-30, -40), (-4, end + 4)], 2, lighter(fur, 60))
    pen.line([(2, -26), (-10, -18), (-18, -21)], 7, darker(fur, 18))
    pen.ellipse((-19, -21), (5, 4), bare)
    pen.ellipse((16, -4), (15, 4), bare)
