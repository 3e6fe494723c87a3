"""The one object in the middle: an image and a model's name go in, a matte comes out."""

from __future__ import annotations

import pkgutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from dis_core.device import AUTO, choose_placement, run_on, tiles_at_once
from dis_core.errors import BadRequest
from dis_core.geometry import Box, BoxLike, Points, boxes_within, checked_box, points_within
from dis_core.images.reading import as_picture
from dis_core.matte.matte import Matte
from dis_core.model_spec import ModelSpec, Precision
from dis_core.models.pdfnet.spec import DRAFT_MODEL
from dis_core.progress import Report, ignore, span
from dis_core.prompts import PromptLike, checked_prompt, parts_of
from dis_core.protocols import (
    MAX_TILES,
    NO_PROMPT,
    DepthEstimator,
    DepthLoader,
    Effort,
    Placement,
    Prompt,
    Quality,
    Segmenter,
)
from dis_core.refinement import coarse_to_fine
from dis_core.registry import manager as registry
from dis_core.registry.builtin_models import DEFAULT_MODEL
from dis_core.registry.selection import InstalledModel, obtain_model
from dis_core.weights.store import load_matte_model

if TYPE_CHECKING:
    from dis_core.images.picture import Picture
    from dis_core.images.reading import ImageLike

UNDER_TRANSPARENCY = np.float32(0.5)
"""The gray that the model sees where a picture is transparent: what colors lie hidden there is nobody's business."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to run, and the weights that it was loaded from."""

    installed: InstalledModel
    segmenter: Segmenter


class Pipeline:
    """Images to mattes on one device, with the last model kept loaded for the next image.

    `device` is "auto", "cpu", "cuda", "cuda:1" and so on, or "mps". "half" `precision` is for graphics cards: faster,
    leaner, and a little off. One image runs at a time; other threads wait.

    Raises DeviceUnavailable.
    """

    def __init__(self, device: str = AUTO, *, precision: Precision = "full") -> None:
        by_plugin = registry.choose_placement_by_plugin(device)
        self.placement: Placement = by_plugin or choose_placement(device, precision=precision)
        self._loaded: LoadedModel | None = None
        self._fell_back = False
        self._busy = threading.Lock()

    def segment(
        self,
        image: ImageLike,
        *,
        model: str | None = None,
        quality: Quality = "normal",
        refine: str = coarse_to_fine.AUTO,
        max_tiles: int = MAX_TILES,
        roi: BoxLike | None = None,
        prompt: PromptLike | None = None,
        depth: NDArray[np.floating[Any]] | None = None,
        depth_model: str | None = None,
        accept_noncommercial: bool = False,
        report: Report = ignore,
    ) -> Matte:
        """Find the subject of `image`: a path, the bytes of a file, a PIL image, an array or a `Picture`.

        `model` is a name from `dis-core models`. None takes the full model, fetching it once if need be; where the Hub
        cannot be reached, the embedded draft model runs instead and a warning is logged. A model that is named never
        falls back. `refine` is "none", "fast" (along the image's edges), "tiles" (the model looks again, tile by tile
        at full size, at most `max_tiles` times), or "auto": tiles for an image clearly larger than what the model sees,
        the fast way for a draft.
        `roi` is (left, top, right, bottom) in pixels: only what lies within this box is the subject. `prompt` says
        which subject is meant, to a model that wants to know: a `Box`, `Points`, or several of them.
        `depth` is (H, W) of any range, near = large, used instead of an estimate. `depth_model` names another depth
        model than the model's own; some forbid commercial use and want `accept_noncommercial`.

        Raises NoImage, BadRequest, UnknownModel, PackagesMissing, LicenseNotAccepted, WeightsMissing, WeightsCorrupt,
        OutOfMemory, and what `report` raises (Cancelled).
        """
        if quality not in get_args(Quality):
            raise BadRequest(f"{quality!r} is no quality", hint=f"there are: {', '.join(get_args(Quality))}")
        coarse_to_fine.check_refiner(refine)
        if max_tiles < 0:
            raise BadRequest(
                f"{max_tiles} tiles are less than none", hint="0 looks at no tile; there is no other limit"
            )
        picture = as_picture(image)
        box = None if roi is None else checked_box(roi, picture.size)
        refuse_wrong_prompt(registry.find_matte_model(model or DEFAULT_MODEL), prompt)
        asked = as_prompt(prompt, depth, picture.size, within=box)
        with self._busy:
            loading, running = span(report, 0.0, 0.2), span(report, 0.2, 1.0)
            unnamed = model is None and depth_model is None
            installed = obtain_model(
                DRAFT_MODEL if unnamed and self._fell_back else model,
                depth_model=depth_model,
                needs_depth=depth is None,
                accept_noncommercial=accept_noncommercial,
                placement=self.placement,
                report=loading,
            )
            # From then on the Hub is not asked again, and the user is not warned again.
            self._fell_back = self._fell_back or (unnamed and installed.matte.spec.name == DRAFT_MODEL)
            loaded = self._load(installed, loading)
            seen = visible_colors(picture)
            effort = Effort(max_tiles, tiles_at_once(self.placement))
            look = coarse_to_fine.Passes(loaded.segmenter, quality, refine, effort)
            if box is None:
                found, refinement = look.over(seen, asked, running)
            else:
                found, refinement = look.within(box, seen, asked, running)
        return Matte(
            alpha=found.alpha,
            model=f"{installed.matte.spec.name}@{installed.matte.revision}",
            picture=picture,
            depth=found.depth,
            device=self.placement.device,
            refinement=refinement,
        )

    @property
    def loaded(self) -> tuple[str, ...]:
        """The names of the models that are in memory."""
        loaded = self._loaded
        return () if loaded is None else tuple(part.spec.name for part in loaded.installed.parts)

    def forget_fallback(self) -> None:
        """Ask the Hub again for the full model if the next image names none; who lives long does so between runs."""
        self._fell_back = False

    def unload(self) -> None:
        """Let go of the loaded model and its memory; the next image loads it again."""
        with self._busy:
            self._loaded = None

    def _load(self, installed: InstalledModel, report: Report) -> LoadedModel:
        """The model to run; the one of the image before if it is the same and its files were not replaced."""
        before = self._loaded
        if before is not None and before.installed == installed:
            return before
        self._loaded = before = None  # first, so that two models are never in memory at once
        report(1.0, f"loading {installed.matte.spec.name}")
        self._loaded = loaded = LoadedModel(installed, load_segmenter(installed, self.placement))
        return loaded


