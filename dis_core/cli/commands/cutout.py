"""`dis-core cutout`: the subject before a transparent, colored or other background."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from dis_core.cli.options import Request, segmenting_options
from dis_core.cli.planning import CUTOUT_SUFFIX
from dis_core.cli.running import run_request
from dis_core.errors import BadRequest
from dis_core.jobs.job import CutoutStyle


@click.command()
@segmenting_options
@click.option("--bgcolor", metavar="COLOR", help="Put this color behind: a name, #rrggbb or r,g,b.")
@click.option("--bgimage", type=click.Path(path_type=Path), help="Put this image behind, scaled to cover.")
@click.option("--crop", is_flag=True, help="Cut the result to the subject.")
@click.option("--crop-margin", type=click.IntRange(0), default=0, metavar="PIXELS", help="Leave this much around it.")
@click.option(
    "--colors",
    type=click.Choice(["clean", "original"]),
    default="clean",
    show_default=True,
    help="clean: half-covered pixels lose the old background's color.",
)
def cutout(
    request: Request,
    *,
    bgcolor: str | None,
    bgimage: Path | None,
    crop: bool,
    crop_margin: int,
    colors: Literal["clean", "original"],
) -> None:
    """Cut the subject out of images.

    The result of beach.jpg is beach-cutout.png beside it, with a transparent background.
    """
    if bgcolor is not None and bgimage is not None:
        raise BadRequest("--bgcolor and --bgimage contradict each other", hint="choose one background")
    if crop_margin and not crop:
        raise BadRequest("--crop-margin does nothing without --crop")
    style = CutoutStyle(
        bgcolor=bgcolor, bgimage=bgimage, crop=crop, crop_margin=crop_margin, colors=colors, edges=request.edges
    )
    run_request(request, style, suffix=CUTOUT_SUFFIX)
