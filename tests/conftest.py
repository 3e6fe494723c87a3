"""Every test has caches of its own and an unreachable Hub: nothing of the person who runs them is read or written."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.fakes.fake_hub import use_home


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    use_home(monkeypatch, tmp_path_factory.mktemp("home"))


@pytest.fixture(autouse=True, scope="session")
def heeded_ctrl_c() -> None:
    """A shell starts what runs in the background with Ctrl-C ignored, and children of the tests would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def bright_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The models of `tests.fakes.bright_model` beside all the others, and none of them loaded yet."""
    from dis_core.registry import manager as registry
    from tests.fakes import bright_model

    known = {**registry.models(), **bright_model.SPECS}
    monkeypatch.setattr(registry, "models", lambda: known)
    bright_model.loaded.clear()
    yield
    bright_model.loaded.clear()
