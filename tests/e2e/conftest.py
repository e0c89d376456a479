"""Prepared data for whole runs: all of EIBench with stand-ins, and a handful of its samples."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.homes import Home, few_keys, prepare_home
from support.openai_server import ChatServer
from support.standins import write_standins

from eibench_tasks.data.prepared import load_prepared
from eibench_tasks.data.schema import Sample


@pytest.fixture(scope="session")
def all_prepared(published: Path, standins: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All 1,665 samples, prepared once; tests must not change it."""
    return prepare_home(tmp_path_factory.mktemp("all") / "home", standins, published)


@pytest.fixture(scope="session")
def few_prepared(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Five basic samples and those of one complex image, prepared once; tests must not change it."""
    root = tmp_path_factory.mktemp("few")
    return prepare_home(root / "home", write_standins(root / "images", few_keys(published)), published)


@pytest.fixture
def few(few_prepared: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """`$EIBENCH_HOME` holds the small data set."""
    monkeypatch.setenv("EIBENCH_HOME", str(few_prepared.folder))
    return few_prepared


@pytest.fixture
def my_own(few_prepared: Home, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The small data set once more, prepared for one test, which may break it."""
    images = Path(shutil.copytree(few_prepared.images, tmp_path / "images"))
    home = prepare_home(tmp_path / "home", images, published)
    monkeypatch.setenv("EIBENCH_HOME", str(home.folder))
    return home


@pytest.fixture
def basic(few: Home) -> list[Sample]:
    """The basic samples of the small data set."""
    return load_prepared().split("basic")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A chat server that answers with the same sentence until the test sets another answer."""
    with ChatServer(lambda request: "A birthday cake and friends who celebrate.").running() as running:
        yield running
