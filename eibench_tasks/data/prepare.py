"""`eibench prepare`: joins annotations, protocol strings and images into one prepared data set.

A prepared data set is one folder that is never changed; a pointer file names the current one. The pointer is
replaced when the folder is complete, so a killed prepare leaves the old data set or the new one, never half.
"""

import hashlib
import json
import os
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from eibench_tasks.data import annotations, captions, protocol, source
from eibench_tasks.data.images import check_roots, find_images, verify_images
from eibench_tasks.data.prepared import POINTER, PREFIX, Prepared, load_prepared
from eibench_tasks.data.schema import (
    Annotation,
    Captions,
    ImageFacts,
    Manifest,
    Protocol,
    Sample,
    SplitCounts,
)
from eibench_tasks.errors import EIBenchError, ImagesError
from eibench_tasks.home import eibench_home

_SHOWN = 5  # how many broken or missing images an error names; the rest is counted


def prepare(
    images: list[Path],
    eibench: Path | None = None,
    allow_missing: bool = False,
    captions_file: Path | None = None,
    captions_model: str | None = None,
    progress: Callable[[int], Callable[[], object]] = lambda total: lambda: None,
) -> Prepared:
    """Builds the prepared data set and makes it the current one.

    Args:
        images: folders that hold ``EmoSet-118k/`` and ``CAER-S/``, together or each its own.
        eibench: where the annotations are, see `source.load`; None downloads them.
        allow_missing: go on without the images that are missing or broken.
        captions_file: captions to carry, see `captions.read_captions`.
        captions_model: who wrote them, where the file does not say.
        progress: called with the number of images; returns what is called after each.

    Raises:
        EIBenchError: an input is not usable or the result cannot be written; the current one stays.
    """
    check_roots(images)
    published, strings = source.load(eibench)
    paths, missing = find_images(images, {item.image_key for item in published})
    left_out = dict.fromkeys(missing, "is missing")
    if missing and not allow_missing:  # said before minutes are spent on decoding the others
        raise _images_error(left_out, len(published))
    facts, broken = verify_images(paths, progress(len(paths)))
    left_out |= broken
    if left_out and not allow_missing:
        raise _images_error(left_out, len(published))
    if not facts:
        raise ImagesError("no image could be decoded", "Check the files below --images")
    texts: dict[str, str]
    about: Captions | None
    if captions_file:
        texts, about = _captions(captions_file, captions_model, set(facts))
    else:
        texts, about = _present_captions(set(facts))
    samples = _join(published, facts, strings, texts)
    return _publish(samples, strings, published, left_out, about)


def add_captions(captions_file: Path, captions_model: str | None) -> Prepared:
    """Gives the current prepared data set other captions; images and annotations stay as they were checked."""
    current = load_prepared()
    texts, about = _captions(captions_file, captions_model, {sample.image_id for sample in current.samples})
    samples = [sample.model_copy(update={"caption": texts.get(sample.image_id, "")}) for sample in current.samples]
    manifest = current.manifest
    return _write(samples, current.protocol, manifest.model_copy(update={"captions": about}))


def _present_captions(images: set[str]) -> tuple[dict[str, str], Captions | None]:
    """The captions of the current prepared data set: preparing again does not lose them."""
    try:
        current = load_prepared()
    except EIBenchError:
        return {}, None
    texts = {item.image_id: item.caption for item in current.samples if item.caption and item.image_id in images}
    about = current.manifest.captions
    return texts, about.model_copy(update={"count": len(texts)}) if about and texts else None


def _captions(file: Path, model: str | None, images: set[str]) -> tuple[dict[str, str], Captions]:
    """The captions of a file that belong to the images of the data set."""
    texts, about = captions.read_captions(file, model)
    texts = {key: text for key, text in texts.items() if key in images}
    if not texts:
        raise EIBenchError(
            f"--captions {file} holds no caption of an image of EIBench",
            f"Name images as the annotations do, for example {min(images)}",
        )
    return texts, about.model_copy(update={"count": len(texts)})


def _images_error(left_out: dict[str, str], total: int) -> ImagesError:
    shown = "; ".join(f"{key} {reason}" for key, reason in sorted(left_out.items())[:_SHOWN])
    more = f"; and {len(left_out) - _SHOWN} more" if len(left_out) > _SHOWN else ""
    return ImagesError(
        f"{len(left_out)} images are missing or broken: {shown}{more}",
        "Get these files again, or go on without them: `eibench prepare … --allow-missing`",
    )


