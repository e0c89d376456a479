"""What the task YAMLs of lmms-eval name: data, prompts, turns, judging, aggregation.

`basic_path`, `run_facts` and their like are attributes that are made when a YAML asks for them. That is the
first moment at which a run is known to use EIBench, and the last one at which an error ends it cleanly: later
lmms-eval retries exceptions and exits with code 0.
"""

import hashlib
import math
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Any

from eibench_tasks import __version__
from eibench_tasks.data import annotations, demo
from eibench_tasks.data.images import open_image
from eibench_tasks.data.prepared import Prepared, check_images, load_prepared
from eibench_tasks.data.schema import REPLAYED
from eibench_tasks.engines.answer import failed_request, final_answer
from eibench_tasks.errors import EIBenchError, ImagesError, RunStopped
from eibench_tasks.harness import rows
from eibench_tasks.harness.rows import Doc
from eibench_tasks.judging.judgement import Judge
from eibench_tasks.judging.registry import check_judge, judge_name, load_judge, reachable_judge
from eibench_tasks.metrics import coherence
from eibench_tasks.metrics.specific import load_weights
from eibench_tasks.self_ask import replayed
from eibench_tasks.settings import persona, turns


def check_run(prepared: bool = True) -> Prepared | None:
    """Checks everything that a run needs, before a model is asked.

    Args:
        prepared: whether the run uses the prepared data (the demo split does not).

    Raises:
        RunStopped: something is missing; the message says what and how to mend it.
    """
    try:
        check_judge(judge_name())
        data = load_prepared() if prepared else None
        if data:
            check_images(data.samples)
        reachable_judge()
        load_weights(annotations.SHA256)
        if coherence.bert_wanted():
            coherence.load_bert()
        return data
    except EIBenchError as error:
        raise RunStopped(error) from None


def _dataset_path(split: str) -> str:
    data = check_run()
    assert data is not None
    if not (data.arrow / split).is_dir():  # prepared with --allow-missing
        mend = "Leave its task out, or prepare its images too: `eibench prepare --images DIR`"
        raise RunStopped(ImagesError(f"no image of the {split} split is prepared", mend))
    return str(data.arrow)


def _demo_files() -> dict[str, Any]:
    check_run(prepared=False)
    return {"data_files": {"demo": str(demo.FOLDER / "samples.jsonl")}}


def _demo_facts() -> dict[str, Any]:
    lines = (demo.FOLDER / "samples.jsonl").read_bytes()
    count = len(lines.splitlines())
    samples = {"eibench_demo": f"{count} of {count}"}
    return judge_facts() | {"data": {"digest": hashlib.sha256(lines).hexdigest(), "samples": samples}}


def _run_facts() -> dict[str, Any]:
    """What a result must say beside its numbers. Goes into the task's metadata."""
    facts = judge_facts()
    data = check_run()
    if data:
        manifest = data.manifest
        facts["data"] = {
            "commit": manifest.commit,
            "digest": manifest.digest,
            "samples": {name: f"{counts.n} of {counts.of}" for name, counts in manifest.counts.items()},
        }
        facts["captions"] = REPLAYED if _replaying.is_set() else _whose_captions(data)
    return facts


def _whose_captions(data: Prepared) -> str:
    """Who wrote the captions of the caption setting."""
    captions, samples = data.manifest.captions, len(data.split("basic"))
    if captions is None:
        return "the model's own"
    own = sum(not sample.caption for sample in data.split("basic"))
    return f"{captions.model}, and the model's own for {own} of {samples}" if own else captions.model


def judge_facts() -> dict[str, Any]:
    """What a result must say of its judge and of the prompts."""
    judge = _judge()
    return {
        "eibench": __version__,
        "harnesses": {name: version(name) for name in ("lmms-eval", "lm-eval")},
        "judge": judge.name,
        "protocol": judge.protocol,
        "judge_version": judge.version,
        "comparable_with_published": judge.comparable,
        "persona": REPLAYED if _replaying.is_set() else persona.persona() or "published",
        "replayed": _replaying.is_set(),
    }


def _caption_output_type() -> str:
    """One turn where every image has a caption, so that requests can be batched; else caption first, then answer."""
    data = check_run()
    return "generate_until" if data and data.captioned else "generate_until_agentic"


_MADE_ON_REQUEST: dict[str, Callable[[], Any]] = {
    "basic_path": lambda: _dataset_path("basic"),
    "complex_path": lambda: _dataset_path("complex"),
    "lite_path": lambda: _dataset_path("lite"),
    "demo_files": _demo_files,
    "run_facts": _run_facts,
    "demo_facts": _demo_facts,
    "caption_output_type": _caption_output_type,
}


def __getattr__(name: str) -> Any:
    if name in _MADE_ON_REQUEST:
        return _MADE_ON_REQUEST[name]()
    if name.startswith("alias_"):  # how the task is called in the table that lmms-eval prints
        return f"{name.removeprefix('alias_')} (judge: {judge_name()})"
    raise AttributeError(name)


