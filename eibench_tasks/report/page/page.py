"""Puts a page together: template, style and script of this folder around figures and samples."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from eibench_tasks import __version__
from eibench_tasks.data.exported import Exported
from eibench_tasks.data.whole import write_whole
from eibench_tasks.errors import EIBenchError
from eibench_tasks.metrics.agreement import judge_agreement
from eibench_tasks.report.page import figures, plots, samples
from eibench_tasks.report.page.published import published
from eibench_tasks.report.page.runs import Run
from eibench_tasks.report.page.tables import Table
from eibench_tasks.report.text import number

Progress = Callable[[int], Callable[[], object]]


@dataclass(frozen=True)
class Settings:
    """What a page may show beside the runs.

    Attributes:
        title: of the page.
        exported: splits of `cfsa export` that are among the tasks.
        images: whether thumbnails are put in.
        labels_by: whose labels the breakdown takes.
    """

    title: str = "EIBench report"
    exported: Sequence[Exported] = ()
    images: bool = False
    labels_by: str = "offline"


def render(runs: Sequence[Run], settings: Settings, progress: Progress = lambda total: lambda: None) -> str:
    """The page as HTML; the same runs give the same bytes.

    Args:
        runs: at least one.
        settings: see there.
        progress: called with the number of thumbnails to come; returns what is called after each.
    """
    docs, no_docs = samples.load_docs(runs, settings.exported)
    entries, files = samples.entries(runs, docs)
    by_label, no_labels = figures.by_label(runs, settings.exported, settings.labels_by)
    images = samples.thumbnails(files, progress(len(files))) if settings.images else []
    notes = [*no_docs, *no_labels, *_missing(runs, entries, images)]
    known = [run for run in runs if run.rows]
    parts = [
        figures.overview(runs),
        figures.by_emotion(runs),
        *by_label,
        *([figures.by_length(known)] if known else []),
    ]
    script = _own("shared.js") + _own("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return fill(
        "page.html.jinja",
        script=_safe(script),
        script_hash=f"sha256-{digest}",
        title=settings.title,
        notes=notes,
        legend=[(run.name, _safe(plots.marker(place))) for place, run in enumerate(runs)],
        figures=[_Safe(part) for part in parts],
        agreement=_agreement(runs),
        published=published(runs),
        origins=figures.origins(runs),
        data=samples.packed({"runs": [_run(run) for run in runs], "samples": entries}),
        images=samples.packed(images),
    )


def _missing(runs: Sequence[Run], entries: Sequence[samples.Entry], images: Sequence[str]) -> Iterator[str]:
    """What the page cannot show."""
    if unknown := sum(not entry["question"] for entry in entries):
        yield f"{unknown:,} samples are shown without question and image: the data at hand does not have them."
    if unread := images.count(""):
        yield f"{unread} images could not be read and are not shown."
    if silent := [run.name for run in runs if not run.rows]:
        yield f"Without samples, since they were not logged (--log_samples): {', '.join(silent)}."


def write(page: str, file: Path) -> None:
    """Writes a page, as a whole or not at all.

    Raises:
        EIBenchError: it cannot be written.
    """
    try:
        write_whole(file, page)
    except OSError as error:
        mend = "Choose another file: `eibench report … -o FILE`"
        raise EIBenchError(f"cannot write {file} ({error.strerror})", mend) from None


def _run(run: Run) -> dict[str, Any]:
    return {"name": run.name, "setting": run.result.setting, "judge": run.by}


class _Safe:
    """A figure whose plot the template takes as markup; everything else of it is text."""

    def __init__(self, figure: figures.Figure) -> None:
        self._figure = figure
        self.plot = _safe(figure.plot)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._figure, name)


def _safe(markup: str) -> Any:
    from markupsafe import Markup

    return Markup(markup)


def _agreement(runs: Sequence[Run]) -> Table | None:
    """Who agrees with whom on the same answers; None where every answer has one judge."""
    try:
        found = judge_agreement([row for run in runs for row in run.rows])
    except EIBenchError:
        return None
    rows = [
        (f"{one.a} / {one.b}", str(one.samples), str(one.verdicts), number(one.kappa, 3),
         number(one.difference, sign="+"), number(one.spearman, 3))
        for one in found.pairs
    ]  # fmt: skip
    text = (
        "On the answers that both have scored. Krippendorff's alpha over all judges:"
        f" {number(found.alpha_verdicts, 3)} on verdicts, {number(found.alpha_scores, 3)} on the samples' recall."
        " kappa: Cohen's, on verdicts; recall: the second judge's less the first's, in points. 1 is full agreement, 0"
        " what chance gives."
    )
    return Table(text, ("judges", "samples", "verdicts", "kappa", "recall", "Spearman"), rows)


def fill(template: str, **parts: Any) -> str:
    """A template of this folder with its parts; what is no markup by its type is text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    here = PackageLoader("eibench_tasks.report", "page")
    environment = Environment(
        loader=here, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )  # fmt: skip
    return environment.get_template(template).render(
        style=_safe(_own("shared.css") + _own("page.css")), version=__version__, **parts
    )


def _own(name: str) -> str:
    return files("eibench_tasks.report.page").joinpath(name).read_text(encoding="utf-8")
