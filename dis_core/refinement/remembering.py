"""What models have found out about one image, kept for as long as somebody asks about that image."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from dis_core.images.exposure import shown_to_model
from dis_core.images.picture import Picture
from dis_core.progress import Report, ignore
from dis_core.protocols import (
    NO_PROMPT,
    Exposure,
    LooksLarger,
    LooksOnce,
    Memory,
    Prompt,
    Quality,
    Segmentation,
    Segmenter,
)
from dis_core.refinement.answers import answer_side_of
from dis_core.refinement.larger import larger_side_of

KEPT_AT_MOST: Final = 6
"""Findings for each image; what was not asked for the longest goes first. The large ones are two planes of its size."""

RECALLED_AT_MOST: Final = 4
"""Findings that are recalled from one prompt to the next: an embedding, and the looks at one thing or two."""

RECALLED_BYTES: Final = 128_000_000
"""What is larger is found out again rather than kept in a program that is not asked about the same image, perhaps."""

Image = NDArray[np.float32]


class OpenedImage:
    """A picture that is to be segmented once: nothing is kept."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    def shown(self, exposure: Exposure) -> tuple[Image, Picture]:
        """What `shown_to_model` makes of the picture."""
        return shown_to_model(self.picture, exposure)

    def segmenter_for(self, segmenter: Segmenter, *, model: object) -> Segmenter:  # noqa: ARG002 - see KeptImage
        """A loaded model as it is to be run on this picture."""
        return segmenter

    def memory_of(self, model: object, image: Image) -> Memory | None:  # noqa: ARG002 - see KeptImage
        """Where a model may keep what it makes of the image alone."""
        return None


Findings: TypeAlias = list[tuple[object, Any]]
"""(what was asked, the finding), the last one that was used last."""


def put_in(findings: Findings, asked: object, finding: object, *, at_most: int) -> None:
    """Remember a finding in place of an earlier answer to the same; what was not asked for the longest goes."""
    others = [(before, found) for before, found in findings if before != asked]
    findings[:] = [*others[-at_most + 1 :], (asked, finding)]


class KeptImage(OpenedImage):
    """A picture that is to be segmented several times, with what models have found out about it and its parts."""

    def __init__(self, picture: Picture) -> None:
        super().__init__(picture)
        self._shown: tuple[Exposure, Image, Picture] | None = None
        self._findings: Findings = []

    def shown(self, exposure: Exposure) -> tuple[Image, Picture]:
        """What `shown_to_model` made of the picture when it was last asked with this exposure."""
        if self._shown is None or self._shown[0] != exposure:
            self._shown = (exposure, *super().shown(exposure))
        return self._shown[1:]

    def segmenter_for(self, segmenter: Segmenter, *, model: object) -> Segmenter:
        """The loaded model with a memory; `model` is equal for the same model with the same weights only."""
        return RememberingSegmenter(segmenter, self, model)

    def memory_of(self, model: object, image: Image) -> Memory:
        """What a model has made of the whole image, or of a part of it, or will make of it."""
        asked = ("image", model, self.name_of(image))
        memory: Memory = self.find(asked) or Memory()
        self.keep(asked, memory)
        return memory

    def find(self, asked: object) -> Any | None:
        """What was found out before, or None."""
        for at, (before, _) in enumerate(self._findings):
            if before == asked:
                self._findings.append(self._findings.pop(at))
                return self._findings[-1][1]
        return None

    def keep(self, asked: object, finding: object) -> None:
        """Remember a finding in place of an earlier answer to the same."""
        put_in(self._findings, asked, finding, at_most=KEPT_AT_MOST)

    def name_of(self, image: Image) -> object:
        """What tells an array from others: `image` is what is shown of the whole picture, or a part of that."""
        if self._shown is not None and image is self._shown[1]:
            return self._shown[0]
        return digest_of(image)


