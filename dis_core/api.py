"""One call for one image, with a pipeline that stays warm for the next call."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dis_core.geometry import BoxLike
from dis_core.images.reading import ImageLike
from dis_core.matte.matte import Matte
from dis_core.model_spec import Precision
from dis_core.pipeline import Pipeline
from dis_core.progress import Report, ignore
from dis_core.prompts import DEFAULTS, PromptLike
from dis_core.protocols import Exposure, Extent, Quality

_shared: dict[tuple[str, Precision], Pipeline] = {}
"""The last pipeline, by what it was made for."""


def _shared_pipeline(device: str, precision: Precision) -> Pipeline:
    """The same one for all threads, so that none loads a model that another one has.

    There is no lock, because a process that is forked while another thread holds it would wait for ever.
    """
    wanted = device, precision
    ready = _shared.get(wanted)
    if ready is not None:
        return ready
    made = Pipeline(device, precision=precision)
    for other in _shared.keys() - {wanted}:
        _shared.pop(other, None)
    return _shared.setdefault(wanted, made)


def segment(
    image: ImageLike,
    *,
    model: str | None = None,
    device: str = DEFAULTS.device,
    precision: Precision = DEFAULTS.precision,
    quality: Quality = DEFAULTS.quality,
    refine: str = DEFAULTS.refine,
    max_tiles: int = DEFAULTS.max_tiles,
    roi: BoxLike | None = None,
    prompt: PromptLike | None = None,
    depth: NDArray[np.floating[Any]] | None = None,
    depth_model: str | None = None,
    accept_noncommercial: bool = False,
    exposure: Exposure = DEFAULTS.exposure,
    prompt_model: str | None = None,
    extent: Extent = DEFAULTS.extent,
    report: Report = ignore,
) -> Matte:
    """Find the subject of an image: `Pipeline.segment` on a pipeline that this process shares.

    The model stays loaded between calls. Use a `Pipeline` of your own to decide when it is unloaded.
    """
    return _shared_pipeline(device, precision).segment(
        image,
        model=model,
        quality=quality,
        refine=refine,
        max_tiles=max_tiles,
        roi=roi,
        prompt=prompt,
        depth=depth,
        depth_model=depth_model,
        accept_noncommercial=accept_noncommercial,
        exposure=exposure,
        prompt_model=prompt_model,
        extent=extent,
        report=report,
    )
