"""What the commands say: how a run stands, the conversation about an image, and nothing that commands a terminal."""

from pathlib import Path
from typing import Any

import pytest
from support.annotated import add, configured
from support.built_runs import a_sample, a_trigger

from cfsa_tool.records import Dropped, Item, Outcome
from cfsa_tool.report import image_lines, render_conversation, render_estimate, render_standing
from cfsa_tool.run_folder import RunFolder
from cfsa_tool.running import open_run
from cfsa_tool.stages.conversation import Turn
from cfsa_tool.standing import Estimate, Standing, standing
from eibench_tasks.engines.budget import Prices

HOSTILE = "A \x1b[2J\x1b]0;owned\x07 cake\r\x08\x9b31m \u202egnirts\u2066 \u200b\udce9\nfailed: 0"
"""Clears the screen, names the window, goes back in the line, turns the writing round."""


def an_image(number: int = 1, name: str = "happy/1.jpg", *emotions: str) -> Item:
    sha256 = f"{number:04}".ljust(64, "e")
    return Item(sha256[:16], name, Path("/photos/1.jpg"), sha256, 9, 64, 48, emotions or ("happy",))


def a_run(folder: Path, count: int = 0, source: str = "photos") -> RunFolder:
    run = open_run(source, folder, configured())
    add(run, [an_image(number, f"happy/{number}.jpg") for number in range(count)])
    run.note("models", {"vision": "openai:qwen"})
    return run


def now(**changed: Any) -> Standing:
    fields: dict[str, Any] = {
        **{"images": 0, "done": 0, "failed": 0, "samples": 0, "left_out": 0, "per_hour": None, "reasons": []},
        **{"calls": 0, "prompt_tokens": 0, "cached_tokens": 0, "completion_tokens": 0},
    }
    return Standing(**(fields | changed))


