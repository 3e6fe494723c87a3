"""What `cutout` and `mask` share: the options about segmenting, and the run over all images."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from dis_core.cli.jobs import (
    STANDARD_STREAM,
    Job,
    Naming,
    is_folder,
    plan_jobs,
    refuse_existing,
    split_existing,
)
from dis_core.cli.terminal import (
    ProgressStyle,
    progress_option,
    progress_report,
    say,
    say_error,
    say_event,
    say_path,
)
from dis_core.errors import BadRequest, DisError, NoImage, OutOfMemory, OutputExists, OutputFailed
from dis_core.model_spec import MAX_TILES, Box, Quality, Refinement
from dis_core.progress import Report, span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dis_core.images import Picture
    from dis_core.images.writing import OutputFormat
    from dis_core.matte import Matte
    from dis_core.pipeline import Pipeline

ENDING_OF_FORMAT: dict[OutputFormat, str] = {"png": ".png", "webp": ".webp", "tiff": ".tif"}

OF_ONE_IMAGE = (NoImage, BadRequest, OutOfMemory, OutputExists, OutputFailed)
"""What may be wrong with one image; the next one can still go well. Everything else concerns all of them."""

MakeResult = Callable[["Matte"], "Picture"]
"""What a command makes of each matte."""


@dataclass(frozen=True)
class Request:
    """What was asked for, apart from what is to be made of the mattes."""

    inputs: tuple[str, ...]
    output: str | None
    format: OutputFormat | None
    recursive: bool
    overwrite: bool
    model: str | None
    device: str
    quality: Quality
    refine: str
    max_tiles: int
    roi: Box | None
    depth: Path | None
    depth_model: str | None
    accept_noncommercial: bool
    save_depth: bool
    progress: ProgressStyle


@dataclass(frozen=True)
class Failure:
    """An image for which there is no result, and why."""

    name: str
    error: DisError


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
        return x, y, x + width, y + height


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
        "--depth",
        type=click.Path(path_type=Path),
        help="A depth map of the image's size, near = bright, instead of an estimate.",
    ),
    click.option("--depth-model", metavar="NAME", help="Another depth model of 'dis-core models'."),
    click.option("--accept-noncommercial", is_flag=True, help="I may use weights that forbid commercial use."),
    click.option("--save-depth", is_flag=True, help="Also write the depth map that was used, as ...-depth.png."),
    progress_option,
)


def segmenting_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options above to a command, which gets them as one `request`."""

    @functools.wraps(command)
    def with_request(**values: Any) -> None:  # click passes options by name
        mine = {field.name: values.pop(field.name) for field in fields(Request)}
        command(request=Request(**mine), **values)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_OPTIONS), with_request)


def run_request(request: Request, *, suffix: str, make_result: MakeResult, also_read: Sequence[Path] = ()) -> None:
    """Make a result of every image; a bad one does not keep the others from theirs.

    No result is written over an image, the depth map or a file of `also_read`.

    Raises BadRequest before anything is done, Cancelled, what concerns all images alike at once, and at the end, if
    there were failures, the only one's error or a summary of several.
    """
    output_format = chosen_format(request)
    spared = [*also_read, *([] if request.depth is None else [request.depth])]
    naming = Naming(suffix, ENDING_OF_FORMAT[output_format], with_depth="yes" if request.save_depth else "no")
    plan = plan_jobs(request.inputs, output=request.output, naming=naming, recursive=request.recursive, spared=spared)
    refuse_contradictions(request, plan.jobs)
    jobs = plan.jobs if request.overwrite else jobs_to_do(request, plan.jobs)
    failures = [Failure("", error) for error in plan.unreadable]
    failures += run_jobs(replace(request, format=output_format), jobs, make_result)
    if len(failures) == 1 and len(jobs) <= 1:
        raise failures[0].error
    if failures:
        for failure in failures:
            name = f"{failure.name}: " if failure.name else ""
            say_error(name + failure.error.message, hint=failure.error.hint)
        rest = "" if len(failures) >= len(jobs) + len(plan.unreadable) else "; the other results are written"
        raise DisError(f"{len(failures)} of {len(jobs) + len(plan.unreadable)} failed{rest}")


