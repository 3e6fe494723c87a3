"""Colors that a file states by numbers instead of a profile: PNG's cICP, gAMA and cHRM, and nclx in AVIF."""

from __future__ import annotations

import contextlib
import struct

import imagecodecs
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from dis_core.errors import NoImage
from dis_core.images.picture import encode
from dis_core.images.reading import read_picture
from tests.fakes.image_files import png_chunk, saved, wide_profile

COLOR = (200, 120, 100)
P3_AS_SRGB = (213, 115, 95)
"""`COLOR` in Display P3, in sRGB: by the matrix that W3C's CSS Color 4 gives, and sRGB's curve."""
P3_PLACES = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
SRGB_PLACES = (0.3127, 0.3290, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)


def png_with(*chunks: bytes, mode: str = "RGB") -> bytes:
    """A PNG of one color that states its colors in these chunks."""
    image = Image.new("RGB", (6, 4), COLOR).convert(mode)
    data = saved(image, "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def deep_png_with(*chunks: bytes) -> bytes:
    data = bytes(imagecodecs.png_encode(np.full((4, 6, 3), COLOR, np.uint16) * 257))
    return data[:33] + b"".join(chunks) + data[33:]


def cicp(primaries: int, transfer: int, *, full_range: int = 1) -> bytes:
    return png_chunk(b"cICP", bytes((primaries, transfer, 0, full_range)))


def gamma(value: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def places(values: tuple[float, ...]) -> bytes:
    return png_chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values)))


def avif_with(primaries: int, transfer: int) -> bytes:
    """An AVIF that Pillow wrote, with other numbers in its colr box."""
    data = bytearray(saved(Image.new("RGB", (64, 64), COLOR), "AVIF", quality=100, subsampling="4:4:4"))
    place = data.index(b"colrnclx") + 8
    data[place : place + 4] = struct.pack(">2H", primaries, transfer)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        png_with(cicp(12, 13)),
        png_with(cicp(12, 1)),
        png_with(gamma(1 / 2.2), places(P3_PLACES)),
        deep_png_with(cicp(12, 13)),
        deep_png_with(gamma(1 / 2.2), places(P3_PLACES)),
        avif_with(12, 13),
    ],
    ids=["cICP", "cICP of a camera", "cHRM", "16-bit cICP", "16-bit cHRM", "AVIF"],
)
def test_display_p3_keeps_its_pixels_and_is_converted_for_the_network(data: bytes) -> None:
    picture = read_picture(data)

    assert_allclose(picture.pixels[2, 2] * (255 / picture.levels), COLOR, atol=1)
    assert_allclose(picture.srgb()[2, 2] * 255, P3_AS_SRGB, atol=1.5)
    assert picture.remarks == ()


def test_the_result_of_a_file_in_display_p3_looks_like_the_file() -> None:
    picture = read_picture(png_with(cicp(12, 13)))

    again = read_picture(encode(picture, format="png"))

    assert_array_equal(again.pixels, picture.pixels)
    assert_allclose(again.srgb()[2, 2] * 255, P3_AS_SRGB, atol=1.5)


def test_linear_light_is_converted_for_the_network() -> None:
    picture = read_picture(png_with(gamma(1.0)))

    linear = np.array(COLOR) / 255
    assert_allclose(picture.srgb()[0, 0], 1.055 * linear ** (1 / 2.4) - 0.055, atol=0.006)


def test_linear_gray_stays_gray() -> None:
    picture = read_picture(png_with(gamma(1.0), places(P3_PLACES), mode="L"))

    assert picture.pixels.shape[2] == 1
    level = picture.pixels[0, 0, 0] / 255
    assert_allclose(picture.srgb()[0, 0], 1.055 * level ** (1 / 2.4) - 0.055, atol=0.006)
    assert picture.remarks == ()


