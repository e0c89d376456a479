"""What `eibench judge` is made of: finding logs and their samples, what is asked, what is written."""

import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.data import demo
from eibench_tasks.errors import EIBenchError, JudgeError, NotPreparedError
from eibench_tasks.home import task_configs
from eibench_tasks.judging.judged_logs import read_samples
from eibench_tasks.judging.judgement import Judgement, Reference, Verdict
from eibench_tasks.rejudging.known import Known, load_known
from eibench_tasks.rejudging.logs import Log, Logged, find_logs, read_log
from eibench_tasks.rejudging.results import AGGREGATIONS, OF_SCENES, runs_of, write
from eibench_tasks.rejudging.run import judge_plans, plan, to_ask, unscored
from eibench_tasks.report.table import read_results
from eibench_tasks.scenes.catalogue import EMOTIONS

TASK = "eibench_basic_user"


def doc(name: str, *triggers: str, question: str = "Why?", image: str = "", floor: str = "fog") -> dict[str, Any]:
    """A sample as the prepared data have it."""
    return {
        "id": name,
        "image_id": image or f"image of {name}",
        "split": "basic",
        "emotion": "happy",
        "question": question,
        "triggers": list(triggers),
        "triggers_text": "",
        "floor_answer": floor,
    }


def line(of: dict[str, Any], answer: Any, **more: Any) -> dict[str, Any]:
    """A line of a log of a --predict_only run."""
    return {"doc_id": 0, "target": "\n".join(of["triggers"]), "filtered_resps": answer, "input": of["question"], **more}


