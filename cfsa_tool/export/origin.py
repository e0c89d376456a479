"""Who built the samples and with what, without anything that belongs to one machine only."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from cfsa_tool.config import Config, Model
from cfsa_tool.run_folder import RunFolder


@dataclass(frozen=True)
class UsedModel:
    """One model of the run.

    Attributes:
        role: ``vision`` or ``text``.
        model: its name; of a local folder the last part.
        engine: what ran it.
        revision: as configured; None where none was.
        identity: what the run has noted of it; "" where it has noted nothing.
    """

    role: str
    model: str
    engine: str
    revision: str | None
    identity: str


@dataclass(frozen=True)
class Origin:
    """Where the samples come from.

    Attributes:
        models: of the run.
        questions: the general questions.
        versions: of prompts and rules.
        fingerprint: hash of everything that determined the samples but for the images themselves.
        version: of the package that began the run.
    """

    models: Sequence[UsedModel]
    questions: Sequence[str]
    versions: Mapping[str, str]
    fingerprint: str
    version: str

    @property
    def built_by(self) -> str:
        """The models in words."""
        names = dict.fromkeys(f"{one.model} ({one.engine})" for one in self.models)
        return f"{' and '.join(names)}, CFSA {self.version}"


def origin_of(folder: RunFolder, config: Config) -> Origin:
    """Where the samples of a run come from."""
    identities, questions = folder.fact("models") or {}, folder.fact("questions") or []
    roles = {"vision": config.vision} | ({"text": config.text} if config.text else {})
    models = [_used(role, model, str(identities.get(role, ""))) for role, model in roles.items()]
    parts = folder.manifest.fingerprint
    determined: dict[str, Any] = {name: value for name, value in parts.items() if name != "images"}
    determined |= {f"{one.role}.model": [one.model, one.identity] for one in models} | {"questions": questions}
    text = json.dumps(determined, sort_keys=True, ensure_ascii=True)
    return Origin(
        models=models,
        questions=questions,
        versions={n.partition(".")[2]: str(v) for n, v in parts.items() if n.startswith("version.")},
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
        version=folder.manifest.version,
    )


def _used(role: str, model: Model, identity: str) -> UsedModel:
    name = without_folder(model.model)
    return UsedModel(role, name, model.engine, model.revision, identity.replace(model.model, name))


def without_folder(model: str) -> str:
    """The name of a model; of one in a folder of this machine the folder's own name."""
    local = PurePath(model).is_absolute() or model.startswith(("~", "./", "../"))
    return PurePath(model).name if local else model
