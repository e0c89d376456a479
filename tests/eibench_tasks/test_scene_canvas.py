"""Shapes drawn with integers alone: which points they cover, worked by hand, and how a pen places them.

Most tests draw in the color 4 on black. A pixel is the mean of four points, so it then holds the number of its points
that a shape covers, from 0 to 4.
"""

from collections.abc import Callable
from math import dist, pi

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eibench_tasks.scenes.canvas import Canvas, Color, Pixels, Point
from eibench_tasks.scenes.colors import darker, lighter
from eibench_tasks.scenes.pen import Pen, bezier

BLACK, COUNTED = (0, 0, 0), (4, 4, 4)
Draw = Callable[[Canvas], None]


def drawn(draw: Draw, width: int = 12, height: int = 10) -> npt.NDArray[np.int64]:
    """For each pixel, how many of its four points are covered."""
    canvas = Canvas(width, height, BLACK)
    draw(canvas)
    return canvas.pixels()[:, :, 0].astype(np.int64)


def polygon(*points: Point) -> npt.NDArray[np.int64]:
    return drawn(lambda canvas: canvas.polygon(points, COUNTED))


def rectangle(corner: Point, opposite: Point) -> npt.NDArray[np.int64]:
    return drawn(lambda canvas: canvas.rectangle(corner, opposite, COUNTED))


def box(rows: slice, columns: slice) -> npt.NDArray[np.int64]:
    """Every point of these pixels and no other."""
    found = np.zeros((10, 12), np.int64)
    found[rows, columns] = 4
    return found


coordinate = st.integers(-9, 21)
points = st.tuples(coordinate, coordinate)
radius = st.integers(0, 9)


@st.composite
def shapes(draw: st.DrawFn) -> Callable[[Canvas, Point, Color], None]:
    """Some shape, which can be drawn at an offset."""
    kind = draw(st.sampled_from(["polygon", "ellipse", "rectangle"]))
    corners = draw(st.lists(points, min_size=3, max_size=6))
    radii = draw(st.tuples(radius, radius))

    def at(canvas: Canvas, offset: Point, color: Color) -> None:
        moved = [(x + offset[0], y + offset[1]) for x, y in corners]
        if kind == "polygon":
            canvas.polygon(moved, color)
        elif kind == "ellipse":
            canvas.ellipse(moved[0], radii, color)
        else:
            canvas.rectangle(moved[0], moved[1], color)

    return at


# An empty canvas, and the mean of four points


def test_an_empty_canvas_is_of_one_color_and_of_the_size_asked_for() -> None:
    pixels = Canvas(3, 2, (10, 20, 250)).pixels()
    assert pixels.shape == (2, 3, 3) and pixels.dtype == np.uint8
    assert (pixels == (10, 20, 250)).all()


def test_a_canvas_is_white_if_nothing_is_said() -> None:
    assert (Canvas(1, 1).pixels() == 255).all()


def test_a_pixel_is_the_rounded_mean_of_its_four_points() -> None:
    # The triangle covers one point of the one pixel, the upper left.
    # red   (100 + 3 * 255 + 2) // 4 = 867 // 4 = 216
    # green (200 + 3 * 255 + 2) // 4 = 967 // 4 = 241
    # blue   (40 + 3 * 255 + 2) // 4 = 807 // 4 = 201
    canvas = Canvas(1, 1)
    canvas.polygon([(0, 0), (1, 0), (0, 1)], (100, 200, 40))
    assert canvas.pixels().tolist() == [[[216, 241, 201]]]


def test_a_mean_that_ends_in_a_half_is_rounded_up() -> None:
    # The slanted side crosses both rows of points between the first and the second point, so two points are covered:
    # (1 + 1 + 0 + 0 + 2) // 4 = 1, though of one point (1 + 2) // 4 = 0
    half, quarter = [(0, -1), (1, -1), (0, 3)], [(0, 0), (1, 0), (0, 1)]
    for corners, points, mean in ((half, 2, 1), (quarter, 1, 0)):
        assert polygon(*corners)[0, 0] == points
        canvas = Canvas(1, 1, BLACK)
        canvas.polygon(corners, (1, 1, 1))
        assert canvas.pixels().tolist() == [[[mean] * 3]]


def test_what_is_drawn_later_hides_what_was_drawn_before() -> None:
    canvas = Canvas(2, 1)
    canvas.rectangle((0, 0), (2, 1), (1, 2, 3))
    canvas.rectangle((1, 0), (2, 1), (4, 5, 6))
    assert canvas.pixels().tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_looking_at_a_canvas_does_not_end_it() -> None:
    canvas = Canvas(2, 1, BLACK)
    before = canvas.pixels()
    canvas.rectangle((0, 0), (1, 1), (9, 9, 9))
    assert not before.any()
    assert canvas.pixels()[:, :, 0].tolist() == [[9, 0]]


