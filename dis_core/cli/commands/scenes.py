"""`dis-core scenes`: make the procedural scenes that the embedded model was trained on, to look at or to train on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dis_core.cli.terminal import ProgressStyle, progress_option, progress_report, say, say_event, say_path
from dis_core.errors import BadRequest, OutputExists, OutputFailed
from dis_core.places import Trial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dis_core.progress import Report

# WebP has no room for more in two columns.
MOST_ON_A_SHEET = 100


@dataclass(frozen=True)
class ScenesRequest:
    """The arguments and options of the command, under their names."""

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
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Write the scenes into images, masks and depth in this folder."
)
@click.option("--count", type=click.IntRange(1), default=50, show_default=True, help="How many scenes to make.")
@click.option(
    "--size",
    type=click.IntRange(32, 8192),
    default=256,
    show_default=True,
    metavar="PIXELS",
    help="Height and width of each scene. Scenes larger than 256 are scaled down on the sheet.",
)
@click.option(
    "--first-seed", type=click.IntRange(0), default=0, show_default=True, help="The number of the first scene."
)
@click.option(
    "--fine", is_flag=True, help="Add hairs, wires and threads, 1 to 3 pixels wide at size 4096, for evaluation."
)
@click.option("--overwrite", is_flag=True, help="Replace files that are already there.")
@progress_option
def scenes(**options: Any) -> None:  # as click hands them over
    """Make scenes: generated images of made-up things, with their exact mattes and depth maps.

    SHEET is a picture of them: image, matte and depth of each, two scenes per row; its ending (.png, .webp or .tif)
    decides the format. --folder writes them for training, in the layout of DIS5K. The same number always gives the same
    scene.
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
    """Raise BadRequest, OutputExists or OutputFailed for what cannot be done, before any work is done."""
    from dis_core.images.formats import format_of

    if request.sheet is None and request.folder is None:
        raise BadRequest("no output is given", hint="give a file for the contact sheet, or --folder")
    if request.folder is not None:
        Trial().refuse_unwritable(request.folder / "images" / "scene.png", overwrite=False)
    if request.sheet is None:
        return
    format_of(request.sheet)
    if request.count > MOST_ON_A_SHEET:
        raise BadRequest(
            f"a sheet can show at most {MOST_ON_A_SHEET} scenes, not {request.count}",
            hint="give a smaller --count, or use only --folder",
        )
    if os.path.lexists(request.sheet) and not request.overwrite:
        raise OutputExists(f"{request.sheet} already exists", hint="give another name, or replace it with --overwrite")
    if not os.path.isdir(request.sheet.parent):  # noqa: PTH112 - Path.is_dir raises where it may not look
        raise OutputFailed(f"there is no folder {request.sheet.parent}", hint="create it first, or check the spelling")
    Trial().refuse_unwritable(request.sheet, overwrite=request.overwrite)


def make_all(request: ScenesRequest, report: Report) -> list[NDArray[np.uint8]]:
    """Make the scenes, write those that are missing in the folder, and return the tiles of the sheet if one is wanted.

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
        say(f"dis-core: scenes that already exist and were kept: {left_alone} (--overwrite replaces them)")
    return tiles


def write_sheet(sheet: Path, tiles: list[NDArray[np.uint8]], request: ScenesRequest) -> None:
    """Put the tiles on a sheet and write it. Raises OutputExists, OutputFailed, and BadRequest if WebP is too small."""
    from dis_core.images.formats import format_of
    from dis_core.images.picture import write_picture
    from dis_core.scenes.export import contact_sheet

    write_picture(contact_sheet(tiles), sheet, format=format_of(sheet), overwrite=request.overwrite)
