"""Pictures as files: exact, and there in one piece or not at all."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from dis_core.errors import BadRequest, OutputExists, OutputFailed
from dis_core.files import write_atomically
from dis_core.images import png
from dis_core.images.formats import OutputFormat, format_of
from dis_core.images.picture import Picture, encode, fit_to_format, write_picture
from dis_core.images.reading import as_picture, read_picture
from tests.fakes.image_files import gray_profile, random_pixels, wide_profile

FORMATS: tuple[OutputFormat, ...] = ("png", "tiff", "webp")
SIZES = [(1, 1), (1, 7), (7, 1), (2, 3), (3, 3), (4, 4), (33, 20)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("format_", FORMATS)
def test_8_bit_pixels_are_the_same_in_the_file_even_where_they_are_transparent(
    format_: OutputFormat, channels: int, size: tuple[int, int]
) -> None:
    picture = as_picture(random_pixels((*size, channels)))

    again = read_picture(encode(picture, format=format_))

    assert_array_equal(again.srgb(), picture.srgb())
    assert_array_equal(again.pixels[..., :1], picture.pixels[..., :1])
    if picture.alpha is None:
        assert again.alpha is None
    else:
        assert_array_equal(again.alpha, picture.alpha)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_png_of_several_strips_and_chunks_is_read_the_same_by_libpng(
    monkeypatch: pytest.MonkeyPatch, dtype: type[np.uint8 | np.uint16]
) -> None:
    monkeypatch.setattr(png, "_MOST_IN_CHUNK", 1000)
    pixels = random_pixels((150, 21, 4), dtype=dtype)

    data = encode(as_picture(pixels), format="png")

    assert data.count(b"IDAT") > 5
    assert_array_equal(imagecodecs.png_decode(data), pixels)


@pytest.mark.parametrize("photo", ["astronaut", "chair"])
def test_a_png_is_hardly_larger_than_with_a_filter_chosen_for_each_row(photo: str) -> None:
    picture = read_picture(Path(__file__).parents[1] / "photos" / "images" / f"{photo}.jpg")

    data = encode(picture, format="png")

    assert len(data) < 1.03 * len(imagecodecs.png_encode(picture.pixels, level=4))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("format_", ["png", "tiff"])
def test_16_bit_pixels_are_the_same_in_the_file(format_: OutputFormat, channels: int, size: tuple[int, int]) -> None:
    picture = as_picture(random_pixels((*size, channels), dtype=np.uint16))

    again = read_picture(encode(picture, format=format_))

    assert again.pixels.dtype == np.uint16
    assert_array_equal(again.pixels, picture.pixels)
    if channels in (2, 4):
        assert_array_equal(again.alpha_levels(), picture.alpha_levels())


@pytest.mark.parametrize("format_", FORMATS)
def test_other_programs_see_pixels_alpha_and_profile(format_: OutputFormat) -> None:
    array = random_pixels((6, 5, 4))
    picture = Picture(array[..., :3], array[..., 3] / np.float32(255), icc_profile=wide_profile())

    with Image.open(io.BytesIO(encode(picture, format=format_))) as image:
        seen, profile = np.asarray(image), image.info.get("icc_profile")

    assert_array_equal(seen, array)
    assert profile == wide_profile()


def test_a_16_bit_png_keeps_its_profile_and_its_resolution() -> None:
    picture = Picture(random_pixels((6, 5, 3), dtype=np.uint16), icc_profile=wide_profile(), dpi=(300.0, 150.0))

    again = read_picture(encode(picture, format="png"))

    assert again.icc_profile == wide_profile()
    assert again.dpi == pytest.approx((300, 150), rel=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_keeps_its_profile_and_its_resolution(dtype: type[np.uint8]) -> None:
    picture = Picture(random_pixels((6, 5, 3), dtype=dtype), icc_profile=wide_profile(), dpi=(300.0, 72.0))

    again = read_picture(encode(picture, format="tiff"))

    assert again.icc_profile == wide_profile()
    assert again.dpi == pytest.approx((300, 72), rel=1e-3)


def test_a_tiff_says_that_its_alpha_is_not_multiplied_in() -> None:
    data = encode(as_picture(random_pixels((6, 5, 4), dtype=np.uint16)), format="tiff")

    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        kinds = tiff.pages.first.extrasamples

    assert [int(kind) for kind in kinds] == [2]


def test_webp_gets_8_bits_of_a_16_bit_picture_and_says_so() -> None:
    picture = as_picture(random_pixels((6, 5, 4), dtype=np.uint16))

    fitted = fit_to_format(picture, format="webp")

    assert "16 bits" in fitted.remarks[0]
    again = read_picture(encode(picture, format="webp"))
    assert_allclose(again.srgb(), picture.srgb(), atol=0.51 / 255)


def test_webp_gets_srgb_of_a_gray_picture_with_a_profile_and_says_so() -> None:
    picture = Picture(random_pixels((6, 5, 1)), icc_profile=gray_profile())

    fitted = fit_to_format(picture, format="webp")

    assert "sRGB" in fitted.remarks[0]
    assert_allclose(read_picture(encode(picture, format="webp")).srgb(), picture.srgb(), atol=1e-6)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_picture_that_fits_is_not_changed(format_: OutputFormat) -> None:
    picture = as_picture(random_pixels((6, 5, 4)))

    assert fit_to_format(picture, format=format_) is picture


def test_a_side_that_is_too_long_for_webp_is_refused_with_a_way_out() -> None:
    picture = Picture(np.zeros((1, 16384, 3), np.uint8))

    with pytest.raises(BadRequest, match="16383") as failure:
        encode(picture, format="webp")

    assert "PNG" in failure.value.hint


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.png", "png"), ("a.PNG", "png"), ("a.tif", "tiff"), ("a.b.tiff", "tiff"), ("a.webp", "webp")],
)
def test_the_ending_chooses_the_format(name: str, expected: OutputFormat) -> None:
    assert format_of(name) == expected


@pytest.mark.parametrize("name", ["a.jp2", "a", "a.gif", ".png"])
def test_other_endings_are_refused(name: str) -> None:
    with pytest.raises(BadRequest) as failure:
        format_of(name)

    assert ".png" in failure.value.hint


def test_a_picture_saves_itself(tmp_path: Path) -> None:
    picture = as_picture(random_pixels((6, 5, 4)))

    picture.save(tmp_path / "out.png")

    assert_array_equal(read_picture(tmp_path / "out.png").pixels, picture.pixels)


def test_a_picture_is_written_to_an_open_file() -> None:
    picture, buffer = as_picture(random_pixels((6, 5, 4))), io.BytesIO()

    write_picture(picture, buffer, format="png")

    assert_array_equal(read_picture(buffer.getvalue()).pixels, picture.pixels)


def test_an_open_file_that_fails_is_an_error_in_words() -> None:
    class Full(io.BytesIO):
        def write(self, _data: Any) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OutputFailed) as failure:
        write_picture(as_picture(random_pixels((2, 2))), Full(), format="png")

    assert "space" in failure.value.hint


def test_what_is_written_is_there_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "out.png", b"content")

    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]
    assert (tmp_path / "out.png").read_bytes() == b"content"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_the_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")

    write_atomically(tmp_path / "out.png", b"content")

    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("other", "out.png")]
    assert modes[0] == modes[1]


def test_a_taken_place_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    with pytest.raises(OutputExists, match=r"out\.png"):
        write_atomically(path, b"new")

    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_place_that_is_taken_during_the_work_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.png"
    sync = os.fsync

    def take_the_place(descriptor: int) -> None:
        path.write_bytes(b"theirs")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", take_the_place)

    with pytest.raises(OutputExists):
        write_atomically(path, b"ours")

    assert path.read_bytes() == b"theirs"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_may_not_be_read_gets_its_file_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_any = os.open

    def open_no_folder(path: Path, flags: int, *mode: int) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return open_any(path, flags, *mode)

    monkeypatch.setattr(os, "open", open_no_folder)

    write_atomically(tmp_path / "out.png", b"new")

    assert (tmp_path / "out.png").read_bytes() == b"new"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_a_umask_that_forbids_the_owner_to_write_does_not_keep_a_file_from_the_disk(tmp_path: Path) -> None:
    before = os.umask(0o222)
    try:
        write_atomically(tmp_path / "out.png", b"new")
    finally:
        os.umask(before)

    assert (tmp_path / "out.png").read_bytes() == b"new"


def test_overwriting_replaces_the_content(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    write_atomically(path, b"new", overwrite=True)

    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("target_exists", [True, False])
def test_a_symbolic_link_counts_as_taken(tmp_path: Path, target_exists: bool) -> None:
    target = tmp_path / "precious"
    if target_exists:
        target.write_bytes(b"precious")
    (tmp_path / "out.png").symlink_to(target)

    with pytest.raises(OutputExists):
        write_atomically(tmp_path / "out.png", b"new")

    assert target.exists() == target_exists


def test_overwriting_a_symbolic_link_replaces_the_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "out.png").symlink_to(tmp_path / "precious")

    write_atomically(tmp_path / "out.png", b"new", overwrite=True)

    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "out.png").is_symlink()
    assert (tmp_path / "out.png").read_bytes() == b"new"


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_system_without_hard_links_is_written_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)

    write_atomically(tmp_path / "out.png", b"content", overwrite=overwrite)

    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]
    with pytest.raises(OutputExists):
        write_atomically(tmp_path / "out.png", b"again")


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.ENOSPC, "space"), (errno.EDQUOT, "quota"), (errno.EACCES, "folder"), (errno.EROFS, "disk")],
)
def test_a_disk_that_fails_is_an_error_in_words_and_leaves_nothing_behind(
    number: int, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OutputFailed) as failure:
        write_atomically(tmp_path / "out.png", b"content")

    assert hint in failure.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_grows_too_large_leaves_nothing_behind(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OutputFailed):
            write_atomically(tmp_path / "out.png", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new", overwrite=True)

    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["no/such/folder/out.png", "file/out.png", "x" * 300 + ".png", "nul\0.png"])
def test_impossible_places_are_an_error_in_words(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OutputFailed) as failure:
        write_atomically(tmp_path / name, b"content")

    assert failure.value.hint


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_folder_in_the_place_is_never_replaced(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "out.png").mkdir()

    with pytest.raises(OutputFailed if overwrite else OutputExists):
        write_atomically(tmp_path / "out.png", b"content", overwrite=overwrite)

    assert (tmp_path / "out.png").is_dir()
    assert len(list(tmp_path.iterdir())) == 1


def test_the_longest_possible_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".png")

    write_atomically(path, b"content")

    assert path.exists()
