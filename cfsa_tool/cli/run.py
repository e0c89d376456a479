"""Commands that ask models."""

import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cfsa_tool.cli.options import PATH, RUN, config_from, engine_options, keys_from, run_options
from cfsa_tool.errors import quoted

if TYPE_CHECKING:
    from cfsa_tool.config import Config
    from cfsa_tool.ingest.candidate import Source
    from cfsa_tool.ingest.take_in import TakenIn
    from cfsa_tool.run_folder import RunFolder
    from cfsa_tool.stages.annotate import Plan

SOME_FAILED, ENGINE_STOPPED = 3, 4
"""Exit codes."""


@click.command()
def init() -> None:
    """Print a configuration with every setting and its meaning.

    \b
    cfsa init > cfsa.yaml
    """
    from cfsa_tool.config import commented

    click.echo(commented(), nl=False)


@click.command()
@click.argument("images")
@click.option("-o", "--output", "folder", type=PATH, help="The run, if it has begun: its own figures count then.")
@click.option("--prices", metavar="IN,OUT", help="What a million tokens of prompt and of reply cost.")
@run_options
def estimate(images: str, folder: Path | None, prices: str | None, file: Path | None, **options: Any) -> None:
    """Say what annotating IMAGES will take, before anything is spent."""
    from cfsa_tool.ingest.take_in import count
    from cfsa_tool.report import render_estimate
    from cfsa_tool.run_folder import MANIFEST, RunFolder
    from cfsa_tool.standing import measured, reckoned, standing
    from eibench_tasks.cli.options import _prices

    _, flags = _split(options)
    config = config_from(file, flags, folder)
    found = None
    if folder and (folder / MANIFEST).exists():
        run_folder = RunFolder(folder)
        found = measured(standing(run_folder))
        run_folder.close()
    if found is None:
        images_found = count(images, config)
        found = reckoned(min(images_found, config.limit or images_found), config, _plan(config, []))
    click.echo(render_estimate(found, _prices(prices) if prices else None))


@click.command()
@click.argument("images")
@click.option("-o", "--output", "folder", type=PATH, required=True, help="The folder of the run.")
@run_options
def pilot(images: str, folder: Path, file: Path | None, **options: Any) -> None:
    """Take IMAGES in and choose the general questions, which you may edit before `cfsa run`."""
    from cfsa_tool.ingest.sources import open_source
    from cfsa_tool.running import open_run

    access, flags = _split(options)
    config = config_from(file, flags, folder)
    opened = open_source(images, config)
    run_folder = open_run(images, folder, config)
    with run_folder.locked():
        _take_in(run_folder, images, opened, config)
        questions = _with_engines(run_folder, config, access, lambda crew: _questions(run_folder, crew, config))
    click.echo("\nGeneral questions, asked about every image:")
    for number, question in enumerate(questions, start=1):
        click.echo(f"  {number}. {question}")
    click.echo(f"\nEdit them in {folder / 'questions.yaml'}\nNext: cfsa run {quoted(images)} -o {quoted(folder)}")


@click.command()
@click.argument("images")
@click.option("-o", "--output", "folder", type=PATH, required=True, help="The folder of the run.")
@click.option("--reuse", type=RUN, multiple=True, help="Another run whose valid replies are taken over.")
@run_options
def run(images: str, folder: Path, reuse: tuple[Path, ...], file: Path | None, **options: Any) -> None:
    """Annotate IMAGES: a folder, a manifest (.csv, .jsonl, .parquet), or hf:NAME of a data set.

    The emotion of an image comes from its folder's name or the manifest; the model names it where neither does. The
    same command goes on where a run was interrupted, and takes new images in.

    \b
    cfsa run photos -o RUN --model Qwen/Qwen2.5-VL-3B-Instruct
    cfsa run photos -o RUN --engine openai --model qwen --base-url http://gpu1:8000/v1 --base-url http://gpu2:8000/v1
    """
    from cfsa_tool import questions
    from cfsa_tool.ingest.sources import open_source
    from cfsa_tool.run_folder import QUESTIONS
    from cfsa_tool.running import open_run, pending

    access, flags = _split(options)
    config = config_from(file, flags, folder)
    opened = open_source(images, config)
    run_folder = open_run(images, folder, config, reuse)
    with run_folder.locked():
        run_folder.note("limit", config.limit)
        _take_in(run_folder, images, opened, config)
        questions.read(folder / QUESTIONS)  # what is wrong with it is said before an engine is loaded

        async def everything(crew: Any) -> None:
            plan = _plan(config, await _questions(run_folder, crew, config))
            run_folder.keep_questions(plan.questions)
            await _work(run_folder, crew, plan, lambda: pending(run_folder, config.limit))

        _with_engines(run_folder, config, access, everything)
    _ended(run_folder)


