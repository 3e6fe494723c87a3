"""Runs over files that hold many images: tars and tables become tars and tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.batch.containers import Container, Unit, cut_container, is_whole
from dis_core.batch.cutter import Cutter
from dis_core.batch.manifest import Manifest, open_manifest
from dis_core.batch.recording import megapixels
from dis_core.batch.resuming import Now, Reasons, What
from dis_core.batch.rows import Row
from dis_core.batch.summary import counted
from dis_core.cli.interrupts import heeding_ctrl_c
from dis_core.cli.recorded import end, what_is_now
from dis_core.cli.running import Failed, job_template, refuse_contradictions
from dis_core.cli.stop_at_eof import interrupt_at_eof
from dis_core.cli.terminal import progress_report, say, say_path
from dis_core.errors import OF_ONE_IMAGE, DiskFull, OutputExists, OutputFailed
from dis_core.jobs.job import Job, Style
from dis_core.jobs.runner import JobRunner
from dis_core.progress import Report, span

if TYPE_CHECKING:
    from dis_core.cli.options import SharedOptions

OF_ONE_FILE = (*OF_ONE_IMAGE, OutputExists, OutputFailed)
"""What can go wrong with one file of many images while the next one still goes well; a full disk is not."""


class Counting:
    """A manifest that remembers which rows were added in this run."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self.added: list[Row] = []

    @property
    def rows(self) -> dict[str, Row]:
        """Of the manifest."""
        return self._manifest.contents.rows

    def add(self, *rows: Row) -> None:
        """Note these in the manifest."""
        self._manifest.add(*rows)
        self.added += [row for row in rows if row.status in ("done", "failed")]


RunUnits = Callable[["SharedOptions", list[Unit], Container, Job, Counting, Now, What], Iterable[Failed]]
"""Makes the results of files of many images, notes them, and says which files failed."""


def run_units(
    options: SharedOptions,
    style: Style,
    units: list[Unit],
    container: Callable[[Job], Container],
    *,
    suffix: str,
    run: RunUnits | None = None,
) -> None:
    """Make a file of results for each file of many images, as far as the manifest does not know it as whole.

    Raises what `run_recorded` raises.
    """
    template = job_template(options, style, suffix=suffix)
    job = template.shared
    refuse_contradictions(options, [replace(job, destination=unit.destination) for unit in units[:1]])
    assert options.manifest is not None  # noqa: S101  for the types
    what: What = "only what failed" if options.retry_failed else "the rest"
    with (
        interrupt_at_eof() if options.stop_at_eof else nullcontext(),
        open_manifest(options.manifest, options.shard) as manifest,
    ):
        notes = Counting(manifest)
        now = what_is_now(options, template, JobRunner())
        manifest.add_settings(now.settings)
        started = time.monotonic()
        to_do = units_to_do(units, manifest, now, what)
        run = run or cut_here
        failures = list(run(options, to_do, container(job), job, notes, now, what) if to_do else [])
        summary = replace(
            counted(rows_of(units, manifest)),
            run_images=len(notes.added),
            run_megapixels=megapixels(notes.added),
            run_s=time.monotonic() - started,
        )
        end(options.manifest, failures, summary, options.progress)


def units_to_do(units: list[Unit], manifest: Manifest, now: Now, what: What) -> list[Unit]:
    """The files that are not whole, or in which something failed that is to be tried again; says what is skipped."""
    whole = [unit for unit in units if is_whole(unit, manifest, now)]
    failed = {path.partition("/")[0] for path, row in manifest.rows.items() if row.status == "failed"}
    if what == "only what failed":
        return [unit for unit in whole if unit.name in failed]
    if whole:
        say(f"dis-core: skipping {len(whole)} files that are done")
    reasons = Reasons(manifest.contents.settings, now)
    for unit in units:
        row = manifest.rows.get(unit.name)
        if unit not in whole and row is not None and (changes := reasons.changes(row)):
            say(f"dis-core: doing {unit.name} again: {changes}")
    return [unit for unit in units if unit not in whole]


def rows_of(units: list[Unit], manifest: Manifest) -> list[Row]:
    """The rows of the images in these files."""
    names = {unit.name for unit in units}
    return [row for path, row in manifest.rows.items() if path.partition("/")[0] in names and "/" in path]


def cut_here(
    options: SharedOptions,
    units: list[Unit],
    container: Container,
    job: Job,
    notes: Counting,
    now: Now,
    what: What,
) -> Iterable[Failed]:
    """Make the results of each file in this process; what is wrong with one does not stop the others."""
    cutter = Cutter(job)
    with progress_report(options.progress) as shown, heeding_ctrl_c(shown) as report:
        for number, unit in enumerate(units):
            whole = span(report, number / len(units), (number + 1) / len(units))

            def report_on(path: str, whole: Report = whole) -> Report:
                return lambda _fraction, doing: whole(0.0, f"{Path(path).name}: {doing}")

            try:
                cut_container(unit, container, cutter, notes, now, report_on, what=what)
            except DiskFull:
                raise
            except OF_ONE_FILE as error:
                yield Failed(unit.name, error)
            else:
                say_path(unit.destination)
