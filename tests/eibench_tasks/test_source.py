"""Where EIBench's files come from: a folder, a checkout, or a download; and what is said when they do not come."""

import http.server
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from support.reference_scripts import reference_scripts, write_checkout

from eibench_tasks.data import protocol, source
from eibench_tasks.errors import AnnotationError, EIBenchError

TOO_LARGE = 10_000_001


@pytest.fixture(scope="module")
def checkout(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of EIBench, as far as this benchmark reads it; tests must not change it."""
    strings = protocol.protocol_from_json((published / "protocol.json").read_bytes())
    scripts = reference_scripts(strings.model_dump(exclude_none=True))
    return write_checkout(tmp_path_factory.mktemp("clone"), published, scripts)


@pytest.fixture
def own_checkout(checkout: Path, tmp_path: Path) -> Path:
    """A checkout that a test may damage."""
    return Path(shutil.copytree(checkout, tmp_path / "clone"))


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The Hub is out of reach and nothing of it is cached, also where its client was imported before."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


class HangsUp(Quiet):
    """Promises more than it sends."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half a fi")


@contextmanager
def serving(handler: Callable[..., http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def failure_of_download() -> EIBenchError:
    with pytest.raises(EIBenchError) as caught:
        source.load(None)
    assert "\n" not in str(caught.value)
    return caught.value


# From a folder


def test_a_flat_folder_with_the_files_is_read(published: Path) -> None:
    samples, strings = source.load(published)
    assert len(samples) == 1665
    assert protocol.digest(strings) == protocol.SHA256


def test_a_checkout_gives_the_same_as_the_flat_folder(checkout: Path, published: Path) -> None:
    assert source.load(checkout) == source.load(published)


def test_the_inner_folder_of_a_checkout_is_accepted_too(checkout: Path) -> None:
    assert source.load(checkout / "EIBench") == source.load(checkout)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"--eibench .*/nowhere is not a folder"):
        source.load(tmp_path / "nowhere")


def test_an_empty_folder_is_refused_with_the_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match=r"user\.jsonl is not in .*Give a checkout"):
        source.load(tmp_path)


def test_annotations_without_protocol_strings_are_refused(published: Path, tmp_path: Path) -> None:
    for name in ("user.jsonl", "basic_ground_truth.json", "ec_complex.jsonl"):
        shutil.copyfile(published / name, tmp_path / name)
    with pytest.raises(AnnotationError, match=r"qwen_user\.py is not in"):
        source.load(tmp_path)


def test_a_checkout_of_another_commit_is_refused(own_checkout: Path) -> None:
    with (own_checkout / "EIBench/EI_Complex/ec_complex.jsonl").open("a", encoding="utf-8") as file:
        file.write('\n{"A/b.png": {"Why happy?": "1. a"}}\n')
    with pytest.raises(AnnotationError, match=r"ec_complex\.jsonl is not the published file: it parses, with 51"):
        source.load(own_checkout)


def test_a_file_that_is_far_too_large_is_not_read(own_checkout: Path) -> None:
    with (own_checkout / "EIBench/EI_Basic/user.jsonl").open("wb") as file:
        file.truncate(TOO_LARGE)
    with pytest.raises(AnnotationError, match="larger than any file of EIBench"):
        source.load(own_checkout)


# By download


def test_the_files_are_downloaded_from_the_mirror_that_eibench_source_names(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(partial(Quiet, directory=str(checkout))) as address:
        monkeypatch.setenv("EIBENCH_SOURCE", address + "/")
        assert source.load(None) == source.load(checkout)


def test_a_file_that_the_mirror_lacks_ends_in_one_line(own_checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_checkout / "EIBench/EI_Complex/ec_complex.jsonl").unlink()
    with serving(partial(Quiet, directory=str(own_checkout))) as address:
        monkeypatch.setenv("EIBENCH_SOURCE", address)
        error = failure_of_download()
    assert "EIBENCH_SOURCE: ec_complex.jsonl: status 404" in error.what
    assert "--eibench CLONE" in error.mend


def test_a_download_that_is_far_too_large_is_broken_off(own_checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (own_checkout / "EIBench/EI_Basic/user.jsonl").open("wb") as file:
        file.truncate(TOO_LARGE)
    with serving(partial(Quiet, directory=str(own_checkout))) as address:
        monkeypatch.setenv("EIBENCH_SOURCE", address)
        assert "EIBENCH_SOURCE: user.jsonl is larger than 10 MB" in failure_of_download().what


def test_a_mirror_with_other_files_is_refused(own_checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_checkout / "EIBench/EI_Basic/user.jsonl").write_text("<html>Please log in</html>", encoding="utf-8")
    with serving(partial(Quiet, directory=str(own_checkout))) as address:
        monkeypatch.setenv("EIBENCH_SOURCE", address)
        with pytest.raises(AnnotationError, match=r"user\.jsonl is not the published file: user\.jsonl line 1"):
            source.load(None)


def test_a_mirror_that_hangs_up_ends_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(HangsUp) as address:
        monkeypatch.setenv("EIBENCH_SOURCE", address)
        assert "EIBENCH_SOURCE: qwen_user.py: RemoteProtocolError" in failure_of_download().what


def test_a_mirror_that_cannot_be_reached_ends_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("EIBENCH_SOURCE", f"http://127.0.0.1:{taken.getsockname()[1]}")
        error = failure_of_download()
    assert "EIBench could not be downloaded (EIBENCH_SOURCE: qwen_user.py: ConnectError" in error.what
    assert "--eibench CLONE" in error.mend


@pytest.mark.parametrize("address", ["no-address", "ftp://127.0.0.1", "http://[", "http://127.0.0.1:99999"])
def test_an_address_that_is_none_ends_in_one_line(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("EIBENCH_SOURCE", address)
    assert "EIBench could not be downloaded" in failure_of_download().what


def test_a_password_in_the_address_of_a_mirror_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIBENCH_SOURCE", "http://user:hunter2@127.0.0.1:9")
    assert "hunter2" not in str(failure_of_download())


def test_annotations_come_from_the_hub_where_the_repository_lacks_them(
    own_checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub"
    for name, folder in source._HUB_FOLDERS.items():
        (hub / folder).mkdir(parents=True, exist_ok=True)
        (own_checkout / "EIBench" / source._FOLDERS[name] / name).rename(hub / folder / name)
    with (
        serving(partial(Quiet, directory=str(own_checkout))) as repository,
        serving(partial(Quiet, directory=str(hub))) as address,
    ):
        monkeypatch.setattr(source, "REPOSITORY", repository)
        monkeypatch.setattr(source, "HUB", address)
        samples, _ = source.load(None)
    assert len(samples) == 1665
