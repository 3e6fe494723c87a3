"""What a model declares about itself, and what the code around it may expect; nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from dis_core.geometry import NO_POINTS
from dis_core.geometry import Box as Box  # a model's author finds them here
from dis_core.geometry import Points as Points
from dis_core.progress import Report, ignore

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch
    from numpy.typing import NDArray

Quality = Literal["draft", "normal", "best"]
"""draft: half the network's input size; normal: as published; best: averaged over flipped and scaled views."""

Precision = Literal["full", "half"]
"""full: all arithmetic in float32; half: for graphics cards, products and convolutions in float16."""

FULL_DTYPE = "float32"

CloserLook = Literal["taken", "rejected", "not needed"]
"""What became of a second look at a small subject; rejected: it contradicted the first."""

MAX_TILES = 256
"""How many tiles a refiner may look at unless told otherwise: enough for some 100 megapixels at 1024 a tile."""

PromptKind = Literal["box", "points"]
"""With what a model can be told which subject is meant."""


@dataclass(frozen=True)
class WeightsFile:
    """One file of weights: on the Hugging Face Hub, in `repo`; or to be had by hand only, from a `homepage`; or, where
    both are None, in a package that is installed.

    That is the importable `package` of a plug-in, in whose folder the file lies; None is for dis-core's own weights.
    `revision` is a commit of the repository where one is known, else a branch. `sha256` is None until somebody has
    verified the file; then the first download is recorded and checked from there on. `size_bytes` is None if unknown.
    """

    repo: str | None
    filename: str
    revision: str = "main"
    sha256: str | None = None
    size_bytes: int | None = None
    package: str | None = None
    homepage: str | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether it comes with a package."""
        return self.repo is None and self.homepage is None


@dataclass(frozen=True)
class Citation:
    """The paper that a model is from; `authors` as they are to be cited, `url` of a page that anybody can read."""

    title: str
    authors: str
    year: int
    url: str


@dataclass(frozen=True)
class ModelSpec:
    """A model by name: what it is for, whose weights it runs with, and the function that brings it to life.

    `loader` and `conversion` are "module:function". A loader of a matte model is a `MatteLoader`, of a depth model a
    `DepthLoader`. `conversion` is a `Conversion` that turns the published checkpoint into the state dict of our
    network, or None where the file is used as it is. `depth_model` names the model that estimates the depth this
    one needs, and `companions` name models whose weights its loader takes along with `weights.obtain`; what is only
    good for that has the task "part" and is loaded like a depth model. `license` is the SPDX name of the license of
    the weights. `half_precision` says that float16 was measured to leave its mattes as they are but for a little noise.
    A model with `prompts` finds what it is told to, and needs at least one of these kinds of prompts.
    `aliases` are names that the model can be called by too: what it was once called, say.
    `packages` are those that the model imports beyond what dis-core needs itself, and `extra` is the extra of dis-core
    that brings them; a plug-in's models need none, as the plug-in has dependencies of its own. `citation` is what
    whoever publishes results should cite.
    """

    name: str
    summary: str
    license: str
    commercial_use: Literal["yes", "no", "conditional"]
    weights: WeightsFile
    loader: str
    task: Literal["matte", "depth", "part"] = "matte"
    conversion: str | None = None
    depth_model: str | None = None
    companions: tuple[str, ...] = ()
    half_precision: bool = False
    draft: bool = False
    aliases: tuple[str, ...] = ()
    prompts: tuple[PromptKind, ...] = ()
    extra: str | None = None
    packages: tuple[str, ...] = ()
    citation: Citation | None = None

    @property
    def needed(self) -> tuple[str, ...]:
        """The names of the models without which this one does not run."""
        return self.companions if self.depth_model is None else (self.depth_model, *self.companions)


@dataclass(frozen=True)
class RefinerSpec:
    """A refiner by name: what it does, and the function, "module:function", that is a `Refiner`.

    `looks_closer` says whether the model takes a second look at a small subject first.
    """

    name: str
    summary: str
    refiner: str
    looks_closer: bool = True


@dataclass(frozen=True)
class Placement:
    """Where a model runs and in which precision; strings, so that declarations stay free of torch."""

    device: str
    dtype: str = FULL_DTYPE


@dataclass(frozen=True, eq=False)
class Prompt:
    """What the user says beside the image.

    `depth`, if given, is (H, W) float of the image's size, any range, near = large: used instead of an estimate.
    `boxes` and `points` say which subject is meant; what belongs together among them, `places.wanted_objects` tells.
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
    """How much a refiner may do: `max_tiles` looks of the model in all, `tiles_at_once` in a batch at most."""

    max_tiles: int
    tiles_at_once: int = 1


@dataclass(frozen=True)
class RefinedLevel:
    """What became of the tiles of one level, an image of `size` (height, width).

    `tiles_run` were looked at, and `tiles_rejected` of them contradicted what was known; `tiles_skipped` held no
    boundary or lay where the level before had rejected one; `tiles_over_limit` were promising, but too many.
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
    """

    method: str
    seconds: float
    closer_look: CloserLook = "not needed"
    levels: tuple[RefinedLevel, ...] = ()

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
        """The side of the square to which images are shrunk, in pixels: more than that is not seen at once."""

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


class MatteLoader(Protocol):
    """Builds a segmenter from a file of weights that is in our own format and verified, as those of companions are."""

    def __call__(self, weights: Path, *, placement: Placement, estimate_depth: DepthEstimator | None) -> Segmenter: ...


class DepthLoader(Protocol):
    """Builds a depth estimator from a file of weights that is in our own format and verified."""

    def __call__(self, weights: Path, *, placement: Placement) -> DepthEstimator: ...


class Conversion(Protocol):
    """Renames a published checkpoint to our network's state dict, drops training-only keys, and checks the rest.

    Raises WeightsCorrupt naming the first key that is missing, left over or of another shape.
    """

    def __call__(self, published: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]: ...
