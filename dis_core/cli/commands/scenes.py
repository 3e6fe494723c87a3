"""`dis-core scenes`: the procedural scenes that the embedded model is trained on, to look at or to train with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dis_core.cli.terminal import ProgressStyle, progress_option, progress_report, say, say_event, say_path
from dis_core.errors import BadRequest, OutputExists, OutputFailed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dis_core.progress import Report

# As many as WebP can hold in two columns.
MOST_ON_A_SHEET = 100


@dataclass(frozen=True)
class ScenesRequest:
    """What was asked for, as the options below describe it."""

    sheet: Path | None
    folder: Path | None
    count: int
    size: int
    first_seed: int
    fine: bool
    overwrite: bool
    progress: ProgressStyle


@click.command()
@click.argument("sheet", type=click.Path(path_type=Path), required=False, metavar="[SHEET]")
@click.option("--folder", type=click.Path(path_type=Path), help="Write each scene into images, masks and depth there.")
@click.option("--count", type=click.IntRange(1), default=50, show_default=True, help="How many scenes.")
@click.option(
    "--size",
    type=click.IntRange(32, 8192),
    default=256,
    show_default=True,
    metavar="PIXELS",
    help="Height and width of a scene. On the sheet, scenes of more than 256 are reduced.",
)
@click.option("--first-seed", type=click.IntRange(0), default=0, show_default=True, help="The first scene's number.")
@click.option("--fine", is_flag=True, help="With hairs, wires and threads 1 to 3 pixels wide at 4096, for evaluation.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@progress_option
def scenes(**options: Any) -> None:  # as click hands them over
    """Make scenes by computer: images of made-up things, with their exact mattes and depth.

    SHEET shows them: image, alpha and depth of each, two scenes to a row; its ending (.png, .webp, .tif) is its format.
    --folder writes them for training, laid out as DIS5K is. The same number is always the same scene.
    """
    request = ScenesRequest(**options)
    refuse_contradictions(request)
    with progress_report(request.progress) as report:
        tiles = make_all(request, report)
    if request.sheet is not None:
        write_sheet(request.sheet, tiles, request)
    for place in filter(None, (request.sheet, request.folder)):
        if request.progress == "json":
            say_event("result", output=str(place), scenes=request.count)
        else:
            say_path(place)


def refuse_contradictions(request: ScenesRequest) -> None:
    """Raises BadRequest, OutputExists or OutputFailed for what cannot be done, before time is spent."""
    from dis_core.images.formats import format_of

    if request.sheet is None and request.folder is None:
        raise BadRequest("nothing says where the scenes go", hint="name a picture for a contact sheet, or --folder")
    if request.sheet is None:
        return
    format_of(request.sheet)
    if request.count > MOST_ON_A_SHEET:
        raise BadRequest(
            f"{request.count} scenes are too many for one sheet: it holds {MOST_ON_A_SHEET}",
            hint="give a smaller --count, or only --folder",
        )
    if os.path.lexists(request.sheet) and not request.overwrite:
        raise OutputExists(f"{request.sheet} exists already", hint="--overwrite replaces it")
    if not os.path.isdir(request.sheet.parent):  # noqa: PTH112 - Path.is_dir raises where it may not look
        raise OutputFailed(f"there is no folder {request.sheet.parent}", hint="make it first, or check the spelling")


def make_all(request: ScenesRequest, report: Report) -> list[NDArray[np.uint8]]:
    """Make the scenes, write those that the folder lacks, and return the tiles of the sheet, if one is wanted.

    Raises OutputFailed.
    """
    from dis_core.scenes.export import is_written, tile_of, write_training_files
    from dis_core.scenes.scene import make_fine_scene, make_scene

    make = make_fine_scene if request.fine else make_scene
    tiles, left_alone = [], 0
    for number in range(request.count):
        report(number / request.count, f"scene {number + 1} of {request.count}")
        seed = request.first_seed + number
        name = f"{'fine' if request.fine else 'scene'}-{request.size}-{seed:08}"
        is_there = request.folder is not None and not request.overwrite and is_written(request.folder, name)
        left_alone += is_there
        if is_there and request.sheet is None:
            continue
        scene = make(seed, (request.size, request.size))
        if request.folder is not None and not is_there:
            write_training_files(scene, request.folder, name, overwrite=request.overwrite)
        if request.sheet is not None:
            tiles.append(tile_of(scene))
    if left_alone:
        say(f"dis-core: {left_alone} scenes are there already and are left alone (--overwrite replaces them)")
    return tiles


def write_sheet(sheet: Path, tiles: list[NDArray[np.uint8]], request: ScenesRequest) -> None:
    """Put the tiles on a sheet and write it. Raises OutputExists, OutputFailed, BadRequest (too large for WebP)."""
    from dis_core.images.formats import format_of
    from dis_core.images.picture import write_picture
    from dis_core.scenes.export import contact_sheet

    write_picture(contact_sheet(tiles), sheet, format=format_of(sheet), overwrite=request.overwrite)
