"""`dis-core mask`: the grey matte itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from dis_core.cli.jobs import MASK_SUFFIX
from dis_core.cli.segmenting import Request, run_request, segmenting_options

if TYPE_CHECKING:
    from typing import Literal

    from dis_core.images import Picture
    from dis_core.matte import Matte


@click.command()
@segmenting_options
@click.option("--bits", type=click.Choice(["8", "16"]), default="8", show_default=True, help="Bits per pixel.")
def mask(request: Request, *, bits: str) -> None:
    """Write the matte of images: grey, white where the subject is.

    The result of beach.jpg is beach-mask.png beside it.
    """

    def make_result(matte: Matte) -> Picture:
        return matte.grey(bits=cast("Literal[8, 16]", int(bits)))

    run_request(request, suffix=MASK_SUFFIX, make_result=make_result)
