"""Causes of excitement."""

from eibench_tasks.scenes.canvas import Point
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
    GREY,
    INK,
    NAVY,
    ORANGE,
    PURPLE,
    RED,
    SILVER,
    SLATE,
    TEAL,
    WHITE,
    WOOD,
    YELLOW,
    darker,
    lighter,
)
from eibench_tasks.scenes.pen import Pen, bezier

_HALF = [(100, 0), (62, 36), (50, 87), (0, 72), (-50, 87), (-62, 36)]
_RAYS = [*_HALF, *[(-x, -y) for x, y in _HALF]]
_PLANE = [(20, 0), (15, -4), (6, -4), (-5, -18), (-10, -18), (-5, -4), (-13, -4), (-17, -9), (-21, -9), (-18, 0)]


def golden_trophy(pen: Pen) -> None:
    """A golden cup with two handles on a base."""
    base = pen.one_of(DARK_BROWN, NAVY, DARK_GREEN)
    shade = darker(GOLD, 30)
    for side in (-1, 1):
        for width, color in ((11, darker(GOLD, 40)), (7, GOLD)):
            pen.line([(side * x, y) for x, y in bezier((30, -90), (62, -92), (42, -66))], width, color)
            pen.line([(side * x, y) for x, y in bezier((42, -66), (36, -54), (18, -50))], width, color)
    pen.polygon([(-8, -50), (8, -50), (4, -34), (14, -22), (-14, -22), (-4, -34)], shade)
    cup = [(-34, -100), (34, -100), *bezier((34, -96), (32, -46), (0, -44)), *bezier((0, -44), (-32, -46), (-34, -96))]
    pen.polygon(cup, (244, 190, 50))
    pen.polygon([(8, -100), (34, -100), *bezier((34, -96), (32, -46), (0, -44)), (18, -64)], GOLD)
    pen.polygon(
        [
            (-28, -94),
            (-20, -94),
            *bezier((-20, -94), (-20, -70), (-12, -58)),
            *bezier((-14, -58), (-27, -72), (-28, -94)),
        ],
        lighter(YELLOW, 60),
    )
    pen.rectangle((-37, -105), (37, -97), YELLOW)
    pen.polygon(_star((0, -76), 15), WHITE)
    pen.polygon([(-30, 0), (30, 0), (24, -24), (-24, -24)], base)
    pen.rectangle((-14, -17), (14, -7), YELLOW)


