"""The options by which every command reaches its judges, and the command `eibench judge`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from eibench_tasks.data.schema import Protocol
    from eibench_tasks.judging.options import JudgeOptions

_PATH = click.Path(path_type=Path)


def judge_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that `options_from` reads. The environment's settings stand where an option is not given."""
    options = [
        click.option("--protocol", help="verdict (default), paper, paper:chatgpt or paper:llama3."),
        click.option("--judge-url", metavar="URL[,URL…]", help="Base URLs of an openai: judge; balanced."),
        click.option("--judge-key-file", type=_PATH, help="File with the API key; or set EIBENCH_JUDGE_KEY."),
        click.option("--concurrency", type=click.IntRange(1), help="Most requests in flight (16)."),
        click.option("--call-timeout", type=click.FloatRange(0, min_open=True), help="Seconds for one try (60)."),
        click.option("--total-timeout", type=click.FloatRange(0, min_open=True), help="Seconds for all tries (600)."),
        click.option("--max-requests", type=click.IntRange(0), help="Stop after so many requests."),
        click.option("--max-cost", type=click.FloatRange(0), help="Stop before more is spent; needs --prices."),
        click.option(
            "--prices",
            metavar="IN,OUT",
            help="What a million tokens of prompt and of reply cost, for the estimate and --max-cost.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def options_from(
    protocol: str | None = None,
    judge_url: str | None = None,
    judge_key_file: Path | None = None,
    concurrency: int | None = None,
    call_timeout: float | None = None,
    total_timeout: float | None = None,
    max_requests: int | None = None,
    max_cost: float | None = None,
    prices: str | None = None,
    published: "Protocol | None" = None,
) -> "JudgeOptions":
    """The judge's options: those of the command line over those of the environment.

    Raises:
        JudgeError: one of them has no meaning.
    """
    from dataclasses import replace

    from eibench_tasks.judging.options import from_environment

    base = from_environment({"PROTOCOL": protocol, "URL": judge_url, "KEY": _key(judge_key_file)})
    said: dict[str, Any] = {
        "concurrency": concurrency,
        "call_seconds": call_timeout,
        "request_seconds": total_timeout,
    }
    limits = replace(base.limits, **{name: value for name, value in said.items() if value is not None})
    if max_cost is not None and not prices:
        raise click.UsageError("--max-cost needs --prices IN,OUT")
    return replace(
        base,
        limits=limits,
        max_requests=max_requests,
        max_cost=max_cost,
        prices=_prices(prices),
        published=published,
    )


def _key(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"cannot read the key file {file}") from None


def _prices(text: str | None) -> Any:
    from eibench_tasks.engines.budget import Prices

    try:
        numbers = [float(part) for part in (text or "0,0").split(",")]
        if len(numbers) != 2 or not all(0 <= number < 1e9 for number in numbers):
            raise ValueError
    except ValueError:
        raise click.UsageError("--prices wants two numbers, for example --prices 0.15,0.6") from None
    return Prices(*numbers)


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--judge", "judges", multiple=True, metavar="NAME", help="May be repeated; by default EIBENCH_JUDGE.")
@click.option("-o", "--output", type=_PATH, help="Write there; by default into judged/ beside the logs.")
@click.option("--eibench", type=_PATH, help="The annotations, on a machine where nothing is prepared.")
@click.option(
    "--chance-samples",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    help="Answers that are judged against another image's triggers too; 0 for none.",
)
@judge_options
def judge(
    results: tuple[Path, ...],
    judges: tuple[str, ...],
    output: Path | None,
    eibench: Path | None,
    chance_samples: int,
    **options: Any,
) -> None:
    """Judge logged answers after the run, with any judge.

    RESULTS are *_samples_eibench_*.jsonl of lmms-eval or lm-eval, or folders that hold them; logs of --predict_only
    runs too. Every reply is kept: the same command goes on after an interruption, and costs nothing the second time.

    \b
      eibench judge runs --judge openai:gpt-4o-mini
      eibench judge runs --judge offline --judge openai:Qwen/Qwen3-8B --judge-url http://localhost:8000/v1
    """
    from eibench_tasks.judging.registry import check_judge, judge_name, load_judge
    from eibench_tasks.rejudging.known import load_known
    from eibench_tasks.rejudging.logs import find_logs, read_log
    from eibench_tasks.rejudging.run import plan
    from eibench_tasks.report.samples import task_of
    from eibench_tasks.report.table import read_results, render

    names = list(dict.fromkeys(judges or (judge_name(),)))
    for name in names:
        check_judge(name)
    files = find_logs(results)
    known = load_known({task_of(file) for file in files}, eibench)
    plans = [plan(read_log(file, known), chance_samples) for file in files]
    settings = options_from(**options, published=known.protocol)
    written = []
    for name in names:
        written += _judge_with(load_judge(name, settings), plans, output)
    click.echo("\n" + render(read_results(written)))
    click.echo("\nWritten to " + "\n           ".join(str(file.parent) for file in written))


def _judge_with(judge: Any, plans: list[Any], output: Path | None) -> list[Path]:
    from eibench_tasks.rejudging.results import runs_of, write
    from eibench_tasks.rejudging.run import judge_plans, to_ask, unscored
    from eibench_tasks.report.terminal import judging_bar

    asks = to_ask(judge, plans)
    total = len({(id(one), key) for one in plans for key in one.items})
    click.echo(_estimate(judge, total, asks), err=True)
    if asks:
        judge.check()
    try:
        with judging_bar(judge, total) as step:
            metrics = judge_plans(judge, plans, step)
    except KeyboardInterrupt:
        click.echo("\nStopped. What the judge has said is kept: the same command goes on from there.", err=True)
        raise SystemExit(130) from None
    for reason, count in unscored(metrics).most_common(5):
        click.echo(f"{count} unscored: {reason}", err=True)
    return [write(run, judge, output) for run in runs_of([one.log for one in plans], metrics)]


def _estimate(judge: Any, total: int, asks: list[Any]) -> str:
    """What is about to be asked, and what it costs at most."""
    from eibench_tasks.engines.budget import CHARACTERS_A_TOKEN

    if not hasattr(judge, "budget"):
        return f"{judge.name}: {total} judgements, on this machine"
    tokens = sum(ask.characters for ask in asks) / CHARACTERS_A_TOKEN
    text = f"{judge.name} ({judge.protocol}): {total} judgements, {total - len(asks)} known, {len(asks)} calls"
    if asks:
        text += f", about {tokens / 1e6:.2f} million prompt tokens"
    if judge.budget.prices.prompt or judge.budget.prices.completion:
        text += f", {sum(judge.budget.prices.most(ask) for ask in asks):.2f} at most without retries"
    return text
