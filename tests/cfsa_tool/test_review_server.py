"""Who the review server answers, and what it takes; the requests are those of a browser, and of others."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from support.built_runs import basic_run

from cfsa_tool.review.access import CSRF, RATER, Access, is_loopback
from cfsa_tool.review.marks import is_name
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
    assert client.put(f"/api/samples/{name}", {"base": 0, "mark": mark}).status_code == 409
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
    assert client.put(path, body, **{"content-type": "text/plain"}).status_code == 415
    assert client.http.post("/api/undo", content="{}", headers={RATER: "ann"}).status_code == 403
    assert client.put(path, body, origin=HOME).status_code == 200


def test_beyond_this_machine_only_a_token_opens(review: Review) -> None:
    access = Access.of("192.0.2.7", 8765, ["ann", "ben"])
    assert sorted(access.tokens.values()) == ["ann", "ben"]
    stranger = Client(review, access, AWAY)
    for path in ("/", "/api/next", "/own/review.js", "/?token=guess", "/images/x"):
        assert stranger.get(path).status_code == 401
    token = next(token for token, rater in access.tokens.items() if rater == "ben")
    ben = Client(review, access, AWAY, rater="ann")  # he says that he is ann
    opened = ben.get(f"/?token={token}")
    assert opened.status_code == 303 and token not in opened.headers["location"]
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
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


@pytest.mark.parametrize(
    ("name", "good"),
    [("ann", True), ("Jörg B.", True), ("", False), (" ann", False), ("a\nb", False), ("x" * 41, False)],
)
def test_what_a_rater_can_be_called(client: Client, name: str, good: bool) -> None:
    assert is_name(name) == good
    assert client.get("/api/next", **{RATER: quote(name)}).status_code == (200 if good else 401)
