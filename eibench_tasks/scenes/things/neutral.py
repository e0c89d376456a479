"""Things that cause nothing: distractors."""

from eibench_tasks.scenes.colors import (
    AMBER,
    BLUE,
    BROWN,
    CHARCOAL,
    CREAM,
    DARK_BROWN,
    DARK_GREEN,
    DARK_RED,
    GOLD,
    GREEN,
    GREY,
    INK,
    LIME,
    NAVY,
    ORANGE,
    PAPER,
    PURPLE,
    RED,
    SILVER,
    SKY,
    SLATE,
    TEAL,
    WHITE,
    WOOD,
    YELLOW,
    darker,
    lighter,
)
from eibench_tasks.scenes.pen import Pen, bezier


def potted_plant(pen: Pen) -> None:
    """A plant with broad leaves in a clay pot."""
    pot = pen.one_of((200, 104, 66), (90, 120, 170), (222, 190, 140))
    leaves = ((-44, -54), (44, -54), (-38, -82), (38, -82), (-18, -102), (18, -102), (0, -72))
    for number, (x, y) in enumerate(leaves):
        green = DARK_GREEN if number % 2 else GREEN
        left, right = (x - 16 + y // 8, y + 26), (x + 16 - y // 8, y + 26)
        pen.polygon([*bezier((0, -34), left, (x, y)), *bezier((x, y), right, (0, -34))], green)
        pen.line([(0, -36), (x * 4 // 5, y * 4 // 5 - 7)], 2, LIME)
    pen.polygon([(-24, -34), (24, -34), (18, 0), (-18, 0)], pot)
    pen.polygon([(10, -34), (24, -34), (18, 0), (8, 0)], darker(pot, 15))
    pen.rectangle((-28, -40), (28, -29), lighter(pot, 15))
    pen.rectangle((-28, -30), (28, -28), darker(pot))


def floor_lamp(pen: Pen) -> None:
    """A floor lamp with a wide cloth shade."""
    shade = pen.one_of((240, 214, 150), (222, 130, 110), (140, 190, 180))
    pen.ellipse((0, -4), (24, 4), darker(BROWN, 45))
    pen.ellipse((0, -6), (22, 4), DARK_BROWN)
    pen.line([(0, -6), (0, -72)], 5, DARK_BROWN)
    pen.polygon([(-20, -105), (20, -105), (36, -66), (-36, -66)], shade)
    pen.polygon([(8, -105), (20, -105), (36, -66), (14, -66)], darker(shade, 12))
    pen.polygon([(-34, -70), (34, -70), (36, -66), (-36, -66)], darker(shade, 35))
    pen.polygon([(-20, -105), (20, -105), (21, -102), (-21, -102)], darker(shade, 35))
    pen.line([(14, -66), (14, -50)], 1, INK)
    pen.circle((14, -49), 2, GOLD)


def wall_clock(pen: Pen) -> None:
    """A plain round clock."""
    rim, hours = pen.one_of((SLATE, 3), (BROWN, 2), (NAVY, 1))
    pen.circle((0, -50), 50, darker(rim, 25))
    pen.circle((0, -50), 48, rim)
    pen.circle((0, -50), 40, PAPER)
    marks = ((0, -34), (17, -30), (30, -17), (34, 0), (30, 17), (17, 30))
    for x, y in marks + tuple((-x, -y) for x, y in marks):
        whole = not x or not y
        pen.line([(x, y - 50), (x * 7 // 8, y * 7 // 8 - 50)], 5 if whole else 3, INK)
    across, down = ((16, -9), (20, 0), (16, 11))[hours - 1]
    pen.line([(0, -50), (across, down - 50)], 6, INK)
    pen.line([(0, -50), (-8, -77)], 4, INK)
    pen.line([(4, -58), (-10, -24)], 2, RED)
    pen.circle((0, -50), 4, RED)


def framed_picture(pen: Pen) -> None:
    """A landscape painting in a golden frame."""
    frame = pen.one_of(GOLD, (150, 100, 56), (90, 74, 66))
    pen.line([(-24, -76), (0, -100), (24, -76)], 2, GREY)
    pen.circle((0, -100), 3, INK)
    pen.rectangle((-50, -80), (50, 0), darker(frame, 25))
    pen.rectangle((-48, -78), (48, -2), frame)
    pen.rectangle((-42, -72), (42, -8), lighter(frame, 45))
    pen.rectangle((-38, -68), (38, -12), SKY)
    pen.polygon([(-38, -32), (-14, -60), (8, -32)], (126, 138, 166))
    pen.polygon([(-21, -52), (-14, -60), (-7, -52), (-14, -48)], WHITE)
    pen.polygon([(-8, -30), (16, -52), (38, -30)], (150, 158, 184))
    pen.polygon([(-38, -34), *bezier((-38, -34), (0, -40), (38, -28)), (38, -12), (-38, -12)], GREEN)
    pen.polygon(
        [
            (4, -33),
            (8, -33),
            *bezier((8, -33), (-4, -22), (14, -12)),
            (-6, -12),
            *bezier((-6, -12), (-12, -24), (4, -33)),
        ],
        BLUE,
    )
    pen.rectangle((23, -28), (26, -18), DARK_BROWN)
    pen.polygon([(16, -25), (25, -44), (33, -25)], DARK_GREEN)


def bucket(pen: Pen) -> None:
    """A bucket with a handle."""
    side = pen.one_of((160, 170, 182), (76, 130, 200), (226, 150, 60))
    pen.line([*bezier((-38, -62), (-36, -104), (0, -103)), *bezier((0, -103), (36, -104), (38, -62))], 3, CHARCOAL)
    pen.line([(-10, -102), (10, -102)], 7, BROWN)
    pen.polygon([(-41, -62), (41, -62), (29, -6), (-29, -6)], side)
    pen.polygon([(16, -62), (41, -62), (29, -6), (12, -6)], darker(side, 18))
    pen.polygon([(-33, -56), (-25, -56), (-19, -8), (-24, -8)], lighter(side, 45))
    pen.ellipse((0, -6), (29, 6), darker(side, 18))
    for y, wide in ((-42, 37), (-20, 32)):
        pen.curve((-wide, y), (0, y + 14), (wide, y), 2, darker(side, 32))
    pen.ellipse((0, -63), (43, 11), darker(side, 35))
    pen.ellipse((0, -64), (40, 8), lighter(side, 30))
    pen.ellipse((0, -63), (36, 7), darker(side, 55))
    for x in (-39, 39):
        pen.circle((x, -60), 4, CHARCOAL)


def broom(pen: Pen) -> None:
    """A broom that stands on its bristles."""
    band, straw = pen.one_of(RED, BLUE, DARK_GREEN), (228, 188, 92)
    pen.line([(0, -40), (0, -103)], 6, BROWN)
    pen.line([(-1, -40), (-1, -103)], 2, WOOD)
    pen.polygon(
        [
            (-7, -46),
            (7, -46),
            *bezier((10, -40), (30, -28), (34, 0)),
            (-34, 0),
            *bezier((-34, 0), (-30, -28), (-10, -40)),
        ],
        straw,
    )
    for x in range(-28, 29, 8):
        pen.line([(x // 4, -40), (x * 3 // 4, -22), (x, -3)], 2, darker(straw, 28))
    for x in range(-30, 34, 12):
        pen.polygon([(x - 2, 0), (x, -6), (x + 2, 0)], darker(straw, 45))
    pen.rectangle((-9, -50), (9, -42), band)
    pen.polygon([(-15, -33), (15, -33), (19, -28), (-19, -28)], band)


def mailbox(pen: Pen) -> None:
    """A letter box with a little flag, on a post."""
    metal, flag = pen.one_of((BLUE, RED), ((166, 172, 182), RED), (DARK_GREEN, ORANGE))
    pen.rectangle((-5, -50), (9, 0), BROWN)
    pen.rectangle((4, -50), (9, 0), DARK_BROWN)
    pen.rectangle((-34, -56), (40, -49), WOOD)
    pen.polygon([(-26, -56), (-26, -97), (28, -97), *bezier((28, -97), (48, -96), (48, -74)), (48, -56)], metal)
    for x, top, color in ((19, -98, darker(metal, 40)), (15, -94, darker(metal, 22))):
        pen.ellipse((-26, top + 20), (x, 20), color)
        pen.rectangle((-26 - x, top + 20), (x - 26, -56), color)
    pen.rectangle((-30, -88), (-22, -84), lighter(metal, 60))
    pen.polygon([(-36, -76), (-14, -76), (-14, -62), (-36, -62)], PAPER)
    pen.line([(-36, -76), (-25, -68), (-14, -76)], 2, GREY)
    pen.line([(16, -68), (16, -103)], 4, darker(flag, 25))
    pen.rectangle((16, -105), (34, -93), flag)


def traffic_cone(pen: Pen) -> None:
    """An orange and white traffic cone."""
    cone = pen.one_of(ORANGE, (232, 84, 40), (244, 110, 60))
    pen.polygon([(-38, -10), (38, -10), (44, 0), (-44, 0)], darker(cone, 35))
    pen.polygon([(-36, -14), (36, -14), (40, -7), (-40, -7)], darker(cone))
    pen.polygon([(-6, -96), (6, -96), (30, -10), (-30, -10)], cone)
    pen.polygon([(1, -96), (6, -96), (30, -10), (13, -10)], darker(cone, 12))
    for high, low in ((-78, -62), (-44, -26)):
        left, right = 6 + (96 + high) * 24 // 86, 6 + (96 + low) * 24 // 86
        pen.polygon([(-left, high), (left, high), (right, low), (-right, low)], WHITE)
        pen.polygon([(left // 3, high), (left, high), (right, low), (right // 3, low)], SILVER)
    pen.ellipse((0, -96), (6, 3), darker(cone, 45))
    pen.ellipse((0, -10), (30, 4), cone)


def ladder(pen: Pen) -> None:
    """A stepladder."""
    rail, step = pen.one_of((AMBER, WOOD), ((178, 184, 194), SLATE), (RED, SILVER))
    for x in (10, 42):
        pen.line([(x // 3, -96), (x, -2)], 4, darker(rail, 50))
    pen.line([(8, -30), (34, -30)], 3, darker(rail, 50))
    pen.line([(6, -60), (24, -60)], 3, darker(rail, 50))
    for x in (-6, 14):
        pen.line([(x - 8, -98), (x * 2 - 26, -2)], 6, rail)
    for number in range(5):
        y = -84 + number * 17
        shift = (98 + y) * 24 // 98
        pen.rectangle((-15 - shift, y), (8 - shift // 4, y + 6), step)
        pen.rectangle((-15 - shift, y + 4), (8 - shift // 4, y + 6), darker(step, 35))
    pen.rectangle((-20, -104), (14, -96), darker(rail, 20))


def watering_can(pen: Pen) -> None:
    """A watering can with a long spout and a rose."""
    can = pen.one_of(GREEN, TEAL, (120, 140, 190))
    pen.curve((34, -14), (60, -84), (22, -88), 6, darker(can, 30))
    pen.curve((22, -88), (-6, -90), (-10, -60), 6, darker(can, 30))
    pen.polygon([(-12, -12), (-12, -30), (-36, -72), (-42, -68)], darker(can))
    pen.polygon([(-50, -66), (-32, -80), (-29, -74), (-46, -60)], darker(can, 40))
    pen.polygon([(-14, -60), (32, -60), (38, -4), (-20, -4)], can)
    pen.ellipse((9, -4), (29, 4), can)
    pen.ellipse((9, -60), (23, 6), darker(can, 45))
    pen.polygon([(18, -56), (32, -58), (38, -4), (22, -1)], darker(can, 15))
    pen.line([(-16, -44), (34, -44)], 3, lighter(can, 40))
    pen.line([(-18, -18), (37, -18)], 3, lighter(can, 40))


def fire_hydrant(pen: Pen) -> None:
    """A fire hydrant."""
    iron = pen.one_of(RED, (236, 186, 50), DARK_RED)
    cap = darker(iron, 30)
    for side in (-1, 1):
        pen.rectangle((side * 20, -66), (side * 38, -46), iron)
        pen.rectangle((side * 34, -70), (side * 43, -42), cap)
    pen.rectangle((-24, -78), (24, -6), iron)
    pen.rectangle((12, -78), (24, -6), darker(iron, 15))
    pen.polygon(
        [(-26, -78), *bezier((-26, -80), (-22, -102), (0, -102)), *bezier((0, -102), (22, -102), (26, -80)), (26, -78)],
        iron,
    )
    pen.rectangle((-6, -105), (6, -96), cap)
    pen.rectangle((-30, -82), (30, -75), cap)
    pen.rectangle((-30, -24), (30, -18), cap)
    pen.rectangle((-34, -9), (34, 0), cap)
    pen.circle((0, -52), 17, cap)
    pen.circle((0, -52), 13, lighter(iron, 15))
    pen.polygon([(-5, -57), (5, -57), (8, -52), (5, -47), (-5, -47), (-8, -52)], cap)
    pen.line([(-17, -72), (-17, -30)], 4, lighter(iron, 40))


def street_lamp(pen: Pen) -> None:
    """A street lamp with a lantern on an iron post."""
    iron = pen.one_of(CHARCOAL, (46, 78, 66), (62, 58, 84))
    pen.polygon([(-19, 0), (-15, -8), (15, -8), (19, 0)], iron)
    pen.rectangle((-9, -20), (9, -6), iron)
    pen.line([(0, -10), (0, -60)], 7, iron)
    pen.line([(-18, -50), (18, -50)], 5, iron)
    for x in (-18, 18):
        pen.circle((x, -50), 4, iron)
    pen.polygon([(-13, -58), (13, -58), (23, -91), (-23, -91)], iron)
    pen.polygon([(-10, -61), (-2, -61), (-2, -89), (-18, -89)], (255, 238, 170))
    pen.polygon([(10, -61), (2, -61), (2, -89), (18, -89)], YELLOW)
    pen.polygon([(-28, -89), (28, -89), (10, -101), (-10, -101)], iron)
    pen.circle((0, -101), 4, iron)


def stool(pen: Pen) -> None:
    """A wooden stool."""
    wood = pen.one_of(WOOD, (200, 150, 96), (130, 84, 60))
    for x in (-12, 12):
        pen.line([(x, -74), (x * 3 // 2, -8)], 7, darker(wood, 40))
    for x in (-28, 28):
        pen.line([(x, -76), (x * 10 // 7, -3)], 9, darker(wood, 15))
    pen.line([(-35, -30), (35, -30)], 6, darker(wood, 28))
    pen.ellipse((0, -78), (44, 12), darker(wood, 30))
    pen.ellipse((0, -84), (44, 12), wood)
    pen.ellipse((0, -85), (34, 8), lighter(wood, 25))


def globe(pen: Pen) -> None:
    """A globe on a stand."""
    stand, land = pen.one_of(BROWN, GOLD, CHARCOAL), GREEN
    pen.ellipse((0, -5), (32, 5), darker(stand, 30))
    pen.ellipse((0, -8), (28, 5), stand)
    pen.line([(0, -8), (0, -20)], 8, stand)
    pen.line([*bezier((24, -98), (58, -76), (42, -44)), *bezier((42, -44), (28, -12), (-14, -20))], 5, stand)
    pen.circle((0, -60), 40, (60, 130, 205))
    pen.polygon([(-30, -84), (-14, -94), (2, -92), (-4, -80), (-14, -74), (-18, -66), (-26, -70)], land)
    pen.polygon([(-20, -62), (-6, -60), (2, -50), (-6, -38), (-10, -26), (-16, -34), (-22, -50)], land)
    east = [(10, -84), (26, -88), (36, -74), (38, -60), (30, -66), (24, -56), (28, -42), (20, -34), (14, -50)]
    pen.polygon([*east, (8, -62), (14, -74)], land)
    pen.ellipse((-24, -70), (4, 9), lighter((60, 130, 205), 40))
    pen.line([(19, -94), (25, -100)], 5, stand)
    pen.line([(-19, -26), (-24, -20)], 5, stand)


def white_cloud(pen: Pen) -> None:
    """A white cloud."""
    puffs = pen.one_of(
        ((-28, -36, 18), (-8, -50, 24), (18, -44, 20), (32, -30, 15)),
        ((-30, -32, 16), (-14, -46, 20), (12, -52, 24), (32, -34, 15)),
    )
    for color, more in ((pen.one_of((140, 160, 188), (150, 158, 176)), 2), (WHITE, 0)):
        for x, y, radius in puffs:
            pen.circle((x, y), radius + more, color)
        pen.circle((-34, -24), 14 + more, color)
        pen.circle((34, -24), 14 + more, color)
        pen.rectangle((-34, -30 - more), (34, -10 + more), color)
        pen.circle((0, -34), 16, color)
    for x in (-26, 0, 24):
        pen.ellipse((x, -16), (14, 5), (218, 228, 240))


def flying_bird(pen: Pen) -> None:
    """A bird that flies with its wings spread."""
    coat = pen.one_of(BLUE, (190, 84, 70), PURPLE)
    pen.polygon(
        [(2, -50), *bezier((2, -60), (6, -90), (34, -105)), *bezier((34, -105), (36, -72), (22, -46))], darker(coat, 35)
    )
    pen.polygon([(18, -46), (50, -44), (44, -36), (49, -26), (14, -34)], darker(coat, 20))
    pen.polygon([*bezier((-40, -52), (-14, -72), (26, -44)), *bezier((26, -38), (-10, -16), (-40, -46))], coat)
    pen.circle((-32, -52), 13, coat)
    pen.polygon([*bezier((-40, -42), (-14, -42), (16, -36)), *bezier((16, -36), (-10, -20), (-40, -42))], CREAM)
    pen.polygon([(-43, -56), (-43, -46), (-50, -50)], AMBER)
    pen.circle((-36, -55), 3, INK)
    pen.polygon(
        [
            (-14, -50),
            *bezier((-14, -60), (-18, -92), (2, -105)),
            (8, -92),
            (14, -84),
            (17, -72),
            *bezier((18, -66), (18, -54), (8, -46)),
        ],
        lighter(coat, 15),
    )
