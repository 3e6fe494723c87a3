"""Progress and canceling are one thing: a callable that is told how far the work is, and may stop it.

Code that takes longer than a moment accepts a `Report` and calls it between its steps. It has nothing to check and
nothing to return: to stop the work, the callable raises `dis_core.errors.Cancelled`, and that passes through.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from dis_core.errors import Cancelled

Report = Callable[[float, str], None]
"""`report(fraction, doing)`: `fraction` is the share done in [0, 1], `doing` a short present participle."""


def ignore(fraction: float, doing: str) -> None:
    """Ignore the progress, and never stop the work."""


def span(report: Report, start: float, stop: float) -> Report:
    """A report whose 0 to 1 is `start` to `stop` of another one, so that nested work need not know the outer scale."""

    def report_span(fraction: float, doing: str) -> None:
        report(start + (stop - start) * min(max(fraction, 0.0), 1.0), doing)

    return report_span


class CancelToken:
    """A report that another thread can stop: what it is given to as `report` raises Cancelled soon after `cancel`.

    That is within a pass of the network at the latest, and at once for work that has not begun. `report`, if given, is
    told the progress.
    """

    def __init__(self, report: Report = ignore) -> None:
        self._report = report
        self._cancelled = threading.Event()

    def __call__(self, fraction: float, doing: str) -> None:
        """Pass progress on. Raises Cancelled if somebody has called `cancel`."""
        if self._cancelled.is_set():
            raise Cancelled
        self._report(fraction, doing)

    def cancel(self) -> None:
        """Stop the work; may be called from any thread, more than once, and after the end."""
        self._cancelled.set()
