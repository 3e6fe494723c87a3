"""Depth Anything V2: the declarations of its models."""

from __future__ import annotations

from dis_core.model_spec import ModelSpec, NetworkSpec
from dis_core.models import papers, pins
from dis_core.models.network_inputs import DEPTH, imagenet_image

_DEPTH = "dis_core.models.depth_anything.estimator"


def _network(loader: str) -> NetworkSpec:
    return NetworkSpec(
        f"{_DEPTH}:{loader}",
        (imagenet_image("bicubic, shorter side to 518 pixels and the other one in proportion"),),
        (518, 518),
        f"{DEPTH}: (B, 1, H, W), 0 or more, in a unit of its own",
        multiple_px=14,
        exportable="dis_core.models.exportable:as_it_is",
    )


DEPTH_SMALL = ModelSpec(
    name="depth-anything-v2-small",
    summary="depth for PDFNet: Depth Anything V2 Small",
    license="Apache-2.0",
    commercial_use="yes",
    weights=pins.published("depth-anything/Depth-Anything-V2-Small-hf", "model.safetensors", size_bytes=99_200_000),
    loader=f"{_DEPTH}:load_small",
    task="depth",
    citation=papers.DEPTH_ANYTHING_V2,
    network=_network("load_small_network"),
)

DEPTH_BASE = ModelSpec(
    name="depth-anything-v2-base",
    summary="depth for PDFNet: Depth Anything V2 Base",
    license="CC-BY-NC-4.0",
    commercial_use="no",
    weights=pins.published("depth-anything/Depth-Anything-V2-Base-hf", "model.safetensors", size_bytes=390_000_000),
    loader=f"{_DEPTH}:load_base",
    task="depth",
    citation=papers.DEPTH_ANYTHING_V2,
    network=_network("load_base_network"),
)

DEPTH_LARGE = ModelSpec(
    name="depth-anything-v2-large",
    summary="depth for PDFNet: Depth Anything V2 Large",
    license="CC-BY-NC-4.0",
    commercial_use="no",
    weights=pins.published("depth-anything/Depth-Anything-V2-Large-hf", "model.safetensors", size_bytes=1_341_000_000),
    loader=f"{_DEPTH}:load_large",
    task="depth",
    citation=papers.DEPTH_ANYTHING_V2,
    network=_network("load_large_network"),
)
