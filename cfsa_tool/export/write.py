"""`cfsa export`: turns the outcomes of a run into the folder of a split, the same bytes for the same run."""

import hashlib
import json
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from cfsa_tool import __version__
from cfsa_tool.config import Config
from cfsa_tool.errors import ExportError, quoted
from cfsa_tool.export import card
from cfsa_tool.export.counts import Counts
from cfsa_tool.export.eibench_format import EIBenchFiles
from cfsa_tool.export.image_files import image_file
from cfsa_tool.export.origin import Origin, origin_of
from cfsa_tool.export.parquet import SHARD_BYTES, Shards
from cfsa_tool.export.place import CARD, LEFT_OUT, PROVENANCE, check_place, written_whole
from cfsa_tool.export.samples import Floors, Sample, all_samples
from cfsa_tool.export.task_files import check_name, write_task
from cfsa_tool.records import Item, Outcome
from cfsa_tool.review.reviewer import Reviewer, Tally
from cfsa_tool.run_folder import RunFolder
from eibench_tasks.data.exported import DATA, MANIFEST, Exported, Shard, SplitFacts, load_exported, metric_names
from eibench_tasks.data.lines import printable
from eibench_tasks.errors import ImagesError

Progress = Callable[[int], Callable[[], object]]


def export(
    folder: RunFolder,
    output: Path,
    name: str,
    *,
    images: bool = True,
    license: str | None = None,
    allow_missing: bool = False,
    shard_bytes: int = SHARD_BYTES,
    reviewer: Reviewer | None = None,
    progress: Progress = lambda total: lambda: None,
) -> Exported:
    """Writes a run as a split.

    Args:
        folder: of the run; it may go on meanwhile, what it has at this moment is exported.
        output: folder of the split; made, or replaced if it holds an export of the same name.
        name: of the split and of its task in lmms-eval.
        images: whether the images are written as files too, beside the Parquet files that hold them.
        license: of the images; None for that of the run's configuration.
        allow_missing: leave out samples whose image is gone or has changed since it was taken in.
        shard_bytes: images of one Parquet file at most, in bytes.
        reviewer: decides which samples stay, and how; None for all samples as CFSA has built them.
        progress: called with the number of images; returns what is called after each.

    Raises:
        ExportError: the name or the place cannot be used, no sample is there, an image is gone, or the disk is full.
        RunError: the run cannot be read.
    """
    check_name(name)
    check_place(output, name)
    config = Config.model_validate(folder.manifest.config)
    origin = origin_of(folder, config)
    with folder.snapshot(), reviewer.snapshot() if reviewer else nullcontext():
        ((total,),) = folder.rows("SELECT count(*) FROM outcomes")
        floors = Floors(folder, config.kind, reviewer.changed if reviewer else lambda sample: sample)
        with written_whole(output) as place:
            writer = _Writer(place, name, config, images, shard_bytes, reviewer)
            try:
                _write_samples(writer, folder, floors, allow_missing, progress(total))
                shards = writer.finish()
            finally:
                writer.abandon()
            text = card.render(_card(folder, writer, name, origin, images, license))
            (place / CARD).write_text(text, encoding="utf-8")
            facts = _facts(writer, name, config, origin, shards)
            write_task(place, name, facts.metrics)
            (place / MANIFEST).write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return load_exported(output)


