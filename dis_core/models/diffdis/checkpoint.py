"""The published weights of DiffDIS and of SD-Turbo's autoencoder: their keys, and what our modules call these.

Keys as in set-soft/RemBG (DiffDIS_F16.safetensors and DiffDIS_F32.safetensors), which hold the UNet of
qianyu-dlut/DiffDIS under "unet." and the embedding of the empty prompt as "positive". All of them are used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from dis_core.errors import WeightsCorrupt
from dis_core.models.diffdis.network import Denoiser
from dis_core.models.key_mapping import Expected, Renames, renamed_by, shapes_of_network

RENAMES: Final = (
    (r"^positive$", r"empty_prompt"),
    (r"^unet\.rgb_conv\.(\d)\.0\.", r"injections.\1.conv."),
    (r"^unet\.rgb_conv\.(\d)\.1\.", r"injections.\1.norm."),
    (r"^unet\.rgb_proj\.(\d)\.", r"injections.\1.scale."),
    (r"^unet\.rgb_proj1\.(\d)\.", r"injections.\1.shift."),
    (r"^(unet\.mid_block\..+)\.norm2_\.", r"\1.norm_between."),
    (r"^(unet\.mid_block\..+)\.attn3\.", r"\1.between."),
)
"""(pattern, replacement), applied to every key in this order; the rest are diffusers' own names."""

AUTOENCODER_RENAMES: Final = (
    (r"(\.mid_block\.attentions\.0)\.query\.", r"\1.to_q."),
    (r"(\.mid_block\.attentions\.0)\.key\.", r"\1.to_k."),
    (r"(\.mid_block\.attentions\.0)\.value\.", r"\1.to_v."),
    (r"(\.mid_block\.attentions\.0)\.proj_attn\.", r"\1.to_out.0."),
)
"""What autoencoders that were saved by older versions of diffusers call the parts of their attention."""

PROMPT_KEY: Final = "positive"

_HINT = "use DiffDIS_F16.safetensors or DiffDIS_F32.safetensors of set-soft/RemBG on the Hub, which have everything"
_AUTOENCODER_HINT = "use vae/diffusion_pytorch_model.safetensors of stabilityai/sd-turbo on the Hub"


def published_denoiser() -> Denoiser:
    """SD-Turbo's UNet with the authors' additions: 913 M parameters."""
    unet = UNet2DConditionModel(
        in_channels=8,
        attention_head_dim=(5, 10, 20, 20),  # the number of heads: diffusers is aware of the odd name
        cross_attention_dim=1024,
        use_linear_projection=True,
        class_embed_type="projection",
        projection_class_embeddings_input_dim=4,
    )
    return Denoiser(unet)


def published_autoencoder() -> AutoencoderKL:
    """SD-Turbo's: 84 M parameters."""
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
    )


def convert(published: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename the UNet with the embedding of the empty prompt, and make sure that it is all there.

    Raises WeightsCorrupt naming the first key that is unknown, of another shape or missing, and saying what is missing
    in the authors' own file.
    """
    if PROMPT_KEY not in published and any(key.removeprefix("unet.") == "conv_in.weight" for key in published):
        raise WeightsCorrupt(
            "this file has only the UNet of DiffDIS, as its authors publish it; the embedding of the empty prompt is "
            f"missing: {PROMPT_KEY!r}, 1 x 2 x 1024 numbers that the UNet reads as its text",
            hint=_HINT,
        )
    return renamed(published, published_denoiser, RENAMES, network="DiffDIS", hint=_HINT)


def convert_autoencoder(published: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same for the autoencoder. Raises WeightsCorrupt."""
    name, hint = "Stable Diffusion autoencoder", _AUTOENCODER_HINT
    return renamed(published, published_autoencoder, AUTOENCODER_RENAMES, network=name, hint=hint)


def renamed(
    published: Mapping[str, torch.Tensor],
    build: Callable[[], torch.nn.Module],
    renames: Renames,
    *,
    network: str,
    hint: str,
) -> dict[str, torch.Tensor]:
    """A published checkpoint under our names, if it is one and fills the whole network."""
    expected = Expected(shapes_of_network(build), network=network, hint=hint)
    found = expected.renamed(published, renamed_by(renames))
    expected.refuse_partial(found)
    return found
