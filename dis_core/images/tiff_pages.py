"""The pages of a TIFF, walked with bounds, and which of them is the picture."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from dis_core.images.decoded import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TIFF_MAGIC: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# Numbers of the TIFF 6.0 specification.
_SUBFILE_TYPE, _WIDTH, _HEIGHT = 254, 256, 257
_PLACES: Final = (273, 279, 324, 325)
_REDUCED_OR_MASK: Final = 0b101
_BYTES_OF_TYPE: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_LAYERS: Final = 37724  # Photoshop's; it is not read

_MOST_PAGES: Final = 10_000
_MOST_TAGS: Final = 1000
_LONGEST_TAG: Final = 64_000_000
_LONGEST_LIST_OF_PLACES: Final = 16_000_000
_LONGEST_THUMBNAIL_PX: Final = 512


class Page(NamedTuple):
    """What a page says of itself; `flags` are those of the tag NewSubfileType."""

    height: int
    width: int
    flags: int

    @property
    def is_beside_the_picture(self) -> bool:
        """Whether it calls itself a smaller version or a mask of another page."""
        return bool(self.flags & _REDUCED_OR_MASK)

    def is_thumbnail_of(self, other: Page) -> bool:
        """Whether it is small and has the proportions of another page that is at least twice as large."""
        is_small = max(self.height, self.width) <= _LONGEST_THUMBNAIL_PX
        return (
            is_small
            and other.width >= 2 * self.width > 0
            and abs(other.height * self.width / other.width - self.height) <= 1
        )


@dataclass(frozen=True)
class Choice:
    """The page to read, counted from 0, and what to say about it."""

    page: int
    remarks: tuple[str, ...]


def choose_page(file: BinaryIO, name: str) -> Choice:
    """The first page, as in viewers, unless it is only a thumbnail or a mask of a later one.

    Raises NoImage for pages that are longer than any program writes, and if there are none. The file is left at its
    beginning.
    """
    pages = list(_walk(file, name))
    file.seek(0)
    if not pages:
        raise damaged(name, "it has no pages")
    chosen = _chosen(pages)
    if len(pages) == 1:
        return Choice(0, ())
    count = f"{len(pages)} pages" if len(pages) < _MOST_PAGES else f"{_MOST_PAGES} pages or more"
    which = f"{chosen + 1} is used, because those before it are thumbnails or masks" if chosen else "the first is used"
    return Choice(chosen, (f"{count}: only {which}",))


def _chosen(pages: Sequence[Page]) -> int:
    pictures = [place for place, page in enumerate(pages) if not page.is_beside_the_picture]
    if not pictures:
        return 0
    first = pages[pictures[0]]
    return next((place for place in pictures if first.is_thumbnail_of(pages[place])), pictures[0])


def _walk(file: BinaryIO, name: str) -> Iterator[Page]:
    """Each page, up to the end of the chain, to a place that it has been at, or to the end of the file."""
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    is_big = b"+" in head[2:4]
    count_format, link_format, entry_format = (
        f"{order}{kind}" for kind in (("Q", "Q", "HHQ8s") if is_big else ("H", "I", "HHI4s"))
    )
    place = _number(link_format, head[8:] if is_big else head[4:8])
    seen: set[int] = set()
    while 0 < place < size_bytes and place not in seen and len(seen) < _MOST_PAGES:
        seen.add(place)
        file.seek(place)
        tags = _number(count_format, file.read(struct.calcsize(count_format)))
        if tags > _MOST_TAGS:
            raise damaged(name, f"a page has {tags} tags")
        entries = file.read(tags * struct.calcsize(entry_format))
        place = _number(link_format, file.read(struct.calcsize(link_format)))
        if len(entries) == tags * struct.calcsize(entry_format):
            yield _page(list(struct.iter_unpack(entry_format, entries)), order, name)


def _page(entries: list[tuple[int, int, int, bytes]], order: str, name: str) -> Page:
    """Raises NoImage for values that are longer than any program writes."""
    values = {}
    for tag, kind, count, value in entries:
        size_bytes = count * _BYTES_OF_TYPE.get(kind, 1)
        if tag != _LAYERS and size_bytes > (_LONGEST_LIST_OF_PLACES if tag in _PLACES else _LONGEST_TAG):
            raise damaged(name, f"its tag {tag} has {size_bytes} bytes")
        if kind in (3, 4, 16):
            values[tag] = _number(order + {3: "H", 4: "I", 16: "Q"}[kind], value)
    return Page(values.get(_HEIGHT, 0), values.get(_WIDTH, 0), values.get(_SUBFILE_TYPE, 0))


def _number(kind: str, data: bytes) -> int:
    """A whole number at the beginning of the data; 0 if it is not there."""
    length = struct.calcsize(kind)
    return int(struct.unpack(kind, data[:length])[0]) if len(data) >= length else 0
