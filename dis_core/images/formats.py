"""The formats of image files: names, endings and size limits, without loading what reads and writes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

from dis_core.errors import BadRequest

OutputFormat = Literal["png", "webp", "tiff"]

ENDING_OF_FORMAT: Final[dict[OutputFormat, str]] = {"png": ".png", "webp": ".webp", "tiff": ".tif"}

AnimationFormat = Literal["gif", "webp", "png"]

ENDING_OF_ANIMATION: Final[dict[AnimationFormat, str]] = {"gif": ".gif", "webp": ".webp", "png": ".png"}

IMAGE_ENDINGS: Final = frozenset(
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
"""Files with these endings are picked from a folder, in lower case; a file that is named itself may have any name."""

MAX_PIXELS: Final = 300_000_000
"""Larger images are refused: a file of a few kilobytes can claim to be larger than the memory of any machine."""

MAX_STREAM_BYTES: Final = 8 * MAX_PIXELS + 100_000_000
"""No more is read from a pipe: the largest 16-bit RGBA image and some metadata."""

MAX_PROFILE_BYTES: Final = 32_000_000
"""Larger color profiles are left out. A JPEG can hold one of 17 MB; what we write is also read."""

_FORMAT_BY_ENDING: Final[dict[str, OutputFormat]] = {".png": "png", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff"}


def animation_format_of(path: str | os.PathLike[str]) -> AnimationFormat | None:
    """The kind of animation with the ending of this file, if there is one."""
    ending = Path(path).suffix.lower().replace(".apng", ".png")
    return next((kind for kind, own in ENDING_OF_ANIMATION.items() if own == ending), None)


def format_of(path: str | os.PathLike[str]) -> OutputFormat:
    """The output format that a file's ending asks for. Raises BadRequest for other endings."""
    ending = Path(path).suffix.lower()
    if ending not in _FORMAT_BY_ENDING:
        lossy = " (JPEG has neither transparency nor exact pixels)" if ending in (".jpg", ".jpeg") else ""
        what = f"{ending} is not an output format" if ending else "the name has no ending"
        raise BadRequest(
            f"cannot write {os.fspath(path)!r}: {what}{lossy}",
            hint=f"end the name with one of {', '.join(_FORMAT_BY_ENDING)}",
        )
    return _FORMAT_BY_ENDING[ending]