@pytest.mark.parametrize(
    "chunks",
    [
        [gamma(0.45455)],
        [gamma(0.45455), places(SRGB_PLACES)],
        [places(SRGB_PLACES)],
        [png_chunk(b"sRGB", b"\0"), gamma(1.0), places(P3_PLACES)],
        [cicp(1, 13), gamma(1.0)],
        [cicp(2, 2)],
        [png_chunk(b"gAMA", b"\0\0\0\0")],
    ],
)
def test_what_means_srgb_gets_no_profile_and_no_remark(chunks: list[bytes]) -> None:
    picture = read_picture(png_with(*chunks))

    assert picture.icc_profile is None
    assert picture.remarks == ()


def test_a_profile_counts_more_than_gamma_and_less_than_a_code() -> None:
    profile = wide_profile()
    data = saved(Image.new("RGB", (6, 4), COLOR), "PNG", icc_profile=profile)

    with_gamma = read_picture(data[:33] + gamma(1.0) + data[33:])
    with_code = read_picture(data[:33] + cicp(12, 13) + data[33:])

    assert with_gamma.icc_profile == profile
    assert_allclose(with_code.srgb()[2, 2] * 255, P3_AS_SRGB, atol=1.5)


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        (cicp(12, 13, full_range=0), "narrow range"),
        (cicp(200, 13), "unknown code 200/13"),
        (cicp(9, 10), "unknown code 9/10"),
        (places(P3_PLACES), "no gAMA"),
        (gamma(1.0) + places((0.3, 0.3) * 4), "cHRM chunk makes no sense"),
        (gamma(300.0), "gAMA chunk makes no sense"),
    ],
)
def test_what_is_not_heeded_is_said(chunk: bytes, expected: str) -> None:
    picture = read_picture(png_with(chunk))

    assert expected in " ".join(picture.remarks)


def with_cicp_tag(profile: bytes, code: bytes) -> bytes:
    """The ICC profile with one more tag at its end, and the places of the others moved."""
    count = int.from_bytes(profile[128:132], "big")
    end_of_table, tag = 132 + 12 * count, b"cicp\0\0\0\0" + code
    table = b""
    for entry in range(132, end_of_table, 12):
        name, place, size = struct.unpack(">4s2I", profile[entry : entry + 12])
        table += struct.pack(">4s2I", name, place + 12, size)
    table += struct.pack(">4s2I", b"cicp", len(profile) + 12, len(tag))
    content = profile[4:128] + struct.pack(">I", count + 1) + table + profile[end_of_table:] + tag
    return struct.pack(">I", 4 + len(content)) + content


@pytest.mark.parametrize("transfer", [16, 18])
@pytest.mark.parametrize("kind", ["PNG", "16-bit PNG", "AVIF"])
def test_curves_of_hdr_are_refused(kind: str, transfer: int) -> None:
    if kind == "AVIF":
        data = avif_with(9, transfer)
    else:
        data = (png_with if kind == "PNG" else deep_png_with)(cicp(9, transfer))

    with pytest.raises(NoImage, match="HDR"):
        read_picture(data)


@pytest.mark.parametrize(("transfer", "is_refused"), [(16, True), (18, True), (13, False)])
def test_a_profile_that_states_a_curve_of_hdr_is_refused(transfer: int, is_refused: bool) -> None:
    profile = with_cicp_tag(wide_profile(), bytes((9, transfer, 0, 1)))
    data = saved(Image.new("RGB", (6, 4)), "JPEG", icc_profile=profile)

    if is_refused:
        with pytest.raises(NoImage, match="HDR"):
            read_picture(data)
    else:
        assert read_picture(data).icc_profile == profile


def test_an_avif_whose_boxes_are_damaged_ends_in_a_picture_or_in_words() -> None:
    data = avif_with(12, 13)
    end = data.index(b"mdat")

    for place in range(0, end, 3):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        with contextlib.suppress(NoImage):  # anything else fails the test
            read_picture(bytes(changed))
