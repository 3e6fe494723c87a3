"""`dis-core cutout` and `dis-core mask`: what the results look like."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.cli.main import run
from dis_core.images.reading import read_picture
from tests.fakes.bright_model import loaded
from tests.fakes.bright_squares import bright_cutout, bright_square

pytestmark = pytest.mark.usefixtures("bright_models")


def test_a_cutout_lies_beside_its_image_and_says_what_made_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bright_cutout("a.png") == 0

    told = capsys.readouterr()
    assert told.out == "a-cutout.png\n"
    assert "a.png: done by bright on cpu in" in told.err
    with Image.open("a-cutout.png") as image:
        assert image.mode == "RGBA"
        pixels = np.asarray(image)
    assert (pixels[10:30, 20:40] == 255).all()
    assert pixels[..., 3].sum() == 20 * 20 * 255


def test_a_mask_is_gray_and_white_where_the_subject_is(folder: Path) -> None:
    assert run(["mask", "--model", "bright", "a.png", "--bits", "16"]) == 0

    matte = read_picture(folder / "a-mask.png")
    assert matte.pixels.dtype == np.uint16
    assert (matte.pixels[..., 0] == np.where(bright_square()[..., 0] > 0, 65535, 0)).all()


def test_standard_input_goes_to_standard_output(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("a.png").read_bytes())))
    monkeypatch.setattr(sys, "stdout", out)

    assert bright_cutout("-", "--format", "webp") == 0

    written = out.buffer
    assert isinstance(written, io.BytesIO)
    with Image.open(io.BytesIO(written.getvalue())) as image:
        assert (image.format, image.mode) == ("WEBP", "RGBA")


def test_a_cutout_on_a_color_can_be_a_jpeg(folder: Path) -> None:
    assert bright_cutout("a.png", "--bgcolor", "white", "--format", "jpeg") == 0

    with Image.open("a-cutout.jpg") as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")


def test_a_transparent_jpeg_is_refused_before_any_work(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = len(loaded)

    assert bright_cutout("a.png", "-o", "cut.jpg") == 1

    assert "--bgcolor white" in capsys.readouterr().err
    assert len(loaded) == before
    assert not Path("cut.jpg").exists()


def test_a_background_color_fills_what_was_cut_away(folder: Path) -> None:
    assert bright_cutout("a.png", "--bgcolor", "#102030") == 0

    with Image.open("a-cutout.png") as image:
        assert image.mode == "RGB"
        assert image.getpixel((0, 0)) == (16, 32, 48)
        assert image.getpixel((30, 20)) == (255, 255, 255)


def test_a_background_image_fills_what_was_cut_away(folder: Path) -> None:
    Image.new("RGB", (7, 5), (200, 100, 50)).save("behind.png")

    assert bright_cutout("a.png", "--bgimage", "behind.png") == 0

    with Image.open("a-cutout.png") as image:
        assert image.getpixel((0, 0)) == (200, 100, 50)


def test_a_crop_leaves_the_subject_and_its_margin(folder: Path) -> None:
    assert bright_cutout("a.png", "--crop", "--margin", "3") == 0

    with Image.open("a-cutout.png") as image:
        assert image.size == (26, 26)


def test_a_box_is_x_y_width_and_height(folder: Path) -> None:
    assert bright_cutout("a.png", "--roi", "0,0,30,40", "--crop") == 0

    with Image.open("a-cutout.png") as image:
        assert image.size == (10, 20)


@pytest.mark.parametrize("grow", [-4, 3])
def test_the_edge_is_moved_by_pixels_of_the_image(folder: Path, grow: int) -> None:
    assert run(["mask", "--model", "bright", "a.png", "--grow", str(grow)]) == 0

    row = read_picture(folder / "a-mask.png").pixels[20, :, 0]
    assert (np.flatnonzero(row == 255) == np.arange(20 - grow, 40 + grow)).all()


def test_a_cutout_gets_the_same_edge_as_a_mask(folder: Path) -> None:
    edges = ["--model", "bright", "a.png", "--grow", "-3", "--feather", "4"]

    assert run(["mask", *edges]) == 0
    assert run(["cutout", *edges]) == 0

    mask, alpha = read_picture(folder / "a-mask.png").pixels[..., 0], read_picture(folder / "a-cutout.png").alpha
    assert alpha is not None
    assert np.abs(mask / np.float32(255) - alpha).max() < 1e-6
    assert 0 < alpha[20, 23] < 1


def test_a_mask_can_grow_beyond_what_is_visible(folder: Path) -> None:
    layer = np.dstack([np.full((40, 60, 3), 255, np.uint8), bright_square()[..., 0]])
    Image.fromarray(layer).save("layer.png")

    assert run(["mask", "--model", "bright", "layer.png", "--grow", "5"]) == 0

    row = read_picture(folder / "layer-mask.png").pixels[20, :, 0]
    assert (np.flatnonzero(row == 255) == np.arange(15, 45)).all()


def test_the_depth_that_was_used_can_be_kept(folder: Path) -> None:
    depth = np.repeat(np.linspace(0, 65535, 60).astype(np.uint16)[None], 40, axis=0)
    Image.fromarray(depth).save("depth.png")

    assert run(["cutout", "-m", "bright-with-depth", "a.png", "--depth", "depth.png", "--save-depth"]) == 0

    assert loaded[-1].prompts[0].depth is not None
    kept = read_picture(folder / "a-cutout-depth.png")
    assert kept.pixels.dtype == np.uint16
