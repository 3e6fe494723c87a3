"""PNG files with something odd beside their pixels: read as viewers read them, and never past their end."""

from __future__ import annotations

import io
import os
import struct
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from dis_core.errors import NoImage
from dis_core.images import png_chunks
from dis_core.images.formats import MAX_PROFILE_BYTES
from dis_core.images.picture import Picture
from dis_core.images.reading import read_picture
from tests.fakes.image_files import (
    deep_png,
    exif,
    large_profile,
    png_chunk,
    png_claiming,
    random_pixels,
    saved,
    wide_profile,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXELS = random_pixels((40, 30, 3))
PNG = saved(Image.fromarray(PIXELS), "PNG")
DEEP = random_pixels((40, 30, 3), dtype=np.uint16)


def with_chunks(*chunks: bytes) -> bytes:
    """The PNG with these chunks before its pixels."""
    return PNG[:33] + b"".join(chunks) + PNG[33:]


def spoiled(chunk: bytes) -> bytes:
    """The chunk with a wrong checksum."""
    return chunk[:-1] + bytes((chunk[-1] ^ 1,))


def sparse(path: Path, data: bytes, *, size_bytes: int) -> Path:
    """A file that takes no room on the disk for what follows after `data`."""
    path.write_bytes(data)
    os.truncate(path, size_bytes)
    return path


def test_the_walk_stops_where_the_image_ends_and_not_where_the_file_ends(tmp_path: Path) -> None:
    path = sparse(tmp_path / "long.png", PNG, size_bytes=8_000_000_000)
    started = time.process_time()

    picture = read_picture(path)

    assert_array_equal(picture.pixels, PIXELS)
    assert time.process_time() - started < 5


def test_more_chunks_than_any_encoder_writes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_chunks, "_MOST_CHUNKS", 1000)

    with pytest.raises(NoImage, match="more than 1000 parts"):
        read_picture(with_chunks(*[png_chunk(b"tEXt", b"")] * 1000))


def test_pixels_that_take_more_room_than_they_can_are_refused_before_they_are_read(tmp_path: Path) -> None:
    claims = png_claiming(1000, 1000, bits=8)[:33] + struct.pack(">I4s", 2**31 - 1, b"IDAT")
    path = sparse(tmp_path / "fat.png", claims, size_bytes=4_000_000_000)

    with pytest.raises(NoImage, match="more data than its pixels need"):
        read_picture(path)


@pytest.mark.parametrize("kind", [b"tEXt", b"pHYs", b"iCCP", b"eXIf", b"gAMA", b"juNK"])
@pytest.mark.parametrize("pixels", [PIXELS, DEEP], ids=["8 bits", "16 bits"])
def test_a_wrong_checksum_beside_the_pixels_is_remarked_and_the_pixels_are_read(
    kind: bytes, pixels: NDArray[Any]
) -> None:
    data = PNG if pixels is PIXELS else deep_png(pixels)
    data = data[:33] + spoiled(png_chunk(kind, b"\0" * 9)) + data[33:]

    picture = read_picture(data)

    assert_array_equal(picture.pixels, pixels)
    assert picture.dpi is None
    (remark,) = picture.remarks
    assert kind.decode() in remark


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
def test_a_wrong_checksum_of_what_the_pixels_are_made_of_is_damage(kind: bytes) -> None:
    place = PNG.index(kind) - 4
    length = struct.unpack_from(">I", PNG, place)[0] + 12
    # In the middle of the pixels, so that their own checksum fails too.
    flipped = place + length - 1 if kind == b"IHDR" else place + length // 2
    data = PNG[:flipped] + bytes((PNG[flipped] ^ 64,)) + PNG[flipped + 1 :]

    with pytest.raises(NoImage, match="damaged"):
        read_picture(data)


@pytest.mark.parametrize("missing", [1, 4, 12, 14])
def test_a_png_without_its_last_bytes_is_read_with_a_remark(missing: int) -> None:
    picture = read_picture(PNG[:-missing])

    assert_array_equal(picture.pixels, PIXELS)
    assert "end of the file is missing" in picture.remarks[0]


@pytest.mark.parametrize("data", [PNG, deep_png(DEEP)], ids=["8 bits", "16 bits"])
def test_a_png_without_its_last_pixels_is_damaged(data: bytes) -> None:
    with pytest.raises(NoImage, match="damaged"):
        read_picture(data[:-100])


def test_a_long_compressed_text_does_not_matter() -> None:
    text = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 20_000_000))
    xmp = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b" " * 30_000_000))

    picture = read_picture(with_chunks(text, xmp))

    assert_array_equal(picture.pixels, PIXELS)
    assert picture.remarks == ()


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_orientation_in_long_xmp_is_applied(is_packed: bool) -> None:
    xmp = b'<x tiff:Orientation="3"/>' + b" " * 2_000_000
    text = bytes((is_packed, 0, 0, 0)) + (zlib.compress(xmp) if is_packed else xmp)

    picture = read_picture(with_chunks(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + text)))

    assert_array_equal(picture.pixels, PIXELS[::-1, ::-1])


def test_an_orientation_in_exif_that_is_stored_as_text_is_applied() -> None:
    block = b"Exif\0\0" + bytes(exif(6).tobytes()).removeprefix(b"Exif\0\0")
    text = f"\nexif\n{len(block):8d}\n{block.hex()}\n".encode()

    picture = read_picture(with_chunks(png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))))

    assert_array_equal(picture.pixels, np.rot90(PIXELS, -1))


def test_a_profile_of_more_than_a_megabyte_can_be_written_and_read_again(tmp_path: Path) -> None:
    profile = large_profile(1_200_000)

    Picture(PIXELS, icc_profile=profile).save(tmp_path / "large.png")

    assert read_picture(tmp_path / "large.png").icc_profile == profile


def test_a_profile_larger_than_any_that_is_accepted_is_left_out_of_every_format_with_a_remark() -> None:
    profile = large_profile(MAX_PROFILE_BYTES)
    packed = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(profile, 1))

    pictures = [
        read_picture(with_chunks(packed)),
        read_picture(saved(Image.fromarray(PIXELS), "TIFF", icc_profile=profile)),
    ]

    for picture in pictures:
        assert picture.icc_profile is None
        assert "color profile" in picture.remarks[0]


def test_a_profile_that_unpacks_without_end_is_left_out() -> None:
    bomb = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(wide_profile() + bytes(200_000_000), 9))

    picture = read_picture(with_chunks(bomb))

    assert picture.icc_profile is None
    assert "color profile" in picture.remarks[0]


def test_a_header_that_is_not_the_first_chunk_is_damage() -> None:
    header, rest = PNG[8:33], PNG[33:]

    with pytest.raises(NoImage, match="header"):
        read_picture(PNG[:8] + png_chunk(b"tEXt", b"x\0y") + header + rest)
    with pytest.raises(NoImage, match="header"):
        read_picture(PNG[:33] + header + rest)


def test_a_file_that_is_open_is_walked_like_one_that_is_named() -> None:
    assert_array_equal(read_picture(io.BytesIO(PNG + b"\0" * 100)).pixels, PIXELS)
