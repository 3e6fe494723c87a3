"""What a matte and a picture can become in one line of Python: arrays, bytes, files, notebooks, shop pictures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from dis_core.errors import BadRequest, NoSubject, NoSuchFile
from dis_core.images.formats import OutputFormat
from dis_core.images.picture import Picture
from dis_core.images.reading import read_picture
from dis_core.matte.matte import Matte

H, W = 60, 80


def disc() -> Matte:
    """A disc of radius 10 around (30, 40) in a picture of random colors."""
    y, x = np.mgrid[:H, :W]
    alpha = np.clip(10.5 - np.hypot(y - 30, x - 40), 0, 1).astype(np.float32)
    pixels = np.random.default_rng(1).integers(0, 256, (H, W, 3), np.uint8)
    return Matte(alpha, "test@0", Picture(pixels))


def test_a_matte_is_an_array_of_its_visible_alpha() -> None:
    matte = disc()

    as_array = np.asarray(matte)

    assert as_array.dtype == np.float32
    assert np.array_equal(as_array, matte.alpha)
    as_array[:] = 0
    assert matte.alpha.max() == 1


def test_a_picture_is_an_array_with_its_alpha_last() -> None:
    cutout = disc().cutout()

    assert np.asarray(cutout).shape == (H, W, 4)
    assert np.asarray(cutout, np.float32).dtype == np.float32
    assert np.array_equal(np.asarray(cutout.pil()), np.asarray(cutout))


def test_growing_and_shrinking_move_the_edge() -> None:
    matte = disc()

    wide, narrow = matte.grow(3), matte.grow(-3)

    assert wide.bounds() == (27, 17, 54, 44)
    assert narrow.bounds() == (34, 24, 47, 37)
    assert narrow.picture is matte.picture


def test_feathering_softens_the_edge() -> None:
    matte = disc()

    soft = matte.feather(4)

    assert np.count_nonzero((soft.alpha > 0) & (soft.alpha < 1)) > 3 * np.count_nonzero(
        (matte.alpha > 0) & (matte.alpha < 1)
    )


@pytest.mark.parametrize("white", ["white", "#fff", (255, 255, 255)])
def test_a_cutout_on_a_color_is_opaque(white: str | tuple[int, int, int]) -> None:
    result = disc().cutout(background=white)

    assert result.alpha is None
    assert (result.pixels[0, 0] == 255).all()


def test_a_cutout_on_a_picture_shows_it() -> None:
    behind = Picture(np.full((H, W, 3), 7, np.uint8))

    result = disc().cutout(background=behind)

    assert (result.pixels[0, 0] == 7).all()


def test_a_cropped_cutout_has_the_subjects_size_and_the_margin() -> None:
    result = disc().cutout(crop=True, margin_px=5)

    assert result.size == (31, 31)


def test_a_cropped_cutout_without_a_subject_is_the_whole_picture() -> None:
    matte = disc()
    empty = Matte(np.zeros_like(matte.alpha), "test@0", matte.picture)

    assert empty.cutout(crop=True).size == (H, W)


@pytest.mark.parametrize("format_", ["png", "webp", "tiff"])
def test_the_bytes_of_a_cutout_are_a_file_with_the_same_pixels(format_: OutputFormat) -> None:
    cutout = disc().cutout()

    again = read_picture(cutout.to_bytes(format_))

    assert np.array_equal(again.channels(), cutout.channels())


def test_sixteen_bits_stay_sixteen() -> None:
    matte = disc()

    again = read_picture(matte.to_bytes("png", bits=16))

    assert again.pixels.dtype == np.uint16
    assert np.abs(again.pixels[..., 0] / 65535 - matte.alpha).max() < 1e-5


def test_a_matte_is_saved_into_an_open_file() -> None:
    file = io.BytesIO()

    disc().save(file)

    assert read_picture(file.getvalue()).size == (H, W)


def test_a_jpeg_is_close_and_keeps_the_resolution(tmp_path: Path) -> None:
    smooth = Picture(np.full((40, 40, 3), (200, 80, 30), np.uint8), dpi=(300, 300))

    smooth.save(tmp_path / "photo.jpg")

    again = read_picture(tmp_path / "photo.jpg")
    assert np.abs(again.pixels.astype(int) - smooth.pixels).max() <= 2
    assert again.dpi == (300, 300)


def test_a_transparent_jpeg_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="JPEG"):
        disc().cutout().save(tmp_path / "cutout.jpg")

    assert not (tmp_path / "cutout.jpg").exists()


def test_a_repr_is_short_and_says_the_size() -> None:
    matte = disc()

    assert repr(matte) == "<Matte 80 x 60: 7% subject, by test@0>"
    assert repr(matte.cutout()) == "<Picture 'the image': 80 x 60, RGB with alpha, 8 bits>"


def test_a_notebook_shows_the_cutout_over_a_checkerboard() -> None:
    matte = disc()
    assert matte.picture is not None

    shown = np.asarray(PIL.Image.open(io.BytesIO(matte._repr_png_())))

    assert shown.shape == (H, W, 3)
    assert {tuple(color) for color in shown[0]} == {(255, 255, 255), (204, 204, 204)}
    assert np.array_equal(shown[30, 40], matte.picture.pixels[30, 40])


def test_a_notebook_is_sent_no_more_than_it_shows() -> None:
    large = Picture(np.zeros((1500, 3000, 1), np.uint8))

    shown = PIL.Image.open(io.BytesIO(large._repr_png_()))

    assert shown.size == (1024, 512)


def test_a_missing_file_is_also_what_python_calls_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        read_picture(tmp_path / "none.png")

    assert isinstance(caught.value, NoSuchFile)
    assert caught.value.code == "NoImage"
    assert str(caught.value) == f"{caught.value.message}\n{caught.value.hint}"


def test_a_cutout_has_the_size_and_the_margin_that_a_shop_wants() -> None:
    result = disc().cutout(background="white", size=(200, 300), margin_fraction=0.1)

    assert result.size == (200, 300)
    seen = (result.pixels != 255).any(axis=2)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    assert abs(len(rows) - 160) <= 12  # 20 on each side; the soft edge reaches into them
    assert abs(len(columns) - len(rows)) <= 2
    assert any("enlarged" in remark for remark in result.remarks)


@pytest.mark.parametrize("wanted", [{"size": (50, 50)}, {"margin_px": 3}, {"margin_fraction": 0.1}])
def test_without_a_subject_there_is_nothing_to_fit(wanted: dict[str, Any]) -> None:
    matte = disc()
    empty = Matte(np.zeros_like(matte.alpha), "test@0", matte.picture)

    with pytest.raises(NoSubject, match="no subject was found"):
        empty.cutout(**wanted)
