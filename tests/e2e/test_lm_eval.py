"""The text-only task inside lm-eval: the question below a caption, scored by the same code."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.homes import Home
from support.openai_server import ChatServer, Reply, Request
from support.runs import command, value

from eibench_tasks.data.prepare import add_captions
from eibench_tasks.data.prepared import load_prepared
from eibench_tasks.data.schema import Sample
from eibench_tasks.home import task_configs
from eibench_tasks.judging.judgement import Reference
from eibench_tasks.judging.registry import load_judge

CAPTION = "A person stands in a bright room."


@pytest.fixture
def captioned(my_own: Home, tmp_path: Path) -> list[Sample]:
    """The basic samples, each with a caption."""
    lines = [
        json.dumps({"image": sample.image_id, "caption": CAPTION, "model": "a person"})
        for sample in load_prepared().split("basic")
    ]
    (tmp_path / "captions.jsonl").write_text("\n".join(lines), encoding="utf-8")
    add_captions(tmp_path / "captions.jsonl", None)
    return load_prepared().split("basic")


def _evaluate(server: ChatServer) -> dict[str, Any]:
    """`eibench_text` by lm-eval in this process, with its stock model for chat servers."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    found: dict[str, Any] = lm_eval.simple_evaluate(
        model="local-chat-completions",
        model_args={
            "model": "talker",
            "base_url": f"{server.base_url}/chat/completions",
            "max_retries": 1,
            "num_concurrent": 1,
        },
        tasks=["eibench_text"],
        task_manager=TaskManager(include_path=str(task_configs("lm_eval")), include_defaults=False),
        apply_chat_template=True,
        bootstrap_iters=0,
    )
    return found


def _answer_to(sample: Sample) -> str:
    """Names the first trigger of the sample in a paragraph of its own."""
    return f"I can tell why.\n\nThe reason is this: {sample.triggers[0]}."


def _expected_recall(samples: list[Sample]) -> float:
    """What our own code gives for the same answers, without any harness: the mean over samples, in percent."""
    judge = load_judge()
    judged = [judge.judge(Reference(sample.triggers), _answer_to(sample)).recall for sample in samples]
    assert None not in judged
    return 100 * sum(recall or 0 for recall in judged) / len(judged)


def _answering(samples: list[Sample]) -> Any:
    def answer(request: Request) -> str:
        (sample,) = [item for item in samples if item.prompt_user in request.text]
        return _answer_to(sample)

    return answer


def test_a_text_only_model_is_scored_as_our_own_code_scores_it(captioned: list[Sample], server: ChatServer) -> None:
    server.answer = _answering(captioned)
    found = _evaluate(server)
    assert value(found, "eibench_text", "recall_overall") == pytest.approx(_expected_recall(captioned))
    rows = [sample["recall_overall"] for sample in found["samples"]["eibench_text"]]
    assert {row["sample_id"]: row["answer"] for row in rows} == {item.id: _answer_to(item) for item in captioned}


def test_the_model_reads_the_published_prompt_below_the_caption_and_no_image(
    captioned: list[Sample], server: ChatServer, published: Path
) -> None:
    _evaluate(server)
    user = json.loads((published / "protocol.json").read_text(encoding="utf-8"))["model"]["user"]
    assert sorted(request.text for request in server.requests) == sorted(
        f"A caption of the image: {CAPTION}\n\n" + user.replace("{question}", sample.question) for sample in captioned
    )
    assert not any(request.images for request in server.requests)
    assert not any("\n\n" in request.body.get("stop", []) for request in server.requests)


def test_the_result_says_whose_captions_were_read(captioned: list[Sample], server: ChatServer) -> None:
    run_facts = _evaluate(server)["configs"]["eibench_text"]["metadata"]["run"]
    assert run_facts["captions"] == "a person"
    assert run_facts["judge"] == "offline"


def test_an_empty_reply_scores_zero(captioned: list[Sample], server: ChatServer) -> None:
    server.answer = lambda request: Reply("")
    found = _evaluate(server)
    assert value(found, "eibench_text", "recall_overall") == 0
    assert value(found, "eibench_text", "empty_share") == 100


def test_the_command_line_runs_the_task_and_writes_results_that_our_table_reads(
    captioned: list[Sample], my_own: Home, server: ChatServer, tmp_path: Path
) -> None:
    server.answer = _answering(captioned)
    folder = command("eibench", "path", "--lm-eval", home=my_own.folder, log=tmp_path / "path.txt")
    ended = command(
        *("lm_eval", "run", "--model", "local-chat-completions", "--include_path", folder.output.strip()),
        *("--model_args", f"model=talker,base_url={server.base_url}/chat/completions,max_retries=1"),
        *("--tasks", "eibench_text", "--apply_chat_template", "--output_path", tmp_path / "runs", "--log_samples"),
        home=my_own.folder,
        log=tmp_path / "log.txt",
    )
    assert ended.code == 0, ended.tail
    assert "Traceback" not in ended.output
    (file,) = (tmp_path / "runs").rglob("results_*.json")
    results = json.loads(file.read_text(encoding="utf-8"))
    recall = value(results, "eibench_text", "recall_overall")
    assert recall == pytest.approx(_expected_recall(captioned))
    table = command("eibench", "results", tmp_path / "runs", home=my_own.folder, log=tmp_path / "table.txt")
    assert table.code == 0, table.tail
    (line,) = [line for line in table.output.splitlines() if "eibench_text" in line and "5 of 1615" in line]
    assert f" {recall:.1f} " in line and "offline" in line
    assert "captions: a person" in table.output


@pytest.mark.parametrize(
    ("prepared", "words"), [(True, "have no caption"), (False, "not prepared")], ids=["captions", "data"]
)
def test_without_captions_or_data_the_command_line_says_in_one_line_what_to_do(
    few: Home, home: Path, tmp_path: Path, prepared: bool, words: str
) -> None:
    ended = command(
        *("lm_eval", "--model", "dummy", "--include_path", task_configs("lm_eval"), "--tasks", "eibench_text"),
        home=few.folder if prepared else home,
        log=tmp_path / "log.txt",
    )
    assert ended.code != 0
    assert "Traceback" not in ended.output, ended.tail
    (line,) = [line for line in ended.output.splitlines() if line.startswith("eibench: ")]
    assert words in line and "`eibench prepare" in line
