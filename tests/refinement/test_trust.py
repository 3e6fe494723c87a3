"""A tile is believed as far as it does not contradict what is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dis_core.refinement.trust import CELL_PX, belief

Plane = NDArray[np.float32]


def half(size: int = 256, *, blur_px: int = 8) -> Plane:
    """The subject on the right, background on the left, and an uncertain strip between."""
    ramp = np.clip((np.arange(size) - size / 2) / (2 * blur_px) + 0.5, 0, 1).astype(np.float32)
    return np.repeat(ramp[np.newaxis], size, axis=0)


def sharp(size: int = 256) -> Plane:
    return (half(size) >= 0.5).astype(np.float32)


def test_a_tile_that_says_the_same_more_sharply_is_believed_everywhere() -> None:
    believed = belief(sharp(), half())

    assert believed is not None
    assert believed.shape == (256, 256)
    assert believed.dtype == np.float32
    assert believed.min() == 1


@pytest.mark.parametrize(
    "answer",
    [
        1 - sharp(),
        np.zeros((256, 256), np.float32),
        np.ones((256, 256), np.float32),
        np.full((256, 256), 0.5, np.float32),
        np.where(sharp() > 0, np.nan, 0).astype(np.float32),
        np.where(sharp() > 0, np.inf, 0).astype(np.float32),
    ],
    ids=["flipped", "nothing", "everything", "gray", "not a number", "infinite"],
)
def test_a_tile_that_found_another_subject_or_none_is_rejected(answer: Plane) -> None:
    assert belief(answer, half()) is None


def test_a_tile_that_is_wrong_in_one_place_is_believed_elsewhere() -> None:
    answer = sharp()
    answer[96:128, 32:64] = 1

    believed = belief(answer, half())

    assert believed is not None
    assert believed[112, 48] == 0
    assert believed[200, 128] > 0.9


def test_detail_that_is_smaller_than_a_cell_may_differ() -> None:
    answer = sharp()
    answer[:, 40] = 1  # a wire, a pixel wide, before the background

    believed = belief(answer, half())

    assert believed is not None
    assert believed.min() > 0.9
    assert CELL_PX > 1 / 0.15


def test_doubt_stays_where_it_belongs_in_a_tile_that_is_no_multiple_of_cells() -> None:
    answer = np.zeros((4 * CELL_PX + 1, 4 * CELL_PX), np.float32)
    matte = answer.copy()
    answer[4 * CELL_PX] = 1  # the last row alone, which is a cell of its own

    believed = belief(answer, matte)

    assert believed is not None
    assert believed[: 3 * CELL_PX].min() == 1
    assert believed[4 * CELL_PX].max() < 0.5


def test_where_nothing_is_certain_a_tile_is_compared_cell_by_cell() -> None:
    matte = np.full((64, 64), 0.5, np.float32)

    assert belief(matte, matte) is not None
    assert belief(np.ones_like(matte), matte) is None
