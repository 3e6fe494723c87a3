"""The models that come with dis-core: declarations only, registered through the public hook.

Sizes are of the published files, rounded; they are for people and check nothing. Which commit is asked for, and what
its file should be, says `models.pins`; of what is not there, the first download is recorded and held to.
"""

from __future__ import annotations

from dis_core.hookspecs import hookimpl
from dis_core.model_spec import ModelSpec
from dis_core.models.birefnet.spec import BIREFNETS
from dis_core.models.depth_anything.spec import DEPTH_BASE, DEPTH_LARGE, DEPTH_SMALL
from dis_core.models.diffdis.spec import DIFFDIS, SD_TURBO_AUTOENCODER
from dis_core.models.dis_lite.spec import DIS_LITE
from dis_core.models.dis_sam.spec import DIS_SAM, DIS_SAM_BASE
from dis_core.models.isnet.spec import ISNET, ISNET_DIS5K
from dis_core.models.pdfnet.spec import DEPTH_TINY, PDFNET, PDFNET_DIS5K
from dis_core.models.sam.spec import SAM_BASE, SAM_LARGE

DEFAULT_MODEL = "pdfnet"
DEFAULT_PROMPT_MODEL = "sam-vit-base"


@hookimpl
def dis_register_models() -> tuple[ModelSpec, ...]:
    return (
        *(PDFNET, PDFNET_DIS5K, DIS_LITE, *BIREFNETS, ISNET, ISNET_DIS5K, DIS_SAM, DIS_SAM_BASE, DIFFDIS),
        *(DEPTH_SMALL, DEPTH_BASE, DEPTH_LARGE, DEPTH_TINY),
        *(SAM_LARGE, SAM_BASE, SD_TURBO_AUTOENCODER),
    )
