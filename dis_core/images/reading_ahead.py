"""Reads the next image while the one before is worked on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from dis_core.images.picture import Picture
from dis_core.images.reading import ImageLike, as_picture

AnyImage = TypeVar("AnyImage", bound=ImageLike)


def read_ahead(images: Iterable[AnyImage]) -> Iterator[tuple[AnyImage, Future[Picture]]]:
    """Each image with its picture, or with what is wrong with it; `images` is asked for one more than was taken."""
    with ThreadPoolExecutor(1, thread_name_prefix="dis-core-reads") as reader:
        ahead: tuple[AnyImage, Future[Picture]] | None = None
        for image in images:
            reading = image, reader.submit(as_picture, image)
            if ahead is not None:
                yield ahead
            ahead = reading
        if ahead is not None:
            yield ahead
