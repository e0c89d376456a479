"""What tests share: the published annotations where they are at hand, and a home folder of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.standins import write_standins

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "eibench"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty `$EIBENCH_HOME`; no test sees or changes the user's own."""
    monkeypatch.setenv("EIBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in (
        "EIBENCH_JUDGE",
        "EIBENCH_PERSONA",
        "EIBENCH_COHERENCE",
        "EIBENCH_BERT",
        "EIBENCH_SOURCE",
        "EIBENCH_SCENES",
    ):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder with the published annotation files."""
    if not (_SHARED / "user.jsonl").is_file():
        pytest.skip("the published EIBench annotations are not beside this checkout (shared/eibench)")
    return _SHARED


@pytest.fixture(scope="session")
def standins(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a stand-in for every image of EIBench; tests must not change it."""
    from eibench_tasks.data import source

    annotations, _ = source.load(published)
    yield write_standins(tmp_path_factory.mktemp("images"), {item.image_key for item in annotations})
