"""What stock model classes of lmms-eval send to a model: the published strings to the letter, and one image.

The prompts expected here are built from the published files themselves, not by our code. `openai` and
`async_openai` talk to a server that records them; `qwen2_5_vl` runs a tiny checkpoint with random weights, and what
its processor gets is recorded.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import annotator
from support.homes import Home
from support.openai_server import ChatServer, Request
from support.runs import command, evaluate, written_samples
from support.standins import standin_bytes
from support.tiny_qwen import write_tiny_qwen

from eibench_tasks.self_ask.replayed import self_ask

STOCK = [("openai", False), ("openai", True), ("async_openai", False)]
STOCK_IDS = ["openai-chat", "openai-simple", "async_openai"]
MODES = pytest.mark.parametrize("simple", [False, True], ids=["chat", "simple"])
DESCRIBE = "Describe this image"
"""How our own caption prompt begins."""


@pytest.fixture(scope="session")
def protocol(published: Path) -> dict[str, str]:
    """The published strings for the model under test."""
    strings: dict[str, str] = json.loads((published / "protocol.json").read_text(encoding="utf-8"))["model"]
    return strings


@pytest.fixture(scope="session")
def questions(published: Path, few_prepared: Home) -> dict[str, str]:
    """The published basic question of each image that is at hand."""
    asked: dict[str, str] = {}
    for line in (published / "user.jsonl").read_text(encoding="utf-8").splitlines():
        asked |= json.loads(line)
    return {key: question for key, question in asked.items() if (few_prepared.images / key).is_file()}


@pytest.fixture(scope="session")
def complex_questions(published: Path, few_prepared: Home) -> list[tuple[str, str]]:
    """Image and published question of each complex sample that is at hand."""
    lines = (published / "ec_complex.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        (key, question)
        for line in lines
        for key, entry in json.loads(line).items()
        for question in entry
        if (few_prepared.images / key).is_file()
    ]


def _args(server: ChatServer) -> str:
    return f"model_version=talker,base_url={server.base_url},api_key=k,max_retries=3,retry_backoff_s=0"


def _pixels(image: Image.Image) -> bytes:
    return image.convert("RGB").tobytes()


def _standin(key: str) -> Image.Image:
    return Image.open(io.BytesIO(standin_bytes(key))).convert("RGB")


def _asked(server: ChatServer) -> list[tuple[str, bytes]]:
    """Text and pixels of each request; each must be one user message with one text and one image."""
    found = []
    for request in server.requests:
        (message,) = request.body["messages"]
        assert message["role"] == "user"
        assert sorted(part["type"] for part in request.parts) == ["image_url", "text"]
        (image,) = request.images
        found.append((request.text, _pixels(image)))
    return sorted(found)


def _asked_turns(server: ChatServer) -> list[tuple[str, bytes]]:
    """The same for tasks of several turns, a prompt that was sent twice counted once.

    async_openai keeps its connection from one turn to the next but not its event loop, so it loses the reply to the
    first try of each turn but the first, and asks again.
    """
    return sorted(set(_asked(server)))


# The prompts of each setting, as they arrive over the wire


@pytest.mark.parametrize(("model", "simple"), STOCK, ids=STOCK_IDS)
def test_the_user_prompt_arrives_as_published_with_the_image_once(
    few: Home, server: ChatServer, protocol: dict[str, str], questions: dict[str, str], model: str, simple: bool
) -> None:
    evaluate(["eibench_basic_user"], model, _args(server), force_simple=simple)
    assert _asked(server) == sorted(
        (protocol["user"].replace("{question}", question), _pixels(_standin(key)))
        for key, question in questions.items()
    )


@pytest.mark.parametrize(("model", "simple"), STOCK, ids=STOCK_IDS)
def test_the_complex_split_asks_every_question_about_its_image(
    few: Home,
    server: ChatServer,
    protocol: dict[str, str],
    complex_questions: list[tuple[str, str]],
    model: str,
    simple: bool,
) -> None:
    evaluate(["eibench_complex"], model, _args(server), force_simple=simple)
    assert len(complex_questions) > 1  # several questions about one image, or nothing is tested
    assert _asked(server) == sorted(
        (protocol["user"].replace("{question}", question), _pixels(_standin(key)))
        for key, question in complex_questions
    )


@pytest.mark.parametrize(("model", "simple"), STOCK, ids=STOCK_IDS)
def test_the_cot_prompt_ends_in_the_published_suffix(
    few: Home, server: ChatServer, protocol: dict[str, str], questions: dict[str, str], model: str, simple: bool
) -> None:
    evaluate(["eibench_basic_cot"], model, _args(server), force_simple=simple)
    assert _asked(server) == sorted(
        (protocol["user"].replace("{question}", question) + protocol["cot_suffix"], _pixels(_standin(key)))
        for key, question in questions.items()
    )


def test_a_persona_replaces_the_published_one_and_nothing_else(
    few: Home,
    server: ChatServer,
    protocol: dict[str, str],
    questions: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EIBENCH_PERSONA", "an architect")
    found = evaluate(["eibench_basic_user"], "openai", _args(server))
    rest = protocol["user"].partition(". ")[2]
    assert protocol["user"] == f"You are a good expert of emotion understanding. {rest}"
    assert [text for text, _ in _asked(server)] == sorted(
        f"You are an architect. {rest}".replace("{question}", question) for question in questions.values()
    )
    assert found["configs"]["eibench_basic_user"]["metadata"]["run"]["persona"] == "an architect"


@pytest.mark.parametrize(("model", "simple"), STOCK, ids=STOCK_IDS)
def test_greedy_decoding_and_room_for_a_long_answer_are_asked_for(
    few: Home, server: ChatServer, model: str, simple: bool
) -> None:
    evaluate(["eibench_basic_user"], model, _args(server), force_simple=simple, limit=1)
    (request,) = server.requests
    assert request.body["temperature"] == 0
    assert request.body["max_tokens"] == 1024
    assert "stop" not in request.body


# The caption setting


def _describing(request: Request) -> str:
    """Another caption for each image, and an answer."""
    image = sum(_pixels(request.images[0]))
    return f"<think>Hm.</think>Caption {image}." if request.text.startswith(DESCRIBE) else "She won."


@pytest.mark.parametrize(("model", "simple"), STOCK, ids=STOCK_IDS)
def test_without_captions_the_model_first_writes_its_own_which_the_second_prompt_holds(
    few: Home, server: ChatServer, protocol: dict[str, str], questions: dict[str, str], model: str, simple: bool
) -> None:
    server.answer = _describing
    found = evaluate(["eibench_basic_caption"], model, _args(server), force_simple=simple)
    first = [(text, pixels) for text, pixels in _asked_turns(server) if text.startswith(DESCRIBE)]
    second = [(text, pixels) for text, pixels in _asked_turns(server) if not text.startswith(DESCRIBE)]
    images = {key: _pixels(_standin(key)) for key in questions}
    assert sorted(pixels for _, pixels in first) == sorted(images.values())
    assert len({text for text, _ in first}) == 1
    assert second == sorted(
        (
            f"A caption of the image: Caption {sum(images[key])}.\n\n" + protocol["user"].replace("{question}", asked),
            images[key],
        )
        for key, asked in questions.items()
    )
    assert found["configs"]["eibench_basic_caption"]["metadata"]["run"]["captions"] == "the model's own"


@pytest.fixture
def captioned(my_own: Home, server: ChatServer, tmp_path: Path) -> Iterator[ChatServer]:
    """Captions by `describer` are prepared, as the README has it: eibench_describe, then `prepare --captions`."""
    server.answer = _describing
    ended = command(
        *("lmms-eval", "--model", "openai", "--tasks", "eibench_describe"),
        *("--model_args", f"model_version=describer,base_url={server.base_url},api_key=secret"),
        *("--output_path", tmp_path / "runs", "--log_samples"),
        home=my_own.folder,
        log=tmp_path / "describe.txt",
    )
    assert ended.code == 0, ended.tail
    (file,) = (tmp_path / "runs").rglob("*_samples_eibench_describe.jsonl")
    added = command("eibench", "prepare", "--captions", file, home=my_own.folder, log=tmp_path / "prepare.txt")
    assert added.code == 0, added.tail
    server.requests.clear()
    yield server


def test_captions_of_another_model_take_one_turn_and_the_results_say_whose_they_are(
    captioned: ChatServer, protocol: dict[str, str], questions: dict[str, str]
) -> None:
    for model, simple in STOCK:
        captioned.requests.clear()
        found = evaluate(["eibench_basic_caption"], model, _args(captioned), force_simple=simple)
        images = {key: _pixels(_standin(key)) for key in questions}
        assert _asked(captioned) == sorted(
            (
                f"A caption of the image: Caption {sum(images[key])}.\n\n"
                + protocol["user"].replace("{question}", asked),
                images[key],
            )
            for key, asked in questions.items()
        )
        whose = found["configs"]["eibench_basic_caption"]["metadata"]["run"]["captions"]
        assert "describer" in whose and "secret" not in whose
        assert found["configs"]["eibench_basic_caption"]["output_type"] == "generate_until"


def test_images_without_a_prepared_caption_get_one_of_the_model(
    my_own: Home, server: ChatServer, tmp_path: Path, questions: dict[str, str]
) -> None:
    from eibench_tasks.data.prepare import add_captions

    (captioned, *others) = questions
    line = json.dumps({"image": captioned, "caption": "Written by hand.", "model": "a person"})
    (tmp_path / "captions.jsonl").write_text(line, encoding="utf-8")
    add_captions(tmp_path / "captions.jsonl", None)
    server.answer = _describing
    found = evaluate(["eibench_basic_caption"], "openai", _args(server))
    described = [request for request in server.requests if request.text.startswith(DESCRIBE)]
    assert sorted(_pixels(request.images[0]) for request in described) == sorted(
        _pixels(_standin(key)) for key in others
    )
    assert len(server.requests) == 2 * len(others) + 1
    assert sum("Written by hand." in request.text for request in server.requests) == 1
    whose = found["configs"]["eibench_basic_caption"]["metadata"]["run"]["captions"]
    assert whose == "a person, and the model's own for 4 of 5"


# The cfsa setting


@pytest.mark.parametrize(("model", "simple"), STOCK, ids=STOCK_IDS)
def test_cfsa_asks_from_coarse_to_fine_each_time_with_the_image_and_builds_on_the_replies(
    few: Home, server: ChatServer, protocol: dict[str, str], questions: dict[str, str], model: str, simple: bool
) -> None:
    server.answer = lambda request: annotator.text(request.body)
    found = evaluate(["eibench_basic_cfsa"], model, _args(server), force_simple=simple, limit=1)
    (key, question), *_ = questions.items()
    prompts = list(dict.fromkeys(request.text for request in server.requests))
    assert _asked_turns(server) == sorted((prompt, _pixels(_standin(key))) for prompt in prompts)
    replies = [annotator.text(request.body) for request in {r.text: r for r in server.requests}.values()]
    user = protocol["user"].replace("{question}", question)
    assert prompts == [self_ask(user, replies[:turn]) for turn in range(len(prompts))]
    assert user in prompts[0]
    assert len(prompts) in (5, 6)
    (sample,) = found["samples"]["eibench_basic_cfsa"]
    triggers = [trigger["text"] for trigger in json.loads(replies[-1])["triggers"]]
    assert sample["recall_overall"]["answer"] == "\n".join(triggers)
    assert [turn["prompt"] for turn in sample["recall_overall"]["turns"]] == prompts


# Where an answer ends


@pytest.mark.parametrize(("model", "simple"), STOCK, ids=STOCK_IDS)
def test_an_answer_with_blank_lines_is_scored_whole(few: Home, server: ChatServer, model: str, simple: bool) -> None:
    server.answer = lambda request: "She laughs.\n\n1. A cake.\n\n2. Her friends.\n\nThat is why."
    found = evaluate(["eibench_basic_user"], model, _args(server), force_simple=simple)
    answers = {s["recall_overall"]["answer"] for s in found["samples"]["eibench_basic_user"]}
    assert answers == {"She laughs.\n\n1. A cake.\n\n2. Her friends.\n\nThat is why."}


def test_no_task_tells_a_model_where_to_stop(few: Home) -> None:
    """lmms-eval's default is a blank line, at which the simple classes of llava_hf, qwen2_vl and others cut."""
    from lmms_eval.models.simple.dummy import Dummy

    class Stopping(Dummy):
        """Cuts its answer as those classes do."""

        def generate_until(self, requests: list[Any]) -> list[str]:
            answers = []
            for request in requests:
                answer = "She laughs.\n\nA cake."
                for stop in request.args[1]["until"]:
                    answer = answer.split(stop)[0]
                answers.append(answer)
            return answers

    found = evaluate(["eibench_all"], Stopping())
    answers = {s["recall_overall"]["answer"] for samples in found["samples"].values() for s in samples}
    assert answers == {"She laughs.\n\nA cake."}


