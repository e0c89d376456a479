"""What a vLLM server answers: text, JSON by a schema, and refusals. Its model has random weights.

What the schemas show of vLLM with xgrammar holds for every model: a keyword binds it, is refused, or is ignored.
"""

import base64
import json
from collections.abc import Callable
from typing import Annotated, Any

import openai
import pytest
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ConfigDict, Field
from support.standins import standin_bytes
from vllm_server import CONTEXT, VLLMServer

pytestmark = pytest.mark.engine

Index = Annotated[int, Field(ge=1, le=3)]
# Only ASCII: where more is allowed, a random model writes halves of surrogate pairs, and each is read as three
# characters. A bound on the length forbids escapes too, so that no quote can hold a quotation mark or a line break.
Quote = Annotated[str, Field(pattern="^[ -~]{0,40}$")]


class _Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    index: Index
    present: bool
    quote: Quote


class _Verdicts(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    verdicts: Annotated[list[_Verdict], Field(min_length=3, max_length=3)]


class _Chat:
    """Asks at temperature 0, and once only."""

    def __init__(self, server: VLLMServer) -> None:
        self._client = openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0, timeout=120)
        self._model = server.model

    def __call__(self, content: Any, schema: dict[str, Any] | None = None, **options: Any) -> ChatCompletion:
        if schema:
            options["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
        options = {"model": self._model, "max_tokens": 256, "temperature": 0} | options
        return self._client.chat.completions.create(messages=[{"role": "user", "content": content}], **options)

    def refusal(self, content: Any, schema: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """The status and what the body says of the error."""
        with pytest.raises(openai.APIStatusError) as caught:
            self(content, schema, **options)
        return {"status": caught.value.status_code, **caught.value.response.json()["error"]}


@pytest.fixture
def chat(vllm: VLLMServer) -> _Chat:
    return _Chat(vllm)


def test_a_question_gets_a_reply(chat: _Chat) -> None:
    completion = chat("Why is this person so happy?", max_tokens=16)
    assert completion.choices[0].message.content
    assert completion.usage and 0 < completion.usage.completion_tokens <= 16


def test_an_image_is_part_of_the_prompt(chat: _Chat) -> None:
    url = "data:image/png;base64," + base64.b64encode(standin_bytes("a.png")).decode()
    image, text = {"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Why?"}
    with_image, without = (chat(content, max_tokens=4).usage for content in ([image, text], [text]))
    # 56 x 56 pixels are 4 x 4 patches of 14, merged by 2 x 2 to 4 tokens; two more mark the beginning and the end
    assert with_image and without and with_image.prompt_tokens - without.prompt_tokens == 4 + 2


@pytest.mark.parametrize("number", range(20))
def test_verdicts_follow_their_schema(chat: _Chat, number: int) -> None:
    prompt = f"Trial {number}: is the cake named? Do {number * 7} friends clap? Quote the answer."
    choice = chat(prompt, _Verdicts.model_json_schema(), max_tokens=1024).choices[0]
    assert choice.finish_reason == "stop"
    _Verdicts.model_validate_json(choice.message.content or "")


_INTEGERS = {"type": "array", "items": {"type": "integer", "enum": [1, 2]}}


def _verdict_on(number: int) -> dict[str, Any]:
    properties = {"index": {"const": number}, "present": {"type": "boolean"}}
    return {
        "type": "object",
        "properties": properties,
        "required": ["index", "present"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("bound", "schema", "keeps"),
    [
        ({"minItems": 5, "maxItems": 5}, _INTEGERS, lambda reply: len(reply) == 5),
        ({"maxItems": 0}, _INTEGERS, lambda reply: reply == []),
        ({"maxLength": 5}, {"type": "string"}, lambda reply: len(reply) <= 5 * 3),  # see Quote
        ({"pattern": "^[ab]{3}$"}, {"type": "string"}, lambda reply: len(reply) == 3 and set(reply) <= {"a", "b"}),
        ({"enum": [70, 71]}, {"type": "integer"}, lambda reply: reply in (70, 71)),
        ({"minimum": 70, "maximum": 79}, {"type": "integer"}, lambda reply: 70 <= reply <= 79),
        ({"const": "birthday"}, {"type": "string"}, lambda reply: reply == "birthday"),
        (
            {"prefixItems": [_verdict_on(4), _verdict_on(2)], "items": False, "minItems": 2},
            {"type": "array"},
            lambda reply: [entry["index"] for entry in reply] == [4, 2],
        ),
        (
            {
                "properties": {"b": {"const": 1}, "a": {"const": 2}},
                "required": ["a", "b"],
                "additionalProperties": False,
            },
            {"type": "object"},
            lambda reply: list(reply.items()) == [("b", 1), ("a", 2)],
        ),
    ],
    ids="minItems+maxItems maxItems maxLength pattern enum minimum+maximum const prefixItems properties".split(),
)
def test_a_keyword_binds_the_model(
    chat: _Chat, bound: dict[str, Any], schema: dict[str, Any], keeps: Callable[[Any], bool]
) -> None:
    assert _kept(chat("Why?", schema | bound), keeps)
    assert not _kept(chat("Why?", schema), keeps), "the model would have said it without the keyword"


def _kept(completion: ChatCompletion, keeps: Callable[[Any], bool]) -> bool:
    try:
        # not strict: with maxLength, xgrammar lets raw control characters into a string
        return keeps(json.loads(completion.choices[0].message.content or "", strict=False))
    except (ValueError, LookupError, TypeError):  # cut off, or of another shape
        return False


@pytest.mark.parametrize(
    "keyword", [{"uniqueItems": True}, {"contains": {"const": 1}}], ids=lambda value: next(iter(value))
)
def test_a_schema_that_xgrammar_cannot_follow_is_refused(chat: _Chat, keyword: dict[str, Any]) -> None:
    refusal = chat.refusal("Why?", _INTEGERS | keyword)
    assert (refusal["status"], refusal["type"], refusal["param"]) == (400, "BadRequestError", None)
    assert "not supported by xgrammar" in refusal["message"]


def test_a_prompt_beyond_the_context_is_refused(chat: _Chat) -> None:
    refusal = chat.refusal("clap " * CONTEXT)
    assert (refusal["status"], refusal["type"], refusal["code"]) == (400, "BadRequestError", 400)
    assert refusal["param"] == "input_tokens"
    assert f"maximum context length is {CONTEXT} tokens" in refusal["message"]


def test_a_reply_longer_than_the_context_is_refused_only_where_no_prompt_could_leave_room(chat: _Chat) -> None:
    refusal = chat.refusal("Why?", max_tokens=CONTEXT + 1)
    assert (refusal["status"], refusal["param"]) == (400, "max_tokens")
    completion = chat("clap " * 2000, max_tokens=CONTEXT)
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage and completion.usage.total_tokens == CONTEXT


def test_an_unknown_model_is_refused(chat: _Chat, vllm: VLLMServer) -> None:
    refusal = chat.refusal("Why?", model="nobody")
    assert (refusal["status"], refusal["type"], refusal["code"]) == (404, "NotFoundError", 404)
    assert refusal["param"] == "model"
    assert "nobody" in refusal["message"] and vllm.model in refusal["message"]
