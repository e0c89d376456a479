"""Chat models that run in this process, from a folder or the Hub: questions that come together share a batch."""

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from eibench_tasks.engines.choices import TOP, Token, likely
from eibench_tasks.engines.control_tokens import ControlTokens
from eibench_tasks.engines.engine import Ask, EngineError, Message, Reply, Trouble
from eibench_tasks.errors import JudgeError

_SAMPLES, _SAMPLE_BYTES = 256, 1 << 14  # of a file's content, for the identity of weights


@dataclass
class Row:
    """A question on its way through a batch: its prompt as `LocalEngine._encode` has it, and what came of it."""

    ask: Ask
    reply: "asyncio.Future[Reply]"
    prompt: Any = field(init=False)
    outcome: Reply | EngineError = field(init=False)

    @property
    def limit(self) -> int:
        return self.ask.sampling.max_tokens


class LocalEngine:
    """Runs a causal chat model that reads text; see `engine.Engine`.

    Temperature 0 takes the most likely token. Otherwise the reply is drawn from the ask's own random numbers, so
    that it depends on the ask alone. Of the model's generation config only the stop tokens count: no penalty, no
    top-k. In float32 (on the CPU) no reply depends on what shares its batch; half precision on a GPU rounds
    differently in batches of different shapes, which can turn a close choice.

    A JSON schema is enforced where the package ``xgrammar`` is installed and knows the tokenizer; else it is ignored.
    How likely choices were is told among the tokens that the schema allows.

    Attributes:
        name: ``transformers:MODEL@REVISION``; see `load`.

    Args:
        model: folder, or name on the Hub.
        batch: questions that run together at most; halved for good when the GPU's memory does not hold them.
        device: as PyTorch names it; the GPU if there is one.
        revision: branch, tag or commit on the Hub; None for its main branch.

    Raises:
        JudgeError: the model cannot be loaded or has no chat template.
    """

    _network_class: ClassVar[str] = "AutoModelForCausalLM"
    _coder_class: ClassVar[str] = "AutoTokenizer"

    def __init__(self, model: str, batch: int = 8, device: str | None = None, revision: str | None = None) -> None:
        self._coder, self._network, identity = load(self._network_class, model, device, revision, self._coder_class)
        self._tokenizer = getattr(self._coder, "tokenizer", self._coder)
        if not self._coder.chat_template:
            raise JudgeError(f"{model} has no chat template", "Name a model that is made for chat (…-Instruct, …-it)")
        self.name = f"transformers:{model}@{identity}"
        self._batch = batch
        self._stops = _only_stops(self._network, self._tokenizer)
        self._context: int | None = getattr(self._network.config.get_text_config(), "max_position_embeddings", None)
        self._control = ControlTokens(self._tokenizer, self._coder)
        self._compiler = _grammar_compiler(self._tokenizer, self._network, self._stops)
        self._waiting: deque[Row] = deque()
        self._running: list[Row] = []
        self._worker: asyncio.Task[None] | None = None

    async def reply(self, ask: Ask) -> Reply:
        """Waits for a place in a batch, then for the batch."""
        if self._network is None:
            raise EngineError("the engine is closed", Trouble.ENGINE)
        row = Row(ask, asyncio.get_running_loop().create_future())
        self._waiting.append(row)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await row.reply

    async def close(self) -> None:
        """Cancels what waits or runs, and gives the model's memory back."""
        for row in (*self._waiting, *self._running):
            row.reply.cancel()
        if self._worker:
            await self._worker
        self._network = None

    async def _work(self) -> None:
        """Runs one batch after the other, until nothing waits."""
        while self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            self._running = [row for row in taken if not row.reply.done()]
            await asyncio.to_thread(self._answer, self._running)
            for row in self._running:
                if row.reply.done():
                    continue  # nobody waits for it any more
                if isinstance(row.outcome, Reply):
                    row.reply.set_result(row.outcome)
                else:
                    row.reply.set_exception(row.outcome)
            self._running = []

    def _answer(self, rows: list[Row]) -> None:
        """Gives every row its outcome. Does not raise."""
        ready = []
        for row in rows:
            try:
                row.prompt = self._encode(row.ask)
                ready.append(row)
            except EngineError as error:
                row.outcome = error
            except Exception as error:  # a template is a program of the model's makers: some refuse a system message
                reason = f"the model's chat template refuses the conversation ({type(error).__name__})"
                row.outcome = EngineError(reason, Trouble.REQUEST)
        for part in self._alike(ready):
            self._attempt(part)

    def _encode(self, ask: Ask) -> Any:
        """The prompt as `_inputs` wants it: here its tokens."""
        messages = [{**message, "content": self._text(message)} for message in ask.messages]
        coded = self._coder.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
        return list(coded["input_ids"])

    def _text(self, message: Message) -> str:
        """A message's text. What would be read as a control token is broken up by a space: it is no end of a turn."""
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if any(part.get("type") != "text" for part in parts):
            raise EngineError("the model reads text only", Trouble.REQUEST)
        return self._control.broken_up("".join(part["text"] for part in parts))

    def _alike(self, rows: list[Row]) -> list[list[Row]]:
        """The rows in parts that can share a batch."""
        return [rows]

    def _inputs(self, rows: list[Row]) -> dict[str, Any]:
        """What the model gets for a batch, padded on the left; ``input_ids`` and ``attention_mask`` among it."""
        import torch

        width = max(len(row.prompt) for row in rows)
        pad = self._network.generation_config.pad_token_id
        ids = torch.tensor([[pad] * (width - len(row.prompt)) + row.prompt for row in rows])
        mask = torch.tensor([[0] * (width - len(row.prompt)) + [1] * len(row.prompt) for row in rows])
        return {"input_ids": ids.to(self._network.device), "attention_mask": mask.to(self._network.device)}

    def _attempt(self, rows: list[Row]) -> None:
        """Runs a batch; in halves if it fails, so that one row's trouble, or the memory's, is not the others'."""
        import torch

        if not rows:
            return
        try:
            self._generate(rows)
            return
        except torch.cuda.OutOfMemoryError:
            reason = "the prompt does not fit in the GPU's memory"
            self._batch = max(1, min(self._batch, len(rows) // 2))
        except Exception as error:
            reason = f"the model failed ({type(error).__name__})"
        if torch.cuda.is_available():  # not in the handler: the error holds on to what did not fit
            torch.cuda.empty_cache()
        if len(rows) == 1:
            rows[0].outcome = EngineError(reason, Trouble.REQUEST)
        else:
            self._attempt(rows[: len(rows) // 2])
            self._attempt(rows[len(rows) // 2 :])

    def _generate(self, rows: list[Row]) -> None:
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        inputs = self._inputs(rows)
        lengths = inputs["attention_mask"].sum(1).tolist()
        fitting = [row for row, length in zip(rows, lengths, strict=True) if self._fits(row, length)]
        if len(fitting) < len(rows):
            return self._generate(fitting) if fitting else None
        width, longest = inputs["input_ids"].shape[1], max(row.limit for row in rows)
        if self._context and width + longest > self._context and len(rows) > 1:
            raise ValueError("together they are too long; they are not one by one")
        alternatives = _Alternatives([index for index, row in enumerate(rows) if row.ask.choices])
        with torch.inference_mode():
            said = self._network.generate(
                **inputs,
                max_new_tokens=longest,
                logits_processor=LogitsProcessorList(self._processors(rows, alternatives)),
                stopping_criteria=StoppingCriteriaList([_Until(rows, width)]),
            )
        for index, (row, tokens) in enumerate(zip(rows, said[:, width:].tolist(), strict=True)):
            row.outcome = self._read(row, tokens[: row.limit], lengths[index], alternatives.places.get(index, []))
        return None

    def _fits(self, row: Row, length: int) -> bool:
        """Whether the context has room for a prompt of so many tokens and its reply; else the row gets its outcome."""
        if not self._context or length + row.limit <= self._context:
            return True
        reason = f"the prompt is too long ({length} tokens, and {row.limit} for the reply)"
        row.outcome = EngineError(f"{reason} for the model's context of {self._context}", Trouble.REQUEST)
        return False

    def _processors(self, rows: list[Row], alternatives: "_Alternatives") -> list[Any]:
        drawn = {index: _Draw(row.ask, self.name) for index, row in enumerate(rows) if row.ask.sampling.temperature > 0}
        wanted = {index: row.ask.schema for index, row in enumerate(rows) if row.ask.schema}
        grammars = [_Grammar(self._compiler, wanted, len(rows))] if self._compiler and wanted else []
        return [*grammars, alternatives, _Draws(drawn)]

    def _read(self, row: Row, tokens: list[int], length: int, places: list[dict[int, float]]) -> Reply:
        end = next((index for index, token in enumerate(tokens) if token in self._stops), None)
        said = [
            Token(self._word(token), place.get(token, float("-inf")), [(self._word(t), p) for t, p in place.items()])
            for token, place in zip(tokens[:end], places, strict=False)
        ]
        return Reply(
            text=self._tokenizer.decode(tokens[:end], skip_special_tokens=True),
            finish="length" if end is None else "stop",
            prompt_tokens=length,
            completion_tokens=len(tokens) if end is None else end + 1,
            likely=likely(said, row.ask.choices) if row.ask.choices else None,
        )

    def _word(self, token: int) -> str:
        return str(self._tokenizer.decode([token], skip_special_tokens=True))


class _Until:
    """Ends a row at its own limit, or when nobody waits for it any more."""

    def __init__(self, rows: list[Row], width: int) -> None:
        self._rows = rows
        self._width = width

    def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        said = ids.shape[1] - self._width
        return torch.tensor([said >= row.limit or row.reply.done() for row in self._rows], device=ids.device)


class _Draw:
    """Draws tokens from an ask's own random numbers.

    The most likely token after Gumbel noise was added to the log-probabilities is a draw from them (Gumbel, 1954;
    Maddison et al., "A* Sampling", NeurIPS 2014), so drawn and greedy rows can share a batch.
    """

    def __init__(self, ask: Ask, engine: str) -> None:
        import torch

        self._sampling = ask.sampling
        self._random = torch.Generator().manual_seed(int(ask.key(engine)[:15], 16))

    def __call__(self, ids: Any, scores: Any) -> Any:
        import torch
        from transformers import TopPLogitsWarper

        scores = scores / self._sampling.temperature
        if self._sampling.top_p is not None:
            scores = TopPLogitsWarper(self._sampling.top_p)(ids, scores)
        waits = torch.empty(scores.shape).exponential_(generator=self._random).clamp_min(1e-30)
        return scores - waits.log().to(scores.device)


class _Draws:
    """The draws of a batch, by row; the other rows stay as they are."""

    def __init__(self, drawn: dict[int, _Draw]) -> None:
        self._drawn = drawn

    def __call__(self, ids: Any, scores: Any) -> Any:
        for index, draw in self._drawn.items():
            scores[index : index + 1] = draw(ids[index : index + 1], scores[index : index + 1])
        return scores


class _Alternatives:
    """Notes the most likely tokens at each place of some rows, before one is drawn.

    Attributes:
        places: of each row, in order; tokens with the logarithms of their probabilities.
    """

    def __init__(self, rows: Sequence[int]) -> None:
        self._rows = list(rows)
        self.places: dict[int, list[dict[int, float]]] = {row: [] for row in rows}

    def __call__(self, ids: Any, scores: Any) -> Any:
        if self._rows:
            top = scores[self._rows].float().log_softmax(-1).topk(min(TOP, scores.shape[-1]))
            for row, tokens, logprobs in zip(self._rows, top.indices.tolist(), top.values.tolist(), strict=True):
                self.places[row].append(dict(zip(tokens, logprobs, strict=True)))
        return scores


class _Grammar:
    """Leaves each row the tokens with which its schema can be met.

    ``xgrammar.contrib.hf`` has the like, but wants a schema for every row and fails where a row ends at its limit.
    """

    def __init__(self, compiler: Any, schemas: dict[int, dict[str, Any]], rows: int) -> None:
        import xgrammar

        compiled = {
            index: compiler.compile_json_schema(json.dumps(schema), any_whitespace=False)  # compiled once each
            for index, schema in schemas.items()
        }
        self._matchers = {index: xgrammar.GrammarMatcher(grammar) for index, grammar in compiled.items()}
        vocabulary = next(iter(compiled.values())).tokenizer_info.vocab_size
        self._allowed = xgrammar.allocate_token_bitmask(rows, vocabulary)
        self._started = False

    def __call__(self, ids: Any, scores: Any) -> Any:
        import xgrammar

        last = ids[:, -1].tolist()
        for index, matcher in list(self._matchers.items()):
            fits = not self._started or matcher.accept_token(last[index])
            if not fits or matcher.is_terminated():
                del self._matchers[index]  # the row has ended, at its limit or by itself; padding follows
            else:
                matcher.fill_next_token_bitmask(self._allowed, index)
        self._started = True
        xgrammar.apply_token_bitmask_inplace(scores, self._allowed.to(scores.device))
        return scores


def load(
    kind: str, model: str, device: str | None = None, revision: str | None = None, coder: str = "AutoTokenizer"
) -> tuple[Any, Any, str]:
    """Loads a model and its tokenizer or processor; code that comes with a model is not run.

    Args:
        kind: an auto class of transformers, for example ``AutoModelForCausalLM``.
        model: folder, or name on the Hub.
        device: as PyTorch names it; the GPU if there is one. On the CPU weights are float32, else as they are kept.
        revision: branch, tag or commit on the Hub; None for its main branch.
        coder: ``AutoTokenizer``, or ``AutoProcessor`` for a model that takes more than text.

    Returns:
        Tokenizer or processor, network, and an identity of 12 hex digits: the commit on the Hub, or, of a folder, a
        sha256 over name, size and content of its files. Of files above 4 MiB, 256 pieces of 16 KiB at even distances
        are read: training that changes a large tensor changes them, an edit of single numbers may not.

    Raises:
        JudgeError: the model cannot be loaded, or weights that it needs are missing.
    """
    import torch
    import transformers

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.float32 if device == "cpu" else "auto"
    try:
        with quiet():
            folder = Path(model) if Path(model).is_dir() else None
            commit = "main" if folder else hub_commit(model, revision)
            asked = {"revision": commit, "trust_remote_code": False}
            words = getattr(transformers, coder).from_pretrained(model, **asked)
            network, info = getattr(transformers, kind).from_pretrained(
                model, torch_dtype=dtype, output_loading_info=True, **asked
            )
            network = network.eval().to(device)
            found = identity(folder) if folder else commit[:12]
    except Exception as error:  # the library raises many kinds
        raise _cannot_load(model, error) from None
    if missing := sorted(info["missing_keys"]):
        raise JudgeError(f"{model} lacks weights that {kind} needs ({missing[0]}, …)", "Name a model made for this use")
    return words, network, found


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers from writing warnings and progress bars."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        logging.enable_progress_bar()


def _cannot_load(model: str, error: Exception) -> JudgeError:
    import torch

    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return JudgeError(f"{model} does not fit in memory", "Name a smaller model, or ask one on a server")
    first = (str(error).strip().splitlines() or [""])[0][:200].rstrip(". ")
    return JudgeError(
        f"the model {model!r} cannot be loaded ({type(error).__name__}: {first})",
        "Name a model of the Hub, or a folder with config, tokenizer and weights",
    )


def hub_commit(model: str, revision: str | None) -> str:
    """The commit on the Hub that a branch, tag or commit stands for; of a model that was loaded before, as kept.

    Raises:
        OSError: there is none, or the Hub is out of reach.
    """
    from transformers.utils import cached_file

    file = cached_file(model, "config.json", revision=revision or "main")
    return Path(file).parent.name  # …/snapshots/COMMIT/config.json


def identity(folder: Path) -> str:
    """What tells a folder of weights from another one; see `load`."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")):
        size = file.stat().st_size
        digest.update(f"{file.name}\n{size}\n".encode())
        with file.open("rb") as content:
            for index in range(_SAMPLES):
                content.seek(max(index * _SAMPLE_BYTES, index * (size - _SAMPLE_BYTES) // (_SAMPLES - 1)))
                digest.update(content.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:12]


def _only_stops(network: Any, tokenizer: Any) -> set[int]:
    """Leaves nothing of the generation config but its stop tokens and a token for padding; returns the stop tokens."""
    from transformers import GenerationConfig

    said = (getattr(network.generation_config, "eos_token_id", None), tokenizer.eos_token_id)
    stops = {token for ids in said if ids is not None for token in ([ids] if isinstance(ids, int) else ids)}
    pad = next((token for token in (tokenizer.pad_token_id, *sorted(stops)) if token is not None), 0)
    network.generation_config = GenerationConfig(eos_token_id=sorted(stops) or None, pad_token_id=pad, do_sample=False)
    return stops


def _grammar_compiler(tokenizer: Any, network: Any, stops: set[int]) -> Any:
    """What compiles schemas; None where they cannot be enforced."""
    try:
        import xgrammar

        vocabulary = network.config.get_text_config().vocab_size
        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocabulary, stop_token_ids=sorted(stops))
        return xgrammar.GrammarCompiler(info)
    except Exception:  # not installed, or a tokenizer that it does not know; who asks reads the reply strictly anyway
        return None