# The stock Qwen class with real weights


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen2.5-VL."""
    return write_tiny_qwen(tmp_path_factory.mktemp("qwen"))


class RecordingProcessor:
    """A processor that works as the one it wraps and remembers what it was given."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self.texts: list[str] = []
        self.images: list[Image.Image] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._processor, name)

    def __call__(self, text: list[str], images: list[Image.Image], **options: Any) -> Any:
        self.texts += text
        self.images += images
        return self._processor(text=text, images=images, **options)


def _qwen(checkpoint: Path, simple: bool, batch_size: int = 1) -> Any:
    from lmms_eval.models import get_model

    return get_model("qwen2_5_vl", simple).create_from_arg_string(
        f"pretrained={checkpoint},device_map=cpu,min_pixels=3136,max_pixels=50176",
        {"batch_size": batch_size, "device": "cpu"},
    )


def _through_the_template(prompt: str) -> str:
    """A prompt as the chat template of the checkpoint frames it: the image before the text, once."""
    return f"<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>{prompt}<|im_end|>\n"


def _differs(image: Image.Image, key: str) -> float:
    """Mean difference to the stand-in in grey levels; --force_simple sends the image as a JPEG of quality 85."""
    return float(np.abs(np.asarray(image, dtype=float) - np.asarray(_standin(key), dtype=float)).mean())


