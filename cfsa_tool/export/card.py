"""The data-set card: what a person must know before they trust or use the split."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from cfsa_tool.config import Config
from cfsa_tool.export.counts import NOT_LABELLED, Counts
from cfsa_tool.export.origin import Origin
from cfsa_tool.review.reviewer import Tally
from eibench_tasks.data.lines import printable

_BAR = 20  # characters of a whole
_SHOWN = 12  # reasons of one table
_SIZES = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]


@dataclass(frozen=True)
class Card:
    """What the card tells of.

    Attributes:
        name: of the split.
        config: of the run.
        origin: models, versions, fingerprint.
        counts: of what was exported.
        taken_in, annotated: images of the run, and those of them that have samples or have failed.
        with_images: whether the image files are in the folder.
        license: of the images.
        review: what people have done; None where nobody has looked.
    """

    name: str
    config: Config
    origin: Origin
    counts: Counts
    taken_in: int
    annotated: int
    with_images: bool
    license: str
    review: "Review | None" = None


@dataclass(frozen=True)
class Review:
    """What people have done to the split: the rule in words, and the counts."""

    rule: str
    tally: Tally


def render(card: Card) -> str:
    """The card as Markdown, with the front matter that the Hub and `datasets` read."""
    template = (Path(__file__).parent / "card.txt").read_text(encoding="utf-8")
    counts = card.counts
    return Template(template).substitute(
        front=_front(card),
        name=card.name,
        samples=_some(counts.samples, "sample"),
        images=_some(counts.images, "image"),
        glance=_glance(card),
        reviewed=_written_by(card.review),
        formats=_formats(card),
        emotions=_emotions(counts),
        named_by=_named_by(counts),
        histogram=_histogram(counts.triggers),
        labels=_labels(counts),
        sure=_sure(counts),
        models=_models(card.origin),
        steps=_steps(card.config),
        questions=_questions(card.origin.questions),
        versions=", ".join(f"{name} `{version}`" for name, version in sorted(card.origin.versions.items())),
        fingerprint=card.origin.fingerprint[:16],
        taken_out=_taken_out(card),
        limits="\n".join(f"- {limit}" for limit in _limits(card)),
        license=_license(card.license),
    )


def _front(card: Card) -> str:
    import yaml

    own = re.fullmatch(r"[a-z0-9][a-z0-9.\-]*", card.license)
    license_ = {"license": card.license} if own else {"license": "other", "license_name": card.license}
    size = next((name for most, name in _SIZES if card.counts.samples < most), "n>1M")
    fields: dict[str, Any] = {
        **license_,
        "pretty_name": card.name,
        "task_categories": ["image-text-to-text", "visual-question-answering"],
        **({"language": ["en"]} if card.config.language == "en" else {}),
        "size_categories": [size],
        "tags": ["emotion interpretation", "machine-generated", "eibench", "cfsa"],
        "configs": [{"config_name": "default", "data_files": [{"split": "test", "path": "data/*.parquet"}]}],
    }
    return str(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=200)).rstrip()


def _glance(card: Card) -> str:
    counts = card.counts
    mean, span = counts.all_triggers / counts.samples, sorted(counts.triggers)
    rows = [
        (
            "images",
            f"{counts.images:,} with samples; {card.annotated:,} of {card.taken_in:,} that were taken in are annotated",
        ),
        ("samples", f"{counts.samples:,}, {_kind(card.config.kind)}"),
        ("emotions", f"{len(counts.emotions)}: {', '.join(_cell(name) for name in sorted(counts.emotions))}"),
        ("triggers", f"{counts.all_triggers:,}; {mean:.1f} for each sample, {span[0]} to {span[-1]}"),
        ("built by", _cell(card.origin.built_by)),
        ("reviewed by people", _reviewed(card.review)),
    ]
    if card.annotated < card.taken_in:
        rows.append(("state", f"**unfinished**: {card.annotated:,} of {card.taken_in:,} images are annotated"))
    return _table(("", ""), rows)


def _reviewed(review: Review | None) -> str:
    if review is None:
        return "no"
    tally = review.tally
    return (
        f"yes, {_some(len(tally.raters), 'rater')}: {_some(tally.removed, 'trigger')} removed, {tally.added:,} added,"
        f" {tally.changed:,} put in other words"
    )


def _written_by(review: Review | None) -> str:
    if review is None:
        return "**No person has reviewed them.**"
    rule = f"People have reviewed every sample. Rule: {_cell(review.rule)}."
    return f"{rule} What a person wrote is marked so in `provenance.jsonl`."


def _kind(kind: str) -> str:
    return "one for each image" if kind == "basic" else "one for each emotion that an image shows"


def _formats(card: Card) -> str:
    files = {"basic": "`user.jsonl`, `basic_ground_truth.json`", "complex": "`ec_complex.jsonl`"}[card.config.kind]
    with_images = "; the images lie in `images/`" if card.with_images else "; without image files"
    return f"| {files} | the same in EIBench's own format{with_images} |\n"


def _emotions(counts: Counts) -> str:
    rows = [
        (_cell(emotion), f"{count:,}", _share(count, counts.samples), f"{counts.by_emotion[emotion] / count:.1f}")
        for emotion, count in _by_count(counts.emotions)
    ]
    return _table(("emotion", "samples", "share", "triggers a sample"), rows)


def _named_by(counts: Counts) -> str:
    source, model = counts.named_by["source"], counts.named_by["model"]
    if not model:
        return "Every emotion was named by the source of the images."
    if not source:
        return "**Every emotion was named by the vision model**, since the source of the images named none."
    return f"The emotion was named by the source of the images for {source:,} samples, **by the model for {model:,}**."


def _histogram(triggers: Counter[int]) -> str:
    rows = [
        (str(number), f"{triggers[number]:,}", _share(triggers[number], triggers.total()))
        for number in range(min(triggers), max(triggers) + 1)
    ]
    return _table(("triggers", "samples", "share"), rows)


def _labels(counts: Counts) -> str:
    if set(counts.kinds) == {NOT_LABELLED}:
        return "The triggers carry no labels of kind and category."
    kinds = [
        (f"*{label}*", f"{count:,}", _share(count, counts.all_triggers)) for label, count in _by_count(counts.kinds)
    ]
    rows = [(label, f"{count:,}", _share(count, counts.all_triggers)) for label, count in _by_count(counts.categories)]
    return _table(("kind or category", "triggers", "share"), [*kinds, *rows])


def _sure(counts: Counts) -> str:
    if not counts.sure:
        return "How sure the vision model was of each trigger is not on record."
    return f"The vision model was at least 90 % sure of {counts.likely:,} of {_some(counts.sure, 'trigger')}."


def _models(origin: Origin) -> str:
    head = ("role", "model", "engine", "revision", "known to the run as")
    rows = [
        (one.role, _code(one.model), one.engine, _cell(one.revision or "not given"), _cell(one.identity or "–"))
        for one in origin.models
    ]
    return _table(head, rows)


def _steps(config: Config) -> str:
    """The stages in words, as this run was configured."""
    text = "the text model" if config.text else "the vision model"
    checks = ["Triggers that only name the emotion or read as orders were dropped, near-identical ones merged."]
    if config.verify:
        checks.append(
            f"Each other one was held against the image by the vision model and kept from a probability of"
            f" {config.threshold:g} (where the engine gives one; else by its yes or no)."
        )
    else:
        checks.append("**Triggers were not held against the image.**")
    if config.label:
        checks.append("Kind and category were given by a model.")
    steps = [
        f"The question “{_cell(config.question)}” was made specific to the image.",
        "General questions, the same for every image, were answered.",
        f"Questions about this image were asked and answered until nothing new came, {config.rounds} rounds at most.",
        f"Of all answers {text} made the user question and at most {config.most_triggers} triggers.",
        " ".join(checks),
    ]
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))


def _questions(questions: Sequence[str]) -> str:
    if not questions:
        return "The general questions are not on record."
    return "\n".join(["General questions:", "", *(f"- {_cell(question)}" for question in questions)])


def _taken_out(card: Card) -> str:
    counts = card.counts
    tables = [
        ("Triggers that were dropped", "triggers", counts.dropped),
        ("Images that failed", "images", counts.failed),
        ("Emotions of images that gave no sample", "emotions", counts.skipped),
        ("What of the source was left out", "entries", counts.left_out),
    ]
    parts = [f"{_some(counts.merged, 'near-identical trigger')} merged into others."]
    for title, unit, reasons in tables:
        if not reasons:
            parts.append(f"{title}: none.")
        else:
            parts.append(f"{title}: {reasons.total():,}.\n\n{_table(('reason', unit), _reasons(reasons))}")
    return "\n\n".join(parts)


def _reasons(reasons: Counter[str]) -> list[tuple[str, str]]:
    ranked = _by_count(reasons)
    rows = [(_cell(reason), f"{count:,}") for reason, count in ranked[:_SHOWN]]
    rest = sum(count for _, count in ranked[_SHOWN:])
    return [*rows, (f"{len(ranked) - _SHOWN} other reasons", f"{rest:,}")] if rest else rows


def _limits(card: Card) -> Iterable[str]:
    config, counts = card.config, card.counts
    if card.review is None:
        yield "Everything was written by models and reviewed by nobody: questions may miss the point, triggers err."
    else:
        yield "Raters saw what models had written and changed that: what no model came upon, they may not have missed."
    yield "The lists are incomplete: an answer may name a true cause that is not listed, and gets nothing for it."
    if config.verify and not config.text:
        yield "The model that found a trigger also checked it: what it always sees wrongly stayed in."
    if not config.verify:
        yield "Triggers were not held against the image."
    if counts.named_by["model"]:
        yield "Where the model named the emotion, it may be another than people would name."
    if config.language == "any":
        yield "Texts may be in any language; the offline judge reads English only."
    yield "A model from the family of those that built the split may find it easier than others do."
    yield "The prompt of the task is this package's own, not the published one of EIBench."
    if card.annotated < card.taken_in:
        yield f"The run was not finished: {card.taken_in - card.annotated:,} images are not annotated yet."


def _license(text: str) -> str:
    said = (
        "Of the images: unknown; ask whoever collected them." if text == "unknown" else f"Of the images: {_cell(text)}."
    )
    return f"{said} Check the licences of the models that wrote the texts, too."


# Markdown


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """Text of files and models, so that it can be nothing but text."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", printable(" ".join(text.split())))


def _code(text: str) -> str:
    """A name in the form of code, inside a table."""
    return f"`{printable(text).replace('`', '?').replace('|', '?')}`"


def _share(count: int, total: int) -> str:
    share = count / total
    return f"{'█' * round(_BAR * share) or '▏'} {100 * share:.0f} %"


def _by_count(counter: Mapping[str, int]) -> list[tuple[str, int]]:
    """The most frequent first, equal ones by name."""
    return sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
