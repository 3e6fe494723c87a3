"""Turns streams, pipes and relative paths into files that the daemon can read and write."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dis_core.environment import working_folder
from dis_core.errors import DisError, NoImage, OutputFailed
from dis_core.files import write_failed
from dis_core.images.formats import MAX_STREAM_BYTES
from dis_core.jobs.job import Job

STANDARD_INPUT, STANDARD_OUTPUT = "<stdin>", "<stdout>"
"""What messages call them when no daemon is involved."""


@dataclass
class StagedJob:
    """A job with absolute paths, which mean the same to every process, and the paths as the user wrote them.

    Standard input and pipes are copied into files in a `private_folder` until the job is done.
    """

    job: Job
    private_folder: Callable[[], Path]
    typed: dict[str, str] = field(default_factory=dict)
    kept: list[Path] = field(default_factory=list)

    def readable(self, path: Path | None) -> Path:
        """A file that the daemon can read in place of `path`. Raises NoImage, OutputFailed."""
        if path is None:
            return self._copy(sys.stdin.buffer, STANDARD_INPUT)
        if not _is_of_this_process(path):
            return self._absolute(path)
        try:
            with path.open("rb") as file:
                return self._copy(file, str(path))
        except OSError as error:
            raise NoImage(f"{path} cannot be read ({error.strerror})", hint="check where it comes from") from error

    def writable(self, path: Path | None) -> Path:
        """A file that the daemon can write in place of `path`."""
        if path is not None:
            if path.parent != Path():
                self._absolute(path.parent)  # messages can name the folder too
            return self._absolute(path)
        place = self.private_folder() / f"result{self.job.ending}"
        self.typed[str(place)] = STANDARD_OUTPUT
        self.kept.append(place)
        return place

    def with_user_paths(self, text: str) -> str:
        """A message with its paths as the user wrote them."""
        for whole in sorted(self.typed, key=len, reverse=True):
            text = text.replace(whole, self.typed[whole])
        return text

    def error_with_user_paths(self, error: DisError) -> DisError:
        """The error with its paths as the user wrote them."""
        return type(error)(self.with_user_paths(error.message), hint=self.with_user_paths(error.hint))

    def clear(self) -> None:
        """Remove the copies."""
        for path in self.kept:
            path.unlink(missing_ok=True)

    def _absolute(self, path: Path) -> Path:
        # Not resolved: ".." after a link leads to another folder than the text suggests.
        whole = path if path.is_absolute() else working_folder() / path
        if whole != path:
            self.typed[str(whole)] = str(path)
        return whole

    def _copy(self, stream: BinaryIO, name: str) -> Path:
        """Copy a stream into a file, up to one byte more than is accepted."""
        place = self.private_folder() / f"input-{len(self.kept)}"
        self.typed[str(place)] = name
        self.kept.append(place)
        try:
            with place.open("xb") as file:
                while file.tell() <= MAX_STREAM_BYTES and (chunk := _chunk(stream, name)):
                    file.write(chunk)
        except OSError as error:
            raise write_failed(f"the daemon's copy of {name}", error) from error
        if place.stat().st_size > MAX_STREAM_BYTES:
            raise NoImage(f"{name} is too large to be an image", hint="check what is sent")
        return place


def _chunk(stream: BinaryIO, name: str) -> bytes:
    try:
        return stream.read(1 << 20)
    except OSError as error:
        raise NoImage(f"{name} cannot be read ({error.strerror})", hint="check where it comes from") from error


def _is_of_this_process(path: Path) -> bool:
    """Whether a path means something else to another process (/dev/fd/63) or can be read only once (a pipe)."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or (stat.S_ISREG(mode) and str(path).startswith(("/dev/", "/proc/")))


def copy_to_stdout(place: Path) -> None:
    """Write a result to standard output. Raises OutputFailed."""
    try:
        with place.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputFailed(f"{STANDARD_OUTPUT} could not be written: {error.strerror}") from error
