"""The declaration of the model that comes with dis-core."""

from __future__ import annotations

from dis_core.model_spec import ModelSpec, NetworkSpec, WeightsFile
from dis_core.models.network_inputs import LOGITS, imagenet_image

EMBEDDED_MODEL = "dis-lite"

DIS_LITE = ModelSpec(
    name=EMBEDDED_MODEL,
    aliases=("pdfnet-tiny",),
    summary="small and quick, comes with the package: learned from photographs, with IS-Net as its teacher",
    license="MIT AND Apache-2.0",
    commercial_use="yes",
    weights=WeightsFile(None, "dis-lite.safetensors"),
    loader="dis_core.models.dis_lite.segmenter:load",
    half_precision=True,
    embedded=True,
    network=NetworkSpec(
        "dis_core.models.dis_lite.segmenter:load_network",
        (imagenet_image(),),
        (448, 448),
        f"{LOGITS}; it looks at the image both ways round, and `network` in it looks once",
        multiple_px=64,
        exportable="dis_core.models.exportable:Matte",
    ),
)
