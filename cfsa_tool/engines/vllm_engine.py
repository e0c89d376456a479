"""vLLM in this process: no server to start, and many conversations share the GPU and the prefix cache."""

import asyncio
import hashlib
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfsa_tool.errors import ConfigError
from eibench_tasks.engines.choices import TOP, Token, likely
from eibench_tasks.engines.control_tokens import ControlTokens
from eibench_tasks.engines.engine import Ask, EngineError, Message, Picture, Reply, Trouble

_DEFAULTS: dict[str, Any] = {
    "enable_prefix_caching": True,
    "disable_log_stats": True,
    # without disable_any_whitespace, models may write white space until the tokens are used up
    "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
}
_OPTIONS = "Mend `options` of the model in --config: they are vLLM's engine arguments, such as max_model_len: 8192"


class VLLMEngine:
    """Runs a chat model on vLLM's async engine; see `engine.Engine`.

    JSON schemas are enforced. Replies at a temperature above 0 differ from time to time. With data parallelism, all
    questions of one place go to the same replica, whose prefix cache holds the conversation.

    Attributes:
        name: ``vllm:MODEL@IDENTITY``: the commit on the Hub, or the identity of a folder (see `local.load`).

    Args:
        model: folder, or name on the Hub.
        revision: branch, tag or commit on the Hub; None for its main branch.
        options: further fields of vLLM's ``AsyncEngineArgs``.
        sees: whether it must take images.

    Raises:
        ConfigError: vLLM is not installed, does not know an option, or cannot run the model.
    """

    def __init__(
        self, model: str, revision: str | None = None, options: Mapping[str, Any] | None = None, sees: bool = True
    ) -> None:
        self.name = f"vllm:{model}@{_identity(model, revision)}"
        self._llm: Any = _start(model, revision, _DEFAULTS | dict(options or {}))
        if sees and not self._llm.model_config.is_multimodal_model:
            self._llm.shutdown()
            raise ConfigError(f"{model} takes no images", "Name a vision-language model with --model")
        parallel = self._llm.vllm_config.parallel_config
        self._replicas: int = 1 if parallel.local_engines_only else parallel.data_parallel_size
        self._control = ControlTokens(self._llm.get_tokenizer())
        self._numbers = itertools.count()
        self._asking: set[asyncio.Task[Reply]] = set()

    async def reply(self, ask: Ask) -> Reply:
        """Waits for the reply; if nobody waits any more, vLLM stops writing it."""
        if self._llm is None:
            raise EngineError("the engine is closed", Trouble.ENGINE)
        task = asyncio.create_task(self._reply(ask))
        self._asking.add(task)
        try:
            return await task
        finally:
            self._asking.discard(task)

    async def close(self) -> None:
        """Cancels what is under way and ends vLLM's processes."""
        llm, self._llm = self._llm, None
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        if llm:
            if llm.output_handler:  # else it takes the end of vLLM's process for an accident, and says so at length
                llm.output_handler.cancel()
            await asyncio.to_thread(llm.shutdown)

    async def _reply(self, ask: Ask) -> Reply:
        llm, output = self._llm, None
        try:
            prompt = await self._rendered(llm, ask)
            params, number, replica = _params(ask), f"cfsa-{next(self._numbers)}", self._replica(ask.place)
            async for one in llm.generate(prompt, params, number, data_parallel_rank=replica):
                output = one  # there is one, when all is said
        except EngineError:
            raise
        except Exception as error:  # vLLM and the libraries below it raise many kinds
            raise self._trouble(llm, error) from None
        if output is None or output.outputs[0].finish_reason not in ("stop", "length"):
            raise EngineError("vLLM did not end the reply", Trouble.PASSING)
        return _read(output, ask)

    async def _rendered(self, llm: Any, ask: Ask) -> Any:
        """The conversation as vLLM's engine wants it; its images are known again by their digests."""
        from vllm.renderers import ChatParams
        from vllm.utils.mistral import is_mistral_tokenizer

        messages = [{**message, "content": self._content(message)} for message in ask.messages]
        tokenize = is_mistral_tokenizer(llm.renderer.tokenizer)  # as vLLM's own server does it
        _, (prompt,) = await llm.renderer.render_chat_async(
            [messages], ChatParams(chat_template_kwargs={"tokenize": tokenize})
        )
        return prompt

    def _content(self, message: Message) -> Any:
        content = message["content"]
        if isinstance(content, str):
            return self._control.broken_up(content)
        return [self._part(part) for part in content]

    def _part(self, part: dict[str, Any]) -> dict[str, Any]:
        if part.get("type") == "text":
            return {"type": "text", "text": self._control.broken_up(part["text"])}
        url = part.get("image_url", {}).get("url", "")
        if part.get("type") != "image_url" or not url.startswith("data:"):
            raise EngineError("the model gets text, and images as data URLs only", Trouble.REQUEST)
        image = {"type": "image_url", "image_url": {"url": str(url)}}
        return image | ({"uuid": url.digest} if isinstance(url, Picture) else {})

    def _replica(self, place: str) -> int | None:
        if self._replicas < 2 or not place:
            return None
        return int.from_bytes(hashlib.sha256(place.encode()).digest()[:8], "big") % self._replicas

    def _trouble(self, llm: Any, error: Exception) -> EngineError:
        """What to say of an error; vLLM's own messages may hold the prompt."""
        from vllm.exceptions import VLLMClientError
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        if isinstance(error, EngineDeadError) or llm.errored:
            return EngineError("vLLM has died; what it says of it stands above", Trouble.ENGINE)
        if getattr(error, "parameter", None) == "input_tokens" or "longer than the maximum model length" in str(error):
            context = llm.model_config.max_model_len
            return EngineError(f"the prompt is too long for the model's context of {context}", Trouble.REQUEST)
        if isinstance(error, EngineGenerateError) or not isinstance(error, VLLMClientError | ValueError | OSError):
            return EngineError(f"vLLM failed ({type(error).__name__})", Trouble.PASSING)
        return EngineError(f"vLLM refuses the conversation ({type(error).__name__})", Trouble.REQUEST)


