"""TIFF files of several pages, and TIFF files whose parts claim more than the file around them."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from PIL import Image

from dis_core.errors import NoImage
from dis_core.images.reading import read_picture
from tests.fakes.image_files import png_claiming, random_pixels, saved, tiff

if TYPE_CHECKING:
    from numpy.typing import NDArray

PICTURE = random_pixels((96, 120, 3))
THUMBNAIL = PICTURE[::3, ::3].copy()


def pages(*parts: tuple[NDArray[Any], int]) -> bytes:
    """A TIFF of these pages, each with its NewSubfileType."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for pixels, flags in parts:
            kind = "rgb" if pixels.ndim == 3 else "minisblack"
            writer.write(pixels, photometric=kind, subfiletype=flags, metadata=None, contiguous=False)
    return buffer.getvalue()


@pytest.mark.parametrize("flags", [0, 1], ids=["unmarked", "marked"])
def test_a_first_page_that_is_a_thumbnail_is_stepped_over_and_said(flags: int) -> None:
    picture = read_picture(pages((THUMBNAIL, flags), (PICTURE, 0), (THUMBNAIL, 1)))

    assert_array_equal(picture.pixels, PICTURE)
    (remark,) = picture.remarks
    assert remark.startswith("3 pages: only 2 is used")


def test_a_page_that_pillow_reads_is_chosen_in_the_same_way() -> None:
    first, second = Image.fromarray(THUMBNAIL).quantize(16), Image.fromarray(PICTURE).quantize(16)
    data = saved(first, "TIFF", save_all=True, append_images=[second])

    picture = read_picture(data)

    assert_array_equal(picture.pixels, np.asarray(second.convert("RGB")))


@pytest.mark.parametrize(
    "second",
    [PICTURE, random_pixels((40, 50, 3)), random_pixels((96, 240, 3)), random_pixels((48, 60, 3))],
    ids=["as large", "smaller", "of other proportions", "hardly larger"],
)
def test_a_first_page_that_is_no_thumbnail_of_another_is_used(second: NDArray[np.uint8]) -> None:
    first = PICTURE if len(second) != 48 else second[:40, :50].copy()

    picture = read_picture(pages((first, 0), (second, 0)))

    assert_array_equal(picture.pixels, first)
    assert picture.remarks == ("2 pages: only the first is used",)


def test_of_a_large_first_page_the_smaller_versions_are_left_out() -> None:
    assert_array_equal(read_picture(pages((PICTURE, 0), (THUMBNAIL, 1))).pixels, PICTURE)


def test_a_mask_is_not_the_picture() -> None:
    picture = read_picture(pages((PICTURE[..., 0] > 99, 4), (PICTURE, 0)))

    assert_array_equal(picture.pixels, PICTURE)


def test_a_file_of_nothing_but_reduced_pages_is_read() -> None:
    assert_array_equal(read_picture(pages((THUMBNAIL, 1), (THUMBNAIL, 1))).pixels, THUMBNAIL)


def test_pages_in_a_circle_are_counted_once() -> None:
    data = bytearray(pages((PICTURE, 0), (THUMBNAIL, 0)))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        offsets = [page.offset for page in file.pages]
    tags = struct.unpack_from("<H", data, offsets[1])[0]
    struct.pack_into("<I", data, offsets[1] + 2 + 12 * tags, offsets[0])

    picture = read_picture(bytes(data))

    assert_array_equal(picture.pixels, PICTURE)
    assert picture.remarks == ("2 pages: only the first is used",)


def chain_of_pages(count: int) -> bytes:
    """A picture, and after it pages without tags, each six bytes long."""
    data = tiff(PICTURE, photometric="rgb")
    (offset,) = struct.unpack_from("<I", data, 4)
    (tags,) = struct.unpack_from("<H", data, offset)
    link = offset + 2 + 12 * tags
    start = len(data)
    chain = b"".join(struct.pack("<HI", 0, start + 6 * (page + 1)) for page in range(count))
    return data[:link] + struct.pack("<I", start) + data[link + 4 :] + chain


def test_a_chain_of_pages_is_not_walked_to_its_end() -> None:
    started = time.process_time()

    picture = read_picture(chain_of_pages(1_000_000))

    assert_array_equal(picture.pixels, PICTURE)
    assert picture.remarks == ("10000 pages or more: only the first is used",)
    assert time.process_time() - started < 5


def test_a_value_longer_than_any_program_writes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    data = bytearray(tiff(PICTURE, photometric="rgb", extratags=[(700, 1, 100, b"x" * 100)]))
    place = data.index(struct.pack("<HHI", 700, 1, 100))
    struct.pack_into("<I", data, place + 4, 4_000_000_000)
    path = tmp_path / "long.tif"
    path.write_bytes(data)
    os.truncate(path, 8_000_000_000)

    with pytest.raises(NoImage, match="its tag 700 has 4000000000 bytes"):
        read_picture(path)


