"""What to make of one image, and what came of it: plain values, which can travel between processes as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from dis_core.errors import DisError
from dis_core.images.formats import ENDING_OF_ANIMATION, ENDING_OF_FORMAT, AnimationFormat, OutputFormat
from dis_core.images.framing import Framing
from dis_core.prompts import SegmentOptions
from dis_core.protocols import Refinement

MOST_EDGE_PX: Final = 100
"""How far edges can be moved and softened: more takes long, and is a sign of the wrong tool."""


@dataclass(frozen=True)
class Edges:
    """How far the matte's edge moves, in pixels (inwards if less than 0), and how far it is softened after that.

    Before both, a `threshold` in (0, 1] makes it hard: all of what is at least as much subject, and nothing else.
    """

    grow: int = 0
    feather: int = 0
    threshold: float | None = None


@dataclass(frozen=True)
class CutoutStyle:
    """The subject on a new background: `bgcolor`, the image `bgimage`, or none; see `dis-core cutout --help`.

    A `framing` crops too.
    """

    kind: Literal["cutout"] = "cutout"
    bgcolor: str | None = None
    bgimage: Path | None = None
    crop: bool = False
    framing: Framing | None = None
    colors: Literal["clean", "original"] = "clean"
    edges: Edges = Edges()


@dataclass(frozen=True)
class MaskStyle:
    """The gray matte itself."""

    kind: Literal["mask"] = "mask"
    bits: Literal[8, 16] = 8
    framing: Framing | None = None
    edges: Edges = Edges()


Style: TypeAlias = CutoutStyle | MaskStyle
"""What to make of a matte."""


@dataclass(frozen=True)
class Job:
    """One image: its `source` (None: standard input), what to make of it, and where to write it (None: to stdout).

    `depth_destination` is where to write the depth map that was used, if anywhere. `animation` is the kind of animation
    to make of all frames, if the image is one; None: of one frame a still, in `format`.
    """

    source: Path | None
    destination: Path | None
    format: OutputFormat
    style: Style
    options: SegmentOptions
    depth_destination: Path | None = None
    overwrite: bool = False
    animation: AnimationFormat | None = None

    @property
    def ending(self) -> str:
        """The ending of the name of a result in this format."""
        return ENDING_OF_FORMAT[self.format] if self.animation is None else ENDING_OF_ANIMATION[self.animation]

    @property
    def name(self) -> str:
        """What to call the image in messages."""
        return str(self.source) if self.source else "standard input"

    @property
    def is_transparent_jpeg(self) -> bool:
        """Whether it asks for transparency in a format that has none."""
        if self.format != "jpeg" or not isinstance(self.style, CutoutStyle):
            return False
        return self.style.bgcolor is None and self.style.bgimage is None

    @property
    def read(self) -> list[Path]:
        """All the files that it reads."""
        background = self.style.bgimage if isinstance(self.style, CutoutStyle) else None
        return [path for path in (self.source, self.options.depth, background) if path is not None]

    @property
    def written(self) -> list[Path]:
        """All the files that it writes."""
        return [path for path in (self.destination, self.depth_destination) if path is not None]


@dataclass(frozen=True)
class JobResult:
    """How a job was done: by which model ("pdfnet@revision"), where, how refined, and what the user should know.

    `loading_s` is the part of its time that went into loading torch and the model, which the next job saves. `size` is
    (height, width) of the image in pixels.
    """

    model: str
    device: str
    refinement: Refinement | None = None
    remarks: tuple[str, ...] = ()
    loading_s: float = 0.0
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class JobFailure:
    """Why there is no result for this image; the next one may still go well."""

    error: DisError
