"""Ctrl-C, and other signals to stop, that cannot get lost.

Python raises KeyboardInterrupt wherever the main thread happens to be. In a finalizer or a callback it is printed and
dropped, and a long command would go on as if nothing had been pressed.
"""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from dis_core.progress import Report


_USUAL: Final = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
"""What a signal does if nobody says otherwise."""


@contextmanager
def heeding_ctrl_c(report: Report, *, also: Sequence[signal.Signals] = ()) -> Iterator[Report]:
    """The report, which raises KeyboardInterrupt too, from the moment that Ctrl-C was pressed.

    Signals in `also` do what Ctrl-C does. What is ignored or handled in another way stays so.
    """
    if threading.current_thread() is not threading.main_thread():
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

    with ExitStack() as stack:
        for number in (signal.SIGINT, *also):
            before = signal.getsignal(number)
            if before == _USUAL[number]:
                stack.callback(signal.signal, number, before)
                signal.signal(number, note)
        yield heeding
