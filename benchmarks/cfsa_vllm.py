"""CFSA on a real engine: tokens a second against the engine's own offline batch, and what the prefix cache serves.

vLLM on the CPU with a tiny Qwen2.5-VL of random weights, so that all that is measured is what stands around the model.
A run of CFSA is timed from its first question to its last reply; then all its conversations go to `LLM.chat` in one
call, in a process of its own, with the same settings. Both engines have answered one image before.

.venv/bin/python benchmarks/cfsa_vllm.py --rounds 5   (after `make test-engine`, which makes vLLM's environment)
"""

import argparse
import asyncio
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]
sys.path += [str(ROOT / "tests"), str(ROOT / "tests" / "engine")]

SIDE = 560  # pixels: 400 tokens of an image
OPTIONS: dict[str, Any] = {
    **{"dtype": "bfloat16", "enforce_eager": True, "max_model_len": 8192, "max_num_seqs": 64, "block_size": 32},
    "limit_mm_per_prompt": {"image": 1, "video": 0},
}
CONCURRENCY = 64
FIELDS = {"language": "any", "threshold": 0.0, "answer_characters": 60, "most_triggers": 4, "rounds": 2}


def checkpoint(folder: Path) -> Path:
    """The tiny model; its context and its images are as large as is usual."""
    from vllm_server import write_checkpoint

    write_checkpoint(folder)
    for name, change in (("config.json", _longer), ("preprocessor_config.json", _larger)):
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))
    return folder


def _longer(config: dict[str, Any]) -> None:
    config["text_config"]["max_position_embeddings"] = 32768


def _larger(processor: dict[str, Any]) -> None:
    processor["max_pixels"] = SIDE * SIDE
    if "size" in processor:
        processor["size"]["longest_edge"] = SIDE * SIDE


async def ours(model: Path, work: Path, images: int) -> dict[str, Any]:
    """One run; the conversations are left in a file."""
    from support.annotated import images_of, run_with

    from cfsa_tool.config import Model
    from cfsa_tool.engines.registry import load_engine
    from eibench_tasks.engines.budget import Budget
    from eibench_tasks.engines.openai_chat import Limits

    engine = load_engine(Model(engine="vllm", model=str(model), options=OPTIONS), "", Limits(), Budget())
    asked: list[Any] = []

    class Recorded:
        """The engine, and what was asked of it."""

        name = engine.name

        async def reply(self, ask: Any) -> Any:
            reply = await engine.reply(ask)
            asked.append((ask, reply))
            return reply

        async def close(self) -> None:
            """The engine goes on."""

    files = images_of(work / "images", images + 1, side=SIDE)
    await run_with(files[:1], work / "warm", Recorded(), CONCURRENCY, **FIELDS)
    asked.clear()
    start = time.perf_counter()
    await run_with(files[1:], work / "run", Recorded(), CONCURRENCY, **FIELDS)
    seconds = time.perf_counter() - start
    await engine.close()
    warm = [_plain(ask) for ask, _ in asked[:3]]
    (work / "asked.pickle").write_bytes(pickle.dumps((warm, [_plain(ask) for ask, _ in asked])))
    later = [(ask, reply) for ask, reply in asked if ask.place and not ask.purpose.endswith("rebuild")]
    tokens = [(reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens or 0) for _, reply in later]
    everything = sum(reply.prompt_tokens + reply.completion_tokens for _, reply in asked)
    cached = 100 * sum(known for _, _, known in tokens) / sum(prompt for prompt, _, _ in tokens)
    return {"calls": len(asked), "seconds": seconds, "tokens": everything, "cached": cached}


def _plain(ask: Any) -> tuple[list[dict[str, Any]], int, float, dict[str, Any] | None, bool]:
    """A question as `LLM.chat` takes it; an image is sent with the same name as CFSA gives it."""
    messages = []
    for message in ask.messages:
        content = message["content"]
        if not isinstance(content, str):
            content = [
                {**part, "image_url": {"url": str(part["image_url"]["url"])}, "uuid": part["image_url"]["url"].digest}
                if part["type"] == "image_url"
                else part
                for part in content
            ]
        messages.append({**message, "content": content})
    return messages, ask.sampling.max_tokens, ask.sampling.temperature, ask.schema, bool(ask.choices)


def offline(model: Path, work: Path) -> dict[str, Any]:
    """The same conversations in one batch."""
    from vllm import LLM, SamplingParams
    from vllm.config import StructuredOutputsConfig
    from vllm.sampling_params import StructuredOutputsParams

    from eibench_tasks.engines.choices import TOP

    held = StructuredOutputsConfig(backend="xgrammar", disable_any_whitespace=True)
    llm = LLM(model=str(model), enable_prefix_caching=True, structured_outputs_config=held, **OPTIONS)
    warm, asked = pickle.loads((work / "asked.pickle").read_bytes())

    def answered(asks: list[Any]) -> list[Any]:
        params = [
            SamplingParams(
                max_tokens=most,
                temperature=temperature,
                structured_outputs=StructuredOutputsParams(json=schema) if schema else None,
                logprobs=TOP if choices else None,
            )
            for _, most, temperature, schema, choices in asks
        ]
        return list(llm.chat([messages for messages, *_ in asks], params, use_tqdm=False))

    answered(warm)
    start = time.perf_counter()
    outputs = answered(asked)
    seconds = time.perf_counter() - start
    tokens = sum(len(output.prompt_token_ids) + len(output.outputs[0].token_ids) for output in outputs)
    return {"calls": len(outputs), "seconds": seconds, "tokens": tokens}


def in_process(part: str, model: Path, work: Path, images: int) -> dict[str, Any]:
    """One of both in a process of its own, in vLLM's environment."""
    from vllm_server import ENVIRONMENT, PYTHON

    command = [PYTHON, __file__, "--part", part, "--model", model, "--work", work, "--images", str(images)]
    environment = {**os.environ, **ENVIRONMENT, "VLLM_CPU_KVCACHE_SPACE": "4"}
    with (work / f"{part}.log").open("w") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, env=environment)
    found: dict[str, Any] = json.loads((work / f"{part}.json").read_text())
    return found


def main(options: argparse.Namespace) -> None:
    """Prints median and spread of every figure."""
    root = Path(tempfile.mkdtemp(prefix="cfsa-vllm-"))
    model = checkpoint(root / "model")
    rows = []
    for number in range(options.rounds):
        work = root / str(number)
        work.mkdir()
        mine, theirs = (in_process(part, model, work, options.images) for part in ("ours", "offline"))
        rows.append(
            {
                "calls": mine["calls"],
                "CFSA, tokens a second": mine["tokens"] / mine["seconds"],
                "offline batch, tokens a second": theirs["tokens"] / theirs["seconds"],
                "first over second, %": 100 * mine["tokens"] / mine["seconds"] / (theirs["tokens"] / theirs["seconds"]),
                "prompt tokens from the prefix cache after the first turn, %": mine["cached"],
            }
        )
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"{name:60} {statistics.median(values):9.1f}   {min(values):.1f} to {max(values):.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--part", choices=["ours", "offline"])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--work", type=Path)
    chosen = parser.parse_args()
    if chosen.part == "ours":
        result = asyncio.run(ours(chosen.model, chosen.work, chosen.images))
    elif chosen.part == "offline":
        result = offline(chosen.model, chosen.work)
    else:
        main(chosen)
        raise SystemExit
    (chosen.work / f"{chosen.part}.json").write_text(json.dumps(result))
