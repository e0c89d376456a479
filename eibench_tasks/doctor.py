"""`eibench doctor`: what is installed, prepared and configured, and what to do about what is not."""

import os
import tempfile
from dataclasses import dataclass
from importlib import metadata

from eibench_tasks import __version__
from eibench_tasks.data.prepared import check_images, load_prepared
from eibench_tasks.errors import EIBenchError
from eibench_tasks.home import eibench_home, task_configs
from eibench_tasks.judging.registry import judge_name, reachable_judge

_PACKAGES = {
    "lmms-eval": "pip install 'lmms-eval>=0.7.3,<0.8'",
    "lm-eval": "pip install lm-eval",
    "torch": "pip install torch",
    "transformers": "pip install transformers",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what it is, how it stands, and what mends it where it is not good."""

    subject: str
    good: bool
    state: str
    mend: str = ""


def examine() -> list[Finding]:
    """Looks at everything; never raises."""
    return [
        Finding("eibench", True, __version__),
        *map(_package, _PACKAGES),
        _plugin(),
        _home(),
        _data(),
        _captions(),
        _judge(),
    ]


def _package(name: str) -> Finding:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", f"Run: `{_PACKAGES[name]}`")
    if name == "lmms-eval" and (not version.startswith("0.7.") or version in ("0.7.0", "0.7.1", "0.7.2")):
        return Finding(name, False, f"{version} is not supported", f"Run: `{_PACKAGES[name]}`")
    return Finding(name, True, version)


def _plugin() -> Finding:
    known = [point.name for point in metadata.entry_points(group="lmms_eval.models")]
    folder = task_configs()
    if "eibench" in known and (folder / "eibench.yaml").is_file():
        return Finding("plug-in", True, f"lmms-eval finds the tasks in {folder}")
    return Finding(
        "plug-in",
        False,
        "lmms-eval does not see it",
        "Run: `pip install --force-reinstall --no-deps eibench`",
    )


def _home() -> Finding:
    home = eibench_home()
    try:
        existing = next(folder for folder in (home, *home.parents) if folder.exists())
        with tempfile.TemporaryFile(dir=existing):
            return Finding("EIBENCH_HOME", True, str(home))
    except OSError as error:
        mend = "Choose another folder: `export EIBENCH_HOME=DIR`"
        return Finding("EIBENCH_HOME", False, f"{home} is not writable ({error.strerror})", mend)


def _data() -> Finding:
    try:
        data = load_prepared()
        check_images(data.samples)
    except EIBenchError as error:
        return Finding("data", False, error.what, error.mend)
    counts = ", ".join(f"{name} {count.n} of {count.of}" for name, count in data.manifest.counts.items())
    return Finding("data", True, f"{counts}; digest {data.manifest.digest[:12]}")


def _captions() -> Finding:
    try:
        captions = load_prepared().manifest.captions
    except EIBenchError:
        captions = None
    state = (
        f"{captions.count} by {captions.model}"
        if captions
        else "none; the caption setting lets the model write its own"
    )
    return Finding("captions", True, state)


def _judge() -> Finding:
    name = judge_name()
    try:
        judge = reachable_judge()
    except EIBenchError as error:
        return Finding("judge", False, error.what, error.mend)
    note = "" if judge.comparable else "; not comparable with published numbers"
    source = "EIBENCH_JUDGE" if os.environ.get("EIBENCH_JUDGE") else "the default"
    return Finding("judge", True, f"{name} ({source}), version {judge.version}, protocol {judge.protocol}{note}")