def demo_docs(dataset: Any) -> Any:
    """The demo samples in full; what was loaded from the file only holds what is written there by hand."""
    return type(dataset).from_list([sample.model_dump() for sample in demo.demo_samples()])


def image(doc: Doc) -> list[Any]:
    """The image of a sample: one PIL image, upright and RGB."""
    try:
        return [open_image(doc["image"])]
    except ImagesError as error:
        mend = "Run: `eibench prepare --images DIR` again"
        raise RunStopped(ImagesError(f"{doc['image']} {error.what}", mend)) from None


def reference(doc: Doc) -> str:
    """The reference triggers, one a line."""
    return "\n".join(doc["triggers"])


def user_prompt(doc: Doc) -> str:
    """The published prompt."""
    return persona.with_persona(doc["prompt_user"], persona.persona())


def cot_prompt(doc: Doc) -> str:
    """The published prompt that asks for reasoning step by step."""
    return persona.with_persona(doc["prompt_cot"], persona.persona())


def describe_prompt(doc: Doc) -> str:
    """Asks for a caption."""
    first = turns.own_caption("", [])
    assert first is not None
    return first


def caption_turn(
    doc: Doc, lmms_eval_specific_kwargs: Any = None, previous_output: Sequence[str | None] | None = None, **_: Any
) -> Any:
    """The turns of the caption setting; one turn where the caption is prepared."""

    def prepared_caption(user: str, replies: Sequence[str]) -> str | None:
        return None if replies else turns.with_caption(user, doc["caption"])

    return _turn(prepared_caption if doc["caption"] else turns.own_caption, doc, previous_output)


def self_ask_turn(
    doc: Doc, lmms_eval_specific_kwargs: Any = None, previous_output: Sequence[str | None] | None = None, **_: Any
) -> Any:
    """The turns of the cfsa setting."""
    return _turn(replayed.self_ask, doc, previous_output)


def _turn(setting: turns.NextPrompt, doc: Doc, outputs: Sequence[str | None] | None) -> Any:
    """lmms-eval's agentic protocol: the next prompt, or the end with all turns packed into the last output."""
    user = user_prompt(doc)
    if outputs is None:
        return setting(user, [])
    if _replaying.is_set():  # what was logged comes back whole, a conversation or a plain answer
        return None, None, True, None, None
    said = [output or "" for output in outputs]  # the openai class hands on a reply without content as None
    replies = [final_answer(output) for output in said]
    following = setting(user, replies)
    failed = failed_request(said[-1])
    if following is not None and not failed:
        return None, following, False, None, None
    prompts = [str(setting(user, replies[:index])) for index in range(len(replies))]
    return None, None, True, [said[-1] if failed else turns.pack(prompts, said)], None


_replaying = threading.Event()


def replaying() -> None:
    """Says that the model of this process gives logged outputs back, so that it is asked once only."""
    _replaying.set()


def score(doc: Doc, results: Sequence[Any]) -> dict[str, Any]:
    """Judges the answer of a setting with one turn."""
    return rows.answer_rows(doc, _text(results), _judge())


def score_turns(doc: Doc, results: Sequence[Any]) -> dict[str, Any]:
    """Judges the last reply of a setting with several turns."""
    output, said = turns.last_reply(_text(results))
    return rows.answer_rows(doc, output, _judge(), said)


def describe(doc: Doc, results: Sequence[Any]) -> dict[str, Any]:
    """Keeps a caption under the key by which `eibench prepare --captions` joins it."""
    output = _text(results)
    caption = "" if failed_request(output) else final_answer(output)
    return {"described": {"sample_id": doc["id"], "image_id": doc["image_id"], "caption": caption}}


def described(items: Sequence[Doc]) -> float:
    """Share of images that got a caption, in percent."""
    return 100 * sum(bool(item["caption"]) for item in items) / len(items) if items else math.nan


def _text(results: Sequence[Any]) -> str:
    first = results[0] if results else ""
    while isinstance(first, list):
        first = first[0] if first else ""
    return first if isinstance(first, str) else ""


def _judge() -> Judge:
    try:
        return load_judge()
    except EIBenchError as error:
        raise RunStopped(error) from None


class Prefetch:
    """A filter that shows the judge all answers of a task at once, and passes them on unchanged."""

    def apply(self, resps: list[list[str]], docs: Any) -> list[list[str]]:
        """Called by the harness after the model has answered and before anything is scored."""
        answers = [final_answer(turns.last_reply(_text(outputs))[0]) for outputs in resps]
        references = _references(docs) if 2 * len(resps) >= len(docs) else []
        with suppress(Exception):  # it only saves time; what is wrong with an answer shows when it is judged
            _judge().prefetch(answers, references)
        return resps


def _references(docs: Any) -> list[str]:
    """Triggers and floor answers of all samples of a task."""
    return [text for doc in docs for text in (*doc["triggers"], doc["floor_answer"])]
