"""Every kind of model that comes with dis-core, as small as it may be: the classes that load the published weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dis_core.models.dis_lite.spec import DIS_LITE
from dis_core.pipeline import load_segmenter
from dis_core.protocols import NO_PROMPT, Placement, Prompt, Segmenter
from dis_core.registry.selection import obtain_all
from tests.fakes import small_birefnet, small_diffdis, small_dis_sam, small_isnet, small_pdfnet

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
    """The model that comes with the package: small as it is."""
    return load_segmenter(obtain_all(DIS_LITE, None), placement)


SMALL_MODELS = (
    SmallModel("pdfnet", small_pdfnet.segmenter, ("pdfnet.segmenter:load_published",)),
    SmallModel("dis-lite", embedded, ("dis_lite.segmenter:load",)),
    SmallModel(
        "birefnet", small_birefnet.segmenter, tuple(f"birefnet.segmenter:load_{n}" for n in (512, 1024, 2048, "lite"))
    ),
    SmallModel("birefnet-wide", small_birefnet.wide_segmenter, ("birefnet.segmenter:load_lite_2k",)),
    SmallModel("isnet", small_isnet.segmenter, ("isnet.segmenter:load",)),
    SmallModel(
        "dis-sam",
        small_dis_sam.segmenter,
        ("dis_sam.segmenter:load_with_large", "dis_sam.segmenter:load_with_base"),
        small_dis_sam.middle_of,
    ),
    SmallModel("diffdis", small_diffdis.segmenter, ("diffdis.segmenter:load_published",)),
)
