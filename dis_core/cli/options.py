"""The options that `cutout` and `mask` share."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, get_args

import click

from dis_core.batch.shards import Shard
from dis_core.cli.many_options import MANY_OPTIONS
from dis_core.cli.planning import is_folder
from dis_core.cli.stop_at_eof import stop_option
from dis_core.cli.terminal import ProgressStyle, progress_option
from dis_core.daemon.client import KEEP_ALIVE_S
from dis_core.geometry import Box, Point, Points
from dis_core.images.formats import OutputFormat
from dis_core.images.framing import Framing, as_margin, as_size, refuse_impossible
from dis_core.jobs.job import MOST_EDGE_PX, Edges
from dis_core.model_spec import Precision
from dis_core.prompts import DEFAULTS, EXTENTS, SegmentOptions
from dis_core.protocols import Exposure, Quality
from dis_core.registry.builtin_models import DEFAULT_PROMPT_MODEL

KEEP_ALIVE: Final = f"{KEEP_ALIVE_S / 60:g}m"
"""The default as one would type it."""


Frames = Literal["first", "all"]
"""What to do of an animation."""


@dataclass(frozen=True)
class SharedOptions:
    """What was typed, except for what only `cutout` or only `mask` has."""

    inputs: tuple[str, ...]
    output: str | None
    format: OutputFormat | None
    recursive: bool
    overwrite: bool
    save_depth: bool
    frames: Frames
    warm: bool
    keep_alive: float | None
    owner_pid: int | None
    progress: ProgressStyle
    stop_at_eof: bool
    watch: bool
    segment_options: SegmentOptions
    edges: Edges
    framing: Framing | None
    files_from: str | None = None
    null: bool = False
    manifest: Path | None = None
    shard: Shard | None = None
    retry_failed: bool = False

    @property
    def names_many(self) -> bool:
        """Whether the images are those of a folder or a list, and not named one by one."""
        return self.files_from is not None or any(map(is_folder, self.inputs))

    @property
    def are_several(self) -> bool:
        """Whether results need a folder."""
        return self.files_from is not None or len(self.inputs) > 1 or is_folder(self.inputs[0])


class BoxType(click.ParamType[Box]):
    """X,Y,W,H: the top left corner, the width and the height of a box in pixels."""

    name = "X,Y,W,H"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Box:  # click's own
        try:
            x, y, width, height = (int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} must be four whole numbers, such as 120,40,800,600", param, ctx)
        if width < 1 or height < 1:
            self.fail(f"the box {value!r} is empty: it is {width} x {height} pixels", param, ctx)
        return Box(x, y, x + width, y + height)


class PointType(click.ParamType["NamedPoint"]):
    """X,Y or X,Y,background: a point in pixels, on the subject or on the background."""

    name = "X,Y[,background]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> NamedPoint:  # click's own
        text = str(value).removesuffix(",background")
        try:
            x, y = (float(part) for part in text.split(","))
        except ValueError:
            x = y = math.nan
        if not (math.isfinite(x) and math.isfinite(y)):
            self.fail(
                f"{value!r} must be a point such as 150,200; add ,background to mark what is not the subject",
                param,
                ctx,
            )
        return (x, y), "subject" if text == value else "background"


NamedPoint = tuple[Point, Literal["subject", "background"]]
"""A point, and what it is on."""


def as_points(_ctx: click.Context, _param: click.Parameter, named: Sequence[NamedPoint]) -> Points:
    """All the points of a command line in one value."""
    subject, background = (tuple(point for point, of in named if of == kind) for kind in ("subject", "background"))
    return Points(subject, background)


class SizeType(click.ParamType[tuple[int, int]]):
    """WIDTHxHEIGHT in pixels; as (height, width)."""

    name = "WxH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:  # click's own
        if (size := as_size(str(value))) is None:
            self.fail(f"{value!r} must be a width and a height in pixels, such as 2000x2000", param, ctx)
        return size


class MarginType(click.ParamType[tuple[int, float]]):
    """40px, 40 or 8%; as pixels and a fraction."""

    name = "AMOUNT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, float]:  # click's own
        if (margin := as_margin(str(value))) is None:
            self.fail(f"{value!r} must be a number of pixels such as 40px, or a share such as 8%", param, ctx)
        return margin


class DurationType(click.ParamType[float]):
    """A time such as 90, 90s, 10m or 2h; in seconds."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # click's own
        text = str(value).strip().lower()
        unit_s = SECONDS_OF_UNIT.get(text[-1:], 0)
        try:
            seconds = float(text[:-1] if unit_s else text) * (unit_s or 1)
        except ValueError:
            seconds = math.nan
        if not math.isfinite(seconds):
            self.fail(f"{value!r} must be a time such as 90s, 10m or 2h", param, ctx)
        return seconds


