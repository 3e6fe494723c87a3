"""Segment Anything: the declarations of its models, prompt networks of their own, and parts of DIS-SAM."""

from __future__ import annotations

from dis_core.model_spec import Conversion, ModelSpec, NetworkSpec, WeightsFile
from dis_core.models import papers
from dis_core.models.network_inputs import imagenet_image


def _network(loader: str) -> NetworkSpec:
    return NetworkSpec(
        f"dis_core.models.sam.network:{loader}",
        (imagenet_image("longer side to fit, antialiased; the rest is padded with zeros after normalizing"),),
        (1024, 1024),
        "transformers' `SamImageSegmentationOutput`; it also takes `input_points`, `input_labels` and `input_boxes`",
        multiple_px=1024,
        obstacle="its prompts are boxes and points of any number, and an exported network takes planes of a fixed size",
    )


SAM_LARGE = ModelSpec(
    name="sam-vit-large",
    summary="Segment Anything, ViT-L: finds what you point at, for any model",
    license="Apache-2.0",
    commercial_use="yes",
    weights=WeightsFile("facebook/sam-vit-large", "model.safetensors", size_bytes=1_249_000_000),
    loader="dis_core.models.sam.network:load_large",
    task="prompt",
    conversion=Conversion("sam-vit-large", 1, "dis_core.models.sam.checkpoint:convert_large"),
    citation=papers.SAM,
    network=_network("load_large_network"),
)

SAM_BASE = ModelSpec(
    name="sam-vit-base",
    summary="Segment Anything, ViT-B: finds what you point at, for any model",
    license="Apache-2.0",
    commercial_use="yes",
    weights=WeightsFile("facebook/sam-vit-base", "model.safetensors", size_bytes=375_000_000),
    loader="dis_core.models.sam.network:load_base",
    task="prompt",
    conversion=Conversion("sam-vit-base", 1, "dis_core.models.sam.checkpoint:convert_base"),
    citation=papers.SAM,
    network=_network("load_base_network"),
)
