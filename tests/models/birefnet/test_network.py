"""What is BiRefNet's own: tiles of the picture, cancel within long layers, and published files by name."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from dis_core import Pipeline
from dis_core.errors import Cancelled
from dis_core.model_spec import ModelSpec
from dis_core.models.birefnet.network import PictureBlock, tiles_as_channels
from dis_core.models.birefnet.spec import BIREFNETS
from dis_core.registry import manager as registry
from dis_core.weights import store
from tests.fakes import small_birefnet
from tests.recipes.birefnet import published_state_dict

PHOTO = Path(__file__).parents[2] / "photos" / "images" / "chelsea.jpg"


def image_of(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1)])
def test_a_line_of_pixels_gets_a_sound_matte(size: tuple[int, int]) -> None:
    alpha = small_birefnet.segmenter()(image_of(*size)).alpha

    assert alpha.shape == size
    assert np.isfinite(alpha).all()


def test_a_cancel_stops_within_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dis_core.models.progress_hooks.BEAT_S", 0.0)
    segmenter = small_birefnet.segmenter()
    told: list[float] = []

    def cancel(fraction: float, doing: str) -> None:
        told.append(fraction)
        if len(told) == 40:
            raise Cancelled

    with pytest.raises(Cancelled):
        segmenter(image_of(50, 50), report=cancel)

    assert len(told) == 40


def test_a_long_deformable_convolution_can_be_cancelled_in_its_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    network, seen = small_birefnet.network(), []
    product = network.get_submodule("blocks.3.context.branches.3.product")
    product.register_forward_pre_hook(lambda *_: seen.append(1))
    monkeypatch.setattr("dis_core.models.birefnet.deformable.SAMPLES_AT_ONCE", 49 * 64 * 8)

    with torch.inference_mode():
        network(torch.zeros(1, 3, 256, 256))

    assert len(seen) == 8


def test_the_picture_is_cut_into_tiles_of_one_color_each_row_by_row() -> None:
    x = torch.arange(2 * 4 * 6.0).view(1, 2, 4, 6)

    tiles = tiles_as_channels(x, 2)

    assert tiles.shape == (1, 8, 2, 3)
    assert torch.equal(tiles[0, 1], x[0, 0, :2, 3:])
    assert torch.equal(tiles[0, 2], x[0, 0, 2:, :3])
    assert torch.equal(tiles[0, 4], x[0, 1, :2, :3])


@torch.no_grad()
def test_the_full_size_picture_can_be_projected_without_its_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dis_core.models.birefnet.network.PIXELS_AT_ONCE", 12 * 40)
    torch.manual_seed(0)
    block, x, weight = PictureBlock(1, 6), torch.randn(2, 3, 52, 40), torch.randn(1, 6, 1, 1)

    projected = block.projected(x, weight)

    torch.testing.assert_close(projected, torch.nn.functional.conv2d(block(x), weight), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spec", BIREFNETS, ids=lambda spec: spec.name)
def test_every_variant_names_functions_that_exist(spec: ModelSpec) -> None:
    assert callable(pkgutil.resolve_name(spec.loader))
    assert spec.converter is not None
    assert callable(pkgutil.resolve_name(spec.converter))
    assert registry.find_matte_model(spec.name) == spec


def test_a_published_file_of_half_precision_is_adopted_and_cuts_out_a_photo(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    state = published_state_dict("lite")
    save_file({key: value.half() if value.is_floating_point() else value for key, value in state.items()}, file)
    spec = registry.find_model("birefnet-lite-matting")

    store.adopt(spec, file)
    matte = Pipeline("cpu").segment(PHOTO, model=spec.name, quality="draft", refine="none")

    assert matte.model.startswith("birefnet-lite-matting@sha256-")
    assert matte.alpha.shape == (300, 451)
    assert np.isfinite(matte.alpha).all()
    assert matte.alpha.std() > 0.01
