"""Lists of files: one name per line, or with a NUL after each name, as `find -print0` writes them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dis_core.errors import BadRequest, NoImage

STANDARD_STREAM = "-"


def read_list(named: str, *, end: bytes) -> list[Path]:
    """The paths in a file, or "-" for standard input, each followed by `end`; empty ones are left out.

    Raises BadRequest for a list that cannot be read, or that has NULs in it unexpectedly, NoImage for an empty one.
    """
    try:
        data = sys.stdin.buffer.read() if named == STANDARD_STREAM else Path(named).read_bytes()
    except OSError as error:
        hint = "check its name, and whether you may read it"
        raise BadRequest(f"the list {named} cannot be read: {error.strerror}", hint=hint) from error
    if end == b"\n":
        if b"\0" in data:
            raise BadRequest("the names in the list end with NUL characters, not with lines", hint="add `null=True`")
        data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")  # editors on Windows write both
    paths = [Path(os.fsdecode(name)) for name in data.split(end) if name]
    if not paths:
        raise NoImage("there are no names in the list", hint="give one path per line")
    return paths
