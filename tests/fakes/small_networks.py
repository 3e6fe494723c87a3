"""A small network of every family under the declaration of a published model: for tests of networks alone."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from dis_core.model_spec import ModelSpec, NetworkSpec
from dis_core.models.backbones.swin import Swin
from dis_core.models.birefnet.deformable import DeformableConv
from dis_core.models.birefnet.network import BiRefNet
from dis_core.models.birefnet.segmenter import Loader
from dis_core.models.birefnet.spec import BIREFNETS
from dis_core.models.depth_anything import estimator
from dis_core.models.depth_anything.network import DepthAnythingNetwork
from dis_core.models.depth_anything.spec import DEPTH_SMALL
from dis_core.models.dis_sam.spec import DIS_SAM
from dis_core.models.isnet.spec import ISNET
from dis_core.models.pdfnet.network import BoundaryPrior, PDFNet
from dis_core.models.pdfnet.spec import PDFNET
from tests.fakes import small_birefnet, small_isnet


def pdfnet() -> PDFNet:
    """Narrow, with a Swin of four small stages whose odd blocks shift their windows."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = Swin(embedding=8, depths=(1, 2, 1, 1), heads=(1, 2, 2, 4), window=12, position_grid=56)
        for weight in backbone.parameters():
            nn.init.normal_(weight, std=0.3)
        return PDFNet(backbone, channels=(8, 16, 32, 64), width=16, boundary_prior=BoundaryPrior()).eval()


def birefnet() -> BiRefNet:
    """With taps that look elsewhere."""
    network = small_birefnet.network()
    generator = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, DeformableConv):
            nn.init.normal_(layer.offsets.weight, std=0.5, generator=generator)
            nn.init.normal_(layer.modulation.weight, std=0.5, generator=generator)
    return network


def depth_anything() -> DepthAnythingNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = DepthAnythingNetwork(width=32, depth=4, heads=2, taps=(1, 2, 3, 4), neck=(8,) * 4, fusion=8, head=8)
        for weight in network.parameters():
            nn.init.normal_(weight, std=0.3)
    return network.eval()


@dataclass(frozen=True)
class Family:
    """A model as declared, with a small network in the place of the published one.

    `replaced` names what builds or loads the published network, and `by` is what is to stand there.
    """

    spec: ModelSpec
    replaced: str
    by: object
    build: Callable[[], nn.Module]
    side_px: int

    def save(self, file: Path) -> dict[str, torch.Tensor]:
        """Write the weights of a new one as its loader takes them."""
        state = {name: value.contiguous() for name, value in self.build().state_dict().items()}
        save_file(state, file)
        return state


FAMILIES = (
    Family(PDFNET, "dis_core.models.pdfnet.segmenter.published_network", lambda *_, **__: pdfnet(), pdfnet, 256),
    Family(BIREFNETS[0], "dis_core.models.birefnet.segmenter.load_1024", Loader(birefnet, 64), birefnet, 64),
    Family(ISNET, "dis_core.models.isnet.segmenter.ISNet", small_isnet.small_network, small_isnet.small_network, 64),
    Family(
        DIS_SAM,
        "dis_core.models.isnet.segmenter.ISNet",
        small_isnet.small_network,
        functools.partial(small_isnet.small_network, 5),
        64,
    ),
    Family(
        DEPTH_SMALL,
        "dis_core.models.depth_anything.estimator.load_small_network",
        functools.partial(estimator._network, depth_anything),
        depth_anything,
        28,
    ),
)


def declared(spec: ModelSpec) -> NetworkSpec:
    assert spec.network is not None
    return spec.network


def planes(network: NetworkSpec, side_px: int) -> list[torch.Tensor]:
    """Noise in the place of what a network takes."""
    generator = torch.Generator().manual_seed(0)
    sides = [side_px // taken.shrunk for taken in network.inputs]
    return [
        torch.rand(1, taken.channels, side, side, generator=generator)
        for taken, side in zip(network.inputs, sides, strict=True)
    ]
