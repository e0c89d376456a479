"""Carries out a run: opens or resumes its folder, holds the pilot, and works off the images, many at once."""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfsa_tool import __version__
from cfsa_tool.config import Config, differences, fingerprinted
from cfsa_tool.errors import ConfigError, RunError, quoted
from cfsa_tool.journal import Journal
from cfsa_tool.pictures import picture
from cfsa_tool.records import Item, Outcome
from cfsa_tool.run_folder import JOURNAL, MANIFEST, Manifest, RunFolder, trouble
from cfsa_tool.stages import pilot
from cfsa_tool.stages.annotate import Plan, annotate, versions, wording
from cfsa_tool.stages.checks import all_or_none
from cfsa_tool.stages.conversation import Crew, Failed, Watch
from eibench_tasks.engines.engine import Engine, Picture
from eibench_tasks.engines.store import ReplyStore
from eibench_tasks.errors import ImagesError

IMAGES_A_CALL = 2
"""Images under way for each call that may be in flight: while one waits for its reply, another has a question."""


def open_run(source: str, folder: Path, config: Config, reuse: Sequence[Path] = ()) -> RunFolder:
    """Starts a run, or goes on with the one that is there.

    Args:
        source: the images.
        folder: of the run.
        config: its configuration.
        reuse: folders of other runs, whose replies are taken over where they are still valid.

    Raises:
        ConfigError: the run that is there was started with another configuration.
        RunError: the folder cannot be used.
    """
    fingerprint, source = fingerprint_of(source, config), _as_text(source)
    if not (folder / MANIFEST).exists() and _holds_files(folder):
        raise RunError(f"{folder} holds other files and no run", "Name a new folder: `cfsa run IMAGES -o RUN`")
    earlier = [str(RunFolder(other).folder.resolve()) for other in reuse]
    manifest = Manifest(
        source=source, config=config.model_dump(mode="json"), fingerprint=fingerprint, version=__version__
    )
    run = RunFolder(folder, manifest)
    if changed := differences(run.manifest.fingerprint, fingerprint):
        raise ConfigError(
            f"{folder} was started with another configuration ({'; '.join(changed)})",
            f"Go on with that one, or start another that keeps replies: "
            f"`cfsa run {quoted(source)} -o {quoted(f'{folder}-2')} --reuse {quoted(folder)}`",
        )
    if earlier:
        run.note("reuse", earlier)
    return run


def _holds_files(folder: Path) -> bool:
    """Whether there is anything but hidden files, such as the beginning of a manifest that a kill cut short."""
    try:
        return folder.exists() and any(not file.name.startswith(".") for file in folder.iterdir())
    except OSError as error:
        raise trouble(folder, error) from None


def fingerprint_of(source: str, config: Config) -> dict[str, Any]:
    """What determines the results of a run: configuration, images, and the versions of prompts and rules."""
    return fingerprinted(config) | {"images": _in_full(source)} | {f"version.{k}": v for k, v in versions().items()}


def _in_full(source: str) -> str:
    """The same name for a source, from wherever it is named."""
    try:
        return _as_text(str(Path(source).resolve()) if Path(source).exists() else source)
    except OSError:  # it is longer than any file's name
        return _as_text(source)


def _as_text(name: str) -> str:
    """A name with escapes for bytes that are no text."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Journals:
    """The stores of a run's replies: its own, and those of the runs that it reuses."""

    own: ReplyStore
    earlier: tuple[ReplyStore, ...] = ()

    @classmethod
    def of(cls, folder: RunFolder) -> "Journals":
        """Opens them.

        Raises:
            StoreError: one cannot be opened.
        """
        earlier = [Path(other) / JOURNAL for other in folder.fact("reuse") or []]
        own = ReplyStore(folder.folder / JOURNAL)
        return cls(own, tuple(ReplyStore(file) for file in earlier if file.exists()))

    def behind(self, name: str, engine: Engine | None) -> Journal:
        """An engine whose replies they keep."""
        return Journal(name, engine, self.own, self.earlier)

    def close(self) -> None:
        """Closes all."""
        for store in (self.own, *self.earlier):
            store.close()


async def hold_pilot(
    folder: RunFolder, crew: Crew, config: Config, on_turn: Watch | None = None
) -> tuple[list[pilot.Proposal], int]:
    """Stage 0 over a sample of the run's images.

    The ids are hashes of the images, so that the first of them are a sample that depends on nothing else.

    Returns:
        What was proposed, the most frequent first, and how many proposals that was.

    Raises:
        RunError: nothing was proposed.
        EngineError: no question will be answered any more.
    """
    pictures: list[Picture] = []
    for item in folder.items(most=config.pilot_images):
        try:
            pictures.append(await asyncio.to_thread(picture, item, config.image_side))
        except ImagesError:
            continue  # it is reported when it is annotated
    try:
        proposals = await pilot.propose(pictures, crew, wording(config), on_turn)
    except Failed as failed:
        raise RunError(
            f"the pilot came to no general question: {failed.reason}",
            "Take the paper's: `general: paper` in the configuration, or write your own there",
        ) from None
    return pilot.most_frequent(proposals), len(proposals)


def pending(folder: RunFolder, limit: int | None) -> Iterator[tuple[Item, int]]:
    """The images that have no outcome yet, each with 0; of the first ``limit`` only."""
    return ((item, 0) for item, retry, _ in folder.standing(limit) if retry is None)


def failed(folder: RunFolder) -> Iterator[tuple[Item, int]]:
    """The images that failed, each with the number of its next retry."""
    return ((item, (retry or 0) + 1) for item, retry, failure in folder.standing() if failure is not None)


async def work_off(
    folder: RunFolder,
    crew: Crew,
    plan: Plan,
    work: Iterable[tuple[Item, int]],
    at_once: int,
    on_done: Callable[[Outcome], object] = lambda outcome: None,
) -> None:
    """Annotates images, ``at_once`` of them side by side; what becomes of each is in the folder before the next begins.

    Raises:
        EngineError: no question will be answered any more; images under way have no outcome then.
        StoreError, RunError: replies or outcomes cannot be kept.
    """
    images = iter(work)

    async def worker() -> None:
        for item, retry in images:
            outcome = await one_image(item, crew, plan, retry)
            folder.finish(item, outcome)
            on_done(outcome)

    await all_or_none(*(worker() for _ in range(at_once)))


async def one_image(item: Item, crew: Crew, plan: Plan, retry: int = 0, watch: Watch | None = None) -> Outcome:
    """Opens and annotates one image.

    Raises:
        EngineError, StoreError: as `work_off`.
    """
    try:
        content = await asyncio.to_thread(picture, item, plan.config.image_side)
    except ImagesError as error:
        return Outcome(stage="image", failure=error.what, retry=retry)
    return await annotate(item, content, crew, plan, retry, watch)
