"""The lines with curl in docs/how-to/serve.md do what the page says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from tests.docs.pages import DOCS, ROOT
from tests.fakes.served import Served

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:7000"


@pytest.fixture(scope="module")
def folder(server: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all the lines of the page were typed."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    folder = tmp_path_factory.mktemp("typed")
    with Image.open(ROOT / "examples" / "flower.jpg") as flower:
        flower.save(folder / "flower.jpg")
    lines = "".join(BLOCK.findall((DOCS / "how-to" / "serve.md").read_text(encoding="utf-8"))).splitlines()
    assert len(lines) == 9
    for line in lines:
        assert line.startswith("curl "), line
        typed = ["sh", "-c", line.replace(ADDRESS, server.url)]
        done = subprocess.run(typed, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    return folder


@pytest.mark.parametrize(
    ("name", "mode", "size"),
    [("cutout.png", "RGBA", (640, 427)), ("matte.png", "L", (640, 427)), ("on-blue.jpg", "RGB", (640, 427))],
)
def test_the_pictures_are_what_was_asked_for(folder: Path, name: str, mode: str, size: tuple[int, int]) -> None:
    with Image.open(folder / name) as image:
        assert (image.mode, image.size) == (mode, size)


def test_the_zip_has_both_parts(folder: Path) -> None:
    with zipfile.ZipFile(folder / "parts.zip") as pack:
        assert pack.namelist() == ["color.jpg", "alpha.png"]


def test_the_rest_is_what_the_page_calls_it(folder: Path) -> None:
    assert "\nevent: result\n" in (folder / "events.txt").read_text(encoding="utf-8")
    assert json.loads((folder / "health.json").read_text(encoding="utf-8"))["status"] == "ok"
    assert json.loads((folder / "openapi.json").read_text(encoding="utf-8"))["openapi"] == "3.1.0"
    assert "bright" in (folder / "models.json").read_text(encoding="utf-8")
    assert (folder / "metrics.txt").read_text(encoding="utf-8").startswith("# HELP")
