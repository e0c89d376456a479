"""`cfsa review` in a real browser, by its real command: one person, two at once, and a server that is killed."""

import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
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


def answered(page: Any, pattern: str, how: Callable[[Any], object]) -> None:
    """Lets such requests go this way from now on, but for those that ask for a sample.

    The page is loaded anew, since a browser does not hold up every request of a page that it has loaded before.
    """
    page.route(pattern, lambda route: route.continue_() if _asks_for_a_sample(route.request) else how(route))
    page.reload()
    page.wait_for_selector("#triggers > li:focus")


def _asks_for_a_sample(request: Any) -> bool:
    return request.method == "GET" and "/api/samples/" in request.url


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
    items.nth(0).get_by_text("1 turn that supports it").click()
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
            says(page, "#progress", f"Kay: {number + 1} of 4 done")
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
def test_an_answer_that_is_lost_loses_nothing_that_was_pressed_meanwhile(
    chromium: Any, run: Path, address: str
) -> None:
    """The mark is on disk, the server dies before it says so, and the rater goes on. Every action is one to undo."""
    page = sit_down(chromium, address, "Ann").page
    lost = []

    def lose(route: Any) -> None:
        lost.append(route.fetch().status)
        route.abort()

    answered(page, "**/api/samples/*", lose)
    page.keyboard.press("y")
    says(page, "#saved", "the server does not answer")
    for key in ("x", "4"):
        page.keyboard.press(key)
    assert lost[0] == 200 and list(Review(RunFolder(run)).marks())
    page.unroute("**/api/samples/*")
    saved(page)
    assert states(page)[:2] == ["✓ kept", "✗ removed"] and page.is_checked("#quality input[value='4']")
    from playwright.sync_api import expect

    count = page.locator("#triggers > li").count()
    for kept in (["✓ kept", "✗ removed"], ["✓ kept"], []):
        page.keyboard.press("u")
        expect(page.locator("#triggers .state")).to_have_text(kept + ["undecided"] * (count - len(kept)))
        expect(page.locator("#quality input:checked")).to_have_count(0)


@needs_browser
def test_a_key_decides_and_goes_on_and_a_second_time_takes_nothing_back(chromium: Any, address: str) -> None:
    page = sit_down(chromium, address, "Ann").page
    count = page.locator("#triggers > li").count()
    assert count > 1
    for key in ["j", "y", *"x" * count]:  # the second, the others as they come, and the last of them once more
        page.keyboard.press(key)
    expected = ["✗ removed"] * count
    expected[1] = "✓ kept"
    saved(page)
    assert states(page) == expected


@needs_browser
def test_what_is_typed_is_saved_without_leaving_the_field(chromium: Any, run: Path, address: str) -> None:
    watched = sit_down(chromium, address, "Ann")
    page = watched.page
    page.locator("#comment").press_sequentially("who is this?")
    says(page, "#saved", "typing")
    saved(page)
    ((_, marks),) = Review(RunFolder(run)).marks()
    assert marks["Ann"].comment == "who is this?"
    assert page.evaluate("document.activeElement.id") == "comment"
    page.keyboard.type(" and where?")
    page.evaluate("location.reload()")
    assert watched.troubles and watched.troubles[0].startswith("dialog")  # the browser asks before it leaves
    saved(page)
    page.reload()
    page.wait_for_selector("#triggers li")
    assert page.input_value("#comment") == "who is this? and where?"


