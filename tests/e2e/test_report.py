"""`eibench report` in a real browser: what a reader does with it, and what a hostile answer cannot do to it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.browser import Watched, browser, needs_browser, serious_violations
from support.finished_runs import answered, finished_run
from support.judged_logs import JUDGE

from eibench_tasks.cli import main
from eibench_tasks.data.demo import demo_samples

pytestmark = needs_browser

SAMPLES = [sample.model_dump() for sample in demo_samples()]
OTHER = {"name": "openai:sim", "protocol": "verdict", "version": "1-x"}
HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<a href='javascript:window.hacked=1'>look</a> [x](javascript:alert(1))",
    "\u202egnorw si siht\u202c \u2066 and \u200f so on",
    "word" * 25_000,
    "{{ 7 * 7 }} {% raw %} ${alert(1)} \x00\x1b[31m",
]


def report(folder: Path, *options: str) -> Path:
    file = folder / "report.html"
    done = CliRunner().invoke(main, ["report", str(folder / "runs"), "-o", str(file), *options])
    assert done.exit_code == 0, done.output
    return file


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models on the demo split; the answers of the first were judged twice."""
    folder = tmp_path_factory.mktemp("report")
    says_first = [answered(one, f"I see this: {one['triggers'][0]}.", {0: one["triggers"][0]}) for one in SAMPLES]
    judged_again = [answered(one, f"I see this: {one['triggers'][0]}.", {}, OTHER) for one in SAMPLES]
    says_nothing = [answered(one, "A person.", {}) for one in SAMPLES]
    common: dict[str, Any] = {"task": "eibench_demo", "samples": (len(SAMPLES), len(SAMPLES))}
    finished_run(folder / "runs" / "one", says_first, model="first", recall=30, **common)
    finished_run(
        folder / "runs" / "one" / "judged" / "sim", judged_again, model="first", recall=0, judge=OTHER, **common
    )
    finished_run(folder / "runs" / "two", says_nothing, model="second", recall=0, **common)
    return report(folder, "--images")


@pytest.fixture
def opened(chromium: Any, page_file: Path) -> Iterator[Watched]:
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    watched = Watched(context.new_page())
    watched.page.goto(page_file.as_uri())
    watched.page.wait_for_selector("#sample .question")
    yield watched
    context.close()
    assert watched.troubles == []
    assert {address.partition(":")[0] for address in watched.requests} <= {"file", "data"}


def count(page: Any) -> int:
    return int(page.inner_text("#count").partition(" of ")[0])


def test_runs_stand_side_by_side_with_their_plots(opened: Watched) -> None:
    page = opened.page
    assert page.inner_text("h1") == "EIBench report"
    assert page.locator("figure svg[role=img]").count() >= 3
    legend = page.locator(".legend li").all_inner_texts()
    assert len(legend) == 3 and sum("first" in name for name in legend) == 2 and "second · offline (verdict)" in legend
    assert "openai:sim verdict 1-x" in page.inner_text("section[aria-labelledby=agreement]")


def test_a_sample_shows_which_words_name_which_trigger(opened: Watched) -> None:
    page = opened.page
    page.evaluate(f"location.hash = 'sample={SAMPLES[3]['id']}'")
    page.wait_for_function(
        f"document.querySelector('#sample .question').textContent === {json.dumps(SAMPLES[3]['question'])}"
    )
    assert page.locator("#sample img").evaluate("image => image.complete && image.naturalWidth") > 100
    answer = next(one for one in page.locator(".answer").all() if "✓ named" in one.inner_text())
    assert answer.locator("mark").inner_text() == SAMPLES[3]["triggers"][0] + "1"
    named, *missed = answer.locator(".verdicts li").all_inner_texts()
    assert named.startswith("✓ named") and SAMPLES[3]["triggers"][0] in named
    assert all(text.startswith("✗ missed") for text in missed)