SECONDS_OF_UNIT = {"s": 1, "m": 60, "h": 3600}

owner_option = click.option(
    "--owner-pid",
    type=click.IntRange(1),
    metavar="PID",
    help="For programs, with --warm: the process to keep the model for. Soon after its end the background process "
    "ends too.",
)

_OPTIONS = (
    click.argument("inputs", nargs=-1, metavar="IMAGE|FOLDER|- ..."),
    click.option(
        "-o",
        "--output",
        metavar="PATH",
        help="A file, a folder for several, or - for standard output.",
    ),
    click.option(
        "--format",
        type=click.Choice(get_args(OutputFormat)),
        help="If not given, the ending of -o decides, or png.",
    ),
    click.option("-r", "--recursive", is_flag=True, help="Folders inside the folder too; keeps their tree."),
    click.option("--watch", is_flag=True, help="Go on with images that appear in the folder."),
    click.option("--overwrite", is_flag=True, help="Replace results that already exist."),
    click.option(
        "--frames",
        type=click.Choice(get_args(Frames)),
        default="first",
        show_default=True,
        help="Of an animation: the first frame that is not blank, or all, as an animation of the same kind.",
    ),
    click.option(
        "--size",
        type=SizeType(),
        help="Exactly this size, such as 2000x2000: the subject is fitted into it, and enlarged if it is small.",
    ),
    click.option(
        "--margin",
        type=MarginType(),
        help="Crop to the subject with this much around it: 40px, or 8%, of the shorter side of --size or else of the "
        "subject's longer one.",
    ),
    click.option("-m", "--model", metavar="NAME", help="One of 'dis-core models', or else the best available."),
    click.option("--device", default=DEFAULTS.device, show_default=True, help="auto, cpu, cuda, cuda:1, ..., or mps."),
    click.option(
        "--precision",
        type=click.Choice(get_args(Precision)),
        default=DEFAULTS.precision,
        show_default=True,
        help="half: for graphics cards; faster, with less memory, and a little less exact.",
    ),
    click.option(
        "--quality",
        type=click.Choice(get_args(Quality)),
        default=DEFAULTS.quality,
        show_default=True,
        help="draft: faster, at half the input size; best: slower, the mean of flipped and scaled views.",
    ),
    click.option(
        "--refine",
        default=DEFAULTS.refine,
        show_default=True,
        metavar="none|fast|matting|larger|tiles|auto",
        help="Of images larger than the model's input. none: enlarge its result; fast: follow the image's edges; "
        "matting: then also solve for the edge's exact opacity; larger: look again, larger; tiles: look again, tile "
        "by tile, at full size; auto: what pays for the model, the size and the device, which the last line says.",
    ),
    click.option(
        "--max-tiles",
        type=click.IntRange(0),
        default=DEFAULTS.max_tiles,
        show_default=True,
        metavar="COUNT",
        help="The largest number of tiles per image.",
    ),
    click.option(
        "--exposure",
        type=click.Choice(get_args(Exposure)),
        default=DEFAULTS.exposure,
        show_default=True,
        help="auto: show a very dark image to the model brighter, without changing the result's colors.",
    ),
    click.option("--roi", type=BoxType(), help="Only what is in this box is the subject; pixels from the top left."),
    click.option(
        "--box",
        "boxes",
        type=BoxType(),
        multiple=True,
        help="The subject is in this box; what is mostly outside of it is left out. May be repeated.",
    ),
    click.option(
        "--point",
        "points",
        type=PointType(),
        metavar="X,Y[,background]",
        multiple=True,
        callback=as_points,
        help="A point on the subject; add ,background to mark what is not the subject. May be repeated.",
    ),
    click.option(
        "--prompt-model",
        metavar="NAME",
        help="What finds the subject at --point and in --box for models that cannot be told, or else "
        f"{DEFAULT_PROMPT_MODEL} if it is here; none: only the box counts.",
    ),
    click.option(
        "--extent",
        type=click.Choice(EXTENTS),
        default=DEFAULTS.extent,
        show_default=True,
        help="How much of what is at a point is the subject: the badge, the jacket, or the person.",
    ),
    click.option(
        "--depth",
        type=click.Path(path_type=Path),
        help="Use this depth map instead of an estimate; of the image's size, near = bright.",
    ),
    click.option("--depth-model", metavar="NAME", help="Use this depth model from 'dis-core models'."),
    click.option("--accept-noncommercial", is_flag=True, help="Use weights whose license forbids commercial use."),
    click.option("--save-depth", is_flag=True, help="Also write the depth map, as ...-depth.png."),
    click.option(
        "--grow",
        type=click.IntRange(-MOST_EDGE_PX, MOST_EDGE_PX),
        default=0,
        metavar="PIXELS",
        help="Move the edge of the subject outward by this many pixels; inward if less than 0.",
    ),
    click.option(
        "--feather",
        type=click.IntRange(0, MOST_EDGE_PX),
        default=0,
        metavar="PIXELS",
        help="Soften the edge over this many pixels on both sides, after moving it.",
    ),
    click.option(
        "--threshold",
        type=click.FloatRange(0, 1, min_open=True),
        metavar="SHARE",
        help="Make the edge hard before moving it: pixels that are at least this share of subject, such as 0.5, belong "
        "to it fully, and the others not at all.",
    ),
    click.option("--warm", is_flag=True, help="Keep the model loaded in a background process for the next command."),
    click.option(
        "--keep-alive",
        type=DurationType(),
        help=f"With --warm: how long that process waits for more work, else {KEEP_ALIVE}; 0: not at all; -1: for ever.",
    ),
    *MANY_OPTIONS,
    owner_option,
    progress_option,
    stop_option,
)


