"""Pictures on a canvas of another size: where the subject lies, and what resampling does to its colors and edges."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dis_core.errors import BadRequest
from dis_core.geometry import Box
from dis_core.images.framing import Framing, Placing, as_margin, as_size, place_subject, remarks_on_placing
from dis_core.images.picture import Picture
from dis_core.images.pixels import Pixels
from dis_core.images.placing import placed_picture, placed_plane

ORANGE, GREEN = (250, 120, 10), (0, 255, 0)


def on_green(height: int, width: int, box: Box, dtype: type = np.uint8) -> Picture:
    """An orange rectangle that is opaque, on green that is transparent."""
    unit = np.iinfo(dtype).max // 255
    pixels: Pixels = np.full((height, width, 3), np.array(GREEN) * unit, dtype)
    alpha = np.zeros((height, width), np.float32)
    pixels[box.top : box.bottom, box.left : box.right] = np.array(ORANGE) * unit
    alpha[box.top : box.bottom, box.left : box.right] = 1
    return Picture(pixels, alpha, icc_profile=b"a profile", dpi=(300, 300))


def framed(picture: Picture, box: Box, framing: Framing) -> Picture:
    return placed_picture(picture, place_subject(box, framing))


def covered(alpha: NDArray[np.float32]) -> Box:
    rows, columns = np.flatnonzero((alpha >= 0.5).any(axis=1)), np.flatnonzero((alpha >= 0.5).any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


@pytest.mark.parametrize(
    ("size", "margin", "expected"),
    [
        ((200, 200), Framing(margin_fraction=0.1), Box(20, 60, 180, 140)),  # 160 x 80 in the middle
        ((200, 400), Framing(margin_px=10), Box(20, 10, 380, 190)),  # the height decides
        ((50, 50), Framing(), Box(0, 12, 50, 37)),
    ],
)
def test_the_subject_fills_the_canvas_up_to_the_margin_in_its_own_proportions(
    size: tuple[int, int], margin: Framing, expected: Box
) -> None:
    box = Box(30, 20, 130, 70)  # twice as wide as high
    framing = Framing(size, margin.margin_px, margin.margin_fraction)

    result = framed(on_green(100, 150, box), box, framing)

    assert result.size == size
    assert result.alpha is not None
    assert np.abs(np.array(covered(result.alpha)) - np.array(expected)).max() <= 1  # half a pixel is cut either way


@pytest.mark.parametrize("side", [37, 64, 300])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_transparent_colors_no_edge(side: int, dtype: type) -> None:
    box = Box(30, 20, 131, 75)

    result = framed(on_green(100, 150, box, dtype), box, Framing((side, side), margin_px=5))

    seen = result.alpha_levels()
    assert seen is not None
    assert result.pixels.dtype == dtype
    unit = np.iinfo(dtype).max // 255
    assert np.abs(result.pixels[seen > 0].astype(int) - np.array(ORANGE) * unit).max() <= unit
    assert (result.pixels[seen == 0] == 0).all()
    assert (result.icc_profile, result.dpi) == (b"a profile", (300, 300))


@pytest.mark.parametrize("side", [40, 90, 300])
def test_an_edge_has_no_rings_so_that_white_stays_white(side: int) -> None:
    box = Box(30, 20, 131, 75)

    alpha = framed(on_green(100, 150, box), box, Framing((side, side), margin_px=10)).alpha

    assert alpha is not None
    scale = (side - 20) / 101
    width_px = 2 * max(1, scale) + 2  # of the edge: two pixels of the coarser grid
    middle = alpha[side // 2]
    assert np.count_nonzero((middle > 0) & (middle < 1)) <= 2 * width_px
    assert (middle[:8] == 0).all()
    assert (middle[side // 2 - 3 : side // 2 + 3] == 1).all()


@pytest.mark.parametrize("scale", [0.3, 1.7])
def test_a_canvas_shows_what_a_larger_one_shows_there(scale: float) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (150, 150, 3), np.uint8)
    picture = Picture(pixels, np.random.default_rng(2).random((150, 150), np.float32))

    small = placed_picture(picture, Placing((20, 24), scale, -10.3, -5.7))
    large = placed_picture(picture, Placing((40, 44), scale, -0.3, 4.3))

    assert small.alpha is not None
    assert large.alpha is not None
    assert np.abs(small.alpha - large.alpha[10:30, 10:34]).max() < 1e-5
    assert np.abs(small.pixels.astype(int) - large.pixels[10:30, 10:34]).max() <= 1


def test_reducing_averages_instead_of_leaving_out_pixels() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 200
    picture = Picture(stripes, np.ones((400, 400), np.float32))

    result = framed(picture, Box(0, 0, 400, 400), Framing((50, 50)))

    assert np.abs(result.pixels[5:-5, 5:-5].astype(int) - 100).max() <= 2


def test_a_margin_alone_leaves_every_pixel_as_it_is_and_goes_beyond_the_picture() -> None:
    picture = on_green(100, 150, box := Box(0, 20, 100, 60))

    result = framed(picture, box, Framing(margin_px=7))

    assert result.size == (54, 114)
    assert result.alpha is not None
    assert picture.alpha is not None
    assert (result.pixels[7:47, 7:107] == picture.pixels[20:60, :100]).all()
    assert (result.alpha[:, :7] == 0).all()
    assert result.alpha.sum() == picture.alpha.sum()


def test_a_canvas_of_the_subjects_own_size_changes_no_pixel() -> None:
    picture = on_green(100, 150, box := Box(30, 20, 130, 71))

    result = framed(picture, box, Framing((61, 120), margin_px=5))

    assert (result.pixels[5:56, 10:110] == picture.pixels[20:71, 30:130]).all()


def test_a_mask_lies_exactly_where_the_cutout_does() -> None:
    picture = on_green(100, 150, box := Box(30, 20, 131, 75))
    placing = place_subject(box, Framing((77, 133), margin_fraction=0.07))
    assert picture.alpha is not None

    placed = placed_picture(picture, placing).alpha

    assert placed is not None
    assert np.array_equal(placed_plane(picture.alpha, placing), placed)


@pytest.mark.parametrize("box", [Box(0, 0, 3000, 1), Box(0, 0, 1, 3000), Box(2999, 0, 3000, 1)])
def test_subjects_of_extreme_proportions_take_no_extreme_memory(box: Box) -> None:
    picture = on_green(3000, 3000, box)

    result = framed(picture, box, Framing((100, 5000)))

    assert result.size == (100, 5000)
    assert result.alpha is not None
    assert result.alpha.max() > 0


def test_a_picture_outside_of_the_canvas_leaves_it_empty() -> None:
    picture = on_green(20, 20, Box(0, 0, 20, 20))

    assert not placed_plane(np.ones((20, 20), np.float32), Placing((10, 10), 0.5, 50, 0)).any()
    assert not np.any(placed_picture(picture, Placing((10, 10), 2.0, -50, 0)).alpha)


def test_enlarging_and_cut_subjects_are_told() -> None:
    touching, free = Box(0, 10, 50, 60), Box(10, 10, 60, 60)
    large = Framing((200, 200), margin_px=10)

    told = remarks_on_placing(place_subject(touching, large), touching, (100, 60))
    assert any("360%" in remark for remark in told)
    assert any("cut off at the left" in remark for remark in told)

    (_, cut) = remarks_on_placing(place_subject(whole := Box(0, 0, 60, 100), large), whole, (100, 60))
    assert cut.endswith("at the left, the top, the right and the bottom")

    assert remarks_on_placing(place_subject(free, Framing((40, 40))), free, (100, 100)) == []


@pytest.mark.parametrize(
    "framing",
    [
        Framing((0, 10)),
        Framing((10, -5)),
        Framing((100_000, 100_000)),
        Framing((10, 10), margin_px=5),
        Framing((10, 10), margin_fraction=0.5),
        Framing(margin_px=-1),
        Framing(margin_fraction=-0.1),
        Framing(margin_fraction=float("nan")),
        Framing(margin_fraction=1e300),
        Framing(margin_px=10**30),
    ],
)
def test_impossible_framings_are_refused(framing: Framing) -> None:
    with pytest.raises(BadRequest):
        place_subject(Box(0, 0, 5, 5), framing)


def test_amounts_are_read_as_they_are_written() -> None:
    assert as_margin("40px") == as_margin(" 40 ") == (40, 0.0)
    assert as_margin("8%") == (0, 0.08)
    assert as_margin("2.5%") == (0, 0.025)
    assert as_size("2000x1500") == (1500, 2000)
    assert [as_margin(text) for text in ("", "-1", "8 px%", "1e3", "٣px")] == [None] * 5
    assert [as_size(text) for text in ("", "20", "20x", "20x30x40", "-2x3", "٣x٣")] == [None] * 6
