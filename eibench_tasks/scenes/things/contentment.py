"""Causes of contentment."""

from eibench_tasks.scenes.colors import (
    AMBER,
    BLUE,
    BROWN,
    CREAM,
    DARK_BROWN,
    DARK_GREEN,
    DARK_RED,
    FLAME,
    GOLD,
    GREEN,
    GREY,
    INK,
    NAVY,
    ORANGE,
    PAPER,
    PINK,
    PURPLE,
    RED,
    ROSE,
    SKY,
    TAN,
    TEAL,
    WHITE,
    WOOD,
    YELLOW,
    darker,
    lighter,
)
from eibench_tasks.scenes.pen import Pen, bezier


def open_book(pen: Pen) -> None:
    """A large open book with a bookmark and reading glasses on it."""
    cover = pen.one_of(NAVY, DARK_RED, DARK_GREEN)
    pen.rectangle((-50, -76), (50, -4), cover)
    for side in (-1, 1):
        for x, top, low, color in ((46, -76, -8, darker(PAPER, 18)), (43, -79, -13, PAPER)):
            outer, inner = bezier((0, -70), (side * 21, top - 12), (side * x, top)), (side * 21, low - 11)
            pen.polygon([*outer, *bezier((side * x, low), inner, (0, -7))], color)
        for y in range(-70, -16, 8):
            pen.curve((side * 7, y + 3), (side * 20, y - 8), (side * 38, y - 1), 2, GREY)
    pen.line([(0, -67), (0, -4)], 3, darker(PAPER, 35))
    pen.polygon([(7, -70), (16, -75), (16, 0), (11, -6), (7, 0)], pen.one_of(RED, AMBER, ROSE))
    for side in (-1, 1):
        pen.circle((side * 19, -36), 16, INK)
        pen.circle((side * 19, -36), 12, lighter(SKY, 40))
        pen.line([(side * 23, -42), (side * 16, -32)], 2, WHITE)
        pen.line([(side * 34, -40), (side * 46, -54)], 3, INK)
    pen.curve((-5, -39), (0, -46), (5, -39), 4, INK)


def steaming_tea(pen: Pen) -> None:
    """A cup of steaming tea on a saucer, with a teapot beside it."""
    china, band = pen.one_of((BLUE, WHITE), (TEAL, CREAM), (ROSE, WHITE))
    shade = darker(china)
    pen.line(bezier((2, -58), (-22, -58), (-4, -26)), 6, shade)
    pen.polygon([(30, -20), (40, -46), (42, -64), (51, -66), (49, -44), (38, -14)], shade)
    pen.rectangle((6, -16), (36, -4), shade)
    pen.ellipse((20, -38), (25, 28), china)
    pen.ellipse((30, -48), (5, 8), lighter(china, 45))
    pen.ellipse((20, -63), (16, 6), shade)
    pen.circle((20, -71), 5, band)
    pen.ellipse((-16, -5), (34, 6), darker(band, 25))
    pen.ellipse((-16, -7), (34, 5), band)
    pen.line(bezier((-36, -34), (-56, -28), (-34, -14)), 5, shade)
    left, right = bezier((-40, -38), (-38, -8), (-24, -7)), bezier((-8, -7), (6, -8), (8, -38))
    pen.polygon([*left, *right], lighter(china))
    pen.ellipse((-16, -38), (24, 6), band)
    pen.ellipse((-16, -37), (21, 4), (160, 84, 34))
    for x, y in ((-32, -46), (-20, -50), (-8, -46)):
        for width, color in ((6, GREY), (4, WHITE)):
            pen.curve((x, y), (x - 8, y - 11), (x, y - 22), width, color)
            pen.curve((x, y - 22), (x + 8, y - 33), (x, y - 46), width, color)


