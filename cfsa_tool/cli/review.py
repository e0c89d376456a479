"""Commands for the people who look at the samples of a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfsa_tool.cli.options import PATH, RUN
from cfsa_tool.errors import ReviewError, quoted

if TYPE_CHECKING:
    from cfsa_tool.export.samples import Sample
    from cfsa_tool.run_folder import RunFolder


@click.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Any other than loopback needs --rater.")
@click.option("--public", metavar="URL", help="How raters reach it, behind a proxy or a tunnel: https://NAME[:PORT].")
@click.option(
    "--rater", "raters", multiple=True, help="Who may mark; may be repeated. Beyond loopback, each gets a link."
)
@click.option("--overlap", type=click.FloatRange(0, 1), help="Share of the samples that every rater sees; 1 at first.")
def review(
    folder: Path, port: int, host: str, public: str | None, raters: tuple[str, ...], overlap: float | None
) -> None:
    """Look at the samples of RUN in a browser: keep, edit, remove, add and order triggers, and rate each sample.

    Several raters may work at once; nobody sees the marks of others. Every mark is on disk before the page says so.
    """
    from cfsa_tool.review.agreement import outdated
    from cfsa_tool.review.serve import check_installed, listen, serve
    from cfsa_tool.review.store import Review
    from cfsa_tool.run_folder import RunFolder

    check_installed()
    from cfsa_tool.review.access import Access, Public, needs_tokens, secret_of

    names = _names(raters)
    try:
        at = Public.of(public) if public else None
    except ValueError as error:
        raise click.BadParameter(f"{public!r}: {error}", param_hint="--public") from None
    if needs_tokens(host, at) and not names:
        raise ReviewError(
            f"others can reach {public or host}", "Say who may mark: `cfsa review … --rater NAME` for each"
        )
    run = RunFolder(folder)
    marks = Review(run, overlap)
    try:
        count = marks.take_in()
        if not count:
            raise ReviewError(f"{folder} has no finished sample", f"See `cfsa status {quoted(folder)}`")
        marks.expect(names)
        access = Access.of(host, port, [marks.known_as(name) for name in names], at, secret_of(folder))
        listening = listen(host, port)
        share = f"{100 * marks.overlap:.0f} % of them, one rater each of the others" if marks.overlap < 1 else "all"
        click.echo(f"{count:,} samples; every rater sees {share}")
        if marks.outdated:
            click.echo(outdated(marks.outdated))
        click.echo("\n".join(access.links()) or f"Open {access.address}/")
        click.echo("Ctrl-C ends it; nothing is lost.")
        serve(marks, access, listening)
    finally:
        marks.close()
        run.close()


def _names(raters: tuple[str, ...]) -> list[str]:
    """The names as they are kept.

    Raises:
        ReviewError: one is none, or two are one rater's.
    """
    from cfsa_tool.review.marks import rater_key, rater_name

    names: dict[str, str] = {}
    for given in raters:
        if (name := rater_name(given)) is None:
            raise ReviewError(f"{given!r} is no name of a rater", "Give printable text of at most 40 characters")
        if names.setdefault(rater_key(name), name) is not name:
            raise ReviewError(f"{names[rater_key(name)]!r} and {name!r} are one rater", "Name each once")
    return [*names.values()]


@click.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("--comments", is_flag=True, help="Print what raters have written, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def agreement(folder: Path, comments: bool, as_json: bool) -> None:
    """Say how far the raters of RUN agree: Krippendorff's alpha, pairwise kappa, and drift of each rater."""
    from cfsa_tool.review.agreement import agreement as measure
    from cfsa_tool.review.agreement import render
    from cfsa_tool.review.store import marked_review
    from cfsa_tool.run_folder import RunFolder

    run = RunFolder(folder)
    marks = marked_review(run)
    marks.take_in()
    with marks.snapshot():
        found = measure(dict(marks.marks()), marks.order(), marks.outdated)
    marks.close()
    run.close()
    click.echo(found.model_dump_json(indent=1) if as_json else render(found, comments))


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
    from eibench_tasks.data.whole import write_whole

    _, samples = _samples(folder)
    text = json.dumps(tasks(samples.values(), images), indent=1, ensure_ascii=False)
    try:
        write_whole(output, text + "\n")
    except OSError as error:
        raise ReviewError(f"cannot write {output} ({error.strerror})", "Choose another file: `-o FILE`") from None
    click.echo(LABELS)
    click.echo(f"{len(samples):,} tasks in {output}. Paste the interface above into the project, then import the file.")


@label_studio.command("import")
@click.argument("folder", metavar="RUN", type=RUN)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_annotations(folder: Path, file: Path) -> None:
    """Take the annotations in FILE, Label Studio's JSON, as marks of RUN; all of them or none.

    What a rater has marked in the page stays as it is there.
    """
    from cfsa_tool.review.label_studio import read
    from cfsa_tool.review.store import Review

    run, samples = _samples(folder)
    found = list(read(file, samples))
    marks = Review(run)
    marks.take_in()
    passed = marks.bring_in(found)
    marks.close()
    raters = sorted({one.rater for one in found})
    click.echo(f"{len(found):,} annotations of {len(raters)} raters: {', '.join(raters)}")
    if passed:
        which = ", ".join(f"{one.sample.id} ({one.rater})" for one in passed[:3]) + (", …" if len(passed) > 3 else "")
        click.echo(f"{len(passed):,} of them were passed over, since the rater has said something else here: {which}")
    click.echo(f"Next: cfsa agreement {quoted(folder)}")


def _samples(folder: Path) -> "tuple[RunFolder, dict[str, Sample]]":
    from cfsa_tool.config import Config
    from cfsa_tool.export.samples import all_samples
    from cfsa_tool.run_folder import RunFolder

    run = RunFolder(folder)
    kind = Config.model_validate(run.manifest.config).kind
    samples = {sample.id: sample for _, _, found in all_samples(run, kind) for sample in found}
    if not samples:
        raise ReviewError(f"{folder} has no finished sample", f"See `cfsa status {quoted(folder)}`")
    return run, samples
