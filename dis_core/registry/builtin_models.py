"""The models that come with dis-core: declarations only, registered through the public hook.

Sizes are of the published files, rounded; they are for people and check nothing. No commit or checksum of these files
is verified yet, so those of the first download are recorded and held to.
"""

from __future__ import annotations

from dataclasses import replace

from dis_core.hookspecs import hookimpl
from dis_core.model_spec import ModelSpec, WeightsFile
from dis_core.models import papers
from dis_core.models.dis_lite.spec import DIS_LITE

_SEGMENTER = "dis_core.models.pdfnet.segmenter"
_DEPTH = "dis_core.models.depth_anything.estimator"
_DIFFDIS = "dis_core.models.diffdis.network"
_STABILITY = "LicenseRef-Stability-AI-Community"

DEFAULT_MODEL = "pdfnet"
DRAFT_MODEL = DIS_LITE.name

PDFNET = ModelSpec(
    name="pdfnet",
    summary="PDFNet trained on DIS5K and high-resolution saliency sets: the best all-round choice",
    license="MIT",
    commercial_use="conditional",
    weights=WeightsFile("Tennineee/PDFNet-General", "PDF-Generally.pth", size_bytes=411_000_000),
    loader=f"{_SEGMENTER}:load_published",
    conversion="dis_core.models.pdfnet.checkpoint:convert",
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
    conversion="dis_core.models.pdfnet.checkpoint:convert",
    depth_model="depth-anything-v2-small",
    half_precision=True,
    citation=papers.PDFNET,
)

ISNET = ModelSpec(
    name="isnet",
    summary="IS-Net for general use: lean and quick, well known from background removers",
    license="Apache-2.0",
    commercial_use="conditional",
    weights=WeightsFile("ClockZinc/IS-NET_pth", "isnet-general-use.pth", size_bytes=177_000_000),
    loader="dis_core.models.isnet.segmenter:load",
    conversion="dis_core.models.isnet.checkpoint:convert",
    half_precision=True,
    citation=papers.ISNET,
)

ISNET_DIS5K = ModelSpec(
    name="isnet-dis5k",
    summary="IS-Net trained on DIS5K alone, as evaluated in the paper",
    license="Apache-2.0",
    commercial_use="conditional",
    weights=WeightsFile("Carve/isnet", "isnet.pth", size_bytes=177_000_000),
    loader="dis_core.models.isnet.segmenter:load",
    conversion="dis_core.models.isnet.checkpoint:convert",
    half_precision=True,
    citation=papers.ISNET,
)

SAM_LARGE = ModelSpec(
    name="sam-vit-large",
    summary="Segment Anything for DIS-SAM: ViT-L",
    license="Apache-2.0",
    commercial_use="yes",
    weights=WeightsFile("facebook/sam-vit-large", "model.safetensors", size_bytes=1_249_000_000),
    loader="dis_core.models.sam.network:load_large",
    task="part",
    conversion="dis_core.models.sam.checkpoint:convert_large",
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
    conversion="dis_core.models.sam.checkpoint:convert_base",
    citation=papers.SAM,
)

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
    conversion="dis_core.models.isnet.checkpoint:convert_refiner",
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

DEPTH_SMALL = ModelSpec(
    name="depth-anything-v2-small",
    summary="depth for PDFNet: Depth Anything V2 Small",
    license="Apache-2.0",
    commercial_use="yes",
    weights=WeightsFile("depth-anything/Depth-Anything-V2-Small-hf", "model.safetensors", size_bytes=99_200_000),
    loader=f"{_DEPTH}:load_small",
    task="depth",
    citation=papers.DEPTH_ANYTHING_V2,
)

DEPTH_BASE = ModelSpec(
    name="depth-anything-v2-base",
    summary="depth for PDFNet: Depth Anything V2 Base",
    license="CC-BY-NC-4.0",
    commercial_use="no",
    weights=WeightsFile("depth-anything/Depth-Anything-V2-Base-hf", "model.safetensors", size_bytes=390_000_000),
    loader=f"{_DEPTH}:load_base",
    task="depth",
    citation=papers.DEPTH_ANYTHING_V2,
)

