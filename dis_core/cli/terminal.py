"""What a person or a program sees while a command runs: a bar on standard error, or JSON lines on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import click

from dis_core.progress import Report, ignore

ProgressStyle = Literal["bar", "json", "none"]

progress_option = click.option(
    "--progress",
    type=click.Choice(["bar", "json", "none"]),
    default="bar",
    show_default=True,
    help="How to tell the progress: a bar on standard error, one JSON object per line on standard output, or not.",
)

BAR_APPEARS_AFTER_S = 1.0


@contextmanager
def progress_report(style: ProgressStyle) -> Iterator[Report]:
    """A report that shows the progress in this style; a bar appears only if the work takes longer than a second."""
    if style == "json":
        yield lambda fraction, doing: say_event("progress", fraction=round(fraction, 4), doing=doing)
    elif style == "none":
        yield ignore
    else:
        with _bar() as report:
            yield report


@contextmanager
def _bar() -> Iterator[Report]:
    from tqdm import tqdm

    with tqdm(
        total=100,
        delay=BAR_APPEARS_AFTER_S,
        leave=False,
        file=sys.stderr,
        bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed}",
        disable=None,  # off where standard error is no terminal
    ) as bar:

        def report(fraction: float, doing: str) -> None:
            bar.set_description_str(doing, refresh=False)
            bar.update(max(100 * fraction - bar.n, 0))

        yield report


def say_event(event: str, **facts: object) -> None:
    """One JSON object on a line of its own on standard output, at once."""
    click.echo(json.dumps({"event": event, **facts}))
    sys.stdout.flush()


def say(text: str) -> None:
    """A line for the person at the terminal, on standard error."""
    click.echo(text, err=True)


def say_error(message: str, *, hint: str = "") -> None:
    """One line on standard error that says what happened and what to do."""
    shown = " ".join(message.split())
    say(f"dis-core: {shown}" + (f" ({hint})" if hint else ""))
