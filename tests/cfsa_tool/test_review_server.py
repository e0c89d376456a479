"""Who the review server answers, and what it takes; the requests are those of a browser, and of others."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient
from support.built_runs import basic_run, new_run

from cfsa_tool.cli import main
from cfsa_tool.errors import ReviewError
from cfsa_tool.records import Outcome
from cfsa_tool.review.access import COOKIE, CSRF, RATER, SECRET, Access, Public, is_loopback, secret_of
from cfsa_tool.review.server import application
from cfsa_tool.review.store import Review

HOME, AWAY = "http://127.0.0.1:8765", "http://192.0.2.7:8765"


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    found = Review(basic_run(tmp_path))
    found.take_in()
    yield found
    found.close()


class Client:
    """A browser that has loaded the page, and says who its rater is."""

    def __init__(self, review: Review, access: Access | None = None, base: str = HOME, rater: str = "ann") -> None:
        self.access = access or Access.of("127.0.0.1", 8765, [])
        self.http = TestClient(application(review, self.access), base_url=base, follow_redirects=False)
        self.headers = {CSRF: self.access.csrf, RATER: quote(rater), "content-type": "application/json"}

    def get(self, path: str, **headers: str) -> Any:
        return self.http.get(path, headers=self.headers | headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self.http.put(path, content=json.dumps(body), headers=self.headers | headers)

    def first(self) -> dict[str, Any]:
        name = self.get("/api/next").json()["sample"]
        found: dict[str, Any] = self.get(f"/api/samples/{name}").json()
        return found


@pytest.fixture
def client(review: Review) -> Client:
    return Client(review)


def test_a_mark_goes_there_and_back(client: Client) -> None:
    shown = client.first()
    name, mark = shown["sample"]["id"], shown["mark"]
    assert shown["base"] == 0 and mark["quality"] is None
    assert [note["number"] for note in shown["sample"]["notes"]] == [1, 2]
    mark["triggers"][0]["state"] = "kept"
    said = client.put(f"/api/samples/{name}", {"base": 0, "mark": mark})
    assert said.status_code == 200 and said.json() == {"base": 1, "done": False}
    assert client.get(f"/api/samples/{name}").json()["mark"] == mark
    assert client.put(f"/api/samples/{name}", {"base": 0, "mark": mark}).json()["base"] == 1  # sent again
    other = client.put(f"/api/samples/{name}", {"base": 0, "mark": mark | {"quality": 2}})
    assert other.status_code == 409 and (other.json()["base"], other.json()["mark"]) == (1, mark)
    assert client.http.post("/api/undo", content="{}", headers=client.headers).json() == {"sample": name}
    assert client.get(f"/api/samples/{name}").json()["base"] == 0


def test_nobody_is_told_what_others_have_marked(client: Client, review: Review) -> None:
    shown = client.first()
    shown["mark"]["comment"] = "a secret of ann's"
    client.put(f"/api/samples/{shown['sample']['id']}", {"base": 0, "mark": shown["mark"]})
    ben = Client(review, client.access, rater="ben")
    for path in ("/api/next", f"/api/samples/{shown['sample']['id']}", "/"):
        assert "secret" not in ben.get(path).text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("no json", 422), ({"base": 0}, 422), ({"base": -1, "mark": {"triggers": []}}, 422),
        ({"base": 0, "mark": {"triggers": []}}, 422),  # not those of the sample
        ({"base": 0, "mark": {"triggers": [], "quality": 6}}, 422),
        ({"base": 0, "mark": {"triggers": [], "x": 1}}, 422),
        ({"base": 0, "mark": {"triggers": [], "comment": "x" * 300_000}}, 413),
    ],
)  # fmt: skip
def test_what_is_no_mark_is_refused_in_one_line_and_changes_nothing(client: Client, body: Any, code: int) -> None:
    name = client.first()["sample"]["id"]
    said = client.put(f"/api/samples/{name}", body)
    assert said.status_code == code and "\n" not in said.json()["error"]
    assert client.get(f"/api/samples/{name}").json()["base"] == 0


# Images


def test_the_image_of_a_sample_is_served(client: Client) -> None:
    name = client.first()["sample"]["id"]
    said = client.get(f"/images/{name}")
    assert said.headers["content-type"] in ("image/png", "image/jpeg")
    assert said.content[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xdb")


@pytest.mark.parametrize(
    "path",
    ["/images/../run.json", "/images/..%2Frun.json", "/images/%2e%2e%2frun.json", "/own/../review.sqlite",
     "/own/..%2f..%2fserver.py", "/images//etc/passwd", "/api/samples/..%2f..%2frun.json", "/run.json",
     "/own/review.html"],
)  # fmt: skip
def test_no_other_file_can_be_read(client: Client, path: str) -> None:
    said = client.http.request("GET", path, headers=client.headers)
    assert said.status_code in (404, 405)
    assert "fingerprint" not in said.text and "import" not in said.text


def test_an_image_that_is_gone_is_said(client: Client, review: Review) -> None:
    name = client.first()["sample"]["id"]
    review.sample(name).item.path.unlink()
    said = client.get(f"/images/{name}")
    assert said.status_code == 503 and "Traceback" not in said.text


# Who may come in


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1", "127.0.0.1:80", "localhost.evil:8765", ""]
)
def test_a_foreign_host_is_refused(client: Client, host: str) -> None:
    """A page of another name that points at this machine reads nothing (DNS rebinding)."""
    for path in ("/", "/api/next", "/own/review.js"):
        assert client.get(path, host=host).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "[::1]:8765"])
def test_every_name_of_this_machine_is_served(client: Client, host: str) -> None:
    assert client.get("/api/next", host=host).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:9999"},
     {"origin": "https://127.0.0.1:8765"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}],
)  # fmt: skip
def test_a_foreign_origin_is_refused(client: Client, headers: dict[str, str]) -> None:
    shown = client.first()
    path = f"/api/samples/{shown['sample']['id']}"
    assert client.put(path, {"base": 0, "mark": shown["mark"]}, **headers).status_code == 403
    assert client.get(path, **headers).status_code == 403
    assert client.get(path).json()["base"] == 0


def test_a_request_that_does_not_know_the_page_changes_nothing(client: Client) -> None:
    """A form of another site can send neither the header nor JSON."""
    shown = client.first()
    path, body = f"/api/samples/{shown['sample']['id']}", {"base": 0, "mark": shown["mark"]}
    assert client.put(path, body, **{CSRF: "guessed"}).status_code == 403
    strange = [(name.encode(), value.encode()) for name, value in client.headers.items() if name != CSRF]
    strange.append((CSRF.encode(), "ungüeßed".encode()))
    assert client.http.put(path, content=json.dumps(body), headers=strange).status_code == 403
    assert client.put(path, body, **{"content-type": "text/plain"}).status_code == 415
    assert client.http.post("/api/undo", content="{}", headers={RATER: "ann"}).status_code == 403
    assert client.put(path, body, origin=HOME).status_code == 200


def test_beyond_this_machine_only_a_token_opens(review: Review) -> None:
    access = Access.of("192.0.2.7", 8765, ["ann", "ben"])
    assert not any(word in repr(access) for word in (*access.tokens, access.csrf))
    assert sorted(access.tokens.values()) == ["ann", "ben"]
    stranger = Client(review, access, AWAY)
    for path in ("/", "/api/next", "/own/review.js", "/?token=guess", "/images/x"):
        assert stranger.get(path).status_code == 401
    token = next(token for token, rater in access.tokens.items() if rater == "ben")
    ben = Client(review, access, AWAY, rater="ann")  # he says that he is ann
    opened = ben.get(f"/?token={token}")
    assert opened.status_code == 303 and token not in opened.headers["location"]
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "secure" not in cookie
    shown = ben.first()
    ben.put(f"/api/samples/{shown['sample']['id']}", {"base": 0, "mark": shown["mark"]})
    assert [one.rater for one in review.progress()] == ["ben"]
    assert token not in ben.get("/").text


def test_a_server_on_all_addresses_is_reached_by_each_and_by_no_other_name(review: Review) -> None:
    access = Access.of("0.0.0.0", 8765, ["ann"])
    token = next(iter(access.tokens))
    for host in ("192.0.2.7:8765", "[2001:db8::1]:8765", f"{socket.gethostname()}:8765"):
        assert Client(review, access, AWAY).get(f"/?token={token}", host=host).status_code == 303
    for host in ("evil.example:8765", "192.0.2.7:80", "192.0.2.7", "0.0.0.0.evil.example:8765"):
        assert Client(review, access, AWAY).get(f"/?token={token}", host=host).status_code == 400


def test_behind_a_proxy_or_a_tunnel_the_public_address_counts(review: Review) -> None:
    """The proxy may hand on the name that was asked for, or call the server by its own."""
    access = Access.of("127.0.0.1", 8765, ["ann"], Public.of("https://Review.lab.example/"))
    ((token, _),) = access.tokens.items()
    assert access.links() == [f"ann: https://review.lab.example/?token={token}"]
    for host in ("review.lab.example", "review.lab.example:443", "127.0.0.1:8765"):
        ann = Client(review, access, "https://review.lab.example")
        opened = ann.get(f"/?token={token}", host=host, **{"sec-fetch-site": "cross-site"})  # from a letter
        assert opened.status_code == 303 and "secure" in opened.headers["set-cookie"].lower()
        ann.http.cookies.set(COOKIE, token)
        own, other = "https://review.lab.example", "https://evil.example"
        undo = {"content": "{}", "headers": ann.headers | {"host": host}}
        assert ann.http.post("/api/undo", **undo | {"headers": undo["headers"] | {"origin": own}}).status_code == 200
        assert ann.http.post("/api/undo", **undo | {"headers": undo["headers"] | {"origin": other}}).status_code == 403
    tunnel = Access.of("127.0.0.1", 8765, [], Public.of("http://localhost:9000"))
    assert not tunnel.tokens
    assert Client(review, tunnel).get("/api/next", host="localhost:9000", origin="http://localhost:9000").is_success


@pytest.mark.parametrize("url", ["review.lab", "ftp://review.lab", "https://", "https://u:p@lab", "https://lab/review",
                                 "https://lab:99999", "https://lab?x=1"])  # fmt: skip
def test_what_is_no_public_address_is_wrong_usage(tmp_path: Path, url: str) -> None:
    done = CliRunner().invoke(main, ["review", str(basic_run(tmp_path).folder), "--public", url])
    assert done.exit_code == 2 and "--public" in done.output and "Traceback" not in done.output


@pytest.mark.parametrize(
    ("host", "port", "asked"),
    [("Review.Lab", 8765, "review.lab:8765"), ("127.0.0.1", 80, "127.0.0.1"), ("127.0.0.1", 80, "localhost:80"),
     ("127.0.0.2", 8765, "127.0.0.2:8765"), ("0.0.0.0", 80, "192.0.2.7"), ("::1", 8765, "[::1]:8765")],
)  # fmt: skip
def test_a_link_that_was_printed_is_served(review: Review, host: str, port: int, asked: str) -> None:
    """Browsers write names in small letters, and no port that goes without saying."""
    access = Access.of(host, port, ["ann"])
    path = f"/?token={next(iter(access.tokens), '')}"
    assert Client(review, access).get(path, host=asked).status_code in (200, 303)


def test_a_server_that_is_started_again_knows_its_links_and_pages(tmp_path: Path, review: Review) -> None:
    first, second = (Access.of("192.0.2.7", 8765, ["ann"], None, secret_of(tmp_path)) for _ in range(2))
    assert first.tokens == second.tokens and first.csrf == second.csrf
    assert (tmp_path / SECRET).stat().st_mode & 0o077 == 0
    assert Access.of("192.0.2.7", 8765, ["ann"]).tokens != first.tokens  # another run's
    (tmp_path / SECRET).write_text("damaged")
    with pytest.raises(ReviewError, match="is damaged") as caught:
        secret_of(tmp_path)
    assert caught.value.mend.startswith("Make new links: `rm ")


def test_whose_token_is_no_longer_good_is_told_to_open_the_new_link(review: Review) -> None:
    """Not to load the page again: what it has not saved yet would be gone."""
    ann = Client(review, Access.of("192.0.2.7", 8765, ["ann"]), AWAY)
    ann.headers[CSRF] = "of the server before"
    said = ann.put("/api/samples/x", {})
    assert said.status_code == 401 and "another tab" in said.json()["error"]


def test_on_this_machine_the_named_raters_are_the_only_ones(review: Review) -> None:
    review.expect(["Ann", "Ben"])
    client = Client(review, Access.of("127.0.0.1", 8765, ["Ann", "Ben"]))
    assert client.get("/api/next", **{RATER: "cid"}).status_code == 401
    said = client.get("/api/next", **{RATER: "ann"}).json()
    assert said["rater"] == "Ann" and [one["rater"] for one in said["raters"]] == ["Ann", "Ben"]
    assert 'name="raters" content="Ann\nBen"' in client.get("/").text
    assert 'name="rater" content="Ann"' in Client(review, Access.of("127.0.0.1", 8765, ["Ann"])).get("/").text


def test_a_sample_that_was_built_anew_is_not_found(client: Client, review: Review) -> None:
    shown = client.first()
    name = shown["sample"]["id"]
    review.run.finish(review.sample(name).item, Outcome(stage="summary", failure="the model refuses"))
    for path in (f"/api/samples/{name}", f"/images/{name}"):
        assert client.get(path).status_code == 404
    assert client.put(f"/api/samples/{name}", {"base": 0, "mark": shown["mark"]}).status_code == 404
    assert client.get("/api/next").json()["sample"] not in (name, None)


# The command


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], ["others can reach 0.0.0.0", "--rater NAME"]),
        (["--public", "https://review.lab"], ["others can reach https://review.lab", "--rater NAME"]),
        (["--rater", "a\nb"], ["is no name of a rater"]),
        (["--rater", "Ann", "--rater", "ann"], ["'Ann' and 'ann' are one rater"]),
        (["--host", "nosuchhost.invalid", "--rater", "ann"], ["cannot listen on nosuchhost.invalid", "--host HOST"]),
        (["--host", "192.0.2.7", "--rater", "ann"], ["cannot listen on 192.0.2.7", "--host HOST"]),
        (["--port", "TAKEN"], ["cannot listen on 127.0.0.1", "--port PORT"]),
    ],
)  # fmt: skip
def test_a_server_that_cannot_be_is_one_line_and_prints_no_links(
    tmp_path: Path, options: list[str], words: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = [one.replace("TAKEN", str(taken.getsockname()[1])) for one in options]
        done = CliRunner().invoke(main, ["review", str(basic_run(tmp_path).folder), *options])
    assert done.exit_code == 1 and all(word in done.output for word in words), done.output
    assert len(done.output.strip().splitlines()) == 1 and "token" not in done.output


def test_a_run_without_samples_cannot_be_reviewed(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["review", str(new_run(tmp_path / "run").folder)])
    assert done.exit_code == 1 and "has no finished sample" in done.output


def test_every_answer_forbids_frames_scripts_and_guesses(client: Client) -> None:
    for path in ("/", "/own/review.js", "/api/next", "/nothing"):
        said = client.get(path).headers
        assert "frame-ancestors 'none'" in said["content-security-policy"]
        assert said["x-content-type-options"] == "nosniff" and said["referrer-policy"] == "no-referrer"
        assert "unsafe" not in said["content-security-policy"]


@pytest.mark.parametrize(
    ("host", "inside"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.9.9.9", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.2", False), ("example.org", False), ("127.0.0.1.example.org", False)],
)  # fmt: skip
def test_what_only_this_machine_reaches(host: str, inside: bool) -> None:
    assert is_loopback(host) == inside


@pytest.mark.parametrize(("name", "good"), [("ann", True), ("Jörg", True), ("", False), (" ann", False)])
def test_a_request_says_who_asks(client: Client, name: str, good: bool) -> None:
    assert client.get("/api/next", **{RATER: quote(name)}).status_code == (200 if good else 401)
