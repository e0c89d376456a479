"""How a run stands: done, failed, rate, tokens, time left; and what annotating images will take."""

import itertools
from dataclasses import dataclass

from cfsa_tool.config import Config
from cfsa_tool.run_folder import RunFolder
from cfsa_tool.stages.annotate import Plan
from eibench_tasks.engines.budget import CHARACTERS_A_TOKEN, Prices
from eibench_tasks.self_ask import stages

_RECENT = 200  # outcomes of which the rate is taken
_PIXELS_A_TOKEN = 28 * 28  # of Qwen2.5-VL: patches of 14, four of which are one token
_TRIGGERS = 6  # of a sample, before any was built
_REPLY = 110  # tokens of a reply, before any came


@dataclass(frozen=True)
class Standing:
    """How a run stands.

    Attributes:
        images: taken in, or what the limit leaves of them.
        done, failed, samples, triggers: counts; done images have samples, failed ones have none.
        left_out: of the source.
        calls, prompt_tokens, cached_tokens, completion_tokens: of all images that have an outcome.
        per_hour: images an hour, lately; None where too few were annotated.
        reasons: of failures, the most frequent first, with their counts.
    """

    images: int
    done: int
    failed: int
    samples: int
    left_out: int
    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    per_hour: float | None
    reasons: list[tuple[str, int]]

    @property
    def to_go(self) -> int:
        """Images without an outcome."""
        return max(0, self.images - self.done - self.failed)

    @property
    def hours_left(self) -> float | None:
        """At the rate of late."""
        return self.to_go / self.per_hour if self.per_hour else None


def standing(folder: RunFolder) -> Standing:
    """How a run stands now; another process may be at work on it."""
    limit = folder.fact("limit")
    ((images,),) = folder.rows("SELECT count(*) FROM images")
    ((left_out,),) = folder.rows("SELECT count(*) FROM files WHERE reason IS NOT NULL")
    sums = "count(*), sum(failure IS NOT NULL), sum(calls), sum(prompt_tokens), sum(cached_tokens)"
    ((ended, failed, calls, prompt, cached, completion, samples),) = folder.rows(
        f"SELECT {sums}, sum(completion_tokens), sum(json_array_length(outcome, '$.samples')) FROM outcomes"
    )
    reasons = folder.rows(
        "SELECT stage || ': ' || failure, count(*) FROM outcomes WHERE failure IS NOT NULL"
        " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5"
    )
    return Standing(
        images=max(ended, min(images, limit or images)),
        done=ended - (failed or 0),
        failed=failed or 0,
        samples=samples or 0,
        left_out=left_out,
        calls=calls or 0,
        prompt_tokens=prompt or 0,
        cached_tokens=cached or 0,
        completion_tokens=completion or 0,
        per_hour=_rate(folder),
        reasons=[(str(reason), count) for reason, count in reasons],
    )


def _rate(folder: RunFolder) -> float | None:
    """Images an hour over the last ones; long pauses between them, as between two starts of the run, do not count."""
    times = [moment for (moment,) in folder.rows("SELECT finished FROM outcomes ORDER BY 1 DESC LIMIT ?", _RECENT)]
    gaps = [later - earlier for later, earlier in itertools.pairwise(times)]
    usual = sorted(gaps)[len(gaps) // 2] if gaps else 0.0
    worked = [gap for gap in gaps if gap <= max(60.0, 50 * usual)]
    return 3600 * len(worked) / sum(worked) if len(worked) >= 5 and sum(worked) > 0 else None


@dataclass(frozen=True)
class Estimate:
    """What annotating images will take.

    Attributes:
        images: how many.
        calls, prompt_tokens, completion_tokens: of each.
        new_tokens: of the prompts of each image, those that an engine with a prefix cache computes.
        measured: on how many images of this run the figures were measured; 0 where they are reckoned.
        hours: at the rate of the run so far; None where there is none.
    """

    images: int
    calls: float
    prompt_tokens: float
    new_tokens: float
    completion_tokens: float
    measured: int
    hours: float | None

    def cost(self, prices: Prices) -> float:
        """Of all images, no token cached."""
        return self.images * prices.cost(self.prompt_tokens, self.completion_tokens)


def measured(now: Standing) -> Estimate | None:
    """From what the run took so far; None where it has annotated fewer than ten images."""
    ended = now.done + now.failed
    if ended < 10:
        return None
    new = (now.prompt_tokens - now.cached_tokens) / ended
    sums = (now.calls / ended, now.prompt_tokens / ended, new, now.completion_tokens / ended)
    return Estimate(now.to_go, *sums, ended, now.hours_left)


def reckoned(images: int, config: Config, plan: Plan) -> Estimate:
    """From the length of the prompts, for images as large as they are sent, with replies of usual length."""
    image = config.image_side**2 * 3 / 4 / _PIXELS_A_TOKEN
    texts = [stages.prompt.texts[f"{name}_v1"] for name in ("rebuild", "general")]
    texts += [stages.prompt.texts[f"{name}_v1"] for name in ("scenario_ask", "scenario_answer")] * config.rounds
    texts += [stages.prompt.texts["summary_v1"]]
    before, prompt, fresh = image, 0.0, image
    for number, text in enumerate(texts):
        own = len(text) / CHARACTERS_A_TOKEN + (_REPLY * number / 2 if number == len(texts) - 1 else 0)
        prompt, fresh, before = prompt + before + own, fresh + own, before + own + _REPLY
    checks = _TRIGGERS * config.verify
    prompt, fresh = prompt + checks * (image + 150) + 700 * config.label, fresh + checks * 150 + 700 * config.label
    calls = len(texts) + checks + config.label
    said = len(texts) * _REPLY + checks * 8 + config.label * 200
    times = 2.5 if config.kind == "complex" else 1.0  # emotions of an image
    return Estimate(images, times * calls, times * prompt, times * fresh, times * said, 0, None)


def span(hours: float) -> str:
    """A time in words: minutes, hours or days."""
    if hours < 1:
        return f"{max(1, round(60 * hours))} min"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"


def short(count: float) -> str:
    """A count for people: 1,204 or 18.2 M."""
    return f"{count:,.0f}" if count < 1e6 else f"{count / 1e6:,.1f} M"