@needs_browser
def test_an_edit_is_kept_whatever_is_pressed_next(chromium: Any, address: str) -> None:
    page = sit_down(chromium, address, "Ann").page
    items = page.locator("#triggers > li")
    items.nth(0).get_by_role("button", name="Edit this trigger").click()
    page.keyboard.type("words of mine")
    items.nth(1).get_by_role("button", name="Remove").click()
    saved(page)
    assert words(page)[0] == "words of mine" and states(page)[:2] == ["✓ kept", "✗ removed"]
    items.nth(0).get_by_role("button", name="Edit this trigger").click()
    page.keyboard.type("better words")
    items.nth(0).get_by_role("button", name="Remove").click()
    saved(page)
    assert words(page)[0] == "better words" and states(page)[0] == "✗ removed"
    items.nth(0).get_by_role("button", name="Edit this trigger").click()
    page.keyboard.type("no")
    enter = "new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, isComposing: true})"
    page.evaluate(f"document.activeElement.dispatchEvent({enter})")  # of an input method: it chooses a word
    assert page.locator("#triggers input").input_value() == "no"
    page.keyboard.press("Escape")
    assert words(page)[0] == "better words"


@needs_browser
def test_what_was_passed_over_is_found_again(chromium: Any, run: Path, address: str) -> None:
    page = sit_down(chromium, address, "Ann").page
    seen = [page.url]
    for _ in range(3):
        page.keyboard.press("n")
        page.wait_for_url(lambda address: address != seen[-1])
        seen.append(page.url)
    assert len(set(seen)) == 4
    page.keyboard.press("p")
    page.wait_for_url(seen[2])
    page.go_back()
    page.wait_for_url(seen[1])
    page.goto(seen[3])  # another place of the same page
    page.wait_for_selector("#triggers > li:focus")
    says(page, "#emotion", seen[3].partition("#")[2])
    assert not list(Review(RunFolder(run)).marks())  # to look is to say nothing


@needs_browser
def test_a_key_that_needs_the_server_says_so_when_it_is_away(chromium: Any, run: Path) -> None:
    port = free_port()
    process: Any = start(run, port)
    watched = sit_down(chromium, f"http://127.0.0.1:{port}", "Ann")
    page, before = watched.page, watched.page.url
    process.kill()
    process.wait()
    for key in "nu":
        page.keyboard.press("p")
        says(page, "#saved", "there is no sample before this one")
        page.keyboard.press(key)
        says(page, "#saved", "the server does not answer")
    process = start(run, port)
    page.keyboard.press("n")
    page.wait_for_url(lambda address: address != before)
    answered(page, "**/api/next*", lambda route: route.fulfill(status=500, body="Internal Server Error"))
    page.keyboard.press("n")
    says(page, "#saved", "the server fails (500)")
    assert not [trouble for trouble in watched.troubles if "ERR_CONNECTION" not in trouble and "500" not in trouble]
    process.terminate()


@needs_browser
def test_a_mark_that_cannot_be_kept_is_said_and_can_be_left(chromium: Any, address: str) -> None:
    page = sit_down(chromium, address, "Ann").page
    before = page.url
    too_long = {"error": "the mark is too long"}
    answered(page, "**/api/samples/*", lambda route: route.fulfill(status=413, json=too_long))
    page.keyboard.press("y")
    says(page, "#saved", "not saved: the mark is too long; n leaves it so")
    page.unroute("**/api/samples/*")
    page.keyboard.press("n")
    page.wait_for_url(lambda address: address != before)


@needs_browser
def test_whoever_is_not_the_one_says_so(chromium: Any, address: str) -> None:
    page = sit_down(chromium, address, "Ann").page
    page.get_by_role("button", name="Not you?").click()
    page.fill("#name", "\u202e")  # what the server does not take as a name does not lock anybody out
    page.press("#name", "Enter")
    says(page, "#saved", "say who you are")
    page.fill("#name", "Ben")
    page.press("#name", "Enter")
    says(page, "#progress", "Ben: 0 of 4 done")
    page.reload()
    says(page, "#progress", "Ben: 0 of 4 done")