@click.command()
@click.argument("folder", metavar="RUN", type=RUN)
@click.option("--concurrency", type=click.IntRange(1), help="Calls in flight at most.")
@click.option("--base-url", multiple=True, metavar="URL", help="Of the servers, if they have moved.")
@engine_options
def retry(folder: Path, **options: Any) -> None:
    """Try the failed images of RUN again, and only those. Replies that could be used are not asked for anew."""
    from cfsa_tool.run_folder import RunFolder
    from cfsa_tool.running import failed

    access, flags = _split(options)
    run_folder = RunFolder(folder)
    config = config_from(None, flags, folder)
    with run_folder.locked():
        again = list(failed(run_folder))
        if again:

            async def everything(crew: Any) -> None:
                plan = _plan(config, await _questions(run_folder, crew, config))
                await _work(run_folder, crew, plan, lambda: again)

            _with_engines(run_folder, config, access, everything)
    _ended(run_folder)


# How the commands go about


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the way to the engines, and those of the configuration."""
    names = ("api_key_file", "call_timeout", "total_timeout", "max_requests")
    return {name: options.pop(name, None) for name in names}, options


def _take_in(folder: "RunFolder", images: str, opened: "Source", config: "Config") -> None:
    from cfsa_tool.ingest.take_in import take_in
    from cfsa_tool.report import render_taken_in
    from eibench_tasks.report.terminal import progress_bar

    with progress_bar("images taken in") as progress:
        taken: TakenIn = take_in(images, folder, config, progress, opened)
    click.echo(render_taken_in(taken, folder), err=True)


def _plan(config: "Config", questions: list[str]) -> "Plan":
    from cfsa_tool.ingest.emotions import known_emotions
    from cfsa_tool.stages.annotate import Plan

    return Plan(config, questions, known_emotions(config))


async def _questions(folder: "RunFolder", crew: Any, config: "Config") -> list[str]:
    """The general questions: those of the file, which is written first where there is none."""
    from cfsa_tool import questions as module
    from cfsa_tool.run_folder import QUESTIONS
    from cfsa_tool.running import hold_pilot
    from cfsa_tool.stages.pilot import chosen
    from eibench_tasks.self_ask.stages import PAPER_QUESTIONS

    file = folder.folder / QUESTIONS
    if (found := module.read(file)) is not None:
        return found
    if config.general == "pilot":
        click.echo("Pilot: choosing the general questions …", err=True)
        proposals, count = await hold_pilot(folder, crew, config)
        module.write(file, chosen(proposals), proposals, count)
    else:
        module.write(file, list(PAPER_QUESTIONS) if config.general == "paper" else config.general)
    return module.read(file) or []


def _with_engines(
    folder: "RunFolder", config: "Config", access: dict[str, Any], work: Callable[[Any], Coroutine[Any, Any, Any]]
) -> Any:
    """Loads the engines, does the work and closes them; says why where it ends early."""
    import asyncio

    from cfsa_tool.engines.crew import open_crew
    from cfsa_tool.running import Journals
    from eibench_tasks.engines.engine import EngineError

    journals, key_of = Journals.of(folder), keys_from(access["api_key_file"])
    caught: list[signal.Signals] = []

    async def everything() -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task

        def stop(number: signal.Signals) -> None:
            caught.append(number)
            task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number)
        crew = await open_crew(config, folder, journals, key_of, access)
        try:
            return await work(crew)
        finally:
            await crew.close()

    try:
        return asyncio.run(everything())
    except (asyncio.CancelledError, KeyboardInterrupt, EngineError) as error:
        if caught or not isinstance(error, EngineError):  # an engine in this process may end by the signal first
            click.echo("\nStopped. Everything so far is kept: the same command goes on from there.", err=True)
            raise SystemExit(128 + (caught[0] if caught else signal.SIGINT)) from None
        click.echo(f"\nError: the engine stopped: {error.reason}. The same command goes on from there.", err=True)
        raise SystemExit(ENGINE_STOPPED) from None
    finally:
        journals.close()


async def _work(folder: "RunFolder", crew: Any, plan: "Plan", work: Callable[[], Any]) -> None:
    from cfsa_tool.report import annotating_bar
    from cfsa_tool.running import IMAGES_A_CALL, work_off

    with annotating_bar(sum(1 for _ in work()), crew) as step:
        await work_off(folder, crew, plan, work(), IMAGES_A_CALL * plan.config.concurrency, step)


def _ended(folder: "RunFolder") -> None:
    """Says how it went and what to do next; exits with `SOME_FAILED` where images failed."""
    from cfsa_tool.report import render_standing
    from cfsa_tool.standing import standing

    now = standing(folder)
    click.echo(render_standing(folder, now))
    folder.close()
    if now.failed:
        raise SystemExit(SOME_FAILED)
