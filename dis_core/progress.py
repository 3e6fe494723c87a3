"""Progress and canceling are one thing: a callable that is told how far the work is, and may stop it.

Code that takes longer than a moment accepts a `Report` and calls it between its steps. It has nothing to check and
nothing to return: to stop the work, the callable raises `dis_core.errors.Cancelled`, and that passes through.
"""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[float, str], None]
"""`report(fraction, doing)`: `fraction` is the share done in [0, 1], `doing` a short present participle."""


def ignore(fraction: float, doing: str) -> None:
    """Ignore the progress, and never stop the work."""


def span(report: Report, start: float, stop: float) -> Report:
    """A report whose 0 to 1 is `start` to `stop` of another one, so that nested work need not know the outer scale."""

    def report_span(fraction: float, doing: str) -> None:
        report(start + (stop - start) * min(max(fraction, 0.0), 1.0), doing)

    return report_span
