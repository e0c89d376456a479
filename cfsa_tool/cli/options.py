"""What several commands share: options of a run, and how they become a configuration."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cfsa_tool.config import Config, Model

PATH = click.Path(path_type=Path)
RUN = click.Path(path_type=Path, exists=True, file_okay=False)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that `config_from` reads."""
    options = [
        click.option("--config", "file", type=PATH, help="A file with all settings; `cfsa init` prints one."),
        click.option("--engine", type=click.Choice(["openai", "vllm", "transformers"]), help="What runs the model."),
        click.option("--model", metavar="NAME", help="The vision model: a name on the server or the Hub, or a folder."),
        click.option("--revision", help="Of the model on the Hub."),
        click.option("--base-url", multiple=True, metavar="URL", help="Of an openai server; may be repeated."),
        click.option("--text-model", metavar="NAME", help="The model that writes; by default the vision model."),
        click.option("--text-engine", type=click.Choice(["openai", "vllm", "transformers"]), help="What runs it."),
        click.option("--text-base-url", multiple=True, metavar="URL", help="Its servers."),
        click.option("--kind", type=click.Choice(["basic", "complex"]), help="One emotion an image, or several."),
        click.option("--general", type=click.Choice(["pilot", "paper"]), help="The general questions."),
        click.option("--rounds", type=click.IntRange(0, 8), help="Of scenario self-ask, at most (2)."),
        click.option("--limit", type=click.IntRange(1), help="Annotate so many images at most."),
        click.option("--concurrency", type=click.IntRange(1), help="Calls in flight at most (64)."),
        *engine_options_list(),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def engine_options_list() -> list[Callable[..., Any]]:
    """Options of engines that are no part of the configuration."""
    return [
        click.option("--api-key-file", type=PATH, help="File with the servers' key; or set CFSA_API_KEY."),
        click.option("--call-timeout", type=click.FloatRange(0, min_open=True), help="Seconds for one try (300)."),
        click.option("--total-timeout", type=click.FloatRange(0, min_open=True), help="Seconds for all tries (1800)."),
        click.option("--max-requests", type=click.IntRange(0), help="Stop after so many requests."),
    ]


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that `Access` reads."""
    for option in reversed(engine_options_list()):
        command = option(command)
    return command


_FIELDS = {
    "engine": "vision.engine",
    "model": "vision.model",
    "revision": "vision.revision",
    "base_url": "vision.base_url",
    "text_engine": "text.engine",
    "text_model": "text.model",
    "text_base_url": "text.base_url",
}
"""Fields of the configuration by option, where they are called otherwise."""


def config_from(file: Path | None, flags: Mapping[str, Any], folder: Path | None = None) -> "Config":
    """The configuration that the options ask for; that of the run's folder where there is one and no file is given.

    Raises:
        ConfigError: it has no meaning.
    """
    from cfsa_tool.config import load_config
    from cfsa_tool.run_folder import MANIFEST, RunFolder

    given = {_FIELDS.get(name, name): list(v) if isinstance(v, tuple) else v for name, v in flags.items()}
    given = {name: value for name, value in given.items() if value not in (None, [])}
    before = {}
    if folder and file is None and (folder / MANIFEST).exists():
        run = RunFolder(folder)
        before = {name: value for name, value in run.manifest.config.items() if name != "limit"}
        run.close()
    return load_config(file, given, before)


def keys_from(file: Path | None) -> "Callable[[Model], str]":
    """The key for the servers of a model: that of a file, of ``CFSA_API_KEY``, or of ``OPENAI_API_KEY``.

    The last is for OpenAI's own address only, so that it goes nowhere else.
    """
    try:
        given = file.read_text(encoding="utf-8").strip() if file else os.environ.get("CFSA_API_KEY", "").strip()
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"cannot read the key file {file}") from None

    def key(model: "Model") -> str:
        return given or ("" if model.base_url else os.environ.get("OPENAI_API_KEY", "").strip())

    return key