def load_segmenter(installed: InstalledModel, placement: Placement) -> Segmenter:
    """Load a matte model, with its depth model where one is needed.

    Raises WeightsCorrupt, OutOfMemory.
    """
    matte, depth = installed.matte, installed.depth
    companions = {companion.spec.name: companion.path for companion in installed.companions}
    estimate_depth: DepthEstimator | None = None
    with run_on(placement):
        if depth is not None:
            load_depth = cast("DepthLoader", pkgutil.resolve_name(depth.spec.loader))
            estimate_depth = load_depth(depth.path, placement=placement)
        return load_matte_model(
            matte.spec, matte.path, placement=placement, estimate_depth=estimate_depth, companions=companions
        )


def visible_colors(picture: Picture) -> NDArray[np.float32]:
    """What the model is shown: (H, W, 3) float32 sRGB in [0, 1], transparent parts over a mid gray."""
    image = picture.srgb()
    if picture.alpha is not None:
        image -= UNDER_TRANSPARENCY
        image *= picture.alpha[:, :, np.newaxis]
        image += UNDER_TRANSPARENCY
    return image


def refuse_wrong_prompt(spec: ModelSpec, prompt: PromptLike | None) -> None:
    """Raises BadRequest if a model cannot be told which subject is meant, or is not told although it needs to be."""
    if prompt is None and spec.prompts:
        raise BadRequest(
            f"{spec.name} cuts out what it is told to, and nothing says what",
            hint="say it with --box 10,20,300,400 or --point 150,200; in Python prompt=Box(10, 20, 310, 420)",
        )
    if prompt is None:
        return
    kinds = {"points" if isinstance(part, Points) else "box" for part in parts_of(prompt)}
    if refused := kinds - set(spec.prompts):
        able = [other.name for other in registry.models().values() if kinds <= set(other.prompts)]
        raise BadRequest(
            f"{spec.name} takes no {' and no '.join(sorted(refused))}",
            hint=f"{' and '.join(able) or 'no model here'} can be told which subject is meant; "
            "to look only within a box, with any model: --roi 10,20,300,400",
        )


def as_prompt(
    given: PromptLike | None,
    depth: NDArray[np.floating[Any]] | None,
    size: tuple[int, int],
    *,
    within: Box | None,
) -> Prompt:
    """What the user says beside an image of `size` (height, width), checked; `within` is the box to look in, if any.

    Raises BadRequest for what does not fit the image, and for places that all lie outside of the box.
    """
    own_depth = None if depth is None else checked_depth(depth, size)
    if given is None:
        return NO_PROMPT if own_depth is None else Prompt(depth=own_depth)
    boxes, points = checked_prompt(given, size)
    if within is not None and not (boxes_within(within, boxes) or points_within(within, points).subject):
        raise BadRequest(
            "what the prompt names lies outside of the box to look in", hint="leave one of the two out, or move it"
        )
    return Prompt(own_depth, boxes, points)


def checked_depth(depth: NDArray[np.floating[Any]], size: tuple[int, int]) -> NDArray[np.floating[Any]]:
    """The user's depth map as (H, W) of some floating type.

    Raises BadRequest if it is no plane of numbers or has another size than the image, (height, width).
    """
    depth = np.asarray(depth)
    if depth.ndim != 2 or depth.dtype.kind not in "uif":
        raise BadRequest("the depth map is no plane of numbers", hint="give an array of the image's height and width")
    if depth.shape != size:
        shape = " x ".join(str(side) for side in reversed(depth.shape))
        raise BadRequest(
            f"the depth map is {shape} pixels, but the image is {size[1]} x {size[0]}",
            hint="give one gray value per pixel of the image, near = bright",
        )
    return depth if depth.dtype.kind == "f" else depth.astype(np.float32)
