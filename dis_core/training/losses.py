"""The losses of PDFNet (arXiv 2503.06100, section 3.3).

Predictions are logits (B, 1, H, W); masks, mattes and depths are (B, 1, H, W) in [0, 1]. Every loss is the mean over
the batch of one number per sample: an image's loss does not depend on the rest of its batch. The
authors' code mixes the batch in the scale-invariant depth loss and in the integrity prior; for a batch of one the
two agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F

from dis_core.models.resample import resize_by_area, size_of

EPS = 1e-6

OutputLoss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Logits, mask and depth to one number: `output_loss`, or a variant to compare it with."""


def structure_loss(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Weighted binary cross-entropy and weighted IoU; pixels near the mask's boundary count up to six times as much."""
    weight = boundary_weight(mask)
    over_pixels = (1, 2, 3)
    entropy = F.binary_cross_entropy_with_logits(logits, mask, reduction="none")
    weighted_entropy = (weight * entropy).sum(over_pixels) / weight.sum(over_pixels)
    probability = logits.sigmoid()
    intersection = (weight * probability * mask).sum(over_pixels)
    union = (weight * (probability + mask)).sum(over_pixels) - intersection
    return (weighted_entropy + 1 - (intersection + EPS) / (union + EPS)).mean()


def boundary_weight(mask: torch.Tensor) -> torch.Tensor:
    """1 in flat areas, up to 6 where a pixel differs from the mean of the 31 x 31 around it; (B, 1, H, W)."""
    rows = F.avg_pool2d(mask, (31, 1), stride=1, padding=(15, 0))
    return 1 + 5 * (F.avg_pool2d(rows, (1, 31), stride=1, padding=(0, 15)) - mask).abs()


def ssim_loss(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Half of one minus the structural similarity of matte and mask (Wang et al., 2004; 11 x 11 Gaussian window)."""
    down, across = (_gaussian_matrix(length, logits) for length in size_of(logits))

    def blur(x: torch.Tensor) -> torch.Tensor:
        return down @ x @ across

    matte = logits.sigmoid()
    mean_matte, mean_mask = blur(matte), blur(mask)
    variance_matte = blur(matte * matte) - mean_matte**2
    variance_mask = blur(mask * mask) - mean_mask**2
    covariance = blur(matte * mask) - mean_matte * mean_mask
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_matte * mean_mask + c1) * (2 * covariance + c2)
    similarity = similarity / ((mean_matte**2 + mean_mask**2 + c1) * (variance_matte + variance_mask + c2))
    return ((1 - similarity) / 2).mean((1, 2, 3)).mean()


def _gaussian_matrix(length: int, like: torch.Tensor) -> torch.Tensor:
    """(length, length): multiplying by it blurs with an 11-tap Gaussian of sigma 1.5 over a zero border.

    On the CPU, the gradient of this matrix product takes a tenth of the time of a one-channel convolution's.
    """
    at = torch.arange(length, device=like.device)
    offset = (at[:, None] - at[None, :]).abs()
    bell = torch.exp(-(offset.to(like.dtype) ** 2) / (2 * 1.5**2)) * (offset <= 5)
    taps = torch.arange(-5, 6, dtype=like.dtype)
    return bell / torch.exp(-(taps**2) / (2 * 1.5**2)).sum().to(like.device)


def integrity_prior_loss(logits: torch.Tensor, mask: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Errors weighted by depth: false positives far from the subject's depth, false negatives near it, and depth edges.

    An image with an empty mask has no subject depth; only the term for depth edges counts.
    """
    over_pixels = (1, 2, 3)
    matte = logits.sigmoid()
    right = torch.where(mask > 0.5, matte, 1 - matte).clamp(min=EPS)
    false_positive = (1 - right) * matte
    false_negative = (1 - right) * mask
    area = mask.sum(over_pixels, keepdim=True)
    subject_depth = (depth * mask).sum(over_pixels, keepdim=True) / area.clamp(min=EPS)
    distance = torch.where(area > 0, (depth - subject_depth) ** 2, torch.zeros_like(depth))
    surprise = -right.log()
    by_depth = surprise * (distance * false_positive + (1 - distance) * false_negative) * right
    by_edges = surprise * edge_strength(depth)
    return (by_depth.mean(over_pixels) + by_edges.mean(over_pixels)).mean()


def edge_strength(depth: torch.Tensor) -> torch.Tensor:
    """|Sobel x| + |Sobel y|, (B, 1, H, W) in and out."""
    sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], device=depth.device, dtype=depth.dtype)
    kernels = torch.stack([sobel, sobel.T])[:, None]
    return F.conv2d(depth, kernels, padding=1).abs().sum(1, keepdim=True)


def scale_invariant_loss(prediction: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Square root of the scale-invariant log error with lambda 0.5 (Eigen et al., 2014), of two positive depths."""
    difference = (prediction.clamp(min=EPS)).log() - (depth.clamp(min=EPS)).log()
    over_pixels = (1, 2, 3)
    return ((difference**2).mean(over_pixels) - 0.5 * difference.mean(over_pixels) ** 2).clamp(min=EPS).sqrt().mean()


def shape_loss(logits: torch.Tensor, mask: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """`output_loss` without the integrity prior."""
    del depth
    logits = resize_by_area(logits, size_of(mask))
    return structure_loss(logits, mask) + 0.5 * ssim_loss(logits, mask)


def output_loss(logits: torch.Tensor, mask: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """The loss of one output of the network: structure, half the SSIM loss and half the integrity prior.

    `logits` are resized to the mask's size first.
    """
    logits = resize_by_area(logits, size_of(mask))
    return shape_loss(logits, mask, depth) + 0.5 * integrity_prior_loss(logits, mask, depth)


def deep_supervision(
    outputs: Sequence[torch.Tensor],
    mask: torch.Tensor,
    depth: torch.Tensor,
    *,
    output_loss: OutputLoss = output_loss,
    shrink_sides: int = 1,
) -> torch.Tensor:
    """The whole segmentation loss: the first output counts once, the side outputs one half each.

    The paper compares all of them at the mask's size. The finest side output has only a fourth of that size, so
    `shrink_sides` divides the size at which side outputs are compared: 2 takes a quarter of the time.
    """
    first, *sides = outputs
    loss = output_loss(first, mask, depth)
    small_mask, small_depth = (F.avg_pool2d(x, shrink_sides) for x in (mask, depth))
    for side in sides:
        loss = loss + 0.5 * output_loss(side, small_mask, small_depth)
    return loss
