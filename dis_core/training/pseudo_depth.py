"""Depth for training photographs without depth maps: estimated once and saved, as the authors of PDFNet did."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dis_core.files import make_folder
from dis_core.images.picture import write_picture
from dis_core.images.reading import read_picture
from dis_core.matte.matte import Matte
from dis_core.model_spec import ModelSpec
from dis_core.models.pdfnet.segmenter import scale_to_unit
from dis_core.progress import Report, span
from dis_core.protocols import Placement
from dis_core.training.samples import Triple
from dis_core.weights import store

if TYPE_CHECKING:
    from dis_core.protocols import DepthEstimator, DepthLoader


def estimate_missing(
    triples: Sequence[Triple], folder: Path, *, spec: ModelSpec, device: str, report: Report
) -> list[Triple]:
    """The same samples, each with a depth map: its own, or `NAME.png` (16 bits, near = bright) in `folder`.

    Depth maps that are there already are not estimated again. Raises WeightsMissing, WeightsCorrupt, OutOfMemory,
    NoImage, OutputFailed, and what `report` raises.
    """
    load = cast("DepthLoader", pkgutil.resolve_name(spec.loader))
    estimate: DepthEstimator | None = None
    complete = []
    for done, triple in enumerate(triples):
        file = triple.depth or folder / f"{triple.name}.png"
        if triple.depth is None and not file.exists():
            if estimate is None:
                estimate = load(store.obtain(spec, report=span(report, 0.0, 0.1)).path, placement=Placement(device))
            report(0.1 + 0.9 * done / len(triples), f"depth of image {done + 1} of {len(triples)}")
            depth = scale_to_unit(estimate(read_picture(triple.image).srgb()))
            make_folder(file.parent)
            write_picture(Matte(depth, model="").gray(bits=16), file, format="png", overwrite=False)
        complete.append(replace(triple, depth=file))
    return complete
