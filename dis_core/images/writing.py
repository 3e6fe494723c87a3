"""A picture as a file: encoded without loss, and there in one piece or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from dis_core.errors import BadRequest, OutputExists, OutputFailed
from dis_core.images.color_profiles import to_srgb

if TYPE_CHECKING:
    from dis_core.images.formats import OutputFormat
    from dis_core.images.picture import Picture

_WEBP_LONGEST_SIDE_PX: Final = 16383
# How file systems without hard links (FAT, some network drives, Android) say so.
_NO_LINKS: Final = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP}
_HINTS: Final = {
    errno.ENOSPC: "there is no space left: free some, or write to another disk",
    errno.EDQUOT: "your quota is used up: free some space, or write to another disk",
    errno.ENOENT: "make the folder first, or check the spelling",
    errno.ENOTDIR: "make the folder first, or check the spelling",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "the disk is read-only: choose another one",
    errno.EISDIR: "give the name of a file, not of a folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EFBIG: "the file is larger than is allowed there: write to another disk",
}


def fit_to_format(picture: Picture, *, format: OutputFormat) -> Picture:  # noqa: A002  the format is called so everywhere
    """The picture as `format` can hold it, with a remark for each thing that had to go; itself if it fits already.

    PNG and TIFF hold everything. WebP holds 8 bits, RGB and 16383 pixels to a side. Raises BadRequest beyond that.
    """
    if format != "webp":
        return picture
    height, width = picture.size
    if max(height, width) > _WEBP_LONGEST_SIDE_PX:
        raise BadRequest(
            f"WebP holds at most {_WEBP_LONGEST_SIDE_PX} pixels to a side, and this picture is {width} x {height}",
            hint="write PNG or TIFF instead",
        )
    remarks = list(picture.remarks)
    if picture.levels != 255:
        picture = picture.eight_bits()
        remarks.append("16 bits per channel reduced to the 8 bits of WebP")
    if picture.icc_profile is not None and picture.pixels.shape[2] == 1:
        picture = replace(picture, pixels=to_srgb(picture.pixels, picture.icc_profile), icc_profile=None)
        remarks.append("gray with a color profile converted to sRGB, as WebP has no gray")
    return replace(picture, remarks=tuple(remarks)) if len(remarks) > len(picture.remarks) else picture


def encode(picture: Picture, *, format: OutputFormat) -> bytes:  # noqa: A002  see fit_to_format
    """The file's bytes. Pixels are kept exactly, colors under a fully transparent alpha too.

    Raises BadRequest if the format cannot hold the picture; see `fit_to_format` for what it drops.
    """
    picture = fit_to_format(picture, format=format)
    if format == "png":
        from dis_core.images.png import encode_png

        return encode_png(picture)
    if format == "tiff":
        from dis_core.images.tiff import encode_tiff

        return encode_tiff(picture)
    buffer = io.BytesIO()
    # For a lossless WebP, `quality` is the effort; method 2 takes half the time of the usual 4 for the same size.
    image = picture.pil()
    image.save(
        buffer, "WEBP", lossless=True, exact=True, quality=50, method=2, icc_profile=image.info.get("icc_profile", b"")
    )
    return buffer.getvalue()


def write_picture(
    picture: Picture,
    destination: Path | BinaryIO,
    *,
    format: OutputFormat,  # noqa: A002  see fit_to_format
    overwrite: bool = False,
) -> None:
    """Encode and write to a file, in one piece or not at all, or to an open binary file such as standard output.

    Raises BadRequest (see `encode`), OutputExists, OutputFailed.
    """
    if isinstance(destination, Path):
        if not overwrite:
            _refuse_taken(destination)  # before the work of encoding
        write_atomically(destination, encode(picture, format=format), overwrite=overwrite)
        return
    data = encode(picture, format=format)
    try:
        destination.write(data)
        destination.flush()
    except OSError as error:
        raise _failed(getattr(destination, "name", "the output"), error) from error


def write_atomically(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Make `path` a file with this content: other programs see all of it or nothing, whatever happens in between.

    The bytes go to a temporary file in the same folder and reach the disk before it gets its name. A symbolic link in
    the place counts as taken, and is replaced, never followed, where `overwrite` allows it.
    Raises OutputExists if the place is taken, OutputFailed if the file cannot be written.
    """
    if "\0" in str(path):
        raise OutputFailed(f"{str(path)!r} is no name of a file", hint="check the spelling")
    if not overwrite:
        _refuse_taken(path)
    # A short name of its own: one made from the path's could be longer than the file system allows.
    temporary = path.parent / f".dis-core-{secrets.token_hex(8)}.part"
    try:
        try:
            _write_to_disk(temporary, data)
            if overwrite:
                temporary.replace(path)
            else:
                _name_unless_taken(temporary, path)
        finally:  # after a failure or Ctrl-C; after success there is nothing left of that name
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                temporary.unlink()
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        raise _failed(path, error) from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are missing. Raises OutputFailed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _failed(folder, error) from error


def _write_to_disk(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _name_unless_taken(temporary: Path, path: Path) -> None:
    """Give the file its name. Raises FileExistsError if somebody took it in the meantime."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Without hard links there is a gap of microseconds here, except on Windows, where rename refuses by itself.
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        temporary.rename(path)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk too, where folders can be opened for that (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Some network file systems refuse this for folders; the file itself is written by then.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_taken(path: Path) -> None:
    if os.path.lexists(path):
        raise _taken(path)


def _taken(path: Path) -> OutputExists:
    return OutputExists(f"{path} exists already", hint="give another name, or allow overwriting (--overwrite)")


def _failed(place: object, error: OSError) -> OutputFailed:
    hint = _HINTS.get(error.errno or 0, "check the folder and the disk")
    return OutputFailed(f"{place} could not be written: {error.strerror or error}", hint=hint)
