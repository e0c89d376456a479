"""What several commands share: the options by which they reach a judge, and how JSON is printed."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eibench_tasks.errors import EIBenchError

if TYPE_CHECKING:
    from eibench_tasks.data.schema import Protocol
    from eibench_tasks.judging.options import JudgeOptions

PATH = click.Path(path_type=Path)


class Commands(click.Group):
    """Shows our errors as one line and exits with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EIBenchError as error:
            raise click.ClickException(str(error)) from None


def judge_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that `options_from` reads. The environment's settings stand where an option is not given."""
    options = [
        click.option("--protocol", help="verdict (default), paper, paper:chatgpt or paper:llama3."),
        click.option("--judge-url", metavar="URL[,URL…]", help="Base URLs of an openai: judge; balanced."),
        click.option("--judge-key-file", type=PATH, help="File with the API key; or set EIBENCH_JUDGE_KEY."),
        click.option("--concurrency", type=click.IntRange(1), help="Most requests in flight (64)."),
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


def to_json(record: Any) -> str:
    """A record as JSON; never NaN."""
    import json

    return json.dumps(record, indent=1, allow_nan=False)


def stopped() -> int:
    """Says that nothing was lost.

    Returns:
        The exit code.
    """
    click.echo("\nStopped. What the judge has said is kept: the same command goes on from there.", err=True)
    return 130
