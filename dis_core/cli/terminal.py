"""What a person or a program sees while a command runs: a bar on standard error, or JSON lines on standard output."""

from __future__ import annotations

import json
import os
import re
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
            bar.set_description_str(printable(doing), refresh=False)
            bar.update(max(100 * fraction - bar.n, 0))

        yield report


def _hidden_bar() -> AbstractContextManager[None]:
    """Hide the bar while something else is written, so that it does not mix with the lines."""
    bars = sys.modules.get("tqdm")
    return nullcontext() if bars is None else bars.tqdm.external_write_mode()


def say_event(event: str, **facts: object) -> None:
    """One JSON object on its own line of standard output, at once. Raises OutputFailed."""
    _to_stdout(json.dumps({"event": event, **facts}))


def say_result(text: str) -> None:
    """What a command was asked for, on standard output. Raises OutputFailed."""
    _to_stdout(text)


def say_path(path: Path) -> None:
    """The path of a result on a line of standard output. Raises OutputFailed.

    For programs it is byte for byte as on the disk; in a terminal, what would steer that is written out.
    """
    _to_stdout(os.fsencode(printable(str(path)) if sys.stdout.isatty() else path))


def say(text: str) -> None:
    """A line for the person at the terminal, on standard error."""
    with _hidden_bar():
        click.echo(printable(text), err=True)


def printable(text: str) -> str:
    """The text with what would steer a terminal written out: names of files may hold anything."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", _written_out, text)


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


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
        raise _cannot_write(error) from error


def flush_stdout() -> None:
    """Write what is still in the buffer, where a failure can be put into words. Raises OutputFailed."""
    if (failed := stdout_failure()) is not None:
        raise failed


def stdout_failure() -> OutputFailed | None:
    """Why standard output takes no more, in words; None if it is well. Raises BrokenPipeError if nobody reads."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:  # what did not go out stays in the buffer, so that each further try fails alike
        discard_stdout()
        return _cannot_write(error)
    except ValueError:  # it is closed
        return None
    return None


def _cannot_write(error: OSError) -> OutputFailed:
    return OutputFailed(f"cannot write to standard output: {error.strerror}", hint="check where it goes to")


def say_error(message: str, *, hint: str = "") -> None:
    """One line on standard error that says what happened and what to do; arguments in the hint become options."""
    shown = " ".join(message.split())
    say(f"dis-core: {shown}" + (f" ({with_options(hint)})" if hint else ""))
