"""A contact sheet of some pairs to look at: image, truth, prediction and difference side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from dis_core.errors import BadRequest
from dis_core.evaluation.pairs import Pair, read_pair
from dis_core.evaluation.scores import MEASURES, Scores
from dis_core.images.reading import read_picture

if TYPE_CHECKING:
    import PIL.Image
    from numpy.typing import NDArray

SheetFormat = Literal["PNG", "JPEG"]

_FORMATS: Final[dict[str, SheetFormat]] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
_CELL_PX: Final = (320, 240)
_GAP_PX: Final = 8
_LINE_PX: Final = 20
_FONT_SIZE_PX: Final = 14
_PAPER, _INK = (32, 32, 32), (230, 230, 230)
_TOO_MUCH, _MISSING = (255, 60, 40), (60, 140, 255)
# The brightness of the subject in the picture of the difference, where both agree.
_AGREED_GRAY: Final = 110


def sheet_format(path: Path) -> SheetFormat:
    """The format that a file's ending asks for. Raises BadRequest for anything but PNG and JPEG."""
    ending = path.suffix.lower()
    if ending not in _FORMATS:
        raise BadRequest(f"cannot write a sheet as {str(path)!r}", hint="end its name with .png or .jpg")
    return _FORMATS[ending]


def encode_sheet(pairs: Sequence[Pair], scores: Sequence[Scores], *, format: SheetFormat) -> bytes:  # noqa: A002  as everywhere
    """Draw a row for each pair, in their order, below a line with its name and scores.

    The columns are the image (if any pair has one), the truth, the prediction and the difference. Raises what
    `read_pair` raises, and NoImage for an image that cannot be read.
    """
    buffer = io.BytesIO()
    draw_sheet(pairs, scores).save(buffer, format, quality=90)
    return buffer.getvalue()


def draw_sheet(pairs: Sequence[Pair], scores: Sequence[Scores]) -> PIL.Image.Image:
    """Draw the sheet as an RGB image of Pillow; see `encode_sheet`."""
    from PIL import Image, ImageDraw, ImageFont

    columns = [*(["image"] if any(pair.image for pair in pairs) else []), "truth", "prediction"]
    columns.append("difference (red: too much, blue: missing)")
    (width, height), row_height = _CELL_PX, _CELL_PX[1] + _LINE_PX + _GAP_PX
    size = (len(columns) * (width + _GAP_PX) + _GAP_PX, len(pairs) * row_height + _LINE_PX + _GAP_PX)
    sheet = Image.new("RGB", size, _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_SIZE_PX)
    lefts = [_GAP_PX + column * (width + _GAP_PX) for column in range(len(columns))]
    for left, title in zip(lefts, columns, strict=True):
        pen.text((left, 2), title, _INK, font)
    for row, (pair, one) in enumerate(zip(pairs, scores, strict=True)):
        top = _LINE_PX + row * row_height
        pen.text((_GAP_PX, top + 2), caption(pair, one), _INK, font)
        cells = [None, *_matte_cells(pair)][-len(columns) :]
        if len(columns) > 3 and pair.image is not None:
            cells[0] = read_picture(pair.image).pil().convert("RGB")
        for left, cell in zip(lefts, cells, strict=True):
            if cell is not None:
                cell.thumbnail((width, height), Image.Resampling.BOX)
                sheet.paste(cell, (left, top + _LINE_PX))
    return sheet


def caption(pair: Pair, scores: Scores) -> str:
    """The name and the scores of a pair in one line; "?" stands for letters that Pillow's own font lacks."""
    values = (f"{measure.title} {measure.text_of(scores)}" for measure in MEASURES)
    name = "".join(letter if letter.isprintable() else "?" for letter in pair.name)
    return f"{name.encode('latin-1', 'replace').decode('latin-1')}   {'  '.join(values)}"


def difference_colors(prediction: NDArray[np.float32], truth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Two mattes (H, W) in [0, 1] as (H, W, 3): gray where both see the subject, red too much, blue missing."""
    shares = (np.minimum(prediction, truth), np.maximum(prediction - truth, 0), np.maximum(truth - prediction, 0))
    colors = ((_AGREED_GRAY,) * 3, _TOO_MUCH, _MISSING)
    mixed = [sum(share * color[channel] for share, color in zip(shares, colors, strict=True)) for channel in range(3)]
    drawn: NDArray[np.uint8] = np.rint(np.stack(mixed, axis=2)).astype(np.uint8)
    return drawn


def _matte_cells(pair: Pair) -> list[PIL.Image.Image]:
    from PIL import Image

    prediction, truth = read_pair(pair)
    gray = [Image.fromarray(np.rint(matte * 255).astype(np.uint8)).convert("RGB") for matte in (truth, prediction)]
    return [*gray, Image.fromarray(difference_colors(prediction, truth))]
