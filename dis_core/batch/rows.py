"""The lines of a manifest: what became of each image, one JSON object per line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_args

Status = Literal["begun", "done", "failed", "open", "whole"]
"""`begun` is the last word on an image only if the program was killed while it was at work on it.

`open` and `whole` are not of an image, but of a file of many, such as a tar: some or all of its results are there.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One image. `path` is that below the folder of all images, or a member of a tar, or a row of a table.

    `size` is in bytes and `mtime_ns` the time of the last change; `sha256` stands in for it where there is no file.
    `model` is "name@revision", and `settings` the name of a line with all settings. `output_size` is in bytes, and
    `end` where the result ends in the unfinished tar `part`; `output_mtime_ns` is of files of many images only. `code`,
    `message` and `hint` say why there is no result.
    """

    path: str
    status: Status
    settings: str = ""
    model: str = ""
    size: int = 0
    mtime_ns: int = 0
    sha256: str = ""
    output: str = ""
    output_size: int = 0
    output_mtime_ns: int = 0
    end: int = 0
    part: str = ""
    code: str = ""
    message: str = ""
    hint: str = ""
    seconds: float = 0.0
    megapixels: float = 0.0
    tiles: int = 0
    at: str = ""

    def line(self) -> str:
        """As it is written; what is empty is left out."""
        values = {name: value for name in _KINDS if (value := getattr(self, name)) not in ("", 0)}
        return json.dumps(values) + "\n"

    @property
    def rank(self) -> tuple[bool, bool, str]:
        """What is more is the better word on an image where manifests differ."""
        return self.status in ("done", "whole"), self.status == "failed", self.at


_KINDS: Final[Mapping[str, type]] = {
    field.name: {"int": int, "float": float}.get(str(field.type), str) for field in fields(Row)
}

_REPEATED: Final = ("status", "settings", "model", "code", "hint")
"""What is the same in very many lines, and is kept in memory once."""


def row_of(values: Mapping[str, Any]) -> Row:  # of JSON
    """A row from a line; what is unknown is ignored, so that older programs read newer manifests. Raises ValueError."""
    known: dict[str, Any] = {}  # of the kinds of _KINDS
    for name, value in values.items():
        kind = _KINDS.get(name)
        if kind is None:
            continue
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise ValueError(f"{name} has the wrong type")
        known[name] = sys.intern(str(value)) if name in _REPEATED else value
    if "path" not in known or known.get("status") not in get_args(Status):
        raise ValueError("it has no path, or no known status")
    return Row(**known)