# Rectangles


def test_a_rectangle_covers_the_pixels_between_its_corners() -> None:
    # from x = 1 to 3 there are two pixels, from y = 2 to 3 one
    assert (rectangle((1, 2), (3, 3)) == box(slice(2, 3), slice(1, 3))).all()


def test_corners_may_be_named_in_any_order() -> None:
    assert (rectangle((3, 5), (1, 2)) == rectangle((1, 2), (3, 5))).all()
    assert (rectangle((3, 2), (1, 5)) == rectangle((1, 2), (3, 5))).all()


def test_a_rectangle_is_cut_at_the_border() -> None:
    assert (rectangle((-5, -5), (2, 3)) == box(slice(0, 3), slice(0, 2))).all()
    assert (rectangle((10, 8), (99, 99)) == box(slice(8, 10), slice(10, 12))).all()
    assert (rectangle((-99, -99), (99, 99)) == 4).all()


def test_a_rectangle_without_width_covers_nothing() -> None:
    assert not rectangle((3, 3), (3, 8)).any()


# Polygons


def test_a_triangle_by_hand() -> None:
    # On the fine grid the slanted side goes from (4, 0) to (0, 4). In row r it is crossed at 4 - (r + 1/2), rounded
    # down: 3, 2, 1, 0. Points left of that are inside:
    #   row 0  x x x .      two rows and two columns make a pixel: 4 and 1
    #   row 1  x x . .                                             1 and 0
    #   row 2  x . . .
    #   row 3  . . . .
    assert polygon((0, 0), (2, 0), (0, 2))[:3, :3].tolist() == [[4, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_neither_the_first_corner_nor_the_direction_matters() -> None:
    corners = [(1, 1), (9, 2), (7, 9), (3, 6)]
    whole = polygon(*corners)
    assert (polygon(*corners[2:], *corners[:2]) == whole).all()
    assert (polygon(*reversed(corners)) == whole).all()


def test_what_a_polygon_goes_around_twice_is_a_hole() -> None:
    # the way leads around a square of 8, in to (2, 2), around a square of 4, and back on the same line
    ring = polygon((0, 0), (8, 0), (8, 8), (0, 8), (0, 0), (2, 2), (6, 2), (6, 6), (2, 6), (2, 2))
    assert (ring == box(slice(0, 8), slice(0, 8)) - box(slice(2, 6), slice(2, 6))).all()


def test_a_polygon_that_crosses_itself_is_two_triangles() -> None:
    # an hourglass: its sides cross at (4, 4)
    hourglass = polygon((0, 0), (8, 0), (0, 8), (8, 8))
    assert (hourglass == polygon((0, 0), (8, 0), (4, 4)) + polygon((4, 4), (8, 8), (0, 8))).all()
    assert hourglass[1, 4] == hourglass[6, 4] == 4
    assert hourglass[4, 1] == hourglass[4, 6] == 0


def test_a_polygon_without_area_covers_nothing() -> None:
    assert not polygon((2, 2), (9, 9)).any()
    assert not polygon((2, 2), (9, 2), (5, 2)).any()
    assert not polygon((2, 2)).any()


@given(points, points)
def test_a_rectangle_is_the_polygon_of_its_corners(corner: Point, opposite: Point) -> None:
    (x0, y0), (x1, y1) = corner, opposite
    assert (rectangle(corner, opposite) == polygon((x0, y0), (x1, y0), (x1, y1), (x0, y1))).all()


def whole_and_parts(whole: list[Point], *parts: list[Point]) -> None:
    """Asserts that parts cover what the whole covers, and no point twice."""
    together = drawn(lambda canvas: [canvas.polygon(part, COUNTED) for part in parts] and None)
    assert (together == polygon(*whole)).all()  # no gap
    assert (sum(polygon(*part) for part in parts) == together).all()  # nor a point that two of them cover


@given(points, points, coordinate, coordinate)
def test_a_rectangle_split_by_a_line_leaves_no_gap_and_no_overlap(
    corner: Point, opposite: Point, one: int, other: int
) -> None:
    (x0, x1), (y0, y1) = sorted((corner[0], opposite[0])), sorted((corner[1], opposite[1]))
    whole = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    above, below = (min(max(x, x0), x1) for x in (one, other))
    whole_and_parts(
        whole, [(x0, y0), (above, y0), (below, y1), (x0, y1)], [(above, y0), (x1, y0), (x1, y1), (below, y1)]
    )
    left, right = (min(max(y, y0), y1) for y in (one, other))
    whole_and_parts(whole, [(x0, y0), (x1, y0), (x1, right), (x0, left)], [(x0, left), (x1, right), (x1, y1), (x0, y1)])


@given(points, points, st.integers(0, 30), st.integers(0, 30))
def test_four_triangles_about_a_point_fill_the_rectangle(corner: Point, opposite: Point, along: int, down: int) -> None:
    (x0, x1), (y0, y1) = sorted((corner[0], opposite[0])), sorted((corner[1], opposite[1]))
    middle = min(x0 + along, x1), min(y0 + down, y1)
    around = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    whole_and_parts(around, *([around[n], around[(n + 1) % 4], middle] for n in range(4)))


# Ellipses


def test_a_circle_by_hand() -> None:
    # Radius 1 is 2 on the fine grid. Points are at odd distances in halves of the fine grid, and inside where
    # a * a + b * b <= 4 * 2 * 2 = 16: 1 + 1 and 1 + 9 are, 9 + 9 is not. So each of the four pixels about the center
    # lacks its outermost point.
    found = drawn(lambda canvas: canvas.ellipse((3, 3), (1, 1), COUNTED))
    assert found[1:5, 1:5].tolist() == [[0, 0, 0, 0], [0, 3, 3, 0], [0, 3, 3, 0], [0, 0, 0, 0]]


def test_the_smallest_circle_still_leaves_a_dot() -> None:
    # the four points about the center, one of each pixel
    found = drawn(lambda canvas: canvas.ellipse((3, 3), (0, 0), COUNTED))
    assert found[2:4, 2:4].tolist() == [[1, 1], [1, 1]] and found.sum() == 4


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 25), st.integers(0, 25))
def test_an_ellipse_is_symmetric(x: int, y: int, rx: int, ry: int) -> None:
    # its center is the middle of a canvas of twice x times twice y
    found = drawn(lambda canvas: canvas.ellipse((x, y), (rx, ry), COUNTED), 2 * x, 2 * y)
    assert (found == found[::-1]).all() and (found == found[:, ::-1]).all()
    turned = drawn(lambda canvas: canvas.ellipse((y, x), (ry, rx), COUNTED), 2 * y, 2 * x)
    assert (found == turned.T).all()


