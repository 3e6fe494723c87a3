"""Segment Anything: the declarations of its models, which are parts of DIS-SAM."""

from __future__ import annotations

from dis_core.model_spec import Conversion, ModelSpec, WeightsFile
from dis_core.models import papers

SAM_LARGE = ModelSpec(
    name="sam-vit-large",
    summary="Segment Anything for DIS-SAM: ViT-L",
    license="Apache-2.0",
    commercial_use="yes",
    weights=WeightsFile("facebook/sam-vit-large", "model.safetensors", size_bytes=1_249_000_000),
    loader="dis_core.models.sam.network:load_large",
    task="part",
    conversion=Conversion("sam-vit-large", 1, "dis_core.models.sam.checkpoint:convert_large"),
    citation=papers.SAM,
)

SAM_BASE = ModelSpec(
    name="sam-vit-base",
    summary="Segment Anything for DIS-SAM: ViT-B",
    license="Apache-2.0",
    commercial_use="yes",
    weights=WeightsFile("facebook/sam-vit-base", "model.safetensors", size_bytes=375_000_000),
    loader="dis_core.models.sam.network:load_base",
    task="part",
    conversion=Conversion("sam-vit-base", 1, "dis_core.models.sam.checkpoint:convert_base"),
    citation=papers.SAM,
)
