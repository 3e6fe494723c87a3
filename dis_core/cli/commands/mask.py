"""`dis-core mask`: the gray matte itself."""

from __future__ import annotations

from typing import Literal, cast

import click

from dis_core.cli.options import SharedOptions, shared_options
from dis_core.cli.planning import MASK_SUFFIX
from dis_core.cli.recorded import run_recorded
from dis_core.cli.running import run_images
from dis_core.cli.sections import CommandInSections
from dis_core.cli.watching import watch_images
from dis_core.jobs.job import MaskStyle


@click.command(cls=CommandInSections)
@shared_options
@click.option("--bits", type=click.Choice(["8", "16"]), default="8", show_default=True, help="Bits per pixel.")
def mask(shared: SharedOptions, *, bits: str) -> None:
    """Write the matte of each image: gray, white where the subject is.

    The result of beach.jpg is beach-mask.png beside it.
    """
    style = MaskStyle(bits=cast("Literal[8, 16]", int(bits)), edges=shared.edges, framing=shared.framing)
    run = watch_images if shared.watch else run_images if shared.manifest is None else run_recorded
    run(shared, style, suffix=MASK_SUFFIX)
