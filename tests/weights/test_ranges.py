"""A server that sends the whole file although only the rest of it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dis_core.weights import hub, store
from tests.fakes import fake_hub as fakes
from tests.fakes.small_network import SMALL, assert_is_converted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.fake_hub import FakeHub


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.use_home(monkeypatch, tmp_path)
    monkeypatch.setattr(hub, "RETRY_PAUSE_S", 0.01)


@pytest.mark.parametrize("cuts", [[100_000], [100_000, 50_000], [100_000, 150_000]], ids=str)
def test_a_server_that_ignores_ranges_costs_one_more_transfer_and_no_third(
    fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch, cuts: list[int]
) -> None:
    send_file = fakes._Handler._send_file
    monkeypatch.setattr(fakes._Handler, "_send_file", lambda self, content, _: send_file(self, content, None))
    fake_hub.cuts = list(cuts)

    path = store.obtain(SMALL).path

    assert_is_converted(path)
    assert len(fake_hub.downloads()) == 1 + len(cuts)
