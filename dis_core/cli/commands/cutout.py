"""`dis-core cutout`: the subject on a transparent background, a color or another image."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from dis_core.cli.options import SharedOptions, shared_options
from dis_core.cli.planning import CUTOUT_SUFFIX
from dis_core.cli.recorded import run_recorded
from dis_core.cli.running import run_images
from dis_core.cli.sections import CommandInSections
from dis_core.cli.watching import watch_images
from dis_core.errors import BadRequest
from dis_core.jobs.job import CutoutStyle


@click.command(cls=CommandInSections)
@shared_options
@click.option("--bgcolor", metavar="COLOR", help="A background of this color: a name, #rrggbb or r,g,b.")
@click.option("--bgimage", type=click.Path(path_type=Path), help="This image as the background, scaled to cover.")
@click.option("--crop", is_flag=True, help="Crop the result to the subject.")
@click.option(
    "--colors",
    type=click.Choice(["clean", "original"]),
    default="clean",
    show_default=True,
    help="clean: remove the old background's color from half-covered pixels; original: keep all colors.",
)
def cutout(
    shared: SharedOptions,
    *,
    bgcolor: str | None,
    bgimage: Path | None,
    crop: bool,
    colors: Literal["clean", "original"],
) -> None:
    """Cut the subject out of images.

    The result of beach.jpg is beach-cutout.png beside it, with a transparent background.
    """
    style = cutout_style(shared, bgcolor=bgcolor, bgimage=bgimage, crop=crop, colors=colors)
    run = watch_images if shared.watch else run_images if shared.manifest is None else run_recorded
    run(shared, style, suffix=CUTOUT_SUFFIX)


def cutout_style(
    shared: SharedOptions,
    *,
    bgcolor: str | None,
    bgimage: Path | None,
    crop: bool,
    colors: Literal["clean", "original"],
) -> CutoutStyle:
    """What the options say about the result. Raises BadRequest for two backgrounds."""
    if bgcolor is not None and bgimage is not None:
        raise BadRequest("--bgcolor and --bgimage contradict each other", hint="leave out one of them")
    return CutoutStyle(
        bgcolor=bgcolor, bgimage=bgimage, crop=crop, colors=colors, edges=shared.edges, framing=shared.framing
    )
