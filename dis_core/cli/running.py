"""A run over all the images of a command: plan the jobs, run them one after the other, say what failed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dis_core.batch.listing import read_list
from dis_core.cli.countdown import counting_down, keep_time
from dis_core.cli.interrupts import heeding_ctrl_c
from dis_core.cli.many import refuse_many_mix_ups, shard_filter
from dis_core.cli.mix_ups import refuse_mix_ups
from dis_core.cli.planning import (
    STANDARD_STREAM,
    JobTemplate,
    Plan,
    Selection,
    is_folder,
    plan_jobs,
    plan_listed,
    refuse_existing,
    split_existing,
    split_unwritable,
)
from dis_core.cli.results import show_failure, show_result
from dis_core.cli.stop_at_eof import interrupt_at_eof
from dis_core.cli.terminal import progress_report, say, say_error
from dis_core.errors import BadRequest, DisError, DiskFull, OutputExists
from dis_core.images.formats import ENDING_OF_FORMAT, animation_format_of, format_of
from dis_core.jobs.claims import claimed_in_turn
from dis_core.jobs.job import CutoutStyle, Job, JobFailure, JobResult, Style
from dis_core.jobs.overlap import Done, run_overlapping
from dis_core.jobs.runner import JobRunner
from dis_core.progress import Report, span
from dis_core.threads import share_free_memory

if TYPE_CHECKING:
    from dis_core.batch.recording import Record
    from dis_core.cli.options import SharedOptions
    from dis_core.daemon.remote_runner import RemoteRunner
    from dis_core.images.formats import OutputFormat


@dataclass(frozen=True)
class Failed:
    """An image without a result, and why."""

    name: str
    error: DisError


def run_images(options: SharedOptions, style: Style, *, suffix: str) -> None:
    """Make a result of every image; a bad image does not stop the others.

    No result is written over an image, the depth map or the background.

    Raises BadRequest before anything is done, Cancelled, at once what concerns all images alike, and at the end, if
    there were failures, the error of the only one or a summary of several.
    """
    template = job_template(options, style, suffix=suffix)
    plan = planned(options, template, Selection(takes=shard_filter(options)))
    jobs = plan.jobs if options.overwrite else jobs_to_do(options, plan.jobs)
    failures = [Failed("", error) for error in plan.unreadable]
    writable, unwritable = tried(options, jobs)
    failures += unwritable
    with interrupt_at_eof() if options.stop_at_eof else nullcontext():
        failures += run_jobs(options, writable)
    if len(failures) == 1 and len(jobs) <= 1:
        raise failures[0].error
    if failures:
        say_failures(failures)
        rest = "" if len(failures) >= len(jobs) + len(plan.unreadable) else "; the other results were written"
        raise DisError(f"{len(failures)} of {len(jobs) + len(plan.unreadable)} failed{rest}")


def planned(options: SharedOptions, template: JobTemplate, selection: Selection) -> Plan:
    """The jobs for the images of a command. Raises BadRequest for options that do not go together, NoImage."""
    if options.files_from is None:
        recursive, output = options.recursive, options.output
        plan = plan_jobs(options.inputs, template, output=output, recursive=recursive, selection=selection)
    else:
        listed = read_list(options.files_from, end=b"\0" if options.null else b"\n")
        plan = plan_listed(listed, template, output=options.output, selection=selection)
    refuse_contradictions(options, plan.jobs)
    for path in plan.passed_over:
        say(f"dis-core: {path}: passed over, because files with this ending are not read (give the file itself to try)")
    return plan


def job_template(options: SharedOptions, style: Style, *, suffix: str) -> JobTemplate:
    """What all jobs of a command share. Raises BadRequest for options that do not go together."""
    refuse_many_mix_ups(options)
    refuse_mix_ups(options.inputs, options.output)
    shared = Job(None, None, chosen_format(options), style, options.segment_options, overwrite=options.overwrite)
    refuse_stills_only(options, style)
    return JobTemplate(
        shared, suffix, save_depth="yes" if options.save_depth else "no", animations=wanted_animations(options)
    )


def chosen_format(options: SharedOptions) -> OutputFormat:
    """The format that --format or the ending of -o asks for, if -o is a file; png if neither does.

    Raises BadRequest if the two contradict each other, or if files with this ending cannot be written.
    """
    if options.are_several or options.output in (None, STANDARD_STREAM) or is_folder(str(options.output)):
        return options.format or "png"
    if options.format is None:
        if options.frames == "all" and animation_format_of(str(options.output)) == "gif":
            return "png"
        return format_of(str(options.output))
    ending = Path(str(options.output)).suffix.lower().replace(".tiff", ".tif")
    if ending not in ("", ENDING_OF_FORMAT[options.format]):
        raise BadRequest(
            f"-o {options.output} and --format {options.format} contradict each other", hint="leave out --format"
        )
    return options.format


def refuse_contradictions(options: SharedOptions, jobs: list[Job]) -> None:
    """Raises BadRequest for options that do not go together, before any time is spent."""
    to_stdout = any(job.destination is None for job in jobs)
    if any(job.is_transparent_jpeg for job in jobs):
        raise BadRequest("JPEG cannot hold a transparent background", hint="add --bgcolor white, or write PNG instead")
    if options.framing is not None and options.framing.size is not None and jobs:
        from dis_core.images.picture import refuse_longer_sides  # takes a while

        refuse_longer_sides(options.framing.size, format=jobs[0].format)
    if to_stdout and options.progress == "json":
        raise BadRequest("the image and --progress json cannot both go to standard output", hint="give a file with -o")
    if options.stop_at_eof and STANDARD_STREAM in options.inputs:
        raise BadRequest("with --stop-at-eof the image cannot come from standard input", hint="give a file")
    if to_stdout and sys.stdout.isatty():
        raise BadRequest("an image cannot be shown in a terminal", hint="give a file with -o, or redirect the output")
    if to_stdout and options.save_depth:
        raise BadRequest("--save-depth does not work with standard output", hint="give a file with -o")
    for name, value in (("--keep-alive", options.keep_alive), ("--owner-pid", options.owner_pid)):
        if value is not None and not options.warm:
            raise BadRequest(f"{name} does nothing without --warm", hint="add --warm")
    if len(jobs) > 1 and options.segment_options.depth is not None:
        raise BadRequest(f"--depth is for one image, but there are {len(jobs)}", hint="run them one by one")


def wanted_animations(options: SharedOptions) -> Literal["none", "of the same kind", "in the format"]:
    """What to make of animations: of the same kind, unless a format is asked for."""
    if options.frames == "first":
        return "none"
    return "of the same kind" if options.format is None else "in the format"


def refuse_stills_only(options: SharedOptions, style: Style) -> None:
    """Raises BadRequest for options that do not go together with --frames all."""
    if options.frames == "first":
        return
    if options.format in ("tiff", "jpeg"):
        raise BadRequest(
            f"{options.format.upper()} holds no animation", hint="leave out --format, or write png or webp"
        )
    if options.save_depth or options.segment_options.depth is not None:
        raise BadRequest("depth maps do not work with --frames all", hint="leave out --depth and --save-depth")
    if style.framing is not None or (isinstance(style, CutoutStyle) and style.crop):
        option = "--crop" if style.framing is None else "--margin" if style.framing.size is None else "--size"
        raise BadRequest(f"{option} does not work with --frames all", hint="all frames must show the same part")


def jobs_to_do(options: SharedOptions, jobs: list[Job]) -> list[Job]:
    """The jobs without a result so far, so that a run over folders can be resumed.

    Raises OutputExists if a result exists and no folder was given.
    """
    if not options.names_many:
        refuse_existing(jobs)
    new, existing = split_existing(jobs)
    if existing:
        say(f"dis-core: skipping {len(existing)} images that have results already (--overwrite replaces them)")
    return new


def tried(options: SharedOptions, jobs: list[Job]) -> tuple[list[Job], list[Failed]]:
    """(jobs whose results can be written, the others), before a model is loaded.

    Raises OutputFailed, once, if no result can be written for one and the same reason.
    """
    writable, unwritable = split_unwritable(jobs)
    if unwritable and not writable and len({error.message for _, error in unwritable}) == 1:
        raise unwritable[0][1]
    return writable, failed(options, unwritable)


def failed(options: SharedOptions, jobs: Iterable[tuple[Job, DisError]]) -> list[Failed]:
    """The failures of these jobs, shown to a program that wants to know."""
    failures = []
    for job, error in jobs:
        failures.append(Failed(job.name, error))
        show_failure(job, error, options.progress)
    return failures


def say_failures(failures: Iterable[Failed]) -> None:
    """A line for each, for people."""
    for failure in failures:
        is_named = failure.name in failure.error.message  # also if there is none
        say_error(("" if is_named else f"{failure.name}: ") + failure.error.message, hint=failure.error.hint)


def left_to_others(options: SharedOptions, jobs: list[Job]) -> list[Failed]:
    """Say which jobs another program does. It is a failure only if no folder was given, which can be shared."""
    if options.names_many:
        if jobs:
            say(f"dis-core: skipping {len(jobs)} images that another program has done or is doing now")
        return []
    taken = ((job, OutputExists(f"another program makes {job.destination}", hint="wait for it")) for job in jobs)
    return failed(options, taken)


def run_jobs(
    options: SharedOptions, jobs: list[Job], *, record: Record | None = None, ready: JobRunner | None = None
) -> list[Failed]:
    """Run the jobs with one warm pipeline, and return the failures; the record notes what becomes of each.

    Other programs may work on the same folders: each result is claimed before the work. Files that are named one by
    one and may be overwritten are written in any case.

    Raises what concerns all images alike: Cancelled, DeviceUnavailable, UnknownModel, WeightsMissing and the like.
    """
    if not jobs:
        return []
    failures: list[Failed] = []
    elsewhere: list[Job] = []
    with ExitStack() as stack:
        shown = stack.enter_context(progress_report(options.progress))
        if options.progress == "json" and len(jobs) == 1:
            shown = counting_down(shown, jobs[0])
        report = stack.enter_context(heeding_ctrl_c(shown))
        report(0.0, "starting")
        runner = ready or stack.enter_context(chosen_runner(options))
        is_shared = not options.overwrite or options.names_many
        begin = None if record is None else record.begin
        claims = stack.enter_context(Claims(jobs, elsewhere if is_shared else None, begin))

        def told(job: Job, outcome: JobResult | JobFailure, seconds: float) -> None:
            if record is not None:
                record.note(job, outcome, seconds)
            if isinstance(outcome, JobFailure):
                failures.extend(failed(options, [(job, outcome.error)]))
            else:
                show_result(job, outcome, seconds, options.progress)
                if len(jobs) == 1:
                    keep_time(job, seconds - min(outcome.loading_s, seconds))

        try:
            run_claimed(runner, claims, report=report, told=told)
        except DiskFull:
            say_failures(failures)
            raise  # and do nothing more: no other result would find room
    return failures + left_to_others(options, elsewhere)


def run_claimed(runner: JobRunner | RemoteRunner, claims: Claims, *, report: Report, told: Done) -> None:
    """Run jobs that are claimed in turn, and tell of each one when its claim is over. Raises what `run_jobs` raises."""
    count = claims.count

    def report_on(number: int, job: Job) -> Report:
        return _named(span(report, number / count, (number + 1) / count), job, count)

    def done(job: Job, outcome: JobResult | JobFailure, seconds: float) -> None:
        claims.release(job)
        told(job, outcome, seconds)

    if isinstance(runner, JobRunner) and count > 1:
        share_free_memory()
        run_overlapping(runner, claims, report_on=report_on, done=done)
    else:
        run_one_by_one(runner, claims, report_on=report_on, done=done)


def run_one_by_one(
    runner: JobRunner | RemoteRunner, jobs: Iterable[Job], *, report_on: Callable[[int, Job], Report], done: Done
) -> None:
    """As `run_overlapping`, without doing two things at once."""
    for number, job in enumerate(jobs):
        started = time.monotonic()
        outcome = runner.run(job, report_on(number, job))
        done(job, outcome, time.monotonic() - started)


class Claims:
    """The jobs to do, each claimed until it is released; what another program makes goes to `elsewhere`.

    Without `elsewhere` nothing is claimed. `begin` is told of each job before it is given out.
    """

    def __init__(
        self, jobs: list[Job], elsewhere: list[Job] | None, begin: Callable[[Job], None] | None = None
    ) -> None:
        self._jobs, self._elsewhere, self._begin = jobs, elsewhere, begin
        self._held: dict[int, ExitStack] = {}

    @property
    def count(self) -> int:
        """How many jobs there are, at most."""
        return len(self._jobs)

    def __enter__(self) -> Claims:
        return self

    def __exit__(self, *_: object) -> None:
        for claim in self._held.values():
            claim.close()

    def __iter__(self) -> Iterator[Job]:
        for job in self._claimed():
            if self._begin is not None:
                self._begin(job)
            yield job

    def _claimed(self) -> Iterator[Job]:
        if self._elsewhere is None:
            yield from self._jobs
            return
        with closing(claimed_in_turn(self._jobs, self._elsewhere)) as mine:
            for job, claim in mine:
                self._held[id(job)] = claim
                yield job

    def release(self, job: Job) -> None:
        """Let others have the result."""
        if (claim := self._held.pop(id(job), None)) is not None:
            claim.close()


def chosen_runner(options: SharedOptions) -> AbstractContextManager[JobRunner | RemoteRunner]:
    """Where the jobs run: in this process, or with `--warm` in the daemon."""
    if not options.warm:
        return nullcontext(JobRunner())
    from dis_core.daemon.remote_runner import RemoteRunner

    return RemoteRunner(options.keep_alive, warn=lambda text: say(f"dis-core: {text}"), owner_pid=options.owner_pid)


def _named(report: Report, job: Job, count: int) -> Report:
    """With several images, the progress says which one it is about."""
    if count == 1:
        return report
    return lambda fraction, doing: report(fraction, f"{Path(job.name).name}: {doing}")
