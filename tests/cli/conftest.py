"""What several tests of commands start from."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.fakes.bright_squares import bright_square


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a.png, b.jpg and deeper/a.jpg, each black with a white square."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deeper").mkdir()
    for name in ("a.png", "b.jpg", "deeper/a.jpg"):
        Image.fromarray(bright_square()).save(tmp_path / name, quality=100)
    return tmp_path
