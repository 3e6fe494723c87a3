"""What models and refiners are called with and what they answer: the contract between them and what is around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from dis_core.geometry import NO_POINTS
from dis_core.geometry import Box as Box
from dis_core.geometry import Points as Points
from dis_core.progress import Report, ignore

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn


Quality = Literal["draft", "normal", "best"]
"""draft: half the network's input size; normal: as published; best: averaged over flipped and scaled views."""

Exposure = Literal["auto", "original"]
"""auto: a picture that is far too dark is shown to the model brighter; original: as it is."""

Extent = Literal["auto", "small", "medium", "large"]
"""How much of what is at a point is meant, where things hold each other: the badge, the jacket, the person.

auto: what the prompt network is surest of."""

FULL_DTYPE = "float32"

CloserLook = Literal["taken", "rejected", "not needed"]
"""What became of a second look at a small subject; rejected: it contradicted the first."""

MAX_TILES = 256
"""How many tiles a refiner may look at unless told otherwise: enough for some 100 megapixels at 1024 a tile."""


@dataclass(frozen=True)
class Placement:
    """The device and precision a model runs with; strings, so that declarations stay free of torch."""

    device: str
    dtype: str = FULL_DTYPE


@dataclass(frozen=True, eq=False)
class Prompt:
    """What the user says beside the image.

    `depth`, if given, is (H, W) float of the image's size, any range, near = large: used instead of an estimate.
    `boxes` and `points` say which subject is meant; `prompts.prompt_objects` groups them by object.
    """

    depth: NDArray[np.floating[Any]] | None = None
    boxes: tuple[Box, ...] = ()
    points: Points = NO_POINTS

    @property
    def names_a_place(self) -> bool:
        """Whether it says which subject is meant."""
        return bool(self.boxes or self.points.subject)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a segmenter answers; all planes are (H, W) float32 in [0, 1].

    `alpha` is the matte, and `depth` the one it used, or None. The rest is what its tiles need to know of the whole
    image: `guide` is a coarse mask that the matte was made from, if there was one, and `extremes` are those values of
    the network's own answer that became 0 and 1 in the matte.
    """

    alpha: NDArray[np.float32]
    depth: NDArray[np.float32] | None = None
    guide: NDArray[np.float32] | None = None
    extremes: tuple[float, float] = (0.0, 1.0)


NO_PROMPT = Prompt()


@dataclass(frozen=True)
class Effort:
    """How much a refiner may do: `max_tiles` looks of the model in all, `tiles_at_once` in a batch at most.

    `device` is where the model looks, "cpu" or "cuda:0", say: what is quick on one takes long on another.
    """

    max_tiles: int
    tiles_at_once: int = 1
    device: str = "cpu"


@dataclass(frozen=True)
class RefinedLevel:
    """What became of the tiles of one level, an image of `size` (height, width).

    `tiles_run` were looked at, and `tiles_rejected` of them contradicted what was known; `tiles_skipped` held no
    boundary or lay where the level before had rejected one; `tiles_over_limit` were promising, but too many. A larger
    look at all of it counts as one tile.
    """

    size: tuple[int, int]
    tiles_run: int
    tiles_skipped: int
    tiles_rejected: int
    tiles_over_limit: int


@dataclass(frozen=True, eq=False)
class Refined:
    """What a refiner answers: `alpha` (H, W) float32 in [0, 1], and what it did level by level, if it works so."""

    alpha: NDArray[np.float32]
    levels: tuple[RefinedLevel, ...] = ()


@dataclass(frozen=True)
class Refinement:
    """What was done to make a matte finer than the model's one look at the image, and how long it took.

    `closer_look` says whether a second look at the subject alone replaced the first: "rejected" if it contradicted it.
    `reason` is why this method was chosen, in words, if the user left that to "auto".
    """

    method: str
    seconds: float
    closer_look: CloserLook = "not needed"
    levels: tuple[RefinedLevel, ...] = ()
    reason: str = ""

    @property
    def tiles_run(self) -> int:
        """How many tiles the model looked at, on all levels."""
        return sum(level.tiles_run for level in self.levels)

    @property
    def tiles_skipped(self) -> int:
        """How many had nothing to gain."""
        return sum(level.tiles_skipped for level in self.levels)

    @property
    def tiles_rejected(self) -> int:
        """How many of those that were looked at contradicted what was known."""
        return sum(level.tiles_rejected for level in self.levels)

    @property
    def tiles_over_limit(self) -> int:
        """How many were left out because of the limit."""
        return sum(level.tiles_over_limit for level in self.levels)


class Segmenter(Protocol):
    """A loaded model: an image in, a matte out."""

    def __call__(
        self,
        image: NDArray[np.float32],
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        """Find the subject of `image`, (H, W, 3) float32 sRGB in [0, 1]; resizing is the model's own affair."""

    def side_for(self, quality: Quality) -> int:
        """Side of the network's square input in pixels; images are resized to it."""

    def segment_tiles(
        self,
        tiles: Sequence[NDArray[np.float32]],
        *,
        known: Sequence[Segmentation],
        quality: Quality,
        report: Report = ignore,
    ) -> Sequence[NDArray[np.float32]]:
        """The mattes, (H, W) float32 in [0, 1] each, of parts of one image, (H, W, 3) each, in one batch.

        `known` are the same parts of what this segmenter answered for the whole image, at the tiles' size.
        """


