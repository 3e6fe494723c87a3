"""`--size` and `--margin`: results of one size, with the subject in the middle, as shops want them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dis_core.cli.main import run
from dis_core.images.reading import read_picture
from tests.fakes.bright_model import loaded
from tests.fakes.bright_squares import bright_cutout, bright_square

pytestmark = pytest.mark.usefixtures("bright_models")


def test_all_results_are_of_one_size_with_the_subject_as_large_as_the_margin_allows(folder: Path) -> None:
    Image.fromarray(bright_square(200, 90)).save("tall.png")
    arguments = ("--size", "200x100", "--margin", "10%", "--bgcolor", "black", "--format", "jpeg")

    assert bright_cutout(".", "-o", "shop/", *arguments) == 0

    assert {path.name for path in Path("shop").iterdir()} == {"a-cutout.jpg", "b-cutout.jpg", "tall-cutout.jpg"}
    for path in Path("shop").iterdir():
        with Image.open(path) as image:
            assert (image.size, image.format) == ((200, 100), "JPEG")
            pixels = np.asarray(image)[..., 0] > 127
        assert np.flatnonzero(pixels.any(axis=0))[[0, -1]].tolist() == [60, 139]
        assert np.flatnonzero(pixels.any(axis=1))[[0, -1]].tolist() == [10, 89]


def test_a_subject_that_is_enlarged_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bright_cutout("a.png", "--size", "100x100", "--margin", "10px") == 0

    assert "a.png: the subject was enlarged to 400% to fill its place" in capsys.readouterr().err


def test_a_margin_crops_and_is_as_wide_as_it_says(folder: Path) -> None:
    assert bright_cutout("a.png", "--margin", "25px", "--bgcolor", "red") == 0

    with Image.open("a-cutout.png") as image:
        assert image.size == (70, 70)  # higher than the image, which is 40
        assert image.getpixel((0, 0)) == image.getpixel((24, 24)) == (255, 0, 0)
        assert image.getpixel((25, 25)) == (255, 255, 255)


def test_a_background_image_covers_the_new_canvas(folder: Path) -> None:
    halves = np.zeros((10, 20, 3), np.uint8)
    halves[:, :10] = (200, 100, 50)
    Image.fromarray(halves).save("halves.png")

    assert bright_cutout("a.png", "--size", "100x50", "--margin", "10px", "--bgimage", "halves.png") == 0

    with Image.open("a-cutout.png") as image:
        assert image.size == (100, 50)
        assert image.getpixel((2, 2)) == (200, 100, 50)
        assert image.getpixel((97, 47)) == (0, 0, 0)


def test_a_mask_fits_the_cutout_of_the_same_options(folder: Path) -> None:
    options = ("--size", "90x70", "--margin", "8%", "--feather", "3")
    assert bright_cutout("a.png", *options) == 0
    assert run(["mask", "--model", "bright", "a.png", *options]) == 0

    mask, cutout = read_picture(folder / "a-mask.png"), read_picture(folder / "a-cutout.png")
    assert cutout.alpha is not None
    assert np.abs(mask.pixels[..., 0] / 255 - cutout.alpha).max() < 0.01


def test_sixteen_bits_and_the_profile_stay(folder: Path) -> None:
    from PIL import ImageCms

    from dis_core.images.picture import Picture, write_picture

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = bright_square().astype(np.uint16) * 256
    write_picture(Picture(pixels, icc_profile=profile), folder / "deep.png", format="png")

    assert bright_cutout("deep.png", "--size", "300x300", "--format", "tiff", "-o", "deep.tif") == 0

    result = read_picture(folder / "deep.tif")
    assert result.pixels.dtype == np.uint16
    assert (result.size, result.icc_profile) == ((300, 300), profile)
    assert (result.pixels[150, 150] == 65280).all()


@pytest.mark.parametrize("options", [["--size", "50x50"], ["--margin", "8%"]])
@pytest.mark.parametrize("command", ["cutout", "mask"])
def test_without_a_subject_nothing_is_written(
    command: str, options: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (20, 20)).save("black.png")

    assert run([command, "-m", "bright", "--device", "cpu", "black.png", "a.png", *options]) == 1

    assert "black.png: no subject was found" in capsys.readouterr().err
    assert not list(Path().glob("black-*"))
    assert list(Path().glob("a-*"))  # the others are still done


def test_a_size_that_the_format_has_not_is_refused_before_any_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(loaded)

    assert bright_cutout("a.png", "--size", "17000x10", "-o", "a.webp") == 1

    assert "16383" in capsys.readouterr().err
    assert len(loaded) == before
