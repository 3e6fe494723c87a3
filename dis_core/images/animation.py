"""All frames of a GIF, WebP or APNG as pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from dis_core.errors import BadRequest
from dis_core.images import containers, pillow, png, png_chunks
from dis_core.images.decoded import Decoded, decoding
from dis_core.images.formats import MAX_PIXELS
from dis_core.images.reading import opened, to_picture

if TYPE_CHECKING:
    import PIL.Image

    from dis_core.images.picture import Picture
    from dis_core.images.reading import Source

_NOTHING: Final = np.empty((0, 0), np.uint8)


@dataclass(frozen=True)
class Frame:
    """A picture as it is seen, with those before it already under it, and how long it is shown."""

    picture: Picture
    milliseconds: float


@dataclass(frozen=True)
class Animation:
    """`frames` can be gone through once, while the file is open. It plays `plays` times; 0 means forever."""

    count: int
    plays: int
    frames: Iterator[Frame]


@contextmanager
def open_animation(source: Source) -> Iterator[Animation | None]:
    """Open a GIF, WebP or APNG, a still one too; None for files of other kinds.

    A picture that only viewers without animation show is not among the frames. Raises NoImage, here and from `frames`,
    and BadRequest for an animation that is too large.
    """
    with opened(source) as (file, name):
        head = file.read(32)
        file.seek(0)
        orientation, profile = 1, None
        remarks = ("16 bits per channel were reduced to 8, as in all animations",) if png.is_deep(head) else ()
        if head.startswith(png_chunks.PNG_MAGIC):
            parts = png_chunks.take_apart(file, name)
            file, profile = io.BytesIO(parts.file), png_chunks.icc_profile(parts.chunks)
        elif head.startswith(containers.GIF_MAGIC) or head[8:12] == b"WEBP":
            file = containers.up_to_its_end(file, head, name)
        else:
            yield None
            return
        with pillow.safe_pillow():
            image = pillow.open_image(file, name)
            with decoding(name):
                count, first = pillow.count_frames(image), pillow.first_shown(image)
            if not head.startswith(png_chunks.PNG_MAGIC):
                orientation, profile = pillow.orientation_of(image), image.info.get("icc_profile")
        _check_length(image, count, name)
        plays = int(image.info.get("loop", 1))
        frames = _frames(
            image,
            range(first, first + count),
            name,
            Decoded(_NOTHING, orientation=orientation, icc_profile=profile, remarks=remarks),
        )
        yield Animation(count, plays, frames)


def _check_length(image: PIL.Image.Image, count: int, name: str) -> None:
    """Raises BadRequest for more pixels in all frames together than one picture may have."""
    if count * image.width * image.height > MAX_PIXELS:
        raise BadRequest(
            f"{name} has {count} frames of {image.width} x {image.height} pixels, together more than "
            f"{MAX_PIXELS // 1_000_000} megapixels",
            hint="scale it down, or cut out fewer frames at once",
        )


def _frames(image: PIL.Image.Image, numbers: range, name: str, like: Decoded) -> Iterator[Frame]:
    for number in numbers:
        with pillow.safe_pillow():
            with decoding(name):
                image.seek(number)
                image.load()
                colors = np.array(image.convert("RGBA"))
            picture = to_picture(replace(like, array=colors), name)
            milliseconds = float(image.info.get("duration", 0))
        yield Frame(picture, milliseconds)
