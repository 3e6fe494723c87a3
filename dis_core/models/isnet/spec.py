"""IS-Net: the declarations of its models."""

from __future__ import annotations

from dis_core.model_spec import Conversion, ModelSpec, NetworkInput, NetworkSpec, WeightsFile
from dis_core.models import papers
from dis_core.models.network_inputs import LOGITS

CONVERSION = Conversion("isnet", 1, "dis_core.models.isnet.checkpoint:convert")

NETWORK = NetworkSpec(
    "dis_core.models.isnet.segmenter:load_network",
    (
        NetworkInput(
            "image", (0.5,) * 3, (1.0,) * 3, "the image: red, green and blue, sRGB-encoded, in whole levels of 255"
        ),
    ),
    (1024, 1024),
    f"{LOGITS}, which its authors stretch to all of 0 to 1",
    exportable="dis_core.models.exportable:Matte",
)

ISNET = ModelSpec(
    name="isnet",
    summary="IS-Net for general use: lean and quick, well known from background removers",
    license="Apache-2.0",
    commercial_use="conditional",
    weights=WeightsFile("ClockZinc/IS-NET_pth", "isnet-general-use.pth", size_bytes=177_000_000),
    loader="dis_core.models.isnet.segmenter:load",
    conversion=CONVERSION,
    half_precision=True,
    citation=papers.ISNET,
    network=NETWORK,
)

ISNET_DIS5K = ModelSpec(
    name="isnet-dis5k",
    summary="IS-Net trained on DIS5K alone, as evaluated in the paper",
    license="Apache-2.0",
    commercial_use="conditional",
    weights=WeightsFile("Carve/isnet", "isnet.pth", size_bytes=177_000_000),
    loader="dis_core.models.isnet.segmenter:load",
    conversion=CONVERSION,
    half_precision=True,
    citation=papers.ISNET,
    network=NETWORK,
)