def log_file(folder: Path, *lines: dict[str, Any], name: str = f"20260101_000000_samples_{TASK}.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(entry) + "\n" for entry in lines), encoding="utf-8")
    return folder / name


CAKE, RAIN = doc("a", "a cake", "friends"), doc("b", "rain", "a lost ball", floor="a cake\nfog")
KNOWN = Known([CAKE, RAIN], None)


class WordJudge:
    """Finds a trigger named where the answer holds it; cannot judge what holds "unjudgeable"."""

    name, protocol, version, comparable, measures_floor = "word", "verdict", "1", False, False
    stopped: str | None = None

    def prefetch(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Nothing to prepare."""

    def judge(self, reference: Reference, answer: str) -> Judgement:
        if "unjudgeable" in answer:
            return Judgement(unscored="no words for it")
        found = [text if text in answer else None for text in reference.triggers]
        return Judgement(
            verdicts=[
                Verdict(index=index, trigger=trigger, present=quote is not None, quote=quote)
                for index, (trigger, quote) in enumerate(zip(reference.triggers, found, strict=True))
            ]
        )


def a_log(folder: Path, *answers: tuple[dict[str, Any], str], name: str = f"20260101_000000_samples_{TASK}") -> Log:
    logged = [Logged(number, of, answer, None) for number, (of, answer) in enumerate(answers)]
    return Log(folder / f"{name}.jsonl", TASK, logged)


# The sample that a line is about


def test_a_line_is_known_by_its_id_whatever_else_it_says() -> None:
    assert KNOWN.of({"recall_overall": {"sample_id": "b"}, "target": "a cake\nfriends"}) == RAIN
    assert KNOWN.of({"doc": {"id": "b"}}) == RAIN
    assert KNOWN.of({"recall_overall": {"sample_id": "of other data"}, **line(RAIN, "")}) is None


def test_a_line_without_id_is_known_by_its_triggers_and_among_equal_ones_by_its_question() -> None:
    twin = doc("c", "rain", "a lost ball", question='Why the "gloom"?')
    assert KNOWN.of(line(RAIN, "")) == RAIN
    known = Known([CAKE, RAIN, twin], None)
    assert known.of(line(twin, "")) == twin
    assert known.of(line(twin, "") | {"input": ["Look", {"text": 'Why the "gloom"?'}]}) == twin
    assert known.of(line(twin, "") | {"input": "cut away"}) is None  # it may be either


def test_every_published_sample_is_known_without_its_id(published: Path) -> None:
    known = load_known({TASK, "eibench_complex"}, published)
    samples = [*known._by_id.values()]
    assert len(samples) == 1665
    assert all(known.of(line(sample, "")) is sample for sample in samples)


def test_the_demo_split_needs_nothing_and_everything_else_needs_the_annotations(home: Path) -> None:
    sample = demo.demo_samples()[0]
    known = load_known({"eibench_demo"}, None)
    assert known.of({"recall_overall": {"sample_id": sample.id}}) == sample.model_dump()
    with pytest.raises(EIBenchError, match=r"not prepared.*--eibench DIR") as stopped:
        load_known({TASK}, None)
    assert not isinstance(stopped.value, NotPreparedError)  # its mend says too little here


# Logs


def test_of_several_runs_in_one_folder_the_newest_counts_and_what_was_judged_is_no_run(tmp_path: Path) -> None:
    log_file(tmp_path / "model", name=f"20260101_000000_samples_{TASK}.jsonl")
    newest = log_file(tmp_path / "model", name=f"20260102_000000_samples_{TASK}.jsonl")
    other = log_file(tmp_path / "other", name="samples_eibench_text_2026-01-01T00-00-00.000000.jsonl")
    log_file(tmp_path / "model" / "judged" / "sim", name=f"20260103_000000_samples_{TASK}.jsonl")
    log_file(tmp_path / "model", name="20260102_000000_samples_eibench_describe.jsonl")
    assert set(find_logs([tmp_path])) == {newest, other}
    assert find_logs([newest, newest]) == [newest]


def test_the_answer_is_what_the_model_wrote_before_filters_changed_it(tmp_path: Path) -> None:
    changed = line(RAIN, "rain") | {"resps": [["<think>a cake</think>rain"]]}
    log = read_log(log_file(tmp_path, line(CAKE, ["a cake"], doc_id=7), changed), KNOWN)
    assert [(one.doc_id, one.doc["id"], one.output) for one in log.answers] == [
        (7, "a", "a cake"),
        (0, "b", "<think>a cake</think>rain"),
    ]
    assert log.task == TASK


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([line(doc("x", "of other data"), "")], "line 1 is about no sample"),
        ([line(CAKE, ""), line(CAKE, "")], "line 2 repeats the sample a"),
        ([line(CAKE, {"text": 1})], "line 1 holds no answer"),
        ([line(CAKE, [])], "line 1 holds no answer"),
        ([{"doc": {"id": "a"}}], "line 1 holds no answer"),
        ([{"recall_overall": {"sample_id": float("nan")}, "target": [1]}], "line 1 is about no sample"),
        ([], "holds no answers"),
    ],
)
def test_what_is_no_log_of_the_data_says_where_and_why(tmp_path: Path, lines: list[Any], words: str) -> None:
    with pytest.raises(EIBenchError, match=words):
        read_log(log_file(tmp_path, *lines), KNOWN)


KEYS = ["recall_overall", "sample_id", "doc", "id", "target", "resps", "filtered_resps", "doc_id"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["a", "rain\na lost ball"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=3))
def test_whatever_a_log_holds_it_is_answers_or_an_error_of_ours(lines: list[Any]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        try:
            log = read_log(log_file(Path(folder), *lines), KNOWN)
        except EIBenchError:
            return
    assert all(isinstance(one.output, str) and isinstance(one.doc_id, int) for one in log.answers)


@pytest.mark.parametrize(
    "content", [b"\xff\x00", b'{"doc_id": ', b"[" * 100_000, b'{"a": 1, "a": 2}', b"7"], ids=lambda content: content[:9]
)
def test_damaged_bytes_are_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    file = log_file(tmp_path, line(CAKE, ""))
    file.write_bytes(file.read_bytes() + content + b"\n")
    with pytest.raises(EIBenchError, match="line 2"):
        read_log(file, KNOWN)


# What is asked


def test_nobody_is_asked_about_empty_answers_and_failed_requests(tmp_path: Path) -> None:
    third = doc("c", "wind")
    failed = "[LMMS_EVAL_REQUEST_FAILED after 5 retries] 500"
    log = a_log(tmp_path, (CAKE, "<think>a cake</think> "), (RAIN, failed), (third, "wind"))
    assert set(plan(log, WordJudge(), None).items) == {(2, "triggers"), (2, "chance")}
    empty, lost, judged = judge_plans(WordJudge(), [plan(log, WordJudge(), 0)], lambda: None)[0]
    assert (empty["recall_overall"]["score"], judged["recall_overall"]["score"]) == (0, 100)
    assert "score" not in lost["recall_overall"] and "failed" in lost["recall_overall"]["unscored"]


def test_chance_is_judged_on_so_many_answers_drawn_by_their_ids_alone(tmp_path: Path) -> None:
    answers = [(doc(f"s{number}", "wind"), "wind") for number in range(50)]

    def drawn(order: list[tuple[dict[str, Any], str]], size: int | None) -> set[str]:
        items = plan(a_log(tmp_path, *order), WordJudge(), size).items
        return {str(order[position][0]["id"]) for position, against in items if against == "chance"}

    assert len(drawn(answers, 10)) == 10
    assert drawn(answers, 10) == drawn(answers[::-1], 10)
    assert drawn(answers, 0) == set()
    assert drawn(answers, None) == drawn(answers, 50) == drawn(answers, 200) == {one["id"] for one, _ in answers}


def test_chance_is_the_recall_on_the_triggers_of_another_image(tmp_path: Path) -> None:
    """Of "a cake\\nfog", which are another image's, the answer names one."""
    (row,) = judge_plans(
        WordJudge(), [plan(a_log(tmp_path, (RAIN, "rain and a cake")), WordJudge(), None)], lambda: None
    )[0]
    assert row["recall_overall"]["score"] == 50
    assert row["chance_recall"] == {"image_id": RAIN["image_id"], "score": 50}


def test_a_judge_on_this_machine_needs_no_estimate(tmp_path: Path) -> None:
    assert to_ask(WordJudge(), [plan(a_log(tmp_path, (CAKE, "a cake")), WordJudge(), None)]) == []


def test_a_judge_that_stopped_gives_no_result(tmp_path: Path) -> None:
    judge = WordJudge()
    judge.stopped = "the budget of 3 requests is spent"
    with pytest.raises(JudgeError, match=r"word stopped: the budget of 3 requests is spent.*goes on"):
        judge_plans(judge, [plan(a_log(tmp_path, (CAKE, "a cake")), WordJudge(), 0)], lambda: None)


def test_reasons_of_unscored_samples_are_counted(tmp_path: Path) -> None:
    log = a_log(tmp_path, (CAKE, "unjudgeable"), (RAIN, "unjudgeable too"), (doc("c", "wind"), "wind"))
    assert unscored(judge_plans(WordJudge(), [plan(log, WordJudge(), 0)], lambda: None)) == {"no words for it": 2}


# What is written


def judged(folder: Path, *answers: tuple[dict[str, Any], str], output: Path | None = None, **more: Any) -> Path:
    """The results file of answers that `WordJudge` has judged."""
    log = a_log(folder, *answers, **more)
    metrics = judge_plans(WordJudge(), [plan(log, WordJudge(), None)], lambda: None)
    (run,) = runs_of([log], metrics)
    return write(run, WordJudge(), output)


def test_results_and_samples_are_read_by_what_reads_those_of_a_run(tmp_path: Path) -> None:
    # a: 2 of 2; b: 1 of 2; c: unscored. Recall (100 + 50) / 2 = 75; 2 of 3 scored;
    # bounds (100 + 50 + 0) / 3 = 50 and (100 + 50 + 100) / 3 = 83.3
    # chance: a 0 of 1 (fog), b 1 of 2 (a cake, fog), c unscored: 25; corrected (75 - 25) / (100 - 25) = 66.7
    third = doc("c", "wind")
    file = judged(tmp_path / "talker", (CAKE, "a cake, friends"), (RAIN, "rain, a cake"), (third, "unjudgeable"))
    assert file == tmp_path / "talker" / "judged" / "word-verdict" / "20260101_000000_results.json"
    (result,) = read_results([tmp_path])
    assert (result.model, result.task, result.judge, result.protocol) == ("talker", TASK, "word", "verdict")
    assert (result.recall, result.coverage) == (75, pytest.approx(200 / 3))
    assert (result.bound_low, result.bound_high) == (50, pytest.approx(250 / 3))
    assert (result.chance, result.corrected) == (25, pytest.approx(100 * 50 / 75))
    assert result.samples.startswith("3 of ")
    rows = {row.sample_id: row for row in read_samples([tmp_path])}
    assert {name: row.score for name, row in rows.items()} == {"a": 100, "b": 50, "c": None}
    assert rows["b"].present == [True, False]


def test_the_run_lends_its_model_and_settings_without_their_secrets(tmp_path: Path) -> None:
    source = {
        "config": {"model": "openai", "model_args": "model_version=m,api_key=sk-secret-123"},
        "configs": {
            TASK: {
                "metadata": {"version": 4, "run": {"judge": "offline", "captions": "x"}},
                "generation_kwargs": {"max_new_tokens": 9, "auth_token": "sk-secret-123"},
            }
        },
        "n-samples": {TASK: {"original": 9, "effective": 2}},
    }
    (tmp_path / "20260101_000000_results.json").write_text(json.dumps(source), encoding="utf-8")
    file = judged(tmp_path, (CAKE, "a cake"), output=tmp_path / "out")
    assert file.parent == tmp_path / "out" / tmp_path.name / "judged" / "word-verdict"
    text = file.read_text(encoding="utf-8")
    assert "sk-secret" not in text
    results = json.loads(text)
    assert results["config"] == {"model": "openai", "model_args": "model_version=m,api_key=***"}
    assert results["configs"][TASK]["metadata"]["version"] == 4
    assert results["configs"][TASK]["generation_kwargs"] == {"max_new_tokens": 9, "auth_token": "***"}
    assert (
        results["configs"][TASK]["metadata"]["run"] | {"judge": "word", "captions": "x"}
        == (results["configs"][TASK]["metadata"]["run"])
    )
    assert results["n-samples"][TASK] == {"original": 9, "effective": 1}


def test_the_arguments_of_lm_eval_are_a_mapping_and_written_as_one_text(tmp_path: Path) -> None:
    source = {"config": {"model": "local", "model_args": {"model": "m", "token": "t0psecret"}}, "configs": {}}
    (tmp_path / "results_2026-01-01T00-00-00.000000.json").write_text(json.dumps(source), encoding="utf-8")
    file = judged(tmp_path, (CAKE, "a cake"), name="samples_eibench_text_2026-01-01T00-00-00.000000")
    assert json.loads(file.read_text(encoding="utf-8"))["config"]["model_args"] == "model=m,token=***"


DAMAGED = [
    *("{", "[]", '{"configs": 3}', "[" * 100_000, '{"configs": {"eibench_basic_user": 1}}'),
    *('{"configs": {}, "config": 3}', '{"configs": {}, "config": {"model": [1], "model_args": [2]}}'),
    *('{"configs": {}, "n-samples": []}', '{"configs": {}, "n-samples": {"eibench_basic_user": 5}}'),
    *('{"configs": {"eibench_basic_user": {"metadata": [1]}}}', '{"config": {"model": "\\ud800"}, "configs": null}'),
    '{"configs": {"eibench_basic_user": {"metadata": {"run": 3}}}}',
]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: content[:60])
def test_a_damaged_results_file_of_the_run_is_done_without(tmp_path: Path, content: str) -> None:
    (tmp_path / "20260101_000000_results.json").write_text(content, encoding="utf-8")
    results = json.loads(judged(tmp_path, (CAKE, "a cake")).read_text(encoding="utf-8"))
    assert results["model_name"] == tmp_path.name
    assert results["configs"][TASK]["metadata"]["run"]["judge"] == "word"


def test_the_same_judgements_give_the_same_bytes_and_nothing_else_stays_behind(tmp_path: Path) -> None:
    answers = [(CAKE, "a cake \ud83d \u2028"), (RAIN, "rain \x00 NaN")]
    folders = [judged(tmp_path / "run", *answers, output=tmp_path / name).parent for name in ("x", "y", "x")]
    first, second, _ = ({file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders)
    assert first == second
    assert set(first) == {"20260101_000000_results.json", f"20260101_000000_samples_{TASK}.jsonl"}


def test_a_number_that_does_not_exist_is_null_not_nan(tmp_path: Path) -> None:
    text = judged(tmp_path, (CAKE, "unjudgeable")).read_text(encoding="utf-8")
    results = json.loads(text, parse_constant=lambda name: pytest.fail(name))["results"]
    assert results[TASK]["recall_overall,none"] is None


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EIBenchError, match=r"cannot be written to .*file.*-o DIR"):
        judged(tmp_path / "run", (CAKE, "a cake"), output=tmp_path / "file")


def test_results_of_a_failed_write_are_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = judged(tmp_path, (CAKE, "a cake"))
    before = {one.name: one.read_bytes() for one in file.parent.iterdir()}

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EIBenchError, match="No space left on device"):
        judged(tmp_path, (CAKE, "friends"))
    assert {one.name: one.read_bytes() for one in file.parent.iterdir()} == before


