"""Trains a DIS-Lite: every output of its pyramid is compared with the matte, each at its own size."""

from __future__ import annotations

import torch
from torch import nn

from dis_core.models.dis_lite.network import DisLite
from dis_core.training.learner import Learner, Losses, normalize
from dis_core.training.pyramid_loss import pyramid_loss
from dis_core.training.sample import Sample


class LiteLearner(Learner):
    """Trains a DIS-Lite, which does not use depth."""

    needs_depth = False

    def __init__(self, network: DisLite) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Sample, is_exact: torch.Tensor) -> Losses:
        del is_exact
        outputs = self.network.outputs(normalize(batch.image))
        with torch.autocast(batch.image.device.type, enabled=False):
            loss = pyramid_loss([output.float() for output in outputs], batch.matte, batch.trust)
        return Losses(loss, loss.detach(), torch.zeros((), device=loss.device))

    @torch.no_grad()
    def find_matte(self, image: torch.Tensor, depth: torch.Tensor | None = None) -> torch.Tensor:
        del depth
        logits: torch.Tensor = self.network(normalize(image))
        return logits.float().sigmoid()

    def exported(self) -> dict[str, nn.Module]:
        return {"dis-lite": self.network}