DEPTH_LARGE = ModelSpec(
    name="depth-anything-v2-large",
    summary="depth for PDFNet: Depth Anything V2 Large",
    license="CC-BY-NC-4.0",
    commercial_use="no",
    weights=WeightsFile("depth-anything/Depth-Anything-V2-Large-hf", "model.safetensors", size_bytes=1_341_000_000),
    loader=f"{_DEPTH}:load_large",
    task="depth",
    citation=papers.DEPTH_ANYTHING_V2,
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

DIFFDIS = ModelSpec(
    name="diffdis",
    summary="DiffDIS: one step of a diffusion model, large, and slow without a graphics card",
    license=_STABILITY,
    commercial_use="conditional",
    weights=WeightsFile("set-soft/RemBG", "DiffDIS/DiffDIS_F16.safetensors", size_bytes=1_826_000_000),
    loader=f"{_DIFFDIS}_segmenter:load_published",
    conversion=f"{_DIFFDIS}_checkpoint:convert",
    companions=("sd-turbo-autoencoder",),
    half_precision=True,
    extra="diffdis",
    packages=("diffusers",),
    citation=papers.DIFFDIS,
)

SD_TURBO_AUTOENCODER = ModelSpec(
    name="sd-turbo-autoencoder",
    summary="for DiffDIS: the autoencoder of SD-Turbo",
    license=_STABILITY,
    commercial_use="conditional",
    weights=WeightsFile("stabilityai/sd-turbo", "vae/diffusion_pytorch_model.safetensors", size_bytes=335_000_000),
    loader=f"{_DIFFDIS}_segmenter:load_autoencoder",
    task="part",
    conversion=f"{_DIFFDIS}_checkpoint:convert_autoencoder",
    extra="diffdis",
    packages=("diffusers",),
    citation=papers.SD_TURBO,
)

BIREFNETS = tuple(
    ModelSpec(
        name=name,
        summary=summary,
        license="MIT",
        commercial_use="conditional",
        weights=WeightsFile(f"ZhengPeng7/{repo}", "model.safetensors", size_bytes=size_mb * 1_000_000),
        loader=f"dis_core.models.birefnet.segmenter:load_{network}",
        conversion=f"dis_core.models.birefnet.checkpoint:convert_{'lite' if network == 'lite' else 'large'}",
        half_precision=True,
        citation=papers.BIREFNET,
    )
    for name, repo, size_mb, network, summary in (
        ("birefnet", "BiRefNet", 444, "1024", "BiRefNet trained on many sets: a strong all-round choice"),
        ("birefnet-hr", "BiRefNet_HR", 444, "2048", "BiRefNet that sees 2048 x 2048: four times as slow, finer"),
        ("birefnet-hr-matting", "BiRefNet_HR-matting", 444, "2048", "BiRefNet at 2048 x 2048 for hair and the like"),
        ("birefnet-matting", "BiRefNet-matting", 885, "1024", "BiRefNet for hair, fur and what one sees through"),
        ("birefnet-portrait", "BiRefNet-portrait", 885, "1024", "BiRefNet for people"),
        ("birefnet-dynamic", "BiRefNet_dynamic", 444, "1024", "BiRefNet trained with sizes of 256 to 2304"),
        ("birefnet-512", "BiRefNet_512x512", 444, "512", "BiRefNet that sees 512 x 512: four times as fast, coarser"),
        ("birefnet-lite", "BiRefNet_lite", 178, "lite", "a smaller BiRefNet, trained as the large one"),
        ("birefnet-lite-matting", "BiRefNet_lite-matting", 89, "lite", "the smaller BiRefNet for hair and the like"),
        ("birefnet-dis5k", "BiRefNet-DIS5K", 885, "1024", "BiRefNet trained on DIS5K alone, as in the paper"),
        ("birefnet-dis5k-all", "BiRefNet-DIS5K-TR_TEs", 885, "1024", "BiRefNet trained on DIS5K with its test sets"),
        ("birefnet-hrsod", "BiRefNet-HRSOD", 885, "1024", "BiRefNet trained on salient objects of high resolution"),
        ("birefnet-cod", "BiRefNet-COD", 885, "1024", "BiRefNet trained on what is camouflaged"),
        ("birefnet-legacy", "BiRefNet-legacy", 885, "1024", "an earlier BiRefNet for everything"),
    )
)
"""BiRefNet's weights for different purposes: all of one network, or of its smaller sister."""


@hookimpl
def dis_register_models() -> tuple[ModelSpec, ...]:
    return (
        *(PDFNET, PDFNET_DIS5K, DIS_LITE, *BIREFNETS, ISNET, ISNET_DIS5K, DIS_SAM, DIS_SAM_BASE, DIFFDIS),
        *(DEPTH_SMALL, DEPTH_BASE, DEPTH_LARGE, DEPTH_TINY),
        *(SAM_LARGE, SAM_BASE, SD_TURBO_AUTOENCODER),
    )
