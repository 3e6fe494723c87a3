"""The one object in the middle: an image and the name of a model go in, a matte comes out."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from dis_core.device import choose_placement, run_after_fork, run_on, tiles_at_once, was_forked
from dis_core.errors import BadRequest
from dis_core.geometry import Box, BoxLike, as_box, boxes_within, checked_box, points_within
from dis_core.images.exposure import brighten, gain_for
from dis_core.images.reading import as_picture, read_picture
from dis_core.matte.matte import Matte
from dis_core.model_spec import ModelSpec, Precision
from dis_core.models.dis_lite.spec import DRAFT_MODEL
from dis_core.progress import Report, ignore, span
from dis_core.prompts import DEFAULTS, PromptLike, SegmentOptions, checked_prompt, split_prompt
from dis_core.protocols import (
    NO_PROMPT,
    DepthEstimator,
    Effort,
    Exposure,
    Placement,
    Prompt,
    Quality,
    Segmenter,
)
from dis_core.refinement import coarse_to_fine
from dis_core.registry import manager as registry
from dis_core.registry.builtin_models import DEFAULT_MODEL
from dis_core.registry.selection import InstalledModel, is_all_here, obtain_model
from dis_core.weights.loading import load_depth_model, load_matte_model

if TYPE_CHECKING:
    from pathlib import Path

    from dis_core.images.picture import Picture
    from dis_core.images.reading import ImageLike

UNDER_TRANSPARENCY = np.float32(0.5)
"""The gray that the model sees where a picture is transparent: the colors hidden there are not to be shown."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to run, and the weights that it was loaded from."""

    installed: InstalledModel
    segmenter: Segmenter


