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

from dis_core.cli.hints import with_options
from dis_core.errors import OutputFailed
from dis_core.progress import Report, ignore

ProgressStyle = Literal["bar", "json", "none"]

progress_option = click.option(
    "--progress",
    type=click.Choice(["bar", "json", "none"]),
    default="bar",
    show_default=True,
    help="bar: a progress bar on standard error; json: one JSON object per line on standard output.",
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


def _hidden_bar() -> AbstractContextManager[None]:
    """Hide the bar while something else is written, so that it does not mix with the lines."""
    bars = sys.modules.get("tqdm")
    return nullcontext() if bars is None else bars.tqdm.external_write_mode()


def say_event(event: str, **facts: object) -> None:
    """One JSON object on its own line of standard output, at once. Raises OutputFailed."""
    _to_stdout(json.dumps({"event": event, **facts}))


def say_path(path: Path) -> None:
    """The path of a result on a line of standard output, byte for byte as on the disk. Raises OutputFailed."""
    _to_stdout(os.fsencode(path))


def say(text: str) -> None:
    """A line for the person at the terminal, on standard error."""
    with _hidden_bar():
        click.echo(text.replace("\n", "\\n"), err=True)


def discard_stdout() -> None:
    """Give up a standard output that takes no more, or Python complains when it flushes the rest at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _to_stdout(line: str | bytes) -> None:
    try:
        with _hidden_bar():
            click.echo(line)
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_stdout()
        raise OutputFailed(f"cannot write to standard output: {error.strerror}") from error


def say_error(message: str, *, hint: str = "") -> None:
    """One line on standard error that says what happened and what to do; arguments in the hint become options."""
    shown = " ".join(message.split())
    say(f"dis-core: {shown}" + (f" ({with_options(hint)})" if hint else ""))