@MODES
@pytest.mark.parametrize("batch_size", [1, 2])
def test_qwen_gets_the_published_prompt_and_the_image_once(
    few: Home,
    checkpoint: Path,
    protocol: dict[str, str],
    questions: dict[str, str],
    simple: bool,
    batch_size: int,
) -> None:
    model = _qwen(checkpoint, simple, batch_size)
    model.processor = recorded = RecordingProcessor(model.processor)
    found = evaluate(["eibench_basic_user"], model, gen_kwargs="max_new_tokens=8")
    assert len(recorded.texts) == len(recorded.images) == len(questions)
    for text, image in zip(recorded.texts, recorded.images, strict=True):
        (key,) = [
            key
            for key, question in questions.items()
            if _through_the_template(protocol["user"].replace("{question}", question)) in text
        ]
        assert text.count("<|image_pad|>") == 1
        assert _differs(image, key) < 5
    answers = [s["recall_overall"]["answer"] for s in found["samples"]["eibench_basic_user"]]
    assert all(answers)


@MODES
def test_qwen_holds_a_self_ask_conversation_with_the_image_in_each_turn(
    few: Home, checkpoint: Path, questions: dict[str, str], simple: bool
) -> None:
    model = _qwen(checkpoint, simple)
    model.processor = recorded = RecordingProcessor(model.processor)
    found = evaluate(["eibench_basic_cfsa"], model, gen_kwargs="max_new_tokens=8", limit=1)
    (sample,) = found["samples"]["eibench_basic_cfsa"]
    turns = sample["recall_overall"]["turns"]
    (key, *_) = questions
    assert len(turns) == len(recorded.texts) == len(recorded.images) >= 5
    assert all(_differs(image, key) < 5 for image in recorded.images)
    for turn, text in zip(turns, recorded.texts, strict=True):
        assert _through_the_template(turn["prompt"]) in text


