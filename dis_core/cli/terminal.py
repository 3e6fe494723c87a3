"""What a person or a program sees while a command runs: a bar on standard error, or JSON lines on standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Literal

import click

from dis_core.errors import OutputFailed
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
    from tqdm.contrib.logging import logging_redirect_tqdm

    with (
        logging_redirect_tqdm(),
        tqdm(
            total=100,
            delay=BAR_APPEARS_AFTER_S,
            leave=False,
            file=sys.stderr,
            bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed}",
            disable=None,  # off where standard error is no terminal
        ) as bar,
    ):

        def report(fraction: float, doing: str) -> None:
            bar.set_description_str(doing, refresh=False)
            bar.update(max(100 * fraction - bar.n, 0))

        yield report


def _above_the_bar() -> AbstractContextManager[None]:
    """Take the bar away while something else is written, so that lines and bar do not run into each other."""
    bars = sys.modules.get("tqdm")
    return nullcontext() if bars is None else bars.tqdm.external_write_mode()


def say_event(event: str, **facts: object) -> None:
    """One JSON object on a line of its own on standard output, at once. Raises OutputFailed."""
    _to_stdout(json.dumps({"event": event, **facts}))


def say_path(path: Path) -> None:
    """The name of a result on a line of standard output, byte for byte as the disk has it. Raises OutputFailed."""
    _to_stdout(os.fsencode(path))


def say(text: str) -> None:
    """A line for the person at the terminal, on standard error."""
    with _above_the_bar():
        click.echo(text.replace("\n", "\\n"), err=True)


def abandon_stdout() -> None:
    """Let go of a standard output that takes nothing more, or Python complains when it flushes the rest at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _to_stdout(line: str | bytes) -> None:
    try:
        with _above_the_bar():
            click.echo(line)
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_stdout()
        raise OutputFailed(f"standard output could not be written: {error.strerror}") from error


def say_error(message: str, *, hint: str = "") -> None:
    """One line on standard error that says what happened and what to do."""
    shown = " ".join(message.split())
    say(f"dis-core: {shown}" + (f" ({hint})" if hint else ""))
