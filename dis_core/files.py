"""What the code around weights wants to know of a disk: sizes in words, room, checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

from dis_core.errors import BadRequest
from dis_core.progress import Report, ignore

if TYPE_CHECKING:
    from pathlib import Path


def megabytes(size_bytes: int, *, of: int | None = None) -> str:
    """A size for people, or a part `of` one: "411 MB", "120 of 411 MB"; decimal units, as download pages use them."""
    whole = size_bytes if of is None else of
    divisor, digits, unit = (1e9, 1, "GB") if whole >= 10_000_000_000 else (1e6, 0 if whole >= 10_000_000 else 1, "MB")
    part = "" if of is None else f"{size_bytes / divisor:.{digits}f} of "
    return f"{part}{whole / divisor:.{digits}f} {unit}"


def sha256_of(path: Path, *, report: Report = ignore, doing: str = "verifying") -> str:
    """The file's SHA-256 as 64 lower-case hexadecimal digits."""
    digest = hashlib.sha256()
    size_bytes = max(path.stat().st_size, 1)
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
            report(min(file.tell() / size_bytes, 1.0), doing)
    return digest.hexdigest()


def size_of(file: Path) -> int:
    """Bytes in a file; 0 where none is, or none that may be looked at."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def free_space(folder: Path) -> int:
    """Free bytes on the disk that `folder` is on or will be on."""
    return shutil.disk_usage(nearest_existing(folder)).free


def nearest_existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above that exists, as far as may be looked."""
    # Not Path.exists, which raises PermissionError below a folder that may not be entered.
    while not os.path.exists(folder):  # noqa: PTH110
        folder = folder.parent
    return folder


def refuse_unreadable(file: Path) -> None:
    """Raises BadRequest if a checkpoint that the user names is not there or may not be read."""
    try:
        if not file.is_file():
            raise BadRequest(f"there is no file {file}", hint="--from wants a .pth, .pt, .bin or .safetensors file")
        file.open("rb").close()
    except OSError as error:
        raise BadRequest(
            f"{file} cannot be read: {error.strerror}", hint="check its name, and whether you may read it"
        ) from error
