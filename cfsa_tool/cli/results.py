"""Commands about what a run has built."""

from pathlib import Path
from typing import Any

import click

from cfsa_tool.cli.options import PATH, RUN
from cfsa_tool.errors import quoted
from eibench_tasks.cli.options import judge_options


@click.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("-o", "--output", type=PATH, required=True, help="The folder of the split.")
@click.option("--name", required=True, help="Of the split and of its task: lower-case letters, digits, _.")
@click.option("--license", help="Of the images, for the card; by default that of the configuration.")
@click.option("--images/--no-images", default=True, show_default=True, help="Write the image files, too.")
@click.option("--allow-missing", is_flag=True, help="Leave out images that are gone or have changed.")
@click.option("--reviewed", is_flag=True, help="Only samples that people have reviewed, as they want them.")
@click.option(
    "--rule",
    type=click.Choice(["unanimous", "majority", "adjudicated"]),
    help="How the marks of several raters become one sample; by default the majority decides.",
)
@click.option("--adjudicator", metavar="NAME", help="The rater whose word stands, for --rule adjudicated.")
@click.option("--least", type=click.IntRange(1), help="Raters that a sample needs; by default one.")
def export(
    folder: Path,
    output: Path,
    name: str,
    license: str | None,
    images: bool,
    allow_missing: bool,
    reviewed: bool,
    rule: Any,
    adjudicator: str | None,
    least: int | None,
) -> None:
    """Write RUN as a split: data set, task for lmms-eval, EIBench's own format, card, provenance.

    \b
    cfsa export RUN -o SPLIT --name my_split
    lmms-eval --model MODEL --include_path SPLIT --tasks my_split
    """
    from cfsa_tool.export.write import export as write
    from cfsa_tool.review.reviewer import Reviewer
    from cfsa_tool.run_folder import RunFolder
    from eibench_tasks.report.terminal import progress_bar

    if not reviewed and (rule or adjudicator or least):
        raise click.UsageError("--rule, --adjudicator and --least are about marks of people: give --reviewed, too")
    if adjudicator and rule != "adjudicated":
        raise click.UsageError("--adjudicator goes with --rule adjudicated")
    run = RunFolder(folder)
    reviewer = Reviewer(run, rule or "majority", adjudicator or "", least or 1) if reviewed else None
    try:
        with progress_bar("images") as progress:
            written = write(
                run, output, name, images=images, license=license, allow_missing=allow_missing, reviewer=reviewer,
                progress=progress,
            )  # fmt: skip
    finally:
        if reviewer:
            reviewer.close()
        run.close()
    facts = written.facts
    click.echo(f"{facts.samples:,} samples about {facts.images:,} images, in {output}")
    where = quoted(output)
    if reviewed:
        click.echo(f"Read {output / 'README.md'}: it says what people have changed, and by which rule.")
    else:
        click.echo(f"Nobody has looked at them yet: `cfsa review {quoted(folder)}`, then `cfsa export … --reviewed`.")
    click.echo(f"Next: lmms-eval --model MODEL --include_path {where} --tasks {name} --output_path runs --log_samples")


@click.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("--reference", "references", type=PATH, multiple=True, required=True, help="A file; may be repeated.")
@click.option("--judge", "name", metavar="NAME", help="Who decides what is named; by default EIBENCH_JUDGE.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@judge_options
def compare(folder: Path, references: tuple[Path, ...], name: str | None, as_json: bool, **options: Any) -> None:
    """Measure recall and precision of the triggers of RUN, or of an exported split, against a reference.

    A reference is EIBench's basic_ground_truth.json or ec_complex.jsonl, or lines of JSON with `image`, `triggers` and,
    where it is known, `emotion`.
    """
    from cfsa_tool.compare import compare as judged
    from cfsa_tool.compare import render
    from cfsa_tool.matched import matched
    from eibench_tasks.cli.options import options_from, stopped
    from eibench_tasks.judging.registry import load_judge
    from eibench_tasks.report.terminal import judging_bar

    found = matched(folder, references)
    judge = load_judge(name, options_from(**options))
    if check := getattr(judge, "check", None):
        check()
    try:
        with judging_bar(judge, found.judgements) as step:
            comparison = judged(found, judge, step)
    except KeyboardInterrupt:
        raise SystemExit(stopped()) from None
    click.echo(comparison.model_dump_json(indent=1) if as_json else render(comparison))
