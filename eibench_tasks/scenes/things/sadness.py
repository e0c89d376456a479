"""Causes of sadness."""

from collections.abc import Sequence

from eibench_tasks.scenes.canvas import Color, Point
from eibench_tasks.scenes.colors import (
    AMBER,
    BLUE,
    BROWN,
    CHARCOAL,
    CREAM,
    DARK_BROWN,
    DARK_GREEN,
    DARK_RED,
    FLAME,
    GOLD,
    GREEN,
    GREY,
    INK,
    LILAC,
    NAVY,
    OLIVE,
    PAPER,
    PINK,
    PURPLE,
    RED,
    SILVER,
    SKY,
    SLATE,
    TAN,
    TEAL,
    WHITE,
    WOOD,
    YELLOW,
    darker,
    lighter,
)
from eibench_tasks.scenes.pen import Pen, bezier


def dropped_ice_cream(pen: Pen) -> None:
    """A cone that lies upside down in a melting puddle."""
    cream = pen.one_of(PINK, (190, 226, 180), (250, 226, 150))
    pen.ellipse((0, -6), (46, 8), darker(cream, 12))
    pen.ellipse((-4, -9), (38, 7), cream)
    pen.circle((-2, -24), 21, cream)
    pen.circle((-9, -30), 8, lighter(cream, 50))
    pen.polygon([(-24, -32), (24, -28), (10, -98)], TAN)
    for left, base, right in (
        ((-15, -48), (-12, -31), (13, -80)),
        ((-7, -65), (0, -30), (17, -63)),
        ((1, -81), (12, -29), (20, -45)),
    ):
        pen.line([left, base, right], 2, BROWN)
    pen.polygon([(-26, -34), *bezier((-26, -34), (0, -16), (26, -29)), (24, -38), (-22, -42)], AMBER)


def torn_letter(pen: Pen) -> None:
    """A letter with a heart and its envelope, both torn in two, with scraps between."""
    cover = pen.one_of((226, 196, 150), (150, 190, 224), (232, 160, 170))
    _edged(pen, [(-49, -96), (-7, -104), (-13, -93), (-4, -86), (-13, -76), (-4, -68), (-10, -52), (-42, -46)], PAPER)
    _edged(pen, [(8, -104), (49, -92), (42, -44), (7, -52), (13, -65), (4, -74), (14, -83), (5, -93)], PAPER)
    for row in range(3):
        pen.line([(-40 + 2 * row, -87 + 8 * row), (-18, -91 + 8 * row)], 2, SLATE)
        pen.line([(20, -91 + 8 * row), (41 - row, -85 + 8 * row)], 2, SLATE)
    for side in (-1, 1):
        lobe = [*bezier((8, -69), (13, -78), (22, -73)), *bezier((22, -73), (32, -65), (11, -53))]
        pen.polygon([(x * side, y) for x, y in lobe], RED)
    edge, shade = darker(cover, 45), darker(cover, 15)
    _edged(pen, [(-49, -42), (-6, -38), (-12, -30), (-2, -24), (-11, -16), (-4, -9), (-10, 0), (-46, -4)], cover, edge)
    _edged(pen, [(9, -40), (48, -44), (49, -6), (8, -1), (3, -9), (12, -16), (5, -25), (14, -31)], cover, edge)
    pen.polygon([(-48, -41), (-6, -38), (-12, -30), (-2, -24), (-6, -20)], shade)
    pen.polygon([(9, -40), (47, -43), (8, -20), (5, -25), (14, -31)], shade)
    pen.line([(-48, -41), (-6, -20)], 2, edge)
    pen.line([(47, -43), (8, -20)], 2, edge)
    _edged(pen, [(-3, -49), (5, -47), (2, -40), (-4, -42)], PAPER)
    _edged(pen, [(-2, -7), (4, -4), (0, 0), (-5, -1)], cover, edge)


