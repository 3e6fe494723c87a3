"""PDFNet: the declarations of its models."""

from __future__ import annotations

from dis_core.model_spec import Conversion, ModelSpec, NetworkInput, NetworkSpec, WeightsFile
from dis_core.models import papers
from dis_core.models.network_inputs import ANTIALIASED, DEPTH, TO_CORNERS, imagenet_image

_SEGMENTER = "dis_core.models.pdfnet.segmenter"

CONVERSION = Conversion("pdfnet", 1, "dis_core.models.pdfnet.checkpoint:convert")

NETWORK = NetworkSpec(
    f"{_SEGMENTER}:load_network",
    (
        imagenet_image(TO_CORNERS),
        NetworkInput("depth", (0.0,), (1.0,), "depth, near = 1, stretched from its lowest to its highest", TO_CORNERS),
    ),
    (1024, 1024),
    "a `PDFNetOutput`: `logits` (B, 1, H, W), whose sigmoid is the matte, and the coarser ones of `sides`",
    multiple_px=256,
    exportable="dis_core.models.pdfnet.exportable:matte",
)

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
    network=NETWORK,
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
    network=NETWORK,
)


DEPTH_TINY = ModelSpec(
    name="depth-tiny",
    summary="rough depth for PDFNet: comes with the package, learned from drawn scenes",
    license="MIT AND Apache-2.0",
    commercial_use="yes",
    weights=WeightsFile(None, "depth-tiny.safetensors"),
    loader="dis_core.models.pdfnet.depth_tiny:load",
    task="depth",
    embedded=True,
    network=NetworkSpec(
        "dis_core.models.pdfnet.depth_tiny:load_network",
        (imagenet_image(ANTIALIASED),),
        (256, 256),
        f"{DEPTH}, in (0, 1), at a quarter of the side: (B, 1, H / 4, W / 4)",
        exportable="dis_core.models.exportable:as_it_is",
    ),
)
