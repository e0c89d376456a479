"""The plots of a page, drawn by matplotlib as SVG that takes its colours from the page.

Series differ in the shape of their marks, too, so that nothing is told by colour alone.
"""

import hashlib
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from eibench_tasks.data.lines import printable

_SHAPES = "osD^vPX"  # seven to eight colours: 56 series differ in one or the other
_INKS = {"#010101": "var(--ink)", "#020202": "var(--faint)", "#030303": "var(--line)"} | {
    f"#0404{number:02x}": f"var(--series-{number})" for number in range(1, 9)
}
INK, FAINT, LINE = list(_INKS)[:3]
_SERIES = list(_INKS)[3:]
_WIDTH = 5.4  # inches; the page scales it: on a telephone, too, words are 9 pixels high


@dataclass(frozen=True)
class Point:
    """A value with its interval, in percent. None where there is none.

    Attributes:
        least, most: its bounds.
        count: of how many samples or triggers it is.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    least: float | None = None
    most: float | None = None
    count: int | None = None


Series = Mapping[int, Sequence[Point]]
"""Points by the number of their series, one for each row of a plot; the number decides the mark."""


def dots(rows: Sequence[str], series: Series, axis: str, title: str, beside: bool = True) -> str:
    """Values on a common scale of 0 to 100, a row for each label.

    Args:
        rows: labels.
        series: by number, a point for each row.
        axis: what the scale is of.
        title: what the plot says to whoever cannot see it.
        beside: whether series lie beside one another in a row; else each has points where no other has.

    Returns:
        An ``svg`` element; "" where no value is known.
    """
    if not any(point.value is not None for points in series.values() for point in points):
        return ""
    height = max(1.2, 0.5 + len(rows) * max(0.34, 0.17 * len(series) * beside))
    figure, axes = _figure(height)
    for place, (number, points) in enumerate(series.items()):
        shift = 0.66 * ((place + 0.5) / len(series) - 0.5) * beside
        _draw(axes, [row + shift for row in range(len(rows))], points, number)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [_cut(row) for row in rows], parse_math=False)
    axes.tick_params(axis="y", length=0)
    _percent(axes.xaxis, axes.set_xlim)
    axes.set_xlabel(axis)
    return _svg(figure, title)


def _draw(axes: Any, places: Sequence[float], points: Sequence[Point], number: int) -> None:
    color, shape = _mark(number)
    for place, point in zip(places, points, strict=True):
        if point.value is None:
            continue
        if point.least is not None and point.most is not None:
            axes.plot([point.least, point.most], [place, place], color=FAINT, linewidth=1, linestyle=(0, (1, 1.5)))
        if point.low is not None and point.high is not None:
            axes.plot(
                [point.low, point.high],
                [place, place],
                color=color,
                linewidth=2.4,
                solid_capstyle="butt",
                clip_on=False,
            )
        axes.plot([point.value], [place], color=color, marker=shape, markersize=6.5, linestyle="none", clip_on=False)


def lines(series: Mapping[int, Sequence[tuple[float, Point]]], axis: str, other: str, title: str) -> str:
    """Values over a scale of its own, a line for each series.

    Args:
        series: by number, places on the scale and points.
        axis, other: what the scales are of.
        title: what the plot says to whoever cannot see it.

    Returns:
        An ``svg`` element; "" where there is no point.
    """
    if not any(series.values()):
        return ""
    figure, axes = _figure(3.0)
    for number, points in series.items():
        color, shape = _mark(number)
        known = [(place, point) for place, point in points if point.value is not None]
        axes.plot(
            [place for place, _ in known], [point.value for _, point in known], color=color, marker=shape,
            markersize=6, linewidth=1.2, clip_on=False,
        )  # fmt: skip
        for place, point in known:
            if point.low is not None and point.high is not None:
                axes.plot([place, place], [point.low, point.high], color=color, linewidth=1)
    _percent(axes.yaxis, axes.set_ylim)
    axes.set_xlabel(axis)
    axes.set_ylabel(other)
    return _svg(figure, title)


def marker(number: int) -> str:
    """The mark of a series, as a small ``svg`` element for legends."""
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=(0.2, 0.2))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.set_xlim(-1, 1)
        axes.set_ylim(-1, 1)
        color, shape = _mark(number)
        axes.plot([0], [0], color=color, marker=shape, markersize=7)
        return _svg(figure, "")


def _percent(axis: Any, limit: Any) -> None:
    limit(0, 100)
    axis.set_major_locator(_ticker().MultipleLocator(20))
    axis.grid(True, color=LINE, linewidth=0.7)


def _ticker() -> Any:
    from matplotlib import ticker

    return ticker


def _style() -> Any:
    import matplotlib

    return matplotlib.rc_context(
        {
            "svg.fonttype": "none", "svg.hashsalt": "eibench", "text.parse_math": False, "font.size": 10,
            "font.family": "sans-serif", "text.color": INK, "axes.labelcolor": INK, "xtick.color": FAINT,
            "ytick.color": FAINT, "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.edgecolor": LINE,
            "axes.axisbelow": True,
        }
    )  # fmt: skip


def _figure(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        axes = figure.add_subplot()
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    return figure, axes


def _mark(number: int) -> tuple[str, str]:
    return _SERIES[number % len(_SERIES)], _SHAPES[number % len(_SHAPES)]


def _svg(figure: Any, title: str) -> str:
    """The figure as an element with names of its own, so that several can stand in one page."""
    out = io.StringIO()
    with _style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the page has other fonts
        figure.savefig(
            out, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
    root = ElementTree.fromstring(out.getvalue())
    own = hashlib.sha256(out.getvalue().encode()).hexdigest()[:8]
    for element in root.iter():
        element.attrib = {_name(name): _value(name, value, own) for name, value in element.attrib.items()}
        element.tag = _name(element.tag)
    root.attrib |= {"role": "img", "aria-label": title} if title else {"aria-hidden": "true"}
    return ElementTree.tostring(root, encoding="unicode")


def _name(name: str) -> str:
    """Without its namespace: pages do not have any."""
    return name.rpartition("}")[2]


def _value(name: str, value: str, own: str) -> str:
    """An attribute with the colours and fonts of the page, and ids of the figure's own."""
    if name == "id":
        return f"{own}-{value}"
    for ink, variable in _INKS.items():
        value = value.replace(ink, variable)
    value = re.sub(r"font-family: [^;]*; ?", "", value)
    return re.sub(r"^#|(?<=url\()#", f"#{own}-", value)


def _cut(text: str) -> str:
    """A label that fits; what tells runs apart is at its end, too."""
    text = printable(text)
    return text if len(text) <= 32 else f"{text[:14]}…{text[-17:]}"