def chosen_format(request: Request) -> OutputFormat:
    """The format by --format or by the ending of -o, where that is a file; png if neither says one.

    Raises BadRequest if the two contradict each other, or the ending is of no format that can be written.
    """
    from dis_core.images.writing import format_of

    several = len(request.inputs) > 1 or is_folder(request.inputs[0])
    if several or request.output in (None, STANDARD_STREAM) or is_folder(str(request.output)):
        return request.format or "png"
    if request.format is None:
        return format_of(str(request.output))
    ending = Path(str(request.output)).suffix.lower().replace(".tiff", ".tif")
    if ending not in ("", ENDING_OF_FORMAT[request.format]):
        raise BadRequest(f"-o {request.output} and --format {request.format} contradict each other")
    return request.format


def refuse_contradictions(request: Request, jobs: list[Job]) -> None:
    """Raises BadRequest for options that do not go together, before any time is spent."""
    to_stdout = any(job.destination is None for job in jobs)
    if to_stdout and request.progress == "json":
        raise BadRequest("the image and --progress json cannot both go to standard output", hint="name a file with -o")
    if to_stdout and sys.stdout.isatty():
        raise BadRequest("an image would fill the terminal with noise", hint="name a file with -o, or redirect it")
    if to_stdout and request.save_depth:
        raise BadRequest("--save-depth needs a result that is a file", hint="name a file with -o")
    if len(jobs) > 1 and request.depth is not None:
        raise BadRequest("--depth belongs to one image, but several were given")


def jobs_to_do(request: Request, jobs: list[Job]) -> list[Job]:
    """The jobs whose results are not there yet; a run over folders can so be taken up again.

    Raises OutputExists if the images were named one by one.
    """
    if not any(map(is_folder, request.inputs)):
        refuse_existing(jobs)
    new, existing = split_existing(jobs)
    if existing:
        say(f"dis-core: {len(existing)} results are there already and are left alone (--overwrite replaces them)")
    return new


def run_jobs(request: Request, jobs: list[Job], make_result: MakeResult) -> list[Failure]:
    """Do the jobs one after the other with one warm pipeline; the failures come back.

    Raises what concerns all images alike: Cancelled, DeviceUnavailable, UnknownModel, WeightsMissing and the like.
    """
    if not jobs:
        return []
    failures = []
    with progress_report(request.progress) as report:
        report(0.0, "starting")
        from dis_core.pipeline import Pipeline  # takes seconds: torch

        pipeline = Pipeline(request.device)
        for done, job in enumerate(jobs):
            own = _named(span(report, done / len(jobs), (done + 1) / len(jobs)), job, len(jobs))
            try:
                run_job(request, job, pipeline, make_result, own)
            except MemoryError:
                failures.append(Failure(job.name, OutOfMemory("there is too little memory for so large an image")))
            except OF_ONE_IMAGE as error:
                failures.append(Failure(job.name, error))
                if request.progress == "json":
                    say_event("error", input=job.name, code=error.code, message=error.message, hint=error.hint)
    return failures


def _named(report: Report, job: Job, count: int) -> Report:
    """With several images the progress says which one it is about."""
    if count == 1:
        return report
    return lambda fraction, doing: report(fraction, f"{Path(job.name).name}: {doing}")


def run_job(request: Request, job: Job, pipeline: Pipeline, make_result: MakeResult, report: Report) -> None:
    """Read, segment, make the result, write it, and say so."""
    from dis_core.images import read_picture

    started = time.monotonic()
    picture = read_picture(job.source if job.source else sys.stdin.buffer)
    matte = pipeline.segment(
        picture,
        model=request.model,
        quality=request.quality,
        refine=request.refine,
        max_tiles=request.max_tiles,
        roi=request.roi,
        depth=None if request.depth is None else read_depth(request.depth),
        depth_model=request.depth_model,
        accept_noncommercial=request.accept_noncommercial,
        report=span(report, 0.0, 0.85),
    )
    report(0.85, "making the result")
    result = make_result(matte)
    report(0.95, "writing")
    written = write_result(request, job, result, matte)
    tell_result(request, job, written, matte, time.monotonic() - started)


