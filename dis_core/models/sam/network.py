"""Segment Anything (Kirillov et al., ICCV 2023) through transformers: from boxes and points to a coarse mask.

The network is transformers'; how an image gets into it and a mask out of it is ours, after the authors' own code: the
longer side becomes 1024, rounded to whole levels, and the rest is padded with zeros *after* normalizing. Of the three
masks that it answers with, the first one counts for DIS-SAM, whose refiner has learned from those. For other models it
is the one that the network gives the best score, or the smallest, middle or largest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from dis_core.device import in_full_precision, run_on
from dis_core.geometry import Box, Points
from dis_core.models.progress_hooks import Stages
from dis_core.models.resample import Size, resize_by_area, shrink_smoothly, size_of
from dis_core.models.sam.attention import WholeImageAttention
from dis_core.models.tensors import IMAGENET_MEAN, IMAGENET_STD, to_tensor
from dis_core.models.unfilled import unfilled
from dis_core.progress import Report, ignore
from dis_core.prompts import PromptObject
from dis_core.protocols import Extent, Memory, Placement
from dis_core.weights.checkpoint import load_strictly

if TYPE_CHECKING:
    from transformers import SamModel

SIDE_PX: Final = 1024
PATCH_PX: Final = 16
ON_SUBJECT, ON_BACKGROUND = 1, 0
"""The labels of points."""


@dataclass(frozen=True)
class Embedded:
    """What the network has made of an image: `seen` is the image as it was shown, uint8 (1, 3, h, w)."""

    seen: torch.Tensor
    embedding: torch.Tensor


class Answers(NamedTuple):
    """Three masks of one object on the CPU: `logits` (1, 3, h, w), and how good the network thinks that they are."""

    logits: torch.Tensor
    scores: torch.Tensor


def chosen_of(answers: Answers, extent: Extent) -> torch.Tensor:
    """The logits, (1, 1, h, w), of the mask with the best score, or of the smallest, middle or largest one."""
    if extent == "auto":
        number = int(answers.scores.argmax())
    else:
        by_area = torch.argsort((answers.logits[0] > 0).sum((1, 2)), stable=True)
        number = int(by_area[("small", "medium", "large").index(extent)])
    return answers.logits[:, number : number + 1]


class SAM:
    """A loaded network that takes an image with what is wanted of it, and returns a mask.

    What it has made of the last image, 7 MB, is kept, and found again by the image as the network sees it: the encoder
    is nearly all of the work, and another prompt on the same image needs only the rest.
    """

    def __init__(self, network: SamModel, *, side_px: int, placement: Placement) -> None:
        self.network = network
        self.side_px = side_px
        self.placement = placement
        self._stages = Stages(network.vision_encoder)
        self._last: Embedded | None = None

    def __call__(
        self,
        image: NDArray[np.float32],
        wanted: Sequence[PromptObject],
        *,
        report: Report,
        memory: Memory | None = None,
    ) -> NDArray[np.bool_]:
        """The mask of all `wanted` objects in `image`, (H, W, 3) float32 sRGB in [0, 1]: (H, W) bool.

        `memory` is for what the encoder makes of this image, if the caller wants to keep that. Inference mode and the
        placement's precision are the caller's.
        """
        size = image.shape[0], image.shape[1]
        embedded = self._embedded(image, memory, report)
        seen = size_of(embedded.seen)
        mask = np.zeros(size, np.bool_)
        for one in wanted:
            report(1.0, "finding the subject")
            mask |= self.enlarged(self.logits(embedded.embedding, one, size, seen), seen, size) > 0
        return mask

    @property
    def answer_side_px(self) -> int:
        """The side of its masks."""
        return self.side_px // 4

    def guess(
        self,
        image: NDArray[np.float32],
        *,
        box: Box | None,
        points: Points,
        extent: Extent,
        memory: Memory | None,
        report: Report = ignore,
    ) -> NDArray[np.float32]:
        """Where one thing is, as `PromptNetwork` says; the longer side of the answer is the network's."""
        size = image.shape[0], image.shape[1]
        with run_on(self.placement):
            embedded = self._embedded(image, memory, report)
            seen = size_of(embedded.seen)
            answers = self.answers(embedded.embedding, PromptObject(box, points), size, seen)
            logits = torch.from_numpy(self.enlarged(chosen_of(answers, extent), seen, seen))
            guess: NDArray[np.float32] = logits.sigmoid().numpy()
        return guess

    def _embedded(self, image: NDArray[np.float32], memory: Memory | None, report: Report) -> Embedded:
        """What the encoder makes of an image, from a memory if there is one."""
        if memory is None:
            self._last = self.embed(image, report)
            return self._last
        found: Embedded = memory.finding or self.embed(image, report)
        memory.finding = found
        return found

    def as_seen(self, image: torch.Tensor) -> torch.Tensor:
        """(1, 3, H, W) in [0, 1] -> uint8 (1, 3, h, w); the longer side is the network's."""
        scale = self.side_px / max(size_of(image))
        height, width = (max(int(length * scale + 0.5), 1) for length in size_of(image))
        # Rows first, then columns, and whole levels after each, as Pillow does it.
        narrow = whole_levels(shrink_smoothly(image, (size_of(image)[0], width)))
        return whole_levels(shrink_smoothly(narrow / 255, (height, width))).to(torch.uint8)

    def embed(self, image: NDArray[np.float32], report: Report) -> Embedded:
        """What the encoder makes of an image; if it is the last one, that is at hand."""
        seen, last = self.as_seen(to_tensor(image)), self._last
        if last is not None and last.seen.shape == seen.shape and torch.equal(last.seen, seen):
            return last
        return Embedded(seen, self.encode(seen, report))

    def encode(self, seen: torch.Tensor, report: Report) -> torch.Tensor:
        """What the encoder makes of an image as it is seen, uint8 (1, 3, h, w)."""
        x = (seen.float() / 255 - IMAGENET_MEAN) / IMAGENET_STD
        height, width = size_of(seen)
        x = F.pad(x, (0, self.side_px - width, 0, self.side_px - height)).to(self.placement.device)
        with self._stages.reporting(report, "looking at the image"):
            embedding: torch.Tensor = self.network.vision_encoder(x).last_hidden_state.float()
        return embedding

    def logits(self, embedding: torch.Tensor, wanted: PromptObject, size: Size, seen: Size) -> torch.Tensor:
        """The first mask's logits for one object, (1, 1, h, w) at the network's low resolution, on the CPU."""
        return self.answers(embedding, wanted, size, seen).logits[:, :1]

    def answers(self, embedding: torch.Tensor, wanted: PromptObject, size: Size, seen: Size) -> Answers:
        """All three masks for one object.

        `size` is that of the image, in which the object is named, and `seen` that at which it is seen.
        """
        scale = torch.tensor([seen[1] / size[1], seen[0] / size[0]], device=self.placement.device)
        box, points, labels = None, None, None
        if wanted.box is not None:
            box = torch.tensor([wanted.box], device=scale.device).float()[None] * scale.repeat(2)
        if wanted.points:
            places = [*wanted.points.subject, *wanted.points.background]
            kinds = [ON_SUBJECT] * len(wanted.points.subject) + [ON_BACKGROUND] * len(wanted.points.background)
            points = torch.tensor(places, device=scale.device).float()[None, None] * scale
            labels = torch.tensor(kinds, device=scale.device)[None, None]
        # Coordinates become angles here, which half precision is too coarse for; and this part is fast anyway.
        with in_full_precision(self.placement):
            answer = self.network(
                image_embeddings=embedding,
                input_points=points,
                input_labels=labels,
                input_boxes=box,
                multimask_output=True,
            )
        return Answers(answer.pred_masks[:, 0].float().cpu(), answer.iou_scores[0, 0].float().cpu())

    def enlarged(self, logits: torch.Tensor, seen: Size, size: Size) -> NDArray[np.float32]:
        """The logits at the size of the image, (H, W), without what was padded."""
        height, width = seen
        square = resize_by_area(logits, (self.side_px, self.side_px))
        full: NDArray[np.float32] = resize_by_area(square[:, :, :height, :width], size)[0, 0].numpy()
        return full