@MODES
def test_qwen_answers_below_its_own_caption(
    few: Home, checkpoint: Path, questions: dict[str, str], simple: bool
) -> None:
    found = evaluate(["eibench_basic_caption"], _qwen(checkpoint, simple), gen_kwargs="max_new_tokens=8", limit=2)
    for sample in found["samples"]["eibench_basic_caption"]:
        first, second = sample["recall_overall"]["turns"]
        assert first["prompt"].startswith(DESCRIBE)
        assert first["reply"].strip() and first["reply"].strip() in second["prompt"]


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--force_simple"]], ids=["chat", "simple"])
def test_every_setting_runs_with_the_stock_qwen_class_from_the_command_line(
    few: Home, checkpoint: Path, tmp_path: Path, flags: list[str]
) -> None:
    ended = command(
        *("lmms-eval", "--model", "qwen2_5_vl", "--tasks", "eibench_all", "--limit", "1", "--device", "cpu"),
        *("--model_args", f"pretrained={checkpoint},device_map=cpu,min_pixels=3136,max_pixels=50176"),
        *("--gen_kwargs", "max_new_tokens=8", "--output_path", tmp_path / "runs", "--log_samples", *flags),
        home=few.folder,
        log=tmp_path / "log.txt",
    )
    assert ended.code == 0, ended.tail
    assert "Traceback" not in ended.output
    for task in ("user", "caption", "cot", "cfsa"):
        (sample,) = written_samples(tmp_path / "runs", f"eibench_basic_{task}")
        assert sample["recall_overall"]["sample_id"].startswith("basic-")
