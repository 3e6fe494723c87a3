"""How long a job will still take, from what such jobs took on this machine before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from dis_core.cli.terminal import say_event
from dis_core.jobs.timings import expected_s, remember, work_of

if TYPE_CHECKING:
    from dis_core.jobs.job import Job
    from dis_core.progress import Report

NOT_THE_WORK: Final = ("starting", "loading", "waiting", "downloading", "asking")
"""What may or may not come before the work: a model that is in memory needs none of it."""


class Countdown:
    """Counts the time that a job has worked, without what `NOT_THE_WORK` names."""

    def __init__(self, whole_s: float) -> None:
        self._whole_s, self._worked_s = whole_s, 0.0
        self._since: float | None = None

    def remaining_s(self, doing: str) -> float | None:
        """The seconds that are left while this is done; None when it takes longer than expected."""
        now = time.monotonic()
        if self._since is not None:
            self._worked_s += now - self._since
        self._since = None if doing.startswith(NOT_THE_WORK) else now
        left_s = self._whole_s - self._worked_s
        return left_s if left_s > 0 else None


def counting_down(report: Report, job: Job) -> Report:
    """A report for programs that also says how long this job will still take, if that is known."""
    work = work_of(job)
    whole_s = None if work is None else expected_s(work)
    if whole_s is None:
        return report
    countdown = Countdown(whole_s)

    def report_both(fraction: float, doing: str) -> None:
        left_s = countdown.remaining_s(doing)
        more = {} if left_s is None else {"remaining_s": round(left_s, 1)}
        say_event("progress", fraction=round(fraction, 4), doing=doing, **more)

    return report_both


def keep_time(job: Job, seconds: float) -> None:
    """Remember how long a job has taken, without loading."""
    work = work_of(job)
    if work is not None:
        remember(work, seconds)