class Pipeline:
    """Turns images into mattes on one device, and keeps the last model loaded for the next image.

    `device` is "auto", "cpu", "cuda", "cuda:1" and so on, or "mps". `precision` "half" is for graphics cards: faster,
    with less memory, and a little less exact. One image runs at a time; other threads wait.

    Raises DeviceUnavailable.
    """

    def __init__(self, device: str = DEFAULTS.device, *, precision: Precision = DEFAULTS.precision) -> None:
        by_plugin = registry.choose_placement_by_plugin(device)
        self.placement: Placement = by_plugin or choose_placement(device, precision=precision)
        self._loaded: LoadedModel | None = None
        self._fell_back = False
        self._busy = threading.Lock()
        self._process = os.getpid()

    def segment(
        self,
        image: ImageLike,
        *,
        model: str | None = None,
        quality: Quality = DEFAULTS.quality,
        refine: str = DEFAULTS.refine,
        max_tiles: int = DEFAULTS.max_tiles,
        roi: BoxLike | None = None,
        prompt: PromptLike | None = None,
        depth: NDArray[np.floating[Any]] | None = None,
        depth_model: str | None = None,
        accept_noncommercial: bool = False,
        exposure: Exposure = DEFAULTS.exposure,
        report: Report = ignore,
    ) -> Matte:
        """Find the subject of `image`: a path, the bytes of a file, a PIL image, an array or a `Picture`.

        `model` is a name from `dis-core models`. None takes the full model and downloads it once if needed; if the Hub
        cannot be reached, the embedded draft model runs instead and a warning is logged. A model that is named never
        falls back. `refine` is "none", "fast" (follow the edges in the image), "larger" (the model looks once more, at
        more of the detail, and edges are followed), "tiles" (it looks again, tile by tile at full size, at most
        `max_tiles` times), or "auto": for an image clearly larger than what the model sees, tiles on a graphics card,
        and on a CPU a larger look, or edges where the model takes none; fast for a draft.
        `roi` is (left, top, right, bottom) in pixels: only what is inside this box is the subject. `prompt` says which
        subject is meant, for models that take prompts: a `Box`, `Points`, or a list of them.
        `depth` is (H, W) of any range, near = large, used instead of an estimate. `depth_model` names a depth model
        other than the model's own; some forbid commercial use and need `accept_noncommercial=True`.
        An image that uses less than a quarter of its range, such as 12-bit data in a 16-bit file, is shown to the model
        brighter, and the result keeps its colors; `exposure="original"` shows it as it is.

        Raises NoImage, BadRequest, UnknownModel, PackagesMissing, LicenseNotAccepted, WeightsMissing, WeightsCorrupt,
        OutOfMemory, and what `report` raises (Cancelled).
        """
        boxes, points = split_prompt(prompt)
        options = SegmentOptions(
            model=model,
            quality=quality,
            refine=refine,
            max_tiles=max_tiles,
            roi=None if roi is None else as_box(roi),
            boxes=boxes,
            points=points,
            depth_model=depth_model,
            accept_noncommercial=accept_noncommercial,
            exposure=exposure,
        )
        return self.segment_with(image, options, depth=depth, report=report)

    def segment_with(
        self,
        image: ImageLike,
        options: SegmentOptions,
        *,
        depth: NDArray[np.floating[Any]] | None = None,
        report: Report = ignore,
    ) -> Matte:
        """Find the subject of `image` as `segment` does, with all that is asked in one value.

        `depth` is used instead of the file that `options` may name. Device and precision are this pipeline's own,
        whatever `options` say. Raises what `segment` raises.
        """
        if not was_forked():
            return self._segment(image, options, depth, report)
        if self._process != os.getpid():  # the lock may have been held by a thread that was not copied
            self._process, self._busy = os.getpid(), threading.Lock()
        return run_after_fork(lambda own: self._segment(image, options, depth, own), self.placement, report)

    def _segment(
        self,
        image: ImageLike,
        options: SegmentOptions,
        depth: NDArray[np.floating[Any]] | None,
        report: Report,
    ) -> Matte:
        check_options(options)
        picture = as_picture(image)
        box = None if options.roi is None else checked_box(options.roi, picture.size)
        refuse_wrong_prompt(registry.find_matte_model(options.model or DEFAULT_MODEL), options)
        if depth is None and options.depth is not None:
            depth = read_depth(options.depth)
        prompt = as_prompt(options, depth, picture.size, within=box)
        with self._busy:
            loading, running = span(report, 0.0, 0.2), span(report, 0.2, 1.0)
            started = time.monotonic()
            loaded = self._load(self._obtain(options, depth, loading), loading)
            loading_s = time.monotonic() - started
            seen, picture = shown_to_model(picture, options.exposure)
            effort = Effort(options.max_tiles, tiles_at_once(self.placement), self.placement.device)
            look = coarse_to_fine.Passes(loaded.segmenter, options.quality, options.refine, effort)
            if box is None:
                found, refinement = look.over(seen, prompt, running)
            else:
                found, refinement = look.within(box, seen, prompt, running)
        return Matte(
            alpha=found.alpha,
            model=f"{loaded.installed.matte.spec.name}@{loaded.installed.matte.revision}",
            picture=picture,
            depth=found.depth,
            device=self.placement.device,
            refinement=refinement,
            loading_s=loading_s,
        )

    def prepare(self, options: SegmentOptions) -> None:
        """Load what an image with these options will need, if all of it is on this machine; downloads nothing.

        Raises UnknownModel, PackagesMissing, LicenseNotAccepted, WeightsCorrupt, OutOfMemory, BadRequest.
        """
        with self._busy:
            if is_all_here(options.model, depth_model=options.depth_model):
                self._load(self._obtain(options, None, ignore), ignore)

    def _obtain(
        self, options: SegmentOptions, depth: NDArray[np.floating[Any]] | None, report: Report
    ) -> InstalledModel:
        """The model to run and all that it needs, with their weights on this machine."""
        is_unnamed = options.model is None and options.depth_model is None
        installed = obtain_model(
            options.model,
            depth_model=options.depth_model,
            needs_depth=depth is None,
            accept_noncommercial=options.accept_noncommercial,
            placement=self.placement,
            report=report,
            hub="is out of reach" if self._fell_back else "ask",
        )
        self._fell_back = self._fell_back or (is_unnamed and installed.matte.spec.name == DRAFT_MODEL)
        return installed

    @property
    def loaded(self) -> tuple[str, ...]:
        """The names of the models that are in memory."""
        loaded = self._loaded
        return () if loaded is None else tuple(part.spec.name for part in loaded.installed.parts)

    def forget_fallback(self) -> None:
        """Ask the Hub for the full model again the next time that no model is named; long-lived programs call this."""
        self._fell_back = False

    def unload(self) -> None:
        """Free the loaded model and its memory; the next image loads it again."""
        with self._busy:
            self._loaded = None

    def _load(self, installed: InstalledModel, report: Report) -> LoadedModel:
        """The model to run: the one that is loaded, if it is the same and its files were not replaced."""
        before = self._loaded
        if before is not None and before.installed == installed:
            return before
        self._loaded = before = None  # first, so that two models are never in memory at once
        report(1.0, f"loading {installed.matte.spec.name}")
        self._loaded = loaded = LoadedModel(installed, load_segmenter(installed, self.placement))
        return loaded


def load_segmenter(installed: InstalledModel, placement: Placement) -> Segmenter:
    """Load a matte model, with its depth model if one is needed.

    Raises WeightsCorrupt, OutOfMemory.
    """
    matte, depth = installed.matte, installed.depth
    companions = {companion.spec.name: companion.path for companion in installed.companions}
    estimate_depth: DepthEstimator | None = None
    with run_on(placement):
        if depth is not None:
            estimate_depth = load_depth_model(depth.spec, depth.path, placement=placement)
        return load_matte_model(
            matte.spec, matte.path, placement=placement, estimate_depth=estimate_depth, companions=companions
        )


