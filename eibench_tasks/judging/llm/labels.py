"""Labels of the reference triggers, by kind and category: a judge gives them once, and they are kept in a file.

The authors name these kinds and categories and publish no labels. A sample whose labelling fails is unlabelled, and
the file says why.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError, model_validator

from eibench_tasks.data.exported import Exported
from eibench_tasks.data.schema import Record
from eibench_tasks.data.whole import write_whole
from eibench_tasks.engines.engine import Ask, Engine, Sampling
from eibench_tasks.engines.structured import Unusable
from eibench_tasks.errors import EIBenchError
from eibench_tasks.home import eibench_home
from eibench_tasks.judging.judgement import Reference
from eibench_tasks.judging.llm.claims import RULES
from eibench_tasks.judging.llm.dialogue import (
    ROUNDS,
    Numbered,
    entries_schema,
    hold,
    numbered,
    prompts,
    version,
)

Kind = Literal["explicit", "implicit"]
"""``explicit``: to be seen in the image; ``implicit``: off screen, cultural context, inferred."""

Category = Literal[
    "atmosphere",
    "social interactions",
    "body movements",
    "facial expressions",
    "objects",
    "performances",
    "outdoor activities",
    "clothing",
    "sports",
    "other",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
CATEGORIES: tuple[Category, ...] = get_args(Category)

Label = tuple[Kind, Category]


def meaning() -> str:
    """What each kind and category means, as a judge is told."""
    return (Path(__file__).parent / "prompts" / "labels_meaning_v1.txt").read_text("utf-8").strip()


class Labelled(Record):
    """The labels of one sample's triggers, in their order; or why it has none."""

    labels: list[Label] = Field(default=[])
    unlabelled: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Labelled":
        if bool(self.labels) == bool(self.unlabelled):
            raise ValueError("there are either labels or a reason")
        return self


class LabelsProtocol:
    """Asks for the labels of one sample's triggers; see the module."""

    name = "labels"

    def __init__(self) -> None:
        self.version = version(RULES, ROUNDS, prompts("labels"), meaning(), Labelling.schema([1, 2]))

    def about(self, reference: Reference) -> "Labelling":
        """The dialogue about the triggers of one sample."""
        return Labelling(self.version, reference)


class Labelling(Numbered[Label]):
    """The labels of one sample's triggers as they come in."""

    def __init__(self, version: str, reference: Reference) -> None:
        self._version = version
        self._reference = reference
        super().__init__("labels", len(reference.triggers))

    def _ask(self, positions: list[int], reasons: str, attempt: int) -> Ask:
        texts = prompts("labels")
        fields = {
            "question": " ".join(self._reference.question.split()) or "Why does this emotion arise?",
            "causes": numbered(self._reference.triggers, positions),
            "again": texts["again"].format(reasons=reasons) if reasons else "",
        }
        messages = (
            {"role": "system", "content": texts["system"].replace("{meaning}", meaning())},
            {"role": "user", "content": texts["user"].format_map(fields).strip()},
        )
        schema = self.schema([position + 1 for position in positions])
        sampling = Sampling(max_tokens=256 + 48 * len(positions))
        return Ask(messages, sampling, schema, purpose=f"labels {self._version}", attempt=attempt)

    @staticmethod
    def schema(numbers: Sequence[int]) -> dict[str, Any]:
        """JSON schema of a reply about the triggers of these numbers."""
        fields = {"index": {"type": "integer", "enum": list(numbers)}, **label_fields()}
        return entries_schema("labels", fields, len(numbers), len(numbers))

    def _read(self, entry: Mapping[str, Any]) -> Label:
        return label_in(entry)

    def result(self, trouble: str = "") -> Labelled:
        """All labels, or why the sample is unlabelled."""
        if self._problems:
            reason = trouble or f"the judge gave no usable label (trigger {self._open()})"
            return Labelled(unlabelled=reason[:400])
        return Labelled(labels=[self._found[position] for position in range(len(self._reference.triggers))])


def label_in(entry: Mapping[str, Any]) -> Label:
    """The label in an entry of a reply.

    Raises:
        Unusable: its kind or category is none of those that there are.
    """
    kind, category = entry.get("kind"), entry.get("category")
    if kind not in KINDS:
        raise Unusable("its kind is none of those listed")
    if category not in CATEGORIES:
        raise Unusable("its category is none of those listed")
    return kind, category


def label_fields() -> dict[str, Any]:
    """JSON schema of the fields that `label_in` reads."""
    return {
        "kind": {"type": "string", "enum": list(KINDS)},
        "category": {"type": "string", "enum": list(CATEGORIES)},
    }


