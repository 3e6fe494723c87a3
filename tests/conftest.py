"""Every test has caches of its own and an unreachable Hub: nothing of the person who runs them is read or written."""

from __future__ import annotations

import pytest

from tests.hub_standin import use_home


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    use_home(monkeypatch, tmp_path_factory.mktemp("home"))
