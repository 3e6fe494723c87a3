"""Which images of a run are still to be done, by what its manifest says."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from dis_core.batch.manifest import Manifest
from dis_core.batch.rows import Row
from dis_core.batch.settings import Settings, differences
from dis_core.errors import OF_ONE_IMAGE
from dis_core.files import beginning_of, unfinished_files
from dis_core.jobs.claims import claimed
from dis_core.jobs.job import Job

_SET_ASIDE = frozenset(error.code for error in OF_ONE_IMAGE)
"""What is wrong with an image itself would be wrong again; a place that could not be written may be writable now."""

What = Literal["the rest", "only what failed"]


@dataclass
class Sorted:
    """`to_do`, with a count of those that are `redone`, by reason; `set_aside` failed before, and are left alone.

    `kept` have results that are not ours to replace, and `left` are for another run.
    """

    to_do: list[Job] = field(default_factory=list)
    done: list[Row] = field(default_factory=list)
    set_aside: list[Row] = field(default_factory=list)
    kept: list[Job] = field(default_factory=list)
    left: int = 0
    redone: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Now:
    """What results are made with in this run."""

    settings: Settings
    model: str


def sort_jobs(jobs: Iterable[Job], key_of: Callable[[Job], str], manifest: Manifest, now: Now, *, what: What) -> Sorted:
    """Look up each job in the manifest, and whether its image and its result are still those that it speaks of.

    A result is replaced only if it is still the one that we have written, or if the job may overwrite.
    """
    found = Sorted()
    begun: list[Job] = []
    reasons = Reasons(manifest.contents.settings, now)
    for job in jobs:
        row = manifest.rows.get(key_of(job))
        if what == "only what failed" and (row is None or row.status != "failed"):
            if row is not None and row.status == "done":
                found.done.append(row)
            else:
                found.left += 1
        elif row is None:
            _to_do(job, None, found)
        elif row.status == "begun":
            begun.append(job)
            _to_do(job, row, found)
        elif reason := reasons.to_redo(job, row, what):
            found.redone[reason] += _to_do(job, row, found)
        elif row.status == "failed":
            found.set_aside.append(row)
        else:
            found.done.append(row)
    sweep(begun)
    return found


def sweep(jobs: Iterable[Job]) -> None:
    """Remove what a killed run has left of files that it was writing for these jobs."""
    named: dict[Path, dict[str, Path]] = {}
    for path in (path for job in jobs for path in job.written):
        named.setdefault(path.parent, {})[beginning_of(path.name)] = path
    for folder, places in named.items():
        for unfinished, name in list(unfinished_files(folder)):
            if (place := places.get(name)) is not None:
                with claimed(place) as is_ours, contextlib.suppress(OSError):
                    if is_ours:
                        unfinished.unlink()


def _to_do(job: Job, row: Row | None, found: Sorted) -> bool:
    """Put a job among those that are done now, if its result may be written."""
    may_replace = job.overwrite
    if job.destination is not None and not may_replace and (size := _size_of_output(job)) is not None:
        may_replace = row is not None and (row.status == "begun" or size == row.output_size)
        if not may_replace:
            found.kept.append(job)
            return False
        job = replace(job, overwrite=True)
    found.to_do.append(job)
    return True


def _size_of_output(job: Job) -> int | None:
    """The size of the result in bytes; None if there is none."""
    assert job.destination is not None  # noqa: S101  for the types
    try:
        return job.destination.lstat().st_size
    except (OSError, ValueError):
        return None


def state_of(job: Job) -> tuple[int, int]:
    """The size of a job's image in bytes, and the time of its last change; zeros if it cannot be looked at."""
    try:
        status = os.stat(job.source or "")  # noqa: PTH116 - of a million files
    except (OSError, ValueError):
        return 0, 0
    return status.st_size, status.st_mtime_ns


class Reasons:
    """Says why an image that a manifest knows is done once more."""

    def __init__(self, settings: Mapping[str, Mapping[str, object]], now: Now) -> None:
        self._settings, self._now = settings, now
        self._changes: dict[tuple[str, str], str] = {}

    def to_redo(self, job: Job, row: Row, what: What) -> str:
        """Why a job that is done or failed is done again, in words; nothing if it is not."""
        if row.status == "failed" and (what == "only what failed" or row.code not in _SET_ASIDE):
            return "they failed before"
        if state_of(job) != (row.size, row.mtime_ns):
            return "the images have changed"
        if changes := self.changes(row):
            return changes
        if row.status == "done" and job.destination is not None and not os.path.lexists(job.destination):
            return "their results are gone"
        return ""

    def changes(self, row: Row) -> str:
        """How the settings and the model of a row differ from those of now, in words; nothing if they do not."""
        key = row.settings, row.model
        if key not in self._changes:
            before = self._settings.get(row.settings, {})
            words = [] if row.model == self._now.model else [f"the model was {row.model}, now {self._now.model}"]
            if row.settings != self._now.settings.name:
                words += differences(before, self._now.settings.values)
            self._changes[key] = "; ".join(words)
        return self._changes[key]
