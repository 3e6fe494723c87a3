"""Animations: which frame a still is made of, and all frames there and back again."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from dis_core.errors import BadRequest, NoImage
from dis_core.images import animation
from dis_core.images.animation import Frame, open_animation
from dis_core.images.animation_writer import AnimationWriter
from dis_core.images.formats import AnimationFormat
from dis_core.images.picture import Picture
from dis_core.images.reading import read_picture
from tests.fakes.image_files import deep_png, exif, random_pixels, saved, wide_profile

KINDS = ("GIF", "PNG", "WEBP")
FRAMES = [np.full((12, 10, 3), 40 * number, np.uint8) for number in range(1, 4)]
for number, pixels in enumerate(FRAMES):
    pixels[2 : 5 + number, 3:6] = 250 - number


def animated(kind: str, frames: list[np.ndarray[Any, np.dtype[np.uint8]]], **options: Any) -> bytes:
    first, *others = [Image.fromarray(pixels) for pixels in frames]
    exact = {"lossless": True} if kind == "WEBP" else {}
    return saved(first, kind, save_all=True, append_images=others, **exact, **options)


def decoded(data: bytes) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    """All frames as Pillow composes them, RGBA."""
    with Image.open(io.BytesIO(data)) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.array(image.convert("RGBA")))
    return frames


def durations(data: bytes) -> list[float]:
    with Image.open(io.BytesIO(data)) as image:
        times = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            times.append(float(image.info["duration"]))
    return times


@pytest.mark.parametrize("blank", [0, 255])
@pytest.mark.parametrize("kind", [*KINDS, "AVIF"])
def test_blank_frames_at_the_beginning_are_stepped_over_and_said(kind: str, blank: int) -> None:
    empty = np.full_like(FRAMES[0], blank)
    other = np.full_like(FRAMES[0], 128)

    picture = read_picture(animated(kind, [empty, other, FRAMES[1]]))

    assert_allclose(picture.pixels, FRAMES[1], atol=40 if kind == "AVIF" else 0)
    assert picture.remarks == ("animated: only number 3 of 3 frames is used, because those before it are blank",)


@pytest.mark.parametrize("kind", KINDS)
def test_a_transparent_frame_counts_as_blank(kind: str) -> None:
    clear = np.zeros((12, 10, 4), np.uint8)
    shown = np.dstack([FRAMES[0], np.full((12, 10), 255, np.uint8)])

    assert_array_equal(read_picture(animated(kind, [clear, shown])).pixels, FRAMES[0])


@pytest.mark.parametrize("kind", KINDS)
def test_of_nothing_but_blank_frames_the_first_is_used(kind: str) -> None:
    picture = read_picture(animated(kind, [np.full_like(FRAMES[0], 9), np.full_like(FRAMES[0], 90)]))

    assert (picture.pixels == 9).all()
    assert picture.remarks == ("animated: only the first of 2 frames is used",)


def test_the_picture_of_an_apng_that_viewers_hide_is_stepped_over() -> None:
    data = animated("PNG", FRAMES, default_image=True)

    picture = read_picture(data)

    assert_array_equal(picture.pixels, FRAMES[1])
    assert picture.remarks == ("animated: only the first of 2 frames is used",)
    with open_animation(data) as opened:
        assert opened is not None
        assert [int(frame.picture.pixels[0, 0, 0]) for frame in opened.frames] == [80, 120]


def test_an_apng_of_one_frame_and_a_hidden_picture_shows_the_frame() -> None:
    picture = read_picture(animated("PNG", FRAMES[:2], default_image=True))

    assert_array_equal(picture.pixels, FRAMES[1])
    assert "viewers" in picture.remarks[0]


def test_the_profile_and_orientation_of_an_apng_hold_for_whichever_frame_is_chosen() -> None:
    data = animated("PNG", [np.full_like(FRAMES[0], 9), FRAMES[1]], icc_profile=wide_profile(), exif=exif(6))

    picture = read_picture(data)

    assert picture.icc_profile == wide_profile()
    assert_array_equal(picture.pixels, np.rot90(FRAMES[1], -1))


@pytest.mark.parametrize("kind", KINDS)
def test_all_frames_are_read_as_they_are_seen(kind: str) -> None:
    data = animated(kind, FRAMES, duration=[30, 70, 500], loop=3)

    with open_animation(data) as opened:
        assert opened is not None
        frames = list(opened.frames)

    assert (opened.count, opened.plays) == (3, 3)
    assert [frame.milliseconds for frame in frames] == [30, 70, 500]
    for frame, pixels in zip(frames, FRAMES, strict=True):
        assert_array_equal(frame.picture.pixels, pixels)


def test_what_a_frame_leaves_of_the_one_before_is_composed() -> None:
    hole = np.zeros((12, 10, 4), np.uint8)
    hole[:4, :4] = (1, 2, 3, 255)
    first = np.dstack([FRAMES[0], np.full((12, 10), 255, np.uint8)])
    data = animated("PNG", [first, hole], blend=1, disposal=0)  # drawn over what is there

    with open_animation(data) as opened:
        assert opened is not None
        second = list(opened.frames)[1].picture

    expected = FRAMES[0].copy()
    expected[:4, :4] = (1, 2, 3)
    assert_array_equal(second.pixels, expected)
    assert second.alpha is None


def test_other_files_are_no_animation() -> None:
    with open_animation(saved(Image.fromarray(FRAMES[0]), "JPEG")) as opened:
        assert opened is None
    with open_animation(saved(Image.fromarray(FRAMES[0]), "PNG")) as opened:
        assert opened is not None
        assert opened.count == 1


def test_an_animation_of_more_pixels_than_a_picture_may_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "MAX_PIXELS", 300)

    with pytest.raises(BadRequest, match="3 frames of 10 x 12 pixels"), open_animation(animated("GIF", FRAMES)):
        pass


def test_a_damaged_frame_is_an_error_in_words() -> None:
    data = animated("PNG", [random_pixels((40, 40, 3), seed=seed) for seed in range(3)])
    place = data.rindex(b"fdAT") + 200

    with open_animation(data[:place] + b"\0" * 300 + data[place + 300 :]) as opened:
        assert opened is not None
        with pytest.raises(NoImage):
            list(opened.frames)


def cut_outs(soft: float) -> list[Frame]:
    """Frames with different holes, so that anything left of the one before would show."""
    frames = []
    for number, pixels in enumerate(FRAMES):
        alpha = np.zeros((12, 10), np.float32)
        alpha[number : number + 3, 2:8] = 1
        alpha[number + 3, 2:8] = soft
        frames.append(Frame(Picture(pixels, alpha=alpha), 100.0 * (number + 1)))
    return frames


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_written_frames_replace_the_one_before_and_keep_time_and_repetition(kind: AnimationFormat) -> None:
    writer = AnimationWriter(kind, plays=5)
    for frame in cut_outs(soft=0):
        writer.add(frame)

    data = writer.file()

    assert durations(data) == [100, 200, 300]
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["loop"] == 5
        assert image.format == kind.upper()
    for frame, seen in zip(cut_outs(soft=0), decoded(data), strict=True):
        assert frame.picture.alpha is not None
        assert_array_equal(seen[..., 3], frame.picture.alpha * 255)
        shown = frame.picture.alpha > 0
        assert_array_equal(seen[shown][:, :3], frame.picture.pixels[shown])


@pytest.mark.parametrize("plays", [0, 1])
@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_an_animation_that_plays_for_ever_or_once_does_so_in_the_result(kind: AnimationFormat, plays: int) -> None:
    writer = AnimationWriter(kind, plays=plays)
    for frame in cut_outs(soft=0):
        writer.add(frame)

    with open_animation(writer.file()) as opened:
        assert opened is not None
        assert opened.plays == plays


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_soft_edges_are_kept(kind: AnimationFormat) -> None:
    writer = AnimationWriter(kind, plays=0)
    for frame in cut_outs(soft=0.6):
        writer.add(frame)

    assert decoded(writer.file())[0][3, 4, 3] == 153
    assert writer.remarks == []


def test_gif_loses_soft_edges_and_says_so() -> None:
    writer = AnimationWriter("gif", plays=0)
    for frame in cut_outs(soft=0.6):
        writer.add(frame)

    assert decoded(writer.file())[0][3, 4, 3] == 255
    (remark,) = writer.remarks
    assert "soft edges" in remark


def test_a_gif_of_more_colors_than_it_has_is_close() -> None:
    down, across = np.mgrid[:60, :90].astype(np.uint8)
    smooth = np.stack([down, across, down + across], axis=2)
    writer = AnimationWriter("gif", plays=0)
    writer.add(Frame(Picture(smooth), 50))

    (seen,) = decoded(writer.file())
    assert len(np.unique(smooth.reshape(-1, 3), axis=0)) > 256
    assert_allclose(seen[..., :3], smooth, atol=16)


def test_16_bits_and_a_profile_are_kept_in_png_and_said_in_gif() -> None:
    deep = Picture(random_pixels((9, 7, 3), dtype=np.uint16), icc_profile=wide_profile())
    png, gif = AnimationWriter("png", plays=0), AnimationWriter("gif", plays=0)
    for writer in (png, gif):
        writer.add(Frame(deep, 50))
        writer.add(Frame(deep, 50))

    still = read_picture(png.file())

    assert_array_equal(still.pixels, deep.pixels)
    assert still.icc_profile == wide_profile()
    with open_animation(png.file()) as opened:
        assert opened is not None
        assert "reduced to 8" in next(opened.frames).picture.remarks[0]
    assert "sRGB" in gif.remarks[0]


def test_a_still_16_bit_png_is_still_read_with_16_bits() -> None:
    deep = random_pixels((9, 7, 3), dtype=np.uint16)

    assert_array_equal(read_picture(deep_png(deep)).pixels, deep)