def shown_to_model(picture: Picture, exposure: Exposure) -> tuple[NDArray[np.float32], Picture]:
    """What the model is shown, (H, W, 3) float32 sRGB in [0, 1], and the picture, with a remark if it was brightened.

    Transparent parts lie over a mid gray. The picture's own pixels stay as they are.
    """
    image = picture.srgb()
    gain = gain_for(image, picture.alpha) if exposure == "auto" else 1.0
    if gain > 1:
        brighten(image, gain)
        remark = f'very dark: the model was shown it {gain:.3g} times as bright (`exposure="original"` turns this off)'
        picture = replace(picture, remarks=(*picture.remarks, remark))
    if picture.alpha is not None:
        image -= UNDER_TRANSPARENCY
        image *= picture.alpha[:, :, np.newaxis]
        image += UNDER_TRANSPARENCY
    return image, picture


def check_options(options: SegmentOptions) -> None:
    """Raises BadRequest for options that are wrong for any image."""
    if options.quality not in get_args(Quality):
        raise BadRequest(f"unknown quality {options.quality!r}", hint=f"choose one of: {', '.join(get_args(Quality))}")
    if options.exposure not in get_args(Exposure):
        raise BadRequest(
            f"unknown exposure {options.exposure!r}", hint=f"choose one of: {', '.join(get_args(Exposure))}"
        )
    coarse_to_fine.check_refiner(options.refine)
    if options.max_tiles < 0:
        raise BadRequest(f"max_tiles must be 0 or more, not {options.max_tiles}", hint="0 turns tiles off")


def refuse_wrong_prompt(spec: ModelSpec, options: SegmentOptions) -> None:
    """Raises BadRequest if a model needs a prompt and gets none, or gets one of a kind that it does not take."""
    given = {"box": bool(options.boxes), "points": bool(options.points)}
    kinds = {kind for kind, is_given in given.items() if is_given}
    if spec.prompts and not kinds:
        raise BadRequest(
            f"{spec.name} must be told which subject to cut out", hint="use `prompt=Box(10, 20, 310, 420)`"
        )
    if refused := kinds - set(spec.prompts):
        able = [other.name for other in registry.models().values() if kinds <= set(other.prompts)]
        raise BadRequest(
            f"{spec.name} does not take a prompt of this kind: {' or '.join(sorted(refused))}",
            hint=f"models that do: {', '.join(able) or 'none here'}; "
            "to look only inside a box, with any model, use `roi=Box(10, 20, 310, 420)`",
        )


def as_prompt(
    options: SegmentOptions,
    depth: NDArray[np.floating[Any]] | None,
    size: tuple[int, int],
    *,
    within: Box | None,
) -> Prompt:
    """What the user says beside an image of `size` (height, width), checked; `within` is the box to look in, if any.

    Raises BadRequest for what does not fit the image, and if all boxes and points are outside of `within`.
    """
    own_depth = None if depth is None else checked_depth(depth, size)
    if not options.boxes and not options.points:
        return NO_PROMPT if own_depth is None else Prompt(depth=own_depth)
    boxes, points = checked_prompt(options.boxes, options.points, size)
    if within is not None and not (boxes_within(within, boxes) or points_within(within, points).subject):
        raise BadRequest(
            f"the prompt is outside of the box to look in, {tuple(within)}",
            hint="move or leave out `roi`",
        )
    return Prompt(own_depth, boxes, points)


def read_depth(path: Path) -> NDArray[np.float32]:
    """A depth map from an image file, (H, W) float32: its gray values, or the mean of its colors.

    Raises NoImage.
    """
    mean: NDArray[np.float32] = read_picture(path).pixels.mean(axis=2, dtype="float32")
    return mean


def checked_depth(depth: NDArray[np.floating[Any]], size: tuple[int, int]) -> NDArray[np.floating[Any]]:
    """The user's depth map as (H, W) of some floating type.

    Raises BadRequest if it is not a plane of numbers, or not of the image's size (height, width).
    """
    depth = np.asarray(depth)
    if depth.ndim != 2 or depth.dtype.kind not in "uif":
        raise BadRequest(
            f"the depth map must be a plane of numbers, not an array of shape {depth.shape} and type {depth.dtype}",
            hint="give an array of the image's height and width",
        )
    if depth.shape != size:
        shape = " x ".join(str(side) for side in reversed(depth.shape))
        raise BadRequest(
            f"the depth map is {shape} pixels, but the image is {size[1]} x {size[0]}",
            hint="give one gray value per pixel of the image, near = bright",
        )
    return depth if depth.dtype.kind == "f" else depth.astype(np.float32)
