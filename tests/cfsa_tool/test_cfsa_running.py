"""A run at work: many images side by side, each kept before the next begins, and what a later start has left to do."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import annotator
from support.annotated import EMOTIONS, add, configured, images_of, item_of, run_with
from support.scripted_model import Model, stage_of
from support.scripted_server import in_loop

from cfsa_tool.config import Config
from cfsa_tool.errors import ConfigError, RunError
from cfsa_tool.records import Item, Outcome
from cfsa_tool.run_folder import MANIFEST, RunFolder
from cfsa_tool.running import Journals, failed, fingerprint_of, one_image, open_run, pending, work_off
from cfsa_tool.shown import conversation_of
from cfsa_tool.stages.annotate import Plan
from cfsa_tool.stages.conversation import Crew
from eibench_tasks.engines.engine import Ask, EngineError, Reply, Trouble
from eibench_tasks.self_ask.stages import PAPER_QUESTIONS


class Simulated:
    """Replies as `support.annotator` does, a few milliseconds later; see `engine.Engine`.

    Args:
        unusable: share of replies that are cut off, drawn by the question.
        stops_after: questions after which the engine answers nothing any more.

    Attributes:
        asks: questions so far.
        most_busy: questions at once, at most.
    """

    def __init__(self, unusable: float = 0.0, stops_after: int | None = None, seed: int = 0) -> None:
        self.name = "simulated"
        self.asks: list[Ask] = []
        self.busy = self.most_busy = 0
        self._unusable = unusable
        self._stops_after = stops_after
        self._draw = random.Random(seed)

    async def reply(self, ask: Ask) -> Reply:
        self.asks.append(ask)
        if self._stops_after is not None and len(self.asks) > self._stops_after:
            raise EngineError("the budget is spent", Trouble.ENGINE)
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        await asyncio.sleep(self._draw.uniform(0, 0.004))
        self.busy -= 1
        text = annotator.text({"messages": list(ask.messages)})
        own = random.Random(ask.key(self.name))
        return Reply(text=text[: len(text) // 2] if own.random() < self._unusable else text, prompt_tokens=len(text))

    async def close(self) -> None:
        pass


class NeverGood(Simulated):
    """No summary of the first so many is of any use; all else is as simulated."""

    def __init__(self, bad: set[str], **more: Any) -> None:
        super().__init__(**more)
        self._bad = bad

    async def reply(self, ask: Ask) -> Reply:
        reply = await super().reply(ask)
        return (
            Reply(text="I cannot help with that.") if stage_of(ask) == "general" and ask.place in self._bad else reply
        )


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return images_of(tmp_path / "images", 12)


async def worked_off(
    run: RunFolder, engine: Any, work: Iterator[tuple[Item, int]], at_once: int = 4, config: Config | None = None
) -> list[Outcome]:
    """Annotates images of a run; the outcomes as they came."""
    journals, outcomes = Journals.of(run), list[Outcome]()
    plan = Plan(config or configured(), PAPER_QUESTIONS, EMOTIONS)
    try:
        await work_off(run, Crew(journals.behind(engine.name, engine)), plan, work, at_once, outcomes.append)
    finally:
        journals.close()
    return outcomes


def a_run(tmp_path: Path, files: list[Path], **fields: Any) -> RunFolder:
    run = open_run("images", tmp_path / "run", configured(**fields))
    add(run, [item_of(file) for file in files])
    return run


def outcomes_of(run: RunFolder) -> dict[str, Outcome]:
    return {item.name: outcome for item, outcome in run.outcomes()}


# Working off


@in_loop
async def test_every_image_comes_to_an_outcome(tmp_path: Path, files: list[Path]) -> None:
    run = await run_with(files, tmp_path / "run", Simulated(), 4)
    outcomes = outcomes_of(run)
    assert len(outcomes) == 12
    assert sum(bool(outcome.samples) for outcome in outcomes.values()) >= 10
    emotions = {name.partition("/")[0]: one.samples[0].emotion for name, one in outcomes.items() if one.samples}
    assert all(folder == emotion for folder, emotion in emotions.items())


@in_loop
async def test_so_many_images_are_under_way_at_once_and_no_more(tmp_path: Path, files: list[Path]) -> None:
    run = a_run(tmp_path, files, verify=False)
    for at_once, count in ((1, 6), (5, 6)):
        engine = Simulated()
        work = (pair for pair, _ in zip(pending(run, None), range(count), strict=False))
        await worked_off(run, engine, work, at_once, configured(verify=False))
        assert engine.most_busy == at_once


@in_loop
async def test_what_becomes_of_an_image_is_on_disk_before_the_next_begins(tmp_path: Path, files: list[Path]) -> None:
    run, seen = a_run(tmp_path, files), list[tuple[str, int]]()

    def work() -> Iterator[tuple[Item, int]]:
        for item, retry in pending(run, None):
            other = RunFolder(run.folder)
            seen.append((item.id, sum(1 for _ in other.outcomes())))
            other.close()
            yield item, retry

    outcomes = await worked_off(run, Simulated(), work(), at_once=1)
    assert [done for _, done in seen] == list(range(12))
    assert len(outcomes) == 12


@in_loop
async def test_a_limit_takes_the_first_images_by_id(tmp_path: Path, files: list[Path]) -> None:
    run = await run_with(files, tmp_path / "run", Simulated(), 4, limit=5)
    assert [item.id for item, _ in run.outcomes()] == [item.id for item in run.items(most=5)]
    assert list(pending(run, 5)) == []
    assert len(list(pending(run, 7))) == 2


@in_loop
async def test_an_image_that_is_gone_fails_alone(tmp_path: Path, files: list[Path]) -> None:
    run = a_run(tmp_path, files)
    files[3].unlink()
    files[4].write_bytes(b"another")
    await worked_off(run, Simulated(), pending(run, None))
    outcomes = outcomes_of(run)
    gone, changed = outcomes.pop(item_name(files[3])), outcomes.pop(item_name(files[4]))
    assert (gone.stage, gone.calls) == ("image", 0)
    assert "cannot be read any more" in (gone.failure or "")
    assert changed.failure == "the file has changed since it was taken in"
    assert not any(outcome.stage == "image" for outcome in outcomes.values())


def item_name(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


# An engine that stops, and the same command again


@in_loop
async def test_an_engine_that_stops_leaves_images_under_way_without_outcome(tmp_path: Path, files: list[Path]) -> None:
    run = a_run(tmp_path, files)
    with pytest.raises(EngineError, match="the budget is spent"):
        await worked_off(run, Simulated(stops_after=60), pending(run, None))
    outcomes = outcomes_of(run)
    assert 0 < len(outcomes) < 12
    assert not any("budget" in (outcome.failure or "") for outcome in outcomes.values())
    assert len(list(pending(run, None))) == 12 - len(outcomes)


@in_loop
async def test_a_run_that_goes_on_asks_only_what_is_missing_and_comes_to_the_same(
    tmp_path: Path, files: list[Path]
) -> None:
    whole = Simulated(unusable=0.2)
    expected = outcomes_of(await run_with(files, tmp_path / "whole", whole, 4))
    run, asked = a_run(tmp_path, files), list[str]()
    for stops_after in (20, 35, 50, None):
        engine = Simulated(unusable=0.2, stops_after=stops_after, seed=stops_after or 1)
        try:
            await worked_off(run, engine, pending(run, None))
        except EngineError:
            engine.asks = engine.asks[:stops_after]
        asked += [ask.key("simulated") for ask in engine.asks]
    assert outcomes_of(run) == expected
    assert set(asked) == {ask.key("simulated") for ask in whole.asks}
    repeated = len(asked) - len(set(asked))
    assert repeated <= 3 * 4 * 6  # calls in flight when it stopped: of 4 images, a check for each of 6 triggers


@in_loop
async def test_a_run_that_is_done_asks_nothing(tmp_path: Path, files: list[Path]) -> None:
    await run_with(files, tmp_path / "run", Simulated(), 4)
    again = Simulated()
    await run_with(files, tmp_path / "run", again, 4)
    assert again.asks == []


@in_loop
async def test_without_its_outcomes_a_run_is_built_anew_out_of_its_journal(tmp_path: Path, files: list[Path]) -> None:
    run = await run_with(files, tmp_path / "run", Simulated(unusable=0.2), 4)
    expected = outcomes_of(run)
    with run.writing() as db:
        db.execute("DELETE FROM outcomes")
    again = Simulated()
    await worked_off(run, again, pending(run, None))
    assert again.asks == []
    assert outcomes_of(run) == expected


# Failed images


@in_loop
async def test_a_retry_takes_the_failed_images_only_and_asks_only_what_was_unusable(
    tmp_path: Path, files: list[Path]
) -> None:
    run = a_run(tmp_path, files)
    bad = {item.sha256 for item in run.items(most=3)}
    await worked_off(run, NeverGood(bad), pending(run, None))
    before = outcomes_of(run)
    assert [(item.sha256, retry) for item, retry in failed(run)] == [(sha256, 1) for sha256 in sorted(bad)]
    still = {sorted(bad)[0]}
    engine = NeverGood(still)
    outcomes = await worked_off(run, engine, iter(list(failed(run))))
    assert len(outcomes) == 3
    assert min(ask.attempt for ask in engine.asks if stage_of(ask) == "general") == 3
    assert not {"rebuild", "enrich"} & {stage_of(ask) for ask in engine.asks}
    assert [(item.sha256, retry) for item, retry in failed(run)] == [(sorted(bad)[0], 2)]
    untouched = {name for name, outcome in before.items() if outcome.samples}
    assert all(outcomes_of(run)[name] == before[name] for name in untouched)


# Opening, and other configurations


def test_another_configuration_is_refused_with_what_differs_and_how_to_keep_replies(tmp_path: Path) -> None:
    open_run("images", tmp_path / "run", configured(rounds=2))
    with pytest.raises(ConfigError) as error:
        open_run("images", tmp_path / "run", configured(rounds=3))
    assert "(rounds: 2 → 3)" in str(error.value)
    assert f"`cfsa run images -o {tmp_path}/run-2 --reuse {tmp_path}/run`" in str(error.value)
    with pytest.raises(ConfigError, match="images: "):
        open_run("others", tmp_path / "run", configured(rounds=2))
    open_run("images", tmp_path / "run", configured(rounds=2, concurrency=3))


def test_other_prompts_or_rules_are_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_run("images", tmp_path / "run", configured())
    monkeypatch.setattr("cfsa_tool.stages.checks.RULES", 99)
    with pytest.raises(ConfigError, match=r"version\.checks: 1-[\w-]+ → 99-"):
        open_run("images", tmp_path / "run", configured())


def test_the_images_are_the_same_from_wherever_they_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images").mkdir()
    monkeypatch.chdir(tmp_path)
    assert fingerprint_of("images", configured()) == fingerprint_of(str(tmp_path / "images"), configured())
    assert fingerprint_of("hf:some/set", configured())["images"] == "hf:some/set"


@pytest.mark.parametrize("source", ["caf\udce9", "x" * 5000])
def test_a_source_whose_name_is_no_text_or_no_file_can_have_is_a_source_like_others(
    tmp_path: Path, source: str
) -> None:
    open_run(source, tmp_path / "run", configured())
    assert open_run(source, tmp_path / "run", configured()).manifest.source in (r"caf\xe9", source)


def test_a_folder_with_other_files_is_not_taken_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(RunError, match="holds other files and no run"):
        open_run("images", tmp_path, configured())
    assert [file.name for file in tmp_path.iterdir()] == ["photo.jpg"]


def test_what_a_kill_left_of_a_new_run_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f".{MANIFEST}-4711").write_text("{")
    assert open_run("images", tmp_path, configured()).items() == []


@in_loop
async def test_a_new_run_takes_over_the_replies_of_another_that_are_still_valid(
    tmp_path: Path, files: list[Path]
) -> None:
    """Another limit of triggers changes the summary and what follows, not the questions before."""
    await run_with(files, tmp_path / "run", Simulated(), 4)
    config = configured(most_triggers=4)
    run = open_run("images", tmp_path / "other", config, [tmp_path / "run"])
    add(run, [item_of(file) for file in files])
    engine = Simulated()
    await worked_off(run, engine, pending(run, None), config=config)
    assert {"summary", "labels"} <= {stage_of(ask) for ask in engine.asks} <= {"summary", "verify", "labels"}
    assert RunFolder(tmp_path / "other").fact("reuse") == [str(tmp_path / "run")]


def test_a_folder_to_reuse_that_is_no_run_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not the folder of a run"):
        open_run("images", tmp_path / "run", configured(), [tmp_path / "gone"])
    assert list(tmp_path.iterdir()) == []


# Told again


def ready(run: RunFolder) -> RunFolder:
    """With what `cfsa run` notes beside."""
    run.note("models", {"vision": "simulated"})
    run.keep_questions(PAPER_QUESTIONS)
    return run


def test_the_conversation_about_an_image_is_told_again_and_nothing_is_asked(tmp_path: Path, files: list[Path]) -> None:
    run, turns = ready(a_run(tmp_path, files[:2])), list[Any]()
    journals = Journals.of(run)
    item = run.items()[0]

    async def annotated() -> Outcome:
        crew = Crew(journals.behind("simulated", Simulated(unusable=0.2)))
        return await one_image(item, crew, Plan(configured(), PAPER_QUESTIONS, EMOTIONS), watch=turns.append)

    outcome = asyncio.run(annotated())
    journals.close()
    run.finish(item, outcome)
    told, kept = conversation_of(run, item)
    assert kept == outcome
    assert sorted(map(str, told)) == sorted(map(str, turns))  # checks may have come in another order
    assert [turn for turn in told if turn.number] == [turn for turn in turns if turn.number]
    assert any(turn.problem for turn in told)


def test_of_an_image_under_way_so_much_is_told_as_there_is(tmp_path: Path, files: list[Path]) -> None:
    run = ready(a_run(tmp_path, files[:1]))
    with pytest.raises(EngineError):
        asyncio.run(worked_off(run, Simulated(stops_after=3), pending(run, None)))
    told, outcome = conversation_of(run, run.items()[0])
    assert ([turn.stage for turn in told], outcome) == (["enrich", "rebuild", "general"], None)


def test_of_a_retried_image_all_attempts_are_told(tmp_path: Path, files: list[Path]) -> None:
    run = ready(a_run(tmp_path, files[:1]))
    bad = {run.items()[0].sha256}
    for work in (pending(run, None), failed(run)):
        asyncio.run(worked_off(run, NeverGood(bad), work))
    told, outcome = conversation_of(run, run.items()[0])
    assert [turn.stage for turn in told] == ["enrich", "rebuild"] + ["general"] * 6
    assert outcome and outcome.retry == 1


def test_before_anything_was_asked_the_command_of_the_run_is_named(tmp_path: Path, files: list[Path]) -> None:
    run = a_run(tmp_path, files[:1])
    with pytest.raises(RunError, match=r"nothing was asked yet in .*cfsa run IMAGES -o RUN"):
        conversation_of(run, run.items()[0])


@in_loop
async def test_two_models_have_two_journals_in_one_file(tmp_path: Path, files: list[Path]) -> None:
    run = a_run(tmp_path, files[:1], rounds=0)
    run.note("models", {"vision": "sees", "text": "writes"})
    journals = Journals.of(run)
    sees, writes = Model("sees"), Model("writes")
    crew = Crew(journals.behind("sees", sees), journals.behind("writes", writes))
    plan = Plan(configured(rounds=0, general=["Who?", "What?"]), ["Who?", "What?"], EMOTIONS)
    await work_off(run, crew, plan, pending(run, None), 2)
    journals.close()
    assert set(sees.stages) == {"rebuild", "general", "verify"}
    assert set(writes.stages) == {"enrich", "summary", "labels"}
