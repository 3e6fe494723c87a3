"""The one object in the middle: an image and the name of a model go in, a matte comes out."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NoReturn, overload

import numpy as np
from numpy.typing import NDArray

from dis_core.device import choose_placement, load_on, run_after_fork, tiles_at_once, was_forked
from dis_core.errors import OF_ONE_IMAGE, BadRequest, DisError, refuse_unknown
from dis_core.geometry import BoxLike, as_box, checked_box
from dis_core.images.depth_maps import read_depth
from dis_core.images.reading import ImageLike, as_picture
from dis_core.images.reading_ahead import AnyImage, read_ahead
from dis_core.matte.matte import Matte
from dis_core.model_spec import Precision
from dis_core.models.dis_lite.spec import EMBEDDED_MODEL
from dis_core.option_checks import (
    as_prompt,
    check_options,
    refuse_model_as_device,
    refuse_single,
    refuse_wrong_prompt,
)
from dis_core.progress import Report, ignore, span
from dis_core.prompts import DEFAULTS, PromptLike, SegmentOptions, split_prompt
from dis_core.protocols import DepthEstimator, Effort, Exposure, Extent, Placement, Quality, Segmenter
from dis_core.refinement import coarse_to_fine
from dis_core.refinement.pointers import Pointers
from dis_core.refinement.pointing import find_subject
from dis_core.refinement.remembering import KeptImage
from dis_core.registry import manager as registry
from dis_core.registry.builtin_models import DEFAULT_MODEL
from dis_core.registry.prompt_networks import prompt_model_for
from dis_core.registry.selection import InstalledModel, is_all_here, obtain_model
from dis_core.session import Session
from dis_core.weights.loading import load_depth_model, load_matte_model

logger = logging.getLogger(__name__)

WAIT_S: Final = 0.2
"""How often a thread that waits for its turn looks whether it is to wait no longer."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to run, and the weights that it was loaded from."""

    installed: InstalledModel
    segmenter: Segmenter


