"""An exported split in lmms-eval: scored as EIBench is, checked before a model is asked, judged again afterwards."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.built_runs import BUILT, a_sample, basic_run, configuration, finish, new_run, picture_file
from support.openai_server import ChatServer, Request
from support.runs import Finished, command, evaluate, value, written_results, written_samples
from support.tiny_qwen import write_tiny_qwen

from cfsa_tool.export.write import export
from eibench_tasks.cli import main
from eibench_tasks.data.exported import Exported, load_exported
from eibench_tasks.errors import RunStopped

NAME = "my_split"
SENTENCE = "A birthday cake with lit candles. There are dark clouds. A crowded train stands there."


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Four samples, moved after they were exported; tests must not change them."""
    root = tmp_path_factory.mktemp("split")
    export(basic_run(root), root / "out", NAME)
    (root / "out").rename(root / "moved")
    return load_exported(root / "moved")


@dataclass(frozen=True)
class LoggedRun:
    """A run of the command line, and the folder with its results and samples."""

    ended: Finished
    folder: Path


@pytest.fixture(scope="module")
def logged(split: Exported, tmp_path_factory: pytest.TempPathFactory) -> LoggedRun:
    """`lmms-eval --include_path DIR --tasks my_split` with a model that knows some of the triggers."""
    folder = tmp_path_factory.mktemp("logged")
    ended = command(
        *("lmms-eval", "--model", "dummy", "--model_args", f"response={SENTENCE}", "--log_samples"),
        *("--include_path", split.folder, "--tasks", NAME, "--output_path", folder / "runs"),
        home=folder / "home",
        log=folder / "log.txt",
    )
    return LoggedRun(ended, folder / "runs")


def eibench(*arguments: str | Path) -> str:
    ended = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return ended.output


# Runs


def test_the_command_line_scores_every_sample_with_nothing_prepared(logged: LoggedRun, split: Exported) -> None:
    assert logged.ended.code == 0, logged.ended.tail
    assert "Traceback" not in logged.ended.output
    results, samples = written_results(logged.folder), written_samples(logged.folder, NAME)
    assert {sample["recall_overall"]["sample_id"] for sample in samples} == {doc["id"] for doc in split.samples()}
    assert value(results, NAME, "coverage") == 100
    verdicts = {s["recall_overall"]["emotion"]: s["recall_overall"]["verdicts"] for s in samples}
    assert {v["trigger"] for v in verdicts["fear"] if v["present"]} == {"dark clouds"}


def test_recall_of_every_emotion_is_a_metric_and_that_of_no_other(logged: LoggedRun) -> None:
    names = {name.partition(",")[0] for name in written_results(logged.folder)["results"][NAME]}
    recalls = {name for name in names if name.startswith("recall_") and "stderr" not in name}
    assert recalls == {"recall_overall", "recall_angry", "recall_fear", "recall_happy"}
    results = written_results(logged.folder)
    assert value(results, NAME, "recall_fear") == 25 and value(results, NAME, "recall_angry") == 50
    assert {"floor_recall", "chance_recall", "bound_low", "bound_high", "ci95_low", "answer_words"} <= names
    assert "specific_recall" not in names


def test_a_result_says_which_split_it_is_about_and_who_built_it(logged: LoggedRun, split: Exported) -> None:
    metadata = written_results(logged.folder)["configs"][NAME]["metadata"]
    run = metadata["run"]
    assert (metadata["version"], metadata["setting"]) == (1, "user")
    assert (run["judge"], run["protocol"], run["comparable_with_published"]) == ("offline", "verdict", False)
    assert run["data"]["samples"] == {NAME: "4 of 4"}
    assert (run["data"]["digest"], run["data"]["fingerprint"]) == (split.facts.digest, split.facts.fingerprint)
    assert run["built_by"] == split.facts.built_by
    assert run["emotions"] == {"angry": "recall_angry", "fear": "recall_fear", "happy": "recall_happy"}


@pytest.mark.slow
def test_the_stock_qwen_class_runs_it_from_the_command_line(split: Exported, tmp_path: Path) -> None:
    checkpoint = write_tiny_qwen(tmp_path / "qwen")
    ended = command(
        *("lmms-eval", "--model", "qwen2_5_vl", "--include_path", split.folder, "--tasks", NAME, "--log_samples"),
        *("--model_args", f"pretrained={checkpoint},device_map=cpu,min_pixels=3136,max_pixels=50176"),
        *("--device", "cpu", "--gen_kwargs", "max_new_tokens=8", "--output_path", tmp_path / "runs"),
        home=tmp_path / "home",
        log=tmp_path / "log.txt",
    )
    assert ended.code == 0, ended.tail
    assert "Traceback" not in ended.output
    assert len(written_samples(tmp_path / "runs", NAME)) == len(BUILT)


def test_a_model_gets_the_prompt_and_the_image_of_the_sample(split: Exported) -> None:
    asked: list[tuple[str, tuple[int, int]]] = []

    def answer(request: Request) -> str:
        (image,) = request.images
        asked.append((request.text, image.size))
        return SENTENCE

    with ChatServer(answer).running() as server:
        arguments = f"model_version=talker,base_url={server.base_url},api_key=k"
        evaluate([NAME], "openai", arguments, include_path=split.folder)
    prompts = sorted(doc["prompt_user"] for doc in split.samples())
    assert sorted(text for text, _ in asked) == prompts
    assert {size for _, size in asked} == {(64, 48)}


