"""The order of a BiRefNet's tiles: weights of the older one are put in today's, and kernels tell which it is."""

from __future__ import annotations

import logging

import pytest
import torch

from dis_core.models.birefnet.network import GRIDS
from dis_core.models.birefnet.tile_order import (
    BEFORE_NOVEMBER_2024,
    KEYS,
    OUR_ORDER,
    TileOrder,
    order_of_kernels,
    reorder_kernels,
    reordered,
)

Tensors = dict[str, torch.Tensor]

ORDERS: tuple[TileOrder, ...] = (BEFORE_NOVEMBER_2024, OUR_ORDER)


def random_kernels() -> Tensors:
    random = torch.Generator().manual_seed(0)
    return {key: torch.randn(8, 3 * grid**2, 3, 3, generator=random) for key, grid in KEYS.items()}


def kernels_for_brightness(order: TileOrder) -> Tensors:
    """Kernels that are alike for the three colors of a tile, stacked in an order."""
    random = torch.Generator().manual_seed(0)
    made_up = {}
    for key, grid in KEYS.items():
        alike = torch.randn(8, 1, grid, grid, 3, 3, generator=random)
        by_color = alike + 0.5 * torch.randn(8, 3, grid, grid, 3, 3, generator=random)  # (out, color, row, column, ...)
        in_order = by_color if order == OUR_ORDER else by_color.permute(0, 3, 2, 1, 4, 5)
        made_up[key] = in_order.flatten(1, 3)
    return made_up


def test_there_is_one_layer_for_each_grid() -> None:
    assert list(KEYS.values()) == list(GRIDS)


def test_older_weights_see_the_tiles_that_they_were_trained_with() -> None:
    tiles = torch.randn(1, 3, 8, 8, 5, 5)  # (B, color, row, column, height, width)
    stacked_now, stacked_then = tiles.flatten(1, 3), tiles.permute(0, 3, 2, 1, 4, 5).flatten(1, 3)
    key = "decoder.ipt_blk3.conv1.weight"
    older = {key: random_kernels()[key]}

    found = torch.nn.functional.conv2d(stacked_now, reordered(older)[key])

    torch.testing.assert_close(found, torch.nn.functional.conv2d(stacked_then, older[key]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("order", ORDERS)
def test_kernels_for_brightness_tell_their_order(order: TileOrder) -> None:
    found, clearness = order_of_kernels(kernels_for_brightness(order))

    assert found == order
    assert clearness > 0.5


@pytest.mark.parametrize("order", ORDERS)
def test_where_no_order_is_declared_the_kernels_decide_and_the_log_says_so(
    order: TileOrder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    published = kernels_for_brightness(order)

    found = reorder_kernels(published, declared=None)

    expected = published if order == OUR_ORDER else reordered(published)
    assert all(torch.equal(found[key], expected[key]) for key in KEYS)
    assert [record.levelno for record in caplog.records] == [logging.INFO]
    assert f"in the order {order}: taking that" in caplog.text


def test_kernels_that_do_not_tell_clearly_are_followed_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    reorder_kernels(random_kernels(), declared=None)

    assert "though not clearly" in caplog.text


@pytest.mark.parametrize("declared", ORDERS)
def test_a_declared_order_holds_against_the_kernels_and_the_log_warns(
    declared: TileOrder, caplog: pytest.LogCaptureFixture
) -> None:
    (other,) = (order for order in ORDERS if order != declared)
    published = kernels_for_brightness(other)

    found = reorder_kernels(published, declared=declared)

    expected = published if declared == OUR_ORDER else reordered(published)
    assert all(torch.equal(found[key], expected[key]) for key in KEYS)
    assert f"in the order {declared}, but their kernels look like {other}" in caplog.text


@pytest.mark.parametrize("declared", ORDERS)
@pytest.mark.parametrize("kernels", ["as declared", "random"])
def test_nobody_is_warned_without_a_reason(declared: TileOrder, kernels: str, caplog: pytest.LogCaptureFixture) -> None:
    published = kernels_for_brightness(declared) if kernels == "as declared" else random_kernels()

    reorder_kernels(published, declared=declared)

    assert not caplog.records


def test_layers_of_another_shape_are_left_to_those_who_refuse_them() -> None:
    published = {
        "decoder.ipt_blk5.conv1.weight": torch.zeros(3),
        "decoder.ipt_blk4.conv1.weight": torch.zeros(2, 5, 3, 3),
    }

    found = reorder_kernels(published, declared=None)

    assert found.keys() == published.keys()
    assert all(torch.equal(found[key], published[key]) for key in published)