def _start(model: str, revision: str | None, options: dict[str, Any]) -> Any:
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")  # else it fills the screen
    try:
        from vllm.config import StructuredOutputsConfig
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "vllm"
        what = "vLLM is not installed" if missing else f"vLLM cannot be imported ({_first_line(error)})"
        raise ConfigError(what, "Run `pip install vllm`, or ask a server: --engine openai --base-url URL") from None
    try:
        structured = options["structured_outputs_config"]
        options["structured_outputs_config"] = (
            StructuredOutputsConfig(**structured) if isinstance(structured, Mapping) else structured
        )
        arguments = AsyncEngineArgs(**(options | {"model": model, "revision": revision}))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"vLLM does not take an option ({_first_line(error)})", _OPTIONS) from None
    try:
        return AsyncLLM.from_engine_args(arguments)
    except Exception as error:  # of configuration, loading and devices
        raise ConfigError(f"vLLM cannot run {model} ({_first_line(error)})", _OPTIONS) from None


def _identity(model: str, revision: str | None) -> str:
    from eibench_tasks.engines.local import hub_commit, identity

    if Path(model).is_dir():
        return identity(Path(model))
    try:
        return hub_commit(model, revision)[:12]
    except (OSError, ImportError):  # of a store that only vLLM knows, or nowhere: vLLM says which
        return revision or "main"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if "validation error" not in line), "")[:200].rstrip(". ")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _params(ask: Ask) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    sampling = ask.sampling
    return SamplingParams(
        max_tokens=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=1.0 if sampling.top_p is None else sampling.top_p,
        logprobs=TOP if ask.choices else None,
        structured_outputs=StructuredOutputsParams(json=ask.schema) if ask.schema else None,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _read(output: Any, ask: Ask) -> Reply:
    said = output.outputs[0]
    return Reply(
        text=said.text.encode("utf-8", "replace").decode(),  # half a surrogate pair cannot be kept
        finish=said.finish_reason,
        prompt_tokens=len(output.prompt_token_ids or ()),
        completion_tokens=len(said.token_ids),
        cached_tokens=output.num_cached_tokens,
        likely=likely(_tokens(said), ask.choices) if ask.choices else None,
    )


def _tokens(said: Any) -> list[Token]:
    """The tokens of a reply with their alternatives."""
    found = []
    for token, place in zip(said.token_ids, said.logprobs or (), strict=False):
        others = [(other.decoded_token or "", other.logprob) for other in place.values()]
        found.append(Token(place[token].decoded_token or "", place[token].logprob, others))
    return found
