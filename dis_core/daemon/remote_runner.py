"""Orders to the daemon: what `--warm` does in place of loading a model into this process."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dis_core.cli.terminal import say
from dis_core.daemon import client, endpoint
from dis_core.daemon.protocol import Message, error_of
from dis_core.daemon.staging import _Packed, copy_to_stdout
from dis_core.errors import DaemonUnavailable, DisError, NoImage, OutputFailed
from dis_core.jobs.job import CutoutStyle, Job, JobFailure, JobResult
from dis_core.jobs.json_values import from_plain, to_plain
from dis_core.jobs.runner import JobRunner
from dis_core.progress import Report

if TYPE_CHECKING:
    from types import TracebackType

NEW_DAEMONS = 1
"""A daemon that is lost in the middle of an image is replaced so often; then this process does the work itself."""


class BugInDaemon(Exception):
    """Something went wrong there that should not have; its words are those of the exception."""


class RemoteRunner:
    """Carries out jobs as `JobRunner` does, but in the daemon as long as there is one."""

    def __init__(self, keep_alive_s: float | None) -> None:
        self._keep_alive_s = keep_alive_s
        self._talk: client.Talk | None = None
        self._lost: list[str] = []
        self._new_daemons = 0
        self._own: JobRunner | None = None
        self._stack = ExitStack()
        self._folder: Path | None = None

    def __enter__(self) -> RemoteRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()
        self._stack.close()

    def run(self, job: Job, report: Report) -> JobResult | JobFailure:
        """As `JobRunner.run`, and raises the same; DaemonBusy too."""
        try:
            sent = self._packed(job)
        except (NoImage, OutputFailed) as error:
            return JobFailure(error)
        try:
            outcome = self._run_job(sent.job, report)
            if job.destination is None and isinstance(outcome, JobResult):
                copy_to_stdout(sent.job.written[0])
        except OutputFailed as error:
            return JobFailure(error)
        except DisError as error:
            raise sent.as_typed(error) from None
        finally:
            sent.clear()
        if isinstance(outcome, JobFailure):
            return JobFailure(sent.as_typed(outcome.error))
        return replace(outcome, remarks=tuple(map(sent.in_typed_words, outcome.remarks)))

    def _run_job(self, job: Job, report: Report) -> JobResult | JobFailure:
        """In the daemon, or here where there is none to be had."""
        if self._own is None:
            try:
                return self._run_there(job, report)
            except DaemonUnavailable as error:
                say(f"dis-core: {error.message}; going on without a daemon")
                self._own = JobRunner()
        return self._own.run(job, report)

    def _run_there(self, job: Job, report: Report) -> JobResult | JobFailure:
        """Raises DaemonUnavailable if no daemon can be had, and what the daemon says of all images alike."""
        has_left = False
        while True:
            try:
                if self._talk is None:
                    self._talk = client.reach_daemon(endpoint.runtime_folder(), but=self._lost)
                return self._ask(self._talk, job, report)
            except client.Lost as lost:
                if self._talk is not None:
                    self._lost.append(self._talk.directions.name)
                self._hang_up()
                if isinstance(lost, client.Left) and not has_left:
                    has_left = True
                    continue  # it was about to leave, as daemons do; a new one is started without a word
                self._new_daemons += 1
                if self._new_daemons > NEW_DAEMONS:
                    raise DaemonUnavailable(f"{lost}, again") from None
                say(f"dis-core: {lost}; trying once more with a new one")

    def _ask(self, talk: client.Talk, job: Job, report: Report) -> JobResult | JobFailure:
        answer = talk.ask(
            "segment",
            job=to_plain(job),
            umask=_umask(),
            log_level=logging.getLogger().getEffectiveLevel(),
            keep_alive_s=self._keep_alive_s,
        )
        for message in answer:
            if message["event"] == "progress":
                report(float(message["fraction"]), str(message["doing"]))
            elif message["event"] == "said":
                logging.getLogger("dis_core").log(int(message["level"]), "%s", message["text"])
            else:
                return outcome_of(message)
        raise AssertionError("an answer has an end")

    def _hang_up(self) -> None:
        if self._talk is not None:
            self._talk.close()
            self._talk = None

    def _packed(self, job: Job) -> _Packed:
        """The job as it can be carried out anywhere. Raises NoImage, OutputFailed."""
        packed = _Packed(job, self._private_folder)
        style, wanted = job.style, job.segmenting
        if isinstance(style, CutoutStyle) and style.bgimage is not None:
            style = replace(style, bgimage=packed.readable(style.bgimage))
        if wanted.depth is not None:
            wanted = replace(wanted, depth=packed.readable(wanted.depth))
        packed.job = replace(
            job,
            source=packed.readable(job.source),
            destination=packed.writable(job.destination),
            depth_destination=None if job.depth_destination is None else packed.writable(job.depth_destination),
            style=style,
            segmenting=wanted,
        )
        return packed

    def _private_folder(self) -> Path:
        """A folder that this user alone can look into, until the run is over. Raises OutputFailed."""
        try:
            if self._folder is None:
                self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="dis-core-")))
        except OSError as error:
            raise OutputFailed(f"no temporary folder can be made: {error.strerror}", hint="free some space") from error
        return self._folder


def _umask() -> int:
    """This process's umask, which can only be read by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def outcome_of(message: Message) -> JobResult | JobFailure:
    """What the last event of an answer says. Raises what concerns all images alike."""
    if message["event"] == "result":
        return from_plain(JobResult, message["result"])
    if message["event"] == "failure":
        return JobFailure(error_of(message))
    if message["event"] == "error":
        raise error_of(message)
    raise BugInDaemon(str(message.get("message")))