def test_the_tasks_of_one_run_go_into_one_results_file_and_other_runs_into_others(tmp_path: Path) -> None:
    logs = [
        a_log(tmp_path / "m", (CAKE, "a cake")),
        Log(tmp_path / "m" / "20260101_000000_samples_eibench_complex.jsonl", "eibench_complex", []),
        a_log(tmp_path / "n", (CAKE, "a cake")),
        a_log(tmp_path / "m", (CAKE, "a cake"), name=f"20260102_000000_samples_{TASK}"),
    ]
    runs = runs_of(logs, [[] for _ in logs])
    assert [(run.folder.name, run.stamp, sorted(run.tasks)) for run in runs] == [
        ("m", "20260101_000000", [TASK, "eibench_complex"]),
        ("n", "20260101_000000", [TASK]),
        ("m", "20260102_000000", [TASK]),
    ]


def aggregated_in(file: str) -> dict[str, str]:
    """The functions that a task's YAML names, by metric."""

    class Loader(yaml.SafeLoader):
        """Reads `!function` as text."""

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    config = yaml.load((task_configs().parent / file).read_text(encoding="utf-8"), Loader)
    return {entry["metric"]: entry["aggregation"] for entry in config["metric_list"]}


def path(function: Callable[..., float]) -> str:
    """As a YAML names it."""
    return f"{function.__module__}.{function.__qualname__}"


