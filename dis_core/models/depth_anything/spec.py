"""Depth Anything V2: the declarations of its models."""

from __future__ import annotations

from dis_core.model_spec import ModelSpec
from dis_core.models import papers, pins

_DEPTH = "dis_core.models.depth_anything.estimator"

DEPTH_SMALL = ModelSpec(
    name="depth-anything-v2-small",
    summary="depth for PDFNet: Depth Anything V2 Small",
    license="Apache-2.0",
    commercial_use="yes",
    weights=pins.published("depth-anything/Depth-Anything-V2-Small-hf", "model.safetensors", size_bytes=99_200_000),
    loader=f"{_DEPTH}:load_small",
    task="depth",
    citation=papers.DEPTH_ANYTHING_V2,
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
)
