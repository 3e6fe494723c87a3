"""What PDFNet promises whatever its weights are; a small one with random weights stands for all sizes."""

from __future__ import annotations

import pytest
import torch

from dis_core.errors import WeightsCorrupt
from dis_core.models.backbones.swin import Swin
from dis_core.models.pdfnet.checkpoint import DERIVED, TRAINING_ONLY, convert, rename
from dis_core.models.pdfnet.network import (
    BoundaryPrior,
    PDFNet,
    ThresholdedBoundaryPrior,
    cut_patches,
    join_patches,
)
from dis_core.models.pdfnet.segmenter import scale_each_to_unit
from tests.recipes.pdfnet import published_state_dict


@pytest.fixture(params=[BoundaryPrior, ThresholdedBoundaryPrior])
def small_network(request: pytest.FixtureRequest) -> PDFNet:
    torch.manual_seed(0)
    backbone = Swin(embedding=8, depths=(2, 2, 2, 2), heads=(1, 2, 4, 8), window=4, position_grid=14)
    return PDFNet(backbone, channels=(8, 16, 32, 64), width=16, boundary_prior=request.param()).eval()


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    return published_state_dict("r2025_03")


def test_a_batch_gives_what_its_images_give_one_by_one(small_network: PDFNet) -> None:
    image = torch.randn(3, 3, 256, 256, generator=torch.Generator().manual_seed(1))
    depth = scale_each_to_unit(torch.randn(3, 1, 256, 256, generator=torch.Generator().manual_seed(2)))

    with torch.inference_mode():
        together = small_network(image, depth)
        alone = [small_network(image[i : i + 1], depth[i : i + 1]) for i in range(3)]

    assert torch.allclose(together.logits, torch.cat([one.logits for one in alone]), atol=1e-5)
    for level in range(5):
        assert torch.allclose(together.sides[level], torch.cat([one.sides[level] for one in alone]), atol=1e-5)


def test_depths_are_scaled_image_by_image() -> None:
    depth = torch.stack([torch.linspace(3, 7, 16).view(1, 4, 4), torch.linspace(-100, 900, 16).view(1, 4, 4)])

    scaled = scale_each_to_unit(depth)

    assert torch.allclose(scaled[0], scaled[1])
    assert scaled.min() == 0
    assert scaled.max() == 1


def test_a_constant_depth_map_gives_finite_logits(small_network: PDFNet) -> None:
    depth = scale_each_to_unit(torch.full((1, 1, 256, 256), 0.3))

    with torch.inference_mode():
        output = small_network(torch.randn(1, 3, 256, 256), depth)

    assert torch.isfinite(output.logits).all()


def test_inputs_need_not_be_square(small_network: PDFNet) -> None:
    with torch.inference_mode():
        output = small_network(torch.randn(1, 3, 256, 512), torch.rand(1, 1, 256, 512))

    assert output.logits.shape == (1, 1, 256, 512)
    assert [tuple(side.shape[2:]) for side in output.sides] == [(64, 128), (32, 64), (16, 32), (8, 16), (8, 16)]


def test_a_side_that_is_no_multiple_of_256_is_refused(small_network: PDFNet) -> None:
    with pytest.raises(ValueError, match="multiples of 256"):
        small_network(torch.zeros(1, 3, 256, 300), torch.zeros(1, 1, 256, 300))


def test_forward_leaves_the_module_as_it_was(small_network: PDFNet) -> None:
    before = {key: value.clone() for key, value in small_network.state_dict().items()}

    small_network(torch.randn(1, 3, 256, 256), torch.rand(1, 1, 256, 256))

    after = small_network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_patches_go_back_to_where_they_were_cut() -> None:
    x = torch.arange(2 * 3 * 16 * 32, dtype=torch.float32).view(2, 3, 16, 32)

    patches = cut_patches(x)

    assert torch.equal(patches[9 * 2], x[0, :, 2:4, 4:8])  # row 1, column 1 of the first image
    assert torch.equal(join_patches(patches), x)


def test_both_published_formats_are_accepted(published: dict[str, torch.Tensor]) -> None:
    first, later = convert(published), convert(published_state_dict("r2025_10"))

    assert first.keys() == later.keys()
    assert sum(value.numel() for value in first.values()) == 87281784 + 7614086 + 2950656


def test_every_published_key_has_a_name_of_its_own_or_is_listed_as_unused(published: dict[str, torch.Tensor]) -> None:
    used = [key for key in published if key not in TRAINING_ONLY and key not in DERIVED]

    assert len({rename(key) for key in used}) == len(used)
    assert published.keys() > TRAINING_ONLY
    assert published.keys() > DERIVED


def test_an_unknown_key_is_named(published: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightsCorrupt, match=r"unknown key 'decoder\.refine\.weight'"):
        convert({**published, "decoder.refine.weight": torch.zeros(1)})


def test_a_missing_key_is_named(published: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightsCorrupt, match=r"decoder\.heads\.0\.bias"):
        convert({key: value for key, value in published.items() if key != "decoder.Bside.0.bias"})


def test_a_key_of_another_shape_is_named_with_both_shapes(published: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightsCorrupt, match=r"'decoder\.Bside\.0\.bias' is \(2,\), not \(1,\)"):
        convert({**published, "decoder.Bside.0.bias": torch.zeros(2)})
