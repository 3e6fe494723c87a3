"""Formats of image files, known without loading what reads and writes them: names, endings, the largest size."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

from dis_core.errors import BadRequest

OutputFormat = Literal["png", "webp", "tiff"]

ENDING_OF_FORMAT: Final[dict[OutputFormat, str]] = {"png": ".png", "webp": ".webp", "tiff": ".tif"}

MAX_PIXELS: Final = 300_000_000
"""Larger images are refused: a file of a few kilobytes can claim to be larger than any memory."""

MAX_STREAM_BYTES: Final = 8 * MAX_PIXELS + 100_000_000
"""No more is taken from a pipe: 16-bit RGBA as large as can be, and something for the metadata."""

_FORMAT_BY_ENDING: Final[dict[str, OutputFormat]] = {".png": "png", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff"}


def format_of(path: str | os.PathLike[str]) -> OutputFormat:
    """The format that the ending of a file's name asks for. Raises BadRequest for an ending that is none of ours."""
    ending = Path(path).suffix.lower()
    if ending not in _FORMAT_BY_ENDING:
        lossy = " (JPEG has neither transparency nor exact pixels)" if ending in (".jpg", ".jpeg") else ""
        raise BadRequest(
            f"cannot write {os.fspath(path)!r}: {ending or 'a name without ending'} is no output format{lossy}",
            hint=f"end the name with one of {', '.join(_FORMAT_BY_ENDING)}",
        )
    return _FORMAT_BY_ENDING[ending]


IMAGE_ENDINGS = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".apng",
        ".webp",
        ".tif",
        ".tiff",
        ".bmp",
        ".gif",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".tga",
        ".jp2",
        ".j2k",
        ".avif",
        ".ico",
    ]
)
"""Files with these endings are taken from a folder; a file that is named itself may be called anything."""