def sleeping_cat(pen: Pen) -> None:
    """An orange cat that sleeps, curled up on a cushion."""
    cushion, fur = pen.one_of(PURPLE, TEAL, NAVY), ORANGE
    pen.ellipse((0, -13), (50, 13), darker(cushion))
    pen.ellipse((0, -20), (48, 11), cushion)
    pen.ellipse((6, -42), (40, 28), fur)
    for x in (4, 18, 32):
        pen.line(bezier((x, -68 + x // 8), (x + 7, -60), (x + 4, -48)), 5, darker(fur, 25))
    pen.line(bezier((42, -36), (40, -12), (0, -20)), 12, darker(fur, 12))
    pen.line(bezier((8, -18), (0, -20), (-4, -20)), 12, CREAM)
    pen.polygon([(-42, -44), (-42, -66), (-26, -56)], fur)
    pen.polygon([(-18, -56), (-4, -66), (-4, -46)], fur)
    pen.polygon([(-39, -50), (-39, -60), (-31, -55)], PINK)
    pen.polygon([(-14, -55), (-7, -60), (-7, -50)], PINK)
    pen.ellipse((-23, -38), (23, 20), lighter(fur, 15))
    pen.ellipse((-23, -30), (12, 8), CREAM)
    for x in (-34, -12):
        pen.curve((x - 5, -42), (x, -35), (x + 5, -42), 2, INK)
    pen.polygon([(-27, -35), (-19, -35), (-23, -30)], ROSE)
    for x in (-29, -23, -17):
        pen.line([(x, -57), (x, -50)], 3, darker(fur, 25))
    for x, y, wide in ((2, -80, 7), (16, -88, 9), (33, -94, 11)):
        pen.line([(x, y - wide), (x + wide, y - wide), (x, y), (x + wide, y)], 3, INK)


def fireplace(pen: Pen) -> None:
    """A brick fireplace with a warm fire and a mantelpiece."""
    brick = pen.one_of((184, 84, 64), (166, 92, 74), (150, 76, 66))
    pen.rectangle((-44, -84), (44, 0), lighter(brick, 45))
    for row in range(7):
        for x in range(-44 - row % 2 * 11, 44, 22):
            pen.rectangle((max(-44, x), -84 + row * 12), (min(44, x + 20), -74 + row * 12), brick)
    pen.polygon([(-28, 0), (-28, -40), *bezier((-28, -40), (0, -76), (28, -40)), (28, 0)], (46, 32, 34))
    left, right = bezier((-20, -6), (-23, -22), (-14, -40)), bezier((15, -40), (20, -24), (20, -6))
    pen.polygon([*left, (-5, -30), (2, -54), (10, -32), *right], RED)
    pen.polygon([(-14, -6), (-10, -24), (-4, -18), (2, -40), (7, -20), (12, -26), (14, -6)], FLAME)
    pen.polygon([(-7, -6), (-3, -14), (1, -26), (5, -14), (8, -6)], YELLOW)
    pen.line([(-20, -8), (18, -3)], 7, BROWN)
    pen.line([(20, -8), (-18, -3)], 7, DARK_BROWN)
    pen.rectangle((-50, -92), (50, -82), WOOD)
    pen.rectangle((-50, -84), (50, -81), darker(WOOD, 30))
    pen.rectangle((-50, -4), (50, 0), darker(brick, 40))
    for x in (-36, 36):
        pen.rectangle((x - 4, -101), (x + 4, -92), CREAM)
        pen.ellipse((x, -104), (2, 3), AMBER)
    pen.rectangle((-11, -104), (11, -92), GOLD)
    pen.rectangle((-8, -102), (8, -94), pen.one_of(TEAL, NAVY, GREEN))


def hammock(pen: Pen) -> None:
    """A hammock with a pillow, hung between two palm trees."""
    cloth, stripe = pen.one_of((RED, CREAM), (BLUE, YELLOW), (PURPLE, AMBER))
    for side in (-1, 1):
        pen.line(bezier((side * 44, -3), (side * 35, -50), (side * 39, -84)), 8, BROWN)
        for number, (x, y) in enumerate(((-28, -72), (-26, -94), (-12, -104), (8, -105), (11, -92), (10, -64))):
            start, tip, over = (side * 39, -85), (side * (39 + x), y), side * (39 + x // 2)
            green = DARK_GREEN if number % 2 else (62, 134, 70)
            pen.polygon([*bezier(start, (over, y - 20), tip), *bezier(tip, (over, y + 4), start)], green)
        for y in (-52, -46, -40):
            pen.line([(side * 38, -56), (side * 29, y)], 2, lighter(TAN))
    pen.polygon([*bezier((-32, -54), (0, -34), (32, -54)), *bezier((32, -40), (0, -22), (-32, -40))], darker(cloth, 35))
    pen.ellipse((-16, -43), (14, 9), GREY)
    pen.ellipse((-16, -43), (13, 8), WHITE)
    pen.polygon([*bezier((-32, -46), (0, -24), (32, -46)), *bezier((32, -44), (0, 18), (-32, -44))], cloth)
    for x, top, low in ((-19, -38, -22), (-7, -35, -14), (7, -35, -14), (19, -38, -22)):
        pen.polygon([(x - 3, top - 2), (x + 3, top), (x * 3 // 4 + 3, low), (x * 3 // 4 - 3, low)], stripe)


def setting_sun(pen: Pen) -> None:
    """An orange sun, half below the horizon of the sea."""
    high, low, sea = pen.one_of(
        ((226, 120, 130), (252, 190, 120), (58, 84, 140)),
        ((150, 110, 170), (250, 178, 140), (70, 70, 130)),
        ((240, 150, 110), (255, 214, 130), (44, 100, 130)),
    )
    for x in (-36, 36):
        pen.circle((x, -84), 14, high)
        pen.circle((x, -14), 14, sea)
    pen.rectangle((-36, -98), (36, -80), high)
    pen.rectangle((-50, -84), (50, -62), high)
    pen.rectangle((-50, -66), (50, -40), low)
    pen.circle((0, -42), 38, lighter(low, 45))
    pen.circle((0, -42), 30, (246, 112, 36))
    pen.rectangle((-50, -42), (50, -14), sea)
    pen.rectangle((-36, -20), (36, 0), sea)
    for y, wide in ((-38, 28), (-30, 20), (-22, 24), (-14, 13), (-7, 8)):
        pen.line([(-wide, y), (wide, y)], 4, AMBER if y % 4 else FLAME)
    for x, y in ((-38, -24), (37, -32), (34, -12), (-30, -11)):
        pen.line([(x - 7, y), (x + 7, y)], 2, lighter(sea))
    for x, y in ((-30, -82), (-14, -88)):
        pen.line(
            [*bezier((x - 6, y - 3), (x - 2, y - 6), (x, y)), *bezier((x, y), (x + 2, y - 6), (x + 6, y - 3))], 2, INK
        )


def knitting(pen: Pen) -> None:
    """A half-knitted scarf on two needles, and a ball of wool."""
    wool, stripe = pen.one_of((ROSE, CREAM), (TEAL, YELLOW), (PURPLE, PINK))
    pen.curve((24, -70), (52, -60), (40, -34), 2, darker(wool))
    pen.line([(-44, -74), (40, -76)], 5, WOOD)
    pen.circle((-44, -74), 6, RED if wool != ROSE else BLUE)
    pen.polygon([(-36, -70), (22, -70), (18, 0), (-40, 0)], wool)
    for row in range(9):
        y, tone = -68 + row * 8, stripe if row % 4 == 2 else wool
        for column in range(7):
            x = -33 + column * 8 - row // 2
            pen.line([(x - 2, y - 2), (x + 1, y + 3), (x + 4, y - 2)], 3, darker(tone, 12))
    for x in range(-34, 22, 8):
        pen.line([(x, -80), (x + 2, -66)], 5, darker(wool, 12) if x // 8 % 2 else wool)
    pen.line([(36, -99), (-14, -64)], 5, WOOD)
    pen.circle((36, -99), 6, RED if wool != ROSE else BLUE)
    pen.circle((28, -22), 22, wool)
    for shift in (-10, -3, 4):
        pen.curve((10, -26 + shift), (28, -36 + shift * 2), (46, -26 - shift), 2, darker(wool, 30))
    for shift in (-8, 0, 8):
        pen.curve((22 + shift, -38), (40 + shift // 2, -22), (24 + shift, -4), 2, darker(wool, 30))


def picnic_basket(pen: Pen) -> None:
    """A basket with a baguette and apples on a chequered blanket."""
    cloth = pen.one_of(RED, BLUE, GREEN)
    pen.polygon([(-38, -24), (38, -24), (50, 0), (-50, 0)], WHITE)
    for row, (y0, y1) in enumerate(((-24, -18), (-18, -10), (-10, 0))):
        for column in range(8):
            tone = cloth if (row + column) % 2 else lighter(cloth, 70)
            near, far = 50 + y1 // 2, 50 + y0 // 2
            x0, x1 = column * 2 - 8, column * 2 - 6
            pen.polygon([(x0 * far // 8, y0), (x1 * far // 8, y0), (x1 * near // 8, y1), (x0 * near // 8, y1)], tone)
    pen.line([*bezier((-34, -50), (-34, -98), (0, -98)), *bezier((0, -98), (34, -98), (34, -50))], 6, BROWN)
    pen.line([(-10, -44), (-30, -92)], 13, (214, 150, 74))
    for step in (0, 1, 2):
        pen.line([(-29 + step * 5, -80 + step * 11), (-18 + step * 5, -83 + step * 11)], 3, (246, 212, 150))
    for x, y, skin in ((6, -60, RED), (22, -58, (170, 196, 66))):
        pen.circle((x, y), 11, skin)
        pen.circle((x - 4, y - 4), 3, lighter(skin, 60))
        pen.line([(x, y - 10), (x + 2, y - 15)], 2, DARK_BROWN)
        pen.ellipse((x + 6, y - 14), (4, 2), DARK_GREEN)
    pen.polygon([(-38, -54), (38, -54), (32, -8), (-32, -8)], WOOD)
    for row in range(4):
        for x in range(-32 + row % 2 * 8, 30, 16):
            pen.rectangle((x, -44 + row * 9), (x + 8, -37 + row * 9), TAN)
    pen.rectangle((-40, -56), (40, -47), BROWN)
    pen.rectangle((-33, -11), (33, -7), BROWN)
