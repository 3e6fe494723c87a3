"""The formats of image files: names, endings and size limits, without loading what reads and writes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

from dis_core.errors import BadRequest

OutputFormat = Literal["png", "webp", "tiff", "jpeg"]

ENDING_OF_FORMAT: Final[dict[OutputFormat, str]] = {"png": ".png", "webp": ".webp", "tiff": ".tif", "jpeg": ".jpg"}

AnimationFormat = Literal["gif", "webp", "png"]

ENDING_OF_ANIMATION: Final[dict[AnimationFormat, str]] = {"gif": ".gif", "webp": ".webp", "png": ".png"}

IMAGE_ENDINGS: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".avif", ".avifs"),
        *(".heic", ".heif", ".hif", ".jxl", ".tif", ".tiff", ".gif", ".bmp", ".dib", ".ppm", ".pgm"),
        *(".pbm", ".pnm", ".tga", ".qoi", ".jp2", ".jpx", ".jpf", ".j2k", ".j2c", ".jpc", ".ico"),
        *(".icns", ".psd", ".pcx", ".sgi", ".dds"),
    }
)
"""Files with these endings are picked from a folder, in lower case; a file that is named itself may have any name."""

_UNREADABLE_ENDINGS: Final = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq"),
        *(".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2"),
        *(".rwl", ".sr2", ".srf", ".srw", ".x3f", ".svg", ".svgz", ".eps", ".ai", ".xcf", ".kra"),
        *(".ora", ".psb", ".exr", ".hdr", ".pfm", ".jxr", ".wdp", ".bpg", ".flif", ".dcm"),
    }
)
"""Of photos and drawings that are images to people: cameras' raw photos, drawings, projects, HDR."""

_BEGINNINGS: Final = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n",
    b"GIF8",
    b"II*\0",
    b"MM\0*",
    b"qoif",
    b"8BPS",
    b"\0\0\0\x0cJXL ",
    b"\0\0\0\x0cjP  ",
    b"v/1\x01",
    b"#?RADIANCE",
    b"FUJIFILMCCD-RAW",
)
_BRANDS: Final = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1", b"crx ")

MAX_PIXELS: Final = 300_000_000
"""Larger images are refused: a file of a few kilobytes can claim to be larger than the memory of any machine."""

MAX_STREAM_BYTES: Final = 8 * MAX_PIXELS + 100_000_000
"""No more is read from a pipe: the largest 16-bit RGBA image and some metadata."""

MAX_PROFILE_BYTES: Final = 32_000_000
"""Larger color profiles are left out. A JPEG can hold one of 17 MB; what we write is also read."""

_FORMAT_BY_ENDING: Final[dict[str, OutputFormat]] = {
    ".png": "png",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
}

OUTPUT_ENDINGS: Final = frozenset(_FORMAT_BY_ENDING)


def animation_format_of(path: str | os.PathLike[str]) -> AnimationFormat | None:
    """The kind of animation with the ending of this file, if there is one."""
    ending = Path(path).suffix.lower().replace(".apng", ".png")
    return next((kind for kind, own in ENDING_OF_ANIMATION.items() if own == ending), None)


def format_of(path: str | os.PathLike[str]) -> OutputFormat:
    """The output format that a file's ending asks for. Raises BadRequest for other endings."""
    ending = Path(path).suffix.lower()
    if ending not in _FORMAT_BY_ENDING:
        what = f"{ending} is not an output format" if ending else "the name has no ending"
        raise BadRequest(
            f"cannot write {os.fspath(path)!r}: {what}",
            hint=f"end the name with one of {', '.join(_FORMAT_BY_ENDING)}",
        )
    return _FORMAT_BY_ENDING[ending]


def looks_like_image(path: Path) -> bool:
    """Whether a file that has none of `IMAGE_ENDINGS` is an image to people, by its ending or its first bytes."""
    if path.suffix.lower() in _UNREADABLE_ENDINGS:
        return True
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            return False
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return False
    is_webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return head.startswith(_BEGINNINGS) or is_webp or (head[4:8] == b"ftyp" and head[8:12] in _BRANDS)
