"""DiffDIS: the declarations of its model and of the autoencoder that it needs."""

from __future__ import annotations

from dis_core.model_spec import Conversion, ModelSpec, WeightsFile
from dis_core.models import papers

_DIFFDIS = "dis_core.models.diffdis"

_STABILITY = "LicenseRef-Stability-AI-Community"

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
)
