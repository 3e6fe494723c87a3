"""What is to be made of one image, and what became of it: plain values, which can travel between processes as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from dis_core.errors import DisError
from dis_core.geometry import NO_POINTS, Box, Points
from dis_core.images.formats import OutputFormat
from dis_core.model_spec import Precision
from dis_core.protocols import MAX_TILES, Quality, Refinement


@dataclass(frozen=True)
class SegmentOptions:
    """How the subject is to be found: the arguments of `Pipeline.segment`, where `depth` is an array and not a file.

    `boxes` and `points` together are the prompt; without any there is none.
    """

    model: str | None = None
    device: str = "auto"
    precision: Precision = "full"
    quality: Quality = "normal"
    refine: str = "auto"
    max_tiles: int = MAX_TILES
    roi: Box | None = None
    boxes: tuple[Box, ...] = ()
    points: Points = NO_POINTS
    depth: Path | None = None
    depth_model: str | None = None
    accept_noncommercial: bool = False


@dataclass(frozen=True)
class Edges:
    """How far the matte's edge is moved, inwards if less than 0, and over how far it is then softened, in pixels."""

    grow: int = 0
    feather: int = 0


@dataclass(frozen=True)
class CutoutStyle:
    """The subject before something else: `bgcolor`, the image `bgimage`, or nothing; see `dis-core cutout --help`."""

    kind: Literal["cutout"] = "cutout"
    bgcolor: str | None = None
    bgimage: Path | None = None
    crop: bool = False
    crop_margin: int = 0
    colors: Literal["clean", "original"] = "clean"
    edges: Edges = Edges()


@dataclass(frozen=True)
class MaskStyle:
    """The gray matte itself."""

    kind: Literal["mask"] = "mask"
    bits: Literal[8, 16] = 8
    edges: Edges = Edges()


Style: TypeAlias = CutoutStyle | MaskStyle
"""What is made of a matte."""


@dataclass(frozen=True)
class Job:
    """One image: where it is (None: standard input), what is to be made of it, and where that goes (None: to stdout).

    `depth_destination` is where the depth map that was used goes, if anywhere.
    """

    source: Path | None
    destination: Path | None
    format: OutputFormat
    style: Style
    segmenting: SegmentOptions
    depth_destination: Path | None = None
    overwrite: bool = False

    @property
    def read(self) -> list[Path]:
        """All files that are read for it."""
        background = self.style.bgimage if isinstance(self.style, CutoutStyle) else None
        return [path for path in (self.source, self.segmenting.depth, background) if path is not None]

    @property
    def written(self) -> list[Path]:
        """All files that come of it."""
        return [path for path in (self.destination, self.depth_destination) if path is not None]


@dataclass(frozen=True)
class JobResult:
    """What a job came to: model ("pdfnet@revision"), device, how it was refined, and what the user should know."""

    model: str
    device: str
    refinement: Refinement | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobFailure:
    """Why there is no result for one image, though there may well be one for the next."""

    error: DisError
