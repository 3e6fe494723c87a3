"""`--manifest`: a run that notes what becomes of each image, and goes on where an earlier one stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dis_core.batch.manifest import Manifest, open_manifest
from dis_core.batch.recording import Record, megapixels
from dis_core.batch.resuming import Now, Sorted, What, sort_jobs
from dis_core.batch.settings import settings_of
from dis_core.batch.summary import Summary, counted
from dis_core.cli.interrupts import heeding_ctrl_c
from dis_core.cli.many import naming, shard_filter
from dis_core.cli.planning import JobTemplate, Selection
from dis_core.cli.running import Failed, job_template, planned, run_jobs, say_failures, tried
from dis_core.cli.stop_at_eof import interrupt_at_eof
from dis_core.cli.terminal import ProgressStyle, progress_report, say, say_event
from dis_core.errors import DisError
from dis_core.jobs.job import Job, JobFailure, Style
from dis_core.jobs.runner import JobRunner

if TYPE_CHECKING:
    from dis_core.cli.options import SharedOptions

_NAMED_AT_MOST: Final = 20
"""Of the failures of a run; the manifest has all of them."""


RunJobs = Callable[["SharedOptions", list[Job], Record, JobRunner], list[Failed]]
"""Runs jobs, has the record note each, and returns the failures."""


def run_recorded(options: SharedOptions, style: Style, *, suffix: str, run: RunJobs | None = None) -> None:
    """Make a result of every image that the manifest does not know as done; in this process, or as `run` does it.

    Raises what `run_images` raises, and BadRequest or OutputExists for a manifest that cannot be used.
    """
    template = job_template(options, style, suffix=suffix)
    assert options.manifest is not None  # noqa: S101  for the types
    with (
        interrupt_at_eof() if options.stop_at_eof else nullcontext(),
        open_manifest(options.manifest, options.shard) as manifest,
    ):
        name_of = naming(options)
        plan = planned(options, template, Selection(shard_filter(options), earlier_names(manifest, name_of, suffix)))
        runner = JobRunner()
        now = what_is_now(options, template, runner)
        record = Record(manifest, now, lambda job: name_of(job.source or Path()))
        what: What = "only what failed" if options.retry_failed else "the rest"
        found = sort_jobs(plan.jobs, record.key_of, manifest, now, what=what)
        say_sorted(found)
        started = time.monotonic()
        failures = [Failed("", error) for error in plan.unreadable]
        failures += run_recorded_jobs(options, found.to_do, record, runner, run or run_here)
        summary = replace(
            summed_up(found, record, images=len(plan.jobs)),
            run_images=len(record.noted),
            run_megapixels=megapixels(record.noted.values()),
            run_s=time.monotonic() - started,
        )
        end(options.manifest, failures, summary, options.progress)


def earlier_names(manifest: Manifest, name_of: Callable[[Path], str], suffix: str) -> Callable[[Path], str | None]:
    """What the result of an image was called in an earlier run, without suffix and ending."""

    def stem_of(source: Path) -> str | None:
        row = manifest.rows.get(name_of(source))
        if row is None or not row.output:
            return None
        stem, found, _ = Path(row.output).name.rpartition(suffix)
        return stem if found else None

    return stem_of


def what_is_now(options: SharedOptions, template: JobTemplate, runner: JobRunner) -> Now:
    """The settings of a command, and the model that it runs, which is fetched if it has to be."""
    more = {"save_depth": options.save_depth, "animations": template.animations}
    settings = settings_of(template.shared, more=more)
    with progress_report(options.progress) as shown, heeding_ctrl_c(shown) as report:
        report(0.0, "starting")
        return Now(settings, runner.model_of(template.shared, report))


def run_here(options: SharedOptions, jobs: list[Job], record: Record, runner: JobRunner) -> list[Failed]:
    """Run jobs in this process."""
    return run_jobs(options, jobs, record=record, ready=runner)


def run_recorded_jobs(
    options: SharedOptions, jobs: list[Job], record: Record, runner: JobRunner, run: RunJobs
) -> list[Failed]:
    """Run the jobs; what cannot be written is noted as failed before."""
    writable, unwritable = tried(options, jobs)
    if unwritable:
        ready = {job.name for job in writable}
        errors = {failure.name: failure.error for failure in unwritable}
        for job in jobs:
            if job.name not in ready:
                record.note(job, JobFailure(errors[job.name]), 0.0)
    return unwritable + (run(options, writable, record, runner) if writable else [])


def say_sorted(found: Sorted) -> None:
    """Say what is not done and why, and what is done again."""
    if found.done:
        say(f"dis-core: skipping {len(found.done)} images that are done")
    for reason, count in found.redone.items():
        say(f"dis-core: doing {count} images again: {reason}")
    if found.set_aside:
        say(f"dis-core: skipping {len(found.set_aside)} images that failed before (--retry-failed does them)")
    if found.kept:
        count = len(found.kept)
        say(f"dis-core: skipping {count} images that have results of other runs (--overwrite replaces them)")


def summed_up(found: Sorted, record: Record, *, images: int) -> Summary:
    """What there is now of all the images of a run."""
    rows = [*found.done, *found.set_aside, *record.noted.values()]
    elsewhere = len(found.to_do) - len(record.noted)
    known = counted(rows, skipped=len(found.kept) + elsewhere)
    return replace(known, images=images, left=images - known.images)


def end(manifest: Path, failures: list[Failed], summary: Summary, progress: ProgressStyle) -> None:
    """Say what failed now, and sum up. Raises DisError if anything failed, in this run or before."""
    say_failures(failures[:_NAMED_AT_MOST])
    if (more := len(failures) - _NAMED_AT_MOST) > 0:
        say(f"dis-core: and {more} more that failed")
    say_summary(summary, progress)
    if summary.failed or failures:
        count = max(summary.failed, len(failures))
        hint = f"dis-core manifest show --failed {manifest} lists them; `retry_failed=True` does them again"
        raise DisError(f"{count} of {summary.images} failed", hint=hint)


def say_summary(summary: Summary, progress: ProgressStyle) -> None:
    """A few lines for people, and one event for programs."""
    for line in summary.lines():
        say(f"dis-core: {line}")
    if progress == "json":
        say_event("summary", **summary.facts())
