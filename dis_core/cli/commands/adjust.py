"""`dis-core adjust`: another edge for a matte, again and again without a model, for programs that show it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from dis_core.cli.hints import with_options
from dis_core.cli.terminal import say_event
from dis_core.errors import BadRequest, DisError

if TYPE_CHECKING:
    from dis_core.images.picture import Picture
    from dis_core.jobs.adjusting import Adjustment, HeldMatte

LONGEST_REQUEST: Final = 100_000


@click.command()
@click.argument("matte", metavar="MATTE", type=click.Path(path_type=Path))
@click.option("--image", type=click.Path(path_type=Path), help="The image that the matte is of, for cutouts.")
def adjust(*, matte: Path, image: Path | None) -> None:
    """Hold MATTE, and write it with other edges for each line on standard input, until that closes.

    MATTE is a result of 'dis-core mask --bits 16'. No model is needed. Each line is a JSON object such as
    {"output": "look.pgm", "grow": 2, "feather": 1, "threshold": 0.5, "number": 7}. Only "output" must be there. They
    mean what they mean to 'dis-core mask'; "without": [2, 3] leaves out what 'dis-core parts' gives these numbers. The
    file, .pgm or .png with 8 bits, is replaced if it is there.

    For a look at a part, add "box": [x, y, width, height] in pixels of the matte and "size": [width, height] of the
    file, which may be smaller than the box. "colors": "clean" or "original" writes a cutout of --image as .png.

    The answers are JSON too: first {"event": "ready", "size": [width, height]}, then for each line a "result" or an
    "error" with the request's number.
    """
    from dis_core.evaluation.pairs import read_matte
    from dis_core.images.reading import read_picture
    from dis_core.jobs.adjusting import HeldMatte

    held = HeldMatte(read_matte(matte), None if image is None else read_picture(image))
    say_event("ready", size=list(held.size))
    answer_all(held, sys.stdin.buffer)


def answer_all(held: HeldMatte, requests: BinaryIO) -> None:
    """Answer one request after the other, in words also those that cannot be answered."""
    while line := requests.readline(LONGEST_REQUEST):
        if line.strip():
            answer(held, line)


def answer(held: HeldMatte, line: bytes) -> None:
    """Do what one line asks for, and say so."""
    started = time.monotonic()
    number = 0
    try:
        wanted = parsed(line)
        number = wanted.number
        result = held.adjusted(wanted)
        write(result, wanted.output)
    except DisError as error:
        say_event("error", number=number, code=error.code, message=error.message, hint=with_options(error.hint))
        return
    height, width = result.size
    seconds = round(time.monotonic() - started, 4)
    say_event("result", number=number, output=str(wanted.output), size=[width, height], seconds=seconds)


def parsed(line: bytes) -> Adjustment:
    """What a line asks for. Raises BadRequest."""
    from dis_core.jobs.adjusting import Adjustment
    from dis_core.jobs.json_values import InvalidValue, from_json_value

    try:
        return from_json_value(Adjustment, json.loads(line))
    except InvalidValue as error:
        raise BadRequest(f"this cannot be asked for: {error}", hint="see: dis-core adjust --help") from error
    except (ValueError, RecursionError) as error:
        raise BadRequest("a request is not a JSON object on one line", hint="see: dis-core adjust --help") from error


def write(picture: Picture, path: Path) -> None:
    """Write a result, replacing what is there. Raises BadRequest for another ending, OutputFailed."""
    from dis_core.files import write_atomically
    from dis_core.images.picture import encode

    ending = path.suffix.lower()
    if ending == ".pgm" and picture.alpha is None and picture.pixels.shape[2] == 1:
        height, width = picture.size
        data = b"P5 %d %d 255\n" % (width, height) + picture.pixels.tobytes()
    elif ending == ".png":
        data = encode(picture, format="png")
    else:
        raise BadRequest(
            f"the result cannot be written as {path.name}", hint="use .png, or for what is gray .pgm, which is quicker"
        )
    write_atomically(path, data, overwrite=True)
