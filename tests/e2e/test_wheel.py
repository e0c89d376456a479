"""What a user gets from the wheel, outside any checkout: commands, task definitions, demo, default judge."""

import json
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.homes import Home
from support.runs import Finished, run, value, written_results

CHECKOUT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Installed:
    """An environment in which only the wheel provides our packages."""

    folder: Path

    def eibench(self, *args: str | Path, home: Path, log: Path) -> Finished:
        """The command `eibench`."""
        return run([self.folder / "bin" / "eibench", *args], home=home, log=log, env={"PYTHONPATH": ""})

    def lmms_eval(self, *args: str | Path, home: Path, log: Path) -> Finished:
        """The command `lmms-eval`, whose script is not in this environment."""
        python = self.folder / "bin" / "python"
        return run([python, "-m", "lmms_eval", *args], home=home, log=log, env={"PYTHONPATH": ""})


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Builds the wheel from a copy of the sources and installs it into an environment of its own.

    The dependencies are those of the Python that runs the tests: a .pth file names its site-packages. Only the
    packages in there are seen that way, not its .pth files, and so not an editable install of the checkout.
    """
    root = tmp_path_factory.mktemp("wheel")
    source = root / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    for package in CHECKOUT.glob("*/__init__.py"):
        shutil.copytree(package.parent, source / package.parent.name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    _check(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", root, source, log=root / "build.txt")
    (wheel,) = root.glob("eibench-*.whl")
    venv = root / "venv"
    _check(sys.executable, "-m", "venv", "--without-pip", venv, log=root / "venv.txt")
    _check(*pip, "--python", venv, "install", "--no-deps", "--no-index", wheel, log=root / "install.txt")
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(venv)}))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return Installed(venv)


def _check(*arguments: str | Path, log: Path) -> None:
    with log.open("w", encoding="utf-8") as file:
        ended = subprocess.run(list(map(str, arguments)), stdout=file, stderr=subprocess.STDOUT, check=False)
    assert ended.returncode == 0, log.read_text(encoding="utf-8")[-3000:]


def test_the_path_command_prints_the_folder_in_the_installed_wheel(
    installed: Installed, home: Path, tmp_path: Path
) -> None:
    for flags, task in (([], "eibench.yaml"), (["--lm-eval"], "eibench_text.yaml")):
        ended = installed.eibench("path", *flags, home=home, log=tmp_path / "log.txt")
        folder = Path(ended.output.strip())
        assert folder.is_relative_to(installed.folder)
        assert (folder / task).is_file()


@pytest.mark.parametrize("package", ["eibench_tasks", "cfsa_tool", "task_configs"])
def test_every_file_of_a_package_is_in_the_wheel(installed: Installed, package: str) -> None:
    """Task definitions, pages, prompts, the model: what is no program is forgotten easily."""
    (packages,) = installed.folder.glob("lib/*/site-packages")
    shipped, here = (
        {path.relative_to(root) for path in (root / package).rglob("*") if path.is_file() and path.suffix != ".pyc"}
        for root in (packages, CHECKOUT)
    )
    assert shipped == here


def test_the_list_of_tasks_shows_ours(installed: Installed, home: Path, tmp_path: Path) -> None:
    listed = installed.lmms_eval("--tasks", "list", home=home, log=tmp_path / "log.txt")
    assert listed.code == 0, listed.tail
    assert {" - eibench", " - eibench_all", " - eibench_demo"} <= set(listed.output.splitlines())


def test_a_run_with_the_default_judge_scores_prepared_data(
    installed: Installed, few_prepared: Home, tmp_path: Path
) -> None:
    ended = installed.lmms_eval(
        *("--model", "dummy", "--tasks", "eibench", "--output_path", tmp_path / "runs"),
        home=few_prepared.folder,
        log=tmp_path / "log.txt",
    )
    assert ended.code == 0, ended.tail
    assert "Traceback" not in ended.output, ended.tail
    assert value(written_results(tmp_path / "runs"), "eibench", "coverage") == 100


def test_the_demo_runs_with_nothing_prepared(installed: Installed, home: Path, tmp_path: Path) -> None:
    ended = installed.lmms_eval(
        *("--model", "dummy", "--tasks", "eibench_demo", "--output_path", tmp_path / "runs"),
        home=home,
        log=tmp_path / "log.txt",
    )
    assert ended.code == 0, ended.tail
    results = written_results(tmp_path / "runs")
    assert results["n-samples"]["eibench_demo"]["effective"] > 10
    assert value(results, "eibench_demo", "coverage") == 100


def test_prepare_joins_annotations_and_images(
    installed: Installed, published: Path, few_prepared: Home, home: Path, tmp_path: Path
) -> None:
    ended = installed.eibench(
        *("prepare", "--images", few_prepared.images, "--eibench", published, "--allow-missing"),
        home=home,
        log=tmp_path / "log.txt",
    )
    assert ended.code == 0, ended.tail
    assert json.loads((home / "current.json").read_text(encoding="utf-8"))["current"].startswith("prepared-")
    assert "5 of 1615 samples" in ended.output


def test_the_wheel_holds_the_scene_model_and_draws_scenes(installed: Installed, tmp_path: Path) -> None:
    told = installed.eibench("path", "--scene-model", home=tmp_path, log=tmp_path / "path.txt")
    model = Path(told.output.strip())
    assert installed.folder in model.parents
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "README.md"} <= {
        file.name for file in model.iterdir()
    }
    assert sum(file.stat().st_size for file in model.iterdir()) <= 10_000_000
    drawn = installed.eibench("scenes", "--n", "2", "-o", tmp_path / "two", home=tmp_path, log=tmp_path / "scenes.txt")
    assert drawn.code == 0, drawn.tail
    assert len(list((tmp_path / "two").rglob("*.png"))) == 4
