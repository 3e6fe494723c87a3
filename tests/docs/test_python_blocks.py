"""The Python in the docs is run, offline and with the model that comes with the package."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants
from PIL import Image

import dis_core
from dis_core.export.request import PACKAGES
from dis_core.registry import manager as registry
from tests.docs.pages import GENERATED, PAGES, ROOT, page_id

BLOCK = re.compile(r"^(?:<!-- not run: (?P<reason>.+) -->\n)?```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"\A\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)

EMBEDDED = Path(dis_core.__file__).parent / "embedded"
FLOWER = ROOT / "examples" / "flower.jpg"
EXAMPLE = ROOT / "examples" / "dis-core-example"
EXPORTED = "dis-lite.onnx"
SMALL = (160, 120)  # width, height: large enough for the boxes that the pages name

PROGRAMS = {
    f"{page_id(page)}:{found.string[: found.start()].count(chr(10)) + 1}": found
    for page in PAGES
    if page not in GENERATED
    for found in BLOCK.finditer(page.read_text(encoding="utf-8"))
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the pages name: photos, mattes and a trained model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(registry, "_own", {})  # pages may register a model of their own
    for name in ("examples", "photos", "predictions", "truths", "runs/mine"):
        Path(name).mkdir(parents=True)
    shutil.copy(FLOWER, "examples")
    photo = Image.open(FLOWER).resize(SMALL)
    for name in ("beach.jpg", "party.jpg", "photo.jpg", "sunset.jpg", "photos/beach.jpg"):
        photo.save(name)
    for name in ("beach", "forest"):
        for kind in ("predictions", "truths"):
            photo.convert("L").point(lambda value: 255 if value > 90 else 0).save(f"{kind}/{name}.png")
    for weights in EMBEDDED.glob("*.safetensors"):
        shutil.copy(weights, "runs/mine")
    return tmp_path


@pytest.mark.parametrize("found", PROGRAMS.values(), ids=PROGRAMS)
def test_python_in_the_docs_runs_and_prints_what_they_say(
    found: re.Match[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = found["code"]
    if found["reason"]:
        pytest.skip(found["reason"])
    if any(path.read_text(encoding="utf-8") == code for path in EXAMPLE.rglob("*.py")):
        return  # a file of the example package, which is built, installed and run by a test of its own
    if EXPORTED in code:
        for package in PACKAGES:
            pytest.importorskip(package, reason="needs: pip install 'dis-core[export]'")
        dis_core.export_model("dis-lite", EXPORTED)

    exec(compile(code, "a page of the docs", "exec"), {"__name__": "__main__"})  # noqa: S102 - that is the point

    printed = capsys.readouterr().out
    if shown := SHOWN.match(found.string[found.end() :]):
        assert printed == shown[1]


def test_pages_have_programs_and_most_of_them_run() -> None:
    reasons = [found["reason"] for found in PROGRAMS.values()]

    assert len(reasons) > 10
    assert sum(reason is not None for reason in reasons) <= len(reasons) / 4
