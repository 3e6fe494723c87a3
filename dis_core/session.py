"""`Session`: one image that is asked about several times, prompt after prompt."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dis_core.errors import BadRequest
from dis_core.geometry import BoxLike, as_box
from dis_core.images.picture import Picture
from dis_core.matte.matte import Matte
from dis_core.progress import Report, ignore
from dis_core.prompts import DEFAULTS, PromptLike, SegmentOptions, split_prompt
from dis_core.protocols import Exposure, Extent, Quality
from dis_core.refinement.remembering import KeptImage


class SegmentKept(Protocol):
    """How a pipeline segments an image that is kept."""

    def __call__(
        self, image: KeptImage, options: SegmentOptions, *, depth: NDArray[np.floating[Any]] | None, report: Report
    ) -> Matte: ...


class Session:
    """One image that is asked about several times; `Pipeline.open` makes it.

    The image is decoded once. What a model finds out of the image alone is kept, so that only the first prompt waits
    for it: the embedding of SAM, an estimate of depth, and the first look of a model that takes no prompts. Results are
    those of `Pipeline.segment`. As a context manager it lets go of all that at the end, and so does `close`. Until then
    it holds some 15 bytes for each pixel, and what was found out.

    It may be used from several threads; one image runs at a time.
    """

    def __init__(self, picture: Picture, segment: SegmentKept) -> None:
        self._kept: KeptImage | None = KeptImage(picture)
        self._segment = segment
        self._described = f"{picture.name!r}: {picture.size[1]} x {picture.size[0]}"

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *of_error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Session {self._described}{', closed' if self._kept is None else ''}>"

    @property
    def picture(self) -> Picture:
        """The image as it was decoded. Raises BadRequest after `close`."""
        return self._open().picture

    def segment(
        self,
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
        """Find the subject of the image; the options and errors are those of `Pipeline.segment`.

        Raises BadRequest after `close`.
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
        return self.segment_with(options, depth=depth, report=report)

    def segment_with(
        self,
        options: SegmentOptions,
        *,
        depth: NDArray[np.floating[Any]] | None = None,
        report: Report = ignore,
    ) -> Matte:
        """Find the subject as `segment` does, with all that is asked in one value."""
        return self._segment(self._open(), options, depth=depth, report=report)

    def close(self) -> None:
        """Let go of the image and of what was found out. What runs in another thread ends as usual."""
        self._kept = None

    def _open(self) -> KeptImage:
        kept = self._kept
        if kept is None:
            raise BadRequest("this session is closed", hint="open the image again: `pipeline.open(image)`")
        return kept
