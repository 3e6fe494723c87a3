"""Every variant of BiRefNet is declared with its order of tiles, and its conversion makes the kernels see them so."""

from __future__ import annotations

import functools
import pkgutil

import pytest
import torch

from dis_core.model_spec import ModelSpec, Placement
from dis_core.models.birefnet.segmenter import wide
from dis_core.models.birefnet.spec import BIREFNETS
from dis_core.models.birefnet.tile_order import KEYS
from tests.fakes import small_birefnet
from tests.recipes.birefnet import published_state_dict

OLDER = {
    *("birefnet", "birefnet-lite", "birefnet-matting", "birefnet-portrait", "birefnet-dis5k", "birefnet-dis5k-all"),
    *("birefnet-hrsod", "birefnet-cod", "birefnet-legacy"),
}
OUR_ORDER = {"birefnet-hr", "birefnet-hr-matting", "birefnet-dynamic"}
NOT_KNOWN = {
    *("birefnet-512", "birefnet-lite-matting", "birefnet-lite-2k", "birefnet-dynamic-matting", "lucida", "toonout"),
}

CONVOLUTION_OF_TILES = "decoder.ipt_blk2.conv1.weight"
OURS = "pictures.3.gather.weight"
GRID = KEYS[CONVOLUTION_OF_TILES]


@functools.cache
def published(kind: str) -> dict[str, torch.Tensor]:
    return published_state_dict("lite") if kind == "lite" else published_state_dict("large")


def kind_of(spec: ModelSpec) -> str:
    return "lite" if "lite" in spec.name else "large"


def test_every_variant_is_listed_here() -> None:
    assert {spec.name for spec in BIREFNETS} == OLDER | OUR_ORDER | NOT_KNOWN


@pytest.mark.parametrize("spec", [spec for spec in BIREFNETS if spec.name not in NOT_KNOWN], ids=lambda spec: spec.name)
def test_the_converted_kernel_sees_the_tiles_in_the_declared_order(spec: ModelSpec) -> None:
    """A kernel that looks at one color of one tile finds it where our network stacks it: by color, row, column."""
    color, row, column = 1, 2, 0
    by_color = (color * GRID + row) * GRID + column
    by_column = (column * GRID + row) * 3 + color
    kernels = torch.zeros_like(published(kind_of(spec))[CONVOLUTION_OF_TILES])
    kernels[:, by_column if spec.name in OLDER else by_color] = 1.0

    assert spec.converter is not None
    converted = pkgutil.resolve_name(spec.converter)({**published(kind_of(spec)), CONVOLUTION_OF_TILES: kernels})

    assert converted[OURS].abs().sum(dim=(0, 2, 3)).nonzero().flatten().tolist() == [by_color]


@pytest.mark.parametrize("order", ["column-row-color", "color-row-column"])
@pytest.mark.parametrize("spec", [spec for spec in BIREFNETS if spec.name in NOT_KNOWN], ids=lambda spec: spec.name)
def test_where_the_order_is_not_known_the_kernels_decide(spec: ModelSpec, order: str) -> None:
    checkpoint = dict(published(kind_of(spec)))
    random = torch.Generator().manual_seed(0)
    for key, grid in KEYS.items():
        width = checkpoint[key].shape[0]
        by_color = torch.randn(width, 1, grid, grid, 3, 3, generator=random).repeat(1, 3, 1, 1, 1, 1)
        by_color[:, 1] *= 2  # so that colors can be told apart
        checkpoint[key] = (by_color if order == "color-row-column" else by_color.permute(0, 3, 2, 1, 4, 5)).flatten(
            1, 3
        )

    assert spec.converter is not None
    converted = pkgutil.resolve_name(spec.converter)(checkpoint)

    seen = converted[OURS].unflatten(1, (3, GRID, GRID))
    torch.testing.assert_close(seen[:, 1], 2 * seen[:, 0])
    torch.testing.assert_close(seen[:, 2], seen[:, 0])


@pytest.mark.parametrize(("names", "shown"), [(OLDER, "column-row-color"), (OUR_ORDER, "color-row-column")])
def test_the_order_is_shown_with_the_model(names: set[str], shown: str) -> None:
    assert {dict(spec.details)["order of tiles"] for spec in BIREFNETS if spec.name in names} == {shown}


def test_the_2k_network_sees_2560_by_1440() -> None:
    assert wide(1440) == (1440, 2560)


def test_a_wide_network_is_given_a_wide_input_whatever_the_shape_of_the_image() -> None:
    segmenter = small_birefnet.wide_segmenter(Placement("cpu"))
    seen: list[torch.Size] = []
    segmenter.square.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))

    for size in ((300, 200), (200, 300)):
        assert segmenter(torch.rand(*size, 3).numpy()).alpha.shape == size

    assert seen == [(1, 3, 256, 448), (1, 3, 256, 448)]


def test_conversions_to_different_orders_are_known_by_different_names() -> None:
    """So that what was converted in another order, by an older version, is made anew."""
    by_name = {spec.conversion_id: spec.converter for spec in BIREFNETS}

    assert len(set(by_name.values())) == len(by_name) == 5
