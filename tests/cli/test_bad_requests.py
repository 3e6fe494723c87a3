"""Whatever is asked wrongly gets one clear line and exit status 1: no traceback, nothing written."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.cli.main import run

TINY = ("--model", "dis-lite")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)).save("good.png")
    Image.open("good.png").convert("RGB").save("good.jpg")
    Image.new("L", (20, 20)).save("small-depth.png")
    Path("text.jpg").write_text("this is no image")
    Path("empty.png").write_bytes(b"")
    Path("cut.jpg").write_bytes(Path("good.jpg").read_bytes()[:400])
    Path("huge.png").write_bytes(png_header(100_000, 100_000))
    Path("garbage.pth").write_bytes(b"\x80\x04garbage")
    Path("no-images").mkdir()
    return tmp_path


def png_header(width: int, height: int) -> bytes:
    """The start of a PNG that says it is enormous."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = (
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in (header, data)
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


BAD = {
    "a file that is not there": (["cutout", "nowhere.jpg", *TINY], "nowhere.jpg"),
    "a text": (["cutout", "text.jpg", *TINY], "text.jpg"),
    "an empty file": (["cutout", "empty.png", *TINY], "empty"),
    "a file that was cut off": (["cutout", "cut.jpg", *TINY], "cut.jpg"),
    "an absurdly large image": (["cutout", "huge.png", *TINY], "300 megapixels"),
    "a folder without images": (["cutout", "no-images", *TINY], "no-images"),
    "no image at all": (["cutout"], "Missing argument"),
    "an unknown option": (["cutout", "good.png", "--sharpen"], "--sharpen"),
    "an unknown command": (["cut", "good.png"], "cut"),
    "an unknown model": (["cutout", "good.png", "-m", "u2net"], "u2net"),
    "a depth model": (["cutout", "good.png", "-m", "depth-tiny"], "depth-tiny"),
    "a model that is not here and cannot be fetched": (["cutout", "good.png", "-m", "pdfnet"], "Hub"),
    "an unknown device": (["cutout", "good.png", *TINY, "--device", "tpu9"], "tpu9"),
    "half precision on the CPU": (
        ["cutout", "good.png", *TINY, "--device", "cpu", "--precision", "half"],
        "half precision",
    ),
    "a device that is not here": (["cutout", "good.png", *TINY, "--device", "cuda:97"], "cuda:97"),
    "a box of three numbers": (["cutout", "good.png", *TINY, "--roi", "1,2,3"], "1,2,3"),
    "an empty box": (["cutout", "good.png", *TINY, "--roi", "1,2,0,5"], "0 x 5"),
    "a box outside of the image": (["cutout", "good.png", *TINY, "--roi", "900,900,5,5"], "(900, 900)"),
    "an unknown quality": (["cutout", "good.png", *TINY, "--quality", "superb"], "superb"),
    "a format that cannot be written": (["cutout", "good.png", *TINY, "-o", "x.jp2"], "x.jp2"),
    "a format against the ending": (["cutout", "good.png", *TINY, "-o", "x.png", "--format", "webp"], "contradict"),
    "the image itself as the result": (
        ["cutout", "good.png", *TINY, "-o", "good.png", "--overwrite"],
        "good.png is also one of the inputs",
    ),
    "a result below a file": (["cutout", "good.png", *TINY, "-o", "good.jpg/x.png"], "good.jpg"),
    "a file for several results": (["cutout", "good.png", "good.jpg", *TINY, "-o", "text.jpg"], "folder"),
    "standard output for several": (["cutout", "good.png", "good.jpg", *TINY, "-o", "-"], "standard output"),
    "standard input among others": (["cutout", "-", "good.png", *TINY], "standard input"),
    "json into the image": (["cutout", "good.png", *TINY, "-o", "-", "--progress", "json"], "standard output"),
    "an unknown color": (["cutout", "good.png", *TINY, "--bgcolor", "blurple"], "blurple"),
    "a background that is not there": (["cutout", "good.png", *TINY, "--bgimage", "beach.jpg"], "beach.jpg"),
    "two backgrounds": (["cutout", "good.png", *TINY, "--bgcolor", "red", "--bgimage", "good.jpg"], "contradict"),
    "a margin that is no amount": (["cutout", "good.png", *TINY, "--margin", "8 percent"], "8 percent"),
    "margins without room between them": (["mask", "good.png", *TINY, "--size", "90x60", "--margin", "50%"], "60"),
    "a size of one number": (["cutout", "good.png", *TINY, "--size", "2000"], "2000x2000"),
    "a size of nothing": (["cutout", "good.png", *TINY, "--size", "0x9"], "0 x 9"),
    "a size beyond all memory": (["cutout", "good.png", *TINY, "--size", "99999x99999"], "99999 x 99999"),
    "a size that the format has not": (["cutout", "good.png", *TINY, "--size", "17000x9", "--format", "webp"], "16383"),
    "a negative margin": (["cutout", "good.png", *TINY, "--margin", "-5"], "-5"),
    "a depth map of another size": (["cutout", "good.png", *TINY, "--depth", "small-depth.png"], "20 x 20"),
    "a depth map for several": (["cutout", "good.png", "good.jpg", *TINY, "--depth", "good.jpg"], "--depth"),
    "a depth map that is not there": (["cutout", "good.png", *TINY, "--depth", "d.png"], "d.png"),
    "weights that forbid commerce": (
        ["cutout", "good.png", "-m", "pdfnet", "--depth-model", "depth-anything-v2-base"],
        "CC-BY-NC-4.0",
    ),
    "a matte model for the depth": (["cutout", "good.png", *TINY, "--depth-model", "dis-lite"], "dis-lite"),
    "an unknown depth model beside a depth map": (
        ["cutout", "good.png", *TINY, "--depth", "good.jpg", "--depth-model", "midas"],
        "midas",
    ),
    "a name longer than names can be": (["cutout", "x" * 300 + ".png", *TINY], "xxx.png"),
    "a result with too long a name": (["cutout", "good.png", *TINY, "-o", "x" * 300 + ".png"], "xxx.png"),
    "a result without a name": (["cutout", "good.png", *TINY, "-o", ""], "''"),
    "an unknown depth model": (["cutout", "good.png", *TINY, "--depth-model", "midas"], "midas"),
    "an unknown model to fetch": (["fetch", "u2net"], "u2net"),
    "a checkpoint that is garbage": (["fetch", "pdfnet", "--from", "garbage.pth"], "garbage.pth"),
    "a checkpoint that is not there": (["fetch", "pdfnet", "--from", "nowhere.pth"], "nowhere.pth"),
}


@pytest.mark.parametrize(("arguments", "names"), BAD.values(), ids=BAD.keys())
def test_one_clear_line_and_status_1(
    arguments: list[str], names: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    status = run(arguments)

    told = capsys.readouterr()
    lines = [line for line in told.err.splitlines() if line]
    assert status == 1
    assert [line for line in lines if line.startswith("dis-core: ")] == lines[-1:]
    assert len(lines) == 1 or arguments[0] == "fetch"  # which says first what it is about to do
    assert names in lines[-1]
    assert "Traceback" not in told.err
    assert "Error:" not in lines[-1]
    assert told.out == "" or "json" in arguments
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
