"""Tables and numbers as plain text; a number that is not there is a dash."""

from collections.abc import Sequence

from eibench_tasks.data.lines import printable

Row = Sequence[str]


def columns(head: Row, rows: Sequence[Row]) -> list[str]:
    """The lines of a table: its head, a rule, its rows."""
    table = [[printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return lines


def number(value: float | None, digits: int = 1, sign: str = "") -> str:
    """A number with so many decimals; ``sign="+"`` shows the sign of positive numbers too."""
    return "–" if value is None else f"{value:{sign}.{digits}f}"


def span(low: float | None, high: float | None, sign: str = "") -> str:
    """An interval, ends included."""
    return "–" if low is None or high is None else f"{low:{sign}.1f} – {high:{sign}.1f}"


def short(name: str, most: int = 40) -> str:
    """A name cut to a number of characters."""
    return name if len(name) <= most else name[: most - 1] + "…"
