"""GIF, WebP, AVIF, Netpbm, QOI and others: read no further than they go, and no longer than honest files take."""

from __future__ import annotations

import io
import os
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from dis_core.errors import NoImage
from dis_core.images import containers, pillow
from dis_core.images.reading import read_picture
from tests.fakes.image_files import png_claiming, random_pixels, saved

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXELS = random_pixels((30, 21, 3))
GRAY = PIXELS[..., 0]
WIDE = random_pixels((30, 21, 3), dtype=np.uint16)


def written_out(values: NDArray[Any]) -> bytes:
    return b"\n".join(b" ".join(b"%d" % value for value in row) for row in values.reshape(len(values), -1))


NETPBM: dict[str, tuple[bytes, NDArray[Any]]] = {
    "P1": (b"P1 21 30 " + written_out(GRAY & 1), 255 * (1 - (GRAY & 1))),
    "P1 without spaces": (b"P1 21 30\n" + written_out(GRAY & 1).replace(b" ", b""), 255 * (1 - (GRAY & 1))),
    "P2": (b"P2\n21 30\n255\n" + written_out(GRAY), GRAY),
    "P2 to 100": (b"P2\n21 30\n100\n" + written_out(GRAY % 101), np.rint(GRAY % 101 * 2.55)),
    "P2 to 1": (b"P2\n21 30\n1\n" + written_out(GRAY & 1), 255 * (GRAY & 1)),
    "P3": (b"P3\n21 30\n255\n" + written_out(PIXELS), PIXELS),
    "P3 of 16 bits": (b"P3\n21 30\n65535\n" + written_out(WIDE), WIDE),
    "P4": (b"P4\n21 30\n" + np.packbits(GRAY & 1, axis=1).tobytes(), 255 * (1 - (GRAY & 1))),
    "P5": (b"P5\n21 30\n255\n" + GRAY.tobytes(), GRAY),
    "P5 to 4095": (
        b"P5\n21 30\n4095\n" + (WIDE[..., 0] >> 4).astype(">u2").tobytes(),
        np.rint((WIDE[..., 0] >> 4) * (65535 / 4095)),
    ),
    "P6": (b"P6\n21 30\n255\n" + PIXELS.tobytes(), PIXELS),
    "P6 of 16 bits": (b"P6\n21 30\n65535\n" + WIDE.astype(">u2").tobytes(), WIDE),
    "with comments": (b"P6#a\n#b\n21 # 9 9\n30#c\n255\n" + PIXELS.tobytes(), PIXELS),
    "written out with comments": (b"P2 21 30 255 #x\n#y 1 2\n" + written_out(GRAY), GRAY),
    "more after it": (b"P5 21 30 255 " + GRAY.tobytes() + b"P5 1 1 255 x", GRAY),
}


@pytest.mark.parametrize("kind", NETPBM)
def test_netpbm_files_are_read(kind: str) -> None:
    data, expected = NETPBM[kind]

    pixels = read_picture(data).pixels

    assert_array_equal(pixels.squeeze(), expected)
    assert pixels.flags.writeable


