"""Commands for the people who look at the samples of a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfsa_tool.cli.options import PATH, RUN
from cfsa_tool.errors import ReviewError, quoted

if TYPE_CHECKING:
    from cfsa_tool.export.samples import Sample
    from cfsa_tool.review.store import Review


@click.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Any other than loopback needs --rater.")
@click.option(
    "--rater", "raters", multiple=True, help="Who may mark; may be repeated. Beyond loopback, each gets a link."
)
@click.option("--overlap", type=click.FloatRange(0, 1), help="Share of the samples that every rater sees; 1 at first.")
def review(folder: Path, port: int, host: str, raters: tuple[str, ...], overlap: float | None) -> None:
    """Look at the samples of RUN in a browser: keep, edit, remove, add and order triggers, and rate each sample.

    Several raters may work at once; nobody sees the marks of others. Every mark is on disk before the page says so.
    """
    from cfsa_tool.review.serve import check_installed, serve
    from cfsa_tool.review.store import Review
    from cfsa_tool.run_folder import RunFolder

    check_installed()
    from cfsa_tool.review.access import Access, is_loopback, reached_by
    from cfsa_tool.review.marks import is_name

    if bad := [name for name in raters if not is_name(name)]:
        raise ReviewError(f"{bad[0]!r} is no name of a rater", "Give printable text of at most 40 characters")
    if not is_loopback(host) and not raters:
        raise ReviewError(f"others can reach {host}", "Say who may mark: `cfsa review … --rater NAME` for each")
    run = RunFolder(folder)
    marks = Review(run, overlap)
    count = marks.take_in()
    if not count:
        raise ReviewError(f"{folder} has no finished sample", f"See `cfsa status {quoted(folder)}`")
    access = Access.of(host, port, raters)
    click.echo(f"{count:,} samples; every rater sees {100 * marks.overlap:.0f} % of them, one rater each of the others")
    shown = reached_by(host)
    for token, rater in access.tokens.items():
        click.echo(f"{rater}: http://{shown}:{port}/?token={token}")
    if not access.tokens:
        click.echo(f"Open http://{shown}:{port}/")
    click.echo("Ctrl-C ends it; nothing is lost.")
    try:
        serve(marks, access, host, port)
    finally:
        marks.close()
        run.close()


@click.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def agreement(folder: Path, as_json: bool) -> None:
    """Say how far the raters of RUN agree: Krippendorff's alpha, pairwise kappa, and drift of each rater."""
    from cfsa_tool.review.agreement import agreement as measure
    from cfsa_tool.review.agreement import render
    from cfsa_tool.review.store import Review, has_review
    from cfsa_tool.run_folder import RunFolder

    run = RunFolder(folder)
    if not has_review(folder):
        raise ReviewError(f"nobody has reviewed {folder}", f"Run: `cfsa review {quoted(folder)}`")
    marks = Review(run)
    found = measure(dict(marks.marks()), marks.order())
    click.echo(found.model_dump_json(indent=1) if as_json else render(found))
    marks.close()
    run.close()


@click.group("label-studio")
def label_studio() -> None:
    """Review in Label Studio instead: its tasks out, its annotations in."""


@label_studio.command("export")
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("-o", "--output", type=PATH, required=True, help="The file of tasks.")
@click.option("--images", default="/data/local-files/?d=", show_default=True, help="Stands before each image's path.")
def export_tasks(folder: Path, output: Path, images: str) -> None:
    """Write the samples of RUN as tasks of Label Studio, and print the labelling interface that they need."""
    import json

    from cfsa_tool.review.label_studio import LABELS, tasks

    marks, samples = _samples(folder)
    text = json.dumps(tasks(samples.values(), images), indent=1, ensure_ascii=False)
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ReviewError(f"cannot write {output} ({error.strerror})", "Choose another file: `-o FILE`") from None
    marks.close()
    click.echo(LABELS)
    click.echo(f"{len(samples):,} tasks in {output}. Paste the interface above into the project, then import the file.")


@label_studio.command("import")
@click.argument("folder", metavar="RUN", type=RUN)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_annotations(folder: Path, file: Path) -> None:
    """Take the annotations in FILE, Label Studio's JSON, as marks of RUN; all of them or none."""
    from cfsa_tool.review.label_studio import read

    marks, samples = _samples(folder)
    found = list(read(file, samples))
    for one in found:
        sample = samples[one.sample]
        marks.save(one.rater, sample, one.mark, marks.kept(one.rater, sample).seq)
    marks.close()
    raters = sorted({one.rater for one in found})
    click.echo(f"{len(found):,} annotations of {len(raters)} raters: {', '.join(raters)}")
    click.echo(f"Next: cfsa agreement {quoted(folder)}")


def _samples(folder: Path) -> "tuple[Review, dict[str, Sample]]":
    from cfsa_tool.config import Config
    from cfsa_tool.export.samples import all_samples
    from cfsa_tool.review.store import Review
    from cfsa_tool.run_folder import RunFolder

    run = RunFolder(folder)
    marks = Review(run)
    marks.take_in()
    kind = Config.model_validate(run.manifest.config).kind
    samples = {sample.id: sample for _, _, found in all_samples(run, kind) for sample in found}
    if not samples:
        raise ReviewError(f"{folder} has no finished sample", f"See `cfsa status {quoted(folder)}`")
    return marks, samples
