"""The published checkpoints of Segment Anything, in both spellings: its authors' and transformers', which is ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch

from dis_core.models.key_mapping import Expected, renamed_by, shapes_of_network
from dis_core.models.sam.network import base_network, large_network

if TYPE_CHECKING:
    from transformers import SamModel

_MLP = r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d|iou_prediction_head)\.)"

RENAMES = (
    (r"^image_encoder\.blocks\.", r"vision_encoder.layers."),
    (r"^image_encoder\.patch_embed\.proj\.", r"vision_encoder.patch_embed.projection."),
    (r"^image_encoder\.neck\.0\.", r"vision_encoder.neck.conv1."),
    (r"^image_encoder\.neck\.1\.", r"vision_encoder.neck.layer_norm1."),
    (r"^image_encoder\.neck\.2\.", r"vision_encoder.neck.conv2."),
    (r"^image_encoder\.neck\.3\.", r"vision_encoder.neck.layer_norm2."),
    (r"^image_encoder\.", r"vision_encoder."),
    (r"^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$", "shared_image_embedding.positional_embedding"),
    (r"^prompt_encoder\.point_embeddings\.", r"prompt_encoder.point_embed."),
    (r"^prompt_encoder\.mask_downscaling\.0\.", r"prompt_encoder.mask_embed.conv1."),
    (r"^prompt_encoder\.mask_downscaling\.1\.", r"prompt_encoder.mask_embed.layer_norm1."),
    (r"^prompt_encoder\.mask_downscaling\.3\.", r"prompt_encoder.mask_embed.conv2."),
    (r"^prompt_encoder\.mask_downscaling\.4\.", r"prompt_encoder.mask_embed.layer_norm2."),
    (r"^prompt_encoder\.mask_downscaling\.6\.", r"prompt_encoder.mask_embed.conv3."),
    (r"^mask_decoder\.output_upscaling\.0\.", r"mask_decoder.upscale_conv1."),
    (r"^mask_decoder\.output_upscaling\.1\.", r"mask_decoder.upscale_layer_norm."),
    (r"^mask_decoder\.output_upscaling\.3\.", r"mask_decoder.upscale_conv2."),
    (r"^mask_decoder\.transformer\.norm_final_attn\.", r"mask_decoder.transformer.layer_norm_final_attn."),
    (_MLP + r"layers\.0\.", r"\1proj_in."),
    (_MLP + r"layers\.1\.", r"\1layers.0."),
    (_MLP + r"layers\.2\.", r"\1proj_out."),
    (r"^((?:vision_encoder|mask_decoder\.transformer)\.layers\.\d+\.)norm(\d)\.", r"\1layer_norm\2."),
)
"""(pattern, replacement) from the authors' spelling, applied to every key in this order."""

rename = renamed_by(RENAMES)
"""Our name of one of the authors' keys."""

SHARED = ("shared_image_embedding.positional_embedding", "prompt_encoder.shared_embedding.positional_embedding")
"""One matrix under two names; files contain one or both."""

_MARK = "image_encoder."
_HINT = "use model.safetensors of facebook/sam-vit-base or -large, or the authors' own sam_vit_*.pth"


def convert_base(published: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A published checkpoint of ViT-B in our spelling. Raises WeightsCorrupt."""
    return converted(published, base_network)


def convert_large(published: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same of ViT-L. Raises WeightsCorrupt."""
    return converted(published, large_network)


def converted(published: Mapping[str, torch.Tensor], build: Callable[[], SamModel]) -> dict[str, torch.Tensor]:
    """A published checkpoint of the network that `build` makes, in its spelling.

    Raises WeightsCorrupt naming the first key that is unknown, of another shape (both in the checkpoint's own
    spelling) or missing (in ours).
    """
    expected = Expected(shapes_of_network(build), network="SAM", hint=_HINT)
    is_authors = any(key.startswith(_MARK) for key in published)
    renamed = expected.renamed(published, rename if is_authors else str)
    for name, same in (SHARED, SHARED[::-1]):
        if name not in renamed and same in renamed:
            renamed[name] = renamed[same]
    expected.refuse_partial(renamed)
    return renamed
