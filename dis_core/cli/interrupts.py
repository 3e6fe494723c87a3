"""Ctrl-C that cannot get lost.

Python raises KeyboardInterrupt wherever the main thread happens to be. In a finalizer or a callback it is printed and
dropped, and a long command would go on as if nothing had been pressed.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from dis_core.progress import Report


@contextmanager
def heeding_ctrl_c(report: Report) -> Iterator[Report]:
    """The report, which raises KeyboardInterrupt too, from the moment that Ctrl-C was pressed.

    Where Ctrl-C is ignored or handled in another way, it stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield report
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield report
        return
    pressed = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        pressed.set()
        raise KeyboardInterrupt

    def heeding(fraction: float, doing: str) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        report(fraction, doing)

    signal.signal(signal.SIGINT, note)
    try:
        yield heeding
    finally:
        signal.signal(signal.SIGINT, before)
