"""What determines a run: `cfsa.yaml`, and the flags that stand over it."""

import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError

from cfsa_tool.errors import ConfigError
from cfsa_tool.questions import MOST
from eibench_tasks.data.schema import Record

QUESTION = "What in this image explains why the person feels {emotion}?"
"""The initial question (s_init), which stage 1 makes specific."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _several(value: Any) -> Any:
    """One text stands for a list of it."""
    return [value] if isinstance(value, str) else value


def _general(value: Any) -> Any:
    listed = isinstance(value, list) and 1 <= len(value) <= MOST
    if value in ("pilot", "paper") or (listed and all(isinstance(text, str) and text.strip() for text in value)):
        return value
    raise ValueError(f"it is pilot, paper, or a list of 1 to {MOST} questions")


_NOT_FINGERPRINTED = {"base_url", "batch", "concurrency", "limit", "license", "options"}


class Model(Record):
    """One model and the engine that runs it.

    Attributes:
        engine: ``openai`` (any OpenAI-compatible server), ``vllm`` (in this process, on GPUs) or ``transformers``
            (in this process, CPU or GPU).
        model: as the engine knows it: a name on the server or the Hub, or a folder.
        revision: of the model on the Hub; part of what identifies a reply.
        base_url: of the servers of ``openai``; conversations of one image stay with one of them.
        batch: conversations that ``transformers`` runs together.
        options: passed on to vLLM's engine arguments (``tensor_parallel_size``, ``data_parallel_size``, …).
    """

    engine: Literal["openai", "vllm", "transformers"] = "transformers"
    model: str
    revision: str | None = None
    base_url: Annotated[list[Text], BeforeValidator(_several)] = Field(default=[])
    batch: int = Field(default=8, ge=1)
    options: dict[str, Any] = Field(default={})


class Config(Record):
    """Everything that determines what a run builds, and how hard it works.

    Attributes:
        vision: the model that sees the images.
        text: the model that improves the question, proposes general questions and writes the summary; None for the
            vision model, which then writes the summary in the conversation about the image.
        kind: ``basic`` (one emotion for each image) or ``complex`` (several, named by the source or the model).
        emotions: words that folders and manifests may use, and of which the model chooses; None for the usual ones.
        question: the initial question; ``{emotion}`` stands for the emotion.
        general: ``pilot`` (proposed over a sample of this data set), ``paper`` (the paper's four), or a list.
        pilot_images: images of which the pilot takes account.
        rounds: of scenario self-ask, at most.
        questions_a_round: that scenario self-ask asks in one round, at most.
        answer_characters: longest answer to one question.
        most_triggers: of a sample.
        verify: whether each trigger is held against the image.
        threshold: probability from which a trigger is kept, where the engine gives one; else its yes or no decides.
        label: whether triggers get kind and category.
        language: ``en``, in which replies in another language are asked again; or ``any``.
        image_side: pixels of the longest side of what the model gets; larger images are scaled down.
        near_duplicates: bits of 64 in which the perceptual hashes of two images may differ to be one; None to keep
            all but exact duplicates.
        license: what the data-set card says of the images.
        limit: images to annotate at most; None for all.
        concurrency: calls in flight at most.
    """

    vision: Model
    text: Model | None = None
    kind: Literal["basic", "complex"] = "basic"
    emotions: list[str] | None = None
    question: Annotated[Text, Field(pattern=r"\{emotion\}")] = QUESTION
    general: Annotated[Literal["pilot", "paper"] | list[str], BeforeValidator(_general)] = "pilot"
    pilot_images: int = Field(default=32, ge=1)
    rounds: int = Field(default=2, ge=0, le=8)
    questions_a_round: int = Field(default=3, ge=1, le=10)
    answer_characters: int = Field(default=300, ge=20, le=2000)
    most_triggers: int = Field(default=8, ge=1, le=20)
    verify: bool = True
    threshold: float = Field(default=0.5, ge=0, le=1)
    label: bool = True
    language: Literal["en", "any"] = "en"
    image_side: int = Field(default=1024, ge=28)
    near_duplicates: int | None = Field(default=4, ge=0, le=7)
    license: str = "unknown"
    limit: int | None = Field(default=None, ge=1)
    concurrency: int = Field(default=64, ge=1)


def load_config(file: Path | None, flags: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> Config:
    """The configuration of a file with flags over it.

    Args:
        file: YAML with the fields of `Config`; None for ``before``.
        flags: by field, those of the models as ``vision.model``.
        before: fields of the configuration of a run that goes on; None for the defaults.

    Raises:
        ConfigError: the file cannot be read, or a field is unknown or has no such value.
    """
    fields = _read(file) if file else dict(before or {})
    for name, value in flags.items():
        part, _, field = name.rpartition(".")
        if part and not isinstance(fields.get(part) or {}, dict):
            raise ConfigError(f"{file}: {part} must hold fields", _MEND)
        if part:
            fields[part] = {**(fields.get(part) or {}), field: value}
        else:
            fields[field] = value
    vision, text = fields.get("vision"), fields.get("text")
    if not isinstance(vision, dict) or not vision.get("model"):
        raise ConfigError("no vision model is named", "Give --model NAME (and --engine), or vision.model in --config")
    if isinstance(text, dict) and "engine" in vision:
        fields["text"] = {"engine": vision["engine"], **text}
    try:
        return Config.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = _PLAIN.get(first["type"], first["msg"].removeprefix("Value error, "))
        raise ConfigError(f"{file or 'the command line'}: {where}: {what}", _MEND) from None


def _complete_text(fields: dict[str, Any]) -> None:
    """A text model of which no more is said runs where the vision model does."""
    text, vision = fields.get("text"), fields.get("vision")
    if isinstance(text, dict) and isinstance(vision, dict) and text.get("model"):
        inherited = ("engine", "base_url") if text.get("engine", vision.get("engine")) == vision.get("engine") else ()
        fields["text"] = {name: vision[name] for name in inherited if name in vision} | text


_PLAIN = {
    "extra_forbidden": "there is no such setting",
    "missing": "it is missing",
    "string_pattern_mismatch": "it must hold {emotion}, for which the emotion is put",
    "string_too_short": "it is empty",
    "recursion_loop": "it holds itself",
}
"""In plain words what pydantic says in its own."""
_MEND = "See `cfsa init`, which prints every field with its meaning"


def _read(file: Path) -> dict[str, Any]:
    import yaml

    try:
        fields = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}", _MEND) from None
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: no UTF-8, or a date or number that is none
        raise ConfigError(f"{file} is not YAML", _MEND) from None
    try:
        json.dumps(fields, default=str)
    except (ValueError, RecursionError):
        raise ConfigError(f"{file} holds an anchor that refers to itself", _MEND) from None
    if not isinstance(fields or {}, dict):
        raise ConfigError(f"{file} holds no fields", _MEND)
    return dict(fields or {})


def fingerprinted(config: Config) -> dict[str, Any]:
    """The fields that can change what is built, flat: ``vision.model`` and so on."""
    flat: dict[str, Any] = {}
    for name, value in config.model_dump(mode="json").items():
        inner = value if isinstance(value, dict) else {"": value}
        flat |= {f"{name}.{key}" if key else name: item for key, item in inner.items()}
    return {name: value for name, value in flat.items() if name.rpartition(".")[2] not in _NOT_FINGERPRINTED}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two fingerprints, each as ``rounds: 2 → 3``."""
    return [
        f"{name}: {_shown(before.get(name))} → {_shown(now.get(name))}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]


def _shown(value: Any) -> str:
    text = "none" if value is None else " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}…"


def commented() -> str:
    """A configuration file with every setting, its meaning, and its default; what `load_config` reads."""
    lines = ["# Settings of `cfsa run --config`. What is left out has the value that stands here."]
    for name, meaning in _meanings(Config).items():
        lines += ["", *(f"# {line}" for line in meaning)]
        if name == "vision":
            lines += ["vision:", *_commented(Model, {"model": "NAME"}, "  ")]
        else:
            lines.append(f"{name}: {_as_yaml(Config.model_fields[name].default)}")
    return "\n".join(lines) + "\n"


def _commented(record: type[Record], given: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for name, meaning in _meanings(record).items():
        value = given.get(name, record.model_fields[name].get_default(call_default_factory=True))
        lines += [*(f"{indent}# {line}" for line in meaning), f"{indent}{name}: {_as_yaml(value)}"]
    return lines


def _as_yaml(value: Any) -> str:
    import yaml

    return str(yaml.safe_dump(value, default_flow_style=True)).removesuffix("...\n").strip()


def _meanings(record: type[Record]) -> dict[str, list[str]]:
    """What the docstring of a record says of each field, folded."""
    text = inspect.cleandoc(record.__doc__ or "").partition("Attributes:\n")[2]
    text = text.replace("``", "`").replace("None ", "null ")
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        start = re.match(r" {4}(\w+): (.*)", line)
        if start:
            found[name := start[1]] = [start[2]]
        elif line.strip():
            found[name].append(line.strip())
    return found
