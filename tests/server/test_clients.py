"""Programs that others wrote for remove.bg, pointed at this server: only the address in them is another."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import npm_clients
from tests.fakes.served import Served, pixels_of, png, two_halves

THEIR_ADDRESS = "https://api.remove.bg/v1.0/removebg"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(png(two_halves()))
    return path


@pytest.fixture
def python_client(server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`removebg` of PyPI."""
    removebg = pytest.importorskip("removebg.removebg")
    assert removebg.API_ENDPOINT == THEIR_ADDRESS
    monkeypatch.setattr(removebg, "API_ENDPOINT", f"{server.url}/v1.0/removebg")
    return removebg.RemoveBg("a key", str(tmp_path / "errors.log"))


def is_right_half(data: bytes, background: tuple[int, ...] = (0, 0, 0, 0)) -> bool:
    found = pixels_of(data)
    is_behind = tuple(found[0, 0]) == background[: found.shape[2]]
    return is_behind and tuple(found[59, 79][:3]) == (250, 240, 200) and found.shape[:2] == (60, 80)


def test_the_python_client_sends_a_file(python_client: Any, photo: Path) -> None:
    python_client.remove_background_from_img_file(str(photo), bg_color=None)

    assert is_right_half(Path(f"{photo}_no_bg.png").read_bytes())


def test_the_python_client_sends_base_64_and_a_color(python_client: Any, photo: Path) -> None:
    result = photo.with_name("result.png")
    text = base64.b64encode(photo.read_bytes())

    python_client.remove_background_from_base64_img(text, size="hd", new_file_name=str(result), bg_color="ff8000")

    data = result.read_bytes()
    assert data.startswith(b"\xff\xd8"), "nothing is transparent, so that the default format is JPEG"
    assert abs(int(pixels_of(data)[5, 5][0]) - 255) < 6


def test_the_python_client_is_told_that_addresses_are_not_fetched(python_client: Any) -> None:
    with pytest.raises(requests.HTTPError, match="400"):
        python_client.remove_background_from_img_url("http://example.com/a.png")


@pytest.fixture
def node_folder(server: Served, tmp_path: Path) -> Path:
    """A folder for Node programs, with both clients of npm in it."""
    modules = npm_clients.modules_or_skip()
    places = {"remove.bg": "dist/index.js", "removebg-wrapper": "index.js"}
    for name, program in places.items():
        own = tmp_path / "node_modules" / name
        shutil.copytree(modules / name, own)
        code = (own / program).read_text(encoding="utf-8")
        assert THEIR_ADDRESS in code
        (own / program).write_text(code.replace(THEIR_ADDRESS, f"{server.url}/v1.0/removebg"), encoding="utf-8")
    for other in modules.iterdir():
        if other.name not in places and not other.name.startswith("."):
            (tmp_path / "node_modules" / other.name).symlink_to(other)
    return tmp_path


def run_node(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    command = ["node", "--no-deprecation", "-e", program]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_remove_bg_of_npm_sends_a_file_with_all_its_options(node_folder: Path, photo: Path) -> None:
    program = """
    const { removeBackgroundFromImageFile } = require("remove.bg");
    removeBackgroundFromImageFile({ path: "photo.png", apiKey: "a key", size: "full", type: "product",
        crop: true, crop_margin: "10%", scale: "original", position: "original", roi: "0% 0% 100% 100%",
        channels: "rgba", bg_color: "", add_shadow: false, outputFile: "result.png",
    }).then(r => { delete r.base64img; console.log(JSON.stringify(r)) }, e => console.log(JSON.stringify(e)));
    """

    done = run_node(node_folder, program)

    told = json.loads(done.stdout)
    assert told == {"creditsCharged": "0", "detectedType": "product", "resultWidth": "48", "resultHeight": "72"}
    assert pixels_of((node_folder / "result.png").read_bytes()).shape == (72, 48, 4)


def test_remove_bg_of_npm_sends_base_64(node_folder: Path, photo: Path) -> None:
    text = base64.b64encode(photo.read_bytes()).decode()
    program = f"""
    const {{ removeBackgroundFromImageBase64 }} = require("remove.bg");
    removeBackgroundFromImageBase64({{ base64img: "{text}", apiKey: "a key", outputFile: "result.png" }})
        .then(r => console.log(r.resultWidth), e => console.log(JSON.stringify(e)));
    """

    done = run_node(node_folder, program)

    assert done.stdout == "80\n", done.stderr
    assert is_right_half((node_folder / "result.png").read_bytes())


def test_remove_bg_of_npm_reads_why_it_is_refused(node_folder: Path) -> None:
    program = """
    const { removeBackgroundFromImageUrl } = require("remove.bg");
    removeBackgroundFromImageUrl({ url: "http://example.com/a.png", apiKey: "a key" })
        .then(() => console.log("no"), e => console.log(JSON.stringify(e)));
    """

    done = run_node(node_folder, program)

    assert json.loads(done.stdout)[0]["code"] == "url_not_allowed"


def test_removebg_wrapper_of_npm_sends_a_file(node_folder: Path, photo: Path) -> None:
    done = run_node(node_folder, 'require("removebg-wrapper").rbFromImageFile("photo.png", "a key")')

    assert done.stderr == ""
    assert is_right_half((node_folder / "output.png").read_bytes())
