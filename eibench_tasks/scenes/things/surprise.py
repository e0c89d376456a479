"""Causes of surprise."""

from eibench_tasks.scenes.canvas import Point
from eibench_tasks.scenes.colors import (
    AMBER,
    BLUE,
    BROWN,
    CHARCOAL,
    CREAM,
    DARK_BROWN,
    DARK_RED,
    GOLD,
    GREEN,
    GREY,
    INK,
    LIME,
    NAVY,
    ORANGE,
    PINK,
    PURPLE,
    RED,
    ROSE,
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


def jack_in_the_box(pen: Pen) -> None:
    """A clown on a spring that jumps out of a colourful box."""
    box, dots, hair = pen.one_of((BLUE, YELLOW, ORANGE), (PURPLE, LIME, RED), (TEAL, ROSE, ORANGE))
    pen.polygon([(-36, -33), (-50, -62), (-44, -65), (-30, -36)], darker(box, 35))
    pen.rectangle((-32, -38), (32, -33), darker(box, 55))
    pen.line([(-10, -32), (16, -38), (-16, -43), (16, -48), (-16, -53), (16, -58), (0, -62)], 4, SLATE)
    pen.rectangle((-36, -34), (36, 0), box)
    pen.rectangle((-36, -34), (36, -29), RED)
    pen.rectangle((-36, -5), (36, 0), RED)
    for x in (-22, 0, 22):
        pen.polygon([(x - 8, -17), (x, -28), (x + 8, -17), (x, -6)], dots)
    pen.polygon([(-24, -56), (-16, -66), (16, -66), (24, -56), (12, -60), (0, -54), (-12, -60)], RED)
    for x in (-18, 18):
        pen.circle((x, -78), 9, hair)
    pen.polygon([(-12, -88), (12, -88), (2, -105)], box)
    pen.circle((2, -101), 4, YELLOW)
    pen.circle((0, -76), 16, (252, 226, 204))
    pen.polygon([(-11, -73), (11, -73), *bezier((11, -73), (0, -54), (-11, -73))], RED)
    pen.polygon([(-8, -71), (8, -71), (6, -68), (-6, -68)], WHITE)
    for x in (-6, 6):
        pen.ellipse((x, -82), (4, 5), WHITE)
        pen.circle((x, -82), 2, INK)
    pen.circle((0, -76), 4, RED)


def rabbit_in_hat(pen: Pen) -> None:
    """A white rabbit that comes out of a black top hat, and a magic wand."""
    band, black, fur = pen.one_of(RED, PURPLE, TEAL), (44, 42, 52), WHITE
    pen.ellipse((-2, -46), (46, 11), black)
    pen.ellipse((-2, -47), (34, 7), (20, 18, 24))
    for color, more in ((GREY, 2), (fur, 0)):
        pen.ellipse((-14, -88), (6 + more, 16 + more), color)
        pen.ellipse((10, -86), (6 + more, 17 + more), color)
        pen.ellipse((-2, -48), (17 + more, 14), color)
        pen.circle((-2, -66), 18 + more, color)
    pen.ellipse((-14, -88), (3, 12), PINK)
    pen.ellipse((10, -86), (3, 12), PINK)
    for x in (-9, 5):
        pen.ellipse((x, -68), (2, 4), INK)
    pen.polygon([(-6, -62), (2, -62), (-2, -57)], ROSE)
    for side in (-1, 1):
        pen.line([(-2 + side * 7, -60), (-2 + side * 20, -63)], 1, GREY)
    pen.polygon([*bezier((-48, -46), (-2, -24), (44, -46)), (32, -36), (27, 0), (-31, 0), (-36, -36)], black)
    pen.polygon([*bezier((-35, -33), (-2, -27), (31, -33)), (30, -20), *bezier((30, -22), (-2, -16), (-34, -22))], band)
    pen.polygon([(-28, -16), (-20, -14), (-19, -1), (-27, -1)], CHARCOAL)
    for x in (-15, 11):
        pen.ellipse((x, -40), (8, 6), GREY)
        pen.ellipse((x, -40), (7, 5), fur)
    for width, color in ((7, GREY), (5, INK)):
        pen.line([(-6, -4), (44, -22)], width, color)
    pen.line([(38, -20), (46, -23)], 7, WHITE)


def flying_saucer(pen: Pen) -> None:
    """A flying saucer with a dome, lamps and a beam of light."""
    hull = pen.one_of(SLATE, (118, 96, 150), (84, 128, 136))
    pen.polygon([(-14, -58), (14, -58), (40, -4), (-40, -4)], (255, 240, 130))
    pen.ellipse((0, -5), (40, 5), (255, 240, 130))
    pen.polygon([(-7, -58), (7, -58), (20, -5), (-20, -5)], (255, 250, 190))
    pen.ellipse((0, -80), (25, 25), SKY)
    pen.ellipse((-10, -90), (6, 8), lighter(SKY, 70))
    pen.ellipse((0, -82), (11, 13), LIME)
    for side in (-1, 1):
        pen.ellipse((side * 5, -83), (3, 5), INK)
    pen.ellipse((0, -56), (20, 9), darker(hull, 40))
    pen.ellipse((0, -64), (50, 13), darker(hull))
    pen.ellipse((0, -68), (48, 10), lighter(hull))
    pen.ellipse((0, -72), (28, 6), hull)
    for x, y in ((-40, -63), (-21, -58), (0, -56), (21, -58), (40, -63)):
        pen.circle((x, y), 4, pen.one_of(RED, YELLOW, AMBER))


def _lid(wide: int, top: int) -> list[Point]:
    """The outline of an arched lid."""
    left = [(6 - wide, -42), *bezier((-wide, -62), (4 - wide, -top), (26 - wide, -top))]
    return left + [(-x, y) for x, y in reversed(left)]


def treasure_chest(pen: Pen) -> None:
    """An open chest full of gold coins and jewels."""
    wood = pen.one_of(BROWN, (150, 70, 52), (110, 82, 70))
    pen.polygon(_lid(50, 100), wood)
    pen.polygon(_lid(41, 90), darker(wood, 55))
    for x, y in ((-30, -46), (-18, -54), (-4, -60), (10, -57), (24, -52), (33, -45), (0, -50), (-12, -46), (16, -46)):
        pen.circle((x, y), 10, darker(GOLD, 25))
        pen.circle((x, y - 1), 9, YELLOW)
        pen.circle((x, y - 1), 5, GOLD)
    for x, y, jewel in ((-24, -60, RED), (18, -66, BLUE), (3, -48, GREEN)):
        pen.polygon([(x - 8, y - 2), (x - 4, y - 7), (x + 4, y - 7), (x + 8, y - 2), (x, y + 8)], jewel)
        pen.polygon([(x - 4, y - 2), (x - 2, y - 6), (x + 2, y - 6), (x + 4, y - 2)], lighter(jewel, 60))
    pen.rectangle((-48, -42), (48, 0), wood)
    pen.rectangle((-48, -23), (48, -20), darker(wood, 35))
    pen.rectangle((-50, -44), (50, -37), GOLD)
    pen.rectangle((-50, -6), (50, 0), GOLD)
    for x in (-44, 44):
        pen.rectangle((x - 6, -44), (x + 6, 0), GOLD)
    pen.rectangle((-10, -44), (10, -20), darker(GOLD))
    pen.circle((0, -34), 4, INK)
    pen.rectangle((-1, -34), (2, -25), INK)


def lost_elephant(pen: Pen) -> None:
    """A grey elephant, seen from the side."""
    skin = pen.one_of((142, 150, 166), (128, 134, 144), (150, 148, 164))
    shade = darker(skin)
    pen.curve((45, -58), (52, -44), (47, -32), 3, shade)
    pen.line([(47, -33), (46, -28)], 5, INK)
    for x in (0, 26):
        pen.rectangle((x - 8, -36), (x + 7, -2), darker(skin, 30))
    pen.ellipse((14, -56), (34, 30), skin)
    for x in (-10, 36):
        pen.rectangle((x - 9, -44), (x + 9, 0), skin)
        for toe in (-6, 0, 6):
            pen.ellipse((x + toe, -2), (2, 2), CREAM)
    pen.line(bezier((-36, -66), (-50, -36), (-42, -14)), 13, skin)
    pen.line(bezier((-42, -14), (-40, -5), (-32, -8)), 10, skin)
    pen.circle((-24, -74), 22, skin)
    pen.polygon(
        [(-34, -58), *bezier((-33, -54), (-30, -36), (-46, -36)), *bezier((-46, -36), (-22, -30), (-23, -56))], CREAM
    )
    pen.ellipse((-6, -72), (19, 26), shade)
    pen.ellipse((-5, -71), (13, 19), (206, 160, 170))
    pen.circle((-34, -80), 3, INK)
    for y in (-50, -40, -30):
        pen.line([(-49, y), (-39, y)], 1, shade)


def open_door(pen: Pen) -> None:
    """An open door in its frame, in which an old friend with a travel bag stands and waves."""
    door, coat = pen.one_of((GREEN, RED), (DARK_RED, BLUE), (NAVY, ORANGE))
    pen.rectangle((-24, -105), (50, 0), DARK_BROWN)
    pen.rectangle((-21, -102), (47, 0), WOOD)
    pen.rectangle((-15, -97), (41, 0), (255, 236, 170))
    pen.polygon([(-15, -12), (41, -12), (41, 0), (-15, 0)], TAN)
    pen.polygon([(-15, -97), (-50, -104), (-50, 0), (-15, -4)], door)
    for top, bottom in ((-92, -56), (-46, -10)):
        pen.polygon([(-44, top - 3), (-21, top), (-21, bottom), (-44, bottom + 1)], darker(door, 25))
    pen.circle((-43, -51), 4, YELLOW)
    for x in (8, 18):
        pen.line([(x, -30), (x, -5)], 8, NAVY if coat != BLUE else CHARCOAL)
        pen.ellipse((x - 1, -3), (6, 3), INK)
    pen.polygon([(4, -62), (22, -62), (25, -26), (1, -26)], coat)
    pen.line([(5, -59), (-7, -68), (-6, -84)], 7, coat)
    pen.circle((-6, -87), 5, (240, 196, 160))
    pen.line([(21, -58), (29, -44), (30, -32)], 7, coat)
    pen.circle((30, -29), 4, (240, 196, 160))
    pen.circle((13, -74), 12, (240, 196, 160))
    pen.polygon([(1, -76), *bezier((0, -78), (13, -100), (26, -78)), (25, -74), (21, -80), (6, -80)], DARK_BROWN)
    for x in (9, 17):
        pen.circle((x, -75), 1, INK)
    pen.curve((8, -70), (13, -65), (18, -70), 2, DARK_RED)
    pen.line([(26, -22), (27, -27), (33, -27), (34, -22)], 2, INK)
    pen.rectangle((21, -22), (40, -3), BROWN)
    pen.rectangle((21, -14), (40, -11), AMBER)


def hatching_egg(pen: Pen) -> None:
    """A large egg, cracked open, with a chick that looks out."""
    shell = pen.one_of((250, 240, 220), (214, 232, 240), (246, 222, 200))
    edge, spots = darker(shell, 35), darker(shell, 15)
    rim = [(36, -40), (28, -52), (20, -40), (10, -52), (0, -40), (-10, -52), (-20, -40), (-28, -52), (-36, -40)]
    pen.ellipse((0, -44), (38, 12), darker(shell, 45))
    pen.ellipse((0, -56), (29, 34), YELLOW)
    for side in (-1, 1):
        pen.ellipse((side * 29, -50), (9, 6), AMBER)
        pen.circle((side * 11, -64), 5, INK)
        pen.circle((side * 11 - 1, -66), 2, WHITE)
        pen.circle((side * 19, -55), 4, (250, 180, 90))
    pen.polygon([(-8, -58), (0, -63), (8, -58), (0, -50)], ORANGE)
    cap = [(-30, -78), (-20, -84), (-11, -76), (0, -84), (11, -76), (20, -84), (30, -78)]
    for color, less in ((edge, 0), (shell, 2)):
        top, low, wide = -107 + less, -less, 45 - less
        right = [*bezier((32 - less, -78), (24 - less, top - 2), (0, top))]
        pen.polygon([*cap, *right, *((-x, y) for x, y in reversed(right))], color)
        right = [*bezier((0, low), (wide, low), (wide, -38)), (wide - 3, -46)]
        pen.polygon([*((-x, y) for x, y in reversed(right)), *right, *rim], color)
    for x, y in ((-24, -26), (4, -16), (26, -24), (-8, -34)):
        pen.ellipse((x, y), (5, 4), spots)
