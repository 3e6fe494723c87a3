"""`dis-core cutout`: the subject before a transparent, coloured or other background."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from dis_core.cli.jobs import CUTOUT_SUFFIX
from dis_core.cli.segmenting import Request, run_request, segmenting_options
from dis_core.errors import BadRequest

if TYPE_CHECKING:
    from dis_core.images import Picture
    from dis_core.images.compositing import Colour
    from dis_core.matte import Matte


@click.command()
@segmenting_options
@click.option("--bgcolor", metavar="COLOUR", help="Put this colour behind: a name, #rrggbb or r,g,b.")
@click.option("--bgimage", type=click.Path(path_type=Path), help="Put this image behind, scaled to cover.")
@click.option("--crop", is_flag=True, help="Cut the result to the subject.")
@click.option("--crop-margin", type=click.IntRange(0), default=0, metavar="PIXELS", help="Leave this much around it.")
@click.option(
    "--colours",
    type=click.Choice(["clean", "original"]),
    default="clean",
    show_default=True,
    help="clean: half-covered pixels lose the old background's colour.",
)
def cutout(
    request: Request,
    *,
    bgcolor: str | None,
    bgimage: Path | None,
    crop: bool,
    crop_margin: int,
    colours: Literal["clean", "original"],
) -> None:
    """Cut the subject out of images.

    The result of beach.jpg is beach-cutout.png beside it, with a transparent background.
    """
    from dis_core.images import read_picture
    from dis_core.images.compositing import parse_colour

    if bgcolor is not None and bgimage is not None:
        raise BadRequest("--bgcolor and --bgimage contradict each other", hint="choose one background")
    if crop_margin and not crop:
        raise BadRequest("--crop-margin does nothing without --crop")
    colour = None if bgcolor is None else parse_colour(bgcolor)
    background = None if bgimage is None else read_picture(bgimage)

    def make_result(matte: Matte) -> Picture:
        result = placed(matte.cutout(colours=colours), colour, background)
        return cropped(result, matte, crop_margin) if crop else result

    also_read = [] if bgimage is None else [bgimage]
    run_request(request, suffix=CUTOUT_SUFFIX, make_result=make_result, also_read=also_read)


def placed(cutout: Picture, colour: Colour | None, background: Picture | None) -> Picture:
    """The cutout before its new background, or as it is."""
    from dis_core.images.compositing import over_colour, over_picture

    if colour is not None:
        return over_colour(cutout, colour)
    return cutout if background is None else over_picture(cutout, background)


def cropped(result: Picture, matte: Matte, margin_px: int) -> Picture:
    """The result cut to the subject with its soft edges, down to a cover of 2 %; whole if there is no subject."""
    from dis_core.images.compositing import box_with_margin, crop

    bounds = matte.bounds(threshold=0.02)
    if bounds is None:
        return result
    return crop(result, box_with_margin(bounds, size=result.size, margin_px=margin_px))