@given(st.integers(1, 20), st.integers(1, 20))
def test_an_ellipse_reaches_as_far_as_its_radii(rx: int, ry: int) -> None:
    found = drawn(lambda canvas: canvas.ellipse((25, 25), (rx, ry), COUNTED), 50, 50)
    rows, columns = found.any(axis=1).nonzero()[0], found.any(axis=0).nonzero()[0]
    assert (columns.min(), columns.max() + 1) == (25 - rx, 25 + rx)
    assert (rows.min(), rows.max() + 1) == (25 - ry, 25 + ry)


@pytest.mark.parametrize(("rx", "ry"), [(30, 20), (10, 40), (44, 44)])
def test_the_area_of_an_ellipse_is_pi_times_its_radii(rx: int, ry: int) -> None:
    found = drawn(lambda canvas: canvas.ellipse((50, 50), (rx, ry), COUNTED), 100, 100)
    assert found.sum() / 4 == pytest.approx(pi * rx * ry, rel=0.01)


# The border


@given(shapes(), st.sampled_from([(-1, 0), (1, 0), (0, -1), (0, 1), (1, 1)]), st.sampled_from([40, 500, 100_000]))
def test_what_is_drawn_off_the_canvas_changes_nothing(
    shape: Callable[[Canvas, Point, Color], None], direction: Point, far: int
) -> None:
    offset = direction[0] * far, direction[1] * far
    assert not drawn(lambda canvas: shape(canvas, offset, COUNTED)).any()


@given(shapes())
def test_a_canvas_shows_its_part_of_a_larger_one(shape: Callable[[Canvas, Point, Color], None]) -> None:
    small = drawn(lambda canvas: shape(canvas, (0, 0), COUNTED))
    large = drawn(lambda canvas: shape(canvas, (20, 20), COUNTED), 12 + 40, 10 + 40)
    assert (small == large[20:-20, 20:-20]).all()


