"""Orders to the daemon: what `--warm` does in place of loading a model into this process."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dis_core.cli.terminal import say
from dis_core.daemon import client, endpoint
from dis_core.daemon.protocol import Message, error_of
from dis_core.errors import DaemonUnavailable, DisError, NoImage, OutputFailed
from dis_core.images.formats import ENDING_OF_FORMAT, MAX_STREAM_BYTES
from dis_core.jobs.job import CutoutStyle, Failure, Order, Receipt
from dis_core.jobs.json_values import from_plain, to_plain
from dis_core.jobs.runner import Workshop
from dis_core.progress import Report

if TYPE_CHECKING:
    from types import TracebackType

NEW_DAEMONS = 1
"""A daemon that is lost in the middle of an image is replaced so often; then this process does the work itself."""

STANDARD_INPUT, STANDARD_OUTPUT = "<stdin>", "<stdout>"
"""What messages call them where no daemon is between."""


class BugInDaemon(Exception):
    """Something went wrong there that should not have; its words are those of the exception."""


class WarmWorkshop:
    """Carries out orders as `Workshop` does, but in the daemon as long as there is one."""

    def __init__(self, keep_alive_s: float | None) -> None:
        self._keep_alive_s = keep_alive_s
        self._talk: client.Talk | None = None
        self._lost: list[str] = []
        self._new_daemons = 0
        self._own: Workshop | None = None
        self._stack = ExitStack()
        self._folder: Path | None = None

    def __enter__(self) -> WarmWorkshop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()
        self._stack.close()

    def fulfill(self, order: Order, report: Report) -> Receipt | Failure:
        """As `Workshop.fulfill`, and raises the same; DaemonBusy too."""
        try:
            sent = self._packed(order)
        except (NoImage, OutputFailed) as error:
            return Failure(error)
        try:
            came_of_it = self._fulfill(sent.order, report)
            if order.destination is None and isinstance(came_of_it, Receipt):
                copy_to_stdout(sent.order.written[0])
        except OutputFailed as error:
            return Failure(error)
        except DisError as error:
            raise sent.as_typed(error) from None
        finally:
            sent.clear()
        if isinstance(came_of_it, Failure):
            return Failure(sent.as_typed(came_of_it.error))
        return replace(came_of_it, remarks=tuple(map(sent.in_typed_words, came_of_it.remarks)))

    def _fulfill(self, order: Order, report: Report) -> Receipt | Failure:
        """In the daemon, or here where there is none to be had."""
        if self._own is None:
            try:
                return self._fulfill_there(order, report)
            except DaemonUnavailable as error:
                say(f"dis-core: {error.message}; going on without a daemon")
                self._own = Workshop()
        return self._own.fulfill(order, report)

    def _fulfill_there(self, order: Order, report: Report) -> Receipt | Failure:
        """Raises DaemonUnavailable if no daemon can be had, and what the daemon says of all images alike."""
        has_left = False
        while True:
            try:
                if self._talk is None:
                    self._talk = client.reach_daemon(endpoint.runtime_folder(), but=self._lost)
                return self._ask(self._talk, order, report)
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

    def _ask(self, talk: client.Talk, order: Order, report: Report) -> Receipt | Failure:
        answer = talk.ask(
            "segment",
            order=to_plain(order),
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
                return came_of(message)
        raise AssertionError("an answer has an end")

    def _hang_up(self) -> None:
        if self._talk is not None:
            self._talk.close()
            self._talk = None

    def _packed(self, order: Order) -> _Packed:
        """The order as it can be carried out anywhere. Raises NoImage, OutputFailed."""
        packed = _Packed(order, self._private_folder)
        style, wanted = order.style, order.segmenting
        if isinstance(style, CutoutStyle) and style.bgimage is not None:
            style = replace(style, bgimage=packed.readable(style.bgimage))
        if wanted.depth is not None:
            wanted = replace(wanted, depth=packed.readable(wanted.depth))
        packed.order = replace(
            order,
            source=packed.readable(order.source),
            destination=packed.writable(order.destination),
            depth_destination=None if order.depth_destination is None else packed.writable(order.depth_destination),
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


@dataclass
class _Packed:
    """An order with whole paths, which mean the same to every process, and how the user has written them.

    What is no file, standard input or a pipe, is kept in a `private_folder` until the order is carried out.
    """

    order: Order
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
        place = self.private_folder() / f"result{ENDING_OF_FORMAT[self.order.format]}"
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


def _umask() -> int:
    """This process's umask, which can only be read by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def came_of(message: Message) -> Receipt | Failure:
    """What the last event of an answer says. Raises what concerns all images alike."""
    if message["event"] == "receipt":
        return from_plain(Receipt, message["receipt"])
    if message["event"] == "failure":
        return Failure(error_of(message))
    if message["event"] == "error":
        raise error_of(message)
    raise BugInDaemon(str(message.get("message")))


def copy_to_stdout(place: Path) -> None:
    """Write a result to standard output. Raises OutputFailed."""
    try:
        with place.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputFailed(f"{STANDARD_OUTPUT} could not be written: {error.strerror}") from error
