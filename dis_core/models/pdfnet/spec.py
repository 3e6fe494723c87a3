"""PDFNet: the declarations of its models."""

from __future__ import annotations

from dis_core.model_spec import Conversion, ModelSpec, WeightsFile
from dis_core.models import papers

_SEGMENTER = "dis_core.models.pdfnet.segmenter"

CONVERSION = Conversion("pdfnet", 1, "dis_core.models.pdfnet.checkpoint:convert")

PDFNET = ModelSpec(
    name="pdfnet",
    summary="PDFNet trained on DIS5K and high-resolution saliency sets: the best all-round choice",
    license="MIT",
    commercial_use="conditional",
    weights=WeightsFile("Tennineee/PDFNet-General", "PDF-Generally.pth", size_bytes=411_000_000),
    loader=f"{_SEGMENTER}:load_published",
    conversion=CONVERSION,
    depth_model="depth-anything-v2-small",
    half_precision=True,
    citation=papers.PDFNET,
)

PDFNET_DIS5K = ModelSpec(
    name="pdfnet-dis5k",
    summary="PDFNet trained on DIS5K alone, as evaluated in the paper",
    license="MIT",
    commercial_use="conditional",
    weights=WeightsFile("Tennineee/PDFNet", "PDFNet_Best.pth", size_bytes=411_000_000),
    loader=f"{_SEGMENTER}:load_published",
    conversion=CONVERSION,
    depth_model="depth-anything-v2-small",
    half_precision=True,
    citation=papers.PDFNET,
)


DEPTH_TINY = ModelSpec(
    name="depth-tiny",
    summary="rough depth for PDFNet: comes with the package, learned from drawn scenes",
    license="MIT AND Apache-2.0",
    commercial_use="yes",
    weights=WeightsFile(None, "depth-tiny.safetensors"),
    loader="dis_core.models.pdfnet.draft_depth:load",
    task="depth",
    draft=True,
)