def test_filters_narrow_the_list_and_the_address_leads_back(opened: Watched, chromium: Any) -> None:
    page = opened.page
    assert count(page) == len(SAMPLES)
    page.select_option("#emotion", SAMPLES[0]["emotion"])
    assert count(page) == sum(one["emotion"] == SAMPLES[0]["emotion"] for one in SAMPLES)
    page.fill("#text", SAMPLES[0]["triggers"][0].upper())
    page.select_option("#score", "some")
    assert count(page) == 1 and SAMPLES[0]["id"] in page.inner_text("#sample")
    page.select_option("#score", "unscored")
    assert count(page) == 0 and "No sample fits" in page.inner_text("#sample")
    page.select_option("#score", "some")
    page.wait_for_url(lambda address: "score=some" in address)  # it follows when the filters have come to rest
    again = chromium.new_page()
    again.goto(page.url)
    again.wait_for_selector("#sample .question")
    assert count(again) == 1 and SAMPLES[0]["id"] in again.inner_text("#sample")
    again.close()


def test_everything_can_be_done_with_the_keyboard(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the samples"
    page.keyboard.press("Enter")
    first = page.inner_text("#sample a")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.inner_text("#sample a") == SAMPLES[2]["id"] != first
    page.keyboard.press("k")
    assert page.inner_text("#sample a") == SAMPLES[1]["id"]
    page.keyboard.press("/")
    page.keyboard.type(SAMPLES[5]["id"])
    assert count(page) == 1 and page.inner_text("#sample a") == SAMPLES[5]["id"]
    page.keyboard.press("Escape")
    assert count(page) == len(SAMPLES)
    page.keyboard.press("End")
    assert page.inner_text("#sample a") == SAMPLES[-1]["id"]
    assert page.get_attribute("#list", "aria-activedescendant") == f"option-{len(SAMPLES) - 1}"


def test_a_link_to_a_sample_that_is_not_there_says_so_and_a_plain_link_stays(opened: Watched, page_file: Path) -> None:
    page = opened.page
    page.goto("about:blank")
    page.goto(page_file.as_uri() + "#sample=nowhere")
    page.wait_for_selector("#sample .question")
    assert "nowhere is not in this report" in page.inner_text("#count")
    page.goto("about:blank")
    page.goto(page_file.as_uri() + "#emotions")
    page.wait_for_selector("#sample .question")
    page.wait_for_timeout(400)  # longer than the address waits
    assert page.url.endswith("#emotions")


def test_a_text_is_looked_for_in_the_answers_that_are_shown(opened: Watched) -> None:
    """The first model says "I see this", the second does not."""
    page = opened.page
    page.fill("#text", "see this")
    assert count(page) == len(SAMPLES)
    second = next(one for one in page.locator("#run option").all() if "second" in one.inner_text())
    page.select_option("#run", second.get_attribute("value"))
    assert page.inner_text("#count").startswith("0 of")


def test_keys_can_be_turned_off_and_escape_outside_of_the_samples_clears_nothing(opened: Watched) -> None:
    page = opened.page
    before = page.inner_text("#sample a")
    page.uncheck("#keys")
    page.keyboard.press("j")
    assert page.inner_text("#sample a") == before
    page.check("#keys")
    page.keyboard.press("j")
    assert page.inner_text("#sample a") != before
    page.fill("#text", "see")
    page.locator("nav a").first.focus()
    page.keyboard.press("Escape")
    assert page.input_value("#text") == "see"


def test_the_runs_that_differ_most_come_first_where_that_is_wanted(opened: Watched) -> None:
    page = opened.page
    page.select_option("#order", "spread")
    spread = {one["id"]: 100 / len(one["triggers"]) for one in SAMPLES}
    shown = [row.split(" · ")[-1] for row in page.locator("#list .more").all_inner_texts()]
    assert [spread[name] for name in shown] == sorted((spread[name] for name in shown), reverse=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_nobody_is_shut_out(chromium: Any, page_file: Path, scheme: str, width: int) -> None:
    """No serious finding of axe-core, contrast included, and nothing that must be scrolled to the side."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.wait_for_selector("#sample .question")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious_violations(page) == []
    context.close()


def test_a_hostile_answer_is_shown_and_does_nothing(chromium: Any, tmp_path: Path) -> None:
    """Nor does a hostile question, trigger, quote, model or judge."""
    lines = []
    for number, text in enumerate(HOSTILE):
        sample = {
            "id": f"s{number}",
            "image_id": f"i{number}",
            "emotion": f"<b>{text[:40]}</b>",
            "triggers": [text[:200], "x"],
        }
        lines.append(answered(sample, text, {0: text[:200]}))
    bad = JUDGE | {"name": HOSTILE[1]}
    lines = [line | {"recall_overall": line["recall_overall"] | {"judge": bad}} for line in lines]
    finished_run(tmp_path / "runs" / "one", lines, model=HOSTILE[0].replace("/", ""), judge=bad, task="eibench_demo")
    file = report(tmp_path, "--title", HOSTILE[0])
    context = chromium.new_context(viewport={"width": 400, "height": 900})
    watched = Watched(context.new_page())
    page = watched.page
    page.goto(file.as_uri())
    page.wait_for_selector("#sample .answer")
    for number, text in enumerate(HOSTILE):
        page.evaluate(f"location.hash = 'sample=s{number}'")
        page.wait_for_function(f"document.querySelector('#sample a').textContent === 's{number}'")
        if len(text) > 20_000:
            assert len(page.inner_text("#sample .text")) < 25_000
            page.click("#sample button")
        shown = page.locator("#sample .text").evaluate(
            "one => { one.querySelectorAll('sup').forEach((s) => s.remove()); return one.textContent; }"
        )
        assert shown == text
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.evaluate("window.hacked") is None
    assert page.locator("#sample a[href^=javascript]").count() == 0
    assert page.inner_text("h1") == HOSTILE[0]
    assert watched.troubles == []
    assert {address.partition(":")[0] for address in watched.requests} <= {"file", "data"}
    context.close()


def test_five_thousand_samples_are_as_quick_to_walk_through(chromium: Any, tmp_path: Path) -> None:
    """The list holds as many rows as fit on the screen, whatever the number of samples."""
    many = [
        answered({"id": f"s{n:04d}", "image_id": f"i{n}", "emotion": "happy", "triggers": ["a"]}, "An answer.", {})
        for n in range(5_000)
    ]  # fmt: skip
    finished_run(tmp_path / "runs" / "one", many, task="eibench_demo")
    page = chromium.new_page()
    page.goto(report(tmp_path).as_uri())
    page.wait_for_selector("#sample .answer")
    page.focus("#list")
    page.keyboard.press("End")
    assert page.inner_text("#sample a") == "s4999"
    assert page.locator("#list .option").count() < 60
    assert page.locator("#list .option[aria-selected=true]").get_attribute("aria-posinset") == "5000"
    page.close()


@pytest.mark.parametrize("width", [400, 1200])
def test_the_leaderboard_is_read_by_everybody_and_runs_nothing(chromium: Any, tmp_path: Path, width: int) -> None:
    for number, name in enumerate(HOSTILE):
        finished_run(tmp_path / f"run {number}", model=name[:300], recall=40 + number)
    done = CliRunner().invoke(main, ["leaderboard", str(tmp_path), "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    context = chromium.new_context(viewport={"width": width, "height": 900})
    watched = Watched(context.new_page())
    watched.page.goto((tmp_path / "leaderboard.html").as_uri())
    assert watched.page.locator("tbody tr").count() == len(HOSTILE)
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.page.evaluate("window.hacked") is None
    assert serious_violations(watched.page) == [] and watched.troubles == []
    context.close()
