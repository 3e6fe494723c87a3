"""Jobs for programs that wait: one at a time, in a thread, with progress, and stopped when nobody waits any more."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread

from dis_core.errors import Cancelled
from dis_core.progress import Report

if TYPE_CHECKING:
    from dis_core.daemon.remote_runner import RemoteRunner
    from dis_core.jobs.job import Job, JobFailure, JobResult
    from dis_core.jobs.runner import JobRunner

Tell = Callable[[float, str], Coroutine[Any, Any, None]]
"""As a `Report`, in an event loop."""


class OneAtATime:
    """Runs jobs for the tasks of an event loop: the network is busy with one, and the others wait for their turn."""

    def __init__(self, runner: JobRunner | RemoteRunner) -> None:
        self._runner = runner
        self._turn = anyio.Lock()

    async def run(self, job: Job, tell: Tell) -> JobResult | JobFailure:
        """Run a job as `JobRunner.run` does, and raise the same.

        If the task is canceled, the work ends within a pass of the network, before the next job begins.
        """
        async with self._turn:
            try:
                return await anyio.to_thread.run_sync(partial(self._runner.run, job, _report_to(tell)))
            except Cancelled:
                await anyio.lowlevel.checkpoint()  # raises what canceled the task
                raise


def _report_to(tell: Tell) -> Report:
    """A report for a thread: it tells each percent, and stops the work if the task that waits is canceled."""
    told = -1

    def report(fraction: float, doing: str) -> None:
        nonlocal told
        try:
            anyio.from_thread.check_cancelled()
        except anyio.get_cancelled_exc_class():
            raise Cancelled from None
        if (percent := int(100 * fraction)) > told:
            told = percent
            anyio.from_thread.run(tell, fraction, doing)

    return report
