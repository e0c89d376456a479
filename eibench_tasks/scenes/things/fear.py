"""Causes of fear."""

from eibench_tasks.scenes.canvas import Color
from eibench_tasks.scenes.colors import (
    CHARCOAL,
    CREAM,
    DARK_RED,
    FLAME,
    GOLD,
    INK,
    NAVY,
    RED,
    SILVER,
    SLATE,
    TAN,
    WHITE,
    YELLOW,
    darker,
    lighter,
)
from eibench_tasks.scenes.pen import Pen, bezier


def huge_spider(pen: Pen) -> None:
    """A big black hairy spider that hangs from a thread."""
    coat = pen.one_of((44, 38, 46), (58, 40, 36), (36, 40, 56))
    pen.line([(0, -105), (0, -70)], 3, SLATE)
    for side in (-1, 1):
        for root, knee, foot in (
            ((10, -48), (38, -88), (47, -62)),
            ((12, -42), (42, -64), (48, -34)),
            ((12, -34), (38, -44), (44, -6)),
            ((8, -26), (24, -26), (25, -2)),
        ):
            pen.line([(side * root[0], root[1]), (side * knee[0], knee[1]), (side * foot[0], foot[1])], 6, coat)
            for part in (1, 2, 3):
                x = side * (knee[0] * (4 - part) + foot[0] * part) // 4
                y = (knee[1] * (4 - part) + foot[1] * part) // 4
                pen.line([(x, y), (x + side * 5, y - 4)], 2, coat)
    for x, y in ((-27, -72), (-31, -56), (-20, -84), (27, -72), (31, -56), (20, -84), (-9, -90), (9, -90)):
        pen.line([(0, -58), (x, y)], 4, coat)
    pen.ellipse((0, -58), (26, 28), coat)
    pen.ellipse((-7, -68), (11, 10), lighter(coat, 18))
    pen.circle((0, -27), 17, lighter(coat, 10))
    for x in (-7, 7):
        pen.circle((x, -29), 6, WHITE)
        pen.circle((x, -28), 3, RED)
        pen.circle((x + x // 2, -39), 2, RED)
        pen.polygon([(x - 4, -17), (x + 4, -17), (x * 5 // 7, -3)], CREAM)


def rearing_snake(pen: Pen) -> None:
    """A snake that has reared up from its coils, with open mouth, fangs and forked tongue."""
    skin = pen.one_of((156, 130, 46), (112, 84, 138), (50, 110, 66))
    pen.line([(30, -8), (42, -14), (48, -28)], 6, darker(skin, 25))
    for y, radius in ((-10, 40), (-23, 32)):
        pen.ellipse((4, y), (radius, 10), darker(skin, 30))
        pen.ellipse((4, y - 3), (radius - 2, 8), skin)
    for shade, width, shift in ((darker(skin, 25), 20, 2), (skin, 16, 0), ((232, 220, 150), 7, -5)):
        pen.line([(x + shift, y) for x, y in bezier((16, -26), (40, -52), (18, -68))], width, shade)
        pen.line([(x + shift, y) for x, y in bezier((18, -68), (4, -80), (16, -92))], width, shade)
    pen.polygon([(12, -100), (22, -80), (-18, -56), (-32, -92)], DARK_RED)
    pen.polygon([(28, -100), (12, -105), *bezier((4, -104), (-26, -106), (-40, -90)), (-36, -86), (6, -84)], skin)
    pen.polygon([(28, -98), (8, -84), (-24, -62), (-26, -56), (-16, -54), (20, -70), (32, -84)], darker(skin, 15))
    for x in (-32, -22):
        pen.polygon([(x - 4, -87), (x + 4, -86), (x - 2, -68)], WHITE)
    pen.polygon([(-20, -64), (-13, -68), (-18, -76)], WHITE)
    pen.line([(0, -78), (-30, -72), (-40, -66), (-48, -68)], 3, RED)
    pen.line([(-40, -66), (-46, -58)], 3, RED)
    pen.circle((-4, -96), 6, YELLOW)
    pen.ellipse((-5, -96), (2, 5), INK)
    pen.line([(-14, -98), (4, -104)], 4, darker(skin, 45))


def _monster(pen: Pen, shift: int, color: Color) -> None:
    """The outline of a horned monster with raised claws."""
    trunk = [*bezier((-34, -20), (-24, -66), (0, -66)), *bezier((0, -66), (24, -66), (34, -20))]
    pen.polygon([(-30, 0), *trunk, (30, 0)], color)
    pen.ellipse((0, -66 - shift), (21, 23), color)
    for side in (-1, 1):
        horn = [*bezier((6, -84), (26, -84), (20, -104 - shift)), *bezier((20, -104), (36, -84), (16, -66))]
        pen.polygon([(side * x, y) for x, y in horn], color)
        pen.line([(side * 18, -42), (side * 38, -40), (side * 36, -62)], 12 + shift, color)
        pen.circle((side * 36, -63), 9 + shift, color)
        for x, tip, y in ((28, 22, -82), (34, 33, -90), (40, 43, -88), (44, 49, -76)):
            pen.polygon([(side * (x - 4), -64), (side * (x + 4), -62), (side * tip, y - shift)], color)


def monster_shadow(pen: Pen) -> None:
    """The dark shadow of a monster with claws, horns and glowing eyes on a lit wall."""
    shade = pen.one_of((42, 36, 54), (34, 42, 58), (52, 34, 44))
    pen.ellipse((0, -52), (50, 52), (250, 232, 160))
    _monster(pen, 1, shade)
    for side in (-1, 1):
        pen.polygon([(side * 4, -64), (side * 17, -76), (side * 14, -62)], YELLOW)
    teeth = [(-14, -56), (-8, -51), (-4, -56), (0, -51), (4, -56), (8, -51), (14, -56)]
    pen.polygon([*teeth, (8, -46), (-8, -46)], YELLOW)


def _flame(pen: Pen, x: int, half: int, tall: int, color: Color) -> None:
    """A flame with its tip above the middle of its foot."""
    left = [*bezier((x - half // 2, 0), (x - half * 2, -tall // 3), (x - half // 4, -tall * 2 // 3)), (x, -tall)]
    right = bezier((x + half // 3, -tall * 2 // 3), (x + half * 2, -tall // 3), (x + half // 2, 0))
    pen.polygon([*left, *right], color)


def spreading_flames(pen: Pen) -> None:
    """High flames that burn on the floor, with dark smoke."""
    smoke = pen.one_of(CHARCOAL, SLATE, (88, 80, 84))
    for x, y, radius in ((-2, -70, 16), (14, -82, 15), (-10, -88, 14), (30, -94, 11), (8, -96, 9), (-28, -95, 9)):
        pen.circle((x, y), radius, smoke)
        pen.circle((x - 3, y - 3), radius * 2 // 3, lighter(smoke, 14))
    pen.ellipse((0, -4), (50, 4), INK)
    flames = ((-36, 14, 50), (36, 14, 56), (-18, 17, 78), (20, 16, 70), (2, 17, 88))
    for share, color in ((100, RED), (72, FLAME), (44, YELLOW)):
        for x, half, tall in flames:
            _flame(pen, x, half * share // 100, tall * share // 100, color)


def lightning(pen: Pen) -> None:
    """A dark storm cloud from which a big zigzag flash strikes."""
    cloud = pen.one_of((76, 80, 98), (70, 72, 80), (86, 76, 104))
    bolt = [(-6, -66), (28, -66), (10, -42), (30, -42), (-20, 0), (-4, -32), (-26, -32)]
    pen.line([*bolt, bolt[0]], 6, GOLD)
    pen.polygon(bolt, YELLOW)
    pen.polygon([(-2, -66), (10, -66), (-8, -36), (-18, -36)], lighter(YELLOW, 55))
    for color, lift in ((darker(cloud, 25), 0), (cloud, 5)):
        for x, y, radius in ((-34, -72, 15), (-16, -82, 21), (10, -84, 20), (33, -74, 16)):
            pen.circle((x, y - lift // 2), radius - lift // 2, color)
        pen.rectangle((-36, -72 - lift), (36, -58 - lift), color)
    pen.ellipse((-18, -93), (11, 6), lighter(cloud, 25))
    pen.ellipse((12, -95), (8, 4), lighter(cloud, 25))


def growling_dog(pen: Pen) -> None:
    """A dark angry dog with a bristling back that crouches and bares its teeth."""
    coat = pen.one_of((62, 58, 66), (78, 64, 60), (54, 60, 76))
    far = darker(coat, 35)
    pen.line([(-2, -34), (2, -18), (-6, -4)], 8, far)
    pen.line([(32, -36), (26, -20), (32, -12), (26, -4)], 8, far)
    pen.polygon([(36, -62), (46, -70), (48, -86), (50, -60), (42, -46)], far)
    back = [(-24, -58), (-14, -82), (-8, -66), (-2, -84), (6, -68), (13, -80), (19, -66), (26, -76), (31, -64)]
    pen.polygon([*back, (38, -68), (46, -50), (46, -32), (34, -24), (22, -36), (4, -30), (-12, -24), (-30, -34)], coat)
    pen.line([(-10, -34), (-8, -18), (-15, -5)], 11, coat)
    pen.line([(40, -36), (36, -24), (43, -14), (36, -5)], 10, coat)
    for x in (-9, 22, -19, 32):
        pen.ellipse((x, -4), (8, 4), far if x in (-9, 22) else coat)
    pen.polygon([(-12, -62), (-22, -66), (2, -86)], far)
    pen.polygon([(-22, -44), (-48, -42), (-42, -26), (-16, -22)], darker(DARK_RED, 30))
    pen.polygon([(-16, -72), (-28, -70), (-34, -58), (-48, -56), (-50, -44), (-18, -40), (-4, -36), (-2, -58)], coat)
    pen.polygon([(-2, -46), (-20, -32), (-46, -31), (-44, -25), (-22, -21), (-4, -22)], coat)
    for x in range(-46, -18, 6):
        tall = 12 if x == -40 else 7
        pen.polygon([(x - 3, -44), (x + 3, -43), (x, -44 + tall)], WHITE)
        pen.polygon([(x, -30), (x + 6, -30), (x + 3, -37)], WHITE)
    pen.ellipse((-47, -55), (4, 4), (20, 18, 24))
    pen.polygon([(-30, -62), (-16, -68), (-18, -58), (-26, -57)], YELLOW)
    pen.circle((-23, -61), 2, RED)
    for x in (-42, -36):
        pen.line([(x, -53), (x + 4, -48)], 2, far)


def burglar(pen: Pen) -> None:
    """A masked burglar with a striped shirt and a sack who climbs in through a window."""
    sack = pen.one_of(TAN, (176, 160, 130), (190, 146, 96))
    pen.rectangle((-50, -105), (50, -6), darker(SILVER, 35))
    pen.rectangle((-48, -103), (48, -8), WHITE)
    pen.rectangle((-41, -97), (41, -16), NAVY)
    pen.circle((30, -86), 7, CREAM)
    pen.circle((27, -88), 6, NAVY)
    pen.circle((24, -44), 22, darker(sack, 20))
    pen.circle((22, -46), 20, sack)
    pen.polygon([(6, -62), (18, -62), (10, -76), (2, -72)], sack)
    pen.polygon([(-26, -16), (-24, -44), (-14, -52), (6, -52), (14, -42), (14, -16)], WHITE)
    for y in (-46, -34, -22):
        pen.rectangle((-24, y), (14, y + 6), INK)
    pen.rectangle((-50, -18), (50, -8), darker(SILVER, 12))
    pen.line([(-8, -18), (-28, -24), (-32, -6)], 12, CHARCOAL)
    pen.ellipse((-38, -4), (12, 4), INK)
    skin = (236, 190, 152)
    pen.circle((-6, -68), 17, skin)
    pen.polygon([(-24, -74), *bezier((-24, -74), (-6, -104), (12, -74))], CHARCOAL)
    pen.rectangle((-23, -74), (11, -62), INK)
    for x in (-14, 2):
        pen.ellipse((x, -68), (5, 4), WHITE)
        pen.circle((x - 2, -68), 2, INK)
    pen.line([(-12, -56), (0, -57)], 2, DARK_RED)
    pen.line([(12, -40), (22, -58), (10, -68)], 9, WHITE)
    pen.circle((8, -70), 6, skin)
