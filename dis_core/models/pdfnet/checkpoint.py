"""The published PDFNet checkpoints: their keys, and what our network calls the same things.

Keys as in Tennine2077/PDFNet at 802b477 (March 2025, with a depth decoder) and f4e218b (March 2026, without one).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import torch

from dis_core.models.backbones.swin import Swin
from dis_core.models.key_mapping import Expected, renamed_by, shapes_of_network
from dis_core.models.pdfnet.network import PIXELS_AT_ONCE, BoundaryPrior, PDFNet

RENAMES = (
    # backbone
    (r"^encoder\.absolute_pos_embed$", r"encoder.backbone.position"),
    (r"^encoder\.patch_embed\.proj\.", r"encoder.backbone.patch_embed."),
    (r"^encoder\.patch_embed\.norm\.", r"encoder.backbone.patch_norm."),
    (r"^encoder\.layers\.(\d)\.downsample\.", r"encoder.backbone.merges.\1."),
    (r"^encoder\.layers\.(\d)\.blocks\.(\d+)\.", r"encoder.backbone.stages.\1.\2."),
    (r"^encoder\.norm(\d)\.", r"encoder.backbone.norms.\1."),
    (r"\.attn\.relative_position_bias_table$", r".attention.bias_table"),
    (r"\.attn\.(qkv|proj)\.", r".attention.\1."),
    (r"\.mlp\.fc1\.", r".mlp.0."),
    (r"\.mlp\.fc2\.", r".mlp.2."),
    # mixers between backbone and decoder
    (r"^channel_mix1\.", r"encoder.level_mixers.0."),
    (r"^channel_mix2\.", r"encoder.level_mixers.1."),
    (r"^channel_mix3\.", r"encoder.level_mixers.2."),
    (r"^channel_mix4\.", r"encoder.level_mixers.3."),
    (r"^channel_mix\.", r"encoder.glob_mixer."),
    (r"^Glob\.0\.", r"encoder.glob."),
    # decoder
    (r"^decoder\.FSE_mix\.(\d)\.", r"decoder.fusions.\1."),
    (r"\.I_channelswich\.", r".image_in."),
    (r"\.D_channelswich\.", r".depth_in."),
    (r"\.P_channelswich\.", r".patch_in."),
    (r"\.PI\.", r".patch_from_both."),
    (r"\.IP\.", r".image_from_patch."),
    (r"\.DI\.", r".depth_from_both."),
    (r"\.ID\.", r".image_from_depth."),
    (r"\.Att\.in_proj_weight$", r".in_proj"),
    (r"\.Att\.out_proj\.", r".out_proj."),
    (r"\.Norm([12])\.", r".norm\1."),
    (r"\.FFN\.w1\.", r".gate."),
    (r"\.FFN\.w2\.", r".down."),
    (r"\.FFN\.w3\.", r".up."),
    (r"^decoder\.channel_mix\.", r"decoder.mixers."),
    (r"^decoder\.Bside\.", r"decoder.heads."),
    (r"^decoder\.shallow\.0\.", r"decoder.shallow_embed."),
    (r"^decoder\.shallow\.1\.", r"decoder.shallow_mix."),
    (r"^decoder\.upsample([12])\.0\.", r"decoder.upsample\1."),
    # a convolution and its norm are numbered 0 and 1
    (
        r"((?:level_mixers|mixers)\.\d|glob_mixer|glob|(?:image|depth|patch)_in|shallow_mix|upsample[12])\.0\.",
        r"\1.conv.",
    ),
    (
        r"((?:level_mixers|mixers)\.\d|glob_mixer|glob|(?:image|depth|patch)_in|shallow_mix|upsample[12])\.1\.",
        r"\1.norm.",
    ),
)
"""(pattern, replacement), applied to every key in this order."""

_CONV_AND_NORM = ("0.weight", "0.bias", "1.weight")

TRAINING_ONLY = frozenset(
    [
        "IntegrityPriorLoss.sobel_x.weight",
        "IntegrityPriorLoss.sobel_y.weight",
        "depth_decoder.shallow.0.weight",
        "depth_decoder.shallow.0.bias",
        *(f"depth_decoder.upsample{n}.{part}" for n, part in itertools.product((1, 2), _CONV_AND_NORM)),
        *(
            f"depth_decoder.Decoder.{level}.{layer}.{part}"
            for level, layer, part in itertools.product(range(4), (0, 1), _CONV_AND_NORM)
        ),
        *(f"depth_decoder.Bside.{n}.{part}" for n, part in itertools.product(range(5), ("weight", "bias"))),
    ]
)
"""Keys that only the training forward reads: the auxiliary depth decoder and the fixed kernels of a loss."""

DERIVED = frozenset(
    f"encoder.layers.{stage}.blocks.{block}.attn.relative_position_index"
    for stage, depth in enumerate((2, 2, 18, 2))
    for block in range(depth)
)
"""Integer buffers that follow from the window's size; our network computes them."""


def published_network(boundary_prior: torch.nn.Module | None = None, *, pixels_at_once: int = PIXELS_AT_ONCE) -> PDFNet:
    """The network of the published weights: Swin-B, 128 wide, inputs of 1024 x 1024."""
    backbone = Swin(embedding=128, depths=(2, 2, 18, 2), heads=(4, 8, 16, 32), window=12, position_grid=56)
    return PDFNet(
        backbone,
        channels=(128, 256, 512, 1024),
        width=128,
        boundary_prior=boundary_prior or BoundaryPrior(),
        pixels_at_once=pixels_at_once,
    )


rename = renamed_by(RENAMES)
"""Our name of a published key."""


def convert(published: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename a published checkpoint and make sure that it is one.

    Raises WeightsCorrupt naming the first key that is unknown, of another shape (both in the checkpoint's own
    spelling) or missing (in ours).
    """
    expected = Expected(shapes_of_network(published_network), network="PDFNet", hint=_HINT)
    read = {key: value for key, value in published.items() if key not in TRAINING_ONLY and key not in DERIVED}
    renamed = expected.renamed(read, rename)
    expected.refuse_partial(renamed)
    return renamed


_HINT = "use PDF-Generally.pth or PDFNet_Best.pth of the authors' repositories on the Hub"