def framing_of(size: tuple[int, int] | None, margin: tuple[int, float] | None) -> Framing | None:
    """What --size and --margin ask for, if anything. Raises BadRequest for what is impossible."""
    if size is None and margin is None:
        return None
    framing = Framing(size, *(margin or (0, 0.0)))
    refuse_impossible(framing)
    return framing


def taken_from(values: dict[str, Any]) -> SharedOptions:  # as click passes them
    """The options above in one value; only what others there are is left in `values`."""
    segment_options = SegmentOptions(**{field.name: values.pop(field.name) for field in fields(SegmentOptions)})
    edges = Edges(**{field.name: values.pop(field.name) for field in fields(Edges)})
    framing = framing_of(values.pop("size"), values.pop("margin"))
    others = {field.name: values.pop(field.name) for field in fields(SharedOptions) if field.name in values}
    return SharedOptions(**others, segment_options=segment_options, edges=edges, framing=framing)


def shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options above to a command, which gets them as one value, `shared`."""

    @functools.wraps(command)
    def with_shared(**values: Any) -> None:  # click passes options by name
        if not values["inputs"] and values["files_from"] is None:
            context = click.get_current_context()
            raise click.MissingParameter(ctx=context, param=context.command.params[0])
        shared = taken_from(values)
        command(shared=shared, **values)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_OPTIONS), with_shared)
