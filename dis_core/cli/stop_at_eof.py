"""Stopping with whoever started the command: a program holds standard input open for as long as it wants the result.

An editor that ends a plug-in with SIGKILL, or crashes, gets no chance to stop the child of the plug-in; but the system
closes the pipe. This is asked for by an option and never guessed: scripts start programs with no standard input, with
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
    help="For programs: stop at once when standard input ends, which whoever wants the result holds open.",
)

GRACE_S = 2.0
"""So long a stopped command may take to leave cleanly, before it leaves at once."""

_CHUNK_BYTES = 4096


@contextlib.contextmanager
def stopped_at_eof() -> Iterator[None]:
    """Inside of the block the end of standard input is as Ctrl-C; if nothing heeds it, the process ends nevertheless.

    To be entered in the main thread. Raises KeyboardInterrupt, from anywhere inside.
    """
    over = threading.Event()
    # A shell starts what runs in the background with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    # A daemon, because nothing but its end would wake it from reading; it holds no lock that Python wants at the end.
    threading.Thread(
        target=_watch, args=(sys.stdin.fileno(), threading.get_ident(), over), name="parent", daemon=True
    ).start()
    try:
        yield
    finally:
        over.set()
        signal.signal(signal.SIGINT, before)


def _watch(descriptor: int, main: int, over: threading.Event) -> None:
    try:
        while os.read(descriptor, _CHUNK_BYTES):
            pass  # what is said is of no interest
    except OSError:
        pass  # a standard input that cannot be read has ended too
    if over.is_set():
        return
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGINT)
    else:  # to that thread, so that it also wakes from waiting
        signal.pthread_kill(main, signal.SIGINT)
    if not over.wait(GRACE_S):
        os._exit(Cancelled.exit_status)
