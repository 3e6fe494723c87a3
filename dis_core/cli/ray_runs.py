"""`dis-core batch --ray`: the work of a batch on a Ray cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dis_core.batch.containers import Container, Unit
from dis_core.batch.on_ray import (
    Actors,
    JobWorker,
    UnitWorker,
    absolute,
    cluster,
    error_from,
    fetch_on_every_node,
    on_actors,
    outcome_from,
    rows_for,
)
from dis_core.batch.recording import Record
from dis_core.batch.resuming import Now, What
from dis_core.batch.rows import row_of
from dis_core.cli.interrupts import heeding_ctrl_c
from dis_core.cli.results import show_result
from dis_core.cli.running import Failed, failed
from dis_core.cli.terminal import progress_report, say, say_path
from dis_core.cli.units import Counting
from dis_core.jobs.job import Job, JobFailure
from dis_core.jobs.json_values import to_json_value
from dis_core.jobs.runner import JobRunner
from dis_core.progress import Report

if TYPE_CHECKING:
    from dis_core.cli.options import SharedOptions


@dataclass(frozen=True)
class OnRay:
    """Where and with how many actors a batch runs; `address` None is a cluster of this machine alone."""

    address: str | None
    actors: Actors

    def run_jobs(self, options: SharedOptions, jobs: list[Job], record: Record, _runner: JobRunner) -> list[Failed]:
        """As `run_here`: run jobs, note each in the record, and return the failures."""
        record.begin(*jobs)
        failures: list[Failed] = []
        items = [_as_item(job) for job in jobs]
        with self._report_of(options, len(jobs)) as done:
            fetch_on_every_node(jobs[0])
            for number, made in on_actors(items, JobWorker, {"job": jobs[0]}, self.actors, _say):
                job = jobs[number]
                outcome, seconds = outcome_from(made)
                record.note(job, outcome, seconds)
                done()
                if isinstance(outcome, JobFailure):
                    failures += failed(options, [(job, outcome.error)])
                else:
                    show_result(job, outcome, seconds, options.progress)
        return failures

    def run_units(
        self,
        options: SharedOptions,
        units: list[Unit],
        container: Container,
        job: Job,
        notes: Counting,
        now: Now,
        what: What,
    ) -> Iterator[Failed]:
        """As `cut_here`: make the results of each file of many images, one file for each actor at a time."""
        if what == "the rest":
            notes.add(*(unit.row("open", now) for unit in units))
        items = [rows_for(unit, notes.rows) for unit in units]
        arguments = {"job": job, "container": container, "now": now, "what": what}
        with self._report_of(options, len(units)) as done:
            fetch_on_every_node(job)
            for number, made in on_actors(items, UnitWorker, arguments, self.actors, _say, batch_size=1):
                done()
                if "error" in made:
                    yield Failed(units[number].name, error_from(made["error"]))
                else:
                    notes.add(*(replace(row_of(row), end=0, part="") for row in made["rows"]))
                    say_path(units[number].destination)

    @contextmanager
    def _report_of(self, options: SharedOptions, count: int) -> Iterator[_Done]:
        """A cluster, and a function to call when one of `count` things is done, which shows progress."""
        with progress_report(options.progress) as shown, heeding_ctrl_c(shown) as report:
            report(0.0, "starting Ray")
            with cluster(self.address):
                yield _Done(count, report)


class _Done:
    """Counts what is done."""

    def __init__(self, count: int, report: Report) -> None:
        self._count, self._report, self._done = count, report, 0

    def __call__(self) -> None:
        self._done += 1
        self._report(self._done / self._count, f"{self._done} of {self._count} done")


def _as_item(job: Job) -> str:
    return json.dumps(to_json_value(absolute(job)))


def _say(text: str) -> None:
    say(f"dis-core: {text}")
