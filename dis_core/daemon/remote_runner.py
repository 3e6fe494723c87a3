"""Runs jobs in the daemon: what `--warm` does instead of loading a model into this process."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.daemon import client, endpoint
from dis_core.daemon.protocol import Message, error_of
from dis_core.daemon.staging import StagedJob, copy_to_stdout
from dis_core.errors import DaemonUnavailable, DisError, DiskFull, NoImage, OutputFailed
from dis_core.jobs.job import CutoutStyle, Job, JobFailure, JobResult
from dis_core.jobs.json_values import InvalidValue, from_json_value, to_json_value
from dis_core.jobs.runner import JobRunner
from dis_core.progress import Report

if TYPE_CHECKING:
    from types import TracebackType

MAX_REPLACEMENTS = 1
"""How often a daemon that is lost during an image is replaced. Then this process does the work itself."""


class DaemonBug(Exception):
    """A bug in the daemon; the message is that of the exception there."""


class RemoteRunner:
    """Runs jobs as `JobRunner` does, but in the daemon while there is one.

    `warn` gets a sentence for the user when a daemon is lost. `owner_pid` is the process that the work is for, if it is
    another one.
    """

    def __init__(
        self, keep_alive_s: float | None, *, warn: Callable[[str], None], owner_pid: int | None = None
    ) -> None:
        self._warn = warn
        self._keep_alive_s = keep_alive_s
        self._owner_pid = owner_pid
        self._connection: client.DaemonConnection | None = None
        self._lost: list[str] = []
        self._replacements = 0
        self._own: JobRunner | None = None
        self._stack = ExitStack()
        self._folder: Path | None = None

    def __enter__(self) -> RemoteRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disconnect()
        self._stack.close()

    def run(self, job: Job, report: Report) -> JobResult | JobFailure:
        """As `JobRunner.run`, and raises the same; DaemonBusy too."""
        try:
            sent = self._staged(job)
        except DiskFull:
            raise
        except (NoImage, OutputFailed) as error:
            return JobFailure(error)
        try:
            outcome = self._run_job(sent.job, report)
            if job.destination is None and isinstance(outcome, JobResult):
                copy_to_stdout(sent.job.written[0])
        except DisError as error:
            if isinstance(error, OutputFailed) and not isinstance(error, DiskFull):
                return JobFailure(error)
            raise sent.error_with_user_paths(error) from None
        finally:
            sent.clear()
        if isinstance(outcome, JobFailure):
            return JobFailure(sent.error_with_user_paths(outcome.error))
        return replace(outcome, remarks=tuple(map(sent.with_user_paths, outcome.remarks)))

    def _run_job(self, job: Job, report: Report) -> JobResult | JobFailure:
        """Run a job in the daemon, or here if no daemon can be reached."""
        if self._own is None:
            try:
                return self._run_there(job, report)
            except DaemonUnavailable as error:
                self._warn(f"{error.message}; continuing without a daemon")
                self._own = JobRunner()
        return self._own.run(job, report)

    def _run_there(self, job: Job, report: Report) -> JobResult | JobFailure:
        """Raises DaemonUnavailable if no daemon can be reached, and the daemon's errors that concern all images."""
        has_left = False
        while True:
            try:
                if self._connection is None:
                    self._connection = client.reach_daemon(endpoint.runtime_folder(), exclude=self._lost)
                return self._ask(self._connection, job, report)
            except client.ConnectionLost as lost:
                if self._connection is not None:
                    self._lost.append(self._connection.endpoint.name)
                self._disconnect()
                if isinstance(lost, client.DaemonExiting) and not has_left:
                    has_left = True
                    continue  # it was about to exit, as daemons do; start a new one silently
                self._replacements += 1
                if self._replacements > MAX_REPLACEMENTS:
                    raise DaemonUnavailable(f"{lost}, again") from None
                self._warn(f"{lost}; retrying with a new one")

    def _ask(self, connection: client.DaemonConnection, job: Job, report: Report) -> JobResult | JobFailure:
        answer = connection.ask(
            "segment",
            job=to_json_value(job),
            umask=_umask(),
            log_level=logging.getLogger().getEffectiveLevel(),
            keep_alive_s=self._keep_alive_s,
            owner_pid=self._owner_pid,
        )
        for message in answer:
            if message.get("event") == "progress":
                report(*_progress_in(message))
            elif message.get("event") == "log":
                logging.getLogger("dis_core").log(_level_in(message), "%s", message.get("text", ""))
            else:
                return outcome_of(message)
        raise AssertionError("an answer ends with a final event")

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _staged(self, job: Job) -> StagedJob:
        """The job in a form that any process can run. Raises NoImage, OutputFailed."""
        packed = StagedJob(job, self._private_folder)
        style, options = job.style, job.options
        if isinstance(style, CutoutStyle) and style.bgimage is not None:
            style = replace(style, bgimage=packed.readable(style.bgimage))
        if options.depth is not None:
            options = replace(options, depth=packed.readable(options.depth))
        packed.job = replace(
            job,
            source=packed.readable(job.source),
            destination=packed.writable(job.destination),
            depth_destination=None if job.depth_destination is None else packed.writable(job.depth_destination),
            style=style,
            options=options,
        )
        return packed

    def _private_folder(self) -> Path:
        """A folder private to this user, deleted when the run is over. Raises OutputFailed."""
        try:
            if self._folder is None:
                self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="dis-core-")))
        except OSError as error:
            raise OutputFailed(
                f"a temporary folder could not be created: {error.strerror}", hint="free some space"
            ) from error
        return self._folder


def _umask() -> int:
    """This process's umask. It can only be read by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def outcome_of(message: Message) -> JobResult | JobFailure:
    """The outcome in the last event of an answer.

    Raises errors that concern all images, DaemonUnavailable if the answer makes no sense, and DaemonBug.
    """
    event = message.get("event")
    if event == "result":
        try:
            return from_json_value(JobResult, message.get("result"))
        except InvalidValue as error:
            raise DaemonUnavailable(f"the daemon's answer was not understood: {error}") from error
    if event == "failure":
        return JobFailure(error_of(message))
    if event == "error":
        raise error_of(message)
    if event == "bug":
        raise DaemonBug(str(message.get("message")))
    raise DaemonUnavailable(f"the daemon's answer was not understood: {str(event)[:40]!r}")


def _progress_in(message: Message) -> tuple[float, str]:
    fraction = message.get("fraction")
    if not (isinstance(fraction, (int, float)) and 0 <= fraction <= 1):
        fraction = 0.0
    return float(fraction), str(message.get("doing", ""))


def _level_in(message: Message) -> int:
    level = message.get("level")
    return level if isinstance(level, int) else logging.WARNING