@given(shapes(), st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)))
def test_red_green_and_blue_are_drawn_alike(shape: Callable[[Canvas, Point, Color], None], color: Color) -> None:
    covered = drawn(lambda canvas: shape(canvas, (0, 0), COUNTED))
    canvas = Canvas(12, 10, BLACK)
    shape(canvas, (0, 0), color)
    for channel, value in enumerate(color):
        assert (canvas.pixels()[:, :, channel] == (covered * value + 2) // 4).all()


# A pen


def pixels(draw: Callable[[Pen], None], size: int = 100, **fields: object) -> Pixels:
    """What a pen draws whose origin is the middle of a canvas of 80 by 80."""
    canvas = Canvas(80, 80, BLACK)
    draw(Pen(canvas, (40, 40), size, **fields))  # type: ignore[arg-type]
    return canvas.pixels()


def extent(found: Pixels) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is not black, from the origin of the pen."""
    rows, columns = found.any(axis=(1, 2)).nonzero()[0], found.any(axis=(0, 2)).nonzero()[0]
    return int(columns.min()) - 40, int(rows.min()) - 40, int(columns.max()) - 39, int(rows.max()) - 39


def test_a_hundred_units_are_as_many_pixels_as_the_size() -> None:
    def house(pen: Pen) -> None:
        pen.rectangle((0, 0), (100, -50), COUNTED)

    assert extent(pixels(house, size=20)) == (0, -10, 20, 0)
    assert extent(pixels(house, size=40)) == (0, -20, 40, 0)


def test_units_are_rounded_to_the_nearest_pixel() -> None:
    # 24 units at size 10 are 2.4 pixels, 25 are 2.5; -25 are -2.5: halves go to the right and down
    def place(x: int) -> int:
        return extent(pixels(lambda pen: pen.rectangle((x, 0), (300, 10), COUNTED), size=10))[0]

    assert [place(24), place(25), place(-24), place(-25), place(-26)] == [2, 3, -2, -2, -3]


def test_radii_grow_with_the_size_and_never_vanish() -> None:
    def egg(pen: Pen) -> None:
        pen.ellipse((0, -20), (10, 20), COUNTED)

    assert extent(pixels(egg, size=50)) == (-5, -20, 5, 0)
    assert extent(pixels(egg, size=100)) == (-10, -40, 10, 0)
    assert extent(pixels(lambda pen: pen.ellipse((0, 0), (1, 1), COUNTED), size=10)) == (-1, -1, 1, 1)


def test_a_circle_is_an_ellipse_of_one_radius() -> None:
    round_one = pixels(lambda pen: pen.circle((3, -4), 9, COUNTED))
    assert (round_one == pixels(lambda pen: pen.ellipse((3, -4), (9, 9), COUNTED))).all()


def test_a_mirrored_pen_changes_left_and_right_about_its_origin() -> None:
    def flag(pen: Pen) -> None:
        pen.rectangle((0, 0), (3, -30), (4, 0, 0))
        pen.rectangle((3, -30), (20, -18), (0, 4, 0))
        pen.ellipse((10, -24), (4, 3), (0, 0, 4))

    assert extent(pixels(flag)) == (0, -30, 20, 0)
    assert extent(pixels(flag, mirrored=True)) == (-20, -30, 0, 0)
    assert (pixels(flag, mirrored=True) == pixels(flag)[:, ::-1]).all()


@given(points, points, st.tuples(radius, radius), st.sampled_from([100, 200]))
def test_mirroring_is_exact_for_rectangles_and_ellipses(one: Point, other: Point, radii: Point, size: int) -> None:
    def draw(pen: Pen) -> None:
        pen.rectangle(one, other, (4, 0, 0))
        pen.ellipse(other, radii, (0, 4, 4))

    assert (pixels(draw, size, mirrored=True) == pixels(draw, size)[:, ::-1]).all()


def test_a_polygon_is_placed_corner_by_corner() -> None:
    by_pen = pixels(lambda pen: pen.polygon([(0, 0), (20, -10), (4, -40)], COUNTED), size=50)
    by_hand = Canvas(80, 80, BLACK)
    by_hand.polygon([(40, 40), (50, 35), (42, 20)], COUNTED)
    assert (by_pen == by_hand.pixels()).all()


def test_a_line_is_as_wide_as_said_with_round_ends() -> None:
    # from 0 to 10 with a width of 4: two pixels above, two below, and half a circle of radius 2 at each end
    found = pixels(lambda pen: pen.line([(0, 0), (10, 0)], 4, COUNTED))
    assert extent(found) == (-2, -2, 12, 2)
    assert (found[38:42, 40:50] == 4).all()
    ends = pixels(lambda pen: pen.circle((0, 0), 2, COUNTED))
    assert (found[:, :40] == ends[:, :40]).all()


def test_the_width_of_a_line_grows_with_the_size_and_never_vanishes() -> None:
    def bar(pen: Pen) -> None:
        pen.line([(0, 0), (0, -20)], 10, COUNTED)

    assert extent(pixels(bar, size=100))[::2] == (-5, 5)
    assert extent(pixels(bar, size=200))[::2] == (-10, 10)
    assert extent(pixels(bar, size=5))[::2] == (-1, 1)


def test_a_line_of_one_point_or_of_no_length_is_a_dot() -> None:
    dot = pixels(lambda pen: pen.circle((5, -5), 3, COUNTED))
    assert (pixels(lambda pen: pen.line([(5, -5)], 6, COUNTED)) == dot).all()
    assert (pixels(lambda pen: pen.line([(5, -5), (5, -5)], 6, COUNTED)) == dot).all()


def test_a_line_goes_through_all_its_points_and_is_not_closed() -> None:
    found = pixels(lambda pen: pen.line([(-20, 0), (0, -20), (20, 0)], 2, COUNTED))
    for x, y in ((-20, 0), (0, -20), (20, 0), (-10, -10), (10, -10)):
        assert found[40 + y, 40 + x].any()
    assert not found[40, 40].any()


near = st.integers(-15, 15)


@settings(deadline=None)
@given(st.tuples(near, near), st.tuples(near, near), st.integers(1, 12))
def test_a_line_stays_within_half_its_width(one: Point, other: Point, width: int) -> None:
    assume(one != other)
    rows, columns = pixels(lambda pen: pen.line([one, other], width, COUNTED)).any(axis=2).nonzero()
    (x0, y0), (x1, y1) = one, other
    length = dist(one, other) ** 2
    for x, y in zip(columns - 39.5, rows - 39.5, strict=True):
        along = min(max(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0), 1)
        # a pixel whose corner is touched has its middle up to 0.71 further away; corners are rounded by up to 0.71
        assert dist((x, y), (x0 + along * (x1 - x0), y0 + along * (y1 - y0))) <= max(1, width // 2) + 1.5


def test_looks_take_turns() -> None:
    def chosen(look: int) -> str:
        return Pen(Canvas(1, 1), (0, 0), 100, look).one_of("red", "blue", "green")

    assert [chosen(look) for look in range(5)] == ["red", "blue", "green", "red", "blue"]


# Curves


def test_the_middle_of_a_curve_by_hand() -> None:
    # half way: (start + 2 * control + end) / 4 = ((0 + 20 + 20) / 4, (0 + 40 + 0) / 4)
    curve = bezier((0, 0), (10, 20), (20, 0))
    assert len(curve) == 13 and curve[6] == (10, 10)


@given(points, points, points)
def test_a_curve_begins_and_ends_where_it_should_and_stays_between_its_points(
    start: Point, control: Point, end: Point
) -> None:
    curve = bezier(start, control, end)
    assert (curve[0], curve[-1]) == (start, end)
    for axis in (0, 1):
        bounds = sorted((start[axis], control[axis], end[axis]))
        assert all(bounds[0] <= point[axis] <= bounds[-1] for point in curve)


@given(points, points)
def test_a_curve_whose_control_lies_half_way_is_straight(start: Point, half: Point) -> None:
    end = start[0] + 2 * half[0], start[1] + 2 * half[1]
    for step, point in enumerate(bezier(start, (start[0] + half[0], start[1] + half[1]), end)):
        exact = [a + (b - a) * step / 12 for a, b in zip(start, end, strict=True)]
        assert point == (pytest.approx(exact[0], abs=0.5), pytest.approx(exact[1], abs=0.5))


def test_a_pen_draws_a_curve_as_a_line_along_it() -> None:
    curved = pixels(lambda pen: pen.curve((-20, 0), (0, -40), (20, 0), 4, COUNTED))
    assert (curved == pixels(lambda pen: pen.line(bezier((-20, 0), (0, -40), (20, 0)), 4, COUNTED))).all()
    assert extent(curved) == (-22, -22, 22, 2)


# Shades


def test_shades_and_tints_by_hand() -> None:
    # a fifth less: 200 -> 160, 100 -> 80, 7 -> 5.6, cut; 30 % of the way to 255: 200 + 16.5, 100 + 46.5, 255
    assert darker((200, 100, 7)) == (160, 80, 5)
    assert lighter((200, 100, 255)) == (216, 146, 255)
    assert darker((200, 100, 7), 0) == (200, 100, 7) and lighter((9, 9, 9), 100) == (255, 255, 255)
