"""DiffDIS: the declarations of its model and of the autoencoder that it needs."""

from __future__ import annotations

from dis_core.model_spec import Conversion, ModelSpec, NetworkInput, NetworkSpec, WeightsFile
from dis_core.models import papers
from dis_core.models.network_inputs import ANTIALIASED

_DIFFDIS = "dis_core.models.diffdis"

_STABILITY = "LicenseRef-Stability-AI-Community"

_OBSTACLE = (
    "its UNet and autoencoder are those of diffusers, joined by hooks while they run, and take 4 GB, twice what an "
    "ONNX file may hold"
)

DIFFDIS = ModelSpec(
    name="diffdis",
    summary="DiffDIS: one step of a diffusion model, large, and slow without a graphics card",
    license=_STABILITY,
    commercial_use="conditional",
    weights=WeightsFile("set-soft/RemBG", "DiffDIS/DiffDIS_F16.safetensors", size_bytes=1_826_000_000),
    loader=f"{_DIFFDIS}.segmenter:load_published",
    conversion=Conversion("diffdis", 1, f"{_DIFFDIS}.checkpoint:convert"),
    companions=("sd-turbo-autoencoder",),
    half_precision=True,
    extra="diffdis",
    packages=("diffusers",),
    citation=papers.DIFFDIS,
    network=NetworkSpec(
        f"{_DIFFDIS}.segmenter:load_network",
        (
            NetworkInput("image", (0.5,) * 3, (0.5,) * 3, "the image: red, green and blue, sRGB-encoded", ANTIALIASED),
            NetworkInput("noise", (0.0,) * 4, (1.0,) * 4, "normally distributed noise, as it is", shrunk=8),
        ),
        (1024, 1024),
        "the matte, (B, 1, H, W) in [0, 1], which its authors stretch to all of 0 to 1",
        multiple_px=64,
        companions=("sd-turbo-autoencoder",),
        obstacle=_OBSTACLE,
    ),
)

SD_TURBO_AUTOENCODER = ModelSpec(
    name="sd-turbo-autoencoder",
    summary="for DiffDIS: the autoencoder of SD-Turbo",
    license=_STABILITY,
    commercial_use="conditional",
    weights=WeightsFile("stabilityai/sd-turbo", "vae/diffusion_pytorch_model.safetensors", size_bytes=335_000_000),
    loader=f"{_DIFFDIS}.segmenter:load_autoencoder",
    task="part",
    conversion=Conversion("sd-autoencoder", 1, f"{_DIFFDIS}.checkpoint:convert_autoencoder"),
    extra="diffdis",
    packages=("diffusers",),
    citation=papers.SD_TURBO,
    network=NetworkSpec(
        f"{_DIFFDIS}.segmenter:load_autoencoder",
        (NetworkInput("image", (0.5,) * 3, (0.5,) * 3, "the image: red, green and blue, sRGB-encoded", ANTIALIASED),),
        (1024, 1024),
        "diffusers' `DecoderOutput`: the image again",
        multiple_px=8,
        obstacle="it is a part of DiffDIS and finds no subject",
    ),
)
