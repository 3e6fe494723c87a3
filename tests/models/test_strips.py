"""Maps made strip by strip are what they would be as a whole."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from dis_core.models.resample import mix_rows_to_corners, part_of_resized, resize_to_corners
from dis_core.models.strips import (
    LOOK_BACK,
    RowBuffer,
    Rows,
    convolved,
    convolved_in_strips,
    rows_beneath,
)

HEIGHTS = st.integers(1, 70)


@settings(deadline=None, max_examples=60)
@given(height=HEIGHTS, new_height=HEIGHTS, first=st.floats(0, 0.99), share=st.floats(0.01, 1))
def test_resized_rows_are_those_of_the_resized_map(height: int, new_height: int, first: float, share: float) -> None:
    x = torch.rand(1, 2, height, 5)
    start = int(first * new_height)
    rows = slice(start, start + max(int(share * (new_height - start)), 1))
    beneath = rows_beneath(rows, new_height, height)

    part = Rows(x[:, :, beneath], beneath.start, height).resized((new_height, 9), rows)

    assert torch.allclose(part, resize_to_corners(x, (new_height, 9))[:, :, rows], atol=1e-5)


@pytest.mark.parametrize("pixels_at_once", [1, 9 * 11, 10_000])
def test_a_convolution_in_strips_is_that_of_the_whole(pixels_at_once: int) -> None:
    layer = nn.Conv2d(3, 4, 3, padding=1)
    x = torch.rand(2, 3, 37, 11)

    with torch.inference_mode():
        strips = convolved_in_strips(layer, lambda rows: x[:, :, rows], (37, 11), pixels_at_once=pixels_at_once)
        whole = layer(x)

    assert torch.allclose(strips, whole, atol=1e-6)


def test_a_buffer_makes_each_row_once_and_forgets_those_far_above() -> None:
    made: list[int] = []

    def make(rows: slice) -> torch.Tensor:
        made.extend(range(rows.start, rows.stop))
        return torch.arange(rows.start, rows.stop).view(1, 1, -1, 1)

    buffer = RowBuffer(100, make)
    for top in range(0, 100, 20):
        wanted = slice(max(top - 2, 0), min(top + 22, 100))
        assert buffer.rows(wanted).cut(wanted).flatten().tolist() == list(range(wanted.start, wanted.stop))

    assert made == list(range(100))
    assert buffer.rows(slice(78, 100)).start == 78 - LOOK_BACK


def test_rows_that_are_not_at_hand_are_refused() -> None:
    rows = Rows(torch.rand(1, 1, 10, 3), 20, 100)

    with pytest.raises(IndexError, match="19 to 25"):
        rows.cut(slice(19, 25))
    with pytest.raises(IndexError, match="25 to 31"):
        rows.cut(slice(25, 31))


def test_a_convolution_sees_the_rows_around_and_nothing_beyond_the_map() -> None:
    asked: list[slice] = []

    def make(rows: slice) -> torch.Tensor:
        asked.append(rows)
        return torch.zeros(1, 1, rows.stop - rows.start, 4)

    for rows in (slice(0, 5), slice(5, 8), slice(8, 12)):
        convolved(nn.Identity(), make, rows, 12)

    assert asked == [slice(0, 6), slice(4, 9), slice(7, 12)]


def test_positions_of_pixels_are_never_float64_on_the_maps_device() -> None:
    x = torch.empty(1, 2, 30, 5, device="meta")

    with Dtypes() as made:
        part_of_resized(x, (70, 90), slice(10, 30), slice(5, 60))
        mix_rows_to_corners(x, 0, (30, 70), slice(0, 20))

    assert torch.float32 in made.on_meta
    assert torch.float64 not in made.on_meta


class Dtypes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Notes the types of all that is made on the device "meta", which stands for one that knows no float64."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.on_meta: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # torch's own
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor) and made.is_meta:
            self.on_meta.add(made.dtype)
        return made
