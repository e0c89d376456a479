"""What the commands say on the terminal."""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cfsa_tool.errors import quoted
from cfsa_tool.records import BuiltSample, Item, Outcome
from cfsa_tool.run_folder import RunFolder
from cfsa_tool.stages.conversation import Turn
from cfsa_tool.standing import Estimate, Standing, short, span
from eibench_tasks.data.lines import printable

if TYPE_CHECKING:
    from cfsa_tool.engines.crew import OpenCrew
    from eibench_tasks.engines.budget import Prices

_WIDTH = 110


def render_standing(folder: RunFolder, now: Standing) -> str:
    """How a run stands, and what to do next."""
    models = folder.fact("models") or {}
    kind = folder.manifest.config.get("kind", "")
    lines = [f"{folder.folder}  ·  {kind}  ·  {', then '.join(dict.fromkeys(models.values())) or 'no model yet'}"]
    share = f" ({(now.done + now.failed) / now.images:.1%})" if now.images else ""
    lines.append(f"{now.done:,} of {now.images:,} images done{share}, {now.failed:,} failed, {now.to_go:,} to go")
    lines.append(f"{now.samples:,} samples; {now.left_out:,} files of the source left out")
    if now.calls:
        cached = f", {now.cached_tokens / now.prompt_tokens:.0%} from the prefix cache" if now.cached_tokens else ""
        said = f"{short(now.prompt_tokens)} tokens read{cached}, {short(now.completion_tokens)} written"
        lines.append(f"{short(now.calls)} replies; {said}")
    if now.per_hour:
        left = f", about {span(now.hours_left)} left" if now.to_go and now.hours_left else ""
        lines.append(f"{now.per_hour:,.0f} images an hour{left}")
    lines += [f"failed: {count:,} × {reason[:160]}" for reason, count in now.reasons]
    return _text([*lines, "", *_next(folder, now)])


def _text(lines: Iterable[str]) -> str:
    """Lines for the terminal, which nothing in them can command: names, replies and models are other people's."""
    return "\n".join(map(printable, lines))


def _next(folder: RunFolder, now: Standing) -> list[str]:
    run = quoted(folder.folder)
    if folder.is_locked():
        return [f"At work. Watch it: cfsa status {run}"]
    if now.to_go or not now.images:
        return [f"Next: cfsa run {quoted(folder.manifest.source)} -o {run}   (goes on where it was)"]
    retry = [f"      cfsa retry {run}"] if now.failed else []
    return [f"Next: cfsa export {run} -o SPLIT --name my_split", *retry] if now.done else [f"Next: cfsa retry {run}"]


def render_taken_in(taken: Any, folder: RunFolder) -> str:
    """What the images are."""
    emotions = ", ".join(f"{name} {count:,}" for name, count in sorted(taken.emotions.items())) or "named by the model"
    lines = [f"{taken.images:,} images ({emotions})"]
    if taken.left_out:
        reasons = "; ".join(f"{count:,} × {reason}" for reason, count in list(taken.left_out.items())[:4])
        lines.append(f"left out: {reasons}   (cfsa status {quoted(folder.folder)} --left-out)")
    return _text(lines)


def render_estimate(found: Estimate, prices: "Prices | None") -> str:
    """What it will take."""
    basis = f"measured on {found.measured:,} images of the run" if found.measured else "reckoned, before any reply"
    lines = [
        f"{found.images:,} images, {found.calls:.1f} calls each ({basis})",
        f"tokens read     {short(found.images * found.prompt_tokens)}, of which an engine with a prefix cache computes "
        f"{short(found.images * found.new_tokens)}",
        f"tokens written  {short(found.images * found.completion_tokens)}",
    ]
    if prices:
        lines.append(f"cost            {found.cost(prices):,.2f} at these prices, nothing cached")
    if found.hours is not None:
        lines.append(f"time            {span(found.hours)} at the rate of the run so far")
    if not found.measured:
        lines.append("Closer: annotate ten images first (`cfsa run … --limit 10`), then give `-o RUN`")
    return "\n".join(lines)


def image_lines(folder: RunFolder) -> Iterator[str]:
    """One line an image."""
    for item, retry, failure in folder.standing():
        state = "to go" if retry is None else f"failed: {failure[:100]}" if failure is not None else "done"
        yield printable(f"{item.id}  {item.name}  {', '.join(item.emotions) or '?'}  {state}")


def render_conversation(item: Item, turns: Sequence[Turn], outcome: Outcome | None, prompts: bool) -> str:
    """The conversation about one image and what was made of it."""
    size = f"{item.width} × {item.height}"
    lines = [f"{item.id}  {item.name}  {size}  {', '.join(item.emotions) or 'emotion unknown'}"]
    for turn in turns:
        number = f"turn {turn.number} · " if turn.number else ""
        lines += ["", f"── {number}{turn.stage} · {turn.asked} model ".ljust(_WIDTH, "─")]
        lines += _indented(turn.prompt, "  ") if prompts else []
        lines += _indented(turn.reply, "▸ ")
        if turn.likely:
            lines.append("  " + ", ".join(f"{choice} {share:.2f}" for choice, share in turn.likely.items()))
        if turn.problem:
            lines.append(f"  ✗ not used: {turn.problem}")
    lines += ["", "═" * _WIDTH]
    if outcome is None:
        return _text([*lines, "Not done yet."])
    if outcome.failure is not None:
        return _text([*lines, f"Failed at {outcome.stage}: {outcome.failure}"])
    for sample in outcome.samples:
        lines += _sample(sample)
    return _text([*lines, *(f"no sample for {name}: {why}" for name, why in outcome.skipped.items())])


def _sample(sample: BuiltSample) -> list[str]:
    by = " (named by the model)" if sample.emotion_by == "model" else ""
    lines = [f"{sample.emotion}{by}: {sample.question}"]
    for number, trigger in enumerate(sample.triggers, start=1):
        facts = [str(fact) for fact in (trigger.kind, trigger.category) if fact]
        facts += [f"p {trigger.probability:.2f}"] if trigger.probability is not None else []
        facts += [f"notes {', '.join(map(str, trigger.notes))}"] if trigger.notes else []
        lines.append(f"  {number}. {trigger.text}  [{'; '.join(facts)}]")
        lines += [f"     = {text}" for text in trigger.merged]
    return lines + [f"  ✗ {one.text}  [{one.reason}]" for one in sample.dropped]


def _indented(text: str, mark: str) -> list[str]:
    lines = text.splitlines() or [""]
    folded = [part for line in lines for part in textwrap.wrap(line, _WIDTH, replace_whitespace=False) or [""]]
    return [f"{mark if number == 0 else '  '}{line}" for number, line in enumerate(folded)]


@contextmanager
def annotating_bar(total: int, crew: "OpenCrew") -> Iterator[Callable[[Outcome], object]]:
    """A bar with rate, time left, replies and failures; the value is the step to call for each image."""
    from tqdm import tqdm

    bar = tqdm(total=total, desc="images", unit="", leave=False, smoothing=0.05)
    failed = 0

    def step(outcome: Outcome) -> None:
        nonlocal failed
        failed += outcome.failure is not None
        asked, known = (sum(getattr(one, name) for one in crew.journals) for name in ("asked", "known"))
        bar.set_postfix(asked=asked, known=known, again=crew.budget.retries, failed=failed, refresh=False)
        bar.update()

    try:
        yield step
    finally:
        bar.close()
