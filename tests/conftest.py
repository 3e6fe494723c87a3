"""Every test has caches of its own and an unreachable Hub: nothing of the person who runs them is read or written."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from dis_core.threads import wait_briefly
from tests.fakes.fake_hub import run_fake_hub, use_home, use_hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.fake_hub import FakeHub

HOSTS = Path(__file__).parent / "hosts"


def pytest_configure() -> None:
    """Give the examples of hypothesis time: how long one takes says nothing on a machine that has other work."""
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side (`pytest -n 2 --dist loadgroup`), those of a file stay together, and so do those of
    the editors: each of these is started once for all of them, and two would take each other's time."""
    for item in items:
        is_in_editor = HOSTS in item.path.parents
        item.add_marker(pytest.mark.xdist_group("hosts" if is_in_editor else str(item.path)))
        if is_in_editor:
            # Beside other tests an editor misses a key or a click now and then. What was tried again is listed.
            item.add_marker(pytest.mark.flaky(reruns=1, condition=os.environ.get("CI") == "true"))


# Before a test imports torch: on a busy machine threads that spin cost the tests many times their time.
wait_briefly(os.environ)


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    use_home(monkeypatch, tmp_path_factory.mktemp("home"))


@pytest.fixture(autouse=True, scope="session")
def heeded_ctrl_c() -> None:
    """A shell starts what runs in the background with Ctrl-C ignored, and children of the tests would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def fake_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A Hub with the published checkpoint of the small network, pickled, and one as safetensors."""
    from safetensors.torch import save

    from tests.fakes.small_network import (  # torch, which most tests need not
        SmallNetwork,
        pickled,
        published_checkpoint,
    )

    with run_fake_hub() as hub:
        hub.files["someone/small/small.pth"] = pickled(published_checkpoint())
        hub.files["someone/direct/model.safetensors"] = save(SmallNetwork().state_dict())
        use_hub(monkeypatch, hub.url)
        yield hub


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