def _join(
    published: list[Annotation], facts: dict[str, ImageFacts], strings: Protocol, texts: dict[str, str]
) -> list[Sample]:
    floors = floor_answers(published)
    samples = []
    for item in published:
        if item.image_key not in facts:
            continue
        user = strings.model.user.replace("{question}", item.question)
        samples.append(
            Sample(
                id=item.id,
                split=item.split,
                emotion=item.emotion,
                image=facts[item.image_key].path,
                image_id=item.image_key,
                image_size=facts[item.image_key].size,
                image_sha256=facts[item.image_key].sha256,
                question=item.question,
                triggers=item.triggers,
                triggers_text=item.triggers_text,
                prompt_user=user,
                prompt_cot=user + strings.model.cot_suffix,
                caption=texts.get(item.image_key, ""),
                floor_answer=floors[item.id],
            )
        )
    return samples


def floor_answers(items: list[Annotation]) -> dict[str, str]:
    """For each sample, the triggers of another image of the same emotion: an answer that saw nothing.

    The other image is drawn by a generator seeded with the sample's id, so it never changes. Where a split
    has no other image of that emotion, any other image of the split is drawn from.
    """
    by_emotion: dict[tuple[str, str], list[Annotation]] = defaultdict(list)
    by_split: dict[str, list[Annotation]] = defaultdict(list)
    for item in items:
        by_emotion[item.split, item.emotion].append(item)
        by_split[item.split].append(item)
    answers = {}
    for item in items:
        same = [other for other in by_emotion[item.split, item.emotion] if other.image_key != item.image_key]
        pool = same or [other for other in by_split[item.split] if other.image_key != item.image_key]
        chosen = random.Random(item.id).choice(pool) if pool else None
        answers[item.id] = "\n".join(chosen.triggers) if chosen else ""
    return answers


def _publish(
    samples: list[Sample],
    strings: Protocol,
    published: list[Annotation],
    left_out: dict[str, str],
    about: Captions | None,
) -> Prepared:
    counts = {
        split: SplitCounts(
            n=sum(sample.split == split for sample in samples),
            of=sum(item.split == split for item in published),
        )
        for split in ("basic", "complex")
    }
    manifest = Manifest(
        digest="",
        commit=annotations.COMMIT,
        annotations_sha256=annotations.SHA256,
        protocol_sha256=protocol.digest(strings),
        counts=counts,  # type: ignore[arg-type]  # literal keys
        left_out=left_out,
        captions=about,
    )
    return _write(samples, strings, manifest)


def _write(samples: list[Sample], strings: Protocol, manifest: Manifest) -> Prepared:
    lines = "".join(sample.model_dump_json() + "\n" for sample in samples)
    manifest = manifest.model_copy(update={"digest": _digest(samples, strings)})
    home = eibench_home()
    with _disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        with _alone(home):
            target = Path(tempfile.mkdtemp(prefix=PREFIX, dir=home))
            try:
                (target / "samples.jsonl").write_text(lines, encoding="utf-8")
                (target / "protocol.json").write_text(strings.model_dump_json(indent=1), encoding="utf-8")
                (target / "manifest.json").write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
                _save_arrow(samples, target / "arrow")
                target.chmod(0o755)
            except BaseException:
                shutil.rmtree(target, ignore_errors=True)
                raise
            os.sync()  # what the pointer names is on disk before the pointer is
            _replace(home / POINTER, target.name)
            for other in home.glob(f"{PREFIX}*"):  # the one before, and what killed runs left
                if other != target:
                    shutil.rmtree(other, ignore_errors=True)
    return Prepared(target, manifest, strings, samples)


def _digest(samples: list[Sample], strings: Protocol) -> str:
    """Equal on every machine that has the same annotations and images, wherever the images lie."""
    digest = hashlib.sha256(strings.model_dump_json().encode())
    for sample in samples:
        digest.update(sample.model_dump_json(exclude={"image"}).encode())
    return digest.hexdigest()


def _save_arrow(samples: list[Sample], folder: Path) -> None:
    """The same samples as a `datasets.DatasetDict` on disk, which the harnesses map into memory."""
    import datasets

    from eibench_tasks.data.lite import lite_ids

    datasets.disable_progress_bars()
    lite = lite_ids()
    splits = {
        "basic": [sample for sample in samples if sample.split == "basic"],
        "complex": [sample for sample in samples if sample.split == "complex"],
    }
    splits["lite"] = [sample for sample in splits["basic"] if sample.id in lite]
    datasets.DatasetDict(
        {
            name: datasets.Dataset.from_list([sample.model_dump() for sample in rows])
            for name, rows in splits.items()
            if rows
        }
    ).save_to_disk(str(folder))


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}-new")  # one name: there is one writer, and a killed one's is reused
    with temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"current": text}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One prepare at a time."""
    try:
        with FileLock(home / ".prepare.lock", timeout=600):
            yield
    except Timeout:
        raise EIBenchError(
            f"another `eibench prepare` has been writing to {home} for ten minutes", "Try again when it is done"
        ) from None


@contextmanager
def _disk_errors(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EIBenchError(
            f"cannot write to {home}: {error.strerror or error}",
            "Free some space there, or choose another folder: `export EIBENCH_HOME=DIR`",
        ) from None