class _Writer:
    """Everything that is written sample by sample."""

    def __init__(
        self, place: Path, name: str, config: Config, images: bool, shard_bytes: int, reviewer: Reviewer | None
    ) -> None:
        (place / DATA).mkdir()
        self.counts = Counts()
        self.config = config
        self.kind = config.kind
        self.reviewer = reviewer
        self.tally = Tally()
        self.digest = hashlib.sha256()
        self._shards = Shards(place / DATA, name, shard_bytes)
        self._eibench = EIBenchFiles(place, config.kind, images)
        self._open = ExitStack()
        self._provenance, self._left_out = self._lines(place / PROVENANCE), self._lines(place / LEFT_OUT)

    def add(self, item: Item, samples: list[Sample], floors: Floors) -> None:
        """The samples of one image.

        Raises:
            ImagesError: its file is gone or has changed.
        """
        content, suffix = image_file(item)
        key = self._eibench.add(samples, content, suffix)
        self.counts.images += 1
        for sample in samples:
            row = sample.row(floors.of(sample), key)
            self.digest.update(_line(row | {"image_file": ""}).encode())  # the same with and without image files
            self._shards.add(row, content)
            self._provenance.write(_line(sample.provenance()))
            self.counts.add(sample)

    def reviewed(self, sample: Sample) -> Sample | None:
        """The sample as people want it; None where they do not, which is noted."""
        if not self.reviewer:
            return sample
        found = self.reviewer.of(sample)
        self.tally.add(found)
        if found.sample is None:
            self.leave_out(
                "sample", sample.item.name, found.reason, image_id=sample.item.id, emotion=sample.built.emotion
            )
            self.counts.leave_out(f"review: {found.reason}")
            return None
        return replace(sample, built=found.sample)

    def leave_out(self, what: str, name: str, reason: str, **more: str) -> None:
        """One image, or one emotion of an image, that has no sample."""
        self._left_out.write(_line({"what": what, "name": printable(name), "reason": printable(reason)} | more))

    def finish(self) -> list[Shard]:
        """Ends all files."""
        self._eibench.finish()
        return self._shards.finish()

    def abandon(self) -> None:
        """Closes all files, whatever is in them."""
        self._eibench.abandon()
        self._shards.abandon()
        self._open.close()

    def _lines(self, file: Path) -> IO[str]:
        return self._open.enter_context(file.open("w", encoding="utf-8", newline="\n"))


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False) + "\n"


def _write_samples(
    writer: _Writer, folder: RunFolder, floors: Floors, allow_missing: bool, step: Callable[[], object]
) -> None:
    for item, outcome, samples in all_samples(folder, writer.kind):
        _say_what_failed(writer, item, outcome)
        samples = [kept for sample in samples if (kept := writer.reviewed(sample))]
        try:
            if samples:
                writer.add(item, samples, floors)
        except ImagesError as error:
            if not allow_missing:
                mend = "Put it back, or leave its samples out: `cfsa export … --allow-missing`"
                raise ExportError(f"the image {item.name}: {error.what}", mend) from None
            _fail(writer, item, "export", error.what)
        step()
    for name, reason in folder.left_out():
        writer.leave_out("not taken in", name, reason)
        writer.counts.leave_out(reason)
    if not writer.counts.samples and writer.tally.left_out:
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in writer.tally.left_out.most_common())
        raise ExportError(
            f"people leave no sample of the run in {folder.folder}: {reasons}",
            f"Have them review more: `cfsa review {quoted(folder.folder)}`; or take another `--rule` or `--least`",
        )
    if not writer.counts.samples:
        raise ExportError(
            f"the run in {folder.folder} has no finished sample",
            f"See what it has: `cfsa status {folder.folder}`; go on with it: `cfsa run`, `cfsa retry`",
        )


def _say_what_failed(writer: _Writer, item: Item, outcome: Outcome) -> None:
    if outcome.failure is not None:
        _fail(writer, item, outcome.stage, outcome.failure)
    for emotion, reason in sorted(outcome.skipped.items()):
        writer.leave_out("emotion without sample", item.name, reason, image_id=item.id, emotion=emotion)
        writer.counts.skip(reason)


def _fail(writer: _Writer, item: Item, stage: str | None, reason: str) -> None:
    writer.leave_out("failed", item.name, reason, image_id=item.id, stage=stage or "")
    writer.counts.fail(stage, reason)


def _card(
    folder: RunFolder, writer: _Writer, name: str, origin: Origin, images: bool, license: str | None
) -> card.Card:
    config = writer.config
    ((taken_in,),) = folder.rows("SELECT count(*) FROM images")
    ((annotated,),) = folder.rows("SELECT count(*) FROM outcomes")
    wanted = max(annotated, min(taken_in, config.limit or taken_in))
    review = card.Review(writer.reviewer.stated, writer.tally) if writer.reviewer else None
    return card.Card(name, config, origin, writer.counts, wanted, annotated, images, license or config.license, review)


def _facts(writer: _Writer, name: str, config: Config, origin: Origin, shards: list[Shard]) -> SplitFacts:
    return SplitFacts(
        name=name,
        kind=config.kind,
        metrics=metric_names(writer.counts.emotions),
        samples=writer.counts.samples,
        images=writer.counts.images,
        digest=writer.digest.hexdigest(),
        fingerprint=origin.fingerprint,
        built_by=origin.built_by,
        eibench=__version__,
        shards=shards,
    )
