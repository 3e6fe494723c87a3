"""A run over all images of a command: what to do, one after the other, and what failed."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.cli.planning import (
    STANDARD_STREAM,
    JobPaths,
    Naming,
    is_folder,
    plan_jobs,
    refuse_existing,
    split_existing,
)
from dis_core.cli.results import tell_failure, tell_result
from dis_core.cli.stop_at_eof import stopped_at_eof
from dis_core.cli.terminal import progress_report, say, say_error
from dis_core.errors import BadRequest, DisError
from dis_core.images.formats import ENDING_OF_FORMAT, format_of
from dis_core.jobs.job import Job, JobFailure, Style
from dis_core.jobs.runner import JobRunner
from dis_core.progress import Report, span

if TYPE_CHECKING:
    from dis_core.cli.options import Request
    from dis_core.daemon.remote_runner import RemoteRunner
    from dis_core.images.formats import OutputFormat


@dataclass(frozen=True)
class Failed:
    """An image for which there is no result, and why."""

    name: str
    error: DisError


def run_request(request: Request, style: Style, *, suffix: str) -> None:
    """Make a result of every image; a bad one does not keep the others from theirs.

    No result is written over an image, the depth map or the background.

    Raises BadRequest before anything is done, Cancelled, what concerns all images alike at once, and at the end, if
    there were failures, the only one's error or a summary of several.
    """
    output_format = chosen_format(request)
    template = Job(None, None, output_format, style, request.segmenting, overwrite=request.overwrite)
    naming = Naming(suffix, ENDING_OF_FORMAT[output_format], with_depth="yes" if request.save_depth else "no")
    plan = plan_jobs(
        request.inputs, output=request.output, naming=naming, recursive=request.recursive, spared=template.read
    )
    refuse_contradictions(request, plan.jobs)
    jobs = plan.jobs if request.overwrite else jobs_to_do(request, plan.jobs)
    failures = [Failed("", error) for error in plan.unreadable]
    with stopped_at_eof() if request.stop_at_eof else nullcontext():
        failures += run_jobs(request, jobs, template)
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
    several = len(request.inputs) > 1 or is_folder(request.inputs[0])
    if several or request.output in (None, STANDARD_STREAM) or is_folder(str(request.output)):
        return request.format or "png"
    if request.format is None:
        return format_of(str(request.output))
    ending = Path(str(request.output)).suffix.lower().replace(".tiff", ".tif")
    if ending not in ("", ENDING_OF_FORMAT[request.format]):
        raise BadRequest(f"-o {request.output} and --format {request.format} contradict each other")
    return request.format


def refuse_contradictions(request: Request, jobs: list[JobPaths]) -> None:
    """Raises BadRequest for options that do not go together, before any time is spent."""
    to_stdout = any(job.destination is None for job in jobs)
    if to_stdout and request.progress == "json":
        raise BadRequest("the image and --progress json cannot both go to standard output", hint="name a file with -o")
    if request.stop_at_eof and STANDARD_STREAM in request.inputs:
        raise BadRequest("standard input cannot hold both the image and the end of --stop-at-eof", hint="name a file")
    if to_stdout and sys.stdout.isatty():
        raise BadRequest("an image would fill the terminal with noise", hint="name a file with -o, or redirect it")
    if to_stdout and request.save_depth:
        raise BadRequest("--save-depth needs a result that is a file", hint="name a file with -o")
    if request.keep_alive is not None and not request.warm:
        raise BadRequest("--keep-alive does nothing without --warm")
    if len(jobs) > 1 and request.segmenting.depth is not None:
        raise BadRequest("--depth belongs to one image, but several were given")


def jobs_to_do(request: Request, jobs: list[JobPaths]) -> list[JobPaths]:
    """The jobs whose results are not there yet; a run over folders can so be taken up again.

    Raises OutputExists if the images were named one by one.
    """
    if not any(map(is_folder, request.inputs)):
        refuse_existing(jobs)
    new, existing = split_existing(jobs)
    if existing:
        say(f"dis-core: {len(existing)} results are there already and are left alone (--overwrite replaces them)")
    return new


def run_jobs(request: Request, jobs: list[JobPaths], template: Job) -> list[Failed]:
    """Do the jobs one after the other with one warm pipeline; the failures come back.

    `template` is a job without its places.

    Raises what concerns all images alike: Cancelled, DeviceUnavailable, UnknownModel, WeightsMissing and the like.
    """
    if not jobs:
        return []
    failures = []
    with ExitStack() as stack:
        report = stack.enter_context(progress_report(request.progress))
        report(0.0, "starting")
        runner = stack.enter_context(chosen_runner(request))
        for done, job in enumerate(jobs):
            own = _named(span(report, done / len(jobs), (done + 1) / len(jobs)), job, len(jobs))
            started = time.monotonic()
            outcome = runner.run(job_for(job, template), own)
            if isinstance(outcome, JobFailure):
                failures.append(Failed(job.name, outcome.error))
                tell_failure(job, outcome.error, request.progress)
            else:
                tell_result(job, outcome, time.monotonic() - started, request.progress)
    return failures


def chosen_runner(request: Request) -> AbstractContextManager[JobRunner | RemoteRunner]:
    """Who carries the jobs out: this process, or with `--warm` the daemon."""
    if not request.warm:
        return nullcontext(JobRunner())
    from dis_core.daemon.remote_runner import RemoteRunner

    return RemoteRunner(request.keep_alive)


def job_for(job: JobPaths, template: Job) -> Job:
    """The job for one image."""
    return replace(template, source=job.source, destination=job.destination, depth_destination=job.depth_destination)


def _named(report: Report, job: JobPaths, count: int) -> Report:
    """With several images the progress says which one it is about."""
    if count == 1:
        return report
    return lambda fraction, doing: report(fraction, f"{Path(job.name).name}: {doing}")