def test_emotions_of_which_one_begins_like_another_keep_their_own_recall(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", configuration())
    finish(run, picture_file(tmp_path / "a.jpg", 1), a_sample("fear", "dark clouds"))
    finish(run, picture_file(tmp_path / "b.jpg", 2), a_sample("fearful", "a growling bear"))
    export(run, tmp_path / "out", "scary")
    found = evaluate(["scary"], model_args=f"response={SENTENCE}", include_path=tmp_path / "out")
    assert value(found, "scary", "recall_2_fear") == 100
    assert value(found, "scary", "recall_fearful") == 0


# What stops a run


@pytest.fixture
def copy(split: Exported, tmp_path: Path) -> Iterator[Path]:
    """The split once more, for one test, which may break it."""
    yield Path(shutil.copytree(split.folder, tmp_path / "copy"))


def test_a_damaged_split_stops_the_command_line_before_the_model_is_loaded(copy: Path, tmp_path: Path) -> None:
    file = load_exported(copy).files[0]
    file.write_bytes(file.read_bytes()[:-100])
    ended = command(
        *("lmms-eval", "--model", "qwen2_5_vl", "--include_path", copy, "--tasks", NAME, "--device", "cpu"),
        *("--model_args", f"pretrained={tmp_path / 'no-such-model'},device_map=cpu"),
        home=tmp_path / "home",
        log=tmp_path / "log.txt",
    )
    ours = [line for line in ended.output.splitlines() if line.startswith("eibench: ")]
    assert ended.code != 0 and "Traceback" not in ended.output, ended.tail
    assert len(ours) == 1 and "is not the file that was exported" in ours[0] and "Copy the whole folder" in ours[0]


def test_an_unknown_judge_and_a_missing_manifest_stop_a_run_in_one_line(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EIBENCH_JUDGE", "oracle")
    with pytest.raises(RunStopped, match="unknown judge 'oracle'"):
        evaluate([NAME], include_path=copy)
    monkeypatch.delenv("EIBENCH_JUDGE")
    (copy / "split.json").unlink()
    with pytest.raises(RunStopped, match="is no exported split"):
        evaluate([NAME], include_path=copy)


# What reads its logs


def test_the_table_of_results_shows_it(logged: LoggedRun) -> None:
    (line,) = [line for line in eibench("results", logged.folder).splitlines() if f"{NAME} v1" in line]
    assert "4 of 4" in line and "offline" in line
    (entry,) = json.loads(eibench("results", logged.folder, "--json"))
    assert entry["emotions"]["fear"] == 25


def test_its_logs_are_judged_again_with_the_samples_of_the_folder(
    logged: LoggedRun, split: Exported, tmp_path: Path
) -> None:
    told = eibench("judge", logged.folder, "--exported", split.folder, "--judge", "offline", "-o", tmp_path)
    assert f"{NAME} v1" in told
    again, first = written_results(tmp_path), written_results(logged.folder)
    for metric in ("recall_overall", "recall_fear", "recall_angry", "floor_recall"):
        assert value(again, NAME, metric) == pytest.approx(value(first, NAME, metric))


def test_logs_that_were_never_judged_are_found_by_the_name_of_the_split(
    logged: LoggedRun, split: Exported, tmp_path: Path
) -> None:
    (file,) = logged.folder.rglob(f"*_samples_{NAME}.jsonl")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    kept = ("doc_id", "target", "input", "filtered_resps", "resps")
    bare = [{name: line[name] for name in kept if name in line} for line in lines]
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / file.name).write_text("".join(json.dumps(line) + "\n" for line in bare), encoding="utf-8")
    told = eibench("judge", tmp_path / "m", "--exported", split.folder)
    assert f"{NAME} v" in told and "4 of 4" in told


def test_recall_is_broken_down_by_the_labels_that_the_split_carries(logged: LoggedRun, split: Exported) -> None:
    told = eibench("breakdown", logged.folder, "--exported", split.folder)
    assert "explicit" in told and "objects" in told and split.facts.built_by in told


def test_two_runs_are_compared_and_claims_are_counted(logged: LoggedRun, split: Exported) -> None:
    (line,) = [line for line in eibench("compare", logged.folder, logged.folder).splitlines() if NAME in line]
    assert "+0.0" in line
    assert "precision" in eibench("precision", logged.folder, "--exported", split.folder, "--judge", "offline")


@pytest.mark.slow
def test_a_replay_gives_the_same_numbers(logged: LoggedRun, split: Exported, tmp_path: Path) -> None:
    again = command(
        *("eibench", "replay", logged.folder, "--include-path", split.folder, "-o", tmp_path / "again"),
        home=tmp_path / "home",
        log=tmp_path / "log.txt",
    )
    assert again.code == 0, again.tail

    def numbers(folder: Path) -> dict[str, Any]:
        found = written_results(folder)["results"][NAME]
        return {name: number for name, number in found.items() if isinstance(number, float) and number == number}

    assert numbers(tmp_path / "again") == numbers(logged.folder)
