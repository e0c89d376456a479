"""The command `eibench`. Every command imports what it needs when it runs, so that `--help` is quick."""

from pathlib import Path
from typing import Any

import click

from eibench_tasks import __version__
from eibench_tasks.errors import EIBenchError
from eibench_tasks.judge_cli import breakdown, judge, judge_options, label, options_from, precision

_PATH = click.Path(path_type=Path)


class _Group(click.Group):
    """Shows our errors as one line and exits with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EIBenchError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="eibench")
def main() -> None:
    """EIBench: why does an emotion arise in an image?

    First `eibench prepare --images DIR`, then `lmms-eval --model … --tasks eibench`.
    """


for _command in (judge, precision, label, breakdown):
    main.add_command(_command)


@main.command()
@click.option(
    "--images",
    type=_PATH,
    multiple=True,
    help="Folder that holds EmoSet-118k/ and CAER-S/; may be repeated.",
)
@click.option(
    "--eibench",
    type=_PATH,
    help="A checkout of EIBench, or a folder with its files; else they are downloaded.",
)
@click.option("--allow-missing", is_flag=True, help="Go on without images that are missing or broken.")
@click.option("--captions", type=_PATH, help="Captions from a file, as a run of eibench_describe logs them.")
@click.option("--captions-by", metavar="MODEL", help="Who wrote the captions, where the file does not say.")
def prepare(
    images: tuple[Path, ...],
    eibench: Path | None,
    allow_missing: bool,
    captions: Path | None,
    captions_by: str | None,
) -> None:
    """Join the annotations with your images into the data set that the tasks read.

    With --captions alone, the captions are added to what is already prepared.
    """
    from eibench_tasks.data import prepare as module
    from eibench_tasks.report.terminal import progress_bar

    if not images and not captions:
        raise click.UsageError("give --images DIR, the folder that holds EmoSet-118k/ and CAER-S/")
    if images:
        with progress_bar("images") as progress:
            data = module.prepare(list(images), eibench, allow_missing, captions, captions_by, progress)
    else:
        assert captions is not None
        data = module.add_captions(captions, captions_by)
    manifest = data.manifest
    for name, counts in manifest.counts.items():
        click.echo(f"{name:8} {counts.n:5} of {counts.of} samples")
    if manifest.captions:
        click.echo(f"captions {manifest.captions.count:5} by {manifest.captions.model}")
    for key, reason in sorted(manifest.left_out.items()):
        click.echo(f"left out: {key} {reason}")
    click.echo(f"\nPrepared in {data.folder.parent}")
    click.echo("Next: lmms-eval --model MODEL --tasks eibench --output_path runs --log_samples")


@main.command()
def doctor() -> None:
    """Say what is installed, prepared and configured, and what to do about what is not."""
    from eibench_tasks.doctor import examine

    findings = examine()
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark = click.style("ok", fg="green") if finding.good else click.style("!!", fg="red")
        click.echo(f"{mark} {finding.subject:{width}}  {finding.state}")
        if finding.mend:
            click.echo(f"   {'':{width}}  {finding.mend}")
    raise SystemExit(0 if all(finding.good for finding in findings) else 1)


@main.command()
@click.option("--lm-eval", is_flag=True, help="The folder for lm-eval instead.")
def path(lm_eval: bool) -> None:
    """Print the folder of the task definitions, for --include_path."""
    from eibench_tasks.home import task_configs

    click.echo(task_configs("lm_eval" if lm_eval else "lmms_eval"))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("logs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--tasks", help="Which tasks to score; by default those that were logged.")
@click.option("-o", "--output", type=_PATH, help="Write results and samples there.")
@click.option("--limit", type=int, help="As in the logged run.")
@click.option("--offset", type=int, help="As in the logged run.")
def replay(
    logs: tuple[Path, ...], tasks: str | None, output: Path | None, limit: int | None, offset: int | None
) -> None:
    """Score logged answers again, without the model.

    LOGS are *_samples_eibench_*.jsonl of lmms-eval or the folder that holds them, files of lines
    {"id": SAMPLE, "answer": TEXT}, or files in the published format {IMAGE: TEXT}.
    """
    from eibench_tasks.harness.again import run_replay

    raise SystemExit(run_replay(list(logs), tasks, output, limit, offset))


@main.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def results(results: tuple[Path, ...], as_json: bool) -> None:
    """Tabulate results of lmms-eval and lm-eval: recall, interval, bounds, floor, and who judged.

    RESULTS are *_results.json files or folders that hold them.
    """
    from eibench_tasks.report.table import read_results, render, to_json

    found = read_results(list(results))
    click.echo(to_json(found) if as_json else render(found))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--judge", default=None, help="By default the one of EIBENCH_JUDGE, else offline.")
def pairs(files: tuple[Path, ...], judge: str | None) -> None:
    """Measure a judge on labelled (trigger, answer) pairs.

    FILES hold lines {"answer": TEXT, "triggers": [{"text": TEXT, "present": true}, …]}.
    """
    from eibench_tasks.judging.pairs import measure, read_pairs
    from eibench_tasks.judging.registry import load_judge

    for file in files:
        click.echo(f"{file.name}: {measure(load_judge(judge), read_pairs(file))}")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--split", type=click.Choice(["basic", "complex"]), required=True, help="Which split was judged.")
@click.option("--eibench", type=_PATH, help="A checkout of EIBench to hold the replies against; else what is prepared.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def score(file: Path, split: Any, eibench: Path | None, as_json: bool) -> None:
    """Score a judge's replies in the published format, as the published scorer does, and say what it does not.

    FILE holds lines {IMAGE: REPLY}, where a reply holds {score: correct/total}.
    """
    from eibench_tasks.metrics.published import score_file
    from eibench_tasks.report.score import render

    found = score_file(file, split, eibench)
    click.echo(_json(found.model_dump()) if as_json else render(found))


@main.command()
@click.argument("a", type=click.Path(exists=True, path_type=Path))
@click.argument("b", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def compare(a: Path, b: Path, as_json: bool) -> None:
    """Say whether run B is better than run A: paired by sample, interval and p clustered by image.

    A and B are *_samples_eibench_*.jsonl or folders that hold those of one model.
    """
    from eibench_tasks.metrics.compare import compare_runs
    from eibench_tasks.report.compare import render

    found = compare_runs(a, b)
    click.echo(_json([item.model_dump() for item in found]) if as_json else render(found))


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def agreement(paths: tuple[Path, ...], as_json: bool) -> None:
    """Say how well judges agree on the same answers, or human raters on the same images.

    PATHS are *_samples_eibench_*.jsonl of several judges, or files of human ratings {IMAGE: "RATING"}, one for
    each rater; or folders that hold them.
    """
    from eibench_tasks.metrics.agreement import agreement as measure
    from eibench_tasks.report.agreement import render

    found = measure(paths)
    click.echo(_json(found.model_dump()) if as_json else render(found))


def _json(record: Any) -> str:
    import json

    return json.dumps(record, indent=1, allow_nan=False)


@main.command()
@click.option("--judge", metavar="NAME", help="By default the one of EIBENCH_JUDGE, else offline.")
@click.option("--split", type=click.Choice(["demo", "basic", "complex", "lite"]), default="demo", show_default=True)
@click.option("--samples", type=click.IntRange(1), default=40, show_default=True, help="How many at most.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws samples and shuffles triggers.")
@click.option("--pairs", "labelled", type=_PATH, multiple=True, help="Labelled pairs, as `eibench pairs` reads them.")
@click.option(
    "--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write all that was measured there."
)
@judge_options
def audit(
    judge: str | None,
    split: str,
    samples: int,
    seed: int,
    labelled: tuple[Path, ...],
    output: Path | None,
    **options: Any,
) -> None:
    """Measure a judge before it is trusted.

    Floors, ceiling, verdicts that flip with the triggers' order or when asked again, what length does, and dozens of
    answers that try to talk the judge into a score. By default on the demo split, which is part of the package.
    """
    from eibench_tasks.judging.audit.measure import audit as measure
    from eibench_tasks.judging.registry import load_judge
    from eibench_tasks.report.audit import render
    from eibench_tasks.report.terminal import judging_bar

    chosen = load_judge(judge, options_from(**options))
    if check := getattr(chosen, "check", None):
        check()
    found = measure(chosen, split, samples, seed, labelled, lambda total: judging_bar(chosen, total))
    click.echo(render(found))
    if output:
        _write(output, _json(found.model_dump()))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise EIBenchError(f"cannot write {file} ({error.strerror})", "Give a file in a folder that is there") from None