@pytest.mark.parametrize("kind", NETPBM)
def test_netpbm_files_that_are_cut_off_are_damaged(kind: str) -> None:
    data, _ = NETPBM[kind]

    with pytest.raises(NoImage, match="damaged"):
        read_picture(data[: len(data) * 2 // 3])


@pytest.mark.parametrize(
    "data",
    [
        b"P5 3 3 0 " + b"x" * 9,
        b"P5 3 3 65536 " + b"x" * 18,
        b"P5 3 x 255 ",
        b"P2 2 2 255 1 2 x 4",
        b"P5 0 3 255 ",
        b"P5",
    ],
)
def test_netpbm_headers_that_make_no_sense_are_refused(data: bytes) -> None:
    with pytest.raises(NoImage):
        read_picture(data)


@pytest.mark.parametrize("kind", [b"P1", b"P4", b"P5"])
def test_a_comment_of_50_megabytes_is_refused_at_once(kind: bytes) -> None:
    data = kind + b"\n#" + b"x" * 50_000_000 + b"\n1000 1000\n255\n" + bytes(2_000_000)
    started = time.process_time()

    with pytest.raises(NoImage, match="header"):
        read_picture(data)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("channels", [3, 4])
def test_qoi_is_read(channels: int) -> None:
    pixels = random_pixels((30, 21, channels))

    picture = read_picture(bytes(imagecodecs.qoi_encode(pixels)))

    assert_array_equal(picture.channels(), pixels)


def test_a_large_qoi_is_read_in_seconds() -> None:
    data = bytes(imagecodecs.qoi_encode(np.zeros((6000, 6000, 3), np.uint8)))
    started = time.process_time()

    read_picture(data)

    assert time.process_time() - started < 10  # with Pillow half a minute


def test_a_qoi_of_289_claimed_megapixels_without_pixels_is_refused() -> None:
    with pytest.raises(NoImage, match="17000 x 17000 pixels in 31 bytes"):
        read_picture(b"qoif" + struct.pack(">IIBB", 17000, 17000, 3, 0) + b"\xc0" * 9 + b"\0" * 7 + b"\1")


def test_a_qoi_that_is_cut_off_is_damaged() -> None:
    with pytest.raises(NoImage, match="missing"):
        read_picture(bytes(imagecodecs.qoi_encode(PIXELS))[:-100])


def test_a_large_image_whose_decoder_is_slow_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pillow, "_MOST_PIXELS_OF_SLOW", 500)

    with pytest.raises(NoImage, match="takes minutes to read in this format"):
        read_picture(saved(Image.fromarray(PIXELS), "DDS"))
    assert read_picture(saved(Image.fromarray(PIXELS), "BMP")).size == (30, 21)


STILL = {
    "GIF": saved(Image.fromarray(PIXELS).quantize(), "GIF", comment=b"x" * 1000),
    "WEBP": saved(Image.fromarray(PIXELS), "WEBP", lossless=True),
    "AVIF": saved(Image.fromarray(PIXELS), "AVIF"),
    "JPEG2000": saved(Image.fromarray(PIXELS), "JPEG2000"),
}


@pytest.mark.parametrize("kind", STILL)
def test_what_follows_the_end_of_a_file_is_not_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(STILL[kind])
    os.truncate(path, 8_000_000_000)
    expected = read_picture(STILL[kind])
    started = time.process_time()

    assert_array_equal(read_picture(path).pixels, expected.pixels)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("head", [b"BM" + b"\0" * 30, b"GIF89a" + b"\1\0\1\0\0\0\0", b"RIFF\xff\xff\xff\xffWEBPVP8 "])
def test_files_larger_than_any_image_are_refused_without_reading_them(head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "huge"
    path.write_bytes(head)
    os.truncate(path, 8_000_000_000)
    started = time.process_time()

    with pytest.raises(NoImage):
        read_picture(path)
    assert time.process_time() - started < 5


def test_a_gif_with_a_comment_of_many_megabytes_is_read_at_once() -> None:
    comment = b"\x21\xfe" + (b"\xff" + b"x" * 255) * 200_000 + b"\0"
    place = 13 + 3 * 256
    data = STILL["GIF"][:place] + comment + STILL["GIF"][place:]
    started = time.process_time()

    assert_array_equal(read_picture(data).pixels, read_picture(STILL["GIF"]).pixels)
    assert time.process_time() - started < 5


def test_a_gif_of_more_frames_than_any_program_writes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "_MOST_FRAMES", 5)
    frames = [Image.fromarray(random_pixels((9, 9, 3), seed=seed)).quantize() for seed in range(9)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])

    with pytest.raises(NoImage, match="more than 5 frames"):
        read_picture(data)


def test_boxes_without_number_are_refused() -> None:
    with pytest.raises(NoImage, match="more than 1000 parts"):
        read_picture(STILL["AVIF"][:32] + b"\0\0\0\x08free" * 2000 + STILL["AVIF"][32:])


def test_a_photoshop_file_of_nothing_but_resources_is_refused_at_once(tmp_path: Path) -> None:
    header = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 10, 10, 8, 3)
    path = tmp_path / "resources.psd"
    path.write_bytes(header + struct.pack(">II", 0, 2_000_000_000))
    os.truncate(path, 2_100_000_000)

    with pytest.raises(NoImage, match="resources"):
        read_picture(path)


def test_an_icon_that_contains_a_larger_image_than_it_says_is_refused() -> None:
    inner = png_claiming(10_000, 10_000, bits=8)
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22)

    with pytest.raises(NoImage, match="larger image than an icon"):
        read_picture(struct.pack("<HHH", 0, 1, 1) + entry + inner)


def test_an_open_file_is_cut_off_like_one_that_is_named() -> None:
    assert read_picture(io.BytesIO(STILL["WEBP"] + bytes(100))).size == (30, 21)