def wilted_flowers(pen: Pen) -> None:
    """Faded flowers that hang over the rim of a vase, petals on the ground."""
    vase = pen.one_of(TEAL, PURPLE, SKY)
    heads = (((-12, -126), (-35, -62)), ((14, -138), (36, -66)), ((-2, -112), (2, -74)), ((18, -84), (27, -36)))
    for top, head in heads:
        pen.curve((0, -44), top, head, 4, OLIVE)
    pen.polygon([*bezier((-8, -60), (-34, -62), (-26, -30)), *bezier((-26, -30), (-24, -48), (-8, -60))], OLIVE)
    for _, (x, y) in heads:
        _wilted_head(pen, x, y)
    for x, y in ((-44, -3), (-31, -4), (32, -4), (44, -3)):
        pen.ellipse((x, y), (6, 3), (178, 112, 84))
    left, right = bezier((-13, -48), (-4, -42), (-17, -28)), bezier((17, -28), (4, -42), (13, -48))
    bottom = [*bezier((-17, -28), (-22, -8), (-11, 0)), *bezier((11, 0), (22, -8), (17, -28))]
    pen.polygon([*left, *bottom, *right], vase)
    pen.polygon([(4, 0), *bezier((11, 0), (22, -8), (17, -28)), (9, -28)], darker(vase))
    pen.line([(-12, -48), (12, -48)], 4, darker(vase))


def empty_chair(pen: Pen) -> None:
    """A chair with nobody on it, at a table laid for two by candlelight."""
    wood, cloth = pen.one_of(DARK_BROWN, (120, 60, 44), (84, 70, 60)), pen.one_of(RED, TEAL, PURPLE)
    pen.line([(-46, -100), (-42, -40), (-46, -2)], 6, wood)
    pen.line([(-20, -36), (-16, -2)], 5, wood)
    pen.line([(-43, -18), (-18, -18)], 3, wood)
    pen.polygon([(-44, -94), (-38, -92), (-35, -52), (-40, -50)], cloth)
    pen.line([(-42, -38), (-16, -38)], 6, wood)
    pen.line([(-40, -43), (-18, -43)], 5, cloth)
    pen.rectangle((18, -50), (24, -2), BROWN)
    pen.ellipse((21, -3), (16, 3), DARK_BROWN)
    folds = [(50, -36), (40, -28), (30, -36), (20, -28), (10, -36), (0, -28), (-10, -36)]
    _edged(pen, [(-10, -58), (50, -58), *folds], WHITE)
    pen.rectangle((-10, -58), (50, -54), SILVER)
    for x, glass in ((1, -7), (38, 47)):
        pen.ellipse((x, -60), (9, 3), SLATE)
        pen.ellipse((x, -61), (8, 2), WHITE)
        pen.line([(glass, -60), (glass, -72)], 2, SLATE)
        pen.polygon([(glass - 5, -84), (glass + 5, -84), (glass + 4, -75), (glass, -71), (glass - 4, -75)], SLATE)
        pen.polygon([(glass - 4, -79), (glass + 4, -79), (glass, -73)], DARK_RED)
    pen.rectangle((17, -84), (23, -60), CREAM)
    pen.rectangle((20, -84), (23, -60), AMBER)
    pen.rectangle((14, -63), (26, -58), GOLD)
    pen.polygon([*bezier((20, -104), (29, -88), (20, -85)), *bezier((20, -85), (11, -88), (20, -104))], FLAME)
    pen.circle((20, -89), 2, YELLOW)


def lost_balloon(pen: Pen) -> None:
    """A balloon that flies away over small clouds, its loose string trailing."""
    skin = pen.one_of(RED, BLUE, (238, 110, 40))
    for x, y in ((-31, -80), (35, -24)):
        _cloud(pen, x, y, (126, 160, 196), 1)
        _cloud(pen, x, y, WHITE, 0)
    for x, y in ((-22, -56), (-14, -44), (-3, -36)):
        pen.line([(x, y), (x - 9, y + 11)], 3, SLATE)
    pen.curve((11, -42), (30, -30), (10, -23), 2, INK)
    pen.curve((10, -23), (-13, -16), (-2, -8), 2, INK)
    pen.curve((-2, -8), (9, -1), (-22, -1), 2, INK)
    pen.polygon([(12, -50), (3, -42), (16, -39)], darker(skin, 30))
    pen.polygon([(-7, -62), (11, -45), (28, -50)], darker(skin))
    pen.ellipse((15, -76), (29, 29), darker(skin))
    pen.polygon([(-9, -64), (9, -47), (18, -50)], skin)
    pen.ellipse((13, -78), (27, 27), skin)
    pen.ellipse((1, -88), (6, 9), lighter(skin, 60))


