"""Arithmetic that Apple's GPU is known to have had wrong, where dis-core relies on it: the values, worked out apart.

The CPU is always asked, and so is a graphics card where there is one: a Mac runs this file as it is. Tests name the
issue of pytorch/pytorch that they guard against.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dis_core.device import usable_devices
from dis_core.models.birefnet.deformable import weighted_rows, weighted_rows_one_by_one
from dis_core.models.pdfnet.network import CrossAttention, local_contrast
from dis_core.models.resample import mix_rows_to_corners, part_of_resized, resize_by_area, resize_to_corners
from dis_core.models.strips import Rows, convolved, convolved_in_strips
from dis_core.models.tensors import packed


@pytest.fixture(params=usable_devices())
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def assert_equal(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-4) -> None:
    torch.testing.assert_close(found.float().cpu(), expected.float(), atol=tolerance, rtol=tolerance)


def by_hand(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A 3 x 3 convolution with a border of zeros as a sum of nine products, in float64 on the CPU."""
    B, _, H, W = x.shape
    padded = np.pad(x.numpy().astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    out = np.zeros((B, weight.shape[0], H, W))
    for down in range(3):
        for right in range(3):
            seen = padded[:, :, down : down + H, right : right + W]
            out += np.einsum("oc,bchw->bohw", weight[:, :, down, right].numpy().astype(np.float64), seen)
    return torch.from_numpy(out)


@pytest.mark.parametrize("axis", [1, 2])
def test_a_slice_of_a_map_that_is_channels_last_is_convolved_as_it_is(device: str, axis: int) -> None:
    """Issue 180984: until the spring of 2026 a slice was read as if it had no gaps."""
    whole, weight = numbers(2, 8, 12, 9), numbers(5, 4, 3, 3, seed=1)
    part = (slice(None), slice(2, 6)) if axis == 1 else (slice(None), slice(0, 4), slice(3, 9))
    on_it = whole.to(device, memory_format=torch.channels_last)

    found = F.conv2d(packed(on_it[part]), weight.to(device), padding=1)

    assert packed(on_it[part]).is_contiguous(memory_format=torch.channels_last)
    assert_equal(found, by_hand(whole[part], weight))


def test_a_slice_of_a_kernel_is_a_kernel(device: str) -> None:
    """Issue 192212: until the summer of 2026 a kernel with gaps was misread."""
    x, weight = numbers(2, 4, 10, 11), numbers(5, 12, 3, 3, seed=1)
    parts = torch.split(weight.to(device, memory_format=torch.channels_last), [3, 4, 5], 1)

    found = F.conv2d(x.to(device), packed(parts[1]), padding=1)

    assert_equal(found, by_hand(x, weight[:, 3:7]))


def test_strips_of_a_batch_are_convolved_as_the_whole_map_is(device: str) -> None:
    """Both of the above, as networks do it: rows are cut from a batch of maps that are channels last."""
    x, layer = numbers(3, 4, 40, 16), nn.Conv2d(4, 6, 3, padding=1, bias=False)
    on_it = layer.to(device).to(memory_format=torch.channels_last)
    rows = Rows.all_of(x.to(device, memory_format=torch.channels_last))

    with torch.inference_mode():
        middle = convolved(on_it, rows.cut, slice(10, 20), 40)
        whole = convolved_in_strips(on_it, rows.cut, (40, 16), pixels_at_once=16 * 8)

    expected = by_hand(x, layer.weight.detach().cpu())
    assert_equal(middle, expected[:, :, 10:20])
    assert_equal(whole, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_between_two_rows_lies_their_weighted_mean(device: str, dtype: torch.dtype) -> None:
    """Issue 196067: `lerp` in half precision with a share in full was wrong in torch 2.14."""
    x = numbers(1, 3, 5, 7)
    on_it = x.to(device, dtype)

    rows = mix_rows_to_corners(on_it, 0, (5, 9), slice(0, 9))
    part = part_of_resized(on_it, (10, 14), slice(3, 9), slice(2, 12))

    at = np.arange(9) * 4 / 8
    low = np.minimum(at.astype(int), 3)
    share = (at - low)[:, None]
    expected = x.numpy()[0, :, low].swapaxes(0, 1) * (1 - share) + x.numpy()[0, :, low + 1].swapaxes(0, 1) * share
    assert rows.dtype == dtype
    assert_equal(rows[0], torch.from_numpy(expected), 1e-5 if dtype == torch.float32 else 5e-3)
    whole = resize_by_area(x, (10, 14))[:, :, 3:9, 2:12]
    assert_equal(part, whole, 1e-5 if dtype == torch.float32 else 5e-3)


def test_the_mean_around_a_pixel_counts_the_zeros_beyond_the_border(device: str) -> None:
    """Pull request 94348: average pooling with padding was wrong; the boundary prior was trained with zeros counted."""
    probability = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))

    found = local_contrast(probability.to(device))

    doubly = np.pad(probability.sigmoid().numpy()[0, 0], 2)
    means = np.lib.stride_tricks.sliding_window_view(doubly, (5, 5)).mean((2, 3))
    assert_equal(found[0, 0], torch.from_numpy(np.abs(doubly[2:-2, 2:-2] - means)), 1e-6)


@pytest.mark.parametrize("size", [(9, 5), (3, 11), (20, 30)])
def test_corners_stay_where_they_are(device: str, size: tuple[int, int]) -> None:
    """Bilinear resizing with fixed corners, of a map that is channels last."""
    x = numbers(2, 3, 7, 8)
    rows, columns = (np.linspace(0, old - 1, new) for old, new in zip((7, 8), size, strict=True))

    found = resize_to_corners(x.to(device, memory_format=torch.channels_last), size)

    tall = np.apply_along_axis(lambda line: np.interp(rows, np.arange(7), line), 2, x.numpy())
    expected = np.apply_along_axis(lambda line: np.interp(columns, np.arange(8), line), 3, tall)
    assert_equal(found, torch.from_numpy(expected), 1e-5)


@pytest.mark.parametrize("queries", [(1, 5), (6, 9)])
def test_attention_of_slices_equals_its_formula(device: str, queries: tuple[int, int]) -> None:
    """Issues 163597 and 181133: short queries with heads of 64 were wrong where tensors are permuted."""
    attention = CrossAttention(64)
    query, other = numbers(3, 64, *queries), numbers(3, 64, 5, 7, seed=1)

    with torch.inference_mode():
        expected = attention.double()(query.double(), [other.double()])
        moved = attention.float().to(device)
        found = moved(
            query.to(device, memory_format=torch.channels_last), [other.to(device, memory_format=torch.channels_last)]
        )

    assert_equal(found, expected)


def test_weighted_rows_are_sums_of_rows(device: str) -> None:
    """`embedding_bag` where it is used, and what takes its place elsewhere."""
    table, shares = numbers(20, 6), numbers(15, 4, seed=1)
    picked = torch.from_numpy(np.random.default_rng(2).integers(0, 20, (15, 4), dtype=np.int32))
    expected = (table.numpy()[picked.numpy()] * shares.numpy()[..., None]).sum(1)

    for make in (weighted_rows, weighted_rows_one_by_one):
        assert_equal(make(table.to(device), picked.to(device), shares.to(device)), torch.from_numpy(expected), 1e-5)
