"""One server for most tests of this folder: starting it costs more than all that they ask of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.fake_hub import FakeHub, run_fake_hub
from tests.fakes.served import Served, served

PLACES = 3
"""How many images may be in work or wait on the shared server."""


@pytest.fixture(scope="session")
def hub() -> Iterator[FakeHub]:
    """The Hub that the server could ask."""
    with run_fake_hub() as running:
        yield running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, hub: FakeHub) -> Iterator[Served]:
    """A server that runs "bright" unless told otherwise, with small limits."""
    folder = tmp_path_factory.mktemp("served")
    limits = ("--max-mb", "2", "--max-megapixels", "1", "--queue", str(PLACES))
    with served(folder, "--model", "bright", *limits, HF_ENDPOINT=hub.url) as running:
        yield running
