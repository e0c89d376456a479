"""`cfsa review` in a real browser, by its real command: one person, two at once, and a server that is killed."""

import json
import random
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.annotated import add, item_of
from support.browser import Watched, browser, needs_browser, serious_violations
from support.built_runs import a_sample, a_trigger, basic_run, finish, new_run, picture_file
from support.review_server import free_port, reviewing, start

from cfsa_tool.records import Outcome
from cfsa_tool.review.store import Review
from cfsa_tool.run_folder import RunFolder

HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<a href='javascript:window.hacked=1'>look</a>",
    "\u202egnorw si siht\u202c \u2066 and \u200f so on",
    "word" * 25_000,
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return basic_run(tmp_path).folder


@pytest.fixture
def address(run: Path) -> Iterator[str]:
    with reviewing(run) as found:
        yield found


def sit_down(chromium: Any, address: str, rater: str, **context: Any) -> Watched:
    """A rater with a browser of their own, at the first sample."""
    watched = Watched(chromium.new_context(**context).new_page())
    watched.page.goto(address)
    watched.page.fill("#name", rater)
    watched.page.press("#name", "Enter")
    watched.page.wait_for_selector("#triggers li")
    return watched


def says(page: Any, part: str, text: str) -> None:
    """Waits until a part of the page holds a text. The page's own rules forbid Playwright's other ways to wait."""
    from playwright.sync_api import expect

    expect(page.locator(part)).to_contain_text(text, timeout=20_000)


def saved(page: Any) -> None:
    from playwright.sync_api import expect

    expect(page.locator("#saved")).to_have_text("saved", timeout=20_000)


def states(page: Any) -> list[str]:
    found: list[str] = page.locator("#triggers .state").all_inner_texts()
    return found


def words(page: Any) -> list[str]:
    found: list[str] = page.locator("#triggers .words").all_inner_texts()
    return found


@needs_browser
def test_one_sample_with_the_mouse_and_everything_is_on_disk(chromium: Any, run: Path, address: str) -> None:
    watched = sit_down(chromium, address, "Ann")
    page = watched.page
    name = page.url.partition("#")[2]
    assert page.locator("#image").evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
    assert page.locator("#quality input:checked").count() == 0  # nobody is led to a rating
    before = words(page)
    items = page.locator("#triggers > li")
    items.nth(0).get_by_role("button", name="Keep").click()
    items.nth(1).get_by_role("button", name="Remove").click()
    items.nth(0).get_by_role("button", name="Move down").click()
    items.nth(1).get_by_role("button", name="Edit this trigger").click()
    page.keyboard.type("a far better wording")
    page.keyboard.press("Enter")
    page.fill("#added", "the light of the evening")
    page.press("#added", "Enter")
    page.check("#quality input[value='4']")
    page.fill("#comment", "well done")
    page.locator("#comment").blur()
    saved(page)
    wanted = [before[1], "a far better wording", *before[2:], "the light of the evening"]
    assert words(page) == wanted and states(page)[:2] == ["✗ removed", "✓ kept"]
    page.reload()
    page.wait_for_selector("#triggers li")
    assert page.url.endswith(name) and words(page) == wanted and page.input_value("#comment") == "well done"
    review = Review(RunFolder(run))
    ((sample, marks),) = review.marks()
    assert sample == name and list(marks) == ["Ann"]
    assert [one.text for one in marks["Ann"].triggers] == wanted and marks["Ann"].quality == 4
    items.nth(0).get_by_text("that support it").click()
    assert "Who is there?" in items.nth(0).inner_text()
    assert watched.troubles == []
    assert all(asked.startswith(address) for asked in watched.requests)