def roller_coaster(pen: Pen) -> None:
    """A track with a loop and a train of wagons with riders, who hold up their arms, on a hill."""
    track, wagon = pen.one_of(RED, PURPLE, BLUE), pen.one_of(BLUE, ORANGE, RED)
    for x, y in ((-46, -10), (-36, -10), (-10, -10), (3, -22), (12, -42), (22, -48), (32, -44), (42, -26)):
        pen.line([(x, 0), (x, y)], 3, SLATE)
    hill = [(-50, -10), (-14, -10), *bezier((-14, -10), (-2, -10), (4, -28)), *bezier((4, -28), (10, -50), (22, -50))]
    hill += [*bezier((22, -50), (38, -50), (46, -10)), (50, -10)]
    loop = [*bezier((-34, -10), (-7, -14), (-7, -58)), *bezier((-7, -58), (-8, -101), (-27, -102))]
    loop += [*bezier((-27, -102), (-47, -101), (-47, -58)), *bezier((-47, -58), (-48, -14), (-20, -10))]
    for line in (hill, loop):
        pen.line([(x, y + 2) for x, y in line], 6, darker(track, 35))
        pen.line(line, 4, track)
    for x, y, dx, dy in ((6, -48, 5, -5), (23, -59, 7, 0), (38, -48, 5, 5)):
        head = (x + dy * 8 // 5, y - 12)
        for side in (-8, 8):
            pen.line([(head[0], head[1] + 7), (head[0] + side, head[1] - 7)], 3, (246, 200, 160))
        pen.circle((head[0], head[1] - 1), 5, DARK_BROWN)
        pen.circle((head[0], head[1] + 1), 4, (246, 200, 160))
        box = [(x - dx - dy, y - dy + dx), (x + dx - dy, y + dy + dx), (x + dx + dy, y + dy - dx)]
        pen.polygon([*box, (x - dx + dy, y - dy - dx)], wagon)
        pen.line([(x - dx - dy // 2, y - dy + dx // 2), (x + dx - dy // 2, y + dy + dx // 2)], 4, darker(wagon, 35))


def fireworks(pen: Pen) -> None:
    """Colourful bursts with sparks on a patch of night sky."""
    night = (24, 30, 72)
    pen.rectangle((-50, -93), (50, -12), night)
    pen.rectangle((-38, -105), (38, 0), night)
    for x in (-38, 38):
        for y in (-93, -12):
            pen.circle((x, y), 12, night)
    one, two = pen.one_of((YELLOW, (255, 80, 120)), ((120, 240, 120), YELLOW), ((255, 150, 60), (120, 240, 120)))
    for x, y, size, color in (
        (-17, -65, 30, one),
        (30, -82, 19, two),
        (21, -29, 25, (90, 230, 250)),
        (-28, -18, 15, two),
    ):
        for dx, dy in _RAYS:
            end = (x + dx * size // 100, y + dy * size // 100)
            pen.line([(x + dx * size // 300, y + dy * size // 300), end], 3, color)
            pen.circle(end, 2, lighter(color, 55))
        pen.circle((x, y), 3, WHITE)


def circled_date(pen: Pen) -> None:
    """A wall calendar on which one day is circled thickly in red."""
    head = pen.one_of(BLUE, TEAL, PURPLE)
    pen.rectangle((-47, -96), (47, 0), INK)
    pen.rectangle((-45, -94), (45, -2), WHITE)
    pen.rectangle((-45, -94), (45, -72), head)
    pen.line([(-20, -83), (20, -83)], 5, WHITE)
    for x in (-32, -12, 12, 32):
        pen.line([(x, -102), (x, -88)], 5, INK)
        pen.line([(x, -102), (x, -90)], 3, SILVER)
    for row in range(4):
        for column in range(5):
            x, y = -42 + column * 18, -67 + row * 16
            pen.rectangle((x, y), (x + 13, y + 11), SILVER)
            pen.line([(x + 4, y + 4), (x + 8, y + 4)], 2, SLATE)
    ring = [*bezier((16, -48), (-4, -48), (-3, -28)), *bezier((-3, -28), (0, -10), (20, -12))]
    ring += [*bezier((20, -12), (38, -12), (38, -30)), *bezier((38, -30), (38, -48), (4, -44))]
    pen.line(ring, 5, RED)
    pen.rectangle((12, -35), (25, -24), AMBER)
    pen.line([(16, -31), (20, -31)], 2, INK)


def plane_tickets(pen: Pen) -> None:
    """Two boarding passes with aeroplanes, fanned out in front of a passport."""
    paint, cover = pen.one_of(BLUE, ORANGE, TEAL), pen.one_of((130, 30, 48), NAVY, (60, 40, 90))
    pen.polygon([(-46, -98), (-4, -105), (6, -44), (-36, -37)], darker(cover, 35))
    pen.polygon([(-44, -96), (-6, -103), (4, -45), (-34, -39)], cover)
    pen.circle((-26, -84), 10, GOLD)
    pen.circle((-26, -84), 6, cover)
    plane = [*_PLANE, *[(x, -y) for x, y in reversed(_PLANE)]]
    for at, turn, back in (((-22, -14), (82, -57), True), ((-42, -2), (98, -17), False)):
        pen.polygon(_turned([(-1, 1), (91, 1), (91, -45), (-1, -45)], at, turn), INK)
        pen.polygon(_turned([(1, -1), (89, -1), (89, -43), (1, -43)], at, turn), (236, 236, 230) if back else WHITE)
        pen.polygon(_turned([(1, -34), (89, -34), (89, -43), (1, -43)], at, turn), paint)
        pen.polygon(_turned([(27 + x, -18 + y * 4 // 5) for x, y in plane], at, turn), darker(paint, 15))
        for y in (-32, -24, -16, -8):
            pen.line(_turned([(62, y), (62, y + 3)], at, turn), 2, GREY)
        for x, width in ((69, 2), (74, 4), (79, 2), (84, 3)):
            pen.line(_turned([(x, -27), (x, -7)], at, turn), width, INK)
        pen.line(_turned([(51, -25), (56, -25)], at, turn), 3, GREY)
        pen.line(_turned([(51, -12), (56, -12)], at, turn), 3, GREY)


def stage_microphone(pen: Pen) -> None:
    """A microphone on a stand in a cone of light on a small stage."""
    curtain = pen.one_of(DARK_RED, (70, 40, 120), (20, 80, 90))
    pen.rectangle((-50, -105), (50, -10), darker(curtain, 30))
    for x in range(-50, 50, 20):
        pen.rectangle((x, -105), (x + 9, -14), curtain)
    pen.polygon([(-10, -105), (10, -105), (34, -12), (-34, -12)], (250, 232, 160))
    pen.polygon([(-50, -16), (50, -16), (50, 0), (-50, 0)], WOOD)
    pen.rectangle((-50, -8), (50, 0), darker(WOOD, 30))
    pen.ellipse((0, -14), (34, 6), (255, 244, 190))
    pen.ellipse((0, -14), (17, 4), INK)
    pen.line([(0, -14), (0, -62)], 5, INK)
    pen.line([(0, -56), (8, -70)], 5, INK)
    pen.polygon([(0, -60), (8, -56), (20, -78), (10, -84)], CHARCOAL)
    pen.circle((20, -86), 14, INK)
    pen.circle((20, -86), 12, SILVER)
    for shift in (-6, 0, 6):
        pen.line([(12 + shift, -94 + shift // 2), (20 + shift, -78 + shift // 2)], 1, SLATE)
        pen.line([(28, -92 + shift), (12, -84 + shift)], 1, SLATE)


def football_goal(pen: Pen) -> None:
    """A goal with a net and a football in it."""
    pen.polygon([(-46, -82), (46, -82), (46, 0), (-46, 0)], pen.one_of((58, 120, 74), (70, 104, 120), (96, 92, 110)))
    pen.polygon([(-46, 0), (-32, -14), (32, -14), (46, 0)], (112, 180, 88))
    net = (226, 232, 230)
    for x in range(-36, 40, 9):
        pen.line([(x, -80), (x * 8 // 9, -14), (x, -1)], 1, net)
    for y in range(-74, -10, 9):
        pen.line([(-46, y), (46, y)], 1, net)
    pen.line([(-46, -80), (-32, -14), (-46, 0)], 2, net)
    pen.line([(46, -80), (32, -14), (46, 0)], 2, net)
    posts = [(-46, -3), (-46, -84), (46, -84), (46, -3)]
    pen.line(posts, 9, INK)
    pen.line(posts, 6, WHITE)
    pen.circle((8, -20), 20, INK)
    pen.circle((8, -20), 18, WHITE)
    pen.polygon([(8, -28), (16, -22), (13, -13), (3, -13), (0, -22)], INK)
    for spoke, patch in (
        ([(8, -28), (8, -36)], [(2, -38), (14, -38), (8, -33)]),
        ([(16, -22), (24, -26)], [(23, -31), (27, -20), (20, -24)]),
        ([(13, -13), (18, -6)], [(22, -9), (13, -3), (16, -9)]),
        ([(3, -13), (-2, -6)], [(-6, -9), (3, -3), (0, -9)]),
        ([(0, -22), (-8, -26)], [(-7, -31), (-11, -20), (-4, -24)]),
    ):
        pen.line(spoke, 2, INK)
        pen.polygon(patch, INK)


def hot_air_balloon(pen: Pen) -> None:
    """A striped hot-air balloon with a basket."""
    one, other = pen.one_of((RED, YELLOW), (BLUE, CREAM), (PURPLE, ORANGE))
    for x in (-8, 8):
        pen.line([(x, -30), (x, -14)], 2, DARK_BROWN)
    for reach, color in ((42, one), (30, other), (14, one)):
        low = 10 * reach // 42
        side = [*bezier((0, -105), (reach, -105), (reach, -68)), *bezier((reach, -68), (reach, -50), (low, -27))]
        pen.polygon([*side, *[(-x, y) for x, y in reversed(side)]], color)
        if reach > 20:
            pen.polygon([*side, *[(x * 8 // 10, y) for x, y in reversed(side)]], darker(color, 14))
    pen.rectangle((-10, -29), (10, -25), darker(one, 35))
    pen.polygon([(-13, -17), (13, -17), (10, 0), (-10, 0)], WOOD)
    for y in (-12, -6):
        pen.line([(-11, y), (11, y)], 2, BROWN)
    pen.line([(-13, -17), (13, -17)], 4, DARK_BROWN)


def _star(center: Point, radius: int) -> list[Point]:
    """The corners of a star with five points."""
    corners = [
        (0, -100),
        (24, -32),
        (95, -31),
        (38, 12),
        (59, 81),
        (0, 40),
        (-59, 81),
        (-38, 12),
        (-95, -31),
        (-24, -32),
    ]
    return [(center[0] + x * radius // 100, center[1] + y * radius // 100) for x, y in corners]


def _turned(points: list[Point], at: Point, turn: Point) -> list[Point]:
    """Points turned by the angle with the cosine and sine in `turn`, in hundredths, and moved to `at`."""
    (left, top), (cosine, sine) = at, turn
    return [(left + (x * cosine - y * sine) // 100, top + (x * sine + y * cosine) // 100) for x, y in points]
