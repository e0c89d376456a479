"""Commands that read what runs have left: answers, results, verdicts. None of them asks a language model."""

from pathlib import Path
from typing import Any

import click

from eibench_tasks.cli.options import PATH, to_json


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("logs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--tasks", help="Which tasks to score; by default those that were logged.")
@click.option("--include-path", type=PATH, help="Folder of other tasks, as of lmms-eval: an exported split.")
@click.option("-o", "--output", type=PATH, help="Write results and samples there.")
@click.option("--limit", type=int, help="As in the logged run.")
@click.option("--offset", type=int, help="As in the logged run.")
def replay(
    logs: tuple[Path, ...],
    tasks: str | None,
    include_path: Path | None,
    output: Path | None,
    limit: int | None,
    offset: int | None,
) -> None:
    """Score logged answers again, without the model.

    LOGS are *_samples_eibench_*.jsonl of lmms-eval or the folder that holds them, files of lines
    {"id": SAMPLE, "answer": TEXT}, or files in the published format {IMAGE: TEXT}.
    """
    from eibench_tasks.harness.again import run_replay

    raise SystemExit(run_replay(list(logs), tasks, output, limit, offset, include_path))


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def results(results: tuple[Path, ...], as_json: bool) -> None:
    """Tabulate results of lmms-eval and lm-eval: recall, interval, bounds, floor, and who judged.

    RESULTS are *_results.json files or folders that hold them.
    """
    from eibench_tasks.report.table import read_results, render
    from eibench_tasks.report.table import to_json as results_json

    found = read_results(list(results))
    click.echo(results_json(found) if as_json else render(found))


@click.command()
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
    click.echo(to_json([item.model_dump() for item in found]) if as_json else render(found))


@click.command()
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
    click.echo(to_json(found.model_dump()) if as_json else render(found))


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--labels-by", metavar="NAME", help="Whose labels; by default those of EIBENCH_JUDGE.")
@click.option("--exported", type=PATH, help="A split of `cfsa export`, which carries labels of its own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def breakdown(results: tuple[Path, ...], labels_by: str | None, exported: Path | None, as_json: bool) -> None:
    """Break recall down by kind and category of the triggers, as `eibench label` has labelled them.

    RESULTS are *_samples_eibench_*.jsonl of judged runs, or folders that hold them.
    """
    import json

    from eibench_tasks.data.exported import load_exported
    from eibench_tasks.judging.judged_logs import read_samples
    from eibench_tasks.judging.registry import judge_name
    from eibench_tasks.metrics.breakdown import breakdown as break_down
    from eibench_tasks.rejudging.labels import labels_for
    from eibench_tasks.report.precision import render_breakdown

    splits = [load_exported(exported)] if exported else []
    logs: dict[Path, list[Any]] = {}
    for sample in read_samples(results):
        logs.setdefault(sample.file, []).append(sample)
    found = {
        (rows[0].model, rows[0].task): break_down(rows, labels_for(rows[0].task, labels_by or judge_name(), splits))
        for rows in logs.values()
    }
    if as_json:
        dumped = [{"model": key[0], "task": key[1]} | parts.model_dump() for key, parts in found.items()]
        click.echo(json.dumps(dumped, indent=1, allow_nan=False))
    else:
        click.echo(render_breakdown(found))


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--split", type=click.Choice(["basic", "complex"]), required=True, help="Which split was judged.")
@click.option("--eibench", type=PATH, help="A checkout of EIBench to hold the replies against; else what is prepared.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def score(file: Path, split: Any, eibench: Path | None, as_json: bool) -> None:
    """Score a judge's replies in the published format, as the published scorer does, and say what it does not.

    FILE holds lines {IMAGE: REPLY}, where a reply holds {score: correct/total}.
    """
    from eibench_tasks.metrics.published import score_file
    from eibench_tasks.report.score import render

    found = score_file(file, split, eibench)
    click.echo(to_json(found.model_dump()) if as_json else render(found))
