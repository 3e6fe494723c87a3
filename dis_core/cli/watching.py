"""`--watch`: results of the images that appear in folders, until the command is stopped."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from dis_core.cli.arrivals import PATIENCE_S, Arrival, Folders
from dis_core.cli.interrupts import heeding_ctrl_c
from dis_core.cli.planning import (
    DEPTH_SUFFIX,
    RESULT_SUFFIXES,
    STANDARD_STREAM,
    JobTemplate,
    ResultNames,
    is_folder,
    stems_of,
)
from dis_core.cli.results import show_failure, show_result
from dis_core.cli.running import (
    Claims,
    chosen_runner,
    job_template,
    refuse_contradictions,
    run_claimed,
)
from dis_core.cli.stop_at_eof import interrupt_at_eof
from dis_core.cli.terminal import progress_report, say, say_error, say_event
from dis_core.errors import BadRequest, Cancelled, DaemonBusy, DisError, DiskFull, NoImage, NoSuchFile, OutputFailed
from dis_core.images.formats import IMAGE_ENDINGS, looks_like_image
from dis_core.jobs.job import CutoutStyle, Job, JobFailure, JobResult, Style
from dis_core.jobs.runner import JobRunner
from dis_core.places import Files, Trial, file_id
from dis_core.progress import Report, ignore

if TYPE_CHECKING:
    from dis_core.cli.options import SharedOptions
    from dis_core.daemon.remote_runner import RemoteRunner

INTERVAL_S: Final = 1.0
"""How often the folders are looked at."""

_SHARE_OF_LOOKING: Final = 0.05
"""Of the time, at most: looking at very many files, or over a network, takes a while itself."""

_AGAIN_AFTER_S: Final = 30.0
"""When to try again what may have become possible, such as writing to a drive that was away."""

_AT_ONCE: Final = 32
"""How many images are taken before the folders are looked at again."""


def watch_images(options: SharedOptions, style: Style, *, suffix: str) -> None:
    """Make a result of every image that is in the folders or appears there.

    Raises Cancelled when it is stopped, which is how it ends; BadRequest, NoImage and OutputFailed before anything is
    done, and what concerns all images alike.
    """
    template = job_template(options, style, suffix=suffix)
    refuse_unwatchable(options)
    somewhere = Path(options.output or "."), "result.png"
    refuse_contradictions(options, [template.job(None, Path(*somewhere))])
    with ExitStack() as stack:
        if options.stop_at_eof:
            stack.enter_context(interrupt_at_eof())
        watcher = Watcher(options, template, stack.enter_context(heeding_ctrl_c(ignore, also=[signal.SIGTERM])))
        try:
            watcher.run()
        except KeyboardInterrupt:
            raise Cancelled(f"stopped; {watcher.summary()}") from None


def refuse_unwatchable(options: SharedOptions) -> None:
    """Raises BadRequest, NoImage or OutputFailed for what cannot be watched, or has no place for results."""
    for named in options.inputs:
        if named == STANDARD_STREAM or (os.path.lexists(named) and not is_folder(named)):
            raise BadRequest(f"--watch is for folders, and {named} is none", hint="give a folder, or leave out --watch")
        try:
            os.scandir(named).close()
        except OSError as error:
            hint = "check its name, and whether you may read it"
            raise NoImage(f"the folder {named} cannot be watched: {error.strerror}", hint=hint) from error
    if options.output == STANDARD_STREAM:
        raise BadRequest("with --watch results cannot go to standard output", hint="give a folder with -o")
    if options.output is not None and os.path.isfile(options.output):  # noqa: PTH113 - Path.is_file raises where it may not look
        raise BadRequest(f"{options.output} is a file, but --watch needs a folder", hint="give a folder with -o")
    if options.segment_options.depth is not None:
        raise BadRequest("--depth is for one image, and --watch for many", hint="leave out one of them")
    trial = Trial()
    for folder in options.inputs if options.output is None else [options.output]:
        trial.refuse_unwritable(Path(folder) / "result.png", overwrite=False)


class Watcher:
    """Looks at the folders, has the results made of what is new, and tells of it."""

    def __init__(self, options: SharedOptions, template: JobTemplate, heed: Report) -> None:
        self._options, self._heed = options, heed
        output = None if options.output is None else Path(options.output)
        roots = list({file_id(Path(folder)): Path(folder) for folder in options.inputs}.values())
        self._folders = Folders(roots, output=output, recursive="yes" if options.recursive else "no")
        self._names = ResultNames(options.output, template, Files(template.shared.read))
        self._sample = template.shared
        self._trouble: dict[Path, str] = {}
        self._made: set[Path] = set()
        self._failed: set[Path] = set()
        self._count = 0

    def summary(self) -> str:
        """What has been done so far."""
        results = "1 result was" if self._count == 1 else f"{self._count} results were"
        failed = f", and {len(self._failed)} failed" if self._failed else ""
        return f"{results} written{failed}"

    def run(self) -> None:
        """Watch for ever. Raises KeyboardInterrupt, and what concerns all images alike."""
        with chosen_runner(self._options) as runner:
            self._prepare(runner)
            self._say_start()
            while True:
                started = time.monotonic()
                jobs = self._new_jobs(started)
                looked_s = time.monotonic() - started
                if not (jobs and self._run(runner, jobs[:_AT_ONCE])):
                    pause(max(INTERVAL_S, looked_s / _SHARE_OF_LOOKING))
                self._heed(0.0, "watching")

    def _prepare(self, runner: JobRunner | RemoteRunner) -> None:
        """Find out now what would be wrong with every image, and load the model once, if it is here."""
        style = self._sample.style
        if isinstance(style, CutoutStyle) and style.bgcolor is not None:
            from dis_core.images.compositing import parse_color

            parse_color(style.bgcolor)
        if isinstance(runner, JobRunner):
            with progress_report(self._options.progress) as report:
                runner.prepare_for(self._sample, report)

    def _say_start(self) -> None:
        named = [str(folder) for folder in self._options.inputs]
        if self._options.progress == "json":
            say_event("watching", folders=named)
        say(f"dis-core: watching {', '.join(named)} (looks every {INTERVAL_S:g} s; Ctrl-C stops)")

    def _new_jobs(self, now_s: float) -> list[tuple[Arrival, Job]]:
        """Look at the folders once; what is to be done, the oldest first."""
        arrivals = self._folders.settled(now_s)
        self._say_trouble()
        jobs: list[tuple[Arrival, Job]] = []
        kept: list[Path] = []
        done: list[Arrival] = []
        named_alike: list[Path] = []
        for arrival in arrivals:
            if arrival.path.suffix.lower() not in IMAGE_ENDINGS:
                self._pass_over(arrival)
            elif is_named_like_result(arrival.path):
                arrival.fate = "over"
                named_alike.append(arrival.path)
            elif (made := _result_of(job := self._job_of(arrival), arrival)) == "none" or (
                made == "older" and job.overwrite
            ):
                jobs.append((arrival, job))
            else:
                arrival.fate = "over"
                if made == "older":
                    kept.append(arrival.path)
                else:
                    done.append(arrival)
        self._say_left_alone(kept, done)
        self._say_named_alike(named_alike)
        return jobs

    def _job_of(self, arrival: Arrival) -> Job:
        """The job of an image, with the name of the result that it had before, also in an earlier run."""
        _, own = islice(stems_of(arrival.path), 2)
        had = self._names.job_named(arrival.path, arrival.root, own).destination
        first = [own] if had is not None and os.path.lexists(had) else []
        return self._names.job_of(arrival.path, arrival.root, chain(first, stems_of(arrival.path)))

    def _run(self, runner: JobRunner | RemoteRunner, jobs: list[tuple[Arrival, Job]]) -> bool:
        """Run some jobs; whether anything came of it. What another program does is left for the next look."""
        arrival_of = {id(job): arrival for arrival, job in jobs}
        told: list[Job] = []

        def tell(job: Job, outcome: JobResult | JobFailure, seconds: float) -> None:
            told.append(job)
            self._note(arrival_of[id(job)], job, outcome, seconds)

        elsewhere: list[Job] = []
        claims = Claims([job for _, job in jobs], elsewhere)
        with progress_report(self._options.progress) as shown, claims:

            def report(fraction: float, doing: str) -> None:
                self._heed(fraction, doing)
                shown(fraction, doing)

            try:
                run_claimed(runner, claims, report=report, told=tell)
            except DaemonBusy as error:
                say_error(error.message, hint="it is tried again")
                return False
        return bool(told)

    def _note(self, arrival: Arrival, job: Job, outcome: JobResult | JobFailure, seconds: float) -> None:
        """Tell of what came of an image, and keep in mind whether and when it is to be tried again."""
        if isinstance(outcome, JobResult):
            arrival.fate = "over"
            self._count += 1
            self._failed.discard(arrival.path)
            if job.destination is not None:
                self._made.add(job.destination)
            show_result(job, outcome, seconds, self._options.progress)
            return
        error, now_s = outcome.error, time.monotonic()
        if isinstance(error, NoSuchFile):
            return  # it was taken away, and the next look will not find it
        if isinstance(error, NoImage) and now_s < arrival.since_s + PATIENCE_S:
            arrival.not_before_s = arrival.since_s + PATIENCE_S  # it may still be coming
            return
        if isinstance(error, OutputFailed) and not isinstance(error, DiskFull):
            arrival.not_before_s = now_s + _AGAIN_AFTER_S
        else:
            arrival.fate = "over"
        if not arrival.is_told:
            arrival.is_told = True
            self._failed.add(arrival.path)
            self._tell_failure(job, error)

    def _tell_failure(self, job: Job, error: DisError) -> None:
        show_failure(job, error, self._options.progress)
        is_named = job.name in error.message
        say_error(("" if is_named else f"{job.name}: ") + error.message, hint=error.hint)

    def _pass_over(self, arrival: Arrival) -> None:
        arrival.fate = "over"
        if looks_like_image(arrival.path):
            say(f"dis-core: {arrival.path}: passed over, because files with this ending are not read")

    def _say_left_alone(self, kept: list[Path], done: list[Arrival]) -> None:
        """Say which images have results already; of those that come later, another program makes some that helps."""
        if count := sum(arrival.was_there for arrival in done):
            say(f"dis-core: skipping {count} images that have results already")
        if kept:
            say(f"dis-core: {_and_more(kept)}: newer than the result, which was kept (--overwrite replaces it)")

    def _say_named_alike(self, paths: list[Path]) -> None:
        """Say which images are left out that are named like results, unless they are the results of something here."""
        if not paths:
            return
        beside = {image.with_name(stem) for image in self._folders.images() for stem in islice(stems_of(image), 2)}
        strange = [path for path in paths if path not in self._made and beside.isdisjoint(_named_after(path))]
        if strange:
            say(f"dis-core: {_and_more(strange)}: passed over, because results are named so (another name helps)")

    def _say_trouble(self) -> None:
        """Say which folders cannot be read any more, and which ones can again."""
        trouble = self._folders.trouble
        for folder, reason in trouble.items():
            if folder not in self._trouble:
                say_error(f"the folder {folder} cannot be read: {reason}", hint="it is tried again")
        for folder in self._trouble:
            if folder not in trouble and os.path.lexists(folder):
                say(f"dis-core: the folder {folder} can be read again")
        self._trouble = trouble


def pause(seconds: float) -> None:
    """Wait; Ctrl-C ends it at once."""
    time.sleep(seconds)


def is_named_like_result(image: Path) -> bool:
    """Whether an image may be a result, by its name: those of images that are gone must not be cut out again."""
    return bool(_named_after(image))


def _named_after(image: Path) -> list[Path]:
    """What a result of this name could be the result of, without the ending; nothing if it is not named like one."""
    stem = image.stem.removesuffix(DEPTH_SUFFIX)
    return [
        image.with_name(stem.removesuffix(suffix))
        for suffix in RESULT_SUFFIXES
        if stem.endswith(suffix) and stem != suffix
    ]


def _and_more(paths: list[Path]) -> str:
    return f"{paths[0]} and {len(paths) - 1} more" if len(paths) > 1 else str(paths[0])


def _result_of(job: Job, arrival: Arrival) -> Literal["none", "older", "newer"]:
    """Whether an image has a result, and whether that is older than the image itself, or newer."""
    assert job.destination is not None  # noqa: S101  for the types
    try:
        made_ns = job.destination.lstat().st_mtime_ns
    except (OSError, ValueError):
        return "none"
    return "older" if arrival.has_changed or made_ns < arrival.state.changed_ns else "newer"
