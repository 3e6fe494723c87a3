"""Mask Subject and Cut Subject to New Layer in a real GIMP 3."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.matte.edges import reshape_edges
from tests.fakes.fake_hub import clean_environment, unused_address
from tests.hosts.gimp_pictures import CUT, MASK, GimpPicture
from tests.hosts.gimp_program import GimpProgram
from tests.hosts.pictures import DUST, SQUARE, Pixels, dark_with, plane


@pytest.fixture
def canvas(gimp: GimpProgram, tmp_path: Path, request: pytest.FixtureRequest) -> GimpPicture:
    return GimpPicture(gimp, tmp_path, request.node.name)


def soft_square(feather_px: int) -> Pixels:
    soft = reshape_edges((plane(SQUARE) / np.float32(255)).astype(np.float32), feather_px=feather_px)
    gray = np.rint(soft * 255).astype(np.uint8)
    return np.where(gray <= DUST, 0, gray).astype(np.uint8)


def gradient_with_square() -> Pixels:
    image = dark_with(SQUARE).astype(int)
    y, x = np.mgrid[:80, :120]
    image[..., 0] = np.clip(image[..., 0] + x // 4, 0, 255)
    image[..., 1] = np.clip(image[..., 1] - y // 4, 0, 255)
    return image.astype(np.uint8)


@pytest.mark.parametrize("precision", ["u8-non-linear", "u8-linear", "u16-non-linear", "float-linear"])
def test_a_gimp_mask_is_the_matte(canvas: GimpPicture, precision: str) -> None:
    canvas.show(dark_with(SQUARE), precision=precision)
    canvas.select(plane((0, 0, 100, 80)))
    before = canvas.pixels("Photo")

    canvas.run(MASK, feather=6)

    mask = canvas.mask()
    assert mask is not None
    assert np.array_equal(mask.reshape(80, 120), soft_square(6))
    assert np.array_equal(canvas.pixels("Photo"), before)
    assert np.array_equal(canvas.selection(), plane((0, 0, 100, 80)))


def test_a_mask_lies_where_its_layer_lies(canvas: GimpPicture) -> None:
    canvas.show(dark_with((30, 20, 40, 30), width=100, height=70), box=(-10, -5, 100, 70), width=60, height=50)

    canvas.run(MASK)

    mask = canvas.mask()
    assert mask is not None
    expected = plane((30, 20, 40, 30), width=100, height=70)
    expected[:5] = expected[55:] = expected[:, :10] = expected[:, 70:] = 0
    assert np.array_equal(mask.reshape(70, 100), expected)


def test_a_mask_combined_with_the_selection_leaves_the_selection_alone(canvas: GimpPicture) -> None:
    canvas.show(dark_with(SQUARE))
    half = plane((0, 0, 50, 80))
    canvas.select(half)

    canvas.run(MASK, mode="intersect", region="everywhere")

    mask = canvas.mask()
    assert mask is not None
    assert np.array_equal(mask.reshape(80, 120), np.minimum(plane(SQUARE), half))
    assert np.array_equal(canvas.selection(), half)


def test_a_gimp_cut_out_is_what_dis_core_cuts_out(canvas: GimpPicture, tmp_path: Path) -> None:
    canvas.show(gradient_with_square(), alpha=False)
    Image.fromarray(gradient_with_square()[..., [2, 1, 0]]).save(tmp_path / "seen.png")
    options = ["-m", "bright", "--feather", "6", "-o", str(tmp_path / "cut.png")]
    subprocess.run(
        [sys.executable, "-m", "tests.hosts.quick_dis_core", "cutout", str(tmp_path / "seen.png"), *options],
        env=clean_environment(tmp_path, unused_address()),
        check=True,
        capture_output=True,
        timeout=120,
    )
    with Image.open(tmp_path / "cut.png") as image:
        expected = np.asarray(image)

    canvas.run(CUT, feather=6)

    assert canvas.layers() == ["Subject", "Photo"]
    cut = canvas.pixels("Subject")
    assert np.array_equal(cut[..., 3], expected[..., 3])
    assert np.array_equal(cut[cut[..., 3] > 0], expected[cut[..., 3] > 0])


@pytest.mark.parametrize(
    ("precision", "pixel_format", "dtype"),
    [("u16-non-linear", "R'G'B'A u16", "<u2"), ("float-linear", "RGBA float", "<f4")],
)
@pytest.mark.parametrize("source", ["layer", "picture"])
def test_a_gimp_cut_out_has_the_pixels_of_its_source_at_their_own_depth(
    canvas: GimpPicture, precision: str, pixel_format: str, dtype: str, source: str
) -> None:
    canvas.show(gradient_with_square(), precision=precision)
    photo = canvas.pixels("Photo", dtype, pixel_format)

    canvas.run(CUT, source=source, feather=4)

    cut = canvas.pixels("Subject", dtype, pixel_format)
    x, y, width, height = SQUARE
    whole = np.s_[y + 4 : y + height - 4, x + 4 : x + width - 4]
    assert np.array_equal(cut[whole], photo[whole])
    row = cut[y + height // 2, x - 5 : x + 5, -1] / photo[0, 0, -1]
    assert row[0] == 0
    assert row[-1] == 1
    assert (np.diff(row) >= 0).all()
    assert len(np.unique(row)) > 6


def test_a_cut_out_keeps_the_profile_and_the_pixels_of_its_picture(canvas: GimpPicture, tmp_path: Path) -> None:
    in_srgb = GimpPicture(canvas.gimp, tmp_path, "in sRGB")
    in_srgb.show(gradient_with_square())
    in_srgb.run(CUT, feather=4)
    canvas.show(gradient_with_square())
    canvas.call("use_adobe_rgb")
    photo = canvas.own_pixels("Photo")

    canvas.run(CUT, feather=4)

    cut = canvas.own_pixels("Subject")
    x, y, width, height = SQUARE
    whole = np.s_[y + 4 : y + height - 4, x + 4 : x + width - 4]
    assert not np.array_equal(photo[whole], gradient_with_square()[whole][..., [2, 1, 0, 3]])
    assert np.array_equal(cut[whole], photo[whole])
    seen, expected = canvas.pixels("Subject").astype(int), in_srgb.pixels("Subject").astype(int)
    assert np.array_equal(seen[..., 3], expected[..., 3])
    assert np.abs(seen - expected)[expected[..., 3] > 0].max() <= 3


def test_a_gimp_cut_out_of_a_transparent_layer_keeps_its_transparency(canvas: GimpPicture) -> None:
    image = dark_with(SQUARE)
    image[..., 3] = np.where(np.arange(120) < 55, 255, 128)
    image[:30, :, 3] = 0
    canvas.show(image)

    canvas.run(CUT, grow=3)

    alpha = canvas.pixels("Subject")[..., 3]
    assert (alpha <= image[..., 3]).all()
    assert alpha[35, 45] == 255
    assert alpha[35, 65] == 128
    assert not alpha[:30].any()


def test_a_cut_out_of_an_indexed_picture_keeps_its_palette(canvas: GimpPicture) -> None:
    canvas.show(dark_with(SQUARE), base="indexed")

    canvas.run(CUT)

    cut = canvas.pixels("Subject")
    assert np.array_equal(cut[..., 3], plane(SQUARE))
    assert np.array_equal(cut[cut[..., 3] > 0], canvas.pixels("Photo")[cut[..., 3] > 0])


def test_a_group_is_cut_to_a_plain_layer(canvas: GimpPicture) -> None:
    canvas.show(dark_with())
    canvas.call("add_group", group="Group")
    canvas.add_layer("Low", dark_with(width=60, height=60), 30, 10, group="Group")
    canvas.add_layer("High", dark_with((0, 0, 20, 20), width=20, height=20), 50, 30, group="Group")

    canvas.run(CUT, layers=["Group"])

    assert canvas.layers() == ["Subject", "Group", "Photo"]
    assert np.count_nonzero(canvas.pixels("Subject")[..., 3]) == 400


@pytest.mark.parametrize("offset", [(0, 0), (-10, -5), (13, 7)])
def test_a_cut_layer_is_as_large_as_the_subject_and_lies_where_it_lay(
    canvas: GimpPicture, offset: tuple[int, int]
) -> None:
    canvas.show(gradient_with_square(), box=(*offset, 120, 80), width=120, height=80)

    canvas.run(CUT, size="subject", grow=2)

    x, y, width, height = (SQUARE[0] + offset[0] - 2, SQUARE[1] + offset[1] - 2, SQUARE[2] + 4, SQUARE[3] + 4)
    assert canvas.call("box_of_layer", layer="Subject") == [x, y, width, height]
    inside = gradient_with_square()[y - offset[1] :, x - offset[0] :][:height, :width, [2, 1, 0, 3]]
    cut = canvas.pixels("Subject")
    assert np.array_equal(cut[3:-3, 3:-3], inside[3:-3, 3:-3])


def test_a_cut_layer_is_cropped_unless_something_else_is_asked_for(canvas: GimpPicture) -> None:
    canvas.show(dark_with(SQUARE))

    canvas.call("run", procedure=CUT, model="bright")

    assert canvas.call("box_of_layer", layer="Subject") == list(SQUARE)


@pytest.mark.parametrize("step", ["_make_plain", "_fill_mask", "_take_colors", "_crop"])
def test_a_cut_that_fails_midway_leaves_the_picture_as_it_was(canvas: GimpPicture, step: str) -> None:
    canvas.show(dark_with(SQUARE))
    program = canvas.gimp.home / "gimp" / "plug-ins" / "dis-select-subject" / "gimp_image.py"
    sound = program.read_text(encoding="utf-8")
    program.write_text(
        f"{sound}\n\ndef {step}(*_arguments):\n    raise Refused('the disk is full')\n", encoding="utf-8"
    )

    try:
        told = canvas.refusal(CUT)
    finally:
        program.write_text(sound, encoding="utf-8")

    assert "the disk is full" in told
    assert canvas.layers() == ["Photo"]


def test_text_is_cut_to_a_plain_layer(canvas: GimpPicture) -> None:
    canvas.show(dark_with())
    canvas.call("add_text", text="dis", size=40)

    canvas.run(CUT, layers=["Text"])

    assert canvas.layers() == ["Subject", "Text", "Photo"]


def test_a_layer_that_sticks_out_is_cut_within_the_picture(canvas: GimpPicture) -> None:
    canvas.show(dark_with((30, 20, 40, 30), width=100, height=70), box=(-10, -5, 100, 70), width=60, height=50)

    canvas.run(CUT)

    expected = plane((30, 20, 40, 30), width=100, height=70)
    expected[:5] = expected[55:] = expected[:, :10] = expected[:, 70:] = 0
    assert np.array_equal(canvas.pixels("Subject")[..., 3], expected)


def test_a_cut_out_of_a_masked_layer_stays_masked(canvas: GimpPicture) -> None:
    canvas.show(dark_with(SQUARE))
    canvas.select(plane((0, 0, 50, 80)))
    canvas.run(MASK, mode="intersect", region="everywhere")

    canvas.run(CUT, region="everywhere")

    x, y, _, height = SQUARE
    assert np.array_equal(canvas.pixels("Subject")[..., 3], plane((x, y, 50 - x, height)))
