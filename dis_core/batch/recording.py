"""Notes in a manifest what becomes of each image of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from dis_core.batch.manifest import Manifest
from dis_core.batch.resuming import Now, state_of
from dis_core.batch.rows import Row
from dis_core.errors import DisError
from dis_core.files import size_of
from dis_core.jobs.job import Job, JobFailure, JobResult


class Record:
    """Writes a row when a job begins, and one when it is done. `key_of` says what the manifest calls its image."""

    def __init__(self, manifest: Manifest, now: Now, key_of: Callable[[Job], str]) -> None:
        self._manifest, self._now, self.key_of = manifest, now, key_of
        self._states: dict[str, tuple[int, int]] = {}
        self.noted: dict[str, Row] = {}
        manifest.add_settings(now.settings)

    def begin(self, *jobs: Job) -> None:
        """Write that these are being worked on, so that a result without another row is known as ours."""
        rows = []
        for job in jobs:
            key = self.key_of(job)
            self._states[key] = state_of(job)
            rows.append(Row(key, "begun", settings=self._now.settings.name, output=str(job.destination or "")))
        self._manifest.add(*rows)

    def note(self, job: Job, outcome: JobResult | JobFailure, seconds: float) -> None:
        """Write what became of a job. `seconds` include loading. Raises OutputFailed."""
        key = self.key_of(job)
        size, mtime_ns = self._states.pop(key) if key in self._states else state_of(job)
        common = Row(key, "done", settings=self._now.settings.name, model=self._now.model, size=size, mtime_ns=mtime_ns)
        if isinstance(outcome, JobFailure):
            row = failed_row(common, outcome.error, seconds)
        else:
            row = done_row(common, outcome, seconds - outcome.loading_s, job.destination)
        self._manifest.add(row)
        self.noted[key] = row


def done_row(common: Row, result: JobResult, seconds: float, output: Path | None) -> Row:
    """The row of an image with a result; `seconds` are without loading."""
    height, width = result.size or (0, 0)
    return replace(
        common,
        status="done",
        model=result.model,
        output="" if output is None else str(output),
        output_size=0 if output is None else size_of(output),
        seconds=round(max(seconds, 0.0), 3),
        megapixels=round(height * width / 1e6, 3),
        tiles=0 if result.refinement is None else result.refinement.tiles_run,
        at=now_utc(),
    )


def failed_row(common: Row, error: DisError, seconds: float) -> Row:
    """The row of an image without a result."""
    return replace(
        common,
        status="failed",
        code=error.code,
        message=error.message,
        hint=error.hint,
        seconds=round(seconds, 3),
        at=now_utc(),
    )


def now_utc() -> str:
    """The time as it is written: sortable, and the same everywhere."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def megapixels(rows: Iterable[Row]) -> float:
    """Of all images that were cut out."""
    return sum(row.megapixels for row in rows if row.status == "done")
