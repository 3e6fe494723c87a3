"""--stop-at-eof: a program that starts a command keeps its standard input open for as long as it wants the result.

An editor that crashes, or kills a plug-in, has no chance to stop the command that the plug-in started; but the system
closes the pipe. This takes an option and is never guessed: scripts start programs without standard input, with
/dev/null, or with a pipe that is closed at once, and mean nothing by it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

import click

from dis_core.errors import Cancelled

stop_option = click.option(
    "--stop-at-eof",
    is_flag=True,
    help="For programs that start this one: keep standard input open; when it closes, the command stops.",
)

GRACE_S = 2.0
"""How long an interrupted command may take to finish cleanly before it is ended."""

_CHUNK_BYTES = 4096


@contextlib.contextmanager
def interrupt_at_eof() -> Iterator[None]:
    """Treat the end of standard input as Ctrl-C inside the block; a process that does not react is ended.

    For the main thread only. Raises KeyboardInterrupt, from anywhere inside.
    """
    is_over = threading.Event()
    # A shell starts what runs in the background with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    # A daemon thread: nothing else would end its reading, and it holds no lock that Python needs at the end.
    threading.Thread(
        target=_watch, args=(sys.stdin.fileno(), threading.get_ident(), is_over), name="parent", daemon=True
    ).start()
    try:
        yield
    finally:
        is_over.set()
        signal.signal(signal.SIGINT, before)


def _watch(descriptor: int, main: int, is_over: threading.Event) -> None:
    try:
        while os.read(descriptor, _CHUNK_BYTES):
            pass  # the content does not matter
    except OSError:
        pass  # a standard input that cannot be read counts as closed
    if is_over.is_set():
        return
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGINT)
    else:  # to the main thread, so that it also wakes from waiting
        signal.pthread_kill(main, signal.SIGINT)
    if not is_over.wait(GRACE_S):
        os._exit(Cancelled.exit_status)
