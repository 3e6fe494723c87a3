"""DIS-SAM: the declarations of its models."""

from __future__ import annotations

from dataclasses import replace

from dis_core.model_spec import Conversion, ModelSpec, NetworkInput, NetworkSpec, WeightsFile
from dis_core.models import papers
from dis_core.models.network_inputs import LOGITS

DIS_SAM = ModelSpec(
    name="dis-sam",
    summary="DIS-SAM: what you name by boxes or points, made exact by an IS-Net",
    license="LicenseRef-not-stated",
    commercial_use="conditional",
    weights=WeightsFile(
        None,
        "gpu_itr_24000_traLoss_4.7147_*.pth",
        size_bytes=177_000_000,
        homepage="https://github.com/Tennine2077/DIS-SAM",
    ),
    loader="dis_core.models.dis_sam.segmenter:load_with_large",
    conversion=Conversion("isnet-refiner", 1, "dis_core.models.isnet.checkpoint:convert_refiner"),
    companions=("sam-vit-large",),
    half_precision=True,
    prompts=("box", "points"),
    citation=papers.DIS_SAM,
    network=NetworkSpec(
        "dis_core.models.dis_sam.segmenter:load_network",
        (
            NetworkInput(
                "image_mask_box",
                (0.5, 0.5, 0.5, 0.0, 0.0),
                (1.0,) * 5,
                "the image: red, green and blue, sRGB-encoded; SAM's mask; and a box around it as a plane of 0 and 1",
            ),
        ),
        (1024, 1024),
        f"{LOGITS}: this is the refiner, and SAM is the part `sam-vit-large` or `sam-vit-base`",
        exportable="dis_core.models.exportable:Matte",
    ),
)

DIS_SAM_BASE = replace(
    DIS_SAM,
    name="dis-sam-base",
    summary="DIS-SAM with the smaller SAM, which it was not trained with: quicker, and leaner by a gigabyte",
    loader="dis_core.models.dis_sam.segmenter:load_with_base",
    companions=("sam-vit-base",),
)
