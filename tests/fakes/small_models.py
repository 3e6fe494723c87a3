"""Every kind of model that comes with dis-core, as small as it may be: the classes that load the published weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dis_core.models.pdfnet.spec import DEPTH_TINY, PDFNET_TINY
from dis_core.pipeline import load_segmenter
from dis_core.protocols import NO_PROMPT, Placement, Prompt, Segmenter
from dis_core.registry.selection import obtain_all
from tests.fakes import small_birefnet, small_diffdis, small_dis_sam, small_isnet

Make = Callable[[Placement], Segmenter]


@dataclass(frozen=True)
class SmallModel:
    """How to make one, which loaders of `dis_core.registry.builtin_models` it stands for, and what it has to be told.

    `prompt_for` makes a prompt for an image of a size, (height, width).
    """

    name: str
    make: Make
    loaders: tuple[str, ...]
    prompt_for: Callable[[tuple[int, int]], Prompt] = lambda _size: NO_PROMPT


def embedded(placement: Placement) -> Segmenter:
    """The draft model, with its depth model: PDFNet's own classes, and small as it is."""
    return load_segmenter(obtain_all(PDFNET_TINY, DEPTH_TINY), placement)


SMALL_MODELS = (
    SmallModel("pdfnet", embedded, ("pdfnet_segmenter:load_tiny", "pdfnet_segmenter:load_published")),
    SmallModel(
        "birefnet", small_birefnet.segmenter, tuple(f"birefnet_segmenter:load_{n}" for n in (512, 1024, 2048, "lite"))
    ),
    SmallModel("isnet", small_isnet.segmenter, ("isnet_segmenter:load",)),
    SmallModel(
        "dis-sam",
        small_dis_sam.segmenter,
        ("dis_sam_segmenter:load_with_large", "dis_sam_segmenter:load_with_base"),
        small_dis_sam.middle_of,
    ),
    SmallModel("diffdis", small_diffdis.segmenter, ("diffdis_segmenter:load_published",)),
)