def read_depth(path: Path) -> NDArray[np.float32]:
    """A depth map from an image file, (H, W) float32: its grey values, or the mean of its colours.

    Raises NoImage.
    """
    from dis_core.images import read_picture

    mean: NDArray[np.float32] = read_picture(path).pixels.mean(axis=2, dtype="float32")
    return mean


def write_result(request: Request, job: Job, result: Picture, matte: Matte) -> Picture:
    """Write the result, and the depth beside it where that was asked for.

    Returns what was written, with remarks on what the format could not hold.

    Raises OutputExists, OutputFailed, BadRequest (a picture that the format cannot hold).
    """
    from dis_core.images.writing import fit_to_format, make_folder, write_picture

    output_format = cast("OutputFormat", request.format)
    result = fit_to_format(result, format=output_format)
    if job.destination is None:
        write_picture(result, sys.stdout.buffer, format=output_format, overwrite=False)
        return result
    make_folder(job.destination.parent)
    if job.depth_destination is not None and matte.depth is not None:
        # Before the result, because a run that is taken up again goes by the results that are there.
        write_picture(grey_of(matte.depth), job.depth_destination, format="png", overwrite=request.overwrite)
    write_picture(result, job.destination, format=output_format, overwrite=request.overwrite)
    return result


def grey_of(depth: NDArray[np.float32]) -> Picture:
    """A depth map (H, W) in [0, 1] as a 16-bit grey picture, near = bright."""
    from dis_core.matte import Matte

    return Matte(depth, model="").grey(bits=16)


def tell_result(request: Request, job: Job, result: Picture, matte: Matte, seconds: float) -> None:
    """Say where the result is, which model and device made it, and what the user should know about it."""
    model = matte.model.partition("@")[0]
    read = matte.picture.remarks if matte.picture else ()
    remarks = list(dict.fromkeys((*read, *result.remarks)))
    if matte.bounds() is None:
        remarks.append("no subject was found")
    left_out = 0 if matte.refinement is None else matte.refinement.tiles_over_limit
    if left_out:
        allowed = request.max_tiles
        remarks.append(f"{left_out} places along the boundary got no tile: --max-tiles allows {allowed}")
    if request.progress == "json":
        say_event(
            "result",
            input=job.name,
            output=str(job.destination or STANDARD_STREAM),
            model=matte.model,
            device=matte.device,
            seconds=round(seconds, 3),
            refinement=None if matte.refinement is None else describe_refinement(matte.refinement),
            remarks=remarks,
        )
        return
    for remark in remarks:
        say(f"dis-core: {job.name}: {remark}")
    if job.destination is not None:
        say_path(job.destination)
    refined = "" if matte.refinement is None else refinement_in_words(matte.refinement)
    say(f"dis-core: {job.name}: done by {model} on {matte.device} in {seconds:.1f} s{refined}")


def describe_refinement(refinement: Refinement) -> dict[str, object]:
    """What refining did, for programs."""
    return {
        "method": refinement.method,
        "closer_look": refinement.closer_look,
        "levels": len(refinement.levels),
        "tiles_run": refinement.tiles_run,
        "tiles_skipped": refinement.tiles_skipped,
        "tiles_rejected": refinement.tiles_rejected,
        "tiles_over_limit": refinement.tiles_over_limit,
        "seconds": round(refinement.seconds, 3),
    }


def refinement_in_words(refinement: Refinement) -> str:
    """What refining did, for the end of a line; nothing if it did nothing."""
    if not refinement.levels:
        return ""
    rejected = f", {refinement.tiles_rejected} of them rejected" if refinement.tiles_rejected else ""
    return f", {refinement.seconds:.1f} s of it for {refinement.tiles_run} tiles{rejected}"