class Labels(Record):
    """The labels that a judge gave to the reference triggers of one version of the data.

    Attributes:
        format: number of the file's format.
        judge: its name, for example ``openai:MODEL``.
        version: of the protocol.
        annotations_sha256: of the annotation files, as in `data.schema.Manifest`.
        labels: by sample id, in the order of the triggers.
        unlabelled: by sample id, why a sample has none.
    """

    format: Literal[1] = 1
    judge: str
    version: str
    annotations_sha256: dict[str, str]
    labels: dict[str, Annotated[list[Label], Field(min_length=1)]]
    unlabelled: dict[str, str] = Field(default={})


async def label(
    engine: Engine,
    judge: str,
    references: Mapping[str, Reference],
    annotations_sha256: Mapping[str, str],
    on_done: Callable[[], object] = lambda: None,
) -> Labels:
    """Asks a judge for the labels of all samples; the engine limits how many are under way at once.

    Args:
        engine: one that keeps replies makes asking again cost nothing.
        judge: its name, for the record.
        references: by sample id.
        annotations_sha256: names the version of the data.
        on_done: called after each sample, for a progress bar.

    Raises:
        EngineError: no question will be answered any more; replies that came are kept.
        StoreError: replies cannot be kept.
    """
    protocol = LabelsProtocol()

    async def one(reference: Reference) -> Labelled:
        found = await hold(engine, protocol.about(reference))
        on_done()
        return found

    tasks = [asyncio.ensure_future(one(reference)) for reference in references.values()]
    try:
        found = dict(zip(references, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()  # where one has failed; it does nothing to those that are done
    return Labels(
        judge=judge,
        version=protocol.version,
        annotations_sha256=dict(annotations_sha256),
        labels={sample: labelled.labels for sample, labelled in found.items() if labelled.labels},
        unlabelled={sample: labelled.unlabelled for sample, labelled in found.items() if labelled.unlabelled},
    )


def labels_of(split: Exported) -> Labels:
    """The labels that the triggers of an exported split carry; a sample has labels if all of its triggers have.

    Raises:
        EIBenchError: the split cannot be read, or none of its triggers is labelled.
    """
    found: dict[str, list[Label]] = {}
    for sample in split.samples():
        pairs = list(zip(sample["kinds"], sample["categories"], strict=True))
        if all(kind in KINDS and category in CATEGORIES for kind, category in pairs):
            found[sample["id"]] = pairs
    if not found:
        raise EIBenchError(f"the triggers of {split.facts.name} are not labelled", "Build it with `label: true`")
    facts = split.facts
    return Labels(judge=facts.built_by, version=facts.fingerprint[:12], annotations_sha256={}, labels=found)


def labels_file(annotations_sha256: Mapping[str, str], judge: str) -> Path:
    """Where the labels by this judge for this version of the data are kept."""
    data = hashlib.sha256(json.dumps(dict(annotations_sha256), sort_keys=True).encode()).hexdigest()[:12]
    slug = re.sub(r"[^a-z0-9.]+", "-", judge.lower()).strip("-.")[:80]
    name = hashlib.sha256(judge.encode()).hexdigest()[:6]  # two judges may have one slug
    return eibench_home() / "labels" / f"{data}-{slug}-{name}.json"


def save_labels(labels: Labels) -> Path:
    """Writes labels to their file, replacing it as a whole.

    Raises:
        EIBenchError: it cannot be written.
    """
    file = labels_file(labels.annotations_sha256, labels.judge)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, labels.model_dump_json() + "\n")
    except OSError as error:
        what = f"cannot write {file}: {error.strerror or error}"
        raise EIBenchError(what, f"Make room, or set EIBENCH_HOME; then {_mend(labels.judge)}") from None
    return file


def load_labels(annotations_sha256: Mapping[str, str], judge: str) -> Labels | None:
    """The labels that this judge gave to this version of the data; None where it was never asked.

    Raises:
        EIBenchError: the file cannot be read, is damaged, or is of another judge or version of the data.
    """
    file = labels_file(annotations_sha256, judge)
    try:
        labels = Labels.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EIBenchError(f"cannot read the labels {file}: {error.strerror or error}", _mend(judge)) from None
    except ValidationError:
        raise EIBenchError(f"the labels {file} are damaged", _mend(judge)) from None
    if (labels.judge, labels.annotations_sha256) != (judge, dict(annotations_sha256)):
        raise EIBenchError(f"the labels {file} are of another judge or other annotations", _mend(judge))
    return labels


def _mend(judge: str) -> str:
    return f"Run: `eibench label --judge {judge}`"