def whole_levels(image: torch.Tensor) -> torch.Tensor:
    """Values in [0, 1] as the nearest of 0 to 255."""
    return (image * 255 + 0.5).floor()


def build_network(
    *,
    width: int,
    depth: int,
    heads: int,
    everywhere: Sequence[int],
    side_px: int = SIDE_PX,
    window: int = 14,
    prompt_width: int = 256,
    decoder_width: int = 2048,
    decoder_heads: int = 8,
    iou_width: int = 256,
) -> SamModel:
    """The network of one size: an encoder of `depth` blocks; those in `everywhere` look at the whole image."""
    from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig

    vision = SamVisionConfig(
        hidden_size=width,
        output_channels=prompt_width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        image_size=side_px,
        patch_size=PATCH_PX,
        window_size=window,
        global_attn_indexes=list(everywhere),
        num_pos_feats=prompt_width // 2,
        mlp_dim=4 * width,
    )
    prompts = SamPromptEncoderConfig(hidden_size=prompt_width, image_size=side_px, patch_size=PATCH_PX)
    decoder = SamMaskDecoderConfig(
        hidden_size=prompt_width,
        mlp_dim=decoder_width,
        num_attention_heads=decoder_heads,
        iou_head_hidden_dim=iou_width,
    )
    network = SamModel(SamConfig(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder))
    for number in everywhere:
        layer: nn.Module = network.vision_encoder.layers[number]
        layer.attn = WholeImageAttention(layer.attn, heads=heads)
    return network


def base_network() -> SamModel:
    """ViT-B: 94 M parameters."""
    return build_network(width=768, depth=12, heads=12, everywhere=(2, 5, 8, 11))


def large_network() -> SamModel:
    """ViT-L: 312 M parameters."""
    return build_network(width=1024, depth=24, heads=16, everywhere=(5, 11, 17, 23))


def load_base(weights: Path, *, placement: Placement) -> SAM:
    return _published(base_network, weights, placement)


def load_large(weights: Path, *, placement: Placement) -> SAM:
    return _published(large_network, weights, placement)


def _published(build: Callable[[], SamModel], weights: Path, placement: Placement) -> SAM:
    return SAM(_network(build, weights, placement=placement), side_px=SIDE_PX, placement=placement)


def _network(build: Callable[[], SamModel], weights: Path, *, placement: Placement) -> SamModel:
    with unfilled():
        network = build()
    module: nn.Module = network  # in place, because transformers has no types for what these two return
    load_strictly(module, weights)
    module.eval().to(placement.device)
    return network


load_large_network = functools.partial(_network, large_network)
load_base_network = functools.partial(_network, base_network)
