"""Inputs that are no image: each gives one clear line, and a hint."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dis_core.errors import NoImage
from dis_core.images.decoded import decoding
from dis_core.images.formats import MAX_PIXELS
from dis_core.images.reading import read_picture
from tests.fakes.image_files import deep_png, png_chunk, png_claiming, random_pixels, saved, tiff

if TYPE_CHECKING:
    from collections.abc import Callable


def zip_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mergedimage.png", b"")
    return buffer.getvalue()


def camera_raw() -> bytes:
    return tiff(
        random_pixels((4, 4), dtype=np.uint16), photometric="minisblack", extratags=[(50706, 1, 4, b"\1\4\0\0")]
    )


def with_tags(data: bytes, **values: int) -> bytes:
    """The TIFF with the value field of some tags overwritten; tags are named by "t" and their number."""
    changed = bytearray(data)
    count = struct.unpack_from("<H", changed, 8)[0]
    for entry in range(10, 10 + 12 * count, 12):
        tag, kind = struct.unpack_from("<HH", changed, entry)
        if f"t{tag}" in values and kind == 4:
            struct.pack_into("<I", changed, entry + 8, values[f"t{tag}"])
        elif f"t{tag}" in values:
            struct.pack_into("<HH", changed, entry + 8, values[f"t{tag}"], 0)
    return bytes(changed)


def huge_tiff(*, bits: int) -> bytes:
    data = tiff(np.zeros((2, 2, 3), np.uint8 if bits == 8 else np.uint16), photometric="rgb")
    return with_tags(data, t256=60000, t257=60000)


def tiff_with_a_missing_strip() -> bytes:
    whole = tiff(random_pixels((40, 40, 3)), photometric="rgb", rowsperstrip=20, compression="adobe_deflate")
    with tifffile.TiffFile(io.BytesIO(whole)) as file:
        place = file.pages.first.tags["StripByteCounts"]
        counts, offset = place.value, place.valueoffset
        both = "<2H" if place.dtype == 3 else "<2I"
    return whole[:offset] + struct.pack(both, counts[0], 0) + whole[offset + struct.calcsize(both) :]


# A kind of colors that Pillow decodes, with more channels than it can: it complains to its log.
TALKATIVE = with_tags(tiff(random_pixels((4, 4, 8)), photometric="minisblack", planarconfig="contig"), t262=6)


PNG = saved(Image.fromarray(random_pixels((40, 40, 3))), "PNG")
JPEG = saved(Image.fromarray(random_pixels((40, 40, 3))), "JPEG")
DEEP = random_pixels((40, 40, 3), dtype=np.uint16)

# tifffile logs the unknown type 99 of the tag 65000, and reads the rest.
WITH_AN_ODD_TAG = tiff(random_pixels((4, 4, 3)), photometric="rgb", extratags=[(65000, 3, 1, 7)]).replace(
    struct.pack("<HH", 65000, 3), struct.pack("<HH", 65000, 99)
)

BAD_CONTENT: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "text": (b"this is no picture\n" * 20, "not an image"),
    "zeros": (b"\0" * 1000, "not an image"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "PostScript"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "openexr": (b"v/1\x01\x02\0\0\0" + b"\0" * 100, "HDR"),
    "radiance": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\0\0\0\0", "HDR"),
    "jpeg xl": (b"\xff\x0a\0\0", "damaged"),
    "jpeg xl in an empty container": (b"\0\0\0\x0cJXL \r\n\x87\n", "damaged"),
    "zip": (zip_archive(), "zip archive"),
    "camera raw": (camera_raw(), "raw photo"),
    "truncated png": (PNG[: len(PNG) // 2], "damaged"),
    "truncated jpeg": (JPEG[: len(JPEG) // 2], "damaged"),
    "truncated gif": (saved(Image.new("P", (90, 90)), "GIF")[:30], "damaged"),
    "truncated webp": (saved(Image.fromarray(random_pixels((40, 40, 3))), "WEBP")[:500], "image"),
    "truncated 16-bit png": (deep_png(DEEP)[:500], "damaged"),
    "truncated 16-bit tiff": (tiff(DEEP, photometric="rgb")[:-500], "damaged"),
    "truncated compressed tiff": (tiff(DEEP, photometric="rgb", compression="lzw")[:-500], "damaged"),
    "truncated 8-bit tiff": (tiff(random_pixels((40, 40, 3)), photometric="rgb")[:-500], "damaged"),
    "tiff with a missing strip": (tiff_with_a_missing_strip(), "damaged"),
    "tiff of too many channels": (TALKATIVE, "image"),
    "tiff of two bytes more than its magic": (b"II*\0\x08\0", "damaged"),
    "overwritten png": (PNG[:60] + b"\xff" * 400 + PNG[460:], "damaged"),
    "floating-point tiff": (tiff(np.zeros((4, 4, 3), np.float32), photometric="rgb"), "holds floating-point pixels"),
    "32-bit tiff": (tiff(np.zeros((4, 4), np.uint32), photometric="minisblack"), "holds 32-bit pixels"),
    "signed tiff": (tiff(np.zeros((4, 4), np.int16), photometric="minisblack"), "holds signed pixels"),
    "floating-point gray map": (saved(Image.new("F", (4, 4)), "PPM"), "not supported"),
    "png bomb": (png_claiming(60000, 60000, bits=8), "300 megapixels"),
    "16-bit png bomb": (png_claiming(20000, 20000, bits=16), "20000 x 20000"),
    "tiff bomb": (huge_tiff(bits=8), "60000 x 60000"),
    "16-bit tiff bomb": (huge_tiff(bits=16), "60000 x 60000"),
    "png without width": (png_claiming(0, 10, bits=8), "image"),
    "text bomb": (PNG[:33] + png_chunk(b"iCCP", b"x\0\0" + b"\x78\x9c" + b"\0" * 10) + PNG[33:60], "damaged"),
}


@pytest.mark.parametrize("kind", BAD_CONTENT)
def test_what_is_no_image_is_refused_in_one_line_with_a_hint(kind: str, tmp_path: Path) -> None:
    content, expected = BAD_CONTENT[kind]
    path = tmp_path / "photo.png"
    path.write_bytes(content)

    with pytest.raises(NoImage) as failure:
        read_picture(path)

    assert expected in failure.value.message
    assert str(path) in failure.value.message
    assert "\n" not in failure.value.message
    assert failure.value.hint


@pytest.mark.parametrize("kind", ["truncated compressed tiff", "camera raw", "tiff of two bytes more than its magic"])
def test_decoders_say_nothing_beside_the_error(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NoImage):
        read_picture(BAD_CONTENT[kind][0])

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [TALKATIVE, WITH_AN_ODD_TAG], ids=["Pillow", "tifffile"])
def test_decoders_log_nothing_to_stderr_where_no_logging_is_set_up(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "talkative.tif"
    path.write_bytes(content)
    program = "import sys; from dis_core.images.reading import read_picture; from dis_core.errors import NoImage\n"
    program += "try: read_picture(sys.argv[1])\nexcept NoImage: pass"

    result = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)

    assert (result.stdout, result.stderr) == ("", "")


def test_a_bomb_is_refused_before_anything_is_decoded() -> None:
    content = png_claiming(60000, 60000, bits=16)
    tracemalloc.start()

    with pytest.raises(NoImage):
        read_picture(content)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak_bytes < 50_000_000


def test_pillows_own_limit_is_as_it_was_after_reading() -> None:
    before = Image.MAX_IMAGE_PIXELS

    read_picture(PNG)

    assert before == Image.MAX_IMAGE_PIXELS
    assert before != MAX_PIXELS


def test_an_image_beyond_pillows_limit_and_within_ours_is_not_refused_for_its_size() -> None:
    content = png_claiming(20000, 14000, bits=8)

    with pytest.raises(NoImage, match="damaged"):
        read_picture(content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoImage, match=r"nowhere\.png"):
        read_picture(tmp_path / "nowhere.png")


def test_a_folder_is_called_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NoImage, match="folder"):
        read_picture(tmp_path)


@pytest.mark.parametrize("name", ["", "photo\0.png", "x" * 5000])
def test_impossible_names_are_refused(name: str) -> None:
    with pytest.raises(NoImage) as failure:
        read_picture(name)

    assert failure.value.hint


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device file")
def test_a_device_is_not_read() -> None:
    with pytest.raises(NoImage, match="device"):
        read_picture("/dev/zero")


def failing_open(error: OSError) -> Callable[..., io.BufferedReader]:
    def fail(*arguments: object, **options: object) -> io.BufferedReader:
        raise error

    return fail


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.EACCES, "allowed"), (errno.EIO, "output error"), (errno.ELOOP, "symbolic")]
)
def test_a_file_that_the_system_refuses_to_open_is_an_error_in_words(
    number: int, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(PNG)
    # Permissions do not stop the administrator, who runs tests in containers, so the refusal itself is played.
    monkeypatch.setattr(Path, "open", failing_open(OSError(number, os.strerror(number))))

    with pytest.raises(NoImage, match=expected):
        read_picture(path)


def test_a_stream_that_breaks_is_an_error_in_words() -> None:
    class Broken(io.RawIOBase):
        def read(self, _size: int = -1) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(NoImage, match=os.strerror(errno.EIO)):
        read_picture(Broken())  # type: ignore[arg-type]  # a raw stream is less than the type promises


@pytest.mark.parametrize("error", [AttributeError("no attribute 'x'"), RuntimeError(""), KeyError(3), OSError(5)])
def test_whatever_a_decoder_raises_means_that_the_file_is_damaged(error: Exception) -> None:
    with pytest.raises(NoImage, match=r"photo\.png.*damaged") as failure, decoding("photo.png"):
        raise error

    assert failure.value.__cause__ is error


@pytest.mark.parametrize("error", [MemoryError(), NoImage("photo.png is too large")])
def test_what_says_nothing_about_damage_passes_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as failure, decoding("photo.png"):
        raise error

    assert failure.value is error


def test_a_tiff_whose_resolution_makes_no_sense_is_read_without_one() -> None:
    buffer = io.BytesIO()
    pixels = random_pixels((4, 5, 3))
    tifffile.imwrite(buffer, pixels, photometric="rgb", extratags=[(282, "s", 0, "wide", True), (283, 3, 1, 7, True)])

    picture = read_picture(buffer.getvalue())

    assert picture.dpi is None
    assert (picture.pixels == pixels).all()


SEEDS = {
    "jpeg": JPEG,
    "png": PNG,
    "palette": saved(Image.fromarray(random_pixels((12, 12, 3))).quantize(8), "PNG", transparency=1),
    "gif": saved(Image.new("P", (9, 9)), "GIF"),
    "webp": saved(Image.fromarray(random_pixels((9, 9, 3))), "WEBP"),
    "tiff": saved(Image.fromarray(random_pixels((9, 9, 3))), "TIFF", compression="tiff_lzw"),
    "16-bit tiff": tiff(random_pixels((9, 9, 4), dtype=np.uint16), photometric="rgb", compression="adobe_deflate"),
    "16-bit png": deep_png(random_pixels((9, 9, 4), dtype=np.uint16)),
}


@settings(deadline=None, max_examples=150)
@given(
    kind=st.sampled_from(sorted(SEEDS)),
    keep=st.floats(0.1, 1.0),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8),
)
def test_damage_of_any_kind_ends_in_a_picture_or_in_one_of_our_errors(
    kind: str, keep: float, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(SEEDS[kind])
    for place, value in changes:
        data[int(place * len(data))] = value

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Any other exception, and any warning, fails the test.
        with contextlib.suppress(NoImage):
            read_picture(bytes(data[: int(len(data) * keep)]))
