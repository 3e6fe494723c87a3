"""Trains a PDFNet with the paper's auxiliary depth decoder, and the small one together with its own depth network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from dis_core.models.pdfnet import depth_tiny
from dis_core.models.pdfnet.network import ConvNormAct, PDFNet
from dis_core.models.pdfnet.segmenter import scale_each_to_unit
from dis_core.models.resample import resize_by_area, resize_to_corners, shrink_smoothly, size_of
from dis_core.training.learner import Learner, Losses, normalize
from dis_core.training.losses import OutputLoss, deep_supervision, scale_invariant_loss
from dis_core.training.sample import Sample

EXACT_DEPTH_SHARE = 0.2
"""Share of the small PDFNet's samples that show exact depth, so that it can also use depth maps given by a user."""
AUXILIARY_DEPTH_WEIGHT = 0.1
OWN_DEPTH_WEIGHT = 5.0


class AuxiliaryDepth(nn.Module):
    """Depth decoded from the fused streams. Only for the loss: it makes the streams keep depth (section 3.3)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = ConvNormAct(3 * width, width)
        self.head = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, streams: torch.Tensor) -> torch.Tensor:
        """(B, 3 * width, h, w) -> (B, 1, h, w) in (0, 1)."""
        depth: torch.Tensor = self.head(self.mix(streams)).sigmoid()
        return depth


class PDFNetLearner(Learner):
    """Trains a PDFNet.

    `own_depth` is the network whose estimates PDFNet gets in use; without one, PDFNet gets the samples' depth.
    """

    def __init__(
        self,
        pdfnet: PDFNet,
        *,
        name: str = "pdfnet",
        width: int,
        own_depth: depth_tiny.DepthTiny | None,
        output_loss: OutputLoss,
    ) -> None:
        super().__init__()
        self.name = name
        self.needs_depth = own_depth is None
        self.pdfnet = pdfnet
        self.auxiliary = AuxiliaryDepth(width)
        self.own_depth = own_depth
        self.output_loss = output_loss

    def estimate_depth(self, normalized: torch.Tensor) -> torch.Tensor | None:
        """(B, 3, H, W) -> (B, 1, H, W) from the own depth network, if there is one."""
        if self.own_depth is None:
            return None
        side = depth_tiny.SIDE_PX
        depth: torch.Tensor = self.own_depth(shrink_smoothly(normalized, (side, side)))
        return depth

    def forward(self, batch: Sample, is_exact: torch.Tensor) -> Losses:
        """The losses of one batch; where `is_exact` (B,) is true, PDFNet gets the batch's depth, not the estimate."""
        normalized = normalize(batch.image)
        estimate = self.estimate_depth(normalized)
        depth_loss = torch.zeros((), device=batch.image.device)
        if estimate is not None:
            depth_loss = slope_aware_loss(estimate, shrink_smoothly(batch.depth, size_of(estimate)))
        seen = scale_each_to_unit(self.shown_depth(batch, estimate, is_exact))
        fused, full = self.pdfnet.fuse(normalized, seen)
        logits = self.pdfnet.decoder.draw(fused.mixed, full)
        with torch.autocast(batch.image.device.type, enabled=False):
            batch = with_trust_applied(batch, logits)
            matte_loss = self.matte_loss([logits, *fused.sides], batch)
            matte_loss = matte_loss + AUXILIARY_DEPTH_WEIGHT * self.auxiliary_loss(fused.streams, batch.depth)
        return Losses(matte_loss + OWN_DEPTH_WEIGHT * depth_loss, matte_loss.detach(), depth_loss.detach())

    def shown_depth(self, batch: Sample, estimate: torch.Tensor | None, is_exact: torch.Tensor) -> torch.Tensor:
        """The depth that PDFNet gets, (B, 1, H, W)."""
        if estimate is None:
            return batch.depth
        shown = resize_by_area(estimate.detach(), size_of(batch.depth))
        return torch.where(is_exact[:, None, None, None], batch.depth, shown)

    def matte_loss(self, outputs: list[torch.Tensor], batch: Sample) -> torch.Tensor:
        """Deep supervision of all outputs; side outputs are compared at half size: they are not finer than that."""
        return deep_supervision(
            [output.float() for output in outputs],
            batch.matte,
            batch.depth,
            output_loss=self.output_loss,
            shrink_sides=2,
        )

    def auxiliary_loss(self, streams: Sequence[torch.Tensor], depth: torch.Tensor) -> torch.Tensor:
        """The loss of the auxiliary depth, moved to [1, 2] so that its logarithm is finite."""
        size = size_of(streams[-1])
        together = torch.cat([resize_to_corners(stream, size) for stream in streams], 1)
        decoded = self.auxiliary(together.float())
        return scale_invariant_loss(1 + decoded, 1 + resize_by_area(depth, size_of(decoded)))

    def exported(self) -> dict[str, nn.Module]:
        depth: dict[str, nn.Module] = {} if self.own_depth is None else {"depth-tiny": self.own_depth}
        return {self.name: self.pdfnet, **depth}

    @torch.no_grad()
    def find_matte(self, image: torch.Tensor, depth: torch.Tensor | None = None) -> torch.Tensor:
        """(B, 3, H, W) in [0, 1] -> mattes (B, 1, H, W), with `depth` or else the own network's estimate."""
        normalized = normalize(image)
        if depth is None:
            estimate = self.estimate_depth(normalized)
            depth = torch.zeros_like(image[:, :1]) if estimate is None else resize_by_area(estimate, size_of(image))
        logits: torch.Tensor = self.pdfnet(normalized, scale_each_to_unit(depth)).logits
        return logits.float().sigmoid()


def with_trust_applied(batch: Sample, logits: torch.Tensor) -> Sample:
    """The batch with its matte replaced by the network's own output where it is not trusted: no gradient there."""
    own = resize_by_area(logits.detach().float().sigmoid(), size_of(batch.matte))
    return batch._replace(matte=torch.lerp(own, batch.matte, batch.trust))


def slope_aware_loss(prediction: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Mean absolute error of the depth and of its slopes at three scales, which keeps edges in place."""
    error = (prediction - depth).float()
    loss = error.abs().mean()
    for stride in (1, 2, 4):
        coarse = F.avg_pool2d(error, stride)
        loss = loss + coarse.diff(dim=2).abs().mean() + coarse.diff(dim=3).abs().mean()
    return loss