@pytest.mark.parametrize("file", ["lmms_eval/_eibench_yaml", "lm_eval/eibench_text.yaml"])
def test_metrics_are_aggregated_as_in_the_tasks(file: str) -> None:
    assert {name: path(function) for name, function in AGGREGATIONS.items()} == aggregated_in(file)


def test_scenes_that_share_question_and_triggers_are_told_apart_by_their_place() -> None:
    """Logs of --predict_only hold no ids: in the fixed set three pairs of samples have everything else in common."""
    known = load_known({"eibench_scenes"}, None)
    lines = [line(one, "An answer.") | {"doc_id": place} for place, one in enumerate(known.samples)]
    assert len({(entry["target"], entry["input"]) for entry in lines}) < len(lines)
    assert [(known.of(entry) or {}).get("id") for entry in lines] == [one["id"] for one in known.samples]


def test_metrics_of_scenes_are_aggregated_as_in_their_task() -> None:
    known = {name: path(function) for name, function in (AGGREGATIONS | OF_SCENES).items()}
    in_yaml = aggregated_in("lmms_eval/eibench_scenes.yaml")
    by_emotion = {f"recall_{emotion}": path(AGGREGATIONS["recall_happy"]) for emotion in EMOTIONS}
    known.pop("specific_recall")  # weighs EIBench's own triggers only
    assert in_yaml == known | by_emotion


def test_no_sample_has_no_recall() -> None:
    assert math.isnan(AGGREGATIONS["recall_overall"]([]))
