"""DIS-SAM: the declarations of its models."""

from __future__ import annotations

from dataclasses import replace

from dis_core.model_spec import Conversion, ModelSpec, WeightsFile
from dis_core.models import papers

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
)

DIS_SAM_BASE = replace(
    DIS_SAM,
    name="dis-sam-base",
    summary="DIS-SAM with the smaller SAM, which it was not trained with: quicker, and leaner by a gigabyte",
    loader="dis_core.models.dis_sam.segmenter:load_with_base",
    companions=("sam-vit-base",),
)