class Pipeline:
    """Turns images into mattes on one device, and keeps the last model loaded for the next image.

    `device` is "auto", "cpu", "cuda", "cuda:1" and so on, or "mps". `precision` "half" is for graphics cards: faster,
    with less memory, and a little less exact. `model` is the one that runs when `segment` is given none. The last
    `keep` models stay in memory, for programs that take several in turn.

    Several threads may use one pipeline: one image runs at a time, and the others wait for their turn, which `report`
    can cancel. In asyncio, use `asyncio.to_thread` with a `CancelToken`. Other processes make pipelines of their own; a
    forked one can use a pipeline from before the fork if it is on the CPU.

    As a context manager it unloads its models at the end. `pipeline(image)` is `pipeline.segment(image)`.

    Raises DeviceUnavailable, UnknownModel.
    """

    def __init__(
        self,
        device: str = DEFAULTS.device,
        *,
        model: str | None = None,
        precision: Precision = DEFAULTS.precision,
        keep: int = 1,
    ) -> None:
        refuse_model_as_device(device)
        if keep < 1:
            raise BadRequest(f"a pipeline keeps at least one model, not {keep}", hint="use `keep=1`, or call `unload`")
        if model is not None:
            registry.find_matte_model(model)
        by_plugin = registry.choose_placement_by_plugin(device)
        self.placement: Placement = by_plugin or choose_placement(device, precision=precision)
        self.model = model
        self.keep = keep
        self._loaded: list[LoadedModel] = []
        """The one that ran last is the last."""
        self._pointers = Pointers()
        self._fell_back = False
        self._busy = threading.Lock()
        self._process = os.getpid()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *of_error: object) -> None:
        self.unload()

    def __repr__(self) -> str:
        """What it is for, and what is in memory."""
        model = f" with {self.model}" if self.model else ""
        loaded = ", ".join(self.loaded) or "nothing"
        return f"<Pipeline on {self.placement.device}{model}: {loaded} loaded>"

    def __getstate__(self) -> NoReturn:
        """Refuse what would make a copy, such as sending it to another process: models stay where they are."""
        raise TypeError("a Pipeline cannot be copied or sent to another process; make one there")

    def load(self, *, accept_noncommercial: bool = False, report: Report = ignore) -> None:
        """Download and load the model now, so that the first image does not wait for it.

        Raises what `segment` raises before it looks at an image.
        """
        options = SegmentOptions(model=self.model, accept_noncommercial=accept_noncommercial)
        with self._turn(report):
            self._load(self._obtain(options, None, report), report)

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
        prompt_model: str | None = None,
        extent: Extent = DEFAULTS.extent,
        report: Report = ignore,
    ) -> Matte:
        """Find the subject of `image`: a path, bytes, an open file, a PIL image, an array, a tensor or a `Picture`.

        `model` is a name from `list_models`. None takes the pipeline's own, or else the full model, which is downloaded
        once if needed; a warning is logged then. If the Hub cannot be reached, the embedded model runs instead
        and a warning is logged. A model that is named never falls back.

        `refine` is "none", "fast" (follow the edges in the image), "larger" (the model looks once more, at more of the
        detail, and edges are followed), "matting" (these, and then closed-form matting in a thin band), "tiles" (the
        model looks again, tile by tile at full size, at most `max_tiles` times), or "auto": for an image clearly larger
        than what the model answers, a larger look on a CPU if the model takes one, tiles on a graphics card, matting
        for models that answer at less than they see or take no larger look; fast for a draft.
        `roi` is (left, top, right, bottom) in pixels: only what is inside this box is the subject. `prompt` says which
        subject is meant: a `Box`, `Points`, or a list of them. A model that takes no prompts is shown what is around
        each thing, and keeps what belongs to it. `prompt_model` finds the thing: "sam-vit-base" if it is on this
        machine, unless another is named, or "none": then each thing needs a box. `extent` says how much of what is at a
        point is meant, "small", "medium" or "large", where the prompt model is not to choose by itself.
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
            prompt_model=prompt_model,
            extent=extent,
        )
        return self.segment_with(image, options, depth=depth, report=report)

    __call__ = segment

    def open(self, image: ImageLike) -> Session:
        """Open `image` to ask about it several times, click after click: `with pipeline.open(image) as session:`.

        The image is decoded once, and what a model finds out of the image alone is kept until the session ends,
        whatever else the pipeline does meanwhile.

        Raises NoImage, OutOfMemory.
        """
        return Session(as_picture(image), self._segment_here)

    @overload
    def segment_many(
        self, images: Iterable[AnyImage], options: SegmentOptions = ..., *, on_error: Literal["raise", "skip"] = ...
    ) -> Iterator[tuple[AnyImage, Matte]]: ...

    @overload
    def segment_many(
        self, images: Iterable[AnyImage], options: SegmentOptions = ..., *, on_error: Literal["yield"]
    ) -> Iterator[tuple[AnyImage, Matte | DisError]]: ...

    def segment_many(
        self,
        images: Iterable[AnyImage],
        options: SegmentOptions = DEFAULTS,
        *,
        on_error: Literal["raise", "skip", "yield"] = "raise",
    ) -> Iterator[tuple[AnyImage, Matte | DisError]]:
        """Find the subjects of many images, in their order: pairs of an image as it was given and its matte.

        The next image is read while the model looks at one; no more than these two and one matte are in memory.
        `on_error` says what becomes of an image that cannot be read or is too large: "raise" ends the iteration, "skip"
        logs a warning and goes on, "yield" gives the error in place of the matte. What concerns all images alike, such
        as a missing model, is always raised. `options` are for all of them: `SegmentOptions(quality="draft")`.

        Raises BadRequest for options that are wrong for any image, and for one image instead of several.
        """
        refuse_single(images)
        refuse_unknown("value of on_error", on_error, ("raise", "skip", "yield"))
        check_options(options)
        return self._segment_each(images, options, on_error)

    def _segment_each(
        self, images: Iterable[AnyImage], options: SegmentOptions, on_error: Literal["raise", "skip", "yield"]
    ) -> Iterator[tuple[AnyImage, Matte | DisError]]:
        for image, picture in read_ahead(images):
            try:
                found: Matte | DisError = self.segment_with(picture.result(), options)
            except OF_ONE_IMAGE as error:
                if on_error == "raise":
                    raise
                if on_error == "skip":
                    logger.warning("%s is skipped: %s", image, error.message)
                    continue
                found = error
            yield image, found

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
        return self._segment_here(image, options, depth=depth, report=report)

    def _segment_here(
        self,
        image: ImageLike | KeptImage,
        options: SegmentOptions,
        *,
        depth: NDArray[np.floating[Any]] | None,
        report: Report,
    ) -> Matte:
        """Segment in this process, which may be a fork."""
        if not was_forked():
            return self._segment(image, options, depth, report)
        if self._process != os.getpid():  # the lock may have been held by a thread that was not copied
            self._process, self._busy = os.getpid(), threading.Lock()
        return run_after_fork(lambda own: self._segment(image, options, depth, own), self.placement, report)

    def _segment(
        self,
        image: ImageLike | KeptImage,
        options: SegmentOptions,
        depth: NDArray[np.floating[Any]] | None,
        report: Report,
    ) -> Matte:
        options = options if options.model is not None else replace(options, model=self.model)
        check_options(options)
        spec = registry.find_matte_model(options.model or DEFAULT_MODEL)
        opened = self._pointers.opened(image, options, spec)
        size = opened.picture.size
        box = None if options.roi is None else checked_box(options.roi, size)
        refuse_wrong_prompt(spec, options)
        finder = prompt_model_for(spec, options)
        if depth is None and options.depth is not None:
            depth = read_depth(options.depth)
        prompt = as_prompt(options, depth, size, within=box)
        with self._turn(report):
            loading, running = span(report, 0.0, 0.2), span(report, 0.2, 1.0)
            started = time.monotonic()
            loaded = self._load(self._obtain(options, depth, loading), loading)
            loading_s = time.monotonic() - started
            seen, picture = opened.shown(options.exposure)
            effort = Effort(options.max_tiles, tiles_at_once(self.placement), self.placement.device)
            segmenter = opened.segmenter_for(loaded.segmenter, model=loaded.installed)
            look = coarse_to_fine.Passes(segmenter, options.quality, options.refine, effort)
            pointer = self._pointers.pointer_for(finder, options, opened, self.placement, loading)
            pointed = find_subject(look, seen, prompt, box, running, spec=spec, pointer=pointer)
        return Matte(
            alpha=pointed.found.alpha,
            model=loaded.installed.named,
            picture=picture,
            depth=pointed.found.depth,
            device=self.placement.device,
            refinement=pointed.refinement,
            loading_s=loading_s,
            remarks=pointed.remarks,
        )

    def prepare(self, options: SegmentOptions) -> None:
        """Load what an image with these options will need, if all of it is on this machine; downloads nothing.

        Raises UnknownModel, PackagesMissing, LicenseNotAccepted, WeightsCorrupt, OutOfMemory, BadRequest.
        """
        with self._busy:
            if is_all_here(options.model, depth_model=options.depth_model):
                self._load(self._obtain(options, None, ignore), ignore)

    def model_of(self, options: SegmentOptions, report: Report = ignore) -> str:
        """The model that an image with these options would get, "pdfnet@revision", without loading it.

        It is fetched if it is not on this machine. Raises what `segment` raises before it looks at an image.
        """
        options = options if options.model is not None else replace(options, model=self.model)
        with self._turn(report):
            return self._obtain(options, None, report).named

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
        self._fell_back = self._fell_back or (is_unnamed and installed.matte.spec.name == EMBEDDED_MODEL)
        return installed

    @contextmanager
    def _turn(self, report: Report) -> Iterator[None]:
        """Wait until no other thread uses the models. What `report` raises ends the waiting."""
        while not self._busy.acquire(timeout=WAIT_S):
            report(0.0, "waiting for another image")
        try:
            yield
        finally:
            self._busy.release()

    @property
    def loaded(self) -> tuple[str, ...]:
        """The names of the models that are in memory."""
        models = tuple(part.spec.name for loaded in list(self._loaded) for part in loaded.installed.parts)
        return models + self._pointers.loaded

    def forget_fallback(self) -> None:
        """Ask the Hub for the full model again the next time that no model is named; long-lived programs call this."""
        self._fell_back = False

    def unload(self) -> None:
        """Free the loaded models and their memory; the next image loads its model again."""
        with self._busy:
            self._loaded.clear()
            self._pointers.unload()

    def _load(self, installed: InstalledModel, report: Report) -> LoadedModel:
        """The model to run: one that is loaded, if it is the same and its files were not replaced."""
        for at, before in enumerate(self._loaded):
            if before.installed == installed:
                self._loaded.append(self._loaded.pop(at))
                return before
        # First, so that no more than `keep` models are ever in memory.
        del self._loaded[: len(self._loaded) - self.keep + 1]
        report(1.0, f"loading {installed.matte.spec.name}")
        self._loaded.append(LoadedModel(installed, load_segmenter(installed, self.placement)))
        return self._loaded[-1]


def load_segmenter(installed: InstalledModel, placement: Placement) -> Segmenter:
    """Load a matte model, with its depth model if one is needed.

    Raises WeightsCorrupt, OutOfMemory.
    """
    matte, depth = installed.matte, installed.depth
    companions = {companion.spec.name: companion.path for companion in installed.companions}
    estimate_depth: DepthEstimator | None = None
    with load_on(placement):
        if depth is not None:
            estimate_depth = load_depth_model(depth.spec, depth.path, placement=placement)
        return load_matte_model(
            matte.spec, matte.path, placement=placement, estimate_depth=estimate_depth, companions=companions
        )
