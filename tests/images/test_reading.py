"""Image files of all kinds as pictures."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageCms, ImageOps

from dis_core.errors import NoImage
from dis_core.images.reading import read_picture
from tests.fakes.image_files import (
    cmyk_profile,
    deep_png,
    exif,
    gray_profile,
    packed_tiff,
    png_chunk,
    random_pixels,
    saved,
    tiff,
    wide_profile,
)


def exif_block(orientation: int) -> bytes:
    return bytes(exif(orientation).tobytes()).removeprefix(b"Exif\0\0")


def test_an_rgb_file_comes_back_bit_for_bit() -> None:
    pixels = random_pixels((7, 5, 3))

    picture = read_picture(saved(Image.fromarray(pixels), "PNG"))

    assert_array_equal(picture.pixels, pixels)
    assert picture.alpha is None
    assert picture.remarks == ()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_every_orientation_is_applied_as_pillow_applies_it(kind: str, orientation: int) -> None:
    data = saved(Image.fromarray(random_pixels((24, 16, 3))), kind, exif=exif(orientation))
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))

    picture = read_picture(data)

    assert_array_equal(picture.pixels, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_to_16_bit_png_and_tiff_like_to_8_bit(orientation: int) -> None:
    deep = random_pixels((6, 4, 4), dtype=np.uint16)
    shallow = (deep >> 8).astype(np.uint8)
    expected = read_picture(saved(Image.fromarray(shallow), "PNG", exif=exif(orientation)))

    png = read_picture(deep_png(deep, (b"eXIf", exif_block(orientation))))
    tif = read_picture(tiff(deep, photometric="rgb", extrasamples=["unassalpha"], extratags=[(274, 3, 1, orientation)]))

    assert_array_equal(png.pixels >> 8, expected.pixels)
    assert_array_equal(tif.pixels >> 8, expected.pixels)
    assert png.alpha is not None
    assert expected.alpha is not None
    assert_allclose(png.alpha, expected.alpha, atol=1 / 255)


def test_a_nonsensical_orientation_leaves_the_picture_as_it_is() -> None:
    pixels = random_pixels((6, 4, 3))

    picture = read_picture(saved(Image.fromarray(pixels), "PNG", exif=exif(99)))

    assert_array_equal(picture.pixels, pixels)


def test_the_profile_is_kept_and_converted_for_the_network() -> None:
    pixels = random_pixels((8, 8, 3))
    data = saved(Image.fromarray(pixels), "PNG", icc_profile=wide_profile())
    profiles = ImageCms.ImageCmsProfile(io.BytesIO(wide_profile())), ImageCms.createProfile("sRGB")
    expected = ImageCms.profileToProfile(
        Image.fromarray(pixels), *profiles, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC
    )

    picture = read_picture(data)

    assert picture.icc_profile == wide_profile()
    assert_array_equal(picture.pixels, pixels)
    assert_allclose(picture.srgb(), np.asarray(expected, np.float32) / 255, atol=1.01 / 255)


def test_16_bit_pixels_with_a_profile_keep_more_than_8_bits_on_the_way_to_srgb() -> None:
    ramp = np.repeat(np.arange(20000, 20512, dtype=np.uint16)[np.newaxis, :, np.newaxis], 3, axis=2)

    image = read_picture(deep_png(ramp, (b"iCCP", b"wide\0\0" + zlib.compress(wide_profile())))).srgb()

    assert len(np.unique(image[..., 1])) > 400  # 8 bits would leave 3


def test_an_srgb_profile_changes_no_pixel_for_the_network() -> None:
    pixels = random_pixels((8, 8, 3))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    image = read_picture(saved(Image.fromarray(pixels), "PNG", icc_profile=profile)).srgb()

    assert_array_equal(image, pixels / np.float32(255))


def test_a_gray_profile_is_kept_and_converted_for_the_network() -> None:
    gray = np.full((2, 2), 128, np.uint8)

    picture = read_picture(saved(Image.fromarray(gray), "PNG", icc_profile=gray_profile()))

    assert picture.icc_profile == gray_profile()
    linear = (128 / 255) ** 1.8
    assert_allclose(picture.srgb(), 1.055 * linear ** (1 / 2.4) - 0.055, atol=1.5 / 255)


@pytest.mark.parametrize("profile", [b"nonsense" * 40, gray_profile(), wide_profile()[:200]])
def test_a_profile_that_does_not_fit_is_left_out_and_said(profile: bytes) -> None:
    data = saved(Image.fromarray(random_pixels((4, 4, 3))), "PNG", icc_profile=profile)

    picture = read_picture(data)

    assert picture.icc_profile is None
    assert "color profile" in picture.remarks[0]


def test_cmyk_is_converted_to_srgb_through_its_profile() -> None:
    ink = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)  # paper, gray by this profile, black
    data = saved(Image.fromarray(ink, mode="CMYK"), "TIFF", icc_profile=cmyk_profile())

    picture = read_picture(data)

    assert_allclose(picture.pixels[0, :, 0], [255, 119, 0], atol=1)  # L* 50 is 119 in sRGB
    assert picture.icc_profile is None
    (remark,) = picture.remarks
    assert "CMYK" in remark
    assert "approximate" not in remark


def test_cmyk_jpeg_without_a_profile_keeps_white_and_black_and_says_that_it_is_approximate() -> None:
    ink = np.zeros((16, 32, 4), np.uint8)
    ink[:, 16:, 3] = 255

    picture = read_picture(saved(Image.fromarray(ink, mode="CMYK"), "JPEG", quality=95))

    assert_allclose(picture.pixels[4, 4], 255, atol=2)
    assert_allclose(picture.pixels[4, 28], 0, atol=2)
    assert "approximate" in picture.remarks[0]


def test_16_bit_cmyk_tiff_is_converted_with_16_bits() -> None:
    ink = np.full((3, 3, 4), 30000, np.uint16)

    picture = read_picture(tiff(ink, photometric="separated"))

    assert_allclose(picture.pixels, (65535 - 30000) ** 2 / 65535, atol=1)


def test_gray_stays_gray_and_is_repeated_for_the_network() -> None:
    gray = random_pixels((5, 6))

    picture = read_picture(saved(Image.fromarray(gray), "PNG"))

    assert_array_equal(picture.pixels[..., 0], gray)
    assert picture.srgb().shape == (5, 6, 3)
    assert_array_equal(picture.srgb()[..., 2], gray / np.float32(255))


def test_one_bit_images_become_black_and_white() -> None:
    bits = np.array([[True, False, True]])

    picture = read_picture(saved(Image.fromarray(bits), "PNG"))

    assert_array_equal(picture.pixels[..., 0], [[255, 0, 255]])


def test_a_palette_becomes_rgb() -> None:
    image = Image.fromarray(random_pixels((8, 8, 3))).quantize(16)

    picture = read_picture(saved(image, "PNG"))

    assert_array_equal(picture.pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("transparency", [3, bytes(range(0, 160, 10))])
def test_a_palette_with_transparency_gets_an_alpha(transparency: int | bytes) -> None:
    image = Image.fromarray(random_pixels((8, 8, 3))).quantize(16)
    data = saved(image, "PNG", transparency=transparency)
    with Image.open(io.BytesIO(data)) as reopened:
        expected = np.asarray(reopened.convert("RGBA"))

    picture = read_picture(data)

    assert picture.alpha is not None
    assert_array_equal(np.rint(picture.alpha * 255), expected[..., 3])
    assert_array_equal(picture.pixels, expected[..., :3])


def test_an_existing_alpha_is_kept_apart_from_unchanged_colors() -> None:
    pixels = random_pixels((6, 6, 4))
    pixels[0, :, 3] = 0

    picture = read_picture(saved(Image.fromarray(pixels), "PNG"))

    assert_array_equal(picture.pixels, pixels[..., :3])
    assert picture.alpha is not None
    assert_allclose(picture.alpha, pixels[..., 3] / 255, atol=1e-6)


def test_an_alpha_that_is_opaque_everywhere_is_none() -> None:
    pixels = random_pixels((6, 6, 4))
    pixels[..., 3] = 255

    assert read_picture(saved(Image.fromarray(pixels), "PNG")).alpha is None


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_an_animation_the_first_frame_is_read_and_said(kind: str) -> None:
    if kind not in Image.SAVE:
        pytest.skip(f"this Pillow has no {kind}")
    frames = [Image.new("RGB", (32, 24), color) for color in ("#ff0000", "#00ff00", "#0000ff")]

    picture = read_picture(saved(frames[0], kind, save_all=True, append_images=frames[1:]))

    assert_allclose(picture.pixels[12, 16], [255, 0, 0], atol=3)
    (remark,) = picture.remarks
    assert "3 frames" in remark


def test_of_a_tiff_with_pages_the_first_is_read_and_said() -> None:
    buffer = io.BytesIO()
    pages = [Image.new("RGB", (8, 6), color) for color in ("red", "lime")]
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])

    picture = read_picture(buffer.getvalue())

    assert_array_equal(picture.pixels[0, 0], [255, 0, 0])
    (remark,) = picture.remarks
    assert "2 pages" in remark


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_is_not_destroyed(channels: int) -> None:
    pixels = random_pixels((5, 9, channels), dtype=np.uint16)

    picture = read_picture(deep_png(pixels if channels > 1 else pixels[..., 0]))

    colors = 1 if channels < 3 else 3
    assert_array_equal(picture.pixels, pixels[..., :colors])
    if channels in (2, 4):
        assert_array_equal(picture.alpha_levels(), pixels[..., -1])


def test_the_transparent_color_of_a_16_bit_png_becomes_an_alpha() -> None:
    pixels = np.array([[[0, 1000, 65535], [1, 2, 3]]], np.uint16)

    picture = read_picture(deep_png(pixels, (b"tRNS", struct.pack(">HHH", 1, 2, 3))))

    assert_array_equal(picture.alpha, [[1, 0]])


@pytest.mark.parametrize("compression", [None, "lzw", "adobe_deflate", "zstd"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_16_bit_tiff_is_not_destroyed(compression: str | None, planar: str) -> None:
    pixels = random_pixels((40, 9, 3), dtype=np.uint16)
    stored = pixels if planar == "contig" else np.moveaxis(pixels, 2, 0)

    picture = read_picture(tiff(stored, photometric="rgb", planarconfig=planar, compression=compression))

    assert_array_equal(picture.pixels, pixels)


def test_a_tiff_that_is_written_in_tiles_and_with_the_other_byte_order_is_read() -> None:
    pixels = random_pixels((40, 50, 3), dtype=np.uint16)

    picture = read_picture(tiff(pixels, photometric="rgb", tile=(16, 16), byteorder=">"))

    assert_array_equal(picture.pixels, pixels)


def test_a_tiff_in_which_white_is_zero_is_turned_round() -> None:
    gray = random_pixels((4, 5), dtype=np.uint16)

    picture = read_picture(tiff(gray, photometric="miniswhite"))

    assert_array_equal(picture.pixels[..., 0], 65535 - gray)


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_colors_that_a_tiff_has_multiplied_by_alpha_are_divided(dtype: type[np.uint8], full: int) -> None:
    pixels = np.array([[[full // 4, full // 2, 0, full // 2], [0, 0, 0, 0]]], dtype)

    picture = read_picture(tiff(pixels, photometric="rgb", extrasamples=["assocalpha"]))

    assert_allclose(picture.pixels[0] / full, [[0.5, 1.0, 0.0], [0.0, 0.0, 0.0]], atol=0.01)


def test_twelve_bits_are_stretched_to_sixteen() -> None:
    picture = read_picture(packed_tiff([0, 2048, 4095], bits=12))

    assert_allclose(picture.pixels[..., 0], [[0, 2048 * 65535 / 4095, 65535]], atol=0.51)


def test_the_resolution_is_kept_and_turned_with_the_picture() -> None:
    image = Image.fromarray(random_pixels((8, 6, 3)))

    picture = read_picture(saved(image, "JPEG", dpi=(300, 150), exif=exif(6)))

    assert picture.dpi == pytest.approx((150, 300))


def test_a_damaged_exif_block_does_not_spoil_the_picture() -> None:
    pixels = random_pixels((6, 4, 3))

    picture = read_picture(saved(Image.fromarray(pixels), "WEBP", lossless=True, exif=b"Exif\0\0garbage"))

    assert_array_equal(picture.pixels, pixels)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "GIF"])
def test_a_single_pixel_and_a_single_row_or_column_are_pictures(kind: str, size: tuple[int, int]) -> None:
    picture = read_picture(saved(Image.new("RGB", size, "white"), kind))

    assert picture.size == (size[1], size[0])
    assert_array_equal(picture.pixels, 255)


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_png_is_refused(transfer: int) -> None:
    data = saved(Image.new("RGB", (3, 2)), "PNG")
    data = data[:33] + png_chunk(b"cICP", bytes((9, transfer, 0, 1))) + data[33:]

    with pytest.raises(NoImage, match="HDR"):
        read_picture(data)
