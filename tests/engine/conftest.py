"""A real engine for the tests; `make test-engine` installs it."""

from collections.abc import Iterator

import pytest
from vllm_server import PYTHON, VLLMServer, serving, write_checkpoint


@pytest.fixture(scope="session")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VLLMServer]:
    """A vLLM server whose model talks nonsense; started once."""
    if not PYTHON.is_file():
        pytest.fail("there is no vLLM in .venv-engine: run `make test-engine`", pytrace=False)
    folder = tmp_path_factory.mktemp("vllm")
    with serving(write_checkpoint(folder / "model"), folder / "log.txt") as server:
        yield server
