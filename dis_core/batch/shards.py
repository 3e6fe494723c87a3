"""A share of very many images for each of several programs, which need not know of each other."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from dis_core.errors import BadRequest
from dis_core.images.formats import IMAGE_ENDINGS
from dis_core.places import folded

_ENDINGS: Final = "|".join(sorted(ending.lstrip(".") for ending in IMAGE_ENDINGS))
_TOLD_APART: Final = re.compile(rf"(-({_ENDINGS})(-\d+)?)+$")
"""What a result's name gets where two would be the same: the image's ending, then a number."""


@dataclass(frozen=True)
class Shard:
    """One of `count` shares of all images; `number` is 1 for the first one.

    Which share an image is in depends on nothing but its path, so that images that are added later move no other one.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def holds(self, path: str) -> bool:
        """Whether the image with this path below the folder of all images is in this share."""
        family = family_of(path).encode("utf-8", "surrogateescape")
        return int.from_bytes(hashlib.sha256(family).digest()[:8], "big") % self.count == self.number - 1


def family_of(path: str) -> str:
    """What all images have in common whose results could get the same name: `beach.jpg`, `beach.png`, `beach-jpg.tif`.

    They have to be in one share: two programs that name results at the same time would not see each other's names.
    """
    return _TOLD_APART.sub("", folded(path.removesuffix(PurePosixPath(path).suffix)))


def as_shard(text: str) -> Shard:
    """A shard from "3/16". Raises BadRequest."""
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip(), re.ASCII)
    if found is None:
        raise BadRequest(f"{text!r} is not a shard such as 3/16", hint="give its number and how many there are")
    number, count = int(found[1]), int(found[2])
    if number == 0:
        hint = "add 1 to a number that begins at 0"
        raise BadRequest(f"there is no shard {text}: they are counted from 1", hint=hint)
    if number > count:
        raise BadRequest(f"there is no shard {number} of {count}", hint=f"give 1/{count} to {count}/{count}")
    return Shard(number, count)
