"""`dis-core mcp`: a server for programs with a language model, over standard input and output."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import get_args

import click

from dis_core.errors import PackagesMissing
from dis_core.model_spec import Precision
from dis_core.prompts import DEFAULTS, SegmentOptions


@click.command()
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...", type=click.Path(path_type=Path))
@click.option("--device", default=DEFAULTS.device, show_default=True, help="auto, cpu, cuda, cuda:1, ..., or mps.")
@click.option(
    "--precision",
    type=click.Choice(get_args(Precision)),
    default=DEFAULTS.precision,
    show_default=True,
    help="half: for graphics cards; faster, with less memory, and a little less exact.",
)
@click.option("--warm", is_flag=True, help="Run the model in the background process that 'dis-core --warm' uses.")
@click.option("--accept-noncommercial", is_flag=True, help="Allow weights that forbid commercial use.")
def mcp(
    *, folders: tuple[Path, ...], device: str, precision: Precision, warm: bool, accept_noncommercial: bool
) -> None:
    """Serve the Model Context Protocol on standard input and output, for images below the FOLDERs.

    A program with a language model starts this command, and gets the tools cut_out, make_mask and list_models. Nothing
    outside of the folders is read or written, and nothing is downloaded. Needs: pip install 'dis-core[mcp]'.
    """
    from dis_core.server.folders import checked_folders

    allowed = checked_folders(folders)
    refuse_without_mcp()
    from dis_core.cli.terminal import say
    from dis_core.daemon.remote_runner import RemoteRunner
    from dis_core.jobs.runner import JobRunner
    from dis_core.server.mcp_server import mcp_server

    options = SegmentOptions(device=device, precision=precision, accept_noncommercial=accept_noncommercial)
    runners = RemoteRunner(None, warn=lambda text: say(f"dis-core: {text}")) if warm else nullcontext(JobRunner())
    with runners as runner:
        mcp_server(allowed, runner, options).run("stdio")


def refuse_without_mcp() -> None:
    """Raises PackagesMissing if the official package for the protocol is not installed."""
    from dis_core.registry.requirements import is_installed

    if not is_installed("mcp"):
        raise PackagesMissing(
            "the Model Context Protocol needs a package that is not installed: mcp",
            hint="run: pip install 'dis-core[mcp]'",
        )
