"""Cut the subject out of an image.

    import dis_core

    dis_core.segment("photo.jpg").cutout().save("cutout.png")

Names are loaded when they are first used: importing this package alone imports neither torch nor numpy.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from dis_core.__version__ import __version__

if TYPE_CHECKING:
    from dis_core.api import segment
    from dis_core.errors import BadRequest, Cancelled, DisError, NoImage, OutOfMemory
    from dis_core.export.exporting import export_model
    from dis_core.geometry import Box, Points
    from dis_core.images.picture import Picture
    from dis_core.images.reading import ImageLike, read_picture
    from dis_core.matte.matte import Matte, Part
    from dis_core.networks import load_network
    from dis_core.pipeline import Pipeline
    from dis_core.progress import CancelToken, Report
    from dis_core.prompts import SegmentOptions
    from dis_core.protocols import Quality
    from dis_core.registry.catalog import ModelInfo, list_models, model_info
    from dis_core.registry.own_models import register_model
    from dis_core.session import Session

__all__ = [
    "BadRequest",
    "Box",
    "CancelToken",
    "Cancelled",
    "DisError",
    "ImageLike",
    "Matte",
    "ModelInfo",
    "NoImage",
    "OutOfMemory",
    "Part",
    "Picture",
    "Pipeline",
    "Points",
    "Quality",
    "Report",
    "SegmentOptions",
    "Session",
    "__version__",
    "export_model",
    "list_models",
    "load_network",
    "model_info",
    "read_picture",
    "register_model",
    "segment",
]

_HOMES = {
    "BadRequest": "dis_core.errors",
    "Box": "dis_core.geometry",
    "CancelToken": "dis_core.progress",
    "Cancelled": "dis_core.errors",
    "DisError": "dis_core.errors",
    "ImageLike": "dis_core.images.reading",
    "Matte": "dis_core.matte.matte",
    "ModelInfo": "dis_core.registry.catalog",
    "NoImage": "dis_core.errors",
    "OutOfMemory": "dis_core.errors",
    "Part": "dis_core.matte.matte",
    "Picture": "dis_core.images.picture",
    "Pipeline": "dis_core.pipeline",
    "Points": "dis_core.geometry",
    "Quality": "dis_core.protocols",
    "Report": "dis_core.progress",
    "SegmentOptions": "dis_core.prompts",
    "Session": "dis_core.session",
    "export_model": "dis_core.export.exporting",
    "list_models": "dis_core.registry.catalog",
    "load_network": "dis_core.networks",
    "model_info": "dis_core.registry.catalog",
    "read_picture": "dis_core.images.reading",
    "register_model": "dis_core.registry.own_models",
    "segment": "dis_core.api",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        # With the module, Python asks "did you mean" in a traceback.
        raise AttributeError(f"module 'dis_core' has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