@needs_browser
def test_all_samples_with_the_keyboard_alone(chromium: Any, run: Path, address: str) -> None:
    watched = Watched(chromium.new_context().new_page())
    page = watched.page
    page.goto(address)
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.id") != "name":
        page.keyboard.press("Tab")
    page.keyboard.type("Kay")
    page.keyboard.press("Enter")
    page.wait_for_selector("#triggers li")
    for number in range(4):
        count = page.locator("#triggers > li").count()
        page.wait_for_selector("#triggers > li:focus")
        for place in range(count):
            page.keyboard.press("x" if place == 1 and count > 2 else "y")
            page.keyboard.press("j")
        if number == 0:
            page.keyboard.press("e")
            page.keyboard.type("typed anew")
            page.keyboard.press("Enter")
            page.keyboard.press("K")
            page.keyboard.press("a")
            page.keyboard.type("an addition")
            page.keyboard.press("Enter")
        page.keyboard.press("3")
        before = page.url
        page.keyboard.press("n")
        page.wait_for_url(lambda address, before=before: address != before)
        if number < 3:
            says(page, "#progress", f"Kay: {number + 1} of 4")
    page.wait_for_selector("#finished:not([hidden])")
    marks = dict(Review(RunFolder(run)).marks())
    assert len(marks) == 4 and all(of["Kay"].done for of in marks.values())
    assert any("typed anew" in [one.text for one in of["Kay"].triggers] for of in marks.values())
    page.keyboard.press("u")
    page.wait_for_selector("#triggers li")
    assert page.locator("#quality input:checked").count() == 0
    assert watched.troubles == []


@needs_browser
def test_two_raters_at_once_see_nothing_of_one_another(chromium: Any, run: Path, address: str) -> None:
    ann, ben = (sit_down(chromium, address, name).page for name in ("Ann", "Ben"))
    assert ann.url == ben.url  # both are to see every sample
    ann.keyboard.press("y")
    ben.keyboard.press("x")
    ann.fill("#comment", "Ann's secret")
    ann.locator("#comment").blur()
    saved(ann)
    saved(ben)
    ben.reload()
    ben.wait_for_selector("#triggers li")
    assert states(ben)[0] == "✗ removed" and "secret" not in ben.content() and ben.input_value("#comment") == ""
    ((_, marks),) = Review(RunFolder(run)).marks()
    assert [marks[name].triggers[0].state for name in ("Ann", "Ben")] == ["kept", "removed"]


@needs_browser
def test_a_change_in_another_tab_is_not_overwritten(chromium: Any, address: str) -> None:
    context = chromium.new_context()
    first = context.new_page()
    first.goto(address)
    first.fill("#name", "Ann")
    first.press("#name", "Enter")
    first.wait_for_selector("#triggers li")
    second = context.new_page()
    second.goto(first.url)
    second.wait_for_selector("#triggers li")
    first.keyboard.press("y")
    saved(first)
    second.bring_to_front()
    second.locator("#triggers > li").first.focus()
    second.keyboard.press("x")
    says(second, "#saved", "changed elsewhere")
    assert states(second)[0] == "✓ kept"


@needs_browser
def test_a_server_that_is_away_for_a_while_gets_the_marks_later(chromium: Any, run: Path) -> None:
    """The page says that a mark is not saved until the server has it."""
    port = free_port()
    process: Any = start(run, port)
    page = sit_down(chromium, f"http://127.0.0.1:{port}", "Ann").page
    process.kill()
    process.wait()
    page.keyboard.press("y")
    says(page, "#saved", "not saved")
    assert not list(Review(RunFolder(run)).marks())
    process = start(run, port)
    saved(page)
    ((_, marks),) = Review(RunFolder(run)).marks()
    assert marks["Ann"].triggers[0].state == "kept"
    process.terminate()


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_nobody_is_shut_out(chromium: Any, address: str, scheme: str, width: int) -> None:
    page = sit_down(chromium, address, "Ann", viewport={"width": width, "height": 900}, color_scheme=scheme).page
    page.keyboard.press("y")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious_violations(page) == []