def gravestone(pen: Pen) -> None:
    """A rounded stone with a cross on a mound of earth, flowers before it."""
    stone = pen.one_of(GREY, (160, 150, 142), SLATE)
    pen.ellipse((0, -8), (50, 9), DARK_BROWN)
    for shift, shade in ((6, darker(stone, 30)), (0, stone)):
        pen.circle((shift, -70), 35, shade)
        pen.rectangle((shift - 35, -70), (shift + 35, -8), shade)
    pen.line([(-24, -62), (-30, -54), (-26, -46)], 2, darker(stone, 30))
    for shift, shade in ((2, lighter(stone, 55)), (0, INK)):
        pen.rectangle((shift - 4, shift - 98), (shift + 4, shift - 48), shade)
        pen.rectangle((shift - 17, shift - 86), (shift + 17, shift - 78), shade)
    for width, row in ((20, -40), (13, -34)):
        pen.line([(-width, row), (width, row)], 2, INK)
    pen.ellipse((0, -5), (48, 6), BROWN)
    petals = pen.one_of(RED, YELLOW, LILAC)
    for x, y, color in ((-24, -20, petals), (-9, -24, WHITE), (6, -19, petals), (22, -22, WHITE)):
        pen.line([(x, y), (x - x // 4, -3)], 3, DARK_GREEN)
        pen.ellipse((x + 4, y + 10), (4, 2), GREEN)
        for across, down in ((-4, 0), (4, 0), (0, -4), (0, 4)):
            pen.circle((x + across, y + down), 4, color)
        pen.circle((x, y), 3, AMBER)


def broken_teddy(pen: Pen) -> None:
    """A sad teddy bear whose arm lies torn off beside it, stuffing coming out of both."""
    fur = pen.one_of((196, 140, 84), (168, 112, 70), (206, 160, 128))
    dark, pale = darker(fur, 25), lighter(fur, 45)
    for x in (-34, 8):
        pen.circle((x, -94), 11, dark)
        pen.circle((x, -93), 6, pale)
    pen.line([(-32, -48), (-43, -26)], 14, dark)
    pen.ellipse((-13, -32), (25, 27), fur)
    pen.ellipse((-13, -28), (15, 18), pale)
    for x in (-34, 8):
        pen.circle((x, -12), 12, dark)
        pen.circle((x, -11), 7, pale)
    _stuffing(pen, 9, -49)
    pen.ellipse((-13, -78), (28, 24), fur)
    pen.ellipse((-13, -69), (13, 10), pale)
    pen.ellipse((-13, -74), (5, 3), INK)
    pen.curve((-20, -62), (-13, -69), (-6, -62), 2, INK)
    pen.circle((-24, -83), 4, INK)
    for down in (-4, 4):
        pen.line([(-6, -83 - down), (2, -83 + down)], 2, INK)
    pen.curve((-24, -79), (-34, -70), (-27, -67), 2, SKY)
    pen.line([(33, -28), (41, -9)], 17, dark)
    pen.ellipse((42, -7), (5, 5), pale)
    _stuffing(pen, 32, -35)


def rain_cloud(pen: Pen) -> None:
    """A dark cloud with heavy rain below."""
    cloud, rain = pen.one_of(CHARCOAL, (70, 78, 100), (84, 80, 92)), pen.one_of(BLUE, (48, 104, 190), (80, 130, 210))
    for row, y in enumerate((-50, -34, -18)):
        for x in range(-38 + 6 * (row % 2), 49, 12):
            pen.line([(x, y), (x - 5, y + 11)], 4, rain)
    for x in (-38, -10, 20, 42):
        pen.ellipse((x, -2), (8, 2), rain)
        pen.ellipse((x, -2), (4, 1), lighter(rain, 60))
    for x, y, radius in ((-32, -66, 18), (-12, -80, 25), (16, -76, 23), (34, -64, 16)):
        pen.circle((x, y), radius, cloud)
    pen.rectangle((-32, -66), (34, -48), cloud)
    for x, y, radius in ((-16, -86, 16), (14, -82, 14), (-34, -70, 10)):
        pen.circle((x, y), radius, lighter(cloud, 22))
    pen.rectangle((-26, -54), (30, -48), darker(cloud, 30))
    pen.ellipse((2, -54), (40, 5), darker(cloud, 30))


def packed_suitcase(pen: Pen) -> None:
    """A closed suitcase with handle and label tag, a coat laid over it."""
    case, coat = pen.one_of(BROWN, DARK_RED, (120, 116, 70)), pen.one_of(NAVY, (70, 92, 84), CHARCOAL)
    pen.line([(-22, -68), (-20, -82), (4, -82), (6, -68)], 6, DARK_BROWN)
    for grown, shade in ((0, darker(case, 30)), (3, case)):
        top, bottom, side = grown - 70, -3 - grown, 48 - grown
        left, right = [(-side, bottom - 5), (-side, -64)], [(side, -64), (side, bottom - 5)]
        pen.polygon([(-42, bottom), *left, (-42, top), (42, top), *right, (42, bottom)], shade)
    pen.line([(-47, -48), (47, -48)], 2, darker(case, 40))
    for x in (-34, -4):
        pen.rectangle((x - 4, -70), (x + 4, -3), TAN)
        pen.rectangle((x - 6, -52), (x + 6, -43), GOLD)
        pen.rectangle((x - 3, -50), (x + 3, -45), darker(case, 40))
    for x in (-40, 40):
        pen.rectangle((x - 5, -4), (x + 5, 0), INK)
    pen.line([(-20, -72), (-19, -40)], 2, INK)
    _edged(pen, [(-19, -42), (-12, -36), (-12, -16), (-26, -16), (-26, -36)], CREAM)
    for y in (-29, -23):
        pen.line([(-22, y), (-16, y)], 2, SLATE)
    _coat(pen, coat)


def _coat(pen: Pen, color: Color) -> None:
    """A coat over the right half of a suitcase: collar on top, one sleeve hanging down."""
    pen.polygon([(6, -74), (14, -84), (40, -84), (50, -74), (50, -12), (4, -16)], color)
    pen.polygon([(12, -84), (24, -92), (40, -84), (30, -66), (25, -78), (20, -66)], lighter(color, 18))
    pen.line([(25, -70), (26, -15)], 2, darker(color, 45))
    for y in (-56, -42, -28):
        pen.circle((31, y), 3, GOLD)
    pen.line([(10, -72), (8, -26)], 12, lighter(color, 12))
    pen.line([(3, -24), (13, -24)], 4, lighter(color, 40))


def _wilted_head(pen: Pen, x: int, y: int) -> None:
    """A flower that hangs head down, its petals limp."""
    for across, down, shade in ((12, 9, BROWN), (7, 17, WOOD), (0, 20, (178, 112, 84))):
        pen.line([(x - across, y + down), (x, y), (x + across, y + down)], 7, shade)
    pen.ellipse((x, y + 2), (9, 6), DARK_BROWN)
    pen.ellipse((x, y - 3), (7, 4), OLIVE)


def _cloud(pen: Pen, x: int, y: int, color: Color, grown: int) -> None:
    for across, down, radius in ((-9, 0, 6), (0, -4, 9), (9, 0, 6)):
        pen.circle((x + across, y + down), radius + grown, color)
    pen.rectangle((x - 9, y), (x + 9, y + 6 + grown), color)


def _stuffing(pen: Pen, x: int, y: int) -> None:
    """White tufts out of a tear."""
    tufts = ((-5, -2, 5), (2, -6, 5), (7, 1, 5), (0, 4, 5))
    for grown, color in ((1, GREY), (0, WHITE)):
        for across, down, radius in tufts:
            pen.circle((x + across, y + down), radius + grown, color)


def _edged(pen: Pen, points: Sequence[Point], color: Color, edge: Color = INK) -> None:
    """A polygon with a thin edge."""
    pen.line([*points, points[0]], 2, edge)
    pen.polygon(points, color)
