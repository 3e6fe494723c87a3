"""DiffDIS (Yu et al., "High-Precision Dichotomous Image Segmentation via Probing Diffusion Capacity").

One step of a diffusion model, from noise to the latents of a mask and of its edges, with the picture beside it. UNet
and autoencoder are those of SD-Turbo, as diffusers has them; what the authors add is here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import nn

from dis_core.models.resample import resize_by_area, size_of

TIMESTEP: Final = 999
"""The last of 1000: all that the UNet is shown is noise, and it was trained at this step alone."""

ALPHA_BAR: Final = 0.00466009508818
"""The share of the picture's variance that is left there, of SD-Turbo's scaled linear schedule, 0.00085 to 0.012."""

LATENT_SCALE: Final = 0.18215
"""What the autoencoder's latents are multiplied by so that their variance is near 1: Stable Diffusion's."""

LATENT_PX: Final = 8
"""The side of the square of pixels behind one place of the latents."""

MASK_TASK: Final = (math.sin(0), math.sin(1), math.cos(0), math.cos(1))
EDGE_TASK: Final = (math.sin(1), math.sin(0), math.cos(1), math.cos(0))
"""What the class embedding is told to draw: the labels (0, 1) and (1, 0), as sines and cosines (the paper's BDE)."""


class CrossTaskBlock(nn.Module):
    """A transformer block of the UNet in whose middle mask and edge look at each other (the paper's DBIA).

    It takes the place of diffusers' `BasicTransformerBlock` and takes over its parts.
    """

    norm1: nn.Module
    norm2: nn.Module
    norm3: nn.Module
    attn1: nn.Module
    attn2: nn.Module
    ff: nn.Module

    def __init__(self, block: Any, *, width: int, heads: int) -> None:  # Any: diffusers has no types
        super().__init__()
        self.norm1, self.attn1 = block.norm1, block.attn1
        self.norm2, self.attn2 = block.norm2, block.attn2
        self.norm3, self.ff = block.norm3, block.ff
        self.norm_between = nn.LayerNorm(width)
        self.between = Attention(query_dim=width, heads=heads, dim_head=width // heads)

    def forward(
        self,
        x: torch.Tensor,
        *,
        encoder_hidden_states: torch.Tensor,
        **_unused: object,  # what diffusers offers every block: masks, time steps, labels
    ) -> torch.Tensor:
        """`x` is (2B, N, width): the masks' tokens, and then the edges'."""
        x = x + self.attn1(self.norm1(x))
        own = self.norm_between(x)
        others = own.roll(len(own) // 2, dims=0)  # a half is the distance to the other task of the same picture
        x = x + self.between(own, encoder_hidden_states=others)
        x = x + self.attn2(self.norm2(x), encoder_hidden_states=encoder_hidden_states)
        result: torch.Tensor = x + self.ff(self.norm3(x))
        return result


class PictureInjection(nn.Module):
    """The picture once more, scaling and shifting what a level of the UNet hands across to its ascent (SWCI)."""

    def __init__(self, latent_channels: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(latent_channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.scale = nn.Conv2d(channels, channels, 3, padding=1)
        self.shift = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, skip: torch.Tensor, picture_latent: torch.Tensor) -> torch.Tensor:
        """`skip` is (2B, channels, h, w), masks first, and the latent of the picture at its size (B, 4, h, w)."""
        seen = F.gelu(self.norm(self.conv(picture_latent)))
        scale, shift = (of_both_tasks(part(seen)) for part in (self.scale, self.shift))
        return skip * scale + shift + skip


class Denoiser(nn.Module):
    """SD-Turbo's UNet with the authors' additions, and the embedding of the empty prompt that it reads as its text.

    `unet` has eight input channels, a class embedding of four numbers, and a plain transformer block in its middle,
    which is replaced.
    """

    empty_prompt: torch.Tensor

    def __init__(self, unet: UNet2DConditionModel, *, prompt_tokens: int = 2) -> None:
        super().__init__()
        config = unet.config
        middle = unet.mid_block.attentions[0]
        middle.transformer_blocks[0] = CrossTaskBlock(
            middle.transformer_blocks[0], width=config.block_out_channels[-1], heads=config.attention_head_dim[-1]
        )
        self.unet = unet
        latent_channels = config.out_channels
        self.injections = nn.ModuleList(
            PictureInjection(latent_channels, channels) for channels in config.block_out_channels[:-1]
        )
        self.register_buffer("empty_prompt", torch.zeros(1, prompt_tokens, config.cross_attention_dim))

    def forward(self, picture_latents: Sequence[torch.Tensor], noise: torch.Tensor) -> torch.Tensor:
        """The noise that the UNet believes to see, (2B, 4, h, w): in the masks' latents, then in the edges'.

        `picture_latents` are (B, 4, h, w) of the picture, and of it at a half, a quarter and an eighth of its side;
        `noise` is (B, 4, h, w).
        """
        full, *smaller = picture_latents
        beside_noise = of_both_tasks(torch.cat([full, noise], 1))
        tasks = torch.tensor([MASK_TASK, EDGE_TASK], device=noise.device)
        with ExitStack() as hooks:
            for block, injection, latent in zip(self.unet.down_blocks, self.injections, smaller, strict=False):
                hooks.enter_context(last_skip_changed(block, partial(injection, picture_latent=latent)))
            estimate: torch.Tensor = self.unet(
                beside_noise,
                TIMESTEP,
                encoder_hidden_states=self.empty_prompt.expand(len(beside_noise), -1, -1),
                class_labels=tasks.repeat_interleave(len(noise), 0),
            ).sample
        return estimate


class DiffDIS(nn.Module):
    """The whole way from a picture and noise to a mask."""

    def __init__(self, denoiser: Denoiser, autoencoder: AutoencoderKL) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.autoencoder = autoencoder

    def forward(self, picture: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The mask, (B, 1, S, S) in [0, 1]; the authors stretch it afterwards.

        `picture` is (B, 3, S, S) in [-1, 1], S a multiple of 64, and `noise` is (B, 4, S/8, S/8), normally distributed.
        """
        # One by one: between the places of one picture there are 2.7 billion numbers, and with more than 2**32 of them
        # Apple's GPUs compute wrong attention without a word (pytorch/pytorch, issue 179352).
        latents = [
            self.denoised(*one).chunk(2)[0] for one in zip(torch.split(picture, 1), torch.split(noise, 1), strict=True)
        ]
        return self.drawn(torch.cat(latents))

    def denoised(self, picture: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The latents of the masks and then of the edges, (2B, 4, S/8, S/8)."""
        sides = [size_of(picture)[0] >> level for level in range(1 + len(self.denoiser.injections))]
        latents = [self.latent_of(resize_by_area(picture, (side, side))) for side in sides]
        estimate: torch.Tensor = self.denoiser(latents, noise).float()
        return (of_both_tasks(noise) - math.sqrt(1 - ALPHA_BAR) * estimate) / math.sqrt(ALPHA_BAR)

    def latent_of(self, picture: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) in [-1, 1] as (B, 4, S/8, S/8): the middle of what the encoder holds for possible."""
        # One by one: at this size a batch is no faster, and what lies between the layers is large.
        means = [self.autoencoder.encode(one).latent_dist.mean.float() for one in torch.split(picture, 1)]
        return torch.cat(means) * LATENT_SCALE

    def drawn(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (B, 4, h, w) as a plane each, (B, 1, 8h, 8w) in [0, 1]."""
        planes = [
            self.autoencoder.decode(one).sample.float().mean(1, keepdim=True)
            for one in torch.split(latents / LATENT_SCALE, 1)
        ]
        return (torch.cat(planes).clamp(-1, 1) + 1) / 2


def of_both_tasks(x: torch.Tensor) -> torch.Tensor:
    """Once for the masks, and once more for the edges: (B, ...) -> (2B, ...)."""
    return torch.cat([x, x])


@contextmanager
def last_skip_changed(block: nn.Module, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """While it lasts, `block`, of the UNet's descent, hands a changed last skip across; what goes on down is as it was.

    That skip is the shrunk one, the same tensor as what goes on down; the others stay as they are.
    """

    def changed(
        _block: nn.Module, _given: object, result: tuple[torch.Tensor, tuple[torch.Tensor, ...]]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        onward, skips = result
        return onward, (*skips[:-1], change(skips[-1]))

    handle = block.register_forward_hook(changed)
    try:
        yield
    finally:
        handle.remove()
