"""One image from what was sent to the files of the answer, through the processes that do the work."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from dis_core.daemon.remote_runner import DaemonBug
from dis_core.errors import DisError
from dis_core.jobs.job import Job, JobFailure, JobResult, MaskStyle
from dis_core.jobs.json_values import to_json_value
from dis_core.progress import Report, span
from dis_core.prompts import SegmentOptions
from dis_core.server import models
from dis_core.server.answers import bug, refusal_of
from dis_core.server.codecs import Codecs
from dis_core.server.limits import Limits
from dis_core.server.metrics import Metrics
from dis_core.server.network import Network
from dis_core.server.pictures import Making, Reading
from dis_core.server.private import private_folder
from dis_core.server.queue import BoundedQueue, Uploads
from dis_core.server.results import ResultStyle

CODECS: Final = 2
"""How many images are read or made into files at a time, while the network looks at another one."""


@dataclass(frozen=True)
class ReadImage:
    """An image whose pixels are in a file: its size (height, width) as it was sent, and as it is now."""

    pixels: Path
    original_size: tuple[int, int]
    size: tuple[int, int]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """The files of an answer, which lie in `folder`, what is in them, and how they came about."""

    folder: Path
    facts: dict[str, Any]
    result: JobResult


class Work:
    """What all requests share: the processes, the queue before them, and a private folder that goes with the server.

    `options` are what a request gets that says nothing: the model, the device, which licenses are accepted. Who has the
    pixels of an image holds `decoded`: they take many times the room of what was sent, and the others wait with that.
    """

    def __init__(self, options: SegmentOptions, limits: Limits) -> None:
        self.options = options
        self.limits = limits
        self.metrics = Metrics()
        self.network = Network(options, limit_s=limits.network_s)
        self.queue = BoundedQueue(limits.waiting, lambda: self.network.seconds_each)
        self.uploads = Uploads(limits.uploads, limits.uploads_each)
        self.decoded = asyncio.Semaphore(CODECS + 1)
        self.codecs = Codecs(CODECS, limit_s=limits.codec_s)
        self._folder: Path | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The processes and the folder, for as long as the block takes."""
        with private_folder() as self._folder:
            async with self.network.running(), self.codecs.running():
                yield

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder for one request, which is gone after the block if that raises, or else `remove_folder` removes."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            yield folder
        except BaseException:
            remove_folder(folder)
            raise

    async def read(self, sent: Path, *, reduce_to: int | None = None) -> ReadImage:
        """Decode an image. Raises Refused."""
        pixels = sent.with_suffix(".tif")
        reading = Reading(sent, pixels, self.limits.pixels, reduce_to)
        done = await self.codecs.call("read", to_json_value(reading))
        sent.unlink()
        (height, width), (tall, wide) = done["original_size"], done["size"]
        return ReadImage(pixels, (height, width), (tall, wide), tuple(done["remarks"]))

    async def cut_out(
        self, folder: Path, image: ReadImage, options: SegmentOptions, style: ResultStyle, report: Report
    ) -> Made:
        """Find the subject of an image and make the files that `style` asks for. Raises Refused."""
        started = time.monotonic()
        matte, depth = folder / "matte.tif", folder / "depth.png"
        job = Job(image.pixels, matte, "tiff", MaskStyle(bits=16), options)
        if style.kind == "all" and models.looks_at_depth(options):
            job = replace(job, depth_destination=depth)
        report(0.1, "waiting" if self.queue.inside > 1 else "starting")
        result = await self._find(job, span(report, 0.1, 0.9))
        report(0.9, "making the result")
        making = Making(image.pixels, matte, folder, style, depth)
        facts = await self.codecs.call("make", to_json_value(making))
        for path in (image.pixels, matte, style.background_file):  # they would stay until the answer is read
            if path is not None:
                path.unlink()
        self.metrics.images += 1
        self.metrics.seconds += time.monotonic() - started
        remarks = tuple(dict.fromkeys((*image.remarks, *result.remarks)))
        return Made(folder, facts, replace(result, remarks=remarks))

    async def _find(self, job: Job, report: Report) -> JobResult:
        """Run the network. Raises Refused; what a job says about itself names no file of ours."""
        try:
            outcome = await self.network.run(job, report)
        except DaemonBug:
            raise bug() from None
        except DisError as error:
            raise refusal_of(_without_path(error, job)) from None
        if isinstance(outcome, JobFailure):
            raise refusal_of(_without_path(outcome.error, job))
        return outcome

    def with_defaults(self, options: SegmentOptions) -> SegmentOptions:
        """What a request asks for, with what the server decides. Raises Refused for a model that is not here."""
        own = self.options
        options = replace(
            options,
            model=options.model or own.model,
            device=own.device,
            precision=own.precision,
            accept_noncommercial=own.accept_noncommercial,
        )
        models.refuse_absent(options)
        return options


def _without_path(error: DisError, job: Job) -> DisError:
    return type(error)(error.message.replace(job.name, "the image"), hint=error.hint)


def remove_folder(folder: Path) -> None:
    """Remove what is left of a request."""
    shutil.rmtree(folder, ignore_errors=True)