def with_first_strip(compression: int, strip: bytes, *, photometric: int = 2, size: int = 64) -> bytes:
    """A TIFF of `size` x `size` RGB pixels whose only strip is `strip`."""
    tags = {256: size, 257: size, 259: compression, 262: photometric, 277: 3, 278: size, 279: len(strip)}
    after = 8 + 2 + 12 * (len(tags) + 2) + 4
    bits = struct.pack("<3H", 8, 8, 8)
    tags |= {273: after + len(bits)}
    entries = {tag: struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()}
    entries[258] = struct.pack("<HHII", 258, 3, 3, after)
    table = b"".join(entries[tag] for tag in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + b"\0\0\0\0" + bits + strip


def huge_jpeg() -> bytes:
    data = saved(Image.new("RGB", (64, 64)), "JPEG")
    place = data.index(b"\xff\xc0")
    return data[: place + 5] + struct.pack(">HH", 65500, 65500) + data[place + 9 :]


def huge_webp() -> bytes:
    data = bytearray(saved(Image.new("RGB", (64, 64)), "WEBP"))
    struct.pack_into("<HH", data, 26, 16383, 16383)
    return bytes(data)


def huge_jpeg_2000() -> bytes:
    data = bytearray(saved(Image.new("RGB", (64, 64)), "JPEG2000"))
    struct.pack_into(">II", data, data.index(b"\xff\x4f\xff\x51") + 8, 60000, 60000)
    return bytes(data)


HUGE = {
    "JPEG": (7, huge_jpeg()),
    "JPEG as Bio-Formats numbers it": (33007, huge_jpeg()),
    "WebP": (50001, huge_webp()),
    "lossless WebP": (50001, saved(Image.new("RGB", (4000, 4000)), "WEBP", lossless=True)),
    "extended WebP": (50001, saved(Image.new("RGB", (4000, 4000)), "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")),
    "JPEG 2000": (34712, huge_jpeg_2000()),
    "PNG": (34933, png_claiming(60000, 60000, bits=8)),
}


@pytest.mark.parametrize("kind", HUGE)
def test_a_part_that_claims_more_pixels_than_its_page_is_refused(kind: str) -> None:
    with pytest.raises(NoImage, match="a part of 4096 pixels claims"):
        read_picture(with_first_strip(*HUGE[kind]))


def test_a_jpeg_part_that_claims_more_pixels_than_its_bytes_hold_is_refused() -> None:
    with pytest.raises(NoImage, match="claims 65500 x 65500"):
        read_picture(with_first_strip(7, huge_jpeg(), size=10_000))
    data = huge_jpeg().replace(struct.pack(">HH", 65500, 65500), struct.pack(">HH", 10_000, 10_000))
    with pytest.raises(NoImage, match=r"10000 x 10000 pixels in \d+ bytes"):
        read_picture(with_first_strip(7, data, size=10_000))


def test_a_jpeg_part_in_a_page_that_pillow_reads_is_refused_too() -> None:
    with pytest.raises(NoImage):
        read_picture(with_first_strip(7, huge_jpeg(), photometric=6))


@pytest.mark.parametrize("compression", [34887, 34934, 50002, 34661, 12345])
def test_a_compression_of_which_we_cannot_know_what_it_claims_is_refused(compression: int) -> None:
    with pytest.raises(NoImage):
        read_picture(with_first_strip(compression, bytes(200)))


ZEROS = bytes(50_000_000)
BOMBS = {
    "deflate": (8, zlib.compress(ZEROS)),
    "zstd": (50000, bytes(imagecodecs.zstd_encode(ZEROS))),
    "lzma": (34925, bytes(imagecodecs.lzma_encode(ZEROS))),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_part_that_unpacks_to_more_than_its_place_takes_no_more_memory(kind: str) -> None:
    data = with_first_strip(*BOMBS[kind])
    tracemalloc.start()

    with contextlib.suppress(NoImage):  # a decoder may take what fits, or refuse all of it
        read_picture(data)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak_bytes < 10_000_000


@pytest.mark.parametrize("compression", ["jpeg", "webp", "jpeg2000", "png", "lzw", "zstd", "lzma", "packbits"])
@pytest.mark.parametrize("tile", [None, (32, 32)], ids=["strips", "tiles"])
def test_honest_parts_are_read(compression: str, tile: tuple[int, int] | None) -> None:
    smooth = np.add.outer(np.arange(100), np.arange(90)).astype(np.uint8)[..., np.newaxis].repeat(3, axis=2)
    parts: dict[str, Any] = {"tile": tile} if tile else {"rowsperstrip": 32}
    if compression == "jpeg":
        parts["compressionargs"] = {"level": 98, "outcolorspace": "rgb"}

    picture = read_picture(tiff(smooth, photometric="rgb", compression=compression, **parts))

    assert np.abs(picture.pixels.astype(int) - smooth).max() <= 20


def test_a_page_without_a_width_is_no_thumbnail() -> None:
    data = chain_of_pages(3)
    place = data.index(struct.pack("<HH", 256, 3)) if struct.pack("<HH", 256, 3) in data else data.index(b"\0\1\4\0")
    without = data[: place + 8] + bytes(4) + data[place + 12 :]

    with pytest.raises(NoImage):
        read_picture(without)
