"""Another edge for a matte that is found, at once: a dis-core that holds the matte answers as long as it is shown."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from typing import Any, Callable, Mapping, Sequence

from child_process import start_child
from gi.repository import GLib
from shared.events import CRASHED, Failed
from shared.file_names import file_name
from shared.program import OFFLINE, Program
from shared.words import _

Then = Callable[[Any], None]
"""Is told the path of what was made, or how it failed."""


class Adjuster:
    """Asks one thing after the other, of which only the last is waited for; `then` is called in the dialog's thread."""

    def __init__(self, program: Program, arguments: Sequence[str]) -> None:
        self._program, self._arguments = program, arguments
        self._waiting: tuple[Mapping[str, object], Then] | None = None
        self._asked: Then | None = None
        self._is_ready = self._is_closed = False
        self._failed: Failed | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether an answer is to come."""
        return self._waiting is not None or self._asked is not None

    def ask(self, request: Mapping[str, object], then: Then) -> None:
        """Ask for something as soon as the last answer is there; what has been waiting until now is not asked."""
        self._waiting = (request, then)
        if self._failed is not None:
            self._end(self._failed)
        self._send()

    def ask_and_wait(self, request: Mapping[str, object]) -> Any:
        """Ask for something, and return what `then` would be told; the dialog's thread does what else it has to do."""
        answers: list[Any] = []
        self.ask(request, answers.append)
        while not answers:
            GLib.MainContext.default().iteration(True)  # noqa: FBT003 - GLib's own
        return answers[0]

    def close(self) -> None:
        """End dis-core, and wait for that; nothing is told any more."""
        self._is_closed = True
        self._waiting = self._asked = None
        with self._lock:
            if self._process is not None:
                self._process.kill()
        self._thread.join()

    def _send(self) -> None:
        if not self._is_ready or self._waiting is None or self._asked is not None:
            return
        (request, self._asked), self._waiting = self._waiting, None
        assert self._process is not None  # noqa: S101 - narrows the type
        assert self._process.stdin is not None  # noqa: S101
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return  # it has ended, which `_end` tells

    def _work(self) -> None:
        with tempfile.TemporaryFile() as errors:
            try:
                process = start_child(self._program, self._arguments, more_environment=OFFLINE, errors=errors)
            except OSError as error:
                GLib.idle_add(self._end, _stopped(str(error)))
                return
            with process:
                with self._lock:
                    self._process = process
                    if self._is_closed:
                        process.kill()
                assert process.stdout is not None  # noqa: S101 - narrows the type
                for line in process.stdout:
                    GLib.idle_add(self._take, line)
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").strip().splitlines()
        GLib.idle_add(self._end, _stopped(lines[-1] if lines else ""))

    def _take(self, line: bytes) -> None:
        """Handle an answer; what is no event is some library's output."""
        try:
            event = json.loads(line.decode("utf-8", "replace"))
            kind = event.get("event")
        except (ValueError, AttributeError, RecursionError):
            return
        if kind == "ready":
            self._is_ready = True
        elif kind == "result":
            self._tell(file_name(str(event.get("output", ""))))
        elif kind == "error":
            self._tell(Failed(str(event.get("code", "")), str(event.get("message", "")), str(event.get("hint", ""))))
        self._send()

    def _end(self, failed: Failed) -> None:
        """dis-core has ended, or could not be started; whoever asks from now on is told so too."""
        self._is_ready, self._failed = False, failed
        if self._asked is None and self._waiting is not None:
            self._asked, self._waiting = self._waiting[1], None
        self._tell(failed)

    def _tell(self, answer: Any) -> None:
        then, self._asked = self._asked, None
        if then is not None and not self._is_closed:
            then(answer)


def _stopped(said: str) -> Failed:
    return Failed(CRASHED, _("dis-core stopped unexpectedly: {said}", said=said))


def adjust_arguments(matte: str, picture: str | None) -> list[str]:
    """The arguments of dis-core that hold a matte, and for cutouts the picture that it is of."""
    return ["adjust", matte, *([] if picture is None else ["--image", picture])]


def read_pgm(path: str) -> bytes:
    """The bytes of a gray picture that dis-core has written."""
    with open(path, "rb") as file:
        content = file.read()
    return content[content.index(b"\n") + 1 :]
