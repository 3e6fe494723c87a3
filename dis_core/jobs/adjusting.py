"""A matte that is held in memory while somebody tries other edges on it: a look at once, and then the exact result."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dis_core.errors import BadRequest
from dis_core.jobs.job import MOST_EDGE_PX, Edges
from dis_core.jobs.outputs import with_edges

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from dis_core.images.picture import Picture


@dataclass(frozen=True)
class Adjustment:
    """One request: what to change, and which part to write to `output`, at which size.

    `box` is x, y, width and height in pixels of the matte, all of it if None. `size` is (width, height) of the result,
    at most that of the box: a smaller one is for looking at, and distances get smaller with it. `colors` asks for the
    subject itself on a transparent background, at full size. `without` are the parts to leave out, before the edges
    change, as `dis-core parts` numbers them. The answer has the same `number`.
    """

    output: Path
    number: int = 0
    grow: int = 0
    feather: int = 0
    threshold: float | None = None
    without: tuple[int, ...] = ()
    box: tuple[int, int, int, int] | None = None
    size: tuple[int, int] | None = None
    colors: Literal["clean", "original"] | None = None

    @property
    def edges(self) -> Edges:
        """What to change."""
        return Edges(grow=self.grow, feather=self.feather, threshold=self.threshold)

    def check(self) -> None:
        """Raises BadRequest for values that are out of range."""
        if abs(self.grow) > MOST_EDGE_PX or not 0 <= self.feather <= MOST_EDGE_PX:
            raise BadRequest(
                f"edges cannot move by {self.grow} and soften by {self.feather} pixels",
                hint=f"grow is from -{MOST_EDGE_PX} to {MOST_EDGE_PX}, feather from 0 to {MOST_EDGE_PX}",
            )
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise BadRequest(f"the threshold is {self.threshold}", hint="it is more than 0 and at most 1, such as 0.5")
        if self.colors is not None and (self.box is not None or self.size is not None):
            raise BadRequest("a cutout has the size of the image", hint="leave out box and size")


class HeldMatte:
    """A matte, (H, W) float32 in [0, 1], and the picture that it is of, if cutouts are wanted."""

    def __init__(self, alpha: NDArray[np.float32], picture: Picture | None = None) -> None:
        if picture is not None and picture.size != alpha.shape:
            (height, width), (rows, columns) = picture.size, alpha.shape
            raise BadRequest(
                f"the image is {width} x {height} pixels, but the matte is {columns} x {rows}",
                hint="give the image that the matte was made from",
            )
        self._alpha, self._picture = alpha, picture
        self._numbers: NDArray[np.int32] | None = None
        self._last_rest: tuple[tuple[int, ...], HeldMatte] | None = None
        self._levels: tuple[float | None, NDArray[np.uint8]] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._alpha.shape[1], self._alpha.shape[0]

    def adjusted(self, wanted: Adjustment) -> Picture:
        """What is asked for, as a gray picture, or as a cutout with alpha.

        The whole matte at its own size is byte for byte what `dis-core mask` makes with the same edges, if this one was
        kept with 16 bits. Raises BadRequest.
        """
        from dis_core.images.picture import Picture, gray_picture

        wanted.check()
        if wanted.without:
            return self._rest(wanted.without).adjusted(replace(wanted, without=()))
        if wanted.colors is not None:
            return self._cutout(wanted.edges, wanted.colors)
        box = self._box(wanted.box)
        size = self._size(wanted.size, box)
        if size == box[2:]:
            return gray_picture(self._exact(wanted.edges, box), bits=8, name="the matte")
        return Picture(self._small(wanted.edges, box, size)[..., None], name="the matte")

    def _rest(self, without: tuple[int, ...]) -> HeldMatte:
        """The same without some parts; the last one is kept."""
        import numpy as np

        from dis_core.matte.parts import PART_FROM, number_parts

        if self._numbers is None:
            self._numbers = number_parts(self._alpha, PART_FROM)[0]
        if self._last_rest is None or self._last_rest[0] != without:
            alpha = np.where(np.isin(self._numbers, without), np.float32(0), self._alpha)
            self._last_rest = without, HeldMatte(alpha, self._picture)
        return self._last_rest[1]

    def _box(self, box: tuple[int, int, int, int] | None) -> tuple[int, int, int, int]:
        width, height = self.size
        if box is None:
            return 0, 0, width, height
        left, top, across, down = box
        if min(left, top) < 0 or min(across, down) < 1 or left + across > width or top + down > height:
            raise BadRequest(f"the box {list(box)} is not inside of {width} x {height} pixels", hint="make it smaller")
        return box

    def _size(self, size: tuple[int, int] | None, box: tuple[int, int, int, int]) -> tuple[int, int]:
        if size is None:
            return box[2:]
        if min(size) < 1 or size[0] > box[2] or size[1] > box[3]:
            raise BadRequest(
                f"a size of {list(size)} does not fit a box of {box[2]} x {box[3]} pixels",
                hint="ask for at least one pixel, and for no more than the box has",
            )
        return size

    def _exact(self, edges: Edges, box: tuple[int, int, int, int]) -> NDArray[np.float32]:
        left, top, width, height = box
        reach = abs(edges.grow) + edges.feather
        before, above = min(reach, left), min(reach, top)
        around = self._alpha[top - above : top + height + reach, left - before : left + width + reach]
        return with_edges(around, edges)[above : above + height, before : before + width]

    def _small(self, edges: Edges, box: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
        """A look at the edges, about right to a pixel of the small picture."""
        import numpy as np

        scale = max(size[0] / box[2], size[1] / box[3])
        grow, feather = edges.grow * scale, edges.feather * scale
        margin = math.ceil(abs(grow)) + math.ceil(feather)
        shrunk, (left, top) = self._shrunk(edges.threshold, box, size, margin)
        soft: NDArray[np.float32] = shrunk / np.float32(255)
        shown = between(lambda px: with_edges(soft, Edges(grow=px)), grow)
        shown = between(lambda px: with_edges(shown, Edges(feather=px)), feather)
        part = shown[top : top + size[1], left : left + size[0]]
        levels: NDArray[np.uint8] = np.rint(part * np.float32(255)).astype(np.uint8)
        return levels

    def _shrunk(
        self, threshold: float | None, box: tuple[int, int, int, int], size: tuple[int, int], margin: int
    ) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """The box and a margin of so many small pixels around it, and how many of these are at the left and the top."""
        import numpy as np
        from PIL import Image

        across, down = box[2] / size[0], box[3] / size[1]
        before, above = min(margin, int(box[0] / across)), min(margin, int(box[1] / down))
        behind = min(margin, int((self.size[0] - box[0] - box[2]) / across))
        below = min(margin, int((self.size[1] - box[1] - box[3]) / down))
        source = (box[0] - before * across, box[1] - above * down)
        end = (box[0] + box[2] + behind * across, box[1] + box[3] + below * down)
        picture = Image.fromarray(self._in_levels(threshold))
        wanted = size[0] + before + behind, size[1] + above + below
        corners = (source[0], source[1], min(end[0], self.size[0]), min(end[1], self.size[1]))
        small: NDArray[np.uint8] = np.asarray(picture.resize(wanted, Image.Resampling.BOX, box=corners))
        return small, (before, above)

    def _in_levels(self, threshold: float | None) -> NDArray[np.uint8]:
        """All of the matte, hard if there is a threshold, in 8 bits; the last one is kept."""
        import numpy as np

        if self._levels is None or self._levels[0] != threshold:
            alpha = with_edges(self._alpha, Edges(threshold=threshold))
            self._levels = threshold, np.rint(alpha * np.float32(255)).astype(np.uint8)
        return self._levels[1]

    def _cutout(self, edges: Edges, colors: Literal["clean", "original"]) -> Picture:
        """The subject. The matte is what was visible, and so already less where the picture is transparent."""
        import numpy as np

        from dis_core.matte.matte import Matte

        if self._picture is None:
            raise BadRequest("there is no image to cut the subject out of", hint="start with --image IMAGE")
        alpha = with_edges(self._alpha, edges)
        if (own := self._picture.alpha) is not None:
            shown = np.minimum(alpha, own)
            alpha = np.divide(shown, own, out=np.zeros_like(shown), where=own > 0)
        return Matte(alpha, model="", picture=self._picture).cutout(colors=colors)


def between(change: Callable[[int], NDArray[np.float32]], distance_px: float) -> NDArray[np.float32]:
    """A change by a distance that lies between two whole numbers of pixels."""
    import numpy as np

    whole = math.floor(distance_px)
    rest = distance_px - whole
    less = change(whole)
    return less if not rest else less * np.float32(1 - rest) + change(whole + 1) * np.float32(rest)
