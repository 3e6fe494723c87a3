"""Folders that a program may use on somebody's behalf, and nothing outside of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dis_core.errors import BadRequest


@dataclass(frozen=True)
class Folders:
    """Existing folders, links followed; the first is where relative paths start."""

    paths: tuple[Path, ...]

    def place(self, path: str) -> Path:
        """A path that lies below one of the folders, links followed, so that no link leads out of them.

        Raises BadRequest for every other path.
        """
        try:
            place = Path(os.path.realpath(self.paths[0] / path))
        except (OSError, ValueError):
            raise BadRequest(f"{path!r} is not a path", hint="give the path of an image file") from None
        if not any(place.is_relative_to(folder) for folder in self.paths):
            raise BadRequest(
                f"{path} lies outside of the folders that may be used",
                hint=f"they are: {', '.join(map(str, self.paths))}",
            )
        return place


def checked_folders(paths: Sequence[Path]) -> Folders:
    """The folders by their real paths. Raises BadRequest if there are none, or for one that is not a folder."""
    if not paths:
        raise BadRequest("no folder is named", hint="name the folders whose images may be read and written")
    return Folders(tuple(_real(paths)))


def _real(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        real = Path(os.path.realpath(path))
        if not real.is_dir():
            raise BadRequest(f"{path} is not a folder", hint="name folders that exist")
        yield real