def harmless(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


# How a run stands


def test_the_standing_says_counts_tokens_rate_and_what_is_left(tmp_path: Path) -> None:
    spent = {"calls": 14_000, "prompt_tokens": 20_000_000, "cached_tokens": 15_000_000, "completion_tokens": 900_000}
    some = now(
        **{"images": 2000, "done": 950, "failed": 50, "samples": 1100, "left_out": 7, "per_hour": 500.0}, **spent,
        reasons=[("general: it refuses", 48), ("image: gone", 2)],
    )  # fmt: skip
    lines = render_standing(a_run(tmp_path / "run"), some).splitlines()
    assert lines == [
        f"{tmp_path}/run  ·  basic  ·  openai:qwen",
        "950 of 2,000 images done (50.0%), 50 failed, 1,000 to go",
        "1,100 samples; 7 files of the source left out",
        "14,000 replies; 20.0 M tokens read, 75% from the prefix cache, 900,000 written",
        "500 images an hour, about 2.0 hours left",
        "failed: 48 × general: it refuses",
        "failed: 2 × image: gone",
        "",
        f"Next: cfsa run photos -o {tmp_path}/run   (goes on where it was)",
    ]


def test_a_run_that_has_not_begun_says_how_to_begin(tmp_path: Path) -> None:
    run = open_run("photos", tmp_path / "run", configured())
    text = render_standing(run, standing(run))
    assert "no model yet" in text and "0 of 0 images done" in text and "replies" not in text
    assert text.splitlines()[-1].startswith("Next: cfsa run photos")


def test_what_is_next_depends_on_what_is_done(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    done = render_standing(run, now(images=3, done=3)).splitlines()
    assert done[-1] == f"Next: cfsa export {tmp_path}/run -o SPLIT --name my_split"
    some = render_standing(run, now(images=3, done=2, failed=1)).splitlines()
    assert some[-2:] == [done[-1], f"      cfsa retry {tmp_path}/run"]
    assert render_standing(run, now(images=3, failed=3)).splitlines()[-1] == f"Next: cfsa retry {tmp_path}/run"
    with run.locked():
        other = RunFolder(run.folder)
        assert (
            render_standing(other, now(images=3)).splitlines()[-1] == f"At work. Watch it: cfsa status {tmp_path}/run"
        )


def test_two_roles_of_one_model_are_named_once(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    run.note("models", {"vision": "qwen", "text": "qwen"})
    assert render_standing(run, now()).splitlines()[0].endswith("·  qwen")
    run.note("models", {"vision": "qwen", "text": "mistral"})
    assert render_standing(run, now()).splitlines()[0].endswith("·  qwen, then mistral")


def test_every_image_has_a_line(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", 3)
    run.finish(an_image(0), Outcome(samples=[a_sample("happy", "A cake")]))
    run.finish(an_image(1), Outcome(stage="general", failure="it refuses"))
    assert list(image_lines(run)) == [
        "0000eeeeeeeeeeee  happy/0.jpg  happy  done",
        "0001eeeeeeeeeeee  happy/1.jpg  happy  failed: it refuses",
        "0002eeeeeeeeeeee  happy/2.jpg  happy  to go",
    ]


# The conversation


def test_the_conversation_is_told_turn_by_turn_with_what_came_of_it() -> None:
    turns = [
        Turn("enrich", 0, "text", "Make it full.", '{"question": "Why?"}'),
        Turn("general", 2, "vision", "First look.\n\n1. Who?", "I cannot.", "it refuses to answer"),
        Turn("verify", 0, "vision", "Is it there?", '{"answer": "yes"}', "", {"yes": 0.8, "no": 0.15}),
    ]
    sample = a_sample(
        "happy", a_trigger("A cake", notes=[1, 2], probability=0.84, merged=["The cake"]), emotion_by="model"
    )
    dropped = Dropped(text="Joy", reason="it only names the emotion")
    outcome = Outcome(samples=[sample.model_copy(update={"dropped": [dropped]})], skipped={"awe": "summary: no"})
    text = render_conversation(an_image(), turns, outcome, prompts=True)
    lines = text.splitlines()
    assert lines[0] == "0001eeeeeeeeeeee  happy/1.jpg  64 × 48  happy"
    assert lines[2].startswith("── enrich · text model ──")
    assert lines[3:5] == ["  Make it full.", '▸ {"question": "Why?"}']
    assert lines[6].startswith("── turn 2 · general · vision model ──")
    assert lines[7:12] == ["  First look.", "  ", "  1. Who?", "▸ I cannot.", "  ✗ not used: it refuses to answer"]
    assert "  yes 0.80, no 0.15" in lines
    assert lines[-5:] == [
        "happy (named by the model): Why does the person feel happy?",
        "  1. A cake  [explicit; objects; p 0.84; notes 1, 2]",
        "     = The cake",
        "  ✗ Joy  [it only names the emotion]",
        "no sample for awe: summary: no",
    ]


def test_prompts_can_be_left_out() -> None:
    turns = [Turn("general", 2, "vision", "First look.", "Two.")]
    assert "First look." not in render_conversation(an_image(), turns, None, prompts=False)


def test_an_image_that_failed_or_is_not_done_says_so() -> None:
    failed = Outcome(stage="general", failure="it refuses")
    assert render_conversation(an_image(), [], failed, True).endswith("Failed at general: it refuses")
    assert render_conversation(an_image(), [], None, True).endswith("Not done yet.")


def test_long_replies_are_folded() -> None:
    turns = [Turn("general", 2, "vision", "?", "word " * 100)]
    assert max(map(len, render_conversation(an_image(), turns, None, True).splitlines())) <= 112


# Hostile texts


def test_nothing_in_a_conversation_commands_the_terminal() -> None:
    turns = [Turn("general", 1, "vision", HOSTILE, HOSTILE, HOSTILE, {HOSTILE: 1.0})]
    sample = a_sample(
        HOSTILE, a_trigger(HOSTILE, merged=[HOSTILE]), question=HOSTILE, dropped=[Dropped(text=HOSTILE, reason=HOSTILE)]
    )
    item = an_image(1, HOSTILE, HOSTILE)
    for outcome in (
        None,
        Outcome(stage=HOSTILE, failure=HOSTILE),
        Outcome(samples=[sample], skipped={HOSTILE: HOSTILE}),
    ):
        text = render_conversation(item, turns, outcome, prompts=True)
        assert harmless(text)
        assert "cake" in text
        text.encode()


@pytest.mark.parametrize("status", ["failed", "done"])
def test_nothing_in_the_standing_commands_the_terminal(tmp_path: Path, status: str) -> None:
    run = a_run(tmp_path / "r\x1b[2Jn", 0, source=HOSTILE)
    run.note("models", {"vision": HOSTILE})
    text = render_standing(run, now(images=1, **{status: 1}, reasons=[(HOSTILE, 1)]))
    assert harmless(text)
    assert harmless(render_standing(run, now()))
    assert not [line for line in text.splitlines() if line.startswith("failed: 0")]


def test_nothing_in_the_list_of_images_commands_the_terminal(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    item = an_image(1, HOSTILE.replace("\udce9", ""))
    add(run, [item])
    run.finish(item, Outcome(stage="general", failure=HOSTILE.replace("\udce9", "")))
    (line,) = image_lines(run)
    assert line.isprintable()


# Estimates


def test_an_estimate_says_what_it_rests_on() -> None:
    reckoned = Estimate(1000, 12.5, 8000, 2000, 700, 0, None)
    assert render_estimate(reckoned, Prices(1.0, 2.0)).splitlines() == [
        "1,000 images, 12.5 calls each (reckoned, before any reply)",
        "tokens read     8.0 M, of which an engine with a prefix cache computes 2.0 M",
        "tokens written  700,000",
        "cost            9.40 at these prices, nothing cached",
        "Closer: annotate ten images first (`cfsa run … --limit 10`), then give `-o RUN`",
    ]
    measured = Estimate(1000, 12.5, 8000, 2000, 700, 40, 2.0)
    lines = render_estimate(measured, None).splitlines()
    assert lines[0].endswith("(measured on 40 images of the run)")
    assert lines[-1] == "time            2.0 hours at the rate of the run so far"
