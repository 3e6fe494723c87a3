"""The network against transformers' from the same weights, and its names against those of the published files."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from dis_core.models.depth_anything.estimator import small_network
from dis_core.models.depth_anything.network import DepthAnythingNetwork
from dis_core.models.unfilled import unfilled

LATER_NAMES = (
    ("attention.attention.query", "attention.q_proj"),
    ("attention.attention.key", "attention.k_proj"),
    ("attention.attention.value", "attention.v_proj"),
    ("attention.output.dense", "attention.o_proj"),
)
"""What transformers has renamed since the files were published."""

PUBLISHED = {
    "backbone.embeddings.cls_token": (1, 1, 384),
    "backbone.embeddings.mask_token": (1, 384),
    "backbone.embeddings.position_embeddings": (1, 1370, 384),
    "backbone.embeddings.patch_embeddings.projection.weight": (384, 3, 14, 14),
    "backbone.encoder.layer.11.norm1.weight": (384,),
    "backbone.encoder.layer.11.attention.attention.query.weight": (384, 384),
    "backbone.encoder.layer.11.attention.attention.key.bias": (384,),
    "backbone.encoder.layer.11.attention.attention.value.weight": (384, 384),
    "backbone.encoder.layer.11.attention.output.dense.bias": (384,),
    "backbone.encoder.layer.11.layer_scale1.lambda1": (384,),
    "backbone.encoder.layer.11.mlp.fc1.weight": (1536, 384),
    "backbone.layernorm.bias": (384,),
    "neck.reassemble_stage.layers.0.projection.weight": (48, 384, 1, 1),
    "neck.reassemble_stage.layers.0.resize.weight": (48, 48, 4, 4),
    "neck.reassemble_stage.layers.3.resize.weight": (384, 384, 3, 3),
    "neck.convs.3.weight": (64, 384, 3, 3),
    "neck.fusion_stage.layers.0.residual_layer1.convolution1.weight": (64, 64, 3, 3),
    "neck.fusion_stage.layers.3.projection.bias": (64,),
    "head.conv1.weight": (32, 64, 3, 3),
    "head.conv3.weight": (1, 32, 1, 1),
}
"""One of each kind of parameter of Depth-Anything-V2-Small, as its file has them."""


def transformers_network() -> Any:
    """The smallest of transformers' with all its parts; it has no types for them."""
    transformers = pytest.importorskip("transformers")
    backbone = transformers.Dinov2Config(
        hidden_size=32,
        num_hidden_layers=5,
        num_attention_heads=2,
        image_size=518,
        patch_size=14,
        out_indices=[1, 2, 4, 5],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=14,
        reassemble_hidden_size=32,
        neck_hidden_sizes=[4, 6, 8, 10],
        fusion_hidden_size=12,
        head_hidden_size=5,
    )
    return transformers.DepthAnythingForDepthEstimation(config).eval()


def with_our_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    renamed = {}
    for name, value in state.items():
        for ours, theirs in LATER_NAMES:
            name = name.replace(theirs, ours)
        renamed[name] = value
    return renamed


@pytest.mark.parametrize("size", [(518, 518), (70, 112)])
def test_it_computes_what_transformers_does(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    theirs = transformers_network()
    for value in theirs.state_dict().values():
        value.normal_(0, 0.2)
    ours = DepthAnythingNetwork(width=32, depth=5, heads=2, taps=(1, 2, 4, 5), neck=(4, 6, 8, 10), fusion=12, head=5)

    ours.load_state_dict(with_our_names(theirs.state_dict()))
    image = torch.randn(1, 3, *size)
    with torch.no_grad():
        expected = theirs(image).predicted_depth
        got = ours.eval()(image)[:, 0]

    assert float(expected.std()) > 0
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4 * float(expected.max()))


def test_its_parameters_are_those_of_the_published_file() -> None:
    with unfilled():
        shapes = {name: tuple(value.shape) for name, value in small_network().state_dict().items()}

    assert PUBLISHED.items() <= shapes.items()
