"""What `cutout` and `mask` share of their command line: the options about segmenting."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import click

from dis_core.cli.stop_at_eof import stop_option
from dis_core.cli.terminal import ProgressStyle, progress_option
from dis_core.geometry import Box, Point, Points
from dis_core.images.formats import OutputFormat
from dis_core.jobs.job import Edges, SegmentOptions
from dis_core.protocols import MAX_TILES

MOST_EDGE_PX = 100
"""As far as edges can be moved and softened: more takes long, and shows that the wrong thing is being done."""


@dataclass(frozen=True)
class Request:
    """What was asked for, apart from what is to be made of the mattes."""

    inputs: tuple[str, ...]
    output: str | None
    format: OutputFormat | None
    recursive: bool
    overwrite: bool
    save_depth: bool
    warm: bool
    keep_alive: float | None
    progress: ProgressStyle
    stop_at_eof: bool
    segmenting: SegmentOptions
    edges: Edges


class BoxType(click.ParamType[Box]):
    """X,Y,W,H: the left top corner, the width and the height of a box in pixels."""

    name = "X,Y,W,H"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Box:  # click's own
        try:
            x, y, width, height = (int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not four whole numbers like 120,40,800,600", param, ctx)
        if width < 1 or height < 1:
            self.fail(f"a box of {width} x {height} pixels is empty", param, ctx)
        return Box(x, y, x + width, y + height)


class PointType(click.ParamType["NamedPoint"]):
    """X,Y or X,Y,background: a point in pixels, on the subject or beside it."""

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
            self.fail(f"{value!r} is no point like 150,200 or 150,200,background", param, ctx)
        return (x, y), "subject" if text == value else "background"


NamedPoint = tuple[Point, Literal["subject", "background"]]
"""A point, and what it is on."""


def as_points(_ctx: click.Context, _param: click.Parameter, named: Sequence[NamedPoint]) -> Points:
    """All points of a command line."""
    subject, background = (tuple(point for point, of in named if of == kind) for kind in ("subject", "background"))
    return Points(subject, background)


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
            self.fail(f"{value!r} is no time like 90s, 10m or 2h", param, ctx)
        return seconds


SECONDS_OF_UNIT = {"s": 1, "m": 60, "h": 3600}

_OPTIONS = (
    click.argument("inputs", nargs=-1, required=True, metavar="IMAGE|FOLDER|- ..."),
    click.option(
        "-o", "--output", metavar="PATH", help="The file to write, a folder for several, or - (standard output)."
    ),
    click.option(
        "--format", type=click.Choice(["png", "webp", "tiff"]), help="File format; else by -o's ending, or png."
    ),
    click.option("-r", "--recursive", is_flag=True, help="Look into the folders of a folder too; the tree is kept."),
    click.option("--overwrite", is_flag=True, help="Replace results that are already there."),
    click.option("-m", "--model", metavar="NAME", help="A model of 'dis-core models'; else the best that can be had."),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, ..., mps"),
    click.option(
        "--precision",
        type=click.Choice(["full", "half"]),
        default="full",
        show_default=True,
        help="half: for graphics cards, faster, leaner and a little off.",
    ),
    click.option(
        "--quality",
        type=click.Choice(["draft", "normal", "best"]),
        default="normal",
        show_default=True,
        help="draft: half the input's size, faster; best: mean over flipped and scaled views, slower.",
    ),
    click.option(
        "--refine",
        default="auto",
        show_default=True,
        metavar="none|fast|tiles|auto",
        help="none: the model's own size, enlarged; fast: along the image's edges; tiles: look again, tile by tile at "
        "full size; auto: tiles for images larger than the model's input, fast with --quality draft.",
    ),
    click.option(
        "--max-tiles",
        type=click.IntRange(0),
        default=MAX_TILES,
        show_default=True,
        metavar="COUNT",
        help="Look at no more tiles than this per image.",
    ),
    click.option(
        "--roi", type=BoxType(), help="Only what lies in this box is the subject, in pixels from the top left."
    ),
    click.option(
        "--box",
        "boxes",
        type=BoxType(),
        multiple=True,
        help="The subject is what this box is around; for models that can be told, such as dis-sam. More of them mean "
        "more subjects.",
    ),
    click.option(
        "--point",
        "points",
        type=PointType(),
        metavar="X,Y[,background]",
        multiple=True,
        callback=as_points,
        help="A point on the subject, or with ,background on what is none of it; may be repeated.",
    ),
    click.option(
        "--depth",
        type=click.Path(path_type=Path),
        help="A depth map of the image's size, near = bright, instead of an estimate.",
    ),
    click.option("--depth-model", metavar="NAME", help="Another depth model of 'dis-core models'."),
    click.option("--accept-noncommercial", is_flag=True, help="I may use weights that forbid commercial use."),
    click.option("--save-depth", is_flag=True, help="Also write the depth map that was used, as ...-depth.png."),
    click.option(
        "--grow",
        type=click.IntRange(-MOST_EDGE_PX, MOST_EDGE_PX),
        default=0,
        metavar="PIXELS",
        help="Move the subject's edge outwards by so many pixels of the image; inwards if less than 0.",
    ),
    click.option(
        "--feather",
        type=click.IntRange(0, MOST_EDGE_PX),
        default=0,
        metavar="PIXELS",
        help="Soften the edge over so many pixels to both sides, after it was moved.",
    ),
    click.option("--warm", is_flag=True, help="Let a background process do it, which keeps the model loaded for more."),
    click.option(
        "--keep-alive",
        type=DurationType(),
        help="With --warm: the process stays so long after its last image, 10m unless told otherwise; 0: not at all; "
        "-1: for good.",
    ),
    progress_option,
    stop_option,
)


def segmenting_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options above to a command, which gets them as one `request`."""

    @functools.wraps(command)
    def with_request(**values: Any) -> None:  # click passes options by name
        segmenting = SegmentOptions(**{field.name: values.pop(field.name) for field in fields(SegmentOptions)})
        edges = Edges(**{field.name: values.pop(field.name) for field in fields(Edges)})
        mine = {field.name: values.pop(field.name) for field in fields(Request) if field.name in values}
        command(request=Request(**mine, segmenting=segmenting, edges=edges), **values)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_OPTIONS), with_request)
