"""The `dis-core` command: its group of commands, and errors turned into words and an exit status."""

from __future__ import annotations

import contextlib
import itertools
import logging
import sys
from collections.abc import Sequence
from typing import Literal

import click

from dis_core import __version__
from dis_core.cli.commands.adjust import adjust
from dis_core.cli.commands.batch import batch_command
from dis_core.cli.commands.cutout import cutout
from dis_core.cli.commands.daemon import daemon
from dis_core.cli.commands.evaluate import evaluate
from dis_core.cli.commands.export import export
from dis_core.cli.commands.fetch import fetch
from dis_core.cli.commands.manifest import manifest
from dis_core.cli.commands.mask import mask
from dis_core.cli.commands.mcp import mcp
from dis_core.cli.commands.models import models
from dis_core.cli.commands.parts import parts
from dis_core.cli.commands.plugin import plugin
from dis_core.cli.commands.scenes import scenes
from dis_core.cli.commands.serve import serve
from dis_core.cli.commands.train import train
from dis_core.cli.doctor.command import doctor
from dis_core.cli.hints import with_options
from dis_core.cli.terminal import discard_stdout, flush_stdout, say_error, say_event, stdout_failure
from dis_core.errors import BadRequest, Cancelled, DisError, OutputFailed
from dis_core.registry import manager as registry

USER_ERROR, BUG = 1, 70


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dis-core")
@click.option("-v", "--verbose", is_flag=True, help="Say more on standard error, and show where a bug happened.")
def group(verbose: bool) -> None:  # noqa: FBT001 - click passes options by keyword
    """Cut the subject out of an image.

    Results go to standard output, messages for people to standard error. The exit status is 0 if all went well, 1 if
    something failed, 130 if the command was stopped, and 70 for a bug in this program.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="dis-core: %(message)s", stream=sys.stderr
    )


for command in (
    *(cutout, mask, batch_command, manifest, parts, adjust, models, fetch, daemon, serve),
    *(doctor, evaluate, train, export, scenes, plugin, mcp),
):
    group.add_command(command)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit status."""
    wants_json = (
        "adjust" in arguments[:1]
        or "--progress=json" in arguments
        or ("--progress", "json") in itertools.pairwise(arguments)
    )
    style: Literal["text", "json"] = "json" if wants_json else "text"
    try:
        registry.manager().hook.dis_add_commands(group=group)
        status = group.main(list(arguments), prog_name="dis-core", standalone_mode=False)
        flush_stdout()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        return _report(BadRequest(error.format_message(), hint=f"see: {_help_command(error)}"), style)
    except (click.Abort, KeyboardInterrupt):
        return _report(Cancelled(), style)
    except DisError as error:
        return _report(error, style)
    except BrokenPipeError:
        discard_stdout()  # the reader has closed it
        return USER_ERROR
    except Exception as error:
        if isinstance(error, OSError) and (failed := stdout_failure()) is not None:
            return _report(failed, "text")
        logging.getLogger(__name__).info("where it happened", exc_info=True)
        say_error(f"{type(error).__name__}: {error}", hint="this is a bug; 'dis-core -v ...' shows where it happened")
        return BUG
    return status if isinstance(status, int) else 0


def _report(error: DisError, style: Literal["text", "json"]) -> int:
    """Say why the command failed: to the person, and with `--progress json` to the program too."""
    try:
        say_error(error.message, hint=error.hint)
        if style == "json":
            with contextlib.suppress(OutputFailed):  # standard error has it already
                say_event("error", code=error.code, message=error.message, hint=with_options(error.hint))
    except BrokenPipeError:
        discard_stdout()  # the reader has closed it
    return error.exit_status


def _help_command(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'dis-core'} --help"
