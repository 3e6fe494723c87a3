"""A server for the Model Context Protocol: programs with a language model cut out images in some folders.

The tools make the same jobs as the command. They read and write below the folders that were named at the start, and
never download: what a tool may cost is known to whoever starts the server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Final

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from dis_core import __version__
from dis_core.errors import BadRequest, DisError
from dis_core.geometry import Points, as_box
from dis_core.images.formats import OUTPUT_ENDINGS, format_of
from dis_core.jobs.job import CutoutStyle, Job, JobFailure, MaskStyle, Style
from dis_core.places import Files
from dis_core.prompts import SegmentOptions
from dis_core.protocols import Quality
from dis_core.registry.catalog import ModelInfo, list_models, model_info
from dis_core.registry.selection import model_on_this_machine
from dis_core.server.folders import Folders
from dis_core.server.turns import OneAtATime

if TYPE_CHECKING:
    from dis_core.daemon.remote_runner import RemoteRunner
    from dis_core.jobs.runner import JobRunner

INSTRUCTIONS: Final = (
    "Cuts the subject out of images on this machine. cut_out writes a picture with a transparent background or a "
    "color, make_mask the gray matte: white is the subject. Results go beside the image unless `output` says so, "
    "and nothing is overwritten unless you ask for it. If the wrong thing was taken, give a box around the right one. "
    "Folders: "
)

ImagePath = Annotated[str, Field(description="The image file; relative paths start in the first folder.")]
OutputPath = Annotated[
    str | None,
    Field(description=f"The file to write, which ends with one of {', '.join(sorted(OUTPUT_ENDINGS))}."),
]
ModelName = Annotated[str | None, Field(description="One of list_models that is here; the best one if not given.")]
QualityName = Annotated[
    Quality, Field(description="draft: quick; best: several times slower, the mean of several looks.")
]
BoxList = Annotated[
    list[tuple[int, int, int, int]] | None,
    Field(description="Boxes around the subject: left, top, right, bottom in pixels. Any model takes them."),
]
PointList = Annotated[
    list[tuple[float, float]] | None,
    Field(description="Points x, y in pixels on the subject. Without boxes, for models that accept points."),
]
Overwrite = Annotated[bool, Field(description="Replace a result that exists.")]


@dataclass(frozen=True)
class Made:
    """A result that was written."""

    output: str
    model: str
    device: str
    seconds: float
    remarks: list[str]


@dataclass(frozen=True)
class ListedModel:
    """A model, and whether it can be used now."""

    name: str
    summary: str
    here: bool
    prompts: list[str]
    accepts: list[str]
    license: str
    commercial_use: str


@dataclass(frozen=True)
class Tools:
    """What the tools share: where they may go, what runs the jobs, and the options that are the same for all."""

    folders: Folders
    work: OneAtATime
    options: SegmentOptions

    async def cut_out(
        self,
        image: ImagePath,
        ctx: Context,
        *,
        output: OutputPath = None,
        background: Annotated[str | None, Field(description="A color, such as white or #ff8800; else none.")] = None,
        crop: Annotated[bool, Field(description="Only the part of the picture with the subject.")] = False,
        model: ModelName = None,
        quality: QualityName = "normal",
        boxes: BoxList = None,
        points: PointList = None,
        background_points: PointList = None,
        overwrite: Overwrite = False,
    ) -> Made:
        """Cut the subject out of an image: writes the picture with a transparent background, or on a color."""
        with refusals_in_words():
            style = CutoutStyle(bgcolor=background, crop=crop)
            options = self._options_for(model, quality, boxes, points, background_points)
            return await self._make(self._job(image, output, style, options, overwrite=overwrite), ctx)

    async def make_mask(
        self,
        image: ImagePath,
        ctx: Context,
        *,
        output: OutputPath = None,
        model: ModelName = None,
        quality: QualityName = "normal",
        boxes: BoxList = None,
        points: PointList = None,
        background_points: PointList = None,
        overwrite: Overwrite = False,
    ) -> Made:
        """Write the matte of an image's subject: gray, white where the subject is, as large as the image."""
        with refusals_in_words():
            options = self._options_for(model, quality, boxes, points, background_points)
            return await self._make(self._job(image, output, MaskStyle(), options, overwrite=overwrite), ctx)

    async def list_models(self) -> list[ListedModel]:
        """List the models, and which of them are on this machine and can be used."""
        return [_listed(model_info(name)) for name in list_models()]

    def _options_for(
        self, model: str | None, quality: Quality, boxes: BoxList, points: PointList, background_points: PointList
    ) -> SegmentOptions:
        return replace(
            self.options,
            model=model_on_this_machine(model),
            quality=quality,
            boxes=tuple(as_box(box) for box in boxes or ()),
            points=Points(tuple(points or ()), tuple(background_points or ())),
        )

    def _job(self, image: str, output: str | None, style: Style, options: SegmentOptions, *, overwrite: bool) -> Job:
        source = self.folders.place(image)
        if output is None:
            output = str(source.with_name(f"{source.stem}-{style.kind}.png"))
        destination = self.folders.place(output)
        job = Job(source, destination, format_of(destination), style, options, overwrite=overwrite)
        if job.is_transparent_jpeg:
            raise BadRequest("JPEG cannot hold a transparent background", hint="give `background`, or write PNG")
        if destination in Files(job.read):
            raise BadRequest(f"{output} is the image itself", hint="write to another file")
        return job

    async def _make(self, job: Job, ctx: Context) -> Made:
        async def tell(fraction: float, doing: str) -> None:
            await ctx.report_progress(fraction, 1.0, doing)

        started = time.monotonic()
        outcome = await self.work.run(job, tell)
        if isinstance(outcome, JobFailure):
            raise outcome.error
        seconds = round(time.monotonic() - started, 2)
        return Made(str(job.destination), outcome.model, outcome.device, seconds, list(outcome.remarks))


@contextmanager
def refusals_in_words() -> Iterator[None]:
    """What a user can meet as an error whose message and hint the client is told; bugs are told by name only."""
    try:
        yield
    except DisError as error:
        raise ToolError(f"{error.message}; {error.hint}" if error.hint else error.message) from None


def _listed(model: ModelInfo) -> ListedModel:
    is_usable = model.is_here and not model.missing_packages
    return ListedModel(
        model.name,
        model.summary,
        is_usable,
        list(model.prompts),
        list(model.accepts),
        model.license,
        model.commercial_use,
    )


def mcp_server(folders: Folders, runner: JobRunner | RemoteRunner, options: SegmentOptions) -> MCPServer:
    """A server with the tools `cut_out`, `make_mask` and `list_models`, to be run on standard input and output.

    `options` hold for all jobs; the tools choose model, quality and prompts.
    """
    named = ", ".join(map(str, folders.paths))
    server = MCPServer("dis-core", instructions=INSTRUCTIONS + named, version=__version__, log_level="WARNING")
    tools = Tools(folders, OneAtATime(runner), options)
    writes = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
    server.add_tool(tools.cut_out, annotations=writes)
    server.add_tool(tools.make_mask, annotations=writes)
    server.add_tool(tools.list_models, annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))
    return server