@needs_browser
def test_hostile_texts_are_shown_and_do_nothing(chromium: Any, tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    for number, text in enumerate(HOSTILE):
        sample = a_sample("fear", a_trigger(text[:400]), "another", question=f"{number} {text}")
        finish(run, picture_file(tmp_path / "photos" / f"{number}.png", number), sample)
    with reviewing(run.folder) as address:
        watched = sit_down(chromium, address, HOSTILE[1][:40].strip(), viewport={"width": 400, "height": 900})
        page, seen = watched.page, set()
        for _ in HOSTILE:
            question = page.locator("#question").text_content()
            seen.add(question)
            assert page.locator("#triggers .words").first.text_content() == question.partition(" ")[2][:400]
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
            page.keyboard.press("f")
            saved(page)
            before = page.url
            page.keyboard.press("n")
            if len(seen) < len(HOSTILE):
                page.wait_for_url(lambda address, before=before: address != before)
        assert seen == {f"{number} {text}" for number, text in enumerate(HOSTILE)}
        assert page.evaluate("window.hacked") is None
        assert watched.troubles == []


@needs_browser
def test_in_five_thousand_samples_one_goes_from_sample_to_sample(chromium: Any, tmp_path: Path) -> None:
    """What needs a rater comes first, wherever it stands among the samples."""
    run = new_run(tmp_path / "run")
    for number in range(5_000):
        unsure = 0.2 if number in (4_321, 17) else 0.9
        item = item_of(picture_file(tmp_path / "photos" / f"{number % 20}.png", number % 20), ["happy"])
        item = replace(item, id=f"{number:016x}", name=f"{number}.png")
        add(run, [item])
        run.finish(item, Outcome(samples=[a_sample("happy", "a cake", a_trigger("a guest", probability=unsure))]))
    with reviewing(run.folder) as address:
        watched = sit_down(chromium, address, "Ann")
        page, seen = watched.page, list[str]()
        for number in range(3):
            seen.append(page.url.partition("#")[2])
            page.keyboard.press("f")
            saved(page)
            page.keyboard.press("n")
            says(page, "#progress", f"Ann: {number + 1} of 5,000")
        assert seen[:2] == [f"happy-{17:016x}", f"happy-{4_321:016x}"]
        assert watched.troubles == []


def test_twenty_kills_lose_no_mark_that_was_acknowledged(run: Path) -> None:
    """The server is killed with SIGKILL at random moments while marks come in."""
    draw, port = random.Random(7), free_port()
    base, acknowledged, samples = f"http://127.0.0.1:{port}", dict[str, int](), list[str]()
    for _ in range(20):
        process: Any = start(run, port)
        stop = threading.Timer(draw.uniform(0.05, 0.6), process.kill)
        with httpx.Client(base_url=base, timeout=5) as client:
            csrf = re.search('name="csrf" content="([^"]+)"', client.get("/").text)
            assert csrf
            client.headers.update({"x-cfsa-csrf": csrf[1], "x-cfsa-rater": "Ann", "content-type": "application/json"})
            if not samples:
                samples = _all_samples(run)
            stop.start()
            _mark_until_it_dies(client, samples, acknowledged, draw)
        stop.join()
        process.wait()
    assert sum(acknowledged.values()) > 20
    review = Review(RunFolder(run))
    for name, count in acknowledged.items():
        kept = review.kept("Ann", review.sample(name))
        assert int(kept.mark.comment) >= count  # the last one may have been kept, and the answer not have come


def _all_samples(run: Path) -> list[str]:
    return [f"{outcome.samples[0].emotion}-{item.id}" for item, outcome in RunFolder(run).outcomes() if outcome.samples]


def _mark_until_it_dies(client: Any, samples: list[str], acknowledged: dict[str, int], draw: random.Random) -> None:
    try:
        while True:
            name = draw.choice(samples)
            shown = client.get(f"/api/samples/{name}").json()
            count = int(shown["mark"]["comment"] or 0) + 1
            body = {"base": shown["base"], "mark": shown["mark"] | {"comment": str(count)}}
            if client.put(f"/api/samples/{name}", content=json.dumps(body)).status_code == 200:
                acknowledged[name] = count
            time.sleep(0.001)
    except httpx.HTTPError:
        return
