"""How long jobs took on this machine, so that the next one can say how long it will take.

A small file in the user's data folder keeps the last times for each model and way of running it, with the size of the
image. Only images whose size stands at a fixed place of their file count: bitmaps, which the editors' plug-ins write,
and PNG. Loading is not part of these times: it depends on whether the model is in memory already.
"""

from __future__ import annotations

import contextlib
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dis_core.environment import data_folder
from dis_core.errors import CacheUnwritable, OutputFailed
from dis_core.files import make_folder, write_atomically

if TYPE_CHECKING:
    from dis_core.jobs.job import Job

FILE_NAME: Final = "timings.json"
MOST_KEPT: Final = 12
"""Of each kind of job."""
MOST_KINDS: Final = 64
LIKE: Final = 1.25
"""Sizes that differ by no more than this factor count as the same."""
LARGEST_FILE_BYTES: Final = 1_000_000


@dataclass(frozen=True)
class Work:
    """What decides how long a job takes: its kind (the model and how it is run) and the megapixels to look at."""

    kind: str
    megapixels: float


def work_of(job: Job) -> Work | None:
    """What a job is for the times; None without a named model, or if the image's size is not known at once."""
    size = None if job.source is None or job.animation is not None else size_in_header(job.source)
    options = job.options
    if size is None or options.model is None:
        return None
    left, top, right, bottom = options.roi or (0, 0, *size)
    area = max(min(right, size[0]) - max(left, 0), 1) * max(min(bottom, size[1]) - max(top, 0), 1)
    parts = (options.model, options.device, options.precision, options.quality, options.refine, job.style.kind)
    return Work(" ".join(parts), area / 1e6)


def size_in_header(path: Path) -> tuple[int, int] | None:
    """(width, height) of a bitmap or a PNG file, without decoding it; None for any other file."""
    try:
        if not path.is_file():  # opening a pipe would block
            return None
        with path.open("rb") as file:
            head = file.read(26)
    except (OSError, ValueError):
        return None
    if len(head) < 26:
        return None
    if head.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", head, 18)
    elif head.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack_from(">II", head, 16)
    else:
        return None
    return (width, abs(height)) if width > 0 and height else None


def expected_s(work: Work) -> float | None:
    """How long this work will probably take, without loading; None if nothing like it was done before.

    That is the median for images of about this size, or else a value between those of a smaller and a larger one. Below
    all known sizes it is the time of the smallest, above them it grows with the size.
    """
    known = _read().get(work.kind, [])
    alike = [seconds for size, seconds in known if 1 / LIKE <= size / work.megapixels <= LIKE]
    if alike:
        return sorted(alike)[len(alike) // 2]
    smaller = max((pair for pair in known if pair[0] < work.megapixels), default=None)
    larger = min((pair for pair in known if pair[0] > work.megapixels), default=None)
    if smaller is None:
        return None if larger is None else larger[1]
    if larger is None:
        return smaller[1] * work.megapixels / smaller[0]
    share = (work.megapixels - smaller[0]) / (larger[0] - smaller[0])
    return smaller[1] + share * (larger[1] - smaller[1])


def remember(work: Work, seconds: float) -> None:
    """Keep how long this work took. Without a place to keep it, nothing happens."""
    times = _read()
    kept = [*times.pop(work.kind, []), (round(work.megapixels, 3), round(seconds, 3))]
    times[work.kind] = kept[-MOST_KEPT:]  # put last: the kinds that are not used any more go first
    last = dict(list(times.items())[-MOST_KINDS:])
    with contextlib.suppress(CacheUnwritable, OutputFailed):
        make_folder(data_folder())
        write_atomically(data_folder() / FILE_NAME, json.dumps(last).encode(), overwrite=True)


def _read() -> dict[str, list[tuple[float, float]]]:
    """The times by kind: (megapixels, seconds), the newest last. Whatever makes no sense in the file is left out."""
    try:
        with (data_folder() / FILE_NAME).open("rb") as file:
            content = json.loads(file.read(LARGEST_FILE_BYTES))
    except (CacheUnwritable, OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {kind: [pair for pair in map(_pair, times) if pair] for kind, times in content.items() if _is_list(times)}


def _is_list(value: Any) -> bool:  # whatever JSON can hold
    return isinstance(value, list)


def _pair(value: Any) -> tuple[float, float] | None:  # whatever JSON can hold
    if not (isinstance(value, list) and len(value) == 2):
        return None
    if not all(type(part) in (int, float) and 0 < part < 1e9 and math.isfinite(part) for part in value):
        return None
    return float(value[0]), float(value[1])