class RecalledImage(KeptImage):
    """A picture that is asked about once: `findings` are about the last ones, which may have been the same picture."""

    def __init__(self, picture: Picture, findings: Findings) -> None:
        super().__init__(picture)
        self._findings = findings

    def keep(self, asked: object, finding: object) -> None:
        """Remember a finding for the next picture, unless it is large."""
        planes = (finding.alpha, finding.depth, finding.guide) if isinstance(finding, Segmentation) else ()
        if sum(plane.nbytes for plane in planes if plane is not None) <= RECALLED_BYTES:
            put_in(self._findings, asked, finding, at_most=RECALLED_AT_MOST)

    def name_of(self, image: Image) -> object:
        """What tells an array from others, of any picture."""
        return digest_of(image)


class RememberingSegmenter:
    """A loaded model that is asked about one picture, and looks at nothing twice."""

    def __init__(self, segmenter: Segmenter, kept: KeptImage, model: object) -> None:
        self._segmenter = segmenter
        self._kept = kept
        self._model = model

    def __call__(
        self,
        image: Image,
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        """What the model finds in `image`, (H, W, 3) float32 sRGB in [0, 1].

        If no prompt says which subject is meant, it is found at most once for each quality. Raises what the model does.
        """
        name = self._kept.name_of(image)
        depth = None if prompt.depth is None else digest_of(prompt.depth)
        asked = ("answer", self._model, name, quality, depth)
        before: Segmentation | None = None if prompt.names_a_place else self._kept.find(asked)
        if before is not None:
            report(1.0, "segmenting")
            return copy_of(before)
        if isinstance(self._segmenter, LooksOnce):
            memory = self._kept.memory_of(self._model, image)
            found = self._segmenter.segment_remembering(image, memory, prompt=prompt, quality=quality, report=report)
        else:
            found = self._segmenter(image, prompt=prompt, quality=quality, report=report)
        if not prompt.names_a_place:
            self._kept.keep(asked, copy_of(found))
        return found

    def side_for(self, quality: Quality) -> int:
        """The model's own."""
        return self._segmenter.side_for(quality)

    def answer_side_for(self, quality: Quality) -> int:
        """The model's own, which is what it sees unless it says otherwise."""
        return answer_side_of(self._segmenter, quality)

    def segment_tiles(
        self,
        tiles: Sequence[Image],
        *,
        known: Sequence[Segmentation],
        quality: Quality,
        report: Report = ignore,
    ) -> Sequence[Image]:
        """The model's own: tiles are many, and none is kept."""
        return self._segmenter.segment_tiles(tiles, known=known, quality=quality, report=report)

    def larger_side_for(self, quality: Quality) -> int | None:
        """The model's own, or None if it takes no larger look."""
        return larger_side_of(self._segmenter, quality)

    def look_larger(
        self, image: Image, *, known: Segmentation, quality: Quality, report: Report = ignore
    ) -> NDArray[np.float32]:
        """The model's own, at most once for each image and what is known of it."""
        asked = ("larger", self._model, self._kept.name_of(image), quality, digest_of(known.alpha))
        before: Segmentation | None = self._kept.find(asked)
        if before is None:
            segmenter = cast("LooksLarger", self._segmenter)  # only called where it has a side for it
            before = Segmentation(segmenter.look_larger(image, known=known, quality=quality, report=report))
            self._kept.keep(asked, before)
        return copy_of(before).alpha


def digest_of(array: NDArray[Any]) -> tuple[object, ...]:
    """What tells the contents of an array from others'."""
    digest = hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16)
    return array.shape, array.dtype.str, digest.digest()


def copy_of(found: Segmentation) -> Segmentation:
    """An answer whose planes are nobody else's: who gets a matte may write into its arrays."""
    depth = None if found.depth is None else found.depth.copy()
    guide = None if found.guide is None else found.guide.copy()
    return replace(found, alpha=found.alpha.copy(), depth=depth, guide=guide)