@needs_browser
def test_named_raters_choose_and_a_single_one_need_not(chromium: Any, run: Path) -> None:
    with reviewing(run, "--rater", "Ann", "--rater", "Ben") as address:
        page = chromium.new_context().new_page()
        page.goto(address)
        page.select_option("#name", "Ben")
        page.get_by_role("button", name="Begin").click()
        says(page, "#progress", "Ben: 0 of 4 done · others: Ann 0")
        assert serious_violations(page) == []
    with reviewing(run, "--rater", "Cid") as address:
        page = chromium.new_context().new_page()
        page.goto(address)
        says(page, "#progress", "Cid: 0 of 4 done")
        assert page.locator("#other").is_hidden()


@needs_browser
def test_a_link_is_good_for_the_server_that_is_started_again(chromium: Any, run: Path) -> None:
    """Whoever has not saved yet goes on without noticing."""
    port = free_port()
    options = ("--host", "0.0.0.0", "--rater", "Ann", "--rater", "Ben")
    process: Any = start(run, port, *options)
    process.stdout.readline()
    link = process.stdout.readline().partition("?")[2].strip()
    page = chromium.new_context().new_page()
    page.goto(f"http://127.0.0.1:{port}/?{link}")
    says(page, "#progress", "Ann: 0 of 4 done")
    process.kill()
    process.wait()
    page.keyboard.press("y")
    says(page, "#saved", "not saved")
    process = start(run, port, *options)
    saved(page)
    assert link not in page.content() and link not in page.url
    process.terminate()


def test_strangers_read_nothing_of_a_real_server(run: Path) -> None:
    """Raw requests, as no browser and no well-meaning library would send them."""
    port = free_port()
    process: Any = start(run, port, "--host", "0.0.0.0", "--rater", "Ann")
    process.stdout.readline()
    token = process.stdout.readline().partition("token=")[2].strip()
    here, pass_ = f"Host: 127.0.0.1:{port}", f"Cookie: cfsa_review={token}"
    cases = [
        ("GET / HTTP/1.1", [f"Host: evil.example:{port}", pass_], 400),
        ("GET /api/next HTTP/1.1", [here], 401),
        ("GET /?token=guess HTTP/1.1", [here], 401),
        ("GET /api/next HTTP/1.1", [here, pass_, "Origin: http://evil.example"], 403),
        ("POST /api/undo HTTP/1.1", [here, pass_, "Content-Type: application/json", "Content-Length: 0"], 403),
        ("GET /images/../run.json HTTP/1.1", [here, pass_], 404),
        ("GET /images/../review.secret HTTP/1.1", [here, pass_], 404),
        ("GET /own/%2e%2e/%2e%2e/store.py HTTP/1.1", [here, pass_], 404),
        ("GET /api/next HTTP/1.1", [here, pass_], 200),
    ]
    try:
        for line, headers, code in cases:
            said = raw(port, "\r\n".join([line, *headers, "Connection: close", "", ""]))
            assert said.startswith(f"HTTP/1.1 {code} "), (line, headers, said)
            assert "fingerprint" not in said and "import" not in said and token not in said
    finally:
        process.kill()
        assert token not in process.communicate()[0]


def raw(port: int, request: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request.encode())
        return connection.makefile("rb").read().decode()


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_nobody_is_shut_out(chromium: Any, address: str, scheme: str, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()

    def fine() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert serious_violations(page) == []

    page.goto(address)
    fine()  # the form that asks for a name
    page.fill("#name", "Ann")
    page.press("#name", "Enter")
    page.wait_for_selector("#triggers > li:focus")
    for key in "yxe":
        page.keyboard.press(key)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    fine()  # an edit
    page.keyboard.press("Escape")
    saved(page)
    answered(page, "**/api/samples/*", lambda route: route.abort())
    page.keyboard.press("3")
    says(page, "#saved", "not saved")
    fine()
    page.unroute("**/api/samples/*")
    saved(page)
    for _ in range(4):
        page.keyboard.press("f")
        saved(page)
        before = page.url
        page.keyboard.press("n")
        page.wait_for_url(lambda address, before=before: address != before)
    page.wait_for_selector("#finished:not([hidden])")
    fine()


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
