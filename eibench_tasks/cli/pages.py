"""Commands that show what runs have left as pages and tables to be handed on."""

from pathlib import Path

import click

from eibench_tasks.cli.options import PATH
from eibench_tasks.data.lines import printable


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", type=PATH, default=Path("report.html"), show_default=True, help="The file.")
@click.option("--title", default="EIBench report", show_default=True, help="Of the page.")
@click.option("--images", is_flag=True, help="Put thumbnails of the images in.")
@click.option("--exported", type=PATH, multiple=True, help="A split of `cfsa export` that is among the tasks.")
@click.option("--labels-by", metavar="NAME", help="Whose labels of triggers; by default those of EIBENCH_JUDGE.")
def report(
    results: tuple[Path, ...],
    output: Path,
    title: str,
    images: bool,
    exported: tuple[Path, ...],
    labels_by: str | None,
) -> None:
    """Write one HTML file that shows runs side by side, with every sample that they logged.

    RESULTS are *_results.json files or folders that hold them. The file needs no network and can be mailed.
    """
    from eibench_tasks.data.exported import load_exported
    from eibench_tasks.judging.registry import judge_name
    from eibench_tasks.report.page.page import Settings, render, write
    from eibench_tasks.report.page.runs import read_runs
    from eibench_tasks.report.terminal import progress_bar

    runs, not_shown = read_runs(results)
    for line in not_shown:
        click.echo(printable(line), err=True)
    splits = [load_exported(folder) for folder in exported]
    settings = Settings(title, splits, images, labels_by or judge_name())
    with progress_bar("images") as progress:
        page = render(runs, settings, progress)
    write(page, output)
    answers = sum(len(run.rows) for run in runs)
    size = output.stat().st_size / 1e6
    click.echo(f"{output}: runs: {len(runs)}, answers: {answers:,}, {size:.1f} MB")
    click.echo(f"Open it in a browser: {output.resolve().as_uri()}")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", type=PATH, help="Folder for the table; by default DIR.")
def leaderboard(folder: Path, output: Path | None) -> None:
    """Keep a table of all runs below DIR: Markdown, CSV and HTML, ranked where intervals separate.

    A run enters only if its results say where they come from: model, judge, protocol, versions, data.
    """
    from eibench_tasks.report import leaderboard as board

    found, left_out = board.boards([folder])
    for what, why in left_out.items():
        click.echo(printable(f"Left out: {what}: {why}"), err=True)
    target = output or (folder if folder.is_dir() else folder.parent)
    for file in board.write(found, target):
        click.echo(file)
    runs = sum(len(one.entries) for one in found)
    apart = ", each of runs that can be compared" if len(found) > 1 else ""
    click.echo(f"Runs: {runs}; tables: {len(found)}{apart}")