@runtime_checkable
class LooksLarger(Protocol):
    """A segmenter that can also look at an image at more than its usual size; no segmenter has to."""

    def larger_side_for(self, quality: Quality) -> int | None:
        """The side in pixels to which such a look resizes the image, or None if it was measured not to help."""

    def look_larger(
        self,
        image: NDArray[np.float32],
        *,
        known: Segmentation,
        quality: Quality,
        report: Report = ignore,
    ) -> NDArray[np.float32]:
        """The matte, (H, W) float32 in [0, 1], of `image`, (H, W, 3), whose usual look, at any size, is `known`."""


@runtime_checkable
class AnswersSmaller(Protocol):
    """A segmenter whose network answers at less than it sees; no segmenter has to say so."""

    def answer_side_for(self, quality: Quality) -> int:
        """The side in pixels of the square that the network answers. A larger image can become finer than that."""


@dataclass
class Memory:
    """What a segmenter has found out of one image alone; None before its first look."""

    finding: Any = None  # each segmenter's own


@runtime_checkable
class LooksOnce(Protocol):
    """A segmenter that can use again what it has found out of an image alone; no segmenter has to.

    That is what does not depend on the prompt or the quality: an embedding of the image, say, or its depth. A `Session`
    has a memory for it, and brings that along whenever it asks about the same image.
    """

    def segment_remembering(
        self,
        image: NDArray[np.float32],
        memory: Memory,
        *,
        prompt: Prompt = NO_PROMPT,
        quality: Quality = "normal",
        report: Report = ignore,
    ) -> Segmentation:
        """As a call, but what is in `memory` is not found out again, and what is missing there is put in."""


class Refiner(Protocol):
    """Makes a coarse matte as fine as its image."""

    def __call__(
        self,
        image: NDArray[np.float32],
        coarse: Segmentation,
        segmenter: Segmenter,
        *,
        quality: Quality,
        effort: Effort,
        report: Report,
    ) -> Refined:
        """`image` is (H, W, 3) float32 sRGB in [0, 1]; the planes of `coarse` are (H, W), and so is the answer's."""


class DepthEstimator(Protocol):
    """A loaded depth model: an image in, relative inverse depth out."""

    def __call__(self, image: NDArray[np.float32], *, report: Report = ignore) -> NDArray[np.float32]:
        """Depth of `image`, (H, W, 3) float32 sRGB in [0, 1]: (H, W) float32, near = large, in no particular unit."""


class PromptNetwork(Protocol):
    """A loaded network that finds roughly what is pointed at, for models that cannot be told."""

    @property
    def answer_side_px(self) -> int:
        """The side in pixels of the square that its answer is made of."""

    def guess(
        self,
        image: NDArray[np.float32],
        *,
        box: Box | None,
        points: Points,
        extent: Extent,
        memory: Memory | None,
        report: Report = ignore,
    ) -> NDArray[np.float32]:
        """Where the one thing is that a box and points mean in `image`, (H, W, 3) float32 sRGB in [0, 1].

        The answer is (h, w) float32 in [0, 1], of the image's proportions and any size. `memory` is for what it makes
        of the image alone, if the caller wants to keep that.
        """


class MatteLoader(Protocol):
    """Builds a segmenter from a verified file of weights in our own format."""

    def __call__(self, weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> Segmenter: ...


class CompanionLoader(Protocol):
    """A `MatteLoader` of a model that declares companions: it is also given their files, by the companion's name."""

    def __call__(
        self,
        weights: Path,
        *,
        placement: Placement,
        estimate_depth: DepthEstimator | None,
        companions: Mapping[str, Path],
    ) -> Segmenter: ...


class DepthLoader(Protocol):
    """Builds a depth estimator from a file of weights that is in our own format and verified."""

    def __call__(self, weights: Path, *, placement: Placement) -> DepthEstimator: ...


class NetworkLoader(Protocol):
    """Builds the bare network from a verified file, on its device, in `eval` mode, with its weights in float32."""

    def __call__(self, weights: Path, *, placement: Placement) -> nn.Module: ...


class CompanionNetworkLoader(Protocol):
    """A `NetworkLoader` of a network that needs companions: it is also given their files, by the companion's name."""

    def __call__(self, weights: Path, *, placement: Placement, companions: Mapping[str, Path]) -> nn.Module: ...


class Converter(Protocol):
    """Renames a published checkpoint to our network's state dict, drops training-only keys, and checks the rest.

    Raises WeightsCorrupt naming the first key that is missing, left over or of another shape.
    """

    def __call__(self, published: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]: ...
