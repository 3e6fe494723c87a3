"""Which files of a folder are images: every one that looks like it is done or named."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import imagecodecs
import pytest
from PIL import Image

from tests.fakes.bright_squares import bright_cutout, bright_square

pytestmark = pytest.mark.usefixtures("bright_models")


def write_images(*names: str) -> None:
    """The bright square as Pillow writes it, whatever the name is."""
    kinds = {".qoi": "QOI", ".mpo": "MPO", ".jpx": "JPEG2000", ".psd": "PNG", ".dib": "DIB", ".avifs": "AVIF"}
    for name in names:
        Image.fromarray(bright_square()).save(name, kinds.get(Path(name).suffix.lower(), "PNG"))


def test_less_usual_images_of_a_folder_are_done(folder: Path) -> None:
    write_images("c.qoi", "d.MPO", "e.jpx", "f.dib")
    Path("g.jxl").write_bytes(imagecodecs.jpegxl_encode(bright_square(), lossless=True))

    assert bright_cutout(".", "-o", "out") == 0

    assert sorted(path.name[0] for path in Path("out").iterdir()) == ["a", "b", "c", "d", "e", "f", "g"]


def test_a_heic_photo_of_a_folder_is_done(folder: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.fromarray(bright_square(64, 64))).save("IMG_1.HEIC", quality=100)

    assert bright_cutout(".", "-o", "out") == 0

    assert Path("out/IMG_1-cutout.png").exists()


def test_without_pillow_heif_a_heic_photo_of_a_folder_fails_with_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    Path("IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99)

    assert bright_cutout(".", "-o", "out") == 1

    assert Path("out/a-cutout.png").exists()
    assert "dis-core[heic]" in capsys.readouterr().err


def test_files_that_only_look_like_images_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_images("no-ending", "photo.png.bak")
    Path("raw.CR2").touch()
    Path("drawing.svg").write_text("<svg/>")
    Path("notes.txt").write_text("nothing to see")
    Path(".hidden.cr2").touch()

    assert bright_cutout(".", "-o", "out") == 0

    said = capsys.readouterr().err
    assert all(f"{name}: passed over" in said for name in ("no-ending", "photo.png.bak", "raw.CR2", "drawing.svg"))
    assert "notes.txt" not in said
    assert "hidden" not in said
    assert len(list(Path("out").iterdir())) == 2


def test_a_folder_of_raw_photos_alone_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.nef").touch()

    assert bright_cutout(str(tmp_path)) == 1

    assert "one.nef and the like cannot be read" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_a_folder_is_not_waited_for(folder: Path) -> None:
    os.mkfifo("pipe")

    assert bright_cutout(".", "-o", "out") == 0
