"""The programs in examples/ are short, and do what they say."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dis_core
from dis_core import Matte, Picture
from tests.fakes.loose_modules import load_module

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PROGRAMS = sorted([*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.ipynb")])


def cells_of(notebook: Path) -> list[str]:
    """The code of a notebook, cell by cell."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def code_of(program: Path) -> str:
    if program.suffix == ".ipynb":
        return "\n".join(cells_of(program))
    return program.read_text(encoding="utf-8")


def small(name: str, path: Path) -> Path:
    """An example's photo, small enough to be cut out in no time."""
    with Image.open(EXAMPLES / name) as photo:
        photo.resize((160, 120)).save(path)
    return path


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_an_example_is_short_and_says_what_it_is(program: Path) -> None:
    code = code_of(program)

    assert len(code.splitlines()) < 40
    if program.suffix == ".py":
        assert ast.get_docstring(ast.parse(code))


def test_every_example_is_named_in_the_readme() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")

    assert [program.name for program in PROGRAMS if f"[{program.name}]({program.name})" not in text] == []


def test_a_folder_is_cut_out_and_what_is_no_photo_is_named(tmp_path: Path) -> None:
    photos, results = tmp_path / "photos", tmp_path / "results"
    photos.mkdir()
    for name in ("flower.jpg", "coffee.jpg"):
        small(name, photos / name)
    (photos / "broken.jpg").write_bytes(b"no photo")
    (photos / "notes.txt").write_text("no photo either", encoding="utf-8")

    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "folder.py"), str(photos), str(results)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout.splitlines() == [str(results / "coffee.png"), str(results / "flower.png")]
    assert done.stderr.startswith("broken.jpg: ")
    for path in results.iterdir():
        with Image.open(path) as cutout:
            assert (cutout.mode, cutout.size) == ("RGBA", (160, 120))
            assert 0.05 < np.asarray(cutout)[..., 3].mean() / 255 < 0.95


@pytest.fixture
def web_service() -> Iterator[Any]:
    from fastapi.testclient import TestClient

    service = load_module("examples/web_service.py")
    with TestClient(service.app) as client:
        assert service.pipeline.loaded == ("dis-lite",)
        yield client


def test_the_web_service_answers_with_a_cutout(web_service: Any, tmp_path: Path) -> None:
    photo = small("flower.jpg", tmp_path / "flower.jpg").read_bytes()

    answer = web_service.post("/cutout", content=photo)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    (tmp_path / "cutout.png").write_bytes(answer.content)
    with Image.open(tmp_path / "cutout.png") as cutout:
        assert (cutout.mode, cutout.size) == ("RGBA", (160, 120))


def test_the_web_service_says_what_is_wrong_with_a_photo(web_service: Any) -> None:
    answer = web_service.post("/cutout", content=b"no photo")

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("the image is not an image")


def test_a_model_of_ones_own_runs_like_the_others(tmp_path: Path) -> None:
    pixels = np.zeros((80, 120, 3), np.uint8)
    pixels[:, :60], pixels[:, 60:] = (255, 51, 0), (0, 102, 204)
    Image.fromarray(pixels).save(tmp_path / "photo.png")

    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "own_model.py"), "photo.png", "mask.png"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "mask.png") as mask:
        found = np.asarray(mask, np.float32) / 255
    warm, cold = (1 / (1 + np.exp(-(np.dot((4, 1, -5), color) - 0.5))) for color in ((1, 0.2, 0), (0, 0.4, 0.8)))
    assert np.abs(found[5:-5, 5:55] - warm).max() < 0.01
    assert np.abs(found[5:-5, 65:-5] - cold).max() < 0.01


def test_a_network_is_exported_and_the_file_runs_without_dis_core(tmp_path: Path) -> None:
    photo, mask = small("flower.jpg", tmp_path / "flower.jpg"), tmp_path / "mask.png"
    program = "import runpy, sys; runpy.run_path(sys.argv[0], run_name='__main__'); print(*sys.modules)"
    command = f"import sys; sys.argv = {[str(EXAMPLES / 'export_and_run.py'), str(photo), str(mask)]!r}; {program}"

    for _ in ("export and run", "run alone"):
        done = subprocess.run(
            [sys.executable, "-c", command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    assert not {"torch", "dis_core"} & set(done.stdout.split())
    with Image.open(mask) as image:
        found = np.asarray(image, np.float32) / 255
    expected = dis_core.segment(photo, model="dis-lite", device="cpu", refine="none").alpha
    assert np.abs(found - expected).mean() < 0.02


def test_the_notebook_runs_and_shows_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("flower.jpg", "coffee.jpg"):
        small(name, tmp_path / name)
    names: dict[str, Any] = {}

    shown = [run_cell(cell, names) for cell in cells_of(EXAMPLES / "notebook.ipynb")]

    assert [type(value) for value in shown if value is not None] == [Matte, Picture, Matte]
    assert all(value._repr_png_().startswith(b"\x89PNG") for value in shown if value is not None)
    assert "(120, 160) float32" in capsys.readouterr().out


def run_cell(code: str, names: dict[str, Any]) -> Any:
    """Run a cell, and return what a notebook would show: the value of its last expression."""
    tree = ast.parse(code)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(tree, "a cell", "exec"), names)  # noqa: S102 - that is the point
        return None
    exec(compile(ast.Module(tree.body[:-1], []), "a cell", "exec"), names)  # noqa: S102
    return eval(compile(ast.Expression(last.value), "a cell", "eval"), names)  # noqa: S307


def test_the_notebook_is_one_and_has_no_results_of_whoever_saved_it() -> None:
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))

    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
