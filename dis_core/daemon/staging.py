"""Files that the daemon can read and write, in place of streams and pipes."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dis_core.errors import DisError, NoImage, OutputFailed
from dis_core.images.formats import ENDING_OF_FORMAT, MAX_STREAM_BYTES
from dis_core.jobs.job import Job

STANDARD_INPUT, STANDARD_OUTPUT = "<stdin>", "<stdout>"
"""What messages call them where no daemon is between."""


@dataclass
class _Packed:
    """A job with whole paths, which mean the same to every process, and how the user has written them.

    What is no file, standard input or a pipe, is kept in a `private_folder` until the job is carried out.
    """

    job: Job
    private_folder: Callable[[], Path]
    typed: dict[str, str] = field(default_factory=dict)
    kept: list[Path] = field(default_factory=list)

    def readable(self, path: Path | None) -> Path:
        """Where the daemon can read what is meant by `path`. Raises NoImage, OutputFailed."""
        if path is None:
            return self._keep(sys.stdin.buffer, STANDARD_INPUT)
        if not _is_of_this_process(path):
            return self._whole(path)
        try:
            with path.open("rb") as file:
                return self._keep(file, str(path))
        except OSError as error:
            raise NoImage(f"{path} cannot be read ({error.strerror})", hint="check where it comes from") from error

    def writable(self, path: Path | None) -> Path:
        """Where the daemon can write what is to go to `path`."""
        if path is not None:
            if path.parent != Path():
                self._whole(path.parent)  # messages are about the folder too
            return self._whole(path)
        place = self.private_folder() / f"result{ENDING_OF_FORMAT[self.job.format]}"
        self.typed[str(place)] = STANDARD_OUTPUT
        self.kept.append(place)
        return place

    def in_typed_words(self, text: str) -> str:
        """A message with the files in it called as the user has called them."""
        for whole in sorted(self.typed, key=len, reverse=True):
            text = text.replace(whole, self.typed[whole])
        return text

    def as_typed(self, error: DisError) -> DisError:
        """The error with its files called as the user has called them."""
        return type(error)(self.in_typed_words(error.message), hint=self.in_typed_words(error.hint))

    def clear(self) -> None:
        """Remove what was kept."""
        for path in self.kept:
            path.unlink(missing_ok=True)

    def _whole(self, path: Path) -> Path:
        # Not resolved: ".." behind a link means another folder than text tells.
        whole = Path.cwd() / path
        if whole != path:
            self.typed[str(whole)] = str(path)
        return whole

    def _keep(self, stream: BinaryIO, name: str) -> Path:
        """All that comes from a stream, up to one byte more than is accepted."""
        place = self.private_folder() / f"input-{len(self.kept)}"
        self.typed[str(place)] = name
        self.kept.append(place)
        try:
            with place.open("xb") as file:
                while file.tell() <= MAX_STREAM_BYTES and (chunk := _chunk(stream, name)):
                    file.write(chunk)
        except OSError as error:
            raise OutputFailed(f"{name} could not be handed over: {error.strerror}", hint="free some space") from error
        if place.stat().st_size > MAX_STREAM_BYTES:
            raise NoImage(f"{name} is larger than any image that is accepted", hint="check what is sent")
        return place


def _chunk(stream: BinaryIO, name: str) -> bytes:
    try:
        return stream.read(1 << 20)
    except OSError as error:
        raise NoImage(f"{name} cannot be read ({error.strerror})", hint="check where it comes from") from error


def _is_of_this_process(path: Path) -> bool:
    """Whether a path means something else to another process (/dev/fd/63), or can be read only once (a pipe)."""
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
