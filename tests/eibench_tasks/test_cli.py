"""The command `eibench`: help, clear errors with exit code 1, and no traceback for a user's mistake."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from eibench_tasks.cli import main


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output of one call."""
    result = CliRunner().invoke(main, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_help_names_the_first_two_commands() -> None:
    code, text = run("--help")
    assert code == 0
    text = " ".join(text.split())
    assert "eibench prepare --images DIR" in text and "--tasks eibench" in text


def test_path_prints_a_folder_with_tasks() -> None:
    _, lmms = run("path")
    _, lm = run("path", "--lm-eval")
    assert (Path(lmms.strip()) / "eibench.yaml").is_file()
    assert (Path(lm.strip()) / "eibench_text.yaml").is_file()


def test_prepare_and_doctor(published: Path, standins: Path, home: Path) -> None:
    code, text = run("prepare", "--images", str(standins), "--eibench", str(published))
    assert code == 0, text
    assert "1615 of  1615" in text.replace("1615 of 1615", "1615 of  1615") and "50 of" in text
    assert "Next: lmms-eval" in text
    code, text = run("doctor")
    assert code == 0, text
    assert "basic 1615 of 1615, complex 50 of 50" in text


def test_doctor_says_what_to_do_when_nothing_is_prepared() -> None:
    code, text = run("doctor")
    assert code == 1
    assert "not prepared" in text and "eibench prepare --images DIR" in text


def test_doctor_names_an_unknown_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIBENCH_JUDGE", "oracle")
    code, text = run("doctor")
    assert code == 1 and "unknown judge 'oracle'" in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["prepare"], "give --images DIR"),
        (["prepare", "--images", "/no/such/folder"], "is not a folder"),
        (["prepare", "--captions", "/no/such/file"], "not prepared"),
        (["results", "/"], "no result of an EIBench task"),
        (["nonsense"], "No such command"),
    ],
)
def test_a_users_mistake_is_one_line_and_not_exit_code_0(arguments: list[str], expected: str, tmp_path: Path) -> None:
    code, text = run(*[str(tmp_path) if argument == "/" else argument for argument in arguments])
    assert code != 0
    assert expected in text
    assert "Traceback" not in text


def test_pairs_measures_the_judge(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    triggers = [{"text": "Torn letter", "present": True}, {"text": "Burning house", "present": False}]
    file.write_text(json.dumps({"answer": "A torn letter lies on the table.", "triggers": triggers}) + "\n")
    code, text = run("pairs", str(file))
    assert code == 0
    assert "2 pairs, 0 unscored, AUC 1.000, accuracy 1.000" in text
    file.write_text("{}\n")
    code, text = run("pairs", str(file))
    assert code == 1 and "line 1 holds no labelled pairs" in text
