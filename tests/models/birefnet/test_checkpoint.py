"""Published BiRefNet checkpoints become ours, and other files are refused in words."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dis_core.errors import WeightsCorrupt
from dis_core.models.batch_norm import with_norms_folded
from dis_core.models.birefnet.checkpoint import (
    TRAINING_ONLY,
    convert_large,
    convert_large_of_older_order,
    convert_lite,
    convert_lite_of_older_order,
)
from dis_core.models.birefnet.network import lite_network
from dis_core.protocols import Converter
from tests.recipes.birefnet import published_state_dict

PATCH_EMBED = "bb.patch_embed.proj.weight"


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    return published_state_dict("lite")


def test_every_published_key_is_used_or_known_to_be_for_training(published: dict[str, torch.Tensor]) -> None:
    converted = convert_lite(published)

    with torch.device("meta"):
        ours = lite_network().state_dict()
    assert {name: tuple(value.shape) for name, value in converted.items()} == {
        name: tuple(value.shape) for name, value in ours.items()
    }
    assert set(published) >= TRAINING_ONLY


def test_what_is_only_for_training_may_be_missing(published: dict[str, torch.Tensor]) -> None:
    stripped = {key: value for key, value in published.items() if key not in TRAINING_ONLY}

    assert convert_lite(stripped).keys() == convert_lite(published).keys()


def test_norms_of_half_precise_checkpoints_are_folded_in_full_precision(published: dict[str, torch.Tensor]) -> None:
    halved = {key: value.half() if value.is_floating_point() else value for key, value in published.items()}

    converted = convert_lite(halved)

    name = "blocks.3.context.branches.3.product.weight"
    assert converted[name].dtype == torch.float32
    torch.testing.assert_close(converted[name], convert_lite(published)[name], rtol=5e-3, atol=1e-3)
    assert converted["backbone.patch_embed.weight"].dtype == torch.float16


def test_a_folded_norm_computes_what_it_did() -> None:
    torch.manual_seed(0)
    convolution, norm = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)
    with torch.no_grad():
        for value in (norm.weight, norm.bias, norm.running_mean):
            assert value is not None
            value.normal_()
        assert norm.running_var is not None
        norm.running_var.uniform_(0.1, 3)
    x = torch.randn(2, 3, 8, 8)
    tensors = {
        **convolution.state_dict(prefix="squeeze.enter."),
        **norm.state_dict(prefix="squeeze.enter.norm."),
        "backbone.merges.0.norm.weight": torch.ones(3),
    }

    folded = with_norms_folded(tensors)

    assert set(folded) == {"squeeze.enter.weight", "squeeze.enter.bias", "backbone.merges.0.norm.weight"}
    expected = norm.eval()(convolution(x))
    found = nn.functional.conv2d(x, folded["squeeze.enter.weight"], folded["squeeze.enter.bias"])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_an_unknown_key_is_named(published: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightsCorrupt, match=r"unknown key 'decoder\.extra\.weight'"):
        convert_lite({**published, "decoder.extra.weight": torch.zeros(1)})


@pytest.mark.parametrize(
    ("key", "ours"),
    [
        ("bb.layers.2.blocks.3.mlp.fc1.weight", "backbone.stages.2.3.mlp.0.weight"),
        ("decoder.decoder_block2.bn_in.running_mean", "blocks.2.enter.norm.running_mean"),
        ("decoder.gdt_convs_3.0.bias", "gates.1.gradient.bias"),
        ("decoder.ipt_blk1.conv_out.weight", "whole_picture.spread.weight"),
    ],
)
def test_a_missing_key_is_named(published: dict[str, torch.Tensor], key: str, ours: str) -> None:
    with pytest.raises(WeightsCorrupt, match=f"'{ours}' is missing"):
        convert_lite({other: value for other, value in published.items() if other != key})


def test_a_key_of_another_shape_is_named(published: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightsCorrupt, match=r"'decoder\.conv_out1\.0\.bias' is \(2,\), not \(1,\)"):
        convert_lite({**published, "decoder.conv_out1.0.bias": torch.zeros(2)})


@pytest.mark.parametrize("convert", [convert_large, convert_large_of_older_order])
def test_the_other_backbone_is_refused_with_the_name_of_its_model(
    published: dict[str, torch.Tensor], convert: Converter
) -> None:
    with pytest.raises(WeightsCorrupt, match="its first layer is 96 wide, this model's 192") as refusal:
        convert(published)

    assert "birefnet-lite" in refusal.value.hint


def test_the_network_of_before_may_2024_is_refused_in_words(published: dict[str, torch.Tensor]) -> None:
    older = {key: value for key, value in published.items() if "ipt_blk5" not in key}

    with pytest.raises(WeightsCorrupt, match="before May 2024"):
        convert_lite(older)


def test_a_checkpoint_of_another_network_is_refused() -> None:
    with pytest.raises(WeightsCorrupt, match=r"unknown key 'stage1\.weight'"):
        convert_lite({"stage1.weight": torch.zeros(1)})


def test_a_misshaped_layer_for_tiles_is_refused_in_the_older_order_too(published: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightsCorrupt, match=r"'decoder\.ipt_blk5\.conv1\.weight' is \(3,\)"):
        convert_lite_of_older_order({**published, "decoder.ipt_blk5.conv1.weight": torch.zeros(3)})
