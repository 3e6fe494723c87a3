"""IS-Net: the declarations of its models."""

from __future__ import annotations

from dis_core.model_spec import ModelSpec, WeightsFile
from dis_core.models import papers

ISNET = ModelSpec(
    name="isnet",
    summary="IS-Net for general use: lean and quick, well known from background removers",
    license="Apache-2.0",
    commercial_use="conditional",
    weights=WeightsFile("ClockZinc/IS-NET_pth", "isnet-general-use.pth", size_bytes=177_000_000),
    loader="dis_core.models.isnet.segmenter:load",
    conversion="dis_core.models.isnet.checkpoint:convert",
    half_precision=True,
    citation=papers.ISNET,
)

ISNET_DIS5K = ModelSpec(
    name="isnet-dis5k",
    summary="IS-Net trained on DIS5K alone, as evaluated in the paper",
    license="Apache-2.0",
    commercial_use="conditional",
    weights=WeightsFile("Carve/isnet", "isnet.pth", size_bytes=177_000_000),
    loader="dis_core.models.isnet.segmenter:load",
    conversion="dis_core.models.isnet.checkpoint:convert",
    half_precision=True,
    citation=papers.ISNET,
)
