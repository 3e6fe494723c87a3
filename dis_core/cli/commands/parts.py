"""`dis-core parts`: which separate things are in a matte, and which pixel belongs to which."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from dis_core.cli.terminal import say, say_path, say_result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_PARTS: Final = 255
"""As many as a gray picture of 8 bits can number."""


@click.command()
@click.argument("matte", metavar="MATTE", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="PATH", required=True, help="A PNG file.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for programs instead of text.")
def parts(*, matte: Path, output: Path, overwrite: bool, as_json: bool) -> None:
    """Number the separate things in MATTE, such as people side by side, in a gray PNG: 1 for the largest, 0 for none.

    MATTE is a result of 'dis-core mask', or any gray image that is white where the subject is. No model is needed. The
    soft edge around a thing is its own, and specks below a ten-thousandth of the image belong to none.
    """
    from dis_core.evaluation.pairs import read_matte
    from dis_core.files import write_atomically
    from dis_core.images.picture import Picture, encode
    from dis_core.matte.parts import PART_FROM, number_parts

    numbers, areas = number_parts(read_matte(matte), PART_FROM)
    if len(areas) > MOST_PARTS:
        say(f"dis-core: {len(areas)} parts; only the {MOST_PARTS} largest are numbered")
        numbers[numbers > MOST_PARTS] = 0
    found = describe(numbers, areas[:MOST_PARTS])
    picture = Picture(numbers.astype("uint8")[..., None], name=str(matte))
    write_atomically(output, encode(picture, format="png"), overwrite=overwrite)
    if as_json:
        say_result(json.dumps({"parts": found}))
        return
    say_path(output)
    for part in found:
        say(f"{part['number']}: {part['area_px']} pixels in {part['box']}")
    if not found:
        say("dis-core: there is nothing in this matte")


def describe(numbers: NDArray[np.int32], areas: list[int]) -> list[dict[str, object]]:
    """Number, area and box (x, y, width, height) of each part, for programs; the box holds its soft edge too."""
    import numpy as np

    rows, columns = np.nonzero(numbers)
    which = numbers[rows, columns]
    shape = len(areas) + 1
    first, last = np.full((2, shape), np.iinfo(np.int64).max), np.full((2, shape), -1)
    for axis, places in enumerate((columns, rows)):
        np.minimum.at(first[axis], which, places)
        np.maximum.at(last[axis], which, places)
    boxes = np.concatenate([first, last + 1 - first]).T.tolist()
    return [
        {"number": number, "box": boxes[number], "area_px": area_px} for number, area_px in enumerate(areas, start=1)
    ]
