"""Causes of anger."""

from eibench_tasks.scenes.colors import (
    BLUE,
    CHARCOAL,
    DARK_BROWN,
    DARK_RED,
    GOLD,
    GREEN,
    GREY,
    INK,
    NAVY,
    ORANGE,
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

_HOLE = (38, 34, 48)


def smashed_window(pen: Pen) -> None:
    """A window in a frame with a jagged hole in its glass and cracks all around."""
    frame = pen.one_of(WOOD, (236, 234, 228), (70, 120, 100))
    pen.rectangle((-46, -104), (46, -6), darker(frame, 45))
    pen.rectangle((-44, -102), (44, -8), frame)
    pen.rectangle((-50, -9), (50, 0), darker(frame, 25))
    pen.rectangle((-36, -94), (36, -14), SKY)
    pen.polygon([(-36, -60), (-36, -78), (-18, -94), (-2, -94)], lighter(SKY, 60))
    pen.polygon([(8, -14), (36, -40), (36, -26), (24, -14)], lighter(SKY, 60))
    hole = [(-26, -62), (-12, -66), (-16, -84), (0, -70), (14, -82), (14, -66), (30, -60), (16, -50)]
    hole += [(26, -34), (8, -40), (0, -24), (-6, -40), (-24, -32), (-15, -50)]
    pen.polygon([(x + x // 7, y + (y + 54) // 7) for x, y in hole], WHITE)
    pen.polygon(hole, _HOLE)
    for crack in (
        [(-16, -84), (-22, -94)],
        [(14, -82), (20, -87), (22, -94)],
        [(30, -60), (36, -64)],
        [(26, -34), (30, -24), (36, -20)],
        [(0, -24), (-4, -14)],
        [(-24, -32), (-29, -22), (-36, -18)],
        [(-26, -62), (-30, -70), (-36, -72)],
    ):
        pen.line(crack, 2, INK)
    for left, tip in ((-32, -20), (-16, -14), (10, -24), (25, -15)):
        pen.polygon([(left - 1, -3), (left + 13, -3), (left + 4, tip - 2)], INK)
        pen.polygon([(left, -4), (left + 11, -4), (left + 4, tip)], lighter(SKY, 60))


def shouting_man(pen: Pen) -> None:
    """A man with a red face and a wide open mouth, who shouts a jagged burst into the air."""
    shirt, hair = pen.one_of(NAVY, GREEN, PURPLE), pen.one_of(DARK_BROWN, INK, (150, 100, 50))
    face = (232, 92, 74)
    burst = [(17, -62), (24, -72), (22, -96), (33, -86), (44, -103), (43, -84), (50, -74), (44, -62), (50, -40)]
    burst += [(37, -48), (28, -34), (26, -52)]
    pen.polygon(burst, YELLOW)
    pen.line([(37, -86), (35, -68)], 6, RED)
    pen.circle((33, -57), 3, RED)
    pen.polygon([(-50, 0), *bezier((-50, -14), (-46, -30), (-24, -32)), *bezier((-4, -32), (22, -30), (24, 0))], shirt)
    pen.polygon([(-26, -46), (-2, -46), (0, -31), (-14, -20), (-28, -31)], darker(face, 25))
    pen.ellipse((-15, -66), (28, 35), face)
    pen.ellipse((-43, -66), (5, 8), darker(face, 15))
    pen.polygon(
        [*bezier((-44, -68), (-50, -105), (-14, -105)), *bezier((-14, -105), (16, -105), (12, -82)), (-34, -88)], hair
    )
    for x, brow in ((-22, ((-33, -86), (-17, -77))), (1, ((11, -86), (-3, -77)))):
        pen.ellipse((x, -73), (7, 5), WHITE)
        pen.circle((x + 2, -72), 3, INK)
        pen.line(brow, 6, hair)
    pen.ellipse((-7, -49), (16, 16), DARK_RED)
    pen.ellipse((-7, -48), (14, 14), (76, 14, 24))
    pen.ellipse((-7, -39), (9, 5), (240, 120, 120))
    pen.polygon([(-18, -58), (4, -58), (1, -53), (-15, -53)], WHITE)


def smeared_wall(pen: Pen) -> None:
    """A piece of a brick wall smeared with a wild scrawl of paint that runs down."""
    brick, paint = (188, 104, 80), pen.one_of((20, 225, 205), (255, 240, 60), (120, 240, 70))
    pen.rectangle((-50, -92), (50, 0), (222, 206, 190))
    for row in range(6):
        for left in range(-65 + row % 2 * 13, 50, 26):
            shade = darker(brick, (row * 5 + left) % 3 * 8)
            pen.rectangle((max(-50, left + 1), -91 + row * 15), (min(50, left + 25), -78 + row * 15), shade)
    pen.rectangle((-50, -99), (50, -91), SILVER)
    scrawl = [(-42, -44), (-34, -80), (-26, -34), (-16, -78), (-8, -36), (2, -76), (8, -52), (0, -40), (8, -30)]
    scrawl += [(20, -44), (16, -72), (30, -80), (40, -66), (34, -50), (22, -52), (40, -34)]
    pen.line([(x + 1, y + 2) for x, y in scrawl], 11, (40, 20, 50))
    for x, top, end in ((-34, -60, -18), (-8, -36, -8), (9, -30, -12), (40, -34, -14)):
        pen.line([(x, top), (x, end)], 4, paint)
    pen.line(scrawl, 8, paint)
    pen.line([(-42, -20), (-20, -26), (14, -18), (44, -24)], 6, (230, 40, 130))


def spilled_coffee(pen: Pen) -> None:
    """An open laptop with a tipped-over cup and a puddle of coffee over its keys."""
    cup, coffee = pen.one_of(RED, YELLOW, WHITE), (98, 54, 26)
    pen.polygon([(-42, -100), (42, -100), (42, -44), (-42, -44)], CHARCOAL)
    pen.rectangle((-37, -95), (37, -48), pen.one_of((90, 160, 220), (120, 190, 170), (150, 140, 210)))
    pen.polygon([(-37, -70), (-12, -95), (6, -95), (-37, -54)], lighter(SKY, 40))
    pen.polygon([(-42, -44), (42, -44), (50, -6), (-50, -6)], SILVER)
    pen.rectangle((-50, -6), (50, -1), GREY)
    for row in range(3):
        for key in range(9):
            x, y = -36 - 2 * row + key * (16 + row) // 2, -40 + 8 * row
            pen.rectangle((x, y), (x + 6, y + 5), CHARCOAL)
    pen.ellipse((-10, -22), (34, 12), coffee)
    pen.ellipse((-28, -12), (18, 9), coffee)
    pen.polygon([(-40, -14), (-18, -14), (-22, 0), (-36, 0)], coffee)
    pen.ellipse((-18, -23), (14, 4), lighter(coffee, 25))
    pen.line([(24, -52), (28, -66), (40, -64), (38, -50)], 5, darker(cup, 25))
    pen.polygon([(4, -46), (42, -52), (48, -26), (10, -12)], cup)
    pen.ellipse((45, -39), (6, 13), cup)
    pen.polygon([(8, -24), (48, -34), (47, -26), (10, -12)], darker(cup, 18))
    pen.ellipse((7, -29), (9, 18), darker(cup, 30))
    pen.ellipse((6, -28), (7, 15), coffee)


def dented_car(pen: Pen) -> None:
    """A car with a crumpled front, a hanging headlight and steam."""
    paint = pen.one_of(TEAL, BLUE, ORANGE)
    clouds = ((34, -58, 8), (24, -68, 9), (40, -72, 10), (30, -82, 10), (42, -92, 9), (27, -97, 8))
    for grow, shade in ((2, GREY), (0, (244, 245, 248))):
        for x, y, radius in clouds:
            pen.circle((x, y), radius + grow, shade)
    front = [(16, -50), (22, -64), (27, -48), (35, -58), (34, -42), (44, -46), (37, -34), (47, -28)]
    front += [(36, -24), (42, -12)]
    pen.polygon([(-50, -12), (-50, -42), (-42, -48), (-32, -76), (2, -76), (14, -50), *front], paint)
    pen.polygon([(-50, -12), (-50, -24), (30, -24), (36, -12)], darker(paint, 25))
    pen.polygon([(22, -64), (27, -48), (20, -36), (26, -26), (14, -34), (16, -50)], darker(paint, 30))
    pen.polygon([(35, -58), (34, -42), (28, -32), (36, -24), (22, -30), (27, -48)], darker(paint, 45))
    pen.polygon([(-35, -50), (-28, -70), (-15, -70), (-15, -50)], SKY)
    pen.polygon([(-10, -50), (-10, -70), (-1, -70), (8, -50)], SKY)
    pen.line([(-12, -48), (-12, -16)], 2, darker(paint, 40))
    pen.line([(-9, -42), (-3, -42)], 3, darker(paint, 45))
    for x in (-31, 22):
        pen.circle((x, -13), 13, INK)
        pen.circle((x, -13), 6, SILVER)
    pen.line([(38, -31), (46, -26), (43, -18)], 2, INK)
    pen.circle((43, -12), 7, INK)
    pen.circle((43, -12), 5, YELLOW)


def cracked_phone(pen: Pen) -> None:
    """A large phone whose screen is cracked like a spider's web."""
    case = pen.one_of(INK, (50, 50, 100), (100, 36, 54))
    for inset, shade in ((0, lighter(case, 55)), (2, case)):
        x, top, low = 32 - inset, -105 + inset, -inset
        corners = [(7 - x, top), (x - 7, top), (x, top + 7), (x, low - 7), (x - 7, low), (7 - x, low)]
        pen.polygon([*corners, (-x, low - 7), (-x, top + 7)], shade)
    pen.rectangle((-26, -94), (26, -14), pen.one_of((70, 140, 210), (60, 150, 130), (140, 90, 190)))
    pen.line([(-6, -99), (6, -99)], 3, SLATE)
    pen.circle((0, -7), 4, SLATE)
    rays = [(-18, -94), (4, -94), (26, -88), (26, -62), (26, -36), (8, -14), (-12, -14)]
    rays += [(-26, -36), (-26, -60), (-26, -80)]
    for x, y in rays:
        pen.line([(-2, -60), ((x - 2) // 2 + 2, (y - 60) // 2 - 1), (x, y)], 2, WHITE)
    for part in (25, 55):
        ring = [(-2 + (x + 2) * part // 100, -60 + (y + 60) * part // 100) for x, y in rays]
        pen.line([*ring, ring[0]], 2, WHITE)
    pen.polygon([(-8, -62), (-2, -68), (5, -61), (-1, -54)], INK)


def loud_speaker(pen: Pen) -> None:
    """A big loudspeaker that blares, with waves of sound and notes."""
    box = pen.one_of(CHARCOAL, WOOD, (120, 40, 50))
    pen.rectangle((-50, -96), (4, 0), darker(box, 35))
    pen.rectangle((-48, -94), (2, -2), box)
    for y, radius in ((-74, 14), (-30, 24)):
        pen.circle((-23, y), radius, SILVER)
        pen.circle((-23, y), radius - 3, INK)
        pen.circle((-23, y), radius - 6, SLATE)
        pen.circle((-23, y), radius // 3, INK)
    for x, reach in ((9, 12), (20, 22), (31, 32)):
        pen.curve((x, -32 - reach), (x + reach * 2 // 3, -32), (x, -32 + reach), 5, RED)
    for x, y in ((15, -70), (38, -78)):
        pen.ellipse((x - 4, y), (7, 5), INK)
        pen.line([(x + 1, y), (x + 1, y - 24), (x + 9, y - 17)], 4, INK)


def alarm_clock(pen: Pen) -> None:
    """An alarm clock with two bells that rings."""
    body = pen.one_of(RED, TEAL, PURPLE)
    for side in (-1, 1):
        pen.line([(side * 20, -14), (side * 28, -2)], 7, darker(body, 40))
        pen.polygon([(side * x, y) for x, y in [*bezier((34, -66), (40, -94), (8, -84))]], GOLD)
        pen.line([(side * 21, -80), (side * 24, -86)], 4, darker(GOLD, 30))
        for marks in ([(40, -82), (48, -90)], [(32, -92), (36, -102)], [(42, -70), (50, -72)]):
            pen.line([(side * x, y) for x, y in marks], 4, RED)
    pen.line([(0, -74), (0, -92)], 4, INK)
    pen.circle((0, -93), 5, INK)
    pen.circle((0, -42), 38, darker(body, 25))
    pen.circle((0, -42), 36, body)
    pen.circle((0, -42), 28, WHITE)
    for x, y in ((0, -24), (0, 24), (-24, 0), (24, 0), (12, 21), (12, -21), (-12, 21), (-12, -21)):
        pen.line([(x * 7 // 8, -42 + y * 7 // 8), (x, -42 + y)], 3, INK)
    pen.line([(0, -42), (0, -60)], 4, INK)
    pen.line([(0, -42), (13, -37)], 4, INK)
    pen.circle((0, -42), 4, body)
