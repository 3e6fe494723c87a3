"""The process that runs the network, one image at a time: the daemon's worker in a process that can be replaced."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NoReturn

from dis_core.daemon.protocol import INTERMEDIATE_EVENTS, Message, describe_error, receive, send
from dis_core.daemon.remote_runner import outcome_of
from dis_core.daemon.worker import QueuedJob, Worker
from dis_core.errors import Cancelled
from dis_core.jobs.job import Job, JobFailure, JobResult
from dis_core.jobs.json_values import from_json_value, to_json_value
from dis_core.progress import Report
from dis_core.prompts import SegmentOptions
from dis_core.server.answers import Refused
from dis_core.server.children import ChildDied, ChildProcess

if TYPE_CHECKING:
    from dis_core.daemon.protocol import Connection

CANCELS_WITHIN_S: Final = 10.0
"""The process notices within a pass of the network that a job is cancelled. After this time it is replaced."""

FORGETS: Final = 0.2
"""How much the time of the last job counts, for how long the next one will take."""

NOTHING_IS_DOWNLOADED: Final = ("HF_HUB_OFFLINE", "1")
"""What keeps the process from fetching weights, whatever a request asks for."""


class Network:
    """Runs jobs in a process of its own. One job runs at a time, the others wait for their turn in order.

    `warm_up` says what to load before there is a job. `seconds_each` is how long a job took lately.
    """

    def __init__(self, warm_up: SegmentOptions, *, limit_s: float) -> None:
        self.child = ChildProcess(run_jobs, json.dumps(to_json_value(warm_up)))
        self.seconds_each = 1.0
        self._turn = asyncio.Lock()
        self._limit_s = limit_s

    async def run(self, job: Job, report: Report) -> JobResult | JobFailure:
        """Run a job. A caller that is cancelled cancels the job.

        Raises Refused if the process dies or takes too long, and what concerns all images, as `JobRunner.run` does.
        """
        async with self._turn:
            started = time.monotonic()
            work = asyncio.create_task(self._run(job, report))
            if not await self._is_done_in_time(work):
                await self._end(work)
                raise Refused(503, "took_too_long", f"the image took longer than {self._limit_s:g} s")
            self.seconds_each += FORGETS * (time.monotonic() - started - self.seconds_each)
            return work.result()

    async def _is_done_in_time(self, work: asyncio.Task[JobResult | JobFailure]) -> bool:
        try:
            await asyncio.wait([work], timeout=self._limit_s)
            return work.done()
        except asyncio.CancelledError:
            await self._end(work)
            raise

    async def _end(self, work: asyncio.Task[JobResult | JobFailure]) -> None:
        """Cancel the current job, and replace the process if it does not notice."""
        self.child.tell({"do": "cancel"})
        await asyncio.wait([work], timeout=CANCELS_WITHIN_S)
        if not work.done():
            self.child.kill()
        await asyncio.gather(work, return_exceptions=True)

    async def _run(self, job: Job, report: Report) -> JobResult | JobFailure:
        try:
            async for event in self.child.ask({"do": "segment", "job": to_json_value(job)}):
                if event.get("event") == "progress":
                    report(float(event["fraction"]), str(event["doing"]))
                elif event.get("event") not in INTERMEDIATE_EVENTS:
                    return outcome_of(event)
        except ChildDied:
            pass
        raise Refused(503, "worker_lost", "the process that ran the model ended", "try again", retry_after_s=1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The process is started at once, so that the first image need not wait for it, and ends with the block."""
        self.child.start()
        try:
            yield
        finally:
            self.child.kill()


def run_jobs(connection: Connection, warm_up: str) -> NoReturn:
    """What the process does: jobs, until nobody is at the other end."""
    os.environ.update([NOTHING_IS_DOWNLOADED])
    worker = Worker(lambda: None)
    worker.start()
    worker.expect(from_json_value(SegmentOptions, json.loads(warm_up)))
    queued: QueuedJob | None = None
    try:
        while True:
            message = receive(connection)
            if message.get("do") == "segment":
                queued = _queued(message)
                threading.Thread(target=_send_all, args=(connection, queued.outbox), daemon=True).start()
                worker.submit(queued)
            elif queued is not None:
                worker.withdraw(queued)
                if not worker.is_busy:  # it had not begun, so that nobody answers
                    queued.answer(describe_error("error", Cancelled()))
    except (EOFError, OSError):
        os._exit(0)  # threads may be running a network, which Python would wait for


def _queued(message: Message) -> QueuedJob:
    job = from_json_value(Job, message["job"])
    return QueuedJob(job, run=object(), umask=0o077, log_level=1000, outbox=queue.SimpleQueue())


def _send_all(connection: Connection, outbox: queue.SimpleQueue[Message | None]) -> None:
    while (message := outbox.get()) is not None:
        try:
            send(connection, message)
        except OSError:
            return  # the server is gone; who reads notices too
        if message["event"] not in INTERMEDIATE_EVENTS:
            return
